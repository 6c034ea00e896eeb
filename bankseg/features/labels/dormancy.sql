-- No client-initiated movement for 183 days at the end of the window, by clients who were not yet dormant.
WITH known AS (
    SELECT client_id, max(booked_on) AS last_on
    FROM transactions
    WHERE type NOT IN ('fee', 'interest', 'internal_transfer', 'reversal', 'rejected_debit')
    GROUP BY client_id
),
eligible AS (
    SELECT p.client_id
    FROM population AS p
    JOIN known AS k ON k.client_id = p.client_id
    WHERE date_diff('day', k.last_on, $as_of) < $dormant_days
),
later AS (
    SELECT client_id, max(booked_on) AS last_on
    FROM outcome_transactions
    WHERE type NOT IN ('fee', 'interest', 'internal_transfer', 'reversal', 'rejected_debit')
    GROUP BY client_id
),
ending AS (
    SELECT client_id, count(*) FILTER (WHERE closed_on IS NULL) AS still_open FROM outcome_accounts GROUP BY client_id
)
SELECT c.client_id, CASE WHEN date_diff('day', l.last_on, $outcome_last_on) >= $dormant_days THEN 1 ELSE 0 END AS outcome
FROM counted AS c
JOIN later AS l ON l.client_id = c.client_id
JOIN ending AS e ON e.client_id = c.client_id
WHERE e.still_open > 0
