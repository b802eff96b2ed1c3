// SPDX-License-Identifier: GPL-2.0
/* Failing allocations and copies: sending to queues, and what is not a message. */
#include "test.h"
#include "queuefaults.h"

FIXTURE(queuefaults) {
};

FIXTURE_VARIANT(queuefaults) {
	struct fault_op op;
};

FIXTURE_SETUP(queuefaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(queuefaults)
{
	inject_end();
}

static void full(struct scene *sc)
{
	use_queue(sc, 2);
	scene_put(sc, sc->op->size);
	scene_put(sc, 20);
}

static void full_taken(struct scene *sc)
{
	full(sc);
	scene_partner(sc, PARTNER_TAKES, 0);
}

static void empty_received(struct scene *sc)
{
	empty(sc);
	scene_partner(sc, PARTNER_RECEIVES, 0);
}

/* Sending: the next message, of the operation's size, with its number as type. */

static long send_now(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return q_send(sc->fd, sc->out, sc->op->size, sc->next, 0, 0);
}

static long send_wait(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return q_send(sc->fd, sc->out, sc->op->size, sc->next, 0, sc->deadline);
}

/* A batch of one, so that it has an error or is sent. */
static long send_batch(struct scene *sc)
{
	struct kipc_queue_send_item item = {
		.data = ptr(scene_prepare(sc, sc->op->size)),
		.type = sc->next,
		.size = sc->op->size,
	};

	return q_send_batch(sc->fd, &item, 1, 0);
}

static void sent(struct scene *sc)
{
	CHECK(sc->ret <= 1 || sc->ret == (long)sc->op->size);
	scene_sent(sc, sc->op->size);
	CHECK(q_stat_of(sc->fd).messages == sc->next - sc->first);
}

/* The partner has made room for it. */
static void sent_waiting(struct scene *sc)
{
	scene_await_partner(sc);
	scene_sent(sc, sc->op->size);
	scene_gone(sc);
	CHECK(q_stat_of(sc->fd).messages == sc->next - sc->first);
}

/* The partner, who waits again, has it already. */
static void sent_over(struct scene *sc)
{
	scene_await_partner(sc);
	scene_sent(sc, sc->op->size);
	scene_gone(sc);
	q_wait_waiters(sc->fd, 0, 1, sc->partner);
	CHECK(!q_stat_of(sc->fd).messages);
}

/* What is not a message. */

static long create(struct scene *sc)
{
	struct kipc_queue_attr attr = { 5, 500, 50, 0 };

	return sc->other = q_create(sc->ctl, NULL, &attr, 0600, KIPC_QUEUE_RIGHTS, 0);
}

static void created(struct scene *sc)
{
	CHECK(!q_put(sc->other, 1, 0, 1) && q_take(sc->other, BY_FIRST) == 1);
	CHECK(!close(sc->other));
	sc->other = -1;
}

static long queue_stat(struct scene *sc)
{
	return q_stat(sc->fd, (void *)sc->in);
}

static void stat_done(struct scene *sc)
{
	CHECK(((struct kipc_queue_stat *)sc->in)->messages == 3);
}

static long set(struct scene *sc)
{
	return q_set(sc->fd, 50, 1 << 19, 60000, 0);
}

static void set_done(struct scene *sc)
{
	CHECK(q_stat_of(sc->fd).attr.max_messages == 50);
}

static long select_now(struct scene *sc)
{
	return q_select(sc->fd, BY_TYPE(sc->first + 1));
}

static void selected(struct scene *sc)
{
	struct kipc_message m;

	CHECK(q_recv(sc->fd, sc->in, BUFFER, BY_DEFAULT, &m, KIPC_RECV_PEEK, 0) > 0);
	CHECK(m.type == sc->first + 1);
}

static long notify(struct scene *sc)
{
	return q_notify(sc->fd, KIPC_EVENT_NONEMPTY, 0, SIGURG, 1);
}

static void notified(struct scene *sc)
{
	CHECK(!q_notify(sc->fd, 0, 0, 0, 0));
}

FIXTURE_VARIANT_ADD(queuefaults, notify) {
	.op.queue = true, .op.call = notify, .op.done = notified,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(queuefaults, create) {
	.op.queue = true, .op.call = create, .op.done = created,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(queuefaults, stat) {
	.op.queue = true, .op.call = queue_stat, .op.done = stat_done,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, set) {
	.op.queue = true, .op.call = set, .op.done = set_done,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, select) {
	.op.queue = true, .op.call = select_now, .op.done = selected,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, send) {
	.op.queue = true, .op.call = send_now, .op.done = sent, .op.size = 10,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(queuefaults, send_first) {
	.op.queue = true, .op.set_up = empty, .op.call = send_now,
	.op.done = sent, .op.size = 10, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuefaults, send_page) {
	.op.queue = true, .op.call = send_now, .op.done = sent,
	.op.size = 4000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, send_large) {
	.op.queue = true, .op.call = send_now, .op.done = sent,
	.op.size = 5000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, send_huge) {
	.op.queue = true, .op.call = send_now, .op.done = sent,
	.op.size = 60000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, write) {
	.op.queue = true, .op.call = scene_write, .op.done = sent,
	.op.size = 1000, .op.errnos = { ENOMEM }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, write_large) {
	.op.queue = true, .op.call = scene_write, .op.done = sent,
	.op.size = 5000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, writev) {
	.op.queue = true, .op.call = scene_writev, .op.done = sent,
	.op.size = 1000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(queuefaults, send_batch) {
	.op.queue = true, .op.call = send_batch, .op.done = sent,
	.op.size = 10, .op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(queuefaults, send_batch_large) {
	.op.queue = true, .op.call = send_batch, .op.done = sent,
	.op.size = 5000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, send_to_full) {
	.op.queue = true, .op.set_up = full, .op.call = send_now,
	.op.want = EAGAIN, .op.size = 5000, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, send_waiting) {
	.op.queue = true, .op.set_up = full_taken, .op.call = send_wait,
	.op.done = sent_waiting, .op.size = 10,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(queuefaults, send_waiting_large) {
	.op.queue = true, .op.set_up = full_taken, .op.call = send_wait,
	.op.done = sent_waiting, .op.size = 5000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(queuefaults, send_to_receiver) {
	.op.queue = true, .op.set_up = empty_received, .op.call = send_now,
	.op.done = sent_over, .op.size = 10, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(queuefaults, send_to_receiver_large) {
	.op.queue = true, .op.set_up = empty_received, .op.call = send_now,
	.op.done = sent_over, .op.size = 5000, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 1, .op.keeps = true,
};

TEST_F_TIMEOUT(queuefaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
