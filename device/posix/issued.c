#include "device/posix/issued.h"

#include <strings.h>

#include "base/check.h"
#include "pki/chain.h"

static status
find_ours(const struct issued_expected *x, const span *answer, size_t count, struct issued *out,
	struct diag *d)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct certificate_view v;
		status s = certificate_read(answer[i], &v, d);

		if (s != OK) {
			return s;
		}
		if (v.key.kind == KEY_P256 && memcmp(v.key.point, x->point, POINT_P256_LEN) == 0) {
			out->leaf = v;
			found++;
		}
	}
	if (found != 1) {
		return diag_set(d, BAD_INPUT, "RFC 7030 4.2.3",
			"the server's answer holds %zu certificates for our key, not one", found);
	}
	out->chain[0] = out->leaf.der;
	out->count = 1;
	return OK;
}

static bool
is_same_word(span text, const char *word)
{
	return text.len == strlen(word) &&
	       strncasecmp((const char *)text.data, word, text.len) == 0;
}

/* The element's serial stands in commonName, or in serialNumber (IEEE 802.1AR 8.6). */
static bool
names_element(const struct name *subject, const char *serial)
{
	return is_same_word(name_get(subject, OID_COMMON_NAME), serial) ||
	       is_same_word(name_get(subject, OID_SERIAL_NUMBER), serial);
}

static bool
is_issuer(const struct certificate_view *of, span candidate, bool *is_root)
{
	struct certificate_view v;
	struct diag ignored = { 0 };

	if (certificate_read(candidate, &v, &ignored) != OK || !v.is_ca ||
		!name_equal(&v.subject, &of->issuer) ||
		certificate_signed_by(of, &v, &ignored) != OK) {
		return false;
	}
	*is_root = name_equal(&v.subject, &v.issuer);
	return true;
}

/* Upwards from the last of the chain; a root is not sent along (RFC 8446 4.4.2), so not kept. */
static void
append_issuers(const span *pool, size_t count, struct issued *out)
{
	for (bool has_grown = true; has_grown && out->count < CHAIN_LEN_MAX;) {
		struct certificate_view last;

		has_grown = false;
		if (certificate_read(out->chain[out->count - 1], &last, NULL) != OK ||
			name_equal(&last.issuer, &last.subject)) {
			return;
		}
		for (size_t i = 0; !has_grown && i < count; i++) {
			bool is_root;

			if (is_issuer(&last, pool[i], &is_root)) {
				if (is_root) {
					return;
				}
				out->chain[out->count++] = pool[i];
				has_grown = true;
			}
		}
	}
}

/* The anchors to the front; how many. */
static size_t
sort_anchors(const span *all, size_t count, span out[CMS_CERTIFICATES_MAX])
{
	size_t anchors = 0, rest = count;

	for (size_t i = 0; i < count; i++) {
		struct certificate_view v;
		bool is_root = certificate_read(all[i], &v, NULL) == OK &&
			       name_equal(&v.subject, &v.issuer);

		if (is_root) {
			out[anchors++] = all[i];
		} else {
			out[--rest] = all[i];
		}
	}
	return anchors;
}

static status
judge_chain(const struct issued_expected *x, const span *authorities, size_t count,
	const struct issued *i, struct diag *d)
{
	span sorted[CMS_CERTIFICATES_MAX];
	size_t anchors = sort_anchors(authorities, count, sorted);
	struct trust_set *trust = NULL;
	status s;

	if (anchors == 0) {
		anchors = count;
	}
	s = trust_set_new(sorted, anchors, true, &trust, d);
	if (s == OK) {
		s = chain_judge(
			trust, i->chain[0], i->chain + 1, i->count - 1, CHAIN_CLIENT, x->now_s, d);
	}
	trust_set_free(trust);
	return s;
}

status
issued_judge(const struct issued_expected *x, const span *answer, size_t answer_count,
	const span *authorities, size_t authority_count, struct issued *out, struct diag *d)
{
	status s;

	*out = (struct issued){ 0 };
	if (answer_count == 0 || authority_count == 0 || authority_count > CMS_CERTIFICATES_MAX) {
		return diag_set(d, BAD_INPUT, "RFC 7030 4.1.3", "the server gave no certificates");
	}
	s = find_ours(x, answer, answer_count, out, d);
	if (s != OK) {
		return s;
	}
	if (!names_element(&out->leaf.subject, x->serial)) {
		return diag_set(d, BAD_INPUT, "IEEE 802.1AR 8.6",
			"the certificate's subject does not name this element, %s", x->serial);
	}
	if (x->now_s > out->leaf.not_after_s) {
		return diag_set(d, CONFLICT, "RFC 5280 4.1.2.5", "the certificate has expired");
	}
	append_issuers(authorities, authority_count, out);
	return judge_chain(x, authorities, authority_count, out, d);
}
