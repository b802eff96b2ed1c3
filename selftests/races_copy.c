// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of a rendezvous's two sides, and of large letters, which are copied
 * without the lock.
 */
#include "test.h"
#include "race.h"

/* The sender of a rendezvous is held on its way into or out of its sleep. */

FIXTURE(meeting) {
};

FIXTURE_VARIANT(meeting) {
	const struct state *at;
};

FIXTURE_VARIANT_ADD(meeting, drowsy) { &drowsy };
FIXTURE_VARIANT_ADD(meeting, drowsy_late) { &drowsy_late };
FIXTURE_VARIANT_ADD(meeting, drowsy_signalled) { &drowsy_signalled };
FIXTURE_VARIANT_ADD(meeting, awake_late) { &awake_late };
FIXTURE_VARIANT_ADD(meeting, awake_signalled) { &awake_signalled };

static const size_t sizes[] = { SMALL, LARGE };

#define for_sizes(i) for (i = 0; i < ARRAY_SIZE(sizes); i++)

FIXTURE_SETUP(meeting)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(meeting)
{
	race_end();
}

static struct party *come(struct handles *box, const struct state *at,
			  size_t size)
{
	struct party *s;

	*box = race_box(0, 0, LARGE, KIPC_MAILBOX_HANGUP);
	s = sender(box->out, size, 1);
	bring(s, at, box, NULL);
	CHECK(poll_mask(box->in, POLLIN) == POLLIN);
	return s;
}

static void expect_nothing(const struct handles *box, uint64_t received)
{
	struct kipc_mailbox_stat st = stat_of(box->manage);

	CHECK(!st.letters && !st.bytes);
	CHECK(!st.waiting_senders && !st.waiting_receivers);
	CHECK(st.received == received && st.sent == received);
}

TEST_F(meeting, alone)
{
	long want = fate(variant->at, 0);
	struct handles box;
	struct party *s;
	size_t i;

	for_sizes(i) {
		s = come(&box, variant->at, sizes[i]);
		release(variant->at->point);
		if (want == WAITS) {
			wait_for(asleep(s));
			EXPECT_EQ(1, take(box.in));
			EXPECT_EQ(0, outcome(s));
		} else {
			EXPECT_EQ(want, outcome(s));
			EXPECT_EQ(-EAGAIN, take(box.in));
		}
		expect_nothing(&box, want == WAITS);
	}
}

/* Who has its letter received before it has left has sent it. */
TEST_F(meeting, received)
{
	struct handles box;
	struct party *s;
	size_t i;

	for_sizes(i) {
		s = come(&box, variant->at, sizes[i]);
		EXPECT_EQ(1, peek(box.in));
		EXPECT_EQ(1, take(box.in));
		EXPECT_EQ(-EAGAIN, take(box.in));
		release(variant->at->point);
		EXPECT_EQ(0, outcome(s));
		expect_nothing(&box, 1);
	}
}

TEST_F(meeting, killed)
{
	struct handles box;
	struct party *s;
	size_t i;

	for_sizes(i) {
		s = come(&box, variant->at, sizes[i]);
		kill(s->pid, SIGKILL);
		EXPECT_EQ(1, stat_of(box.manage).letters);
		release(variant->at->point);
		EXPECT_EQ(KILLED, outcome(s));
		EXPECT_EQ(-EAGAIN, take(box.in));
		expect_nothing(&box, 0);
	}
}

TEST_F(meeting, received_and_killed)
{
	struct handles box;
	struct party *s;
	size_t i;

	for_sizes(i) {
		s = come(&box, variant->at, sizes[i]);
		kill(s->pid, SIGKILL);
		EXPECT_EQ(1, take(box.in));
		release(variant->at->point);
		EXPECT_EQ(KILLED, outcome(s));
		expect_nothing(&box, 1);
	}
}

TEST_F(meeting, removed)
{
	struct handles box;
	struct party *s;
	size_t i;

	for_sizes(i) {
		s = come(&box, variant->at, sizes[i]);
		EXPECT_OK(k_remove(box.manage));
		EXPECT_EQ(0, stat_of(box.manage).letters);
		EXPECT_EQ(-EIDRM, take(box.in));
		release(variant->at->point);
		EXPECT_EQ(-EIDRM, outcome(s));
		expect_nothing(&box, 0);
	}
}

TEST_F(meeting, deserted)
{
	struct handles box;
	struct party *s;
	size_t i;

	for_sizes(i) {
		s = come(&box, variant->at, sizes[i]);
		close(box.in);
		EXPECT_EQ(-EPIPE, put(box.out, SMALL, 2));
		release(variant->at->point);
		EXPECT_EQ(-EPIPE, outcome(s));
		expect_nothing(&box, 0);
	}
}

