-- Last account closed at the client's request inside the outcome window; other endings and exits inside the gap are left out.
WITH eligible AS (
    SELECT client_id FROM population
),
ending AS (
    SELECT
        client_id,
        count(*) FILTER (WHERE closed_on IS NULL) AS still_open,
        max(closed_on) AS last_closed_on,
        arg_max(close_reason, closed_on) AS last_reason
    FROM outcome_accounts
    GROUP BY client_id
)
SELECT c.client_id, CASE WHEN e.still_open = 0 THEN 1 ELSE 0 END AS outcome
FROM counted AS c
JOIN ending AS e ON e.client_id = c.client_id
WHERE e.still_open > 0 OR (e.last_closed_on >= $outcome_first_on AND coalesce(e.last_reason, 'client_request') IN ('client_request', 'unknown'))
