/*
 * JSON lines on standard error; see log.h. One line is one write, so lines of several threads and
 * processes never mix. Nothing here allocates: it must work when memory is short.
 */
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "redact.h"
#include "request.h"
#include "resource.h"

#define TEXT_MAX 2048		/* of the message, before escaping */
#define LINE_MAX_BYTES 16384	/* escaping may make six bytes of one */

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *service_name = "nxtgauge";
static enum log_level threshold = LOG_L_INFO;

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

void
log_init(const char *service, enum log_level level)
{
	service_name = service;
	threshold = level;
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

bool
log_enabled(enum log_level level)
{
	return level >= threshold;
}

static void
add(struct line *l, const char *s, size_t n)
{
	size_t room = sizeof(l->text) - 4 - l->len;	/* for the closing quote, brace and newline */

	if (n > room)
		return;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

static void
add_escaped(struct line *l, unsigned char c)
{
	char u[8];

	switch (c) {
	case '"': add(l, "\\\"", 2); break;
	case '\\': add(l, "\\\\", 2); break;
	case '\n': add(l, "\\n", 2); break;
	case '\r': add(l, "\\r", 2); break;
	case '\t': add(l, "\\t", 2); break;
	default:
		snprintf(u, sizeof(u), "\\u%04x", c);
		add(l, u, 6);
	}
}

/* Bytes that are no UTF-8 become question marks: a line must stay JSON whatever it speaks of. */
static void
add_string(struct line *l, const char *s)
{
	bool valid = utf8_is_valid(s, strlen(s));

	add(l, "\"", 1);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			add_escaped(l, c);
		else
			add(l, c >= 0x80 && !valid ? "?" : s, 1);
	}
	add(l, "\"", 1);
}

static void
add_field(struct line *l, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add(l, ",\"", 2);
	add(l, name, strlen(name));
	add(l, "\":", 2);
	add_string(l, value);
}

static void
add_request(struct line *l, const struct request *rq)
{
	char route[256];

	add_field(l, "request_id", rq->request_id);
	add_field(l, "correlation_id", rq->correlation_id);
	add_field(l, "causation_id", rq->causation_id);
	if (rq->route != NULL) {
		snprintf(route, sizeof(route), "%s %s", rq->route->method, rq->route->path);
		add_field(l, "route", route);
	}
	add_field(l, "user_id", rq->caller.user_id);
}

static void
write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(STDERR_FILENO, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return;		/* nowhere left to complain */
		p += w;
		n -= (size_t)w;
	}
}

/* What was cut short ends with a whole character: the last one goes, whole or not. */
static void
cut_text(char *text, size_t size)
{
	size_t n = size - 2;

	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	text[n] = '\0';
}

void
log_line(enum log_level level, const struct request *rq, const char *fmt, ...)
{
	int saved = errno, n;
	char time[CLOCK_TEXT], text[TEXT_MAX + 1];
	struct line l;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		cut_text(text, sizeof(text));
	redact(text);
	l.len = 0;
	clock_format(clock_wall_us(), time);
	add(&l, "{\"time\":\"", 9);
	add(&l, time, strlen(time));
	add(&l, "\"", 1);
	add_field(&l, "level", level_names[level]);
	add_field(&l, "service", service_name);
	add_field(&l, "msg", text);
	if (rq != NULL)
		add_request(&l, rq);
	memcpy(l.text + l.len, "}\n", 2);
	write_all(l.text, l.len + 2);
	errno = saved;
}

/* ---- the last line ---- */

#ifndef __SANITIZE_ADDRESS__	/* the sanitizer tells more */
/* On a stack of its own, since that of a fiber may be what is full. The second signal takes its usual course. */
static void
on_crash(int number)
{
	log_error("ended by signal %d, %s", number, sigdescr_np(number));
	raise(number);
}
#endif

void
log_crashes(void)
{
#ifndef __SANITIZE_ADDRESS__
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	static char stack[65536];
	struct sigaction act = { .sa_handler = on_crash, .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER) };

	sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) }, NULL);
	for (size_t i = 0; i < COUNT_OF(fatal); i++)
		sigaction(fatal[i], &act, NULL);
#endif
}
