// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are submitted: collected in any order, by anybody who has the handle,
 * or given up.
 */
#include "test.h"
#include "kservice.h"

FIXTURE(async) {
	struct hand h;
	struct client *c;
	int fd, cfd;
};

FIXTURE_SETUP(async)
{
	struct kipc_service_attr attr = { .stacks = 8 };

	self->h = hand_of(&attr);
	self->c = &self->h.c;
	self->fd = self->h.fd;
	self->cfd = self->c->fd;
}

FIXTURE_TEARDOWN(async)
{
}

/* Submit @n calls, and take them; the @i-th is of A-stack @i. */
static void submit_all(const struct hand *h, unsigned int n, uint64_t *tokens)
{
	struct kipc_served call;
	unsigned int i;

	for (i = 0; i < n; i++)
		CHECK(!s_submit(&h->c, i, ADD, i, 0, &tokens[i]));
	for (i = 0; i < n; i++) {
		CHECK(s_take(h->fd, &call) == tokens[i]);
		CHECK(call.args[0] == i);
	}
}

static int collect_now(int fd, uint64_t token)
{
	return s_collect(fd, &token, NULL, KIPC_NO_WAIT);
}

/* Another order of 0..3, for each of 24. */
static void permute(unsigned int which, unsigned int order[4])
{
	unsigned int rest[4] = { 0, 1, 2, 3 }, i, j, k;

	for (i = 0; i < 4; i++) {
		j = which % (4 - i);
		which /= 4 - i;
		order[i] = rest[j];
		for (k = j; k < 3; k++)
			rest[k] = rest[k + 1];
	}
}

/* Whatever the order of replies, "any" is the first of those that are done. */
TEST_F(async, replies_in_all_orders)
{
	unsigned int which, order[4], i, stack;
	uint64_t tokens[4], any;

	for (which = 0; which < 24; which++) {
		permute(which, order);
		submit_all(&self->h, 4, tokens);
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, s_reply(self->fd, tokens[order[i]], i, which));
		for (i = 0; i < 4; i++) {
			any = 0;
			ASSERT_EQ(i, s_collect(self->cfd, &any, &stack, KIPC_NO_WAIT));
			ASSERT_EQ(order[i], stack);
			ASSERT_EQ(tokens[stack], any);
			ASSERT_EQ(which, frame_of(self->c, stack)->args[0]);
		}
		ASSERT_EQ(-1, collect_now(self->cfd, 0));
	}
	EXPECT_EQ(24 * 4, service_stat(self->fd).calls);
	EXPECT_EQ(24 * 4, service_stat(self->fd).replies);
}

/* Likewise by token, also of those that have a reply behind others. */
TEST_F(async, collected_in_all_orders)
{
	unsigned int which, order[4], i, stack;
	uint64_t tokens[4], token;

	for (which = 0; which < 24; which++) {
		permute(which, order);
		submit_all(&self->h, 4, tokens);
		for (i = 0; i < 4; i++) {
			EXPECT_ERR(EAGAIN, collect_now(self->cfd, tokens[i]));
			ASSERT_EQ(0, s_reply(self->fd, tokens[i], 10 + i, 0));
		}
		for (i = 0; i < 4; i++) {
			token = tokens[order[i]];
			ASSERT_EQ(10 + order[i], (unsigned int)
				  s_collect(self->cfd, &token, &stack, KIPC_NO_WAIT));
			ASSERT_EQ(order[i], stack);
			/* Once. */
			EXPECT_ERR(ENOENT, collect_now(self->cfd, token));
		}
	}
}

TEST_F(async, no_such_call)
{
	struct client other = hand_client(&self->h);
	uint64_t tokens[2], theirs;

	EXPECT_ERR(ENOENT, collect_now(self->cfd, 0));
	EXPECT_ERR(ENOENT, s_cancel(self->cfd, 0));
	submit_all(&self->h, 2, tokens);
	ASSERT_OK(s_submit(&other, 0, ADD, 0, 0, &theirs));
	/* Of another handle, of the future, of no A-stack at all. */
	EXPECT_ERR(ENOENT, collect_now(self->cfd, theirs));
	EXPECT_ERR(ENOENT, collect_now(other.fd, tokens[0]));
	EXPECT_ERR(ENOENT, s_cancel(self->cfd, theirs));
	EXPECT_ERR(ENOENT, collect_now(self->cfd, tokens[0] + (1 << 20)));
	EXPECT_ERR(ENOENT, collect_now(self->cfd, tokens[1] + 1));
	EXPECT_ERR(ENOENT, collect_now(self->cfd, ~0ULL));
	EXPECT_ERR(ENOENT, s_cancel(self->cfd, ~0ULL));
	/* A narrowed handle is another one. */
	EXPECT_ERR(ENOTCONN, collect_now(hand_handle(&self->h), tokens[0]));
	EXPECT_ERR(ENOTCONN, s_cancel(hand_handle(&self->h), tokens[0]));
	ASSERT_OK(s_reply(self->fd, tokens[0], 0, 0));
	EXPECT_ERR(ENOENT, collect_now(other.fd, tokens[0]));
	EXPECT_ERR(EAGAIN, collect_now(other.fd, 0));
	EXPECT_OK(collect_now(self->cfd, 0));
	/* Those of the server's handle: it may not. */
	EXPECT_ERR(EPERM, collect_now(self->fd, tokens[1]));
	EXPECT_ERR(EPERM, s_cancel(self->fd, tokens[1]));
}

