// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of grants: promises that are revoked, grants that are passed on,
 * wakers that are held between the verdict and the wake-up.
 */
#include "test.h"
#include "race.h"

/*
 * A rendezvous: the first receiver was promised the letter of a sender that has
 * taken it back, and is held; the second one stands behind it.
 */
FIXTURE(revoked) {
	struct handles box;
	struct party *first, *second;
};

FIXTURE_VARIANT(revoked) {
	const char *point;	/* where the first one is held */
	bool late, signalled;	/* why the sender leaves; else it is killed */
};

FIXTURE_VARIANT_ADD(revoked, drowsy_by_death) { "before_sleep" };
FIXTURE_VARIANT_ADD(revoked, drowsy_by_signal) {
	"before_sleep", .signalled = true };
FIXTURE_VARIANT_ADD(revoked, drowsy_by_deadline) {
	"before_sleep", .late = true };
FIXTURE_VARIANT_ADD(revoked, awake_by_death) { "after_sleep" };
FIXTURE_VARIANT_ADD(revoked, awake_by_signal) {
	"after_sleep", .signalled = true };
FIXTURE_VARIANT_ADD(revoked, awake_by_deadline) {
	"after_sleep", .late = true };

FIXTURE_SETUP(revoked)
{
	bool awake = !strcmp(variant->point, "after_sleep");
	struct handles *box = &self->box;
	struct party *s;

	NEED_DELAY_POINTS();
	*box = race_box(0, 0, LARGE, KIPC_MAILBOX_HANGUP);
	s = sender(box->out, SMALL, 1);
	self->first = receiver(box->in, LARGE);
	self->second = receiver(box->in, LARGE);

	arm(variant->point, self->first);
	go(self->first);
	if (awake)
		wait_for(asleep(self->first));
	else
		wait_held(variant->point, self->first);
	go(self->second);
	wait_waiters(box->manage, 0, 2, self->second->pid);
	if (variant->late)
		s->deadline = after(SECOND);
	go(s);
	wait_for(stat_of(box->manage).letters == 1);
	wait_held(variant->point, self->first);
	if (variant->signalled) {
		wait_for(asleep(s));
		interrupt(s);
		CHECK(outcome(s) == -EINTR);
	} else if (variant->late) {
		CHECK(outcome(s) == -ETIMEDOUT);
	} else {
		wait_for(asleep(s));
		CHECK(killed(s) == KILLED);
	}
	CHECK(has_waiters(box->manage, 0, 2));
	CHECK(!stat_of(box->manage).letters && !stat_of(box->manage).sent);
}

FIXTURE_TEARDOWN(revoked)
{
	EXPECT_TRUE(has_waiters(self->box.manage, 0, 0));
	race_end();
}

/* It sleeps again, and is still the first one. */
TEST_F(revoked, waits_again)
{
	struct handles *box = &self->box;

	release(variant->point);
	wait_for(asleep(self->first));
	EXPECT_TRUE(has_waiters(box->manage, 0, 2));
	EXPECT_EQ(POLLOUT, poll_mask(box->out, POLLOUT));
	EXPECT_EQ(0, put(box->out, SMALL, 2));
	EXPECT_EQ(2, outcome(self->first));
	EXPECT_TRUE(asleep(self->second));
	EXPECT_EQ(0, put(box->out, SMALL, 3));
	EXPECT_EQ(3, outcome(self->second));
}

/* The next letter is its again, before it has noticed anything. */
TEST_F(revoked, next_letter)
{
	struct handles *box = &self->box;

	EXPECT_EQ(0, put(box->out, SMALL, 2));
	EXPECT_TRUE(asleep(self->second));
	EXPECT_EQ(-EAGAIN, take(box->in));
	release(variant->point);
	EXPECT_EQ(2, outcome(self->first));
	EXPECT_TRUE(asleep(self->second));
	EXPECT_EQ(0, put(box->out, LARGE, 3));
	EXPECT_EQ(3, outcome(self->second));
}

TEST_F(revoked, killed)
{
	struct handles *box = &self->box;

	kill(self->first->pid, SIGKILL);
	EXPECT_EQ(0, put(box->out, SMALL, 2));
	EXPECT_TRUE(asleep(self->second));
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(self->first));
	EXPECT_EQ(2, outcome(self->second));
}

