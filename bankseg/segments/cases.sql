-- The risk team's review queue: every client of the high-risk segment.
SELECT
    CAST($run_id AS INTEGER) AS run_id,
    client_id, rm_id, branch_id,
    CAST(CASE WHEN stage = 3 THEN 3 WHEN stage = 2 OR has_red THEN 2 ELSE 1 END AS INTEGER) AS severity,
    CAST(stage AS INTEGER) AS stage,
    CAST(counted_days_past_due AS INTEGER) AS days_past_due,
    CAST(exposure_minor AS BIGINT) AS exposure_minor,
    risk_triggers AS triggers,
    CAST(least(arrears_since, rejects_since) AS VARCHAR) AS since,
    CASE WHEN stage >= 2 OR has_red THEN $red_due_on ELSE $amber_due_on END AS due_on
FROM segmented
WHERE is_high_risk
ORDER BY severity DESC, exposure_minor DESC, client_id
