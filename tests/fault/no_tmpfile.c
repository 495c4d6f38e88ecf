// SPDX-License-Identifier: GPL-2.0-or-later
/* A file system without O_TMPFILE, for the probe that is linked with this. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

int __real_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	int mode;

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	va_start(arguments, flags);
	mode = va_arg(arguments, int);
	va_end(arguments);
	return __real_open(path, flags, mode);
}
