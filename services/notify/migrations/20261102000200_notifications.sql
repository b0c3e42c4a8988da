-- migrate:up

-- Every "-- added" block lists columns that the target schema does not name.
-- version: the aggregate's version, bumped by each change; ETag and aggregate_version.

-- template_key is <event type>.<channel>; in-app uses the push text.
CREATE TABLE notification_templates (
	id uuid PRIMARY KEY,
	template_key text NOT NULL UNIQUE,
	channel text NOT NULL CHECK (channel IN ('EMAIL', 'SMS', 'PUSH')),
	title_template text,
	body_template text NOT NULL,		-- EMAIL: the plain text part
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	html_template text,			-- EMAIL: the HTML part
	topic text,				-- what a preference switches off
	is_critical boolean NOT NULL DEFAULT false	-- sent whatever the preferences say
);

-- One per event, user and channel, for ever: whatever is redelivered, nobody is told twice.
CREATE TABLE notifications (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES user_refs,
	channel text NOT NULL CHECK (channel IN ('EMAIL', 'SMS', 'PUSH', 'IN_APP')),
	title text,
	body text NOT NULL,
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SENT', 'READ')),
	related_entity_type text,
	related_entity_id uuid,
	sent_at timestamptz,
	read_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	source_event_id uuid NOT NULL,
	template_key text,
	topic text,
	attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	next_attempt_at timestamptz,
	leased_until timestamptz,
	deadline_at timestamptz,		-- still PENDING after it: failed for good, and counted
	correlation_id uuid,			-- why did I get this
	causation_id uuid,
	UNIQUE (source_event_id, user_id, channel),
	-- In-app needs no sending: born SENT.
	CONSTRAINT notifications_status_in_app_check CHECK (channel <> 'IN_APP' OR status <> 'PENDING')
);
CREATE INDEX notifications_user_id_idx ON notifications (user_id, created_at, id);
CREATE INDEX notifications_unread_idx ON notifications (user_id) WHERE channel = 'IN_APP' AND status = 'SENT';
CREATE INDEX notifications_next_attempt_at_idx ON notifications (next_attempt_at) WHERE status = 'PENDING';
CREATE INDEX notifications_related_entity_id_idx ON notifications (related_entity_id)
	WHERE related_entity_id IS NOT NULL;

CREATE TRIGGER notifications_status_guard
	BEFORE INSERT OR UPDATE OF status ON notifications
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING', '>SENT',
		'PENDING>SENT', 'SENT>READ');

GRANT SELECT, INSERT, UPDATE, DELETE ON notification_templates, notifications TO nxt_runtime;

-- migrate:down

DROP TABLE notifications;
DROP TABLE notification_templates;
