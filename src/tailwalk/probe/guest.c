// SPDX-License-Identifier: GPL-2.0-or-later
/* The probe as /init of a guest: from the kernel's hand to the first job. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "probe.h"

static int guest;
static char modalias[4096]; /* the CPU's model and features, as modules' aliases name them */

int is_guest(void)
{
	return guest;
}

void mount_or_fail(const char *kind, const char *where, const char *options)
{
	mkdir(where, 0755);
	if (mount(kind, where, kind, 0, options) && errno != EBUSY)
		fail("cannot mount %s on %s: %s", kind, where, strerror(errno));
}

/* Is the module for this CPU? Beside one that is for some alone NN-NAME.cpus
 * has a pattern a line; a system loads it where one matches (udev, by the
 * modalias that drivers/base/cpu.c shows). */
static int fits_cpu(const char *name)
{
	char path[512], pattern[256];
	FILE *patterns;
	int fits = 0;

	snprintf(path, sizeof(path), "/modules/%.*s.cpus", (int)strlen(name) - 3, name);
	patterns = fopen(path, "re");
	if (!patterns)
		return 1;
	while (!fits && fgets(pattern, sizeof(pattern), patterns)) {
		pattern[strcspn(pattern, "\n")] = 0;
		fits = fnmatch(pattern, modalias, 0) == 0;
	}
	fclose(patterns);
	return fits;
}

/* /modules holds NN-NAME.ko in loading order, and the parameters of a module
 * beside it as NN-NAME.parameters. */
static void load_module(const char *name)
{
	char path[512], parameters[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/modules/%.*s.parameters", (int)strlen(name) - 3, name);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		ssize_t got = read(fd, parameters, sizeof(parameters) - 1);

		parameters[got > 0 ? got : 0] = 0;
		close(fd);
	}
	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (syscall(SYS_finit_module, fd, parameters, 0) && errno != EEXIST))
		fail("the kernel refuses its module %s: %s", name, strerror(errno));
	close(fd);
	unlink(path); /* the initramfs is memory: give it back */
}

static int is_module(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 3 && strcmp(entry->d_name + length - 3, ".ko") == 0;
}

static void read_modalias(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/modalias", "re");

	if (file && fgets(modalias, sizeof(modalias), file))
		modalias[strcspn(modalias, "\n")] = 0;
	if (file)
		fclose(file);
}

/* The kernel's release, a line; the CPU's modalias, a line; /proc/crypto, which
 * names the code that computes each checksum. */
static void say_ready(void)
{
	char *text = NULL, block[4096];
	size_t length = 0, got;
	struct utsname name;
	FILE *said = open_memstream(&text, &length);
	FILE *crypto = fopen("/proc/crypto", "re");

	if (!said)
		fail("no memory to say what kernel this is");
	uname(&name);
	fprintf(said, "%s\n%s\n", name.release, modalias);
	while (crypto && (got = fread(block, 1, sizeof(block), crypto)) > 0)
		fwrite(block, 1, got, said);
	if (crypto)
		fclose(crypto);
	if (fclose(said))
		fail("no memory to say what kernel this is");
	send_frame(FRAME_READY, text, length);
	free(text);
}

void guest_pause(void)
{
	transport_pause();
	send_frame(FRAME_WENT_ON, NULL, 0);
}

#define KHUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs"
#define LARGEST_PMD (32ull << 20)
#define ONE_SCAN 500000 /* microseconds, of which hardly any are executed */

/* khugepaged scans what is mapped by the clock, every ten seconds, and on v7.3 it
 * collapses a mapped file's folios into larger ones: then a file is not cached as
 * it was filled. It wakes at once for the first process that it is told of
 * (__khugepaged_enter, v6.12), whatever its clock says. So that is one which does
 * nothing, and after that scan its clock never comes round. */
void job_still(void)
{
	volatile char *memory;

	job_read((struct key[]){ END });
	if (access(KHUGEPAGED, W_OK))
		return;
	write_control(KHUGEPAGED, "4294967295");
	if (fork()) {
		usleep(ONE_SCAN);
		return;
	}
	memory = mmap(NULL, 2 * LARGEST_PMD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	madvise((void *)memory, 2 * LARGEST_PMD, MADV_HUGEPAGE);
	memory[LARGEST_PMD] = 1; /* v7.3 is told of it by a fault */
	usleep(ONE_SCAN / 2);
	munmap((void *)memory, 2 * LARGEST_PMD);
	for (;;)
		pause();
}

/* A system's random numbers are seeded long before a program begins. A guest has
 * nothing to make them of: until then each that is asked for is computed from all
 * that was gathered (touch_u4k on v6.18: 8,000 of 23,505 instructions for the order
 * of new slabs' objects), and who asks for many waits. The same seed every time. */
static void seed_random(void)
{
	struct {
		struct rand_pool_info head;
		uint8_t bytes[64];
	} seed = { .head = { .entropy_count = 8 * sizeof(seed.bytes),
			     .buf_size = sizeof(seed.bytes) } };
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);

	memset(seed.bytes, 0x5a, sizeof(seed.bytes));
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed))
		fail("cannot seed the kernel's random numbers: %s", strerror(errno));
	close(fd);
}

void guest_boot(void)
{
	struct dirent **modules;
	int count;

	guest = 1;
	mount_or_fail("proc", "/proc", NULL);
	mount_or_fail("sysfs", "/sys", NULL);
	mount_or_fail("devtmpfs", "/dev", NULL);
	seed_random();
	read_modalias();
	count = scandir("/modules", &modules, is_module, alphasort);
	for (int i = 0; i < count; i++)
		if (fits_cpu(modules[i]->d_name))
			load_module(modules[i]->d_name);
	say_ready();
}
