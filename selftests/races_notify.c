// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who register for a signal, or set O_ASYNC: what happens before
 * they are there is seen by who looks afterwards, and what happens later is told; and
 * nothing is left of who does not come to that.
 */
#include "test.h"
#include "race_service.h"
#include "stage.h"

#define SIG		SIGRTMIN
#define WATCHED		"notify_watched"
#define GONE		(POLLERR | POLLHUP)

enum { SEEN = 1, TOLD = 2 };

static unsigned int told(bool patient)
{
	struct timespec limit = { .tv_sec = patient ? PATIENCE / SECOND : 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	return sigtimedwait(&set, NULL, &limit) == SIG;
}

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
}

/* As programs should: arm, look, and only then wait to be told.  SEEN, or TOLD once. */
static long look_and_wait(struct party *p)
{
	p->seen = poll_mask(p->fd, POLLIN);
	if (p->seen)
		return told(false) ? SEEN | TOLD : SEEN;
	__atomic_store_n(&p->caught, 1, __ATOMIC_SEQ_CST);
	CHECK(told(true));
	CHECK(!told(false));
	return TOLD;
}

static long act_notify(struct party *p)
{
	block();
	if (q_notify(p->fd, p->flags, KIPC_NOTIFY_ONCE, SIG, 1))
		return -errno;
	return look_and_wait(p);
}

static long act_async(struct party *p)
{
	block();
	CHECK(!fcntl(p->fd, F_SETOWN, getpid()) && !fcntl(p->fd, F_SETSIG, SIG));
	if (fcntl(p->fd, F_SETFL, O_ASYNC))
		return -errno;
	return look_and_wait(p);
}

FIXTURE(arming) {
	struct handles box;
	struct party *p;
};

FIXTURE_VARIANT(arming) {
	enum kind kind;
	long (*act)(struct party *p);
};

FIXTURE_VARIANT_ADD(arming, mailbox) { .kind = MAILBOX, .act = act_notify };
FIXTURE_VARIANT_ADD(arming, queue) { .kind = QUEUE, .act = act_notify };
FIXTURE_VARIANT_ADD(arming, pipe) { .kind = PIPE, .act = act_notify };
FIXTURE_VARIANT_ADD(arming, mailbox_async) { .kind = MAILBOX, .act = act_async };
FIXTURE_VARIANT_ADD(arming, queue_async) { .kind = QUEUE, .act = act_async };
FIXTURE_VARIANT_ADD(arming, pipe_async) { .kind = PIPE, .act = act_async };

FIXTURE_SETUP(arming)
{
	NEED_DELAY_POINTS();
	self->box = race_handles(stage_object(variant->kind));
	self->p = party(variant->act, self->box.in);
	self->p->flags = KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
			 KIPC_EVENT_PEER_GONE;
}

FIXTURE_TEARDOWN(arming)
{
	race_end();
}

static void put_unit(struct handles *box)
{
	char unit[UNIT] = "";

	CHECK(write(box->out, unit, UNIT) == UNIT);
}

static void take_unit(struct handles *box)
{
	char unit[UNIT];

	CHECK(read(box->in, unit, UNIT) == UNIT);
}

/* It has looked, and found nothing. */
static void wait_looked(struct party *p)
{
	wait_for(__atomic_load_n(&p->caught, __ATOMIC_SEQ_CST) && asleep(p));
}

TEST_F(arming, comes_before)
{
	hold(self->p, WATCHED);
	put_unit(&self->box);
	release(WATCHED);
	EXPECT_EQ(SEEN, outcome(self->p));
	EXPECT_EQ(POLLIN, self->p->seen);
}

TEST_F(arming, comes_and_goes_before)
{
	hold(self->p, WATCHED);
	put_unit(&self->box);
	take_unit(&self->box);
	release(WATCHED);
	wait_looked(self->p);
	put_unit(&self->box);
	EXPECT_EQ(TOLD, outcome(self->p));
}

/* What was known of the state was of another time. */
TEST_F(arming, was_there_and_goes)
{
	put_unit(&self->box);
	EXPECT_EQ(POLLIN, poll_mask(self->box.in, POLLIN));
	hold(self->p, WATCHED);
	take_unit(&self->box);
	release(WATCHED);
	wait_looked(self->p);
	put_unit(&self->box);
	EXPECT_EQ(TOLD, outcome(self->p));
}

