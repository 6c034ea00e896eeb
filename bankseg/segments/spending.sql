-- Shares of a year's card spending by kind of shop. Health, religion, unions and parties are left out on purpose: they tell what nobody may use.
WITH spent AS (
    SELECT client_id, TRY_CAST(mcc AS INTEGER) AS code, -amount_minor AS amount
    FROM transactions
    WHERE type = 'card_purchase' AND amount_minor < 0 AND booked_on > $after_365d AND booked_on <= $as_of AND mcc IS NOT NULL
),
kinds AS (
    SELECT
        client_id, amount,
        CASE
            WHEN code IN (5411, 5422, 5441, 5451, 5462, 5499) THEN 'groceries'
            WHEN code BETWEEN 5811 AND 5814 THEN 'restaurants'
            WHEN code BETWEEN 3000 AND 3999 OR code IN (4111, 4112, 4411, 4511, 4722, 7011, 7012) THEN 'travel'
            WHEN code IN (5541, 5542, 5511, 5521, 5531, 5532, 5533, 7523, 7531, 7538, 7542) THEN 'car'
            WHEN code BETWEEN 5611 AND 5699 AND code <> 5641 THEN 'fashion'
            WHEN code IN (5200, 5211, 5231, 5251, 5261, 5712, 5713, 5714, 5719, 5722) THEN 'home'
            WHEN code IN (5641, 5945, 8211, 8351) THEN 'children'
            WHEN code IN (5732, 5733, 5734, 5735, 5815, 5816, 5817, 5818, 5941, 5942, 7832, 7922, 7941, 7991, 7995, 7996, 7997, 7999) THEN 'leisure'
        END AS kind
    FROM spent
),
sums AS (
    SELECT
        client_id, sum(amount) AS total,
        coalesce(sum(amount) FILTER (WHERE kind = 'groceries'), 0) AS groceries, coalesce(sum(amount) FILTER (WHERE kind = 'restaurants'), 0) AS restaurants,
        coalesce(sum(amount) FILTER (WHERE kind = 'travel'), 0) AS travel, coalesce(sum(amount) FILTER (WHERE kind = 'car'), 0) AS car,
        coalesce(sum(amount) FILTER (WHERE kind = 'fashion'), 0) AS fashion, coalesce(sum(amount) FILTER (WHERE kind = 'home'), 0) AS home,
        coalesce(sum(amount) FILTER (WHERE kind = 'children'), 0) AS children, coalesce(sum(amount) FILTER (WHERE kind = 'leisure'), 0) AS leisure
    FROM kinds GROUP BY client_id
)
SELECT
    client_id,
    groceries / total AS spend_share_groceries, restaurants / total AS spend_share_restaurants, travel / total AS spend_share_travel, car / total AS spend_share_car,
    fashion / total AS spend_share_fashion, home / total AS spend_share_home, children / total AS spend_share_children, leisure / total AS spend_share_leisure
FROM sums WHERE total > 0
ORDER BY client_id
