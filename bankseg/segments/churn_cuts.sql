-- The losses from which churn bands begin: quantiles of expected loss (of the propensity itself where no value is known), not of the propensity (definitions 4).
SELECT quantile_cont(loss, 1 - $high_share) AS high, quantile_cont(loss, 1 - $high_share - $medium_share) AS medium
FROM (
    SELECT
        CASE
            WHEN $values_known THEN coalesce(CAST(CAST(round(churn * greatest(value_12m_minor, 0)) AS BIGINT) AS DOUBLE), 0)
            ELSE churn
        END AS loss
    FROM valued
    WHERE churn IS NOT NULL
)
