-- Silent attrition: deposits of the window's last 30 days at half of the 90 days before or less, explained by money leaving the bank.
-- Clients whose accounts all ended otherwise than by their own wish are left out.
WITH deposit_accounts AS (
    SELECT a.account_id, a.client_id
    FROM outcome_accounts AS a JOIN products AS p ON p.product = a.product
    WHERE p.nature = 'deposit'
),
before_by_account AS (
    SELECT b.client_id, b.account_id, avg(b.balance_minor) AS mean_minor
    FROM balances AS b JOIN deposit_accounts AS d ON d.account_id = b.account_id
    WHERE b.balance_on > $after_90d
    GROUP BY b.client_id, b.account_id
),
baseline AS (
    SELECT client_id, sum(mean_minor) AS baseline_minor FROM before_by_account GROUP BY client_id
),
after_by_account AS (
    SELECT b.client_id, b.account_id, avg(b.balance_minor) AS mean_minor
    FROM outcome_balances AS b
    JOIN deposit_accounts AS d ON d.account_id = b.account_id
    WHERE b.balance_on > $outcome_tail_after
    GROUP BY b.client_id, b.account_id
),
ending AS (
    SELECT client_id, sum(mean_minor) AS ending_minor FROM after_by_account GROUP BY client_id
),
flows AS (
    SELECT client_id, -sum(amount_minor) AS outflow_minor
    FROM outcome_transactions
    WHERE booked_on > $as_of AND type NOT IN ('internal_transfer', 'reversal')
    GROUP BY client_id
),
gone AS (
    SELECT client_id
    FROM outcome_accounts
    GROUP BY client_id
    HAVING count(*) FILTER (WHERE closed_on IS NULL) = 0 AND arg_max(coalesce(close_reason, 'unknown'), closed_on) NOT IN ('client_request', 'unknown')
)
SELECT
    p.client_id,
    CASE
        WHEN coalesce(e.ending_minor, 0) <= $attrition_share * b.baseline_minor
            AND coalesce(f.outflow_minor, 0) >= $explained_share * (b.baseline_minor - coalesce(e.ending_minor, 0)) THEN 1
        ELSE 0
    END AS outcome
FROM population AS p
JOIN baseline AS b ON b.client_id = p.client_id
LEFT JOIN ending AS e ON e.client_id = p.client_id
LEFT JOIN flows AS f ON f.client_id = p.client_id
LEFT JOIN gone AS g ON g.client_id = p.client_id
WHERE b.baseline_minor >= $attrition_floor_minor AND g.client_id IS NULL
