-- migrate:up

-- Users and employees that rows of the log name; a row that names an unknown one makes a stub
-- (known = false), which the owner's event fills. Never deleted, blanked by erasure.
-- version: the owner's aggregate version last applied; an older event changes nothing.

CREATE TABLE user_refs (
	id uuid PRIMARY KEY,
	status text,
	account_type text,
	display_name text,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX user_refs_stub_idx ON user_refs (created_at) WHERE NOT known;

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
CREATE INDEX employee_refs_stub_idx ON employee_refs (created_at) WHERE NOT known;

GRANT SELECT, INSERT, UPDATE ON user_refs, employee_refs TO nxt_runtime;

-- migrate:down

DROP TABLE employee_refs;
DROP TABLE user_refs;
