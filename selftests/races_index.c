// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of who is the first to select in some way: the messages that are there
 * are brought into an index, some at a time, and it is held between two turns, while
 * messages come and go.
 */
#include "test.h"
#include "race_queue.h"

/*
 * One more than in one turn, so that the next turn has only the last one, which is of
 * the highest priority.
 */
enum { TURN = 16, MANY = TURN + 1, WANTED = 9, OTHER = 1 };

/* A receiver of type WANTED, of which there is none, is held after the first turn. */
FIXTURE(index) {
	struct handles box;
	struct party *r;
};

FIXTURE_VARIANT(index) {
	struct kipc_selector selector;	/* what it wants of type WANTED */
	bool waits;			/* else it is EAGAIN, if there is none */
};

FIXTURE_VARIANT_ADD(index, type) { { KIPC_SELECT_TYPE, 0, WANTED, 0 }, false };
FIXTURE_VARIANT_ADD(index, type_waiting) {
	{ KIPC_SELECT_TYPE, 0, WANTED, 0 }, true };
FIXTURE_VARIANT_ADD(index, range) {
	{ KIPC_SELECT_RANGE, 0, 5, WANTED }, false };
FIXTURE_VARIANT_ADD(index, range_waiting) {
	{ KIPC_SELECT_RANGE, 0, 5, WANTED }, true };
FIXTURE_VARIANT_ADD(index, all_but_one) {
	{ KIPC_SELECT_EXCEPT, 0, OTHER, 0 }, false };
FIXTURE_VARIANT_ADD(index, all_but_one_waiting) {
	{ KIPC_SELECT_EXCEPT, 0, OTHER, 0 }, true };

FIXTURE_SETUP(index)
{
	struct handles *box = &self->box;
	int i;

	NEED_DELAY_POINTS();
	*box = race_queue(1000, KIPC_UNBOUNDED, LARGE, KIPC_QUEUE_HANGUP);
	for (i = 1; i <= MANY; i++)
		CHECK(!q_put(box->out, OTHER, i == MANY ? 7 : 0, i));
	/* So that the last one can be taken without those before it. */
	CHECK(q_peek(box->in, BY_PRIORITY) == MANY);
	self->r = q_receiver(box->in, variant->selector);
	self->r->deadline = variant->waits ? KIPC_FOREVER : KIPC_NO_WAIT;
	hold(self->r, "queue_indexing");
}

FIXTURE_TEARDOWN(index)
{
	EXPECT_TRUE(q_has_waiters(self->box.manage, 0, 0));
	race_end();
}

/* It gets nothing of what is there; if it waits, what comes then. */
static long nothing(FIXTURE_DATA(index) *self, const FIXTURE_VARIANT(index) *variant)
{
	if (!variant->waits)
		return outcome(self->r);
	q_wait_waiters(self->box.manage, 0, 1, self->r->pid);
	CHECK(!q_put(self->box.out, WANTED, 0, 77));
	return outcome(self->r) == 77 ? -EAGAIN : 0;
}

TEST_F(index, nothing_happens)
{
	struct handles *box = &self->box;
	int i;

	release("queue_indexing");
	EXPECT_EQ(-EAGAIN, nothing(self, variant));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	EXPECT_EQ(50, q_take(box->in, variant->selector));
	for (i = 1; i <= MANY; i++)
		EXPECT_EQ(i, q_take(box->in, BY_TYPE(OTHER)));
	EXPECT_EQ(0, q_stat_of(box->manage).messages);
}

/* One comes meanwhile: it is behind those that are still to be brought in. */
TEST_F(index, one_comes)
{
	struct handles *box = &self->box;

	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 51));
	release("queue_indexing");
	EXPECT_EQ(50, outcome(self->r));
	EXPECT_EQ(51, q_take(box->in, BY_TYPE(WANTED)));
	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_TYPE(WANTED)));
	EXPECT_EQ(MANY, q_stat_of(box->manage).messages);
}

/* The last one goes, with which the work would be done, and then one comes. */
TEST_F(index, last_goes_and_one_comes)
{
	struct handles *box = &self->box;

	EXPECT_EQ(MANY, q_take(box->in, BY_PRIORITY));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	release("queue_indexing");
	EXPECT_EQ(50, outcome(self->r));
	EXPECT_EQ(MANY - 1, q_stat_of(box->manage).messages);
}

