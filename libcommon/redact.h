/* Masks secrets in text meant for people: logs, error texts, /config. */
#ifndef NXT_REDACT_H
#define NXT_REDACT_H

/*
 * Overwrites in place what follows password=, token=, secret=, authorization: and their like
 * (also quoted, as in JSON), what follows the word Bearer or Basic, the password in a URL's
 * user:password@, and anything that looks like a JWT. A mask is never longer than what it hides.
 */
void redact(char *text);

#endif
