-- Clients whose place changed between two books, in or out of one place where it is named.
SELECT
    coalesce(a.client_id, b.client_id) AS client_id,
    CASE WHEN b.client_id IS NOT NULL THEN coalesce(b.place, 'unknown') END AS from_place,
    CASE WHEN a.client_id IS NOT NULL THEN coalesce(a.place, 'unknown') END AS to_place,
    b.value_minor AS opening_value_minor,
    a.value_minor AS closing_value_minor,
    b.deposits_minor AS opening_deposits_minor,
    a.deposits_minor AS closing_deposits_minor
FROM opening AS b
FULL OUTER JOIN closing AS a ON a.client_id = b.client_id
WHERE from_place IS DISTINCT FROM to_place
    AND ($place IS NULL OR from_place = $place OR to_place = $place)
ORDER BY client_id
