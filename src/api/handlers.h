#pragma once
/* The handlers of the API, by noun; routes.c says which path each serves. */
#include "http/router.h"

http_handler owners_list, owners_add, owners_show;
http_handler fleets_list, fleets_create, fleets_show, fleets_set;
http_handler authorities_list, authorities_add, authorities_show, authorities_publish,
	authorities_crl;
http_handler manifest_signers_list, manifest_signers_add;
http_handler fleet_manifest, fleet_factory;
http_handler devices_list, devices_show, devices_timeline, devices_certificates, devices_challenge;
http_handler device_claim, device_code, device_offer, device_release, device_hold, device_resume,
	device_rotate, device_retire, device_refurbish, device_suspend, device_revoke, device_mark,
	device_unmark, device_return, device_replace, device_element, device_element_check;
http_handler transfers_list, transfers_show, transfers_accept, transfers_decline, transfers_cancel;
http_handler certificates_show, certificates_evidence, certificates_revoke;
http_handler operators_list, operators_add, operators_token, operators_remove;
http_handler ledger_list, ledger_proof;
http_handler status_show, openapi_show;
http_handler health_alive, health_ready, health_metrics;