/* Whoever has given a call up may fill its frame for the next one before that. */
TEST_F(async, a_late_reply_leaves_the_frame_alone)
{
	struct kipc_frame *frame = frame_of(self->c, 0);
	uint64_t token;

	ASSERT_OK(s_submit(self->c, 0, ADD, 1, 2, &token));
	ASSERT_EQ(token, s_take(self->fd, NULL));
	ASSERT_OK(s_cancel(self->cfd, token));
	s_prepare(self->c, 0, ADD, 77, 78, 79, KIPC_NO_WAIT);
	EXPECT_ERR(EBUSY, ioctl(self->cfd, KIPC_IOC_SERVICE_CALL,
				0UL | KIPC_SERVICE_SUBMIT));
	EXPECT_EQ(1, s_reply(self->fd, token, 0, 5));
	EXPECT_EQ(77, frame->args[0]);
	EXPECT_EQ(78, frame->args[1]);
	EXPECT_OK(ioctl(self->cfd, KIPC_IOC_SERVICE_CALL, 0UL | KIPC_SERVICE_SUBMIT));
}

static void task_collect(struct task *t, int fd, struct kipc_service_collect *collect,
			 uint64_t token, uint64_t deadline)
{
	*collect = (struct kipc_service_collect){ .token = token, .deadline = deadline };
	task_start(t, fd, KIPC_IOC_SERVICE_COLLECT, collect);
}

TEST_F(async, waited_for)
{
	struct kipc_service_collect one, two;
	uint64_t tokens[2];
	struct task a, b;

	submit_all(&self->h, 2, tokens);
	EXPECT_ERR(ETIMEDOUT, s_collect(self->cfd, &tokens[0], NULL, 1));
	EXPECT_ERR(ETIMEDOUT, s_collect(self->cfd, &tokens[0], NULL, after(20 * MS)));
	task_collect(&a, self->cfd, &one, tokens[0], after(PATIENCE));
	wait_for(is_claimed(self->cfd, tokens[0]));
	/* It is claimed. */
	EXPECT_ERR(EBUSY, collect_now(self->cfd, tokens[0]));
	EXPECT_ERR(EBUSY, s_cancel(self->cfd, tokens[0]));
	task_collect(&b, self->cfd, &two, tokens[1], KIPC_FOREVER);
	wait_for(is_claimed(self->cfd, tokens[1]));
	ASSERT_OK(s_reply(self->fd, tokens[1], 21, 0));
	EXPECT_EQ(21, task_end(&b));
	EXPECT_EQ(1, two.stack);
	EXPECT_FALSE(task_over(&a));
	ASSERT_OK(s_reply(self->fd, tokens[0], 20, 0));
	EXPECT_EQ(20, task_end(&a));
	EXPECT_EQ(0, one.stack);
	EXPECT_EQ(tokens[0], one.token);
}

/* A call that somebody waits for in KIPC_IOC_SERVICE_CALL is his. */
TEST_F(async, waited_for_by_its_caller)
{
	struct task t;
	uint64_t token;

	task_call(&t, self->c, 0, 1, 2, KIPC_FOREVER);
	token = s_take(self->fd, NULL);
	EXPECT_ERR(EBUSY, collect_now(self->cfd, token));
	EXPECT_ERR(EBUSY, s_cancel(self->cfd, token));
	EXPECT_ERR(EAGAIN, collect_now(self->cfd, 0));
	ASSERT_OK(s_reply(self->fd, token, 9, 0));
	EXPECT_EQ(9, task_end(&t));
	EXPECT_ERR(ENOENT, collect_now(self->cfd, 0));
}

/* Those who wait for any get one each, in the order of their coming. */
TEST_F(async, any_for_several_threads)
{
	struct kipc_service_collect got[3];
	uint64_t tokens[3];
	struct task t[3];
	unsigned int i;

	submit_all(&self->h, 3, tokens);
	for (i = 0; i < 3; i++) {
		task_collect(&t[i], self->cfd, &got[i], 0, KIPC_FOREVER);
		wait_for(total("waiters") == i + 1);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_OK(s_reply(self->fd, tokens[2 - i], i, 0));
		ASSERT_EQ(i, task_end(&t[i]));
		EXPECT_EQ(2 - i, got[i].stack);
		EXPECT_EQ(tokens[2 - i], got[i].token);
	}
}

/* Who waits for any, when there is none any more, would wait for ever. */
TEST_F(async, any_of_none)
{
	struct kipc_service_collect one, two;
	uint64_t token;
	struct task a, b;

	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	task_collect(&a, self->cfd, &one, 0, KIPC_FOREVER);
	task_collect(&b, self->cfd, &two, 0, KIPC_FOREVER);
	wait_for(total("waiters") == 2);
	ASSERT_OK(s_cancel(self->cfd, token));
	EXPECT_ERR(ENOENT, task_end(&a));
	EXPECT_ERR(ENOENT, task_end(&b));
}

