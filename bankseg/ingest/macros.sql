-- Luhn's check over a text of digits: each second digit from the right is doubled and its digits added.
CREATE OR REPLACE TEMP MACRO passes_luhn(digits) AS
    list_sum(list_transform(generate_series(1, length(digits)), lambda place:
        CASE WHEN place % 2 = 0
             THEN CAST(substr(reverse(digits), place, 1) AS INTEGER) * 2 // 10 + CAST(substr(reverse(digits), place, 1) AS INTEGER) * 2 % 10
             ELSE CAST(substr(reverse(digits), place, 1) AS INTEGER) END)) % 10 = 0;

-- A payment card number anywhere in a text: 13 to 19 digits, perhaps in groups. CASE is lazy: short texts cost nothing more.
CREATE OR REPLACE TEMP MACRO holds_card_number(value) AS CASE
    WHEN strlen(value) < 13 THEN false
    WHEN NOT regexp_matches(value, '[2-6][0-9](?:[ -]?[0-9]){11,17}') THEN false
    ELSE coalesce(list_bool_or(list_transform(regexp_extract_all(value, '[2-6][0-9](?:[ -]?[0-9]){11,17}'), lambda found: passes_luhn(regexp_replace(found, '[^0-9]', '', 'g')))), false)
    END;

-- Identifiers are long digit strings by nature and one in ten passes Luhn's check by chance: the whole value must also begin as issuers' numbers do.
CREATE OR REPLACE TEMP MACRO is_card_number(value) AS CASE
    WHEN strlen(value) < 13 THEN false
    WHEN NOT regexp_full_match(value, '4[0-9]{12}(?:[0-9]{3}(?:[0-9]{3})?)?|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}|3[47][0-9]{13}|6(?:011|5[0-9]{2})[0-9]{12}') THEN false
    ELSE passes_luhn(value)
    END;

-- An identifier that a spreadsheet wrote as a number: 1.23457E+15.
CREATE OR REPLACE TEMP MACRO is_scientific(value) AS CASE
    WHEN NOT contains(value, '+') THEN false
    ELSE regexp_full_match(value, '[0-9]+([.,][0-9]+)?[eE]\+[0-9]{2,3}')
    END;

-- First six and last four digits of each long run, as a card scheme allows them to be shown.
CREATE OR REPLACE TEMP MACRO mask_card_number(value) AS
    regexp_replace(value, '([0-9]{4}[ -]?[0-9]{2})(?:[ -]?[0-9]){3,9}([ -]?[0-9]{4})', '\1******\2', 'g');
