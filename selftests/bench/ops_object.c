// SPDX-License-Identifier: GPL-2.0
/*
 * What is done with objects themselves: how many may wait at one, what it costs
 * to make one, to find it by its name, and to keep it.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench.h"

#define OWN_BYTES	"/sys/class/misc/kipc/bytes"

/*
 * A thousand receivers that wait, and a sender that sends one message at a time.
 * They are threads, since their number matters and not what they are.
 */
struct crowd {
	const struct turn *t;
	struct channel channel, answers;
	unsigned int arrived;
};

static void *wait_for_message(void *arg)
{
	struct crowd *crowd = arg;
	void *data = message_buffer(crowd->t->payload);

	__atomic_add_fetch(&crowd->arrived, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		crowd->t->peer->recv(&crowd->channel, data, crowd->t->payload);
		pipe_peer.send(&crowd->answers, data, 8);
	}
	return NULL;
}

/*
 * The answer comes before its sender waits again: let it, and let the scheduler
 * take note of that.  6.12 takes a task off its queue only when it must, and to
 * wake one that is still there is cheaper, whatever it has waited for: with one
 * receiver that would always be so.
 */
static void exchange(struct crowd *crowd, unsigned int n, uint64_t *send,
		     uint64_t *cycle)
{
	void *data = message_buffer(crowd->t->payload), *answer = message_buffer(8);
	uint64_t start, sent;
	unsigned int i;

	for (i = 0; i < n; i++) {
		message_stamp(data, crowd->t->payload, 0, i);
		usleep(20);
		start = now_ns();
		crowd->t->peer->send(&crowd->channel, data, crowd->t->payload);
		sent = now_ns();
		pipe_peer.recv(&crowd->answers, answer, 8);
		*cycle += now_ns() - start;
		*send += sent - start;
		CHECK(memcmp(data, answer, 8) == 0);
	}
}

static double clock_cost(void)
{
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < 1000; i++)
		now_ns();
	return (now_ns() - start) / 1001.0;
}

/* In a child, whose end is that of its threads. */
static void gather(const struct turn *t, unsigned int waiters, double *result)
{
	struct crowd crowd = { .t = t };
	uint64_t send = 0, cycle = 0;
	pthread_attr_t attr;
	unsigned int i;

	crowd.channel = new_channel(t->peer, t->payload);
	crowd.answers = new_channel(&pipe_peer, 64);
	pin(t->placement, 0);
	/* Who sends is not interrupted by whom it wakes. */
	be_batch();
	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 64 << 10) == 0);
	for (i = 0; i < waiters; i++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, &attr, wait_for_message, &crowd) == 0);
	}
	while (__atomic_load_n(&crowd.arrived, __ATOMIC_SEQ_CST) < waiters)
		usleep(1000);
	usleep(20000);
	exchange(&crowd, t->messages / 10, &send, &cycle);
	send = 0;
	cycle = 0;
	exchange(&crowd, t->messages, &send, &cycle);
	result[0] = (double)send / t->messages - clock_cost();
	result[1] = (double)cycle / t->messages - 2 * clock_cost();
}

/* Runs it in a child, so that whatever it leaves is gone. */
static void in_child(void (*job)(const struct turn *t, unsigned int n,
				 double *result), const struct turn *t,
		     unsigned int n, double *result)
{
	double *there = shared(4096);
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid) {
		job(t, n, there);
		_exit(EXIT_SUCCESS);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	memcpy(result, there, 2 * sizeof(*result));
	unshare_memory(there, 4096);
}

static void run_waiters(const struct turn *t)
{
	double result[2];

	in_child(gather, t, 1, result);
	give(t, "send-1", result[0]);
	give(t, "wake-1", result[1]);
	in_child(gather, t, 1000, result);
	give(t, "send-1000", result[0]);
	give(t, "wake-1000", result[1]);
}

static void run_create(const struct turn *t)
{
	uint64_t start = 0;
	unsigned int i;

	for (i = 0; i < t->messages + 100; i++) {
		struct channel c;

		if (i == 100)
			start = now_ns();
		c = new_channel(t->peer, t->payload);
		t->peer->end(&c);
	}
	give(t, NULL, (double)(now_ns() - start) / t->messages);
}

/* Names: some of them, then all of them. */
#define FEW_NAMES	1000
#define MANY_NAMES	100000
#define LOOK_UPS	2000

static const char *name_of(unsigned int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "bench.%u", i);
	return name;
}

static double look_up(const struct turn *t, unsigned int names)
{
	uint64_t start = now_ns();
	unsigned int i;

	/* Here and there, in no order. */
	for (i = 0; i < LOOK_UPS; i++)
		t->peer->name_look_up(name_of(i * 7919ULL % names));
	return (double)(now_ns() - start) / LOOK_UPS;
}

