// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of calls: every state of a call against everything that can happen to
 * it.  A test's name tells the cell: cell.STATE.EVENT.
 */
#include "test.h"
#include "race.h"

enum at { PREPARED, QUEUED, COPYING, TAKEN, ANSWERING, ANSWERED };

enum {
	FIRST_TOKEN = 1 << 20,	/* of the first call in a mailbox */
	REPLY = 7,		/* the number in every reply */
	GONE = 1		/* what a replier gets if the caller has gone */
};

/* Parties. */

static long act_call(struct party *p)
{
	char *data = malloc(LARGE), *reply = malloc(LARGE);
	long ret;

	fill(data, p->size, p->number);
	ret = k_call(p->fd, data, p->size, reply, LARGE, &p->seen, p->deadline);
	if (ret < 0)
		return -errno;
	CHECK(filled(reply, ret, REPLY));
	return REPLY;
}

static long act_serve(struct party *p)
{
	char *data = p->cold ? mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) :
			       malloc(LARGE);
	struct kipc_mailbox_recv r;
	long ret;

	if (!p->cold)
		memset(data, 0, LARGE);
	ret = k_serve(p->fd, data, LARGE, &r, p->flags, p->deadline);
	if (ret < 0)
		return -errno;
	CHECK(filled(data, ret, 1));
	p->seen = r.token;
	return ret;
}

static long reply_to(int fd, uint64_t token, size_t size, bool cold)
{
	char *data = malloc(size);
	long ret;

	fill(data, size, REPLY);
	if (cold) {
		int memory = memfd_create("reply", MFD_CLOEXEC);

		CHECK(memory >= 0 && write(memory, data, size) == (ssize_t)size);
		data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, memory, 0);
		CHECK(data != MAP_FAILED);
	}
	ret = k_reply(fd, token, data, size, 0);
	return ret < 0 ? -errno : ret;
}

static long act_reply(struct party *p)
{
	return reply_to(p->fd, p->number, p->size, p->cold);
}

static long act_collect(struct party *p)
{
	uint64_t token = p->number;
	char *reply = malloc(LARGE);
	ssize_t ret = k_collect(p->fd, &token, reply, LARGE, NULL, p->deadline);

	if (ret < 0)
		return -errno;
	CHECK(filled(reply, ret, REPLY));
	return REPLY;
}

static struct party *caller(int fd, size_t size)
{
	struct party *p = party(act_call, fd);

	p->size = size;
	p->number = 1;
	return p;
}

static struct party *server(int fd)
{
	struct party *p = party(act_serve, fd);

	p->stays = true;
	return p;
}

static struct party *replier(int fd, uint64_t token, size_t size)
{
	struct party *p = party(act_reply, fd);

	p->number = token;
	p->size = size;
	return p;
}

static struct party *collector(int fd, uint64_t token)
{
	struct party *p = party(act_collect, fd);

	p->number = token;
	return p;
}

/* What a call that goes on without its thread comes to. */
static long collect(int fd, uint64_t token)
{
	struct party p = { .fd = fd, .number = token,
			   .deadline = after(PATIENCE) };

	return act_collect(&p);
}

static void wait_served(struct party *s)
{
	wait_for(__atomic_load_n(&s->done, __ATOMIC_SEQ_CST));
}

/* Nothing is left of any call. */
static void settled(const struct handles *box)
{
	struct kipc_mailbox_stat st = stat_of(box->manage);

	CHECK(!st.letters && !st.bytes && !st.serving);
	CHECK(has_waiters(box->manage, 0, 0));
}

/* A thread has called, and waits. */

FIXTURE(cell) {
	struct handles box;
	struct party *c, *s, *r;
	uint64_t token;
};

FIXTURE_VARIANT(cell) {
	enum at at;
};

FIXTURE_VARIANT_ADD(cell, prepared) { PREPARED };
FIXTURE_VARIANT_ADD(cell, queued) { QUEUED };
FIXTURE_VARIANT_ADD(cell, copying) { COPYING };
FIXTURE_VARIANT_ADD(cell, taken) { TAKEN };
FIXTURE_VARIANT_ADD(cell, answering) { ANSWERING };
FIXTURE_VARIANT_ADD(cell, answered) { ANSWERED };

