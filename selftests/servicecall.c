// SPDX-License-Identifier: GPL-2.0
/* One call: what goes there and comes back, the sizes of A-stacks, how long it waits. */
#include "test.h"
#include "kservice.h"

#include <limits.h>

FIXTURE(call) {
	struct hand h;
	struct client *c;
	int fd;
};

FIXTURE_SETUP(call)
{
	self->h = hand_of(NULL);
	self->c = &self->h.c;
	self->fd = self->h.fd;
}

FIXTURE_TEARDOWN(call)
{
}

TEST_F(call, registers_both_ways)
{
	struct kipc_service_reply reply = { .status = INT_MAX };
	struct kipc_frame *frame = frame_of(self->c, 2);
	struct kipc_served call;
	uint64_t token;
	unsigned int i, stack;

	for (i = 0; i < 8; i++)
		frame->args[i] = ~0ULL / (i + 1);
	frame->procedure = 0xfedcba9876543210ULL;
	ASSERT_OK(ioctl(self->c->fd, KIPC_IOC_SERVICE_CALL, 2UL | KIPC_SERVICE_SUBMIT));
	token = frame->token;
	/* They were read then: what is written there now does not count. */
	for (i = 0; i < 8; i++)
		frame->args[i] = 1;
	frame->procedure = 2;
	reply.token = s_take(self->fd, &call);
	EXPECT_EQ(token, reply.token);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(~0ULL / (i + 1), call.args[i]);
		reply.args[i] = 0x0102030405060708ULL * i;
	}
	EXPECT_EQ(0xfedcba9876543210ULL, call.procedure);
	EXPECT_EQ(0, call.value);
	EXPECT_EQ(self->c->is.frames_size + 2 * self->c->is.stack_size, call.stack);
	EXPECT_EQ(getpid(), call.pid);
	EXPECT_EQ(gettid(), call.tid);
	EXPECT_EQ(KIPC_SERVED_GROW, call.flags);
	ASSERT_EQ(0, ioctl(self->fd, KIPC_IOC_SERVICE_REPLY, &reply));
	EXPECT_EQ(INT_MAX, s_collect(self->c->fd, &token, &stack, KIPC_NO_WAIT));
	EXPECT_EQ(2, stack);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0x0102030405060708ULL * i, frame->args[i]);
	/* The rest of the frame is the caller's. */
	EXPECT_EQ(2, frame->procedure);
	EXPECT_EQ(0, frame->reserved[4]);
}

TEST_F(call, replied_to_with_the_next_serve)
{
	struct kipc_service_serve serve = { .flags = 0 };
	uint64_t token[2];

	ASSERT_OK(s_submit(self->c, 0, ADD, 1, 2, &token[0]));
	ASSERT_OK(s_submit(self->c, 1, ADD, 3, 4, &token[1]));
	ASSERT_OK(s_serve(self->fd, &serve, KIPC_NO_WAIT));
	s_handle(self->h.map, &serve);
	serve.reply.status = 5;
	ASSERT_OK(s_serve(self->fd, &serve, KIPC_NO_WAIT));
	EXPECT_EQ(0, serve.reply.token);
	EXPECT_EQ(5, s_collect(self->c->fd, &token[0], NULL, KIPC_NO_WAIT));
	EXPECT_EQ(3, frame_of(self->c, 0)->args[0]);
	s_handle(self->h.map, &serve);
	/* There is no other call: but the reply was given, and is not given again. */
	EXPECT_ERR(EAGAIN, s_serve(self->fd, &serve, KIPC_NO_WAIT));
	EXPECT_EQ(0, serve.reply.token);
	EXPECT_ERR(ETIMEDOUT, s_serve(self->fd, &serve, after(20 * MS)));
	EXPECT_EQ(0, s_collect(self->c->fd, &token[1], NULL, KIPC_NO_WAIT));
	EXPECT_EQ(7, frame_of(self->c, 1)->args[0]);
	EXPECT_EQ(2, service_stat(self->fd).replies);
}

