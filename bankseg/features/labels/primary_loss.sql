-- Salary or pension absent for two expected cycles at the end of the window, after six regular months or more.
WITH income AS (
    SELECT
        client_id,
        count(DISTINCT CASE WHEN booked_on > $after_7_months THEN year(booked_on) * 12 + month(booked_on) END) AS regular_months,
        max(booked_on) AS last_on
    FROM transactions
    WHERE type IN ('salary', 'pension') AND amount_minor > 0
    GROUP BY client_id
),
eligible AS (
    SELECT p.client_id
    FROM population AS p
    JOIN income AS i ON i.client_id = p.client_id
    WHERE i.regular_months >= $regular_months AND date_diff('day', i.last_on, $as_of) <= $one_cycle_days
),
later AS (
    SELECT client_id, max(booked_on) AS last_on
    FROM outcome_transactions
    WHERE type IN ('salary', 'pension') AND amount_minor > 0
    GROUP BY client_id
),
gone AS (
    SELECT client_id
    FROM outcome_accounts
    GROUP BY client_id
    HAVING count(*) FILTER (WHERE closed_on IS NULL) = 0 AND arg_max(coalesce(close_reason, 'unknown'), closed_on) NOT IN ('client_request', 'unknown')
)
SELECT c.client_id, CASE WHEN date_diff('day', l.last_on, $outcome_last_on) >= $two_cycles_days THEN 1 ELSE 0 END AS outcome
FROM counted AS c
JOIN later AS l ON l.client_id = c.client_id
LEFT JOIN gone AS g ON g.client_id = c.client_id
WHERE g.client_id IS NULL
