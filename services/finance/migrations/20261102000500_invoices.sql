-- migrate:up

-- Added: the last number taken per supplier, series and financial year. The row is locked by the
-- transaction that inserts the document, so a rollback gives the number back and none is missing.
CREATE TABLE invoice_counters (
	supplier_gstin text NOT NULL,		-- '' for a supplier without one
	series text NOT NULL,			-- invoices and credit notes count apart
	financial_year text NOT NULL CHECK (financial_year ~ '^[0-9]{4}-[0-9]{2}$'),	-- from 1 April, Asia/Kolkata
	last_number bigint NOT NULL CHECK (last_number >= 0),
	PRIMARY KEY (supplier_gstin, series, financial_year)
);

-- Issued at capture, frozen from then on: only the payment of it may still be noted (see the
-- grants). Never deleted, never renumbered; a reversal is a credit note.
-- The upper-case CHECK makes numbers that differ by case alone impossible.
CREATE TABLE invoices (
	id uuid PRIMARY KEY,
	order_id uuid NOT NULL REFERENCES orders,
	user_id uuid NOT NULL REFERENCES user_refs,
	invoice_number text NOT NULL UNIQUE CHECK (invoice_number ~ '^[A-Z1-9][A-Z0-9/-]{0,15}$'),
	subtotal_inr bigint NOT NULL CHECK (subtotal_inr >= 0),
	discount_inr bigint NOT NULL DEFAULT 0 CHECK (discount_inr >= 0),
	tax_inr bigint NOT NULL DEFAULT 0 CHECK (tax_inr >= 0),
	total_inr bigint NOT NULL CHECK (total_inr >= 0),
	status text NOT NULL DEFAULT 'ISSUED' CHECK (status IN ('ISSUED', 'PAID')),
	issued_at timestamptz NOT NULL DEFAULT now(),
	due_at timestamptz,
	paid_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	series text NOT NULL,
	financial_year text NOT NULL CHECK (financial_year ~ '^[0-9]{4}-[0-9]{2}$'),
	sequence bigint NOT NULL CHECK (sequence > 0),
	supplier_user_id uuid REFERENCES user_refs,	-- NULL: ourselves
	supplier_name text NOT NULL,
	supplier_gstin text NOT NULL DEFAULT '',
	supplier_state_code text CHECK (supplier_state_code ~ '^[0-9]{2}$'),
	supplier_address text,
	buyer_name text,
	buyer_gstin text,
	buyer_state_code text CHECK (buyer_state_code ~ '^[0-9]{2}$'),
	buyer_address text,
	place_of_supply text CHECK (place_of_supply ~ '^[0-9]{2}$'),	-- recorded unless nothing is charged
	reverse_charge boolean NOT NULL DEFAULT false,
	cgst_inr bigint NOT NULL DEFAULT 0 CHECK (cgst_inr >= 0),
	sgst_inr bigint NOT NULL DEFAULT 0 CHECK (sgst_inr >= 0),
	igst_inr bigint NOT NULL DEFAULT 0 CHECK (igst_inr >= 0),
	UNIQUE NULLS NOT DISTINCT (order_id, supplier_user_id),
	UNIQUE (supplier_gstin, series, financial_year, sequence),
	CONSTRAINT invoices_discount_inr_subtotal_check CHECK (discount_inr <= subtotal_inr),
	CONSTRAINT invoices_total_inr_sum_check CHECK (total_inr = subtotal_inr - discount_inr + tax_inr),
	CONSTRAINT invoices_tax_inr_sum_check CHECK (tax_inr = cgst_inr + sgst_inr + igst_inr),
	CONSTRAINT invoices_igst_inr_either_check CHECK (cgst_inr = sgst_inr AND (igst_inr = 0 OR cgst_inr = 0)),
	CONSTRAINT invoices_place_of_supply_recorded_check CHECK (total_inr = 0 OR place_of_supply IS NOT NULL)
);
CREATE INDEX invoices_user_id_idx ON invoices (user_id, created_at, id);
CREATE INDEX invoices_created_at_idx ON invoices (created_at, id);

CREATE TRIGGER invoices_status_guard
	BEFORE INSERT OR UPDATE OF status ON invoices
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>ISSUED', 'ISSUED>PAID');

