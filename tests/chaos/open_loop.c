/*
 * Load whose arrivals do not wait for answers: open_loop PORT CONNECTIONS FILE RATE:SECONDS...
 *
 * FILE holds requests, separated by NUL bytes, sent one after the other and again from the first; twelve '#' in one
 * become its number in this run. Each stage sends RATE requests a second, each at a time of its own whatever became
 * of those before; one that finds no free connection waits for it, and its time counts from when it was due. Rate 0
 * is the opposite, for comparison: every free connection is used at once. Prints for each answer: number, status (0:
 * none came), microseconds since it was due, and when it was due, in microseconds since the start. Ends when all are
 * answered, or ANSWERS_S after the last was sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWERS_S 20
#define REQUEST_MAX 4096
#define ANSWER_MAX 16384
#define STAGES_MAX 16
#define MARK "############"

struct line {
	int fd;
	bool busy;
	uint64_t number;
	int64_t due_us;
	size_t have;
	char answer[ANSWER_MAX];
	struct line *next_free;
};

struct stage {
	double rate;
	int64_t begin_us, end_us;
	uint64_t sent;
};

static struct {
	struct sockaddr_in address;
	int epoll;
	struct line *lines, *free;
	unsigned nlines, busy;
	char **requests;
	size_t nrequests;
	uint64_t number;
	int64_t start_us;
} load;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
open_line(struct line *l)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };
	int on = 1;

	l->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&load.address, sizeof(load.address)) < 0)
		fail("connect");
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(l->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, l->fd, &e) < 0)
		fail("epoll_ctl");
	l->have = 0;
}

static void
report(struct line *l, int status)
{
	int64_t now = now_us();

	printf("%llu %d %lld %lld\n", (unsigned long long)l->number, status, (long long)(now - l->due_us),
	    (long long)(l->due_us - load.start_us));
	l->busy = false;
	load.busy--;
	l->next_free = load.free;
	load.free = l;
}

static void
send_one(int64_t due_us)
{
	struct line *l = load.free;
	char text[REQUEST_MAX], number[sizeof(MARK)], *mark;
	size_t len;

	load.free = l->next_free;
	l->busy = true;
	load.busy++;
	l->number = ++load.number;
	l->due_us = due_us;
	len = strlen(strcpy(text, load.requests[l->number % load.nrequests]));
	snprintf(number, sizeof(number), "%012llu", (unsigned long long)l->number);
	while ((mark = strstr(text, MARK)) != NULL)
		memcpy(mark, number, sizeof(MARK) - 1);
	if (send(l->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len && errno != EPIPE && errno != ECONNRESET)
		fail("send");
}

/* The status of a whole answer, or 0. */
static int
whole(struct line *l)
{
	const char *end, *length;

	l->answer[l->have] = '\0';
	end = strstr(l->answer, "\r\n\r\n");
	if (end == NULL)
		return 0;
	length = strcasestr(l->answer, "\ncontent-length:");
	if (length != NULL && length < end &&
	    (size_t)(end + 4 - l->answer) + strtoul(length + 16, NULL, 10) > l->have)
		return 0;
	return atoi(l->answer + 9);
}

static void
read_line(struct line *l)
{
	ssize_t n = recv(l->fd, l->answer + l->have, sizeof(l->answer) - 1 - l->have, 0);
	int status;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close(l->fd);
		open_line(l);
		if (l->busy)
			report(l, 0);
		return;
	}
	l->have += (size_t)n;
	if ((status = whole(l)) != 0) {
		l->have = 0;
		report(l, status);
	}
}

static void
receive(int64_t wait_us)
{
	struct epoll_event events[256];
	struct timespec pause = { 0, wait_us < 0 ? 0 : wait_us * 1000 };
	int n = epoll_pwait2(load.epoll, events, 256, &pause, NULL);

	for (int i = 0; i < n; i++)
		read_line(events[i].data.ptr);
}

/* Those of the stage whose time has come. */
static void
send_due(struct stage *s)
{
	int64_t now = now_us(), due;

	for (; load.free != NULL; s->sent++) {
		due = s->rate == 0 ? now : s->begin_us + (int64_t)((double)s->sent * 1e6 / s->rate);
		if (due > now || due >= s->end_us)
			return;
		send_one(due);
	}
}

static void
run(struct stage *s)
{
	while (now_us() < s->end_us) {
		send_due(s);
		receive(s->rate == 0 ? 1000 : 200);
	}
}

static void
read_requests(const char *name)
{
	FILE *file = fopen(name, "r");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		fail(name);
	while (getdelim(&text, &size, '\0', file) > 0) {
		load.requests = realloc(load.requests, (load.nrequests + 1) * sizeof(*load.requests));
		if (load.requests == NULL || strlen(text) >= REQUEST_MAX)
			fail("a request");
		load.requests[load.nrequests++] = text;
		text = NULL;
		size = 0;
	}
	fclose(file);
	if (load.nrequests == 0)
		fail("no requests");
}

static void
open_lines(const char *port, const char *number)
{
	load.address.sin_family = AF_INET;
	load.address.sin_port = htons((uint16_t)atoi(port));
	load.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.epoll = epoll_create1(0);
	load.nlines = (unsigned)atoi(number);
	load.lines = calloc(load.nlines, sizeof(*load.lines));
	if (load.epoll < 0 || load.lines == NULL)
		fail("lines");
	for (unsigned i = 0; i < load.nlines; i++) {
		open_line(&load.lines[i]);
		load.lines[i].next_free = load.free;
		load.free = &load.lines[i];
	}
}

int
main(int argc, char **argv)
{
	struct stage stages[STAGES_MAX] = { 0 };
	int n = argc - 4;
	int64_t at;

	if (n < 1 || n > STAGES_MAX) {
		fprintf(stderr, "open_loop PORT CONNECTIONS FILE RATE:SECONDS...\n");
		return 2;
	}
	read_requests(argv[3]);
	open_lines(argv[1], argv[2]);
	at = load.start_us = now_us();
	for (int i = 0; i < n; i++) {
		char *colon;
		stages[i].rate = strtod(argv[4 + i], &colon);
		stages[i].begin_us = at;
		at = stages[i].end_us = at + (int64_t)(strtod(colon + 1, NULL) * 1e6);
		run(&stages[i]);
	}
	while (load.busy > 0 && now_us() < at + ANSWERS_S * INT64_C(1000000))
		receive(100000);
	for (unsigned i = 0; i < load.nlines; i++)
		if (load.lines[i].busy)
			report(&load.lines[i], 0);
	return 0;
}
