// SPDX-License-Identifier: GPL-2.0-or-later
/* The probe as /init of a guest: from the kernel's hand to the first job. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ports.h"
#include "probe.h"

#define PAUSE_PORT 0x505 /* QEMU's pvpanic device; its pause action stops the machine */
#define EXIT_PORT 0x501 /* QEMU's isa-debug-exit device */

static int guest;

int is_guest(void)
{
	return guest;
}

static void mount_or_fail(const char *kind, const char *where)
{
	mkdir(where, 0755);
	if (mount(kind, where, kind, 0, NULL) && errno != EBUSY)
		fail("cannot mount %s on %s: %s", kind, where, strerror(errno));
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

void guest_boot(void)
{
	struct dirent **modules;
	struct utsname name;
	int count;

	guest = 1;
	channel_open_guest();
	mount_or_fail("proc", "/proc");
	mount_or_fail("sysfs", "/sys");
	mount_or_fail("devtmpfs", "/dev");
	count = scandir("/modules", &modules, is_module, alphasort);
	for (int i = 0; i < count; i++)
		load_module(modules[i]->d_name);
	uname(&name);
	send_frame(FRAME_READY, name.release, strlen(name.release));
}

/* Stop the machine, so that its state can be saved at this very instruction;
 * the job is read after it goes on. */
void guest_pause(void)
{
	hold_ports(PAUSE_PORT, 1, 1);
	port_out8(PAUSE_PORT, 1);
	hold_ports(PAUSE_PORT, 1, 0);
}

void guest_exit(int status)
{
	hold_ports(EXIT_PORT, 1, 1);
	port_out8(EXIT_PORT, (uint8_t)status);
	for (;;)
		pause();
}
