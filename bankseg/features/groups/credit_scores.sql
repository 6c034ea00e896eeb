-- The rating the bank gives: level and movement. bankseg consumes it and never makes one.
SELECT
    client_id,
    arg_max(score, scored_on) AS credit_score,
    arg_max(source, scored_on) AS credit_source,
    date_diff('day', max(scored_on), $as_of) AS credit_score_age_days,
    arg_max(score, scored_on) - arg_max(score, scored_on) FILTER (WHERE scored_on <= $after_90d) AS credit_score_change_90d,
    arg_max(score, scored_on) - arg_max(score, scored_on) FILTER (WHERE scored_on <= $after_180d) AS credit_score_change_180d,
    min(score) FILTER (WHERE scored_on > $after_365d) AS credit_score_lowest_365d
FROM credit_scores
GROUP BY client_id
