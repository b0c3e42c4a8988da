-- migrate:up

-- Rows of other services that this one points at, fed by their events. known = false: a stub put
-- in place by an id from a signed token or an event, filled when the owner's event arrives.
-- version: the owner's aggregate version last applied; an older event changes nothing.

-- email and phone: where to send; blanked by erasure.
CREATE TABLE user_refs (
	id uuid PRIMARY KEY,
	status text,
	account_type text,
	email text,
	phone text,
	display_name text,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX user_refs_stub_idx ON user_refs (created_at) WHERE NOT known;

-- Whose tickets need a new agent.
CREATE TABLE employee_refs (
	id uuid PRIMARY KEY,
	user_id uuid,
	employee_code text,
	status text,				-- employment_status
	department_id uuid,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX employee_refs_user_id_idx ON employee_refs (user_id);
CREATE INDEX employee_refs_stub_idx ON employee_refs (created_at) WHERE NOT known;

-- What a ticket or a notification may be about, with its owner.
CREATE TABLE entity_refs (
	entity_type text NOT NULL,		-- singular table name
	id uuid NOT NULL,
	user_id uuid,				-- the owner
	label text,
	status text,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (entity_type, id)
);
CREATE INDEX entity_refs_stub_idx ON entity_refs (created_at) WHERE NOT known;

-- Identity's user_settings, for the preferences per topic and channel.
CREATE TABLE user_settings_refs (
	user_id uuid PRIMARY KEY,
	settings_json jsonb NOT NULL DEFAULT '{}',
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE ON user_refs, employee_refs, entity_refs, user_settings_refs TO nxt_runtime;

-- migrate:down

DROP TABLE user_settings_refs;
DROP TABLE entity_refs;
DROP TABLE employee_refs;
DROP TABLE user_refs;
