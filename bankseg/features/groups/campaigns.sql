-- Campaigns the client was in, and how they answered.
SELECT
    client_id,
    count(*) FILTER (WHERE arm = 'treated' AND contacted_on > $after_90d) AS campaign_contacts_90d,
    count(*) FILTER (WHERE arm = 'treated' AND contacted_on > $after_365d) AS campaign_contacts_365d,
    count(*) FILTER (WHERE arm = 'treated' AND responded_on IS NOT NULL) AS campaign_responses,
    date_diff('day', max(contacted_on) FILTER (WHERE arm = 'treated'), $as_of) AS days_since_campaign
FROM campaign_contacts
GROUP BY client_id
