/* From an SQLSTATE to an error of the catalogue that says whose fault it is and whether to repeat. */
#ifndef NXT_DB_ERROR_H
#define NXT_DB_ERROR_H

#include <libpq-fe.h>
#include <stdbool.h>

struct request;

/* Refuses rq with what the failed result says; `sql` tells a DELETE from an INSERT. */
void db_error_take(struct request *rq, const PGresult *r, const char *sql);
/*
 * Whether the refusal in rq is the statement's own, a timeout or an error of it, so that whoever asks the same now
 * would be told the same. False where the connection or the server was the reason.
 */
bool db_error_is_of_statement(const struct request *rq);

#endif
