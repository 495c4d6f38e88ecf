// SPDX-License-Identifier: GPL-2.0-or-later
/* The file system under test: its blocks, its mount, its caches. */
#define _GNU_SOURCE // asprintf
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

#define MOUNT_POINT "/mnt"

static const char *place; /* another than the file system under test */

void use_work_place(const char *directory)
{
	place = directory;
}

const char *work_place(void)
{
	return place ? place : is_guest() ? MOUNT_POINT : ".";
}

/* On a host in a folder of this process, which whoever started it removes. */
char *in_work_place(const char *name)
{
	char folder[64], *path;

	if (is_guest())
		snprintf(folder, sizeof(folder), "%s", work_place());
	else
		snprintf(folder, sizeof(folder), ".tailwalk-%d", getpid());
	if (mkdir(folder, 0700) && errno != EEXIST)
		fail("cannot make the folder %s: %s", folder, strerror(errno));
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		fail("no memory for the path of %s", name);
	return path;
}

/* `take` gives `length` bytes: segments of 64-bit offset, length and repeated
 * byte (256: none, the bytes follow). */
void disk_fill(const char *device, uint64_t length, void (*take)(void *buffer, size_t length))
{
	static char buffer[1 << 16];
	int fd = open(device, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fail("the kernel offers no %s (%s): its driver (brd for the RAM disk, virtio_blk for "
		     "a virtio disk) is not built in, and no modules were found beside the image",
		     device, strerror(errno));
	while (length >= 24) {
		uint64_t head[3];

		take(head, sizeof(head));
		length -= sizeof(head);
		if (head[2] > 255)
			length -= head[1];
		else
			memset(buffer, (int)head[2], sizeof(buffer));
		while (head[1]) {
			size_t part = head[1] < sizeof(buffer) ? head[1] : sizeof(buffer);

			if (head[2] > 255)
				take(buffer, part);
			if (pwrite(fd, buffer, part, (off_t)head[0]) != (ssize_t)part)
				fail("cannot write to %s: %s", device, strerror(errno));
			head[0] += part;
			head[1] -= part;
		}
	}
	if (length || fsync(fd) || close(fd))
		fail("cannot write the file system to %s", device);
}

void job_disk(void)
{
	const char *device;
	uint64_t length;

	job_read((struct key[]){ TEXT(device), NUMBER(length), END });
	disk_fill(device, length, job_bytes);
}

void disk_mount(const char *kind, const char *device, const char *options)
{
	mkdir(MOUNT_POINT, 0755);
	if (mount(device, MOUNT_POINT, kind, 0, options))
		fail("cannot mount %s as %s (options '%s'): %s", device, kind, options,
		     errno == EINVAL ? "the kernel finds no such file system on it, or refuses "
				       "the options (the console says which)" :
		     errno == ENODEV ? "the kernel has no driver for it" :
				       strerror(errno));
}

void job_mount(void)
{
	const char *kind, *device, *options;

	job_read((struct key[]){ TEXT(kind), TEXT(device), TEXT(options), END });
	disk_mount(kind, device, options);
}

void disk_unmount(void)
{
	if (umount(MOUNT_POINT))
		fail("cannot unmount: %s", strerror(errno));
}

void write_control(const char *path, const char *text)
{
	int control = open(path, O_WRONLY | O_CLOEXEC);

	if (control < 0 || write(control, text, strlen(text)) != (ssize_t)strlen(text))
		fail("cannot write %s to %s: %s", text, path, strerror(errno));
	close(control);
}

/* Write the file back and drop what the caches hold of it. */
void settle_caches(int fd)
{
	if (fsync(fd))
		fail("fsync: %s", strerror(errno));
	if (!is_guest()) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		return;
	}
	sync();
	write_control("/proc/sys/vm/drop_caches", "3");
}

/* `key NUMBER` of /proc/vmstat, of which a read gives a part; 0 where it has none. */
static int in_vmstat(const char *key, uint64_t *number)
{
	static int vmstat = -1;
	static char text[1 << 13];
	size_t kept = 0;
	ssize_t got;
	off_t at = 0;

	if (vmstat < 0)
		vmstat = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	while ((got = pread(vmstat, text + kept, sizeof(text) - 1 - kept, at)) > 0) {
		char *found;

		at += got;
		text[kept + (size_t)got] = 0;
		found = strstr(text, key);
		if (found && strchr(found, '\n'))
			return sscanf(found + strlen(key), "%" SCNu64, number) == 1;
		kept = strlen(strrchr(text, '\n') ? strrchr(text, '\n') : text);
		memmove(text, text + strlen(text) - kept, kept);
	}
	return 0;
}

#define WRITTEN "\npgpgout " /* KiB (submit_bio) */

int tells_written(void)
{
	uint64_t number;

	return in_vmstat(WRITTEN, &number);
}

uint64_t bytes_written(void)
{
	uint64_t number = 0;

	in_vmstat(WRITTEN, &number);
	return number << 10;
}
