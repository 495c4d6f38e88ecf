/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames to the host on a descriptor of their own. */
#ifndef TAILWALK_OUTPUT_H
#define TAILWALK_OUTPUT_H

#include "framing/frame.h"
#include "qemu_api.h"

/* Begin with a frame that says the plugin is there; false for arguments, or a
 * machine, that it is not for. `newborn` is where an argument of that name goes,
 * or NULL for a plugin that takes none. */
bool output_open(const struct qemu_info *info, int argc, char **argv, uint64_t *newborn);
void output_frame(enum frame type, const struct part *parts, int count);
_Noreturn void output_failed(const char *why);

#endif
