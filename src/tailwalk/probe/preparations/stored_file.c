// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static int file = -1;

static void prepare(const void *parameters)
{
	const struct stored_file *of = parameters;
	const struct cached_file filled = { .fill = 1 << 20, .file_size = of->file_size };

	file = open_work_file();
	fill_file(file, &filled, 0);
	settle_caches(file);
}

static void ready(struct work *work)
{
	work->fd = file;
}

static void finish(void)
{
	remove_work_file(&file);
}

const struct preparation preparation_stored_file = { .prepare = prepare,
						     .ready = ready,
						     .finish = finish };
