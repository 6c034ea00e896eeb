-- Each arm of a list as a later roll finds it: who has the outcome, who was contacted. Everybody drawn counts, whatever became of them.
SELECT
    m.arm,
    count(*) AS clients,
    count(r.client_id) AS found,
    count(*) FILTER (WHERE $later - r.opened_days BETWEEN $first_day AND $last_day) AS sold,
    count(*) FILTER (WHERE r.client_id IS NOT NULL AND r.is_client) AS stayed,
    count(*) FILTER (WHERE $later - r.contacted_days BETWEEN $first_day AND $last_day) AS contacted
FROM read_parquet($members) AS m
LEFT JOIN subject AS r ON r.client_id = m.client_id
GROUP BY m.arm
ORDER BY m.arm
