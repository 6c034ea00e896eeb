-- Churn bands: by the loss expected of each client against the cuts of everybody's (definitions 4).
WITH losing AS (
    SELECT
        *,
        CASE WHEN churn IS NULL THEN NULL WHEN $values_known THEN coalesce(CAST(expected_loss_minor AS DOUBLE), 0) ELSE churn END AS loss
    FROM tiered
)
SELECT
    * EXCLUDE (loss),
    CASE
        WHEN loss IS NULL THEN 'not_scored'
        WHEN loss > 0 AND loss >= $high THEN 'high'
        WHEN loss > 0 AND loss >= $medium THEN 'medium'
        ELSE 'low'
    END AS churn_band
FROM losing
