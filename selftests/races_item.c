// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of messages of a queue that are just sent, copied, put back, or
 * dropped: somebody is held there, and something else happens to the queue.
 */
#include "test.h"
#include "race_queue.h"

/*
 * A receiver of type 5 is copying message 1, which is large; message 2 of the same
 * type, and message 3 of type 6, are behind it.
 */
FIXTURE(copying) {
	struct handles box;
	struct party *r;
};

FIXTURE_VARIANT(copying) {
	const char *point;
	bool waited;			/* it was granted the message in line */
};

FIXTURE_VARIANT_ADD(copying, before) { "queue_receive_copying", false };
FIXTURE_VARIANT_ADD(copying, after) { "queue_receive_copied", false };
FIXTURE_VARIANT_ADD(copying, granted_before) { "queue_receive_copying", true };
FIXTURE_VARIANT_ADD(copying, granted_after) { "queue_receive_copied", true };

FIXTURE_SETUP(copying)
{
	struct handles *box = &self->box;

	NEED_DELAY_POINTS();
	*box = race_queue(3, 2 * LARGE, LARGE, KIPC_QUEUE_HANGUP);
	self->r = q_receiver(box->in, BY_TYPE(5));
}

FIXTURE_TEARDOWN(copying)
{
	EXPECT_TRUE(q_has_waiters(self->box.manage, 0, 0));
	race_end();
}

static void hold_it(FIXTURE_DATA(copying) *self,
		    const FIXTURE_VARIANT(copying) *variant)
{
	struct handles *box = &self->box;

	if (variant->waited) {
		go_and_wait(self->r, box->manage, 0);
		arm(variant->point, self->r);
		CHECK(!q_put_sized(box->out, 5, 0, LARGE, 1));
		wait_held(variant->point, self->r);
	} else {
		CHECK(!q_put_sized(box->out, 5, 0, LARGE, 1));
		hold(self->r, variant->point);
	}
	CHECK(!q_put(box->out, 5, 0, 2) && !q_put(box->out, 6, 0, 3));
}

/* The page is missing; then it is there, and the message was put back. */
static void lose_it(FIXTURE_DATA(copying) *self, const char *point)
{
	arm("queue_receive_fault", self->r);
	release(point);
	wait_held("queue_receive_fault", self->r);
}

