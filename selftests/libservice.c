// SPDX-License-Identifier: GPL-2.0
/* The library's services, the server's side: by hand, and the threads that run one. */
#include "test.h"
#include "libservice.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

/* By hand. */

static int lib_create(uint32_t rights)
{
	int fd = kipc_service_create(NULL, NULL, 0600, rights & KIPC_SERVICE_RIGHTS, 0);

	CHECK(fd >= 0);
	return fd;
}

static void *lib_map(int fd)
{
	void *map = mmap(NULL, lib_figures(fd).map_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);

	CHECK(map != MAP_FAILED);
	return map;
}

/* All in one process, which never waits for itself. */
TEST(by_hand)
{
	struct kipc_service_attr attr = { .stack_size = 5000, .stacks = 2, .workers = 9 };
	int fd = kipc_service_create(NULL, &attr, 0600, SERVE | CALL | MANAGE, 0);
	int client = kipc_narrow(fd, CALL, 0);
	struct kipc_service_serve serve = { .deadline = 0 };
	struct kipc_service_reply reply = { .status = 5 };
	struct kipc_service_stat st;
	struct kipc_binding *b;
	uint64_t args[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, token;
	unsigned int stack = 77;
	unsigned char *map;

	ASSERT_OK(fd);
	ASSERT_OK(client);
	map = lib_map(fd);
	st = lib_figures(fd);
	EXPECT_EQ(8192, st.attr.stack_size);
	EXPECT_EQ(2, st.attr.stacks);
	EXPECT_EQ(9, st.attr.workers);
	EXPECT_EQ(st.frames_size + 2 * 8192, st.binding_size);
	b = kipc_connect_fd(client, NULL, 0);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(client, kipc_binding_fd(b));
	EXPECT_EQ(2, kipc_stacks(b));
	EXPECT_EQ(8192, kipc_stack_size(b));
	EXPECT_EQ((char *)kipc_stack(b, 0) + 8192, (char *)kipc_stack(b, 1));
	EXPECT_EQ(NULL, kipc_stack(b, 2));
	strcpy(kipc_stack(b, 1), "written by the client");
	ASSERT_OK(kipc_call_async(b, 1, 1ULL << 63, args, &token));
	EXPECT_ERR(EBUSY, kipc_call_async(b, 1, 3, args, NULL));
	EXPECT_ERR(EAGAIN, kipc_call_collect(b, &token, args, &stack, 0));
	EXPECT_EQ(77, stack);

	memset(&serve.call, POISON, sizeof(serve.call));
	ASSERT_OK(kipc_service_serve(fd, &serve));
	EXPECT_EQ(1ULL << 63, serve.call.procedure);
	EXPECT_EQ(8, serve.call.args[7]);
	EXPECT_EQ(KIPC_SERVED_GROW, serve.call.flags);
	EXPECT_EQ(getpid(), serve.call.pid);
	EXPECT_EQ(0, strcmp((char *)map + serve.call.stack, "written by the client"));
	strcpy((char *)map + serve.call.stack, "and by the server");
	EXPECT_EQ(1, lib_figures(fd).serving);
	serve.reply.token = serve.call.token;
	serve.reply.status = 4;
	serve.reply.args[7] = 9;
	EXPECT_ERR(EAGAIN, kipc_service_serve(fd, &serve));
	EXPECT_EQ(0, serve.reply.token);
	EXPECT_EQ(4, kipc_call_collect(b, &token, args, &stack, 0));
	EXPECT_EQ(1, stack);
	EXPECT_EQ(9, args[7]);
	EXPECT_EQ(0, strcmp(kipc_stack(b, 1), "and by the server"));

	/* And without the serve. */
	ASSERT_OK(kipc_call_async(b, 0, 0, args, &token));
	ASSERT_OK(kipc_service_serve(fd, &serve));
	reply.token = serve.call.token;
	EXPECT_EQ(0, kipc_service_reply(fd, &reply));
	EXPECT_ERR(ENOENT, kipc_service_reply(fd, &reply));
	EXPECT_EQ(5, kipc_call_collect(b, NULL, args, NULL, 0));
	EXPECT_EQ(2, lib_figures(fd).calls);
	EXPECT_EQ(2, lib_figures(fd).replies);
	kipc_disconnect(b);
	EXPECT_ERR(EBADF, kipc_narrow(client, CALL, 0));
}

TEST(serving_errors)
{
	char *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_service_serve serve = { .deadline = 0 };
	struct kipc_service_reply reply = { .token = 1 };
	int fd = lib_create(SERVE | CALL | MANAGE), call = kipc_narrow(fd, CALL, 0);
	int null = open("/dev/null", O_RDWR);
	pid_t pid;

	EXPECT_ERR(ENXIO, kipc_service_serve(fd, &serve));
	lib_map(fd);
	EXPECT_ERR(EAGAIN, kipc_service_serve(fd, &serve));
	serve.deadline = after(MS);
	EXPECT_ERR(ETIMEDOUT, kipc_service_serve(fd, &serve));
	EXPECT_ERR(EPERM, kipc_service_serve(call, &serve));
	EXPECT_ERR(ENOTTY, kipc_service_serve(null, &serve));
	EXPECT_ERR(EBADF, kipc_service_serve(-1, &serve));
	EXPECT_ERR(EFAULT, kipc_service_serve(fd, (void *)nowhere));
	serve.flags = 1;
	EXPECT_ERR(EINVAL, kipc_service_serve(fd, &serve));
	serve.flags = 0;
	serve.reply.token = 12345;
	EXPECT_ERR(ENOENT, kipc_service_serve(fd, &serve));
	EXPECT_EQ(12345, serve.reply.token);
	serve.reply.token = 0;

	EXPECT_ERR(ENOENT, kipc_service_reply(fd, &reply));
	EXPECT_ERR(EPERM, kipc_service_reply(call, &reply));
	EXPECT_ERR(ENOTTY, kipc_service_reply(null, &reply));
	EXPECT_ERR(EBADF, kipc_service_reply(-1, &reply));
	EXPECT_ERR(EFAULT, kipc_service_reply(fd, (void *)nowhere));
	reply.flags = 1U << 31;
	EXPECT_ERR(EINVAL, kipc_service_reply(fd, &reply));

	EXPECT_ERR(EFAULT, kipc_service_stat(fd, (void *)nowhere));
	EXPECT_ERR(ENOTTY, kipc_service_stat(null, NULL));
	EXPECT_ERR(EBADF, kipc_service_stat(-1, NULL));
	EXPECT_ERR(EPERM, kipc_service_stop(call));
	EXPECT_ERR(ENOTTY, kipc_service_stop(null));
	EXPECT_ERR(ENOTTY, ioctl(default_box(), KIPC_IOC_SERVICE_STOP));
	EXPECT_ERR(EBADF, kipc_service_stop(-1));

	/* The child of a server is none. */
	pid = spawn();
	if (!pid) {
		CHECK_ERR(ENXIO, kipc_service_serve(fd, &serve));
		exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(kipc_service_stop(fd));
	EXPECT_ERR(ESHUTDOWN, kipc_service_serve(fd, &serve));
	EXPECT_OK(kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_service_serve(fd, &serve));
	reply.flags = 0;
	EXPECT_ERR(EIDRM, kipc_service_reply(fd, &reply));
	EXPECT_ERR(EIDRM, kipc_service_stop(fd));
}

/* A signal handler ends the wait of a server by hand. */
TEST(serving_is_interrupted)
{
	struct kipc_service_serve serve = { .deadline = KIPC_FOREVER };
	int signals = 0;
	pid_t pid;

	stage = shared(sizeof(*stage));
	pid = spawn();
	if (!pid) {
		int fd = lib_create(SERVE);

		lib_map(fd);
		count_signals(SIGUSR1, 0, &signals);
		let_go(1);
		CHECK_ERR(EINTR, kipc_service_serve(fd, &serve));
		CHECK(signals == 1);
		exit(0);
	}
	wait_for(__atomic_load_n(&stage->go, __ATOMIC_SEQ_CST));
	wait_for(task_state(pid, pid) == 'S');
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
}

/* What register refuses. */

TEST(bad_options)
{
	const char *name = temp_name("service"), *other = temp_name("queue");
	struct kipc_service_options options = lib_options();
	struct kipc_service *service;
	char text[300];

	memset(text, 'n', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	EXPECT_NONE(EINVAL, kipc_service_register(name, NULL));
	EXPECT_NONE(EINVAL, kipc_service_register("a/b", &options));
	EXPECT_NONE(EINVAL, kipc_service_register("", &options));
	EXPECT_NONE(ENAMETOOLONG, kipc_service_register(text, &options));
	options.reserved = 1;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.handlers = NULL;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.threads = 65;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options.attr.workers = 64;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.attr.flags = KIPC_SERVICE_ACCEPT;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.attr.stacks = KIPC_STACKS_MAX + 1;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.attr.stack_size = KIPC_STACK_MAX + 1;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.attr.bindings = KIPC_BINDINGS_MAX + 1;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.flags = KIPC_PERSISTENT;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options.flags = KIPC_NONBLOCK;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));
	options = lib_options();
	options.e_stack_size = SIZE_MAX;
	EXPECT_NONE(EINVAL, kipc_service_register(name, &options));

	/* Nothing of all that is there. */
	EXPECT_EQ(0, total("objects"));
	options = lib_options();
	options.attr.flags = KIPC_SERVICE_PATIENT | KIPC_SERVICE_PATIENT_CALLERS;
	service = kipc_service_register(name, &options);
	ASSERT_NE(NULL, service);
	EXPECT_EQ(64, lib_figures(kipc_service_fd(service)).attr.workers);
	EXPECT_EQ(options.attr.flags, lib_figures(kipc_service_fd(service)).attr.flags);
	EXPECT_NONE(EEXIST, kipc_service_register(name, &options));
	ASSERT_OK(kipc_queue_create(other, NULL, 0600, KIPC_QUEUE_RIGHTS, 0));
	EXPECT_NONE(EEXIST, kipc_service_register(other, &options));
	kipc_service_free(service);
	kipc_service_free(NULL);
	EXPECT_EQ(1, total("objects"));
}

static void with_limit(int what, rlim_t value, const char *name)
{
	struct kipc_service_options options = lib_options();
	struct rlimit limit = { value, value };

	/* More than there is anywhere already. */
	options.attr.bindings = 1024;
	options.attr.stack_size = 1 << 20;
	CHECK(!setrlimit(what, &limit));
	if (what == RLIMIT_AS)
		CHECK_NONE(ENOMEM, kipc_service_register(name, &options));
	else
		CHECK_NONE(EMFILE, kipc_service_register(name, &options));
	exit(0);
}

TEST(no_room)
{
	struct kipc_service_options options = lib_options();
	const char *name = temp_name("service");
	uint64_t objects = get_limit("max_objects");
	int lowest = dup(0);
	pid_t pid;

	close(lowest);
	if (SANITIZED)
		SKIP(return, "a sanitizer has memory and threads of its own");
	pid = spawn();
	if (!pid)
		with_limit(RLIMIT_AS, 1 << 30, name);
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid)
		with_limit(RLIMIT_NOFILE, lowest + 1, name);
	EXPECT_EQ(0, reap(pid));
	set_limit("max_objects", 0);
	EXPECT_NONE(EDQUOT, kipc_service_register(name, &options));
	set_limit("max_objects", objects);
	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWNS));
		CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK(!mount("none", "/dev", "tmpfs", 0, NULL));
		CHECK_NONE(ENOENT, kipc_service_register(name, &options));
		CHECK(!mknod("/dev/kipc", S_IFCHR | 0600, makedev(10, 254)));
		CHECK_NONE(ENODEV, kipc_service_register(name, &options));
		become(NOBODY, NOBODY);
		CHECK_NONE(EACCES, kipc_service_register(name, &options));
		exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* Running. */

