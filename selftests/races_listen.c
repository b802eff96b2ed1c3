// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who poll a queue, or have registered for a signal from it:
 * what happens between enrolment and the mask is seen in the mask, or wakes; and who
 * counts as a message that is there while one is held.
 */
#include "test.h"
#include "race_queue.h"

#define GONE	(POLLERR | POLLHUP)

static void wait_for_poller(struct party *p)
{
	wait_for(asleep(p));
	CHECK(!p->done);
}

/* A poller of a handle that receives type 5, enrolled, without its mask yet. */
FIXTURE(enrolled) {
	struct handles box;
	struct party *p;
};

FIXTURE_SETUP(enrolled)
{
	NEED_DELAY_POINTS();
	self->box = race_queue(40, KIPC_UNBOUNDED, LARGE, KIPC_QUEUE_HANGUP);
	CHECK(!q_select(self->box.in, BY_TYPE(5)));
	CHECK(!q_put(self->box.out, 6, 0, 6));
	self->p = poller(self->box.in, POLLIN);
	hold(self->p, "poll_enrolled");
}

FIXTURE_TEARDOWN(enrolled)
{
	race_end();
}

TEST_F(enrolled, message)
{
	EXPECT_EQ(0, q_put(self->box.out, 5, 0, 1));
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(POLLIN, self->p->seen);
}

TEST_F(enrolled, message_comes_and_goes)
{
	struct handles *box = &self->box;

	EXPECT_EQ(0, q_put(box->out, 5, 0, 1));
	EXPECT_EQ(1, q_take(box->in, BY_DEFAULT));
	release("poll_enrolled");
	wait_for_poller(self->p);
	EXPECT_EQ(0, q_put(box->out, 7, 0, 2));
	EXPECT_EQ(0, q_put(box->out, 5, 0, 3));
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(POLLIN, self->p->seen);
}

TEST_F(enrolled, unwanted)
{
	struct handles *box = &self->box;

	EXPECT_EQ(0, q_put(box->out, 7, 0, 1));
	release("poll_enrolled");
	wait_for_poller(self->p);
	EXPECT_EQ(0, q_put(box->out, 5, 0, 2));
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(POLLIN, self->p->seen);
}

TEST_F(enrolled, another_selector)
{
	EXPECT_OK(q_select(self->box.in, BY_RANGE(6, 7)));
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(POLLIN, self->p->seen);
}

TEST_F(enrolled, removed)
{
	EXPECT_OK(k_remove(self->box.manage));
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(GONE, self->p->seen);
}

TEST_F(enrolled, senders_gone)
{
	close(self->box.out);
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(POLLIN | POLLHUP, self->p->seen);
}

/* Its index is made for it, and held; what comes then is seen. */
TEST_F(enrolled, while_the_index_is_made)
{
	struct handles *box = &self->box;
	int i;

	for (i = 0; i < 30; i++)
		EXPECT_EQ(0, q_put(box->out, 8, 0, i));
	arm("queue_indexing", self->p);
	release("poll_enrolled");
	wait_held("queue_indexing", self->p);
	EXPECT_EQ(0, q_put(box->out, 5, 0, 1));
	release("queue_indexing");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(POLLIN, self->p->seen);
}

TEST_F(enrolled, removed_while_the_index_is_made)
{
	struct handles *box = &self->box;
	int i;

	for (i = 0; i < 30; i++)
		EXPECT_EQ(0, q_put(box->out, 8, 0, i));
	arm("queue_indexing", self->p);
	release("poll_enrolled");
	wait_held("queue_indexing", self->p);
	EXPECT_OK(k_remove(box->manage));
	release("queue_indexing");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(GONE, self->p->seen);
}

FIXTURE(listen) {
	struct handles box;
};

FIXTURE_SETUP(listen)
{
	NEED_DELAY_POINTS();
	self->box = race_queue(9, KIPC_UNBOUNDED, LARGE, KIPC_QUEUE_HANGUP);
}

FIXTURE_TEARDOWN(listen)
{
	EXPECT_TRUE(q_has_waiters(self->box.manage, 0, 0));
	race_end();
}

static void block_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
}

static unsigned int signals(void)
{
	struct timespec none = { 0 };
	unsigned int n = 0;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (sigtimedwait(&set, &info, &none) > 0)
		n++;
	return n;
}

/* What a receiver holds is not there to be received. */
TEST_F(listen, held_message_does_not_count)
{
	struct handles *box = &self->box;
	struct party *r = q_receiver(box->in, BY_TYPE(5));

	block_signal();
	EXPECT_OK(q_notify(box->in, KIPC_EVENT_NONEMPTY, 0, SIGRTMIN, 0));
	EXPECT_EQ(0, q_put_sized(box->out, 5, 0, LARGE, 1));
	EXPECT_EQ(1, signals());
	hold(r, "queue_receive_copying");
	EXPECT_EQ(0, q_put(box->out, 6, 0, 2));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(0, q_put(box->out, 6, 0, 3));
	EXPECT_EQ(0, signals());
	release("queue_receive_copying");
	EXPECT_EQ(1, outcome(r));
	EXPECT_EQ(0, signals());
}

/* One that comes back has come before. */
TEST_F(listen, message_comes_back)
{
	struct handles *box = &self->box;
	struct party *r = q_receiver(box->in, BY_TYPE(5));
	struct party *watcher = poller(box->in, POLLIN);

	block_signal();
	EXPECT_OK(q_notify(box->in, KIPC_EVENT_NONEMPTY, 0, SIGRTMIN, 0));
	go(watcher);
	wait_for(asleep(watcher));
	r->deadline = KIPC_FOREVER;
	hold(r, "before_sleep");
	EXPECT_EQ(0, q_put(box->out, 5, 0, 1));
	EXPECT_EQ(0, signals());
	wait_for_poller(watcher);
	kill(r->pid, SIGKILL);
	release("before_sleep");
	EXPECT_EQ(KILLED, outcome(r));
	/* Who polls is told, for it could not have been had until now. */
	EXPECT_EQ(0, outcome(watcher));
	EXPECT_EQ(POLLIN, watcher->seen);
	EXPECT_EQ(1, q_take(box->in, BY_FIRST));
}

/* The sender is held with a message that nobody knows of: the signal comes with it. */
TEST_F(listen, sender_is_held)
{
	struct handles *box = &self->box;
	struct party *s = q_sender(box->out, LARGE, 5, 1);

	block_signal();
	EXPECT_OK(q_notify(box->in, KIPC_EVENT_NONEMPTY, KIPC_NOTIFY_ONCE, SIGRTMIN,
			   0));
	hold(s, "queue_send_prepared");
	EXPECT_EQ(0, signals());
	release("queue_send_prepared");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(1, q_take(box->in, BY_FIRST));
}

/* Registered, and taken away again, while the message is on its way. */
TEST_F(listen, registered_meanwhile)
{
	struct handles *box = &self->box;
	struct party *s = q_sender(box->out, LARGE, 5, 1);

	block_signal();
	hold(s, "queue_send_prepared");
	EXPECT_OK(q_notify(box->in, KIPC_EVENT_NONEMPTY, 0, SIGRTMIN, 0));
	release("queue_send_prepared");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(1, q_take(box->in, BY_FIRST));
	s = q_sender(box->out, LARGE, 5, 2);
	hold(s, "queue_send_prepared");
	EXPECT_OK(q_notify(box->in, 0, 0, 0, 0));
	release("queue_send_prepared");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(0, signals());
	EXPECT_EQ(2, q_take(box->in, BY_FIRST));
}

TEST_HARNESS_MAIN
