// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of calls that nobody waits for: they are cancelled, collected, or lose
 * their handle, in each state; and of those who look for a call and meet another.
 */
#include "test.h"
#include "race_service.h"

enum at { BEGUN, LINED, HELD, FETCHED, TAKEN, ANSWERED };

FIXTURE(submitted) {
	int fd, client;
	struct hall *h;
	struct worker *w, *other;
	struct party *c;
};

FIXTURE_VARIANT(submitted) {
	enum at at;
};

FIXTURE_VARIANT_ADD(submitted, begun) { BEGUN };
FIXTURE_VARIANT_ADD(submitted, lined) { LINED };
FIXTURE_VARIANT_ADD(submitted, held) { HELD };
FIXTURE_VARIANT_ADD(submitted, fetched) { FETCHED };
FIXTURE_VARIANT_ADD(submitted, taken) { TAKEN };
FIXTURE_VARIANT_ADD(submitted, answered) { ANSWERED };

static void let_go(enum at at)
{
	if (at == BEGUN)
		release("call_begun");
	else if (at == HELD)
		release("worker_has");
	else if (at == FETCHED)
		release("worker_has");
}

FIXTURE_SETUP(submitted)
{
	enum at at = variant->at;

	NEED_DELAY_POINTS();
	self->fd = race_service(0);
	self->h = hall(self->fd, 2);
	self->w = &self->h->worker[0];
	self->other = &self->h->worker[1];
	self->client = connected(self->fd);
	self->c = submitter(self->client, 0);
	if (at == BEGUN) {
		hold(self->c, "call_begun");
		return;
	}
	CHECK(!at_once(self->c));
	CHECK(self->c->seen == PLACE_TOKEN);
	if (at == HELD)
		hold_worker(self->w, "worker_has");
	if (at == FETCHED)
		hold_worker(self->w, "worker_has");
	if (at >= TAKEN)
		CHECK(serve_one(self->w) == NUMBER);
	if (at == ANSWERED)
		CHECK(!do_now(self->w, act_reply));
}

FIXTURE_TEARDOWN(submitted)
{
	race_end();
}

static long cancel(int fd, uint64_t token)
{
	return at_once(with_token(act_cancel, fd, token));
}

/* Nobody wants it any more, and it is not made if it was not. */
static void unwanted(FIXTURE_DATA(submitted) *self, enum at at)
{
	let_go(at);
	if (at == BEGUN)
		CHECK(!outcome(self->c));
	if (at == HELD || at == FETCHED) {
		wait_idle(self->fd, 1);
		interrupt_worker(self->w);
		CHECK(done(self->w) == -EINTR);
	}
	if (at == TAKEN)
		CHECK(do_now(self->w, act_reply) == NOT_WANTED);
	CHECK(nothing_to_serve(self->w) == -EAGAIN);
	settled(self->fd, at >= TAKEN, 0);
}

TEST_F(submitted, cancelled)
{
	enum at at = variant->at;

	EXPECT_EQ(0, cancel(self->client, PLACE_TOKEN));
	EXPECT_EQ(-ENOENT, cancel(self->client, PLACE_TOKEN));
	EXPECT_EQ(-ENOENT, collect_now(self->client, PLACE_TOKEN));
	if (at == TAKEN)
		EXPECT_EQ(-EBUSY, poke(self->client, 0));
	unwanted(self, at);
	EXPECT_EQ(REPLY, another_call(self->client, 0, self->w));
}

TEST_F(submitted, handle_is_closed)
{
	enum at at = variant->at;

	CHECK(!close(self->client));
	if (at == BEGUN) {
		/* Its own thread has the handle, and is killed with it. */
		CHECK(!kill(self->c->pid, SIGKILL));
		release("call_begun");
		EXPECT_EQ(KILLED, outcome(self->c));
		at = LINED;
	}
	unwanted(self, at);
	wait_for(!service_stat(self->fd).bindings);
}

