/*
 * What browsers and authenticators say. The first byte chooses: C and client data, A and authenticator
 * data, else an attestation object, all for the party of the published vectors. Held: a refusal says why;
 * what is taken of an object lies within it, and its key is one that a second reading takes for one.
 */
#include "fuzz.h"

#include <sodium.h>

#include "webauthn.h"

static const char *const origins[] = { "https://example.org", NULL };
static const struct webauthn_party party = { "example.org", origins };

static void
hold_inside(struct webauthn_bytes part, struct webauthn_bytes whole)
{
	hold(part.len > 0 && part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

static void
hold_credential(struct webauthn_bytes object, const struct webauthn_credential *c)
{
	static const unsigned char nothing[64];

	hold_inside(c->id, object);
	hold_inside(c->public_key, object);
	hold(c->id.len <= WEBAUTHN_ID_MAX);
	hold(c->algorithm == WEBAUTHN_ES256 || c->algorithm == WEBAUTHN_EDDSA);
	hold(!webauthn_signed(c->public_key, object, object, (struct webauthn_bytes){ nothing, sizeof(nothing) }));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct webauthn_bytes in = { data + 1, len - 1 };
	struct webauthn_credential c;
	const char *reason, *challenge = NULL;
	uint32_t count;

	if (len == 0 || sodium_init() < 0) {
		arena_free(a);
		return 0;
	}
	if (data[0] == 'C')
		reason = webauthn_client_data(a, &party, "webauthn.create", in, &challenge);
	else if (data[0] == 'A')
		reason = webauthn_auth_data(&party, in, &count);
	else
		reason = webauthn_attestation(&party, (struct webauthn_bytes){ data, 1 }, in, &c);
	hold(reason == NULL || reason[0] != '\0');
	if (reason == NULL && data[0] == 'C')
		hold(challenge != NULL && utf8_is_valid(challenge, strlen(challenge)));
	if (reason == NULL && data[0] != 'C' && data[0] != 'A')
		hold_credential(in, &c);
	arena_free(a);
	return 0;
}
