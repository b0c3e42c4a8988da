/* See email_address.h. */
#include "email_address.h"

#include <idn2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "arena.h"
#include "json.h"

#define LOCAL_MAX 64
#define VIRAMA 9	/* its canonical combining class */

/* Normalised as the options say; NULL where utf8proc refuses the text. */
static const char *
mapped(struct arena *a, const char *text, int options)
{
	utf8proc_uint8_t *out = NULL;

	if (utf8proc_map((const utf8proc_uint8_t *)text, 0, &out,
	    (utf8proc_option_t)(UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | options)) < 0)
		return NULL;
	arena_own(a, out, free);
	return (const char *)out;
}

#define CATEGORY(name) (1u << UTF8PROC_CATEGORY_##name)
/* Spaces, control and format characters, private and unassigned ones. */
#define UNSEEN (CATEGORY(CC) | CATEGORY(CF) | CATEGORY(CN) | CATEGORY(CO) | CATEGORY(CS) | CATEGORY(ZS) | \
    CATEGORY(ZL) | CATEGORY(ZP))

/*
 * Everything can be seen and typed again. A joiner after a virama shapes Indic letters and stays
 * (RFC 5892, appendix A).
 */
static bool
is_visible(const char *text)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text;
	utf8proc_int32_t c, before = 0;

	for (; *p != '\0'; before = c) {
		utf8proc_ssize_t n = utf8proc_iterate(p, -1, &c);
		bool joins = (c == 0x200c || c == 0x200d) &&
		    utf8proc_get_property(before)->combining_class == VIRAMA;
		if (n <= 0 || (!joins && (1u << utf8proc_category(c) & UNSEEN)))
			return false;
		p += n;
	}
	return true;
}

static bool
local_is_fit(const char *local)
{
	size_t n = strlen(local);

	return n > 0 && n <= LOCAL_MAX && local[0] != '.' && local[n - 1] != '.' &&
	    strstr(local, "..") == NULL && strpbrk(local, "<>()[],;:\\\"@") == NULL && is_visible(local);
}

/* As DNS holds it, of which each domain has one; NULL where IDNA 2008 does not know it. */
static const char *
ascii_of(struct arena *a, const char *domain)
{
	char *ascii = NULL;

	if (idn2_to_ascii_8z(domain, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return NULL;
	arena_own(a, ascii, idn2_free);
	return ascii;
}

/* A host name of at least two labels that DNS could hold; Unicode by IDNA 2008. */
static bool
domain_is_fit(struct arena *a, const char *domain)
{
	const char *dot = strrchr(domain, '.'), *ascii;
	size_t n;

	if (dot == NULL || domain[0] == '.' || dot[1] == '\0' || (ascii = ascii_of(a, domain)) == NULL)
		return false;
	n = strlen(ascii);
	return n <= 253 && strstr(ascii, "..") == NULL && ascii[0] != '.' && ascii[0] != '-' &&
	    strspn(ascii, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

/* What IDNA drops unseen (U+00AD, U+200B, …): one mailbox would have many addresses. Joiners mean something in Indic names. */
static bool
is_dropped(int32_t c)
{
	return utf8proc_get_property(c)->ignorable && c != 0x200c && c != 0x200d;
}

const char *
email_normalise(struct arena *a, const char *text)
{
	char *email = arena_trimmed(a, text);
	const char *whole = strlen(email) <= 4 * EMAIL_MAX ? mapped(a, email, 0) : NULL;
	const char *at = whole == NULL ? NULL : strrchr(whole, '@'), *domain, *result;
	char *local;

	if (at == NULL)
		return NULL;
	local = arena_strndup(a, whole, (size_t)(at - whole));
	domain = mapped(a, at + 1, UTF8PROC_CASEFOLD);
	if (domain == NULL || utf8_any(domain, is_dropped) || !local_is_fit(local) || !domain_is_fit(a, domain))
		return NULL;
	result = arena_printf(a, "%s@%s", local, domain);
	return strlen(result) <= EMAIL_MAX ? result : NULL;
}

/* What has no readable form that would be taken (an emoji) stays as it is. */
const char *
email_readable(struct arena *a, const char *email)
{
	const char *domain = strrchr(email, '@') + 1, *ascii = ascii_of(a, domain), *readable;
	char *unicode = NULL;

	if (ascii == NULL || idn2_to_unicode_8z8z(ascii, &unicode, 0) != IDN2_OK)
		return email;
	arena_own(a, unicode, idn2_free);
	readable = email_normalise(a, arena_printf(a, "%.*s%s", (int)(domain - email), email, unicode));
	return readable != NULL ? readable : email;
}
