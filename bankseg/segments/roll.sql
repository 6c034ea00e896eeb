-- The roll: every client with every attribute a rule may read. PMG (definitions 2): the smallest set that brings half of the positive value within a
-- kind is large, the next to 80 % is medium, the rest small. `segmented` holds what was worked out of a client, `beside` the scores it was not needed for.
WITH ranked AS (
    SELECT
        client_id,
        value_12m_minor,
        sum(greatest(value_12m_minor, 0)) OVER (
            PARTITION BY kind ORDER BY value_12m_minor DESC NULLS LAST, client_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - greatest(value_12m_minor, 0) AS value_before,
        sum(greatest(value_12m_minor, 0)) OVER (PARTITION BY kind) AS value_of_kind
    FROM segmented
)
SELECT
    s.* EXCLUDE (churn_reasons, best_reasons, propensities),
    b.* EXCLUDE (client_id),
    CASE
        WHEN r.value_12m_minor IS NULL THEN NULL
        WHEN r.value_12m_minor <= 0 THEN 'small'
        WHEN r.value_before < 0.5 * r.value_of_kind THEN 'large'
        WHEN r.value_before < 0.8 * r.value_of_kind THEN 'medium'
        ELSE 'small'
    END AS pmg,
    a.* EXCLUDE (client_id),
    d.* EXCLUDE (client_id)
FROM beside AS b
JOIN segmented AS s ON s.client_id = b.client_id
JOIN ranked AS r ON r.client_id = b.client_id
LEFT JOIN attached AS a ON a.client_id = b.client_id
LEFT JOIN described AS d ON d.client_id = b.client_id
ORDER BY b.client_id
