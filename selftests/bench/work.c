// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of a measurement, and the messages that they exchange.
 */
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bench.h"

struct crew {
	unsigned int size;
	unsigned int ready;	/* how many are; a futex */
	unsigned int done;	/* likewise */
	uint64_t start[MAX_WORKERS];
	uint64_t end[MAX_WORKERS];
};

static unsigned int my_place;

void pin(enum placement placement, unsigned int me)
{
	cpu_set_t set;

	if (placement == UNPINNED)
		return;
	CPU_ZERO(&set);
	CPU_SET(placement == TWO_CPUS ? me % 2 : 0, &set);
	CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
}

/*
 * One way, who is woken would otherwise run at once or not as the scheduler
 * thinks fit, which on 6.1 decides more than any mechanism: a switch for each
 * message or one for many.  A batch task does not preempt on waking up.
 */
void be_batch(void)
{
	struct sched_param param = { 0 };

	CHECK(sched_setscheduler(0, SCHED_BATCH, &param) == 0);
}

static long futex(unsigned int *word, int op, unsigned int value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* Returns when all of the crew have come here. */
static void meet(struct crew *crew, unsigned int *arrived)
{
	unsigned int n = __atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST);

	if (n == crew->size)
		futex(arrived, FUTEX_WAKE, MAX_WORKERS);
	while (n != crew->size) {
		futex(arrived, FUTEX_WAIT, n);
		n = __atomic_load_n(arrived, __ATOMIC_SEQ_CST);
	}
}

void crew_ready(struct crew *crew)
{
	meet(crew, &crew->ready);
	crew->start[my_place] = now_ns();
}

/* Nobody leaves first: others may still read its memory. */
void crew_done(struct crew *crew)
{
	crew->end[my_place] = now_ns();
	meet(crew, &crew->done);
}

/* Somebody who has always something to do. */
static pid_t start_busy(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(SAME_CPU, 0);
	for (;;)
		__asm__ volatile("");
}

double crew_run(const struct turn *t, unsigned int n, bool batch, job_fn *job,
		void *arg)
{
	struct crew *crew = shared(sizeof(*crew));
	uint64_t start = UINT64_MAX, end = 0;
	unsigned int i;
	pid_t busy = 0;
	int status;

	CHECK(n <= MAX_WORKERS);
	crew->size = n;
	fflush(NULL);
	if (t->placement == SAME_CPU_BUSY)
		busy = start_busy();
	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		my_place = i;
		pin(t->placement, i);
		if (batch)
			be_batch();
		job(crew, i, arg);
		_exit(EXIT_SUCCESS);
	}
	for (i = 0; i < n; i++) {
		CHECK(wait(&status) > 0);
		/* The others would wait for it for ever. */
		if (status)
			exit(EXIT_FAILURE);
	}
	if (busy) {
		kill(busy, SIGKILL);
		CHECK(wait(&status) == busy);
	}
	for (i = 0; i < n; i++) {
		CHECK(crew->end[i]);
		if (crew->start[i] < start)
			start = crew->start[i];
		if (crew->end[i] > end)
			end = crew->end[i];
	}
	unshare_memory(crew, sizeof(*crew));
	return end - start;
}

static uint64_t stamp(unsigned int sender, uint32_t number)
{
	return (uint64_t)sender << 32 | number;
}

void message_stamp(void *data, size_t size, unsigned int sender, uint32_t number)
{
	uint64_t s = stamp(sender, number);

	memcpy(data, &s, sizeof(s));
	memcpy((char *)data + size - sizeof(s), &s, sizeof(s));
}

unsigned int message_check(const void *data, size_t size, uint32_t *last)
{
	uint64_t first, second;

	memcpy(&first, data, sizeof(first));
	memcpy(&second, (const char *)data + size - sizeof(second), sizeof(second));
	/* A sender's messages come in order; others may get some of them. */
	if (first != second || first >> 32 >= MAX_WORKERS ||
	    (uint32_t)first <= last[first >> 32]) {
		fprintf(stderr, "wrong message: %016llx ... %016llx\n",
			(unsigned long long)first, (unsigned long long)second);
		exit(EXIT_FAILURE);
	}
	last[first >> 32] = first;
	return first >> 32;
}

/* For each message other content, in each word. */
static uint64_t word(unsigned int sender, uint32_t number, size_t at)
{
	return (stamp(sender, number) + at) * 0x9e3779b97f4a7c15;
}

void message_fill(void *data, size_t size, unsigned int sender, uint32_t number)
{
	uint64_t *words = data;
	size_t i;

	for (i = 1; i + 1 < size / sizeof(*words); i++)
		words[i] = word(sender, number, i);
	message_stamp(data, size, sender, number);
}

void message_check_all(const void *data, size_t size, unsigned int sender,
		       uint32_t number)
{
	const uint64_t *words = data;
	size_t i;

	for (i = 1; i + 1 < size / sizeof(*words); i++)
		CHECK(words[i] == word(sender, number, i));
}
