/*
 * What a COL_URL column may hold: where a file lies. Clients follow it or show it as an image, so it
 * is nothing that a browser would run and nothing that leads elsewhere than it looks.
 */
#ifndef NXT_FILE_REFERENCE_H
#define NXT_FILE_REFERENCE_H

#define FILE_REFERENCE_BYTES_MAX 2048

/*
 * An http or https address with a host and without a user's name (RFC 3986), or the key of an object
 * in the store: a relative path of unreserved characters. NULL where it is fit, else what to mend.
 */
const char *file_reference_fault(const char *s);

#endif
