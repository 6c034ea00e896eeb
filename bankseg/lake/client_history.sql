-- One client's month-end balances and monthly flows, newest month last.
WITH kinds AS (
    SELECT unnest($products) AS product, unnest($natures) AS nature
),
months AS (
    SELECT CAST(range AS INTEGER) AS months_ago FROM range(0, $months)
),
last_of_month AS (
    SELECT
        b.account_id,
        $as_of_month - (year(b.balance_on) * 12 + month(b.balance_on) - 1) AS months_ago,
        arg_max(b.balance_minor, b.balance_on) AS balance_minor
    FROM balances AS b
    JOIN accounts AS a ON a.account_id = b.account_id
    JOIN kinds AS p ON p.product = a.product
    WHERE b.client_id = $client_id AND p.nature IN ('deposit', 'investment')
    GROUP BY b.account_id, $as_of_month - (year(b.balance_on) * 12 + month(b.balance_on) - 1)
),
held AS (
    SELECT months_ago, CAST(sum(balance_minor) AS BIGINT) AS balance_minor FROM last_of_month GROUP BY months_ago
),
flows AS (
    SELECT
        $as_of_month - (year(booked_on) * 12 + month(booked_on) - 1) AS months_ago,
        CAST(coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0) AS BIGINT) AS credits_minor,
        CAST(coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0) AS BIGINT) AS debits_minor
    FROM transactions
    WHERE client_id = $client_id AND type NOT IN ('internal_transfer', 'reversal')
    GROUP BY $as_of_month - (year(booked_on) * 12 + month(booked_on) - 1)
)
SELECT
    ($as_of_month - m.months_ago) // 12 AS year,
    ($as_of_month - m.months_ago) % 12 + 1 AS month,
    h.balance_minor,
    coalesce(f.credits_minor, 0) AS credits_minor,
    coalesce(f.debits_minor, 0) AS debits_minor
FROM months AS m
LEFT JOIN held AS h ON h.months_ago = m.months_ago
LEFT JOIN flows AS f ON f.months_ago = m.months_ago
WHERE h.months_ago IS NOT NULL OR f.months_ago IS NOT NULL
ORDER BY m.months_ago DESC
