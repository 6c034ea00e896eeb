-- Calls, visits, complaints and messages of one client in the year up to the day, newest first.
SELECT occurred_on, kind, channel, reason, resolved_on, interaction_id FROM interactions
WHERE client_id = $client_id AND occurred_on > $since
ORDER BY occurred_on DESC, interaction_id DESC
