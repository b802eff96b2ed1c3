// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the mechanisms, run at load with selftest=1: the ring against a plain
 * array with random operations, the lines against what waiter.h says; the index is in
 * selftest_index.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "ring.h"
#include "selftest.h"
#include "waiter.h"

#define KIPC_TEST_RECORDS	512
#define KIPC_TEST_ROUNDS	20000
#define KIPC_TEST_QUIET		32
#define KIPC_TEST_THREADS	8

/* A record and its twin in the plain array. */
struct kipc_test_record {
	u32 size;
	u32 seed;
	u8 data[];
};

struct kipc_test_twin {
	u32 size;
	u32 seed;
};

/**
 * struct kipc_test_queue - the ring under test and its naive twin
 * @ring: the ring
 * @account: pays
 * @twin: array of what should be in the ring
 * @count: how many
 * @random: source
 */
struct kipc_test_queue {
	struct kipc_ring ring;
	struct kipc_account account;
	struct kipc_test_twin twin[KIPC_TEST_RECORDS];
	unsigned int count;
	struct rnd_state random;
};

static size_t __init kipc_test_space(u32 size)
{
	return kipc_ring_align(sizeof(struct kipc_test_record) + size);
}

static void __init kipc_test_fill(struct kipc_test_record *record,
				  const struct kipc_test_twin *twin)
{
	u32 i;

	record->size = twin->size;
	record->seed = twin->seed;
	for (i = 0; i < twin->size; i++)
		record->data[i] = twin->seed + i;
}

static bool __init kipc_test_same(const struct kipc_test_record *record,
				  const struct kipc_test_twin *twin)
{
	u32 i;

	if (!kipc_expect(record->size == twin->size) ||
	    !kipc_expect(record->seed == twin->seed))
		return false;
	for (i = 0; i < twin->size; i++)
		if (!kipc_expect(record->data[i] == (u8)(twin->seed + i)))
			return false;
	return true;
}

static bool __init kipc_test_push(struct kipc_test_queue *queue)
{
	struct kipc_test_twin *twin = &queue->twin[queue->count];
	u32 dice = prandom_u32_state(&queue->random);
	struct kipc_segment *segment;
	struct kipc_test_record *record;
	size_t space;

	twin->seed = prandom_u32_state(&queue->random);
	twin->size = dice % 16 ? dice % 300 : dice % 9000;
	space = kipc_test_space(twin->size);
	if (twin->size > 4096) {
		segment = kipc_segment_alloc(&queue->account, space, false);
		if (!kipc_expect(!IS_ERR(segment)))
			return false;
		kipc_test_fill(kipc_segment_record(segment), twin);
		kipc_segment_seal(segment, space);
		kipc_ring_link(&queue->ring, segment);
		queue->count++;
		return true;
	}
	while (!(record = kipc_ring_reserve(&queue->ring, space))) {
		size_t size = kipc_ring_segment_size(&queue->ring, space);

		segment = kipc_segment_alloc(&queue->account, size, false);
		if (!kipc_expect(!IS_ERR(segment)))
			return false;
		segment = kipc_ring_extend(&queue->ring, segment);
		kipc_segment_free(&queue->account, segment);
	}
	/* A reservation that is not committed leaves nothing. */
	if (dice & BIT(20))
		return true;
	kipc_test_fill(record, twin);
	kipc_ring_commit(&queue->ring, space);
	queue->count++;
	return true;
}

static bool __init kipc_test_pop(struct kipc_test_queue *queue)
{
	struct kipc_segment *segment = kipc_ring_front(&queue->ring);
	struct kipc_segment *garbage;
	struct kipc_test_twin *twin = &queue->twin[0];

	if (!queue->count)
		return kipc_expect(!segment);
	if (!kipc_expect(segment) ||
	    !kipc_test_same(kipc_segment_record(segment), twin))
		return false;
	/* A sealed one can be taken away and put back in front. */
	if (segment->sealed && twin->seed & 1) {
		kipc_ring_unlink(segment);
		kipc_ring_link_front(&queue->ring, segment);
		if (!kipc_expect(kipc_ring_front(&queue->ring) == segment))
			return false;
	}
	garbage = kipc_ring_pop(&queue->ring, segment,
				kipc_test_space(twin->size));
	kipc_segment_free(&queue->account, garbage);
	queue->count--;
	memmove(twin, twin + 1, queue->count * sizeof(*twin));
	return true;
}

