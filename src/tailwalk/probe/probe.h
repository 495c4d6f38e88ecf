/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe: what its parts share. */
#ifndef TAILWALK_PROBE_H
#define TAILWALK_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "framing/frame.h"

/* channel.c: bytes in (the job) and frames out (the results). */
void channel_open_host(int job, int results);
void send_frame(enum frame type, const void *payload, size_t length);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void job_start(void);
char *job_line(void);
void job_bytes(void *buffer, size_t length);

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
void disk_write(const char *device, uint64_t length);
void disk_mount(const char *kind, const char *device, const char *options);
void disk_unmount(void);
void settle_caches(int fd);

/* pages.c: the page frames behind a mapping, and their flags. */
#define SMALLEST_PAGE 4096 /* of any machine */
uint64_t page_size(void);
int page_frames(const volatile void *at, uint64_t *frames, size_t count);
int frame_flags(uint64_t frame, uint64_t *flags, size_t count);
int order_of(uint64_t pages);
#define FLAG_DIRTY (1ull << 4)
#define FLAG_WRITEBACK (1ull << 8)
#define FLAG_TAIL (1ull << 16) /* of a compound page, as all but a folio's first */

/* folios.c: which folios cache a file. */
struct folios {
	uint64_t known; /* 0 where the kernel does not show page flags */
	uint64_t written; /* order of the folio at the given offset */
	uint64_t count[32]; /* folios by order */
};
void inspect_folios(int fd, uint64_t size, uint64_t offset, struct folios *found);

/* symbols.c: the kernel's functions. */
void offer_symbols(void);

/* calls.c: one benchmark case. */
struct call_case {
	const char *call;
	uint64_t size, vectors, offset, fill, file_size, uptodate, calls;
};
char *new_buffer(uint64_t size);
void fill_file(int fd, const struct call_case *wanted, size_t missing);
void run_case(const char *path, const struct call_case *wanted);

/* timing.c: calls timed by the clock. Returns 0 for a line that is none of its. */
int timing_command(const char *line);

/* program.c: a program of the user's. Returns 0 for a line that is none of its. */
int program_command(const char *line);

/* replay.c: sequences that a model predicts. Returns 0 for a line that is none
 * of its. */
int replay_command(const char *line);

#endif
