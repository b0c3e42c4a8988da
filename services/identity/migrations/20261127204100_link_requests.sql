-- migrate:up

-- Links by mail that a stranger asked for. The row is written for every address alike and looked
-- into after the answer, so that neither the answer nor its time tells which address has an account.
CREATE TABLE link_requests (
	id uuid PRIMARY KEY,
	purpose text NOT NULL CHECK (purpose IN ('VERIFY_EMAIL', 'RESET_PASSWORD')),
	email text NOT NULL,
	source_type text NOT NULL,	-- from here on: what the events say of the request
	request_id uuid NOT NULL,
	traceparent text NOT NULL,
	ip_address text,
	user_agent text,
	created_at timestamptz NOT NULL DEFAULT now()
);

-- UPDATE: what FOR UPDATE asks for
GRANT SELECT, INSERT, UPDATE, DELETE ON link_requests TO nxt_runtime;

-- migrate:down

DROP TABLE link_requests;
