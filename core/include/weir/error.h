/* Status codes and the error record: what went wrong, where, and what would be right. */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#define WEIR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WEIR_API
#define WEIR_PRINTF(text, first)
#endif

/* One table makes the enum, the names and the texts. */
#define WEIR_STATUS_MAP(X)                                                                         \
    X(OK, 0, "success")                                                                            \
    X(EOPTION, -1, "an option or argument is unusable")                                            \
    X(EDATA, -2, "the data is malformed, of the wrong kind or too small")                          \
    X(ENOMEM, -3, "out of memory")                                                                 \
    X(EIO, -4, "a file could not be read or written")                                              \
    X(EDIVERGE, -5, "a computation gave a number that is not finite")                              \
    X(ECANCEL, -6, "cancelled")                                                                    \
    X(EBUG, -7, "a contract of the core or of a plugin was broken")

typedef enum weir_status {
#define WEIR_STATUS_ENUM(name, value, text) WEIR_##name = (value),
    WEIR_STATUS_MAP(WEIR_STATUS_ENUM)
#undef WEIR_STATUS_ENUM
} weir_status;

/* "WEIR_EDATA"; "WEIR_EBUG" for a number that is no status. */
WEIR_API const char *weir_status_name(int status);
/* The text of the table above. */
WEIR_API const char *weir_status_text(int status);

/* The first error of an operation. All zero means none; the caller owns it, usually on the stack.
 */
typedef struct weir_error {
    weir_status status;
    char text[1024];
} weir_error;

/* Records an error unless one is recorded already (the first error wins). A message too long is
 * cut, and bytes in it that are not UTF-8 become '?'. error may be NULL. Returns the status of the
 * error that stands, so that `return weir_error_set(error, WEIR_EDATA, "…");` is the way to fail.
 */
WEIR_API int weir_error_set(weir_error *error, weir_status status, const char *format, ...)
    WEIR_PRINTF(3, 4);
/* Puts context in front of a recorded error's text: "trace.pcap: " + text. Nothing if none is
 * recorded. */
WEIR_API void weir_error_prefix(weir_error *error, const char *format, ...) WEIR_PRINTF(2, 3);
/* Records "out of memory (… bytes for …)" and returns WEIR_ENOMEM. */
WEIR_API int weir_error_memory(weir_error *error, unsigned long long bytes, const char *what);

#endif
