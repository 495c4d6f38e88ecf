// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A line of the job: a verb, then KEY=VALUE words. Of a value every byte that
 * is a space, a % or no printable character of ASCII is written as %XX.
 */
#define _DEFAULT_SOURCE // strsep
#include <stdlib.h>
#include <string.h>

#include "probe.h"

#define MOST_WORDS 32

static const char *verb;
static struct {
	char *key, *value;
} words[MOST_WORDS];
static int count;

static void decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		char digits[3] = { 0 };

		if (*text == '%' && text[1] && text[2]) {
			memcpy(digits, text + 1, 2);
			*to++ = (char)strtoul(digits, NULL, 16);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

const char *job_verb(void)
{
	char *rest = job_line();

	verb = strsep(&rest, " ");
	for (count = 0; rest; count++) {
		if (count == MOST_WORDS)
			fail("the job's line %s has more than %d words", verb, MOST_WORDS);
		words[count].value = strsep(&rest, " ");
		words[count].key = strsep(&words[count].value, "=");
		if (!words[count].value)
			fail("the job's line %s has a word without a value: %s", verb,
			     words[count].key);
		decode(words[count].value);
	}
	return verb;
}

const char *job_word(const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(words[i].key, name) == 0)
			return words[i].value;
	fail("the job's line %s lacks %s", verb, name);
}

static uint64_t number_of(const char *name, const char *text)
{
	char *end;
	uint64_t number = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end)
		fail("the job's line %s has %s=%s, which is no number", verb, name, text);
	return number;
}

static int is_known(const char *name, const struct key *keys)
{
	while (keys->name && strcmp(name, keys->name))
		keys++;
	return keys->name != NULL;
}

void job_read(const struct key *keys)
{
	for (int i = 0; i < count; i++)
		if (!is_known(words[i].key, keys))
			fail("the job's line %s has a key that is none of its own: %s", verb,
			     words[i].key);
	for (; keys->name; keys++) {
		const char *text = job_word(keys->name);

		if (keys->number)
			*keys->number = number_of(keys->name, text);
		else
			*keys->text = text;
	}
}
