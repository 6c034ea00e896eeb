-- Silent attrition: deposits of the window's last 30 days at half of the 90 days before or less, explained by money leaving the bank.
-- Clients whose accounts all ended otherwise than by their own wish are left out.
WITH baseline_by_account AS (
    SELECT b.client_id, b.account_id, avg(b.balance_minor) AS mean_minor
    FROM balances AS b
    JOIN accounts AS a ON a.account_id = b.account_id
    JOIN products AS n ON n.product = a.product
    WHERE n.nature = 'deposit' AND b.balance_on > $after_90d
    GROUP BY b.client_id, b.account_id
),
baseline AS (
    SELECT client_id, sum(mean_minor) AS baseline_minor FROM baseline_by_account GROUP BY client_id
),
eligible AS (
    SELECT p.client_id, b.baseline_minor
    FROM population AS p
    JOIN baseline AS b ON b.client_id = p.client_id
    WHERE b.baseline_minor >= $attrition_floor_minor
),
after_by_account AS (
    SELECT b.client_id, b.account_id, avg(b.balance_minor) AS mean_minor
    FROM outcome_balances AS b
    JOIN outcome_accounts AS a ON a.account_id = b.account_id
    JOIN products AS n ON n.product = a.product
    WHERE n.nature = 'deposit' AND b.balance_on > $outcome_tail_after
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
    c.client_id,
    CASE
        WHEN coalesce(e.ending_minor, 0) <= $attrition_share * c.baseline_minor
            AND coalesce(f.outflow_minor, 0) >= $explained_share * (c.baseline_minor - coalesce(e.ending_minor, 0)) THEN 1
        ELSE 0
    END AS outcome
FROM counted AS c
LEFT JOIN ending AS e ON e.client_id = c.client_id
LEFT JOIN flows AS f ON f.client_id = c.client_id
LEFT JOIN gone AS g ON g.client_id = c.client_id
WHERE g.client_id IS NULL
