/* Metrics by index; see metrics.h. The loop's thread alone counts, so plain integers do. */
#include "metrics.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"

enum metric_type { COUNTER, GAUGE, HISTOGRAM };

static const struct {
	enum metric_type type;
	const char *name, *help;
} metrics[METRIC_COUNT] = {
#define X(symbol, type, name, help) { type, name, help },
	METRIC_LIST(X)
#undef X
};
static const char *const type_names[] = { "counter", "gauge", "histogram" };

/* Upper bounds in µs and as Prometheus writes them in seconds. */
static const struct {
	int64_t us;
	const char *le;
} buckets[] = {
	{ 500, "0.0005" }, { 1000, "0.001" }, { 2500, "0.0025" }, { 5000, "0.005" },
	{ 10000, "0.01" }, { 25000, "0.025" }, { 50000, "0.05" }, { 100000, "0.1" },
	{ 250000, "0.25" }, { 500000, "0.5" }, { 1000000, "1" }, { 2500000, "2.5" },
	{ 5000000, "5" }, { 10000000, "10" }, { 30000000, "30" },
};
#define BUCKETS COUNT_OF(buckets)

static int64_t values[METRIC_COUNT];	/* of a histogram: the number of observations */
static struct histogram {
	int64_t counts[BUCKETS];	/* each observation in the lowest bucket that holds it */
	int64_t sum_us;
} histograms[METRIC_COUNT];

void
metric_add(enum metric_id id, int64_t n)
{
	values[id] += n;
}

void
metric_set(enum metric_id id, int64_t v)
{
	values[id] = v;
}

int64_t
metric_get(enum metric_id id)
{
	return values[id];
}

void
metric_observe_us(enum metric_id id, int64_t us)
{
	struct histogram *h = &histograms[id];

	if (us < 0)
		us = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		if (us <= buckets[i].us) {
			h->counts[i]++;
			break;
		}
	h->sum_us += us;
	values[id]++;
}

static void
render_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
render_histogram(struct buf *out, enum metric_id id)
{
	const struct histogram *h = &histograms[id];
	const char *name = metrics[id].name;
	int64_t below = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		below += h->counts[i];
		buf_printf(out, "%s_bucket{le=\"%s\"} %lld\n", name, buckets[i].le, (long long)below);
	}
	buf_printf(out, "%s_bucket{le=\"+Inf\"} %lld\n", name, (long long)values[id]);
	buf_printf(out, "%s_sum %lld.%06lld\n", name, (long long)(h->sum_us / 1000000),
	    (long long)(h->sum_us % 1000000));
	buf_printf(out, "%s_count %lld\n", name, (long long)values[id]);
}

/* ---- what every Prometheus client shows of its process ---- */

static long long
resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char line[128] = "";
	const char *second;
	long long pages;

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	second = strchr(line, ' ');
	pages = second == NULL ? 0 : strtoll(second, NULL, 10);
	return pages * sysconf(_SC_PAGESIZE);
}

static int
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -3;	/* ".", ".." and the listing itself */

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Field 22 of /proc/self/stat, in clock ticks since boot; the name in field 2 may hold spaces. */
static double
start_seconds(void)
{
	char text[1024], *p;
	FILE *f = fopen("/proc/self/stat", "re");
	struct timespec since_boot;
	unsigned long long ticks = 0;
	size_t n;

	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p != NULL && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p != NULL)
		ticks = strtoull(p, NULL, 10);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	return (double)clock_wall_us() / 1e6 - (double)since_boot.tv_sec -
	    (double)since_boot.tv_nsec / 1e9 + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void
render_process(struct buf *out)
{
	render_head(out, "process_resident_memory_bytes", "gauge", "Resident memory.");
	buf_printf(out, "process_resident_memory_bytes %lld\n", resident_bytes());
	render_head(out, "process_open_fds", "gauge", "Open file descriptors.");
	buf_printf(out, "process_open_fds %d\n", open_files());
	render_head(out, "process_cpu_seconds_total", "counter", "Processor time, user and system.");
	buf_printf(out, "process_cpu_seconds_total %.3f\n", cpu_seconds());
	render_head(out, "process_start_time_seconds", "gauge", "Start, in seconds since 1970.");
	buf_printf(out, "process_start_time_seconds %.3f\n", start_seconds());
}

void
metrics_render(struct buf *out)
{
	for (int i = 0; i < METRIC_COUNT; i++) {
		render_head(out, metrics[i].name, type_names[metrics[i].type], metrics[i].help);
		if (metrics[i].type == HISTOGRAM)
			render_histogram(out, (enum metric_id)i);
		else
			buf_printf(out, "%s %lld\n", metrics[i].name, (long long)values[i]);
	}
	render_process(out);
}

void
metrics_print(void)
{
	printf("# name\ttype\thelp\n");
	for (int i = 0; i < METRIC_COUNT; i++)
		printf("%s\t%s\t%s\n", metrics[i].name, type_names[metrics[i].type], metrics[i].help);
}
