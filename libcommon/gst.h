/* GST registration numbers and state codes. */
#ifndef NXT_GST_H
#define NXT_GST_H

#include <stdbool.h>

/* Fifteen characters in upper case with a known state in front and the right check digit at the end. */
bool gstin_is_valid(const char *gstin);
/* Two digits of a state or union territory as GST counts them; the place of supply. */
bool gst_state_is_valid(const char *code);
/* The same, as a column's .pattern. */
#define GST_STATE_PATTERN "^(0[1-9]|[12][0-9]|3[0-8]|9[679])$"

#endif
