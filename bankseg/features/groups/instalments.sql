-- Loan instalments: arrears now and before.
WITH due AS (
    SELECT
        client_id,
        due_on,
        amount_minor,
        coalesce(paid_minor, 0) AS paid_minor,
        paid_on IS NULL OR coalesce(paid_minor, amount_minor) < amount_minor AS is_open,
        greatest(date_diff('day', due_on, coalesce(paid_on, $as_of)), 0) AS days_late
    FROM instalments
    WHERE due_on > $after_24_months
)
SELECT
    client_id,
    coalesce(max(date_diff('day', due_on, $as_of)) FILTER (WHERE is_open), 0) AS days_past_due,
    coalesce(sum(amount_minor - paid_minor) FILTER (WHERE is_open), 0) AS arrears_minor,
    max(days_late) FILTER (WHERE due_on > $after_365d) AS worst_days_late_365d,
    count(*) FILTER (WHERE days_late > 5 AND due_on > $after_365d) AS late_instalments_365d,
    count(*) FILTER (WHERE days_late > 5 AND due_on > $after_90d) AS late_instalments_90d,
    avg(CASE WHEN days_late <= 5 THEN 1.0 ELSE 0.0 END) FILTER (WHERE due_on > $after_365d) AS on_time_share_365d,
    coalesce(sum(amount_minor) FILTER (WHERE due_on > $after_90d), 0) AS instalments_minor_90d
FROM due
GROUP BY client_id
