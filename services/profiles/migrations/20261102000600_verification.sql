-- migrate:up

-- A request is decided once; a new try is a new row. Rows are never deleted.
CREATE TABLE verification_requests (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL REFERENCES user_role_profiles,
	verification_type text NOT NULL CHECK (verification_type IN ('IDENTITY', 'BUSINESS', 'DOCUMENT')),
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
	submitted_at timestamptz NOT NULL DEFAULT now(),
	reviewed_at timestamptz,
	reviewed_by_user_id uuid REFERENCES user_refs,
	remarks text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	held_by_user_id uuid REFERENCES user_refs,	-- the reviewer who took it from the queue
	held_at timestamptz
);
CREATE UNIQUE INDEX verification_requests_verification_type_pending_key
	ON verification_requests (user_role_profile_id, verification_type) WHERE status = 'PENDING';
CREATE INDEX verification_requests_user_role_profile_id_idx ON verification_requests (user_role_profile_id);
CREATE INDEX verification_requests_status_idx ON verification_requests (status, created_at, id);
CREATE INDEX verification_requests_held_by_user_id_idx ON verification_requests (held_by_user_id)
	WHERE held_by_user_id IS NOT NULL;

CREATE TRIGGER verification_requests_status_guard
	BEFORE INSERT OR UPDATE OF status ON verification_requests
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>APPROVED', 'PENDING>REJECTED');

-- Private: every view is audited. A better copy is a new row that names the one it replaces.
CREATE TABLE verification_documents (
	id uuid PRIMARY KEY,
	verification_request_id uuid NOT NULL REFERENCES verification_requests,
	document_type text NOT NULL,
	file_url text NOT NULL,
	file_name text,
	mime_type text,
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
	uploaded_at timestamptz NOT NULL DEFAULT now(),
	reviewed_at timestamptz,
	reviewed_by_user_id uuid REFERENCES user_refs,
	remarks text,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	replaces_document_id uuid UNIQUE REFERENCES verification_documents,
	retain_until timestamptz		-- set by the decision; the file goes then, the row stays
);
CREATE INDEX verification_documents_verification_request_id_idx
	ON verification_documents (verification_request_id, created_at, id);
CREATE INDEX verification_documents_retain_until_idx ON verification_documents (retain_until)
	WHERE retain_until IS NOT NULL;

CREATE TRIGGER verification_documents_status_guard
	BEFORE INSERT OR UPDATE OF status ON verification_documents
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>APPROVED', 'PENDING>REJECTED');

-- Insert-only. Asking for a further document is an action that leaves the status PENDING.
CREATE TABLE verification_logs (
	id uuid PRIMARY KEY,
	verification_request_id uuid NOT NULL REFERENCES verification_requests,
	action text NOT NULL CHECK (action IN ('SUBMITTED', 'APPROVED', 'REJECTED', 'DOCUMENT_REQUESTED')),
	old_status text,
	new_status text,
	acted_by_user_id uuid REFERENCES user_refs,	-- NULL: the system
	remarks text,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX verification_logs_verification_request_id_idx
	ON verification_logs (verification_request_id, created_at, id);

CREATE TRIGGER verification_logs_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON verification_logs
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE ON verification_requests, verification_documents TO nxt_runtime;
GRANT SELECT, INSERT ON verification_logs TO nxt_runtime;

-- migrate:down

DROP TABLE verification_logs;
DROP TABLE verification_documents;
DROP TABLE verification_requests;
