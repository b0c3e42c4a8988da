-- migrate:up

-- All added: second factors and the devices a user has signed in from.

CREATE TABLE user_totps (
	user_id uuid PRIMARY KEY REFERENCES users,
	secret_box bytea NOT NULL,		-- sealed with the service's key
	last_step bigint NOT NULL DEFAULT 0,	-- a code's time step counts once
	confirmed_at timestamptz,		-- asked for at sign-in only from then on
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_recovery_codes (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users,
	code_hash text NOT NULL UNIQUE,		-- SHA-256, 64 hex digits
	used_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX user_recovery_codes_user_id_idx ON user_recovery_codes (user_id);

CREATE TABLE user_passkeys (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users,
	credential_id bytea NOT NULL UNIQUE,
	public_key bytea NOT NULL,		-- COSE
	sign_count bigint NOT NULL DEFAULT 0 CHECK (sign_count >= 0),
	transports text[] NOT NULL DEFAULT '{}',
	name text,
	last_used_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX user_passkeys_user_id_idx ON user_passkeys (user_id);

-- A question put to a second factor, answered once.
CREATE TABLE auth_challenges (
	id uuid PRIMARY KEY,
	user_id uuid REFERENCES users,		-- NULL: a passkey that says itself who signs in
	purpose text NOT NULL CHECK (purpose IN ('SIGN_IN', 'STEP_UP', 'ENROL')),
	challenge bytea NOT NULL,
	expires_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX auth_challenges_user_id_idx ON auth_challenges (user_id);
CREATE INDEX auth_challenges_expires_at_idx ON auth_challenges (expires_at);

-- A sign-in from a device not listed here is told to the user.
CREATE TABLE user_devices (
	user_id uuid NOT NULL REFERENCES users,
	device_hash text NOT NULL,		-- SHA-256 over what the client says of itself
	first_seen_at timestamptz NOT NULL DEFAULT now(),
	last_seen_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, device_hash)
);

GRANT SELECT, INSERT, UPDATE, DELETE
	ON user_totps, user_recovery_codes, user_passkeys, auth_challenges, user_devices TO nxt_runtime;

-- migrate:down

DROP TABLE user_devices;
DROP TABLE auth_challenges;
DROP TABLE user_passkeys;
DROP TABLE user_recovery_codes;
DROP TABLE user_totps;