SERVICE_FIXTURE(running)

TEST_F(running, serves)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8] = { 10, 20, 30, 1, 2, 3, 4, 5 };

	EXPECT_EQ(0, lib_call(b, ADD, args));
	EXPECT_EQ(75, args[0]);
	EXPECT_EQ(10, args[1]);
	EXPECT_EQ(0, args[7]);
	strcpy(kipc_stack(b, 0), "quiet");
	args[0] = 5;
	EXPECT_EQ(5, lib_call(b, SHOUT, args));
	EXPECT_EQ(0, strcmp(kipc_stack(b, 0), "QUIET"));
	EXPECT_EQ(0, args[0]);
	EXPECT_EQ(0, lib_call(b, WHO, args));
	EXPECT_EQ(getpid(), args[0]);
	EXPECT_EQ(geteuid(), args[1]);
	EXPECT_EQ(0, args[2]);
	EXPECT_NE(getpid(), args[3]);
	EXPECT_EQ(4096, args[4]);
	EXPECT_EQ(WHO, args[5]);
	EXPECT_EQ(gettid(), args[6]);
	EXPECT_EQ(getegid(), args[7]);
	EXPECT_EQ(0, lib_call(b, SILENT, args));
	EXPECT_EQ(0, args[0]);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(EPIPE, kipc_call(b, 0, ADD, args, KIPC_FOREVER));
	kipc_disconnect(b);
}

