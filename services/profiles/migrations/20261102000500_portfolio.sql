-- migrate:up

-- No external links anywhere: texts are scanned before they get here, file_url is a reference into
-- the object store.

CREATE TABLE portfolio_items (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL REFERENCES user_role_profiles,
	title text NOT NULL,
	description text,
	tags text[] NOT NULL DEFAULT '{}',
	display_order integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE INDEX portfolio_items_user_role_profile_id_idx ON portfolio_items (user_role_profile_id, created_at, id);

CREATE TABLE portfolio_images (
	id uuid PRIMARY KEY,
	portfolio_item_id uuid NOT NULL REFERENCES portfolio_items ON DELETE CASCADE,
	file_url text NOT NULL,
	display_order integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE INDEX portfolio_images_portfolio_item_id_idx ON portfolio_images (portfolio_item_id, created_at, id);

CREATE TABLE services (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL REFERENCES user_role_profiles,
	name text NOT NULL,
	description text,
	price bigint NOT NULL CHECK (price >= 0),	-- paise, tax-exclusive
	duration_minutes integer CHECK (duration_minutes > 0),
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE INDEX services_user_role_profile_id_idx ON services (user_role_profile_id, created_at, id);
CREATE INDEX services_price_idx ON services (price, id) WHERE is_active;

GRANT SELECT, INSERT, UPDATE, DELETE ON portfolio_items, portfolio_images, services TO nxt_runtime;

-- migrate:down

DROP TABLE services;
DROP TABLE portfolio_images;
DROP TABLE portfolio_items;
