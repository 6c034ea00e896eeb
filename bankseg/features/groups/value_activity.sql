-- Fees received and the cost of serving each channel over the last 12 months.
SELECT
    t.client_id,
    CAST(coalesce(-sum(t.amount_minor) FILTER (WHERE t.type = 'fee'), 0) AS BIGINT) AS fees_12m_minor,
    CAST(sum(coalesce(c.cost_minor, 0)) AS BIGINT) AS service_cost_12m_minor
FROM transactions AS t
LEFT JOIN channel_costs AS c ON c.channel = t.channel
WHERE t.booked_on > $after_365d
GROUP BY t.client_id