/* Who waits for it has it, whatever comes between. */
static void collected(FIXTURE_DATA(submitted) *self, enum at at, struct party *collector)
{
	let_go(at);
	if (at == BEGUN)
		CHECK(!outcome(self->c));
	if (at < HELD)
		CHECK(serve_one(self->w) == NUMBER);
	if (at == HELD || at == FETCHED)
		CHECK(!done(self->w));
	if (at != ANSWERED)
		CHECK(!do_now(self->w, act_reply));
	CHECK(outcome(collector) == REPLY);
	settled(self->fd, 1, 0);
	CHECK(another_call(self->client, 0, self->w) == REPLY);
}

static struct party *waiting_collector(FIXTURE_DATA(submitted) *self, enum at at,
				       uint64_t token)
{
	struct party *p = with_token(act_collect, self->client, token);

	go(p);
	if (at != ANSWERED)
		wait_for(asleep(p));
	return p;
}

TEST_F(submitted, collected)
{
	struct party *p = waiting_collector(self, variant->at, PLACE_TOKEN);

	if (variant->at != ANSWERED) {
		EXPECT_EQ(-EBUSY, cancel(self->client, PLACE_TOKEN));
		EXPECT_EQ(-EBUSY, collect_now(self->client, PLACE_TOKEN));
	}
	collected(self, variant->at, p);
}

TEST_F(submitted, collected_as_any)
{
	collected(self, variant->at, waiting_collector(self, variant->at, 0));
}

/* Who waits for any is told when there is none any more. */
TEST_F(submitted, cancelled_before_who_waits_for_any)
{
	struct party *p;

	if (variant->at == ANSWERED)
		return;
	p = waiting_collector(self, variant->at, 0);
	EXPECT_EQ(0, cancel(self->client, PLACE_TOKEN));
	EXPECT_EQ(-ENOENT, outcome(p));
	unwanted(self, variant->at);
}

TEST_F(submitted, collector_goes)
{
	static const struct state *const how[] = { &drowsy_late, &drowsy_signalled };
	struct party *p;
	unsigned int i;

	if (variant->at == ANSWERED)
		return;
	for (i = 0; i < 2; i++) {
		p = with_token(act_collect, self->client, PLACE_TOKEN);
		bring(p, how[i], NULL, NULL);
		release(how[i]->point);
		EXPECT_EQ(i ? -EINTR : -ETIMEDOUT, outcome(p));
	}
	p = waiting_collector(self, variant->at, PLACE_TOKEN);
	EXPECT_EQ(KILLED, killed(p));
	collected(self, variant->at,
		  waiting_collector(self, variant->at, PLACE_TOKEN));
}

/* The end of the service, and somebody waits for the reply. */
static void ends(FIXTURE_DATA(submitted) *self, enum at at, struct party *p, int error)
{
	let_go(at);
	if (at == BEGUN)
		CHECK(!outcome(self->c));
	CHECK(outcome(p) == (at == ANSWERED ? REPLY : error));
	settled(self->fd, 1, at != ANSWERED);
	CHECK(collect_now(self->client, 0) == -ENOENT);
}

TEST_F(submitted, service_stops)
{
	struct party *p = waiting_collector(self, variant->at, PLACE_TOKEN);

	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	if (variant->at == TAKEN) {
		EXPECT_EQ(0, do_now(self->w, act_reply));
		EXPECT_EQ(REPLY, outcome(p));
		settled(self->fd, 1, 0);
		return;
	}
	ends(self, variant->at, p, -EPIPE);
}

TEST_F(submitted, server_unmaps)
{
	struct party *p = waiting_collector(self, variant->at, PLACE_TOKEN);

	ASSERT_EQ(0, do_now(self->other, act_unmap));
	ends(self, variant->at, p, -EPIPE);
}

