/*
 * Any target to the router, the query string and the values of filters of every type. Held: what
 * is decoded is UTF-8 and survives encoding again; a name stands once; a refusal is a 4xx whose
 * words and field errors can stand in an answer.
 */
#include "fuzz.h"

#include "request.h"
#include "resource.h"
#include "router.h"
#include "uuid.h"
#include "validate.h"

static const char *const words[] = { "DRAFT", "LIVE", NULL };
static const struct column columns[] = {
	{ "uuid", COL_UUID }, { "text", COL_TEXT }, { "enum", COL_ENUM, .values = words },
	{ "int", COL_INT }, { "money", COL_MONEY }, { "bool", COL_BOOL }, { "time", COL_TIME },
	{ "date", COL_DATE }, { "json", COL_JSON }, { "array", COL_TEXT_ARRAY },
	{ "decimal", COL_DECIMAL }, { "email", COL_EMAIL }, { "phone", COL_PHONE }, { "url", COL_URL },
	{ 0 }
};

static int
never_called(struct request *rq)
{
	(void)rq;
	abort();
}

static const struct route routes[] = {
	{ "GET", "/v1/jobs", ANYONE, .handler = never_called },
	{ "GET", "/v1/jobs/{id}", ANYONE, .handler = never_called },
	{ "POST", "/v1/jobs/{id}/submit", ANYONE, .handler = never_called },
	{ "GET", "/v1/settings/{key}", ANYONE, .handler = never_called },
	{ 0 }
};

static void
hold_refused(const struct request *rq)
{
	const struct error_info *info = error_info(rq->problem.code);

	hold(rq->problem.code != ERR_NONE && info->status >= 400 && info->status < 500);
	hold(utf8_is_valid(rq->problem.detail, strlen(rq->problem.detail)));
	for (const struct field_error *f = rq->problem.fields; f != NULL; f = f->next)
		hold(utf8_is_valid(f->pointer, strlen(f->pointer)) &&
		    utf8_is_valid(f->detail, strlen(f->detail)));
}

static void
route(const char *path)
{
	struct request *rq = request_new(NULL);

	if (router_match(rq, "GET", path) < 0)
		hold_refused(rq);
	else if (rq->id != NULL)
		hold(uuid_is_valid(rq->id));
	else if (rq->param != NULL)
		hold(rq->param[0] != '\0' && utf8_is_valid(rq->param, strlen(rq->param)));
	request_free(rq);
}

static void
hold_decoded(struct request *rq)
{
	for (const struct query_param *p = rq->query; p != NULL; p = p->next) {
		char *encoded = url_encode(rq->arena, p->value);
		hold(utf8_is_valid(p->name, strlen(p->name)));
		hold(utf8_is_valid(p->value, strlen(p->value)));
		hold(strcmp(url_decode(rq->arena, encoded, strlen(encoded), true), p->value) == 0);
		hold(query_get(rq, p->name) == p->value);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool ready;
	struct request *rq = request_new(NULL);
	struct error e;

	for (const struct route *r = routes; !ready && r->method != NULL; r++)
		hold(router_add(r, &e) == 0);
	ready = true;
	route(take_until(rq->arena, &data, &len, '?', NULL));
	if (query_parse(rq, arena_strndup(rq->arena, (const char *)data, len)) < 0) {
		hold_refused(rq);
	} else {
		hold_decoded(rq);
		if (validate_query(rq, columns) < 0)
			hold_refused(rq);
	}
	request_free(rq);
	return 0;
}
