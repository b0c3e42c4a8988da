/* Numbers of invoices and credit notes (M8): consecutive per supplier, series and financial year. */
#ifndef FINANCE_NUMBERS_H
#define FINANCE_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#define NUMBER_TEXT 17		/* 16 characters and the NUL */
#define FINANCIAL_YEAR_TEXT 8	/* "2026-27" and the NUL */

/* What GST rule 46(b) and our column allow: up to 16 of A–Z, 0–9, '/', '-', no zero in front. */
bool number_is_valid(const char *number);
/* The Indian financial year of a moment (µs since 1970): from 1 April, Asia/Kolkata. */
void financial_year(int64_t wall_us, char out[FINANCIAL_YEAR_TEXT]);
/* "NX", "2026-27", 1 → NX/2627/0000001. -1: the series and number do not fit. */
int number_format(const char *series, const char *year, int64_t n, char out[NUMBER_TEXT]);

#endif
