-- How much the client keeps with the bank, how it moves, how it swings. Months count back from the as-of month.
WITH of_account AS (
    SELECT
        client_id,
        account_id,
        $as_of_month - (year(balance_on) * 12 + month(balance_on) - 1) AS months_ago,
        arg_max(balance_minor, balance_on) AS balance_minor,
        min(balance_minor) AS lowest_minor
    FROM balances
    WHERE balance_on > $after_24_months
    GROUP BY client_id, account_id, months_ago
),
monthly AS (
    SELECT b.client_id, b.account_id, p.nature, a.product, a.closed_on IS NULL AS is_open, b.months_ago, b.balance_minor, b.lowest_minor
    FROM of_account AS b
    JOIN accounts AS a ON a.account_id = b.account_id
    LEFT JOIN products AS p ON p.product = a.product
),
by_month AS (
    SELECT
        client_id,
        months_ago,
        sum(balance_minor) FILTER (WHERE nature = 'deposit') AS deposits_minor,
        sum(balance_minor) FILTER (WHERE product = 'current_account') AS current_minor,
        sum(balance_minor) FILTER (WHERE product IN ('savings', 'term_deposit')) AS savings_minor,
        sum(balance_minor) FILTER (WHERE nature = 'investment') AS invested_minor,
        min(lowest_minor) FILTER (WHERE nature = 'deposit') AS lowest_minor
    FROM monthly
    GROUP BY client_id, months_ago
),
-- An open account holds its last known balance, whenever that was; a closed one holds nothing.
latest AS (
    SELECT client_id, nature, product, CASE WHEN is_open THEN arg_min(balance_minor, months_ago) ELSE 0 END AS balance_minor
    FROM monthly
    GROUP BY client_id, account_id, nature, product, is_open
),
held AS (
    SELECT
        client_id,
        sum(balance_minor) FILTER (WHERE nature IN ('deposit', 'investment')) AS assets_minor,
        sum(balance_minor) FILTER (WHERE nature = 'deposit') AS deposits_minor,
        sum(balance_minor) FILTER (WHERE product = 'current_account') AS current_minor,
        sum(balance_minor) FILTER (WHERE product IN ('savings', 'term_deposit')) AS savings_minor,
        sum(balance_minor) FILTER (WHERE nature = 'investment') AS invested_minor,
        sum(-balance_minor) FILTER (WHERE nature = 'credit') AS debt_minor
    FROM latest
    GROUP BY client_id
),
levels AS (
    SELECT
        client_id,
        avg(deposits_minor) FILTER (WHERE months_ago BETWEEN 0 AND 2) AS deposits_mean_3m,
        avg(deposits_minor) FILTER (WHERE months_ago BETWEEN 3 AND 5) AS deposits_mean_prior_3m,
        avg(deposits_minor) FILTER (WHERE months_ago BETWEEN 0 AND 5) AS deposits_mean_6m,
        avg(deposits_minor) FILTER (WHERE months_ago BETWEEN 0 AND 11) AS deposits_mean_12m,
        max(deposits_minor) FILTER (WHERE months_ago BETWEEN 0 AND 11) AS deposits_max_12m,
        stddev_samp(deposits_minor) FILTER (WHERE months_ago BETWEEN 0 AND 11) AS deposits_deviation_12m,
        max(deposits_minor) FILTER (WHERE months_ago = 1) AS deposits_1_month_ago,
        max(deposits_minor) FILTER (WHERE months_ago = 2) AS deposits_2_months_ago,
        max(deposits_minor) FILTER (WHERE months_ago = 12) AS deposits_12_months_ago,
        regr_slope(deposits_minor, -months_ago) FILTER (WHERE months_ago BETWEEN 0 AND 3) AS deposits_slope_3m,
        regr_slope(deposits_minor, -months_ago) FILTER (WHERE months_ago BETWEEN 0 AND 5) AS deposits_slope_6m,
        regr_slope(deposits_minor, -months_ago) FILTER (WHERE months_ago BETWEEN 0 AND 11) AS deposits_slope_12m,
        avg(current_minor) FILTER (WHERE months_ago BETWEEN 0 AND 2) AS current_mean_3m,
        avg(current_minor) FILTER (WHERE months_ago BETWEEN 3 AND 11) AS current_mean_before,
        avg(savings_minor) FILTER (WHERE months_ago BETWEEN 0 AND 2) AS savings_mean_3m,
        avg(savings_minor) FILTER (WHERE months_ago BETWEEN 3 AND 11) AS savings_mean_before,
        avg(invested_minor) FILTER (WHERE months_ago BETWEEN 3 AND 11) AS invested_mean_before,
        min(lowest_minor) FILTER (WHERE months_ago BETWEEN 0 AND 11) AS lowest_balance_12m_minor,
        count(*) FILTER (WHERE months_ago BETWEEN 0 AND 5 AND lowest_minor < 0) AS months_below_zero_6m,
        count(*) FILTER (WHERE months_ago BETWEEN 0 AND 11 AND lowest_minor < 0) AS months_below_zero_12m,
        max(months_ago) + 1 AS balance_months_known
    FROM by_month
    GROUP BY client_id
)
SELECT
    h.client_id,
    h.assets_minor AS balance_minor,
    h.deposits_minor,
    h.current_minor,
    h.savings_minor,
    h.invested_minor,
    h.debt_minor,
    CAST(round(deposits_mean_3m) AS BIGINT) AS deposits_mean_3m_minor,
    CAST(round(deposits_mean_12m) AS BIGINT) AS deposits_mean_12m_minor,
    lowest_balance_12m_minor,
    months_below_zero_6m,
    months_below_zero_12m,
    balance_months_known,
    h.deposits_minor / nullif(deposits_1_month_ago, 0) AS deposits_ratio_1m,
    h.deposits_minor / nullif(deposits_2_months_ago, 0) AS deposits_ratio_2m,
    h.deposits_minor / nullif(deposits_12_months_ago, 0) AS deposits_ratio_12m,
    deposits_mean_3m / nullif(deposits_mean_prior_3m, 0) AS deposits_ratio_3m_prior_3m,
    h.deposits_minor / nullif(deposits_mean_3m, 0) AS deposits_ratio_3m_mean,
    h.deposits_minor / nullif(deposits_mean_6m, 0) AS deposits_ratio_6m_mean,
    h.deposits_minor / nullif(deposits_max_12m, 0) AS deposits_share_of_max_12m,
    -- A single month has no slope: the engine says nan, which would pass for a number.
    nullif(deposits_slope_3m, 'nan'::DOUBLE) / nullif(abs(deposits_mean_12m), 0) AS deposits_slope_3m,
    nullif(deposits_slope_6m, 'nan'::DOUBLE) / nullif(abs(deposits_mean_12m), 0) AS deposits_slope_6m,
    nullif(deposits_slope_12m, 'nan'::DOUBLE) / nullif(abs(deposits_mean_12m), 0) AS deposits_slope_12m,
    deposits_deviation_12m / nullif(abs(deposits_mean_12m), 0) AS deposits_volatility_12m,
    current_mean_3m / nullif(current_mean_before, 0) AS current_ratio_3m_before,
    savings_mean_3m / nullif(savings_mean_before, 0) AS savings_ratio_3m_before,
    h.savings_minor / nullif(h.deposits_minor, 0) AS savings_share,
    h.invested_minor / nullif(invested_mean_before, 0) AS invested_ratio_before
FROM held AS h
JOIN levels AS l ON l.client_id = h.client_id
