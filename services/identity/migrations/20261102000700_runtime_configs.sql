-- migrate:up

-- A key is known in all services by its name alone, so it is unique over all groups.
CREATE TABLE runtime_configs (
	id uuid PRIMARY KEY,
	config_group text NOT NULL,
	config_key text NOT NULL UNIQUE,
	config_value_json jsonb NOT NULL,
	is_active boolean NOT NULL DEFAULT true,
	description text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	reason text				-- why the last change was made
);
CREATE INDEX runtime_configs_config_group_idx ON runtime_configs (config_group, config_key);

-- Added: what each value was before, who changed it and why. Kept after the key itself is gone.
CREATE TABLE runtime_config_versions (
	runtime_config_id uuid NOT NULL,
	version bigint NOT NULL,
	config_key text NOT NULL,
	config_value_json jsonb NOT NULL,
	is_active boolean NOT NULL,
	reason text,
	changed_by_user_id uuid REFERENCES users,	-- NULL: set by a command
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (runtime_config_id, version)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON runtime_configs TO nxt_runtime;
GRANT SELECT, INSERT ON runtime_config_versions TO nxt_runtime;

-- migrate:down

DROP TABLE runtime_config_versions;
DROP TABLE runtime_configs;
