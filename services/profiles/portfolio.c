/* Portfolios: items with images, and the services on offer. No links out, no contacts. */
#include "db.h"
#include "profiles.h"

#define IMAGES_MAX 20	/* of one item */

static const struct column item_columns[] = {
	COLUMN_ID,
	{ "user_role_profile_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "user_role_profiles" },
	{ "title", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT | COL_NO_CONTACT, .max = 200 },
	{ "description", COL_TEXT, COL_SEARCH | COL_NO_CONTACT, .max = 4000 },
	{ "tags", COL_TEXT_ARRAY, COL_FILTER | COL_REQUIRED | COL_NO_CONTACT, .initial = "[]",
	    .max = 50 },
	{ "display_order", COL_INT, COL_REQUIRED | COL_SORT, .initial = "0", .max = 100000 },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column image_columns[] = {
	COLUMN_ID,
	{ "portfolio_item_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "portfolio_items" },
	{ "file_url", COL_URL, COL_REQUIRED | COL_CREATE_ONLY, .max = 2000,
	    .doc = "Reference into the object store." },
	{ "display_order", COL_INT, COL_REQUIRED | COL_SORT, .initial = "0", .max = 100000 },
	COLUMN_CREATED,
	COLUMN_VERSION,
	{ 0 }
};

static const struct column service_columns[] = {
	COLUMN_ID,
	{ "user_role_profile_id", COL_UUID, COL_REQUIRED | COL_CREATE_ONLY | COL_FILTER,
	    .ref = "user_role_profiles" },
	{ "name", COL_TEXT, COL_REQUIRED | COL_SEARCH | COL_SORT | COL_NO_CONTACT, .max = 200 },
	{ "description", COL_TEXT, COL_SEARCH | COL_NO_CONTACT, .max = 4000 },
	{ "price", COL_MONEY, COL_REQUIRED | COL_FILTER | COL_SORT,
	    .doc = "In paise, without tax." },
	{ "duration_minutes", COL_INT, COL_FILTER | COL_SORT, .min = 1, .max = 10000000 },
	{ "is_active", COL_BOOL, COL_REQUIRED | COL_FILTER, .initial = "t" },
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_VERSION,
	{ 0 }
};

/* ---- items and services: the event names the owner and the row itself ---- */

static void
name_owner(struct request *rq, struct row *row, const char *user_id, const char *entity_type)
{
	struct event_out *ev = row_event(rq, row);

	event_set_text(ev, "user_id", user_id);
	event_entity(ev, entity_type, row_id(row));
}

static int
add_images(struct request *rq, struct event_out *ev, const char *item_id, const char *without)
{
	struct db_result *r = db_query(rq,
	    "SELECT id, file_url, display_order, created_at FROM portfolio_images"
	    " WHERE portfolio_item_id = $1 AND id IS DISTINCT FROM $2::uuid"
	    " ORDER BY display_order, id",
	    DB(item_id, without));

	for (int i = 0; r != NULL && i < db_rows(r); i++) {
		struct event_out *image = event_add_message(ev, "images");
		event_set_text(image, "id", db_text(r, i, 0));
		event_set_text(image, "file_url", db_text(r, i, 1));
		event_set_int(image, "display_order", db_int(r, i, 2));
	}
	return r == NULL ? -1 : 0;
}

static int
item_create(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (profile_must_be_own(rq, row, &facts) < 0)
		return -1;
	name_owner(rq, row, facts.user_id, "portfolio_item");
	return 0;
}

static int
item_change(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (profile_facts(rq, row_text(row, "user_role_profile_id"), &facts) < 0)
		return -1;
	name_owner(rq, row, facts.user_id, "portfolio_item");
	return add_images(rq, row_event(rq, row), row_id(row), NULL);
}

static int
service_create(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (profile_must_be_own(rq, row, &facts) < 0)
		return -1;
	name_owner(rq, row, facts.user_id, "service");
	return 0;
}

static int
service_change(struct request *rq, struct row *row)
{
	struct profile_facts facts;

	if (profile_facts(rq, row_text(row, "user_role_profile_id"), &facts) < 0)
		return -1;
	name_owner(rq, row, facts.user_id, "service");
	return 0;
}

/* ---- images: a change of one is a change of its item ---- */

/* Tells of the item with all its images, `without` the one that goes. */
static int
touch_item(struct request *rq, const char *item_id, const char *without)
{
	struct row *item = row_load(rq, &portfolio_item_resource, item_id, true);
	struct profile_facts facts;

	if (item == NULL || profile_facts(rq, row_text(item, "user_role_profile_id"), &facts) < 0)
		return -1;
	name_owner(rq, item, facts.user_id, "portfolio_item");
	if (add_images(rq, row_event(rq, item), item_id, without) < 0)
		return -1;
	return row_touch(rq, item);
}

static int
image_create(struct request *rq, struct row *row)
{
	const char *item_id = row_text(row, "portfolio_item_id");
	struct db_result *r = db_query(rq,
	    "SELECT (SELECT count(*) FROM portfolio_images WHERE portfolio_item_id = i.id)"
	    " FROM portfolio_items i JOIN user_role_profiles p ON p.id = i.user_role_profile_id"
	    " WHERE i.id = $1 AND p.user_id = $2 FOR NO KEY UPDATE OF i",
	    DB(item_id, rq->caller.user_id));

	if (r == NULL)
		return -1;
	if (db_rows(r) == 0)
		return fail_field(rq, "portfolio_item_id", "unknown_reference",
		    "no item of yours has this id");
	if (db_int(r, 0, 0) >= IMAGES_MAX)
		return fail(rq, ERR_CONFLICT, "an item has at most %d images", IMAGES_MAX);
	if (row_insert(rq, row) < 0)
		return -1;
	return touch_item(rq, item_id, NULL);
}

static int
image_change(struct request *rq, struct row *row)
{
	if (row_update(rq, row) < 0)
		return -1;
	return touch_item(rq, row_text(row, "portfolio_item_id"), NULL);
}

static int
image_remove(struct request *rq, struct row *row)
{
	return touch_item(rq, row_text(row, "portfolio_item_id"), row_id(row));
}

/* ---- the resources ---- */

const struct resource portfolio_item_resource = {
	.table = "portfolio_items",
	.noun = "portfolio_item",
	.module_key = "profiles",
	.label = "title",
	.columns = item_columns,
	.owner = OF_PROFILE_OWNER,
	.visible = OF_PROFILE_VISIBLE,
	.subject = SUBJECT_OWNER,
	.read = ANYONE_OR("portfolio-items.read"),
	.create = SIGNED_IN,
	.update = OWNER_OR("portfolio-items.update"),
	.remove = OWNER_OR("portfolio-items.delete"),
	.on_create = item_create,
	.on_update = item_change,
	.on_remove = item_change,
	.changed = &EV_PORTFOLIO_CHANGED,
	.child = { "user_role_profiles", "portfolio-items", "user_role_profile_id" },
	.doc = "A piece of work shown in a profile.",
};

#define OF_ITEM(condition) \
	"EXISTS (SELECT FROM portfolio_items i JOIN user_role_profiles p" \
	" ON p.id = i.user_role_profile_id WHERE i.id = t.portfolio_item_id AND " condition ")"

const struct resource portfolio_image_resource = {
	.table = "portfolio_images",
	.noun = "portfolio_image",
	.module_key = "profiles",
	.columns = image_columns,
	.owner = OF_ITEM("p.user_id = :me"),
	.visible = OF_ITEM("p.status = 'ACTIVE' AND p.approval_status = 'APPROVED'"
	    " AND p.is_profile_public"),
	.subject = SUBJECT_OWNER,
	.read = ANYONE_OR("portfolio-images.read"),
	.create = SIGNED_IN,
	.update = OWNER_OR("portfolio-images.update"),
	.remove = OWNER_OR("portfolio-images.delete"),
	.on_create = image_create,
	.on_update = image_change,
	.on_remove = image_remove,
	.child = { "portfolio_items", "images", "portfolio_item_id" },
	.doc = "A picture of a portfolio item; every change of one is told as a change of its"
	    " item.",
};

const struct resource service_resource = {
	.table = "services",
	.noun = "service",
	.module_key = "profiles",
	.label = "name",
	.columns = service_columns,
	.flags = RES_IF_MATCH,
	.owner = OF_PROFILE_OWNER,
	.visible = OF_PROFILE_VISIBLE " AND t.is_active",
	.subject = SUBJECT_OWNER,
	.read = ANYONE_OR("services.read"),
	.create = SIGNED_IN,
	.update = OWNER_OR("services.update"),
	.remove = OWNER_OR("services.delete"),
	.on_create = service_create,
	.on_update = service_change,
	.on_remove = service_change,
	.changed = &EV_SERVICE_CHANGED,
	.child = { "user_role_profiles", "services", "user_role_profile_id" },
	.doc = "What a professional offers at a price; its price is what an order is checked"
	    " against.",
};
