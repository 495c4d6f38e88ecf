/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames to the host on a descriptor of their own. */
#ifndef TAILWALK_OUTPUT_H
#define TAILWALK_OUTPUT_H

#include "framing/frame.h"
#include "qemu_api.h"

/* Begin with a frame that says the plugin is there; -1 for another machine
 * than it is for. */
int output_open(int descriptor, const struct qemu_info *info);
void output_frame(enum frame type, const struct part *parts, int count);
_Noreturn void output_failed(const char *why);

#endif
