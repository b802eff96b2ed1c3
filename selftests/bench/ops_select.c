// SPDX-License-Identifier: GPL-2.0
/*
 * What a selector costs, and what it costs a sender that others wait for something
 * else: of kipc's queues alone.
 */
#include <pthread.h>
#include <sys/wait.h>

#include <kipc.h>

#include "bench.h"

#define OTHERS		100000
#define SOME		64	/* messages that are received in one go */
#define WAITERS		1000

/* Types: of those that are wanted, and the first of those that are not. */
#define WANTED		7
#define OTHER		1000

enum others { NONE, ONE_TYPE, MANY_TYPES };

static const char *const others_names[] = { "0", "one-type", "many-types" };

static const struct how {
	const char *name;
	struct kipc_selector by;
} hows[] = {
	{ "first", { .how = KIPC_SELECT_FIRST } },
	{ "priority", { .how = KIPC_SELECT_PRIORITY } },
	{ "type", { .how = KIPC_SELECT_TYPE, .low = WANTED } },
	{ "lowest", { .how = KIPC_SELECT_LOWEST, .high = WANTED + 1 } },
	{ "range", { .how = KIPC_SELECT_RANGE, .low = WANTED - 1, .high = WANTED + 1 } },
	{ "except", { .how = KIPC_SELECT_EXCEPT, .low = OTHER } },
	{ "sender", { .how = KIPC_SELECT_SENDER } },
};

static int make_queue(size_t payload)
{
	struct kipc_queue_attr attr = {
		.max_messages = KIPC_UNBOUNDED,
		.max_bytes = KIPC_UNBOUNDED,
		.message_size = payload,
	};
	int fd = kipc_queue_create(NULL, &attr, 0600,
				   KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE, 0);

	CHECK(fd >= 0);
	return fd;
}

static void put(int fd, const struct turn *t, void *data, uint64_t type,
		uint32_t priority)
{
	CHECK(!kipc_queue_send(fd, data, t->payload, type, priority,
			       KIPC_NO_WAIT));
}

static struct kipc_message take(int fd, const struct turn *t, void *data,
				const struct kipc_selector *by)
{
	struct kipc_message m;

	CHECK(kipc_queue_recv(fd, data, t->payload, by, &m, 0, KIPC_NO_WAIT) ==
	      (ssize_t)t->payload);
	return m;
}

