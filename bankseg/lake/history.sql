-- What arrives is placed among what is known of the same keys. One key's versions follow one another in time: each is valid until the next starts.
-- A new key starts when its fact was recorded; a change to a known key starts at $changed_at, the day of the extract that brought it.
CREATE OR REPLACE TABLE version AS
WITH incoming AS (
    SELECT key, content, file_no, row_number, recorded_at, recorded_is_assumed,
           row_number() OVER (PARTITION BY key ORDER BY file_no, row_number) AS nth,
           first_value(recorded_at) OVER (PARTITION BY key ORDER BY file_no, row_number) AS seen_at
    FROM arrived
),
first_known AS (
    SELECT key, min(recorded_at) AS first_at FROM known GROUP BY key
),
placed AS (
    SELECT incoming.key, content, file_no, row_number,
           NULL::VARCHAR AS filename, NULL::BIGINT AS file_row_number, NULL::TIMESTAMP AS old_until,
           CASE WHEN NOT recorded_is_assumed OR (first_at IS NULL AND nth = 1) THEN recorded_at
                ELSE greatest(CAST($changed_at AS TIMESTAMP), coalesce(first_at, seen_at)) END AS start_at,
           recorded_is_assumed AND first_at IS NULL AND nth = 1 AS is_assumed
    FROM incoming LEFT JOIN first_known USING (key)
    UNION ALL
    SELECT key, content, -1, file_row_number, filename, file_row_number, recorded_until, recorded_at, recorded_is_assumed FROM known
),
compared AS (
    SELECT *, content IS NOT DISTINCT FROM lag(content) OVER (PARTITION BY key ORDER BY start_at, file_no, row_number) AS repeats_previous
    FROM placed
)
SELECT * EXCLUDE (repeats_previous), false AS is_duplicate,
       lead(start_at) OVER (PARTITION BY key ORDER BY start_at, file_no, row_number) AS until_at
FROM compared WHERE NOT (repeats_previous AND file_no >= 0)
UNION ALL
SELECT * EXCLUDE (repeats_previous), true, NULL FROM compared WHERE repeats_previous AND file_no >= 0;
