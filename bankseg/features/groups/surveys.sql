-- What the client said: the latest recommendation score and how old it is.
SELECT
    client_id,
    arg_max(answer_value, answered_on) FILTER (WHERE lower(question) = 'nps') AS latest_nps,
    date_diff('day', max(answered_on), $as_of) AS days_since_survey,
    count(*) FILTER (WHERE answered_on > $after_365d) AS survey_answers_365d
FROM surveys
GROUP BY client_id
