#include "http/date.h"

#include <stdio.h>

#include "base/text.h"

char *
http_date_text(char out[HTTP_DATE_MAX], int64_t time_s)
{
	static const char days[][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct civil c = civil_from_time(time_s);

	snprintf(out, HTTP_DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT",
		days[time_s / 86400 % 7], c.day, months[(c.month - 1) % 12], c.year, c.hour,
		c.minute, c.second);
	return out;
}
