/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the disk under test is asked for. */
#ifndef TAILWALK_CALLS_DISK_H
#define TAILWALK_CALLS_DISK_H

#include "calls/rows.h"

/* Add the request whose bio is at this address, as the callback of an access to it
 * sees it, to what `sum` returns, where it is to the disk of this name. False where
 * it cannot be read. */
bool add_request(uint32_t info, uint64_t bio, const char *disk, struct requests *(*sum)(void));

#endif
