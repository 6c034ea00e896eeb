-- One client's standing answer on each purpose: the latest one, its proof, and the day since which it has been the same.
WITH answers AS (
    SELECT purpose, decided_on, is_granted, proof, lag(is_granted) OVER (PARTITION BY purpose ORDER BY decided_on) AS granted_before
    FROM consents
    WHERE client_id = $client_id
)
SELECT
    purpose,
    arg_max(is_granted, decided_on) AS is_granted,
    max(decided_on) AS decided_on,
    arg_max(coalesce(proof, ''), decided_on) AS proof,
    max(decided_on) FILTER (WHERE granted_before IS NULL OR is_granted <> granted_before) AS since
FROM answers
GROUP BY purpose
ORDER BY purpose
