// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who had to drop the lock on their way: a page was missing
 * at the copy, or the ring had to grow.
 */
#include "test.h"
#include "race.h"

/* A sender whose page was missing: nothing has happened, it comes again. */

FIXTURE(fault) {
};

FIXTURE_SETUP(fault)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(fault)
{
	race_end();
}

enum {
	OVERTAKEN, FULL, FULL_NOWAIT, FULL_LATE, LATE, REMOVED, DESERTED,
	INTERRUPTED, DEAD, ENDED
};

TEST_F(fault, send_meanwhile)
{
	static const long want[] = {
		[OVERTAKEN] = 0, [FULL] = 0, [FULL_NOWAIT] = -EAGAIN,
		[FULL_LATE] = -ETIMEDOUT, [LATE] = 0, [REMOVED] = -EIDRM,
		[DESERTED] = -EPIPE, [INTERRUPTED] = -EINTR, [DEAD] = KILLED };
	int how;

	for (how = OVERTAKEN; how < ENDED; how++) {
		bool full = how == FULL || how == FULL_NOWAIT ||
			    how == FULL_LATE;
		struct handles box = race_box(full ? 1 : 2, 4096, 4096,
					      KIPC_MAILBOX_HANGUP);
		struct party *s = sender(box.out, SMALL, 1);

		s->cold = true;
		if (how == FULL_NOWAIT)
			s->deadline = KIPC_NO_WAIT;
		else if (how == LATE || how == FULL_LATE)
			s->deadline = after(50 * MS);
		hold(s, "send_fault");
		EXPECT_EQ(0, stat_of(box.manage).letters);
		EXPECT_EQ(0, stat_of(box.manage).bytes);
		if (full || how == OVERTAKEN)
			EXPECT_EQ(0, put(box.out, SMALL, 2));
		if (how == LATE || how == FULL_LATE)
			wait_for(now_ns() > s->deadline);
		if (how == REMOVED)
			EXPECT_OK(k_remove(box.manage));
		if (how == DESERTED)
			close(box.in);
		if (how == INTERRUPTED)
			interrupt(s);
		if (how == DEAD)
			kill(s->pid, SIGKILL);
		release("send_fault");
		if (how == FULL) {
			wait_for(asleep(s));
			EXPECT_EQ(2, take(box.in));
		}
		EXPECT_EQ(want[how], outcome(s));
		if (how == OVERTAKEN || how == FULL_NOWAIT || how == FULL_LATE)
			EXPECT_EQ(2, take(box.in));
		if (!want[how])
			EXPECT_EQ(1, take(box.in));
		EXPECT_EQ(0, stat_of(box.manage).letters);
		EXPECT_TRUE(has_waiters(box.manage, 0, 0));
		close(box.out);
	}
}

/* The room that it was granted is the next one's meanwhile. */
TEST_F(fault, room_is_passed_on)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *s = sender(box.out, SMALL, 2);
	struct party *next = sender(box.out, SMALL, 3);

	s->cold = true;
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	arm("send_fault", s);
	go(s);
	wait_waiters(box.manage, 1, 0, s->pid);
	go(next);
	wait_waiters(box.manage, 2, 0, next->pid);
	EXPECT_EQ(1, take(box.in));
	wait_held("send_fault", s);
	EXPECT_EQ(0, outcome(next));
	release("send_fault");
	wait_waiters(box.manage, 1, 0, s->pid);
	EXPECT_EQ(3, take(box.in));
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(2, take(box.in));
}

/* A receiver whose page was missing: the letter is where it was. */

enum {
	NOTHING, NEXT, EMPTY, EMPTY_NOWAIT, EMPTY_LATE, STILL_LATE, LONGER,
	R_REMOVED, GONE, R_INTERRUPTED, R_DEAD, R_ENDED
};

