-- Everything one client answered in surveys, newest first.
SELECT answered_on, wave, question, answer, answer_value FROM surveys WHERE client_id = $client_id ORDER BY answered_on DESC, wave DESC, question
