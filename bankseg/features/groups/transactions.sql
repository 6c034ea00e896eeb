-- What the client does: client-initiated movements only (definitions 1), reduced to disjoint windows first, then rolled up.
WITH t AS (
    SELECT
        client_id,
        booked_on,
        amount_minor,
        type,
        channel,
        type NOT IN ('fee', 'interest', 'internal_transfer', 'reversal', 'rejected_debit') AS is_counted,
        CASE
            WHEN booked_on > $after_30d THEN 0 WHEN booked_on > $after_90d THEN 1
            WHEN booked_on > $after_180d THEN 2 WHEN booked_on > $after_365d THEN 3 ELSE 4
        END AS window_rank,
        $as_of_month - (year(booked_on) * 12 + month(booked_on) - 1) AS months_ago
    FROM transactions
),
parts AS (
    SELECT
        client_id,
        window_rank,
        count(*) FILTER (WHERE is_counted) AS counted,
        count(*) FILTER (WHERE is_counted AND amount_minor > 0) AS credits,
        sum(amount_minor) FILTER (WHERE is_counted AND amount_minor > 0) AS credit_minor,
        count(*) FILTER (WHERE is_counted AND amount_minor < 0) AS debits,
        sum(amount_minor) FILTER (WHERE is_counted AND amount_minor < 0) AS debit_minor,
        max(booked_on) FILTER (WHERE is_counted) AS last_counted_on,
        max(booked_on) FILTER (WHERE is_counted AND amount_minor > 0) AS last_credit_on,
        bit_or(CASE WHEN is_counted AND months_ago BETWEEN 0 AND 11 THEN 1 << months_ago ELSE 0 END) AS month_mask,
        count(*) FILTER (WHERE is_counted AND channel = 'mobile') AS mobile,
        count(*) FILTER (WHERE is_counted AND channel = 'web') AS web,
        count(*) FILTER (WHERE is_counted AND channel = 'branch') AS branch,
        count(*) FILTER (WHERE is_counted AND channel = 'atm') AS atm,
        count(*) FILTER (WHERE is_counted AND channel IS NOT NULL) AS with_channel,
        count(*) FILTER (WHERE type = 'card_purchase') AS card_purchases,
        sum(amount_minor) FILTER (WHERE type = 'card_purchase') AS card_minor,
        sum(amount_minor) FILTER (WHERE type = 'cash_withdrawal') AS cash_minor,
        sum(amount_minor) FILTER (WHERE type = 'transfer_out') AS transfer_out_minor,
        sum(amount_minor) FILTER (WHERE type = 'transfer_in') AS transfer_in_minor,
        sum(amount_minor) FILTER (WHERE type IN ('direct_debit', 'standing_order')) AS recurring_minor,
        count(*) FILTER (WHERE type IN ('direct_debit', 'standing_order')) AS recurring,
        sum(amount_minor) FILTER (WHERE type = 'internal_transfer') AS internal_minor,
        sum(amount_minor) FILTER (WHERE type = 'fee') AS fee_minor,
        sum(amount_minor) FILTER (WHERE type = 'loan_payment') AS loan_payment_minor,
        count(*) FILTER (WHERE type = 'rejected_debit') AS rejected,
        min(amount_minor) FILTER (WHERE type = 'transfer_out') AS largest_transfer_out_minor
    FROM t
    GROUP BY client_id, window_rank
),
rolled AS (
    SELECT
        client_id,
        date_diff('day', max(last_counted_on), $as_of) AS recency_days,
        date_diff('day', max(last_credit_on), $as_of) AS days_since_credit,
        bit_count(bit_or(month_mask)) AS active_months_12m,
        coalesce(sum(counted) FILTER (WHERE window_rank <= each_window), 0) AS counted__each_window,
        coalesce(sum(credits) FILTER (WHERE window_rank <= each_window), 0) AS credits__each_window,
        coalesce(sum(credit_minor) FILTER (WHERE window_rank <= each_window), 0) AS credit_minor__each_window,
        coalesce(sum(debits) FILTER (WHERE window_rank <= each_window), 0) AS debits__each_window,
        coalesce(-sum(debit_minor) FILTER (WHERE window_rank <= each_window), 0) AS debit_minor__each_window,
        coalesce(sum(rejected) FILTER (WHERE window_rank <= each_window), 0) AS rejected_debits__each_window,
        coalesce(-sum(transfer_out_minor) FILTER (WHERE window_rank <= each_window), 0) AS transfer_out_minor__each_window,
        coalesce(sum(card_purchases) FILTER (WHERE window_rank <= each_window), 0) AS card_purchases__each_window,
        coalesce(sum(mobile + web) FILTER (WHERE window_rank <= 3), 0) AS digital_365d,
        coalesce(sum(mobile + web) FILTER (WHERE window_rank <= 1), 0) AS digital_90d,
        coalesce(sum(branch) FILTER (WHERE window_rank <= 3), 0) AS branch_365d,
        coalesce(sum(atm) FILTER (WHERE window_rank <= 3), 0) AS atm_365d,
        nullif(sum(with_channel) FILTER (WHERE window_rank <= 3), 0) AS with_channel_365d,
        nullif(sum(with_channel) FILTER (WHERE window_rank <= 1), 0) AS with_channel_90d,
        coalesce(-sum(card_minor) FILTER (WHERE window_rank <= 3), 0) AS card_minor_365d,
        coalesce(-sum(cash_minor) FILTER (WHERE window_rank <= 3), 0) AS cash_minor_365d,
        coalesce(sum(transfer_in_minor) FILTER (WHERE window_rank <= 1), 0) AS transfer_in_minor_90d,
        coalesce(-sum(recurring_minor) FILTER (WHERE window_rank <= 1), 0) AS recurring_minor_90d,
        coalesce(sum(recurring) FILTER (WHERE window_rank <= 1), 0) AS recurring_90d,
        coalesce(sum(recurring) FILTER (WHERE window_rank <= 3), 0) AS recurring_365d,
        coalesce(sum(internal_minor) FILTER (WHERE window_rank <= 1), 0) AS internal_minor_90d,
        coalesce(-sum(fee_minor) FILTER (WHERE window_rank <= 3), 0) AS fee_minor_365d,
        coalesce(-sum(loan_payment_minor) FILTER (WHERE window_rank <= 1), 0) AS loan_payment_minor_90d,
        -min(largest_transfer_out_minor) FILTER (WHERE window_rank <= 1) AS largest_transfer_out_90d_minor
    FROM parts
    GROUP BY client_id
),
days AS (
    SELECT DISTINCT client_id, booked_on, window_rank FROM t WHERE is_counted AND window_rank <= 3
),
active AS (
    SELECT client_id, count(*) FILTER (WHERE window_rank <= each_window) AS active_days__each_window
    FROM days GROUP BY client_id
),
gaps AS (
    SELECT client_id, max(gap_days) AS longest_gap_days, avg(gap_days) AS mean_gap_days
    FROM (
        SELECT client_id, date_diff('day', lag(booked_on) OVER (PARTITION BY client_id ORDER BY booked_on), booked_on) AS gap_days FROM days
    ) AS between_days
    GROUP BY client_id
)
SELECT
    r.*,
    a.active_days__each_window,
    g.longest_gap_days,
    g.mean_gap_days,
    r.recency_days / nullif(g.mean_gap_days, 0) AS recency_in_gaps,
    r.counted_90d * 365 / nullif(r.counted_365d * 90.0, 0) AS counted_pace_90d,
    r.counted_30d * 90 / nullif(r.counted_90d * 30.0, 0) AS counted_pace_30d,
    r.credit_minor_90d * 365 / nullif(r.credit_minor_365d * 90.0, 0) AS credit_pace_90d,
    r.credit_minor_30d * 90 / nullif(r.credit_minor_90d * 30.0, 0) AS credit_pace_30d,
    r.debit_minor_90d * 365 / nullif(r.debit_minor_365d * 90.0, 0) AS debit_pace_90d,
    r.card_purchases_90d * 365 / nullif(r.card_purchases_365d * 90.0, 0) AS card_pace_90d,
    r.transfer_out_minor_90d * 365 / nullif(r.transfer_out_minor_365d * 90.0, 0) AS transfer_out_pace_90d,
    r.recurring_90d * 365 / nullif(r.recurring_365d * 90.0, 0) AS recurring_pace_90d,
    r.debit_minor_90d / nullif(r.credit_minor_90d, 0) AS spend_ratio_90d,
    r.cash_minor_365d / nullif(r.debit_minor_365d, 0) AS cash_share_365d,
    r.digital_365d / r.with_channel_365d AS digital_share_365d,
    r.digital_90d / r.with_channel_90d AS digital_share_90d,
    r.branch_365d / r.with_channel_365d AS branch_share_365d,
    r.atm_365d / r.with_channel_365d AS atm_share_365d,
    r.credit_minor_365d / nullif(r.credits_365d, 0) AS mean_credit_minor_365d,
    r.debit_minor_365d / nullif(r.debits_365d, 0) AS mean_debit_minor_365d
FROM rolled AS r
LEFT JOIN active AS a ON a.client_id = r.client_id
LEFT JOIN gaps AS g ON g.client_id = r.client_id
