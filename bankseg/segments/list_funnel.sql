-- Every candidate of a list with what becomes of them: the first stage that takes them off, the control group, or contact.
-- `subject` is one row per candidate as the rules of the list read the roll. The order of the stages is that of list_terms.STAGES.
WITH judged AS (
    SELECT
        s.*,
        o.expected_margin_minor,
        p.proof,
        p.decided_on AS consented_on,
        CASE
            WHEN s.consents AND (p.proof IS NOT NULL OR $purpose <> 'marketing_phone') THEN 'consent'
            WHEN $purpose = 'marketing_phone' AND s.contract IS NOT NULL THEN 'contract'
        END AS legal_basis,
        r.client_id IS NOT NULL AS is_on_another_list
    FROM subject AS s
    LEFT JOIN (SELECT client_id, expected_margin_minor FROM read_parquet($offers) WHERE product = $product) AS o ON o.client_id = s.client_id
    LEFT JOIN (SELECT client_id, proof, decided_on FROM read_parquet($proofs) WHERE purpose = $purpose) AS p ON p.client_id = s.client_id
    LEFT JOIN (SELECT DISTINCT client_id FROM read_parquet($contacted) WHERE arm = 'treated') AS r ON r.client_id = s.client_id
),
staged AS (
    SELECT
        *,
        CASE
            WHEN list_contains($objecting, client_id) THEN 'objection'
            WHEN propensity IS NULL THEN 'eligibility'
            WHEN is_unsuitable THEN 'suitability'
            WHEN propensity < $least_propensity THEN 'below_probability'
            WHEN $least_margin_minor > 0 AND (expected_margin_minor IS NULL OR expected_margin_minor < $least_margin_minor) THEN 'below_margin'
            WHEN legal_basis IS NULL AND NOT consents THEN 'consent'
            WHEN legal_basis IS NULL THEN 'legal_basis'
            WHEN is_on_another_list OR days_since_campaign < $least_days_between_contacts THEN 'contact_policy'
            WHEN $is_credit AND (is_high_risk OR list_contains($restricted, client_id)) THEN 'risk'
            WHEN is_vulnerable THEN 'vulnerable'
            WHEN ('0x' || left(sha256(client_id || ':global:' || $global_salt), 12))::BIGINT % 10000 < $global_share THEN 'global_control'
        END AS removed_by
    FROM judged
),
-- Only those whom no stage takes off are ranked, laid in strata and drawn: sorting and hashing everybody would cost ten times the rest.
ranked AS (
    SELECT *, row_number() OVER (ORDER BY expected_margin_minor DESC NULLS LAST, propensity DESC, client_id) AS place
    FROM staged
    WHERE removed_by IS NULL
),
layered AS (
    SELECT
        * EXCLUDE (removed_by),
        CASE WHEN churn IS NOT NULL THEN ntile(10) OVER (PARTITION BY churn IS NULL ORDER BY churn, client_id) END AS decile
    FROM ranked
    WHERE NOT coalesce(place > $places, FALSE)
),
named AS (
    SELECT *, tier || '/' || coalesce(decile::VARCHAR, 'unknown') || '/' || region AS stratum FROM layered
),
drawn AS (
    -- The strata lie one after the other and each in the order of its hashes, so that every tenth client of this row is a tenth of each stratum.
    SELECT
        *,
        row_number() OVER (
            ORDER BY
                sha256(stratum || ':' || $list_key || ':' || $salt),
                stratum,
                sha256(client_id || ':' || $list_key || ':' || $salt),
                client_id
        ) AS draw
    FROM named
)
SELECT
    * EXCLUDE (draw),
    CASE WHEN (draw * $control_share + 5000) // 10000 > ((draw - 1) * $control_share + 5000) // 10000 THEN 'control_group' ELSE 'treated' END AS outcome
FROM drawn
UNION ALL BY NAME
SELECT * EXCLUDE (removed_by), 'size' AS outcome FROM ranked WHERE place > $places
UNION ALL BY NAME
SELECT
    * EXCLUDE (removed_by),
    row_number() OVER (ORDER BY expected_margin_minor DESC NULLS LAST, propensity DESC, client_id) AS place,
    removed_by AS outcome
FROM staged
WHERE removed_by IS NOT NULL