static void receive_fault_meanwhile(struct __test_metadata *_metadata,
				    size_t size, unsigned int flags)
{
	static const long want[] = {
		[NOTHING] = 1, [NEXT] = 2, [EMPTY] = 3,
		[EMPTY_NOWAIT] = -EAGAIN, [EMPTY_LATE] = -ETIMEDOUT,
		[STILL_LATE] = 1, [LONGER] = -EMSGSIZE, [R_REMOVED] = -EIDRM,
		[GONE] = -EPIPE, [R_INTERRUPTED] = -EINTR, [R_DEAD] = KILLED };
	int how;

	for (how = NOTHING; how < R_ENDED; how++) {
		struct handles box = race_box(9, 1 << 20, 2 * LARGE,
					      KIPC_MAILBOX_HANGUP);
		bool stays = how == NOTHING || how == STILL_LATE ||
			     how >= R_REMOVED;
		struct party *r = receiver(box.in, size);
		long left = -EAGAIN;

		r->cold = true;
		r->flags = flags;
		if (how == EMPTY_NOWAIT)
			r->deadline = KIPC_NO_WAIT;
		else if (how == EMPTY_LATE || how == STILL_LATE)
			r->deadline = after(50 * MS);
		EXPECT_EQ(0, put(box.out, size, 1));
		hold(r, "receive_fault");
		EXPECT_EQ(POLLIN, poll_mask(box.in, POLLIN));
		if (!stays || how == GONE)
			EXPECT_EQ(1, take(box.in));
		if (how == NEXT)
			EXPECT_EQ(0, put(box.out, size, 2));
		if (how == LONGER)
			EXPECT_EQ(0, put(box.out, size + 1, 2));
		if (how == EMPTY_LATE || how == STILL_LATE)
			wait_for(now_ns() > r->deadline);
		if (how == R_REMOVED)
			EXPECT_OK(k_remove(box.manage));
		if (how == GONE)
			close(box.out);
		if (how == R_INTERRUPTED)
			interrupt(r);
		if (how == R_DEAD)
			kill(r->pid, SIGKILL);
		release("receive_fault");
		if (how == EMPTY) {
			wait_for(asleep(r));
			EXPECT_EQ(0, put(box.out, size, 3));
		}
		EXPECT_EQ(want[how], outcome(r));
		if (how == R_INTERRUPTED || how == R_DEAD)
			left = 1;
		else if (how == LONGER)
			left = 2;
		else if (how == R_REMOVED)
			left = -EIDRM;
		else if (how == GONE)
			left = -EPIPE;
		else if (flags & KIPC_RECV_PEEK && want[how] > 0)
			left = want[how];
		EXPECT_EQ(left, take(box.in));
		EXPECT_EQ(0, stat_of(box.manage).letters);
		EXPECT_TRUE(has_waiters(box.manage, 0, 0));
	}
}

TEST_F(fault, receive_small)
{
	receive_fault_meanwhile(_metadata, SMALL, 0);
}

TEST_F(fault, receive_large)
{
	receive_fault_meanwhile(_metadata, LARGE, 0);
}

TEST_F(fault, receive_small_peek)
{
	receive_fault_meanwhile(_metadata, SMALL, KIPC_RECV_PEEK);
}

TEST_F(fault, receive_large_peek)
{
	receive_fault_meanwhile(_metadata, LARGE, KIPC_RECV_PEEK);
}

/* The letter that it was granted is the next one's meanwhile. */
TEST_F(fault, letter_is_passed_on)
{
	size_t size = SMALL;

	for (; size <= LARGE; size += LARGE - SMALL) {
		struct handles box = race_box(9, 1 << 20, LARGE, 0);
		struct party *r = receiver(box.in, size);
		struct party *next = receiver(box.in, size);

		r->cold = true;
		arm("receive_fault", r);
		go(r);
		wait_waiters(box.manage, 0, 1, r->pid);
		go(next);
		wait_waiters(box.manage, 0, 2, next->pid);
		EXPECT_EQ(0, put(box.out, size, 1));
		wait_held("receive_fault", r);
		EXPECT_EQ(1, outcome(next));
		release("receive_fault");
		wait_waiters(box.manage, 0, 1, r->pid);
		EXPECT_EQ(0, put(box.out, size, 2));
		EXPECT_EQ(2, outcome(r));
	}
}

/* A sender that has taken its room, and allocates memory for the ring. */

