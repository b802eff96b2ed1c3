// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of large letters in a mailbox with capacity: copied in, copied out
 * and looked at without the lock.
 */
#include "test.h"
#include "race.h"

/* A receiver is copying letter 1, which is large; letter 2 is behind it. */

FIXTURE(copying) {
	struct handles box;
	struct party *r;
};

FIXTURE_VARIANT(copying) {
	const char *point;
};

FIXTURE_VARIANT_ADD(copying, before) { "receive_copying" };
FIXTURE_VARIANT_ADD(copying, after) { "receive_copied" };

FIXTURE_SETUP(copying)
{
	struct handles *box = &self->box;

	NEED_DELAY_POINTS();
	*box = race_box(2, 2 * LARGE, LARGE, KIPC_MAILBOX_HANGUP);
	CHECK(!put(box->out, LARGE, 1) && !put(box->out, SMALL, 2));
	self->r = receiver(box->in, LARGE);
}

FIXTURE_TEARDOWN(copying)
{
	EXPECT_TRUE(has_waiters(self->box.manage, 0, 0));
	race_end();
}

/* The page is missing; then it is there, and the receiver has lost its turn. */
static void lose_turn(FIXTURE_DATA(copying) *self, const char *point)
{
	arm("receive_fault", self->r);
	release(point);
	wait_held("receive_fault", self->r);
}

TEST_F(copying, others_wait)
{
	struct handles *box = &self->box;
	struct party *second = receiver(box->in, LARGE);

	hold(self->r, variant->point);
	EXPECT_EQ(2, stat_of(box->manage).letters);
	EXPECT_EQ(LARGE + SMALL, stat_of(box->manage).bytes);
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_EQ(-EAGAIN, take(box->in));
	EXPECT_EQ(-EAGAIN, peek(box->in));
	go(second);
	wait_waiters(box->manage, 0, 1, second->pid);
	/* Its room is not free yet. */
	EXPECT_EQ(-EAGAIN, put(box->out, SMALL, 3));
	EXPECT_EQ(0, poll_mask(box->out, POLLOUT));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(2, outcome(second));
	EXPECT_EQ(2, stat_of(box->manage).received);
}

TEST_F(copying, sender_waits)
{
	struct handles *box = &self->box;
	struct party *s = sender(box->out, LARGE, 3);

	hold(self->r, variant->point);
	go(s);
	wait_waiters(box->manage, 1, 0, s->pid);
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(2, take(box->in));
	EXPECT_EQ(3, take(box->in));
}

TEST_F(copying, fails)
{
	struct handles *box = &self->box;

	self->r->cold = true;
	hold(self->r, variant->point);
	lose_turn(self, variant->point);
	EXPECT_EQ(POLLIN, poll_mask(box->in, POLLIN));
	EXPECT_EQ(1, peek(box->in));
	release("receive_fault");
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(2, take(box->in));
}

/* It comes back: whoever waited gets it, and nothing has changed its place. */
TEST_F(copying, fails_for_the_next)
{
	struct handles *box = &self->box;
	struct party *second = receiver(box->in, LARGE);
	struct party *watcher = poller(box->in, POLLIN);

	self->r->cold = true;
	hold(self->r, variant->point);
	go(second);
	wait_waiters(box->manage, 0, 1, second->pid);
	go(watcher);
	wait_for(asleep(watcher));
	lose_turn(self, variant->point);
	EXPECT_EQ(1, outcome(second));
	EXPECT_EQ(0, outcome(watcher));
	release("receive_fault");
	EXPECT_EQ(2, outcome(self->r));
	EXPECT_EQ(-EAGAIN, take(box->in));
}

TEST_F(copying, fails_for_good)
{
	struct handles *box = &self->box;

	self->r->unwritable = true;
	hold(self->r, variant->point);
	EXPECT_EQ(-EAGAIN, take(box->in));
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(self->r));
	EXPECT_EQ(1, take(box->in));
	EXPECT_EQ(2, take(box->in));
}

