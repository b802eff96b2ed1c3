// SPDX-License-Identifier: GPL-2.0
/* The library's services, the client's side: connecting, A-stacks, calls. */
#include "test.h"
#include "libservice.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

SERVICE_FIXTURE(client)

/* Who may connect: all but who says 13, whatever is said to refuse. */
static int accept_most(const struct kipc_served *caller, uint64_t *value,
		       uint64_t answer[8])
{
	CHECK(caller == kipc_caller());
	CHECK(caller->flags & KIPC_SERVED_CONNECT);
	answer[0] = caller->args[0] + 1;
	answer[7] = caller->uid;
	*value = caller->args[1];
	if (caller->args[2])
		hold();
	return caller->args[0] == 13 ? (int)caller->args[1] - 1 : 0;
}

TEST_F(client, is_accepted)
{
	uint64_t args[8] = { 3, 77 };
	struct kipc_binding *b, *other;
	pid_t pid;
	int fd;

	self->options.accept = accept_most;
	pid = lib_serve(self->name, &self->options);
	b = kipc_connect(self->name, args, after(PATIENCE));
	ASSERT_NE(NULL, b);
	EXPECT_EQ(4, args[0]);
	EXPECT_EQ(geteuid(), args[7]);
	EXPECT_EQ(0, args[1]);
	lib_call(b, WHO, args);
	EXPECT_EQ(77, args[2]);

	memset(args, 0, sizeof(args));
	args[0] = 13;
	EXPECT_NONE(ECONNREFUSED, kipc_connect(self->name, args, after(PATIENCE)));
	EXPECT_EQ(14, args[0]);
	args[0] = 13;
	args[1] = EPERM + 1;
	fd = kipc_open(self->name, KIPC_KIND_SERVICE, CALL, 0);
	EXPECT_NONE(ECONNREFUSED, kipc_connect_fd(fd, args, after(PATIENCE)));
	close(fd);
	EXPECT_EQ(1, lib_figures(kipc_binding_fd(b)).bindings);
	/* Who gives nothing has given zeros. */
	other = lib_bind(self->name);
	lib_call(other, WHO, args);
	EXPECT_EQ(0, args[2]);
	kipc_disconnect(other);
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

static int fd_of(const char *name)
{
	int fd = kipc_open(name, KIPC_KIND_SERVICE, CALL, 0);

	CHECK(fd >= 0);
	return fd;
}

static void *connect_and_wait(void *fd)
{
	uint64_t args[8] = { 1, 2, 3 };

	return kipc_connect_fd(*(int *)fd, args, after(PATIENCE));
}

TEST_F(client, waits_for_a_decision)
{
	uint64_t args[8] = { 1, 2, 3 };
	int signals = 0, fd, other;
	struct kipc_binding *b;
	pthread_t thread;
	pid_t pid, child;

	self->options.accept = accept_most;
	self->options.threads = 2;
	pid = lib_serve(self->name, &self->options);
	args[2] = 0;
	b = kipc_connect(self->name, args, after(PATIENCE));
	ASSERT_NE(NULL, b);
	kipc_disconnect(b);

	args[2] = 1;
	fd = fd_of(self->name);
	ASSERT_EQ(0, pthread_create(&thread, NULL, connect_and_wait, &fd));
	wait_holding(1);
	EXPECT_NONE(EALREADY, kipc_connect_fd(fd, NULL, KIPC_FOREVER));
	EXPECT_NONE(ETIMEDOUT, kipc_connect(self->name, args, after(10 * MS)));
	other = fd_of(self->name);
	EXPECT_NONE(ETIMEDOUT, kipc_connect_fd(other, args, after(10 * MS)));
	EXPECT_NONE(EAGAIN, kipc_connect(self->name, args, KIPC_NO_WAIT));
	EXPECT_NONE(EAGAIN, kipc_connect_fd(other, args, KIPC_NO_WAIT));
	child = spawn();
	if (!child) {
		count_signals(SIGUSR1, 0, &signals);
		__atomic_store_n(&stage->pages, 1, __ATOMIC_SEQ_CST);
		CHECK_NONE(EINTR, kipc_connect_fd(other, args, after(PATIENCE)));
		_exit(0);	/* the binding of the other thread is no leak */
	}
	wait_for(__atomic_load_n(&stage->pages, __ATOMIC_SEQ_CST));
	wait_for(task_state(child, child) == 'S');
	kill(child, SIGUSR1);
	EXPECT_EQ(0, reap(child));
	close(other);
	let_go(1);
	ASSERT_EQ(0, pthread_join(thread, (void **)&b));
	ASSERT_NE(NULL, b);
	EXPECT_NONE(EISCONN, kipc_connect_fd(fd, NULL, KIPC_FOREVER));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* Waiting for the service: who does is counted nowhere, but sleeps. */

static void ready(void)
{
	__atomic_store_n(&stage->go, 1, __ATOMIC_SEQ_CST);
}

static void wait_ready(pid_t pid)
{
	wait_for(__atomic_exchange_n(&stage->go, 0, __ATOMIC_SEQ_CST));
	wait_for(task_state(pid, pid) == 'S');
}

TEST_F(client, waits_for_the_name)
{
	const char *other = temp_name("queue");
	struct kipc_binding *b;
	uint64_t args[8] = { 1 };
	int signals = 0;
	char text[300];
	pid_t pid;

	memset(text, 'n', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	EXPECT_NONE(ENOENT, kipc_connect(self->name, NULL, KIPC_NO_WAIT));
	EXPECT_NONE(ETIMEDOUT, kipc_connect(self->name, NULL, after(10 * MS)));
	EXPECT_NONE(EINVAL, kipc_connect(NULL, NULL, KIPC_FOREVER));
	EXPECT_NONE(EINVAL, kipc_connect("a/b", NULL, KIPC_FOREVER));
	EXPECT_NONE(ENAMETOOLONG, kipc_connect(text, NULL, KIPC_FOREVER));
	ASSERT_OK(kipc_queue_create(other, NULL, 0600, KIPC_QUEUE_RIGHTS, 0));
	EXPECT_NONE(EPROTOTYPE, kipc_connect(other, NULL, KIPC_FOREVER));
	EXPECT_OK(kipc_unlink(other));
	pid = spawn();
	if (!pid) {
		count_signals(SIGUSR1, 0, &signals);
		ready();
		CHECK_NONE(EINTR, kipc_connect(self->name, NULL, after(PATIENCE)));
		CHECK(signals == 1);
		exit(0);
	}
	wait_ready(pid);
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));

	pid = spawn();
	if (!pid) {
		ready();
		b = lib_bind(self->name);
		lib_call(b, STATUS, args);
		exit(0);
	}
	wait_ready(pid);
	/* In a child, which has no queue without a name. */
	{
		pid_t server = lib_serve(self->name, &self->options);

		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(128 + SIGKILL, slay(server));
	}
	/* The queue, that the harness closes at the end. */
	for (pid = 3; pid < 64; pid++)
		close(pid);
}

/* Rights, permission, limits. */

static void short_of(int what, rlim_t value, const char *name)
{
	struct rlimit limit = { value, value };

	CHECK(!setrlimit(what, &limit));
	if (what == RLIMIT_AS) {
		int fd = fd_of(name);

		CHECK_NONE(ENOMEM, kipc_connect(name, NULL, after(PATIENCE)));
		CHECK_NONE(ENOMEM, kipc_connect_fd(fd, NULL, after(PATIENCE)));
	} else {
		CHECK_NONE(EMFILE, kipc_connect(name, NULL, after(PATIENCE)));
	}
	exit(0);
}

TEST_F(client, is_not_let_in)
{
	uint64_t waiters = get_limit("max_waiters"), bytes = get_limit("max_bytes");
	struct kipc_binding *one, *two;
	int fd, lowest, null;
	pid_t pid, child;

	self->options.attr.bindings = 3;
	self->options.attr.stacks = 2;
	self->options.attr.stack_size = 8 << 20;
	pid = lib_serve(self->name, &self->options);
	one = lib_bind(self->name);
	null = open("/dev/null", O_RDWR);
	lowest = dup(null);
	close(lowest);
	EXPECT_NONE(EBADF, kipc_connect_fd(-1, NULL, 0));
	EXPECT_NONE(ENOTTY, kipc_connect_fd(null, NULL, 0));
	fd = kipc_open(self->name, KIPC_KIND_SERVICE, SERVE, 0);
	EXPECT_NONE(EPERM, kipc_connect_fd(fd, NULL, 0));
	close(fd);
	child = spawn();
	if (!child && SANITIZED)
		exit(0);
	if (!child)
		short_of(RLIMIT_AS, 8 << 20, self->name);
	EXPECT_EQ(0, reap(child));
	child = spawn();
	if (!child)
		short_of(RLIMIT_NOFILE, lowest + 1, self->name);
	EXPECT_EQ(0, reap(child));
	set_limit("max_bytes", 4096);
	EXPECT_NONE(EDQUOT, kipc_connect(self->name, NULL, after(PATIENCE)));
	fd = fd_of(self->name);
	EXPECT_NONE(EDQUOT, kipc_connect_fd(fd, NULL, after(PATIENCE)));
	set_limit("max_bytes", bytes);
	set_limit("max_waiters", 0);
	EXPECT_NONE(EDQUOT, kipc_connect("nobody", NULL, after(PATIENCE)));
	set_limit("max_waiters", waiters);

	/* The server has one itself. */
	two = lib_bind(self->name);
	EXPECT_NONE(EUSERS, kipc_connect(self->name, NULL, after(PATIENCE)));
	EXPECT_NONE(EUSERS, kipc_connect_fd(fd, NULL, after(PATIENCE)));
	child = spawn();
	if (!child) {
		CHECK(!unshare(CLONE_NEWNS));
		CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		become(NOBODY, NOBODY);
		CHECK_NONE(EACCES, kipc_connect(self->name, NULL, after(PATIENCE)));
		exit(0);
	}
	EXPECT_EQ(0, reap(child));
	child = spawn();
	if (!child) {
		CHECK(!unshare(CLONE_NEWNS));
		CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK(!mount("none", "/dev", "tmpfs", 0, NULL));
		CHECK_NONE(ENOENT, kipc_connect(self->name, NULL, after(PATIENCE)));
		CHECK(!mknod("/dev/kipc", S_IFCHR | 0600, makedev(10, 254)));
		CHECK_NONE(ENODEV, kipc_connect(self->name, NULL, after(PATIENCE)));
		exit(0);
	}
	EXPECT_EQ(0, reap(child));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_NONE(EPIPE, kipc_connect_fd(fd, NULL, after(PATIENCE)));
	close(fd);
	kipc_disconnect(one);
	kipc_disconnect(two);
}

TEST_F(client, finds_it_removed)
{
	struct kipc_service *service = kipc_service_register(self->name, &self->options);
	int fd = fd_of(self->name), other = fd_of(self->name);
	struct kipc_binding *b = kipc_connect_fd(fd, NULL, 0);
	uint64_t args[8] = { 0 }, token;

	ASSERT_NE(NULL, b);
	token = lib_submit(b, 0, ADD, 0);
	EXPECT_OK(kipc_remove(kipc_service_fd(service)));
	EXPECT_NONE(EIDRM, kipc_connect_fd(other, NULL, 0));
	EXPECT_ERR(EIDRM, kipc_call(b, 1, ADD, args, KIPC_FOREVER));
	EXPECT_ERR(EIDRM, kipc_call_async(b, 1, ADD, args, NULL));
	EXPECT_ERR(EIDRM, kipc_call_collect(b, &token, args, NULL, KIPC_FOREVER));
	kipc_disconnect(b);
	kipc_disconnect(NULL);
	close(other);
	kipc_service_free(service);
}

/* A handle that a child has inherited, or that it got, is as good as a name. */
TEST_F(client, by_a_handle)
{
	struct kipc_service *service = kipc_service_register(NULL, &self->options);
	int fd = kipc_narrow(kipc_service_fd(service), CALL, 0);
	uint64_t args[8] = { 0 };
	struct kipc_binding *b;
	pid_t pid = spawn();

	if (!pid) {
		b = kipc_connect_fd(fd, NULL, 0);
		CHECK(b);
		lib_call(b, STOP, args);
		CHECK(lib_figures(fd).replies == 1);
		kipc_disconnect(b);
		exit(0);
	}
	close(fd);
	lib_service = service;
	EXPECT_OK(kipc_service_run(service));
	EXPECT_EQ(0, reap(pid));
	kipc_service_free(service);
}

/* A-stacks among threads. */
TEST_F(client, stacks)
{
	struct kipc_service *service;
	struct kipc_binding *b;
	int i;

	self->options.attr.stacks = KIPC_STACKS_MAX;
	service = kipc_service_register(self->name, &self->options);
	b = lib_bind(self->name);
	EXPECT_EQ(KIPC_STACKS_MAX, kipc_stacks(b));
	for (i = 0; i < KIPC_STACKS_MAX; i++)
		EXPECT_EQ(i, kipc_stack_take(b));
	EXPECT_ERR(EAGAIN, kipc_stack_take(b));
	kipc_stack_release(b, 63);
	kipc_stack_release(b, 5);
	kipc_stack_release(b, KIPC_STACKS_MAX);
	EXPECT_EQ(5, kipc_stack_take(b));
	EXPECT_EQ(63, kipc_stack_take(b));
	EXPECT_ERR(EAGAIN, kipc_stack_take(b));
	EXPECT_EQ(NULL, kipc_stack(b, KIPC_STACKS_MAX));
	kipc_disconnect(b);
	kipc_service_free(service);
}

static struct kipc_binding *hammered;

static void *hammer(void *result)
{
	unsigned int i;

	for (i = 0; i < effort(2000); i++) {
		uint64_t args[8] = { i, 1 };
		int stack;

		/* There are more threads than A-stacks. */
		while ((stack = kipc_stack_take(hammered)) < 0)
			sched_yield();
		*(volatile uint64_t *)kipc_stack(hammered, stack) = i;
		CHECK(kipc_call(hammered, stack, ADD, args, after(PATIENCE)) == 0);
		CHECK(*(volatile uint64_t *)kipc_stack(hammered, stack) == i);
		CHECK(args[0] == i + 1);
		kipc_stack_release(hammered, stack);
	}
	return result;
}

TEST_F(client, threads_share_a_binding)
{
	pid_t pid = lib_serve(self->name, &self->options);
	pthread_t threads[6];
	int i;

	hammered = lib_bind(self->name);
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, hammer, NULL));
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	kipc_disconnect(hammered);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* Calls that fail. */

