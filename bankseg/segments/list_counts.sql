-- The funnel counted without naming anybody: candidates by the stage that takes them off, and the two arms by outcome and by value tier.
-- `stages` and `arms` are the statements of those names, the latter over `chosen` below; `first` are the best of those whom no stage takes off.
WITH staged AS (
    SELECT client_id, tier, region, churn, propensity, expected_margin_minor, value_12m_minor, removed_by FROM stages
),
chosen AS (
    SELECT * EXCLUDE (removed_by) FROM first
),
drawn AS (
    SELECT outcome, tier, stratum, propensity, expected_margin_minor, value_12m_minor FROM arms
)
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
    count(DISTINCT stratum) AS strata
FROM drawn
GROUP BY GROUPING SETS ((outcome), (tier))
UNION ALL BY NAME
SELECT removed_by AS outcome, FALSE AS is_layer, count(*) AS clients FROM staged WHERE removed_by IS NOT NULL GROUP BY removed_by
UNION ALL BY NAME
SELECT 'size' AS outcome, FALSE AS is_layer, count(*) - $places AS clients FROM staged WHERE removed_by IS NULL HAVING count(*) > $places
