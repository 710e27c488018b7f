#pragma once
/* The commands of `tenure manifest` that have files of their own. */
#include "cli/command.h"
#include "cli/view.h"

command_run manifest_verify;
command_run manifest_bring; /* import */
