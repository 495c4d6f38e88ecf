// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE // getdents64
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

#define BUFFER 32768 /* as the C library's readdir(3) takes */

static char *path;
static int fd;

static void name_entry(char name[16], uint64_t number)
{
	snprintf(name, 16, "entry%llu", (unsigned long long)number);
}

static void restore(struct work *work)
{
	(void)work;
	sure("lseek", lseek(fd, 0, SEEK_SET));
}

static void prepare(struct work *work)
{
	char name[16];
	long given;

	path = in_work_place("directory");
	sure("mkdir", mkdir(path, 0700));
	fd = (int)sure("open", open(path, O_RDONLY | O_DIRECTORY));
	for (uint64_t i = 0; i < PARAMETERS(readdir, work)->entries; i++) {
		name_entry(name, i);
		sure("close",
		     close((int)sure("openat", openat(fd, name, O_CREAT | O_WRONLY, 0600))));
	}
	lay_out(work, 1, BUFFER, 0);
	restore(work);
	do {
		given = sure("getdents64", getdents64(fd, work->memory, BUFFER));
		add_step(work, (struct step){ CALL(getdents64, fd, (long)work->memory, BUFFER),
					      .gives = given });
	} while (given);
}

static void finish(struct work *work)
{
	char name[16];

	for (uint64_t i = 0; i < PARAMETERS(readdir, work)->entries; i++) {
		name_entry(name, i);
		sure("unlinkat", unlinkat(fd, name, 0));
	}
	sure("close", close(fd));
	sure("rmdir", rmdir(path));
}

const struct workload workload_readdir = { .prepare = prepare,
					   .restore = restore,
					   .finish = finish };