TEST_F(copying, removed)
{
	hold(self->r, variant->point);
	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(1, stat_of(self->box.manage).letters);
	EXPECT_EQ(-EIDRM, take(self->box.in));
	release(variant->point);
	/* It had the letter before. */
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(0, stat_of(self->box.manage).letters);
	EXPECT_EQ(1, stat_of(self->box.manage).received);
}

/* What is not received then is nobody's, and does not come back. */
TEST_F(copying, removed_and_fails)
{
	self->r->cold = true;
	hold(self->r, variant->point);
	EXPECT_OK(k_remove(self->box.manage));
	release(variant->point);
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_EQ(0, stat_of(self->box.manage).letters);
	EXPECT_EQ(0, stat_of(self->box.manage).bytes);
	EXPECT_EQ(0, stat_of(self->box.manage).received);
}

TEST_F(copying, killed)
{
	struct handles *box = &self->box;

	hold(self->r, variant->point);
	kill(self->r->pid, SIGKILL);
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(2, take(box->in));
	EXPECT_EQ(2, stat_of(box->manage).received);
}

/* Killed before it could have had the letter: it is the next one's. */
TEST_F(copying, fails_and_killed)
{
	struct handles *box = &self->box;

	self->r->cold = true;
	hold(self->r, variant->point);
	lose_turn(self, variant->point);
	kill(self->r->pid, SIGKILL);
	release("receive_fault");
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(1, take(box->in));
	EXPECT_EQ(2, take(box->in));
}

/* The end of file comes after the letter that may still come back. */
TEST_F(copying, senders_gone)
{
	struct handles *box = &self->box;
	struct party *second = receiver(box->in, LARGE);
	struct party *third = receiver(box->in, LARGE);

	self->r->cold = true;
	hold(self->r, variant->point);
	close(box->out);
	go(second);
	wait_waiters(box->manage, 0, 1, second->pid);
	go(third);
	wait_waiters(box->manage, 0, 2, third->pid);
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	lose_turn(self, variant->point);
	/* Large and small: who runs first gets the oldest. */
	EXPECT_EQ(1 + 2, outcome(second) + outcome(third));
	EXPECT_EQ(-EPIPE, take(box->in));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(box->in, POLLIN));
	release("receive_fault");
	EXPECT_EQ(-EPIPE, outcome(self->r));
}

TEST_F(copying, senders_gone_and_last_letter)
{
	struct handles *box = &self->box;
	struct party *second = receiver(box->in, LARGE);

	EXPECT_EQ(1, take(box->in));
	EXPECT_EQ(2, take(box->in));
	EXPECT_EQ(0, put(box->out, LARGE, 3));
	hold(self->r, variant->point);
	close(box->out);
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_EQ(-EAGAIN, take(box->in));
	go(second);
	wait_waiters(box->manage, 0, 1, second->pid);
	release(variant->point);
	EXPECT_EQ(3, outcome(self->r));
	EXPECT_EQ(-EPIPE, outcome(second));
}

FIXTURE(large) {
};

FIXTURE_SETUP(large)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(large)
{
	race_end();
}

/* The one that is being copied does not give way, and may come back. */
TEST_F(large, copying_and_dropping)
{
	struct handles box = race_box(1, LARGE, LARGE,
				      KIPC_MAILBOX_DROP_OLDEST);
	struct party *r = receiver(box.in, LARGE);

	r->cold = true;
	EXPECT_EQ(0, put(box.out, LARGE, 1));
	hold(r, "receive_copied");
	EXPECT_EQ(0, put(box.out, LARGE, 2));
	EXPECT_EQ(0, stat_of(box.manage).dropped);
	EXPECT_EQ(2, stat_of(box.manage).letters);
	EXPECT_EQ(0, put(box.out, SMALL, 3));
	EXPECT_EQ(1, stat_of(box.manage).dropped);
	arm("receive_fault", r);
	release("receive_copied");
	wait_held("receive_fault", r);
	EXPECT_EQ(1, take(box.in));
	EXPECT_EQ(0, put(box.out, SMALL, 4));
	EXPECT_EQ(2, stat_of(box.manage).dropped);
	release("receive_fault");
	EXPECT_EQ(4, outcome(r));
	EXPECT_EQ(0, stat_of(box.manage).letters);
	EXPECT_EQ(0, stat_of(box.manage).bytes);
}

