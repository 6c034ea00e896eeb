-- Every rating of one client, newest first.
SELECT scored_on, source, score FROM credit_scores WHERE client_id = $client_id ORDER BY scored_on DESC, source
