// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who wait at a queue: somebody is held on its way into or
 * out of a sleep, and what it waits for, or what ends the wait, happens meanwhile.
 */
#include "test.h"
#include "race_queue.h"

/* A receiver, of type 5; what it may be granted is message 1. */

FIXTURE(receiver) {
	struct handles box;
	struct party *r;
};

FIXTURE_VARIANT(receiver) {
	const struct state *at;
};

FIXTURE_VARIANT_ADD(receiver, drowsy) { &drowsy };
FIXTURE_VARIANT_ADD(receiver, drowsy_late) { &drowsy_late };
FIXTURE_VARIANT_ADD(receiver, drowsy_signalled) { &drowsy_signalled };
FIXTURE_VARIANT_ADD(receiver, drowsy_granted) { &drowsy_granted };
FIXTURE_VARIANT_ADD(receiver, drowsy_granted_late) { &drowsy_granted_late };
FIXTURE_VARIANT_ADD(receiver, drowsy_granted_signalled) { &drowsy_granted_signalled };
FIXTURE_VARIANT_ADD(receiver, awake_granted) { &awake_granted };
FIXTURE_VARIANT_ADD(receiver, awake_granted_signalled) { &awake_granted_signalled };
FIXTURE_VARIANT_ADD(receiver, awake_late) { &awake_late };
FIXTURE_VARIANT_ADD(receiver, awake_signalled) { &awake_signalled };

static void put_one(const struct handles *box)
{
	CHECK(!q_put(box->out, 5, 0, 1));
}

FIXTURE_SETUP(receiver)
{
	NEED_DELAY_POINTS();
	self->box = race_queue(4, KIPC_UNBOUNDED, LARGE, KIPC_QUEUE_HANGUP);
	self->r = q_receiver(self->box.in, BY_TYPE(5));
	bring(self->r, variant->at, &self->box, put_one);
}

FIXTURE_TEARDOWN(receiver)
{
	EXPECT_TRUE(q_has_waiters(self->box.manage, 0, 0));
	race_end();
}

TEST_F(receiver, alone)
{
	long want = fate(variant->at, 1);

	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->r));
		put_one(&self->box);
		want = 1;
	}
	EXPECT_EQ(want, outcome(self->r));
	EXPECT_EQ(-EAGAIN, q_take(self->box.in, BY_FIRST));
	EXPECT_EQ(want == 1, q_stat_of(self->box.manage).received);
}

/* A message that comes before it has left is its, whatever else has happened. */
TEST_F(receiver, message)
{
	if (!variant->at->granted)
		put_one(&self->box);
	EXPECT_EQ(0, q_put(self->box.out, 5, 0, 2));
	release(variant->at->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(2, q_take(self->box.in, BY_TYPE(5)));
	EXPECT_EQ(-EAGAIN, q_take(self->box.in, BY_FIRST));
}

/* What it does not want changes nothing for it, and is for anybody else. */
TEST_F(receiver, unwanted)
{
	struct handles *box = &self->box;
	long want = fate(variant->at, 1);

	EXPECT_EQ(0, q_put(box->out, 6, 0, 6));
	EXPECT_EQ(POLLIN, poll_mask(box->in, POLLIN));
	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->r));
		EXPECT_TRUE(q_has_waiters(box->manage, 0, 1));
		put_one(box);
		want = 1;
	}
	EXPECT_EQ(want, outcome(self->r));
	EXPECT_EQ(6, q_take(box->in, BY_FIRST));
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_FIRST));
}

