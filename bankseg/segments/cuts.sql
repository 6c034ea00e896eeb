-- Cut points of tiers and RFM quintiles on this population, by kind of client: least value of each class.
WITH clients AS (
    SELECT kind, value_12m_minor, active_days_365d, credit_minor_365d, deposits_mean_12m_minor FROM valued WHERE status = 'active'
),
tier_cuts AS (
    SELECT kind, 'value' AS measure, unnest(['platinum', 'gold', 'silver']) AS class,
        -- Counted from the top, so that the share is met and not passed by one client.
        unnest([-quantile_disc(-value_12m_minor, $platinum_share), -quantile_disc(-value_12m_minor, $platinum_share + $gold_share),
            -quantile_disc(-value_12m_minor, $platinum_share + $gold_share + $silver_share)]) AS least
    FROM clients WHERE value_12m_minor IS NOT NULL GROUP BY kind
),
measures AS (
    SELECT kind, 'frequency' AS measure, CAST(active_days_365d AS BIGINT) AS amount FROM clients WHERE active_days_365d IS NOT NULL
    UNION ALL
    SELECT kind, 'monetary' AS measure, CAST(credit_minor_365d AS BIGINT) AS amount FROM clients WHERE credit_minor_365d IS NOT NULL
    UNION ALL
    SELECT kind, 'balance' AS measure, CAST(deposits_mean_12m_minor AS BIGINT) AS amount FROM clients WHERE deposits_mean_12m_minor IS NOT NULL
),
ranked AS (
    SELECT
        kind, measure, amount,
        rank() OVER (PARTITION BY kind, measure ORDER BY amount) + (count(*) OVER (PARTITION BY kind, measure, amount) - 1) / 2.0 AS middle_rank,
        count(*) OVER (PARTITION BY kind, measure) AS n
    FROM measures
),
quintiles AS (
    SELECT kind, measure, amount, CAST(ceil(5 * (middle_rank - 0.5) / n) AS INTEGER) AS score FROM ranked
)
SELECT kind, measure, class, CAST(least AS BIGINT) AS least FROM tier_cuts
UNION ALL
SELECT kind, measure, CAST(score AS VARCHAR) AS class, min(amount) AS least FROM quintiles GROUP BY kind, measure, score
ORDER BY kind, measure, class
