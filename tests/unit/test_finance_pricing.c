/* Prices: the vectors of money.md by their numbers, and what must hold for any order. */
#include "pricing.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RATE_18 18000

static struct price_line
line(int64_t unit_price, int64_t quantity)
{
	return (struct price_line){ .unit_price = unit_price, .quantity = quantity, .rate = RATE_18 };
}

static void
compute_one(struct price *p, struct price_line *l, int64_t amount, bool inter_state,
    struct price_discount *coupon)
{
	*l = line(amount, 1);
	*p = (struct price){ .lines = l, .nlines = 1, .inter_state = inter_state, .coupon = coupon };
	assert_int_equal(price_compute(p), 0);
}

static void
test_t1_intra(void **state)
{
	struct price_line l;
	struct price p;

	(void)state;
	compute_one(&p, &l, 99900, false, NULL);
	assert_int_equal(p.cgst, 8991);
	assert_int_equal(p.sgst, 8991);
	assert_int_equal(p.igst, 0);
	assert_int_equal(p.total, 117882);
}

static void
test_t2_inter(void **state)
{
	struct price_line l;
	struct price p;

	(void)state;
	compute_one(&p, &l, 99900, true, NULL);
	assert_int_equal(p.igst, 17982);
	assert_int_equal(p.cgst + p.sgst, 0);
	assert_int_equal(p.total, 117882);
}

static void
test_t3_halves_differ(void **state)
{
	struct price_line l;
	struct price p;

	(void)state;
	compute_one(&p, &l, 10050, false, NULL);
	assert_int_equal(p.cgst, 905);
	assert_int_equal(p.sgst, 905);
	assert_int_equal(p.tax, 1810);
	assert_int_equal(p.total, 11860);
	compute_one(&p, &l, 10050, true, NULL);
	assert_int_equal(p.igst, 1809);
	assert_int_equal(p.total, 11859);
}

static void
test_t4_per_line(void **state)
{
	struct price_line lines[] = { line(5, 1), line(6, 1) };
	struct price p = { .lines = lines, .nlines = 2 };

	(void)state;
	assert_int_equal(price_compute(&p), 0);
	assert_int_equal(lines[0].cgst, 0);
	assert_int_equal(lines[0].sgst, 0);
	assert_int_equal(lines[1].cgst, 1);
	assert_int_equal(lines[1].sgst, 1);
	p.inter_state = true;
	assert_int_equal(price_compute(&p), 0);
	assert_int_equal(lines[0].igst, 1);
	assert_int_equal(lines[1].igst, 1);
}

static void
test_t6_percent_capped(void **state)
{
	struct price_discount coupon = { PRICE_PERCENT, 15, 10000, 0, 0 };
	struct price_line l;
	struct price p;

	(void)state;
	compute_one(&p, &l, 99900, false, &coupon);
	assert_int_equal(p.discount, 10000);
	assert_int_equal(p.taxable, 89900);
	assert_int_equal(p.cgst, 8091);
	assert_int_equal(p.sgst, 8091);
	assert_int_equal(p.total, 106082);
}

static void
test_t7_half_up(void **state)
{
	struct price_discount coupon = { PRICE_PERCENT, 7, NO_CAP, 0, 0 };
	struct price_line l;
	struct price p;

	(void)state;
	compute_one(&p, &l, 33350, false, &coupon);
	assert_int_equal(coupon.amount, 2335);
	assert_int_equal(p.discount, 2335);
}

static void
test_t8_flat_is_capped_at_the_amount(void **state)
{
	struct price_discount coupon = { PRICE_FLAT, 10000, NO_CAP, 0, 0 };
	struct price_line l;
	struct price p;

	(void)state;
	compute_one(&p, &l, 5000, false, &coupon);
	assert_int_equal(p.discount, 5000);
	assert_int_equal(coupon.amount, 5000);
	assert_int_equal(p.tax, 0);
	assert_int_equal(p.total, 0);
}

