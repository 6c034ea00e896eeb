-- Individuals whom repeated incidents make vulnerable (CMF R.312-4-3): incidents in three months running, or five in one month, within the ceiling of monthly
-- resources; whoever met it in one of the last months stays flagged. Months are calendar months, the as-of date's own the last; an incident is a rejected debit.
WITH monthly AS (
    SELECT
        client_id,
        $as_of_month - (year(booked_on) * 12 + month(booked_on) - 1) AS months_ago,
        count(*) FILTER (WHERE type = 'rejected_debit') AS incidents,
        sum(amount_minor) FILTER (
            WHERE amount_minor > 0 AND booked_on > $resources_after AND type IN ('salary', 'pension', 'transfer_in', 'cheque_in', 'cash_deposit')
        ) AS resources_minor
    FROM transactions
    WHERE booked_on >= $first_on
    GROUP BY client_id, months_ago
),
troubled AS (
    SELECT client_id, months_ago, incidents FROM monthly WHERE incidents > 0
),
met AS (
    SELECT
        t.client_id,
        t.months_ago,
        t.incidents >= $incidents_in_month AS has_many,
        count(b.client_id) = $months_running AS has_run
    FROM troubled AS t
    JOIN troubled AS b ON b.client_id = t.client_id AND b.months_ago BETWEEN t.months_ago AND t.months_ago + $months_running - 1
    WHERE t.months_ago < $flagged_months
    GROUP BY t.client_id, t.months_ago, t.incidents
),
latest AS (
    SELECT client_id, min(months_ago) AS months_ago, bool_or(has_many) AS has_many FROM met WHERE has_many OR has_run GROUP BY client_id
),
resources AS (
    SELECT client_id, CAST(sum(resources_minor) / 3 AS BIGINT) AS resources_month_minor FROM monthly GROUP BY client_id
),
counted AS (
    SELECT client_id, count(*) AS incident_months, max(incidents) AS incidents_in_worst_month
    FROM troubled
    WHERE months_ago < $flagged_months
    GROUP BY client_id
)
SELECT
    c.client_id,
    coalesce(n.incident_months, 0) AS incident_months,
    coalesce(n.incidents_in_worst_month, 0) AS incidents_in_worst_month,
    coalesce(r.resources_month_minor, 0) AS resources_month_minor,
    c.kind = 'individual' AND l.client_id IS NOT NULL AND coalesce(r.resources_month_minor, 0) <= $resource_ceiling_minor AS is_flagged,
    CASE
        WHEN c.kind = 'individual' AND l.client_id IS NOT NULL AND coalesce(r.resources_month_minor, 0) <= $resource_ceiling_minor
            THEN last_day(make_date(CAST(($as_of_month - l.months_ago + $flagged_months) // 12 AS INTEGER), CAST(($as_of_month - l.months_ago + $flagged_months) % 12 + 1 AS INTEGER), 1))
    END AS protected_until_on,
    CASE
        WHEN c.kind = 'individual' AND l.client_id IS NOT NULL AND coalesce(r.resources_month_minor, 0) <= $resource_ceiling_minor
            THEN CASE WHEN l.has_many THEN 'many_in_month' ELSE 'months_running' END
    END AS protected_because
FROM clients AS c
LEFT JOIN counted AS n ON n.client_id = c.client_id
LEFT JOIN latest AS l ON l.client_id = c.client_id
LEFT JOIN resources AS r ON r.client_id = c.client_id
