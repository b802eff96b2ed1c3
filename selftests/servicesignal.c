// SPDX-License-Identifier: GPL-2.0
/*
 * Signals: whatever waits is interrupted, or goes on; a call that a worker has goes on
 * without its caller, who collects it.
 */
#include "test.h"
#include "kservice.h"

#define SIG	SIGUSR1

FIXTURE(sig) {
	struct hand h;
	struct client *c;
	struct kipc_frame *frame;
	int fd, cfd;
	int *caught;
};

FIXTURE_SETUP(sig)
{
	self->h = hand_of(NULL);
	self->c = &self->h.c;
	self->frame = frame_of(self->c, 0);
	self->fd = self->h.fd;
	self->cfd = self->c->fd;
	self->caught = shared(sizeof(int));
}

FIXTURE_TEARDOWN(sig)
{
}

static int caught(const int *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

#define WAITING(fd, n)	wait_for(s_has(fd, n, 0))

TEST_F(sig, before_it_is_taken)
{
	uint64_t deadline[] = { KIPC_FOREVER, after(PATIENCE) };
	struct task t;
	unsigned int i;

	count_signals(SIG, 0, self->caught);
	for (i = 0; i < 2; i++) {
		task_call(&t, self->c, 0, 1, 2, deadline[i]);
		WAITING(self->fd, 1);
		ASSERT_EQ(0, pthread_kill(t.thread, SIG));
		EXPECT_ERR(EINTR, task_end_of(&t, KIPC_IOC_SERVICE_CALL));
		/* Withdrawn. */
		EXPECT_EQ(0, self->frame->token);
		EXPECT_TRUE(s_has(self->fd, 0, 0));
		EXPECT_EQ(0, service_stat(self->fd).calls);
		EXPECT_EQ(i + 1, caught(self->caught));
	}
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
}

TEST_F(sig, restarted)
{
	struct task t;

	count_signals(SIG, SA_RESTART, self->caught);
	task_call(&t, self->c, 0, 1, 2, KIPC_FOREVER);
	WAITING(self->fd, 1);
	ASSERT_EQ(0, pthread_kill(t.thread, SIG));
	wait_for(caught(self->caught) == 1);
	ASSERT_OK(s_reply(self->fd, s_take(self->fd, NULL), 5, 0));
	EXPECT_EQ(5, task_end(&t));
	EXPECT_EQ(1, service_stat(self->fd).calls);
	EXPECT_EQ(0, self->frame->token);
}

/* After a worker has it: EINTR, also with SA_RESTART, or it would be made twice. */
TEST_F(sig, after_it_is_taken)
{
	int flags[] = { 0, SA_RESTART };
	uint64_t token, any;
	struct task t;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		count_signals(SIG, flags[i], self->caught);
		task_call(&t, self->c, 0, 1, 2, KIPC_FOREVER);
		token = s_take(self->fd, NULL);
		ASSERT_EQ(0, pthread_kill(t.thread, SIG));
		EXPECT_ERR(EINTR, task_end_of(&t, KIPC_IOC_SERVICE_CALL));
		EXPECT_EQ(token, self->frame->token);
		/* It goes on. */
		EXPECT_TRUE(s_has(self->fd, 0, 1));
		EXPECT_ERR(EBUSY, s_call(self->c, 0, ADD, 0, 0, KIPC_FOREVER));
		any = i ? 0 : token;
		EXPECT_ERR(EAGAIN, s_collect(self->cfd, &any, NULL, KIPC_NO_WAIT));
		EXPECT_EQ(0, s_reply(self->fd, token, 6, 7));
		EXPECT_EQ(6, s_collect(self->cfd, &any, NULL, KIPC_NO_WAIT));
		EXPECT_EQ(token, any);
		EXPECT_EQ(7, self->frame->args[0]);
	}
	EXPECT_EQ(2, service_stat(self->fd).calls);
	EXPECT_EQ(0, service_stat(self->fd).abandoned);
}

