// SPDX-License-Identifier: GPL-2.0-or-later
/* Deep directories. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

/* A directory in the case's place: its path. That everybody may search it, as is
 * usual, is a shorter way for the kernel (acl_permission_check, v6.18). */
char *make_deep(const char *parts)
{
	char *path = in_work_place(parts), *part = path + strlen(path) - strlen(parts);

	while ((part = strchr(part, '/'))) {
		*part = 0;
		sure("mkdir", mkdir(path, 0755));
		*part++ = '/';
	}
	sure("mkdir", mkdir(path, 0755));
	return path;
}

void remove_deep(const char *parts)
{
	char *path = in_work_place(parts);

	for (size_t base = strlen(path) - strlen(parts); strlen(path) > base;) {
		sure("rmdir", rmdir(path));
		*strrchr(path, '/') = 0;
	}
	free(path);
}
