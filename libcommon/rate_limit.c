/* Token buckets in a table of fixed size; see rate_limit.h. */
#include "rate_limit.h"

#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "request.h"
#include "resource.h"

#define BUCKETS 4096	/* two callers that share one are limited together: never more than allowed */

struct bucket {
	uint32_t owner;		/* hash of address and route; another owner starts a full bucket */
	int32_t tokens;		/* in thousandths */
	int64_t filled_ms;
};
static struct bucket buckets[BUCKETS];

static uint32_t
hash(uint32_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static struct bucket *
bucket_of(const struct request *rq, int64_t burst, int64_t per_second)
{
	uint32_t owner = hash(hash(2166136261u, rq->ip_address != NULL ? rq->ip_address : ""),
	    rq->route->path);
	struct bucket *b = &buckets[owner % BUCKETS];
	int64_t now = clock_mono_ms(), more;

	if (b->owner != owner) {
		*b = (struct bucket){ .owner = owner, .tokens = (int32_t)(burst * 1000), .filled_ms = now };
		return b;
	}
	more = (now - b->filled_ms) * per_second;
	b->tokens = (int32_t)(b->tokens + more > burst * 1000 ? burst * 1000 : b->tokens + more);
	b->filled_ms = now;
	return b;
}

int
rate_limit_take(struct request *rq)
{
	int64_t burst = config_int("RATE_LIMIT_BURST"), per_second = config_int("RATE_LIMIT_PER_S");
	struct bucket *b = bucket_of(rq, burst, per_second);
	int64_t wait_s = b->tokens >= 1000 ? 0 : (1000 - b->tokens) / (per_second * 1000) + 1;

	if (b->tokens >= 1000)
		b->tokens -= 1000;
	rq->reply.extra_name = "RateLimit";
	rq->reply.extra_value = arena_printf(rq->arena, "limit=%lld, remaining=%d, reset=%lld",
	    (long long)burst, b->tokens / 1000, (long long)(wait_s > 0 ? wait_s : 1));
	if (wait_s == 0)
		return 0;
	rq->problem.retry_after_s = (int)wait_s;
	return fail(rq, ERR_TOO_MANY_REQUESTS, "too many calls from this address");
}