/* Some come and go again at its end, and then some come that stay. */
TEST_F(index, some_come_and_go)
{
	struct handles *box = &self->box;
	int i, gone = 0;

	EXPECT_EQ(MANY, q_take(box->in, BY_PRIORITY));
	for (i = MANY + 1; i <= MANY + 6; i++) {
		EXPECT_EQ(0, q_put(box->out, OTHER, 7, i));
		EXPECT_EQ(i, q_take(box->in, BY_PRIORITY));
		gone++;
	}
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 51));
	release("queue_indexing");
	EXPECT_EQ(50, outcome(self->r));
	EXPECT_EQ(51, q_take(box->in, BY_TYPE(WANTED)));
	for (i = 1; i < MANY; i++)
		EXPECT_EQ(i, q_take(box->in, BY_LOWEST(OTHER)));
	EXPECT_EQ(0, q_stat_of(box->manage).messages);
	EXPECT_EQ(gone + MANY + 2, q_stat_of(box->manage).received);
}

/* From the front, past the place where it is held. */
TEST_F(index, front_goes)
{
	struct handles *box = &self->box;
	int i;

	for (i = 1; i < MANY; i++)
		EXPECT_EQ(i, q_take(box->in, BY_FIRST));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	release("queue_indexing");
	EXPECT_EQ(50, outcome(self->r));
	EXPECT_EQ(MANY, q_take(box->in, BY_TYPE(OTHER)));
	EXPECT_EQ(0, q_stat_of(box->manage).messages);
}

/* All go: there is nothing to be found in any way, and then there is again. */
TEST_F(index, all_go)
{
	struct handles *box = &self->box;
	int i;

	for (i = 1; i <= MANY; i++)
		EXPECT_EQ(i, q_take(box->in, BY_FIRST));
	release("queue_indexing");
	EXPECT_EQ(-EAGAIN, nothing(self, variant));
	for (i = 1; i <= MANY; i++)
		EXPECT_EQ(0, q_put(box->out, i % 3, 0, i));
	EXPECT_EQ(2, q_take(box->in, BY_TYPE(2)));
	EXPECT_EQ(3, q_take(box->in, BY_LOWEST(2)));
}

TEST_F(index, all_go_and_others_come)
{
	struct handles *box = &self->box;
	int i;

	for (i = 1; i <= MANY; i++)
		EXPECT_EQ(i, q_take(box->in, BY_FIRST));
	for (i = 1; i <= 2 * MANY; i++)
		EXPECT_EQ(0, q_put(box->out, OTHER, 0, i));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	/* Another turn or more, for it begins anew. */
	release("queue_indexing");
	EXPECT_EQ(50, outcome(self->r));
	for (i = 1; i <= 2 * MANY; i++)
		EXPECT_EQ(i, q_take(box->in, BY_TYPE(OTHER)));
}

/* Another one of the same way does the work, or the rest of it. */
TEST_F(index, another_receiver)
{
	struct handles *box = &self->box;

	EXPECT_EQ(-EAGAIN, q_take(box->in, BY_TYPE(WANTED)));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 51));
	EXPECT_EQ(50, q_take(box->in, BY_TYPE(WANTED)));
	EXPECT_EQ(1, q_take(box->in, BY_LOWEST(OTHER)));
	release("queue_indexing");
	EXPECT_EQ(51, outcome(self->r));
	EXPECT_EQ(2, q_take(box->in, BY_LOWEST(OTHER)));
}

/* Another way begins and ends meanwhile. */
TEST_F(index, another_way)
{
	struct handles *box = &self->box;

	EXPECT_EQ(1, q_peek(box->in, BY_SENDER(getpid())));
	EXPECT_EQ(TURN, q_peek(box->in, BY_AFTER(TURN - 1)));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	EXPECT_EQ(50, q_peek(box->in, BY_AFTER(MANY)));
	release("queue_indexing");
	EXPECT_EQ(50, outcome(self->r));
	EXPECT_EQ(-EAGAIN, q_peek(box->in, BY_AFTER(MANY)));
}

/* What it is about to be given up for: the index is left as it is, for the next. */
TEST_F(index, dies)
{
	struct handles *box = &self->box;
	int i;

	kill(self->r->pid, SIGKILL);
	EXPECT_EQ(MANY, q_take(box->in, BY_PRIORITY));
	EXPECT_EQ(0, q_put(box->out, WANTED, 0, 50));
	release("queue_indexing");
	EXPECT_EQ(KILLED, outcome(self->r));
	if (q_stat_of(box->manage).received == 1)
		EXPECT_EQ(50, q_take(box->in, BY_TYPE(WANTED)));
	for (i = 1; i < MANY; i++)
		EXPECT_EQ(i, q_take(box->in, BY_TYPE(OTHER)));
	EXPECT_EQ(0, q_stat_of(box->manage).messages);
}

TEST_F(index, removed)
{
	EXPECT_OK(k_remove(self->box.manage));
	release("queue_indexing");
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_EQ(0, q_stat_of(self->box.manage).messages);
}

TEST_F(index, senders_gone)
{
	close(self->box.out);
	release("queue_indexing");
	EXPECT_EQ(-EPIPE, outcome(self->r));
	EXPECT_EQ(MANY, q_stat_of(self->box.manage).messages);
}

TEST_HARNESS_MAIN
