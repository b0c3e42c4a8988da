-- migrate:up

-- Balance = balance_after of the last ledger row = credits - debits. The row is locked for every
-- movement.
CREATE TABLE tracecoin_wallets (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL UNIQUE REFERENCES user_refs,
	current_balance integer NOT NULL DEFAULT 0 CHECK (current_balance >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 70);	-- the balance changes often and is in no index
CREATE INDEX tracecoin_wallets_created_at_idx ON tracecoin_wallets (created_at, id);

-- Insert-only. reference_id: an order item (PURCHASE), a lead request (LEAD), a posting of a job
-- (JOB, UUIDv5 of job and submission), a gift (BONUS). At most one credit and one debit of each,
-- so an event that comes twice moves nothing twice.
CREATE TABLE tracecoin_ledger (
	id uuid PRIMARY KEY,
	wallet_id uuid NOT NULL REFERENCES tracecoin_wallets,
	transaction_type text NOT NULL CHECK (transaction_type IN ('CREDIT', 'DEBIT')),
	amount integer NOT NULL CHECK (amount > 0),
	balance_after integer NOT NULL CHECK (balance_after >= 0),
	reference_type text NOT NULL CHECK (reference_type IN ('JOB', 'LEAD', 'PURCHASE', 'BONUS')),
	reference_id uuid NOT NULL,
	remarks text,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	sequence bigint NOT NULL,		-- 1, 2, 3 … per wallet, given by the trigger below
	UNIQUE (reference_type, reference_id, transaction_type, wallet_id),
	UNIQUE (wallet_id, sequence)
);
CREATE INDEX tracecoin_ledger_wallet_id_idx ON tracecoin_ledger (wallet_id, created_at, id);

-- balance_after = the wallet's previous one plus or minus amount: checked here against the row
-- before, whoever writes. Two writers that did not lock the wallet collide on (wallet_id, sequence).
-- Refusal: SQLSTATE NX003.
CREATE FUNCTION tracecoin_ledger_continue() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
	previous_sequence bigint;
	previous_balance bigint;
BEGIN
	SELECT sequence, balance_after INTO previous_sequence, previous_balance
		FROM tracecoin_ledger WHERE wallet_id = NEW.wallet_id ORDER BY sequence DESC LIMIT 1;
	NEW.sequence := coalesce(previous_sequence, 0) + 1;
	IF NEW.balance_after = coalesce(previous_balance, 0)
			+ (CASE NEW.transaction_type WHEN 'CREDIT' THEN NEW.amount ELSE -NEW.amount END) THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION 'tracecoin_ledger: % of % after a balance of % does not leave %',
			NEW.transaction_type, NEW.amount, coalesce(previous_balance, 0), NEW.balance_after
		USING ERRCODE = 'NX003', TABLE = 'tracecoin_ledger', COLUMN = 'balance_after';
END
$$;
CREATE TRIGGER tracecoin_ledger_continue
	BEFORE INSERT ON tracecoin_ledger
	FOR EACH ROW EXECUTE FUNCTION tracecoin_ledger_continue();
CREATE TRIGGER tracecoin_ledger_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON tracecoin_ledger
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Added: what was credited, until spent or expired. The soonest to expire is spent first.
CREATE TABLE coin_lots (
	id uuid PRIMARY KEY,
	wallet_id uuid NOT NULL REFERENCES tracecoin_wallets,
	ledger_id uuid NOT NULL UNIQUE REFERENCES tracecoin_ledger,	-- the credit it came from
	amount integer NOT NULL CHECK (amount > 0),
	remaining integer NOT NULL CHECK (remaining >= 0),
	expires_at timestamptz,			-- NULL: never
	expirations integer NOT NULL DEFAULT 0 CHECK (expirations >= 0),	-- n-th expiry; a return can revive a lot
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	version bigint NOT NULL DEFAULT 1,
	CONSTRAINT coin_lots_remaining_amount_check CHECK (remaining <= amount)
);
CREATE INDEX coin_lots_wallet_id_idx ON coin_lots (wallet_id, expires_at, id) WHERE remaining > 0;
CREATE INDEX coin_lots_expires_at_idx ON coin_lots (expires_at) WHERE remaining > 0;

-- Added: which lots a debit took its coins from, so that a return puts them back there.
CREATE TABLE coin_lot_uses (
	ledger_id uuid NOT NULL REFERENCES tracecoin_ledger,	-- the debit
	coin_lot_id uuid NOT NULL REFERENCES coin_lots,
	amount integer NOT NULL CHECK (amount > 0),
	returned integer NOT NULL DEFAULT 0 CHECK (returned >= 0),
	PRIMARY KEY (ledger_id, coin_lot_id),
	CONSTRAINT coin_lot_uses_returned_amount_check CHECK (returned <= amount)
);
CREATE INDEX coin_lot_uses_coin_lot_id_idx ON coin_lot_uses (coin_lot_id);

GRANT SELECT, INSERT, UPDATE ON tracecoin_wallets, coin_lots, coin_lot_uses TO nxt_runtime;
GRANT SELECT, INSERT ON tracecoin_ledger TO nxt_runtime;

-- migrate:down

DROP TABLE coin_lot_uses;
DROP TABLE coin_lots;
DROP TABLE tracecoin_ledger;
DROP FUNCTION tracecoin_ledger_continue();
DROP TABLE tracecoin_wallets;
