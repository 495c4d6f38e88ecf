// SPDX-License-Identifier: GPL-2.0-or-later
/* Twenty calls, each as often as tests/guest/test_calls.py says; with a number, a
 * region so often; with a word, one of those below. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tailwalk.h"

static char buffer[1 << 20] __attribute__((aligned(4096)));

#define TIMES(number) for (int i = 0; i < (number); i++)

static void mark_regions(int times)
{
	int fd = open("region", O_RDWR | O_CREAT, 0600);

	TIMES(10) write(fd, buffer, sizeof(buffer));
	TIMES(times)
	{
		TAILWALK_BEGIN;
		pwrite(fd, buffer, 1024, 0);
		TAILWALK_END;
		syscall(SYS_getppid);
	}
}

/* Of a file that is read in, the first write to each folio. */
static void touch(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	int drop = open("/proc/sys/vm/drop_caches", O_WRONLY);

	TIMES(16) write(fd, buffer, sizeof(buffer));
	fsync(fd);
	write(drop, "3", 1);
	TIMES(128) pread(fd, buffer, 128 << 10, i * (128l << 10));
	for (int i = 32; i < 128; i++)
		pwrite(fd, buffer, 4096, i * (128l << 10) + (64 << 10));
}

/* Small writes, each beyond the end of the file. */
static void extend(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	TIMES(500) pwrite(fd, buffer, 100, i * 3000l);
}

/* Overwrites past the page cache. */
static void write_directly(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	TIMES(4) write(fd, buffer, sizeof(buffer));
	fsync(fd);
	close(fd);
	fd = open("file", O_RDWR | O_DIRECT);
	TIMES(500) pwrite(fd, buffer, 4096, i * 4096l);
}

/* Overwrites of a file in large folios that are synced. */
static void overwrite_and_sync(void)
{
	static char large[2 << 20];
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	TIMES(4) write(fd, large, sizeof(large));
	fsync(fd);
	TIMES(50)
	{
		pwrite(fd, large, 1024, 0);
		fdatasync(fd);
	}
}

/* A number of /proc/vmstat. */
static long vmstat(const char *key)
{
	static char text[1 << 16];
	int fd = open("/proc/vmstat", O_RDONLY);
	long got, kept = 0;
	char *found;

	while ((got = read(fd, text + kept, sizeof(text) - 1 - kept)) > 0)
		kept += got;
	text[kept] = 0;
	close(fd);
	found = strstr(text, key);
	return found ? atol(found + strlen(key)) : 0;
}

/* Writes of 4 MiB, 16 times 8 KiB and 1000 bytes, and twenty flushes; all of it is
 * read in again, and what the kernel says that it asked disks for printed, in KiB. */
static void use_disk(void)
{
	struct iovec vectors[2] = { { buffer, 300 }, { buffer, 700 } };
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	int drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
	long written, in;

	sync();
	TAILWALK_BEGIN;
	written = vmstat("\npgpgout ");
	in = vmstat("\npgpgin ");
	for (int i = 0; i < 4; i++) {
		write(fd, buffer, sizeof(buffer));
		fsync(fd);
	}
	for (int i = 0; i < 16; i++) {
		pwrite(fd, buffer, 8192, i * (64l << 10));
		fdatasync(fd);
	}
	pwritev(fd, vectors, 2, 0);
	pwrite(-1, buffer, 100, 0);
	sync();
	write(drop, "3", 1);
	for (int i = 0; i < 4; i++)
		pread(fd, buffer, sizeof(buffer), i * (1l << 20));
	written = vmstat("\npgpgout ") - written;
	in = vmstat("\npgpgin ") - in;
	TAILWALK_END;
	printf("%ld %ld", written, in);
}

/* Two processes, each on a CPU of its own, that write to one file at a time. */
static int use_two_cpus(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600), child = fork();
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(child ? 0 : 1, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		return 1;
	TIMES(child ? 1000 : 2000) syscall(SYS_getppid);
	TIMES(child ? 0 : 500) syscall(SYS_getuid);
	TIMES(400) pwrite(fd, buffer, 1024, 0);
	fdatasync(fd);
	if (!child)
		_exit(0);
	wait(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	struct iovec vectors[2] = { { buffer, 512 }, { buffer, 512 } };
	struct stat found;
	int fd, pipes[2], sockets[2];

	if (argc > 1 && !strcmp(argv[1], "touch"))
		touch();
	else if (argc > 1 && !strcmp(argv[1], "extend"))
		extend();
	else if (argc > 1 && !strcmp(argv[1], "direct"))
		write_directly();
	else if (argc > 1 && !strcmp(argv[1], "sync"))
		overwrite_and_sync();
	else if (argc > 1 && !strcmp(argv[1], "disk"))
		use_disk();
	else if (argc > 1 && !strcmp(argv[1], "two"))
		return use_two_cpus();
	else if (argc > 1)
		mark_regions(atoi(argv[1]));
	if (argc > 1)
		return 0;
	fd = open("file", O_RDWR | O_CREAT, 0600);
	TIMES(10) write(fd, buffer, sizeof(buffer));
	TIMES(101) syscall(SYS_getppid);
	TIMES(102) pwrite(fd, buffer, 1024, 0);
	TIMES(103) pread(fd, buffer, 1024, 0);
	TIMES(104) lseek(fd, 0, SEEK_SET);
	TIMES(105) syscall(SYS_fstat, fd, &found);
	TIMES(106) fdatasync(fd);
	TIMES(107) pwritev(fd, vectors, 2, 0);
	TIMES(108) preadv(fd, vectors, 2, 0);
	TIMES(109) fcntl(fd, F_GETFL);
	TIMES(110) access("file", R_OK);
	TIMES(11) ftruncate(fd, 10 << 20);
	TIMES(112) syscall(SYS_getuid);
	TIMES(113) sigprocmask(SIG_BLOCK, NULL, NULL);
	TIMES(114) umask(022);
	TIMES(115) madvise(buffer, 4096, MADV_WILLNEED);
	pipe(pipes);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
	TIMES(116)
	{
		write(pipes[1], buffer, 100);
		read(pipes[0], buffer, 100);
	}
	TIMES(117)
	{
		syscall(SYS_sendto, sockets[0], buffer, 2000, 0, NULL, 0);
		syscall(SYS_recvfrom, sockets[1], buffer, 2000, 0, NULL, NULL);
	}
	TIMES(18) close(dup(fd));
	return 0;
}
