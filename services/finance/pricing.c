/* What an order costs; see pricing.h. Rules by number: money.md. */
#include "pricing.h"

#include <ctype.h>
#include <stddef.h>

#define RATE_100 100000		/* thousandths of a percent in the whole */

int64_t
price_round(__int128 n, __int128 d)
{
	return (int64_t)((2 * n + d) / (2 * d));
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static uint64_t
all_lines(const struct price *p)
{
	return ((uint64_t)1 << p->nlines) - 1;
}

static bool
is_in(const struct price_discount *d, unsigned line)
{
	return d->lines >> line & 1;
}

/* ---- steps ---- */

static int
total_lines(struct price *p)
{
	__int128 sum = 0;

	for (unsigned i = 0; i < p->nlines; i++) {
		struct price_line *l = &p->lines[i];
		__int128 total = (__int128)l->unit_price * l->quantity;

		sum += total;
		if (l->unit_price < 0 || l->quantity < 1 || total > PRICE_MAX || sum > PRICE_MAX)
			return -1;
		l->total = (int64_t)total;
		l->discount = 0;
	}
	p->subtotal = (int64_t)sum;
	return 0;
}

/* What a discount takes of `base`, never more than `left` or its cap. */
static int64_t
discount_amount(const struct price_discount *d, int64_t base, int64_t left)
{
	int64_t amount = d->kind == PRICE_FLAT ? d->value :
	    price_round((__int128)base * d->value, 100);

	if (d->cap != NO_CAP)
		amount = smaller(amount, d->cap);
	return smaller(amount, left);
}

/* Totals of the rule's lines, and what other rules have left of them. */
static void
sum_lines(const struct price *p, const struct price_discount *d, int64_t *ret_base,
    int64_t *ret_left)
{
	*ret_base = *ret_left = 0;
	for (unsigned i = 0; i < p->nlines; i++)
		if (is_in(d, i)) {
			*ret_base += p->lines[i].total;
			*ret_left += p->lines[i].total - p->lines[i].discount;
		}
}

void
price_spread(int64_t amount, const int64_t *weights, unsigned n, int64_t *ret_shares)
{
	__int128 whole = 0, remainders[PRICE_LINES_MAX] = { 0 };
	int64_t left = amount;

	for (unsigned i = 0; i < n; i++)
		whole += weights[i];
	for (unsigned i = 0; i < n; i++) {
		__int128 product = (__int128)amount * weights[i];
		ret_shares[i] = whole > 0 ? (int64_t)(product / whole) : 0;
		remainders[i] = whole > 0 ? product % whole : 0;
		left -= ret_shares[i];
	}
	for (; left > 0 && whole > 0; left--) {
		unsigned most = 0;
		for (unsigned i = 1; i < n; i++)
			if (remainders[i] > remainders[most])
				most = i;
		ret_shares[most]++;
		remainders[most] = -1;
	}
}

/* Adds `amount` to the discounts of the lines in the mask, by what is left of each. */
static void
take_from_lines(struct price *p, uint64_t lines, int64_t amount)
{
	int64_t weights[PRICE_LINES_MAX] = { 0 }, shares[PRICE_LINES_MAX] = { 0 };

	for (unsigned i = 0; i < p->nlines; i++)
		weights[i] = lines >> i & 1 ? p->lines[i].total - p->lines[i].discount : 0;
	price_spread(amount, weights, p->nlines, shares);
	for (unsigned i = 0; i < p->nlines; i++)
		p->lines[i].discount += shares[i];
}

/* Rules for some lines are spread at once; those for all are spread with the coupon, in one go. */
static void
apply_rules(struct price *p)
{
	int64_t base, left, over_all = 0;

	for (unsigned i = 0; i < p->nrules; i++) {
		struct price_discount *d = &p->rules[i];
		d->lines &= all_lines(p);
		d->amount = 0;
		if (d->lines == all_lines(p))
			continue;
		sum_lines(p, d, &base, &left);
		d->amount = discount_amount(d, base, left);
		take_from_lines(p, d->lines, d->amount);
	}
	for (unsigned i = 0; i < p->nrules; i++) {
		struct price_discount *d = &p->rules[i];
		if (d->lines != all_lines(p))
			continue;
		sum_lines(p, d, &base, &left);
		d->amount = discount_amount(d, base, left - over_all);
		over_all += d->amount;
	}
}

static int64_t
sum_of_rules(const struct price *p, bool over_all)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < p->nrules; i++)
		if (!over_all || p->rules[i].lines == all_lines(p))
			sum += p->rules[i].amount;
	return sum;
}

int
price_before_coupon(struct price *p)
{
	if (p->nlines < 1 || p->nlines > PRICE_LINES_MAX || total_lines(p) < 0)
		return -1;
	apply_rules(p);
	p->after_rules = p->subtotal - sum_of_rules(p, false);
	return 0;
}

static void
apply_coupon(struct price *p)
{
	int64_t amount = sum_of_rules(p, true);

	if (p->coupon != NULL) {
		p->coupon->lines = all_lines(p);
		p->coupon->amount = discount_amount(p->coupon, p->after_rules, p->after_rules);
		amount += p->coupon->amount;
	}
	take_from_lines(p, all_lines(p), amount);
}

/* M5: per line; the document's tax is their sum and is not rounded again. */
static void
tax_line(struct price_line *l, bool inter_state)
{
	__int128 product = (__int128)l->taxable * l->rate;

	l->cgst = l->sgst = inter_state ? 0 : price_round(product, 2 * RATE_100);
	l->igst = inter_state ? price_round(product, RATE_100) : 0;
}

int
price_compute(struct price *p)
{
	if (price_before_coupon(p) < 0)
		return -1;
	apply_coupon(p);
	p->discount = p->taxable = p->cgst = p->sgst = p->igst = 0;
	for (unsigned i = 0; i < p->nlines; i++) {
		struct price_line *l = &p->lines[i];
		l->taxable = l->total - l->discount;
		tax_line(l, p->inter_state);
		p->discount += l->discount;
		p->taxable += l->taxable;
		p->cgst += l->cgst;
		p->sgst += l->sgst;
		p->igst += l->igst;
	}
	p->tax = p->cgst + p->sgst + p->igst;
	p->total = p->taxable + p->tax;
	return p->total > PRICE_MAX ? -1 : 0;
}

int64_t
price_credit(int64_t tax, int64_t cumulative_taxable, int64_t taxable, int64_t credited)
{
	return price_round((__int128)tax * cumulative_taxable, taxable) - credited;
}

int64_t
price_rate(const char *percent)
{
	int64_t rate = 0;
	int decimals = -1;

	if (percent == NULL || !isdigit((unsigned char)percent[0]))
		return -1;
	for (const char *p = percent; *p != '\0'; p++) {
		if (*p == '.' && decimals < 0) {
			decimals = 0;
			continue;
		}
		if (!isdigit((unsigned char)*p) || (decimals >= 0 && ++decimals > 3))
			return -1;
		rate = rate * 10 + (*p - '0');
		if (rate > RATE_100)
			return -1;
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 3; decimals++)
		rate *= 10;
	return rate > RATE_100 ? -1 : rate;
}
