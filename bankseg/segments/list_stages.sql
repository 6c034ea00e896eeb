-- Every candidate of a list with the first stage that takes them off; null for those whom none does. The order of the stages is that of list_terms.STAGES.
-- `subject` is one row per candidate as the rules of the list read the roll, `contacted` those whom another list contacts too shortly before.
WITH judged AS (
    SELECT
        s.*,
        CASE
            WHEN s.consents AND (s.has_proof OR $purpose <> 'marketing_phone') THEN 'consent'
            WHEN $purpose = 'marketing_phone' AND s.contract IS NOT NULL THEN 'contract'
        END AS legal_basis,
        r.client_id IS NOT NULL AS is_on_another_list
    FROM subject AS s
    LEFT JOIN contacted AS r ON r.client_id = s.client_id
)
SELECT
    * EXCLUDE (global_draw, has_proof),
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
        WHEN global_draw < $global_share THEN 'global_control'
    END AS removed_by
FROM judged