FIXTURE_SETUP(cell)
{
	NEED_DELAY_POINTS();
	self->box = race_box(4, 4 * LARGE, LARGE, 0);
	self->c = caller(self->box.out, variant->at == COPYING ? LARGE : SMALL);
	self->s = server(self->box.in);
}

FIXTURE_TEARDOWN(cell)
{
	race_end();
}

static void bring_call(FIXTURE_DATA(cell) *self, enum at at)
{
	struct handles *box = &self->box;

	self->token = FIRST_TOKEN;
	if (at == PREPARED) {
		hold(self->c, "call_prepared");
		return;
	}
	if (at == COPYING) {
		go(self->c);
		wait_for(stat_of(box->manage).letters == 1);
		wait_for(asleep(self->c));
		hold(self->s, "receive_copying");
		return;
	}
	hold(self->c, "before_sleep");
	if (at == QUEUED)
		return;
	go(self->s);
	wait_served(self->s);
	self->token = self->s->seen;
	self->r = replier(box->in, self->token, at == ANSWERING ? LARGE : SMALL);
	if (at == ANSWERING) {
		hold(self->r, "reply_copying");
	} else if (at == ANSWERED) {
		release("before_sleep");
		wait_for(asleep(self->c));
		arm("after_sleep", self->c);
		CHECK(!reply_to(box->in, self->token, SMALL, false));
		wait_held("after_sleep", self->c);
	}
}

/* Where the caller is held, it goes on. */
static void let_caller_go(enum at at)
{
	if (at == PREPARED)
		release("call_prepared");
	else if (at == ANSWERED)
		release("after_sleep");
	else if (at != COPYING)
		release("before_sleep");
}

/* Whatever else is held. */
static void let_others_go(enum at at)
{
	if (at == COPYING)
		release("receive_copying");
	else if (at == ANSWERING)
		release("reply_copying");
}

/* From wherever it is to its good end; what the caller gets is REPLY. */
static void finish(FIXTURE_DATA(cell) *self, enum at at)
{
	let_caller_go(at);
	let_others_go(at);
	if (at <= QUEUED)
		go(self->s);
	if (at <= COPYING) {
		wait_served(self->s);
		CHECK(self->s->seen == self->token);
	}
	if (at <= TAKEN)
		CHECK(!reply_to(self->box.in, self->token, SMALL, false));
	if (at == ANSWERING)
		CHECK(!outcome(self->r));
	CHECK(outcome(self->c) == REPLY);
	dismiss(self->s);
	settled(&self->box);
}

TEST_F(cell, nothing_happens)
{
	bring_call(self, variant->at);
	finish(self, variant->at);
}

TEST_F(cell, token_is_guessed)
{
	bring_call(self, variant->at);
	EXPECT_EQ(-ENOENT, reply_to(self->box.in, 0, SMALL, false));
	EXPECT_EQ(-ENOENT, reply_to(self->box.in, self->token + FIRST_TOKEN,
				    SMALL, false));
	/* Even the right one, but when it waits for a reply. */
	if (variant->at != TAKEN)
		EXPECT_EQ(-ENOENT, reply_to(self->box.in, self->token, SMALL, false));
	finish(self, variant->at);
}

/* Nor can it be collected or cancelled by whoever has not made it, or has not it. */
TEST_F(cell, token_is_claimed)
{
	uint64_t token;
	int other;

	bring_call(self, variant->at);
	other = k_narrow(self->box.out, SEND, 0);
	token = self->token;
	EXPECT_ERR(ENOENT, k_collect(other, &token, NULL, 0, NULL, 0));
	EXPECT_ERR(ENOENT, k_cancel(other, token));
	EXPECT_ERR(variant->at == PREPARED ? ENOENT : EBUSY,
		   k_collect(self->box.out, &token, NULL, 0, NULL, 0));
	EXPECT_ERR(variant->at == PREPARED ? ENOENT : EBUSY,
		   k_cancel(self->box.out, token));
	close(other);
	finish(self, variant->at);
}

