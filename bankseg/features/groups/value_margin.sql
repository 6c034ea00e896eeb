-- Interest margin of the last 12 months: average balance of each account times its spread against the funding rate.
WITH monthly AS (
    SELECT
        b.account_id,
        $as_of_month - (year(b.balance_on) * 12 + month(b.balance_on) - 1) AS months_ago,
        avg(b.balance_minor) AS mean_minor
    FROM balances AS b
    WHERE b.balance_on > $after_365d
    GROUP BY b.account_id, $as_of_month - (year(b.balance_on) * 12 + month(b.balance_on) - 1)
),
by_account AS (
    SELECT account_id, sum(mean_minor) / 12.0 AS average_minor FROM monthly GROUP BY account_id
),
margin AS (
    SELECT
        a.client_id,
        CASE p.nature
            WHEN 'deposit' THEN greatest(b.average_minor, 0) * (p.ftp_pct - coalesce(a.rate_pct, p.rate_pct)) / 100.0
                + greatest(-b.average_minor, 0) * (p.overdraft_rate_pct - p.ftp_pct) / 100.0
            WHEN 'credit' THEN abs(b.average_minor) * (coalesce(a.rate_pct, p.rate_pct) - p.ftp_pct) / 100.0
            ELSE greatest(b.average_minor, 0) * p.margin_pct / 100.0
        END AS margin_minor
    FROM by_account AS b
    JOIN accounts AS a ON a.account_id = b.account_id
    JOIN products AS p ON p.product = a.product
)
SELECT client_id, CAST(sum(CAST(round(margin_minor) AS BIGINT)) AS BIGINT) AS interest_margin_12m_minor
FROM margin
GROUP BY client_id
