// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The root file system of a program: files, put into memory one by one, or an
 * image of ext4 on a RAM disk of its own. The first file system, with the probe
 * in it, is left for it, as switch_root(8) does; so names mean the program's
 * from there on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probe.h"

#define NEW_ROOT "/root"
/* The rest is for the kernel and the program: too large a tree is an error of
 * its own, and not the end of some process. */
#define SHARE "size=80%,mode=755"
#define LONGEST 4096 /* PATH_MAX */
#define CHUNK (1 << 16)

/* An entry of a tree (programs/tree.py); its name, the target of its link and
 * its content follow. */
struct entry {
	uint32_t mode, uid, gid, major, minor, name, target, unused;
	uint64_t size;
	int64_t modified;
};

static void put_content(int fd, const char *name, uint64_t left)
{
	static char buffer[CHUNK] __attribute__((aligned(SMALLEST_PAGE)));

	while (left) {
		size_t part = left < CHUNK ? left : CHUNK;

		job_bulk(buffer, part);
		if (write_whole(fd, buffer, part))
			fail("cannot write /%s of the root: %s%s", name, strerror(errno),
			     errno == ENOSPC || errno == ENOMEM ?
				     " (it is in memory: give the guest more)" :
				     "");
		left -= part;
	}
}

static int put(const struct entry *entry, const char *name, const char *target)
{
	int fd;

	if (S_ISDIR(entry->mode))
		return mkdir(name, 0700) && errno != EEXIST ? -1 : 0;
	unlink(name); /* an archive may have a file twice; the last holds */
	if (S_ISLNK(entry->mode))
		return symlink(target, name);
	if (!S_ISREG(entry->mode))
		return mknod(name, entry->mode, makedev(entry->major, entry->minor));
	if (*target)
		return link(target, name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	put_content(fd, name, entry->size);
	return close(fd);
}

static int put_attributes(const struct entry *entry, const char *name)
{
	const struct timespec times[2] = { { .tv_sec = entry->modified },
					   { .tv_sec = entry->modified } };

	return lchown(name, entry->uid, entry->gid) ||
	       (!S_ISLNK(entry->mode) && chmod(name, entry->mode & 07777)) ||
	       utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW);
}

/* From here on names are those of the new root. */
static void become_root(void)
{
	static const char *const links[][2] = { { "/proc/self/fd", "/dev/fd" },
						{ "/proc/self/fd/0", "/dev/stdin" },
						{ "/proc/self/fd/1", "/dev/stdout" },
						{ "/proc/self/fd/2", "/dev/stderr" } };
	struct stat found;

	if (chdir(NEW_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		fail("cannot change to the program's root: %s", strerror(errno));
	mount_or_fail("proc", "/proc", NULL);
	mount_or_fail("sysfs", "/sys", NULL);
	mount_or_fail("devtmpfs", "/dev", NULL);
	mount_or_fail("tmpfs", "/dev/shm", "mode=1777");
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, "mode=620,ptmxmode=666"); /* not all have it */
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		(void)!symlink(links[i][0], links[i][1]);
	mkdir("/run", 0755);
	if (stat("/tmp", &found) && (mkdir("/tmp", 0777) || chmod("/tmp", 01777)))
		fail("cannot make /tmp in the root: %s", strerror(errno));
}

void job_tree(void)
{
	static char name[LONGEST], target[LONGEST];
	uint64_t entries;

	job_read((struct key[]){ NUMBER(entries), END });
	mount_or_fail("tmpfs", NEW_ROOT, SHARE);
	if (chdir(NEW_ROOT))
		fail("cannot begin the root: %s", strerror(errno));
	while (entries--) {
		struct entry entry;

		job_bulk(&entry, sizeof(entry));
		if (entry.name >= sizeof(name) || entry.target >= sizeof(target))
			fail("a name in the root is longer than %d bytes", LONGEST - 1);
		job_bulk(name, entry.name);
		job_bulk(target, entry.target);
		name[entry.name] = target[entry.target] = 0;
		if (put(&entry, name, target) || put_attributes(&entry, name))
			fail("cannot make /%s of the root: %s", name, strerror(errno));
	}
	become_root();
}

void job_image(void)
{
	const char *device;
	uint64_t length;

	job_read((struct key[]){ TEXT(device), NUMBER(length), END });
	disk_fill(device, length, job_bulk);
	mkdir(NEW_ROOT, 0755);
	if (mount(device, NEW_ROOT, "ext4", 0, ""))
		fail("cannot mount the root's image as ext4: %s",
		     errno == EINVAL ? "the kernel finds no such file system in it" :
				       strerror(errno));
	become_root();
}