TEST_F(cell, replies_twice)
{
	bring_call(self, variant->at);
	if (variant->at == TAKEN)
		EXPECT_EQ(0, reply_to(self->box.in, self->token, SMALL, false));
	EXPECT_EQ(-ENOENT, reply_to(self->box.in, self->token, SMALL, false));
	if (variant->at != TAKEN) {
		finish(self, variant->at);
	} else {
		release("before_sleep");
		EXPECT_EQ(REPLY, outcome(self->c));
		dismiss(self->s);
	}
	EXPECT_EQ(-ENOENT, reply_to(self->box.in, self->token, SMALL, false));
}

/* Its handle lives on here: only the death of the process tells. */
TEST_F(cell, server_is_killed)
{
	enum at at = variant->at;

	bring_call(self, at);
	if (at <= QUEUED) {
		/* Nobody has it: the next one may. */
		EXPECT_EQ(KILLED, killed(self->s));
		self->s = server(self->box.in);
		finish(self, at);
		return;
	}
	kill(self->s->pid, SIGKILL);
	let_others_go(at);
	if (at == ANSWERING)
		EXPECT_EQ(0, outcome(self->r));
	if (at == TAKEN)
		wait_for(!stat_of(self->box.manage).serving);
	let_caller_go(at);
	EXPECT_EQ(at < ANSWERING ? -EPIPE : REPLY, outcome(self->c));
	EXPECT_EQ(-ENOENT, reply_to(self->box.in, self->token, SMALL, false));
	settled(&self->box);
}

/* The handle that it was taken by goes with it. */
TEST_F(cell, server_closes)
{
	int other = k_narrow(self->box.in, RECEIVE, 0);
	enum at at = variant->at;

	/* Another one, whose handle is its own. */
	EXPECT_EQ(KILLED, killed(self->s));
	self->s = server(other);
	close(other);
	bring_call(self, at);
	if (at <= QUEUED) {
		EXPECT_EQ(KILLED, killed(self->s));
		self->s = server(self->box.in);
		finish(self, at);
		return;
	}
	kill(self->s->pid, SIGKILL);
	let_others_go(at);
	if (at == ANSWERING)
		EXPECT_EQ(0, outcome(self->r));
	let_caller_go(at);
	EXPECT_EQ(at < ANSWERING ? -EPIPE : REPLY, outcome(self->c));
	settled(&self->box);
}

TEST_F(cell, caller_is_killed)
{
	enum at at = variant->at;

	bring_call(self, at);
	kill(self->c->pid, SIGKILL);
	let_caller_go(at);
	EXPECT_EQ(KILLED, outcome(self->c));
	if (at <= QUEUED)
		EXPECT_EQ(0, stat_of(self->box.manage).letters);
	let_others_go(at);
	if (at == COPYING)
		wait_served(self->s);
	if (at == COPYING || at == TAKEN)
		EXPECT_EQ(GONE, reply_to(self->box.in, self->token, SMALL, false));
	if (at == ANSWERING)
		EXPECT_EQ(GONE, outcome(self->r));
	EXPECT_EQ(-ENOENT, reply_to(self->box.in, self->token, SMALL, false));
	settled(&self->box);
}

TEST_F(cell, deadline_passes)
{
	enum at at = variant->at;

	self->c->deadline = after(SECOND);
	bring_call(self, at);
	wait_for(now_ns() > self->c->deadline);
	let_caller_go(at);
	if (at == ANSWERED) {
		EXPECT_EQ(REPLY, outcome(self->c));
	} else {
		EXPECT_EQ(-ETIMEDOUT, outcome(self->c));
	}
	if (at <= QUEUED)
		EXPECT_EQ(0, stat_of(self->box.manage).letters);
	let_others_go(at);
	if (at == COPYING)
		wait_served(self->s);
	if (at == COPYING || at == TAKEN)
		EXPECT_EQ(GONE, reply_to(self->box.in, self->token, SMALL, false));
	if (at == ANSWERING)
		EXPECT_EQ(GONE, outcome(self->r));
	settled(&self->box);
}

