/* Changed users, ended sessions, removed keys and the map role → permissions; see access.h. */
#include "access.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "auth.h"
#include "request.h"
#include "uuid.h"

#define REMOVED_KEYS_MAX 256

/* ---- a set of UUIDs with a number each; it only grows, and is begun anew from time to time ---- */

struct uuid_entry {
	uint8_t id[16];
	int64_t value;
	bool taken;
};
struct uuid_map {
	struct uuid_entry *entries;
	size_t count, size;	/* size is a power of two, at most half taken */
};

/* The tail of our ids is random, so it is the hash. */
static struct uuid_entry *
map_slot(const struct uuid_map *m, const uint8_t id[16])
{
	uint64_t h;

	memcpy(&h, id + 8, sizeof(h));
	for (size_t i = (size_t)(h >> 2);; i++) {
		struct uuid_entry *e = &m->entries[i & (m->size - 1)];
		if (!e->taken || memcmp(e->id, id, 16) == 0)
			return e;
	}
}

static void
map_grow(struct uuid_map *m)
{
	struct uuid_map bigger = { .size = m->size == 0 ? 64 : m->size * 2, .count = m->count };

	bigger.entries = xcalloc(bigger.size, sizeof(*bigger.entries));
	for (size_t i = 0; i < m->size; i++)
		if (m->entries[i].taken)
			*map_slot(&bigger, m->entries[i].id) = m->entries[i];
	free(m->entries);
	*m = bigger;
}

static void
map_put(struct uuid_map *m, const char *text, int64_t value)
{
	struct uuid_entry *e;
	uint8_t id[16];

	if (!uuid_parse(text, id))
		return;
	if (m->count * 2 >= m->size)
		map_grow(m);
	e = map_slot(m, id);
	if (!e->taken)
		m->count++;
	memcpy(e->id, id, sizeof(id));
	e->taken = true;
	e->value = value;
}

static bool
map_get(const struct uuid_map *m, const char *text, int64_t *ret_value)
{
	const struct uuid_entry *e;
	uint8_t id[16];

	if (m->count == 0 || !uuid_parse(text, id) || !(e = map_slot(m, id))->taken)
		return false;
	*ret_value = e->value;
	return true;
}

static void
map_clear(struct uuid_map *m)
{
	free(m->entries);
	memset(m, 0, sizeof(*m));
}

/* ---- users, sessions, keys ---- */

static struct uuid_map users;		/* epoch * 2 + suspended */
static struct uuid_map sessions;	/* ended ones */
static char *removed_keys[REMOVED_KEYS_MAX];
static size_t removed_key_count;

void
access_forget_changes(void)
{
	map_clear(&users);
	map_clear(&sessions);
}

void
access_put_user(const char *user_id, int64_t epoch, bool suspended)
{
	map_put(&users, user_id, epoch * 2 + suspended);
}

void
access_end_session(const char *session_id)
{
	map_put(&sessions, session_id, 1);
}

bool
access_key_is_removed(const char *kid)
{
	for (size_t i = 0; i < removed_key_count; i++)
		if (strcmp(removed_keys[i], kid) == 0)
			return true;
	return false;
}

/* The oldest make room: a key that long removed is in no key set either. */
void
access_remove_key(const char *kid)
{
	if (access_key_is_removed(kid))
		return;
	if (removed_key_count == REMOVED_KEYS_MAX) {
		free(removed_keys[0]);
		memmove(removed_keys, removed_keys + 1, sizeof(removed_keys) - sizeof(removed_keys[0]));
		removed_key_count--;
	}
	removed_keys[removed_key_count++] = xstrdup(kid);
}

enum access_verdict
access_judge(const struct access_claims *claims)
{
	int64_t value;

	if (map_get(&sessions, claims->sid, &value))
		return ACCESS_SESSION_ENDED;
	if (!map_get(&users, claims->sub, &value))
		return ACCESS_FINE;
	/* a token made under a later epoch knows better: the account was reinstated since */
	if (value % 2 == 1 && !claims->restricted && value / 2 >= claims->epoch)
		return ACCESS_SUSPENDED;
	return value / 2 > claims->epoch ? ACCESS_STALE : ACCESS_FINE;
}

/* ---- roles ---- */

