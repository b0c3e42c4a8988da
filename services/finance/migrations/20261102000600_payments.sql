-- migrate:up

-- config_json holds the names of secrets, never a secret.
CREATE TABLE payment_gateway_configs (
	id uuid PRIMARY KEY,
	gateway_key text NOT NULL CHECK (gateway_key IN ('RAZORPAY', 'STRIPE')),
	display_name text NOT NULL,
	config_json jsonb NOT NULL DEFAULT '{}',
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

-- One attempt to pay an order. A late capture of a CANCELLED order stays SUCCESS and is refunded.
CREATE TABLE payments (
	id uuid PRIMARY KEY,
	order_id uuid NOT NULL REFERENCES orders,
	invoice_id uuid REFERENCES invoices,	-- NULL until captured
	user_id uuid NOT NULL REFERENCES user_refs,
	payment_gateway_config_id uuid NOT NULL REFERENCES payment_gateway_configs,
	payment_method text,
	provider_payment_ref text,
	amount_inr bigint NOT NULL CHECK (amount_inr >= 0),
	currency_code text NOT NULL DEFAULT 'INR' CHECK (currency_code IN ('INR')),
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SUCCESS', 'FAILED')),
	initiated_at timestamptz NOT NULL DEFAULT now(),
	completed_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	provider_order_ref text,		-- the gateway's order or intent, made before the payment
	captured_amount_inr bigint CHECK (captured_amount_inr >= 0),	-- as the gateway says; not ours = mismatched
	refunded_amount_inr bigint NOT NULL DEFAULT 0 CHECK (refunded_amount_inr >= 0),
	error_class text,
	next_poll_at timestamptz,		-- when the reconciler asks the gateway
	poll_attempts integer NOT NULL DEFAULT 0 CHECK (poll_attempts >= 0),
	UNIQUE (payment_gateway_config_id, provider_payment_ref),
	UNIQUE (payment_gateway_config_id, provider_order_ref)
);
CREATE INDEX payments_order_id_idx ON payments (order_id, created_at, id);
CREATE INDEX payments_invoice_id_idx ON payments (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX payments_user_id_idx ON payments (user_id, created_at, id);
CREATE INDEX payments_status_idx ON payments (status, created_at, id);
CREATE INDEX payments_next_poll_at_idx ON payments (next_poll_at) WHERE status = 'PENDING';

CREATE TRIGGER payments_status_guard
	BEFORE INSERT OR UPDATE OF status ON payments
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>SUCCESS', 'PENDING>FAILED', 'FAILED>SUCCESS');

-- Insert-only: one row per request to or word from the gateway, secrets masked.
CREATE TABLE payment_transactions (
	id uuid PRIMARY KEY,
	payment_id uuid NOT NULL REFERENCES payments,
	transaction_type text NOT NULL CHECK (transaction_type IN ('INITIATED', 'COMPLETED', 'FAILED')),
	provider_reference text,
	request_payload_json jsonb,
	response_payload_json jsonb,
	status text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT payment_transactions_status_type_check CHECK (status = transaction_type)
);
CREATE INDEX payment_transactions_payment_id_idx ON payment_transactions (payment_id, created_at, id);

CREATE TRIGGER payment_transactions_status_guard
	BEFORE INSERT OR UPDATE OF status ON payment_transactions
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>INITIATED', '>COMPLETED', '>FAILED');
CREATE TRIGGER payment_transactions_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_transactions
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Added: what a gateway has told us, once per its own event id, however often it is delivered.
CREATE TABLE webhook_events (
	id uuid PRIMARY KEY,
	gateway_key text NOT NULL CHECK (gateway_key IN ('RAZORPAY', 'STRIPE')),
	provider_event_id text NOT NULL,
	event_type text NOT NULL,
	body bytea NOT NULL,			-- as signed
	received_at timestamptz NOT NULL DEFAULT now(),
	processed_at timestamptz,
	error text,
	UNIQUE (gateway_key, provider_event_id)
);
CREATE INDEX webhook_events_received_at_idx ON webhook_events (received_at) WHERE processed_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON payment_gateway_configs TO nxt_runtime;
GRANT SELECT, INSERT, UPDATE ON payments, webhook_events TO nxt_runtime;
GRANT SELECT, INSERT ON payment_transactions TO nxt_runtime;

-- migrate:down

DROP TABLE webhook_events;
DROP TABLE payment_transactions;
DROP TABLE payments;
DROP TABLE payment_gateway_configs;
