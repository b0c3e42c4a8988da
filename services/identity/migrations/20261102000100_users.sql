-- migrate:up

-- Every "-- added" block lists columns that the target schema does not name.
-- version: the aggregate's version, bumped by each change; ETag and aggregate_version.

-- A person or a company that signs in. Never deleted: an erased user keeps the id, the e-mail
-- becomes erased-<id>@erased.invalid and the other personal fields NULL.
CREATE TABLE users (
	id uuid PRIMARY KEY,
	email text NOT NULL UNIQUE,
	phone text UNIQUE,
	password_hash text,			-- argon2id, in its own text form
	account_type text NOT NULL CHECK (account_type IN ('INDIVIDUAL', 'COMPANY')),
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('ACTIVE', 'PENDING', 'SUSPENDED')),
	last_login_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	access_epoch bigint NOT NULL DEFAULT 1,	-- tokens with a lower one are stale
	display_name text,			-- how mails and lists call the user
	email_verified_at timestamptz,
	email_unreachable_at timestamptz,	-- set when a mail bounced for good
	password_changed_at timestamptz,
	suspended_reason text,
	suspended_until timestamptz,
	erased_at timestamptz,
	CONSTRAINT users_password_hash_check CHECK (password_hash IS NOT NULL OR erased_at IS NOT NULL)
);
CREATE UNIQUE INDEX users_email_lower_key ON users (lower(email));
CREATE INDEX users_created_at_idx ON users (created_at, id);

CREATE TRIGGER users_status_guard
	BEFORE INSERT OR UPDATE OF status ON users
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>ACTIVE', 'PENDING>SUSPENDED', 'ACTIVE>SUSPENDED', 'SUSPENDED>ACTIVE');

CREATE TABLE user_settings (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL UNIQUE REFERENCES users,
	settings_json jsonb NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

GRANT SELECT, INSERT, UPDATE ON users TO nxt_runtime;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_settings TO nxt_runtime;

-- migrate:down

DROP TABLE user_settings;
DROP TABLE users;
