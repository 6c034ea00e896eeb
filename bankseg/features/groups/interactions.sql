-- How the client and the bank spoke: calls, visits, complaints.
SELECT
    client_id,
    date_diff('day', max(occurred_on), $as_of) AS days_since_interaction,
    count(*) FILTER (WHERE occurred_on > $after_90d) AS interactions_90d,
    count(*) FILTER (WHERE occurred_on > $after_365d) AS interactions_365d,
    count(*) FILTER (WHERE kind = 'complaint' AND occurred_on > $after_30d) AS complaints_30d,
    count(*) FILTER (WHERE kind = 'complaint' AND occurred_on > $after_90d) AS complaints_90d,
    count(*) FILTER (WHERE kind = 'complaint' AND occurred_on > $after_180d) AS complaints_180d,
    count(*) FILTER (WHERE kind = 'complaint' AND occurred_on > $after_365d) AS complaints_365d,
    count(*) FILTER (WHERE kind = 'complaint' AND resolved_on IS NULL AND occurred_on > $after_365d) AS open_complaints,
    date_diff('day', max(occurred_on) FILTER (WHERE kind = 'complaint'), $as_of) AS days_since_complaint,
    count(*) FILTER (WHERE kind = 'visit' AND occurred_on > $after_180d) AS visits_180d,
    count(*) FILTER (WHERE kind = 'call' AND occurred_on > $after_180d) AS calls_180d,
    count(*) FILTER (WHERE kind = 'service_request' AND occurred_on > $after_180d) AS service_requests_180d,
    count(*) FILTER (WHERE reason = each_product AND occurred_on > $after_90d) AS asked_90d__each_product
FROM interactions
GROUP BY client_id
