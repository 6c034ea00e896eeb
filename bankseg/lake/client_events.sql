-- What happened to one client in the year up to the day, newest first. A large transfer is one of at least $large_minor and of at least a month's mean money in.
WITH movements AS (
    SELECT booked_on, type, amount_minor, currency, transaction_id
    FROM transactions
    WHERE client_id = $client_id AND booked_on > $since
),
mean_month AS (
    SELECT coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0 AND type NOT IN ('internal_transfer', 'reversal')), 0) AS year_minor FROM movements
),
rated AS (
    SELECT source, scored_on, score, lag(score) OVER (PARTITION BY source ORDER BY scored_on) AS score_before
    FROM credit_scores
    WHERE client_id = $client_id
),
happened AS (
    SELECT opened_on AS happened_on, 'opened' AS kind, product AS what, CAST(NULL AS BIGINT) AS amount_minor, CAST(NULL AS DOUBLE) AS score, CAST(NULL AS DOUBLE) AS score_before, account_id AS reference
    FROM accounts WHERE client_id = $client_id AND opened_on > $since
    UNION ALL
    SELECT closed_on, 'closed', product, NULL, NULL, NULL, account_id FROM accounts WHERE client_id = $client_id AND closed_on > $since
    UNION ALL
    SELECT occurred_on, kind, reason, NULL, NULL, NULL, interaction_id FROM interactions WHERE client_id = $client_id AND occurred_on > $since
    UNION ALL
    SELECT decided_on, CASE WHEN is_granted THEN 'consent_given' ELSE 'consent_withdrawn' END, purpose, NULL, NULL, NULL, proof
    FROM consents WHERE client_id = $client_id AND decided_on > $since
    UNION ALL
    SELECT contacted_on, 'campaign', campaign, NULL, NULL, NULL, campaign_contact_id
    FROM campaign_contacts WHERE client_id = $client_id AND contacted_on > $since AND arm = 'treated'
    UNION ALL
    SELECT answered_on, 'survey', question, NULL, NULL, NULL, wave FROM surveys WHERE client_id = $client_id AND answered_on > $since
    UNION ALL
    SELECT scored_on, 'credit_score', source, NULL, score, score_before, NULL FROM rated WHERE scored_on > $since AND score <> score_before
    UNION ALL
    SELECT booked_on, CASE WHEN type IN ('salary', 'pension') THEN 'income' ELSE type END, type, amount_minor, NULL, NULL, transaction_id
    FROM movements WHERE type IN ('salary', 'pension', 'rejected_debit')
    UNION ALL
    SELECT m.booked_on, CASE WHEN m.amount_minor > 0 THEN 'large_in' ELSE 'large_out' END, m.type, m.amount_minor, NULL, NULL, m.transaction_id
    FROM movements AS m, mean_month AS t
    WHERE m.type IN ('transfer_in', 'transfer_out', 'cheque_in', 'cheque_out', 'other') AND abs(m.amount_minor) >= $large_minor AND abs(m.amount_minor) * 12 >= t.year_minor
)
SELECT * FROM happened ORDER BY happened_on DESC, kind, reference, what, amount_minor
