-- Ways by which one client can be reached, the preferred one first.
SELECT contact_type, updated_on, is_valid, is_preferred FROM contacts WHERE client_id = $client_id ORDER BY coalesce(is_preferred, FALSE) DESC, is_valid DESC, contact_type
