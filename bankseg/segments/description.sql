-- What describes a client and no model may read: civil status, place, language, the days to the next birthday (29 February is kept on the 28th).
WITH birthday AS (
    SELECT
        client_id, month(birth_on) AS m,
        CASE WHEN month(birth_on) = 2 AND day(birth_on) = 29 THEN 28 ELSE day(birth_on) END AS d
    FROM clients WHERE birth_on IS NOT NULL
)
SELECT
    c.client_id, c.sex, c.marital_status, c.dependants, c.household_id, c.country, c.region, c.commune_code, c.postcode, c.language, c.naf_code,
    c.prospect_source,
    CASE
        WHEN make_date(year($as_of), b.m, b.d) >= $as_of THEN date_diff('day', $as_of, make_date(year($as_of), b.m, b.d))
        ELSE date_diff('day', $as_of, make_date(year($as_of) + 1, b.m, b.d))
    END AS days_to_birthday
FROM clients AS c
LEFT JOIN birthday AS b ON b.client_id = c.client_id
ORDER BY c.client_id