/* By somebody else, so that they can be told by their sender. */
static void put_others(int fd, const struct turn *t, void *data, enum others others)
{
	pid_t pid = fork();
	int status;
	uint64_t i;

	CHECK(pid >= 0);
	if (!pid) {
		for (i = 0; others != NONE && i < OTHERS; i++)
			put(fd, t, data, OTHER + (others == MANY_TYPES ? i : 0), 0);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

static double clock_cost(void)
{
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < 1000; i++)
		now_ns();
	return (now_ns() - start) / 1001.0;
}

/*
 * Some are received by the selector, and sent again as they were, so that the queue
 * stays as it is: the time of one receive.
 */
static double receive_by(const struct turn *t, const struct kipc_selector *by,
			 enum others others)
{
	void *data = message_buffer(t->payload);
	unsigned int rounds = t->messages / SOME, i, r;
	struct kipc_message got[SOME];
	int fd = make_queue(t->payload);
	uint64_t took = 0, start;

	message_stamp(data, t->payload, 0, 1);
	put_others(fd, t, data, others);
	for (i = 0; i < SOME; i++)
		put(fd, t, data, WANTED, 1);
	for (r = 0; r < rounds + rounds / 8; r++) {
		start = now_ns();
		for (i = 0; i < SOME; i++)
			got[i] = take(fd, t, data, by);
		if (r >= rounds / 8)
			took += now_ns() - start;
		for (i = 0; i < SOME; i++)
			put(fd, t, data, got[i].type, got[i].priority);
	}
	close(fd);
	return (took - rounds * clock_cost()) / (rounds * SOME);
}

static void run_select(const struct turn *t)
{
	unsigned int i, others;
	char detail[48];

	for (i = 0; i < ARRAY_SIZE(hows); i++) {
		struct kipc_selector by = hows[i].by;

		if (by.how == KIPC_SELECT_SENDER)
			by.low = getpid();
		for (others = NONE; others <= MANY_TYPES; others++) {
			snprintf(detail, sizeof(detail), "%s-%s", hows[i].name,
				 others_names[others]);
			give(t, detail, receive_by(t, &by, others));
		}
	}
}

/* Those who wait for what does not come, each for something else. */

struct crowd {
	int fd;
	bool mixed;		/* not only by type */
	unsigned int number;
};

static void *wait_for_nothing(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int me = __atomic_fetch_add(&crowd->number, 1, __ATOMIC_SEQ_CST);
	struct kipc_selector by = { 0 };

	switch (crowd->mixed ? me % 3 : 0) {
	case 0:
		by.how = KIPC_SELECT_TYPE;
		by.low = OTHER + me;
		break;
	case 1:
		by.how = KIPC_SELECT_RANGE;
		by.low = OTHER + me;
		by.high = 2 * OTHER + me;
		break;
	case 2:
		by.how = KIPC_SELECT_SENDER;
		by.low = 1000000 + me;
		break;
	}
	kipc_queue_recv(crowd->fd, NULL, 0, &by, NULL, 0, KIPC_FOREVER);
	return NULL;
}

/* In a child, whose end is that of its threads. */
static void send_beside(const struct turn *t, unsigned int waiters, bool mixed,
			double *result)
{
	unsigned int rounds = t->messages / SOME, i, r;
	struct kipc_selector by = { .how = KIPC_SELECT_FIRST };
	struct crowd crowd = {
		.fd = make_queue(t->payload),
		.mixed = mixed,
	};
	void *data = message_buffer(t->payload);
	uint64_t took = 0, start;
	struct kipc_queue_stat stat;
	pthread_attr_t attr;

	message_stamp(data, t->payload, 0, 1);
	pin(t->placement, 0);
	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 64 << 10) == 0);
	for (i = 0; i < waiters; i++) {
		pthread_t thread;

		CHECK(!pthread_create(&thread, &attr, wait_for_nothing, &crowd));
	}
	do {
		usleep(1000);
		CHECK(!kipc_queue_stat(crowd.fd, &stat));
	} while (stat.waiting_receivers != waiters);
	for (r = 0; r < rounds + rounds / 8; r++) {
		start = now_ns();
		for (i = 0; i < SOME; i++)
			put(crowd.fd, t, data, WANTED, 0);
		if (r >= rounds / 8)
			took += now_ns() - start;
		for (i = 0; i < SOME; i++)
			take(crowd.fd, t, data, &by);
	}
	*result = (took - rounds * clock_cost()) / (rounds * SOME);
}

static void run_beside(const struct turn *t, const char *detail,
		       unsigned int waiters, bool mixed)
{
	double *result = shared(4096);
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid) {
		send_beside(t, waiters, mixed, result);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	give(t, detail, *result);
	unshare_memory(result, 4096);
}

static void run_distinct(const struct turn *t)
{
	run_beside(t, "0", 0, false);
	run_beside(t, "types-1000", WAITERS, false);
	run_beside(t, "mixed-1000", WAITERS, true);
}

static bool fits_select(const struct peer *p, size_t payload)
{
	(void)payload;
	return p == &queue_typed_peer;
}

static const size_t usual[] = { 64, PAYLOADS_END };

static const struct op selectors = {
	.name = "select", .payloads = usual, .fewer = 4, .max_rounds = 1,
	.one_placement = true, .run = run_select, .fits = fits_select,
};

static const struct op distinct = {
	.name = "waiters-distinct", .payloads = usual, .fewer = 4, .max_rounds = 1,
	.one_placement = true, .run = run_distinct, .fits = fits_select,
};

const struct op *const select_ops[] = { &selectors, &distinct, NULL };
