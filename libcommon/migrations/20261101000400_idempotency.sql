-- migrate:up

-- The first answer to a request with an Idempotency-Key, kept in the effect's own transaction and
-- replayed byte for byte. Only 2xx answers are kept, for 24 hours.
CREATE TABLE idempotency_keys (
	key_hash bytea PRIMARY KEY,		-- SHA-256 over sub, method, path and key
	request_hash bytea NOT NULL,		-- SHA-256 of the body: another one is refused
	status smallint NOT NULL,
	headers jsonb NOT NULL,			-- ETag, Location, Content-Type
	body bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL
);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO nxt_runtime;

-- migrate:down

DROP TABLE idempotency_keys;
