-- One client's contracts, those still open first, each with its latest known balance.
WITH latest AS (
    SELECT account_id, arg_max(balance_minor, balance_on) AS balance_minor, max(balance_on) AS balance_on
    FROM balances
    WHERE client_id = $client_id
    GROUP BY account_id
)
SELECT
    a.account_id, a.product, a.opened_on, a.closed_on, a.close_reason, a.currency, a.rate_pct, a.rate_type, a.maturity_on, a.credit_limit_minor, a.principal_minor,
    l.balance_minor, l.balance_on
FROM accounts AS a
LEFT JOIN latest AS l ON l.account_id = a.account_id
WHERE a.client_id = $client_id
ORDER BY a.closed_on IS NOT NULL, a.opened_on, a.account_id
