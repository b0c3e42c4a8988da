-- migrate:up

-- The professions' own columns, one row per profile, each table only for its own role key.
-- Prices and rates are in paise.

CREATE TABLE photographer_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	specialties text[] NOT NULL DEFAULT '{}',
	camera_brands text[] NOT NULL DEFAULT '{}',
	studio_available boolean NOT NULL DEFAULT false,
	outdoor_shoots boolean NOT NULL DEFAULT false,
	travel_radius_km integer CHECK (travel_radius_km >= 0),
	starting_price_inr bigint CHECK (starting_price_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE tutor_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	subjects text[] NOT NULL DEFAULT '{}',
	board_types text[] NOT NULL DEFAULT '{}',
	qualification text,
	teaches_online boolean NOT NULL DEFAULT false,
	teaches_offline boolean NOT NULL DEFAULT false,
	experience_years integer CHECK (experience_years >= 0),
	hourly_rate_inr bigint CHECK (hourly_rate_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE makeup_artist_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	specializations text[] NOT NULL DEFAULT '{}',
	kit_brands text[] NOT NULL DEFAULT '{}',
	home_service boolean NOT NULL DEFAULT false,
	studio_available boolean NOT NULL DEFAULT false,
	starting_price_inr bigint CHECK (starting_price_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE developer_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	tech_stack text[] NOT NULL DEFAULT '{}',
	experience_years integer CHECK (experience_years >= 0),
	availability text CHECK (availability IN ('FULL_TIME', 'PART_TIME', 'FREELANCE')),
	hourly_rate_inr bigint CHECK (hourly_rate_inr >= 0),
	remote_ok boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE video_editor_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	software_skills text[] NOT NULL DEFAULT '{}',
	style_tags text[] NOT NULL DEFAULT '{}',
	turnaround_days integer CHECK (turnaround_days >= 0),
	starting_price_inr bigint CHECK (starting_price_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE graphic_designer_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	design_tools text[] NOT NULL DEFAULT '{}',
	style_tags text[] NOT NULL DEFAULT '{}',
	brand_experience boolean NOT NULL DEFAULT false,
	starting_price_inr bigint CHECK (starting_price_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE social_media_manager_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	platforms text[] NOT NULL DEFAULT '{}',
	industries text[] NOT NULL DEFAULT '{}',
	content_types text[] NOT NULL DEFAULT '{}',
	avg_follower_growth_pct integer,
	starting_price_inr bigint CHECK (starting_price_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE fitness_trainer_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	disciplines text[] NOT NULL DEFAULT '{}',
	certifications text[] NOT NULL DEFAULT '{}',
	online_sessions boolean NOT NULL DEFAULT false,
	home_visits boolean NOT NULL DEFAULT false,
	gym_based boolean NOT NULL DEFAULT false,
	per_session_rate_inr bigint CHECK (per_session_rate_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE catering_service_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	business_name text,
	cuisine_types text[] NOT NULL DEFAULT '{}',
	event_types text[] NOT NULL DEFAULT '{}',
	min_guests integer CHECK (min_guests >= 0),
	max_guests integer CHECK (max_guests >= 0),
	has_setup_team boolean NOT NULL DEFAULT false,
	has_serving_staff boolean NOT NULL DEFAULT false,
	price_per_head_inr bigint CHECK (price_per_head_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	CONSTRAINT catering_service_profiles_max_guests_range_check CHECK (max_guests >= min_guests)
);

CREATE TABLE ugc_content_creator_profiles (
	id uuid PRIMARY KEY,
	user_role_profile_id uuid NOT NULL UNIQUE REFERENCES user_role_profiles ON DELETE CASCADE,
	niche_tags text[] NOT NULL DEFAULT '{}',
	content_formats text[] NOT NULL DEFAULT '{}',
	platforms text[] NOT NULL DEFAULT '{}',
	turnaround_days integer CHECK (turnaround_days >= 0),
	starting_price_inr bigint CHECK (starting_price_inr >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

GRANT SELECT, INSERT, UPDATE, DELETE
	ON photographer_profiles,
		tutor_profiles,
		makeup_artist_profiles,
		developer_profiles,
		video_editor_profiles,
		graphic_designer_profiles,
		social_media_manager_profiles,
		fitness_trainer_profiles,
		catering_service_profiles,
		ugc_content_creator_profiles
	TO nxt_runtime;

-- migrate:down

DROP TABLE ugc_content_creator_profiles;
DROP TABLE catering_service_profiles;
DROP TABLE fitness_trainer_profiles;
DROP TABLE social_media_manager_profiles;
DROP TABLE graphic_designer_profiles;
DROP TABLE video_editor_profiles;
DROP TABLE developer_profiles;
DROP TABLE makeup_artist_profiles;
DROP TABLE tutor_profiles;
DROP TABLE photographer_profiles;
