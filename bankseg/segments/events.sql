-- Moves of clients between two rosters of one version: in an exclusive scheme from segment to segment, in an overlapping one in and out of each segment.
SELECT
    coalesce(a.client_id, b.client_id) AS client_id,
    coalesce(b.segment, '') AS from_segment,
    coalesce(a.segment, '') AS to_segment,
    coalesce(a.rm_id, b.rm_id) AS rm_id,
    coalesce(a.branch_id, b.branch_id) AS branch_id,
    coalesce(a.value_12m_minor, b.value_12m_minor) AS value_12m_minor,
    coalesce(a.balance_minor, b.balance_minor) AS balance_minor
FROM opening AS b
FULL OUTER JOIN closing AS a ON a.client_id = b.client_id AND ($is_exclusive OR a.segment = b.segment)
WHERE a.segment IS DISTINCT FROM b.segment
ORDER BY client_id, from_segment, to_segment
