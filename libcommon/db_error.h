/* From an SQLSTATE to an error of the catalogue that says whose fault it is and whether to repeat. */
#ifndef NXT_DB_ERROR_H
#define NXT_DB_ERROR_H

#include <libpq-fe.h>

struct request;

/* Refuses rq with what the failed result says; `sql` tells a DELETE from an INSERT. */
void db_error_take(struct request *rq, const PGresult *r, const char *sql);

#endif
