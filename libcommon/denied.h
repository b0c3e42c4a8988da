/* Who was refused what, for audit: access.denied, or what a handler has to say; sampled here, at the producer. */
#ifndef NXT_DENIED_H
#define NXT_DENIED_H

struct request;

/*
 * The refusal that the unit is about to end with is told by publish(rq, arg), in a unit of its own after the
 * answer, since this one is rolled back. What arg points at lies in the arena of `rq`.
 */
void denied_tell(struct request *rq, int (*publish)(struct request *rq, const void *arg), const void *arg);
/*
 * After the answer has left, of a refused request: runs what denied_tell left; else publishes access.denied of
 * a signed-in caller who may not (403) or has to prove himself anew. Above a few a second there is none.
 */
void denied_report(const struct request *rq);

#endif
