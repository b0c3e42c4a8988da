-- migrate:up

-- A line freezes its kind too: what an order entitles to is told from it.
ALTER TABLE order_items ADD COLUMN package_type text
	CHECK (package_type IN ('JOB_POSTING', 'CONTACT_VIEWS', 'TRACECOIN_BUNDLE'));

-- When the owner was told that the lot ends soon; once per lot.
ALTER TABLE coin_lots ADD COLUMN warned_at timestamptz;
CREATE INDEX coin_lots_unwarned_idx ON coin_lots (expires_at) WHERE remaining > 0 AND warned_at IS NULL;

-- Holds whose end was heard of before their beginning: lead_request.rejected may arrive before
-- lead_request.created, since they are two topics. A hold found here is not taken any more.
-- Rows are of use as long as the topics keep their events.
CREATE TABLE ended_holds (
	reference_type text NOT NULL CHECK (reference_type IN ('JOB', 'LEAD')),
	reference_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (reference_type, reference_id)
);

GRANT SELECT, INSERT, DELETE ON ended_holds TO nxt_runtime;

-- migrate:down

DROP TABLE ended_holds;
ALTER TABLE coin_lots DROP COLUMN warned_at;
ALTER TABLE order_items DROP COLUMN package_type;