TEST_F(async, cancelled_in_line)
{
	uint64_t tokens[3];
	struct kipc_served call;
	unsigned int i;

	for (i = 0; i < 3; i++)
		ASSERT_OK(s_submit(self->c, i, ADD, i, 0, &tokens[i]));
	ASSERT_OK(s_cancel(self->cfd, tokens[1]));
	EXPECT_ERR(ENOENT, s_cancel(self->cfd, tokens[1]));
	EXPECT_ERR(ENOENT, collect_now(self->cfd, tokens[1]));
	/* As if it had not been made: in every figure. */
	EXPECT_EQ(2, service_stat(self->fd).calls);
	EXPECT_EQ(2, service_stat(self->fd).queued);
	EXPECT_TRUE(s_has(self->fd, 2, 0));
	ASSERT_EQ(tokens[0], s_take(self->fd, NULL));
	ASSERT_EQ(tokens[2], s_take(self->fd, &call));
	EXPECT_EQ(2, call.args[0]);
	EXPECT_ERR(ENOENT, s_reply(self->fd, tokens[1], 0, 0));
	/* Its A-stack is free at once. */
	EXPECT_OK(s_submit(self->c, 1, ADD, 0, 0, &tokens[1]));
	EXPECT_EQ(tokens[1], s_take(self->fd, NULL));
}

TEST_F(async, cancelled_when_it_was_taken)
{
	uint64_t token;

	submit_all(&self->h, 1, &token);
	ASSERT_OK(s_cancel(self->cfd, token));
	EXPECT_ERR(ENOENT, s_cancel(self->cfd, token));
	EXPECT_ERR(EBUSY, s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_EQ(1, service_stat(self->fd).abandoned);
	EXPECT_EQ(1, s_reply(self->fd, token, 0, 0));
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	EXPECT_EQ(2, service_stat(self->fd).calls);
}

TEST_F(async, cancelled_when_there_was_a_reply)
{
	uint64_t tokens[2];

	submit_all(&self->h, 2, tokens);
	ASSERT_OK(s_reply(self->fd, tokens[0], 0, 0));
	ASSERT_OK(s_cancel(self->cfd, tokens[0]));
	EXPECT_ERR(ENOENT, collect_now(self->cfd, tokens[0]));
	EXPECT_ERR(EAGAIN, collect_now(self->cfd, 0));
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_EQ(0, service_stat(self->fd).abandoned);
}

/* The calls are the handle's: parent and child have it both. */
TEST_F(async, either_side_of_a_fork)
{
	uint64_t *tokens = shared(2 * sizeof(*tokens)), token;
	pid_t pid;

	submit_all(&self->h, 1, tokens);
	pid = spawn();
	if (!pid) {
		struct client c = *self->c;
		uint64_t mine = tokens[0];

		/* What the parent has submitted, the child collects. */
		CHECK(s_collect(c.fd, &mine, NULL, after(PATIENCE)) == 31);
		c.map = s_map_binding(c.fd, c.is.binding_size);
		CHECK(c.map && frame_of(&c, 0)->args[0] == 32);
		CHECK(!s_submit(&c, 1, ADD, 5, 6, &tokens[1]));
		_exit(0);
	}
	wait_for(is_claimed(self->cfd, tokens[0]));
	ASSERT_OK(s_reply(self->fd, tokens[0], 31, 32));
	/* That it ends changes nothing: the parent has the handle still. */
	ASSERT_EQ(0, reap(pid));
	token = s_take(self->fd, NULL);
	EXPECT_EQ(tokens[1], token);
	ASSERT_OK(s_reply(self->fd, token, 33, 34));
	EXPECT_EQ(33, s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(34, frame_of(self->c, 1)->args[0]);
}

/* The last close gives them all up: in line, taken, replied to. */
TEST_F(async, closed)
{
	struct client other = hand_client(&self->h);
	struct kipc_service_stat st;
	uint64_t tokens[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		ASSERT_OK(s_submit(&other, i, ADD, i, 0, &tokens[i]));
	ASSERT_EQ(tokens[0], s_take(self->fd, NULL));
	ASSERT_EQ(tokens[1], s_take(self->fd, NULL));
	ASSERT_OK(s_reply(self->fd, tokens[0], 0, 0));
	disconnect(&other);
	st = service_stat(self->fd);
	EXPECT_EQ(2, st.calls);
	EXPECT_EQ(1, st.abandoned);
	EXPECT_TRUE(s_has(self->fd, 0, 1));
	/* The binding stays until the server is done with it. */
	EXPECT_EQ(2, st.bindings);
	EXPECT_EQ(1, s_reply(self->fd, tokens[1], 0, 0));
	st = service_stat(self->fd);
	EXPECT_EQ(1, st.bindings);
	EXPECT_EQ(2, st.calls);
	EXPECT_EQ(2, st.replies);
	EXPECT_EQ(1, st.abandoned);
	EXPECT_EQ(2, st.queued);
	EXPECT_EQ(0, st.failed);
}

TEST_HARNESS_MAIN
