-- Whether the client can be reached, and how they prefer it.
SELECT
    client_id,
    max(CASE WHEN is_valid THEN 1 ELSE 0 END) AS is_reachable,
    max(CASE WHEN is_preferred AND is_valid THEN contact_type END) AS preferred_contact
FROM contacts
GROUP BY client_id
