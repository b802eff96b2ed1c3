// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and copies: receiving from queues.  That needs memory only for
 * an index that is not there yet; a copy that fails is tried again.
 */
#include "test.h"
#include "queuefaults.h"

FIXTURE(queuerecvfaults) {
};

FIXTURE_VARIANT(queuerecvfaults) {
	struct fault_op op;
};

FIXTURE_SETUP(queuerecvfaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(queuerecvfaults)
{
	inject_end();
}

/* Messages of this size, and another one behind them. */
static void some(struct scene *sc)
{
	empty(sc);
	scene_put(sc, sc->op->size);
	scene_put(sc, sc->op->size);
	scene_put(sc, 20);
}

static void empty_given(struct scene *sc)
{
	empty(sc);
	scene_partner(sc, PARTNER_GIVES, sc->op->size);
}

/* Three of which the second is the most urgent. */
static void urgent(struct scene *sc)
{
	empty(sc);
	scene_put(sc, 20);
	scene_prepare(sc, sc->op->size);
	CHECK(!q_send(sc->fd, sc->out, sc->op->size, sc->next, 9, 0));
	scene_sent(sc, sc->op->size);
	scene_put(sc, 20);
}

/* Receiving, by a selector that means the oldest one. */

static struct kipc_selector selector(const struct scene *sc)
{
	switch (sc->op->flags) {
	case KIPC_SELECT_PRIORITY:
		return BY_PRIORITY;
	case KIPC_SELECT_TYPE:
		return BY_TYPE(sc->first);
	case KIPC_SELECT_LOWEST:
		return BY_LOWEST(~0ULL);
	case KIPC_SELECT_RANGE:
		return BY_RANGE(sc->first, sc->first + 1);
	case KIPC_SELECT_EXCEPT:
		return BY_EXCEPT(~0ULL);
	default:
		return BY_FIRST;
	}
}

static long recv_into(struct scene *sc, size_t size, unsigned int flags,
		      uint64_t deadline)
{
	memset(sc->in, POISON, BUFFER);
	return q_recv(sc->fd, sc->in, size, selector(sc), &sc->message, flags,
		      deadline);
}

static long recv_now(struct scene *sc)
{
	return recv_into(sc, sc->op->size, 0, 0);
}

static long recv_wait(struct scene *sc)
{
	return recv_into(sc, sc->op->size, 0, sc->deadline);
}

static long recv_half(struct scene *sc)
{
	return recv_into(sc, sc->op->size / 2, KIPC_RECV_TRUNCATE, 0);
}

static long recv_too_short(struct scene *sc)
{
	return recv_into(sc, sc->op->size - 1, 0, 0);
}

static long peek(struct scene *sc)
{
	return recv_into(sc, sc->op->size, KIPC_RECV_PEEK, 0);
}

static long peek_after(struct scene *sc)
{
	memset(sc->in, POISON, BUFFER);
	return q_recv(sc->fd, sc->in, sc->op->size, BY_AFTER(0), &sc->message,
		      KIPC_RECV_PEEK, 0);
}

static long read_now(struct scene *sc)
{
	memset(sc->in, POISON, BUFFER);
	return read(sc->fd, sc->in, sc->op->size);
}

static long readv_now(struct scene *sc)
{
	memset(sc->in, POISON, BUFFER);
	return scene_readv(sc);
}

static long recv_batch(struct scene *sc)
{
	struct kipc_queue_recv_batch batch;
	struct kipc_queue_recv_item item = {
		.data = ptr(sc->in),
		.size = sc->op->size,
	};
	long ret;

	memset(sc->in, POISON, BUFFER);
	batch = (struct kipc_queue_recv_batch){
		.items = ptr(&item), .count = 1, .selector = selector(sc),
	};
	ret = ioctl(sc->fd, KIPC_IOC_QUEUE_RECV_BATCH, &batch);
	sc->message = item.message;
	return ret < 0 ? ret : (long)item.message.size;
}

static void check_received(struct scene *sc)
{
	size_t size = scene_front(sc);

	CHECK(poisoned(sc->in + sc->ret, BUFFER - sc->ret));
	CHECK(sc->message.type == sc->first && sc->message.size == size);
	CHECK(!(sc->message.flags & KIPC_MESSAGE_TRUNCATED) ==
	      (sc->ret == (long)size));
	CHECK(sc->message.uid == 0);
}

static void received(struct scene *sc)
{
	check_received(sc);
	scene_received(sc, sc->ret);
	CHECK(q_stat_of(sc->fd).messages == sc->next - sc->first);
}

static void received_plain(struct scene *sc)
{
	CHECK(poisoned(sc->in + sc->ret, BUFFER - sc->ret));
	scene_received(sc, sc->ret);
	CHECK(q_stat_of(sc->fd).messages == sc->next - sc->first);
}

static void peeked(struct scene *sc)
{
	check_received(sc);
	CHECK(filled(sc->in, sc->ret, sc->first));
}

/* From the partner. */
static void received_waiting(struct scene *sc)
{
	scene_await_partner(sc);
	scene_sent(sc, sc->op->size);
	received(sc);
}

/*
 * Or the second one, which takes an index, that is not there yet; and then those
 * before and behind it are received, and others are put there.
 */
static long recv_second(struct scene *sc)
{
	struct kipc_selector all[] = {
		[KIPC_SELECT_PRIORITY] = BY_PRIORITY,
		[KIPC_SELECT_TYPE] = BY_TYPE(sc->first + 1),
		[KIPC_SELECT_RANGE] = BY_RANGE(sc->first + 1, sc->first + 2),
		[KIPC_SELECT_EXCEPT] = BY_EXCEPT(sc->first),
	};

	memset(sc->in, POISON, BUFFER);
	return q_recv(sc->fd, sc->in, sc->op->size, all[sc->op->flags], &sc->message,
		      0, 0);
}

static void received_second(struct scene *sc)
{
	unsigned int number = sc->first + 1;
	int i;

	CHECK(sc->ret == (long)sc->op->size && filled(sc->in, sc->ret, number));
	CHECK(sc->message.type == number && !sc->message.flags);
	for (i = 0; i < 3; i++) {
		if (i != 1) {
			CHECK(q_recv(sc->fd, sc->in, BUFFER, BY_FIRST, &sc->message, 0,
				     0) == (ssize_t)scene_front(sc));
			CHECK(sc->message.type == sc->first);
		}
		scene_gone(sc);
	}
	urgent(sc);
}

/* By number it is a look, as the first one is not the one after itself. */
static long peek_second(struct scene *sc)
{
	memset(sc->in, POISON, BUFFER);
	return q_recv(sc->fd, sc->in, sc->op->size, BY_AFTER(1), &sc->message,
		      KIPC_RECV_PEEK, 0);
}

static void peeked_second(struct scene *sc)
{
	CHECK(sc->message.seq == 2 && filled(sc->in, sc->ret, sc->first + 1));
}

static long read_by_type(struct scene *sc)
{
	memset(sc->in, POISON, BUFFER);
	return read(sc->fd, sc->in, sc->op->size);
}

static void by_type(struct scene *sc)
{
	urgent(sc);
	CHECK(!fcntl(sc->fd, F_SETFL, O_NONBLOCK));
	CHECK(!q_select(sc->fd, BY_TYPE(sc->first + 1)));
}

static void read_second(struct scene *sc)
{
	sc->message.type = sc->first + 1;
	sc->message.flags = 0;
	received_second(sc);
	by_type(sc);
}

FIXTURE_VARIANT_ADD(queuerecvfaults, recv) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 100, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_by_priority) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 100, .op.flags = KIPC_SELECT_PRIORITY,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_by_type) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 100, .op.flags = KIPC_SELECT_TYPE,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_lowest) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 100, .op.flags = KIPC_SELECT_LOWEST,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_range) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 5000, .op.flags = KIPC_SELECT_RANGE,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_all_but_one) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 5000, .op.flags = KIPC_SELECT_EXCEPT,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_page) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 4096, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_large) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 5000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_huge) {
	.op.queue = true, .op.set_up = some, .op.call = recv_now,
	.op.done = received, .op.size = 60000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 10,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_truncating) {
	.op.queue = true, .op.set_up = some, .op.call = recv_half,
	.op.done = received, .op.size = 3000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_truncating_large) {
	.op.queue = true, .op.set_up = some, .op.call = recv_half,
	.op.done = received, .op.size = 20000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_too_short) {
	.op.queue = true, .op.set_up = some, .op.call = recv_too_short,
	.op.want = EMSGSIZE, .op.size = 5000, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_from_empty) {
	.op.queue = true, .op.set_up = empty, .op.call = recv_now,
	.op.want = EAGAIN, .op.size = 10, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_waiting) {
	.op.queue = true, .op.set_up = empty_given, .op.call = recv_wait,
	.op.done = received_waiting, .op.size = 1000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_waiting_for_type) {
	.op.queue = true, .op.set_up = empty_given, .op.call = recv_wait,
	.op.done = received_waiting, .op.size = 1000,
	.op.flags = KIPC_SELECT_TYPE, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_waiting_large) {
	.op.queue = true, .op.set_up = empty_given, .op.call = recv_wait,
	.op.done = received_waiting, .op.size = 10000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_batch) {
	.op.queue = true, .op.set_up = some, .op.call = recv_batch,
	.op.done = received, .op.size = 100, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_batch_large) {
	.op.queue = true, .op.set_up = some, .op.call = recv_batch,
	.op.done = received, .op.size = 5000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, peek) {
	.op.queue = true, .op.set_up = some, .op.call = peek,
	.op.done = peeked, .op.size = 1000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, peek_large) {
	.op.queue = true, .op.set_up = some, .op.call = peek,
	.op.done = peeked, .op.size = 9000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, peek_after) {
	.op.queue = true, .op.set_up = some, .op.call = peek_after,
	.op.done = peeked, .op.size = 1000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, read) {
	.op.queue = true, .op.set_up = some, .op.call = read_now,
	.op.done = received_plain, .op.size = 1000, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, read_large) {
	.op.queue = true, .op.set_up = some, .op.call = read_now,
	.op.done = received_plain, .op.size = 10000, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, readv) {
	.op.queue = true, .op.set_up = some, .op.call = readv_now,
	.op.done = received_plain, .op.size = 1000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 1, .op.absorbs = SCENE_PIECES,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, readv_large) {
	.op.queue = true, .op.set_up = some, .op.call = readv_now,
	.op.done = received_plain, .op.size = 10000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 1, .op.absorbs = SCENE_PIECES,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_priority) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 100,
	.op.flags = KIPC_SELECT_PRIORITY, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_priority_large) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 5000,
	.op.flags = KIPC_SELECT_PRIORITY, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_type) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 100,
	.op.flags = KIPC_SELECT_TYPE, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_type_large) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 5000,
	.op.flags = KIPC_SELECT_TYPE, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_range) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 100,
	.op.flags = KIPC_SELECT_RANGE, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_range_large) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 5000,
	.op.flags = KIPC_SELECT_RANGE, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_except) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 100,
	.op.flags = KIPC_SELECT_EXCEPT, .op.errnos = { EFAULT },
	.op.least = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, recv_second_by_except_large) {
	.op.queue = true, .op.set_up = urgent, .op.call = recv_second,
	.op.done = received_second, .op.size = 5000,
	.op.flags = KIPC_SELECT_EXCEPT, .op.errnos = { EFAULT },
	.op.least = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, peek_second_by_number) {
	.op.queue = true, .op.set_up = urgent, .op.call = peek_second,
	.op.done = peeked_second, .op.size = 100, .op.errnos = { EFAULT },
	.op.least = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuerecvfaults, read_second_by_type) {
	.op.queue = true, .op.set_up = by_type, .op.call = read_by_type,
	.op.done = read_second, .op.size = 100, .op.errnos = { ENOMEM },
	.op.least = 1, .op.keeps = true,
};

TEST_F_TIMEOUT(queuerecvfaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
