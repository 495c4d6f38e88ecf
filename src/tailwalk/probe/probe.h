/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe: what its parts share. */
#ifndef TAILWALK_PROBE_H
#define TAILWALK_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "framing/frame.h"

/* pages.c: the page frames behind a mapping, and their flags; the folios that
 * cache a file; memory that ends. */
#define SMALLEST_PAGE 4096 /* of any machine */
#define LARGEST_FOLIO (2ull << 20)
#define FLAG_DIRTY (1ull << 4)
#define FLAG_WRITEBACK (1ull << 8)
#define FLAG_TAIL (1ull << 16) /* of a compound page, as all but a folio's first */
struct folios {
	uint64_t known; /* 0 where the kernel does not show page flags */
	uint64_t written; /* order of the folio at the given offset */
	uint64_t count[32]; /* folios by order */
};
uint64_t page_size(void);
int page_frames(const volatile void *at, uint64_t *frames, size_t count);
int frame_flags(uint64_t frame, uint64_t *flags, size_t count);
int mapped_order(const volatile unsigned char *at);
void inspect_folios(int fd, uint64_t size, uint64_t offset, struct folios *found);
unsigned char *guarded_end(void);

/* channel.c: bytes in (the job) and frames out (the results). */
void channel_open_host(int job, int results);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void share_channel(void); /* from here on with children, which send one by one */
void send_frame(enum frame type, const void *payload, size_t length);
void send_text(enum frame type, const char *format, ...) __attribute__((format(printf, 2, 3)));
void job_start(void);
char *job_line(void);
void job_bytes(void *buffer, size_t length);
void job_bulk(void *buffer, size_t length); /* the same, for much */
/* What fails from here on is what the case measures, and no more than that. */
extern int in_case;
/* The kernel or file system cannot do what the case measures: end, saying why. */
_Noreturn void leave_out(const char *format, ...) __attribute__((format(printf, 1, 2)));

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

/* The argument with which the probe ends at once: a program for cases to start. */
#define NOTHING "nothing"

/* x86_64/transport.c: the guest's ways in and out. */
uint64_t transport_open(void); /* the job's length */
void transport_receive(void *buffer, size_t length);
void transport_receive_bulk(void *buffer, size_t length);
void transport_send(const void *data, size_t length);
/* Stop the machine, so that its state can be saved at this very instruction; it
 * may have to be told to go on more than once. */
void transport_pause(void);
_Noreturn void transport_exit(int status);

/* guest.c: the life of /init. */
void guest_boot(void);
void guest_pause(void); /* until told to go on, which it tells */
void mount_or_fail(const char *kind, const char *where, const char *options);
int is_guest(void);

/* output.c: what a program writes, by pipes, to the host while it runs. */
void output_open(int ends[2]); /* that the program has */
void output_pass_on(void); /* what there is */

/* user.c: whom a program runs as, by the root's /etc/passwd and /etc/group. */
struct user {
	unsigned int uid, gid, groups[64];
	size_t group_count;
};
void find_user(const char *name, struct user *found);

/* disk.c: the file system under test. */
void disk_fill(const char *device, uint64_t length, void (*take)(void *buffer, size_t length));
void disk_mount(const char *kind, const char *device, const char *options);
void disk_unmount(void);
void settle_caches(int fd);
/* What was written to disks since the boot, bytes, where the kernel tells it. */
int tells_written(void);
uint64_t bytes_written(void);
void write_control(const char *path, const char *text); /* a file of the kernel's */
const char *work_place(void); /* the directory whose files are measured */
void use_work_place(const char *directory); /* instead; NULL for none */
char *in_work_place(const char *name); /* the path there that a case may have for itself */

/* verbs.c: what lines of a job can tell the program to do. */
struct verb {
	const char *name;
	void (*act)(void);
};
extern const struct verb verbs[]; /* up to the one without a name */

/* Each in the file that knows what it does. */
void job_disk(void);
void job_mount(void);
void job_still(void);
void job_pin(void);
void job_case(void);
void job_need(void);
void job_leave(void);
void job_alone(void);
void job_prepare(void);
void job_time(void);
void job_folios(void);
void job_tree(void);
void job_image(void);
void job_user(void);
void job_input(void);
void job_file(void);
void job_make(void);
void job_run(void);
void job_replay(void);
void job_symbols(void);
void job_pause(void);

#endif
