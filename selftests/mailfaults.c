// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and copies: letters.  A receive allocates nothing, so all
 * allocations may fail meanwhile; a copy that fails is tried again.
 */
#include "test.h"
#include "inject.h"

#include <sys/uio.h>

#define POINTER		{ EFAULT }
#define BOTH		{ ENOMEM, EFAULT }
#define PIECES		10		/* more than the kernel has on its stack */

FIXTURE(mailfaults) {
	bool able;
};

FIXTURE_SETUP(mailfaults)
{
	self->able = inject_begin();
}

FIXTURE_TEARDOWN(mailfaults)
{
	if (self->able)
		inject_end();
}

/* A test for an operation, whose members are given. */
#define FAULTS(op, ...)							\
TEST_F(mailfaults, op)							\
{									\
	static const struct fault_op this = {				\
		.name = #op, __VA_ARGS__				\
	};								\
									\
	if (!self->able)						\
		SKIP(return, NO_INJECTION);				\
	inject_run(&this);						\
}

/* Stages.  @flags are those of the mailbox. */

static void use_box(struct stage *st, uint64_t letters, uint64_t bytes)
{
	close(st->fd);
	st->fd = box(letters, bytes, 65536, st->op->flags);
	st->first = st->next;
}

static void empty(struct stage *st)
{
	use_box(st, 100, 1 << 20);
}

/* Letters of this size, and another one behind them. */
static void some(struct stage *st)
{
	empty(st);
	stage_put(st, st->op->size);
	stage_put(st, st->op->size);
	stage_put(st, 20);
}

/* Small ones that just do not fill the first piece of memory. */
static void nearly_grown(struct stage *st)
{
	empty(st);
	while (st->next < st->first + 3)
		stage_put(st, 1000);
}

static void full(struct stage *st)
{
	use_box(st, 2, 1 << 20);
	stage_put(st, st->op->size);
	stage_put(st, 20);
}

static void full_taken(struct stage *st)
{
	full(st);
	stage_partner(st, PARTNER_TAKES, 0);
}

static void empty_given(struct stage *st)
{
	empty(st);
	stage_partner(st, PARTNER_GIVES, st->op->size);
}

static void empty_received(struct stage *st)
{
	empty(st);
	stage_partner(st, PARTNER_RECEIVES, 0);
}

static void meeting(struct stage *st)
{
	use_box(st, 0, 0);
}

static void meeting_received(struct stage *st)
{
	meeting(st);
	stage_partner(st, PARTNER_RECEIVES, 0);
}

static void meeting_taken(struct stage *st)
{
	meeting(st);
	stage_partner(st, PARTNER_TAKES, 0);
}

static void meeting_given(struct stage *st)
{
	meeting(st);
	/* Its sends do not wait, and are done when they have met a receiver. */
	stage_partner(st, PARTNER_GIVES, st->op->size);
}

/* Sending: the next letter, of the operation's size. */

static long send_now(struct stage *st)
{
	stage_prepare(st, st->op->size);
	return k_send(st->fd, st->out, st->op->size, st->next, 0);
}

static long send_wait(struct stage *st)
{
	stage_prepare(st, st->op->size);
	return k_send(st->fd, st->out, st->op->size, st->next, st->deadline);
}

static long write_now(struct stage *st)
{
	stage_prepare(st, st->op->size);
	return write(st->fd, st->out, st->op->size);
}

static void pieces(struct iovec v[PIECES], void *data, size_t size)
{
	size_t part = size / PIECES;
	int i;

	for (i = 0; i < PIECES; i++) {
		v[i].iov_base = (char *)data + i * part;
		v[i].iov_len = i < PIECES - 1 ? part : size - i * part;
	}
}

static long writev_now(struct stage *st)
{
	struct iovec v[PIECES];

	stage_prepare(st, st->op->size);
	pieces(v, st->out, st->op->size);
	return writev(st->fd, v, PIECES);
}

static void sent(struct stage *st)
{
	CHECK(st->ret == 0 || st->ret == (long)st->op->size);
	stage_sent(st, st->op->size);
	CHECK(stat_of(st->fd).letters == st->next - st->first);
}

/* It is there, and the oldest is not any more. */
static void sent_dropping(struct stage *st)
{
	stage_sent(st, st->op->size);
	stage_gone(st);
	CHECK(stat_of(st->fd).letters == st->next - st->first);
}

/* The partner has made room for it. */
static void sent_waiting(struct stage *st)
{
	stage_await_partner(st);
	sent_dropping(st);
}

/* The partner, who waits again, has it already. */
static void sent_over(struct stage *st)
{
	stage_await_partner(st);
	stage_sent(st, st->op->size);
	stage_gone(st);
	wait_waiters(st->fd, 0, 1, st->partner);
	CHECK(!stat_of(st->fd).letters);
}

static void sent_meeting(struct stage *st)
{
	stage_await_partner(st);
	stage_sent(st, st->op->size);
	stage_gone(st);
	CHECK(has_waiters(st->fd, 0, 0));
	CHECK(!stat_of(st->fd).letters);
}