TEST_F(client, errors)
{
	struct kipc_service *service = kipc_service_register(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8] = { 5 }, token, none = 12345;
	int signals = 0;
	pid_t pid;

	/* Nobody serves. */
	EXPECT_ERR(EAGAIN, kipc_call(b, 0, ADD, args, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_call(b, 0, ADD, args, after(MS)));
	EXPECT_EQ(5, args[0]);
	EXPECT_ERR(EINVAL, kipc_call(b, 4, ADD, args, KIPC_FOREVER));
	EXPECT_ERR(EINVAL, kipc_call_async(b, 4, ADD, args, NULL));
	EXPECT_ERR(EINVAL, kipc_call(b, KIPC_SERVICE_SUBMIT, ADD, args, KIPC_FOREVER));
	EXPECT_ERR(ENOENT, kipc_call_collect(b, NULL, args, NULL, KIPC_FOREVER));
	EXPECT_ERR(ENOENT, kipc_call_collect(b, &none, args, NULL, KIPC_FOREVER));
	EXPECT_ERR(ENOENT, kipc_call_cancel(b, none));

	/* It was withdrawn each time, and so the A-stack is free. */
	token = lib_submit(b, 0, ADD, 5);
	EXPECT_ERR(EBUSY, kipc_call(b, 0, ADD, args, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, kipc_call_collect(b, &token, args, NULL, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_call_collect(b, &token, args, NULL, after(MS)));
	EXPECT_OK(kipc_call_cancel(b, token));
	EXPECT_ERR(ENOENT, kipc_call_cancel(b, token));
	EXPECT_EQ(0, lib_figures(kipc_binding_fd(b)).waiting);

	pid = spawn();
	if (!pid) {
		struct kipc_binding *own = lib_bind(self->name);

		count_signals(SIGUSR1, 0, &signals);
		CHECK_ERR(EINTR, kipc_call(own, 0, ADD, args, after(PATIENCE)));
		token = lib_submit(own, 0, ADD, 5);
		ready();
		CHECK_ERR(EINTR, kipc_call_collect(own, &token, args, NULL, after(PATIENCE)));
		CHECK(signals == 2);
		kipc_disconnect(own);
		exit(0);
	}
	wait_for(lib_figures(kipc_binding_fd(b)).waiting == 1);
	wait_for(task_state(pid, pid) == 'S');
	kill(pid, SIGUSR1);
	wait_ready(pid);
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	kipc_service_free(service);
	EXPECT_ERR(EPIPE, kipc_call(b, 0, ADD, args, KIPC_FOREVER));
	EXPECT_ERR(EPIPE, kipc_call_async(b, 0, ADD, args, NULL));
	kipc_disconnect(b);
}

/* A call that was given up has its A-stack until the server is done. */
TEST_F(client, gives_up)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8] = { 0 }, token;

	EXPECT_EQ(0, kipc_stack_take(b));
	EXPECT_ERR(ETIMEDOUT, kipc_call(b, 0, HOLD, args, after(3 * SECOND)));
	wait_holding(1);
	EXPECT_ERR(EBUSY, kipc_call(b, 0, ADD, args, after(PATIENCE)));
	/* Others are better now, as long as there are any. */
	kipc_stack_release(b, 0);
	EXPECT_EQ(1, kipc_stack_take(b));
	EXPECT_EQ(2, kipc_stack_take(b));
	EXPECT_EQ(3, kipc_stack_take(b));
	EXPECT_EQ(0, kipc_stack_take(b));
	kipc_stack_release(b, 0);
	kipc_stack_release(b, 1);
	token = lib_submit(b, 1, HOLD, 0);
	wait_holding(2);
	EXPECT_OK(kipc_call_cancel(b, token));
	EXPECT_ERR(EBUSY, kipc_call(b, 1, ADD, args, after(PATIENCE)));
	let_go(1);
	wait_for(lib_figures(kipc_binding_fd(b)).serving == 0);
	EXPECT_EQ(2, lib_figures(kipc_binding_fd(b)).abandoned);
	EXPECT_EQ(0, kipc_call(b, 0, ADD, args, after(PATIENCE)));
	EXPECT_EQ(0, kipc_call(b, 1, ADD, args, after(PATIENCE)));
	/* It has shown that it is free. */
	EXPECT_EQ(0, kipc_stack_take(b));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* Signals. */

static pid_t interrupted_caller(const char *name, uint64_t patience, int want)
{
	uint64_t args[8] = { 6 };
	struct kipc_binding *b;
	int signals = 0, ret;
	pid_t pid = spawn();

	if (pid)
		return pid;
	b = lib_bind(name);
	count_signals(SIGUSR1, 0, &signals);
	ret = kipc_call(b, 0, HOLD, args, after(patience));
	CHECK(signals >= 3);
	if (want)
		CHECK(ret == -1 && errno == want);
	else
		CHECK(ret == 7 && args[0] == 6);
	exit(0);
}

static void signal_often(pid_t pid)
{
	int i;

	for (i = 0; i < 5; i++) {
		wait_for(task_state(pid, pid) == 'S');
		kill(pid, SIGUSR1);
		nap();
	}
	wait_for(task_state(pid, pid) == 'S');
}

TEST_F(client, goes_on_after_signals)
{
	pid_t pid = lib_serve(self->name, &self->options);
	pid_t caller = interrupted_caller(self->name, PATIENCE, 0);
	struct kipc_binding *b = lib_bind(self->name);

	wait_holding(1);
	signal_often(caller);
	let_go(1);
	EXPECT_EQ(0, reap(caller));
	/* Once. */
	EXPECT_EQ(1, lib_figures(kipc_binding_fd(b)).calls);

	let_go(0);
	caller = interrupted_caller(self->name, PATIENCE, EPIPE);
	wait_holding(1);
	signal_often(caller);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(0, reap(caller));
	kipc_disconnect(b);
}

TEST_F(client, goes_on_to_its_deadline)
{
	pid_t pid = lib_serve(self->name, &self->options);
	pid_t caller = interrupted_caller(self->name, 8 * SECOND, ETIMEDOUT);

	wait_holding(1);
	signal_often(caller);
	EXPECT_EQ(0, reap(caller));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

static void *interrupt(void *caller)
{
	wait_holding(1);
	pthread_kill(*(pthread_t *)caller, SIGUSR1);
	usleep(10000);
	let_go(1);
	return NULL;
}

/* Who waits again after a signal needs no quota for that. */
TEST_F(client, goes_on_without_quota)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8] = { 6 }, waiters = get_limit("max_waiters");
	pthread_t thread, here = pthread_self();
	int signals = 0;

	count_signals(SIGUSR1, 0, &signals);
	ASSERT_EQ(0, pthread_create(&thread, NULL, interrupt, &here));
	set_limit("max_waiters", 0);
	EXPECT_EQ(7, kipc_call(b, 0, HOLD, args, after(PATIENCE)));
	set_limit("max_waiters", waiters);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, signals);
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* Errors of a handler reach whoever collects. */
TEST_F(client, collects_errors)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	unsigned int stack = 77;
	uint64_t args[8], token;

	token = lib_submit(b, 2, HOLE, 0);
	EXPECT_ERR(ENOSYS, kipc_call_collect(b, &token, args, &stack, after(PATIENCE)));
	EXPECT_EQ(2, stack);
	lib_submit(b, 2, STATUS, -EBUSY);
	token = 0;
	EXPECT_ERR(EPROTO, kipc_call_collect(b, &token, args, &stack, after(PATIENCE)));
	EXPECT_NE(0, token);
	lib_submit(b, 3, DIE, 0);
	token = 0;
	EXPECT_ERR(EPIPE, kipc_call_collect(b, &token, args, &stack, after(PATIENCE)));
	EXPECT_EQ(3, stack);
	EXPECT_EQ(42, reap(pid));
	kipc_disconnect(b);
}

/* The server dies, another comes, and the client goes on. */
TEST_F(client, connects_again)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8] = { 1 };
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, lib_call(b, ADD, args));
		if (i == 1)
			EXPECT_EQ(128 + SIGKILL, slay(pid));
		EXPECT_ERR(EPIPE, kipc_call(b, 0, DIE, args, after(PATIENCE)));
		kipc_disconnect(b);
		if (i != 1)
			EXPECT_EQ(42, reap(pid));
		pid = lib_serve(self->name, &self->options);
		b = lib_bind(self->name);
	}
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

TEST_HARNESS_MAIN