/* What has come back gives way as any other. */
TEST_F(large, came_back_and_dropped)
{
	struct handles box = race_box(1, LARGE, LARGE,
				      KIPC_MAILBOX_DROP_OLDEST);
	struct party *r = receiver(box.in, LARGE);

	r->cold = true;
	EXPECT_EQ(0, put(box.out, LARGE, 1));
	hold(r, "receive_copied");
	arm("receive_fault", r);
	release("receive_copied");
	wait_held("receive_fault", r);
	EXPECT_EQ(0, put(box.out, SMALL, 2));
	EXPECT_EQ(1, stat_of(box.manage).dropped);
	release("receive_fault");
	EXPECT_EQ(2, outcome(r));
	EXPECT_EQ(1, stat_of(box.manage).received);
}

/* Whoever copies, or looks, is the last one to have the mailbox open. */
TEST_F(large, all_others_close)
{
	static const char *const points[] = {
		"receive_copying", "receive_copied", "peek_pinned" };
	size_t i;
	int dies;

	for (i = 0; i < ARRAY_SIZE(points); i++) {
		for (dies = 0; dies < 2; dies++) {
			struct handles box = race_box(2, 2 * LARGE, LARGE, 0);
			struct party *r = receiver(box.in, LARGE);

			r->flags = i == 2 ? KIPC_RECV_PEEK : 0;
			EXPECT_EQ(0, put(box.out, LARGE, 1));
			EXPECT_EQ(0, put(box.out, LARGE, 2));
			hold(r, points[i]);
			close(box.in);
			close(box.out);
			close(box.manage);
			EXPECT_EQ(1, total("handles"));
			if (dies)
				kill(r->pid, SIGKILL);
			release(points[i]);
			EXPECT_EQ(dies ? KILLED : 1, outcome(r));
			EXPECT_EQ(0, total("objects"));
			EXPECT_EQ(0, referenced("letters"));
			EXPECT_EQ(0, referenced("segments"));
		}
	}
}

/*
 * Somebody looks at a large letter, which goes meanwhile, in some way; what is
 * seen is whole.
 */
TEST_F(large, peeked)
{
	enum { TAKEN, REMOVED, DROPPED, COPIED, TWICE, DEAD, FAULT, ENDED };
	int how;

	for (how = TAKEN; how < ENDED; how++) {
		struct handles box = race_box(1, LARGE, LARGE,
					      KIPC_MAILBOX_DROP_OLDEST);
		struct party *looker = receiver(box.in, LARGE);
		struct party *r = receiver(box.in, LARGE);
		long want = how == DEAD ? KILLED : 1;

		EXPECT_EQ(0, put(box.out, LARGE, 1));
		looker->flags = KIPC_RECV_PEEK;
		looker->unwritable = how == FAULT;
		hold(looker, "peek_pinned");
		EXPECT_EQ(POLLIN, poll_mask(box.in, POLLIN));
		if (how == TAKEN || how == DEAD || how == FAULT) {
			EXPECT_EQ(1, take(box.in));
			/* Where it was, something else is now. */
			EXPECT_EQ(0, put(box.out, LARGE, 2));
		} else if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == DROPPED) {
			EXPECT_EQ(0, put(box.out, LARGE, 2));
			EXPECT_EQ(1, stat_of(box.manage).dropped);
		} else if (how == TWICE) {
			EXPECT_EQ(1, peek(box.in));
			EXPECT_EQ(1, peek(box.in));
		} else {
			hold(r, "receive_copied");
		}
		if (how == DEAD)
			kill(looker->pid, SIGKILL);
		release("peek_pinned");
		if (how == FAULT)
			want = -EFAULT;
		EXPECT_EQ(want, outcome(looker));
		if (how == COPIED) {
			release("receive_copied");
			EXPECT_EQ(1, outcome(r));
		}
		if (how == TWICE)
			EXPECT_EQ(1, take(box.in));
	}
}

