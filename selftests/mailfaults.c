// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and copies: letters.  A receive allocates nothing, so all
 * allocations may fail meanwhile; a copy that fails is tried again.
 */
#include "test.h"
#include "inject.h"
#include "kbatch.h"

FIXTURE(mailfaults) {
};

FIXTURE_VARIANT(mailfaults) {
	struct fault_op op;
};

FIXTURE_SETUP(mailfaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(mailfaults)
{
	inject_end();
}

static void use_box(struct scene *sc, uint64_t letters, uint64_t bytes)
{
	close(sc->fd);
	sc->fd = box(letters, bytes, 65536, sc->op->flags);
	sc->first = sc->next;
}

static void empty(struct scene *sc)
{
	use_box(sc, 100, 1 << 20);
}

/* Letters of this size, and another one behind them. */
static void some(struct scene *sc)
{
	empty(sc);
	scene_put(sc, sc->op->size);
	scene_put(sc, sc->op->size);
	scene_put(sc, 20);
}

/* Small ones that just do not fill the first piece of memory. */
static void nearly_grown(struct scene *sc)
{
	empty(sc);
	while (sc->next < sc->first + 3)
		scene_put(sc, 1000);
}

static void full(struct scene *sc)
{
	use_box(sc, 2, 1 << 20);
	scene_put(sc, sc->op->size);
	scene_put(sc, 20);
}

static void full_taken(struct scene *sc)
{
	full(sc);
	scene_partner(sc, PARTNER_TAKES, 0);
}

static void shared_box(struct scene *sc)
{
	struct kipc_mailbox_config config = {
		{ 100, 1 << 20, 65536, 0 }, 50, 1 << 19
	};
	struct kipc_create create = {
		.kind = KIPC_KIND_MAILBOX,
		.rights = ALL_RIGHTS,
		.attr = ptr(&config),
		.attr_size = sizeof(config),
	};
	int ctl = control();

	close(sc->fd);
	sc->fd = ioctl(ctl, KIPC_IOC_CREATE, &create);
	CHECK(sc->fd >= 0 && !close(ctl));
	sc->first = sc->next;
}

static void empty_given(struct scene *sc)
{
	empty(sc);
	scene_partner(sc, PARTNER_GIVES, sc->op->size);
}

static void empty_received(struct scene *sc)
{
	empty(sc);
	scene_partner(sc, PARTNER_RECEIVES, 0);
}

static void meeting(struct scene *sc)
{
	use_box(sc, 0, 0);
}

static void meeting_received(struct scene *sc)
{
	meeting(sc);
	scene_partner(sc, PARTNER_RECEIVES, 0);
}

static void meeting_taken(struct scene *sc)
{
	meeting(sc);
	scene_partner(sc, PARTNER_TAKES, 0);
}

static void meeting_given(struct scene *sc)
{
	meeting(sc);
	/* Its sends do not wait, and are done when they have met a receiver. */
	scene_partner(sc, PARTNER_GIVES, sc->op->size);
}

/* Sending: the next letter, of the operation's size. */

static long send_now(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return k_send(sc->fd, sc->out, sc->op->size, sc->next, 0);
}

static long send_wait(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return k_send(sc->fd, sc->out, sc->op->size, sc->next, sc->deadline);
}

/* A batch of one, so that it has an error or is sent. */
static long send_batch(struct scene *sc)
{
	struct kipc_send_item item = {
		.data = ptr(scene_prepare(sc, sc->op->size)),
		.tag = sc->next,
		.size = sc->op->size,
	};

	return k_send_batch(sc->fd, &item, 1, 0);
}

static void sent(struct scene *sc)
{
	CHECK(sc->ret <= 1 || sc->ret == (long)sc->op->size);
	scene_sent(sc, sc->op->size);
	CHECK(stat_of(sc->fd).letters == sc->next - sc->first);
}

/* It is there, and the oldest is not any more. */
static void sent_dropping(struct scene *sc)
{
	scene_sent(sc, sc->op->size);
	scene_gone(sc);
	CHECK(stat_of(sc->fd).letters == sc->next - sc->first);
}

/* The partner has made room for it. */
static void sent_waiting(struct scene *sc)
{
	scene_await_partner(sc);
	sent_dropping(sc);
}

/* The partner, who waits again, has it already. */
static void sent_over(struct scene *sc)
{
	scene_await_partner(sc);
	scene_sent(sc, sc->op->size);
	scene_gone(sc);
	wait_waiters(sc->fd, 0, 1, sc->partner);
	CHECK(!stat_of(sc->fd).letters);
}

static void sent_meeting(struct scene *sc)
{
	scene_await_partner(sc);
	scene_sent(sc, sc->op->size);
	scene_gone(sc);
	CHECK(has_waiters(sc->fd, 0, 0));
	CHECK(!stat_of(sc->fd).letters);
}

/* Receiving. */

static long recv_into(struct scene *sc, size_t size, unsigned int flags,
		      uint64_t deadline)
{
	memset(sc->in, POISON, 70000);
	return k_recv(sc->fd, sc->in, size, &sc->letter, flags, deadline);
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

static long read_now(struct scene *sc)
{
	memset(sc->in, POISON, 70000);
	return read(sc->fd, sc->in, sc->op->size);
}

static long readv_now(struct scene *sc)
{
	memset(sc->in, POISON, 70000);
	return scene_readv(sc);
}

static long recv_batch(struct scene *sc)
{
	struct kipc_mailbox_recv_batch batch;
	struct kipc_recv_item item = {
		.data = ptr(sc->in),
		.size = sc->op->size,
	};
	long ret;

	memset(sc->in, POISON, 70000);
	batch = (struct kipc_mailbox_recv_batch){ .items = ptr(&item), .count = 1 };
	ret = ioctl(sc->fd, KIPC_IOC_MAILBOX_RECV_BATCH, &batch);
	sc->letter = item.letter;
	return ret < 0 ? ret : (long)item.letter.size;
}

static void check_received(struct scene *sc, bool header)
{
	size_t size = scene_front(sc);

	CHECK(poisoned(sc->in + sc->ret, 70000 - sc->ret));
	if (!header)
		return;
	CHECK(sc->letter.tag == sc->first && sc->letter.size == size);
	CHECK(!(sc->letter.flags & KIPC_LETTER_TRUNCATED) ==
	      (sc->ret == (long)size));
	CHECK(sc->letter.uid == 0);
}

static void received(struct scene *sc)
{
	check_received(sc, true);
	scene_received(sc, sc->ret);
	CHECK(stat_of(sc->fd).letters == sc->next - sc->first);
}

static void received_plain(struct scene *sc)
{
	check_received(sc, false);
	scene_received(sc, sc->ret);
	CHECK(stat_of(sc->fd).letters == sc->next - sc->first);
}

static void peeked(struct scene *sc)
{
	check_received(sc, true);
	CHECK(filled(sc->in, sc->ret, sc->first));
}

/* From the partner. */
static void received_waiting(struct scene *sc)
{
	scene_await_partner(sc);
	scene_sent(sc, sc->op->size);
	received(sc);
}

static long mailbox_stat(struct scene *sc)
{
	return k_stat(sc->fd, (void *)sc->in);
}

static void stat_done(struct scene *sc)
{
	CHECK(((struct kipc_mailbox_stat *)sc->in)->letters == 3);
}

FIXTURE_VARIANT_ADD(mailfaults, stat) {
	.op.call = mailbox_stat, .op.done = stat_done, .op.errnos = { EFAULT },
	.op.least = 1,
};

/* Small letters; the ring of an empty mailbox has no memory yet. */
FIXTURE_VARIANT_ADD(mailfaults, send) {
	.op.call = send_now, .op.done = sent, .op.size = 10,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_first) {
	.op.set_up = empty, .op.call = send_now, .op.done = sent, .op.size = 10,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_growing) {
	.op.set_up = nearly_grown, .op.call = send_now, .op.done = sent,
	.op.size = 1000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, write) {
	.op.call = scene_write, .op.done = sent, .op.size = 1000,
};

FIXTURE_VARIANT_ADD(mailfaults, write_first) {
	.op.set_up = empty, .op.call = scene_write, .op.done = sent, .op.size = 8,
	.op.errnos = { ENOMEM }, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, writev) {
	.op.call = scene_writev, .op.done = sent, .op.size = 1000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_dropping) {
	.op.set_up = full, .op.call = send_now, .op.done = sent_dropping,
	.op.size = 500, .op.flags = KIPC_MAILBOX_DROP_OLDEST,
	.op.errnos = { EFAULT }, .op.least = 1,
};

/* Large ones, in memory of their own. */
FIXTURE_VARIANT_ADD(mailfaults, send_large) {
	.op.call = send_now, .op.done = sent, .op.size = 5000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_huge) {
	.op.call = send_now, .op.done = sent, .op.size = 60000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, write_large) {
	.op.call = scene_write, .op.done = sent, .op.size = 5000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, writev_large) {
	.op.call = scene_writev, .op.done = sent, .op.size = 50000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_dropping_large) {
	.op.set_up = full, .op.call = send_now, .op.done = sent_dropping,
	.op.size = 5000, .op.flags = KIPC_MAILBOX_DROP_OLDEST,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.absorbs = 1,
};

/* Several in one call. */
FIXTURE_VARIANT_ADD(mailfaults, send_batch) {
	.op.call = send_batch, .op.done = sent, .op.size = 10,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_batch_growing) {
	.op.set_up = nearly_grown, .op.call = send_batch, .op.done = sent,
	.op.size = 1000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_batch_large) {
	.op.call = send_batch, .op.done = sent, .op.size = 5000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.absorbs = 1,
};

/* With a share: the record of a user who has nothing there. */
FIXTURE_VARIANT_ADD(mailfaults, send_shared) {
	.op.set_up = shared_box, .op.call = send_now, .op.done = sent, .op.size = 10,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.absorbs = 1,
};

/* No place: no memory is spent, and who has to wait does so. */
FIXTURE_VARIANT_ADD(mailfaults, send_to_full) {
	.op.set_up = full, .op.call = send_now, .op.want = EAGAIN,
	.op.size = 5000, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_refused) {
	.op.set_up = full, .op.call = send_wait, .op.want = EAGAIN,
	.op.size = 5000, .op.flags = KIPC_MAILBOX_REFUSE,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_waiting) {
	.op.set_up = full_taken, .op.call = send_wait, .op.done = sent_waiting,
	.op.size = 10, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_waiting_large) {
	.op.set_up = full_taken, .op.call = send_wait, .op.done = sent_waiting,
	.op.size = 5000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_to_receiver) {
	.op.set_up = empty_received, .op.call = send_now, .op.done = sent_over,
	.op.size = 10, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, send_to_receiver_large) {
	.op.set_up = empty_received, .op.call = send_now, .op.done = sent_over,
	.op.size = 5000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
	.op.absorbs = 1,
};

/* Receiving. */
FIXTURE_VARIANT_ADD(mailfaults, recv) {
	.op.set_up = some, .op.call = recv_now, .op.done = received,
	.op.size = 100, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_page) {
	.op.set_up = some, .op.call = recv_now, .op.done = received,
	.op.size = 4096, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_large) {
	.op.set_up = some, .op.call = recv_now, .op.done = received,
	.op.size = 5000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 2,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_huge) {
	.op.set_up = some, .op.call = recv_now, .op.done = received,
	.op.size = 60000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 15,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_truncating) {
	.op.set_up = some, .op.call = recv_half, .op.done = received,
	.op.size = 3000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_truncating_large) {
	.op.set_up = some, .op.call = recv_half, .op.done = received,
	.op.size = 20000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 3,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_too_short) {
	.op.set_up = some, .op.call = recv_too_short, .op.want = EMSGSIZE,
	.op.size = 5000, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_from_empty) {
	.op.set_up = empty, .op.call = recv_now, .op.want = EAGAIN,
	.op.size = 10, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_batch) {
	.op.set_up = some, .op.call = recv_batch, .op.done = received,
	.op.size = 100, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_batch_page) {
	.op.set_up = some, .op.call = recv_batch, .op.done = received,
	.op.size = 4000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_batch_large) {
	.op.set_up = some, .op.call = recv_batch, .op.done = received,
	.op.size = 5000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 2,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_waiting) {
	.op.set_up = empty_given, .op.call = recv_wait,
	.op.done = received_waiting, .op.size = 1000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, recv_waiting_large) {
	.op.set_up = empty_given, .op.call = recv_wait,
	.op.done = received_waiting, .op.size = 10000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 3,
};

FIXTURE_VARIANT_ADD(mailfaults, peek) {
	.op.set_up = some, .op.call = peek, .op.done = peeked, .op.size = 1000,
	.op.errnos = { EFAULT }, .op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, peek_large) {
	.op.set_up = some, .op.call = peek, .op.done = peeked, .op.size = 9000,
	.op.errnos = { EFAULT }, .op.least = 1, .op.absorbs = 3,
};

FIXTURE_VARIANT_ADD(mailfaults, read) {
	.op.set_up = some, .op.call = read_now, .op.done = received_plain,
	.op.size = 1000, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, read_large) {
	.op.set_up = some, .op.call = read_now, .op.done = received_plain,
	.op.size = 10000, .op.absorbs = 3,
};

FIXTURE_VARIANT_ADD(mailfaults, readv) {
	.op.set_up = some, .op.call = readv_now, .op.done = received_plain,
	.op.size = 1000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
	.op.absorbs = SCENE_PIECES,
};

FIXTURE_VARIANT_ADD(mailfaults, readv_large) {
	.op.set_up = some, .op.call = readv_now, .op.done = received_plain,
	.op.size = 10000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 1,
	.op.absorbs = SCENE_PIECES,
};

/* Rendezvous: every letter is in memory of its own. */
FIXTURE_VARIANT_ADD(mailfaults, meet_nobody) {
	.op.set_up = meeting, .op.call = send_now, .op.want = EAGAIN,
	.op.size = 10, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, meet_receiver) {
	.op.set_up = meeting_received, .op.call = send_now,
	.op.done = sent_over, .op.size = 10, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 3,
};

FIXTURE_VARIANT_ADD(mailfaults, meet_receiver_waiting) {
	.op.set_up = meeting_received, .op.call = send_wait,
	.op.done = sent_over, .op.size = 10, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 3,
};

FIXTURE_VARIANT_ADD(mailfaults, meet_receiver_large) {
	.op.set_up = meeting_received, .op.call = send_wait,
	.op.done = sent_over, .op.size = 9000, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, meet_sender) {
	.op.set_up = meeting_given, .op.call = recv_wait,
	.op.done = received_waiting, .op.size = 1000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(mailfaults, await_receiver) {
	.op.set_up = meeting_taken, .op.call = send_wait,
	.op.done = sent_meeting, .op.size = 10, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 3,
};

FIXTURE_VARIANT_ADD(mailfaults, await_receiver_large) {
	.op.set_up = meeting_taken, .op.call = send_wait,
	.op.done = sent_meeting, .op.size = 9000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.absorbs = 1,
};

TEST_F_TIMEOUT(mailfaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
