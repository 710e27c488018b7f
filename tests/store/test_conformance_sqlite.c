#include <stdio.h>
#include "conformance.h"
#include "folder.h"

static struct store *
open_again(void)
{
	struct store_options o = { .location = folder_file("tenure.db") };
	struct store *s = NULL;
	struct diag d = { 0 };
	if (store_open(&o, &s, &d) != OK) {
		fprintf(stderr, "%s\n", d.text);
	}
	return s;
}

static struct store *
open_empty(void)
{
	folder_remove();
	struct store_options o = { .location = folder_file("tenure.db"), .create = true };
	struct store *s = NULL;
	struct diag d = { 0 };
	if (store_open(&o, &s, &d) != OK) {
		fprintf(stderr, "%s\n", d.text);
	}
	return s;
}

int
main(void)
{
	struct conformance sqlite = { .open_empty = open_empty, .open_again = open_again };
	int failed = conformance_run("store on SQLite", &sqlite);
	folder_remove();
	return failed;
}
