-- Flat yearly margin and cost of contracts, in proportion to the part of the last 12 months they were open.
WITH share AS (
    SELECT
        a.client_id,
        p.annual_margin_minor,
        p.annual_cost_minor,
        greatest(date_diff('day', greatest(a.opened_on, $after_365d), coalesce(a.closed_on, $as_of)), 0) / 365.0 AS part_of_year
    FROM accounts AS a JOIN products AS p ON p.product = a.product
)
SELECT
    client_id,
    CAST(sum(CAST(round(annual_margin_minor * part_of_year) AS BIGINT)) AS BIGINT) AS contract_margin_12m_minor,
    CAST(sum(CAST(round(annual_cost_minor * part_of_year) AS BIGINT)) AS BIGINT) AS account_cost_12m_minor
FROM share
GROUP BY client_id