static bool __init kipc_test_ring(void)
{
	struct kipc_test_queue *queue;
	bool pass = false;
	unsigned int round;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL);
	if (!kipc_expect(queue))
		return false;
	if (!kipc_expect(!kipc_account_init(&queue->account)))
		goto free;
	kipc_ring_init(&queue->ring, &queue->account);
	prandom_seed_state(&queue->random, 0x6b697063);
	for (round = 0; round < KIPC_TEST_ROUNDS; round++) {
		/* Fill and drain by turns, so that it grows and shrinks. */
		bool push = prandom_u32_state(&queue->random) % 8 <
			    (round / 512 % 2 ? 5 : 3);

		if (push && queue->count < KIPC_TEST_RECORDS)
			pass = kipc_test_push(queue);
		else
			pass = kipc_test_pop(queue);
		if (!pass)
			break;
	}
	/* When it has not needed it for some time it has given back its memory. */
	while (pass && queue->count)
		pass = kipc_test_pop(queue);
	for (round = 0; round < KIPC_TEST_QUIET && pass; round++)
		pass = kipc_test_push(queue) && kipc_test_pop(queue);
	pass &= kipc_expect(!pass || kipc_quota_total(KIPC_BYTES) <=
			    KIPC_SEGMENT_KEEP);
	kipc_ring_destroy(&queue->ring);
	pass &= kipc_expect(!kipc_quota_total(KIPC_BYTES));
	kipc_account_exit(&queue->account);
free:
	kfree(queue);
	return pass;
}

/* One thread: verdicts, order, deadlines. */
static bool __init kipc_test_verdicts(void)
{
	struct kipc_waiter first, second, third;
	struct kipc_wake wake;
	LIST_HEAD(granted);
	LIST_HEAD(line);
	bool pass;

	kipc_wake_init(&wake);
	kipc_waiter_join(&first, &line);
	kipc_waiter_join(&second, &line);
	kipc_waiter_join(&third, &line);
	pass = kipc_expect(list_first_entry(&line, struct kipc_waiter, node) ==
			   &first);
	pass &= kipc_expect(list_is_last(&third.node, &line));

	kipc_waiter_wake(&first, KIPC_GRANTED, &wake);
	pass &= kipc_expect(wake.count == 1 && wake.task[0] == current);
	kipc_wake_flush(&wake);
	pass &= kipc_expect(!wake.count);
	/* A grant that is taken back leaves the line as it was. */
	list_add_tail(&first.node, &granted);
	kipc_waiter_revoke(&first, &line);
	pass &= kipc_expect(list_first_entry(&line, struct kipc_waiter, node) ==
			    &first);
	pass &= kipc_expect(list_empty(&granted));
	pass &= kipc_expect(kipc_waiter_sleep(&first, 1) == -ETIMEDOUT);
	kipc_waiter_wake(&first, KIPC_GRANTED, &wake);
	kipc_wake_flush(&wake);
	/* A verdict counts more than a deadline that has passed. */
	pass &= kipc_expect(!kipc_waiter_sleep(&first, 1));
	pass &= kipc_expect(!kipc_waiter_leave(&first, -ETIMEDOUT));

	kipc_waiter_wake(&second, -EIDRM, &wake);
	kipc_wake_flush(&wake);
	pass &= kipc_expect(!kipc_waiter_sleep(&second,
					       KIPC_DEADLINE_FOREVER));
	pass &= kipc_expect(kipc_waiter_leave(&second, 0) == -EIDRM);

	pass &= kipc_expect(kipc_waiter_sleep(&third, 1) == -ETIMEDOUT);
	pass &= kipc_expect(kipc_waiter_leave(&third, -ETIMEDOUT) ==
			    -ETIMEDOUT);
	pass &= kipc_expect(list_empty(&line));
	return pass;
}

