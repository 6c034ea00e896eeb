-- Each month of the year up to the day: what one client did, spent by card, was paid, whether abroad or on a journey, and the balance of current accounts as it ended.
WITH done AS (
    SELECT
        strftime(booked_on, '%Y-%m') AS month,
        count(*) AS movements,
        count(*) FILTER (WHERE type = 'card_purchase') AS card_purchases,
        CAST(coalesce(sum(-amount_minor) FILTER (WHERE type = 'card_purchase' AND amount_minor < 0), 0) AS BIGINT) AS card_minor,
        min(booked_on) FILTER (WHERE type IN ('salary', 'pension')) AS paid_on,
        count(*) FILTER (WHERE coalesce(
            counterparty_country <> CAST($home AS VARCHAR), FALSE)
            OR coalesce(TRY_CAST(mcc AS INTEGER) BETWEEN 3000 AND 3999 OR TRY_CAST(mcc AS INTEGER) IN (4411, 4511, 4722, 7011, 7012), FALSE)
        ) AS journeys
    FROM transactions
    WHERE client_id = $client_id AND booked_on > $since AND type NOT IN ('fee', 'interest', 'internal_transfer', 'reversal', 'rejected_debit')
    GROUP BY month
),
ended AS (
    SELECT strftime(b.balance_on, '%Y-%m') AS month, b.account_id, arg_max(b.balance_minor, b.balance_on) AS balance_minor
    FROM balances AS b JOIN accounts AS a ON a.account_id = b.account_id AND a.client_id = b.client_id
    WHERE b.client_id = $client_id AND b.balance_on > $since AND a.product = 'current_account'
    GROUP BY month, b.account_id
),
low AS (SELECT month, CAST(min(balance_minor) AS BIGINT) AS lowest_minor FROM ended GROUP BY month)
SELECT coalesce(d.month, l.month) AS month, d.movements, d.card_purchases, d.card_minor, d.paid_on, d.journeys, l.lowest_minor
FROM done AS d FULL JOIN low AS l ON l.month = d.month
ORDER BY month