/* Receiving. */

static long recv_into(struct stage *st, size_t size, unsigned int flags,
		      uint64_t deadline)
{
	memset(st->in, POISON, 70000);
	return k_recv(st->fd, st->in, size, &st->letter, flags, deadline);
}

static long recv_now(struct stage *st)
{
	return recv_into(st, st->op->size, 0, 0);
}

static long recv_wait(struct stage *st)
{
	return recv_into(st, st->op->size, 0, st->deadline);
}

static long recv_half(struct stage *st)
{
	return recv_into(st, st->op->size / 2, KIPC_RECV_TRUNCATE, 0);
}

static long recv_too_short(struct stage *st)
{
	return recv_into(st, st->op->size - 1, 0, 0);
}

static long peek(struct stage *st)
{
	return recv_into(st, st->op->size, KIPC_RECV_PEEK, 0);
}

static long read_now(struct stage *st)
{
	memset(st->in, POISON, 70000);
	return read(st->fd, st->in, st->op->size);
}

static long readv_now(struct stage *st)
{
	struct iovec v[PIECES];

	memset(st->in, POISON, 70000);
	pieces(v, st->in, st->op->size);
	return readv(st->fd, v, PIECES);
}

static void check_received(struct stage *st, bool header)
{
	size_t size = stage_front(st);

	CHECK(poisoned(st->in + st->ret, 70000 - st->ret));
	if (!header)
		return;
	CHECK(st->letter.tag == st->first && st->letter.size == size);
	CHECK(!(st->letter.flags & KIPC_LETTER_TRUNCATED) ==
	      (st->ret == (long)size));
	CHECK(st->letter.uid == 0);
}

static void received(struct stage *st)
{
	check_received(st, true);
	stage_received(st, st->ret);
	CHECK(stat_of(st->fd).letters == st->next - st->first);
}

static void received_plain(struct stage *st)
{
	check_received(st, false);
	stage_received(st, st->ret);
	CHECK(stat_of(st->fd).letters == st->next - st->first);
}

static void peeked(struct stage *st)
{
	check_received(st, true);
	CHECK(filled(st->in, st->ret, st->first));
}

/* From the partner. */
static void received_waiting(struct stage *st)
{
	stage_await_partner(st);
	stage_sent(st, st->op->size);
	received(st);
}

static long mailbox_stat(struct stage *st)
{
	return k_stat(st->fd, (void *)st->in);
}

static void stat_done(struct stage *st)
{
	CHECK(((struct kipc_mailbox_stat *)st->in)->letters == 3);
}

FAULTS(stat, .call = mailbox_stat, .done = stat_done, .errnos = POINTER,
       .least = 1)

/* Small letters; the ring of an empty mailbox has no memory yet. */
FAULTS(send, .call = send_now, .done = sent, .size = 10, .errnos = BOTH,
       .least = 1)
FAULTS(send_first, .set_up = empty, .call = send_now, .done = sent, .size = 10,
       .errnos = BOTH, .least = 1, .absorbs = 1)
FAULTS(send_growing, .set_up = nearly_grown, .call = send_now, .done = sent,
       .size = 1000, .errnos = BOTH, .least = 1, .absorbs = 1)
FAULTS(write, .call = write_now, .done = sent, .size = 1000, .errnos = BOTH)
FAULTS(write_first, .set_up = empty, .call = write_now, .done = sent,
       .size = 8, .errnos = BOTH, .absorbs = 1)
FAULTS(writev, .call = writev_now, .done = sent, .size = 1000, .errnos = BOTH,
       .least = 1, .absorbs = 1)
FAULTS(send_dropping, .set_up = full, .call = send_now, .done = sent_dropping,
       .size = 500, .flags = KIPC_MAILBOX_DROP_OLDEST, .errnos = BOTH,
       .least = 1)

/* Large ones, in memory of their own. */
FAULTS(send_large, .call = send_now, .done = sent, .size = 5000,
       .errnos = BOTH, .least = 2, .absorbs = 1)
FAULTS(send_huge, .call = send_now, .done = sent, .size = 60000,
       .errnos = BOTH, .least = 2, .absorbs = 1)
FAULTS(write_large, .call = write_now, .done = sent, .size = 5000,
       .errnos = BOTH, .least = 1, .absorbs = 1)
FAULTS(writev_large, .call = writev_now, .done = sent, .size = 50000,
       .errnos = BOTH, .least = 2, .absorbs = 1)
FAULTS(send_dropping_large, .set_up = full, .call = send_now,
       .done = sent_dropping, .size = 5000, .flags = KIPC_MAILBOX_DROP_OLDEST,
       .errnos = BOTH, .least = 2, .absorbs = 1)

/* No place: no memory is spent, and who has to wait does so. */
FAULTS(send_to_full, .set_up = full, .call = send_now, .want = EAGAIN,
       .size = 5000, .errnos = POINTER, .least = 1)