/* Outside a handler there is no call. */
TEST(no_call)
{
	EXPECT_EQ(NULL, kipc_caller());
	EXPECT_EQ(0, kipc_stack_room());
	kipc_return(0, NULL);
}

TEST_F(running, statuses)
{
	static const int own[] = { EPERM, ENOENT, EINVAL, ENOSYS, 4095 };
	static const int kernels[] = {
		EAGAIN, EALREADY, EBUSY, EIDRM, EINTR, EPIPE, ETIMEDOUT,
	};
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8] = { KIPC_STATUS_MAX };
	unsigned int i;

	EXPECT_EQ(KIPC_STATUS_MAX, lib_call(b, STATUS, args));
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		memset(args, 0, sizeof(args));
		args[0] = -own[i];
		args[1] = 5;
		EXPECT_ERR(own[i], kipc_call(b, 0, STATUS, args, after(PATIENCE)));
		EXPECT_EQ(5, args[1]);
	}
	/* These would say something of the call. */
	for (i = 0; i < ARRAY_SIZE(kernels); i++) {
		args[0] = -kernels[i];
		EXPECT_ERR(EPROTO, kipc_call(b, 0, STATUS, args, after(PATIENCE)));
	}
	args[0] = -4096;
	EXPECT_ERR(EPROTO, kipc_call(b, 0, STATUS, args, after(PATIENCE)));
	args[0] = INT32_MIN;
	EXPECT_ERR(EPROTO, kipc_call(b, 0, STATUS, args, after(PATIENCE)));
	args[0] = KIPC_STATUS_MAX + 1;
	EXPECT_ERR(EPROTO, kipc_call(b, 0, STATUS, args, after(PATIENCE)));
	EXPECT_ERR(ENOSYS, kipc_call(b, 0, HOLE, args, after(PATIENCE)));
	EXPECT_ERR(ENOSYS, kipc_call(b, 0, PROCEDURES, args, after(PATIENCE)));
	EXPECT_ERR(ENOSYS, kipc_call(b, 0, UINT64_MAX, args, after(PATIENCE)));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

