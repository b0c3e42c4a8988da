/*
 * What an order costs: pure arithmetic on paise. No database, no clock, no floats.
 *
 * Steps, in this order (M3): line totals → discount rules → coupon → taxable value → tax → total.
 * Prices are tax-exclusive. Rates are thousandths of a percent: 18.000 % is 18000. Products are
 * taken in 128 bits; half a paisa rounds up, once (M2).
 */
#ifndef FINANCE_PRICING_H
#define FINANCE_PRICING_H

#include <stdbool.h>
#include <stdint.h>

#define PRICE_MAX 1000000000000000LL	/* paise in one order; beyond it nothing is computed */
#define PRICE_LINES_MAX 50
#define NO_CAP (-1)

/* PERCENT: a whole percent 1..100; FLAT: paise. */
enum price_kind { PRICE_PERCENT, PRICE_FLAT };

struct price_line {
	int64_t unit_price, quantity, rate;	/* given */
	int64_t total;				/* before discount and tax */
	int64_t discount;			/* its share of the document's discount (M4) */
	int64_t taxable, cgst, sgst, igst;	/* cgst and sgst, or igst (M5) */
};
struct price_discount {
	enum price_kind kind;
	int64_t value;
	int64_t cap;		/* most it may take; NO_CAP */
	uint64_t lines;		/* bit i: applies to line i; a coupon applies to all */
	int64_t amount;		/* found: what it takes */
};
struct price {
	struct price_line *lines;
	unsigned nlines;
	struct price_discount *rules;
	unsigned nrules;
	struct price_discount *coupon;	/* NULL: none */
	bool inter_state;		/* IGST instead of CGST and SGST (M6) */
	/* found */
	int64_t subtotal;
	int64_t after_rules;		/* what a coupon's minimum is compared with (C1) */
	int64_t discount, taxable, cgst, sgst, igst, tax;
	int64_t total;			/* subtotal - discount + tax */
};

/* (2n + d) / 2d in whole numbers: n/d with half rounded up. n ≥ 0, d > 0. */
int64_t price_round(__int128 n, __int128 d);
/* Line totals, rules and after_rules; enough to judge a coupon. -1: beyond PRICE_MAX. */
int price_before_coupon(struct price *p);
/* Everything. -1: beyond PRICE_MAX. */
int price_compute(struct price *p);
/* Shares of `amount` by weight, largest remainder first, ties to the lower index; they sum to it. */
void price_spread(int64_t amount, const int64_t *weights, unsigned n, int64_t *ret_shares);
/*
 * Tax on the next credit note of a line (M11): what has become due in all for `cumulative_taxable`
 * credited so far, this note included, less what earlier notes gave back.
 */
int64_t price_credit(int64_t tax, int64_t cumulative_taxable, int64_t taxable, int64_t credited);
/* "18.000" or "5" to thousandths of a percent; -1 where it is no rate from 0 to 100. */
int64_t price_rate(const char *percent);

#endif
