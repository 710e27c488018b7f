#include <string.h>

#include "base/text.h"
#include "home/configuration.h"

#define LINE_WIDTH 90

/* What would be read back otherwise than it was meant: a comment, a second line, a cut end. */
static bool
can_stand(const char *value)
{
	size_t len = strlen(value);

	return utf8_is_printable(span_text(value)) && strstr(value, " ;") == NULL &&
	       value[0] != ';' && value[0] != '#' &&
	       (len == 0 || (value[0] != ' ' && value[len - 1] != ' '));
}

static const char *
value_of(const struct configuration_value *values, size_t count, const struct conf_key *k)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(values[i].section, k->section) == 0 &&
			strcmp(values[i].name, k->name) == 0) {
			return values[i].value;
		}
	}
	return NULL;
}

/* The help as comment lines. */
static void
put_help(struct buffer *out, const char *text)
{
	size_t at = 0;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (at > 0 && at + 1 + word > LINE_WIDTH) {
			buffer_put_byte(out, '\n');
			at = 0;
		}
		buffer_put_text(out, at == 0 ? "# " : " ");
		buffer_put(out, span_of(text, word));
		at += word + (at == 0 ? 2 : 1);
		text += word + strspn(text + word, " ");
	}
	buffer_put_byte(out, '\n');
}

status
configuration_text(
	const struct configuration_value *values, size_t count, struct buffer *out, struct diag *d)
{
	const char *section = "";

	buffer_put_text(out,
		"# The configuration of this home; see tenure.conf(5). Unknown keys are errors.\n");
	for (size_t i = 0; i < configuration_key_count; i++) {
		const struct conf_key *k = &configuration_keys[i];
		const char *value = value_of(values, count, k);

		if (value != NULL && !can_stand(value)) {
			return diag_set(d, BAD_INPUT, NULL,
				"%s: \"%.80s\" cannot stand in tenure.conf (a comment sign, a "
				"control "
				"character, or a space at an end)",
				k->name, value);
		}
		if (value == NULL && k->fallback == NULL) {
			return diag_set(d, BAD_INPUT, NULL, "%s must be given", k->name);
		}
		if (strcmp(section, k->section) != 0) {
			section = k->section;
			buffer_printf(out, "\n[%s]\n", section);
		}
		buffer_put_byte(out, '\n');
		put_help(out, k->help);
		if (value != NULL) {
			buffer_printf(out, "%s = %s\n", k->name, value);
		} else {
			buffer_printf(out, "# %s = %s\n", k->name, k->fallback);
		}
	}
	return buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory for tenure.conf") : OK;
}
