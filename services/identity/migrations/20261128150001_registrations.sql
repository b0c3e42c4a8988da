-- migrate:up

-- Whoever follows the link of a registration gets the account as that registration asked for it, though
-- somebody else may have named the address first: what each asked for travels with its own link.
ALTER TABLE link_requests ADD COLUMN registration text;	-- JSON, as one_time_tokens.new_value; NULL: no registration

-- How many links an address was sent of late that others want to change theirs to.
CREATE INDEX one_time_tokens_new_address_idx ON one_time_tokens (lower(new_value), created_at)
	WHERE purpose = 'CHANGE_EMAIL';

-- What a session last proved who it is with: changes of second factors ask for one where there is one.
ALTER TABLE user_sessions ADD COLUMN authenticated_with text;	-- NULL: before it was noted

-- migrate:down

ALTER TABLE user_sessions DROP COLUMN authenticated_with;
DROP INDEX one_time_tokens_new_address_idx;
ALTER TABLE link_requests DROP COLUMN registration;
