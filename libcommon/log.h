/* JSON lines on standard error, one per event worth a line; secrets never reach them. */
#ifndef NXT_LOG_H
#define NXT_LOG_H

#include <stdbool.h>

enum log_level { LOG_L_DEBUG, LOG_L_INFO, LOG_L_WARN, LOG_L_ERROR };
struct request;

void log_init(const char *service, enum log_level level);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* Text is redacted: values after password=, token=, secret=, authorization and URL user:password@ are masked. */
void log_line(enum log_level level, const struct request *rq, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define log_debug(...) log_line(LOG_L_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_line(LOG_L_INFO, NULL, __VA_ARGS__)
#define log_warn(...) log_line(LOG_L_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_line(LOG_L_ERROR, NULL, __VA_ARGS__)

/* From now on a process that a fault of its own ends (SIGSEGV, SIGABRT, …) says so in a last line. */
void log_crashes(void);

#endif
