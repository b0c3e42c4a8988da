/* The OpenAPI 3.1 document of a service, made from the tables that the router and validator use. */
#ifndef NXT_OPENAPI_H
#define NXT_OPENAPI_H

#include "service.h"

void openapi_print(const struct service *svc);
/* The document as text that lives as long as the process; GET /openapi.json. */
const char *openapi_text(const struct service *svc);

#endif
