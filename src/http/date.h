#pragma once
/* Times in headers: IMF-fixdate (RFC 9110 5.6.7). */
#include <stdint.h>

#define HTTP_DATE_MAX 64

/* "Tue, 24 Nov 2026 12:00:00 GMT". time_s not negative. Returns out. */
char *http_date_text(char out[HTTP_DATE_MAX], int64_t time_s);
