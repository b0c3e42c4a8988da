/* An answer in pieces, as fast as the client takes them: for routes marked ROUTE_STREAM. */
#ifndef NXT_REPLY_PIECES_H
#define NXT_REPLY_PIECES_H

#include "http.h"
#include "json.h"
#include "request.h"

/* The head of a 200, never to be stored; `more` are its fields beside X-Request-Id. */
void reply_begin(struct request *rq, const struct http_field *more, size_t n);
/* Sends, and waits until the client has taken what was sent before. -1: it has gone, or takes nothing. */
int reply_piece(struct request *rq, const struct buf *b);
/*
 * A unit of its own for a page of the answer, with the same caller: what it allocates goes with it,
 * so that memory stays that of one page. request_free it.
 */
struct request *reply_page(const struct request *rq);
/* The page's refusal becomes the answer's, which has not begun. Takes the page; returns -1. */
int reply_refuse(struct request *rq, struct request *page);

#endif
