/*
 * Dead letters: events that this service refused for good, kept with their original bytes.
 *
 * attempts = 0 asks for another try (`nxtctl dlq replay`): the letter is applied and deleted in
 * one transaction, or gets its new error and attempts = 1.
 */
#ifndef NXT_DEAD_LETTERS_H
#define NXT_DEAD_LETTERS_H

#include <librdkafka/rdkafka.h>

struct request;

/* In the open transaction; `error` says why, `attempts` how often it was tried. */
int dead_letter_put(struct request *rq, const rd_kafka_message_t *m, const char *error,
    int attempts);
/* Tries the letters that are marked, one transaction each, until none is left. On a fiber. */
void dead_letters_replay(struct db *db);

#endif