-- Added: tax is computed per line; the document's tax is the sum of the lines.
CREATE TABLE invoice_lines (
	id uuid PRIMARY KEY,
	invoice_id uuid NOT NULL REFERENCES invoices,
	line_number smallint NOT NULL CHECK (line_number > 0),
	order_item_id uuid REFERENCES order_items,	-- NULL: our fee on a SERVICE order
	description text NOT NULL,
	sac text,
	quantity integer NOT NULL CHECK (quantity > 0),
	unit_price_inr bigint NOT NULL CHECK (unit_price_inr >= 0),
	discount_inr bigint NOT NULL DEFAULT 0 CHECK (discount_inr >= 0),
	taxable_inr bigint NOT NULL CHECK (taxable_inr >= 0),
	tax_rate numeric(6,3) NOT NULL DEFAULT 0 CHECK (tax_rate BETWEEN 0 AND 100),
	cgst_inr bigint NOT NULL DEFAULT 0 CHECK (cgst_inr >= 0),
	sgst_inr bigint NOT NULL DEFAULT 0 CHECK (sgst_inr >= 0),
	igst_inr bigint NOT NULL DEFAULT 0 CHECK (igst_inr >= 0),
	total_inr bigint NOT NULL CHECK (total_inr >= 0),
	UNIQUE (invoice_id, line_number),
	CONSTRAINT invoice_lines_taxable_inr_product_check
		CHECK (taxable_inr = quantity * unit_price_inr - discount_inr),
	CONSTRAINT invoice_lines_igst_inr_either_check
		CHECK (cgst_inr = sgst_inr AND (igst_inr = 0 OR cgst_inr = 0)),
	CONSTRAINT invoice_lines_total_inr_sum_check
		CHECK (total_inr = taxable_inr + cgst_inr + sgst_inr + igst_inr)
);
CREATE INDEX invoice_lines_order_item_id_idx ON invoice_lines (order_item_id);

-- Added: section 34. The parties are those of the invoice.
CREATE TABLE credit_notes (
	id uuid PRIMARY KEY,
	invoice_id uuid NOT NULL REFERENCES invoices,
	credit_note_number text NOT NULL UNIQUE CHECK (credit_note_number ~ '^[A-Z1-9][A-Z0-9/-]{0,15}$'),
	supplier_gstin text NOT NULL DEFAULT '',
	series text NOT NULL,
	financial_year text NOT NULL CHECK (financial_year ~ '^[0-9]{4}-[0-9]{2}$'),
	sequence bigint NOT NULL CHECK (sequence > 0),
	reason text NOT NULL,
	taxable_inr bigint NOT NULL CHECK (taxable_inr >= 0),
	cgst_inr bigint NOT NULL DEFAULT 0 CHECK (cgst_inr >= 0),
	sgst_inr bigint NOT NULL DEFAULT 0 CHECK (sgst_inr >= 0),
	igst_inr bigint NOT NULL DEFAULT 0 CHECK (igst_inr >= 0),
	total_inr bigint NOT NULL CHECK (total_inr > 0),
	issued_at timestamptz NOT NULL DEFAULT now(),
	created_at timestamptz NOT NULL DEFAULT now(),
	version bigint NOT NULL DEFAULT 1,
	UNIQUE (supplier_gstin, series, financial_year, sequence),
	CONSTRAINT credit_notes_total_inr_sum_check
		CHECK (total_inr = taxable_inr + cgst_inr + sgst_inr + igst_inr)
);
CREATE INDEX credit_notes_invoice_id_idx ON credit_notes (invoice_id, created_at, id);

-- Added: the k-th note's tax on a line is what has become due in all less what was credited before,
-- so that the notes sum to the invoice exactly.
CREATE TABLE credit_note_lines (
	id uuid PRIMARY KEY,
	credit_note_id uuid NOT NULL REFERENCES credit_notes,
	invoice_line_id uuid NOT NULL REFERENCES invoice_lines,
	taxable_inr bigint NOT NULL CHECK (taxable_inr >= 0),
	cgst_inr bigint NOT NULL DEFAULT 0 CHECK (cgst_inr >= 0),
	sgst_inr bigint NOT NULL DEFAULT 0 CHECK (sgst_inr >= 0),
	igst_inr bigint NOT NULL DEFAULT 0 CHECK (igst_inr >= 0),
	UNIQUE (credit_note_id, invoice_line_id)
);
CREATE INDEX credit_note_lines_invoice_line_id_idx ON credit_note_lines (invoice_line_id);

GRANT SELECT, INSERT, UPDATE ON invoice_counters TO nxt_runtime;
GRANT SELECT, INSERT, UPDATE (status, paid_at, version) ON invoices TO nxt_runtime;
GRANT SELECT, INSERT ON invoice_lines, credit_notes, credit_note_lines TO nxt_runtime;

-- migrate:down

DROP TABLE credit_note_lines;
DROP TABLE credit_notes;
DROP TABLE invoice_lines;
DROP TABLE invoices;
DROP TABLE invoice_counters;
