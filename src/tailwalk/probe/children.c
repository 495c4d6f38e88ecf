// SPDX-License-Identifier: GPL-2.0-or-later
/* Children and threads that wait until they are wanted. */
#define _GNU_SOURCE // syscall
#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

/* Closed ones, which children share. */
struct gate *new_gates(int count)
{
	struct gate *gates = mmap(NULL, count * sizeof(*gates), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (gates == MAP_FAILED)
		fail("no memory that children share");
	return gates;
}

void free_gates(struct gate *gates, int count)
{
	sure("munmap", munmap(gates, count * sizeof(*gates)));
}

void open_gate(struct gate *gate)
{
	__atomic_store_n(&gate->open, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &gate->open, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* And closes it behind. */
void pass_gate(struct gate *gate)
{
	while (!__atomic_load_n(&gate->open, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &gate->open, FUTEX_WAIT, 0, NULL, NULL, 0);
	gate->open = 0;
}

/* Wait for the child's end; 0, or a negative errno. */
long ended(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}
