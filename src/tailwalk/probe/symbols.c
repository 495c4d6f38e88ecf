// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own table of functions, modules included, for a profile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

/* Gather the lines of /proc/kallsyms that are text (proc(5): t and T, w and W
 * for weak symbols), without the padding before functions, in which nothing is
 * executed; then say where in memory they are and pause, for the host to take
 * them from there: byte by byte through a port the 4 MB of a Debian kernel
 * take five seconds. */
void job_symbols(void)
{
	FILE *table = fopen("/proc/kallsyms", "re");
	char *line = NULL, *text = NULL;
	size_t room = 0, length = 0;
	uint64_t where[3] = { 0 };
	ssize_t got;
	FILE *out = open_memstream(&text, &length);

	job_read((struct key[]){ END });
	if (!out)
		fail("no memory for the kernel's symbols");
	while (table && (got = getline(&line, &room, table)) > 0) {
		const char *kind = strchr(line, ' ');

		if (kind && strchr("tTwW", kind[1]) && strncmp(kind + 3, "__pfx_", 6) != 0)
			fwrite(line, 1, (size_t)got, out);
	}
	if (fclose(out) || (table && ferror(table)))
		fail("cannot read /proc/kallsyms: %s", strerror(errno));
	where[0] = (uintptr_t)text;
	where[1] = length;
	where[2] = crc32(0, text, length);
	send_frame(FRAME_SYMBOLS, where, sizeof(where));
	guest_pause();
	free(text);
	free(line);
	if (table)
		fclose(table);
}
