-- What the client holds: breadth, age of contracts, rates, what matures next.
WITH held AS (
    SELECT a.*, p.nature, a.closed_on IS NULL AS is_open
    FROM accounts AS a LEFT JOIN products AS p ON p.product = a.product
)
SELECT
    client_id,
    count(*) FILTER (WHERE is_open) AS open_accounts,
    count(DISTINCT product) FILTER (WHERE is_open) AS products_held,
    count(*) FILTER (WHERE NOT is_open) AS closed_accounts,
    count(*) FILTER (WHERE opened_on > $after_365d) AS accounts_opened_365d,
    count(*) FILTER (WHERE closed_on > $after_90d) AS accounts_closed_90d,
    count(*) FILTER (WHERE closed_on > $after_365d) AS accounts_closed_365d,
    date_diff('day', max(opened_on), $as_of) AS days_since_last_opening,
    date_diff('day', max(closed_on), $as_of) AS days_since_last_closing,
    date_diff('day', min(opened_on) FILTER (WHERE is_open), $as_of) AS oldest_account_days,
    max(rate_pct) FILTER (WHERE is_open AND nature = 'deposit') AS best_deposit_rate_pct,
    max(CASE WHEN is_open AND rate_type = 'promotional' THEN 1 ELSE 0 END) AS has_promotional_rate,
    min(date_diff('day', $as_of, maturity_on)) FILTER (WHERE is_open AND maturity_on >= $as_of) AS days_to_next_maturity,
    sum(credit_limit_minor) FILTER (WHERE is_open) AS credit_limit_minor,
    sum(principal_minor) FILTER (WHERE is_open AND nature = 'credit') AS loan_principal_minor,
    max(CASE WHEN is_open AND product = each_product THEN 1 ELSE 0 END) AS holds__each_product,
    date_diff('day', max(opened_on) FILTER (WHERE is_open AND product = each_product), $as_of) AS days_since_opening__each_product
FROM held
GROUP BY client_id
