-- migrate:up

-- Every "-- added" block lists columns that the target schema does not name.
-- version: the aggregate's version, bumped by each change; ETag and aggregate_version.

-- One profile per user and role; the profession's own columns are in its extension table.
CREATE TABLE user_role_profiles (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES user_refs,
	role_key text NOT NULL,
	display_name text,
	bio text,
	location text,
	avatar_url text,
	phone text,				-- never in a public answer, nor is email
	email text,
	status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'ACTIVE', 'SUSPENDED')),
	verification_status text CHECK (verification_status IN ('PENDING', 'VERIFIED', 'REJECTED')),
	approval_status text CHECK (approval_status IN ('PENDING', 'APPROVED', 'REJECTED')),
	rejection_reason text,
	approved_at timestamptz,
	verified_at timestamptz,
	is_profile_public boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	verified_until timestamptz,		-- VERIFIED goes back to PENDING by clock
	suspended_cause text,			-- why SUSPENDED: reinstated only when this cause is gone
	gstin text CHECK (gstin ~ '^[0-9]{2}[0-9A-Z]{13}$'),
	state_code text CHECK (state_code ~ '^[0-9]{2}$'),	-- GST state code: place of supply
	rating_sum bigint NOT NULL DEFAULT 0 CHECK (rating_sum >= 0),
	rating_count integer NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
	UNIQUE (user_id, role_key),
	CONSTRAINT user_role_profiles_gstin_state_check CHECK (left(gstin, 2) = state_code)
);
CREATE INDEX user_role_profiles_status_idx ON user_role_profiles (status);
CREATE INDEX user_role_profiles_verification_status_idx ON user_role_profiles (verification_status);
CREATE INDEX user_role_profiles_approval_status_idx ON user_role_profiles (approval_status);
CREATE INDEX user_role_profiles_created_at_idx ON user_role_profiles (created_at, id);
CREATE INDEX user_role_profiles_role_key_idx ON user_role_profiles (role_key, created_at, id)
	WHERE status = 'ACTIVE' AND is_profile_public;
CREATE INDEX user_role_profiles_verified_until_idx ON user_role_profiles (verified_until)
	WHERE verification_status = 'VERIFIED' AND verified_until IS NOT NULL;

CREATE TRIGGER user_role_profiles_status_guard
	BEFORE INSERT OR UPDATE OF status ON user_role_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>DRAFT',
		'DRAFT>ACTIVE', 'ACTIVE>SUSPENDED', 'SUSPENDED>ACTIVE');
CREATE TRIGGER user_role_profiles_verification_status_guard
	BEFORE INSERT OR UPDATE OF verification_status ON user_role_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('verification_status', '>PENDING',
		'PENDING>VERIFIED', 'PENDING>REJECTED', 'REJECTED>PENDING', 'VERIFIED>PENDING');
CREATE TRIGGER user_role_profiles_approval_status_guard
	BEFORE INSERT OR UPDATE OF approval_status ON user_role_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('approval_status', '>PENDING',
		'PENDING>APPROVED', 'PENDING>REJECTED', 'REJECTED>PENDING', 'APPROVED>PENDING');

GRANT SELECT, INSERT, UPDATE, DELETE ON user_role_profiles TO nxt_runtime;

-- migrate:down

DROP TABLE user_role_profiles;
