/* Giving memory back after the start; see footprint.h. */
#include "footprint.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* One mapping of /proc/self/smaps. */
struct mapping {
	uintptr_t from, to;
	bool droppable;		/* of a file and read-only: nothing is lost but the time to map it again */
};

/* "55d0-55d8 r-xp 00000000 fe:00 4711   /usr/lib/…"; the other lines are "Name: value". */
static bool
read_head(const char *line, struct mapping *ret)
{
	struct mapping m = { 0 };
	char rights[5], path[2] = "";

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %1s", &m.from, &m.to, rights, path) < 3)
		return false;
	m.droppable = rights[1] == '-' && path[0] == '/';
	*ret = m;
	return true;
}

/* Relocated tables are read-only by now but no longer the file's: those pages are counted here. */
static bool
holds_own_pages(const char *line)
{
	unsigned long kib;

	return sscanf(line, "Anonymous: %lu kB", &kib) == 1 && kib > 0;
}

static void
drop(const struct mapping *m)
{
	if (m->droppable)
		madvise((void *)m->from, m->to - m->from, MADV_DONTNEED);
}

void
footprint_trim(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	struct mapping m = { 0 };
	char line[512];

	malloc_trim(0);
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (holds_own_pages(line))
			m.droppable = false;
		else if (strncmp(line, "VmFlags:", 8) == 0)	/* the last line of each */
			drop(&m);
		else
			read_head(line, &m);
	}
	fclose(f);
}
