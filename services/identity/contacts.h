/* E-mail addresses and phone numbers in the one form in which they are stored and compared. */
#ifndef NXT_CONTACTS_H
#define NXT_CONTACTS_H

struct arena;
struct request;

/* The body's field, normalised (email_address.h); refuses the field (bad_email). */
int email_take(struct request *rq, const char *field, const char **ret_email);
/* The same of an address that an account is to have: its domain has to be in its readable form. */
int email_take_new(struct request *rq, const char *field, const char **ret_email);
/* Of two who want one address the second waits for the end of the first one's transaction. */
int email_lock(struct request *rq, const char *email);
/* What phone_normalise() takes, for the OpenAPI document: 8 to 15 digits, and what people write between them. */
#define PHONE_PATTERN "^ *\\+?[-() ]*[1-9]([-() ]*[0-9]){7,14}[-() ]*$"
/* E.164 with its plus; ten digits are an Indian number. NULL where it is no number. */
const char *phone_normalise(struct arena *a, const char *text);
/* The body's field, normalised, NULL where it is absent; refuses the field (bad_phone). */
int phone_take(struct request *rq, const char *field, const char **ret_phone);

#endif