/* It is nobody else's; what is behind it is there for all. */
TEST_F(copying, others)
{
	struct handles *box = &self->box;
	struct party *second = q_receiver(box->in, BY_RANGE(5, 5));

	hold_it(self, variant);
	EXPECT_EQ(3, q_stat_of(box->manage).messages);
	EXPECT_EQ(LARGE + 2 * SMALL, q_stat_of(box->manage).bytes);
	EXPECT_EQ(2, q_peek(box->in, BY_AFTER(0)));
	EXPECT_EQ(2, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(-EAGAIN, q_peek(box->in, BY_LOWEST(5)));
	EXPECT_EQ(3, q_peek(box->in, BY_SENDER(getpid())));
	go_and_wait(second, box->manage, 0);
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	/* Its room is not free yet. */
	EXPECT_EQ(0, q_put(box->out, 6, 0, 4));
	EXPECT_EQ(0, q_put(box->out, 6, 0, 5));
	EXPECT_EQ(-EAGAIN, q_put(box->out, 6, 0, 6));
	EXPECT_EQ(0, poll_mask(box->out, POLLOUT));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_TRUE(asleep(second));
	EXPECT_EQ(0, q_put(box->out, 5, 0, 7));
	EXPECT_EQ(7, outcome(second));
}

TEST_F(copying, sender_waits)
{
	struct handles *box = &self->box;
	struct party *s = q_sender(box->out, LARGE, 7, 4);

	hold_it(self, variant);
	go_and_wait(s, box->manage, 0);
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	EXPECT_EQ(4, q_take(box->in, BY_FIRST));
}

/* In its place again, where all see it. */
TEST_F(copying, fails)
{
	struct handles *box = &self->box;

	self->r->cold = true;
	hold_it(self, variant);
	lose_it(self, variant->point);
	EXPECT_EQ(POLLIN, poll_mask(box->in, POLLIN));
	EXPECT_EQ(1, q_peek(box->in, BY_FIRST));
	EXPECT_EQ(1, q_peek(box->in, BY_PRIORITY));
	EXPECT_EQ(1, q_peek(box->in, BY_SENDER(getpid())));
	EXPECT_EQ(1, q_peek(box->in, BY_AFTER(0)));
	EXPECT_EQ(2, q_peek(box->in, BY_AFTER(1)));
	release("queue_receive_fault");
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
}

/* It comes back: who waits longest of those who want it gets it. */
TEST_F(copying, fails_for_the_next)
{
	struct handles *box = &self->box;
	struct party *other = q_receiver(box->in, BY_TYPE(8));
	struct party *second = q_receiver(box->in, BY_LOWEST(5));
	struct party *third = q_receiver(box->in, BY_FIRST);
	struct party *watcher = poller(box->in, POLLIN);

	self->r->cold = true;
	hold_it(self, variant);
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	go_and_wait(other, box->manage, 0);
	go_and_wait(second, box->manage, 1);
	go_and_wait(third, box->manage, 2);
	go(watcher);
	wait_for(asleep(watcher));
	lose_it(self, variant->point);
	EXPECT_EQ(1, outcome(second));
	EXPECT_TRUE(asleep(third) && asleep(other));
	release("queue_receive_fault");
	q_wait_waiters(box->manage, 0, 3, self->r->pid);
	EXPECT_EQ(0, q_put(box->out, 8, 0, 8));
	EXPECT_EQ(8, outcome(other));
	/* The one that failed has come again, behind the third. */
	EXPECT_EQ(0, q_put(box->out, 5, 0, 4));
	EXPECT_EQ(4, outcome(third));
	EXPECT_EQ(0, q_put(box->out, 5, 0, 5));
	EXPECT_EQ(5, outcome(self->r));
	EXPECT_EQ(0, q_put(box->out, 5, 0, 6));
	EXPECT_EQ(0, outcome(watcher));
	EXPECT_EQ(6, q_take(box->in, BY_FIRST));
}

TEST_F(copying, fails_for_good)
{
	struct handles *box = &self->box;

	self->r->unwritable = true;
	hold_it(self, variant);
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(self->r));
	EXPECT_EQ(1, q_take(box->in, BY_FIRST));
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, q_stat_of(box->manage).bytes);
}

/* Whoever only looks keeps it from nobody, and sees it whole whatever becomes of it. */
TEST_F(copying, peeks)
{
	struct handles *box = &self->box;

	self->r->flags = KIPC_RECV_PEEK;
	hold_it(self, variant);
	EXPECT_EQ(1, q_peek(box->in, BY_FIRST));
	EXPECT_EQ(1, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(2 * SMALL, q_stat_of(box->manage).bytes);
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	EXPECT_EQ(3, q_stat_of(box->manage).received);
}

/* Two look, and the one that was the first to come is the last to go. */
TEST_F(copying, two_peek)
{
	static const char * const points[] = {
		"queue_receive_copying", "queue_receive_copied"
	};
	const char *other = points[!strcmp(variant->point, points[0])];
	struct party *second = q_receiver(self->box.in, BY_TYPE(5));

	self->r->flags = KIPC_RECV_PEEK;
	second->flags = KIPC_RECV_PEEK;
	hold_it(self, variant);
	hold(second, other);
	EXPECT_EQ(1, q_take(self->box.in, BY_TYPE(5)));
	release(other);
	EXPECT_EQ(1, outcome(second));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(2, q_take(self->box.in, BY_FIRST));
}

/* What is looked at may be removed with the queue. */
TEST_F(copying, peeks_and_removed)
{
	self->r->flags = KIPC_RECV_PEEK;
	hold_it(self, variant);
	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(0, q_stat_of(self->box.manage).messages);
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
}

/*
 * A listener that has found nothing is told when it comes back; else what comes after it
 * would not be told either.
 */
TEST_F(copying, comes_back_for_a_listener)
{
	struct handles *box = &self->box;

	q_listen(box->in);
	self->r->unwritable = true;
	hold_it(self, variant);
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_FIRST));
	q_told();
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(self->r));
	EXPECT_EQ(1, q_told());
	EXPECT_EQ(0, q_put(box->out, 5, 0, 4));
	EXPECT_EQ(0, q_told());
	EXPECT_EQ(1, q_take(box->in, BY_FIRST));
	EXPECT_EQ(4, q_take(box->in, BY_FIRST));
	/* Not if it goes to another one who waits. */
	self->r = q_receiver(box->in, BY_TYPE(5));
	self->r->unwritable = true;
	hold_it(self, variant);
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	q_told();
	go_and_wait(q_receiver(box->in, BY_FIRST), box->manage, 0);
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(self->r));
	wait_for(!q_stat_of(box->manage).messages);
	EXPECT_EQ(0, q_told());
}

