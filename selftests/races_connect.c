// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of connections that the server decides on, and of the memory of bindings
 * that go.
 */
#include "test.h"
#include "race_service.h"

enum at { BEGUN, LINED, HELD, TAKEN };

FIXTURE(connecting) {
	int fd, client;
	struct hall *h;
	struct worker *w, *other;
	struct party *c;
};

FIXTURE_VARIANT(connecting) {
	enum at at;
};

FIXTURE_VARIANT_ADD(connecting, begun) { BEGUN };
FIXTURE_VARIANT_ADD(connecting, lined) { LINED };
FIXTURE_VARIANT_ADD(connecting, held) { HELD };
FIXTURE_VARIANT_ADD(connecting, taken) { TAKEN };

FIXTURE_SETUP(connecting)
{
	NEED_DELAY_POINTS();
	self->fd = race_service(KIPC_SERVICE_ACCEPT);
	self->h = hall(self->fd, 2);
	self->w = &self->h->worker[0];
	self->other = &self->h->worker[1];
	self->client = client_handle(self->fd);
	self->c = party(act_connect, self->client);
	self->c->stays = true;
}

FIXTURE_TEARDOWN(connecting)
{
	race_end();
}

static void bring_connect(FIXTURE_DATA(connecting) *self, enum at at)
{
	if (at == BEGUN) {
		hold(self->c, "call_begun");
		return;
	}
	go(self->c);
	wait_for(service_stat(self->fd).waiting == 1);
	wait_for(asleep(self->c));
	if (at == HELD)
		hold_worker(self->w, "worker_has");
	if (at == TAKEN)
		CHECK(!do_now(self->w, act_serve));
}

static void let_go(enum at at)
{
	if (at == BEGUN)
		release("call_begun");
	else if (at == HELD)
		release("worker_has");
}

/* A worker has the question, and answers; what the answer comes to. */
static long decide(FIXTURE_DATA(connecting) *self, enum at at)
{
	let_go(at);
	if (at == BEGUN || at == LINED)
		CHECK(!do_now(self->w, act_serve));
	else if (at == HELD)
		CHECK(!done(self->w));
	CHECK(self->w->call.flags & KIPC_SERVED_CONNECT);
	CHECK(self->w->call.args[0] == NUMBER);
	return do_now(self->w, act_reply);
}

TEST_F(connecting, accepted)
{
	bring_connect(self, variant->at);
	EXPECT_EQ(-EALREADY, at_once(party(act_connect, self->client)));
	EXPECT_EQ(-ENOTCONN, poke(self->client, 0));
	EXPECT_EQ(0, decide(self, variant->at));
	EXPECT_EQ(0, outcome(self->c));
	EXPECT_EQ(REPLY, self->c->seen);
	EXPECT_EQ(-EISCONN, at_once(party(act_connect, self->client)));
	EXPECT_EQ(REPLY, another_call(self->client, 0, self->w));
	settled(self->fd, 2, 0);
}

TEST_F(connecting, refused)
{
	struct party *again;

	self->w->refuses = true;
	bring_connect(self, variant->at);
	EXPECT_EQ(0, decide(self, variant->at));
	EXPECT_EQ(-ECONNREFUSED, outcome(self->c));
	EXPECT_EQ(0, service_stat(self->fd).bindings);
	EXPECT_EQ(-ENOTCONN, poke(self->client, 0));
	settled(self->fd, 1, 0);
	/* It may try again. */
	self->w->refuses = false;
	again = party(act_connect, self->client);
	go(again);
	EXPECT_EQ(0, do_now(self->w, act_serve));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(0, outcome(again));
}

