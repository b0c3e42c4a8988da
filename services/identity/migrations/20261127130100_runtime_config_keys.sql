-- migrate:up

-- Added: what the daemons declare that they read (nxt-<service> --settings), taken up by
-- `nxt-identity settings import`. A value without a declaration would be read by nobody.
CREATE TABLE runtime_config_keys (
	config_key text PRIMARY KEY,
	config_group text NOT NULL,
	schema_json jsonb NOT NULL,
	initial_json jsonb NOT NULL,
	description text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON runtime_config_keys TO nxt_runtime;

-- migrate:down

DROP TABLE runtime_config_keys;
