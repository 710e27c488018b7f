#include "round.h"

#include <stdio.h>
#include <stdlib.h>

struct round
round_enrol(struct crowd *c, size_t *next, size_t count, size_t in_flight)
{
	struct wire *wires = calloc(count, sizeof(*wires));
	span *requests = calloc(count, sizeof(*requests));
	struct wire_load load = { .wires = wires,
		.wire_count = count,
		.requests = requests,
		.request_count = count,
		.count = count,
		.in_flight = in_flight };
	struct round m;
	double began;

	if (wires == NULL || requests == NULL) {
		fprintf(stderr, "bench: no memory\n");
		exit(1);
	}
	for (size_t i = 0; i < count; i++) {
		crowd_connect(c, *next + i, &wires[i]);
		requests[i] = c->units[*next + i].enrol;
	}
	*next += count;
	stage_rest(c->stage);
	m.cpu_s = stage_cpu_seconds(c->stage);
	began = bench_seconds();
	wire_drive(&load);
	m.rate = (double)count / (bench_seconds() - began);
	stage_rest(c->stage); /* with what was put off: checkpoints */
	m.cpu_s = (stage_cpu_seconds(c->stage) - m.cpu_s) / (double)count;
	for (size_t i = 0; i < count; i++) {
		wire_close(&wires[i]);
	}
	free(wires);
	free(requests);
	return m;
}
