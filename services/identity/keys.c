/* The commands `keys …` and the public half of the signing keys; the keys are signing_keys.c's. */
#include <string.h>

#include "config.h"
#include "event.h"
#include "identity.h"
#include "request.h"
#include "signing_keys.h"
#include "uuid.h"

int
jwks_read(struct request *rq)
{
	return reply_text(rq, 200, arena_strdup(rq->arena, jwks_json()));
}

/* Only rotate makes the folder and a key in it. */
static int
open_folder(struct request *rq, bool make)
{
	const char *dir = config_text("SIGNING_KEYS_DIR");
	struct error e;

	if ((make ? signing_keys_open(NULL, dir, &e) : signing_keys_read(dir, &e)) < 0)
		return fail(rq, e.code, "%s", e.text);
	return 0;
}

int
keys_rotate_command(struct request *rq, int argc, char **argv)
{
	struct error e;
	char *kid;

	(void)argc;
	(void)argv;
	if (open_folder(rq, true) < 0)
		return -1;
	kid = keys_rotate(rq->arena, &e);
	if (kid == NULL)
		return fail(rq, e.code, "%s", e.text);
	return reply_text(rq, 200, arena_printf(rq->arena,
	    "%s made; it signs once every daemon had time to fetch it", kid));
}

int
keys_list_command(struct request *rq, int argc, char **argv)
{
	char *lines;

	(void)argc;
	(void)argv;
	if (open_folder(rq, false) < 0)
		return -1;
	lines = keys_list(rq->arena);
	if (lines[0] != '\0')
		lines[strlen(lines) - 1] = '\0';	/* printing ends the last line itself */
	return reply_text(rq, 200, lines);
}

/* The file goes first: a retry after a failed commit finds nothing to delete and still tells. */
int
keys_remove_command(struct request *rq, int argc, char **argv)
{
	static const char namespace[] = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";	/* RFC 9562: URL */
	struct event_out *ev;
	char key_id[UUID_TEXT];
	struct error e;

	if (argc < 2)
		return fail(rq, ERR_BAD_REQUEST, "name the key: keys remove <kid>");
	if (open_folder(rq, false) < 0)
		return -1;
	if (keys_remove(argv[1], &e) < 0 && rq->attempt == 0)
		return fail(rq, e.code, "%s", e.text);
	uuid_v5(namespace, arena_printf(rq->arena, "signing-key:%s", argv[1]), key_id);
	ev = event_publish(rq, &EV_SIGNING_KEY_REMOVED, key_id, 1);
	event_set_text(ev, "kid", argv[1]);
	event_set_text(ev, "algorithm", "ES256");
	event_set_time(ev, "removed_at", rq->now_us);
	event_set_text(ev, "reason", "removed by an operator");
	return reply_text(rq, 200, arena_printf(rq->arena, "%s removed; its tokens are refused", argv[1]));
}