static int threads_of(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	CHECK(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* The pool grows with the calls, to its bound and not beyond. */
TEST_F(running, grows)
{
	struct kipc_binding *b;
	uint64_t args[8];
	int i;
	pid_t pid;

	if (SANITIZED)
		SKIP(return, "a sanitizer has memory and threads of its own");
	self->options.attr.workers = 3;
	self->options.attr.stacks = 6;
	pid = lib_serve(self->name, &self->options);
	b = lib_bind(self->name);
	EXPECT_EQ(1, threads_of(pid));
	for (i = 0; i < 5; i++)
		lib_submit(b, i, HOLD, i);
	wait_holding(3);
	EXPECT_EQ(3, threads_of(pid));
	EXPECT_EQ(3, lib_figures(kipc_binding_fd(b)).serving);
	EXPECT_EQ(2, lib_figures(kipc_binding_fd(b)).waiting);
	let_go(1);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(7, kipc_call_collect(b, NULL, args, NULL, after(PATIENCE)));
	EXPECT_EQ(3, stage->most);
	EXPECT_EQ(3, threads_of(pid));
	wait_for(lib_figures(kipc_binding_fd(b)).workers == 3);
	kipc_disconnect(b);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, reap(pid));
}

TEST_F(running, threads_from_the_start)
{
	struct kipc_binding *b;
	pid_t pid;

	if (SANITIZED)
		SKIP(return, "a sanitizer has memory and threads of its own");
	self->options.threads = 4;
	self->options.attr.workers = 4;
	self->options.e_stack_size = 1;		/* less than there must be */
	pid = lib_serve(self->name, &self->options);
	b = lib_bind(self->name);
	wait_for(lib_figures(kipc_binding_fd(b)).workers == 4);
	EXPECT_EQ(4, threads_of(pid));
	kipc_disconnect(b);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, reap(pid));
}

