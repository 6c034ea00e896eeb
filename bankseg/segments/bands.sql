-- Churn bands: quantiles of expected loss (of the propensity itself where no value is known), not of the propensity (definitions 4).
WITH basis AS (
    SELECT client_id, CASE WHEN $values_known THEN coalesce(CAST(expected_loss_minor AS DOUBLE), 0) ELSE churn END AS loss
    FROM tiered WHERE churn IS NOT NULL
),
cut AS (
    SELECT quantile_cont(loss, 1 - $high_share) AS high, quantile_cont(loss, 1 - $high_share - $medium_share) AS medium FROM basis
)
SELECT
    t.*,
    CASE
        WHEN b.client_id IS NULL THEN 'not_scored'
        WHEN b.loss > 0 AND b.loss >= cut.high THEN 'high'
        WHEN b.loss > 0 AND b.loss >= cut.medium THEN 'medium'
        ELSE 'low'
    END AS churn_band
FROM tiered AS t
LEFT JOIN basis AS b ON b.client_id = t.client_id
CROSS JOIN cut
