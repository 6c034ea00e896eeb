-- Moves of clients between two books: from null entered the book, to null left it. Money in minor units; unknown amounts count as nothing and are told apart.
SELECT
    CASE WHEN b.client_id IS NOT NULL THEN coalesce(b.place, 'unknown') END AS from_place,
    CASE WHEN a.client_id IS NOT NULL THEN coalesce(a.place, 'unknown') END AS to_place,
    count(*) AS clients,
    CAST(coalesce(sum(b.value_minor), 0) AS BIGINT) AS opening_value_minor,
    CAST(coalesce(sum(a.value_minor), 0) AS BIGINT) AS closing_value_minor,
    CAST(coalesce(sum(b.deposits_minor), 0) AS BIGINT) AS opening_deposits_minor,
    CAST(coalesce(sum(a.deposits_minor), 0) AS BIGINT) AS closing_deposits_minor,
    count(*) FILTER (WHERE (b.client_id IS NOT NULL AND b.value_minor IS NULL) OR (a.client_id IS NOT NULL AND a.value_minor IS NULL)) AS without_value
FROM opening AS b
FULL OUTER JOIN closing AS a ON a.client_id = b.client_id
GROUP BY ALL
ORDER BY from_place NULLS LAST, to_place NULLS LAST
