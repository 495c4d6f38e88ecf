// SPDX-License-Identifier: GPL-2.0-or-later
/* What a program may do in a guest, by its first argument. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void spin(long rounds)
{
	/* Two instructions a round. */
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds));
}

static void *spin_in_thread(void *rounds)
{
	spin((long)rounds);
	return NULL;
}

static void look(const char *path)
{
	char target[256] = "";
	struct stat found;

	if (lstat(path, &found)) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	(void)!readlink(path, target, sizeof(target) - 1);
	printf("%s: %o %u:%u links %lu size %ld device %u:%u modified %ld%s%s\n", path,
	       found.st_mode, found.st_uid, found.st_gid, (unsigned long)found.st_nlink,
	       S_ISDIR(found.st_mode) ? 0 : (long)found.st_size, major(found.st_rdev),
	       minor(found.st_rdev), S_ISDIR(found.st_mode) ? 0 : (long)found.st_mtime,
	       *target ? " to " : "", target);
}

/* A byte from one process to another. */
static int network(int family, const void *address, socklen_t length)
{
	struct sockaddr_storage bound;
	socklen_t room = sizeof(bound);
	int server = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0);
	char byte = 0;

	if (bind(server, address, length) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&bound, &room))
		return 1;
	if (!fork()) {
		(void)!write(accept(server, NULL, NULL), "x", 1);
		_exit(0);
	}
	if (connect(client, (struct sockaddr *)&bound, room) || read(client, &byte, 1) != 1)
		return 2;
	wait(NULL);
	return byte != 'x';
}

int main(int argc, char **argv)
{
	long number = argc > 2 ? atol(argv[2]) : 0;

	if (argc < 2)
		return 99;
	if (!strcmp(argv[1], "say")) {
		for (int i = 0; i < argc; i++)
			printf("[%s]", argv[i]);
		printf("\n%s\n", getcwd(NULL, 0));
		fprintf(stderr, "to standard error\n");
	} else if (!strcmp(argv[1], "status")) {
		return (int)number;
	} else if (!strcmp(argv[1], "signal")) {
		raise((int)number);
	} else if (!strcmp(argv[1], "spin")) {
		spin(number);
	} else if (!strcmp(argv[1], "threads")) {
		pthread_t threads[4];

		for (int i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, spin_in_thread, (void *)number);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
	} else if (!strcmp(argv[1], "forks")) {
		for (long i = 0; i < number; i++) {
			if (!fork()) {
				spin(100000);
				_exit(0);
			}
			wait(NULL);
		}
	} else if (!strcmp(argv[1], "getppid")) {
		for (long i = 0; i < number; i++)
			getppid();
	} else if (!strcmp(argv[1], "flood")) {
		char *line = malloc(1 << 16);

		memset(line, 'x', 1 << 16);
		for (long i = 0; i < number; i++)
			write(1, line, 1 << 16);
	} else if (!strcmp(argv[1], "slow")) {
		for (long i = 0; i < number; i++) {
			printf("%ld\n", i);
			fflush(stdout);
			usleep(200000);
		}
	} else if (!strcmp(argv[1], "endless")) {
		printf("so far\n");
		fflush(stdout);
		signal(SIGTERM, SIG_IGN);
		signal(SIGIO, SIG_IGN);
		for (;;)
			number ? pause() : spin(1000000);
	} else if (!strcmp(argv[1], "reboot")) {
		/* linux/reboot.h: RESTART, HALT and POWER_OFF */
		const int how[] = { 0x01234567, (int)0xcdef0123, 0x4321fedc };

		reboot(how[number]);
	} else if (!strcmp(argv[1], "pretend")) {
		fprintf(stderr, "cannot run it: Exec format error\n");
		return 127;
	} else if (!strcmp(argv[1], "show")) {
		char text[64] = "";
		struct stat status;
		int fd = open(argv[2], O_RDONLY);

		if (fd < 0 || fstat(fd, &status) || read(fd, text, 63) < 0)
			return 1;
		printf("%ld %s", (long)status.st_size, text);
	} else if (!strcmp(argv[1], "look")) {
		for (int i = 2; i < argc; i++)
			look(argv[i]);
	} else if (!strcmp(argv[1], "who")) {
		gid_t groups[16];
		int count = getgroups(16, groups);

		printf("%d:%d", getuid(), getgid());
		for (int i = 0; i < count; i++)
			printf(" %d", groups[i]);
		printf(" %s %s %d\n", getcwd(NULL, 0), getenv("NAME"), access(".", W_OK));
	} else if (!strcmp(argv[1], "copy")) {
		char buffer[1 << 16];
		ssize_t got;

		while ((got = read(0, buffer, sizeof(buffer))) > 0)
			(void)!write(1, buffer, got);
	} else if (!strcmp(argv[1], "network")) {
		struct sockaddr_in four = { .sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		struct sockaddr_in6 six = { .sin6_family = AF_INET6,
					    .sin6_addr = IN6ADDR_LOOPBACK_INIT };

		return network(AF_INET, &four, sizeof(four)) +
		       10 * network(AF_INET6, &six, sizeof(six));
	} else if (!strcmp(argv[1], "random")) {
		unsigned char bytes[8];

		if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
			return 1;
		for (size_t i = 0; i < sizeof(bytes); i++)
			printf("%02x", bytes[i]);
	} else if (!strcmp(argv[1], "fill")) {
		struct statvfs room;
		int fd = open("file", O_CREAT | O_WRONLY, 0600);
		char *block = calloc(1, 1 << 20);
		long written = 0;

		statvfs(".", &room);
		while (write(fd, block, 1 << 20) == 1 << 20)
			written++;
		printf("%ld of %ld MiB: %s\n", written,
		       (long)(room.f_blocks * room.f_frsize >> 20), strerror(errno));
	} else if (!strcmp(argv[1], "hog")) {
		for (;;)
			memset(malloc(1 << 20), 1, 1 << 20);
	} else if (!strcmp(argv[1], "crash")) {
		(void)!write(open("/proc/sysrq-trigger", O_WRONLY), "c", 1);
	} else if (!strcmp(argv[1], "orphan")) {
		if (!fork())
			for (;;)
				pause();
	} else if (!strcmp(argv[1], "sync")) {
		int fd = open("file", O_CREAT | O_WRONLY, 0600);

		for (long i = 0; i < number; i++) {
			write(fd, argv, sizeof(*argv));
			fsync(fd);
		}
	} else {
		return 98;
	}
	return 0;
}
