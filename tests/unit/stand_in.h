/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What parts of the probe ask for, where a test links them without the rest. */
#ifndef TAILWALK_STAND_IN_H
#define TAILWALK_STAND_IN_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	exit(1);
}

uint64_t page_size(void)
{
	return 4096;
}

#endif