TEST_F(arming, comes_after)
{
	hold(self->p, WATCHED);
	release(WATCHED);
	wait_looked(self->p);
	put_unit(&self->box);
	EXPECT_EQ(TOLD, outcome(self->p));
}

TEST_F(arming, removed_before)
{
	hold(self->p, WATCHED);
	EXPECT_OK(k_remove(self->box.manage));
	release(WATCHED);
	EXPECT_EQ(SEEN, outcome(self->p));
	EXPECT_EQ(GONE, self->p->seen);
}

TEST_F(arming, sender_goes_before)
{
	hold(self->p, WATCHED);
	close(self->box.out);
	release(WATCHED);
	EXPECT_EQ(SEEN, outcome(self->p));
	EXPECT_TRUE(self->p->seen & POLLHUP);
}

TEST_F(arming, sender_goes_after)
{
	hold(self->p, WATCHED);
	release(WATCHED);
	wait_looked(self->p);
	close(self->box.out);
	EXPECT_EQ(TOLD, outcome(self->p));
}

/* Who is killed there registers nothing; and what comes is news to the next one. */
TEST_F(arming, killed)
{
	struct party *next = party(variant->act, self->box.in);

	next->flags = self->p->flags;
	hold(self->p, WATCHED);
	kill(self->p->pid, SIGKILL);
	release(WATCHED);
	EXPECT_EQ(KILLED, outcome(self->p));
	go(next);
	wait_looked(next);
	put_unit(&self->box);
	EXPECT_EQ(TOLD, outcome(next));
}

/* Two at once: one that is there is told, while another comes, who is not. */
TEST_F(arming, beside_another)
{
	struct party *first = party(act_notify, self->box.in);

	first->flags = self->p->flags;
	go(first);
	wait_looked(first);
	hold(self->p, WATCHED);
	put_unit(&self->box);
	EXPECT_EQ(TOLD, outcome(first));
	release(WATCHED);
	EXPECT_EQ(SEEN, outcome(self->p));
}

/* Services: a server that registers for calls, a client that does for the server's end. */

FIXTURE(serving) {
	int fd, serve, client;
	struct hall *h;
	struct worker *w;
	struct party *p, *c, *next;
};

FIXTURE_VARIANT(serving) {
	long (*act)(struct party *p);
};

FIXTURE_VARIANT_ADD(serving, notify) { .act = act_notify };
FIXTURE_VARIANT_ADD(serving, async) { .act = act_async };

FIXTURE_SETUP(serving)
{
	NEED_DELAY_POINTS();
	self->fd = race_service(0);
	self->h = hall(self->fd, 1);
	self->w = &self->h->worker[0];
	self->client = connected(self->fd);
	self->serve = k_narrow(self->fd, SERVE, 0);
	self->p = party(variant->act, self->serve);
	self->p->flags = KIPC_EVENT_CALL | KIPC_EVENT_PEER_GONE;
	self->c = submitter(self->client, 0);
	self->next = submitter(self->client, 1);
}

FIXTURE_TEARDOWN(serving)
{
	race_end();
}

TEST_F(serving, called_before)
{
	hold(self->p, WATCHED);
	EXPECT_EQ(0, at_once(self->c));
	release(WATCHED);
	EXPECT_EQ(SEEN, outcome(self->p));
	EXPECT_EQ(POLLIN, self->p->seen);
}

TEST_F(serving, called_and_served_before)
{
	hold(self->p, WATCHED);
	EXPECT_EQ(0, at_once(self->c));
	EXPECT_EQ(NUMBER, serve_one(self->w));
	release(WATCHED);
	wait_looked(self->p);
	EXPECT_EQ(0, at_once(self->next));
	EXPECT_EQ(TOLD, outcome(self->p));
}

TEST_F(serving, called_after)
{
	hold(self->p, WATCHED);
	release(WATCHED);
	wait_looked(self->p);
	EXPECT_EQ(0, at_once(self->c));
	EXPECT_EQ(TOLD, outcome(self->p));
}

/* It is on its way into the line, and not there yet: told, since it comes later. */
TEST_F(serving, call_is_coming)
{
	hold(self->c, "call_alone");
	go(self->p);
	wait_looked(self->p);
	release("call_alone");
	EXPECT_EQ(0, outcome(self->c));
	EXPECT_EQ(TOLD, outcome(self->p));
}