static void run_names(const struct turn *t)
{
	uint64_t start;
	unsigned int i;

	for (i = 0; i < FEW_NAMES; i++)
		t->peer->name_create(name_of(i));
	look_up(t, FEW_NAMES);
	give(t, "look-up-1000", look_up(t, FEW_NAMES));
	start = now_ns();
	for (i = FEW_NAMES; i < MANY_NAMES; i++)
		t->peer->name_create(name_of(i));
	give(t, "create-100000", (double)(now_ns() - start) / (MANY_NAMES - FEW_NAMES));
	give(t, "look-up-100000", look_up(t, MANY_NAMES));
	start = now_ns();
	for (i = 0; i < MANY_NAMES; i++)
		t->peer->name_remove(name_of(i));
	give(t, "remove-100000", (double)(now_ns() - start) / MANY_NAMES);
}

/*
 * Memory: what is not free, less what is free inside of slabs.  Pages that a
 * processor keeps at hand count as used; that is limited to a megabyte, and spread
 * over many objects.
 */
#define OBJECTS		10000
#define MESSAGES	64000
#define AT_HAND		"/proc/sys/vm/percpu_pagelist_high_fraction"

/* Bytes that slabs take, beyond the objects in them. */
static double slab_waste(void)
{
	unsigned long active, size, pages, slabs;
	FILE *file = fopen("/proc/slabinfo", "r");
	double bytes = 0;
	char line[512];

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		const char *end = strstr(line, ": slabdata");

		if (!end || sscanf(end, ": slabdata %*u %lu", &slabs) != 1 ||
		    sscanf(line, "%*s %lu %*u %lu %*u %lu", &active, &size, &pages) != 3)
			continue;
		bytes += (double)slabs * pages * sysconf(_SC_PAGESIZE) -
			 (double)active * size;
	}
	fclose(file);
	return bytes;
}

static double used_bytes(void)
{
	/* What was freed is free only after a while; and all shall count it. */
	usleep(200000);
	write_file("/proc/sys/vm/stat_refresh", "1");
	return -slab_waste() - 1024.0 * read_number("/proc/meminfo", "MemFree:");
}

static double own_bytes(void)
{
	return access(OWN_BYTES, R_OK) ? 0 : read_number(OWN_BYTES, "");
}

static void allow_many_files(void)
{
	struct rlimit files = { 100000, 100000 };

	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
}

static void keep_objects(const struct turn *t, unsigned int n, double *result)
{
	struct channel *c = calloc(n, sizeof(*c));
	unsigned int i, first = n / 8;
	double used, own;

	CHECK(c);
	/* Ours: their pages shall be there, and the table of descriptors. */
	memset(c, 1, n * sizeof(*c));
	allow_many_files();
	CHECK(dup2(STDERR_FILENO, 2 * n + 100) >= 0);
	for (i = 0; i < first; i++)
		c[i] = new_channel(t->peer, t->payload);
	used = used_bytes();
	own = own_bytes();
	for (; i < n; i++)
		c[i] = new_channel(t->peer, t->payload);
	result[0] = (used_bytes() - used) / (n - first);
	result[1] = (own_bytes() - own) / (n - first);
	for (i = 0; i < n; i++)
		t->peer->end(&c[i]);
}

static void keep_messages(const struct turn *t, unsigned int n, double *result)
{
	struct channel c = { .payload = t->payload, .room = n * t->payload };
	void *data = message_buffer(t->payload);
	double used = used_bytes();
	unsigned int i;

	t->peer->make(&c);
	for (i = 0; i < n; i++) {
		message_stamp(data, t->payload, 0, i);
		t->peer->send(&c, data, t->payload);
	}
	result[0] = (used_bytes() - used) / n;
	t->peer->end(&c);
}

static void run_idle(const struct turn *t)
{
	double result[2];

	write_file(AT_HAND, "1000000");
	in_child(keep_objects, t, OBJECTS, result);
	write_file(AT_HAND, "0");
	give(t, NULL, result[0]);
	if (!strncmp(t->peer->name, "kipc", 4))
		give(t, "own", result[1]);
}

static void run_queued(const struct turn *t)
{
	double result[2];

	write_file(AT_HAND, "1000000");
	in_child(keep_messages, t, MESSAGES, result);
	write_file(AT_HAND, "0");
	give(t, NULL, result[0]);
}

static bool fits_object(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->can & PEER_OBJECT;
}

static bool fits_names(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->name_create;
}

static bool fits_waiters(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->can & PEER_MANY;
}

static const size_t usual[] = { 64, PAYLOADS_END };
static const size_t both[] = { 64, 1024, PAYLOADS_END };
static const size_t none[] = { 0, PAYLOADS_END };

#define OP(var, label, sizes, less, most, function, check)		\
	static const struct op var = {					\
		.name = label, .payloads = sizes, .fewer = less,	\
		.max_rounds = most, .one_placement = true,		\
		.run = function, .fits = check,				\
	}

OP(waiters, "waiters", usual, 8, 3, run_waiters, fits_waiters);
OP(create, "create", usual, 8, 3, run_create, fits_object);
OP(names, "names", none, 1, 1, run_names, fits_names);
OP(idle, "memory-idle", usual, 1, 1, run_idle, fits_object);
OP(queued, "memory-message", both, 1, 1, run_queued, fits_object);

const struct op *const object_ops[] = {
	&waiters, &create, &names, &idle, &queued, NULL
};
