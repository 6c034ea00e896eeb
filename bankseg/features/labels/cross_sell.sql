-- Opens the product inside the outcome window; holders and those who opened it inside the gap are left out.
WITH holders AS (
    SELECT DISTINCT client_id FROM accounts WHERE product = $product AND closed_on IS NULL
),
openings AS (
    SELECT client_id, min(opened_on) AS opened_on
    FROM outcome_accounts
    WHERE product = $product AND opened_on > $as_of
    GROUP BY client_id
)
SELECT p.client_id, CASE WHEN o.opened_on IS NOT NULL THEN 1 ELSE 0 END AS outcome
FROM population AS p
LEFT JOIN holders AS h ON h.client_id = p.client_id
LEFT JOIN openings AS o ON o.client_id = p.client_id
WHERE h.client_id IS NULL AND (o.opened_on IS NULL OR o.opened_on >= $outcome_first_on)
