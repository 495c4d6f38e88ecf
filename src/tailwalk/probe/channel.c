// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probe's own channel, apart from any console.
 *
 * In a guest the job comes from QEMU's fw_cfg device and frames leave by the
 * debug console's I/O port: both are plain port instructions, so no driver of
 * the kernel under test takes part. On a host both are file descriptors.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "ports.h"
#include "probe.h"

#define DEBUG_CONSOLE 0xe9
#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA 0x511
#define FW_CFG_DIRECTORY 0x19
#define JOB_NAME "opt/tailwalk/job"

static int guest;
static int job_fd = -1, results_fd = -1;

void channel_open_guest(void)
{
	guest = 1;
}

/* A task that holds I/O ports pays for them on every return to user mode
 * (tss_update_io_bitmap, 58 instructions in v6.18): so they are held for a
 * transfer only, never during a measured call. */
void hold_ports(unsigned short first, int count, int hold)
{
	if (ioperm(first, (unsigned long)count, hold))
		_exit(3); /* init's end is a panic, which the console shows */
}

void channel_open_host(int job, int results)
{
	job_fd = job;
	results_fd = results;
}

static void fw_cfg_select(uint16_t item)
{
	hold_ports(FW_CFG_SELECT, 2, 1);
	port_out16(FW_CFG_SELECT, item);
	hold_ports(FW_CFG_SELECT, 2, 0);
}

static void put(const void *data, size_t length)
{
	if (guest) {
		hold_ports(DEBUG_CONSOLE, 1, 1);
		port_write(DEBUG_CONSOLE, data, length);
		hold_ports(DEBUG_CONSOLE, 1, 0);
		return;
	}
	if (write_whole(results_fd, data, length))
		_exit(4); /* nobody is listening any more */
}

void send_frame(enum frame type, const void *payload, size_t length)
{
	put_frame(put, type, (struct part[]){ { payload, length } }, 1);
}

void fail(const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	send_frame(FRAME_ERROR, text, strlen(text));
	if (is_guest())
		guest_exit(1);
	exit(1);
}

static void get(void *buffer, size_t length)
{
	if (guest) {
		hold_ports(FW_CFG_SELECT, 2, 1);
		port_read(FW_CFG_DATA, buffer, length);
		hold_ports(FW_CFG_SELECT, 2, 0);
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

static uint64_t job_left;

void job_bytes(void *buffer, size_t length)
{
	if (guest) {
		if (length > job_left)
			fail("the job ends before its last line");
		job_left -= length;
	}
	get(buffer, length);
}

/* Find the job in fw_cfg's directory: entries of big-endian size and selector
 * and a name (QEMU, docs/specs/fw_cfg). */
void job_start(void)
{
	struct {
		uint32_t size;
		uint16_t select, reserved;
		char name[56];
	} entry;
	uint32_t count;

	if (!guest)
		return;
	fw_cfg_select(FW_CFG_DIRECTORY);
	get(&count, sizeof(count));
	for (count = __builtin_bswap32(count); count--;) {
		get(&entry, sizeof(entry));
		if (strcmp(entry.name, JOB_NAME) == 0) {
			job_left = __builtin_bswap32(entry.size);
			fw_cfg_select(__builtin_bswap16(entry.select));
			return;
		}
	}
	fail("QEMU offers no job (" JOB_NAME ")");
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