/* Others take turns before it: a second sender's letter stays behind. */
TEST_F(meeting, second_comes)
{
	struct handles box;
	struct party *s, *second;
	size_t i;

	for_sizes(i) {
		s = come(&box, variant->at, sizes[i]);
		second = sender(box.out, sizes[1 - i], 2);
		go(second);
		wait_for(asleep(second));
		EXPECT_EQ(1, take(box.in));
		EXPECT_TRUE(asleep(second));
		release(variant->at->point);
		EXPECT_EQ(0, outcome(s));
		EXPECT_EQ(2, take(box.in));
		EXPECT_EQ(0, outcome(second));
		expect_nothing(&box, 2);
	}
}

/*
 * The letter of a rendezvous is being copied, and its sender would like to leave.
 * Whether it can is the receiver's to say.
 */
FIXTURE(leaving) {
	struct handles box;
	struct party *s, *r;
	long want;		/* what the sender gets if the copy fails */
};

FIXTURE_VARIANT(leaving) {
	bool late, signalled, removed;		/* or else killed */
};

FIXTURE_VARIANT_ADD(leaving, late) { .late = true };
FIXTURE_VARIANT_ADD(leaving, signalled) { .signalled = true };
FIXTURE_VARIANT_ADD(leaving, removed) { .removed = true };
FIXTURE_VARIANT_ADD(leaving, killed) { .late = false };

FIXTURE_SETUP(leaving)
{
	struct handles *box = &self->box;

	NEED_DELAY_POINTS();
	*box = race_box(0, 0, LARGE, 0);
	self->s = sender(box->out, LARGE, 1);
	self->r = receiver(box->in, LARGE);
}

/* The receiver is held before or after the copy, the sender as it leaves. */
static void leave(FIXTURE_DATA(leaving) *self, const char *point,
		  const FIXTURE_VARIANT(leaving) *variant)
{
	struct party *s = self->s;

	arm(point, self->r);
	go(self->r);
	wait_waiters(self->box.manage, 0, 1, self->r->pid);
	arm("meet_leaving", s);
	if (variant->late)
		s->deadline = after(2 * SECOND);
	go(s);
	wait_held(point, self->r);
	if (variant->late) {
		self->want = -ETIMEDOUT;
	} else if (variant->removed) {
		self->want = -EIDRM;
		CHECK(!k_remove(self->box.manage));
	} else {
		self->want = variant->signalled ? -EINTR : KILLED;
		/* Asleep first: before that, it would not send at all. */
		wait_for(asleep(s));
		kill(s->pid, variant->signalled ? SIGUSR1 : SIGKILL);
	}
	wait_held("meet_leaving", s);
	CHECK(stat_of(self->box.manage).letters == 1);
	CHECK(stat_of(self->box.manage).waiting_senders == 1);
}

FIXTURE_TEARDOWN(leaving)
{
	race_end();
}

static long of_success(FIXTURE_DATA(leaving) *self)
{
	return self->want == KILLED ? KILLED : 0;
}

TEST_F(leaving, received)
{
	leave(self, "receive_copying", variant);
	/* It waits for the receiver's word, whatever comes. */
	release("meet_leaving");
	wait_for(task_state(self->s->pid, self->s->pid) == 'D');
	release("receive_copying");
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(of_success(self), outcome(self->s));
	expect_nothing(&self->box, 1);
}

TEST_F(leaving, received_first)
{
	leave(self, "receive_copied", variant);
	release("receive_copied");
	EXPECT_EQ(1, outcome(self->r));
	release("meet_leaving");
	EXPECT_EQ(of_success(self), outcome(self->s));
	expect_nothing(&self->box, 1);
}

TEST_F(leaving, receiver_killed)
{
	leave(self, "receive_copying", variant);
	kill(self->r->pid, SIGKILL);
	release("receive_copying");
	EXPECT_EQ(KILLED, outcome(self->r));
	release("meet_leaving");
	EXPECT_EQ(of_success(self), outcome(self->s));
	expect_nothing(&self->box, 1);
}

/* The receiver's page is missing: the sender leaves, with its letter. */
TEST_F(leaving, not_received)
{
	self->r->cold = true;
	leave(self, "receive_copied", variant);
	release("meet_leaving");
	wait_for(task_state(self->s->pid, self->s->pid) == 'D');
	release("receive_copied");
	EXPECT_EQ(self->want, outcome(self->s));
	if (variant->removed) {
		EXPECT_EQ(-EIDRM, outcome(self->r));
	} else {
		/* It has its page now, and waits for the next one. */
		wait_for(has_waiters(self->box.manage, 0, 1));
		EXPECT_EQ(0, stat_of(self->box.manage).sent);
		EXPECT_EQ(0, put(self->box.out, SMALL, 2));
		EXPECT_EQ(2, outcome(self->r));
	}
	expect_nothing(&self->box, !variant->removed);
}

