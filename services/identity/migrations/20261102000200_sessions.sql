-- migrate:up

-- No token is stored in the clear: session_token and token_hash are SHA-256, 64 hex digits.

CREATE TABLE user_sessions (
	id uuid PRIMARY KEY,			-- the token's sid
	user_id uuid NOT NULL REFERENCES users,
	session_token text NOT NULL UNIQUE,
	ip_address text,
	user_agent text,
	expires_at timestamptz NOT NULL,	-- the absolute end; idle time is counted from last_used_at
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	device text,				-- as named at sign-in
	client text NOT NULL DEFAULT 'API' CHECK (client IN ('UI', 'API')),
	last_used_at timestamptz NOT NULL DEFAULT now(),
	authenticated_at timestamptz NOT NULL DEFAULT now(),	-- last proof of a password or second factor (step-up)
	revoked_at timestamptz,
	revoked_cause text
);
CREATE INDEX user_sessions_user_id_idx ON user_sessions (user_id, created_at, id);
CREATE INDEX user_sessions_expires_at_idx ON user_sessions (expires_at);

-- One row per refresh token ever given; a family is one sign-in and its rotations.
CREATE TABLE refresh_tokens (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users,
	token_hash text NOT NULL UNIQUE,
	expires_at timestamptz NOT NULL,
	revoked boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	family_id uuid NOT NULL,
	parent_id uuid UNIQUE REFERENCES refresh_tokens ON DELETE SET NULL,	-- unique: a token has one successor
	session_id uuid NOT NULL REFERENCES user_sessions ON DELETE CASCADE,
	rotated_at timestamptz,			-- from then on using it again is theft, a short grace aside
	successor_box bytea			-- the successor, sealed with a key only the holder of this token has
);
CREATE INDEX refresh_tokens_user_id_idx ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_family_id_idx ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

-- Added: what a link in a mail, or a code, proves once.
CREATE TABLE one_time_tokens (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users,
	purpose text NOT NULL CHECK (purpose IN ('VERIFY_EMAIL', 'RESET_PASSWORD', 'CHANGE_EMAIL', 'CHANGE_PHONE')),
	token_hash text NOT NULL UNIQUE,
	new_value text,				-- the address or number a CHANGE_… would put in place
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX one_time_tokens_user_id_idx ON one_time_tokens (user_id, purpose, created_at);
CREATE INDEX one_time_tokens_expires_at_idx ON one_time_tokens (expires_at);

-- Added: straight sign-in failures. The key is a hash of the account or of the address, so that an
-- unknown account is throttled exactly as a known one.
CREATE TABLE auth_throttles (
	scope_key text PRIMARY KEY,		-- 'account:<sha256>' or 'address:<sha256>'
	failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
	last_failure_at timestamptz NOT NULL DEFAULT now(),
	blocked_until timestamptz
) WITH (fillfactor = 70);
CREATE INDEX auth_throttles_last_failure_at_idx ON auth_throttles (last_failure_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON user_sessions, refresh_tokens, one_time_tokens, auth_throttles
	TO nxt_runtime;

-- migrate:down

DROP TABLE auth_throttles;
DROP TABLE one_time_tokens;
DROP TABLE refresh_tokens;
DROP TABLE user_sessions;
