/* Time; see clock.h. Calendar arithmetic by Howard Hinnant's days_from_civil, proleptic Gregorian. */
#include "clock.h"

#include <time.h>

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY 86400
#define YEAR_1_US (INT64_C(-62135596800) * US_PER_S)
#define YEAR_10000_US (INT64_C(253402300800) * US_PER_S)

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

int64_t
clock_wall_us(void)
{
	return read_clock_us(CLOCK_REALTIME);
}

int64_t
clock_mono_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

static int64_t
days_from_civil(int y, int m, int d)
{
	y -= m <= 2;
	int era = (y >= 0 ? y : y - 399) / 400;
	int year_of_era = y - era * 400;
	int day_of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (int64_t)era * 146097 + day_of_era - 719468;
}

static void
civil_from_days(int64_t z, int *ret_y, int *ret_m, int *ret_d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int day_of_era = (int)(z - era * 146097);
	int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (5 * day_of_year + 2) / 153;

	*ret_d = day_of_year - (153 * month + 2) / 5 + 1;
	*ret_m = month < 10 ? month + 3 : month - 9;
	*ret_y = (int)(year_of_era + era * 400) + (*ret_m <= 2);
}

static char *
put_digits(char *p, int64_t v, int width)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

/* The quotient towards minus infinity; *ret_rest is never negative. */
static int64_t
floor_divide(int64_t a, int64_t b, int64_t *ret_rest)
{
	int64_t q = a / b;

	if (a % b < 0)
		q--;
	*ret_rest = a - q * b;
	return q;
}

void
clock_format(int64_t wall_us, char out[CLOCK_TEXT])
{
	int64_t us, second, day;
	char *p = out;
	int y, m, d;

	if (wall_us < YEAR_1_US)	/* RFC 3339 has years of four digits */
		wall_us = YEAR_1_US;
	if (wall_us >= YEAR_10000_US)
		wall_us = YEAR_10000_US - 1;
	day = floor_divide(floor_divide(wall_us, US_PER_S, &us), S_PER_DAY, &second);
	civil_from_days(day, &y, &m, &d);
	p = put_digits(p, y, 4);
	*p++ = '-';
	p = put_digits(p, m, 2);
	*p++ = '-';
	p = put_digits(p, d, 2);
	*p++ = 'T';
	p = put_digits(p, second / 3600, 2);
	*p++ = ':';
	p = put_digits(p, second / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, second % 60, 2);
	*p++ = '.';
	p = put_digits(p, us, 6);
	*p++ = 'Z';
	*p = '\0';
}

/* Exactly `width` digits; moves *p past them. -1 where they are not digits. */
static int
take_digits(const char **p, int width)
{
	int v = 0;

	for (int i = 0; i < width; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static bool
take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int
days_in_month(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m == 2 && leap ? 29 : days[m - 1];
}

static bool
take_date(const char **p, int64_t *ret_days)
{
	int y, m, d;

	if ((y = take_digits(p, 4)) < 1 || !take_char(p, '-') || (m = take_digits(p, 2)) < 1 ||
	    m > 12 || !take_char(p, '-') || (d = take_digits(p, 2)) < 1 || d > days_in_month(y, m))
		return false;
	*ret_days = days_from_civil(y, m, d);
	return true;
}

/* hh:mm:ss with an optional fraction, in µs; a leap second counts as the start of the next. */
static bool
take_time(const char **p, int64_t *ret_us)
{
	int h, m, s;
	int64_t us = 0, unit = US_PER_S;

	if ((h = take_digits(p, 2)) < 0 || h > 23 || !take_char(p, ':') ||
	    (m = take_digits(p, 2)) < 0 || m > 59 || !take_char(p, ':') ||
	    (s = take_digits(p, 2)) < 0 || s > 60)
		return false;
	if (take_char(p, '.')) {
		if (**p < '0' || **p > '9')
			return false;
		for (; **p >= '0' && **p <= '9'; (*p)++) {
			unit /= 10;
			us += (**p - '0') * unit;
		}
	}
	*ret_us = (h * INT64_C(3600) + m * 60 + s) * US_PER_S + us;
	return true;
}

/* Z, +hh:mm, or PostgreSQL's +hh; in seconds east of Greenwich. */
static bool
take_offset(const char **p, int *ret_s)
{
	int sign, h, m = 0;

	if (take_char(p, 'Z') || take_char(p, 'z')) {
		*ret_s = 0;
		return true;
	}
	sign = **p == '-' ? -1 : 1;
	if (!take_char(p, '+') && !take_char(p, '-'))
		return false;
	if ((h = take_digits(p, 2)) < 0 || h > 23)
		return false;
	if (take_char(p, ':') && ((m = take_digits(p, 2)) < 0 || m > 59))
		return false;
	*ret_s = sign * (h * 3600 + m * 60);
	return true;
}

int64_t
clock_parse(const char *s)
{
	int64_t days, us;
	int offset;

	if (s == NULL || !take_date(&s, &days))
		return -1;
	if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
		return -1;
	if (!take_time(&s, &us) || !take_offset(&s, &offset) || *s != '\0')
		return -1;
	return (days * S_PER_DAY - offset) * US_PER_S + us;
}

bool
clock_normal(const char *s, char out[CLOCK_TEXT])
{
	int64_t wall_us = clock_parse(s);

	if (wall_us < 0 || wall_us >= YEAR_10000_US)
		return false;
	clock_format(wall_us, out);
	return true;
}
