-- migrate:up

CREATE TABLE leads (
	id uuid PRIMARY KEY,
	created_by_user_id uuid NOT NULL REFERENCES user_refs,
	profession_key text NOT NULL,		-- a role key
	title text NOT NULL,
	description text,
	location text,
	budget_inr bigint CHECK (budget_inr >= 0),	-- paise
	required_date date,			-- OPEN ends by clock after it
	status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'PENDING', 'OPEN', 'CLOSED')),
	approved_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	submission integer NOT NULL DEFAULT 0 CHECK (submission >= 0),
	content_hash text CHECK (content_hash ~ '^[0-9a-f]{64}$'),	-- of the submission under review
	rejection_reason text,			-- why it came back to DRAFT
	accept_limit integer CHECK (accept_limit > 0),	-- NULL: none
	accepted_count integer NOT NULL DEFAULT 0 CHECK (accepted_count >= 0),
	closed_at timestamptz,
	close_reason text,
	CONSTRAINT leads_accepted_count_limit_check CHECK (accepted_count <= accept_limit)
);
CREATE INDEX leads_status_idx ON leads (status, created_at, id);
CREATE INDEX leads_profession_key_idx ON leads (profession_key, created_at, id) WHERE status = 'OPEN';
CREATE INDEX leads_created_by_user_id_idx ON leads (created_by_user_id, created_at, id);
CREATE INDEX leads_required_date_idx ON leads (required_date) WHERE status = 'OPEN';

CREATE TRIGGER leads_status_guard
	BEFORE INSERT OR UPDATE OF status ON leads
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>DRAFT',
		'DRAFT>PENDING', 'PENDING>OPEN', 'PENDING>DRAFT', 'OPEN>CLOSED');

-- Costs tracecoins: held on request, kept on accept, returned on reject. The customer sees a
-- request only once its coins are held. The request's id is the ledger's reference.
CREATE TABLE lead_requests (
	id uuid PRIMARY KEY,
	lead_id uuid NOT NULL REFERENCES leads,
	user_role_profile_id uuid NOT NULL REFERENCES role_profile_refs,
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'ACCEPTED', 'REJECTED')),
	remarks text,
	requested_at timestamptz NOT NULL DEFAULT now(),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	requested_by_user_id uuid NOT NULL REFERENCES user_refs,	-- the profile's user
	coin_price integer NOT NULL CHECK (coin_price >= 0),
	rate_card_version bigint,		-- of the runtime configuration the price came from
	debited_at timestamptz,			-- coins held: visible to the lead's owner from here
	seen_at timestamptz,			-- by the lead's owner; unseen for 48 h returns the coins
	rejected_cause text CHECK (rejected_cause IN ('OWNER', 'UNSEEN', 'CLOSED', 'REFUSED')),
	contact_revealed_at timestamptz,
	UNIQUE (lead_id, user_role_profile_id)
);
CREATE INDEX lead_requests_lead_id_idx ON lead_requests (lead_id, created_at, id);
CREATE INDEX lead_requests_user_role_profile_id_idx ON lead_requests (user_role_profile_id, created_at, id);
CREATE INDEX lead_requests_requested_by_user_id_idx ON lead_requests (requested_by_user_id, created_at, id);
CREATE INDEX lead_requests_unseen_idx ON lead_requests (requested_at)
	WHERE status = 'PENDING' AND seen_at IS NULL;

CREATE TRIGGER lead_requests_status_guard
	BEFORE INSERT OR UPDATE OF status ON lead_requests
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>ACCEPTED', 'PENDING>REJECTED');

GRANT SELECT, INSERT, UPDATE, DELETE ON leads TO nxt_runtime;
GRANT SELECT, INSERT, UPDATE ON lead_requests TO nxt_runtime;

-- migrate:down

DROP TABLE lead_requests;
DROP TABLE leads;
