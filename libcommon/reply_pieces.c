/* Answers in pieces; see reply_pieces.h. */
#include "reply_pieces.h"

#include "arena.h"
#include "fiber.h"
#include "service.h"

#define STALLED_MS 60000	/* a client that takes nothing for so long has gone */
#define FIELDS_MAX 6

void
reply_begin(struct request *rq, const struct http_field *more, size_t n)
{
	struct http_field fields[FIELDS_MAX] = {
		{ "Cache-Control", "no-store" },
		{ "X-Request-Id", rq->request_id },
	};

	for (size_t i = 0; i < n && i + 2 < FIELDS_MAX; i++)
		fields[i + 2] = more[i];
	rq->reply.status = 200;
	http_reply_start(rq->http, 200, fields, n + 2);
}

static void
wake(struct http_request *hr, void *fiber)
{
	(void)hr;
	fiber_wake(fiber);
}

int
reply_piece(struct request *rq, const struct buf *b)
{
	int unsent = http_reply_chunk(rq->http, b->text, b->len);

	if (unsent < 0)
		return -1;
	if (unsent <= HTTP_HIGH_WATER)
		return 0;
	http_on_drain(rq->http, wake, fiber_self());
	return fiber_park("client", STALLED_MS) == FIBER_DONE && !http_client_gone(rq->http) ? 0 : -1;
}

struct request *
reply_page(const struct request *rq)
{
	struct request *page = request_new(service_db());

	page->http = rq->http;
	page->route = rq->route;
	page->caller = rq->caller;
	page->actor = rq->actor;
	return page;
}

static void
free_page(void *page)
{
	request_free(page);
}

int
reply_refuse(struct request *rq, struct request *page)
{
	rq->problem = page->problem;
	arena_own(rq->arena, page, free_page);	/* the reasons lie in it */
	return -1;
}
