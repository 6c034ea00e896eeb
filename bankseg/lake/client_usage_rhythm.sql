-- How regularly one client acts in the year up to the day, by gaps between active days, and what a debit and a credit come to.
WITH acts AS (
    SELECT booked_on, type, amount_minor FROM transactions
    WHERE client_id = $client_id AND booked_on > $since AND type NOT IN ('fee', 'interest', 'internal_transfer', 'reversal', 'rejected_debit')
),
days AS (SELECT DISTINCT booked_on FROM acts),
gaps AS (SELECT date_diff('day', lag(booked_on) OVER (ORDER BY booked_on), booked_on) AS gap FROM days)
SELECT
    (SELECT count(*) FROM days) AS active_days,
    (SELECT avg(gap) FROM gaps) AS mean_gap_days,
    (SELECT stddev_samp(gap) / avg(gap) FROM gaps) AS gap_variation,
    count(*) FILTER (WHERE type IN ('direct_debit', 'standing_order')) AS recurring,
    CAST(round(avg(-amount_minor) FILTER (WHERE amount_minor < 0 AND booked_on > $after_3m)) AS BIGINT) AS debit_3m_minor,
    CAST(round(avg(-amount_minor) FILTER (WHERE amount_minor < 0 AND booked_on > $after_6m)) AS BIGINT) AS debit_6m_minor,
    CAST(round(avg(-amount_minor) FILTER (WHERE amount_minor < 0)) AS BIGINT) AS debit_12m_minor,
    CAST(round(avg(amount_minor) FILTER (WHERE amount_minor > 0 AND booked_on > $after_3m)) AS BIGINT) AS credit_3m_minor,
    CAST(round(avg(amount_minor) FILTER (WHERE amount_minor > 0 AND booked_on > $after_6m)) AS BIGINT) AS credit_6m_minor,
    CAST(round(avg(amount_minor) FILTER (WHERE amount_minor > 0)) AS BIGINT) AS credit_12m_minor
FROM acts
