-- Digital events of one client in the year up to the day, by type, page and device, with the last day of each.
SELECT
    type, coalesce(page, '') AS page, coalesce(device, 'unknown') AS device,
    CAST(coalesce(sum(coalesce("count", 1)) FILTER (WHERE event_on > $after_30d), 0) AS BIGINT) AS times_30d,
    CAST(coalesce(sum(coalesce("count", 1)) FILTER (WHERE event_on > $after_90d), 0) AS BIGINT) AS times_90d,
    CAST(sum(coalesce("count", 1)) AS BIGINT) AS times_365d,
    max(event_on) AS last_on
FROM digital_events
WHERE client_id = $client_id AND event_on > $since
GROUP BY ALL
ORDER BY type, page, device
