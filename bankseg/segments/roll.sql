-- The roll: every client with every attribute a rule may read. PMG (definitions 2): the smallest set that brings half of the positive value within a
-- kind is large, the next to 80 % is medium, the rest small.
WITH ranked AS (
    SELECT
        s.*,
        sum(greatest(s.value_12m_minor, 0)) OVER (
            PARTITION BY s.kind ORDER BY s.value_12m_minor DESC NULLS LAST, s.client_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - greatest(s.value_12m_minor, 0) AS value_before,
        sum(greatest(s.value_12m_minor, 0)) OVER (PARTITION BY s.kind) AS value_of_kind
    FROM segmented AS s
)
SELECT
    r.* EXCLUDE (value_before, value_of_kind, churn_reasons, best_reasons, propensities),
    CASE
        WHEN r.value_12m_minor IS NULL THEN NULL
        WHEN r.value_12m_minor <= 0 THEN 'small'
        WHEN r.value_before < 0.5 * r.value_of_kind THEN 'large'
        WHEN r.value_before < 0.8 * r.value_of_kind THEN 'medium'
        ELSE 'small'
    END AS pmg,
    a.* EXCLUDE (client_id),
    d.* EXCLUDE (client_id)
FROM ranked AS r
LEFT JOIN attached AS a ON a.client_id = r.client_id
LEFT JOIN described AS d ON d.client_id = r.client_id
ORDER BY r.client_id