/* Its message is nobody else's, whoever looks, and by whatever selector. */
TEST_F(receiver, third_party)
{
	const struct kipc_selector all[] = {
		BY_FIRST, BY_PRIORITY, BY_TYPE(5), BY_LOWEST(9), BY_RANGE(4, 6),
		BY_EXCEPT(1), BY_SENDER(getpid()),
	};
	struct handles *box = &self->box;
	size_t i;

	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(1, q_stat_of(box->manage).messages);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		EXPECT_EQ(-EAGAIN, q_take(box->in, all[i]));
		EXPECT_EQ(-EAGAIN, q_peek(box->in, all[i]));
	}
	EXPECT_EQ(-EAGAIN, q_peek(box->in, BY_AFTER(0)));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	/* A second one is anybody's; the first one stays its own. */
	EXPECT_EQ(0, q_put(box->out, 5, 0, 2));
	EXPECT_EQ(POLLIN, poll_mask(box->in, POLLIN));
	EXPECT_EQ(2, q_peek(box->in, BY_AFTER(0)));
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	release(variant->at->point);
	EXPECT_EQ(1, outcome(self->r));
}

/* Somebody else who wants it comes; and it is the first one's. */
TEST_F(receiver, second_comes)
{
	struct handles *box = &self->box;
	struct party *second = q_receiver(box->in, BY_RANGE(4, 6));

	go(second);
	wait_for(asleep(second));
	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_FIRST));
	release(variant->at->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_TRUE(q_has_waiters(box->manage, 0, 1));
	EXPECT_TRUE(asleep(second));
	EXPECT_EQ(0, q_put(box->out, 5, 0, 2));
	EXPECT_EQ(2, outcome(second));
}

/* Killed when the message was its: it goes to the next one that wants it. */
TEST_F(receiver, killed)
{
	struct handles *box = &self->box;
	struct party *other = q_receiver(box->in, BY_EXCEPT(5));
	struct party *second = q_receiver(box->in, BY_LOWEST(5));
	struct party *third = q_receiver(box->in, BY_TYPE(5));

	go(other);
	wait_for(asleep(other));
	go(second);
	wait_for(asleep(second));
	go(third);
	wait_for(asleep(third));
	kill(self->r->pid, SIGKILL);
	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_TRUE(asleep(second));
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(1, outcome(second));
	EXPECT_EQ(1, q_stat_of(box->manage).received);
	EXPECT_TRUE(asleep(third) && asleep(other));
	EXPECT_TRUE(q_has_waiters(box->manage, 0, 2));
	EXPECT_EQ(0, q_put(box->out, 4, 0, 4));
	EXPECT_EQ(4, outcome(other));
	EXPECT_EQ(0, q_put(box->out, 5, 0, 5));
	EXPECT_EQ(5, outcome(third));
}

/* Killed, and nobody waits: the message is back in its place, in front. */
TEST_F(receiver, killed_alone)
{
	struct handles *box = &self->box;
	struct party *watcher = poller(box->in, POLLIN);

	go(watcher);
	wait_for(asleep(watcher));
	kill(self->r->pid, SIGKILL);
	if (!variant->at->granted)
		put_one(box);
	EXPECT_TRUE(asleep(watcher));
	release(variant->at->point);
	EXPECT_EQ(0, outcome(watcher));
	EXPECT_EQ(POLLIN, watcher->seen);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(0, q_put(box->out, 4, 9, 2));
	EXPECT_EQ(1, q_peek(box->in, BY_AFTER(0)));
	EXPECT_EQ(1, q_take(box->in, BY_FIRST));
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
}

/* Then it is news to those who have registered for a signal. */
TEST_F(receiver, killed_and_a_listener)
{
	struct handles *box = &self->box;

	q_listen(box->in);
	kill(self->r->pid, SIGKILL);
	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(0, q_told());
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(1, q_told());
	EXPECT_EQ(1, q_take(box->in, BY_FIRST));
}

/* The same beside others: it is news to those who poll for its sort alone. */
TEST_F(receiver, killed_beside_others)
{
	struct handles *box = &self->box;
	int five = k_narrow(box->in, RECEIVE, 0);
	struct party *watcher;

	EXPECT_OK(q_select(five, BY_TYPE(5)));
	EXPECT_EQ(0, q_put(box->out, 6, 0, 6));
	watcher = poller(five, POLLIN);
	go(watcher);
	wait_for(asleep(watcher));
	kill(self->r->pid, SIGKILL);
	if (!variant->at->granted)
		put_one(box);
	EXPECT_TRUE(asleep(watcher));
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(0, outcome(watcher));
	EXPECT_EQ(POLLIN, watcher->seen);
	EXPECT_EQ(1, q_take(five, BY_DEFAULT));
	EXPECT_EQ(6, q_take(box->in, BY_FIRST));
}

