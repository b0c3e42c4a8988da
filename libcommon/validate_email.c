/* Addresses in columns; see validate.h. identity's own, which accounts are known by, are brought into one form by its contacts.c. */
#include <string.h>
#include <utf8proc.h>

#include "json.h"
#include "validate.h"
#include "validate_internal.h"

#define LOCAL_MAX 64
#define CATEGORY(name) (1u << UTF8PROC_CATEGORY_##name)
/* Spaces, control and format characters, private and unassigned ones. */
#define UNSEEN (CATEGORY(CC) | CATEGORY(CF) | CATEGORY(CN) | CATEGORY(CO) | CATEGORY(CS) | CATEGORY(ZS) | \
    CATEGORY(ZL) | CATEGORY(ZP))
/* What names of hosts are made of, beside the hyphen and the dot; joiners shape Indic letters. */
#define OF_NAMES (CATEGORY(LU) | CATEGORY(LL) | CATEGORY(LT) | CATEGORY(LM) | CATEGORY(LO) | CATEGORY(MN) | \
    CATEGORY(MC) | CATEGORY(ND))

static bool
is_joiner(int32_t c)
{
	return c == 0x200c || c == 0x200d;
}

static bool
is_unfit_in_local(int32_t c)
{
	return (c < 0x80 && strchr("<>()[],;:\\\"@", c) != NULL) ||
	    (!is_joiner(c) && (1u << utf8proc_category(c) & UNSEEN));
}

static bool
is_unfit_in_domain(int32_t c)
{
	return c != '-' && c != '.' && !is_joiner(c) && !(1u << utf8proc_category(c) & OF_NAMES);
}

/* Two labels at least, none of them empty. */
static bool
has_labels(const char *domain)
{
	const char *dot = strrchr(domain, '.');

	return dot != NULL && domain[0] != '.' && dot[1] != '\0' && strstr(domain, "..") == NULL;
}

struct complaint
check_email(struct request *rq, const char *s)
{
	const char *at = strrchr(s, '@');

	if (strlen(s) > EMAIL_MAX || at == NULL || at == s || at - s > LOCAL_MAX || !has_labels(at + 1) ||
	    utf8_any(arena_strndup(rq->arena, s, (size_t)(at - s)), is_unfit_in_local) ||
	    utf8_any(at + 1, is_unfit_in_domain))
		return complain(rq, "bad_email", "an address like name@example.org");
	return FINE;
}
