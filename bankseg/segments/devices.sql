-- The device a client uses most in a year.
WITH used AS (
    SELECT client_id, device, sum(coalesce("count", 1)) AS times FROM digital_events
    WHERE event_on > $after_365d AND event_on <= $as_of AND device IS NOT NULL GROUP BY client_id, device
)
SELECT client_id, arg_max(device, (times, device)) AS main_device FROM used GROUP BY client_id ORDER BY client_id
