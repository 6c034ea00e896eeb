-- Campaigns one client was in, contacted or held back for comparison, newest first.
SELECT contacted_on, campaign, product, channel, arm, responded_on, response FROM campaign_contacts WHERE client_id = $client_id ORDER BY contacted_on DESC, campaign_contact_id DESC
