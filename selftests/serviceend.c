// SPDX-License-Identifier: GPL-2.0
/*
 * The end of services, of servers, of their workers, and of clients: what everybody else
 * is told.  And servers that are stopped, or hostile.
 */
#include "test.h"
#include "kservice.h"

#include <limits.h>

enum { LINE, TAKEN, WAITED, CALLS };	/* a call of each sort */

FIXTURE(end) {
	int fd, fresh;
	struct client c;
	uint64_t tokens[CALLS];
	struct task t;
	pid_t server;
};

FIXTURE_SETUP(end)
{
	int all = s_create(NULL, NULL, 0600, KIPC_SERVICE_RIGHTS, 0);

	ASSERT_OK(all);
	self->fd = k_narrow(all, SERVE | MANAGE, 0);
	self->c = client_of(k_narrow(all, CALL, 0));
	self->fresh = k_narrow(all, CALL, 0);
	close(all);
}

FIXTURE_TEARDOWN(end)
{
}

/* A server that takes two calls, and does nothing about them. */
static pid_t spawn_taker(int fd)
{
	pid_t pid = spawn();

	if (!pid) {
		serve_with(fd, 0);
		s_take(fd, NULL);
		s_take(fd, NULL);
		for (;;)
			pause();
	}
	return pid;
}

/* One is waited for and taken, one submitted and taken, one in line. */
static void make_calls(FIXTURE_DATA(end) *self)
{
	task_call(&self->t, &self->c, WAITED, 0, 0, KIPC_FOREVER);
	CHECK(!s_submit(&self->c, TAKEN, 0, 0, 0, &self->tokens[TAKEN]));
	wait_for(s_has(self->fd, 0, 2));
	CHECK(!s_submit(&self->c, LINE, 0, 0, 0, &self->tokens[LINE]));
}

/* All have failed, with this; and so does whatever comes. */
static void all_failed(FIXTURE_DATA(end) *self, int error)
{
	struct kipc_service_connect is = { .flags = 0 };
	struct kipc_service_stat st;
	unsigned int stack;
	uint64_t any;
	int i;

	CHECK(task_end(&self->t) == -1 && errno == error);
	for (i = 0; i < 2; i++) {
		any = i ? self->tokens[TAKEN] : 0;
		CHECK(s_collect(self->c.fd, &any, &stack, after(PATIENCE)) == -1);
		CHECK(errno == error);
		CHECK(stack == (i ? TAKEN : LINE) && any == self->tokens[stack]);
	}
	any = 0;
	CHECK_ERR(ENOENT, s_collect(self->c.fd, &any, NULL, KIPC_FOREVER));
	CHECK(s_call(&self->c, LINE, ADD, 0, 0, KIPC_FOREVER) == -1 && errno == error);
	CHECK(s_submit(&self->c, TAKEN, ADD, 0, 0, NULL) == -1 && errno == error);
	CHECK(s_connect(self->fresh, &is, KIPC_FOREVER) == -1 && errno == error);
	CHECK(poll_mask(self->c.fd, POLLIN | POLLOUT | POLLPRI) == (POLLHUP | POLLERR));
	st = service_stat(self->c.fd);
	CHECK(!st.waiting && !st.serving && !st.workers);
	CHECK(st.calls == CALLS && st.failed == CALLS && !st.replies);
	/* The memory is good still. */
	stack_of(&self->c, 0)[0] = 1;
}

TEST_F(end, server_killed)
{
	pid_t pid = spawn_taker(self->fd);

	make_calls(self);
	slay(pid);
	all_failed(self, EPIPE);
}

