// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "workload.h"

char *attributed;
static int file;
static char *value;
static uint64_t size;

void set_attribute(void)
{
	sure("setxattr", setxattr(attributed, ATTRIBUTE, value, size, 0));
}

static void prepare(const void *parameters)
{
	size = ((const struct attributed *)parameters)->value;
	value = new_buffer(size);
	attributed = in_work_place("attributed");
	file = (int)sure("open", open(attributed, O_CREAT | O_RDONLY, 0600));
	set_attribute();
}

static void ready(struct work *work)
{
	work->fd = file;
	work->memory = value;
}

static void finish(void)
{
	sure("close", close(file));
	sure("unlink", unlink(attributed));
	free(attributed);
	munmap(value, size);
}

const struct preparation preparation_attributed = { .prepare = prepare,
						    .ready = ready,
						    .finish = finish };