TEST_F(copying, removed)
{
	hold_it(self, variant);
	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(-EIDRM, q_take(self->box.in, BY_FIRST));
	release(variant->point);
	/* It had the message before. */
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(0, q_stat_of(self->box.manage).messages);
	EXPECT_EQ(1, q_stat_of(self->box.manage).received);
}

/* What is not received then is nobody's, and does not come back. */
TEST_F(copying, removed_and_fails)
{
	self->r->cold = true;
	hold_it(self, variant);
	EXPECT_OK(k_remove(self->box.manage));
	release(variant->point);
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_EQ(0, q_stat_of(self->box.manage).messages);
	EXPECT_EQ(0, q_stat_of(self->box.manage).bytes);
	EXPECT_EQ(0, q_stat_of(self->box.manage).received);
}

/* Killed before it could have had it: it is in its place. */
TEST_F(copying, fails_and_killed)
{
	struct handles *box = &self->box;

	self->r->cold = true;
	hold_it(self, variant);
	lose_it(self, variant->point);
	kill(self->r->pid, SIGKILL);
	release("queue_receive_fault");
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(1, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(2, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
}

/* The end of file comes after the message that may still come back. */
TEST_F(copying, senders_gone)
{
	struct handles *box = &self->box;
	struct party *second = q_receiver(box->in, BY_TYPE(5));
	struct party *third = q_receiver(box->in, BY_TYPE(5));

	self->r->cold = true;
	hold_it(self, variant);
	EXPECT_EQ(2, q_take(box->in, BY_TYPE(5)));
	close(box->out);
	go_and_wait(second, box->manage, 0);
	go_and_wait(third, box->manage, 1);
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_TYPE(5)));
	lose_it(self, variant->point);
	EXPECT_EQ(1, outcome(second));
	EXPECT_EQ(-EPIPE, outcome(third));
	release("queue_receive_fault");
	EXPECT_EQ(-EPIPE, outcome(self->r));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(box->in, POLLIN));
}

TEST_F(copying, all_others_close)
{
	struct handles *box = &self->box;

	hold_it(self, variant);
	close(box->in);
	close(box->out);
	EXPECT_OK(k_remove(box->manage));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
}

FIXTURE(item) {
};

FIXTURE_SETUP(item)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(item)
{
	race_end();
}

