-- What the client does: client-initiated movements only (definitions 1), reduced to disjoint windows of the last year first, then rolled up.
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
    WHERE window_rank <= 3
    GROUP BY client_id, window_rank
),
-- What reaches back beyond the last year is only when a client was last seen.
before AS (
    SELECT
        client_id,
        max(booked_on) FILTER (WHERE is_counted) AS last_counted_on,
        max(booked_on) FILTER (WHERE is_counted AND amount_minor > 0) AS last_credit_on
    FROM t
    WHERE window_rank = 4
    GROUP BY client_id
),
rolled AS (
    SELECT
        client_id,
        sum(counted) FILTER (WHERE window_rank <= each_window) AS counted__each_window,
        sum(credits) FILTER (WHERE window_rank <= each_window) AS credits__each_window,
        sum(credit_minor) FILTER (WHERE window_rank <= each_window) AS credit_minor__each_window,
        sum(debits) FILTER (WHERE window_rank <= each_window) AS debits__each_window,
        sum(debit_minor) FILTER (WHERE window_rank <= each_window) AS debit_minor__each_window,
        sum(rejected) FILTER (WHERE window_rank <= each_window) AS rejected_debits__each_window,
        sum(transfer_out_minor) FILTER (WHERE window_rank <= each_window) AS transfer_out_minor__each_window,
        sum(card_purchases) FILTER (WHERE window_rank <= each_window) AS card_purchases__each_window,
        sum(mobile + web) AS digital_365d,
        sum(mobile + web) FILTER (WHERE window_rank <= 1) AS digital_90d,
        sum(branch) AS branch_365d,
        sum(atm) AS atm_365d,
        sum(with_channel) AS with_channel_365d,
        sum(with_channel) FILTER (WHERE window_rank <= 1) AS with_channel_90d,
        sum(card_minor) AS card_minor_365d,
        sum(cash_minor) AS cash_minor_365d,
        sum(transfer_in_minor) FILTER (WHERE window_rank <= 1) AS transfer_in_minor_90d,
        sum(recurring_minor) FILTER (WHERE window_rank <= 1) AS recurring_minor_90d,
        sum(recurring) FILTER (WHERE window_rank <= 1) AS recurring_90d,
        sum(recurring) AS recurring_365d,
        sum(internal_minor) FILTER (WHERE window_rank <= 1) AS internal_minor_90d,
        sum(fee_minor) AS fee_minor_365d,
        sum(loan_payment_minor) FILTER (WHERE window_rank <= 1) AS loan_payment_minor_90d,
        min(largest_transfer_out_minor) FILTER (WHERE window_rank <= 1) AS largest_transfer_out_minor,
        max(last_counted_on) AS last_counted_on,
        max(last_credit_on) AS last_credit_on
    FROM parts
    GROUP BY client_id
),
days AS (
    SELECT DISTINCT client_id, booked_on, window_rank, months_ago FROM t WHERE is_counted AND (window_rank <= 3 OR months_ago <= 11)
),
months AS (
    SELECT client_id, bit_or(1 << months_ago) AS month_mask FROM days WHERE months_ago <= 11 GROUP BY client_id
),
active AS (
    SELECT client_id, count(*) FILTER (WHERE window_rank <= each_window) AS active_days__each_window
    FROM days
    WHERE window_rank <= 3
    GROUP BY client_id
),
between_days AS (
    SELECT client_id, date_diff('day', lag(booked_on) OVER (PARTITION BY client_id ORDER BY booked_on), booked_on) AS gap_days
    FROM days
    WHERE window_rank <= 3
),
gaps AS (
    SELECT client_id, max(gap_days) AS longest_gap_days, avg(gap_days) AS mean_gap_days FROM between_days GROUP BY client_id
),
filled AS (
    SELECT
        coalesce(r.client_id, b.client_id) AS client_id,
        date_diff('day', coalesce(r.last_counted_on, b.last_counted_on), $as_of) AS recency_days,
        date_diff('day', coalesce(r.last_credit_on, b.last_credit_on), $as_of) AS days_since_credit,
        coalesce(bit_count(m.month_mask), 0) AS active_months_12m,
        coalesce(r.counted__each_window, 0) AS counted__each_window,
        coalesce(r.credits__each_window, 0) AS credits__each_window,
        coalesce(r.credit_minor__each_window, 0) AS credit_minor__each_window,
        coalesce(r.debits__each_window, 0) AS debits__each_window,
        coalesce(-r.debit_minor__each_window, 0) AS debit_minor__each_window,
        coalesce(r.rejected_debits__each_window, 0) AS rejected_debits__each_window,
        coalesce(-r.transfer_out_minor__each_window, 0) AS transfer_out_minor__each_window,
        coalesce(r.card_purchases__each_window, 0) AS card_purchases__each_window,
        coalesce(r.digital_365d, 0) AS digital_365d,
        coalesce(r.digital_90d, 0) AS digital_90d,
        coalesce(r.branch_365d, 0) AS branch_365d,
        coalesce(r.atm_365d, 0) AS atm_365d,
        nullif(r.with_channel_365d, 0) AS with_channel_365d,
        nullif(r.with_channel_90d, 0) AS with_channel_90d,
        coalesce(-r.card_minor_365d, 0) AS card_minor_365d,
        coalesce(-r.cash_minor_365d, 0) AS cash_minor_365d,
        coalesce(r.transfer_in_minor_90d, 0) AS transfer_in_minor_90d,
        coalesce(-r.recurring_minor_90d, 0) AS recurring_minor_90d,
        coalesce(r.recurring_90d, 0) AS recurring_90d,
        coalesce(r.recurring_365d, 0) AS recurring_365d,
        coalesce(r.internal_minor_90d, 0) AS internal_minor_90d,
        coalesce(-r.fee_minor_365d, 0) AS fee_minor_365d,
        coalesce(-r.loan_payment_minor_90d, 0) AS loan_payment_minor_90d,
        -r.largest_transfer_out_minor AS largest_transfer_out_90d_minor,
        a.active_days__each_window,
        g.longest_gap_days,
        g.mean_gap_days
    FROM rolled AS r
    FULL JOIN before AS b ON b.client_id = r.client_id
    LEFT JOIN months AS m ON m.client_id = coalesce(r.client_id, b.client_id)
    LEFT JOIN active AS a ON a.client_id = r.client_id
    LEFT JOIN gaps AS g ON g.client_id = r.client_id
)
SELECT
    f.*,
    f.recency_days / nullif(f.mean_gap_days, 0) AS recency_in_gaps,
    f.counted_90d * 365 / nullif(f.counted_365d * 90.0, 0) AS counted_pace_90d,
    f.counted_30d * 90 / nullif(f.counted_90d * 30.0, 0) AS counted_pace_30d,
    f.credit_minor_90d * 365 / nullif(f.credit_minor_365d * 90.0, 0) AS credit_pace_90d,
    f.credit_minor_30d * 90 / nullif(f.credit_minor_90d * 30.0, 0) AS credit_pace_30d,
    f.debit_minor_90d * 365 / nullif(f.debit_minor_365d * 90.0, 0) AS debit_pace_90d,
    f.card_purchases_90d * 365 / nullif(f.card_purchases_365d * 90.0, 0) AS card_pace_90d,
    f.transfer_out_minor_90d * 365 / nullif(f.transfer_out_minor_365d * 90.0, 0) AS transfer_out_pace_90d,
    f.recurring_90d * 365 / nullif(f.recurring_365d * 90.0, 0) AS recurring_pace_90d,
    f.debit_minor_90d / nullif(f.credit_minor_90d, 0) AS spend_ratio_90d,
    f.cash_minor_365d / nullif(f.debit_minor_365d, 0) AS cash_share_365d,
    f.digital_365d / f.with_channel_365d AS digital_share_365d,
    f.digital_90d / f.with_channel_90d AS digital_share_90d,
    f.branch_365d / f.with_channel_365d AS branch_share_365d,
    f.atm_365d / f.with_channel_365d AS atm_share_365d,
    f.credit_minor_365d / nullif(f.credits_365d, 0) AS mean_credit_minor_365d,
    f.debit_minor_365d / nullif(f.debits_365d, 0) AS mean_debit_minor_365d
FROM filled AS f
