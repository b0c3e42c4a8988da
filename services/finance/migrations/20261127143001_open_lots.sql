-- migrate:up

-- A lot that is spent from keeps its place in every index (a HOT update) only while nothing that an
-- index names changes, and the condition of a partial index counts as named. So the conditions ask
-- for a column that changes once in a lot's life, and pages keep room for the next version of a row.
ALTER TABLE coin_lots ADD COLUMN is_open boolean NOT NULL GENERATED ALWAYS AS (remaining > 0) STORED;
ALTER TABLE coin_lots SET (fillfactor = 70);
DROP INDEX coin_lots_wallet_id_idx, coin_lots_expires_at_idx, coin_lots_unwarned_idx;
CREATE INDEX coin_lots_wallet_id_idx ON coin_lots (wallet_id, expires_at, id) WHERE is_open;
CREATE INDEX coin_lots_expires_at_idx ON coin_lots (expires_at) WHERE is_open;
CREATE INDEX coin_lots_unwarned_idx ON coin_lots (expires_at) WHERE is_open AND warned_at IS NULL;

-- migrate:down

DROP INDEX coin_lots_wallet_id_idx, coin_lots_expires_at_idx, coin_lots_unwarned_idx;
CREATE INDEX coin_lots_wallet_id_idx ON coin_lots (wallet_id, expires_at, id) WHERE remaining > 0;
CREATE INDEX coin_lots_expires_at_idx ON coin_lots (expires_at) WHERE remaining > 0;
CREATE INDEX coin_lots_unwarned_idx ON coin_lots (expires_at) WHERE remaining > 0 AND warned_at IS NULL;
ALTER TABLE coin_lots RESET (fillfactor);
ALTER TABLE coin_lots DROP COLUMN is_open;
