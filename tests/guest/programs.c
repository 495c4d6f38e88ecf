// SPDX-License-Identifier: GPL-2.0-or-later
/* What a program may do in a guest, by its first argument. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
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
