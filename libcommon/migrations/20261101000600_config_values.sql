-- migrate:up

-- Identity's runtime_configs as the other services know them (config.changed). An inactive key
-- keeps its row, so that an older event cannot bring it back.
CREATE TABLE config_values (
	config_key text PRIMARY KEY,
	config_group text,
	value jsonb NOT NULL,
	is_active boolean NOT NULL DEFAULT true,
	version bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON config_values TO nxt_runtime;

-- migrate:down

DROP TABLE config_values;
