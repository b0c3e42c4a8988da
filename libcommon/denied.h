/* access.denied: who was refused what, for audit; sampled here, at the producer. */
#ifndef NXT_DENIED_H
#define NXT_DENIED_H

struct request;

/* After the answer has left. Above a few a second the rest is only counted. */
void denied_report(const struct request *rq);

#endif
