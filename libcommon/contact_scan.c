/*
 * Contact details in free text; see contact_scan.h.
 *
 * The text is folded to plain lower-case ASCII first (letters of other scripts become LETTER), so
 * that the searches below see one spelling of each trick.
 */
#include "contact_scan.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "arena.h"

#define LETTER '\x01'		/* a letter that is not ASCII */
#define DIGITS_MAX 64		/* of one run: more is no phone number */
#define PHONE_DIGITS 10		/* an Indian mobile number without prefix, beginning with 6 to 9 */

/* ---- folding ---- */

/* Zeroes of scripts whose ten digits follow each other; NFKC leaves these alone. */
static const int32_t zeroes[] = { 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66,
    0xce6,
	0xd66 };

static char
fold_code(int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	for (size_t i = 0; i < COUNT_OF(zeroes); i++)
		if (c >= zeroes[i] && c < zeroes[i] + 10)
			return (char)('0' + (c - zeroes[i]));
	if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
		return LETTER;
	if (category == UTF8PROC_CATEGORY_PD)
		return '-';
	return c == 0x3002 || c == 0x2024 || c == 0x00b7 || c == 0x2022 ? '.' : ' ';
}

/* Combining marks, joiners and variation selectors only dress a character up. */
static bool
is_dressing(int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
	    category == UTF8PROC_CATEGORY_CF;
}

/* Malloc'ed; NULL where the text is no UTF-8, which callers have refused before. */
static char *
fold(const char *text)
{
	utf8proc_uint8_t *composed;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, 0, &composed,
	    UTF8PROC_NULLTERM | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD |
	    UTF8PROC_STABLE);
	char *out, *p;

	if (n < 0)
		return NULL;
	p = out = xmalloc((size_t)n + 1);
	for (utf8proc_ssize_t i = 0; i < n;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate(composed + i, n - i, &c);
		if (used <= 0)
			break;
		i += used;
		if (c < 0x80)
			*p++ = isspace((int)c) || iscntrl((int)c) ? ' ' : (char)c;
		else if (!is_dressing(c))
			*p++ = fold_code(c);
	}
	*p = '\0';
	free(composed);
	return out;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == LETTER;
}

static const char *
skip_blanks(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

/* ---- web addresses and e-mail ---- */

static const char *const endings[] = { "com", "org", "net", "in", "io", "co", "info", "biz", "xyz",
	"app", "dev", "me", "online", "site", "shop", "store", "link", "live", "page", "website",
	    "tech",
	"ai", "us", "uk", "gg", "ly", "to", "tv", "club", "space", "agency", "studio", "blog",
	    "edu" };
/* "dot in", "dot me" are also English. */
static const char *const spelled_endings[] = { "com", "org", "net", "io", "co", "info", "biz",
    "xyz",
	"app", "dev", "online", "site", "shop", "website" };
/* Names that only look like addresses. */
static const char *const names[] = { "asp.net", "vb.net", "ado.net", "b.com", "m.com", "bcom.in",
	"socket.io", "dot.net", "i.e.to", "paper.io" };
static const char *const mail_hosts[] = { "gmail", "yahoo", "hotmail", "outlook", "rediffmail",
	"protonmail", "icloud", "ymail", "zoho" };

static size_t
ending_at(const char *s, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(list[i]);
		if (strncmp(s, list[i], n) == 0 && !is_word(s[n]) && s[n] != '_' &&
		    !(s[n] == '-' && is_word(s[n + 1])))
			return n;
	}
	return 0;
}

static bool
is_name(const char *text, const char *dot, const char *end)
{
	const char *start = dot;

	while (start > text && (is_word(start[-1]) || start[-1] == '.'))
		start--;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strlen(names[i]) == (size_t)(end - start) &&
		    strncmp(start, names[i], (size_t)(end - start)) == 0)
			return true;
	return false;
}

/* "example.com", also with more labels behind. */
static bool
is_domain(const char *text, const char *dot)
{
	size_t n;

	if (dot == text || !is_word(dot[-1]))
		return false;
	n = ending_at(dot + 1, endings, COUNT_OF(endings));
	if (n == 0)
		return false;
	/* "… in Pune.in Delhi" is refused too: rare enough */
	return !is_name(text, dot, dot + 1 + n);
}

