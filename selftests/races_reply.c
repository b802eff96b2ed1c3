// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of calls: of those that were submitted, of their replies, and of
 * pages that are missing.
 */
#include "test.h"
#include "race_call.h"

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
	/* Its death is noticed a little later, and there is nothing to tell when. */
	sleep(2);
	release("reply_copying");
	EXPECT_EQ(-EPIPE, outcome(r));
	EXPECT_EQ(-EPIPE, collect(self->box.out, token));
	settled(&self->box);
}

/* Who submits is late, but a server is just taking the request: the call goes on. */
static long act_submit(struct party *p)
{
	char *data = malloc(LARGE);

	fill(data, LARGE, 1);
	return k_submit(p->fd, data, LARGE, LARGE, &p->seen, p->deadline) ? -errno : 0;
}

TEST_F(cold, late_submission)
{
	struct handles meet = race_box(0, 0, LARGE, 0);
	struct party *c = party(act_submit, meet.out), *s = server(meet.in);

	c->stays = true;
	c->deadline = after(3 * SECOND);
	go(c);
	wait_for(stat_of(meet.manage).letters == 1);
	wait_for(asleep(c));
	hold(s, "receive_copying");
	wait_for(now_ns() > c->deadline);
	EXPECT_EQ(0, outcome(c));
	release("receive_copying");
	wait_served(s);
	EXPECT_EQ(0, reply_to(meet.in, c->seen, SMALL, false));
	EXPECT_EQ(REPLY, collect(meet.out, c->seen));
	dismiss(c);
	dismiss(s);
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
