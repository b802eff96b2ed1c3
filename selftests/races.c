// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who wait: somebody is held on its way into or out of a
 * sleep, and what it waits for, or what ends the wait, happens meanwhile.
 */
#include "test.h"
#include "race.h"

/* A receiver; what it may be granted is letter 1. */

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
	CHECK(!put(box->out, SMALL, 1));
}

FIXTURE_SETUP(receiver)
{
	NEED_DELAY_POINTS();
	self->box = race_box(4, 4 * SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	self->r = receiver(self->box.in, SMALL);
	bring(self->r, variant->at, &self->box, put_one);
}

FIXTURE_TEARDOWN(receiver)
{
	EXPECT_TRUE(has_waiters(self->box.manage, 0, 0));
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
	EXPECT_EQ(-EAGAIN, take(self->box.in));
	EXPECT_EQ(want == 1, stat_of(self->box.manage).received);
}

/* A letter that comes before it has left is its, whatever else has happened. */
TEST_F(receiver, letter)
{
	if (!variant->at->granted)
		put_one(&self->box);
	EXPECT_EQ(0, put(self->box.out, SMALL, 2));
	release(variant->at->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(2, take(self->box.in));
	EXPECT_EQ(-EAGAIN, take(self->box.in));
}

/* Its letter is nobody else's. */
TEST_F(receiver, third_party)
{
	struct handles *box = &self->box;

	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(1, stat_of(box->manage).letters);
	EXPECT_EQ(-EAGAIN, take(box->in));
	EXPECT_EQ(-EAGAIN, peek(box->in));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	/* A second one is; the oldest goes to who runs first. */
	EXPECT_EQ(0, put(box->out, SMALL, 2));
	EXPECT_EQ(POLLIN, poll_mask(box->in, POLLIN));
	EXPECT_EQ(1, take(box->in));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_EQ(-EAGAIN, take(box->in));
	release(variant->at->point);
	EXPECT_EQ(2, outcome(self->r));
}

TEST_F(receiver, second_comes)
{
	struct handles *box = &self->box;
	struct party *second = receiver(box->in, SMALL);

	go(second);
	wait_waiters(box->manage, 0, 2, second->pid);
	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(-EAGAIN, take(box->in));
	release(variant->at->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_TRUE(has_waiters(box->manage, 0, 1));
	EXPECT_TRUE(asleep(second));
	EXPECT_EQ(0, put(box->out, SMALL, 2));
	EXPECT_EQ(2, outcome(second));
}

/* Killed when the letter was its: it goes to the next. */
TEST_F(receiver, killed)
{
	struct handles *box = &self->box;
	struct party *second = receiver(box->in, SMALL);

	go(second);
	wait_waiters(box->manage, 0, 2, second->pid);
	kill(self->r->pid, SIGKILL);
	if (!variant->at->granted)
		put_one(box);
	EXPECT_EQ(-EAGAIN, take(box->in));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_TRUE(asleep(second));
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(1, outcome(second));
	EXPECT_EQ(1, stat_of(box->manage).received);
}

/* Killed, and nobody else waits: who looks finds the letter. */
TEST_F(receiver, killed_alone)
{
	struct handles *box = &self->box;
	struct party *watcher = poller(box->in, POLLIN);

	go(watcher);
	wait_for(asleep(watcher));
	kill(self->r->pid, SIGKILL);
	if (variant->at->granted) {
		EXPECT_TRUE(asleep(watcher));
		release(variant->at->point);
	} else {
		release(variant->at->point);
		EXPECT_EQ(KILLED, outcome(self->r));
		EXPECT_TRUE(asleep(watcher));
		put_one(box);
	}
	EXPECT_EQ(0, outcome(watcher));
	EXPECT_EQ(POLLIN, watcher->seen);
	EXPECT_EQ(1, take(box->in));
	if (variant->at->granted)
		EXPECT_EQ(KILLED, outcome(self->r));
}

TEST_F(receiver, removed)
{
	struct handles *box = &self->box;

	EXPECT_OK(k_remove(box->manage));
	EXPECT_EQ(0, stat_of(box->manage).letters);
	EXPECT_EQ(-EIDRM, take(box->in));
	release(variant->at->point);
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_EQ(0, stat_of(box->manage).received);
}

TEST_F(receiver, senders_gone)
{
	struct handles *box = &self->box;

	close(box->out);
	release(variant->at->point);
	EXPECT_EQ(variant->at->granted ? 1 : -EPIPE, outcome(self->r));
	EXPECT_EQ(-EPIPE, take(box->in));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(box->in, POLLIN));
}

/* A sender, with letter 2; what it may be granted is the room of letter 1. */

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
	CHECK(take(box->in) == 1);
}

FIXTURE_SETUP(sender)
{
	NEED_DELAY_POINTS();
	self->box = race_box(1, SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	put_one(&self->box);
	self->s = sender(self->box.out, SMALL, 2);
	bring(self->s, variant->at, &self->box, take_one);
}

FIXTURE_TEARDOWN(sender)
{
	EXPECT_TRUE(has_waiters(self->box.manage, 0, 0));
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
	EXPECT_EQ(want ? 1 : 2, take(self->box.in));
	EXPECT_EQ(-EAGAIN, take(self->box.in));
	EXPECT_EQ(want ? 1 : 2, stat_of(self->box.manage).sent);
}

/* Room that comes before it has left is its, and nobody else's. */
TEST_F(sender, room)
{
	struct handles *box = &self->box;

	if (!variant->at->granted)
		take_one(box);
	EXPECT_EQ(-EAGAIN, take(box->in));
	EXPECT_EQ(0, poll_mask(box->out, POLLOUT));
	EXPECT_EQ(-EAGAIN, put(box->out, SMALL, 3));
	release(variant->at->point);
	EXPECT_EQ(0, outcome(self->s));
	EXPECT_EQ(2, take(box->in));
	EXPECT_EQ(POLLOUT, poll_mask(box->out, POLLOUT));
}

TEST_F(sender, second_comes)
{
	struct handles *box = &self->box;
	struct party *second = sender(box->out, SMALL, 3);

	go(second);
	wait_waiters(box->manage, 2, 0, second->pid);
	if (!variant->at->granted)
		take_one(box);
	release(variant->at->point);
	EXPECT_EQ(0, outcome(self->s));
	EXPECT_TRUE(asleep(second));
	EXPECT_EQ(2, take(box->in));
	EXPECT_EQ(0, outcome(second));
	EXPECT_EQ(3, take(box->in));
}

/* Killed when the room was its: it goes to the next. */
TEST_F(sender, killed)
{
	struct handles *box = &self->box;
	struct party *second = sender(box->out, SMALL, 3);

	go(second);
	wait_waiters(box->manage, 2, 0, second->pid);
	kill(self->s->pid, SIGKILL);
	if (!variant->at->granted)
		take_one(box);
	EXPECT_EQ(-EAGAIN, put(box->out, SMALL, 4));
	EXPECT_TRUE(asleep(second));
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->s));
	EXPECT_EQ(0, outcome(second));
	EXPECT_EQ(3, take(box->in));
	EXPECT_EQ(2, stat_of(box->manage).sent);
}

