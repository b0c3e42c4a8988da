/* problem+json (RFC 9457); see problem.h. */
#include "problem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "http.h"
#include "json.h"
#include "request.h"

static void
add_member(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, ",\"%s\":", name);
	buf_add_json(out, value);
}

/* "validation_failed" reads "Validation failed". */
static void
add_title(struct buf *out, const char *code)
{
	buf_add_str(out, ",\"title\":\"");
	for (const char *p = code; *p != '\0'; p++)
		buf_add_char(out, p == code ? (char)toupper((unsigned char)*p) : *p == '_' ? ' ' : *p);
	buf_add_char(out, '"');
}

/* A target may hold bytes that are no UTF-8; those go out percent-encoded, as a URI wants them. */
static void
add_instance(struct buf *out, const char *path)
{
	if (path == NULL)
		return;
	buf_add_str(out, ",\"instance\":\"");
	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;
		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\')
			buf_printf(out, "%%%02X", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '"');
}

static void
add_fields(struct buf *out, const struct field_error *f)
{
	if (f == NULL)
		return;
	buf_add_str(out, ",\"errors\":[");
	for (const char *comma = ""; f != NULL; f = f->next, comma = ",") {
		buf_printf(out, "%s{\"pointer\":", comma);
		buf_add_json(out, f->pointer);
		add_member(out, "code", f->code);
		add_member(out, "detail", f->detail);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void
add_legal(struct buf *out, const char *const *legal)
{
	if (legal == NULL)
		return;
	buf_add_str(out, ",\"legal\":[");
	for (const char *comma = ""; *legal != NULL; legal++, comma = ",") {
		buf_add_str(out, comma);
		buf_add_json(out, *legal);
	}
	buf_add_char(out, ']');
}

static void
render(struct buf *out, enum error_code code, const char *detail, const char *instance,
    const char *request_id)
{
	const struct error_info *info = error_info(code);

	buf_printf(out, "{\"type\":\"/errors#%s\"", info->code);
	add_title(out, info->code);
	buf_printf(out, ",\"status\":%d", info->status);
	if (detail == NULL || !utf8_is_valid(detail, strlen(detail)))
		detail = info->doc;
	add_member(out, "detail", detail);
	add_instance(out, instance);
	add_member(out, "code", info->code);
	add_member(out, "request_id", request_id);
}

void
problem_render(struct buf *out, const struct request *rq)
{
	const struct problem *p = &rq->problem;
	enum error_code code = p->code == ERR_NONE ? ERR_INTERNAL : p->code;

	render(out, code, p->detail, rq->http == NULL ? NULL : http_path(rq->http), rq->request_id);
	add_fields(out, p->fields);
	add_legal(out, p->legal);
	add_member(out, "challenge", p->challenge);
	buf_add_char(out, '}');
}

void
problem_render_bare(struct buf *out, enum error_code code, const char *detail,
    const char *instance, const char *request_id)
{
	render(out, code, detail, instance, request_id);
	buf_add_char(out, '}');
}

void
errors_print(void)
{
	printf("# code\tstatus\tretriable\twhat to do\n");
	for (int i = ERR_NONE + 1; i < ERROR_COUNT; i++) {
		const struct error_info *info = error_info((enum error_code)i);
		printf("%s\t%d\t%s\t%s\n", info->code, info->status, info->retriable ? "yes" : "no",
		    info->doc);
	}
}
