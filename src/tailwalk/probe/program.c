// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program of the user's, run in the file system under test.
 *
 * It is carried to memory, its output goes to files in memory, and the probe
 * sleeps until it has ended: so that nothing but the kernel comes between two
 * of its instructions. A line on the console tells the probe that the host has
 * given it up.
 */
#define _GNU_SOURCE // O_TMPFILE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "workload.h"

#define PROGRAM "/program"
#define WORK "/mnt"
#define MOST_ARGUMENTS 1024
#define MOST_TEXT (16u << 20) /* the kernel takes less (execve(2)) */
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
		fail("cannot begin the program: %s", strerror(errno));
	if (input > 2)
		close(input);
	__asm__ volatile(MARK_PROGRAM ::: "memory");
	execve(PROGRAM, arguments, environment);
	fail("the kernel does not run the program: %s", strerror(errno));
}

static volatile sig_atomic_t given_up;

static void on_line(int number)
{
	(void)number;
	given_up = 1;
}

/* The signal is for the probe alone: the program has another input. */
static void hear_console(void)
{
	struct sigaction action = { .sa_handler = on_line };

	sigaction(SIGIO, &action, NULL);
	fcntl(0, F_SETOWN, getpid());
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_ASYNC);
}

/* Say where in memory the output is and pause, for the host to take it from
 * there (symbols.c does the same); of more than `most` bytes, the first. */
static void send_output(uint64_t stream, int fd, uint64_t most)
{
	struct stat found = { 0 };
	uint64_t said[4] = { stream };
	void *text;

	fstat(fd, &found);
	said[2] = said[3] = (uint64_t)found.st_size;
	if (said[2] > most)
		said[2] = most;
	if (said[2]) {
		text = mmap(NULL, said[2], PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
		if (text == MAP_FAILED)
			fail("cannot read the program's output: %s", strerror(errno));
		said[1] = (uintptr_t)text;
	}
	send_frame(FRAME_OUTPUT, said, sizeof(said));
	if (said[2]) {
		guest_pause();
		munmap(text, said[2]);
	}
	close(fd);
}

/* `length` bytes follow: the arguments, each ended by a NUL. Of each stream of
 * output the host wants `most` bytes. */
void job_run(void)
{
	uint64_t count, length, most, ended[2] = { 0 };
	char *arguments[MOST_ARGUMENTS + 1] = { NULL };
	int outputs[2] = { memory_file(), memory_file() };
	char *text, *at;
	int status;
	pid_t child;

	job_read((struct key[]){ NUMBER(count), NUMBER(length), NUMBER(most), END });
	if (!count || count > MOST_ARGUMENTS)
		fail("%llu arguments; a program takes 1 to %d", (unsigned long long)count,
		     MOST_ARGUMENTS);
	at = text = length <= MOST_TEXT ? malloc(length + 1) : NULL;
	if (!text)
		fail("no memory for %llu bytes of arguments", (unsigned long long)length);
	job_bytes(text, length);
	text[length] = 0;
	for (uint64_t i = 0; i < count; i++, at += strlen(at) + 1) {
		if (at >= text + length)
			fail("the job has fewer than %llu arguments", (unsigned long long)count);
		arguments[i] = at;
	}
	hear_console();
	sync();
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child)
		become(arguments, outputs);
	/* Orphans of the program's own become init's children. */
	while (!given_up && waitpid(-1, &status, 0) != child)
		;
	if (given_up) {
		kill(-1, SIGKILL);
		while (!(ended[1] = waitpid(child, &status, 0) == child) && errno == EINTR)
			;
	}
	__asm__ volatile(MARK_PROGRAM_END ::: "memory");
	kill(-1, SIGKILL);
	ended[0] = (uint64_t)status;
	for (int i = 0; i < 2; i++)
		send_output((uint64_t)i + 1, outputs[i], most);
	send_frame(FRAME_ENDED, ended, sizeof(ended));
	free(text);
}