TEST_F(leaving, not_received_first)
{
	self->r->unwritable = true;
	leave(self, "receive_copying", variant);
	release("receive_copying");
	EXPECT_EQ(variant->removed ? -EIDRM : -EFAULT, outcome(self->r));
	EXPECT_EQ(variant->removed ? -EIDRM : -EAGAIN, take(self->box.in));
	release("meet_leaving");
	EXPECT_EQ(self->want, outcome(self->s));
	expect_nothing(&self->box, 0);
}

/* The sender stays: the letter goes to the next receiver, or to the same one. */

FIXTURE(rendezvous) {
};

FIXTURE_SETUP(rendezvous)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(rendezvous)
{
	race_end();
}

TEST_F(rendezvous, letter_comes_back)
{
	struct handles box = race_box(0, 0, LARGE, 0);
	struct party *s = sender(box.out, LARGE, 1);
	struct party *r = receiver(box.in, LARGE);
	struct party *next = receiver(box.in, LARGE);

	r->cold = true;
	go(s);
	wait_waiters(box.manage, 1, 0, s->pid);
	hold(r, "receive_copied");
	EXPECT_EQ(0, poll_mask(box.in, POLLIN));
	EXPECT_EQ(-EAGAIN, take(box.in));
	go(next);
	wait_waiters(box.manage, 1, 1, next->pid);
	/* This waiting receiver is nobody's yet. */
	EXPECT_EQ(POLLOUT, poll_mask(box.out, POLLOUT));
	arm("receive_fault", r);
	release("receive_copied");
	wait_held("receive_fault", r);
	EXPECT_EQ(1, outcome(next));
	EXPECT_EQ(0, outcome(s));
	release("receive_fault");
	wait_waiters(box.manage, 0, 1, r->pid);
	EXPECT_EQ(0, put(box.out, LARGE, 2));
	EXPECT_EQ(2, outcome(r));
	expect_nothing(&box, 2);
}

/* Ready to be sent, when the reason to do so goes. */

TEST_F(rendezvous, prepared)
{
	enum { REMOVED, DESERTED, ALONE, CLAIMED, DEAD, MET };
	static const long want[] = {
		-EIDRM, -EPIPE, -EAGAIN, -EAGAIN, KILLED, 0 };
	int how;

	for (how = REMOVED; how <= MET; how++) {
		struct handles box = race_box(0, 0, LARGE, KIPC_MAILBOX_HANGUP);
		struct party *s = sender(box.out, SMALL, 1);
		struct party *r = receiver(box.in, SMALL);

		/* It needs a receiver that waits. */
		go(r);
		wait_waiters(box.manage, 0, 1, r->pid);
		s->deadline = KIPC_NO_WAIT;
		hold(s, "send_prepared");
		if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
			EXPECT_EQ(-EIDRM, outcome(r));
		} else if (how == DESERTED) {
			close(box.in);
			EXPECT_EQ(KILLED, killed(r));
		} else if (how == ALONE) {
			interrupt(r);
			EXPECT_EQ(-EINTR, outcome(r));
		} else if (how == CLAIMED) {
			arm("after_sleep", r);
			EXPECT_EQ(0, put(box.out, SMALL, 2));
			wait_held("after_sleep", r);
		} else if (how == DEAD) {
			kill(s->pid, SIGKILL);
		}
		release("send_prepared");
		EXPECT_EQ(want[how], outcome(s));
		if (how == CLAIMED) {
			release("after_sleep");
			EXPECT_EQ(2, outcome(r));
		} else if (how >= DEAD) {
			/* It was sent all the same. */
			EXPECT_EQ(1, outcome(r));
		}
		expect_nothing(&box, how >= CLAIMED);
		close(box.out);
	}
}

/* The receiver for whom a letter was prepared has left: the next one gets it. */
TEST_F(rendezvous, prepared_for_another)
{
	struct handles box = race_box(0, 0, SMALL, 0);
	struct party *s = sender(box.out, SMALL, 1);
	struct party *r = receiver(box.in, SMALL);
	struct party *next = receiver(box.in, SMALL);

	go(r);
	wait_waiters(box.manage, 0, 1, r->pid);
	s->deadline = KIPC_NO_WAIT;
	hold(s, "send_prepared");
	EXPECT_EQ(KILLED, killed(r));
	go(next);
	wait_waiters(box.manage, 0, 1, next->pid);
	release("send_prepared");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(1, outcome(next));
	expect_nothing(&box, 1);
}

/* Who peeks at the letter of a rendezvous sees it whole, and keeps nobody. */
TEST_F(rendezvous, peeked_and_withdrawn)
{
	struct handles box = race_box(0, 0, LARGE, 0);
	struct party *s = sender(box.out, LARGE, 1);
	struct party *r = receiver(box.in, LARGE);

	r->flags = KIPC_RECV_PEEK;
	go(s);
	wait_waiters(box.manage, 1, 0, s->pid);
	hold(r, "peek_pinned");
	EXPECT_EQ(KILLED, killed(s));
	expect_nothing(&box, 0);
	release("peek_pinned");
	EXPECT_EQ(1, outcome(r));
}

TEST_HARNESS_MAIN
