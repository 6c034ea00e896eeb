-- Who the client is: slowly moving facts of the relationship. Sex, family status and nationality are not read here.
SELECT
    client_id,
    kind AS client_kind,
    status AS client_status,
    date_diff('day', joined_on, $as_of) AS tenure_days,
    date_diff('day', birth_on, $as_of) // 365 AS age_years,
    declared_income_minor,
    housing_type,
    employment_status,
    occupation_code,
    education_level,
    department,
    acquisition_channel,
    employees,
    turnover_minor,
    legal_form,
    CAST(is_forborne AS INTEGER) AS is_forborne
FROM clients
