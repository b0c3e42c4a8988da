-- migrate:up

-- The reviewers' queue for jobs, leads, profiles and companies. Decided once, never deleted.
CREATE TABLE approval_requests (
	id uuid PRIMARY KEY,
	entity_type text NOT NULL CHECK (entity_type IN ('job', 'lead', 'profile', 'company')),
	entity_id uuid NOT NULL,
	approval_type text NOT NULL CHECK (approval_type IN ('CONTENT', 'VERIFICATION', 'FEATURE')),
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
	submitted_by_user_id uuid NOT NULL REFERENCES user_refs,
	reviewed_by_user_id uuid REFERENCES user_refs,
	submitted_at timestamptz NOT NULL DEFAULT now(),
	reviewed_at timestamptz,
	remarks text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),	-- SHA-256 of the judged fields (RFC 8785)
	entity_label text,			-- title or name as submitted, for the queue
	source_event_id uuid UNIQUE,		-- the *.submitted event that opened it: opened once
	held_by_user_id uuid REFERENCES user_refs,	-- the reviewer who took it from the queue
	held_at timestamptz,
	-- A submitter may withdraw, which rejects, but never approve.
	CONSTRAINT approval_requests_own_submission_check
		CHECK (status <> 'APPROVED' OR reviewed_by_user_id <> submitted_by_user_id)
);
CREATE UNIQUE INDEX approval_requests_entity_id_pending_key
	ON approval_requests (entity_type, entity_id, approval_type) WHERE status = 'PENDING';
CREATE INDEX approval_requests_entity_id_idx ON approval_requests (entity_id, created_at, id);
CREATE INDEX approval_requests_status_idx ON approval_requests (status, created_at, id);
CREATE INDEX approval_requests_submitted_by_user_id_idx
	ON approval_requests (submitted_by_user_id, created_at, id);
CREATE INDEX approval_requests_held_by_user_id_idx ON approval_requests (held_by_user_id)
	WHERE held_by_user_id IS NOT NULL;

CREATE TRIGGER approval_requests_status_guard
	BEFORE INSERT OR UPDATE OF status ON approval_requests
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>APPROVED', 'PENDING>REJECTED');

-- Insert-only.
CREATE TABLE approval_logs (
	id uuid PRIMARY KEY,
	approval_request_id uuid NOT NULL REFERENCES approval_requests,
	action text NOT NULL CHECK (action IN ('SUBMITTED', 'APPROVED', 'REJECTED')),
	old_status text,
	new_status text,
	acted_by_user_id uuid REFERENCES user_refs,	-- NULL: the system
	remarks text,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX approval_logs_approval_request_id_idx ON approval_logs (approval_request_id, created_at, id);

CREATE TRIGGER approval_logs_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON approval_logs
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE ON approval_requests TO nxt_runtime;
GRANT SELECT, INSERT ON approval_logs TO nxt_runtime;

-- migrate:down

DROP TABLE approval_logs;
DROP TABLE approval_requests;
