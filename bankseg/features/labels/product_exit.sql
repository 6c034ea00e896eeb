-- Last contract of a product closed at the client's request inside the outcome window, for every product asked for at once, by those who hold it;
-- contracts that matured or ended otherwise, and exits inside the gap, are left out. A contract opened in its place keeps the product.
WITH asked AS (
    SELECT unnest($products) AS product
),
eligible AS (
    SELECT DISTINCT p.client_id, a.product
    FROM population AS p
    JOIN accounts AS a ON a.client_id = p.client_id
    JOIN asked AS k ON k.product = a.product
    WHERE a.closed_on IS NULL
),
ending AS (
    SELECT
        client_id,
        product,
        count(*) FILTER (WHERE closed_on IS NULL) AS still_open,
        max(closed_on) AS last_closed_on,
        arg_max(close_reason, closed_on) AS last_reason
    FROM outcome_accounts
    GROUP BY client_id, product
)
SELECT c.client_id, c.product, CASE WHEN e.still_open = 0 THEN 1 ELSE 0 END AS outcome
FROM counted AS c
JOIN ending AS e ON e.client_id = c.client_id AND e.product = c.product
WHERE e.still_open > 0 OR (e.last_closed_on >= $outcome_first_on AND coalesce(e.last_reason, 'client_request') IN ('client_request', 'unknown'))