TEST_F(end, server_executes)
{
	int go[2];
	pid_t pid;

	ASSERT_OK(pipe(go));
	pid = spawn();
	if (!pid) {
		char byte;

		serve_with(self->fd, 0);
		s_take(self->fd, NULL);
		s_take(self->fd, NULL);
		CHECK(read(go[0], &byte, 1) == 1);
		/* Not close-on-exec: it would have the handle still. */
		fcntl(self->fd, F_SETFD, 0);
		execl("/bin/sh", "sh", "-c", "sleep 100", NULL);
		_exit(1);
	}
	make_calls(self);
	ASSERT_EQ(1, write(go[1], "", 1));
	all_failed(self, EPIPE);
	slay(pid);
}

/* Whoever ends it, it ends for all. */
TEST_F(end, unmapped)
{
	size_t size = service_stat(self->fd).map_size;
	char *map = s_map(self->fd);
	struct kipc_service_serve serve = { .flags = 0 };

	task_call(&self->t, &self->c, WAITED, 0, 0, KIPC_FOREVER);
	serve.reply.token = s_take(self->fd, NULL);
	ASSERT_OK(s_submit(&self->c, TAKEN, 0, 0, 0, &self->tokens[TAKEN]));
	s_take(self->fd, NULL);
	ASSERT_OK(s_submit(&self->c, LINE, 0, 0, 0, &self->tokens[LINE]));
	ASSERT_OK(munmap(map, size));
	all_failed(self, EPIPE);
	EXPECT_ERR(ENOENT, ioctl(self->fd, KIPC_IOC_SERVICE_REPLY, &serve.reply));
	EXPECT_ERR(ENOENT, s_serve(self->fd, &serve, KIPC_FOREVER));
	serve.reply.token = 0;
	EXPECT_ERR(ENXIO, s_serve(self->fd, &serve, KIPC_FOREVER));
	/* For good. */
	EXPECT_EQ(NULL, s_map(self->fd));
	EXPECT_EQ(EPIPE, errno);
}

/* The mapping has the handle by which it was made: the last close is not the end. */
TEST_F(end, closed)
{
	int second = k_narrow(self->fd, SERVE, 0), copy = dup(self->fd);

	ASSERT_NE(NULL, s_map(self->fd));
	close(self->fd);
	close(second);
	EXPECT_OK(s_submit(&self->c, 0, ADD, 0, 0, &self->tokens[0]));
	close(copy);
	EXPECT_EQ(0, poll_mask(self->c.fd, 0));
	EXPECT_ERR(EAGAIN, s_collect(self->c.fd, &self->tokens[0], NULL, KIPC_NO_WAIT));
}

