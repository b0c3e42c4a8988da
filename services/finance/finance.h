/* What the files of finance share: resources, and the few functions that cross aggregates. */
#ifndef FINANCE_H
#define FINANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "pricing.h"
#include "request.h"
#include "resource.h"
#include "service.h"

/* ---- resources ---- */
extern const struct resource pricing_package_resource, coupon_resource, coupon_redemption_resource,
    discount_rule_resource, tax_rule_resource;
extern const struct resource wallet_resource, ledger_resource, coin_lot_resource;
extern const struct resource order_resource, order_item_resource;
extern const struct resource invoice_resource, invoice_line_resource;
extern const struct resource payment_resource, payment_transaction_resource,
    payment_gateway_config_resource;

extern const char *const discount_types[];	/* PERCENT, FLAT */
extern const char *const package_types[];
extern const char *const order_types[];		/* PACKAGE, SERVICE: also item types */
extern const char *const reference_types[];	/* of the ledger */

/* ---- rules that several catalogue tables share (catalogue.c) ---- */
/* A PERCENT is a whole percent 1..100; a FLAT is paise. Refuses the field by name. */
int check_discount(struct request *rq, const struct row *row);
/* `from` is set to now where empty; `to` must be later. Refuses `to`. */
int check_period(struct request *rq, struct row *row, const char *from, const char *to);

/* ---- coupons.c ---- */
/*
 * The coupon of that code, if it may be used now on an order; NULL: refused by field coupon_code,
 * or 409 where its last slot is taken. With `lock` its row stays locked, so that slots are counted
 * one order at a time.
 */
struct row *coupon_find(struct request *rq, const char *code, bool lock);
/* Is the amount after discount rules (paise) enough for it? */
int coupon_check_minimum(struct request *rq, const struct row *coupon, int64_t amount);
/* Takes a slot for the order; the coupon is locked. */
int coupon_redeem(struct request *rq, struct row *coupon, const struct row *order, int64_t amount);
/* Frees the slot of a cancelled order, if it holds one. */
int coupon_release(struct request *rq, const char *order_id);

/* ---- parties.c ---- */
struct party {
	const char *user_id;	/* NULL: ourselves */
	const char *name, *gstin, *state_code, *address;	/* NULL where unknown */
};
/* The buyer as the profiles of the user tell: a GSTIN before a state before a name. */
int party_of_user(struct request *rq, const char *user_id, struct party *ret_party);
/* Ourselves, from runtime configuration. */
void party_ourselves(struct request *rq, struct party *ret_party);

/* ---- wallets.c ---- */
struct movement {
	const char *reference_type, *reference_id;
	const char *subject_id;		/* the job of a posting, the lead of a request, or NULL */
	const char *remarks;		/* or NULL */
	int64_t amount;			/* tracecoins, above 0 */
};
/* The user's wallet, locked; made where he has none yet. NULL: failed. */
struct row *wallet_open(struct request *rq, const char *user_id);
/* Coins come in as a new lot; expires_us 0: for ever. The wallet is locked. */
int wallet_credit(struct request *rq, struct row *wallet, const struct movement *m,
    int64_t expires_us);
/*
 * Takes coins, soonest-expiring lot first. ret_taken is false where there are too few: then only
 * wallet.debit_refused is published. The wallet is locked.
 */
int wallet_debit(struct request *rq, struct row *wallet, const struct movement *m, bool *ret_taken);
/*
 * Gives back all that the debit of the same reference took, to the lots it came from; an amount
 * other than 0 must be the same.
 */
int wallet_return(struct request *rq, struct row *wallet, const struct movement *m);
/* A debit that was not made before and whose end was not heard of yet (lead request, posting). */
int wallet_hold(struct request *rq, const char *user_id, const struct movement *m);
/* The end of a hold: returned if it was taken, else remembered. */
int wallet_release(struct request *rq, const char *user_id, const struct movement *m);
/* wallet.low, where the balance crossed the threshold from `before` on. */
void wallet_tell_if_low(struct request *rq, const struct row *wallet, int64_t before);
struct movement wallet_movement_of_body(struct request *rq);
int wallet_credit_route(struct request *rq);
int wallet_debit_route(struct request *rq);
extern const struct column wallet_movement_body[];