/* It is there, and its caller has still to look for a worker: seen, and told no more. */
TEST_F(serving, call_has_just_come)
{
	hold(self->c, "call_queued");
	go(self->p);
	EXPECT_EQ(SEEN, outcome(self->p));
	release("call_queued");
	EXPECT_EQ(0, outcome(self->c));
}

/* A worker had it in its hand, and is killed: it waits again. */
TEST_F(serving, call_comes_back)
{
	hold_worker(self->w, "worker_joining");
	EXPECT_EQ(0, at_once(self->c));
	go(self->p);
	EXPECT_EQ(SEEN, outcome(self->p));
	release("worker_joining");
	EXPECT_EQ(0, done(self->w));
	EXPECT_EQ(NUMBER, self->w->call.args[0]);
}

TEST_F(serving, killed)
{
	struct party *next = party(variant->act, self->serve);

	next->flags = self->p->flags;
	hold(self->p, WATCHED);
	kill(self->p->pid, SIGKILL);
	release(WATCHED);
	EXPECT_EQ(KILLED, outcome(self->p));
	go(next);
	wait_looked(next);
	EXPECT_EQ(0, at_once(self->c));
	EXPECT_EQ(TOLD, outcome(next));
}

/* The client's side. */

static struct party *client_listener(FIXTURE_DATA(serving) *self,
				     long (*act)(struct party *p))
{
	struct party *p = party(act, self->client);

	p->flags = KIPC_EVENT_PEER_GONE;
	return p;
}

TEST_F(serving, server_ends_before)
{
	struct party *p = client_listener(self, variant->act);

	hold(p, WATCHED);
	EXPECT_EQ(0, do_now(self->w, act_unmap));
	release(WATCHED);
	EXPECT_EQ(SEEN, outcome(p));
	EXPECT_EQ(POLLHUP, p->seen & POLLHUP);
}

TEST_F(serving, server_ends_after)
{
	struct party *p = client_listener(self, variant->act);

	hold(p, WATCHED);
	release(WATCHED);
	wait_looked(p);
	EXPECT_EQ(0, do_now(self->w, act_unmap));
	EXPECT_EQ(TOLD, outcome(p));
}

/* It has ended, and nobody was told yet: seen, and perhaps told as well, but not lost. */
TEST_F(serving, server_is_ending)
{
	struct party *p = client_listener(self, variant->act);

	arm("service_ended", &self->w->at);
	work(self->w, act_unmap);
	wait_held("service_ended", &self->w->at);
	go(p);
	EXPECT_EQ(SEEN, outcome(p));
	release("service_ended");
	EXPECT_EQ(0, done(self->w));
}

TEST_F(serving, server_is_killed)
{
	struct party *p = client_listener(self, variant->act);

	hold(p, WATCHED);
	release(WATCHED);
	wait_looked(p);
	EXPECT_EQ(KILLED, killed(self->h->process));
	EXPECT_EQ(TOLD, outcome(p));
}

TEST_F(serving, removed_before_and_after)
{
	struct party *p = client_listener(self, variant->act);
	struct party *first = party(act_notify, self->serve);

	hold(p, WATCHED);
	first->flags = self->p->flags;
	go(first);
	wait_looked(first);
	EXPECT_OK(k_remove(self->fd));
	release(WATCHED);
	EXPECT_EQ(SEEN, outcome(p));
	EXPECT_EQ(TOLD, outcome(first));
}

/* A receiver copies, so nothing else can be had; then it can, and that is told. */
TEST(behind_a_large_letter)
{
	struct handles box;
	struct party *r, *p;

	if (!delay_points())
		SKIP(return, "the module has no delay points");
	box = race_box(9, 64 << 10, LARGE, 0);
	r = receiver(box.in, LARGE);
	p = party(act_notify, box.in);
	p->flags = KIPC_EVENT_NONEMPTY;
	EXPECT_EQ(0, put(box.out, LARGE, 1));
	hold(r, "receive_copying");
	EXPECT_EQ(0, put(box.out, SMALL, 2));
	go(p);
	wait_looked(p);
	release("receive_copying");
	EXPECT_EQ(1, outcome(r));
	EXPECT_EQ(TOLD, outcome(p));
	EXPECT_EQ(2, take(box.in));
	race_end();
}

TEST_HARNESS_MAIN