TEST_F(submitted, removed_and_collected_later)
{
	long want = variant->at == ANSWERED ? REPLY : -EIDRM;

	ASSERT_OK(k_remove(self->fd));
	if (variant->at == HELD)
		EXPECT_EQ(want, collect_now(self->client, PLACE_TOKEN));
	let_go(variant->at);
	if (variant->at == BEGUN)
		EXPECT_EQ(0, outcome(self->c));
	if (variant->at == HELD || variant->at == FETCHED)
		EXPECT_EQ(-EIDRM, done(self->w));
	if (variant->at != HELD)
		EXPECT_EQ(want, collect_now(self->client, PLACE_TOKEN));
	EXPECT_EQ(-ENOENT, collect_now(self->client, PLACE_TOKEN));
	settled(self->fd, 1, variant->at != ANSWERED);
}

/* What is looked for in the line is not there any more, or it is another. */

FIXTURE(meeting) {
	int fd, client;
	struct hall *h;
	struct worker *w, *other;
};

FIXTURE_SETUP(meeting)
{
	NEED_DELAY_POINTS();
	self->fd = race_service(0);
	self->h = hall(self->fd, 2);
	self->w = &self->h->worker[0];
	self->other = &self->h->worker[1];
	self->client = connected(self->fd);
}

FIXTURE_TEARDOWN(meeting)
{
	race_end();
}

static void submit(FIXTURE_DATA(meeting) *self, unsigned int stack)
{
	CHECK(!at_once(submitter(self->client, stack)));
}

/* A worker that has found the line empty, and a caller that has found nobody idle. */
TEST_F(meeting, worker_joins_late)
{
	struct party *c = caller(self->client, 0);

	hold_worker(self->w, "worker_joining");
	go(c);
	wait_for(service_stat(self->fd).waiting == 1);
	wait_for(asleep(c));
	release("worker_joining");
	EXPECT_EQ(0, done(self->w));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(c));
}

TEST_F(meeting, caller_lines_up_late)
{
	struct party *c = caller(self->client, 0);

	hold(c, "call_alone");
	work(self->w, act_serve);
	wait_idle(self->fd, 1);
	wait_for(asleep(&self->w->at));
	release("call_alone");
	EXPECT_EQ(0, done(self->w));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(c));
}

/* It was taken out of the line to be cancelled, and somebody waits for it. */
TEST_F(meeting, cancel_and_collect)
{
	struct party *canceller = with_token(act_cancel, self->client, PLACE_TOKEN);
	struct party *collector = with_token(act_collect, self->client, PLACE_TOKEN);

	submit(self, 0);
	hold(canceller, "call_leaving");
	EXPECT_EQ(0, service_stat(self->fd).waiting);
	go(collector);
	wait_for(asleep(collector));
	release("call_leaving");
	EXPECT_EQ(-EBUSY, outcome(canceller));
	EXPECT_EQ(NUMBER, serve_one(self->w));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(collector));
	settled(self->fd, 1, 0);
}

TEST_F(meeting, cancel_and_cancel)
{
	struct party *canceller = with_token(act_cancel, self->client, PLACE_TOKEN);

	submit(self, 0);
	hold(canceller, "call_leaving");
	EXPECT_EQ(0, cancel(self->client, PLACE_TOKEN));
	/* The next one is none of the first canceller's business. */
	submit(self, 0);
	release("call_leaving");
	EXPECT_EQ(-ENOENT, outcome(canceller));
	EXPECT_EQ(NUMBER, serve_one(self->w));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, collect_now(self->client, 0));
	settled(self->fd, 1, 0);
}

/* The call that was to be cancelled is over; its A-stack has another in the line. */
TEST_F(meeting, cancel_and_the_next_call)
{
	struct party *canceller = with_token(act_cancel, self->client, PLACE_TOKEN);
	struct party *next = caller(self->client, 0);

	submit(self, 0);
	hold(canceller, "call_found");
	EXPECT_EQ(NUMBER, serve_one(self->w));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, collect_now(self->client, 0));
	go(next);
	wait_for(service_stat(self->fd).waiting == 1);
	release("call_found");
	EXPECT_EQ(-ENOENT, outcome(canceller));
	EXPECT_EQ(NUMBER, serve_one(self->w));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(next));
	settled(self->fd, 2, 0);
}

/* A worker that was joining is idle, and has not looked at the line yet. */
static void becomes_idle(struct worker *w)
{
	arm("worker_idle", &w->at);
	release("worker_joining");
	wait_held("worker_idle", &w->at);
}

