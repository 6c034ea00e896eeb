-- Regular income: salary and pension credits, their rhythm and their silence.
WITH credits AS (
    SELECT
        client_id,
        booked_on,
        amount_minor,
        $as_of_month - (year(booked_on) * 12 + month(booked_on) - 1) AS months_ago
    FROM transactions
    WHERE type IN ('salary', 'pension') AND amount_minor > 0 AND booked_on > $after_24_months
),
monthly AS (
    SELECT client_id, months_ago, sum(amount_minor) AS income_minor FROM credits GROUP BY client_id, months_ago
)
SELECT
    c.client_id,
    date_diff('day', max(c.booked_on), $as_of) AS days_since_income,
    count(DISTINCT CASE WHEN c.months_ago BETWEEN 0 AND 11 THEN c.months_ago END) AS income_months_12m,
    count(DISTINCT CASE WHEN c.months_ago BETWEEN 0 AND 5 THEN c.months_ago END) AS income_months_6m,
    count(DISTINCT CASE WHEN c.months_ago BETWEEN 0 AND 2 THEN c.months_ago END) AS income_months_3m,
    max(m.typical_minor) AS income_median_12m_minor,
    max(m.recent_minor) / nullif(max(m.typical_minor), 0) AS income_ratio_3m,
    CAST(coalesce(sum(c.amount_minor) FILTER (WHERE c.booked_on > $after_90d), 0) AS BIGINT) AS income_90d_minor,
    coalesce(sum(c.amount_minor) FILTER (WHERE date_diff('day', c.booked_on, $as_of) <= 35), 0) / nullif(max(m.before_minor), 0) AS income_ratio_35d_6m,
    max(m.deviation) / nullif(max(m.mean_minor), 0) AS income_variation_12m
FROM credits AS c
JOIN (
    SELECT
        client_id,
        CAST(round(median(income_minor) FILTER (WHERE months_ago BETWEEN 0 AND 11)) AS BIGINT) AS typical_minor,
        coalesce(sum(income_minor) FILTER (WHERE months_ago BETWEEN 0 AND 2), 0) / 3.0 AS recent_minor,
        median(income_minor) FILTER (WHERE months_ago BETWEEN 1 AND 6) AS before_minor,
        stddev_samp(income_minor) FILTER (WHERE months_ago BETWEEN 1 AND 11) AS deviation,
        avg(income_minor) FILTER (WHERE months_ago BETWEEN 1 AND 11) AS mean_minor
    FROM monthly
    GROUP BY client_id
) AS m ON m.client_id = c.client_id
GROUP BY c.client_id