struct role {
	char *key;
	char *text;			/* what `permissions` point into */
	const char **permissions;	/* sorted, each once */
	size_t count;
	bool can_approve, can_manage_settings, is_active;
	struct role *next;
};
static struct role *roles;

void
access_forget_roles(void)
{
	while (roles != NULL) {
		struct role *r = roles;
		roles = r->next;
		free(r->key);
		free(r->permissions);
		free(r->text);
		free(r);
	}
}

void
access_put_role(const char *role_key, const char *permissions, bool can_approve,
    bool can_manage_settings, bool is_active)
{
	struct role *r = xcalloc(1, sizeof(*r));
	char *rest, *permission;
	size_t n = 0;

	r->key = xstrdup(role_key);
	r->text = rest = xstrdup(permissions);
	r->permissions = xcalloc(strlen(permissions) / 2 + 1, sizeof(*r->permissions));
	while ((permission = strsep(&rest, " ")) != NULL)
		if (*permission != '\0')
			r->permissions[n++] = permission;
	r->count = texts_sort(r->permissions, n);
	r->can_approve = can_approve;
	r->can_manage_settings = can_manage_settings;
	r->is_active = is_active;
	r->next = roles;
	roles = r;
}

static const struct role *
role_find(const char *key)
{
	for (const struct role *r = roles; r != NULL; r = r->next)
		if (strcmp(r->key, key) == 0)
			return r;
	return NULL;
}

static bool
role_holds(const struct role *r, const char *permission)
{
	return r->is_active && bsearch(&permission, r->permissions, r->count,
	    sizeof(*r->permissions), text_compare) != NULL;
}

bool
access_roles_hold(const char *const *role_keys, const char *permission)
{
	if (role_keys == NULL || permission == NULL || permission[0] == '\0')
		return false;
	for (; *role_keys != NULL; role_keys++) {
		const struct role *r = role_find(*role_keys);
		if (r != NULL && role_holds(r, permission))
			return true;
	}
	return false;
}

size_t
access_permissions_of(struct arena *a, const char *const *role_keys, const char *const **ret_sorted)
{
	const char **all = arena_alloc(a, sizeof(*all));
	size_t n = 0;

	for (const char *const *k = role_keys; k != NULL && *k != NULL; k++) {
		const struct role *r = role_find(*k);
		if (r == NULL || !r->is_active)
			continue;
		const char **more = arena_alloc(a, (n + r->count + 1) * sizeof(*more));
		memcpy(more, all, n * sizeof(*more));
		memcpy(more + n, r->permissions, r->count * sizeof(*more));
		all = more;
		n += r->count;
	}
	n = texts_sort(all, n);
	for (size_t i = 0; i < n; i++)
		all[i] = arena_strdup(a, all[i]);	/* the roles may be read again meanwhile */
	*ret_sorted = all;
	return n;
}

/* ---- what guards ask ---- */

/* A suspended account reads its own data and nothing else, whatever its roles were. */
static bool
acts_by_roles(const struct request *rq)
{
	return (rq->actor == ACTOR_USER || rq->actor == ACTOR_EMPLOYEE) &&
	    rq->caller.user_id != NULL && rq->caller.role_keys != NULL && !rq->caller.restricted;
}

bool
caller_has_permission(const struct request *rq, const char *permission)
{
	return acts_by_roles(rq) && access_roles_hold(rq->caller.role_keys, permission);
}

/* The token vouches for the role; the projection only knows better that it was switched off. */
bool
caller_has_role(const struct request *rq, const char *role_key)
{
	if (!acts_by_roles(rq))
		return false;
	for (const char *const *k = rq->caller.role_keys; *k != NULL; k++)
		if (strcmp(*k, role_key) == 0) {
			const struct role *r = role_find(*k);
			return r == NULL || r->is_active;
		}
	return false;
}

static bool
any_role(const struct request *rq, size_t flag_offset)
{
	if (!acts_by_roles(rq))
		return false;
	for (const char *const *k = rq->caller.role_keys; *k != NULL; k++) {
		const struct role *r = role_find(*k);
		if (r != NULL && r->is_active && *(const bool *)((const char *)r + flag_offset))
			return true;
	}
	return false;
}

bool
caller_can_approve(const struct request *rq)
{
	return any_role(rq, offsetof(struct role, can_approve));
}

bool
caller_can_manage_settings(const struct request *rq)
{
	return any_role(rq, offsetof(struct role, can_manage_settings));
}
