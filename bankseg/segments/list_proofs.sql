-- The consent in force of each client and purpose as known on the day, with the reference of its proof; null where the bank kept none.
SELECT client_id, purpose, nullif(latest.proof, '') AS proof, latest.decided_on AS decided_on
FROM (
    SELECT client_id, purpose, max_by(struct_pack(proof := coalesce(proof, ''), decided_on := decided_on, is_granted := is_granted), decided_on) AS latest
    FROM consents
    GROUP BY client_id, purpose
)
WHERE latest.is_granted
