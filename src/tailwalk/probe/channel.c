// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probe's own channel, apart from any console: in a guest the machine's
 * transport, on a host file descriptors.
 */
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

static int job_fd = -1, results_fd = -1;

void channel_open_host(int job, int results)
{
	job_fd = job;
	results_fd = results;
}

static void put(const void *data, size_t length)
{
	if (is_guest())
		transport_send(data, length);
	else if (write_whole(results_fd, data, length))
		_exit(4); /* nobody is listening any more */
}

static pthread_mutex_t *turn;

void share_channel(void)
{
	pthread_mutexattr_t kind;

	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0);
	if (turn == MAP_FAILED)
		fail("no memory that children share");
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(turn, &kind);
}

void send_frame(enum frame type, const void *payload, size_t length)
{
	/* One that was killed meanwhile leaves a part of a frame: nothing can follow it. */
	if (turn && pthread_mutex_lock(turn))
		transport_exit(1);
	put_frame(put, type, (struct part[]){ { payload, length } }, 1);
	if (turn)
		pthread_mutex_unlock(turn);
}

int in_case;

static void send_formatted(enum frame type, const char *format, va_list arguments)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, arguments);
	send_frame(type, text, strlen(text));
}

void send_text(enum frame type, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_formatted(type, format, arguments);
	va_end(arguments);
}

static _Noreturn void end(enum frame why, const char *format, va_list arguments)
{
	send_formatted(why, format, arguments);
	if (is_guest())
		transport_exit(1);
	exit(1);
}

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	end(in_case ? FRAME_FAILED : FRAME_ERROR, format, arguments);
}

void leave_out(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	end(FRAME_MISSING, format, arguments);
}

/* Of a guest's job: how much the machine still holds, and what was taken from it and not yet
 * read. A byte at a time would be a hundred times as dear. */
static uint64_t job_left;
static struct {
	unsigned char bytes[SMALLEST_PAGE];
	size_t at, end;
} ahead;

static void claim(size_t length)
{
	if (length > job_left)
		fail("the job ends before its last line");
	job_left -= length;
}

static size_t read_ahead(void *buffer, size_t length)
{
	size_t part = ahead.end - ahead.at;

	if (part > length)
		part = length;
	memcpy(buffer, ahead.bytes + ahead.at, part);
	ahead.at += part;
	return part;
}

static void guest_bytes(unsigned char *buffer, size_t length)
{
	size_t part;

	while ((part = read_ahead(buffer, length)) < length) {
		buffer += part;
		length -= part;
		ahead.end = job_left < sizeof(ahead.bytes) ? job_left : sizeof(ahead.bytes);
		claim(ahead.end ? ahead.end : length);
		transport_receive(ahead.bytes, ahead.end);
		ahead.at = 0;
	}
}

void job_bytes(void *buffer, size_t length)
{
	if (is_guest()) {
		guest_bytes(buffer, length);
		return;
	}
	for (char *at = buffer; length;) {
		ssize_t got = read(job_fd, at, length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fail("the job ends before its last line");
		at += got;
		length -= (size_t)got;
	}
}

void job_bulk(void *buffer, size_t length)
{
	size_t part;

	if (!is_guest()) {
		job_bytes(buffer, length);
		return;
	}
	part = read_ahead(buffer, length);
	claim(length - part);
	transport_receive_bulk((char *)buffer + part, length - part);
}

void job_start(void)
{
	if (!is_guest())
		return;
	job_left = transport_open();
	ahead.at = ahead.end = 0;
}

char *job_line(void)
{
	static char line[4096];
	size_t length = 0;

	for (;;) {
		job_bytes(&line[length], 1);
		if (line[length] == '\n') {
			line[length] = 0;
			return line;
		}
		if (++length == sizeof(line))
			fail("a line of the job is longer than %zu bytes", sizeof(line));
	}
}