/* ---- debits.c ---- */
/* wallet_debit_route for what is usual, together with others of the same turn; see struct route. */
int debits_together(struct request *rq, const char *key);

/* ---- ledger.c ---- */
/*
 * Writes one entry and the wallet's new balance, and opens its wallet event: lots are added by the
 * caller. NULL: the balance would leave 0..2^31-1, or failed.
 */
struct event_out *ledger_book(struct request *rq, struct row *wallet, const char *transaction_type,
    const struct movement *m, const char **ret_ledger_id);

/*
 * The same without writing: the new entry; the wallet has its new balance and the event is open. NULL:
 * the balance would leave its range.
 */
struct row *ledger_entry(struct request *rq, struct row *wallet, const char *transaction_type,
    const struct movement *m, struct event_out **ret_event);

/* ---- lots.c ---- */
#define LOTS_AT_ONCE 64		/* read at first; wallets have few as a rule */
/* Adds a lot and what it gave or got to an event of the wallet. */
void lot_tell(struct event_out *ev, const char *lot_id, int64_t amount, const char *expires_at);
bool lot_is_past(const struct request *rq, const char *expires_at);
int lot_add(struct request *rq, const struct row *wallet, const char *ledger_id, int64_t amount,
    int64_t expires_us, struct event_out *ev);
/* Books the expiry of every lot of the wallet whose time has come. */
int lots_expire(struct request *rq, struct row *wallet);
struct lot_share {
	const char *lot_id, *expires_at;
	int64_t amount;
};
/* Which lots give `amount`: soonest-expiring first. *ret_shares NULL where all together have less. */
int lots_choose(struct request *rq, struct row *wallet, int64_t amount,
    struct lot_share **ret_shares, unsigned *ret_n);
void lots_take(struct request *rq, const char *ledger_id, const struct lot_share *shares, unsigned n,
    struct event_out *ev);
int lots_give_back(struct request *rq, const char *debit_ledger_id, struct event_out *ev);
int lots_clock(struct request *rq);
int lots_warn_clock(struct request *rq);

/* ---- quote.c: what an order would cost ---- */
struct quote_item {
	const char *item_type, *item_id, *name;
	const char *package_type, *tax_point, *sac, *tax_rate;
	int64_t coins;			/* all units together */
	int64_t validity_days;		/* 0: for ever */
};
struct quote {
	const char *order_type, *coupon_code;
	struct party supplier, buyer;
	const char *place_of_supply;	/* NULL: unknown */
	struct row *coupon;		/* NULL: none */
	unsigned n;			/* items = lines */
	struct quote_item items[PRICE_LINES_MAX];
	struct price_line lines[PRICE_LINES_MAX];
	struct price_discount rules[PRICE_LINES_MAX], coupon_discount;
	const char *rule_ids[PRICE_LINES_MAX], *rule_names[PRICE_LINES_MAX];
	struct price price;
};
/* From the validated body; with `binding` the coupon is locked and what stands in the way refused. */
int quote_make(struct request *rq, bool binding, struct quote *ret_quote);
int64_t quote_coins(const struct quote *q);
extern const struct column order_body[];
int order_create_route(struct request *rq);
int order_preview_route(struct request *rq);

/* ---- orders.c ---- */
/* Adds the items and the coupon's code to an order event. */
void order_describe(struct event_out *ev, struct row *const *items, const char *coupon_code);
int orders_expire_clock(struct request *rq);

/* ---- invoices.c ---- */
/* Issues the invoice of a completed order with its number, and pays it. NULL: failed. */
struct row *invoice_issue(struct request *rq, const struct row *order, struct row *const *items);

/* ---- books.c ---- */
int finance_check_route(struct request *rq);
int finance_check_clock(struct request *rq);

/* ---- on_events.c ---- */
extern const struct subscription finance_subscriptions[];

#endif