TEST_F(cell, caller_is_signalled)
{
	enum at at = variant->at;

	bring_call(self, at);
	interrupt(self->c);
	let_caller_go(at);
	if (at == ANSWERED) {
		EXPECT_EQ(REPLY, outcome(self->c));
		settled(&self->box);
		return;
	}
	EXPECT_EQ(-EINTR, outcome(self->c));
	if (at <= QUEUED) {
		/* Nothing has happened. */
		EXPECT_EQ(0, self->c->seen);
		settled(&self->box);
		return;
	}
	/* It goes on, and can be collected by who shares the handle. */
	EXPECT_EQ(self->token, self->c->seen);
	let_others_go(at);
	if (at == COPYING)
		wait_served(self->s);
	if (at != ANSWERING) {
		EXPECT_EQ(0, reply_to(self->box.in, self->token, SMALL, false));
	} else {
		EXPECT_EQ(0, outcome(self->r));
	}
	EXPECT_EQ(REPLY, collect(self->box.out, self->token));
	settled(&self->box);
}

TEST_F(cell, removed)
{
	enum at at = variant->at;

	bring_call(self, at);
	EXPECT_OK(k_remove(self->box.manage));
	let_others_go(at);
	if (at == ANSWERING)
		EXPECT_EQ(0, outcome(self->r));
	if (at == COPYING)
		wait_served(self->s);
	let_caller_go(at);
	EXPECT_EQ(at < ANSWERING ? -EIDRM : REPLY, outcome(self->c));
	EXPECT_EQ(-EIDRM, reply_to(self->box.in, self->token, SMALL, false));
	settled(&self->box);
}

/* Removed, and its server killed, while the caller does not know either. */
TEST_F(cell, all_go)
{
	enum at at = variant->at;

	bring_call(self, at);
	kill(self->s->pid, SIGKILL);
	kill(self->c->pid, SIGKILL);
	if (self->r)
		kill(self->r->pid, SIGKILL);
	let_others_go(at);
	let_caller_go(at);
	EXPECT_EQ(KILLED, outcome(self->c));
	wait_for(!stat_of(self->box.manage).serving);
	settled(&self->box);
}

/* Nobody waits: the call was submitted. */

FIXTURE(submitted) {
	struct handles box;
	struct party *s, *r;
	uint64_t token;
	int out;
};

FIXTURE_VARIANT(submitted) {
	enum at at;
};

FIXTURE_VARIANT_ADD(submitted, queued) { QUEUED };
FIXTURE_VARIANT_ADD(submitted, copying) { COPYING };
FIXTURE_VARIANT_ADD(submitted, taken) { TAKEN };
FIXTURE_VARIANT_ADD(submitted, answering) { ANSWERING };
FIXTURE_VARIANT_ADD(submitted, answered) { ANSWERED };

FIXTURE_SETUP(submitted)
{
	char data[LARGE];
	enum at at = variant->at;

	NEED_DELAY_POINTS();
	self->box = race_box(4, 4 * LARGE, LARGE, 0);
	self->s = server(self->box.in);
	self->r = replier(self->box.in, FIRST_TOKEN, at == ANSWERING ? LARGE : SMALL);
	self->out = k_narrow(self->box.out, SEND, 0);
	fill(data, LARGE, 1);
	CHECK(!k_submit(self->out, data, at == COPYING ? LARGE : SMALL, LARGE,
			&self->token, 0));
	CHECK(self->token == FIRST_TOKEN);
	if (at == COPYING)
		hold(self->s, "receive_copying");
	if (at > COPYING) {
		go(self->s);
		wait_served(self->s);
	}
	if (at == ANSWERING)
		hold(self->r, "reply_copying");
	if (at == ANSWERED) {
		go(self->r);
		CHECK(!outcome(self->r));
	}
}

FIXTURE_TEARDOWN(submitted)
{
	race_end();
}

/* The caller has gone; what the others find then. */
static void without_caller(FIXTURE_DATA(submitted) *self, enum at at)
{
	if (at == QUEUED)
		CHECK(!stat_of(self->box.manage).letters);
	let_others_go(at);
	if (at == COPYING)
		wait_served(self->s);
	if (at == COPYING || at == TAKEN)
		CHECK(reply_to(self->box.in, self->token, SMALL, false) == GONE);
	if (at == ANSWERING)
		CHECK(outcome(self->r) == GONE);
	CHECK(reply_to(self->box.in, self->token, SMALL, false) == -ENOENT);
	settled(&self->box);
}

