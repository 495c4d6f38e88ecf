/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An io_uring of one entry, by its system calls. */
#ifndef TAILWALK_URING_H
#define TAILWALK_URING_H

#include <linux/io_uring.h>

#include "workload.h"

/* Makes it, and adds the step that submits its entry and waits for the end. */
void open_uring(struct work *work);
/* Checks what the last entry came to, and fills the next, which is to give so
 * much. */
void fill_uring(struct io_uring_sqe entry, long gives);
void close_uring(struct work *work);

#endif
