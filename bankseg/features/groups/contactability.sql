-- Consents in force: the latest decision for each purpose.
SELECT
    client_id,
    max(CASE WHEN is_granted AND purpose = 'marketing_email' THEN 1 ELSE 0 END) AS consents_email,
    max(CASE WHEN is_granted AND purpose = 'marketing_phone' THEN 1 ELSE 0 END) AS consents_phone,
    max(CASE WHEN is_granted AND purpose = 'marketing_sms' THEN 1 ELSE 0 END) AS consents_sms,
    max(CASE WHEN is_granted AND purpose = 'marketing_post' THEN 1 ELSE 0 END) AS consents_post,
    max(CASE WHEN is_granted AND purpose = 'profiling' THEN 1 ELSE 0 END) AS consents_profiling
FROM (
    SELECT client_id, purpose, arg_max(is_granted, decided_on) AS is_granted FROM consents GROUP BY client_id, purpose
) AS decision
GROUP BY client_id
