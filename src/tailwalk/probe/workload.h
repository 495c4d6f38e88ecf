/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cases: the rows of steps that are measured, workloads and preparations. */
#ifndef TAILWALK_WORKLOAD_H
#define TAILWALK_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "declared.h"
#include "probe.h"

/* A step of what is measured. The arguments of a system call and of a function
 * are `with`; a touch begins at the address with[0]. */
struct step {
	enum { SYSTEM_CALL, LOAD, STORE, FUNCTION } kind;
	const char *name; /* in errors */
	long with[6];
	uint8_t uses[6]; /* RESULT(i): this argument is what step i gave in the same call */
	int linked; /* is there one such? */
	long number; /* the system call's */
	uint64_t count, stride; /* touches, of a byte each, so many bytes apart */
	/* C that is measured as a whole, what it executes in user mode with it; its
	 * result is a negative errno where it fails. */
	long (*function)(const long *with);
	long gives; /* the one right result, */
	int any; /* or, where this is set, any that is no error */
	/* Errors by which a kernel or file system says that it cannot do it, besides
	 * ENOSYS: the case is left out there. */
	int cannot[3];
};
#define RESULT(step) ((step) + 1)
#define CALL(call, ...) \
	.kind = SYSTEM_CALL, .name = #call, .number = SYS_##call, .with = { __VA_ARGS__ }
#define TOUCH(how, times, apart) .kind = how, .name = #how, .count = times, .stride = apart
#define WHOLE(call, ...) .kind = FUNCTION, .name = #call, .function = call, .with = { __VA_ARGS__ }

/* x86_64/measure.c: a step's instructions, or nanoseconds by the time-stamp
 * counter, and its result; the same of what is not the kernel's in it, 0 where
 * that cannot be told (of a function). */
uint64_t measure_step(const struct step *step, long *result);
uint64_t measure_nothing(const struct step *step);

/* A case: a workload, and what its functions have to work with. */
#define MOST_STEPS 32
struct work {
	const struct declared *declared;
	uint64_t values[MOST_PARAMETERS];
	int timed; /* by the clock, and not counted */
	int fd; /* of the cached file */
	char *memory; /* buffers (lay_out): number i begins i * stride further */
	uint64_t stride, memory_length;
	void *memory_begin;
	struct step steps[MOST_STEPS];
	long results[MOST_STEPS]; /* of the last call; -1 before the first */
	size_t count;
};

/* The parameters of a case of the workload: the struct that its declaration
 * makes. */
#define PARAMETERS(workload, work) ((const struct workload##_parameters *)(work)->values)

/* What a workload does: workloads/NAME.c, whose declaration is
 * tailwalk/cases/workloads/NAME.py. */
struct workload {
	/* Once, before the first call: adds the row of steps that a call is. */
	void (*prepare)(struct work *work);
	/* Before every call, outside the measured part: brings back what calls
	 * change. NULL where they change nothing that the next one minds. */
	void (*restore)(struct work *work);
	/* Set where that has nothing to do before a call was made: the clock is then
	 * stopped for it, where its time is else measured apart and taken off. */
	int undoes;
	/* After the last call: leaves nothing behind. NULL for nothing. */
	void (*finish)(struct work *work);
};

/* What has to be there before a workload's first call, and is shared by cases
 * that want it alike: preparations/NAME.c, declared by a Preparation. NULL for
 * nothing to do. */
struct preparation {
	/* Makes it. The parameters are the struct that the declaration makes. */
	void (*prepare)(const void *parameters);
	/* Puts into `work` what a workload has of it. */
	void (*ready)(struct work *work);
	/* Tells the folios, before the calls and once more after the `last`. */
	void (*look)(const struct work *work, const void *parameters, int last,
		     struct folios *found);
	/* Removes it, the last of a workload's needs first. */
	void (*finish)(void);
};