FAULTS(send_refused, .set_up = full, .call = send_wait, .want = EAGAIN,
       .size = 5000, .flags = KIPC_MAILBOX_REFUSE, .errnos = POINTER,
       .least = 1)
FAULTS(send_waiting, .set_up = full_taken, .call = send_wait,
       .done = sent_waiting, .size = 10, .errnos = BOTH, .least = 1)
FAULTS(send_waiting_large, .set_up = full_taken, .call = send_wait,
       .done = sent_waiting, .size = 5000, .errnos = BOTH, .least = 2,
       .absorbs = 1)
FAULTS(send_to_receiver, .set_up = empty_received, .call = send_now,
       .done = sent_over, .size = 10, .errnos = BOTH, .least = 1, .absorbs = 1)
FAULTS(send_to_receiver_large, .set_up = empty_received, .call = send_now,
       .done = sent_over, .size = 5000, .errnos = BOTH, .least = 2,
       .absorbs = 1)

/* Receiving. */
FAULTS(recv, .set_up = some, .call = recv_now, .done = received, .size = 100,
       .errnos = POINTER, .least = 1)
FAULTS(recv_page, .set_up = some, .call = recv_now, .done = received,
       .size = 4096, .errnos = POINTER, .least = 1, .absorbs = 1)
FAULTS(recv_large, .set_up = some, .call = recv_now, .done = received,
       .size = 5000, .errnos = POINTER, .least = 1, .absorbs = 2)
FAULTS(recv_huge, .set_up = some, .call = recv_now, .done = received,
       .size = 60000, .errnos = POINTER, .least = 1, .absorbs = 15)
FAULTS(recv_truncating, .set_up = some, .call = recv_half, .done = received,
       .size = 3000, .errnos = POINTER, .least = 1, .absorbs = 1)
FAULTS(recv_truncating_large, .set_up = some, .call = recv_half,
       .done = received, .size = 20000, .errnos = POINTER, .least = 1,
       .absorbs = 3)
FAULTS(recv_too_short, .set_up = some, .call = recv_too_short,
       .want = EMSGSIZE, .size = 5000, .errnos = POINTER, .least = 1)
FAULTS(recv_from_empty, .set_up = empty, .call = recv_now, .want = EAGAIN,
       .size = 10, .errnos = POINTER, .least = 1)
FAULTS(recv_waiting, .set_up = empty_given, .call = recv_wait,
       .done = received_waiting, .size = 1000, .errnos = POINTER, .least = 1,
       .absorbs = 1)
FAULTS(recv_waiting_large, .set_up = empty_given, .call = recv_wait,
       .done = received_waiting, .size = 10000, .errnos = POINTER, .least = 1,
       .absorbs = 3)
FAULTS(peek, .set_up = some, .call = peek, .done = peeked, .size = 1000,
       .errnos = POINTER, .least = 1, .absorbs = 1)
FAULTS(peek_large, .set_up = some, .call = peek, .done = peeked, .size = 9000,
       .errnos = POINTER, .least = 1, .absorbs = 3)
FAULTS(read, .set_up = some, .call = read_now, .done = received_plain,
       .size = 1000, .errnos = BOTH, .absorbs = 1)
FAULTS(read_large, .set_up = some, .call = read_now, .done = received_plain,
       .size = 10000, .errnos = BOTH, .absorbs = 3)
FAULTS(readv, .set_up = some, .call = readv_now, .done = received_plain,
       .size = 1000, .errnos = BOTH, .least = 1, .absorbs = PIECES)
FAULTS(readv_large, .set_up = some, .call = readv_now, .done = received_plain,
       .size = 10000, .errnos = BOTH, .least = 1, .absorbs = PIECES)

/* Rendezvous: every letter is in memory of its own. */
FAULTS(meet_nobody, .set_up = meeting, .call = send_now, .want = EAGAIN,
       .size = 10, .errnos = POINTER, .least = 1)
FAULTS(meet_receiver, .set_up = meeting_received, .call = send_now,
       .done = sent_over, .size = 10, .errnos = BOTH, .least = 3)
FAULTS(meet_receiver_waiting, .set_up = meeting_received, .call = send_wait,
       .done = sent_over, .size = 10, .errnos = BOTH, .least = 3)
FAULTS(meet_receiver_large, .set_up = meeting_received, .call = send_wait,
       .done = sent_over, .size = 9000, .errnos = BOTH, .least = 2,
       .absorbs = 1)
FAULTS(meet_sender, .set_up = meeting_given, .call = recv_wait,
       .done = received_waiting, .size = 1000, .errnos = POINTER, .least = 1,
       .absorbs = 1)
FAULTS(await_receiver, .set_up = meeting_taken, .call = send_wait,
       .done = sent_meeting, .size = 10, .errnos = BOTH, .least = 3)
FAULTS(await_receiver_large, .set_up = meeting_taken, .call = send_wait,
       .done = sent_meeting, .size = 9000, .errnos = BOTH, .least = 2,
       .absorbs = 1)

TEST_HARNESS_MAIN