/* Those that came behind it are behind it again. */
TEST_F(receiver, killed_and_put_back)
{
	struct handles *box = &self->box;

	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(0, q_put(box->out, 5, 0, 2));
	EXPECT_EQ(0, q_put(box->out, 4, 0, 3));
	kill(self->r->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(3, q_take(box->in, BY_LOWEST(9)));
	EXPECT_EQ(1, q_peek(box->in, BY_PRIORITY));
	EXPECT_EQ(1, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(2, q_take(box->in, BY_SENDER(getpid())));
	EXPECT_EQ(0, q_stat_of(box->manage).messages);
}

TEST_F(receiver, removed)
{
	struct handles *box = &self->box;

	EXPECT_OK(k_remove(box->manage));
	EXPECT_EQ(-EIDRM, q_take(box->in, BY_FIRST));
	release(variant->at->point);
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_EQ(0, q_stat_of(box->manage).received);
	EXPECT_EQ(0, q_stat_of(box->manage).messages);
}

TEST_F(receiver, removed_and_killed)
{
	EXPECT_OK(k_remove(self->box.manage));
	kill(self->r->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(0, q_stat_of(self->box.manage).messages);
	EXPECT_EQ(0, q_stat_of(self->box.manage).received);
}

TEST_F(receiver, senders_gone)
{
	struct handles *box = &self->box;

	close(box->out);
	release(variant->at->point);
	EXPECT_EQ(variant->at->granted ? 1 : -EPIPE, outcome(self->r));
	EXPECT_EQ(-EPIPE, q_take(box->in, BY_FIRST));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(box->in, POLLIN));
}

/* What is there is not for it; what it was granted may come back to the others. */
TEST_F(receiver, senders_gone_and_others_left)
{
	struct handles *box = &self->box;
	struct party *second = q_receiver(box->in, BY_TYPE(5));

	EXPECT_EQ(0, q_put(box->out, 6, 0, 6));
	go(second);
	wait_for(asleep(second));
	close(box->out);
	if (!variant->at->granted) {
		EXPECT_EQ(-EPIPE, outcome(second));
		release(variant->at->point);
		EXPECT_EQ(-EPIPE, outcome(self->r));
	} else {
		EXPECT_TRUE(asleep(second));
		kill(self->r->pid, SIGKILL);
		release(variant->at->point);
		EXPECT_EQ(KILLED, outcome(self->r));
		EXPECT_EQ(1, outcome(second));
	}
	EXPECT_EQ(-EPIPE, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(6, q_take(box->in, BY_FIRST));
	EXPECT_EQ(-EPIPE, q_take(box->in, BY_FIRST));
}

TEST_F(receiver, limits_set)
{
	struct handles *box = &self->box;
	long want = fate(variant->at, 1);

	EXPECT_OK(q_set(box->manage, 1, SMALL, SMALL, KIPC_QUEUE_HANGUP));
	EXPECT_EQ(variant->at->granted ? -EAGAIN : 0, q_put(box->out, 4, 0, 2));
	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->r));
		EXPECT_EQ(2, q_take(box->in, BY_FIRST));
		put_one(box);
		want = 1;
	}
	EXPECT_EQ(want, outcome(self->r));
}

/* A sender, with message 2; what it may be granted is the room of message 1. */

FIXTURE(sender) {
	struct handles box;
	struct party *s;
};

FIXTURE_VARIANT(sender) {
	const struct state *at;
};

