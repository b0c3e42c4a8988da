/* nxt-<service> republish <table>: every row's state again as events, so that projections can be rebuilt. */
#ifndef NXT_REPUBLISH_H
#define NXT_REPUBLISH_H

struct request;

int republish_command(struct request *rq, int argc, char **argv);

#endif
