-- migrate:up

CREATE TABLE kb_categories (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	slug text NOT NULL UNIQUE,
	description text,
	display_order integer NOT NULL DEFAULT 0,
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE kb_sections (
	id uuid PRIMARY KEY,
	category_id uuid NOT NULL REFERENCES kb_categories,
	name text NOT NULL,
	slug text NOT NULL,
	description text,
	display_order integer NOT NULL DEFAULT 0,
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	UNIQUE (category_id, slug)
);

-- Published only after another person has read it.
CREATE TABLE kb_articles (
	id uuid PRIMARY KEY,
	category_id uuid NOT NULL REFERENCES kb_categories,
	section_id uuid REFERENCES kb_sections,
	title text NOT NULL,
	slug text NOT NULL UNIQUE,
	summary text,
	content_markdown text NOT NULL,
	article_type text NOT NULL DEFAULT 'HOW_TO'
		CHECK (article_type IN ('HOW_TO', 'TROUBLESHOOTING', 'FAQ', 'FEATURE', 'POLICY')),
	status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'PUBLISHED')),
	audience_type text NOT NULL DEFAULT 'INTERNAL'
		CHECK (audience_type IN ('INTERNAL', 'EXTERNAL', 'ALL')),
	tags text[] NOT NULL DEFAULT '{}',
	author_user_id uuid NOT NULL REFERENCES user_refs,
	reviewed_by_user_id uuid REFERENCES user_refs,
	published_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,	-- what a reader's feedback was about
	archive_at timestamptz,			-- back to DRAFT by clock
	CONSTRAINT kb_articles_reviewed_by_user_id_other_check CHECK (status <> 'PUBLISHED'
		OR (reviewed_by_user_id IS NOT NULL AND reviewed_by_user_id <> author_user_id))
);
CREATE INDEX kb_articles_category_id_idx ON kb_articles (category_id, created_at, id);
CREATE INDEX kb_articles_section_id_idx ON kb_articles (section_id, created_at, id);
CREATE INDEX kb_articles_status_idx ON kb_articles (status, created_at, id);
CREATE INDEX kb_articles_archive_at_idx ON kb_articles (archive_at)
	WHERE status = 'PUBLISHED' AND archive_at IS NOT NULL;

CREATE TRIGGER kb_articles_status_guard
	BEFORE INSERT OR UPDATE OF status ON kb_articles
	FOR EACH ROW EXECUTE FUNCTION status_guard('status', '>DRAFT',
		'DRAFT>PUBLISHED', 'PUBLISHED>DRAFT');

-- One per user and version of the article.
CREATE TABLE kb_article_feedback (
	id uuid PRIMARY KEY,
	article_id uuid NOT NULL REFERENCES kb_articles ON DELETE CASCADE,
	user_id uuid NOT NULL REFERENCES user_refs,
	is_helpful boolean NOT NULL,
	feedback_text text,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	article_version bigint NOT NULL,
	UNIQUE (article_id, user_id, article_version)
);
CREATE INDEX kb_article_feedback_article_id_idx ON kb_article_feedback (article_id, created_at, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON kb_categories, kb_sections, kb_articles, kb_article_feedback
	TO nxt_runtime;

-- migrate:down

DROP TABLE kb_article_feedback;
DROP TABLE kb_articles;
DROP TABLE kb_sections;
DROP TABLE kb_categories;
