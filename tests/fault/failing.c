// SPDX-License-Identifier: GPL-2.0-or-later
/* Preloaded: lets a call to the file system below the directories FAULT_UNDER fail.
 *
 * The mapped file FAULT_CONTROL says which one, and can be written to meanwhile; calls are counted
 * over all processes. What failed is written to FAULT_LOG, and where none is to fail, all calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile struct {
	long at; /* the number of the call that fails, from 1 on; 0: none */
	long error; /* errno; 0: a write stops half way, other calls have EIO */
	long on; /* do all later ones fail too? */
	long count;
} *control;
static const char *under, *log_path;

__attribute__((constructor)) static void begin(void)
{
	const char *file = getenv("FAULT_CONTROL");
	int fd;

	under = getenv("FAULT_UNDER");
	log_path = getenv("FAULT_LOG");
	if (!under || !file)
		return;
	fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (control == MAP_FAILED)
		control = NULL;
	close(fd);
}

static void path_of_fd(int fd, char *path)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX - 1);
	path[length < 0 ? 0 : length] = 0;
}

static void whole_path(int dir, const char *name, char *path)
{
	size_t length;

	if (name[0] == '/') {
		snprintf(path, PATH_MAX, "%s", name);
		return;
	}
	if (dir == AT_FDCWD) {
		if (!getcwd(path, PATH_MAX))
			path[0] = 0;
	} else {
		path_of_fd(dir, path);
	}
	length = strlen(path);
	snprintf(path + length, PATH_MAX - length, "/%s", name);
}

static int is_under(const char *path)
{
	const char *one = under;

	while (*one) {
		size_t length = strcspn(one, ":");

		if (length && !strncmp(path, one, length) &&
		    (path[length] == '/' || !path[length]))
			return 1;
		one += length + (one[length] == ':');
	}
	return 0;
}

/* Is it this call's turn to fail? */
static int fails(const char *call, const char *path)
{
	long number;

	if (!control || !is_under(path))
		return 0;
	number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
	if (control->at && (control->on ? number < control->at : number != control->at))
		return 0;
	if (log_path) {
		char line[PATH_MAX + 64];
		int fd = syscall(SYS_openat, AT_FDCWD, log_path,
				 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		int length = snprintf(line, sizeof(line), "%s %s\n", call, path);

		syscall(SYS_write, fd, line, length);
		close(fd);
	}
	errno = control->error ? control->error : EIO;
	return control->at != 0;
}

static int fails_at(const char *call, int dir, const char *name)
{
	char path[PATH_MAX];

	if (!control)
		return 0;
	whole_path(dir, name, path);
	return fails(call, path);
}

static int fails_fd(const char *call, int fd)
{
	char path[PATH_MAX];
	struct stat found;

	if (!control || fstat(fd, &found) || !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)))
		return 0;
	path_of_fd(fd, path);
	return fails(call, path);
}

#define NEXT(name)                     \
	static __typeof__(name) *next; \
	if (!next)                     \
	next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                    \
	int name(const char *path, int flags, ...)    \
	{                                             \
		va_list rest;                         \
		mode_t mode;                          \
		NEXT(name);                           \
		va_start(rest, flags);                \
		mode = va_arg(rest, mode_t);          \
		va_end(rest);                         \
		if (fails_at("open", AT_FDCWD, path)) \
			return -1;                    \
		return next(path, flags, mode);       \
	}

#define OPENAT(name)                                        \
	int name(int dir, const char *path, int flags, ...) \
	{                                                   \
		va_list rest;                               \
		mode_t mode;                                \
		NEXT(name);                                 \
		va_start(rest, flags);                      \
		mode = va_arg(rest, mode_t);                \
		va_end(rest);                               \
		if (fails_at("open", dir, path))            \
			return -1;                          \
		return next(dir, path, flags, mode);        \
	}

#define OF_FD(name, call, result, parameters, arguments) \
	result name parameters                           \
	{                                                \
		NEXT(name);                              \
		if (fails_fd(call, fd))                  \
			return -1;                       \
		return next arguments;                   \
	}

#define OF_PATH(name, call, dir, path, parameters, arguments) \
	int name parameters                                   \
	{                                                     \
		NEXT(name);                                   \
		if (fails_at(call, dir, path))                \
			return -1;                            \
		return next arguments;                        \
	}

/* A write may also stop half way. */
#define WRITE(name, parameters, half, whole)            \
	ssize_t name parameters                         \
	{                                               \
		NEXT(name);                             \
		if (fails_fd("write", fd)) {            \
			if (control->error || size < 2) \
				return -1;              \
			return next half;               \
		}                                       \
		return next whole;                      \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
WRITE(write, (int fd, const void *from, size_t size), (fd, from, size / 2), (fd, from, size))
WRITE(pwrite, (int fd, const void *from, size_t size, off_t place), (fd, from, size / 2, place),
      (fd, from, size, place))
WRITE(pwrite64, (int fd, const void *from, size_t size, off64_t place),
      (fd, from, size / 2, place), (fd, from, size, place))
OF_FD(writev, "write", ssize_t, (int fd, const struct iovec *parts, int number),
      (fd, parts, number))
OF_FD(fsync, "fsync", int, (int fd), (fd))
OF_FD(fdatasync, "fsync", int, (int fd), (fd))
OF_FD(syncfs, "syncfs", int, (int fd), (fd))
OF_FD(ftruncate, "truncate", int, (int fd, off_t size), (fd, size))
OF_FD(ftruncate64, "truncate", int, (int fd, off64_t size), (fd, size))
OF_PATH(mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
OF_PATH(mkdirat, "mkdir", dir, path, (int dir, const char *path, mode_t mode), (dir, path, mode))
OF_PATH(chmod, "chmod", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
OF_PATH(unlink, "unlink", AT_FDCWD, path, (const char *path), (path))
OF_PATH(rmdir, "rmdir", AT_FDCWD, path, (const char *path), (path))
OF_PATH(unlinkat, "unlink", dir, path, (int dir, const char *path, int flags), (dir, path, flags))
OF_PATH(rename, "rename", AT_FDCWD, to, (const char *from, const char *to), (from, to))
OF_PATH(renameat, "rename", to_dir, to,
	(int from_dir, const char *from, int to_dir, const char *to), (from_dir, from, to_dir, to))
OF_PATH(link, "link", AT_FDCWD, to, (const char *from, const char *to), (from, to))
OF_PATH(linkat, "link", to_dir, to,
	(int from_dir, const char *from, int to_dir, const char *to, int flags),
	(from_dir, from, to_dir, to, flags))
OF_PATH(symlink, "symlink", AT_FDCWD, to, (const char *from, const char *to), (from, to))
OF_PATH(symlinkat, "symlink", dir, to, (const char *from, int dir, const char *to),
	(from, dir, to))