FIXTURE_VARIANT_ADD(sender, drowsy) { &drowsy };
FIXTURE_VARIANT_ADD(sender, drowsy_late) { &drowsy_late };
FIXTURE_VARIANT_ADD(sender, drowsy_signalled) { &drowsy_signalled };
FIXTURE_VARIANT_ADD(sender, drowsy_granted) { &drowsy_granted };
FIXTURE_VARIANT_ADD(sender, drowsy_granted_late) { &drowsy_granted_late };
FIXTURE_VARIANT_ADD(sender, drowsy_granted_signalled) { &drowsy_granted_signalled };
FIXTURE_VARIANT_ADD(sender, awake_granted) { &awake_granted };
FIXTURE_VARIANT_ADD(sender, awake_granted_signalled) { &awake_granted_signalled };
FIXTURE_VARIANT_ADD(sender, awake_late) { &awake_late };
FIXTURE_VARIANT_ADD(sender, awake_signalled) { &awake_signalled };

static void take_one(const struct handles *box)
{
	CHECK(q_take(box->in, BY_FIRST) == 1);
}

FIXTURE_SETUP(sender)
{
	NEED_DELAY_POINTS();
	self->box = race_queue(1, KIPC_UNBOUNDED, LARGE, KIPC_QUEUE_HANGUP);
	put_one(&self->box);
	self->s = q_sender(self->box.out, 2 * SMALL, 5, 2);
	bring(self->s, variant->at, &self->box, take_one);
}

FIXTURE_TEARDOWN(sender)
{
	EXPECT_TRUE(q_has_waiters(self->box.manage, 0, 0));
	race_end();
}

TEST_F(sender, alone)
{
	long want = fate(variant->at, 0);

	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->s));
		take_one(&self->box);
		want = 0;
	}
	EXPECT_EQ(want, outcome(self->s));
	EXPECT_EQ(want ? 1 : 2, q_take(self->box.in, BY_FIRST));
	EXPECT_EQ(-EAGAIN, q_take(self->box.in, BY_FIRST));
	EXPECT_EQ(want ? 1 : 2, q_stat_of(self->box.manage).sent);
}

/* Room that comes before it has left is its, and nobody else's. */
TEST_F(sender, room)
{
	struct handles *box = &self->box;

	if (!variant->at->granted)
		take_one(box);
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, poll_mask(box->out, POLLOUT));
	EXPECT_EQ(-EAGAIN, q_put(box->out, 5, 0, 3));
	release(variant->at->point);
	EXPECT_EQ(0, outcome(self->s));
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
	EXPECT_EQ(POLLOUT, poll_mask(box->out, POLLOUT));
}

/* A receiver that waits gets it, whenever it comes. */
TEST_F(sender, receiver_waits)
{
	struct handles *box = &self->box;
	struct party *r = q_receiver(box->in, BY_LOWEST(5));

	if (!variant->at->granted)
		take_one(box);
	go(r);
	wait_for(asleep(r));
	release(variant->at->point);
	EXPECT_EQ(0, outcome(self->s));
	EXPECT_EQ(2, outcome(r));
}

TEST_F(sender, killed)
{
	struct handles *box = &self->box;
	struct party *second = q_sender(box->out, SMALL, 5, 3);

	go(second);
	wait_for(asleep(second));
	kill(self->s->pid, SIGKILL);
	if (!variant->at->granted)
		take_one(box);
	EXPECT_EQ(-EAGAIN, q_put(box->out, 5, 0, 4));
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->s));
	EXPECT_EQ(0, outcome(second));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, q_stat_of(box->manage).bytes);
}

TEST_F(sender, removed)
{
	EXPECT_OK(k_remove(self->box.manage));
	release(variant->at->point);
	EXPECT_EQ(-EIDRM, outcome(self->s));
	EXPECT_EQ(0, q_stat_of(self->box.manage).messages);
	EXPECT_EQ(0, q_stat_of(self->box.manage).bytes);
}

TEST_F(sender, receivers_gone)
{
	close(self->box.in);
	release(variant->at->point);
	EXPECT_EQ(-EPIPE, outcome(self->s));
	EXPECT_EQ(variant->at->granted ? 0 : 1,
		  q_stat_of(self->box.manage).messages);
}

