/* How the knowledge base is laid out: categories, and sections in them. Inactive ones are staff's alone. */
#include "articles.h"

static int
category_check(struct request *rq, struct row *row)
{
	return slug_check(rq, row);
}

static const struct column category_columns[] = {
	COLUMN_ID,
	{ "name", COL_TEXT, COL_REQUIRED | COL_SORT, .max = 100 },
	{ "slug", COL_TEXT, COL_REQUIRED | COL_FILTER, .max = 120 },
	{ "description", COL_TEXT, 0, .max = 1000 },
	{ "display_order", COL_INT, COL_SORT, .initial = "0" },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "true" },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource kb_categories_resource = {
	.table = "kb_categories",
	.noun = "kb_category",
	.module_key = "knowledge_base",
	.label = "name",
	.columns = category_columns,
	.visible = "t.is_active",
	.subject = SUBJECT_NOBODY,
	.read = ANYONE_OR("kb-categories.read"),
	.create = STAFF("kb-categories.create"),
	.update = STAFF("kb-categories.update"),
	.remove = STAFF("kb-categories.delete"),
	.on_create = category_check,
	.on_update = category_check,
	.changed = &EV_KB_CATEGORY_CHANGED,
	.doc = "What articles are about.",
};

static const struct column section_columns[] = {
	COLUMN_ID,
	{ "category_id", COL_UUID, COL_REQUIRED | COL_FILTER, .ref = "kb_categories" },
	{ "name", COL_TEXT, COL_REQUIRED | COL_SORT, .max = 100 },
	{ "slug", COL_TEXT, COL_REQUIRED | COL_FILTER, .max = 120 },
	{ "description", COL_TEXT, 0, .max = 1000 },
	{ "display_order", COL_INT, COL_SORT, .initial = "0" },
	{ "is_active", COL_BOOL, COL_FILTER, .initial = "true" },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

const struct resource kb_sections_resource = {
	.table = "kb_sections",
	.noun = "kb_section",
	.module_key = "knowledge_base",
	.label = "name",
	.columns = section_columns,
	.visible = "t.is_active AND EXISTS (SELECT FROM kb_categories c WHERE c.id = t.category_id AND c.is_active)",
	.subject = SUBJECT_NOBODY,
	.read = ANYONE_OR("kb-sections.read"),
	.create = STAFF("kb-sections.create"),
	.update = STAFF("kb-sections.update"),
	.remove = STAFF("kb-sections.delete"),
	.on_create = category_check,
	.on_update = category_check,
	.changed = &EV_KB_SECTION_CHANGED,
	.child = { "kb_categories", "sections", "category_id" },
	.doc = "Parts of a category.",
};
