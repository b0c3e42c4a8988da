-- migrate:up

CREATE TABLE smtp_configs (
	id uuid PRIMARY KEY,
	provider_name text NOT NULL,
	host text NOT NULL,
	port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
	username text,				-- NULL: no sign-in
	encryption_mode text NOT NULL CHECK (encryption_mode IN ('SSL', 'TLS')),	-- TLS by STARTTLS
	from_name text,
	from_email text NOT NULL,
	is_default boolean NOT NULL DEFAULT false,
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	password_secret text,			-- the secret's name; its value is in the environment or a file
	priority integer NOT NULL DEFAULT 100,	-- fail-over: lower first, after the default
	rate_per_minute integer CHECK (rate_per_minute > 0)	-- NULL: no cap
);
CREATE UNIQUE INDEX smtp_configs_is_default_key ON smtp_configs (is_default) WHERE is_default;

-- The queue and the memory of mails in one: PENDING until the server took it or refused it for
-- good. body_snapshot is the text as sent, with secrets masked.
CREATE TABLE email_logs (
	id uuid PRIMARY KEY,
	user_id uuid REFERENCES user_refs,	-- NULL: an address that is no user's
	notification_template_id uuid REFERENCES notification_templates,
	to_email text NOT NULL,
	subject text NOT NULL,
	body_snapshot text NOT NULL,
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SENT', 'FAILED')),
	provider_reference text,		-- the Message-ID; it contains the event's id
	error_message text,
	sent_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	source_event_id uuid NOT NULL,
	notification_id uuid REFERENCES notifications ON DELETE SET NULL,
	resend_of_id uuid REFERENCES email_logs ON DELETE SET NULL,	-- a resend is a new row
	html_snapshot text,
	topic text,
	is_critical boolean NOT NULL DEFAULT false,	-- no List-Unsubscribe, no preference, no quiet hours
	attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	next_attempt_at timestamptz NOT NULL DEFAULT now(),
	lease_owner uuid,			-- the replica that sends it
	leased_until timestamptz,
	smtp_config_id uuid REFERENCES smtp_configs ON DELETE SET NULL,	-- the server that took it
	response_code integer,			-- the server's last reply
	token_ciphertext bytea,			-- what the link needs; blanked once sent or expired
	token_expires_at timestamptz,
	correlation_id uuid,
	causation_id uuid,
	traceparent text
);
CREATE UNIQUE INDEX email_logs_source_event_id_key ON email_logs (source_event_id, lower(to_email))
	WHERE resend_of_id IS NULL;
CREATE INDEX email_logs_next_attempt_at_idx ON email_logs (next_attempt_at) WHERE status = 'PENDING';
CREATE INDEX email_logs_token_expires_at_idx ON email_logs (token_expires_at)
	WHERE token_ciphertext IS NOT NULL;
CREATE INDEX email_logs_user_id_idx ON email_logs (user_id, created_at, id);
CREATE INDEX email_logs_created_at_idx ON email_logs (created_at, id);
CREATE INDEX email_logs_provider_reference_idx ON email_logs (provider_reference);
CREATE INDEX email_logs_notification_id_idx ON email_logs (notification_id);
CREATE INDEX email_logs_notification_template_id_idx ON email_logs (notification_template_id);
CREATE INDEX email_logs_resend_of_id_idx ON email_logs (resend_of_id) WHERE resend_of_id IS NOT NULL;
CREATE INDEX email_logs_smtp_config_id_idx ON email_logs (smtp_config_id);

CREATE TRIGGER email_logs_status_guard
	BEFORE INSERT OR UPDATE OF status ON email_logs
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>SENT', 'PENDING>FAILED', 'SENT>FAILED');

-- Added: addresses that get no mail any more.
CREATE TABLE suppressions (
	id uuid PRIMARY KEY,
	email text NOT NULL,
	reason text NOT NULL CHECK (reason IN ('BOUNCE', 'COMPLAINT', 'UNSUBSCRIBE', 'MANUAL')),
	topic text,				-- NULL: every topic
	email_log_id uuid REFERENCES email_logs ON DELETE SET NULL,	-- the mail that told
	created_at timestamptz NOT NULL DEFAULT now(),
	version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX suppressions_email_key ON suppressions (lower(email), topic) NULLS NOT DISTINCT;
CREATE INDEX suppressions_email_log_id_idx ON suppressions (email_log_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON smtp_configs, email_logs, suppressions TO nxt_runtime;

-- migrate:down

DROP TABLE suppressions;
DROP TABLE email_logs;
DROP TABLE smtp_configs;
