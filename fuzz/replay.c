/* Runs a target over files and folders of files, in place of libFuzzer: replay_NAME PATH ... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "fuzz.h"

#define INPUT_MAX (16 << 20)

static unsigned replayed;

/* From memory that ends where the input ends, so that a byte too far is seen. */
static void
replay_file(const char *path)
{
	struct diag d = { 0 };
	struct buffer b;
	uint8_t *exact;

	buffer_init(&b, INPUT_MAX);
	if (file_read(path, INPUT_MAX, &b, &d) != OK) {
		fprintf(stderr, "%s: %s\n", path, d.text);
		exit(2);
	}
	exact = malloc(b.len > 0 ? b.len : 1);
	if (exact == NULL) {
		abort();
	}
	if (b.len > 0) {
		memcpy(exact, b.data, b.len);
	}
	printf("%s\n", path);
	fflush(stdout); /* it is the last line where the target aborts */
	LLVMFuzzerTestOneInput(exact, b.len);
	replayed++;
	free(exact);
	buffer_wipe(&b);
}

static int
is_plain_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void
replay(const char *path)
{
	struct dirent **entries;
	char below[4096];
	int count = scandir(path, &entries, is_plain_name, alphasort);

	if (count < 0) {
		replay_file(path);
		return;
	}
	for (int i = 0; i < count; i++) {
		snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
		replay_file(below);
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		replay(argv[i]);
	}
	if (replayed == 0) {
		fprintf(stderr, "usage: %s FILE|FOLDER ...   (there was nothing to replay)\n",
			argv[0]);
		return 2;
	}
	return 0;
}
