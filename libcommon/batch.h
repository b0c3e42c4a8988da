/*
 * Micro-batching: what several fibers want of the same kind goes to PostgreSQL as one array
 * statement with an outcome per item.
 *
 * There are no timers. What was asked for in one turn of the loop goes together, and a lone request
 * goes at once; only while all lanes of a batch are at work does what comes gather for the next.
 */
#ifndef NXT_BATCH_H
#define NXT_BATCH_H

struct batch_item {
	struct fiber *waiter;
	struct batch_item *next;
};

/* Items of one lane are done in the order in which they were asked for, one array after another. */
struct batch_lane {
	struct batch *batch;
	struct batch_item *head, **tail;
	unsigned count;
	enum { LANE_IDLE, LANE_GATHERS, LANE_AT_WORK } state;
};

#define BATCH_LANES 2
#define BATCH_MAX 128		/* items of one array */

/*
 * `name` is static text. run() deals with n items on a fiber of its own and may wait; it notes each
 * one's outcome in the item, and never ends without one. A zeroed rest is ready for use.
 */
struct batch {
	const char *name;
	void (*run)(struct batch_item *const *items, unsigned n);
	struct batch_lane lanes[BATCH_LANES];
};

/*
 * Hands in an item and parks until run() has dealt with it. The item is the caller's; it embeds
 * struct batch_item. Items that must keep their order among each other name the same lane (it is
 * taken modulo BATCH_LANES); BATCH_ANY_LANE takes the one that starts soonest.
 */
#define BATCH_ANY_LANE (~0u)
void batch_do(struct batch *b, unsigned lane, struct batch_item *item);

#endif