/* "example . com", "example [.] com", "example (dot) com", "example dot com". */
static bool
is_spelled_domain(const char *text, const char *s)
{
	const char *p = s;
	bool open = *p == '(' || *p == '[' || *p == '{' || *p == '<';
	bool word;

	if (s == text || (!open && s[-1] != ' '))
		return false;
	p = skip_blanks(p + open);
	word = strncmp(p, "dot", 3) == 0 && !is_word(p[3]);
	if (!word && (*p != '.' || (!open && p[1] != ' ')))
		return false;
	p = skip_blanks(p + (word ? 3 : 1));
	if (open && *p != ')' && *p != ']' && *p != '}' && *p != '>')
		return false;
	p = skip_blanks(p + open);
	return ending_at(p, spelled_endings, COUNT_OF(spelled_endings)) > 0;
}

static bool
has_web_address(const char *text)
{
	for (const char *s = text; *s != '\0'; s++) {
		if (strncmp(s, "://", 3) == 0)
			return true;
		if (strncmp(s, "www", 3) == 0 && (s == text || !is_word(s[-1])) &&
		    (s[3] == '.' || strncmp(s + 3, " dot ", 5) == 0))
			return true;
		if (*s == '.' && is_domain(text, s))
			return true;
		if (strchr("([{<d.", *s) != NULL && is_spelled_domain(text, s))
			return true;
	}
	return false;
}

static bool
names_mail_host(const char *s)
{
	for (size_t i = 0; i < COUNT_OF(mail_hosts); i++) {
		size_t n = strlen(mail_hosts[i]);
		if (strncmp(s, mail_hosts[i], n) == 0 && !is_word(s[n]))
			return true;
	}
	return false;
}

/* The "@" of an address: a sign or the word "at", bracketed or not. */
static bool
is_mail_at(const char *text, const char *s)
{
	const char *p = s;
	bool open = *p == '(' || *p == '[' || *p == '{';

	if (*p == '@') {
		const char *host = p + 1;
		while (is_word(*host) || *host == '-')
			host++;
		return p > text && is_word(p[-1]) && *host == '.' && is_word(host[1]);
	}
	p = skip_blanks(p + open);
	if (strncmp(p, "at", 2) != 0 || is_word(p[2]) || (!open && (s == text || is_word(s[-1]))))
		return false;
	p = skip_blanks(p + 2);
	if (open)
		return *p == ')' || *p == ']' || *p == '}';
	return names_mail_host(p);
}

static bool
has_mail_address(const char *text)
{
	for (const char *s = text; *s != '\0'; s++) {
		if (*s == '@' && names_mail_host(skip_blanks(s + 1)))
			return true;
		if (strchr("@a([{", *s) != NULL && is_mail_at(text, s))
			return true;
	}
	return false;
}

/* ---- phone numbers ---- */

struct digits {
	char value[DIGITS_MAX];
	int group[DIGITS_MAX];	/* number of the group each stands in */
	int n, groups;
	bool plus;		/* led by "+" */
	bool commas;		/* some groups are parted by a comma */
};

static const struct {
	const char *word;
	char digit;
} spelled[] = {
	{ "zero", '0' }, { "oh", '0' }, { "o", '0' }, { "nil", '0' }, { "one", '1' },
	    { "two", '2' },
	{ "three", '3' }, { "four", '4' }, { "five", '5' }, { "six", '6' }, { "seven", '7' },
	{ "eight", '8' }, { "nine", '9' }, { "shunya", '0' }, { "ek", '1' }, { "do", '2' },
	{ "teen", '3' }, { "char", '4' }, { "chaar", '4' }, { "paanch", '5' }, { "panch", '5' },
	{ "chhe", '6' }, { "chah", '6' }, { "saat", '7' }, { "aath", '8' }, { "nau", '9' },
};

static char
spelled_digit(const char *s, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(spelled); i++)
		if (strlen(spelled[i].word) == n && strncmp(spelled[i].word, s, n) == 0)
			return spelled[i].digit;
	return '\0';
}

static void
add_digit(struct digits *d, char c, bool new_group)
{
	if (new_group || d->n == 0)
		d->groups++;
	if (d->n < DIGITS_MAX) {
		d->value[d->n] = c;
		d->group[d->n] = d->groups;
	}
	d->n++;
}

/* A run of figures with "o" or "l" for 0 or 1 between them; 0 where none begins here. */
static size_t
take_figures(const char *s, struct digits *d)
{
	size_t n = 0, figures = 0;

	while (isdigit((unsigned char)s[n]) || ((s[n] == 'o' || s[n] == 'l' || s[n] == 'i') &&
	    n > 0)) {
		figures += isdigit((unsigned char)s[n]) != 0;
		n++;
	}
	if (figures == 0 || (n > figures && figures < 5))
		n = strspn(s, "0123456789");
	for (size_t i = 0; i < n; i++)
		add_digit(d, s[i] == 'o' ? '0' : isdigit((unsigned char)s[i]) ? s[i] : '1', i == 0);
	return n;
}

