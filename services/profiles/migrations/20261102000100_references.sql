-- migrate:up

-- Rows of other services that this one points at, fed by their events. known = false: a stub put
-- in place by an id from a signed token or an event, filled when the owner's event arrives.
-- version: the owner's aggregate version last applied; an older event changes nothing.

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

-- Jobs and leads under approval: what the queue shows of them.
CREATE TABLE entity_refs (
	entity_type text NOT NULL CHECK (entity_type IN ('job', 'lead')),
	id uuid NOT NULL,
	user_id uuid,				-- the owner
	label text,				-- the title
	status text,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (entity_type, id)
);
CREATE INDEX entity_refs_stub_idx ON entity_refs (created_at) WHERE NOT known;

-- Marketplace's reviews as far as they count: a profile's rating_sum and rating_count move by the
-- difference between this row and the event.
CREATE TABLE review_refs (
	id uuid PRIMARY KEY,
	entity_type text,
	entity_id uuid,
	rating smallint,
	is_published boolean NOT NULL DEFAULT false,
	known boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX review_refs_entity_id_idx ON review_refs (entity_id);

GRANT SELECT, INSERT, UPDATE ON user_refs, entity_refs, review_refs TO nxt_runtime;

-- migrate:down

DROP TABLE review_refs;
DROP TABLE entity_refs;
DROP TABLE user_refs;