TEST_F(revoked, interrupted)
{
	struct handles *box = &self->box;

	interrupt(self->first);
	release(variant->point);
	EXPECT_EQ(-EINTR, outcome(self->first));
	EXPECT_TRUE(has_waiters(box->manage, 0, 1));
	EXPECT_EQ(0, put(box->out, SMALL, 2));
	EXPECT_EQ(2, outcome(self->second));
}

TEST_F(revoked, removed)
{
	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(-EIDRM, outcome(self->second));
	release(variant->point);
	EXPECT_EQ(-EIDRM, outcome(self->first));
}

TEST_F(revoked, senders_gone)
{
	close(self->box.out);
	EXPECT_EQ(-EPIPE, outcome(self->second));
	release(variant->point);
	EXPECT_EQ(-EPIPE, outcome(self->first));
}

FIXTURE(grant) {
};

FIXTURE_SETUP(grant)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(grant)
{
	race_end();
}

/*
 * A letter that is there has first claim on a waiting receiver: who does not want
 * to wait must find one more.
 */
TEST_F(grant, letter_has_first_claim)
{
	static const char *const points[] = { "before_sleep", "after_sleep" };
	int round;

	for (round = 0; round < 2; round++) {
		struct handles box = race_box(0, 0, SMALL, 0);
		struct party *first = receiver(box.in, SMALL);
		struct party *second = receiver(box.in, SMALL);
		struct party *s = sender(box.out, SMALL, 1);

		arm(points[round], first);
		go(first);
		if (round)
			wait_for(asleep(first));
		else
			wait_held(points[round], first);
		EXPECT_EQ(POLLOUT, poll_mask(box.out, POLLOUT));
		go(s);
		wait_waiters(box.manage, 1, 1, s->pid);
		wait_held(points[round], first);
		EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 2));
		EXPECT_EQ(0, poll_mask(box.out, POLLOUT));

		/* The second one is free, for one letter. */
		go(second);
		wait_waiters(box.manage, 1, 2, second->pid);
		EXPECT_EQ(POLLOUT, poll_mask(box.out, POLLOUT));
		EXPECT_EQ(0, put(box.out, SMALL, 2));
		EXPECT_EQ(0, poll_mask(box.out, POLLOUT));
		EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 3));
		/* The oldest letter goes to who runs first. */
		EXPECT_EQ(1, outcome(second));
		EXPECT_EQ(0, outcome(s));
		EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 3));
		release(points[round]);
		EXPECT_EQ(2, outcome(first));
		EXPECT_EQ(2, stat_of(box.manage).received);
		EXPECT_TRUE(has_waiters(box.manage, 0, 0));
	}
}

/* Two letters are promised; one large one takes the place of both. */
TEST_F(grant, dropped_letter_is_revoked)
{
	struct handles box = race_box(9, 2 * SMALL, 2 * SMALL,
				      KIPC_MAILBOX_DROP_OLDEST);
	struct party *first = receiver(box.in, 2 * SMALL);
	struct party *second = receiver(box.in, 2 * SMALL);
	struct party *third = receiver(box.in, 2 * SMALL);

	hold(first, "before_sleep");
	arm("after_sleep", second);
	go(second);
	wait_for(asleep(second));
	go(third);
	wait_waiters(box.manage, 0, 3, third->pid);
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	EXPECT_EQ(0, put(box.out, SMALL, 2));
	wait_held("after_sleep", second);
	EXPECT_EQ(0, put(box.out, 2 * SMALL, 3));
	EXPECT_EQ(2, stat_of(box.manage).dropped);
	EXPECT_EQ(1, stat_of(box.manage).letters);
	EXPECT_EQ(0, poll_mask(box.in, POLLIN));

	/* The youngest promise was broken: it waits, in front of the third. */
	release("after_sleep");
	wait_for(asleep(second));
	EXPECT_TRUE(has_waiters(box.manage, 0, 3));
	release("before_sleep");
	EXPECT_EQ(3, outcome(first));
	EXPECT_EQ(0, put(box.out, SMALL, 4));
	EXPECT_EQ(4, outcome(second));
	EXPECT_TRUE(asleep(third));
	EXPECT_EQ(0, put(box.out, SMALL, 5));
	EXPECT_EQ(5, outcome(third));
	EXPECT_TRUE(has_waiters(box.manage, 0, 0));
}

