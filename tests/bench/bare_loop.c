/*
 * The least that an HTTP server can be: llhttp on a bufferevent, one answer for everything, no checks, limits or
 * deadlines. What ours is measured against. Prints its port, then answers until it is killed.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "Content-Length: 11\r\n\r\n{\"keys\":[]}";
static llhttp_settings_t settings;

struct connection {
	llhttp_t parser;
	struct bufferevent *bev;
};

static int
on_message_complete(llhttp_t *parser)
{
	const struct connection *c = parser->data;

	return bufferevent_write(c->bev, answer, sizeof(answer) - 1);
}

static void
end(struct connection *c)
{
	bufferevent_free(c->bev);
	free(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct connection *c = arg;
	struct evbuffer_iovec v;

	while (evbuffer_peek(in, -1, NULL, &v, 1) > 0) {
		if (llhttp_execute(&c->parser, v.iov_base, v.iov_len) != HPE_OK) {
			end(c);
			return;
		}
		evbuffer_drain(in, v.iov_len);
	}
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		end(arg);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer, int len, void *base)
{
	struct connection *c = calloc(1, sizeof(*c));
	int on = 1;

	(void)l;
	(void)peer;
	(void)len;
	if (c == NULL)
		abort();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	llhttp_init(&c->parser, HTTP_REQUEST, &settings);
	c->parser.data = c;
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

int
main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	struct event_base *base = event_base_new();
	struct evconnlistener *listener;

	llhttp_settings_init(&settings);
	settings.on_message_complete = on_message_complete;
	listener = evconnlistener_new_bind(base, on_accept, base, LEV_OPT_CLOSE_ON_FREE, 1024,
	    (struct sockaddr *)&address, sizeof(address));
	if (listener == NULL || getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len) < 0)
		return 1;
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	event_base_dispatch(base);
	return 0;
}
