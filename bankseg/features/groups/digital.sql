-- Digital behaviour: sign-ins, silence, and what the client looked at; counted by kind, page and window first, then summed over these few.
WITH parts AS (
    SELECT
        client_id,
        type,
        page,
        CASE
            WHEN event_on > $after_30d THEN 0 WHEN event_on > $after_90d THEN 1
            WHEN event_on > $after_365d THEN 2 ELSE 3
        END AS window_rank,
        sum(coalesce(count, 1)) AS events,
        max(event_on) AS last_on
    FROM digital_events
    GROUP BY client_id, type, page, window_rank
),
seen AS (
    SELECT
        client_id,
        type,
        page,
        max(last_on) AS last_on,
        coalesce(sum(events) FILTER (WHERE window_rank = 0), 0) AS events_30d,
        coalesce(sum(events) FILTER (WHERE window_rank <= 1), 0) AS events_90d,
        coalesce(sum(events) FILTER (WHERE window_rank <= 2), 0) AS events_365d
    FROM parts
    GROUP BY client_id, type, page
),
of_kind AS (
    SELECT
        client_id,
        max(last_on) FILTER (WHERE type = 'login') AS last_login_on,
        coalesce(sum(events_30d) FILTER (WHERE type = 'login'), 0) AS logins_30d,
        coalesce(sum(events_90d) FILTER (WHERE type = 'login'), 0) AS logins_90d,
        coalesce(sum(events_365d) FILTER (WHERE type = 'login'), 0) AS logins_365d,
        coalesce(sum(events_90d) FILTER (WHERE type = 'simulation'), 0) AS simulations_90d,
        coalesce(sum(events_90d) FILTER (WHERE type = 'application_abandoned'), 0) AS abandoned_applications_90d,
        coalesce(sum(events_90d) FILTER (WHERE type = 'download'), 0) AS downloads_90d
    FROM seen
    GROUP BY client_id
),
looked AS (
    SELECT client_id, page, sum(events_30d) AS interest_30d, sum(events_90d) AS interest_90d
    FROM seen
    WHERE type IN ('simulation', 'page_view', 'application_started', 'application_abandoned')
    GROUP BY client_id, page
),
interest AS (
    SELECT
        client_id,
        sum(interest_30d) FILTER (WHERE page = each_product) AS interest_30d__each_product,
        sum(interest_90d) FILTER (WHERE page = each_product) AS interest_90d__each_product
    FROM looked
    GROUP BY client_id
)
SELECT
    k.client_id,
    date_diff('day', k.last_login_on, $as_of) AS days_since_login,
    k.logins_30d,
    k.logins_90d,
    k.logins_365d,
    k.logins_90d * 365 / nullif(k.logins_365d * 90.0, 0) AS login_pace_90d,
    k.logins_30d * 90 / nullif(k.logins_90d * 30.0, 0) AS login_pace_30d,
    k.simulations_90d,
    k.abandoned_applications_90d,
    k.downloads_90d,
    coalesce(i.interest_30d__each_product, 0) AS interest_30d__each_product,
    coalesce(i.interest_90d__each_product, 0) AS interest_90d__each_product
FROM of_kind AS k
LEFT JOIN interest AS i ON i.client_id = k.client_id
