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
),
lately AS (
    SELECT
        client_id,
        max(booked_on) AS last_on,
        sum(amount_minor) FILTER (WHERE booked_on > $after_90d) AS last_90d_minor,
        sum(amount_minor) FILTER (WHERE date_diff('day', booked_on, $as_of) <= 35) AS last_35d_minor
    FROM credits
    GROUP BY client_id
),
rhythm AS (
    SELECT
        client_id,
        count(*) FILTER (WHERE months_ago BETWEEN 0 AND 11) AS income_months_12m,
        count(*) FILTER (WHERE months_ago BETWEEN 0 AND 5) AS income_months_6m,
        count(*) FILTER (WHERE months_ago BETWEEN 0 AND 2) AS income_months_3m,
        sum(income_minor) FILTER (WHERE months_ago BETWEEN 0 AND 2) AS recent_minor
    FROM monthly
    GROUP BY client_id
),
level AS (
    SELECT
        client_id,
        CAST(round(median(income_minor) FILTER (WHERE months_ago BETWEEN 0 AND 11)) AS BIGINT) AS typical_minor,
        median(income_minor) FILTER (WHERE months_ago BETWEEN 1 AND 6) AS before_minor,
        stddev_samp(income_minor) FILTER (WHERE months_ago BETWEEN 1 AND 11) AS deviation,
        avg(income_minor) FILTER (WHERE months_ago BETWEEN 1 AND 11) AS mean_minor
    FROM monthly
    GROUP BY client_id
)
SELECT
    y.client_id,
    date_diff('day', y.last_on, $as_of) AS days_since_income,
    r.income_months_12m,
    r.income_months_6m,
    r.income_months_3m,
    l.typical_minor AS income_median_12m_minor,
    coalesce(r.recent_minor, 0) / 3.0 / nullif(l.typical_minor, 0) AS income_ratio_3m,
    CAST(coalesce(y.last_90d_minor, 0) AS BIGINT) AS income_90d_minor,
    coalesce(y.last_35d_minor, 0) / nullif(l.before_minor, 0) AS income_ratio_35d_6m,
    l.deviation / nullif(l.mean_minor, 0) AS income_variation_12m
FROM lately AS y
JOIN rhythm AS r ON r.client_id = y.client_id
JOIN level AS l ON l.client_id = y.client_id
