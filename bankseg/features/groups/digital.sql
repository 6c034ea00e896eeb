-- Digital behaviour: sign-ins, silence, and what the client looked at.
SELECT
    client_id,
    date_diff('day', max(event_on) FILTER (WHERE type = 'login'), $as_of) AS days_since_login,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'login' AND event_on > $after_30d), 0) AS logins_30d,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'login' AND event_on > $after_90d), 0) AS logins_90d,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'login' AND event_on > $after_365d), 0) AS logins_365d,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'login' AND event_on > $after_90d), 0) * 365
        / nullif(sum(coalesce(count, 1)) FILTER (WHERE type = 'login' AND event_on > $after_365d) * 90.0, 0) AS login_pace_90d,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'login' AND event_on > $after_30d), 0) * 90
        / nullif(sum(coalesce(count, 1)) FILTER (WHERE type = 'login' AND event_on > $after_90d) * 30.0, 0) AS login_pace_30d,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'simulation' AND event_on > $after_90d), 0) AS simulations_90d,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'application_abandoned' AND event_on > $after_90d), 0) AS abandoned_applications_90d,
    coalesce(sum(coalesce(count, 1)) FILTER (WHERE type = 'download' AND event_on > $after_90d), 0) AS downloads_90d,
    coalesce(sum(coalesce(count, 1)) FILTER (
        WHERE type IN ('simulation', 'page_view', 'application_started', 'application_abandoned') AND page = each_product AND event_on > $after_30d
    ), 0) AS interest_30d__each_product,
    coalesce(sum(coalesce(count, 1)) FILTER (
        WHERE type IN ('simulation', 'page_view', 'application_started', 'application_abandoned') AND page = each_product AND event_on > $after_90d
    ), 0) AS interest_90d__each_product
FROM digital_events
GROUP BY client_id
