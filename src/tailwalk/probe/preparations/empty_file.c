// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static int file = -1;

static void prepare(const void *parameters)
{
	(void)parameters;
	file = open_work_file();
}

static void ready(struct work *work)
{
	work->fd = file;
}

static void finish(void)
{
	remove_work_file(&file);
}

const struct preparation preparation_empty_file = { .prepare = prepare,
						    .ready = ready,
						    .finish = finish };
