#pragma once
/*
 * Where the server is and who we are: flags, then the environment (TENURE_SERVER, TENURE_CA, TENURE_TOKEN_FILE), then the
 * client file: --client, $TENURE_CLIENT, $TENURE_HOME/client.conf, ~/.config/tenure/client.conf, ./home/client.conf.
 */
#include "base/conf.h"
#include "cli/client.h"
#include "cli/command.h"

/* Keys of the client file, for the manual page. */
extern const struct conf_key client_keys[];
extern const size_t client_key_count;

/* BAD_INPUT names what is missing and how to give it. Texts are in the call's arena or the environment. */
MUST_USE status settings_find(struct call *c, struct client_options *out, struct diag *d);
/* Whether any place says where a server is; whether what it says is enough is settings_find's to judge. */
bool settings_has_server(struct call *c);
/* The two together. Free with client_free. */
MUST_USE status call_client(struct call *c, struct client **out, struct diag *d);
