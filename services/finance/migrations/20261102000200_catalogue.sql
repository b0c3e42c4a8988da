-- migrate:up

-- Every "-- added" block lists columns that the target schema does not name.
-- version: the aggregate's version, bumped by each change; ETag and aggregate_version.
-- All amounts are paise, tax-exclusive; rates are decimal percents with three places.

CREATE TABLE pricing_packages (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	description text,
	package_type text NOT NULL CHECK (package_type IN ('JOB_POSTING', 'CONTACT_VIEWS', 'TRACECOIN_BUNDLE')),
	price_inr bigint NOT NULL CHECK (price_inr >= 0),
	tracecoins_included integer NOT NULL DEFAULT 0 CHECK (tracecoins_included >= 0),
	validity_days integer CHECK (validity_days > 0),	-- of the coins; NULL: for ever
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	tax_point text NOT NULL DEFAULT 'SALE' CHECK (tax_point IN ('SALE', 'REDEMPTION')),	-- a voucher is taxed when used
	sac text,				-- services accounting code on the invoice
	effective_from timestamptz NOT NULL DEFAULT now(),
	effective_to timestamptz,
	CONSTRAINT pricing_packages_effective_to_check CHECK (effective_to > effective_from)
);
CREATE INDEX pricing_packages_created_at_idx ON pricing_packages (created_at, id);

-- Codes are compared trimmed and in upper case. FLAT in paise, PERCENT a whole percent.
CREATE TABLE coupons (
	id uuid PRIMARY KEY,
	code text NOT NULL UNIQUE,
	description text,
	discount_type text NOT NULL CHECK (discount_type IN ('PERCENT', 'FLAT')),
	discount_value integer NOT NULL CHECK (discount_value > 0),
	max_discount_inr bigint CHECK (max_discount_inr >= 0),	-- caps PERCENT
	min_order_value_inr bigint CHECK (min_order_value_inr >= 0),	-- of the amount after discount rules
	valid_from timestamptz NOT NULL DEFAULT now(),
	valid_to timestamptz,			-- exclusive; NULL: no end
	usage_limit integer CHECK (usage_limit > 0),	-- NULL: unlimited
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	CONSTRAINT coupons_discount_value_percent_check
		CHECK (discount_type <> 'PERCENT' OR discount_value BETWEEN 1 AND 100),
	CONSTRAINT coupons_valid_to_check CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX coupons_code_upper_key ON coupons (upper(btrim(code)));
CREATE INDEX coupons_created_at_idx ON coupons (created_at, id);

-- Applied before the coupon. scope_id names the category or service; GLOBAL has none.
CREATE TABLE discount_rules (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	scope_type text NOT NULL CHECK (scope_type IN ('GLOBAL', 'CATEGORY', 'SERVICE')),
	scope_id uuid,
	discount_type text NOT NULL CHECK (discount_type IN ('PERCENT', 'FLAT')),
	discount_value integer NOT NULL CHECK (discount_value > 0),
	starts_at timestamptz NOT NULL DEFAULT now(),
	ends_at timestamptz,			-- exclusive; NULL: no end
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	CONSTRAINT discount_rules_discount_value_percent_check
		CHECK (discount_type <> 'PERCENT' OR discount_value BETWEEN 1 AND 100),
	CONSTRAINT discount_rules_scope_id_scope_check CHECK ((scope_type = 'GLOBAL') = (scope_id IS NULL)),
	CONSTRAINT discount_rules_ends_at_check CHECK (ends_at > starts_at)
);
CREATE INDEX discount_rules_created_at_idx ON discount_rules (created_at, id);

-- TCS is withheld from a supplier's payout and never part of an order's tax.
CREATE TABLE tax_rules (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	tax_type text NOT NULL CHECK (tax_type IN ('GST', 'TCS')),
	tax_rate numeric(6,3) NOT NULL CHECK (tax_rate BETWEEN 0 AND 100),
	applies_to text NOT NULL,		-- PACKAGE, SERVICE, or a package type
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	effective_from timestamptz NOT NULL DEFAULT now(),
	effective_to timestamptz,
	CONSTRAINT tax_rules_effective_to_check CHECK (effective_to > effective_from)
);

-- The rate on sales of packages: 18 %, the same id in every installation, in force from the start.
INSERT INTO tax_rules (id, name, tax_type, tax_rate, applies_to, effective_from)
VALUES ('019a0000-0000-7000-8000-000000000101', 'GST 18 %', 'GST', 18.000, 'PACKAGE',
	'2017-07-01 00:00+05:30');

GRANT SELECT, INSERT, UPDATE, DELETE ON pricing_packages, coupons, discount_rules, tax_rules
	TO nxt_runtime;

-- migrate:down

DROP TABLE tax_rules;
DROP TABLE discount_rules;
DROP TABLE coupons;
DROP TABLE pricing_packages;