TEST_F(fault, grown_overtaken)
{
	struct handles box = race_box(2, 2 * SMALL, SMALL, 0);
	struct party *s = sender(box.out, SMALL, 1);

	hold(s, "send_grown");
	EXPECT_EQ(1, stat_of(box.manage).letters);
	EXPECT_EQ(-EAGAIN, take(box.in));
	EXPECT_EQ(POLLOUT, poll_mask(box.in, POLLIN) |
		  poll_mask(box.out, POLLOUT));
	/* It grows too. */
	EXPECT_EQ(0, put(box.out, SMALL, 2));
	EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 3));
	EXPECT_EQ(2, take(box.in));
	EXPECT_EQ(-EAGAIN, take(box.in));
	release("send_grown");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(1, take(box.in));
}

TEST_F(fault, grown_its_room_is_taken)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *s = sender(box.out, SMALL, 1);
	struct party *next = sender(box.out, SMALL, 2);

	hold(s, "send_grown");
	EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 3));
	EXPECT_EQ(0, poll_mask(box.out, POLLOUT));
	go(next);
	wait_waiters(box.manage, 1, 0, next->pid);
	release("send_grown");
	EXPECT_EQ(0, outcome(s));
	EXPECT_TRUE(asleep(next));
	EXPECT_EQ(1, take(box.in));
	EXPECT_EQ(0, outcome(next));
	EXPECT_EQ(2, take(box.in));
}

TEST_F(fault, grown_meanwhile)
{
	enum { GONE_NOW, KILL, QUOTA };
	static const long want[] = { -EIDRM, KILLED, 0 };
	int how;

	for (how = GONE_NOW; how <= QUOTA; how++) {
		struct handles box = race_box(1, SMALL, SMALL, 0);
		struct party *s = sender(box.out, SMALL, 1);
		uint64_t limit = get_limit("max_bytes");

		hold(s, "send_grown");
		if (how == GONE_NOW) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == KILL) {
			kill(s->pid, SIGKILL);
		} else {
			set_limit("max_bytes", 0);
		}
		release("send_grown");
		EXPECT_EQ(want[how], outcome(s));
		if (how == GONE_NOW)
			EXPECT_EQ(0, referenced("segments"));
		set_limit("max_bytes", limit);
		/* Its way was clear: even who is killed has sent it. */
		EXPECT_EQ(how == GONE_NOW ? -EIDRM : 1, take(box.in));
		EXPECT_EQ(0, stat_of(box.manage).letters);
		EXPECT_EQ(0, stat_of(box.manage).bytes);
		close(box.manage);
	}
}

/* It gets no memory: the room is the next one's. */
TEST_F(fault, grown_refused)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *s = sender(box.out, SMALL, 1);
	struct party *next = sender(box.out, SMALL, 2);
	uint64_t limit = get_limit("max_bytes");

	set_limit("max_bytes", total("bytes"));
	hold(s, "send_grown");
	set_limit("max_bytes", limit);
	go(next);
	wait_waiters(box.manage, 1, 0, next->pid);
	release("send_grown");
	EXPECT_EQ(-EDQUOT, outcome(s));
	EXPECT_EQ(0, outcome(next));
	EXPECT_EQ(2, take(box.in));
	EXPECT_EQ(-EAGAIN, take(box.in));
}

enum { PIECE = 1000 };

/* How many pieces there are in a ring's first so many segments. */
static int pieces_in(int segments)
{
	struct handles box = race_box(1000, 1 << 20, PIECE, 0);
	int n = 0;

	while (referenced("segments") <= segments)
		CHECK(!put(box.out, PIECE, ++n));
	while (take(box.in) > 0)
		;
	close(box.in);
	close(box.out);
	close(box.manage);
	return n - 1;
}

static void put_pieces(const struct handles *box, int from, int to)
{
	for (; from <= to; from++)
		CHECK(!put(box->out, PIECE, from));
}

static void take_pieces(const struct handles *box, int from, int to)
{
	for (; from <= to; from++)
		CHECK(take(box->in) == from);
}

