// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of a call that somebody waits for: each state of its linkage record,
 * and what may happen to the caller, the worker or the service just then.
 */
#include "test.h"
#include "race_service.h"

enum at {
	BEGUN,		/* its caller is to look for an idle worker */
	LINED,		/* nobody has it */
	HELD,		/* an idle worker was given it */
	FETCHED,		/* a worker took it from the line */
	TAKEN,		/* it is being served */
};

FIXTURE(waited) {
	int fd, client;
	struct hall *h;
	struct worker *w, *other;
	struct party *c;
};

FIXTURE_VARIANT(waited) {
	enum at at;
};

FIXTURE_VARIANT_ADD(waited, begun) { BEGUN };
FIXTURE_VARIANT_ADD(waited, lined) { LINED };
FIXTURE_VARIANT_ADD(waited, held) { HELD };
FIXTURE_VARIANT_ADD(waited, fetched) { FETCHED };
FIXTURE_VARIANT_ADD(waited, taken) { TAKEN };

FIXTURE_SETUP(waited)
{
	NEED_DELAY_POINTS();
	self->fd = race_service(0);
	self->h = hall(self->fd, 2);
	self->w = &self->h->worker[0];
	self->other = &self->h->worker[1];
	self->client = connected(self->fd);
	self->c = caller(self->client, 0);
}

FIXTURE_TEARDOWN(waited)
{
	race_end();
}

static void wait_lined(int fd, unsigned int calls)
{
	wait_for(service_stat(fd).waiting == calls);
}

static void bring_call(FIXTURE_DATA(waited) *self, enum at at)
{
	if (at == BEGUN) {
		hold(self->c, "call_begun");
		return;
	}
	if (at == HELD) {
		arm("worker_has", &self->w->at);
		work(self->w, act_serve);
		wait_idle(self->fd, 1);
		go(self->c);
		wait_held("worker_has", &self->w->at);
	} else {
		go(self->c);
		wait_lined(self->fd, 1);
	}
	wait_for(asleep(self->c));
	if (at == FETCHED)
		hold_worker(self->w, "worker_has");
	if (at == TAKEN)
		CHECK(serve_one(self->w) == NUMBER);
}

/* Whoever is held goes on. */
static void let_go(enum at at)
{
	if (at == BEGUN)
		release("call_begun");
	else if (at == HELD)
		release("worker_has");
	else if (at == FETCHED)
		release("worker_has");
}

/* All is well: the call is served, and the caller has his reply. */
static void finish(FIXTURE_DATA(waited) *self, enum at at)
{
	let_go(at);
	if (at == BEGUN || at == LINED)
		CHECK(serve_one(self->w) == NUMBER);
	else if (at != TAKEN)
		CHECK(!done(self->w));
	CHECK(self->w->call.args[0] == NUMBER);
	CHECK(self->w->token == PLACE_TOKEN);
	CHECK(!do_now(self->w, act_reply));
	CHECK(outcome(self->c) == REPLY);
	CHECK(do_now(self->w, act_reply) == -ENOENT);
	settled(self->fd, 1, 0);
}

/* The caller has given the call up, and is told so; what the others find. */
static void given_up(FIXTURE_DATA(waited) *self, enum at at)
{
	struct party *next;

	if (at == BEGUN || at == LINED) {
		CHECK(nothing_to_serve(self->w) == -EAGAIN);
		CHECK(!service_stat(self->fd).queued);
		CHECK(another_call(self->client, 0, self->w) == REPLY);
		settled(self->fd, 1, 0);
		return;
	}
	if (at == TAKEN) {
		CHECK(poke(self->client, 0) == -EBUSY);
		CHECK(do_now(self->w, act_reply) == NOT_WANTED);
		CHECK(another_call(self->client, 0, self->w) == REPLY);
		CHECK(service_stat(self->fd).abandoned == 1);
		settled(self->fd, 2, 0);
		return;
	}
	/* Its A-stack is free at once, though a worker has the record in its hand. */
	next = caller(self->client, 0);
	go(next);
	wait_lined(self->fd, 1);
	let_go(at);
	CHECK(!done(self->w));
	CHECK(self->w->call.args[0] == NUMBER && self->w->call.tid == next->pid);
	CHECK(!do_now(self->w, act_reply));
	CHECK(outcome(next) == REPLY);
	CHECK(!service_stat(self->fd).abandoned);
	settled(self->fd, 1, 0);
}