static void
test_t10_rule_then_coupon(void **state)
{
	struct price_discount rule = { PRICE_PERCENT, 10, NO_CAP, 1, 0 };
	struct price_discount coupon = { PRICE_PERCENT, 15, 25000, 0, 0 };
	struct price_line l = line(200000, 1);
	struct price p = { .lines = &l, .nlines = 1, .rules = &rule, .nrules = 1, .coupon = &coupon };

	(void)state;
	assert_int_equal(price_compute(&p), 0);
	assert_int_equal(rule.amount, 20000);
	assert_int_equal(p.after_rules, 180000);
	assert_int_equal(coupon.amount, 25000);
	assert_int_equal(p.discount, 45000);
	assert_int_equal(p.taxable, 155000);
	assert_int_equal(p.cgst, 13950);
	assert_int_equal(p.sgst, 13950);
	assert_int_equal(p.total, 182900);
}

static void
test_t14_two_credit_notes(void **state)
{
	int64_t first = price_credit(8091, 44950, 89900, 0);

	(void)state;
	assert_int_equal(first, 4046);
	assert_int_equal(price_credit(8091, 89900, 89900, first), 4045);
}

/* No taxable value gives 99900 in all: the reason why prices are tax-exclusive (M3). */
static void
test_t18_inclusive_price_has_no_split(void **state)
{
	(void)state;
	for (int64_t taxable = 84000; taxable <= 85000; taxable++) {
		struct price_line l;
		struct price p;
		compute_one(&p, &l, taxable, false, NULL);
		assert_int_not_equal(p.total, 99900);
		if (taxable == 84661) {
			assert_int_equal(p.cgst, 7619);
			assert_int_equal(p.total, 99899);
		}
		if (taxable == 84662) {
			assert_int_equal(p.cgst, 7620);
			assert_int_equal(p.total, 99902);
		}
	}
}

static void
test_m4_ties_go_to_the_lower_line(void **state)
{
	const int64_t weights[] = { 100, 100, 100 };
	int64_t shares[3];

	(void)state;
	price_spread(100, weights, 3, shares);
	assert_int_equal(shares[0], 34);
	assert_int_equal(shares[1], 33);
	assert_int_equal(shares[2], 33);
	price_spread(101, weights, 3, shares);
	assert_int_equal(shares[0], 34);
	assert_int_equal(shares[1], 34);
	assert_int_equal(shares[2], 33);
}

static void
test_m4_largest_remainder_first(void **state)
{
	const int64_t weights[] = { 1, 2, 0, 4 };	/* 10/7, 20/7, 0, 40/7: remainders 3, 6, 0, 5 */
	int64_t shares[4];

	(void)state;
	price_spread(10, weights, 4, shares);
	assert_int_equal(shares[0], 1);
	assert_int_equal(shares[1], 3);
	assert_int_equal(shares[2], 0);
	assert_int_equal(shares[3], 6);
}

static void
test_rule_for_one_line_leaves_the_other(void **state)
{
	struct price_line lines[] = { line(1000, 1), line(3000, 1) };
	struct price_discount rules[] = { { PRICE_FLAT, 5000, NO_CAP, 1, 0 },
		{ PRICE_PERCENT, 10, NO_CAP, 3, 0 } };
	struct price p = { .lines = lines, .nlines = 2, .rules = rules, .nrules = 2 };

	(void)state;
	assert_int_equal(price_compute(&p), 0);
	assert_int_equal(rules[0].amount, 1000);
	assert_int_equal(rules[1].amount, 400);
	assert_int_equal(lines[0].discount, 1000);
	assert_int_equal(lines[1].discount, 400);
	assert_int_equal(p.after_rules, 2600);
}

static void
test_overflow_is_refused(void **state)
{
	struct price_line lines[] = { line(INT64_MAX, 2), line(1, 1) };
	struct price p = { .lines = lines, .nlines = 1 };

	(void)state;
	assert_int_equal(price_compute(&p), -1);
	lines[0] = line(PRICE_MAX / 118 * 100, 1);
	assert_int_equal(price_compute(&p), 0);
	assert_int_equal(p.total, PRICE_MAX / 118 * 118);
	lines[0] = line(PRICE_MAX, 1);	/* with its tax */
	assert_int_equal(price_compute(&p), -1);
	p.nlines = 2;
	assert_int_equal(price_compute(&p), -1);
	lines[0] = line(-1, 1);
	assert_int_equal(price_compute(&p), -1);
	lines[0] = line(1, 0);
	assert_int_equal(price_compute(&p), -1);
	p.nlines = 0;
	assert_int_equal(price_compute(&p), -1);
}

