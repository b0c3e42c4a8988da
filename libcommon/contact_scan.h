/*
 * Finds contact details in free text: web addresses, e-mail addresses and phone numbers, written
 * tricks included ("gmail dot com", spaced or spelled digits, full-width and Indic digits).
 *
 * It errs on the side of ordinary prose: degrees (B.Com), frameworks (ASP.NET, Socket.IO), years,
 * salary ranges and pincodes pass.
 */
#ifndef NXT_CONTACT_SCAN_H
#define NXT_CONTACT_SCAN_H

#include <stdbool.h>

struct arena;

/* True where `text` (valid UTF-8) holds contact details; *ret_what says which kind, for people. */
bool contact_scan(const char *text, const char **ret_what);
/*
 * A copy of `text` in which every Aadhaar number (12 digits of any script with a right check digit, spaces,
 * punctuation and what nobody sees between them) keeps only its last four digits. NULL gives NULL.
 */
const char *aadhaar_mask(struct arena *a, const char *text);

#endif
