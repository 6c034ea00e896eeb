-- Tier of each client against dated cut points, with hysteresis against the tier published before; RFM digits; expected loss.
WITH cut AS (
    SELECT
        kind,
        max(least) FILTER (WHERE measure = 'value' AND class = 'platinum') AS platinum,
        max(least) FILTER (WHERE measure = 'value' AND class = 'gold') AS gold,
        max(least) FILTER (WHERE measure = 'value' AND class = 'silver') AS silver
    FROM cuts GROUP BY kind
),
placed AS (
    SELECT
        v.*,
        cut.platinum, cut.gold, cut.silver,
        CASE
            WHEN v.value_12m_minor IS NULL THEN 'unknown'
            WHEN v.value_12m_minor < 0 THEN 'negative'
            WHEN v.value_12m_minor >= cut.platinum THEN 'platinum'
            WHEN v.value_12m_minor >= cut.gold THEN 'gold'
            WHEN v.value_12m_minor >= cut.silver THEN 'silver'
            ELSE 'bronze'
        END AS fresh_tier,
        b.tier AS tier_before,
        (SELECT max(CAST(c.class AS INTEGER)) FROM cuts AS c WHERE c.kind = v.kind AND c.measure = 'frequency' AND c.least <= v.active_days_365d)
            AS frequency_score,
        (SELECT max(CAST(c.class AS INTEGER)) FROM cuts AS c WHERE c.kind = v.kind AND c.measure = 'monetary' AND c.least <= v.credit_minor_365d)
            AS turnover_score,
        (SELECT max(CAST(c.class AS INTEGER)) FROM cuts AS c WHERE c.kind = v.kind AND c.measure = 'balance' AND c.least <= v.deposits_mean_12m_minor)
            AS balance_score
    FROM valued AS v
    LEFT JOIN cut ON cut.kind = v.kind
    LEFT JOIN tiers_before AS b ON b.client_id = v.client_id
),
kept AS (
    SELECT
        * EXCLUDE (turnover_score),
        -- Who never moved money is told by the balance (definitions 1).
        CASE WHEN recency_days IS NULL THEN coalesce(balance_score, turnover_score) ELSE turnover_score END AS monetary_score,
        -- A downgrade waits until the value is clearly below the cut of the tier held; an upgrade counts at once.
        fresh_tier <> tier_before AND value_12m_minor >= 0 AND CASE tier_before
            WHEN 'platinum' THEN value_12m_minor >= platinum * (1 - $hysteresis_share)
            WHEN 'gold' THEN fresh_tier IN ('silver', 'bronze') AND value_12m_minor >= gold * (1 - $hysteresis_share)
            WHEN 'silver' THEN fresh_tier = 'bronze' AND value_12m_minor >= silver * (1 - $hysteresis_share)
            ELSE FALSE
        END AS stays
    FROM placed
)
SELECT
    * EXCLUDE (fresh_tier, stays, platinum, gold, silver),
    CASE WHEN coalesce(stays, FALSE) THEN tier_before ELSE fresh_tier END AS tier,
    CASE
        WHEN fresh_tier = 'unknown' THEN 'no margin is known'
        WHEN coalesce(stays, FALSE) THEN 'kept: within the margin below the cut of ' || tier_before
        WHEN fresh_tier = 'negative' THEN 'costs more than it brings'
        WHEN fresh_tier = 'bronze' THEN 'below ' || CAST(CAST(round(silver / 100.0) AS BIGINT) AS VARCHAR)
        ELSE 'at least ' || CAST(CAST(round(CASE fresh_tier WHEN 'platinum' THEN platinum WHEN 'gold' THEN gold ELSE silver END / 100.0) AS BIGINT) AS VARCHAR)
    END AS tier_reason,
    CASE WHEN recency_score IS NOT NULL THEN
        CAST(recency_score AS VARCHAR) || CAST(coalesce(frequency_score, 1) AS VARCHAR) || CAST(coalesce(monetary_score, 1) AS VARCHAR)
    END AS rfm,
    CAST(round(churn * greatest(value_12m_minor, 0)) AS BIGINT) AS expected_loss_minor
FROM kept
