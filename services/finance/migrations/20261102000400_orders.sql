-- migrate:up

-- Never deleted: an order nobody pays is CANCELLED.
CREATE TABLE orders (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES user_refs,
	order_type text NOT NULL CHECK (order_type IN ('PACKAGE', 'SERVICE')),
	subtotal_inr bigint NOT NULL CHECK (subtotal_inr >= 0),
	discount_inr bigint NOT NULL DEFAULT 0 CHECK (discount_inr >= 0),
	tax_inr bigint NOT NULL DEFAULT 0 CHECK (tax_inr >= 0),
	total_inr bigint NOT NULL CHECK (total_inr >= 0),
	status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'COMPLETED', 'CANCELLED')),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	coupon_id uuid REFERENCES coupons,
	supplier_profile_id uuid REFERENCES role_profile_refs,	-- of a SERVICE order: the supplier of record
	buyer_name text,			-- the buyer as known at checkout; frozen again on the invoice
	buyer_gstin text,
	place_of_supply text CHECK (place_of_supply ~ '^[0-9]{2}$'),	-- GST state code
	expires_at timestamptz,			-- PENDING ends by clock, once the gateway says unpaid
	completed_at timestamptz,
	cancelled_at timestamptz,
	cancel_reason text,
	CONSTRAINT orders_discount_inr_subtotal_check CHECK (discount_inr <= subtotal_inr),
	CONSTRAINT orders_total_inr_sum_check CHECK (total_inr = subtotal_inr - discount_inr + tax_inr)
);
CREATE INDEX orders_user_id_idx ON orders (user_id, created_at, id);
CREATE INDEX orders_status_idx ON orders (status, created_at, id);
CREATE INDEX orders_coupon_id_idx ON orders (coupon_id) WHERE coupon_id IS NOT NULL;
CREATE INDEX orders_expires_at_idx ON orders (expires_at) WHERE status = 'PENDING';

CREATE TRIGGER orders_status_guard
	BEFORE INSERT OR UPDATE OF status ON orders
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>PENDING',
		'PENDING>COMPLETED', 'PENDING>CANCELLED');

-- A line freezes what was bought: later changes of the package or service change nothing.
CREATE TABLE order_items (
	id uuid PRIMARY KEY,
	order_id uuid NOT NULL REFERENCES orders,
	item_type text NOT NULL CHECK (item_type IN ('PACKAGE', 'SERVICE')),
	item_id uuid NOT NULL,			-- pricing_packages or service_refs
	item_name text NOT NULL,
	quantity integer NOT NULL CHECK (quantity > 0),
	unit_price_inr bigint NOT NULL CHECK (unit_price_inr >= 0),
	total_price_inr bigint NOT NULL CHECK (total_price_inr >= 0),	-- before discount and tax
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	line_number smallint NOT NULL CHECK (line_number > 0),
	discount_inr bigint NOT NULL DEFAULT 0 CHECK (discount_inr >= 0),
	taxable_inr bigint NOT NULL CHECK (taxable_inr >= 0),
	tax_rate numeric(6,3) NOT NULL DEFAULT 0 CHECK (tax_rate BETWEEN 0 AND 100),
	cgst_inr bigint NOT NULL DEFAULT 0 CHECK (cgst_inr >= 0),
	sgst_inr bigint NOT NULL DEFAULT 0 CHECK (sgst_inr >= 0),
	igst_inr bigint NOT NULL DEFAULT 0 CHECK (igst_inr >= 0),
	tracecoins integer NOT NULL DEFAULT 0 CHECK (tracecoins >= 0),	-- credited in all: quantity x coins included
	validity_days integer CHECK (validity_days > 0),
	tax_point text NOT NULL DEFAULT 'SALE' CHECK (tax_point IN ('SALE', 'REDEMPTION')),
	sac text,
	UNIQUE (order_id, line_number),
	CONSTRAINT order_items_total_price_inr_product_check CHECK (total_price_inr = quantity * unit_price_inr),
	CONSTRAINT order_items_taxable_inr_sum_check CHECK (taxable_inr = total_price_inr - discount_inr),
	CONSTRAINT order_items_igst_inr_either_check CHECK (cgst_inr = sgst_inr AND (igst_inr = 0 OR cgst_inr = 0))
);
CREATE INDEX order_items_item_id_idx ON order_items (item_id);

-- One coupon per order. Counts against the limit while its order is not CANCELLED.
CREATE TABLE coupon_redemptions (
	id uuid PRIMARY KEY,
	coupon_id uuid NOT NULL REFERENCES coupons,
	user_id uuid NOT NULL REFERENCES user_refs,
	order_id uuid NOT NULL UNIQUE REFERENCES orders,
	redeemed_at timestamptz NOT NULL DEFAULT now(),
	discount_amount_inr bigint NOT NULL CHECK (discount_amount_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	released_at timestamptz			-- set with the order's cancellation
);
CREATE INDEX coupon_redemptions_coupon_id_idx ON coupon_redemptions (coupon_id, created_at, id);
CREATE INDEX coupon_redemptions_user_id_idx ON coupon_redemptions (user_id, created_at, id);

GRANT SELECT, INSERT, UPDATE ON orders, order_items, coupon_redemptions TO nxt_runtime;

-- migrate:down

DROP TABLE coupon_redemptions;
DROP TABLE order_items;
DROP TABLE orders;
