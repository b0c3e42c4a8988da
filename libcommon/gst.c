/* GST registration numbers; see gst.h. */
#include "gst.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define GSTIN_LENGTH 15
#define BASE 36

static const char figures[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static int
figure(char c)
{
	const char *at = c == '\0' ? NULL : strchr(figures, c);

	return at == NULL ? -1 : (int)(at - figures);
}

bool
gst_state_is_valid(const char *code)
{
	int n;

	if (strlen(code) != 2 || !isdigit((unsigned char)code[0]) || !isdigit((unsigned char)code[1]))
		return false;
	n = (code[0] - '0') * 10 + code[1] - '0';
	return (n >= 1 && n <= 38) || n == 96 || n == 97 || n == 99;
}

/* Two digits of state, ten characters of PAN, one of entity, "Z", check digit. */
static bool
has_shape(const char *s)
{
	static const char shape[] = "ddaaaaaddddaxZx";

	for (int i = 0; i < GSTIN_LENGTH; i++) {
		bool fits = shape[i] == 'd' ? isdigit((unsigned char)s[i]) :
		    shape[i] == 'a' ? isupper((unsigned char)s[i]) :
		    shape[i] == 'Z' ? s[i] == 'Z' : figure(s[i]) >= 0;
		if (!fits)
			return false;
	}
	return true;
}

bool
gstin_is_valid(const char *gstin)
{
	char state[3];
	int sum = 0;

	if (strlen(gstin) != GSTIN_LENGTH || !has_shape(gstin))
		return false;
	memcpy(state, gstin, 2);
	state[2] = '\0';
	if (!gst_state_is_valid(state))
		return false;
	for (int i = 0; i < GSTIN_LENGTH - 1; i++) {	/* factors 1 and 2 alternate */
		int product = figure(gstin[i]) * (i % 2 + 1);
		sum += product / BASE + product % BASE;
	}
	return figures[(BASE - sum % BASE) % BASE] == gstin[GSTIN_LENGTH - 1];
}
