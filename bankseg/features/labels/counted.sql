-- Eligible clients whose outcome counts: they live to the end of the window.
SELECT e.*
FROM eligible AS e
LEFT JOIN outcome_clients AS l ON l.client_id = e.client_id
WHERE l.deceased_on IS NULL