/* A message is ready to be sent; what was true when it began is not any more. */
TEST_F(item, prepared)
{
	enum { REMOVED, DESERTED, FULL, LATE, SHORT, DEAD, QUOTA, AWAITED, ENDED };
	static const long want[] = { -EIDRM, -EPIPE, -EAGAIN, -ETIMEDOUT, -EMSGSIZE,
				     KILLED, 0, 0 };
	int how;

	for (how = REMOVED; how < 2 * ENDED; how++) {
		size_t size = how % 2 ? SMALL + 1 : LARGE;
		struct handles box = race_queue(1, LARGE, LARGE, KIPC_QUEUE_HANGUP);
		struct party *s = q_sender(box.out, size, 5, 1);
		struct party *r = q_receiver(box.in, BY_TYPE(5));
		uint64_t limit = get_limit("max_bytes");
		int which = how / 2;

		if (which == LATE)
			s->deadline = after(50 * MS);
		else if (which == FULL)
			s->deadline = KIPC_NO_WAIT;
		hold(s, "queue_send_prepared");
		if (which == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (which == DESERTED) {
			EXPECT_EQ(KILLED, killed(r));
			close(box.in);
		} else if (which == FULL || which == LATE) {
			EXPECT_EQ(0, q_put(box.out, 5, 0, 2));
		} else if (which == SHORT) {
			EXPECT_OK(q_set(box.manage, 1, LARGE, SMALL,
					KIPC_QUEUE_HANGUP));
		} else if (which == DEAD) {
			kill(s->pid, SIGKILL);
		} else if (which == QUOTA) {
			set_limit("max_bytes", 0);
		} else {
			go_and_wait(r, box.manage, 0);
		}
		if (which == LATE)
			wait_for(now_ns() > s->deadline);
		release("queue_send_prepared");
		EXPECT_EQ(want[which], outcome(s));
		set_limit("max_bytes", limit);
		if (which != DESERTED) {
			EXPECT_EQ(which == AWAITED ? 1 : KILLED,
				  which == AWAITED ? outcome(r) : killed(r));
		}
		if (which == DEAD || which == QUOTA) {
			EXPECT_EQ(1, q_take(box.in, BY_FIRST));
		} else if (which == FULL || which == LATE) {
			EXPECT_EQ(2, q_take(box.in, BY_FIRST));
		}
		EXPECT_EQ(0, q_stat_of(box.manage).messages);
		EXPECT_EQ(0, q_stat_of(box.manage).bytes);
		EXPECT_TRUE(q_has_waiters(box.manage, 0, 0));
		close(box.out);
	}
}

/*
 * It has room, and lacks memory for a type that is new, where somebody has selected by
 * type before: the lock is dropped.
 */
TEST_F(item, stocked)
{
	enum { NOTHING, REMOVED, DESERTED, SET, DEAD, AWAITED, SAME, ENDED };
	static const long want[] = { 0, -EIDRM, -EPIPE, 0, KILLED, 0, 0 };
	int how;

	for (how = NOTHING; how < ENDED; how++) {
		struct handles box = race_queue(3, 2 * LARGE, LARGE, KIPC_QUEUE_HANGUP);
		struct party *s = q_sender(box.out, LARGE - SMALL, 5, 1);
		struct party *r = q_receiver(box.in, BY_TYPE(5));

		EXPECT_EQ(0, q_put(box.out, 6, 0, 6));
		EXPECT_EQ(-EAGAIN, q_peek(box.in, BY_TYPE(5)));
		hold(s, "queue_stocked");
		/* Its room is taken, and there is nothing to be seen of it. */
		EXPECT_EQ(2, q_stat_of(box.manage).messages);
		EXPECT_EQ(LARGE, q_stat_of(box.manage).bytes);
		EXPECT_EQ(-EAGAIN, q_peek(box.in, BY_TYPE(5)));
		EXPECT_EQ(-EAGAIN, q_peek(box.in, BY_AFTER(1)));
		if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == DESERTED) {
			EXPECT_EQ(KILLED, killed(r));
			close(box.in);
		} else if (how == SET) {
			EXPECT_OK(q_set(box.manage, 1, LARGE, SMALL,
					KIPC_QUEUE_HANGUP));
		} else if (how == DEAD) {
			kill(s->pid, SIGKILL);
		} else if (how == AWAITED) {
			go_and_wait(r, box.manage, 0);
		} else if (how == SAME) {
			/* Whoever comes meanwhile is before it. */
			EXPECT_EQ(0, q_put(box.out, 5, 0, 2));
			EXPECT_EQ(-EAGAIN, q_put(box.out, 5, 0, 3));
		}
		release("queue_stocked");
		EXPECT_EQ(want[how], outcome(s));
		if (how == AWAITED) {
			EXPECT_EQ(1, outcome(r));
		} else if (how != DESERTED) {
			EXPECT_EQ(KILLED, killed(r));
		}
		if (how == SAME)
			EXPECT_EQ(2, q_take(box.in, BY_TYPE(5)));
		if (how == NOTHING || how == SET || how == DEAD || how == SAME)
			EXPECT_EQ(1, q_take(box.in, BY_TYPE(5)));
		if (how == DESERTED) {
			close(box.out);
			continue;
		}
		EXPECT_EQ(how == REMOVED ? -EIDRM : 6, q_take(box.in, BY_FIRST));
		EXPECT_EQ(0, q_stat_of(box.manage).messages);
		EXPECT_EQ(0, q_stat_of(box.manage).bytes);
		EXPECT_TRUE(q_has_waiters(box.manage, 0, 0));
		close(box.out);
	}
}

