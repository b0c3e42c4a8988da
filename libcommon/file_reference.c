/* Where a file lies; see file_reference.h. */
#include "file_reference.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define UNRESERVED "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-._~"

static bool
is_port(const char *s, size_t n)
{
	return n <= 5 && strspn(s, DIGITS) >= n;
}

/* host[:port], the host a name (also an international one) or an address in brackets. */
static bool
is_authority(const char *s, size_t n)
{
	size_t host = s[0] == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":/?#");

	if (host == 0 || host > n || memchr(s, '@', n) != NULL || strchr(".-", s[0]) != NULL)
		return false;
	if (s[0] == '[' && (host < 4 || strspn(s + 1, DIGITS "abcdefABCDEF:.") != host - 2))
		return false;
	return host == n || (s[host] == ':' && is_port(s + host + 1, n - host - 1));
}

static bool
is_object_key(const char *s)
{
	return *s != '\0' && strchr("/.", *s) == NULL && s[strspn(s, UNRESERVED "/")] == '\0' &&
	    strstr(s, "..") == NULL && strstr(s, "//") == NULL;
}

/* Browsers drop some of these and read a backslash as a slash, so that what is judged is not what is followed. */
static bool
has_unseen(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '\\')
			return true;
	return false;
}

const char *
file_reference_fault(const char *s)
{
	size_t scheme = strncasecmp(s, "https://", 8) == 0 ? 8 : strncasecmp(s, "http://", 7) == 0 ? 7 : 0;

	if (strlen(s) > FILE_REFERENCE_BYTES_MAX)
		return "at most 2048 bytes";
	if (has_unseen(s))
		return "without spaces, control characters and backslashes";
	if (scheme == 0 ? is_object_key(s) : is_authority(s + scheme, strcspn(s + scheme, "/?#")))
		return NULL;
	return "an http or https address with a host and without a user's name, or an object's key like uploads/a.png";
}
