/* tenure-manual PAGE ...: brings the pages' parts that stand in tables up to date. Of the build, not installed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "cli/manual.h"

#define PAGE_MAX (4 << 20)

static status
bring_up(const char *path, struct diag *d)
{
	struct buffer page;
	char *made;
	status s;

	buffer_init(&page, PAGE_MAX);
	s = file_read(path, PAGE_MAX - 1, &page, d);
	buffer_put_byte(&page, 0);
	if (s == OK) {
		made = manual_page((const char *)page.data);
		s = made != NULL ? file_replace(path, span_text(made), 0644, d)
				 : diag_set(d, NO_MEMORY, NULL, "no memory for %s", path);
		free(made);
	}
	buffer_wipe(&page);
	return s;
}

int
main(int argc, char **argv)
{
	struct diag d = { 0 };

	for (int i = 1; i < argc; i++) {
		if (bring_up(argv[i], &d) != OK) {
			fprintf(stderr, "tenure-manual: %s\n", d.text);
			return 1;
		}
	}
	return 0;
}
