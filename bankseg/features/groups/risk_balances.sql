-- Early-warning parts read from balances: overdraft beyond the limit, utilisation, credit balance melting away.
WITH of_account AS (
    SELECT
        client_id,
        account_id,
        $as_of_month - (year(balance_on) * 12 + month(balance_on) - 1) AS months_ago,
        arg_max(balance_minor, balance_on) AS balance_minor
    FROM balances
    WHERE balance_on > $after_24_months
    GROUP BY client_id, account_id, months_ago
),
monthly AS (
    SELECT
        b.client_id,
        b.account_id,
        a.product,
        p.nature,
        coalesce(a.credit_limit_minor, 0) AS limit_minor,
        a.closed_on IS NULL AS is_open,
        b.months_ago,
        b.balance_minor
    FROM of_account AS b
    JOIN accounts AS a ON a.account_id = b.account_id
    LEFT JOIN products AS p ON p.product = a.product
),
-- An open account holds its last known balance, whenever that was; a closed one holds nothing.
latest AS (
    SELECT client_id, nature, CASE WHEN is_open THEN arg_min(balance_minor, months_ago) ELSE 0 END AS balance_minor
    FROM monthly
    GROUP BY client_id, account_id, nature, is_open
),
held AS (
    SELECT
        client_id,
        CAST(coalesce(sum(-balance_minor) FILTER (WHERE balance_minor < 0), 0) AS BIGINT) AS exposure_minor,
        sum(balance_minor) FILTER (WHERE nature = 'deposit') AS deposits_minor
    FROM latest
    GROUP BY client_id
)
SELECT
    m.client_id,
    count(DISTINCT CASE WHEN product = 'current_account' AND months_ago BETWEEN 0 AND 5 AND balance_minor < -limit_minor THEN months_ago END)
        AS overdraft_beyond_limit_months_6m,
    count(DISTINCT CASE WHEN nature = 'credit' AND limit_minor > 0 AND months_ago BETWEEN 0 AND 2 AND -balance_minor > limit_minor * 0.9 THEN months_ago END)
        AS high_utilisation_months_3m,
    max(h.exposure_minor) AS exposure_minor,
    max(h.deposits_minor)
        / nullif(sum(greatest(balance_minor, 0)) FILTER (WHERE nature = 'deposit' AND months_ago = 6), 0) AS credit_balance_ratio_6m
FROM monthly AS m
JOIN held AS h ON h.client_id = m.client_id
GROUP BY m.client_id
