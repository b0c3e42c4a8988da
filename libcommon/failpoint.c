/* Fail points; see failpoint.h. */
#include "failpoint.h"

#ifdef NXT_FAILPOINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static const char *const names[] = {
#define FAILPOINT_NAME(symbol, name, doc) name,
	FAILPOINT_LIST(FAILPOINT_NAME)
#undef FAILPOINT_NAME
};
#define FAILPOINTS (sizeof(names) / sizeof(names[0]))

static struct {
	bool read;
	size_t at;	/* FAILPOINTS: none */
	long left;	/* times it comes, the last one included */
} armed;

/* A name that does not exist would make a test pass that tests nothing. */
static void
arm(void)
{
	const char *text = getenv("NXT_FAILPOINT");
	size_t n = text == NULL ? 0 : strcspn(text, ":");

	armed.read = true;
	armed.at = FAILPOINTS;
	if (n == 0)
		return;
	armed.left = text[n] == ':' ? strtol(text + n + 1, NULL, 10) : 1;
	for (armed.at = 0; armed.at < FAILPOINTS; armed.at++)
		if (strncmp(names[armed.at], text, n) == 0 && names[armed.at][n] == '\0')
			return;
	log_error("failpoint: %s does not exist", text);
	abort();
}

bool
failpoint_is_next(enum failpoint at)
{
	if (!armed.read)
		arm();
	return (size_t)at == armed.at && armed.left == 1;
}

void
failpoint(enum failpoint at)
{
	if (!armed.read)
		arm();
	if (armed.at < FAILPOINTS && (size_t)at == armed.at && --armed.left == 0) {
		log_warn("failpoint: %s", names[armed.at]);
		kill(getpid(), SIGKILL);
	}
}
#endif