/* Prepared, and then it waits in its line: in the order in which it came there. */
TEST_F(item, prepared_and_overtaken)
{
	struct handles box = race_queue(1, LARGE, LARGE, 0);
	struct party *s = q_sender(box.out, LARGE, 5, 3);
	struct party *other = q_sender(box.out, SMALL, 5, 2);

	hold(s, "queue_send_prepared");
	EXPECT_EQ(0, q_put(box.out, 5, 0, 1));
	go_and_wait(other, box.manage, 0);
	release("queue_send_prepared");
	q_wait_waiters(box.manage, 2, 0, s->pid);
	EXPECT_EQ(1, q_take(box.in, BY_FIRST));
	EXPECT_EQ(0, outcome(other));
	EXPECT_EQ(2, q_take(box.in, BY_FIRST));
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(3, q_take(box.in, BY_FIRST));
}

/* Who was granted what it only looks at has left it to the next one before. */
TEST_F(item, looked_at)
{
	struct handles box = race_queue(3, 2 * LARGE, LARGE, 0);
	struct party *first = q_receiver(box.in, BY_TYPE(5));
	struct party *second = q_receiver(box.in, BY_TYPE(5));

	first->flags = KIPC_RECV_PEEK;
	go_and_wait(first, box.manage, 0);
	go_and_wait(second, box.manage, 1);
	arm("queue_receive_copying", first);
	EXPECT_EQ(0, q_put_sized(box.out, 5, 0, LARGE, 1));
	wait_held("queue_receive_copying", first);
	EXPECT_EQ(1, outcome(second));
	EXPECT_EQ(0, q_stat_of(box.manage).messages);
	release("queue_receive_copying");
	EXPECT_EQ(1, outcome(first));
}

/* A small one, whose page is missing: nothing is held meanwhile. */
TEST_F(item, fault)
{
	enum { TAKEN, REMOVED, SIGNALLED, DEAD, HUNGUP, BETTER, ENDED };
	static const long want[] = { WAITS, -EIDRM, -EINTR, KILLED, 1, 4 };
	int how;

	for (how = TAKEN; how < ENDED; how++) {
		struct handles box = race_queue(9, KIPC_UNBOUNDED, LARGE,
						KIPC_QUEUE_HANGUP);
		struct party *r = q_receiver(box.in, BY_LOWEST(5));

		r->cold = true;
		EXPECT_EQ(0, q_put(box.out, 5, 0, 1));
		hold(r, "queue_receive_fault");
		EXPECT_EQ(POLLIN, poll_mask(box.in, POLLIN));
		if (how == TAKEN) {
			EXPECT_EQ(1, q_take(box.in, BY_FIRST));
		} else if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == SIGNALLED) {
			interrupt(r);
		} else if (how == DEAD) {
			kill(r->pid, SIGKILL);
		} else if (how == HUNGUP) {
			close(box.out);
		} else {
			/* One that its selector prefers. */
			EXPECT_EQ(0, q_put(box.out, 4, 0, 4));
		}
		release("queue_receive_fault");
		if (want[how] == WAITS) {
			wait_for(asleep(r));
			EXPECT_EQ(0, q_put(box.out, 3, 0, 2));
			EXPECT_EQ(2, outcome(r));
		} else {
			EXPECT_EQ(want[how], outcome(r));
		}
		if (how == SIGNALLED || how == DEAD || how == BETTER)
			EXPECT_EQ(1, q_take(box.in, BY_FIRST));
		EXPECT_EQ(0, q_stat_of(box.manage).messages);
		EXPECT_TRUE(q_has_waiters(box.manage, 0, 0));
	}
}

