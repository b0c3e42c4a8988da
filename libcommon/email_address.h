/* E-mail addresses: what counts as one, and the one form in which they are stored and compared. */
#ifndef NXT_EMAIL_ADDRESS_H
#define NXT_EMAIL_ADDRESS_H

struct arena;

#define EMAIL_MAX 254	/* bytes, RFC 5321 with its angle brackets taken off */

/*
 * Trimmed, NFC, domain in lower case; at most EMAIL_MAX bytes; international domains stay readable. NULL
 * where it is no address.
 */
const char *email_normalise(struct arena *a, const char *text);
/*
 * A normalised address with its domain as people read it: what is asked of new accounts, so that one mailbox
 * has one. xn--80ak6aa92e.com, full-width letters and аррӏе.com name the same domain, and both other forms give the last.
 */
const char *email_readable(struct arena *a, const char *email);

#endif
