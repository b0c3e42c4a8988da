/* Employees: at most one per user; employment opens and closes INTERNAL roles. */
#ifndef NXT_EMPLOYEES_H
#define NXT_EMPLOYEES_H

struct request;

/* An INTERNAL role makes its holder an employee. A terminated one stays so: ERR_CONFLICT. */
int employee_ensure(struct request *rq, const char *user_id);

#endif