static size_t
letters(const char *s)
{
	size_t n = 0;

	while (isalpha((unsigned char)s[n]) || s[n] == LETTER)
		n++;
	return n;
}

/* "nine", "double eight", "triple five"; 0 where none begins here. */
static size_t
take_spelled(const char *s, struct digits *d)
{
	size_t n = letters(s), lead = 0;
	int times = 1;
	char c;

	if (n == 6 && (strncmp(s, "double", 6) == 0 || strncmp(s, "triple", 6) == 0)) {
		times = s[0] == 'd' ? 2 : 3;
		lead = n + strspn(s + n, " -");
		n = letters(s + lead);
	}
	c = spelled_digit(s + lead, n);
	if (lead > 0 && n == 0 && isdigit((unsigned char)s[lead]) &&
	    !isdigit((unsigned char)s[lead + 1])) {
		c = s[lead];	/* "double 9" */
		n = 1;
	}
	if (c == '\0')
		return 0;
	while (times-- > 0)
		add_digit(d, c, true);
	return lead + n;
}

/* From a digit on: all digits up to something that is neither digit nor separator. */
static size_t
take_run(const char *s, struct digits *d)
{
	const char *p = s, *end = s;

	for (;;) {
		size_t n = take_spelled(p, d);
		if (n == 0)
			n = take_figures(p, d);
		if (n == 0)
			break;
		end = p += n;
		if (isalpha((unsigned char)*p))	/* "10th", "9am": the run ends, "nine8" goes on */
			continue;
		d->commas |= memchr(p, ',', strspn(p, " .,-/()*|_")) != NULL;
		p += strspn(p, " .,-/()*|_");
	}
	return (size_t)(end - s);
}

/* "60000-75000", "2,00,000": figures that end in 00 are amounts. */
static bool
are_amounts(const struct digits *d, int from, int to)
{
	for (int i = from; i < to; i++) {
		bool last = i + 1 == to || d->group[i + 1] != d->group[i];
		if (last && (i == from || d->value[i] != '0' || d->value[i - 1] != '0'))
			return false;
	}
	return true;
}

static bool
commas_are_a_trick(const struct digits *d)
{
	for (int i = 2; i < d->n && i < DIGITS_MAX; i++)
		if (d->group[i] == d->group[i - 2])
			return false;	/* groups of three and more: grouped amounts */
	return true;
}

/* Ten digits from 6 to 9 on that begin and end with groups. */
static bool
holds_mobile(const struct digits *d)
{
	int n = d->n < DIGITS_MAX ? d->n : DIGITS_MAX;

	for (int i = 0; i + PHONE_DIGITS <= n; i++) {
		int to = i + PHONE_DIGITS;
		bool begins = i == 0 || d->group[i - 1] != d->group[i] ||
		    (i == 1 && d->value[0] == '0') ||
		    (i >= 2 && d->value[i - 2] == '9' && d->value[i - 1] == '1');
		bool ends = to == n || d->group[to] != d->group[to - 1];
		if (begins && ends && d->value[i] >= '6' && !are_amounts(d, i, to))
			return true;
	}
	return false;
}

static bool
is_phone(const struct digits *d)
{
	if (d->commas && !commas_are_a_trick(d))
		return false;
	if (d->plus && d->n >= 8 && d->n <= 15)
		return true;
	if (d->n == 11 && d->value[0] == '0' && !are_amounts(d, 0, d->n))
		return true;	/* a landline with its trunk prefix */
	return holds_mobile(d);
}

static bool
has_phone_number(const char *text)
{
	for (const char *s = text; *s != '\0';) {
		struct digits d = { .n = 0 };
		size_t n = s > text && (is_word(s[-1])) ? 0 : take_run(s, &d);
		if (n == 0) {
			s++;
			continue;
		}
		d.plus = s > text && (s[-1] == '+' || (s - text > 1 && s[-2] == '+'));
		if (is_phone(&d))
			return true;
		s += n;
	}
	return false;
}

bool
contact_scan(const char *text, const char **ret_what)
{
	char *folded = fold(text);
	const char *what = NULL;

	if (folded == NULL)
		return false;
	if (has_mail_address(folded))
		what = "an e-mail address";
	else if (has_web_address(folded))
		what = "a web address";
	else if (has_phone_number(folded))
		what = "a phone number";
	free(folded);
	if (what != NULL)
		*ret_what = what;
	return what != NULL;
}

/* ---- Aadhaar ---- */