/* While a large letter is copied, nothing is promised: all take turns. */
TEST_F(grant, copying_revokes)
{
	struct handles box = race_box(9, 1 << 20, LARGE, 0);
	struct party *first = receiver(box.in, LARGE);
	struct party *copier = receiver(box.in, LARGE);

	hold(first, "before_sleep");
	EXPECT_EQ(0, put(box.out, LARGE, 1));
	EXPECT_EQ(0, put(box.out, LARGE, 2));
	copier->deadline = KIPC_NO_WAIT;
	hold(copier, "receive_copying");
	release("before_sleep");
	wait_for(asleep(first));
	EXPECT_TRUE(has_waiters(box.manage, 0, 1));
	EXPECT_EQ(0, poll_mask(box.in, POLLIN));
	release("receive_copying");
	EXPECT_EQ(1, outcome(copier));
	EXPECT_EQ(2, outcome(first));
	EXPECT_TRUE(has_waiters(box.manage, 0, 0));
}

/* A large letter in line leaves: the small ones behind it go on at once. */
TEST_F(grant, room_is_passed_on)
{
	long want[] = { -ETIMEDOUT, -EINTR, KILLED };
	int how;

	for (how = 0; how < 3; how++) {
		struct handles box = race_box(9, 3 * SMALL, 3 * SMALL, 0);
		struct party *large = sender(box.out, 3 * SMALL, 2);
		struct party *small = sender(box.out, SMALL, 3);
		struct party *also = sender(box.out, SMALL, 4);

		EXPECT_EQ(0, put(box.out, SMALL, 1));
		if (how == 0)
			large->deadline = after(50 * MS);
		arm("after_sleep", large);
		go(large);
		wait_waiters(box.manage, 1, 0, 0);
		if (how) {
			wait_for(asleep(large));
			kill(large->pid, how == 1 ? SIGUSR1 : SIGKILL);
		}
		wait_held("after_sleep", large);
		go(small);
		wait_waiters(box.manage, 2, 0, small->pid);
		go(also);
		wait_waiters(box.manage, 3, 0, also->pid);
		EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 5));
		release("after_sleep");
		EXPECT_EQ(want[how], outcome(large));
		EXPECT_EQ(0, outcome(small));
		EXPECT_EQ(0, outcome(also));
		EXPECT_EQ(1, take(box.in));
		/* Both were granted at once, and may have run in any order. */
		EXPECT_EQ(3 + 4, take(box.in) + take(box.in));
		EXPECT_TRUE(has_waiters(box.manage, 0, 0));
	}
}

/* Held between the verdict and the wake-up; a second one waits behind. */

FIXTURE(waker) {
	struct handles box;
	struct party *waker, *first, *second;
};