/* ... and nothing gives way to a letter that does not come. */
TEST_F(fault, grown_refused_drops_nothing)
{
	int n = pieces_in(1);
	struct handles box = race_box(n, n * PIECE, PIECE,
				      KIPC_MAILBOX_DROP_OLDEST);
	struct party *s = sender(box.out, PIECE, 1000);
	uint64_t limit = get_limit("max_bytes");

	put_pieces(&box, 1, n);
	set_limit("max_bytes", total("bytes"));
	hold(s, "send_grown");
	set_limit("max_bytes", limit);
	put_pieces(&box, n + 1, n + 1);
	EXPECT_EQ(1, stat_of(box.manage).dropped);
	release("send_grown");
	EXPECT_EQ(-EDQUOT, outcome(s));
	take_pieces(&box, 2, n + 1);
	EXPECT_EQ(0, stat_of(box.manage).letters);
}

/* Another has grown the ring meanwhile, and a segment of that is empty again. */
TEST_F(fault, grown_spare_is_there)
{
	int n = pieces_in(1);
	struct handles box = race_box(1000, 1 << 20, PIECE, 0);
	struct party *s = sender(box.out, PIECE, 1000);

	hold(s, "send_grown");
	put_pieces(&box, 1, n + 1);
	take_pieces(&box, 1, n);
	EXPECT_EQ(3, referenced("segments"));
	release("send_grown");
	EXPECT_EQ(0, outcome(s));
	/* Its own one was not needed. */
	EXPECT_EQ(2, referenced("segments"));
	EXPECT_EQ(n + 1, take(box.in));
	EXPECT_EQ(1000, take(box.in));
}

/* The ring has an empty segment, but a smaller one: they are exchanged. */
TEST_F(fault, grown_spare_is_smaller)
{
	int one = pieces_in(1), two = pieces_in(2);
	struct handles box = race_box(1000, 1 << 20, PIECE, 0);
	struct party *s = sender(box.out, PIECE, 1000);

	ASSERT_GT(two, 2 * one);
	put_pieces(&box, 1, two);
	hold(s, "send_grown");
	take_pieces(&box, 1, one);
	EXPECT_EQ(3, referenced("segments"));
	release("send_grown");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(2, referenced("segments"));
	take_pieces(&box, one + 1, two);
	EXPECT_EQ(1000, take(box.in));
}

/* ... and somebody else uses it all up just then: it must grow once more. */
TEST_F(fault, grown_spare_is_used)
{
	int one = pieces_in(1), two = pieces_in(2), three = pieces_in(3);
	struct handles box = race_box(1000, 1 << 20, PIECE, 0);
	struct party *s = sender(box.out, PIECE, 1000);

	put_pieces(&box, 1, two);
	hold(s, "send_grown");
	take_pieces(&box, 1, one);
	arm("send_traded", s);
	release("send_grown");
	wait_held("send_traded", s);
	EXPECT_EQ(2, referenced("segments"));
	put_pieces(&box, two + 1, three);
	EXPECT_EQ(2, referenced("segments"));
	arm("send_grown", s);
	release("send_traded");
	wait_held("send_grown", s);
	release("send_grown");
	EXPECT_EQ(0, outcome(s));
	take_pieces(&box, one + 1, three);
	EXPECT_EQ(1000, take(box.in));
}

/* Nobody is left who could receive: that is said, whenever it came. */
TEST_F(fault, grown_deserted)
{
	struct handles box = race_box(1000, 1 << 20, PIECE,
				      KIPC_MAILBOX_HANGUP);
	struct party *s = sender(box.out, PIECE, 1000);

	hold(s, "send_grown");
	close(box.in);
	release("send_grown");
	EXPECT_EQ(-EPIPE, outcome(s));
	EXPECT_EQ(0, stat_of(box.manage).letters);
	EXPECT_EQ(0, stat_of(box.manage).bytes);
}

TEST_F(fault, grown_removed_while_trading)
{
	int one = pieces_in(1), two = pieces_in(2);
	struct handles box = race_box(1000, 1 << 20, PIECE, 0);
	struct party *s = sender(box.out, PIECE, 1000);

	put_pieces(&box, 1, two);
	hold(s, "send_grown");
	take_pieces(&box, 1, one);
	arm("send_traded", s);
	release("send_grown");
	wait_held("send_traded", s);
	EXPECT_OK(k_remove(box.manage));
	release("send_traded");
	EXPECT_EQ(-EIDRM, outcome(s));
	EXPECT_EQ(0, stat_of(box.manage).letters);
	EXPECT_EQ(0, stat_of(box.manage).bytes);
}

TEST_HARNESS_MAIN
