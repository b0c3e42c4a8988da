-- migrate:up

-- Every "-- added" block lists columns that the target schema does not name.
-- version: the aggregate's version, bumped by each change; ETag and aggregate_version.

CREATE TABLE jobs (
	id uuid PRIMARY KEY,
	company_profile_id uuid NOT NULL REFERENCES company_refs,
	posted_by_user_id uuid NOT NULL REFERENCES user_refs,
	title text NOT NULL,
	description text,
	location text,
	employment_type text CHECK (employment_type IN ('FULL_TIME', 'PART_TIME', 'CONTRACT')),
	mode_of_work text CHECK (mode_of_work IN ('ONSITE', 'REMOTE', 'HYBRID')),
	budget_inr bigint CHECK (budget_inr >= 0),	-- paise
	salary_range_json jsonb,
	status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'PENDING', 'LIVE', 'CLOSED')),
	approved_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	submission integer NOT NULL DEFAULT 0 CHECK (submission >= 0),	-- n-th submission; each has its own posting
	posting_id uuid,			-- UUIDv5(job, submission): the ledger's reference
	coin_price integer NOT NULL DEFAULT 0 CHECK (coin_price >= 0),	-- tracecoins asked for this posting
	debited_at timestamptz,			-- the posting's coins were taken
	content_hash text CHECK (content_hash ~ '^[0-9a-f]{64}$'),	-- of the submission under review
	rejection_reason text,			-- why it came back to DRAFT
	expires_at timestamptz,			-- LIVE ends by clock
	closed_at timestamptz,
	close_reason text
);
CREATE INDEX jobs_status_idx ON jobs (status, created_at, id);
CREATE INDEX jobs_company_profile_id_idx ON jobs (company_profile_id, created_at, id);
CREATE INDEX jobs_posted_by_user_id_idx ON jobs (posted_by_user_id, created_at, id);
CREATE INDEX jobs_posting_id_idx ON jobs (posting_id) WHERE posting_id IS NOT NULL;
CREATE INDEX jobs_expires_at_idx ON jobs (expires_at) WHERE status = 'LIVE' AND expires_at IS NOT NULL;

CREATE TRIGGER jobs_status_guard
	BEFORE INSERT OR UPDATE OF status ON jobs
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>DRAFT',
		'DRAFT>PENDING', 'PENDING>LIVE', 'PENDING>DRAFT', 'LIVE>PENDING', 'LIVE>CLOSED',
		'CLOSED>PENDING');

-- Once per job; forward only, steps may be skipped.
CREATE TABLE job_applications (
	id uuid PRIMARY KEY,
	job_id uuid NOT NULL REFERENCES jobs,
	applicant_user_id uuid NOT NULL REFERENCES user_refs,
	status text NOT NULL DEFAULT 'APPLIED'
		CHECK (status IN ('APPLIED', 'SHORTLISTED', 'INTERVIEW', 'OFFERED', 'REJECTED')),
	cover_note text,
	applied_at timestamptz NOT NULL DEFAULT now(),
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	rejection_reason text,
	UNIQUE (job_id, applicant_user_id)
);
CREATE INDEX job_applications_job_id_idx ON job_applications (job_id, created_at, id);
CREATE INDEX job_applications_applicant_user_id_idx ON job_applications (applicant_user_id, created_at, id);

CREATE TRIGGER job_applications_status_guard
	BEFORE INSERT OR UPDATE OF status ON job_applications
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>APPLIED',
		'APPLIED>SHORTLISTED', 'APPLIED>INTERVIEW', 'APPLIED>OFFERED', 'APPLIED>REJECTED',
		'SHORTLISTED>INTERVIEW', 'SHORTLISTED>OFFERED', 'SHORTLISTED>REJECTED',
		'INTERVIEW>OFFERED', 'INTERVIEW>REJECTED', 'OFFERED>REJECTED');

GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO nxt_runtime;
GRANT SELECT, INSERT, UPDATE ON job_applications TO nxt_runtime;

-- migrate:down

DROP TABLE job_applications;
DROP TABLE jobs;
