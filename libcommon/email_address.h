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

#endif