FIXTURE_SETUP(waker)
{
	struct handles *box = &self->box;

	NEED_DELAY_POINTS();
	*box = race_box(9, 9 * SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	self->waker = sender(box->out, SMALL, 1);
	self->first = receiver(box->in, SMALL);
	self->second = receiver(box->in, SMALL);
}

FIXTURE_TEARDOWN(waker)
{
	EXPECT_TRUE(has_waiters(self->box.manage, 0, 0));
	race_end();
}

static void line_up(FIXTURE_DATA(waker) *self)
{
	go(self->first);
	wait_waiters(self->box.manage, 0, 1, self->first->pid);
	go(self->second);
	wait_waiters(self->box.manage, 0, 2, self->second->pid);
}

TEST_F(waker, wakee_is_killed)
{
	line_up(self);
	hold(self->waker, "before_wake");
	EXPECT_TRUE(asleep(self->first));
	EXPECT_EQ(KILLED, killed(self->first));
	EXPECT_EQ(1, outcome(self->second));
	release("before_wake");
	EXPECT_EQ(0, outcome(self->waker));
}

TEST_F(waker, wakee_is_interrupted)
{
	line_up(self);
	hold(self->waker, "before_wake");
	interrupt(self->first);
	EXPECT_EQ(1, outcome(self->first));
	EXPECT_TRUE(asleep(self->second));
	release("before_wake");
	EXPECT_EQ(0, outcome(self->waker));
	EXPECT_EQ(0, put(self->box.out, SMALL, 2));
	EXPECT_EQ(2, outcome(self->second));
}

TEST_F(waker, wakee_is_late)
{
	self->first->deadline = after(4 * SECOND);
	line_up(self);
	hold(self->waker, "before_wake");
	EXPECT_EQ(1, outcome(self->first));
	EXPECT_GT(now_ns(), self->first->deadline);
	release("before_wake");
	EXPECT_EQ(0, outcome(self->waker));
	EXPECT_EQ(0, put(self->box.out, SMALL, 2));
	EXPECT_EQ(2, outcome(self->second));
}

TEST_F(waker, waker_is_killed)
{
	line_up(self);
	hold(self->waker, "before_wake");
	kill(self->waker->pid, SIGKILL);
	EXPECT_TRUE(asleep(self->first));
	release("before_wake");
	EXPECT_EQ(KILLED, outcome(self->waker));
	EXPECT_EQ(1, outcome(self->first));
	EXPECT_EQ(0, put(self->box.out, SMALL, 2));
	EXPECT_EQ(2, outcome(self->second));
}

/* What was promised, and not noticed, goes with a removal. */
TEST_F(waker, removal)
{
	line_up(self);
	hold(self->waker, "before_wake");
	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(-EIDRM, outcome(self->first));
	EXPECT_EQ(-EIDRM, outcome(self->second));
	release("before_wake");
	EXPECT_EQ(0, outcome(self->waker));
	EXPECT_EQ(0, stat_of(self->box.manage).received);
}

/* The last sender's close wakes, and is held, and killed. */
TEST_F(waker, closer_is_killed)
{
	struct party *last = closer(self->box.out);

	EXPECT_EQ(KILLED, killed(self->waker));
	line_up(self);
	hold(last, "before_wake");
	EXPECT_TRUE(asleep(self->first) && asleep(self->second));
	EXPECT_EQ(-EPIPE, take(self->box.in));
	kill(last->pid, SIGKILL);
	release("before_wake");
	EXPECT_EQ(KILLED, outcome(last));
	EXPECT_EQ(-EPIPE, outcome(self->first));
	EXPECT_EQ(-EPIPE, outcome(self->second));
}

/* A receiver has made room for the first sender, who is not awake yet. */
TEST_F(waker, granted_sender_is_killed)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *r = receiver(box.in, SMALL);
	struct party *first = sender(box.out, SMALL, 2);
	struct party *second = sender(box.out, SMALL, 3);

	EXPECT_EQ(0, put(box.out, SMALL, 1));
	go(first);
	wait_waiters(box.manage, 1, 0, first->pid);
	go(second);
	wait_waiters(box.manage, 2, 0, second->pid);
	hold(r, "before_wake");
	EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 4));
	EXPECT_EQ(KILLED, killed(first));
	EXPECT_EQ(0, outcome(second));
	kill(r->pid, SIGKILL);
	release("before_wake");
	EXPECT_EQ(KILLED, outcome(r));
	EXPECT_EQ(3, take(box.in));
	EXPECT_TRUE(has_waiters(box.manage, 0, 0));
	EXPECT_EQ(KILLED, killed(self->waker));
	EXPECT_EQ(KILLED, killed(self->first));
	EXPECT_EQ(KILLED, killed(self->second));
}

/* A sender that has met its receiver, which is held: its send is done. */
TEST_F(waker, met_sender_is_killed)
{
	struct handles box = race_box(0, 0, SMALL, 0);
	struct party *s = sender(box.out, SMALL, 1);
	struct party *r = receiver(box.in, SMALL);
	int how;

	for (how = 0; how < 2; how++) {
		go(s);
		wait_waiters(box.manage, 1, 0, s->pid);
		hold(r, "before_wake");
		if (how) {
			EXPECT_EQ(KILLED, killed(s));
		} else {
			interrupt(s);
			EXPECT_EQ(0, outcome(s));
		}
		release("before_wake");
		EXPECT_EQ(1, outcome(r));
		EXPECT_EQ(how + 1, stat_of(box.manage).received);
		EXPECT_EQ(how + 1, stat_of(box.manage).sent);
		EXPECT_TRUE(has_waiters(box.manage, 0, 0));
		s = sender(box.out, SMALL, 1);
		r = receiver(box.in, SMALL);
	}
}

TEST_HARNESS_MAIN
