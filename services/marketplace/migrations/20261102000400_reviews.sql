-- migrate:up

-- After a real dealing, one per reviewer and reviewed. professional = a role profile.
CREATE TABLE reviews (
	id uuid PRIMARY KEY,
	reviewer_user_id uuid NOT NULL REFERENCES user_refs,
	entity_type text NOT NULL CHECK (entity_type IN ('professional', 'company')),
	entity_id uuid NOT NULL,
	rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
	review_text text,
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'PUBLISHED', 'HIDDEN')),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	deal_type text CHECK (deal_type IN ('lead_request', 'job_application')),	-- the proof of the dealing
	deal_id uuid,
	moderated_by_user_id uuid REFERENCES user_refs,	-- who hid it may not be the one to show it again
	moderated_at timestamptz,
	reply_text text,			-- the reviewed may answer once
	replied_at timestamptz,
	UNIQUE (reviewer_user_id, entity_type, entity_id)
);
CREATE INDEX reviews_entity_id_idx ON reviews (entity_type, entity_id, created_at, id);
CREATE INDEX reviews_status_idx ON reviews (status, created_at, id);
CREATE INDEX reviews_deal_id_idx ON reviews (deal_id) WHERE deal_id IS NOT NULL;

CREATE TRIGGER reviews_status_guard
	BEFORE INSERT OR UPDATE OF status ON reviews
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>PUBLISHED', 'PENDING>HIDDEN', 'PUBLISHED>HIDDEN', 'HIDDEN>PUBLISHED',
		'PUBLISHED>PENDING');

GRANT SELECT, INSERT, UPDATE, DELETE ON reviews TO nxt_runtime;

-- migrate:down

DROP TABLE reviews;
