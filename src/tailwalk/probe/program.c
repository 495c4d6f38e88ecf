// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program of the user's, run in the file system under test.
 *
 * The probe sleeps while it runs, but for a look at its output now and then: so
 * that little but the kernel comes between two of its instructions. A line on
 * the console tells the probe that the host has given it up.
 */
#define _GNU_SOURCE // O_TMPFILE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "workload.h"

#define WORK "/mnt"
#define MOST_TEXTS 4096
#define MOST_TEXT (16u << 20) /* the kernel takes less (execve(2)) */
#define CHUNK (1 << 16)
#define LOOK_NANOSECONDS 20000000 /* from a look at the output to the next, of the guest's time */

static struct user user;
static int input = -1;

static int open_in_work(const char *name)
{
	int work = open(WORK, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(work, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fchown(fd, user.uid, user.gid))
		fail("cannot make the file %s: %s", name, strerror(errno));
	close(work);
	return fd;
}

static void take_bytes(int fd, const char *name, uint64_t length)
{
	static char buffer[CHUNK] __attribute__((aligned(SMALLEST_PAGE)));

	while (length) {
		size_t part = length < CHUNK ? length : CHUNK;

		job_bulk(buffer, part);
		if (write(fd, buffer, part) != (ssize_t)part)
			fail("cannot write the file %s: %s", name, strerror(errno));
		length -= part;
	}
}

/* Whose the files are that follow, and the program. */
void job_user(void)
{
	const char *name;

	job_read((struct key[]){ TEXT(name), END });
	find_user(name, &user);
	if (chown(WORK, user.uid, user.gid))
		fail("cannot give " WORK " to the user %s: %s", name, strerror(errno));
}

void job_input(void)
{
	uint64_t length;

	job_read((struct key[]){ NUMBER(length), END });
	input = open("/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (input < 0)
		fail("cannot make a file for the program's input: %s", strerror(errno));
	take_bytes(input, "of the program's input", length);
	lseek(input, 0, SEEK_SET);
}

void job_file(void)
{
	const char *name;
	uint64_t mode, length;
	int fd;

	job_read((struct key[]){ TEXT(name), NUMBER(mode), NUMBER(length), END });
	fd = open_in_work(name);
	take_bytes(fd, name, length);
	if (fchmod(fd, (mode_t)mode) || fsync(fd) || close(fd))
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

/* 127.0.0.1, and where the kernel has IPv6 ::1; a kernel without sockets has
 * none. */
static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		ioctl(fd, SIOCSIFFLAGS, &request);
		close(fd);
	}
}

static _Noreturn void become(const char *program, char **arguments, char **environment,
			     const char *directory, const int *outputs)
{
	sigset_t none;
	int from = input >= 0 ? input : open("/dev/null", O_RDONLY | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (from < 0 || dup2(from, 0) < 0 || dup2(outputs[0], 1) < 0 || dup2(outputs[1], 2) < 0 ||
	    setgroups(user.group_count, user.groups) || setgid(user.gid) || setuid(user.uid))
		fail("cannot begin the program: %s", strerror(errno));
	if (chdir(directory))
		fail("cannot begin the program in %s: %s", directory, strerror(errno));
	setsid();
	__asm__ volatile(MARK_PROGRAM ::: "memory");
	execve(program, arguments, environment);
	fail("the kernel does not run the program: %s", strerror(errno));
}

/* The signals are for the probe alone: the program has another input. */
static void hear_console(sigset_t *heard)
{
	sigemptyset(heard);
	sigaddset(heard, SIGIO);
	sigaddset(heard, SIGCHLD);
	sigprocmask(SIG_BLOCK, heard, NULL);
	fcntl(0, F_SETOWN, getpid());
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_ASYNC);
}

/* Wait for the program's end, and pass on what it writes; 1 where the host gave
 * it up before. */
static int await_end(pid_t child, int *status, const sigset_t *heard)
{
	const struct timespec look = { .tv_nsec = LOOK_NANOSECONDS };

	for (;;) {
		pid_t ended;

		if (sigtimedwait(heard, NULL, &look) == SIGIO)
			return 1;
		/* Orphans of the program's own become init's children. */
		while ((ended = waitpid(-1, status, WNOHANG)) > 0)
			if (ended == child)
				return 0;
		output_pass_on();
	}
}

/* `length` bytes follow: the program, its arguments and its environment, each
 * ended by a NUL. */
void job_run(void)
{
	uint64_t arguments, variables, length, ended[2] = { 0 };
	char *texts[MOST_TEXTS + 3] = { NULL }, *text, *at;
	const char *directory;
	sigset_t heard;
	int outputs[2], status = 0;
	pid_t child;

	job_read((struct key[]){ NUMBER(arguments), NUMBER(variables), NUMBER(length),
				 TEXT(directory), END });
	if (!arguments || arguments > MOST_TEXTS || variables > MOST_TEXTS - arguments)
		fail("%llu arguments and %llu variables; a program takes 1 to %d",
		     (unsigned long long)arguments, (unsigned long long)variables, MOST_TEXTS);
	at = text = length <= MOST_TEXT ? malloc(length + 1) : NULL;
	if (!text)
		fail("no memory for %llu bytes of arguments", (unsigned long long)length);
	job_bytes(text, length);
	text[length] = 0;
	/* After the arguments a NULL, as after the environment. */
	for (uint64_t i = 0; i <= arguments + variables; i++, at += strlen(at) + 1) {
		if (at >= text + length)
			fail("the job has fewer than %llu arguments and %llu variables",
			     (unsigned long long)arguments, (unsigned long long)variables);
		texts[i > arguments ? i + 1 : i] = at;
	}
	raise_loopback();
	output_open(outputs);
	hear_console(&heard);
	sync();
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child)
		become(texts[0], texts + 1, texts + arguments + 2, directory, outputs);
	close(outputs[0]);
	close(outputs[1]);
	if (await_end(child, &status, &heard)) {
		kill(-1, SIGKILL);
		ended[1] = waitpid(child, &status, 0) == child;
	}
	__asm__ volatile(MARK_PROGRAM_END ::: "memory");
	kill(-1, SIGKILL);
	ended[0] = (uint64_t)status;
	output_pass_on();
	send_frame(FRAME_ENDED, ended, sizeof(ended));
	free(text);
}
