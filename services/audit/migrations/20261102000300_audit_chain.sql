-- migrate:up

-- All added. The head of each chain, locked while rows are chained to it: one per Kafka partition
-- number, whatever the topic.
CREATE TABLE audit_chain_heads (
	chain_partition integer PRIMARY KEY,
	last_sequence bigint NOT NULL CHECK (last_sequence >= 0),
	last_hash bytea NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Signed heads: who holds a copy of one can prove that nothing before it was changed. Insert-only.
CREATE TABLE audit_seals (
	id uuid PRIMARY KEY,
	chain_partition integer NOT NULL,
	first_sequence bigint NOT NULL,
	last_sequence bigint NOT NULL,
	head_hash bytea NOT NULL,
	signature bytea NOT NULL,		-- Ed25519
	key_id text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (chain_partition, last_sequence),
	CONSTRAINT audit_seals_last_sequence_check CHECK (last_sequence >= first_sequence)
);
CREATE INDEX audit_seals_created_at_idx ON audit_seals (created_at, id);

CREATE TRIGGER audit_seals_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE ON audit_chain_heads TO nxt_runtime;
GRANT SELECT, INSERT ON audit_seals TO nxt_runtime;

-- migrate:down

DROP TABLE audit_seals;
DROP TABLE audit_chain_heads;
