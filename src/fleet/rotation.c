#include "fleet/rotation.h"

/* A deterministic spread: FNV-1a over the device's name and key generation. Not a secret. */
static uint64_t
spread(const struct device *d)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < sizeof(d->id.bytes); i++) {
		h = (h ^ d->id.bytes[i]) * UINT64_C(1099511628211);
	}
	h = (h ^ (uint64_t)d->key_generation) * UINT64_C(1099511628211);
	return h ^ h >> 32;
}

int64_t
rotation_renew_after(
	const struct fleet *f, const struct device *d, int64_t not_before_s, int64_t not_after_s)
{
	int64_t life = not_after_s - not_before_s;
	int64_t percent = f->renew_after_percent > 0 && f->renew_after_percent < 90
				  ? f->renew_after_percent
				  : 66;
	int64_t width = life / 10 > 0 ? life / 10 : 1;

	return not_before_s + life / 100 * percent + (int64_t)(spread(d) % (uint64_t)width);
}
