/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reader of frames that stops the fuzzer at one that is not whole. */
#ifndef TAILWALK_FUZZ_FRAMES_H
#define TAILWALK_FUZZ_FRAMES_H

#include <stddef.h>

void frames_take(const void *data, size_t length);
void frames_end(void); /* nothing is left of an unfinished one */

#endif
