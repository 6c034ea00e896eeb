-- Those chosen for a list, laid in strata of tier, decile of churn and region, and drawn: the control group, or contact.
-- `chosen` is one row per client whom no stage takes off and for whom there is room.
WITH layered AS (
    SELECT *, CASE WHEN churn IS NOT NULL THEN ntile(10) OVER (PARTITION BY churn IS NULL ORDER BY churn, client_id) END AS decile
    FROM chosen
),
named AS (
    SELECT *, tier || '/' || coalesce(decile::VARCHAR, 'unknown') || '/' || region AS stratum FROM layered
),
strata AS (
    SELECT stratum, row_number() OVER (ORDER BY sha256(stratum || ':' || $list_key || ':' || $salt), stratum) AS turn
    FROM (SELECT DISTINCT stratum FROM named)
),
drawn AS (
    -- The strata lie one after the other and each in the order of its hashes, so that every tenth client of this row is a tenth of each stratum.
    SELECT n.*, row_number() OVER (ORDER BY t.turn, sha256(n.client_id || ':' || $list_key || ':' || $salt), n.client_id) AS draw
    FROM named AS n
    JOIN strata AS t ON t.stratum = n.stratum
)
SELECT
    * EXCLUDE (draw),
    CASE WHEN (draw * $control_share + 5000) // 10000 > ((draw - 1) * $control_share + 5000) // 10000 THEN 'control_group' ELSE 'treated' END AS outcome
FROM drawn
