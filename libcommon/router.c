/* Paths to routes; see router.h. */
#include "router.h"

#include <ctype.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "uuid.h"
#include "validate.h"

#define SEGMENT_MAX 200		/* characters of a variable's value */
#define PARAMETERS_MAX 32

struct node {
	const char *segment;		/* literal; NULL: a variable */
	bool is_id;			/* {id}: a UUID */
	struct node *child, *sibling;
	const struct route *routes[8];	/* by method, in order of declaration */
	unsigned nroutes;
};

static struct node root;

static struct node *
child_for(struct node *parent, const char *s, size_t n)
{
	struct node *c;
	bool variable = n > 0 && s[0] == '{';
	bool is_id = variable && strncmp(s, "{id}", 4) == 0;

	for (c = parent->child; c != NULL; c = c->sibling)
		if (variable ? c->segment == NULL && c->is_id == is_id :
		    c->segment != NULL && strlen(c->segment) == n && strncmp(c->segment, s, n) == 0)
			return c;
	c = xcalloc(1, sizeof(*c));
	if (!variable) {
		c->segment = xcalloc(1, n + 1);
		memcpy((char *)c->segment, s, n);
	}
	c->is_id = is_id;
	if (variable) {		/* literals are tried first */
		struct node **last = &parent->child;
		while (*last != NULL)
			last = &(*last)->sibling;
		*last = c;
	} else {
		c->sibling = parent->child;
		parent->child = c;
	}
	return c;
}

int
router_add(const struct route *route, struct error *e)
{
	struct node *at = &root;

	for (const char *s = route->path; *s == '/';) {
		size_t n = strcspn(++s, "/");
		at = child_for(at, s, n);
		s += n;
	}
	if (route->access.who == WHO_NOBODY)
		return error_set(e, ERR_INTERNAL, "%s %s has no access rule", route->method, route->path);
	for (unsigned i = 0; i < at->nroutes; i++)
		if (strcmp(at->routes[i]->method, route->method) == 0)
			return error_set(e, ERR_INTERNAL, "%s %s is declared twice", route->method,
			    route->path);
	if (at->nroutes == COUNT_OF(at->routes))
		return error_set(e, ERR_INTERNAL, "too many methods on %s", route->path);
	at->routes[at->nroutes++] = route;
	return 0;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *
url_decode(struct arena *a, const char *s, size_t n, bool plus)
{
	char *out = arena_alloc(a, n + 1), *p = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '+' && plus) {
			*p++ = ' ';
		} else if (s[i] != '%') {
			*p++ = s[i];
		} else {
			if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return NULL;
			*p++ = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		}
	}
	return utf8_is_valid(out, (size_t)(p - out)) ? out : NULL;
}

char *
url_encode(struct arena *a, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	struct buf b;

	buf_init(&b, a, 64);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		char escaped[3] = { '%', digits[c >> 4], digits[c & 15] };
		if (isalnum(c) || strchr("-._~", c) != NULL)
			buf_add_char(&b, *s);
		else
			buf_add(&b, escaped, 3);
	}
	return b.text;
}

/* The variable's value into the request; false: it cannot stand here. */
static bool
take_variable(struct request *rq, const struct node *node, const char *s, size_t n)
{
	char *value = url_decode(rq->arena, s, n, false);

	if (value == NULL || *value == '\0' || utf8_length(value) > SEGMENT_MAX)
		return false;
	if (!node->is_id) {
		rq->param = value;
		return true;
	}
	if (!uuid_is_valid(value))
		return false;
	for (char *p = value; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	rq->id = value;
	return true;
}

static const struct node *
descend(struct request *rq, const char *path)
{
	const struct node *at = &root, *next;

	while (*path == '/') {
		size_t n = strcspn(++path, "/");
		for (next = at->child; next != NULL; next = next->sibling)
			if (next->segment != NULL ? strlen(next->segment) == n &&
			    strncmp(next->segment, path, n) == 0 : take_variable(rq, next, path, n))
				break;
		if (next == NULL)
			return NULL;
		at = next;
		path += n;
	}
	return *path == '\0' ? at : NULL;
}

static const char *
allow_of(struct request *rq, const struct node *at)
{
	struct buf b;

	buf_init(&b, rq->arena, 64);
	for (unsigned i = 0; i < at->nroutes; i++) {
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", at->routes[i]->method);
		if (strcmp(at->routes[i]->method, "GET") == 0)
			buf_add_str(&b, ", HEAD");
	}
	buf_add_str(&b, ", OPTIONS");
	return b.text;
}

int
router_match(struct request *rq, const char *method, const char *path)
{
	const struct node *at = descend(rq, path);

	if (at == NULL || at->nroutes == 0)
		return fail(rq, ERR_NOT_FOUND, "there is nothing at this path");
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (unsigned i = 0; i < at->nroutes; i++)
		if (strcmp(at->routes[i]->method, method) == 0) {
			rq->route = at->routes[i];
			return 0;
		}
	rq->problem.allow = allow_of(rq, at);
	return fail(rq, ERR_METHOD_NOT_ALLOWED, "this path takes %s", rq->problem.allow);
}

const char *
router_canonical_path(struct request *rq)
{
	const char *at = rq->route->path;
	struct buf b;

	buf_init(&b, rq->arena, 128);
	while (*at != '\0') {
		size_t n = strcspn(at, "{");

		buf_add(&b, at, n);
		at += n;
		if (*at == '\0')
			break;
		buf_add_str(&b, strncmp(at, "{id}", 4) == 0 ? rq->id : url_encode(rq->arena, rq->param));
		at += strcspn(at, "}") + 1;
	}
	return b.text;
}

static void
each_below(const struct node *at, void (*fn)(const struct route *route, void *arg), void *arg)
{
	for (unsigned i = 0; i < at->nroutes; i++)
		fn(at->routes[i], arg);
	for (const struct node *c = at->child; c != NULL; c = c->sibling)
		each_below(c, fn, arg);
}

void
router_each(void (*fn)(const struct route *route, void *arg), void *arg)
{
	each_below(&root, fn, arg);
}

static int
take_parameter(struct request *rq, struct query_param ***tail, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n);
	size_t name_len = equals != NULL ? (size_t)(equals - s) : n;
	struct query_param *p = arena_alloc(rq->arena, sizeof(*p));

	p->name = url_decode(rq->arena, s, name_len, true);
	p->value = equals == NULL ? "" : url_decode(rq->arena, equals + 1, n - name_len - 1, true);
	if (p->name == NULL || p->value == NULL)
		return fail(rq, ERR_BAD_REQUEST, "the query string is not percent-encoded UTF-8");
	if (query_get(rq, p->name) != NULL)
		return fail_parameter(rq, p->name, "repeated", "given more than once");
	**tail = p;
	*tail = &p->next;
	return 0;
}

int
query_parse(struct request *rq, const char *query)
{
	struct query_param **tail = &rq->query;
	unsigned count = 0;

	while (*query != '\0') {
		size_t n = strcspn(query, "&");
		if (++count > PARAMETERS_MAX)
			return fail(rq, ERR_UNKNOWN_PARAMETER, "at most %d parameters", PARAMETERS_MAX);
		if (n > 0 && take_parameter(rq, &tail, query, n) < 0)
			return -1;
		query += n + (query[n] == '&');
	}
	return 0;
}
