// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of calls: every state of a call against everything that can happen to
 * it.  A test's name tells the cell: cell.STATE.EVENT.
 */
#include "test.h"
#include "race_call.h"

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

TEST_HARNESS_MAIN
