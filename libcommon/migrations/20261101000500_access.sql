-- migrate:up

-- What each service must know of identity to judge a token without asking: fed by
-- role.permissions_changed, user.access_changed, session.revoked and signing_key.removed, and read
-- each second by every replica (changed_at, ended_at, removed_at are this database's clock).

CREATE TABLE access_roles (
	role_key text PRIMARY KEY,
	role_id uuid,
	permissions text[] NOT NULL,
	can_approve_requests boolean NOT NULL,
	can_manage_system_settings boolean NOT NULL,
	is_active boolean NOT NULL,
	version bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE access_users (
	user_id uuid PRIMARY KEY,
	epoch bigint NOT NULL,			-- a token with a lower one is stale
	status text NOT NULL,
	role_keys text[] NOT NULL,
	employee_id uuid,
	department_id uuid,
	version bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX access_users_changed_at_idx ON access_users (changed_at);
-- Who of the staff holds a permission: staff are few among many users.
CREATE INDEX access_users_employee_id_idx ON access_users (employee_id) WHERE employee_id IS NOT NULL;

-- Sessions that ended before their tokens did.
CREATE TABLE access_sessions (
	session_id uuid PRIMARY KEY,
	user_id uuid,
	ended_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX access_sessions_ended_at_idx ON access_sessions (ended_at);

-- Signing keys whose tokens are refused.
CREATE TABLE access_keys (
	kid text PRIMARY KEY,
	removed_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON access_roles, access_users, access_sessions, access_keys
	TO nxt_runtime;

-- migrate:down

DROP TABLE access_keys;
DROP TABLE access_sessions;
DROP TABLE access_users;
DROP TABLE access_roles;
