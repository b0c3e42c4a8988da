/* Work by the clock: each job on a fiber of its own, one replica at a time, a unit each run. */
#ifndef NXT_CLOCKS_H
#define NXT_CLOCKS_H

#include "service.h"

void clocks_start(const struct service *svc);

#endif
