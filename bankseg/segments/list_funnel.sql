-- Every candidate of a list with what becomes of them: the first stage that takes them off, the control group, or contact.
-- `stages` and `arms` are the statements of those names, the latter over `chosen` below.
WITH staged AS (
    SELECT * FROM stages
),
-- Only those whom no stage takes off are ranked, laid in strata and drawn: sorting and hashing everybody would cost ten times the rest.
ranked AS (
    SELECT * EXCLUDE (removed_by), row_number() OVER (ORDER BY expected_margin_minor DESC NULLS LAST, propensity DESC, client_id) AS place
    FROM staged
    WHERE removed_by IS NULL
),
chosen AS (
    SELECT * FROM ranked WHERE NOT coalesce(place > $places, FALSE)
)
SELECT * FROM arms
UNION ALL BY NAME
SELECT *, 'size' AS outcome FROM ranked WHERE place > $places
UNION ALL BY NAME
SELECT
    * EXCLUDE (removed_by),
    row_number() OVER (ORDER BY expected_margin_minor DESC NULLS LAST, propensity DESC, client_id) AS place,
    removed_by AS outcome
FROM staged
WHERE removed_by IS NOT NULL
