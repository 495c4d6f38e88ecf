// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "uring.h"

static struct {
	int fd, filled;
	long gives;
	struct io_uring_params is;
	char *submitted, *completed;
	struct io_uring_sqe *entry;
} ring;

#define SUBMITTED(what) ((uint32_t *)(ring.submitted + ring.is.sq_off.what))
#define COMPLETED(what) ((uint32_t *)(ring.completed + ring.is.cq_off.what))
#define SUBMITTED_LENGTH (ring.is.sq_off.array + ring.is.sq_entries * sizeof(uint32_t))
#define COMPLETED_LENGTH (ring.is.cq_off.cqes + ring.is.cq_entries * sizeof(struct io_uring_cqe))

static void *map(size_t length, off_t what)
{
	void *found = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   ring.fd, what);

	if (found == MAP_FAILED)
		fail("cannot map an io_uring: %s", strerror(errno));
	return found;
}

void open_uring(struct work *work)
{
	memset(&ring, 0, sizeof(ring));
	/* In a ring of two, every second end comes to where the kernel begins anew. */
	ring.is.flags = IORING_SETUP_CQSIZE;
	ring.is.cq_entries = 4096;
	ring.fd = (int)syscall(SYS_io_uring_setup, 1, &ring.is);
	/* What /proc/sys/kernel/io_uring_disabled and seccomp make it say. */
	if (ring.fd < 0 && errno == EPERM)
		leave_out("io_uring_setup: %s", strerror(errno));
	sure("io_uring_setup", ring.fd);
	ring.submitted = map(SUBMITTED_LENGTH, IORING_OFF_SQ_RING);
	ring.completed = map(COMPLETED_LENGTH, IORING_OFF_CQ_RING);
	ring.entry = map(ring.is.sq_entries * sizeof(*ring.entry), (off_t)IORING_OFF_SQES);
	add_step(work, (struct step){ CALL(io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS),
				      .gives = 1, .cannot = { EPERM } });
}

static void check_completed(void)
{
	uint32_t head = *COMPLETED(head);
	const struct io_uring_cqe *end = (const struct io_uring_cqe *)COMPLETED(cqes) +
					 (head & *COMPLETED(ring_mask));

	if (head == __atomic_load_n(COMPLETED(tail), __ATOMIC_ACQUIRE))
		fail("io_uring_enter came back before the end of what it submitted");
	if (end->res == -EOPNOTSUPP)
		leave_out("io_uring: %s", strerror(-end->res));
	if (end->res != ring.gives)
		fail("io_uring gave %d, and not %ld", end->res, ring.gives);
	__atomic_store_n(COMPLETED(head), head + 1, __ATOMIC_RELEASE);
	ring.filled = 0;
}

void fill_uring(struct io_uring_sqe entry, long gives)
{
	uint32_t tail = *SUBMITTED(tail);

	if (ring.filled)
		check_completed();
	*ring.entry = entry;
	*SUBMITTED(array) = 0;
	__atomic_store_n(SUBMITTED(tail), tail + 1, __ATOMIC_RELEASE);
	ring.filled = 1;
	ring.gives = gives;
}

void close_uring(struct work *work)
{
	(void)work;
	check_completed();
	munmap(ring.submitted, SUBMITTED_LENGTH);
	munmap(ring.completed, COMPLETED_LENGTH);
	munmap(ring.entry, ring.is.sq_entries * sizeof(*ring.entry));
	sure("close", close(ring.fd));
}
