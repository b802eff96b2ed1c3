// SPDX-License-Identifier: GPL-2.0
/*
 * What no mechanism can be cheaper than, as long as it enters the kernel,
 * switches, or copies: the op "floor" of these instead of peers.
 */
#include <sched.h>
#include <sys/syscall.h>

#include "bench.h"

static double per_message(const struct turn *t, uint64_t start)
{
	return (double)(now_ns() - start) / t->messages;
}

static double getppid_floor(const struct turn *t)
{
	uint64_t start;
	unsigned int i;

	for (i = 0; i < 100; i++)
		syscall(SYS_getppid);
	start = now_ns();
	for (i = 0; i < t->messages; i++)
		syscall(SYS_getppid);
	return per_message(t, start);
}

/* Each gives way to the other: two switches for each round of both. */
static void yield_job(struct crew *crew, unsigned int me, void *arg)
{
	const struct turn *t = arg;
	unsigned int i;

	(void)me;
	for (i = 0; i < 100; i++)
		sched_yield();
	crew_ready(crew);
	for (i = 0; i < t->messages; i++)
		sched_yield();
	crew_done(crew);
}

static double yield_floor(const struct turn *t)
{
	return crew_run(t, 2, false, yield_job, (void *)t) / t->messages;
}

static double memcpy_floor(const struct turn *t)
{
	void *from = message_buffer(t->payload), *to = message_buffer(t->payload);
	uint64_t start = now_ns();
	unsigned int i;
	double took;

	for (i = 0; i < t->messages; i++) {
		memcpy(to, from, t->payload);
		/* Or the compiler would leave it out. */
		__asm__ volatile("" : : "r"(to) : "memory");
	}
	took = per_message(t, start);
	CHECK(memcmp(from, to, t->payload) == 0);
	return took;
}

struct peer getppid_peer = { .name = "getppid", .floor = getppid_floor };
struct peer yield_peer = { .name = "sched-yield-pair", .floor = yield_floor };
struct peer memcpy_peer = { .name = "memcpy", .floor = memcpy_floor };
