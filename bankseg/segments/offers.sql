-- One row per client and product the client is eligible for, with what bars a contact, the first that applies.
-- The margin to expect is that of the smoothed propensity, (n p + k p0) / (n + k), as for the next best product.
SELECT
    CAST($run_id AS INTEGER) AS run_id,
    o.client_id,
    o.product,
    s.rm_id,
    s.branch_id,
    o.propensity,
    CAST(round(
        m.margin_minor * coalesce((m.judged_on * o.propensity + $smoothing_clients * m.base_rate) / (m.judged_on + $smoothing_clients), o.propensity)
    ) AS BIGINT) AS expected_margin_minor,
    CASE WHEN s.best_product = o.product THEN s.best_reasons ELSE '[]' END AS reasons,
    CASE
        WHEN s.is_vulnerable THEN 'vulnerable'
        WHEN s.is_high_risk AND p.nature = 'credit' THEN 'risk'
        WHEN coalesce(s.consents_email, 0) + coalesce(s.consents_phone, 0) + coalesce(s.consents_sms, 0) + coalesce(s.consents_post, 0) = 0 THEN 'consent'
        WHEN s.days_since_campaign < $least_days_between_contacts THEN 'contact_policy'
    END AS excluded_by
FROM offers AS o
JOIN segmented AS s ON s.client_id = o.client_id
JOIN margins AS m ON m.product = o.product
LEFT JOIN products AS p ON p.product = o.product
ORDER BY o.product, o.client_id
