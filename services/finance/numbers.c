/* Numbers of invoices and credit notes; see numbers.h. */
#include "numbers.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define INDIA_OFFSET_S (5 * 3600 + 1800)	/* Asia/Kolkata has no summer time */

bool
number_is_valid(const char *number)
{
	size_t n = strlen(number);

	if (n < 1 || n > NUMBER_TEXT - 1 || (!isupper((unsigned char)number[0]) &&
	    !(number[0] >= '1' && number[0] <= '9')))
		return false;
	return strspn(number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-") == n;
}

void
financial_year(int64_t wall_us, char out[FINANCIAL_YEAR_TEXT])
{
	time_t local = (time_t)(wall_us / 1000000) + INDIA_OFFSET_S;
	struct tm tm;
	unsigned from;

	gmtime_r(&local, &tm);
	from = (unsigned)(tm.tm_year + 1900 - (tm.tm_mon < 3)) % 10000;
	snprintf(out, FINANCIAL_YEAR_TEXT, "%04u-%02u", from, (from + 1) % 100);
}

int
number_format(const char *series, const char *year, int64_t n, char out[NUMBER_TEXT])
{
	char text[64];

	snprintf(text, sizeof(text), "%.20s/%.2s%.2s/%07lld", series, year + 2, year + 5,
	    (long long)n);
	if (n < 1 || !number_is_valid(text))
		return -1;
	memcpy(out, text, strlen(text) + 1);
	return 0;
}
