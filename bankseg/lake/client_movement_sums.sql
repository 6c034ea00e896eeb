-- Money in and out of one client over some days: internal transfers and reversals are counted apart, as in every flow the service shows.
SELECT
    count(*) AS movements,
    count(*) FILTER (WHERE type IN ('internal_transfer', 'reversal')) AS left_out,
    CAST(coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0 AND type NOT IN ('internal_transfer', 'reversal')), 0) AS BIGINT) AS credits_minor,
    CAST(coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0 AND type NOT IN ('internal_transfer', 'reversal')), 0) AS BIGINT) AS debits_minor
FROM transactions
WHERE client_id = $client_id AND booked_on >= $first_on AND booked_on <= $last_on