TEST_F(submitted, caller_cancels)
{
	EXPECT_OK(k_cancel(self->out, self->token));
	EXPECT_EQ(-ENOENT, collect(self->out, self->token));
	without_caller(self, variant->at);
}

TEST_F(submitted, caller_closes)
{
	close(self->out);
	without_caller(self, variant->at);
}

/* A thread of it collects, and is killed: the reply is for those who are left. */
TEST_F(submitted, collector_is_killed)
{
	struct party *c = collector(self->out, self->token);
	enum at at = variant->at;

	go(c);
	if (at == ANSWERED) {
		EXPECT_EQ(REPLY, outcome(c));
		return;
	}
	wait_for(asleep(c));
	EXPECT_EQ(KILLED, killed(c));
	let_others_go(at);
	if (at == QUEUED)
		go(self->s);
	if (at <= COPYING)
		wait_served(self->s);
	if (at != ANSWERING) {
		EXPECT_EQ(0, reply_to(self->box.in, self->token, SMALL, false));
	} else {
		EXPECT_EQ(0, outcome(self->r));
	}
	EXPECT_EQ(REPLY, collect(self->out, self->token));
	settled(&self->box);
}

TEST_F(submitted, removed)
{
	EXPECT_OK(k_remove(self->box.manage));
	let_others_go(variant->at);
	if (variant->at == COPYING)
		wait_served(self->s);
	if (variant->at == ANSWERING)
		EXPECT_EQ(0, outcome(self->r));
	EXPECT_EQ(variant->at < ANSWERING ? -EIDRM : REPLY,
		  collect(self->out, self->token));
	settled(&self->box);
}

/* Claimed, not copied yet: nobody else may have it; but if it is not taken, it is there. */

FIXTURE(claimed) {
	struct handles box;
	struct party *c;
	uint64_t token;
};

FIXTURE_SETUP(claimed)
{
	uint64_t number = 1;

	NEED_DELAY_POINTS();
	self->box = race_box(4, 4 * LARGE, LARGE, 0);
	CHECK(!k_submit(self->box.out, &number, 0, LARGE, &self->token, 0));
	CHECK(!k_serve(self->box.in, &number, 8, NULL, 0, 0));
	CHECK(!reply_to(self->box.in, self->token, SMALL, false));
	self->c = collector(self->box.out, self->token);
	hold(self->c, "collect_claimed");
}

FIXTURE_TEARDOWN(claimed)
{
	race_end();
}

TEST_F(claimed, by_one)
{
	uint64_t token = self->token;

	EXPECT_EQ(0, poll_mask(self->box.out, POLLPRI));
	EXPECT_ERR(EBUSY, k_collect(self->box.out, &token, NULL, 0, NULL, 0));
	EXPECT_ERR(EBUSY, k_cancel(self->box.out, token));
	token = 0;
	EXPECT_ERR(EAGAIN, k_collect(self->box.out, &token, NULL, 0, NULL, 0));
	release("collect_claimed");
	EXPECT_EQ(REPLY, outcome(self->c));
	settled(&self->box);
}

TEST_F(claimed, and_killed)
{
	struct party *next = collector(self->box.out, 0);

	go(next);
	wait_for(asleep(next));
	kill(self->c->pid, SIGKILL);
	release("collect_claimed");
	EXPECT_EQ(KILLED, outcome(self->c));
	EXPECT_EQ(REPLY, outcome(next));
	settled(&self->box);
}

TEST_F(claimed, and_removed)
{
	EXPECT_OK(k_remove(self->box.manage));
	release("collect_claimed");
	EXPECT_EQ(REPLY, outcome(self->c));
	settled(&self->box);
}

/* Pages that are missing. */

FIXTURE(cold) {
	struct handles box;
};

FIXTURE_SETUP(cold)
{
	NEED_DELAY_POINTS();
	self->box = race_box(4, 4 * LARGE, LARGE, 0);
}

FIXTURE_TEARDOWN(cold)
{
	race_end();
}

