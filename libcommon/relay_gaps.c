/*
 * Numbers that are missing among the rows read so far, and the sweep for what was missed.
 *
 * A missing number is a transaction still open, or one rolled back. It is asked for by number in
 * the same snapshot as new rows: whatever was committed after it for the same aggregate is seen
 * no earlier. It is forgotten once every transaction that was open when it was noted has ended.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "log.h"
#include "relay_internal.h"
#include "request.h"

#define GAPS_MAX 20000		/* beyond that nothing new is read: a gap that is let go breaks its key's order */
#define GAP_SETTLED_MS 1000	/* a number is taken some instructions before its transaction shows */
#define SWEEP_EVERY_MS 250
#define SWEEP_SHARE 20		/* it takes at most one part in so many of the time */
#define SWEEP_ROWS 1000

struct gap {
	int64_t seq;
	int64_t noted_ms;
	int64_t horizon;	/* transactions from this id on began later; 0: not known yet */
	bool doomed;		/* all earlier ones have ended; one more read, then it goes */
};

static struct {
	struct gap list[GAPS_MAX];
	unsigned count;
	int64_t swept_ms, sweep_took_ms;
} gaps;

/* Where seq stands or would stand: the list is in order. */
static unsigned
gap_place(int64_t seq)
{
	unsigned low = 0, high = gaps.count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (gaps.list[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
gap_is_at(unsigned i, int64_t seq)
{
	return i < gaps.count && gaps.list[i].seq == seq;
}

static void
gap_insert(int64_t seq)
{
	unsigned i = gap_place(seq);

	if (gap_is_at(i, seq))
		return;
	memmove(&gaps.list[i + 1], &gaps.list[i], (gaps.count++ - i) * sizeof(gaps.list[0]));
	gaps.list[i] = (struct gap){ .seq = seq, .noted_ms = clock_mono_ms() };
}

/* -1: there is no room; a sequence that was set by hand leaves its last numbers only. */
int
relay_gap_note(int64_t from, int64_t to)
{
	if (to - from > GAPS_MAX / 2)
		from = to - GAPS_MAX / 2;
	if (to - from > GAPS_MAX - (int64_t)gaps.count)
		return -1;
	for (int64_t seq = from; seq < to; seq++)
		gap_insert(seq);
	return 0;
}

void
relay_gap_found(int64_t seq)
{
	unsigned i = gap_place(seq);

	if (gap_is_at(i, seq))
		memmove(&gaps.list[i], &gaps.list[i + 1], (--gaps.count - i) * sizeof(gaps.list[0]));
}

void
relay_gap_forget_from(int64_t seq)
{
	gaps.count = gap_place(seq);
}

bool
relay_gap_any(void)
{
	return gaps.count > 0;
}

struct db_array *
relay_gap_array(struct request *rq)
{
	struct db_array *x = db_array_new(rq->arena, DB_INT8);

	for (unsigned i = 0; i < gaps.count; i++)
		db_array_add_int(x, gaps.list[i].seq);
	return x;
}

static int
forget_filled(struct request *rq)
{
	struct db_result *r;
	int64_t xmin, xmax, now = clock_mono_ms();
	unsigned left = 0;

	if (gaps.count == 0)
		return 0;
	r = db_query(rq, "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text "
	    "FROM pg_current_snapshot() s", DB0);
	if (r == NULL)
		return -1;
	xmin = db_int(r, 0, 0);
	xmax = db_int(r, 0, 1);
	for (unsigned i = 0; i < gaps.count; i++) {
		struct gap *g = &gaps.list[i];
		if (g->horizon == 0 && now - g->noted_ms >= GAP_SETTLED_MS)
			g->horizon = xmax;
		else if (g->doomed)
			continue;
		else if (g->horizon != 0 && xmin >= g->horizon)
			g->doomed = true;
		gaps.list[left++] = *g;
	}
	gaps.count = left;
	return 0;
}

bool
relay_sweep_is_due(void)
{
	int64_t pause = gaps.sweep_took_ms * SWEEP_SHARE;

	return clock_mono_ms() - gaps.swept_ms >= (pause > SWEEP_EVERY_MS ? pause : SWEEP_EVERY_MS);
}

/* Below the lowest row in flight nothing is, so whatever is found there was missed. */
int
relay_sweep(struct request *rq)
{
	int64_t began = clock_mono_ms(), below = relay_lowest_in_flight();
	struct db_result *r;
	const char *limit;

	if (forget_filled(rq) < 0)
		return -1;
	below = below < relay.next ? below : relay.next;
	below = below < relay.skipped_from ? below : relay.skipped_from;
	limit = arena_printf(rq->arena, "%lld", (long long)below);
	r = db_query(rq, "SELECT seq FROM outbox_events WHERE seq < $1::bigint ORDER BY seq LIMIT "
	    "1000", DB(limit));
	gaps.swept_ms = clock_mono_ms();
	gaps.sweep_took_ms = gaps.swept_ms - began;
	if (r == NULL)
		return -1;
	_Static_assert(SWEEP_ROWS == 1000 && SWEEP_ROWS < GAPS_MAX, "as the statement says");
	for (int i = 0; i < db_rows(r); i++)
		if (relay_gap_note(db_int(r, i, 0), db_int(r, i, 0) + 1) < 0)
			break;
	if (db_rows(r) > 0)
		log_debug("relay: the sweep found %d rows", db_rows(r));
	return 0;
}
