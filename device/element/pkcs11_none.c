/* In place of pkcs11.c where the headers of PKCS#11 were not there at build time. */
#include "device/element/element.h"

status
element_pkcs11_open(const char *rest, const char *folder, struct element **out, struct diag *d)
{
	(void)folder;
	(void)out;
	return diag_set(d, BAD_INPUT, NULL,
		"pkcs11:%.80s: this program was built without PKCS#11 support (libp11-kit-dev, "
		"then "
		"meson setup --reconfigure -Dpkcs11=enabled)",
		rest);
}