/* Calls that handlers have are replied to, whoever stops it. */
TEST_F(running, stops)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8], token = lib_submit(b, 1, HOLD, 5);

	wait_holding(1);
	EXPECT_EQ(3, lib_call(b, STOP, args));
	EXPECT_ERR(EPIPE, kipc_call(b, 0, ADD, args, KIPC_FOREVER));
	EXPECT_NONE(ENOENT, kipc_connect(self->name, NULL, KIPC_NO_WAIT));
	let_go(1);
	EXPECT_EQ(7, kipc_call_collect(b, &token, args, NULL, after(PATIENCE)));
	EXPECT_EQ(5, args[0]);
	EXPECT_EQ(0, reap(pid));
	kipc_disconnect(b);
}

/* The signal comes to the thread that runs the service, though another is idle. */
TEST_F(running, stopped_by_a_signal)
{
	struct kipc_binding *b;
	uint64_t args[8], token;
	pid_t pid;

	if (SANITIZED)
		SKIP(return, "a sanitizer has memory and threads of its own");
	pid = lib_serve(self->name, &self->options);
	b = lib_bind(self->name);
	token = lib_submit(b, 1, HOLD, 5);
	wait_holding(1);
	wait_for(threads_of(pid) == 2);
	kill(pid, SIGTERM);
	wait_for(threads_of(pid) == 1);
	let_go(1);
	EXPECT_EQ(7, kipc_call_collect(b, &token, args, NULL, after(PATIENCE)));
	EXPECT_EQ(0, reap(pid));
	kipc_disconnect(b);
}