#define AADHAAR_DIGITS 12
#define AADHAAR_SHOWN 4

/* Verhoeff's check digit, as UIDAI uses it. */
static bool
verhoeff_holds(const char *digits, int n)
{
	static const unsigned char multiply[10][10] = { { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
		{ 1, 2, 3, 4, 0, 6, 7, 8, 9, 5 }, { 2, 3, 4, 0, 1, 7, 8, 9, 5, 6 },
		{ 3, 4, 0, 1, 2, 8, 9, 5, 6, 7 }, { 4, 0, 1, 2, 3, 9, 5, 6, 7, 8 },
		{ 5, 9, 8, 7, 6, 0, 4, 3, 2, 1 }, { 6, 5, 9, 8, 7, 1, 0, 4, 3, 2 },
		{ 7, 6, 5, 9, 8, 2, 1, 0, 4, 3 }, { 8, 7, 6, 5, 9, 3, 2, 1, 0, 4 },
		{ 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 } };
	static const unsigned char permute[8][10] = { { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
		{ 1, 5, 7, 6, 2, 8, 3, 0, 9, 4 }, { 5, 8, 0, 3, 7, 9, 6, 1, 4, 2 },
		{ 8, 9, 1, 6, 0, 4, 3, 5, 2, 7 }, { 9, 4, 5, 3, 1, 2, 6, 8, 7, 0 },
		{ 4, 2, 8, 6, 5, 7, 3, 9, 0, 1 }, { 2, 7, 9, 3, 8, 0, 6, 4, 1, 5 },
		{ 7, 0, 4, 6, 9, 1, 3, 2, 5, 8 } };
	int c = 0;

	for (int i = 0; i < n; i++)
		c = multiply[c][permute[i % 8][digits[n - 1 - i] - '0']];
	return c == 0;
}

/* A character of the text: its bytes, and the digit that it is, in whatever script. */
struct glyph {
	size_t at, len;
	char digit;		/* '0' to '9', '-' for what may stand between digits, else 0 */
	bool is_masked;
};

static char
digit_of(int32_t c)
{
	if (c >= 0xff10 && c <= 0xff19)		/* full width */
		return (char)('0' + (c - 0xff10));
	if (c < 0x80)
		return isdigit((int)c) ? (char)c : strchr(" -_./,", (int)c) != NULL ? '-' : '\0';
	c = is_dressing(c) || c == 0xa0 ? '-' : fold_code(c);
	return isdigit((int)c) || c == '-' ? (char)c : '\0';
}

/* Marks all but the last digits of the Aadhaar number that begins at g, where one does. */
static void
mark(struct glyph *g, const struct glyph *end)
{
	char digits[AADHAAR_DIGITS];
	struct glyph *p = g;
	int n = 0;

	for (; p < end && n < AADHAAR_DIGITS && p->digit != '\0'; p++)
		if (p->digit != '-')
			digits[n++] = p->digit;
	if (n < AADHAAR_DIGITS || (p < end && isdigit((unsigned char)p->digit)) || digits[0] < '2' ||
	    !verhoeff_holds(digits, n))
		return;
	for (n = 0, p = g; n < AADHAAR_DIGITS - AADHAAR_SHOWN; p++)
		if (p->digit != '-') {
			p->is_masked = true;
			n++;
		}
}

static size_t
read_glyphs(const char *text, struct glyph *g)
{
	size_t n = 0;
	int32_t c;

	for (size_t at = 0; text[at] != '\0'; at += g[n++].len) {
		utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)text + at, -1, &c);
		g[n] = (struct glyph){ .at = at, .len = len > 0 ? (size_t)len : 1, .digit = len > 0 ? digit_of(c) : '\0' };
	}
	return n;
}

const char *
aadhaar_mask(struct arena *a, const char *text)
{
	struct glyph *g;
	struct buf out;
	size_t n;

	if (text == NULL)
		return NULL;
	g = arena_alloc(a, (strlen(text) + 1) * sizeof(*g));
	n = read_glyphs(text, g);
	buf_init(&out, a, strlen(text) + 1);
	/* From each digit that none stands before: the digits that stay may begin another number. */
	for (size_t i = 0; i < n; i++)
		if (isdigit((unsigned char)g[i].digit) && !g[i].is_masked && (i == 0 || g[i - 1].is_masked || !isdigit((unsigned char)g[i - 1].digit)))
			mark(&g[i], g + n);
	for (size_t i = 0; i < n; i++)
		buf_add(&out, g[i].is_masked ? "X" : text + g[i].at, g[i].is_masked ? 1 : g[i].len);
	return out.text;
}