/* What has its reply has ended: the signal comes too late. */
TEST_F(sig, a_reply_beats_a_signal)
{
	unsigned int i, rounds = effort(100), interrupted = 0;
	uint64_t token;
	struct task t;
	int ret;

	count_signals(SIG, 0, self->caught);
	for (i = 0; i < rounds; i++) {
		task_call(&t, self->c, 0, 1, 2, KIPC_FOREVER);
		token = s_take(self->fd, NULL);
		if (i & 1) {
			ASSERT_EQ(0, s_reply(self->fd, token, i, i + 1));
			ASSERT_EQ(0, pthread_kill(t.thread, SIG));
			ASSERT_EQ(i, task_end(&t));
		} else {
			/* Either, but it comes once. */
			ASSERT_EQ(0, pthread_kill(t.thread, SIG));
			ASSERT_EQ(0, s_reply(self->fd, token, i, i + 1));
			ret = task_end(&t);
			if (ret < 0) {
				ASSERT_EQ(EINTR, errno);
				interrupted++;
				ret = s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT);
			}
			ASSERT_EQ(i, ret);
		}
		ASSERT_EQ(i + 1, self->frame->args[0]);
		token = 0;
		EXPECT_ERR(ENOENT, s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT));
	}
	TH_LOG("%u of %u were interrupted", interrupted, rounds / 2);
}

TEST_F(sig, collecting)
{
	struct kipc_service_collect collect = { .deadline = KIPC_FOREVER };
	uint64_t token;
	struct task t;
	unsigned int i;

	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	ASSERT_EQ(token, s_take(self->fd, NULL));
	for (i = 0; i < 2; i++) {
		collect.token = i ? token : 0;
		count_signals(SIG, 0, self->caught);
		task_start(&t, self->cfd, KIPC_IOC_SERVICE_COLLECT, &collect);
		wait_for(i ? is_claimed(self->cfd, token) : total("waiters") == 1);
		ASSERT_EQ(0, pthread_kill(t.thread, SIG));
		EXPECT_ERR(EINTR, task_end_of(&t, KIPC_IOC_SERVICE_COLLECT));
		EXPECT_EQ(i ? token : 0, collect.token);
	}
	*self->caught = 0;
	count_signals(SIG, SA_RESTART, self->caught);
	task_start(&t, self->cfd, KIPC_IOC_SERVICE_COLLECT, &collect);
	wait_for(is_claimed(self->cfd, token));
	ASSERT_EQ(0, pthread_kill(t.thread, SIG));
	wait_for(caught(self->caught) == 1);
	ASSERT_OK(s_reply(self->fd, token, 8, 0));
	EXPECT_EQ(8, task_end(&t));
}

TEST_F(sig, serving)
{
	struct kipc_service_serve serve = { .deadline = KIPC_FOREVER };
	uint64_t token;
	struct task t;

	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	serve.reply.token = s_take(self->fd, NULL);
	serve.reply.status = 9;
	count_signals(SIG, 0, self->caught);
	task_start(&t, self->fd, KIPC_IOC_SERVICE_SERVE, &serve);
	wait_for(service_stat(self->fd).workers == 1);
	ASSERT_EQ(0, pthread_kill(t.thread, SIG));
	EXPECT_ERR(EINTR, task_end_of(&t, KIPC_IOC_SERVICE_SERVE));
	/* The reply is given, and would not be given again. */
	EXPECT_EQ(0, serve.reply.token);
	EXPECT_EQ(9, s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(0, service_stat(self->fd).workers);
}

TEST_F(sig, serving_goes_on)
{
	struct kipc_service_serve serve = { .deadline = KIPC_FOREVER };
	uint64_t token, next;
	struct task t;

	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	serve.reply.token = s_take(self->fd, NULL);
	serve.reply.status = 10;
	count_signals(SIG, SA_RESTART, self->caught);
	task_start(&t, self->fd, KIPC_IOC_SERVICE_SERVE, &serve);
	wait_for(service_stat(self->fd).workers == 1);
	ASSERT_EQ(0, pthread_kill(t.thread, SIG));
	wait_for(caught(self->caught) == 1);
	ASSERT_OK(s_submit(self->c, 1, ADD, 77, 0, &next));
	EXPECT_EQ(0, task_end(&t));
	EXPECT_EQ(next, serve.call.token);
	EXPECT_EQ(77, serve.call.args[0]);
	EXPECT_EQ(10, s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(1, service_stat(self->fd).replies);
}

/* Who is killed takes his call with him. */
TEST_F(sig, killed)
{
	int name = hand_handle(&self->h);
	pid_t pid = spawn();

	if (!pid) {
		struct client c = client_of(name);

		s_call(&c, 0, ADD, 0, 0, KIPC_FOREVER);
		_exit(1);
	}
	close(name);
	WAITING(self->fd, 1);
	slay(pid);
	wait_for(service_stat(self->fd).bindings == 1);
	EXPECT_TRUE(s_has(self->fd, 0, 0));
	EXPECT_EQ(0, service_stat(self->fd).calls);
	EXPECT_EQ(0, total("waiters"));
}

TEST_HARNESS_MAIN
