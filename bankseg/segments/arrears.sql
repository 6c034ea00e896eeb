-- Days on which clients passed 30 days past due on an instalment, as known on the run's date, and the instalments that fell due.
SELECT
    client_id,
    due_on,
    CASE WHEN coalesce(paid_on, $as_of) > due_on + 30 THEN due_on + 31 END AS reached_on
FROM instalments
WHERE due_on > $first_on