/* Nobody waits for the decision any more; the server may still have the question. */
static void alone(FIXTURE_DATA(connecting) *self, enum at at)
{
	if (at == TAKEN) {
		CHECK(service_stat(self->fd).bindings == 1);
		CHECK(do_now(self->w, act_reply) == NOT_WANTED);
	} else if (at == HELD) {
		CHECK(service_stat(self->fd).bindings == 1);
		let_go(at);
		wait_idle(self->fd, 1);
		interrupt_worker(self->w);
		CHECK(done(self->w) == -EINTR);
	} else {
		CHECK(nothing_to_serve(self->w) == -EAGAIN);
	}
	wait_for(!service_stat(self->fd).bindings);
	settled(self->fd, at == TAKEN, 0);
}

TEST_F(connecting, deadline_passes)
{
	enum at at = variant->at;

	self->c->deadline = after(2 * SECOND);
	bring_connect(self, at);
	wait_for(now_ns() > self->c->deadline);
	if (at == BEGUN)
		let_go(at);
	EXPECT_EQ(-ETIMEDOUT, outcome(self->c));
	alone(self, at);
}

TEST_F(connecting, a_signal_comes)
{
	bring_connect(self, variant->at);
	interrupt(self->c);
	if (variant->at == BEGUN)
		let_go(variant->at);
	EXPECT_EQ(-EINTR, outcome(self->c));
	alone(self, variant->at);
}

TEST_F(connecting, client_is_killed)
{
	CHECK(!close(self->client));
	bring_connect(self, variant->at);
	CHECK(!kill(self->c->pid, SIGKILL));
	if (variant->at == BEGUN)
		let_go(variant->at);
	EXPECT_EQ(KILLED, killed(self->c));
	alone(self, variant->at);
}

TEST_F(connecting, server_unmaps)
{
	bring_connect(self, variant->at);
	ASSERT_EQ(0, do_now(self->other, act_unmap));
	let_go(variant->at);
	EXPECT_EQ(-EPIPE, outcome(self->c));
	if (variant->at == HELD)
		EXPECT_EQ(-ENXIO, done(self->w));
	wait_for(!service_stat(self->fd).bindings);
}

/* Memory. */

FIXTURE(memory) {
	int fd;
	struct hall *h;
	struct worker *w;
};

FIXTURE_SETUP(memory)
{
	NEED_DELAY_POINTS();
	self->fd = race_service(0);
	self->h = hall(self->fd, 2);
	self->w = &self->h->worker[0];
}

FIXTURE_TEARDOWN(memory)
{
	race_end();
}

/* What is in the first A-stack of slot @token of the server's mapping; -EFAULT: nothing. */
static long act_look(struct worker *w)
{
	struct kipc_service_stat stat = service_stat(w->hall->fd);
	int fd = memfd_create("look", MFD_CLOEXEC);
	unsigned char byte = 0;
	long ret;

	CHECK(fd >= 0);
	ret = write(fd, w->hall->map + w->token * stat.binding_size +
			stat.frames_size, 1);
	if (ret < 0)
		ret = -errno;
	else
		CHECK(pread(fd, &byte, 1, 0) == 1);
	close(fd);
	return ret < 0 ? ret : byte;
}

static long look_at(struct worker *w, unsigned int slot)
{
	w->token = slot;
	return do_now(w, act_look);
}

/* Connect, write a byte everywhere, close; the mapping is left: @number says not. */
static long act_dirty(struct party *p)
{
	struct kipc_service_connect connect = { .deadline = 0 };
	size_t i;
	char *map;

	if (s_connect(p->fd, &connect, 0))
		return -errno;
	map = s_map_binding(p->fd, connect.binding_size);
	CHECK(map);
	for (i = 0; i < connect.binding_size; i++)
		CHECK(!map[i]);
	memset(map, 0x5a, connect.binding_size);
	close(p->fd);
	if (p->number)
		munmap(map, connect.binding_size);
	return 0;
}

static struct party *dirty_one(int fd, bool unmaps)
{
	struct party *p = party(act_dirty, client_handle(fd));

	close(p->fd);
	p->number = unmaps;
	p->stays = true;
	return p;
}