static uint64_t taken(struct handles *box)
{
	uint64_t token, number;

	CHECK(!k_submit(box->out, NULL, 0, LARGE, &token, 0));
	CHECK(!k_serve(box->in, &number, 8, NULL, 0, 0));
	return token;
}

/* A reply whose page is missing: another may come first, or the server go. */
TEST_F(cold, reply)
{
	static const size_t sizes[] = { SMALL, LARGE };
	struct party *r;
	uint64_t token;
	int i;

	for (i = 0; i < 2; i++) {
		token = taken(&self->box);
		r = replier(self->box.in, token, sizes[i]);
		r->cold = true;
		hold(r, "reply_fault");
		release("reply_fault");
		EXPECT_EQ(0, outcome(r));
		EXPECT_EQ(REPLY, collect(self->box.out, token));

		token = taken(&self->box);
		r = replier(self->box.in, token, sizes[i]);
		r->cold = true;
		hold(r, "reply_fault");
		EXPECT_EQ(0, reply_to(self->box.in, token, SMALL, false));
		release("reply_fault");
		EXPECT_EQ(-ENOENT, outcome(r));
		EXPECT_EQ(REPLY, collect(self->box.out, token));

		token = taken(&self->box);
		r = replier(self->box.in, token, sizes[i]);
		r->cold = true;
		hold(r, "reply_fault");
		interrupt(r);
		release("reply_fault");
		EXPECT_EQ(-EINTR, outcome(r));
		EXPECT_EQ(0, reply_to(self->box.in, token, SMALL, false));
		EXPECT_EQ(REPLY, collect(self->box.out, token));

		token = taken(&self->box);
		r = replier(self->box.in, token, sizes[i]);
		r->cold = true;
		hold(r, "reply_fault");
		EXPECT_OK(k_cancel(self->box.out, token));
		release("reply_fault");
		EXPECT_EQ(GONE, outcome(r));
	}
	settled(&self->box);
}

/* The server goes while a large reply is copied, whose page is missing. */
TEST_F(cold, reply_without_a_server)
{
	struct party *s = server(self->box.in), *r;
	uint64_t token;

	CHECK(!k_submit(self->box.out, NULL, 0, LARGE, &token, 0));
	go(s);
	wait_served(s);
	r = replier(self->box.in, token, LARGE);
	r->cold = true;
	hold(r, "reply_copying");
	EXPECT_EQ(KILLED, killed(s));
	usleep(100000);
	release("reply_copying");
	EXPECT_EQ(-EPIPE, outcome(r));
	EXPECT_EQ(-EPIPE, collect(self->box.out, token));
	settled(&self->box);
}

/* A large request that goes back to its place; or not, if its caller has gone. */
TEST_F(cold, request)
{
	struct party *s = server(self->box.in);
	char data[LARGE];
	uint64_t token;

	s->cold = true;
	fill(data, LARGE, 1);
	CHECK(!k_submit(self->box.out, data, LARGE, 8, &token, 0));
	hold(s, "receive_copying");
	arm("receive_fault", s);
	release("receive_copying");
	wait_held("receive_fault", s);
	EXPECT_EQ(1, stat_of(self->box.manage).letters);
	EXPECT_EQ(-ENOENT, reply_to(self->box.in, token, 8, false));
	release("receive_fault");
	wait_served(s);
	EXPECT_EQ(token, s->seen);
	EXPECT_EQ(0, reply_to(self->box.in, token, 8, false));
	EXPECT_EQ(REPLY, collect(self->box.out, token));
	dismiss(s);

	s = server(self->box.in);
	s->cold = true;
	CHECK(!k_submit(self->box.out, data, LARGE, 8, &token, 0));
	hold(s, "receive_copying");
	EXPECT_OK(k_cancel(self->box.out, token));
	arm("receive_fault", s);
	release("receive_copying");
	wait_held("receive_fault", s);
	EXPECT_EQ(0, stat_of(self->box.manage).letters);
	release("receive_fault");
	wait_waiters(self->box.manage, 0, 1, s->pid);
	EXPECT_EQ(KILLED, killed(s));
	settled(&self->box);
}

TEST_HARNESS_MAIN