/* A queue that is removed with much in it: it is dropped in batches. */
TEST_F(item, clearing)
{
	enum { MANY = 500 };
	struct handles box = race_queue(KIPC_UNBOUNDED, KIPC_UNBOUNDED, LARGE,
					KIPC_QUEUE_HANGUP);
	struct party *m = remover(box.manage);
	struct party *r = q_receiver(box.in, BY_TYPE(7));
	struct party *copier = q_receiver(box.in, BY_TYPE(5));
	int i;

	EXPECT_EQ(0, q_put_sized(box.out, 5, 0, LARGE, 1));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, q_put(box.out, 100 + i % 50, i % 7, i));
	go_and_wait(r, box.manage, 0);
	hold(copier, "queue_receive_copying");
	hold(m, "queue_clear_batch");
	EXPECT_GT(q_stat_of(box.manage).messages, 1);
	EXPECT_EQ(-EIDRM, q_take(box.in, BY_FIRST));
	EXPECT_EQ(-EIDRM, q_peek(box.in, BY_AFTER(0)));
	EXPECT_EQ(-EIDRM, q_put(box.out, 1, 0, 1));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(box.in, POLLIN));
	EXPECT_ERR(EIDRM, q_set(box.manage, 1, LARGE, LARGE, KIPC_QUEUE_HANGUP));
	EXPECT_ERR(EIDRM, q_select(box.in, BY_FIRST));
	EXPECT_ERR(EIDRM, k_remove(box.manage));
	EXPECT_EQ(-EIDRM, outcome(r));
	release("queue_receive_copying");
	EXPECT_EQ(1, outcome(copier));
	close(box.in);
	close(box.out);
	release("queue_clear_batch");
	EXPECT_EQ(0, outcome(m));
	EXPECT_EQ(0, q_stat_of(box.manage).messages);
	EXPECT_EQ(0, q_stat_of(box.manage).bytes);
	EXPECT_EQ(1, q_stat_of(box.manage).received);
}

/* More than are woken in one go find room; nobody comes in before those in line. */
TEST_F(item, many_go_on)
{
	enum { MANY = 12 };
	struct handles box = race_queue(1, KIPC_UNBOUNDED, SMALL, 0);
	struct party *s[MANY], *m = q_setter(box.manage, MANY + 1, SMALL, 0);
	struct party *late = q_sender(box.out, SMALL, 5, 100);
	long seen = 0;
	int i;

	EXPECT_EQ(0, q_put(box.out, 5, 0, 50));
	for (i = 0; i < MANY; i++) {
		s[i] = q_sender(box.out, SMALL, 5, i);
		go_and_wait(s[i], box.manage, i);
	}
	hold(m, "between_batches");
	EXPECT_EQ(-EAGAIN, q_put(box.out, 5, 0, 99));
	go(late);
	wait_for(asleep(late));
	release("between_batches");
	EXPECT_EQ(0, outcome(m));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, outcome(s[i]));
	EXPECT_TRUE(asleep(late));
	EXPECT_EQ(50, q_take(box.in, BY_FIRST));
	EXPECT_EQ(0, outcome(late));
	/* Those who were let in at once may have run in any order. */
	for (i = 0; i < MANY; i++)
		seen |= 1L << q_take(box.in, BY_FIRST);
	EXPECT_EQ((1L << MANY) - 1, seen);
	EXPECT_EQ(100, q_take(box.in, BY_FIRST));
}

TEST_HARNESS_MAIN