TEST_F(end, closed_and_never_mapped)
{
	uint64_t any = 0;

	ASSERT_OK(s_submit(&self->c, 0, ADD, 0, 0, NULL));
	close(self->fd);
	EXPECT_ERR(EPIPE, s_collect(self->c.fd, &any, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(frame_of(&self->c, 0)->token, any);
	EXPECT_ERR(EPIPE, s_call(&self->c, 0, ADD, 0, 0, KIPC_FOREVER));
}

TEST_F(end, removed)
{
	struct kipc_service_serve serve = { .flags = 0 };

	ASSERT_NE(NULL, s_map(self->fd));
	task_call(&self->t, &self->c, WAITED, 0, 0, KIPC_FOREVER);
	serve.reply.token = s_take(self->fd, NULL);
	ASSERT_OK(s_submit(&self->c, TAKEN, 0, 0, 0, &self->tokens[TAKEN]));
	s_take(self->fd, NULL);
	ASSERT_OK(s_submit(&self->c, LINE, 0, 0, 0, &self->tokens[LINE]));
	ASSERT_OK(k_remove(self->fd));
	all_failed(self, EIDRM);
	EXPECT_ERR(EIDRM, k_remove(self->fd));
	EXPECT_ERR(EIDRM, ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	EXPECT_ERR(EIDRM, ioctl(self->fd, KIPC_IOC_SERVICE_REPLY, &serve.reply));
	EXPECT_ERR(EIDRM, s_serve(self->fd, &serve, KIPC_FOREVER));
	serve.reply.token = 0;
	EXPECT_ERR(EIDRM, s_serve(self->fd, &serve, KIPC_FOREVER));
	EXPECT_ERR(EIDRM, k_narrow(self->fd, SERVE, 0));
	EXPECT_ERR(EIDRM, s_connect(self->fresh, &self->c.is, KIPC_FOREVER));
	EXPECT_EQ(NULL, s_map(self->fd));
	EXPECT_EQ(EIDRM, errno);
}

/* What idle workers are told. */
TEST_F(end, idle_workers)
{
	static const int errors[] = { ESHUTDOWN, EIDRM, ENXIO };
	struct kipc_service_serve serve[2];
	struct task t[2];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		int fd = s_create(NULL, NULL, 0600, SERVE | MANAGE, 0);
		size_t size = service_stat(fd).map_size;
		char *map = s_map(fd);

		ASSERT_NE(NULL, map);
		for (k = 0; k < 2; k++) {
			serve[k] = (struct kipc_service_serve){ .deadline = KIPC_FOREVER };
			task_start(&t[k], fd, KIPC_IOC_SERVICE_SERVE, &serve[k]);
		}
		wait_idle(fd, 2);
		if (i == 0)
			ASSERT_OK(ioctl(fd, KIPC_IOC_SERVICE_STOP));
		if (i == 1)
			ASSERT_OK(k_remove(fd));
		if (i == 2)
			ASSERT_OK(munmap(map, size));
		for (k = 0; k < 2; k++) {
			EXPECT_EQ(-1, task_end(&t[k]));
			EXPECT_EQ(errors[i], errno);
		}
		EXPECT_EQ(-1, s_serve(fd, &serve[0], KIPC_FOREVER));
		EXPECT_EQ(errors[i], errno);
		EXPECT_EQ(0, service_stat(fd).workers);
	}
	EXPECT_EQ(0, total("waiters"));
}

/* The orderly end. */
TEST_F(end, stopped)
{
	struct kipc_service_serve serve = { .flags = 0 };
	uint64_t any;

	ASSERT_NE(NULL, s_map(self->fd));
	task_call(&self->t, &self->c, WAITED, 1, 2, KIPC_FOREVER);
	serve.reply.token = s_take(self->fd, NULL);
	ASSERT_OK(s_submit(&self->c, TAKEN, 0, 0, 0, &self->tokens[TAKEN]));
	s_take(self->fd, NULL);
	ASSERT_OK(s_submit(&self->c, LINE, 0, 0, 0, &self->tokens[LINE]));
	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	/* What was in line fails, and what comes. */
	any = 0;
	EXPECT_ERR(EPIPE, s_collect(self->c.fd, &any, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(self->tokens[LINE], any);
	EXPECT_ERR(EPIPE, s_call(&self->c, LINE, ADD, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(EPIPE, s_connect(self->fresh, &(struct kipc_service_connect){}, 0));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(self->c.fd, POLLPRI));
	/* What workers have, they can still reply to. */
	EXPECT_FALSE(task_over(&self->t));
	serve.reply.status = 4;
	EXPECT_ERR(ESHUTDOWN, s_serve(self->fd, &serve, KIPC_FOREVER));
	EXPECT_EQ(0, serve.reply.token);
	EXPECT_EQ(4, task_end(&self->t));
	EXPECT_OK(s_reply(self->fd, self->tokens[TAKEN], 5, 6));
	EXPECT_EQ(POLLPRI | POLLHUP | POLLERR, poll_mask(self->c.fd, POLLPRI));
	EXPECT_EQ(5, s_collect(self->c.fd, &self->tokens[TAKEN], NULL, KIPC_NO_WAIT));
	EXPECT_EQ(6, frame_of(&self->c, TAKEN)->args[0]);
	EXPECT_ERR(ESHUTDOWN, s_serve(self->fd, &serve, KIPC_FOREVER));
	EXPECT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	EXPECT_EQ(1, service_stat(self->fd).failed);
	EXPECT_EQ(2, service_stat(self->fd).replies);
}

/* A worker's thread ends: its calls fail, those of others do not. */
TEST_F(end, worker_exits)
{
	uint64_t exits, naps;
	unsigned int stack;

	self->server = spawn_server(self->fd, 3);
	ASSERT_OK(s_submit(&self->c, 0, NAP, 4 * SECOND, 0, &naps));
	ASSERT_OK(s_submit(&self->c, 1, EXIT, 0, 0, &exits));
	EXPECT_ERR(EPIPE, s_call(&self->c, 2, EXIT, 0, 0, after(PATIENCE)));
	EXPECT_ERR(EPIPE, s_collect(self->c.fd, &exits, &stack, after(PATIENCE)));
	EXPECT_EQ(1, stack);
	EXPECT_EQ(0, s_collect(self->c.fd, &naps, NULL, after(PATIENCE)));
	EXPECT_EQ(2, service_stat(self->fd).failed);
	/* The one that is left goes on, also with those A-stacks. */
	EXPECT_EQ(0, s_call(&self->c, 1, ADD, 1, 2, after(PATIENCE)));
	EXPECT_EQ(3, frame_of(&self->c, 1)->args[0]);
}

/* Also of a call that nobody waits for: its A-stack is free again. */
TEST_F(end, worker_exits_with_what_was_given_up)
{
	uint64_t token;

	self->server = spawn_server(self->fd, 2);
	ASSERT_OK(s_submit(&self->c, 0, NAP, SECOND, 0, NULL));
	wait_for(s_has(self->fd, 0, 1));
	ASSERT_OK(s_submit(&self->c, 1, EXIT, 0, 0, &token));
	s_cancel(self->c.fd, token);
	wait_for(!s_submit(&self->c, 1, ADD, 0, 0, NULL));
	EXPECT_EQ(0, s_collect(self->c.fd, &(uint64_t){ 0 }, NULL, after(PATIENCE)));
}

/* A child that has the handle does not keep the service alive. */
TEST_F(end, child_of_the_server)
{
	pid_t *child = shared(sizeof(*child)), pid = spawn(), heir;

	if (!pid) {
		serve_with(self->fd, 0);
		heir = fork();
		if (heir) {
			*child = heir;
			s_take(self->fd, NULL);
		}
		for (;;)
			pause();
	}
	task_call(&self->t, &self->c, 0, 0, 0, KIPC_FOREVER);
	wait_for(s_has(self->fd, 0, 1) && *child);
	slay(pid);
	EXPECT_ERR(EPIPE, task_end(&self->t));
	EXPECT_ERR(EPIPE, s_call(&self->c, 0, ADD, 0, 0, KIPC_FOREVER));
	EXPECT_EQ(0, kill(*child, SIGKILL));
}

TEST_F(end, client_killed)
{
	pid_t pid;
	uint64_t token;

	ASSERT_NE(NULL, s_map(self->fd));
	pid = spawn();
	if (!pid) {
		struct client c = client_of(self->fresh);

		CHECK(!s_submit(&c, 1, 0, 0, 0, NULL) && !s_submit(&c, 2, 0, 0, 0, NULL));
		s_call(&c, 0, 0, 0, 0, KIPC_FOREVER);
		_exit(1);
	}
	close(self->fresh);
	wait_for(s_has(self->fd, 3, 0));
	token = s_take(self->fd, NULL);
	slay(pid);
	/* What was in line goes with it; the server is not disturbed. */
	wait_for(s_has(self->fd, 0, 1));
	EXPECT_EQ(2, service_stat(self->fd).bindings);
	EXPECT_EQ(1, service_stat(self->fd).abandoned);
	EXPECT_EQ(1, s_reply(self->fd, token, 0, 0));
	EXPECT_EQ(1, service_stat(self->fd).bindings);
	EXPECT_EQ(0, total("waiters"));
}

/* Who is stopped traps nobody who has a deadline, and goes on where he was. */
TEST_F(end, server_is_stopped_for_a_while)
{
	uint64_t token;

	self->server = spawn_server(self->fd, 2);
	ASSERT_OK(s_submit(&self->c, 3, NAP, 0, 0, NULL));
	ASSERT_OK(s_collect(self->c.fd, &(uint64_t){ 0 }, NULL, after(PATIENCE)));
	ASSERT_OK(kill(self->server, SIGSTOP));
	wait_for(!service_stat(self->fd).workers);
	EXPECT_ERR(ETIMEDOUT, s_call(&self->c, 0, ADD, 0, 0, after(SECOND / 5)));
	ASSERT_OK(s_submit(&self->c, 1, ADD, 5, 6, &token));
	EXPECT_ERR(ETIMEDOUT, s_collect(self->c.fd, &token, NULL, after(SECOND / 5)));
	ASSERT_OK(kill(self->server, SIGCONT));
	EXPECT_EQ(0, s_collect(self->c.fd, &token, NULL, after(PATIENCE)));
	EXPECT_EQ(11, frame_of(&self->c, 1)->args[0]);
	EXPECT_EQ(2, service_stat(self->fd).replies);
}

/* Replies that are none harm nobody, and least of all another's call. */
TEST_F(end, hostile_server)
{
	struct kipc_service_reply reply = { .status = -1 };
	struct client other = client_of(self->fresh);
	uint64_t mine, theirs, any = 0;

	ASSERT_NE(NULL, s_map(self->fd));
	ASSERT_OK(s_submit(&self->c, 0, ADD, 0, 0, &mine));
	ASSERT_OK(s_submit(&other, 0, ADD, 0, 0, &theirs));
	/* Before it has them; made-up ones; those of places that there are not. */
	EXPECT_ERR(ENOENT, s_reply(self->fd, mine, 0, 0));
	ASSERT_EQ(mine, s_take(self->fd, NULL));
	EXPECT_ERR(ENOENT, s_reply(self->fd, theirs, 0, 0));
	EXPECT_ERR(ENOENT, s_reply(self->fd, mine + 1, 0, 0));
	EXPECT_ERR(ENOENT, s_reply(self->fd, mine + (1 << 20), 0, 0));
	EXPECT_ERR(ENOENT, s_reply(self->fd, 0, 0, 0));
	EXPECT_ERR(ENOENT, s_reply(self->fd, ~0ULL, 0, 0));
	EXPECT_ERR(ENOENT, s_reply(self->fd, 0xfffff, 0, 0));
	reply.token = mine;
	EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_REPLY, &reply));
	reply.status = INT_MIN;
	EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_REPLY, &reply));
	reply.status = 0;
	for (reply.flags = 1; reply.flags; reply.flags <<= 1)
		EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_REPLY, &reply));
	/* What it writes into the frame is not believed. */
	memset(frame_of(&self->c, 0), 0xff, sizeof(struct kipc_frame));
	EXPECT_ERR(EAGAIN, s_collect(self->c.fd, &mine, NULL, KIPC_NO_WAIT));
	EXPECT_OK(s_reply(self->fd, mine, 3, 0));
	/* Twice. */
	EXPECT_ERR(ENOENT, s_reply(self->fd, mine, 4, 0));
	EXPECT_EQ(3, s_collect(self->c.fd, &any, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(mine, any);
	EXPECT_ERR(ENOENT, s_reply(self->fd, mine, 4, 0));
	EXPECT_ERR(EAGAIN, s_collect(other.fd, &theirs, NULL, KIPC_NO_WAIT));
	ASSERT_EQ(theirs, s_take(self->fd, NULL));
	EXPECT_OK(s_reply(self->fd, theirs, 0, 0));
	EXPECT_EQ(2, service_stat(self->fd).replies);
}

TEST_HARNESS_MAIN
