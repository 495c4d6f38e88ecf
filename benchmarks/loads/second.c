// SPDX-License-Identifier: GPL-2.0-or-later
/* What a small program does in a second or so: it computes, and uses a file, a pipe and memory. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 15000
#define PLACES (9l << 20) /* in a file of 10 MiB */
#define MAPPED (64 << 10)

static unsigned char buffer[1 << 20];

static void use_memory(void)
{
	char *bytes = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);

	if (bytes == MAP_FAILED)
		err(1, "mmap");
	for (int at = 0; at < MAPPED; at += 4096)
		bytes[at] = 1;
	munmap(bytes, MAPPED);
}

int main(void)
{
	int file = open("file", O_RDWR | O_CREAT, 0600), ends[2];
	volatile unsigned long sum = 0;
	struct stat found;

	if (file < 0 || pipe(ends))
		err(1, "file");
	for (int i = 0; i < 10; i++)
		if (write(file, buffer, sizeof(buffer)) != sizeof(buffer))
			err(1, "fill");
	for (int i = 0; i < ROUNDS; i++) {
		if (pwrite(file, buffer, 1024, i * 7919l % PLACES) != 1024 ||
		    pread(file, buffer, 4096, i * 104729l % PLACES) != 4096 ||
		    fstat(file, &found) || write(ends[1], buffer, 64) != 64 ||
		    read(ends[0], buffer, 64) != 64)
			err(1, "use");
		if (i % 500 == 0 && fdatasync(file))
			err(1, "fdatasync");
		if (i % 100 == 0)
			use_memory();
		for (int j = 0; j < 3000; j++)
			sum += buffer[j] * j;
	}
	return 0;
}