TEST_F(waited, served)
{
	bring_call(self, variant->at);
	finish(self, variant->at);
}

TEST_F(waited, deadline_passes)
{
	enum at at = variant->at;

	self->c->deadline = after(2 * SECOND);
	bring_call(self, at);
	wait_for(now_ns() > self->c->deadline);
	if (at == BEGUN)
		let_go(at);
	EXPECT_EQ(-ETIMEDOUT, outcome(self->c));
	given_up(self, at);
}

TEST_F(waited, a_signal_comes)
{
	enum at at = variant->at;

	bring_call(self, at);
	interrupt(self->c);
	if (at == BEGUN)
		let_go(at);
	EXPECT_EQ(-EINTR, outcome(self->c));
	EXPECT_EQ(1, self->c->caught);
	if (at != TAKEN) {
		EXPECT_EQ(0, self->c->seen);
		given_up(self, at);
		return;
	}
	/* It goes on, and is collected. */
	EXPECT_EQ(PLACE_TOKEN, self->c->seen);
	EXPECT_EQ(-EBUSY, poke(self->client, 0));
	EXPECT_EQ(-EAGAIN, collect_now(self->client, PLACE_TOKEN));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(-EBUSY, poke(self->client, 0));
	EXPECT_EQ(REPLY, collect_now(self->client, PLACE_TOKEN));
	EXPECT_EQ(-ENOENT, collect_now(self->client, PLACE_TOKEN));
	settled(self->fd, 1, 0);
}

TEST_F(waited, caller_is_killed)
{
	enum at at = variant->at;

	bring_call(self, at);
	CHECK(!kill(self->c->pid, SIGKILL));
	if (at == BEGUN)
		let_go(at);
	EXPECT_EQ(KILLED, outcome(self->c));
	given_up(self, at);
}

/* The last handle goes with its caller. */
TEST_F(waited, caller_is_killed_with_the_handle)
{
	enum at at = variant->at;

	CHECK(!close(self->client));
	bring_call(self, at);
	CHECK(!kill(self->c->pid, SIGKILL));
	if (at == BEGUN)
		let_go(at);
	EXPECT_EQ(KILLED, outcome(self->c));
	if (at == HELD || at == FETCHED) {
		EXPECT_EQ(1, service_stat(self->fd).bindings);
		let_go(at);
		wait_idle(self->fd, 1);
	}
	if (at == TAKEN) {
		EXPECT_EQ(1, service_stat(self->fd).bindings);
		EXPECT_EQ(NOT_WANTED, do_now(self->w, act_reply));
	}
	wait_for(!service_stat(self->fd).bindings);
	settled(self->fd, at == TAKEN, 0);
}

/* Who else has the handle can do nothing about it, nor a server that guesses. */
TEST_F(waited, others_are_told_that_it_is_busy)
{
	struct worker *w = self->other;

	bring_call(self, variant->at);
	EXPECT_EQ(-EBUSY, poke(self->client, 0));
	EXPECT_EQ(-EBUSY, at_once(with_token(act_cancel, self->client,
					     PLACE_TOKEN)));
	EXPECT_EQ(-EBUSY, collect_now(self->client, PLACE_TOKEN));
	EXPECT_EQ(-ENOENT, collect_now(self->client, PLACE_TOKEN + 1));
	EXPECT_EQ(-ENOENT, at_once(with_token(act_cancel, self->client,
					      2 * PLACE_TOKEN)));
	if (variant->at != TAKEN) {
		w->token = PLACE_TOKEN;
		EXPECT_EQ(-ENOENT, do_now(w, act_reply));
	}
	finish(self, variant->at);
}

