// SPDX-License-Identifier: GPL-2.0-or-later
/* Users and groups of a root, by passwd(5) and group(5). The C library's own way
 * would load modules of the root, which a static program cannot. */
#define _DEFAULT_SOURCE // strsep
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

#define MOST_FIELDS 8

/* The next line's fields, so many at the most; 0 at the end. */
static int next(FILE *file, char **fields)
{
	static char line[1 << 16];
	char *rest = line;

	if (!file || !fgets(line, sizeof(line), file))
		return 0;
	line[strcspn(line, "\n")] = 0;
	for (int i = 0; i < MOST_FIELDS; i++)
		fields[i] = rest ? strsep(&rest, ":") : "";
	return 1;
}

static int is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
}

static unsigned int number_of(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 10);
}

static int lists(char *members, const char *name)
{
	for (char *member; (member = strsep(&members, ","));)
		if (strcmp(member, name) == 0)
			return 1;
	return 0;
}

/* The groups that have the name among their members. */
static void find_groups(const char *name, struct user *found)
{
	const size_t room = sizeof(found->groups) / sizeof(found->groups[0]);
	char *fields[MOST_FIELDS];
	FILE *file = fopen("/etc/group", "re");

	while (found->group_count < room && next(file, fields))
		if (is_number(fields[2]) && lists(fields[3], name))
			found->groups[found->group_count++] = number_of(fields[2]);
	if (file)
		fclose(file);
}

/* NAME, UID or UID:GID. A UID that /etc/passwd does not have is in group 0. */
void find_user(const char *name, struct user *found)
{
	size_t length = strcspn(name, ":");
	char *fields[MOST_FIELDS], own[256] = "";
	FILE *file = fopen("/etc/passwd", "re");
	int known = 0;

	memset(found, 0, sizeof(*found));
	while (!known && next(file, fields)) {
		known = (strlen(fields[0]) == length && strncmp(fields[0], name, length) == 0) ||
			(strlen(fields[2]) == length && strncmp(fields[2], name, length) == 0);
		if (known) {
			found->uid = number_of(fields[2]);
			found->gid = number_of(fields[3]);
			snprintf(own, sizeof(own), "%s", fields[0]);
		}
	}
	if (file)
		fclose(file);
	if (!known) {
		snprintf(own, sizeof(own), "%.*s", (int)length, name);
		if (!is_number(own))
			fail("the root has no user %s (/etc/passwd)", own);
		found->uid = number_of(own);
	}
	if (name[length] && !is_number(name + length + 1))
		fail("the user %s has no number of a group after the colon", name);
	if (name[length])
		found->gid = number_of(name + length + 1);
	if (known)
		find_groups(own, found);
}