TEST_F(running, ends_with_an_error)
{
	struct kipc_service *service;
	struct rlimit limit = { 64 << 20, 64 << 20 };
	pid_t pid;

	self->options.private_copy = SIZE_MAX;
	self->options.attr.stack_size = KIPC_STACK_MAX;
	self->options.attr.bindings = 1;
	self->options.attr.stacks = 1;
	service = kipc_service_register(self->name, &self->options);
	ASSERT_NE(NULL, service);
	pid = spawn();
	if (!pid) {
		CHECK_ERR(ENXIO, kipc_service_run(service));
		exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		/* Less than what is mapped already. */
		limit.rlim_cur = 1 << 20;
		if (SANITIZED)
			exit(0);
		CHECK(!setrlimit(RLIMIT_AS, &limit));
		CHECK_ERR(ENOMEM, kipc_service_run(service));
		exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(kipc_remove(kipc_service_fd(service)));
	EXPECT_ERR(EIDRM, kipc_service_run(service));
	kipc_service_free(service);

	self->options = lib_options();
	service = kipc_service_register(self->name, &self->options);
	ASSERT_NE(NULL, service);
	ASSERT_EQ(0, fcntl(kipc_service_fd(service), F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, kipc_service_run(service));
	kipc_service_free(service);
}

/*
 * A child has not inherited what its parent has mapped: what it has in that place is its
 * own, and what it gives back is not the parent's.
 */
TEST_F(running, child_gives_its_part_back)
{
	pid_t pid = lib_serve(self->name, &self->options), child;
	struct kipc_binding *b = lib_bind(self->name);
	struct kipc_service *mine = kipc_service_register(NULL, &self->options);
	unsigned char *stack = kipc_stack(b, 0);
	uint64_t args[8] = { 0 };

	ASSERT_NE(NULL, mine);
	child = spawn();
	if (!child) {
		CHECK(mmap(stack, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			   0) == stack);
		stack[0] = 1;
		kipc_disconnect(b);
		kipc_service_free(mine);
		CHECK(stack[0] == 1);
		exit(0);
	}
	EXPECT_EQ(0, reap(child));
	lib_call(b, WHO, args);
	EXPECT_OK(kipc_service_stop(kipc_service_fd(mine)));
	EXPECT_EQ(0, kipc_service_run(mine));
	kipc_service_free(mine);
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* A thread has the stack that it should have, and not a page more. */
TEST_F(running, guard_page)
{
	struct kipc_binding *b;
	uint64_t args[8] = { 0 };
	pid_t pid;

	if (SANITIZED)
		SKIP(return, "a sanitizer has memory and threads of its own");
	self->options.e_stack_size = 100000;	/* 25 pages */
	pid = lib_serve(self->name, &self->options);
	b = lib_bind(self->name);
	/* The first worker is the thread that runs the service. */
	lib_submit(b, 1, HOLD, 0);
	wait_holding(1);
	EXPECT_ERR(EPIPE, kipc_call(b, 0, OVERRUN, args, after(PATIENCE)));
	EXPECT_EQ(128 + SIGSEGV, reap(pid));
	EXPECT_LE(stage->pages, 25);
	EXPECT_GE(stage->pages, 22);
	kipc_disconnect(b);
}

/* The client changes the A-stack while the handler looks at it. */
TEST_F(running, private_copy)
{
	unsigned int copy;

	for (copy = 0; copy <= 8; copy += 8) {
		struct kipc_binding *b;
		volatile uint64_t *word;
		uint64_t args[8], token;
		pid_t pid;

		self->options.private_copy = copy;
		pid = lib_serve(self->name, &self->options);
		b = lib_bind(self->name);
		lib_call(b, WHO, args);
		EXPECT_EQ(copy ? 8 : 4096, args[4]);
		word = kipc_stack(b, 0);
		word[0] = 1;
		word[1] = 11;
		let_go(0);
		token = lib_submit(b, 0, TWICE, 0);
		wait_holding(1);
		word[0] = 2;
		word[1] = 12;
		let_go(1);
		EXPECT_EQ(0, kipc_call_collect(b, &token, args, NULL, after(PATIENCE)));
		EXPECT_EQ(1, args[0]);
		EXPECT_EQ(copy ? 1 : 2, args[1]);
		/* What the handler has written comes back; the rest is as it was. */
		EXPECT_EQ(99, word[0]);
		EXPECT_EQ(12, word[1]);
		kipc_disconnect(b);
		EXPECT_EQ(128 + SIGKILL, slay(pid));
	}
}

/* A handler whose thread ends takes its call along, and no other. */
TEST_F(running, thread_ends)
{
	pid_t pid = lib_serve(self->name, &self->options);
	struct kipc_binding *b = lib_bind(self->name);
	uint64_t args[8] = { 1, 2 };

	lib_submit(b, 1, HOLD, 0);
	wait_holding(1);
	EXPECT_ERR(EPIPE, kipc_call(b, 0, LEAVE, args, after(PATIENCE)));
	EXPECT_EQ(0, lib_call(b, ADD, args));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

TEST_F(running, nests)
{
	struct kipc_binding *b;
	uint64_t args[8] = { 5 };
	pid_t pid;

	self->options.attr.stacks = KIPC_STACKS_MAX;
	pid = lib_serve(self->name, &self->options);
	b = lib_bind(self->name);
	EXPECT_EQ(0, lib_call(b, DEEPER, args));
	EXPECT_EQ(5, args[0]);
	args[0] = KIPC_CHAIN_MAX - 1;
	EXPECT_EQ(0, lib_call(b, DEEPER, args));
	EXPECT_EQ(KIPC_CHAIN_MAX - 1, args[0]);
	args[0] = KIPC_CHAIN_MAX;
	EXPECT_ERR(ELOOP, kipc_call(b, 0, DEEPER, args, after(PATIENCE)));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

TEST_F(running, would_wait_for_itself)
{
	struct kipc_binding *b;
	uint64_t args[8] = { 1 };
	pid_t pid;

	self->options.attr.workers = 2;
	self->options.attr.stacks = 8;
	pid = lib_serve(self->name, &self->options);
	b = lib_bind(self->name);
	EXPECT_EQ(0, lib_call(b, DEEPER, args));
	args[0] = 2;
	EXPECT_ERR(EDEADLK, kipc_call(b, 0, DEEPER, args, after(PATIENCE)));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

TEST_HARNESS_MAIN
