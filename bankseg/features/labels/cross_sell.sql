-- Opens a product inside the outcome window, for every product asked for at once; holders and those who opened it inside the gap are left out.
WITH asked AS (
    SELECT unnest($products) AS product
),
holders AS (
    SELECT DISTINCT client_id, product FROM accounts WHERE closed_on IS NULL
),
eligible AS (
    SELECT p.client_id, a.product
    FROM population AS p
    CROSS JOIN asked AS a
    LEFT JOIN holders AS h ON h.client_id = p.client_id AND h.product = a.product
    WHERE h.client_id IS NULL
),
openings AS (
    SELECT client_id, product, min(opened_on) AS opened_on
    FROM outcome_accounts
    WHERE opened_on > $as_of
    GROUP BY client_id, product
)
SELECT c.client_id, c.product, CASE WHEN o.opened_on IS NOT NULL THEN 1 ELSE 0 END AS outcome
FROM counted AS c
LEFT JOIN openings AS o ON o.client_id = c.client_id AND o.product = c.product
WHERE o.opened_on IS NULL OR o.opened_on >= $outcome_first_on
