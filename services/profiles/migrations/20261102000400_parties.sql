-- migrate:up

-- Companies, customers and candidates: one per user.

-- Verification of a company runs through approval_requests (type VERIFICATION, entity company).
CREATE TABLE company_profiles (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL UNIQUE REFERENCES user_refs,
	company_name text NOT NULL,
	business_type text,
	industry text,
	contact_person_name text,
	email text,
	phone text,
	location text,
	bio text,
	status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'ACTIVE', 'SUSPENDED')),
	verification_status text CHECK (verification_status IN ('PENDING', 'VERIFIED', 'REJECTED')),
	approval_status text CHECK (approval_status IN ('PENDING', 'APPROVED', 'REJECTED')),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	gstin text CHECK (gstin ~ '^[0-9]{2}[0-9A-Z]{13}$'),
	state_code text CHECK (state_code ~ '^[0-9]{2}$'),	-- GST state code: place of supply
	rejection_reason text,
	verified_until timestamptz,		-- VERIFIED goes back to PENDING by clock
	suspended_cause text,			-- why SUSPENDED: reinstated only when this cause is gone
	rating_sum bigint NOT NULL DEFAULT 0 CHECK (rating_sum >= 0),
	rating_count integer NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
	CONSTRAINT company_profiles_gstin_state_check CHECK (left(gstin, 2) = state_code)
);
CREATE INDEX company_profiles_status_idx ON company_profiles (status, created_at, id);
CREATE INDEX company_profiles_created_at_idx ON company_profiles (created_at, id);

CREATE TRIGGER company_profiles_status_guard
	BEFORE INSERT OR UPDATE OF status ON company_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>DRAFT',
		'DRAFT>ACTIVE', 'ACTIVE>SUSPENDED', 'SUSPENDED>ACTIVE');
CREATE TRIGGER company_profiles_verification_status_guard
	BEFORE INSERT OR UPDATE OF verification_status ON company_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('verification_status', '>PENDING',
		'PENDING>VERIFIED', 'PENDING>REJECTED', 'REJECTED>PENDING', 'VERIFIED>PENDING');
CREATE TRIGGER company_profiles_approval_status_guard
	BEFORE INSERT OR UPDATE OF approval_status ON company_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('approval_status', '>PENDING',
		'PENDING>APPROVED', 'PENDING>REJECTED', 'REJECTED>PENDING', 'APPROVED>PENDING');

-- The status follows the user's.
CREATE TABLE customer_profiles (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL UNIQUE REFERENCES user_refs,
	display_name text,
	phone text,
	email text,
	location text,
	status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	state_code text CHECK (state_code ~ '^[0-9]{2}$')
);
CREATE INDEX customer_profiles_created_at_idx ON customer_profiles (created_at, id);

CREATE TRIGGER customer_profiles_status_guard
	BEFORE INSERT OR UPDATE OF status ON customer_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>ACTIVE',
		'ACTIVE>SUSPENDED', 'SUSPENDED>ACTIVE');

CREATE TABLE candidate_profiles (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL UNIQUE REFERENCES user_refs,
	display_name text,
	bio text,
	location text,
	experience_years integer CHECK (experience_years >= 0),
	preferred_roles text[] NOT NULL DEFAULT '{}',
	expected_salary_inr bigint CHECK (expected_salary_inr >= 0),	-- paise
	resume_file_url text,			-- shown only to companies applied to
	status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	state_code text CHECK (state_code ~ '^[0-9]{2}$')
);
CREATE INDEX candidate_profiles_created_at_idx ON candidate_profiles (created_at, id);

CREATE TRIGGER candidate_profiles_status_guard
	BEFORE INSERT OR UPDATE OF status ON candidate_profiles
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>ACTIVE',
		'ACTIVE>SUSPENDED', 'SUSPENDED>ACTIVE');

GRANT SELECT, INSERT, UPDATE, DELETE ON company_profiles, customer_profiles, candidate_profiles
	TO nxt_runtime;

-- migrate:down

DROP TABLE candidate_profiles;
DROP TABLE customer_profiles;
DROP TABLE company_profiles;
