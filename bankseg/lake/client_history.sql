-- One client's month-end balances and monthly flows, newest month last. `$savings` are the products that hold deposits and investments.
WITH last_of_month AS (
    SELECT
        account_id,
        $as_of_month - (year(balance_on) * 12 + month(balance_on) - 1) AS months_ago,
        arg_max(balance_minor, balance_on) AS balance_minor
    FROM balances
    WHERE client_id = $client_id AND account_id IN (SELECT account_id FROM accounts WHERE list_contains($savings, product))
    GROUP BY ALL
),
told AS (
    SELECT months_ago, balance_minor, NULL::BIGINT AS amount_minor FROM last_of_month
    UNION ALL
    SELECT $as_of_month - (year(booked_on) * 12 + month(booked_on) - 1), NULL, amount_minor
    FROM transactions
    WHERE client_id = $client_id AND type NOT IN ('internal_transfer', 'reversal')
)
SELECT
    ($as_of_month - months_ago) // 12 AS year,
    ($as_of_month - months_ago) % 12 + 1 AS month,
    CAST(sum(balance_minor) AS BIGINT) AS balance_minor,
    CAST(coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0) AS BIGINT) AS credits_minor,
    CAST(coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0) AS BIGINT) AS debits_minor
FROM told
WHERE months_ago < $months
GROUP BY months_ago
ORDER BY months_ago DESC