/* Made from the declarations when the probe is built. */
struct need {
	const struct preparation *preparation;
	size_t at; /* where in the workload's struct its parameters are */
};
struct declared {
	const char *name;
	const struct workload *workload;
	const char *const *parameters; /* of its struct, in order */
	const struct need *needs; /* ended by one without a preparation */
};
extern const struct declared workloads[]; /* ended by one without a name */
struct declared_preparation {
	const char *name;
	const struct preparation *preparation;
	const char *const *parameters; /* of its struct, in order */
};
extern const struct declared_preparation preparations[]; /* ended by one without a name */

/* case.c: a case of the job. */
void read_case(struct work *work, const struct key *more);
uint64_t parameter(const struct work *work, const char *name, uint64_t otherwise);
void prepare_needs(const struct work *work);
void look_at_needs(const struct work *work, int last, struct folios *found);
void finish_needs(const struct work *work);
void begin_calls(struct work *work);
void end_calls(struct work *work);
void link_step(struct work *work, struct step *step);
_Noreturn void refuse_result(const struct step *step, long result);

/* Every step is made by `make`; the sum of what it returns. Where calls are
 * timed, what is done here is a part of it: little. */
static inline uint64_t make_call(struct work *work,
				 uint64_t (*make)(const struct step *step, long *result))
{
	uint64_t sum = 0;
	long *result = work->results;

	for (struct step *step = work->steps; step < work->steps + work->count; step++, result++) {
		if (step->linked)
			link_step(work, step);
		sum += make(step, result);
		if (step->any ? *result < 0 : *result != step->gives)
			refuse_result(step, *result);
	}
	return sum;
}

/* For workloads, in case.c, memory.c and names.c. */
void add_step(struct work *work, struct step step);
long sure(const char *what, long result);
void make_file(const char *path);
void seek_to(const struct work *work, uint64_t offset);
void close_result(struct work *work, size_t step);
char *make_deep(const char *parts);
void remove_deep(const char *parts);
void lay_out(struct work *work, uint64_t vectors, uint64_t size, uint64_t offset);
char *new_buffer(uint64_t size);

/* pipe.c: pipes of so many bytes, filled from the buffer and emptied into it. */
void open_pipe(int ends[2], uint64_t size);
void fill_pipe(const struct work *work, const int ends[2], uint64_t size);
void empty_pipe(const struct work *work, const int ends[2], uint64_t size);
void close_pipe(const int ends[2]);

/* file.c: the file that a case has from its preparation, brought back. */
long write_pieces(const long *with); /* of a descriptor, memory, begin, end, piece */
void write_again(const struct work *work, uint64_t begin, uint64_t end, uint64_t piece);
void write_in_tick(const struct work *work, uint64_t offset, uint64_t size);
void set_size(const struct work *work, uint64_t size);
void sync_file(const struct work *work);
void allocate(const struct work *work, uint64_t size);
void map_file(const struct work *work, char **map, uint64_t size);
void unmap_file(char **map, uint64_t size);

/* room.c: a place for one mapping of so many bytes, which mmap(2) then chooses, and
 * memory in use: below all others where no place is named. */
void make_room(uint64_t length);
void use_memory(char *at, uint64_t length);
void leave_room(void);

/* children.c: a gate that one side opens and the other sleeps at until it is. */
struct gate {
	int open;
};
struct gate *new_gates(int count);
void free_gates(struct gate *gates, int count);
void open_gate(struct gate *gate);
void pass_gate(struct gate *gate);
long ended(pid_t child);

/* preparations/sockets.c */
#define MOST_SOCKETS 1000
extern int sockets[MOST_SOCKETS];

/* preparations/attributed.c: a file's path, and what gives it its attribute, of
 * `memory` in struct work. */
#define ATTRIBUTE "user.tailwalk"
extern char *attributed;
void set_attribute(void);

/* preparations/cached_file.c */
int open_work_file(void);
void remove_work_file(int *fd);
void fill_file(int fd, const struct cached_file *file, size_t missing);

#endif
