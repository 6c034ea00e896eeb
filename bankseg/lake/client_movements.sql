-- One client's movements of some days, newest first, from a place on.
SELECT t.booked_on, t.transaction_id, t.account_id, a.product, t.type, t.channel, t.amount_minor, t.currency, t.type NOT IN ('internal_transfer', 'reversal') AS is_counted
FROM transactions AS t
LEFT JOIN accounts AS a ON a.account_id = t.account_id AND a.client_id = t.client_id
WHERE t.client_id = $client_id AND t.booked_on >= $first_on AND t.booked_on <= $last_on AND (t.booked_on, t.transaction_id) < ($before_on, $before_id)
ORDER BY t.booked_on DESC, t.transaction_id DESC
LIMIT $most
