// SPDX-License-Identifier: GPL-2.0-or-later
/* A case of the job: its workload and parameters, what is prepared for it, and
 * its calls, each a row of steps. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

static const struct declared *find_workload(const char *name)
{
	const struct declared *found = workloads;

	while (found->name && strcmp(found->name, name))
		found++;
	if (!found->name)
		fail("the probe has no workload %s", name);
	return found;
}

void read_case(struct work *work, const struct key *more)
{
	const char *workload = job_word("workload");
	struct key keys[MOST_PARAMETERS + 4] = { TEXT(workload) };
	struct key *next = keys + 1;

	*work = (struct work){ .declared = find_workload(workload), .fd = -1 };
	memset(work->results, -1, sizeof(work->results));
	while (more->name)
		*next++ = *more++;
	for (int i = 0; work->declared->parameters[i]; i++)
		*next++ = (struct key){ .name = work->declared->parameters[i],
					.number = &work->values[i] };
	job_read(keys);
}

uint64_t parameter(const struct work *work, const char *name, uint64_t otherwise)
{
	for (int i = 0; work->declared->parameters[i]; i++)
		if (strcmp(work->declared->parameters[i], name) == 0)
			return work->values[i];
	return otherwise;
}

#define EACH_NEED(need, work) \
	for (const struct need *need = (work)->declared->needs; need->preparation; need++)

static const void *parameters_of(const struct work *work, const struct need *need)
{
	return (const char *)work->values + need->at;
}

void prepare_needs(const struct work *work)
{
	EACH_NEED(need, work)
	need->preparation->prepare(parameters_of(work, need));
}

void job_need(void)
{
	const char *preparation = job_word("preparation");
	const struct declared_preparation *found = preparations;
	struct key keys[MOST_PARAMETERS + 2] = { TEXT(preparation) };
	uint64_t values[MOST_PARAMETERS];

	while (found->name && strcmp(found->name, preparation))
		found++;
	if (!found->name)
		fail("the probe has no preparation %s", preparation);
	for (int i = 0; found->parameters[i]; i++)
		keys[1 + i] = (struct key){ .name = found->parameters[i], .number = &values[i] };
	job_read(keys);
	found->preparation->prepare(values);
}

void look_at_needs(const struct work *work, int last, struct folios *found)
{
	EACH_NEED(need, work)
	if (need->preparation->look)
		need->preparation->look(work, parameters_of(work, need), last, found);
}

void finish_needs(const struct work *work)
{
	const struct need *first = work->declared->needs, *need = first;

	while (need->preparation)
		need++;
	while (need-- > first) /* what came later may lie in what came before */
		if (need->preparation->finish)
			need->preparation->finish();
}

static void on_fault(int number)
{
	fail("it touches memory that is not there (%s)", strsignal(number));
}

void begin_calls(struct work *work)
{
	EACH_NEED(need, work)
	if (need->preparation->ready)
		need->preparation->ready(work);
	in_case = 1;
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	work->declared->workload->prepare(work);
}

void end_calls(struct work *work)
{
	if (work->declared->workload->finish)
		work->declared->workload->finish(work);
	if (work->memory_begin)
		munmap(work->memory_begin, work->memory_length);
	in_case = 0;
}

void add_step(struct work *work, struct step step)
{
	if (work->count == MOST_STEPS)
		fail("a call of it has more than %d steps", MOST_STEPS);
	for (size_t i = 0; i < sizeof(step.uses); i++)
		step.linked |= step.uses[i];
	work->steps[work->count++] = step;
}

void link_step(struct work *work, struct step *step)
{
	for (size_t i = 0; i < sizeof(step->uses); i++)
		if (step->uses[i])
			step->with[i] = work->results[step->uses[i] - 1];
}

void refuse_result(const struct step *step, long result)
{
	if (result >= 0)
		fail("%s gave %ld, and not %ld", step->name, result, step->gives);
	for (size_t i = 0; i < sizeof(step->cannot) / sizeof(step->cannot[0]); i++)
		if (result == -ENOSYS || (step->cannot[i] && result == -step->cannot[i]))
			leave_out("%s: %s", step->name, strerror((int)-result));
	fail("%s: %s", step->name, strerror((int)-result));
}

/* The result of a C-library function that tells errors by a negative one. */
long sure(const char *what, long result)
{
	if (result < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		leave_out("%s: %s", what, strerror(errno));
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
	return result;
}

void make_file(const char *path)
{
	sure("close", close((int)sure("open", open(path, O_CREAT | O_WRONLY, 0600))));
}

void seek_to(const struct work *work, uint64_t offset)
{
	sure("lseek", lseek(work->fd, (off_t)offset, SEEK_SET));
}

/* The descriptor that a step of the last call gave, if there was one. */
void close_result(struct work *work, size_t step)
{
	if (work->results[step] >= 0)
		sure("close", close((int)work->results[step]));
	work->results[step] = -1;
}
