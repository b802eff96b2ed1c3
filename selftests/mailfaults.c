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

/* Scenes.  @flags are those of the mailbox. */

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

static long write_now(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return write(sc->fd, sc->out, sc->op->size);
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

static long writev_now(struct scene *sc)
{
	struct iovec v[PIECES];

	scene_prepare(sc, sc->op->size);
	pieces(v, sc->out, sc->op->size);
	return writev(sc->fd, v, PIECES);
}

static void sent(struct scene *sc)
{
	CHECK(sc->ret == 0 || sc->ret == (long)sc->op->size);
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
	struct iovec v[PIECES];

	memset(sc->in, POISON, 70000);
	pieces(v, sc->in, sc->op->size);
	return readv(sc->fd, v, PIECES);
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
