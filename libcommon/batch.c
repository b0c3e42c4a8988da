/* Gathering what fibers of one turn ask for; see batch.h. */
#include "batch.h"

#include <stddef.h>

#include "fiber.h"
#include "metrics.h"

static unsigned
take(struct batch_lane *lane, struct batch_item **items)
{
	unsigned n = 0;

	while (lane->head != NULL && n < BATCH_MAX) {
		items[n++] = lane->head;
		lane->head = lane->head->next;
	}
	if (lane->head == NULL)
		lane->tail = &lane->head;
	lane->count -= n;
	return n;
}

static void
lane_main(void *arg)
{
	struct batch_lane *lane = arg;
	struct batch_item *items[BATCH_MAX];
	unsigned n;

	while ((n = take(lane, items)) > 0) {
		lane->state = LANE_AT_WORK;
		lane->batch->run(items, n);
		metric_add(M_BATCHES, 1);
		metric_add(M_BATCH_ITEMS, n);
		for (unsigned i = 0; i < n; i++)
			fiber_wake(items[i]->waiter);
	}
	lane->state = LANE_IDLE;
}

/* One that gathers in this turn; else an idle one; else the shorter queue. */
static struct batch_lane *
soonest(struct batch *b)
{
	struct batch_lane *best = &b->lanes[0];

	for (unsigned i = 1; i < BATCH_LANES && best->state != LANE_GATHERS; i++) {
		struct batch_lane *lane = &b->lanes[i];
		if (lane->state == LANE_GATHERS || (lane->state == LANE_IDLE && best->state != LANE_IDLE) ||
		    (lane->state == best->state && lane->count < best->count))
			best = lane;
	}
	return best;
}

static void
put(struct batch_lane *lane, struct batch_item *item)
{
	item->next = NULL;
	if (lane->head == NULL)
		lane->tail = &lane->head;
	*lane->tail = item;
	lane->tail = &item->next;
	lane->count++;
}

void
batch_do(struct batch *b, unsigned lane_number, struct batch_item *item)
{
	struct batch_lane *lane = lane_number == BATCH_ANY_LANE ? soonest(b) :
	    &b->lanes[lane_number % BATCH_LANES];

	item->waiter = fiber_self();
	put(lane, item);
	if (lane->state == LANE_IDLE) {
		lane->batch = b;
		lane->state = LANE_GATHERS;
		/* it runs behind whoever is runnable now: those still add theirs */
		fiber_start(b->name, lane_main, lane);
	}
	fiber_wait(b->name);
}
