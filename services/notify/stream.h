/* Live push: a person's new notifications as server-sent events. */
#ifndef NXT_STREAM_H
#define NXT_STREAM_H

#include "request.h"

int notifications_stream(struct request *rq);
int notification_topics(struct request *rq);

#endif