/**
 * struct kipc_test_line - threads in line
 * @lock: protects the rest
 * @waiters: the line
 * @joined: threads that stand in it or did
 * @served: numbers of those that were granted, in the order in which they were
 * @count: of @served
 */
struct kipc_test_line {
	spinlock_t lock;	/* protects the rest */
	struct list_head waiters;
	unsigned int joined;
	size_t served[KIPC_TEST_THREADS];
	unsigned int count;
};

static int __init kipc_test_thread(void *data)
{
	struct kipc_test_line *line = data;
	struct kipc_waiter waiter;
	int ret;

	spin_lock(&line->lock);
	waiter.need = line->joined++;
	kipc_waiter_join(&waiter, &line->waiters);
	spin_unlock(&line->lock);
	ret = kipc_waiter_sleep(&waiter, KIPC_DEADLINE_FOREVER);
	spin_lock(&line->lock);
	ret = kipc_waiter_leave(&waiter, ret);
	if (!ret)
		line->served[line->count++] = waiter.need;
	spin_unlock(&line->lock);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return ret;
}

/* Let the first one go, and wait until it has gone. */
static bool __init kipc_test_serve(struct kipc_test_line *line)
{
	ktime_t limit = ktime_add_ms(ktime_get(), 10000);
	struct kipc_waiter *waiter;
	struct kipc_wake wake;
	unsigned int count;

	kipc_wake_init(&wake);
	spin_lock(&line->lock);
	count = line->count;
	waiter = list_first_entry(&line->waiters, struct kipc_waiter, node);
	kipc_waiter_wake(waiter, KIPC_GRANTED, &wake);
	spin_unlock(&line->lock);
	kipc_wake_flush(&wake);
	while (READ_ONCE(line->count) == count) {
		if (!kipc_expect(ktime_before(ktime_get(), limit)))
			return false;
		schedule_timeout_uninterruptible(1);
	}
	return kipc_expect(READ_ONCE(line->count) == count + 1);
}

/* If something went wrong, nobody is left behind. */
static void __init kipc_test_dismiss(struct kipc_test_line *line)
{
	struct kipc_waiter *waiter, *next;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&line->lock);
	list_for_each_entry_safe(waiter, next, &line->waiters, node)
		kipc_waiter_wake(waiter, -EIDRM, &wake);
	spin_unlock(&line->lock);
	kipc_wake_flush(&wake);
}

/* Several threads: each grant wakes one, in the order of arrival. */
static bool __init kipc_test_lines(void)
{
	struct task_struct *thread[KIPC_TEST_THREADS];
	struct kipc_test_line line = { .joined = 0 };
	unsigned int i, started;
	bool pass = true;

	spin_lock_init(&line.lock);
	INIT_LIST_HEAD(&line.waiters);
	for (started = 0; started < KIPC_TEST_THREADS; started++) {
		thread[started] = kthread_run(kipc_test_thread, &line,
					      "kipc_test/%u", started);
		if (!kipc_expect(!IS_ERR(thread[started])))
			break;
	}
	while (READ_ONCE(line.joined) < started)
		schedule_timeout_uninterruptible(1);
	for (i = 0; i < started && pass; i++)
		pass = kipc_test_serve(&line);
	kipc_test_dismiss(&line);
	for (i = 0; i < started; i++) {
		pass &= kipc_expect(!kthread_stop(thread[i]));
		pass &= kipc_expect(line.served[i] == i);
	}
	return pass && started == KIPC_TEST_THREADS;
}

/**
 * kipc_selftest - test ring, lines and index
 *
 * Context: process context, may sleep; no object exists.
 * Return: 0, or -EINVAL after a line in the kernel log for each failure.
 */
int __init kipc_selftest(void)
{
	bool pass = kipc_test_ring();

	pass &= kipc_test_verdicts();
	pass &= kipc_test_lines();
	pass &= kipc_selftest_index();
	if (!pass)
		return -EINVAL;
	pr_info("selftest passed\n");
	return 0;
}
