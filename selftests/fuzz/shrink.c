// SPDX-License-Identifier: GPL-2.0
/*
 * What was running when the kernel died, run again; and smaller versions of it,
 * one after the other, until one of them kills the kernel as well.  Each is in the
 * log before it runs, so scripts/fuzz finds there the one that did, and goes on
 * from it in another machine.
 */
#include "fuzz.h"

#include <limits.h>

enum { RUNNERS = 4, REPEAT = 30, MOST = 256 };

static struct program candidate[MOST];
static unsigned int candidate_count, tried;

/* So often, unless it is @end before, or a promise was broken; @end may be 0. */
static void run_all(const struct program *p, unsigned int count,
		    unsigned int repeat, uint64_t end, unsigned int runner)
{
	me = runner;
	execute_setup();
	for (unsigned int i = 0; i < repeat; i++) {
		for (unsigned int k = 0; k < count; k++) {
			if (shared_state->faults || (end && calls_now() > end))
				_exit(0);
			execute(&p[k], COVER_NONE);
		}
	}
	_exit(0);
}

/* First by one process, which is the better reproducer, and then by some. */
static void run_together(const struct program *p, unsigned int count,
			 unsigned int repeat, uint64_t end, unsigned int runners)
{
	pid_t pids[RUNNERS];
	int status;

	for (unsigned int i = 0; i < runners; i++) {
		pids[i] = fork();
		if (!pids[i])
			run_all(p, count, repeat, end, i);
	}
	for (unsigned int i = 0; i < runners; i++) {
		waitpid(pids[i], &status, 0);
		if (status)
			fault("a process ended with status %#x", status);
	}
}

int replay(const struct program *p, unsigned int count, unsigned int seconds)
{
	uint64_t half = seconds * SECOND / 2;

	run_together(p, count, UINT_MAX, calls_now() + half, 1);
	printf("by one process: %llu runs\n",
	       (unsigned long long)shared_state->programs);
	run_together(p, count, UINT_MAX, calls_now() + half, RUNNERS);
	if (shared_state->faults) {
		printf("%s\n", shared_state->fault);
		return 1;
	}
	printf("and by %d at a time: %llu runs in all, and nothing happened\n",
	       RUNNERS, (unsigned long long)shared_state->programs);
	return 0;
}

static void attempt(void)
{
	tried++;
	log_programs("log/shrunk", candidate, candidate_count);
	run_together(candidate, candidate_count, REPEAT, 0, 1);
	run_together(candidate, candidate_count, REPEAT, 0, RUNNERS);
	if (!shared_state->faults)
		return;
	/* No panic, but it is what was looked for. */
	printf("%s\n", shared_state->fault);
	exit(3);
}

static void set(const struct program *p, unsigned int count)
{
	memcpy(candidate, p, count * sizeof(*p));
	candidate_count = count;
}

/* Each alone, and then all but some of them. */
static void fewer_programs(const struct program *p, unsigned int count)
{
	for (unsigned int i = 0; count > 1 && i < count; i++) {
		set(&p[i], 1);
		attempt();
	}
	for (unsigned int part = count / 2; part; part /= 2) {
		for (unsigned int i = 0; i + part <= count; i += part) {
			if (part == count)
				continue;
			set(p, i);
			memcpy(candidate + i, p + i + part,
			       (count - i - part) * sizeof(*p));
			candidate_count = count - part;
			attempt();
		}
	}
}

static void fewer_calls(const struct program *p, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int calls = p[i].calls;

		for (unsigned int part = calls / 2; part; part /= 2) {
			for (unsigned int k = 0; k + part <= calls; k += part) {
				set(p, count);
				program_drop(&candidate[i], k, part);
				attempt();
			}
		}
	}
}

static void fewer_arguments(const struct program *p, unsigned int count)
{
	for (unsigned int part = MAX_ARGS; part; part /= 2) {
		for (unsigned int i = 0; i < count * MAX_CALLS; i++) {
			const struct program *one = &p[i / MAX_CALLS];
			unsigned int k = i % MAX_CALLS;

			for (unsigned int n = 0; n < MAX_ARGS; n += part) {
				struct call *c = &candidate[i / MAX_CALLS].call[k];

				if (k >= one->calls)
					break;
				set(p, count);
				memset(&c->arg[n], 0, part * sizeof(c->arg[0]));
				if (memcmp(c, &one->call[k], sizeof(*c)))
					attempt();
			}
		}
	}
}

int shrink(const struct program *p, unsigned int count)
{
	fewer_programs(p, count);
	fewer_calls(p, count);
	fewer_arguments(p, count);
	printf("nothing smaller did it, of %u\n", tried);
	return 0;
}
