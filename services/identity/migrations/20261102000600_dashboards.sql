-- migrate:up

-- Layers: built-in < default < role < user. owner_id is a role or a user; NULL is the default
-- layer of that owner type.
CREATE TABLE dashboard_configs (
	id uuid PRIMARY KEY,
	dashboard_type text NOT NULL CHECK (dashboard_type IN ('INTERNAL', 'EXTERNAL')),
	owner_type text NOT NULL CHECK (owner_type IN ('ROLE', 'USER')),
	owner_id uuid,
	name text NOT NULL,
	layout_json jsonb NOT NULL DEFAULT '{}',
	is_default boolean NOT NULL DEFAULT false,
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX dashboard_configs_is_default_key
	ON dashboard_configs (dashboard_type, owner_type, owner_id) NULLS NOT DISTINCT WHERE is_default;
CREATE INDEX dashboard_configs_owner_id_idx ON dashboard_configs (owner_id, created_at, id);

CREATE TABLE dashboard_widgets (
	id uuid PRIMARY KEY,
	dashboard_config_id uuid NOT NULL REFERENCES dashboard_configs ON DELETE CASCADE,
	widget_key text NOT NULL,
	widget_title text,
	config_json jsonb NOT NULL DEFAULT '{}',
	display_order integer NOT NULL DEFAULT 0,
	width_units integer NOT NULL DEFAULT 1 CHECK (width_units > 0),
	height_units integer NOT NULL DEFAULT 1 CHECK (height_units > 0),
	is_visible boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE INDEX dashboard_widgets_dashboard_config_id_idx ON dashboard_widgets (dashboard_config_id, display_order);

GRANT SELECT, INSERT, UPDATE, DELETE ON dashboard_configs, dashboard_widgets TO nxt_runtime;

-- migrate:down

DROP TABLE dashboard_widgets;
DROP TABLE dashboard_configs;
