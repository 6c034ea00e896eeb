-- Whom a churn or a sale can happen to: clients with an open account and a tenure of 180 days or more, alive at the as-of date.
WITH open_accounts AS (
    SELECT client_id, count(*) AS open_count FROM accounts WHERE closed_on IS NULL GROUP BY client_id
)
SELECT c.client_id
FROM clients AS c
JOIN open_accounts AS o ON o.client_id = c.client_id
WHERE date_diff('day', c.joined_on, $as_of) >= $least_tenure_days AND c.deceased_on IS NULL AND coalesce(c.status, 'active') <> 'prospect'
