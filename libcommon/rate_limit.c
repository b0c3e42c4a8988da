/* Token buckets in a table of fixed size; see rate_limit.h. */
#include "rate_limit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "request.h"
#include "resource.h"

#define SETS 1024
#define WAYS 8		/* buckets of one set; a ninth caller takes the place of the fullest */

struct bucket {
	uint64_t owner;		/* keyed hash of network and route; 0: none */
	int64_t tokens;		/* in thousandths */
	int64_t filled_ms;
};
static struct bucket buckets[SETS][WAYS];

const char *
rate_limit_network(struct request *rq)
{
	const char *ip = rq->ip_address != NULL ? rq->ip_address : "";
	unsigned char b[16];
	char text[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET6, ip, b) != 1)
		return ip;
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)b))
		return arena_printf(rq->arena, "%d.%d.%d.%d", b[12], b[13], b[14], b[15]);
	memset(b + 8, 0, 8);
	return arena_printf(rq->arena, "%s/64", inet_ntop(AF_INET6, b, text, sizeof(text)));
}

/* Keyed anew in every process: nobody can choose addresses that fall on another's set. */
static uint64_t
owner_of(struct request *rq)
{
	static unsigned char key[crypto_shorthash_KEYBYTES];
	static bool has_key;
	const char *what = arena_printf(rq->arena, "%s %s", rate_limit_network(rq), rq->route->path);
	uint64_t owner;

	if (!has_key) {
		randombytes_buf(key, sizeof(key));
		has_key = true;
	}
	crypto_shorthash((unsigned char *)&owner, (const unsigned char *)what, strlen(what), key);
	return owner != 0 ? owner : 1;
}

static void
refill(struct bucket *b, int64_t burst, int64_t per_second, int64_t now)
{
	b->tokens += (now - b->filled_ms) * per_second;
	if (b->owner == 0 || b->tokens > burst * 1000)
		b->tokens = burst * 1000;
	b->filled_ms = now;
}

/*
 * The fullest goes, which forgets the least: an empty bucket cannot be washed out by calls from
 * many addresses, and whoever is forgotten starts with a full one, never with another's empty one.
 */
static struct bucket *
bucket_of(struct request *rq, int64_t burst, int64_t per_second)
{
	uint64_t owner = owner_of(rq);
	struct bucket *set = buckets[owner % SETS], *fullest = &set[0];
	int64_t now = clock_mono_ms();

	for (int i = 0; i < WAYS; i++) {
		refill(&set[i], burst, per_second, now);
		if (set[i].owner == owner)
			return &set[i];
		if (set[i].tokens > fullest->tokens)
			fullest = &set[i];
	}
	*fullest = (struct bucket){ .owner = owner, .tokens = burst * 1000, .filled_ms = now };
	return fullest;
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
	rq->reply.extra_value = arena_printf(rq->arena, "limit=%lld, remaining=%lld, reset=%lld",
	    (long long)burst, (long long)(b->tokens / 1000), (long long)(wait_s > 0 ? wait_s : 1));
	if (wait_s == 0)
		return 0;
	rq->problem.retry_after_s = (int)wait_s;
	return fail(rq, ERR_TOO_MANY_REQUESTS, "too many calls from this address");
}
