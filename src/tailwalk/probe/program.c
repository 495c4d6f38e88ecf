// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program of the user's, run in the file system under test.
 *
 * It is carried to memory, its output goes to files in memory, and the probe
 * sleeps until it has ended: so that nothing but the kernel comes between two
 * of its instructions.
 */
#define _GNU_SOURCE // O_TMPFILE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "workload.h"

#define PROGRAM "/program"
#define WORK "/mnt"
#define MOST_ARGUMENTS 1024
#define CHUNK (1 << 16)

static int open_in_work(const char *name)
{
	int work = open(WORK, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(work, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		fail("cannot make the file %s: %s", name, strerror(errno));
	close(work);
	return fd;
}

static void take_bytes(int fd, const char *name, uint64_t length)
{
	static char buffer[CHUNK];

	while (length) {
		size_t part = length < CHUNK ? length : CHUNK;

		job_bytes(buffer, part);
		if (write(fd, buffer, part) != (ssize_t)part)
			fail("cannot write the file %s: %s", name, strerror(errno));
		length -= part;
	}
}

/* The program itself goes to the first file system, which is memory. */
void job_program(void)
{
	uint64_t length;
	int fd = open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0)
		fail("cannot make " PROGRAM ": %s", strerror(errno));
	job_read((struct key[]){ NUMBER(length), END });
	take_bytes(fd, PROGRAM, length);
	if (close(fd))
		fail("cannot write " PROGRAM ": %s", strerror(errno));
	mkdir("/tmp", 01777);
}

void job_file(void)
{
	const char *name;
	uint64_t length;
	int fd;

	job_read((struct key[]){ TEXT(name), NUMBER(length), END });
	fd = open_in_work(name);
	take_bytes(fd, name, length);
	if (fsync(fd) || close(fd))
		fail("cannot write the file %s: %s", name, strerror(errno));
}

void job_make(void)
{
	const char *name;
	struct cached_file file;
	int fd;

	job_read((struct key[]){ TEXT(name),
				 { .name = "size", .number = &file.file_size },
				 { .name = "fill", .number = &file.fill },
				 END });
	fd = open_in_work(name);
	fill_file(fd, &file, 0);
	close(fd);
}

static int memory_file(void)
{
	int fd = open("/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fail("cannot make a file for the program's output: %s", strerror(errno));
	return fd;
}

static _Noreturn void become(char **arguments, const int *outputs)
{
	char *environment[] = { "HOME=" WORK, "TMPDIR=/tmp", "PATH=/", "LC_ALL=C", NULL };
	int input = open("/dev/null", O_RDONLY);

	if (input < 0 || dup2(input, 0) < 0 || dup2(outputs[0], 1) < 0 ||
	    dup2(outputs[1], 2) < 0 || chdir(WORK))
		_exit(127);
	if (input > 2)
		close(input);
	__asm__ volatile(MARK_PROGRAM ::: "memory");
	execve(PROGRAM, arguments, environment);
	dprintf(2, "cannot run it: %s\n", strerror(errno));
	_exit(127);
}

static void send_output(uint64_t stream, int fd)
{
	static struct {
		uint64_t stream;
		char bytes[CHUNK];
	} output;
	ssize_t got;
	off_t at = 0;

	output.stream = stream;
	while ((got = pread(fd, output.bytes, sizeof(output.bytes), at)) > 0) {
		send_frame(FRAME_OUTPUT, &output, sizeof(output.stream) + (size_t)got);
		at += got;
	}
	close(fd);
}

/* `length` bytes follow: the arguments, each ended by a NUL. */
void job_run(void)
{
	uint64_t count, length;
	char *arguments[MOST_ARGUMENTS + 1] = { NULL };
	int outputs[2] = { memory_file(), memory_file() };
	char *text, *at;
	uint64_t ended;
	int status;
	pid_t child;

	job_read((struct key[]){ NUMBER(count), NUMBER(length), END });
	at = text = malloc(length);
	if (!text)
		fail("no memory for %llu bytes of arguments", (unsigned long long)length);
	job_bytes(text, length);
	if (!count || count > MOST_ARGUMENTS)
		fail("%llu arguments; a program takes 1 to %d", (unsigned long long)count,
		     MOST_ARGUMENTS);
	for (uint64_t i = 0; i < count; i++, at += strlen(at) + 1)
		arguments[i] = at;
	sync();
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child)
		become(arguments, outputs);
	/* Orphans of the program's own become init's children. */
	while (waitpid(-1, &status, 0) != child)
		;
	__asm__ volatile(MARK_PROGRAM_END ::: "memory");
	kill(-1, SIGKILL);
	ended = (uint64_t)status;
	for (int i = 0; i < 2; i++)
		send_output((uint64_t)i + 1, outputs[i]);
	send_frame(FRAME_ENDED, &ended, sizeof(ended));
	free(text);
}
