// SPDX-License-Identifier: GPL-2.0
/*
 * Services: made, connected to, called; the good path of everything.
 */
#include "test.h"
#include "kservice.h"

FIXTURE(service) {
	const char *name;
	int fd;
	pid_t server;
	struct client c;
	int *go;		/* shared with the server */
};

FIXTURE_SETUP(service)
{
	self->go = shared(sizeof(*self->go));
	self->name = temp_name("service");
	self->fd = service(self->name, 0, 0, 0);
	self->server = spawn_server(self->fd, 2);
	self->c = connect_to(self->name);
}

FIXTURE_TEARDOWN(service)
{
	slay(self->server);
}

TEST_F(service, a_call)
{
	struct kipc_frame *frame = frame_of(&self->c, 0);

	ASSERT_EQ(0, s_call(&self->c, 0, ADD, 40, 2, KIPC_FOREVER));
	EXPECT_EQ(42, frame->args[0]);
	/* The status is the call's value. */
	s_prepare(&self->c, 1, ADD, 1, 2, 77, now_ns() + PATIENCE);
	EXPECT_EQ(77, ioctl(self->c.fd, KIPC_IOC_SERVICE_CALL, 1UL));
	EXPECT_EQ(3, frame_of(&self->c, 1)->args[0]);
	EXPECT_EQ(42, frame->args[0]);
}

TEST_F(service, many_calls)
{
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		ASSERT_EQ(0, s_call(&self->c, i % 4, ADD, i, 1, KIPC_FOREVER));
		ASSERT_EQ(i + 1, frame_of(&self->c, i % 4)->args[0]);
	}
	EXPECT_EQ(5000, service_stat(self->fd).calls);
	EXPECT_EQ(5000, service_stat(self->fd).replies);
}

TEST_F(service, an_a_stack)
{
	char *stack = stack_of(&self->c, 3);

	memset(stack, 1, 4096);
	ASSERT_EQ(0, s_call(&self->c, 3, SCRIBBLE, 5, 4096, KIPC_FOREVER));
	EXPECT_EQ(6, stack[0]);
	EXPECT_EQ(6, stack[4095]);
	EXPECT_EQ(0, stack_of(&self->c, 2)[4095]);
}

TEST_F(service, who_calls)
{
	struct kipc_frame *frame = frame_of(&self->c, 0);

	ASSERT_EQ(0, s_call(&self->c, 0, WHO, 0, 0, KIPC_FOREVER));
	EXPECT_EQ(getpid(), (pid_t)frame->args[0]);
	EXPECT_EQ(gettid(), (pid_t)frame->args[1]);
	EXPECT_EQ(geteuid(), frame->args[2]);
	EXPECT_EQ(getegid(), frame->args[3]);
}

TEST_F(service, submitted)
{
	uint64_t token[4], any = 0;
	unsigned int i, stack;
	struct pollfd p = { .fd = self->c.fd, .events = POLLPRI };

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, s_submit(&self->c, i, ADD, i, 100, &token[i]));
	ASSERT_EQ(0, s_collect(self->c.fd, &token[2], &stack, KIPC_FOREVER));
	EXPECT_EQ(2, stack);
	EXPECT_EQ(102, frame_of(&self->c, 2)->args[0]);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, poll(&p, 1, -1));
		any = 0;
		ASSERT_EQ(0, s_collect(self->c.fd, &any, &stack, KIPC_NO_WAIT));
		EXPECT_EQ(token[stack], any);
		EXPECT_EQ(100 + stack, frame_of(&self->c, stack)->args[0]);
	}
	any = 0;
	EXPECT_ERR(ENOENT, s_collect(self->c.fd, &any, &stack, KIPC_NO_WAIT));
	EXPECT_EQ(0, poll(&p, 1, 0));
}

TEST_F(service, given_up)
{
	uint64_t patience = 10 * MS;

	/* Again, and with more time, if no worker was in time. */
	do {
		patience *= 2;
		EXPECT_ERR(ETIMEDOUT, s_call(&self->c, 0, HOLD, (uintptr_t)self->go, 0,
					     after(patience)));
	} while (!service_stat(self->fd).abandoned && patience < PATIENCE);
	/* The server is not done with it. */
	EXPECT_ERR(EBUSY, s_call(&self->c, 0, ADD, 1, 1, KIPC_FOREVER));
	EXPECT_EQ(0, s_call(&self->c, 1, ADD, 1, 1, KIPC_FOREVER));
	*self->go = 1;
	wait_idle(self->fd, 2);
	EXPECT_EQ(0, s_call(&self->c, 0, ADD, 1, 1, KIPC_FOREVER));
	EXPECT_EQ(1, service_stat(self->fd).abandoned);
}

TEST_F(service, server_dies)
{
	EXPECT_ERR(EPIPE, s_call(&self->c, 0, DIE, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(EPIPE, s_call(&self->c, 1, ADD, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(ENOENT, s_open(self->name, CALL, 0, KIPC_NO_WAIT));
}

TEST_F(service, worker_dies)
{
	uint64_t start = now_ns();

	EXPECT_ERR(EPIPE, s_call(&self->c, 0, EXIT, 0, 0, KIPC_FOREVER));
	EXPECT_LE(now_ns() - start, PATIENCE);
	EXPECT_EQ(0, s_call(&self->c, 0, ADD, 0, 0, KIPC_FOREVER));
}

TEST_F(service, removed)
{
	ASSERT_OK(k_remove(self->fd));
	EXPECT_ERR(EIDRM, s_call(&self->c, 0, ADD, 0, 0, KIPC_FOREVER));
}

TEST_HARNESS_MAIN
