-- migrate:up

CREATE TABLE roles (
	id uuid PRIMARY KEY,
	key text NOT NULL UNIQUE,
	name text NOT NULL,
	audience text NOT NULL CHECK (audience IN ('INTERNAL', 'EXTERNAL')),
	description text,
	department_id uuid REFERENCES departments,
	can_approve_requests boolean NOT NULL DEFAULT false,
	can_manage_system_settings boolean NOT NULL DEFAULT false,
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE INDEX roles_department_id_idx ON roles (department_id);

-- Filled from what the daemons declare: `<resource>.<verb>` in the URL's words.
CREATE TABLE permissions (
	id uuid PRIMARY KEY,
	key text NOT NULL UNIQUE,
	name text NOT NULL,
	description text,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE role_permissions (
	id uuid PRIMARY KEY,
	role_id uuid NOT NULL REFERENCES roles ON DELETE CASCADE,
	permission_key text NOT NULL REFERENCES permissions (key),
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	UNIQUE (role_id, permission_key)
);
CREATE INDEX role_permissions_permission_key_idx ON role_permissions (permission_key);

-- Asked for, decided, revoked (APPROVED>REJECTED) and asked for again: one row per user and role.
CREATE TABLE user_roles (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users,
	role_id uuid NOT NULL REFERENCES roles,
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
	approved_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	expires_at timestamptz,			-- a time-bound grant ends by clock
	requested_by_user_id uuid REFERENCES users,	-- may not be the one who decides
	decided_by_user_id uuid REFERENCES users,	-- NULL where policy or a clock decided
	decided_at timestamptz,			-- asking again has to wait from here
	remarks text,
	UNIQUE (user_id, role_id),
	CONSTRAINT user_roles_own_decision_check CHECK (status <> 'APPROVED' OR decided_by_user_id <> user_id)
);
CREATE INDEX user_roles_role_id_idx ON user_roles (role_id);
CREATE INDEX user_roles_status_idx ON user_roles (status, created_at, id);
CREATE INDEX user_roles_expires_at_idx ON user_roles (expires_at)
	WHERE status = 'APPROVED' AND expires_at IS NOT NULL;

CREATE TRIGGER user_roles_status_guard
	BEFORE INSERT OR UPDATE OF status ON user_roles
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING', '>APPROVED',
		'PENDING>APPROVED', 'PENDING>REJECTED', 'REJECTED>PENDING', 'APPROVED>REJECTED');

GRANT SELECT, INSERT, UPDATE, DELETE ON roles, permissions, role_permissions, user_roles
	TO nxt_runtime;

-- migrate:down

DROP TABLE user_roles;
DROP TABLE role_permissions;
DROP TABLE permissions;
DROP TABLE roles;
