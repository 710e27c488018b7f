#include "cli/settings.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/conf.h"

const struct conf_key client_keys[] = {
	{ "", "server", CONF_TEXT, "", 0, 0, "the server's address, https://host:port" },
	{ "", "ca", CONF_PATH, "", 0, 0, "PEM of the root that its certificate must lead to" },
	{ "", "token_file", CONF_PATH, "", 0, 0,
		"operator's token, in a file that only you can read" },
	{ "", "certificate", CONF_PATH, "", 0, 0, "operator's certificate, instead of a token" },
	{ "", "key", CONF_PATH, "", 0, 0, "its private key" },
};
const size_t client_key_count = COUNT_OF(client_keys);

static const char *
environment(const char *name)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The first client file that is there, or NULL. One that was asked for by name must be; who says which home he means
 * is never taken to another server. */
static const char *
client_file(struct call *c)
{
	const char *asked = call_text(c, "client"), *home = environment("HOME");
	const char *xdg = environment("XDG_CONFIG_HOME"), *tenure_home = environment("TENURE_HOME");
	const char *places[2] = { NULL, "home/client.conf" };

	if (asked != NULL || (asked = environment("TENURE_CLIENT")) != NULL) {
		return asked;
	}
	if (tenure_home != NULL) {
		asked = arena_printf(c->arena, "%s/client.conf", tenure_home);
		return asked != NULL && access(asked, F_OK) == 0 ? asked : NULL;
	}
	if (xdg != NULL) {
		places[0] = arena_printf(c->arena, "%s/tenure/client.conf", xdg);
	} else if (home != NULL) {
		places[0] = arena_printf(c->arena, "%s/.config/tenure/client.conf", home);
	}
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		if (places[i] != NULL && access(places[i], F_OK) == 0) {
			return places[i];
		}
	}
	return NULL;
}

bool
settings_has_server(struct call *c)
{
	return call_text(c, "server") != NULL || environment("TENURE_SERVER") != NULL ||
	       client_file(c) != NULL;
}

static const char *
filled(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static status
take_file(struct call *c, struct client_options *out, struct diag *d)
{
	const char *path = client_file(c);
	char *copy;
	struct conf *conf = NULL;
	status s;

	if (path == NULL) {
		return OK;
	}
	copy = arena_string(c->arena, span_text(path));
	if (copy == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the client file");
	}
	s = conf_load(c->arena, path, dirname(copy), client_keys, client_key_count, &conf, d);
	if (s != OK) {
		return s;
	}
	out->server = filled(conf_text(conf, "", "server"));
	out->ca = filled(conf_text(conf, "", "ca"));
	out->token_file = filled(conf_text(conf, "", "token_file"));
	out->certificate = filled(conf_text(conf, "", "certificate"));
	out->key = filled(conf_text(conf, "", "key"));
	return OK;
}

static void
override(const char **value, const char *from_environment, const char *from_flag)
{
	if (from_flag != NULL) {
		*value = from_flag;
	} else if (from_environment != NULL) {
		*value = from_environment;
	}
}

status
settings_find(struct call *c, struct client_options *out, struct diag *d)
{
	const char *token = environment("TENURE_TOKEN_FILE"),
		   *certificate = call_text(c, "client-certificate"),
		   *home = environment("TENURE_HOME");
	status s;

	*out = (struct client_options){ .timeout_s = (long)call_number(c, "timeout", 60) };
	s = take_file(c, out, d);
	if (s != OK) {
		return s;
	}
	override(&out->server, environment("TENURE_SERVER"), call_text(c, "server"));
	override(&out->ca, environment("TENURE_CA"), call_text(c, "ca"));
	override(&out->token_file, token, call_text(c, "token-file"));
	override(&out->certificate, NULL, certificate);
	override(&out->key, NULL, call_text(c, "client-key"));
	if (certificate != NULL && call_text(c, "token-file") == NULL) {
		out->token_file =
			NULL; /* who says by which certificate he asks does not mean the token */
	}
	if (out->server == NULL) {
		return call_usage(c, d,
			"which server? Give --server URL or TENURE_SERVER, or a client file "
			"(tenure init writes home/client.conf; TENURE_HOME%s%s)",
			home != NULL ? " has none: " : " or --client says where",
			home != NULL ? home : "");
	}
	if (out->ca == NULL) {
		return call_usage(c, d,
			"whom to trust? Give --ca FILE or TENURE_CA: the root's certificate of %s",
			out->server);
	}
	if ((out->certificate != NULL) != (out->key != NULL)) {
		return call_usage(c, d,
			"a client certificate and its key come together: --client-certificate, "
			"--client-key");
	}
	return OK;
}

status
call_client(struct call *c, struct client **out, struct diag *d)
{
	struct client_options o;
	status s = settings_find(c, &o, d);

	return s == OK ? client_new(&o, out, d) : s;
}