/* Two look at it, and the second one to end frees it. */
TEST_F(large, peeked_by_two)
{
	struct handles box = race_box(1, LARGE, LARGE, 0);
	struct party *looker = receiver(box.in, LARGE);
	struct party *copier = receiver(box.in, LARGE);

	looker->flags = KIPC_RECV_PEEK;
	copier->cold = true;
	EXPECT_EQ(0, put(box.out, LARGE, 1));
	hold(looker, "peek_pinned");
	hold(copier, "receive_copied");
	arm("receive_fault", copier);
	release("receive_copied");
	wait_held("receive_fault", copier);
	/* It was taken out, and put back, while it is pinned. */
	EXPECT_EQ(1, peek(box.in));
	EXPECT_EQ(1, take(box.in));
	EXPECT_EQ(-EAGAIN, peek(box.in));
	release("peek_pinned");
	EXPECT_EQ(1, outcome(looker));
	release("receive_fault");
	wait_for(asleep(copier));
	EXPECT_EQ(0, put(box.out, LARGE, 2));
	EXPECT_EQ(2, outcome(copier));
}

/* A large letter is ready to be sent; what was true when it began is not any more. */
TEST_F(large, prepared)
{
	enum { REMOVED, DESERTED, FULL, LATE, DEAD, QUOTA, ENDED };
	static const long want[] = { -EIDRM, -EPIPE, -EAGAIN, -ETIMEDOUT,
				     KILLED, 0 };
	int how;

	for (how = REMOVED; how < ENDED; how++) {
		struct handles box = race_box(1, LARGE, LARGE,
					      KIPC_MAILBOX_HANGUP);
		struct party *s = sender(box.out, LARGE, 1);
		uint64_t limit = get_limit("max_bytes");

		if (how == LATE)
			s->deadline = after(50 * MS);
		else if (how == FULL)
			s->deadline = KIPC_NO_WAIT;
		hold(s, "send_prepared");
		if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == DESERTED) {
			close(box.in);
		} else if (how == FULL || how == LATE) {
			EXPECT_EQ(0, put(box.out, SMALL, 2));
		} else if (how == DEAD) {
			kill(s->pid, SIGKILL);
		} else {
			set_limit("max_bytes", 0);
		}
		if (how == LATE)
			wait_for(now_ns() > s->deadline);
		release("send_prepared");
		EXPECT_EQ(want[how], outcome(s));
		set_limit("max_bytes", limit);
		if (how == DEAD || how == QUOTA) {
			EXPECT_EQ(1, take(box.in));
		} else if (how == FULL || how == LATE) {
			EXPECT_EQ(2, take(box.in));
		}
		EXPECT_EQ(0, stat_of(box.manage).letters);
		EXPECT_TRUE(has_waiters(box.manage, 0, 0));
		close(box.out);
	}
}

/* Prepared, and then it waits in its line: in the order in which it came there. */
TEST_F(large, prepared_and_overtaken)
{
	struct handles box = race_box(1, LARGE, LARGE, 0);
	struct party *s = sender(box.out, LARGE, 3);
	struct party *other = sender(box.out, SMALL, 2);

	hold(s, "send_prepared");
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	go(other);
	wait_waiters(box.manage, 1, 0, other->pid);
	release("send_prepared");
	wait_waiters(box.manage, 2, 0, s->pid);
	EXPECT_EQ(1, take(box.in));
	EXPECT_EQ(0, outcome(other));
	EXPECT_EQ(2, take(box.in));
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(3, take(box.in));
}

TEST_HARNESS_MAIN