/* Killed, and nobody else waits: who looks finds the room. */
TEST_F(sender, killed_alone)
{
	struct handles *box = &self->box;
	struct party *watcher = poller(box->out, POLLOUT);

	go(watcher);
	wait_for(asleep(watcher));
	kill(self->s->pid, SIGKILL);
	if (!variant->at->granted)
		take_one(box);
	EXPECT_TRUE(asleep(watcher));
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->s));
	EXPECT_EQ(0, outcome(watcher));
	EXPECT_EQ(POLLOUT, watcher->seen);
	EXPECT_EQ(0, put(box->out, SMALL, 3));
	EXPECT_EQ(3, take(box->in));
}

TEST_F(sender, removed)
{
	struct handles *box = &self->box;

	EXPECT_OK(k_remove(box->manage));
	release(variant->at->point);
	EXPECT_EQ(-EIDRM, outcome(self->s));
	EXPECT_EQ(0, stat_of(box->manage).letters);
	EXPECT_EQ(0, stat_of(box->manage).bytes);
	EXPECT_EQ(1, stat_of(box->manage).sent);
}

TEST_F(sender, deserted)
{
	struct handles *box = &self->box;
	int left = !variant->at->granted;

	close(box->in);
	release(variant->at->point);
	EXPECT_EQ(-EPIPE, outcome(self->s));
	EXPECT_EQ(-EPIPE, put(box->out, SMALL, 3));
	EXPECT_EQ(left, stat_of(box->manage).letters);
	EXPECT_EQ(left * SMALL, stat_of(box->manage).bytes);
	EXPECT_EQ(POLLERR, poll_mask(box->out, 0));
}

FIXTURE(hangup) {
};

FIXTURE_SETUP(hangup)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(hangup)
{
	race_end();
}

/* A receiver that was told of it does not wait, even before it runs. */
TEST_F(hangup, told_receiver_is_none)
{
	struct kipc_mailbox_attr meet = { 0, 0, SMALL, KIPC_MAILBOX_HANGUP };
	const char *name = temp_name("told");
	int ctl = control();
	int fd = k_create(ctl, name, &meet, 0600, ALL_RIGHTS, 0);
	int in = k_narrow(fd, RECEIVE, 0);
	struct party *r = receiver(in, SMALL);
	int out;

	arm("after_sleep", r);
	go(r);
	wait_waiters(in, 0, 1, r->pid);
	close(fd);
	wait_held("after_sleep", r);
	out = k_open(ctl, name, SEND, 0);
	EXPECT_EQ(-EAGAIN, put(out, SMALL, 1));
	EXPECT_EQ(0, poll_mask(out, POLLOUT));
	EXPECT_EQ(0, stat_of(in).waiting_receivers);
	release("after_sleep");
	EXPECT_EQ(-EPIPE, outcome(r));
	EXPECT_EQ(0, stat_of(in).waiting_receivers);
}

TEST_HARNESS_MAIN
