/* Masks secrets in text; see redact.h. Errs on the side of masking too much. */
#include "redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define JWT_MIN 20

static const char *const secret_words[] = {
	"password", "passwd", "passphrase", "secret", "token", "authorization", "api_key", "apikey",
	"cookie", "credential", "private_key", "signature",
};

static bool
ends_value(char c)
{
	return c == '\0' || isspace((unsigned char)c) || strchr("\"',;&<>()[]{}", c) != NULL;
}

/* Overwrites n bytes with stars, at most three; the rest moves up. Returns what follows the mask. */
static char *
mask(char *p, size_t n)
{
	size_t stars = n < 3 ? n : 3;

	memset(p, '*', stars);
	memmove(p + stars, p + n, strlen(p + n) + 1);
	return p + stars;
}

static char *
mask_value(char *p)
{
	size_t n = 0;

	while (!ends_value(p[n]))
		n++;
	return mask(p, n);
}

/* A quoted value ends at its closing quote, whatever stands inside. */
static char *
mask_quoted(char *p, char quote)
{
	size_t n = 0;

	while (p[n] != '\0' && p[n] != quote)
		n += p[n] == '\\' && p[n + 1] != '\0' ? 2 : 1;
	return mask(p, n);
}

static char *
skip_scheme(char *p)
{
	static const char *const schemes[] = { "bearer ", "basic ", "digest " };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(p, schemes[i], strlen(schemes[i])) == 0)
			return p + strlen(schemes[i]);
	return p;
}

/* p stands behind a secret word: `="x"`, `": "x"`, `: x`, `_hash=x`. NULL where no value follows. */
static char *
after_word(char *p)
{
	while (isalnum((unsigned char)*p) || *p == '_' || *p == '-')
		p++;
	if (*p == '"' || *p == '\'')
		p++;
	while (*p == ' ')
		p++;
	if (*p != '=' && *p != ':')
		return NULL;
	p++;
	while (*p == ' ')
		p++;
	if (*p == '"' || *p == '\'')
		return mask_quoted(p + 1, *p);
	return mask_value(skip_scheme(p));
}

static char *
mask_word(char *p)
{
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
		size_t n = strlen(secret_words[i]);
		if (strncasecmp(p, secret_words[i], n) == 0)
			return after_word(p + n);
	}
	return NULL;
}

/* scheme://user:password@host: p stands behind the slashes. */
static char *
mask_userinfo(char *p)
{
	char *colon = NULL, *at = NULL;

	for (char *q = p; !ends_value(*q) && *q != '/' && *q != '?' && *q != '#'; q++) {
		if (*q == ':' && colon == NULL)
			colon = q;
		else if (*q == '@')
			at = q;
	}
	if (colon == NULL || at == NULL || at < colon)
		return NULL;
	return mask(colon + 1, (size_t)(at - colon - 1));
}

static char *
mask_jwt(char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '-' || p[n] == '.')
		n++;
	return n >= JWT_MIN && memchr(p, '.', n) != NULL ? mask(p, n) : NULL;
}

static char *
mask_at(char *p)
{
	if (strncmp(p, "://", 3) == 0)
		return mask_userinfo(p + 3);
	if (strncmp(p, "eyJ", 3) == 0)
		return mask_jwt(p);
	if (skip_scheme(p) != p && strncasecmp(p, "bearer ", 7) == 0)
		return mask_value(p + 7);
	return mask_word(p);
}

void
redact(char *text)
{
	for (char *p = text; *p != '\0';) {
		char *after = mask_at(p);
		p = after != NULL ? after : p + 1;
	}
}