/* The last byte of the last A-stack, and its frame, are where they should be. */
static void try_sizes(unsigned int size, unsigned int stacks)
{
	struct kipc_service_attr attr = { .stack_size = size, .stacks = stacks,
					  .bindings = 2 };
	struct hand h = hand_of(&attr);
	struct kipc_service_stat st = service_stat(h.fd);
	size_t rounded = size ? (size + PAGE - 1) / PAGE * PAGE : PAGE, i;
	unsigned int n = stacks ?: 4;
	size_t frames = n > 32 ? 2 * PAGE : PAGE;
	struct kipc_served call;
	uint64_t token;

	CHECK(h.c.is.stack_size == rounded && h.c.is.stacks == n);
	CHECK(h.c.is.frames_size == frames);
	CHECK(h.c.is.binding_size == frames + n * rounded);
	CHECK(st.attr.stack_size == rounded && st.attr.stacks == n);
	CHECK(st.frames_size == frames && st.binding_size == h.c.is.binding_size);
	CHECK(st.map_size == 2 * st.binding_size);
	for (i = 0; i < h.c.is.binding_size; i += PAGE / 4)
		CHECK(!h.c.map[i]);
	CHECK(!s_submit(&h.c, n - 1, 7, n, size, &token));
	CHECK(frame_of(&h.c, n - 1)->token == token);
	stack_of(&h.c, n - 1)[rounded - 1] = 42;
	CHECK(s_take(h.fd, &call) == token);
	CHECK(call.args[0] == n && call.args[1] == size && call.procedure == 7);
	CHECK(call.stack + rounded == h.c.is.binding_size);
	CHECK(h.map[call.stack + rounded - 1] == 42);
	h.map[call.stack] = 43;
	CHECK(!s_reply(h.fd, token, 0, 44));
	CHECK(!s_collect(h.c.fd, &token, NULL, KIPC_NO_WAIT));
	CHECK(stack_of(&h.c, n - 1)[0] == 43 && frame_of(&h.c, n - 1)->args[0] == 44);
	CHECK_ERR(EINVAL, s_submit(&h.c, n, 0, 0, 0, NULL));
	disconnect(&h.c);
	munmap(h.map, st.map_size);
	close(h.fd);
}

TEST(sizes)
{
	static const unsigned int sizes[] = { 0, 1, 4095, 4096, 4097, 65536, 1 << 20 };
	static const unsigned int stacks[] = { 0, 1, 2, 32, 33, 64 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(stacks); j++)
			if (sizes[i] < 1 << 20 || stacks[j] < 3)
				try_sizes(sizes[i], stacks[j]);
}

/* All bindings together: 2^40 bytes, and not a page more. */
TEST(bounds)
{
	struct kipc_service_attr attr = { KIPC_STACK_MAX, KIPC_STACKS_MAX, 1023, 0, 0, 0 };
	struct kipc_service_stat st;
	int fd;

	ASSERT_OK(fd = s_create(NULL, &attr, 0600, SERVE, 0));
	st = service_stat(fd);
	EXPECT_EQ(1023 * (64 * 16777216ULL + 8192), st.map_size);
	EXPECT_EQ(0, memcmp(&attr, &st.attr, sizeof(attr)));
	attr.bindings = 1024;
	EXPECT_ERR(EINVAL, s_create(NULL, &attr, 0600, SERVE, 0));
	attr = (struct kipc_service_attr){ .stack_size = 1, .stacks = 1,
					   .bindings = KIPC_BINDINGS_MAX };
	EXPECT_OK(fd = s_create(NULL, &attr, 0600, SERVE, 0));
	EXPECT_EQ(8192ULL * KIPC_BINDINGS_MAX, service_stat(fd).map_size);
	EXPECT_OK(fd = s_create(NULL, NULL, 0600, SERVE, 0));
	st = service_stat(fd);
	EXPECT_EQ(4096, st.attr.stack_size);
	EXPECT_EQ(4, st.attr.stacks);
	EXPECT_EQ(256, st.attr.bindings);
	EXPECT_EQ(0, st.attr.user_bindings + st.attr.workers + st.attr.flags);
}

