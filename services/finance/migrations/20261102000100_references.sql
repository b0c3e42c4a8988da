-- migrate:up

-- Rows of other services that this one points at, fed by their events. known = false: a stub put
-- in place by an id from a signed token or an event, filled when the owner's event arrives.
-- version: the owner's aggregate version last applied; an older event changes nothing.
-- Prices and parties are read from here only to be shown or frozen, never to decide a balance.

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

-- The buyer's name, GSTIN and state: a company, customer, candidate or professional of that user.
CREATE TABLE company_refs (
	id uuid PRIMARY KEY,
	user_id uuid,
	company_name text,
	location text,
	status text,
	approval_status text,
	verification_status text,
	gstin text,
	state_code text,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX company_refs_user_id_idx ON company_refs (user_id);
CREATE INDEX company_refs_stub_idx ON company_refs (created_at) WHERE NOT known;

CREATE TABLE customer_refs (
	id uuid PRIMARY KEY,
	user_id uuid,
	display_name text,
	location text,
	state_code text,
	status text,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX customer_refs_user_id_idx ON customer_refs (user_id);
CREATE INDEX customer_refs_stub_idx ON customer_refs (created_at) WHERE NOT known;

CREATE TABLE candidate_refs (LIKE customer_refs INCLUDING DEFAULTS, PRIMARY KEY (id));
CREATE INDEX candidate_refs_user_id_idx ON candidate_refs (user_id);
CREATE INDEX candidate_refs_stub_idx ON candidate_refs (created_at) WHERE NOT known;

-- The supplier of record of a SERVICE order; a buyer too, of coins.
CREATE TABLE role_profile_refs (
	id uuid PRIMARY KEY,
	user_id uuid,
	role_key text,
	display_name text,
	location text,
	status text,
	approval_status text,
	verification_status text,
	is_profile_public boolean,
	gstin text,
	state_code text,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX role_profile_refs_user_id_idx ON role_profile_refs (user_id);
CREATE INDEX role_profile_refs_stub_idx ON role_profile_refs (created_at) WHERE NOT known;

CREATE TABLE service_refs (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid,
	user_id uuid,
	name text,
	price bigint,				-- paise
	is_active boolean,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX service_refs_user_role_profile_id_idx ON service_refs (user_role_profile_id);
CREATE INDEX service_refs_stub_idx ON service_refs (created_at) WHERE NOT known;

GRANT SELECT, INSERT, UPDATE
	ON user_refs, company_refs, customer_refs, candidate_refs, role_profile_refs, service_refs
	TO nxt_runtime;

-- migrate:down

DROP TABLE service_refs;
DROP TABLE role_profile_refs;
DROP TABLE candidate_refs;
DROP TABLE customer_refs;
DROP TABLE company_refs;
DROP TABLE user_refs;
