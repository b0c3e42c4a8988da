-- migrate:up

-- The consumer's position, moved in the same transaction as the effects of the events before it.
-- This table rules; offsets committed to Kafka only feed lag tools.
CREATE TABLE consumer_offsets (
	topic text NOT NULL,
	partition integer NOT NULL,
	next_offset bigint NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);	-- updated by every batch: leave room for it on the same page

-- Events refused for good, with their original bytes. A row goes when it is replayed or dropped.
CREATE TABLE dead_letters (
	id uuid PRIMARY KEY,
	topic text NOT NULL,
	partition integer NOT NULL,
	"offset" bigint NOT NULL,
	event_id uuid,				-- NULL where the headers do not tell
	event_type text,
	key bytea,
	payload bytea,
	headers jsonb NOT NULL DEFAULT '[]',
	error text NOT NULL,
	attempts integer NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (topic, partition, "offset")
);
CREATE INDEX dead_letters_created_at_idx ON dead_letters (created_at, id);

GRANT SELECT, INSERT, UPDATE ON consumer_offsets TO nxt_runtime;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters TO nxt_runtime;

-- migrate:down

DROP TABLE dead_letters;
DROP TABLE consumer_offsets;
