/* What a person's data is, by the same declarations that say who owns a row. */
#ifndef NXT_EXPORT_H
#define NXT_EXPORT_H

#include "error.h"

struct request;
struct service;

/*
 * Adds GET /v1/me/export/<service>: every row of each resource whose `subject` the caller is,
 * {"<table>": [item, …], …}.
 */
int export_declare(const struct service *svc, struct error *e);

#endif