/* Who has put a call into the line takes one out for an idle worker: not his any more. */
static struct party *pops_the_next(FIXTURE_DATA(meeting) *self,
				   struct party *submitter)
{
	struct party *next = caller(self->client, 0);

	hold_worker(self->w, "worker_joining");
	hold(submitter, "call_queued");
	CHECK(serve_one(self->other) == NUMBER);
	CHECK(!do_now(self->other, act_reply));
	CHECK(collect_now(self->client, 0) == REPLY);
	go(next);
	wait_for(service_stat(self->fd).waiting == 1);
	becomes_idle(self->w);
	arm("call_popped", submitter);
	release("call_queued");
	wait_held("call_popped", submitter);
	CHECK(!service_stat(self->fd).waiting);
	return next;
}

TEST_F(meeting, its_own_link_with_the_next_call)
{
	struct party *submitter_ = submitter(self->client, 0);
	struct party *next = pops_the_next(self, submitter_);

	release("call_popped");
	EXPECT_EQ(0, outcome(submitter_));
	release("worker_idle");
	EXPECT_EQ(0, done(self->w));
	EXPECT_EQ(next->pid, self->w->call.tid);
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(next));
	settled(self->fd, 2, 0);
}

TEST_F(meeting, its_own_link_with_the_next_call_and_the_end)
{
	struct party *submitter_ = submitter(self->client, 0);
	struct party *next = pops_the_next(self, submitter_);

	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	release("call_popped");
	EXPECT_EQ(0, outcome(submitter_));
	EXPECT_EQ(-EPIPE, outcome(next));
	release("worker_idle");
	EXPECT_EQ(-ESHUTDOWN, done(self->w));
	settled(self->fd, 2, 1);
}

/* Another's passes through the hand of who looked for a worker, and is withdrawn there. */
TEST_F(meeting, anothers_call_is_withdrawn_on_its_way)
{
	struct party *a = submitter(self->client, 0);
	struct party *b = submitter(self->client, 1);

	hold_worker(self->w, "worker_joining");
	CHECK(!at_once(b));
	hold(a, "call_queued");
	becomes_idle(self->w);
	arm("call_popped", a);
	release("call_queued");
	wait_held("call_popped", a);
	EXPECT_EQ(1, service_stat(self->fd).waiting);
	EXPECT_EQ(0, cancel(self->client, b->seen));
	release("call_popped");
	EXPECT_EQ(0, outcome(a));
	release("worker_idle");
	EXPECT_EQ(0, done(self->w));
	EXPECT_EQ(NUMBER, self->w->call.args[0]);
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, collect_now(self->client, 0));
	settled(self->fd, 1, 0);
}

/* The same, and the A-stack has its next call, which is in another hand. */
TEST_F(meeting, anothers_call_is_withdrawn_and_the_next_begins)
{
	struct party *a = submitter(self->client, 0);
	struct party *b = submitter(self->client, 1);
	struct party *next = submitter(self->client, 1);

	hold_worker(self->w, "worker_joining");
	CHECK(!at_once(b));
	hold(a, "call_queued");
	becomes_idle(self->w);
	arm("call_popped", a);
	release("call_queued");
	wait_held("call_popped", a);
	EXPECT_EQ(0, cancel(self->client, b->seen));
	hold(next, "call_begun");
	/* Nobody is idle, when both come to the line with it. */
	release("worker_idle");
	EXPECT_EQ(0, done(self->w));
	EXPECT_EQ(NUMBER, self->w->call.args[0]);
	release("call_popped");
	EXPECT_EQ(0, outcome(a));
	release("call_begun");
	EXPECT_EQ(0, outcome(next));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(NUMBER + 1, serve_one(self->w));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(-EAGAIN, nothing_to_serve(self->w));
	EXPECT_EQ(REPLY, collect_now(self->client, 0));
	EXPECT_EQ(REPLY, collect_now(self->client, 0));
	settled(self->fd, 2, 0);
}

TEST_HARNESS_MAIN
