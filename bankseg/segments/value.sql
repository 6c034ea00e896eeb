-- Value, activity, risk parts and RFM measures of every client, from the scored snapshot (definitions 1, 2, 5, 6).
WITH banded AS (
    SELECT
        s.* EXCLUDE (status),
        CASE WHEN s.status <> 'prospect' AND (s.open_accounts = 0 OR s.deceased_on IS NOT NULL) THEN 'former' ELSE s.status END AS status,
        now_band.band AS credit_band,
        now_band.rank AS credit_band_rank,
        before_band.rank - now_band.rank AS credit_band_drop,
        coalesce(now_band.pd, $default_pd) AS pd
    FROM scored AS s
    LEFT JOIN credit_bands AS now_band
        ON now_band.source = s.credit_source AND s.credit_score >= now_band.low AND s.credit_score < now_band.below
    LEFT JOIN credit_bands AS before_band
        ON before_band.source = s.credit_source
        AND s.credit_score - s.credit_score_change_90d >= before_band.low AND s.credit_score - s.credit_score_change_90d < before_band.below
),
valued AS (
    SELECT
        b.*,
        CASE
            WHEN b.status <> 'active' OR (b.interest_margin_12m_minor IS NULL AND b.contract_margin_12m_minor IS NULL) THEN NULL
            ELSE coalesce(b.interest_margin_12m_minor, 0) + coalesce(b.contract_margin_12m_minor, 0) + coalesce(b.fees_12m_minor, 0)
                - coalesce(b.account_cost_12m_minor, 0) - coalesce(b.service_cost_12m_minor, 0)
                - CAST(round(b.pd * $given_default * coalesce(b.exposure_minor, 0)) AS BIGINT)
        END AS value_12m_minor,
        CASE
            WHEN coalesce(b.arrears_minor, 0) >= CASE WHEN b.kind = 'individual' THEN $arrears_floor_individual_minor ELSE $arrears_floor_other_minor END
                AND coalesce(b.arrears_minor, 0) >= $arrears_floor_share * coalesce(b.exposure_minor, 0) THEN b.days_past_due
            WHEN b.days_past_due IS NULL THEN NULL
            ELSE 0
        END AS counted_days_past_due,
        b.instalments_minor_90d / nullif(b.income_90d_minor, 0) AS debt_service_ratio,
        CASE
            WHEN b.status <> 'active' THEN NULL
            WHEN b.recency_days IS NULL THEN CASE WHEN $has_transactions AND b.open_accounts > 0 THEN 'inactive' END
            WHEN b.recency_days > $inactive_after_days THEN 'inactive'
            WHEN b.recency_days > $dormant_after_days THEN 'dormant'
            WHEN b.recency_days > $lapsing_after_days THEN 'lapsing'
            WHEN b.counted_pace_90d <= $slowing_pace THEN 'slowing'
            ELSE 'active'
        END AS activity
    FROM banded AS b
)
SELECT
    *,
    CASE WHEN counted_days_past_due > $stage_3_days THEN 3 WHEN counted_days_past_due > $stage_2_days OR is_forborne = 1 THEN 2 ELSE 1 END AS stage,
    CASE
        WHEN NOT $has_transactions OR status <> 'active' THEN NULL
        WHEN recency_days IS NULL THEN 1
        WHEN recency_days <= $recency_5 THEN 5 WHEN recency_days <= $recency_4 THEN 4
        WHEN recency_days <= $recency_3 THEN 3 WHEN recency_days <= $recency_2 THEN 2
        ELSE 1
    END AS recency_score
FROM valued
