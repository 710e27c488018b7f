#include "pki/profile.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/conf.h"
#include "pki/certificate.h"

#define DAY INT64_C(86400)
#define YEAR (365 * DAY + DAY / 4)
#define CA_USAGE (KEY_USAGE_KEY_CERT_SIGN | KEY_USAGE_CRL_SIGN)

static const struct profile profiles[] = {
	{ .name = "root",
		.key_usage = CA_USAGE,
		.is_ca = true,
		.path_len = -1,
		.lifetime_max_s = 40 * YEAR,
		.allows_p384 = true,
		.is_self_signed = true },
	{ .name = "issuing-ca",
		.key_usage = CA_USAGE | KEY_USAGE_DIGITAL_SIGNATURE,
		.is_ca = true,
		.path_len = 0,
		.lifetime_max_s = 35 * YEAR,
		.has_status = true },
	/* Lives as long as the birth certificates that it signs (28 years) and the shelf before. */
	{ .name = "factory-signer",
		.key_usage = CA_USAGE,
		.is_ca = true,
		.path_len = 0,
		.lifetime_max_s = 35 * YEAR,
		.has_status = true },
	{ .name = "operational",
		.key_usage = KEY_USAGE_DIGITAL_SIGNATURE,
		.ext_key_usage = EKU_CLIENT,
		.path_len = -1,
		.lifetime_max_s = 2 * YEAR,
		.has_status = true,
		.allows_uri = true },
	/* IEEE 802.1AR 8: no extended usage; the shape that an element's template can carry. */
	{ .name = "birth",
		.key_usage = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_AGREEMENT,
		.path_len = -1,
		.lifetime_max_s = 29 * YEAR },
	{ .name = "server",
		.key_usage = KEY_USAGE_DIGITAL_SIGNATURE,
		.ext_key_usage = EKU_SERVER,
		.path_len = -1,
		.lifetime_max_s = 398 * DAY,
		.allows_dns = true,
		.allows_ip = true },
	{ .name = "operator",
		.key_usage = KEY_USAGE_DIGITAL_SIGNATURE,
		.ext_key_usage = EKU_CLIENT,
		.path_len = -1,
		.lifetime_max_s = 398 * DAY,
		.has_status = true },
	{ .name = "ocsp",
		.key_usage = KEY_USAGE_DIGITAL_SIGNATURE,
		.ext_key_usage = EKU_OCSP,
		.path_len = -1,
		.lifetime_max_s = 2 * YEAR,
		.has_ocsp_no_check = true },
	/* As the chip maker's own: self-signed, no CA, no keyUsage. */
	{ .name = "manifest-signer",
		.path_len = -1,
		.lifetime_max_s = 40 * YEAR,
		.is_self_signed = true },
};

size_t
profile_builtin_count(void)
{
	return COUNT_OF(profiles);
}

const struct profile *
profile_builtin_at(size_t i)
{
	return i < COUNT_OF(profiles) ? &profiles[i] : NULL;
}

const struct profile *
profile_builtin(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(profiles); i++) {
		if (strcmp(profiles[i].name, name) == 0) {
			return &profiles[i];
		}
	}
	return NULL;
}

static const struct conf_key keys[] = {
	{ "", "base", CONF_TEXT, NULL, 0, 0, "the built-in profile that this one narrows" },
	{ "", "lifetime", CONF_DURATION, "0", 0, 40 * YEAR, "longest life; 0: the base's" },
	{ "", "dns", CONF_BOOL, "yes", 0, 0, "DNS names, where the base allows them" },
	{ "", "ip", CONF_BOOL, "yes", 0, 0, "addresses, where the base allows them" },
	{ "", "uri", CONF_BOOL, "yes", 0, 0, "URIs, where the base allows them" },
};

static status
narrow(const struct conf *c, const char *name, struct profile *out, struct diag *d)
{
	const struct profile *base = profile_builtin(conf_text(c, "", "base"));
	int64_t lifetime = conf_number(c, "", "lifetime");

	if (base == NULL || base->is_ca) {
		return diag_set(d, BAD_INPUT, NULL, "profile %s: base \"%.40s\" is no end entity's",
			name, conf_text(c, "", "base"));
	}
	*out = *base;
	snprintf(out->name, sizeof(out->name), "%s", name);
	if (lifetime > base->lifetime_max_s) {
		return diag_set(d, BAD_INPUT, NULL, "profile %s: lives longer than its base %s",
			name, base->name);
	}
	out->lifetime_max_s = lifetime > 0 ? lifetime : base->lifetime_max_s;
	out->allows_dns = base->allows_dns && conf_bool(c, "", "dns");
	out->allows_ip = base->allows_ip && conf_bool(c, "", "ip");
	out->allows_uri = base->allows_uri && conf_bool(c, "", "uri");
	return OK;
}

bool
profile_path(const char *folder, const char *name, char out[PROFILE_PATH_ROOM])
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_LEN && strchr(name, '/') == NULL && name[0] != '.' &&
	       (size_t)snprintf(out, PROFILE_PATH_ROOM, "%s/%s.conf", folder, name) <
		       PROFILE_PATH_ROOM;
}

status
profile_load(const char *folder, const char *name, struct profile *out, struct diag *d)
{
	char path[PROFILE_PATH_ROOM];
	struct stat found;
	struct arena *a;
	struct conf *c;
	status s;

	if (!profile_path(folder, name, path) || stat(path, &found) != 0) {
		return diag_set(d, NOT_FOUND, NULL, "no profile \"%.60s\"", name);
	}
	a = arena_new(1 << 20);
	if (a == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	s = conf_load(a, path, NULL, keys, COUNT_OF(keys), &c, d);
	if (s == OK) {
		s = narrow(c, name, out, d);
	}
	arena_free(a);
	return s;
}
