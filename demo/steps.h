#pragma once
/* The steps, in the order of a life. Each fills its part of the report. */
#include "demo/probe.h"
#include "demo/world.h"

/* Who is who among the devices, by number: the others live on undisturbed. */
#define SOLD(w) ((w)->count - 10) /* the last ten stay on the shelf */
#define TRANSFERRED 20		  /* 0 .. 19: from alice to bob */
#define REVOKED_FROM 20		  /* 20 .. 39 */
#define REVOKED_TO 40
#define RETURNED_FROM 40
#define RETURNED_TO 45
#define RETIRED_FROM 45
#define RETIRED_TO 50
#define DEVICES_MIN 60

void step_factory(struct world *w);
void step_onboard(struct world *w, const char *real_data);
void step_claim(struct world *w);
void step_use(struct world *w);
void step_rotate(struct world *w);
void step_transfer(struct world *w);
void step_revoke(struct world *w);
void step_return(struct world *w);
void step_retire(struct world *w);
void step_audit(struct world *w);
/* Of the step `use`: before any device has enrolled. */
void try_forgeries(struct world *w);

/* Clients of the people in the demo. */
const char *client_of(struct world *w, const char *operator_name);
/* A device's present operational identity as it is now, for the probes; its key stays in the element. */
struct probe_identity keep_identity(struct world *w, size_t at, const char *name);
