/* Giving memory back after the start; see footprint.h. */
#include "footprint.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define KEPT_BYTES (8 * 1024 * 1024)	/* free at the heap's end, while it is busy */
#define WORTH_BYTES (1024 * 1024)	/* giving back */

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
	char *at, *rights;

	m.from = strtoull(line, &at, 16);
	if (at == line || *at != '-')
		return false;
	m.to = strtoull(at + 1, &rights, 16);
	if (rights == at + 1 || rights[0] != ' ' || strlen(rights) < 5)
		return false;
	m.droppable = rights[2] == '-' && strchr(rights, '/') != NULL;
	*ret = m;
	return true;
}

/* Relocated tables are read-only by now but no longer the file's: those pages are counted here. */
static bool
holds_own_pages(const char *line)
{
	static const char name[] = "Anonymous:";

	return strncmp(line, name, sizeof(name) - 1) == 0 && strtoul(line + sizeof(name) - 1, NULL, 10) > 0;
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

void
footprint_init(void)
{
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

void
footprint_relax(void)
{
	if (mallinfo2().keepcost > WORTH_BYTES)
		malloc_trim(0);
}
