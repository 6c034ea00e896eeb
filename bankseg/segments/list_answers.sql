-- The latest answer in numbers of every client of a list to each question, after the first contact: how many clients of an arm gave each.
SELECT latest.question, m.arm, latest.answer_value, count(*) AS clients
FROM (
    SELECT client_id, question, max_by(answer_value, struct_pack(answered_on := answered_on, wave := wave)) AS answer_value
    FROM surveys
    WHERE answered_on > $first AND answer_value IS NOT NULL
    GROUP BY client_id, question
) AS latest
JOIN read_parquet($members) AS m ON m.client_id = latest.client_id
GROUP BY latest.question, m.arm, latest.answer_value