/* What a caller is told when the service ends, and what its worker. */
static void ends(FIXTURE_DATA(waited) *self, enum at at, int caller, int worker)
{
	/* A worker that is kept from taking it does not keep the caller. */
	if (at == BEGUN)
		let_go(at);
	CHECK(outcome(self->c) == caller);
	if (at != BEGUN)
		let_go(at);
	if (at == HELD || at == FETCHED)
		CHECK(done(self->w) == worker);
	CHECK(do_now(self->other, act_serve) == worker);
	settled(self->fd, 1, 1);
	CHECK(at_once(with_token(act_cancel, self->client, PLACE_TOKEN)) ==
	      -ENOENT);
}

TEST_F(waited, service_stops)
{
	enum at at = variant->at;

	bring_call(self, at);
	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	if (at == TAKEN) {
		EXPECT_EQ(0, do_now(self->w, act_reply));
		EXPECT_EQ(REPLY, outcome(self->c));
		settled(self->fd, 1, 0);
		return;
	}
	/* Those that workers have are theirs. */
	let_go(at);
	EXPECT_EQ(-EPIPE, outcome(self->c));
	if (at == HELD || at == FETCHED)
		EXPECT_EQ(-ESHUTDOWN, done(self->w));
	/* One that had not got away is as if it had not been made. */
	settled(self->fd, at != BEGUN, at != BEGUN);
	EXPECT_EQ(-ESHUTDOWN, do_now(self->other, act_serve));
}

TEST_F(waited, server_unmaps)
{
	bring_call(self, variant->at);
	ASSERT_EQ(0, do_now(self->other, act_unmap));
	ends(self, variant->at, -EPIPE, -ENXIO);
	if (variant->at == TAKEN) {
		EXPECT_EQ(-ENOENT, do_now(self->w, act_reply));
	}
}

TEST_F(waited, removed)
{
	bring_call(self, variant->at);
	ASSERT_OK(k_remove(self->fd));
	ends(self, variant->at, -EIDRM, -EIDRM);
	if (variant->at == TAKEN) {
		EXPECT_EQ(-EIDRM, do_now(self->w, act_reply));
	}
}

static void server_goes(FIXTURE_DATA(waited) *self, enum at at)
{
	if (at == HELD || at == FETCHED)
		let_go(at);
	wait_for(service_stat(self->fd).workers == 0);
	if (at == BEGUN) {
		dismiss(self->h->process);
		let_go(at);
	}
	CHECK(outcome(self->c) == -EPIPE);
	settled(self->fd, 1, 1);
	CHECK(poke(self->client, 0) == -EPIPE);
}

TEST_F(waited, server_is_killed)
{
	bring_call(self, variant->at);
	CHECK(!kill(self->h->process->pid, SIGKILL));
	server_goes(self, variant->at);
}

TEST_F(waited, server_executes)
{
	bring_call(self, variant->at);
	work(self->other, act_exec);
	server_goes(self, variant->at);
}

/* A signal for a worker that has a call already is one for its handler. */
TEST_F(waited, worker_gets_a_signal)
{
	bring_call(self, variant->at);
	interrupt_worker(self->w);
	finish(self, variant->at);
}

/* What a worker cannot take, the next one has, before those behind. */
TEST_F(waited, worker_cannot_take_it)
{
	struct party *behind = caller(self->client, 1);
	enum at at = variant->at;

	if (at == FETCHED || at == TAKEN)
		return;
	self->w->unwritable = true;
	bring_call(self, at);
	if (at == BEGUN)
		let_go(at);
	if (at != HELD)
		wait_lined(self->fd, 1);
	go(behind);
	wait_lined(self->fd, at == HELD ? 1 : 2);
	if (at == HELD)
		let_go(at);
	else
		work(self->w, act_serve);
	EXPECT_EQ(-EFAULT, done(self->w));
	wait_lined(self->fd, 2);
	EXPECT_EQ(NUMBER, serve_one(self->other));
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	EXPECT_EQ(NUMBER + 1, serve_one(self->other));
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(behind));
	EXPECT_EQ(at == HELD ? 1 : 2, service_stat(self->fd).queued);
	settled(self->fd, 2, 0);
}

