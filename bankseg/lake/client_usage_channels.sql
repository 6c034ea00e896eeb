-- By which channel one client acts, over the year up to the day; what the bank books by itself does not count.
SELECT channel, count(*) AS movements FROM transactions
WHERE client_id = $client_id AND booked_on > $since AND channel IS NOT NULL AND channel <> 'automatic'
    AND type NOT IN ('fee', 'interest', 'internal_transfer', 'reversal', 'rejected_debit')
GROUP BY channel
ORDER BY movements DESC, channel
