-- migrate:up

-- Never deleted. A reply to a CLOSED ticket opens a new one that names it.
CREATE TABLE support_tickets (
	id uuid PRIMARY KEY,
	created_by_user_id uuid NOT NULL REFERENCES user_refs,
	assigned_to_user_id uuid REFERENCES user_refs,
	category text NOT NULL DEFAULT 'GENERAL'
		CHECK (category IN ('GENERAL', 'BILLING', 'TECHNICAL', 'ACCOUNT')),
	priority text NOT NULL DEFAULT 'NORMAL' CHECK (priority IN ('LOW', 'NORMAL', 'HIGH', 'URGENT')),
	status text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'IN_PROGRESS', 'RESOLVED', 'CLOSED')),
	subject text NOT NULL,
	description text,
	related_entity_type text,
	related_entity_id uuid,
	closed_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	source_event_id uuid UNIQUE,		-- the event that opened it by itself (a mismatched payment)
	linked_ticket_id uuid REFERENCES support_tickets,	-- the closed ticket this one goes on from
	first_response_due_at timestamptz,	-- the clocks: acknowledge in 48 h, redress in a month
	first_responded_at timestamptz,
	resolution_due_at timestamptz,
	resolved_at timestamptz,		-- clocks stop here; CLOSED by clock seven days later
	overdue_at timestamptz,			-- when ticket.overdue was published, so that it is once
	reopened_count integer NOT NULL DEFAULT 0 CHECK (reopened_count >= 0),
	CONSTRAINT support_tickets_related_entity_id_pair_check
		CHECK ((related_entity_type IS NULL) = (related_entity_id IS NULL))
);
CREATE INDEX support_tickets_created_by_user_id_idx ON support_tickets (created_by_user_id, created_at, id);
CREATE INDEX support_tickets_assigned_to_user_id_idx ON support_tickets (assigned_to_user_id, created_at, id);
CREATE INDEX support_tickets_status_idx ON support_tickets (status, created_at, id);
CREATE INDEX support_tickets_linked_ticket_id_idx ON support_tickets (linked_ticket_id)
	WHERE linked_ticket_id IS NOT NULL;
CREATE INDEX support_tickets_first_response_due_at_idx ON support_tickets (first_response_due_at)
	WHERE status IN ('OPEN', 'IN_PROGRESS') AND first_responded_at IS NULL;
CREATE INDEX support_tickets_resolution_due_at_idx ON support_tickets (resolution_due_at)
	WHERE status IN ('OPEN', 'IN_PROGRESS');
CREATE INDEX support_tickets_resolved_at_idx ON support_tickets (resolved_at) WHERE status = 'RESOLVED';

CREATE TRIGGER support_tickets_status_guard
	BEFORE INSERT OR UPDATE OF status ON support_tickets
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>OPEN',
		'OPEN>IN_PROGRESS', 'IN_PROGRESS>OPEN', 'OPEN>RESOLVED', 'IN_PROGRESS>RESOLVED',
		'RESOLVED>OPEN', 'RESOLVED>CLOSED');

-- is_internal: a note among staff. It reaches the requester in no answer, mail or search.
CREATE TABLE support_ticket_messages (
	id uuid PRIMARY KEY,
	support_ticket_id uuid NOT NULL REFERENCES support_tickets,
	sender_user_id uuid NOT NULL REFERENCES user_refs,
	message_body text NOT NULL,
	attachment_url text,
	is_internal boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE INDEX support_ticket_messages_support_ticket_id_idx
	ON support_ticket_messages (support_ticket_id, created_at, id);

GRANT SELECT, INSERT, UPDATE ON support_tickets, support_ticket_messages TO nxt_runtime;

-- migrate:down

DROP TABLE support_ticket_messages;
DROP TABLE support_tickets;