TEST_F(call, busy)
{
	uint64_t token, other;

	ASSERT_OK(s_submit(self->c, 0, ADD, 1, 2, &token));
	EXPECT_ERR(EBUSY, s_call(self->c, 0, ADD, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(EBUSY, s_submit(self->c, 0, ADD, 0, 0, NULL));
	ASSERT_EQ(token, s_take(self->fd, NULL));
	EXPECT_ERR(EBUSY, s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_OK(s_submit(self->c, 1, ADD, 0, 0, &other));
	ASSERT_OK(s_reply(self->fd, token, 0, 0));
	/* There is a reply, which nobody has collected. */
	EXPECT_ERR(EBUSY, s_submit(self->c, 0, ADD, 0, 0, NULL));
	ASSERT_OK(s_collect(self->c->fd, &token, NULL, KIPC_NO_WAIT));
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_NE(token, frame_of(self->c, 0)->token);
}

TEST_F(call, deadlines_in_line)
{
	struct task t;

	EXPECT_ERR(EAGAIN, s_call(self->c, 0, ADD, 0, 0, KIPC_NO_WAIT));
	/* It has passed. */
	EXPECT_ERR(ETIMEDOUT, s_call(self->c, 0, ADD, 0, 0, 1));
	EXPECT_ERR(ETIMEDOUT, s_call(self->c, 0, ADD, 0, 0, after(20 * MS)));
	/* As if it had not been made. */
	EXPECT_EQ(0, service_stat(self->fd).calls);
	EXPECT_TRUE(s_has(self->fd, 0, 0));
	EXPECT_ERR(EAGAIN, s_serve(self->fd, &(struct kipc_service_serve){}, 0));
	/* Beyond all clocks, and for ever. */
	task_call(&t, self->c, 0, 0, 0, KIPC_FOREVER - 1);
	ASSERT_OK(s_reply(self->fd, s_take(self->fd, NULL), 3, 0));
	EXPECT_EQ(3, task_end(&t));
	task_call(&t, self->c, 0, 0, 0, 1ULL << 63);
	ASSERT_OK(s_reply(self->fd, s_take(self->fd, NULL), 4, 0));
	EXPECT_EQ(4, task_end(&t));
}

TEST_F(call, given_up_when_it_was_taken)
{
	uint64_t token;
	struct task t;

	task_call(&t, self->c, 0, 1, 2, after(2 * SECOND));
	token = s_take(self->fd, NULL);
	EXPECT_ERR(ETIMEDOUT, task_end(&t));
	EXPECT_ERR(EBUSY, s_call(self->c, 0, ADD, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(ENOENT, s_collect(self->c->fd, &token, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(1, service_stat(self->fd).abandoned);
	EXPECT_TRUE(s_has(self->fd, 0, 1));
	/* Nobody waits for it any more, and then the A-stack is free. */
	EXPECT_EQ(1, s_reply(self->fd, token, 0, 0));
	EXPECT_ERR(ENOENT, s_reply(self->fd, token, 0, 0));
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_EQ(1, service_stat(self->fd).replies);
}

TEST_F(call, a_handle_that_does_not_wait)
{
	struct kipc_service_serve serve = { .flags = 0 };
	uint64_t token;

	ASSERT_OK(fcntl(self->c->fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, s_call(self->c, 0, ADD, 0, 0, KIPC_FOREVER));
	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	EXPECT_ERR(EAGAIN, s_collect(self->c->fd, &token, NULL, KIPC_FOREVER));
	ASSERT_OK(fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ASSERT_OK(s_serve(self->fd, &serve, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, s_serve(self->fd, &serve, KIPC_FOREVER));
	ASSERT_OK(s_reply(self->fd, token, 6, 0));
	EXPECT_EQ(6, s_collect(self->c->fd, &token, NULL, KIPC_FOREVER));
}

TEST_HARNESS_MAIN
