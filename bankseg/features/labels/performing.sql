-- Clients of the population who are not in default: no instalment open for longer than the policy's limit.
WITH in_default AS (
    SELECT DISTINCT client_id
    FROM instalments
    WHERE (paid_on IS NULL OR coalesce(paid_minor, amount_minor) < amount_minor) AND date_diff('day', due_on, $as_of) > $most_days_past_due
)
SELECT h.client_id
FROM clients_with_history AS h
LEFT JOIN in_default AS d ON d.client_id = h.client_id
WHERE d.client_id IS NULL
