-- The funnel counted in one reading: once by what becomes of the candidates, once by value tier for the two arms.
SELECT
    outcome,
    tier,
    GROUPING(outcome) = 1 AS is_layer,
    count(*) AS clients,
    sum(propensity) AS expected,
    sum(expected_margin_minor)::BIGINT AS margin_minor,
    avg(value_12m_minor) AS mean_value_minor,
    count(*) FILTER (WHERE outcome = 'treated') AS treated,
    count(*) FILTER (WHERE outcome = 'control_group') AS control,
    count(DISTINCT stratum) FILTER (WHERE outcome IN ('treated', 'control_group')) AS strata
FROM placed
GROUP BY GROUPING SETS ((outcome), (tier))
