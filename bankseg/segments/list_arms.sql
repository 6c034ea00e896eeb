-- Those chosen for a list, laid in strata of tier, decile of churn and region, and drawn: the control group, or contact.
-- `chosen` is one row per client whom no stage takes off and for whom there is room.
WITH layered AS (
    SELECT *, CASE WHEN churn IS NOT NULL THEN ntile(10) OVER (PARTITION BY churn IS NULL ORDER BY churn, client_id) END AS decile
    FROM chosen
),
strata AS (
    SELECT tier, decile, region, stratum, row_number() OVER (ORDER BY sha256(stratum || ':' || $list_key || ':' || $salt), stratum) AS turn
    FROM (SELECT DISTINCT tier, decile, region, tier || '/' || coalesce(decile::VARCHAR, 'unknown') || '/' || region AS stratum FROM layered)
),
drawn AS (
    -- The strata lie one after the other and each in the order of its hashes, of which 60 bits are compared, so that every tenth client of this row is a tenth of each stratum.
    SELECT
        n.*,
        t.stratum,
        row_number() OVER (ORDER BY t.turn, ('0x' || left(sha256(n.client_id || ':' || $list_key || ':' || $salt), 15))::BIGINT, n.client_id) AS draw
    FROM layered AS n
    JOIN strata AS t ON t.tier = n.tier AND t.region = n.region AND t.decile IS NOT DISTINCT FROM n.decile
)
SELECT
    * EXCLUDE (draw),
    CASE WHEN (draw * $control_share + 5000) // 10000 > ((draw - 1) * $control_share + 5000) // 10000 THEN 'control_group' ELSE 'treated' END AS outcome
FROM drawn
