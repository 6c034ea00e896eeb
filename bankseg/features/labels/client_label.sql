-- A bank's own outcome column, where no history exists to observe one.
SELECT client_id, max(CAST(outcome AS INTEGER)) AS outcome
FROM client_labels
WHERE label = $label
GROUP BY client_id