/* More room: whoever is in line has it at once, late or not. */
TEST_F(sender, limits_raised)
{
	struct handles *box = &self->box;

	EXPECT_OK(q_set(box->manage, 2, KIPC_UNBOUNDED, LARGE, KIPC_QUEUE_HANGUP));
	EXPECT_EQ(variant->at->granted ? 0 : -EAGAIN, q_put(box->out, 4, 0, 3));
	release(variant->at->point);
	EXPECT_EQ(0, outcome(self->s));
	if (!variant->at->granted)
		EXPECT_EQ(1, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(2, q_take(box->in, BY_TYPE(5)));
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_TYPE(5)));
}

/* Its message has come to be too long; what was granted before stays so. */
TEST_F(sender, limits_lowered)
{
	struct handles *box = &self->box;
	struct party *second = q_sender(box->out, SMALL, 5, 3);

	go(second);
	wait_for(asleep(second));
	EXPECT_OK(q_set(box->manage, 1, SMALL, SMALL, KIPC_QUEUE_HANGUP));
	EXPECT_EQ(-EMSGSIZE, q_put_sized(box->out, 5, 0, SMALL + 1, 9));
	release(variant->at->point);
	EXPECT_EQ(variant->at->granted ? 0 : -EMSGSIZE, outcome(self->s));
	EXPECT_TRUE(asleep(second));
	EXPECT_EQ(variant->at->granted ? 2 : 1, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, outcome(second));
	EXPECT_EQ(3, q_take(box->in, BY_FIRST));
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
	*box = race_queue(9, KIPC_UNBOUNDED, LARGE, KIPC_QUEUE_HANGUP);
	self->waker = q_sender(box->out, SMALL, 5, 1);
	self->first = q_receiver(box->in, BY_TYPE(5));
	self->second = q_receiver(box->in, BY_FIRST);
	self->first->deadline = after(10 * SECOND);
	go_and_wait(self->first, box->manage, 0);
	go_and_wait(self->second, box->manage, 1);
	hold(self->waker, "before_wake");
	EXPECT_TRUE(asleep(self->first));
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_FIRST));
}

FIXTURE_TEARDOWN(waker)
{
	EXPECT_TRUE(q_has_waiters(self->box.manage, 0, 0));
	race_end();
}

TEST_F(waker, wakee_is_killed)
{
	EXPECT_EQ(KILLED, killed(self->first));
	EXPECT_EQ(1, outcome(self->second));
	release("before_wake");
	EXPECT_EQ(0, outcome(self->waker));
}

TEST_F(waker, wakee_is_interrupted)
{
	interrupt(self->first);
	EXPECT_EQ(1, outcome(self->first));
	EXPECT_TRUE(asleep(self->second));
	release("before_wake");
	EXPECT_EQ(0, outcome(self->waker));
	EXPECT_EQ(0, q_put(self->box.out, 5, 0, 2));
	EXPECT_EQ(2, outcome(self->second));
}

TEST_F(waker, wakee_is_late)
{
	EXPECT_EQ(1, outcome(self->first));
	EXPECT_GT(now_ns(), self->first->deadline);
	release("before_wake");
	EXPECT_EQ(0, outcome(self->waker));
	EXPECT_EQ(0, q_put(self->box.out, 4, 0, 2));
	EXPECT_EQ(2, outcome(self->second));
}

TEST_F(waker, waker_is_killed)
{
	kill(self->waker->pid, SIGKILL);
	EXPECT_TRUE(asleep(self->first));
	release("before_wake");
	EXPECT_EQ(KILLED, outcome(self->waker));
	EXPECT_EQ(1, outcome(self->first));
	EXPECT_EQ(0, q_put(self->box.out, 5, 0, 2));
	EXPECT_EQ(2, outcome(self->second));
}

/* What was granted, and not noticed, goes with a removal. */
TEST_F(waker, removal)
{
	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(-EIDRM, outcome(self->second));
	release("before_wake");
	EXPECT_EQ(-EIDRM, outcome(self->first));
	EXPECT_EQ(0, outcome(self->waker));
	EXPECT_EQ(0, q_stat_of(self->box.manage).received);
}

TEST_HARNESS_MAIN
