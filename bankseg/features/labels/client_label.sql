-- A bank's own outcome column, where no history exists to observe one: every client may be scored, those whose outcome was given teach.
WITH eligible AS (
    SELECT client_id FROM clients
)
SELECT client_id, max(CAST(outcome AS INTEGER)) AS outcome
FROM client_labels
WHERE label = $label
GROUP BY client_id
