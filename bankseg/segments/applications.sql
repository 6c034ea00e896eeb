-- Applications that a client began online and did not end: the last sign of each client and product, without a contract of that product opened since.
WITH signs AS (
    SELECT client_id, page AS product, max(event_on) AS last_on, min(event_on) AS first_on, arg_max(type, (event_on, type)) AS last_type, CAST(sum(coalesce("count", 1)) AS BIGINT) AS times
    FROM digital_events
    WHERE type IN ('application_started', 'application_abandoned') AND page IS NOT NULL AND event_on > $after_365d
    GROUP BY client_id, page
),
opened AS (SELECT client_id, product, max(opened_on) AS opened_on FROM accounts GROUP BY client_id, product)
SELECT s.client_id, s.product, s.first_on, s.last_on, s.last_type, s.times
FROM signs AS s
LEFT JOIN opened AS o ON o.client_id = s.client_id AND o.product = s.product AND o.opened_on >= s.last_on
WHERE o.client_id IS NULL
ORDER BY s.client_id, s.product