TEST_F(waited, worker_cannot_take_it_another_is_idle)
{
	if (variant->at != HELD)
		return;
	self->w->unwritable = true;
	bring_call(self, HELD);
	work(self->other, act_serve);
	wait_idle(self->fd, 1);
	let_go(HELD);
	EXPECT_EQ(-EFAULT, done(self->w));
	EXPECT_EQ(0, done(self->other));
	EXPECT_EQ(NUMBER, self->other->call.args[0]);
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	settled(self->fd, 1, 0);
}

/* The thread that serves it ends; the others of its process live on. */
TEST_F(waited, worker_ends)
{
	uint64_t start;

	if (variant->at != TAKEN)
		return;
	bring_call(self, TAKEN);
	start = now_ns();
	work(self->w, act_leave);
	EXPECT_EQ(-EPIPE, outcome(self->c));
	EXPECT_LT(now_ns() - start, PATIENCE);
	self->other->token = self->w->token;
	EXPECT_EQ(-ENOENT, do_now(self->other, act_reply));
	settled(self->fd, 1, 1);
	EXPECT_EQ(REPLY, another_call(self->client, 0, self->other));
}

/* The reply is there, the caller is not awake yet, or is just awake. */

FIXTURE(replied) {
	int fd, client;
	struct hall *h;
	struct party *c;
};

FIXTURE_VARIANT(replied) {
	const char *point;
	int error;		/* a thread that has failed it, not replied */
};

FIXTURE_VARIANT_ADD(replied, drowsy) { "before_sleep", 0 };
FIXTURE_VARIANT_ADD(replied, awake) { "after_sleep", 0 };
FIXTURE_VARIANT_ADD(replied, failed) { "after_sleep", -EPIPE };

FIXTURE_SETUP(replied)
{
	bool awake;

	NEED_DELAY_POINTS();
	awake = !strcmp(variant->point, "after_sleep");
	self->fd = race_service(0);
	self->h = hall(self->fd, 2);
	self->client = connected(self->fd);
	self->c = caller(self->client, 0);
	self->c->deadline = after(SECOND);
	arm(variant->point, self->c);
	go(self->c);
	if (!awake)
		wait_held(variant->point, self->c);
	CHECK(serve_one(&self->h->worker[0]) == NUMBER);
	if (variant->error)
		CHECK(!do_now(&self->h->worker[1], act_unmap));
	else
		CHECK(!do_now(&self->h->worker[0], act_reply));
	if (awake)
		wait_held(variant->point, self->c);
}

FIXTURE_TEARDOWN(replied)
{
	race_end();
}

static void has_it(FIXTURE_DATA(replied) *self,
		   const FIXTURE_VARIANT(replied) *variant, int error)
{
	release(variant->point);
	CHECK(outcome(self->c) == (error ?: variant->error ?: REPLY));
	settled(self->fd, 1, !!variant->error);
	if (!variant->error)
		CHECK(another_call(self->client, 0, &self->h->worker[0]) == REPLY);
}

TEST_F(replied, deadline_passes)
{
	wait_for(now_ns() > self->c->deadline);
	has_it(self, variant, 0);
}

TEST_F(replied, a_signal_comes)
{
	interrupt(self->c);
	has_it(self, variant, 0);
}

TEST_F(replied, caller_is_killed)
{
	CHECK(!kill(self->c->pid, SIGKILL));
	has_it(self, variant, KILLED);
}

TEST_F(replied, others_are_told_that_it_is_busy)
{
	EXPECT_EQ(-EBUSY, collect_now(self->client, PLACE_TOKEN));
	EXPECT_EQ(-EBUSY, at_once(with_token(act_cancel, self->client,
					     PLACE_TOKEN)));
	EXPECT_EQ(-EBUSY, poke(self->client, 0));
	EXPECT_EQ(-ENOENT, do_now(&self->h->worker[0], act_reply));
	has_it(self, variant, 0);
}

TEST_F(replied, removed)
{
	ASSERT_OK(k_remove(self->fd));
	release(variant->point);
	EXPECT_EQ(variant->error ?: REPLY, outcome(self->c));
	settled(self->fd, 1, !!variant->error);
}

TEST_HARNESS_MAIN
