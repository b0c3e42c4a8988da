/* Reference tables: rows of other services that ours point at, fed by events; stubs until these arrive. */
#ifndef NXT_REFS_H
#define NXT_REFS_H

struct request;

/*
 * Queues the insertion of a stub (known = false) into user_refs or employee_refs where the row is
 * missing. Does nothing in a service without that table, or for NULL.
 */
void refs_stub_user(struct request *rq, const char *user_id);
void refs_stub_employee(struct request *rq, const char *employee_id);

#endif
