-- Fees received and the cost of serving each channel over the last 12 months: movements by channel, times what one costs there.
WITH served AS (
    SELECT
        client_id,
        sum(amount_minor) FILTER (WHERE type = 'fee') AS fee_minor,
        count(*) FILTER (WHERE channel = 'mobile') AS mobile,
        count(*) FILTER (WHERE channel = 'web') AS web,
        count(*) FILTER (WHERE channel = 'branch') AS branch,
        count(*) FILTER (WHERE channel = 'atm') AS atm,
        count(*) FILTER (WHERE channel = 'phone') AS phone,
        count(*) FILTER (WHERE channel = 'card_terminal') AS card_terminal,
        count(*) FILTER (WHERE channel = 'automatic') AS automatic,
        count(*) FILTER (WHERE channel = 'mail') AS mail,
        count(*) FILTER (WHERE channel = 'unknown') AS unknown
    FROM transactions
    WHERE booked_on > $after_365d
    GROUP BY client_id
),
costs AS (
    SELECT
        coalesce(max(cost_minor) FILTER (WHERE channel = 'mobile'), 0) AS mobile_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'web'), 0) AS web_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'branch'), 0) AS branch_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'atm'), 0) AS atm_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'phone'), 0) AS phone_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'card_terminal'), 0) AS card_terminal_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'automatic'), 0) AS automatic_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'mail'), 0) AS mail_minor,
        coalesce(max(cost_minor) FILTER (WHERE channel = 'unknown'), 0) AS unknown_minor
    FROM channel_costs
)
SELECT
    s.client_id,
    CAST(coalesce(-s.fee_minor, 0) AS BIGINT) AS fees_12m_minor,
    CAST(
        s.mobile * c.mobile_minor
        + s.web * c.web_minor
        + s.branch * c.branch_minor
        + s.atm * c.atm_minor
        + s.phone * c.phone_minor
        + s.card_terminal * c.card_terminal_minor
        + s.automatic * c.automatic_minor
        + s.mail * c.mail_minor
        + s.unknown * c.unknown_minor AS BIGINT
    ) AS service_cost_12m_minor
FROM served AS s
CROSS JOIN costs AS c
