#pragma once
/* Inside element/: the files of data/elements, as they were built in. */
#include "base/span.h"

span part_profile_text_trustflex_tls(void);
span part_profile_text_trustflex_tls_locked(void);
span part_profile_text_trustngo_tls(void);
span part_profile_text_blank(void);