static void
check_sums(const struct price *p)
{
	int64_t total = 0, discount = 0;

	for (unsigned i = 0; i < p->nlines; i++) {
		const struct price_line *l = &p->lines[i];
		assert_true(l->discount >= 0 && l->discount <= l->total);
		assert_int_equal(l->taxable, l->total - l->discount);
		assert_true(l->cgst == l->sgst && (l->igst == 0 || l->cgst == 0));
		total += l->total;
		discount += l->discount;
	}
	assert_int_equal(p->subtotal, total);
	assert_int_equal(p->discount, discount);
	assert_int_equal(p->total, p->subtotal - p->discount + p->tax);
	assert_true(p->after_rules >= 0 && p->total >= 0);
}

static void
test_any_order_adds_up(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		struct price_line lines[8];
		struct price_discount rules[3], coupon;
		struct price p = { .lines = lines, .nlines = 1 + (unsigned)random() % 8, .rules = rules,
			.nrules = (unsigned)random() % 4, .inter_state = random() % 2 };
		int64_t rule_sum = 0;

		for (unsigned i = 0; i < p.nlines; i++) {
			lines[i] = line(random() % 100 == 0 ? 0 : random() % 100000, 1 + random() % 5);
			lines[i].rate = random() % 100001;
		}
		for (unsigned i = 0; i < p.nrules; i++)
			rules[i] = random() % 2 ?
			    (struct price_discount){ PRICE_FLAT, 1 + random() % 100000, NO_CAP,
				(uint64_t)random() % 256, 0 } :
			    (struct price_discount){ PRICE_PERCENT, 1 + random() % 100, NO_CAP,
				(uint64_t)random() % 256, 0 };
		coupon = (struct price_discount){ PRICE_PERCENT, 1 + random() % 100,
			random() % 2 ? random() % 1000 : NO_CAP, 0, 0 };
		p.coupon = random() % 2 ? &coupon : NULL;
		assert_int_equal(price_compute(&p), 0);
		check_sums(&p);
		for (unsigned i = 0; i < p.nrules; i++)
			rule_sum += rules[i].amount;
		assert_int_equal(p.discount, rule_sum + (p.coupon != NULL ? coupon.amount : 0));
	}
}

static void
test_rates(void **state)
{
	(void)state;
	assert_int_equal(price_rate("18.000"), 18000);
	assert_int_equal(price_rate("18"), 18000);
	assert_int_equal(price_rate("0.5"), 500);
	assert_int_equal(price_rate("100.000"), 100000);
	assert_int_equal(price_rate("0.000"), 0);
	assert_int_equal(price_rate("100.001"), -1);
	assert_int_equal(price_rate("101"), -1);
	assert_int_equal(price_rate("1.2345"), -1);
	assert_int_equal(price_rate("-1"), -1);
	assert_int_equal(price_rate(""), -1);
	assert_int_equal(price_rate(NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_t1_intra),
		cmocka_unit_test(test_t2_inter),
		cmocka_unit_test(test_t3_halves_differ),
		cmocka_unit_test(test_t4_per_line),
		cmocka_unit_test(test_t6_percent_capped),
		cmocka_unit_test(test_t7_half_up),
		cmocka_unit_test(test_t8_flat_is_capped_at_the_amount),
		cmocka_unit_test(test_t10_rule_then_coupon),
		cmocka_unit_test(test_t14_two_credit_notes),
		cmocka_unit_test(test_t18_inclusive_price_has_no_split),
		cmocka_unit_test(test_m4_ties_go_to_the_lower_line),
		cmocka_unit_test(test_m4_largest_remainder_first),
		cmocka_unit_test(test_rule_for_one_line_leaves_the_other),
		cmocka_unit_test(test_overflow_is_refused),
		cmocka_unit_test(test_any_order_adds_up),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
