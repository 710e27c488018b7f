#include "lifecycle/authorities.h"

#define PAGE 64
#define PAGE_ARENA_MAX (4 << 20) /* their certificates: CERTIFICATE_SIZE_MAX each */
#define STEP_ARENA_MAX (64 << 20)
_Static_assert(PAGE *(CERTIFICATE_SIZE_MAX + 1024) < PAGE_ARENA_MAX, "a page fits");

struct walk {
	struct session *asked; /* the caller's */
	struct arena *page, *step;
	struct authority *list; /* in the page's arena */
	size_t count;
	int64_t after;
};

static void
walk_wipe(struct walk *w)
{
	arena_free(w->page);
	arena_free(w->step);
}

static status
walk_init(struct walk *w, struct session *s, struct diag *d)
{
	*w = (struct walk){ .asked = s,
		.page = arena_new(PAGE_ARENA_MAX),
		.step = arena_new(STEP_ARENA_MAX),
		.count = PAGE };
	return w->page != NULL && w->step != NULL
		       ? OK
		       : diag_set(d, NO_MEMORY, NULL, "no memory for the authorities");
}

static bool
walk_goes_on(const struct walk *w)
{
	return w->count == PAGE;
}

/* The next page, in the snapshot that is there. */
static status
read_page(struct walk *w, struct diag *d)
{
	status st;

	arena_reset(w->page);
	st = list_authorities(w->asked->reader, w->page, w->after, PAGE, &w->list, &w->count);
	if (st != OK) {
		w->count = 0;
		return diag_set(d, st, NULL, "the authorities cannot be listed");
	}
	if (w->count > 0) {
		w->after = w->list[w->count - 1].row;
	}
	return OK;
}

static struct session
session_of_step(const struct walk *w)
{
	struct session s = *w->asked;

	arena_reset(w->step);
	s.arena = w->step;
	return s;
}

status
authorities_each(struct session *s, authority_step *step, void *context, struct diag *d)
{
	struct walk w;
	status st = walk_init(&w, s, d);

	while (st == OK && walk_goes_on(&w)) {
		st = read_page(&w, d);
		for (size_t k = 0; st == OK && k < w.count; k++) {
			struct session one = session_of_step(&w);

			st = step(&one, &w.list[k], context, d);
		}
	}
	walk_wipe(&w);
	return st;
}

static status
read_page_alone(struct walk *w, struct diag *d)
{
	status st = reader_begin(w->asked->reader, d);

	if (st == OK) {
		st = read_page(w, d);
		reader_end(w->asked->reader);
	}
	return st;
}

status
authorities_do(struct session *s, authority_step *step, void *context, struct diag *d)
{
	struct walk w;
	status first = walk_init(&w, s, d), st = first;

	while (st == OK && walk_goes_on(&w)) {
		st = read_page_alone(&w, first == OK ? d : NULL);
		first = first == OK ? st : first;
		for (size_t k = 0; st == OK && k < w.count; k++) {
			struct session one = session_of_step(&w);
			status done = step(&one, &w.list[k], context, first == OK ? d : NULL);

			first = first == OK ? done : first;
		}
	}
	walk_wipe(&w);
	return first;
}
