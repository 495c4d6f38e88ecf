// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probe as a guest has it, given any job: its reader of lines and cases, and
 * what it does with programs, files and arguments. What would change a machine is
 * a stand-in below; frames have to be whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <setjmp.h>
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

#include "frames.h"
#include "workload.h"

static const uint8_t *job;
static size_t job_size;
static jmp_buf over;

/* program.c, with a machine of memory. */
#define open(...) made_file()
#define openat(...) made_file()
#define write(fd, data, size) made_write(data, size)
#define close(fd) ((void)(fd), 0)
#define fsync(fd) ((void)(fd), 0)
#define mkdir(path, mode) ((void)(path), 0)
#define fchown(fd, uid, gid) 0
#define chown(path, uid, gid) 0
#define fchmod(fd, mode) 0
#define lseek(fd, offset, from) ((void)0)
#define fcntl(...) 0
#define ioctl(...) ((void)0)
#define socket(...) (-1)
#define sigprocmask(how, set, old) ((void)(set))
#define sigtimedwait(set, found, time) ((void)(set), (void)(time), SIGCHLD)
#define sync() ((void)0)
#define fork() made_child(texts, directory)
#define waitpid(pid, status, flags) (*(status) = 0, 1)
#define kill(pid, number) ((void)0)
#define fill_file(fd, file, missing) ((void)(fd), (void)(file))

static int made_file(void)
{
	return 3;
}

static ssize_t made_write(const void *data, size_t size)
{
	static volatile uint8_t last;

	for (size_t i = 0; i < size; i++)
		last = ((const uint8_t *)data)[i];
	(void)last;
	return (ssize_t)size;
}

/* All that a child would be given: the program and its arguments, its environment. */
static pid_t made_child(char **texts, const char *directory)
{
	size_t length = strlen(directory);

	for (int lists = 0; lists < 2; texts++) {
		if (*texts)
			length += strlen(*texts);
		else
			lists++;
	}
	return length < SIZE_MAX;
}

#include "program.c"
#undef fill_file

int is_guest(void)
{
	return 1;
}

uint64_t transport_open(void)
{
	return job_size;
}

void transport_receive(void *buffer, size_t length)
{
	if (length > job_size)
		abort();
	memcpy(buffer, job, length);
	job += length;
	job_size -= length;
}

void transport_receive_bulk(void *buffer, size_t length)
{
	transport_receive(buffer, length);
}

void output_open(int ends[2])
{
	ends[0] = ends[1] = 3;
}

void output_pass_on(void)
{
}

void transport_send(const void *data, size_t length)
{
	frames_take(data, length);
}

void transport_pause(void)
{
}

void transport_exit(int status)
{
	longjmp(over, 1 + status);
}

void guest_boot(void)
{
}

void guest_pause(void)
{
}

void use_work_place(const char *directory)
{
}

const char *work_place(void)
{
	return "/nowhere";
}

char *in_work_place(const char *name)
{
	abort();
}

void settle_caches(int fd)
{
	abort();
}

#define STAND_IN(verb, ...)  \
	void verb(void)      \
	{                    \
		__VA_ARGS__; \
	}

static void a_case(void)
{
	struct work work;
	uint64_t calls;

	read_case(&work, (struct key[]){ NUMBER(calls), END });
	parameter(&work, "vectors", 1);
}

STAND_IN(job_case, a_case())
STAND_IN(job_prepare, a_case())
STAND_IN(job_alone, a_case())
STAND_IN(job_time, a_case())
STAND_IN(job_folios, a_case())
STAND_IN(job_disk, )
STAND_IN(job_tree, )
STAND_IN(job_image, )
STAND_IN(job_mount, const char *kind; job_read((struct key[]){ TEXT(kind), END }))
STAND_IN(job_still, job_read((struct key[]){ END }))
STAND_IN(job_pin, uint64_t cpu; job_read((struct key[]){ NUMBER(cpu), END }))
STAND_IN(job_replay, )
STAND_IN(job_symbols, )
STAND_IN(job_pause, job_read((struct key[]){ END }))
STAND_IN(disk_unmount, )

int probe_main(int argc, char **argv);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *words[] = { "probe", "as a guest", NULL };

	job = data;
	job_size = size;
	memset(&user, 0, sizeof(user));
	input = -1;
	if (!setjmp(over))
		probe_main(2, words);
	frames_end();
	return 0;
}
