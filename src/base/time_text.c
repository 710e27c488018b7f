#include <stdio.h>

#include "base/text.h"

/*
 * Days and dates by the 400-year cycle of the Gregorian calendar, counted
 * from 1 March of year 0, so that the leap day is the last day of its year.
 */
#define DAYS_OF_CYCLE 146097
#define DAYS_TO_1970 719468

static int64_t
floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct civil
civil_from_time(int64_t time_s)
{
	int64_t days = floor_divide(time_s, 86400), second = (time_s % 86400 + 86400) % 86400;
	int64_t cycle = floor_divide(days + DAYS_TO_1970, DAYS_OF_CYCLE);
	int64_t day = days + DAYS_TO_1970 - cycle * DAYS_OF_CYCLE;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t day_of_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	struct civil c = {
		.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.hour = (int)(second / 3600),
		.minute = (int)(second / 60 % 60),
		.second = (int)(second % 60),
	};

	year += cycle * 400 + (c.month <= 2);
	c.year = year > INT32_MAX ? INT32_MAX : year < INT32_MIN ? INT32_MIN : (int)year;
	return c;
}

int64_t
civil_to_time(struct civil c)
{
	int64_t year = c.year - (c.month <= 2), cycle = floor_divide(year, 400);
	int64_t year_of_cycle = year - cycle * 400;
	int64_t day_of_year = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
	int64_t day = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;

	return (cycle * DAYS_OF_CYCLE + day - DAYS_TO_1970) * 86400 + c.hour * 3600 +
	       c.minute * 60 + c.second;
}

char *
time_text(char *out, int64_t time_s)
{
	struct civil c = civil_from_time(time_s);

	if (c.year < 0 || c.year > 9999) {
		snprintf(out, TIME_TEXT_MAX, "out of range");
		return out;
	}
	snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day,
		c.hour, c.minute, c.second);
	return out;
}

static bool
digits(span text, size_t at, size_t count, int *out)
{
	int64_t n;

	if (number_parse(span_slice(text, at, count), &n) != OK) {
		return false;
	}
	*out = (int)n;
	return true;
}

static bool
fraction_is_valid(span text)
{
	if (text.len == 0) {
		return true;
	}
	if (text.data[0] != '.' || text.len < 2) {
		return false;
	}
	for (size_t i = 1; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9') {
			return false;
		}
	}
	return true;
}

status
time_parse(span text, int64_t *time_s)
{
	struct civil c, back;

	if (text.len < 20 || text.len > 40 || text.data[text.len - 1] != 'Z' ||
		text.data[4] != '-' || text.data[7] != '-' || text.data[10] != 'T' ||
		text.data[13] != ':' || text.data[16] != ':' ||
		!fraction_is_valid(span_slice(text, 19, text.len - 20)) ||
		!digits(text, 0, 4, &c.year) || !digits(text, 5, 2, &c.month) ||
		!digits(text, 8, 2, &c.day) || !digits(text, 11, 2, &c.hour) ||
		!digits(text, 14, 2, &c.minute) || !digits(text, 17, 2, &c.second)) {
		return BAD_INPUT;
	}
	if (c.month < 1 || c.month > 12 || c.day < 1 || c.hour > 23 || c.minute > 59 ||
		c.second > 59) {
		return BAD_INPUT;
	}
	/* 30 February and its like do not survive the way there and back. */
	back = civil_from_time(civil_to_time(c));
	if (back.month != c.month || back.day != c.day) {
		return BAD_INPUT;
	}
	*time_s = civil_to_time(c);
	return OK;
}
