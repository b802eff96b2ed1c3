// SPDX-License-Identifier: GPL-2.0
/* The library's services: several threads with one binding, or one service. */
#include "test.h"
#include "libservice.h"

SERVICE_FIXTURE(threads)

/* Another thread of the process may wait for a call, but not two for one. */
static struct kipc_binding *shared_binding;

static void *collect_it(void *token)
{
	uint64_t args[8];

	CHECK(kipc_call_collect(shared_binding, token, args, NULL, after(PATIENCE)) == 7);
	return NULL;
}

TEST_F(threads, two_collect)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8], token, same;
	pthread_t thread;

	shared_binding = b;
	token = lib_submit(b, 0, HOLD, 0);
	same = token;
	wait_holding(1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, collect_it, &token));
	wait_for(kipc_call_collect(b, &same, args, NULL, KIPC_NO_WAIT) == -1 &&
		 errno == EBUSY);
	EXPECT_ERR(EBUSY, kipc_call_collect(b, &same, args, NULL, KIPC_NO_WAIT));
	EXPECT_ERR(EBUSY, kipc_call_cancel(b, same));
	let_go(1);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

static int in_handler, collected_by_another;	/* atomic */

static void stay(int sig)
{
	(void)sig;
	__atomic_store_n(&in_handler, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&collected_by_another, __ATOMIC_SEQ_CST))
		nap();
}

static void *collect_any(void *caller)
{
	uint64_t args[8];
	unsigned int stack;

	wait_holding(1);
	pthread_kill(*(pthread_t *)caller, SIGUSR1);
	wait_for(__atomic_load_n(&in_handler, __ATOMIC_SEQ_CST));
	let_go(1);
	CHECK(kipc_call_collect(shared_binding, NULL, args, &stack, after(PATIENCE)) == 7);
	/* Nobody gets it yet, whose call the other would take for its own. */
	CHECK(!stack);
	kipc_stack_release(shared_binding, stack);
	CHECK(kipc_stack_take(shared_binding) == 1);
	__atomic_store_n(&collected_by_another, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* A call that was interrupted is one that others see. */
TEST_F(threads, another_collects)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct sigaction sa = { .sa_handler = stay };
	pthread_t thread, here = pthread_self();
	uint64_t args[8] = { 0 };

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	shared_binding = lib_bind(self->name);
	ASSERT_EQ(0, kipc_stack_take(shared_binding));
	ASSERT_EQ(0, pthread_create(&thread, NULL, collect_any, &here));
	EXPECT_ERR(EALREADY, kipc_call(shared_binding, 0, HOLD, args, after(PATIENCE)));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, kipc_stack_take(shared_binding));
	kipc_disconnect(shared_binding);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* The same, for a call that was submitted, by a thread that goes no further for now. */
TEST_F(threads, another_collects_what_was_submitted)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8], token;
	unsigned int stack;

	ASSERT_EQ(0, kipc_stack_take(b));
	token = lib_submit(b, 0, ADD, 1);
	EXPECT_EQ(0, kipc_call_collect(b, &token, args, NULL, after(PATIENCE)));
	ASSERT_OK(ioctl(kipc_binding_fd(b), KIPC_IOC_SERVICE_CALL, KIPC_SERVICE_SUBMIT | 0UL));
	EXPECT_EQ(0, kipc_call_collect(b, NULL, args, &stack, after(PATIENCE)));
	EXPECT_EQ(0, stack);
	kipc_stack_release(b, stack);
	while (kipc_stack_take(b) > 0)
		;
	EXPECT_EQ(EAGAIN, errno);
	/* Another call begins anew. */
	EXPECT_EQ(0, kipc_call(b, 0, ADD, args, after(PATIENCE)));
	EXPECT_EQ(0, kipc_stack_take(b));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

static void do_not_wait(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	(void)args;
	CHECK(!fcntl(kipc_service_fd(lib_service), F_SETFL, O_NONBLOCK));
}

static void do_wait_again(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	(void)args;
	hold();
	CHECK(!fcntl(kipc_service_fd(lib_service), F_SETFL, 0));
}

/* A thread that finds that the handle does not wait ends all, and not only itself. */
TEST_F(threads, a_thread_does_not_wait)
{
	static kipc_handler *const handlers[] = { do_wait_again, do_not_wait };
	uint64_t args[8] = { 0 };
	struct kipc_binding *b;
	pid_t pid;
	int ret;

	self->options.handlers = handlers;
	self->options.handler_count = 2;
	pid = spawn();
	if (!pid) {
		lib_service = kipc_service_register(self->name, &self->options);
		CHECK(lib_service);
		CHECK_ERR(EAGAIN, kipc_service_run(lib_service));
		exit(0);
	}
	b = lib_bind(self->name);
	/* The first worker is the thread that runs the service. */
	lib_submit(b, 0, 0, 0);
	wait_holding(1);
	EXPECT_EQ(0, kipc_call(b, 1, 1, args, after(PATIENCE)));
	/* It takes what is there already. */
	do
		ret = kipc_call(b, 1, 1, args, after(PATIENCE));
	while (ret == 0);
	EXPECT_EQ(EPIPE, errno);
	let_go(1);
	EXPECT_EQ(0, reap(pid));
	kipc_disconnect(b);
}

TEST_HARNESS_MAIN
