// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The probe as a guest has it, given any job: its reader of lines and cases, and
 * what it does with programs, files and arguments. What would change a machine is
 * a stand-in below; frames have to be whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
#define fcntl(...) 0
#define sigaction(number, action, old) ((void)(action), 0)
#define sync() ((void)0)
#define fork() made_child(arguments, count)
#define waitpid(pid, status, flags) (*(status) = 0, 1)
#define kill(pid, number) ((void)0)
#define fstat(fd, found) ((found)->st_size = 0)
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

static pid_t made_child(char **arguments, uint64_t count)
{
	size_t length = 0;

	for (uint64_t i = 0; i < count; i++)
		length += strlen(arguments[i]);
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
STAND_IN(job_time, a_case())
STAND_IN(job_folios, a_case())
STAND_IN(job_disk, )
STAND_IN(job_mount, const char *kind; job_read((struct key[]){ TEXT(kind), END }))
STAND_IN(job_pin, uint64_t cpu; job_read((struct key[]){ NUMBER(cpu), END }))
STAND_IN(job_faults, )
STAND_IN(job_exercise, )
STAND_IN(job_recover, )
STAND_IN(job_replay, )
STAND_IN(job_symbols, )
STAND_IN(job_pause, job_read((struct key[]){ END }))
STAND_IN(disk_unmount, )

int probe_main(int argc, char **argv);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	job = data;
	job_size = size;
	given_up = 0;
	if (!setjmp(over))
		probe_main(2, NULL);
	frames_end();
	return 0;
}
