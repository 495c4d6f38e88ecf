/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe: what its parts share. */
#ifndef TAILWALK_PROBE_H
#define TAILWALK_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "declared.h"
#include "framing/frame.h"
#include "pages.h"

/* channel.c: bytes in (the job) and frames out (the results). */
void channel_open_host(int job, int results);
void send_frame(enum frame type, const void *payload, size_t length);
void send_text(enum frame type, const char *format, ...) __attribute__((format(printf, 2, 3)));
void job_start(void);
char *job_line(void);
void job_bytes(void *buffer, size_t length);

/* job.c: what a line of the job says, and nothing besides. */
struct key {
	const char *name;
	uint64_t *number; /* where the value goes: this, or `text` */
	const char **text;
};
#define NUMBER(variable) { .name = #variable, .number = &(variable) }
#define TEXT(variable) { .name = #variable, .text = &(variable) }
#define END { 0 }
const char *job_verb(void); /* of the next line */
const char *job_word(const char *name);
void job_read(const struct key *keys);

/* x86_64/transport.c: the guest's ways in and out. */
uint64_t transport_open(void); /* the job's length */
void transport_receive(void *buffer, size_t length);
void transport_send(const void *data, size_t length);
/* Stop the machine, so that its state can be saved at this very instruction;
 * the job is read after it goes on. */
void transport_pause(void);
_Noreturn void transport_exit(int status);

/* guest.c: the life of /init. */
void guest_boot(void);
int is_guest(void);

/* disk.c: the file system under test. */
void disk_mount(const char *kind, const char *device, const char *options);
void disk_unmount(void);
void settle_caches(int fd);
void write_control(const char *path, const char *text); /* a file of the kernel's */
const char *work_place(void); /* the directory whose files are measured */

/* x86_64/measure.c: a call's instructions, or nanoseconds by the time-stamp
 * counter; the same without the call. */
struct call {
	long number, a, b, c, d, e, f; /* the system call's, and its arguments */
};
uint64_t measure_call(const struct call *call, long *result);
uint64_t measure_nothing(const struct call *call, long *result);

/* A case: a workload, and what its functions have to work with. */
struct work {
	const struct declared *declared;
	uint64_t values[MOST_PARAMETERS];
	int fd; /* of the cached file */
	char *memory; /* buffers of `size` bytes: number i begins i * stride further */
	uint64_t stride;
	struct call call; /* the system call, as the counting loop makes it */
	uint64_t expected; /* the result of every call */
};

/* The parameters of a case of the workload: the struct that its declaration
 * makes. */
#define PARAMETERS(workload, work) ((const struct workload##_parameters *)(work)->values)

/* What a workload does: workloads/NAME.c, whose declaration is
 * tailwalk/cases/workloads/NAME.py. */
struct workload {
	/* Once, before the first call: makes the rest of `work`. */
	void (*prepare)(struct work *work);
	/* Before every call, outside the measured part: brings back what calls
	 * change. NULL where they change nothing that the next one minds. */
	void (*restore)(struct work *work);
	/* The call through the C library, as programs make it; the counting loop
	 * makes `work->call` itself, which has to be the same. */
	long (*call)(struct work *work);
	/* Fails unless the result (a negative errno for an error) is right. NULL
	 * where it has to be `work->expected`. */
	void (*check)(const struct work *work, long result);
};

/* Made from the declarations when the probe is built. */
#define NONE SIZE_MAX
struct declared {
	const char *name;
	const struct workload *workload;
	const char *const *parameters; /* of its struct, in order */
	size_t cached_file; /* where in it those of the file are, or NONE */
};
extern const struct declared workloads[]; /* ended by one without a name */

/* case.c: a case of the job, and what the loops and workloads share. */
void read_case(struct work *work, const struct key *more);
uint64_t parameter(const struct work *work, const char *name, uint64_t otherwise);
const struct cached_file *file_of(const struct work *work);
char *new_buffer(uint64_t size);
void fill_file(int fd, const struct cached_file *file, size_t missing);
void cache_file(int fd, const struct cached_file *file, void (*empty)(int fd));
void seek_to(const struct work *work, uint64_t offset);
void check_result(const struct work *work, long result);

/* The verbs of a job (main.c), each in the file that knows what it does. */
void job_disk(void);
void job_mount(void);
void job_pin(void);
void job_faults(void);
void job_case(void);
void job_fill(void);
void job_time(void);
void job_folios(void);
void job_program(void);
void job_file(void);
void job_make(void);
void job_run(void);
void job_exercise(void);
void job_recover(void);
void job_replay(void);
void job_symbols(void);
void job_pause(void);

#endif
