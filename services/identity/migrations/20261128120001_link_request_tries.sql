-- migrate:up

-- A wish that cannot be answered (a bug, a value nobody thought of) waits for its next try, so that
-- those behind it pass, and is given up after some.
ALTER TABLE link_requests
	ADD COLUMN tries integer NOT NULL DEFAULT 0,	-- begun, counted beforehand
	ADD COLUMN due_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX link_requests_due_at_idx ON link_requests (due_at, id);

-- migrate:down

DROP INDEX link_requests_due_at_idx;
ALTER TABLE link_requests DROP COLUMN due_at, DROP COLUMN tries;
