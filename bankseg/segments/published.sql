-- The published row of each client.
SELECT
    CAST($run_id AS INTEGER) AS run_id,
    client_id, name, kind, status, city, branch_id, rm_id,
    CAST(joined_on AS VARCHAR) AS joined_on,
    $currency AS currency,
    CAST(balance_minor AS BIGINT) AS balance_minor,
    CAST(debt_minor AS BIGINT) AS debt_minor,
    CAST(value_12m_minor AS BIGINT) AS value_12m_minor,
    $value_is_approximate AS value_is_approximate,
    tier, tier_reason, activity, rfm,
    CAST(churn AS DOUBLE) AS churn,
    churn_target, churn_band, churn_reasons,
    expected_loss_minor,
    best_product, best_propensity, best_margin_minor, best_reasons,
    CAST(credit_score AS DOUBLE) AS credit_score,
    credit_source, risk_band, risk_triggers, is_high_risk, is_vulnerable,
    segment,
    g.reason AS segment_reason,
    g.action AS action,
    trim(concat_ws(' ',
        CASE WHEN consents_email = 1 THEN 'marketing_email' END, CASE WHEN consents_phone = 1 THEN 'marketing_phone' END,
        CASE WHEN consents_sms = 1 THEN 'marketing_sms' END, CASE WHEN consents_post = 1 THEN 'marketing_post' END)) AS consent_purposes,
    preferred_contact AS preferred_channel,
    CAST(last_interaction_on AS VARCHAR) AS last_interaction_on,
    propensities
FROM segmented
LEFT JOIN scheme AS g ON g.code = segmented.segment
ORDER BY client_id