TEST_F(memory, mapping_outlives_the_handle)
{
	struct party *p = dirty_one(self->fd, false);

	EXPECT_EQ(-EFAULT, look_at(self->w, 0));
	go(p);
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(1, service_stat(self->fd).bindings);
	EXPECT_EQ(0x5a, look_at(self->w, 0));
	dismiss(p);
	wait_for(!service_stat(self->fd).bindings);
	EXPECT_EQ(-EFAULT, look_at(self->w, 0));
}

/* Out of its slot, its pages are still in the server's page tables. */
TEST_F(memory, binding_goes)
{
	struct party *p = dirty_one(self->fd, true);
	struct party *q = dirty_one(self->fd, false);

	/* The server sees it before it goes. */
	go(q);
	EXPECT_EQ(0, outcome(q));
	EXPECT_EQ(0x5a, look_at(self->w, 0));
	arm("binding_going", q);
	kill(q->pid, SIGKILL);
	wait_held("binding_going", q);
	/* The slot is not free yet: the next one gets another. */
	go(p);
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(1, service_stat(self->fd).bindings);
	release("binding_going");
	EXPECT_EQ(KILLED, killed(q));
	EXPECT_EQ(-EFAULT, look_at(self->w, 0));
	EXPECT_EQ(0, service_stat(self->fd).bindings);
}

/* What was there is not there for the next, nor what the server had of it. */
TEST_F(memory, slot_has_another_binding)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct party *p = dirty_one(self->fd, false);

		go(p);
		EXPECT_EQ(0, outcome(p));
		EXPECT_EQ(0x5a, look_at(self->w, 0));
		EXPECT_EQ(KILLED, killed(p));
		EXPECT_EQ(-EFAULT, look_at(self->w, 0));
	}
}

/* The client goes while the server has its call: the memory stays until it is done. */
TEST_F(memory, server_is_not_done)
{
	int client = connected(self->fd);
	struct party *c = caller(client, 0), *p;

	close(client);
	go(c);
	EXPECT_EQ(NUMBER, serve_one(self->w));
	EXPECT_EQ(KILLED, killed(c));
	EXPECT_EQ(1, service_stat(self->fd).bindings);
	EXPECT_EQ(0, look_at(&self->h->worker[1], 0));
	p = dirty_one(self->fd, false);
	go(p);
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(0x5a, look_at(&self->h->worker[1], 1));
	EXPECT_EQ(NOT_WANTED, do_now(self->w, act_reply));
	EXPECT_EQ(-EFAULT, look_at(&self->h->worker[1], 0));
	EXPECT_EQ(KILLED, killed(p));
	settled(self->fd, 1, 0);
}

/* A client that sleeps finds the reply while the worker has not told it yet, and goes. */
static void goes_before_it_is_told(FIXTURE_DATA(memory) *self, struct party *c)
{
	arm("before_wake", &self->w->at);
	work(self->w, act_reply);
	wait_held("before_wake", &self->w->at);
	interrupt(c);
	CHECK(outcome(c) == REPLY);
	CHECK(!service_stat(self->fd).bindings);
	release("before_wake");
	CHECK(!done(self->w));
	settled(self->fd, 1, 0);
}

/* It goes with its client, not when the worker that has replied goes on. */
TEST_F(memory, server_is_slow)
{
	int client = connected(self->fd);
	struct party *c = caller(client, 0);

	close(client);
	go(c);
	EXPECT_EQ(NUMBER, serve_one(self->w));
	goes_before_it_is_told(self, c);
}

/* The same of a call that was submitted. */
TEST_F(memory, server_is_slow_and_nobody_waited)
{
	int client = connected(self->fd);
	struct party *s = submitter(client, 0), *c = with_token(act_collect, client, 0);

	c->deadline = KIPC_FOREVER;
	close(client);
	EXPECT_EQ(0, at_once(s));
	go(c);
	EXPECT_EQ(NUMBER, serve_one(self->w));
	wait_for(asleep(c));
	goes_before_it_is_told(self, c);
}

TEST_HARNESS_MAIN
