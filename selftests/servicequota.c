// SPDX-License-Identifier: GPL-2.0
/*
 * What services cost, and whom: A-stacks and idle workers the server, a caller who waits
 * himself; in quotas, and in the memory control group.
 */
#include "test.h"
#include "kservice.h"

#define USER		12345
#define OTHER		12346
#define POINTER		8		/* of the kernel's, to each page */
#define GROUPS		"/sys/fs/cgroup/"
#define LIMIT		(24UL << 20)

FIXTURE(quota) {
	uint64_t objects, bytes, waiters;
};

FIXTURE_SETUP(quota)
{
	self->objects = get_limit("max_objects");
	self->bytes = get_limit("max_bytes");
	self->waiters = get_limit("max_waiters");
}

FIXTURE_TEARDOWN(quota)
{
	set_limit("max_objects", self->objects);
	set_limit("max_bytes", self->bytes);
	set_limit("max_waiters", self->waiters);
}

static struct hand with_stacks(unsigned int size, unsigned int stacks)
{
	struct kipc_service_attr attr = { .stack_size = size, .stacks = stacks };

	return hand_of(&attr);
}

/* What one more binding costs. */
static uint64_t cost(struct hand *h)
{
	uint64_t before = total("bytes"), after;
	struct client c = hand_client(h);

	after = total("bytes");
	disconnect(&c);
	CHECK(total("bytes") == before);
	return after - before;
}

TEST_F(quota, bytes_exactly)
{
	uint64_t before = total("bytes"), one, two;
	struct hand a = with_stacks(PAGE, 4), b = with_stacks(3 * PAGE, 4);
	struct hand c = with_stacks(PAGE, 64), d = with_stacks(3 * PAGE, 64);

	one = cost(&a);
	EXPECT_EQ(one, cost(&a));
	/* A page of frames, and four of A-stacks, and something for the record. */
	EXPECT_GE(one, 5 * (PAGE + POINTER));
	EXPECT_LE(one, 6 * (PAGE + POINTER));
	EXPECT_EQ(4 * 2 * (PAGE + POINTER), cost(&b) - one);
	two = cost(&c);
	EXPECT_GE(two, 66 * (PAGE + POINTER));
	EXPECT_EQ(64 * 2 * (PAGE + POINTER), cost(&d) - two);
	/* Calls cost nothing. */
	one = total("bytes");
	ASSERT_OK(s_submit(&a.c, 0, ADD, 0, 0, NULL));
	s_take(a.fd, NULL);
	EXPECT_EQ(one, total("bytes"));
	/* What is mapped is there, and costs. */
	close(a.c.fd);
	EXPECT_EQ(one, total("bytes"));
	munmap(a.c.map, a.c.is.binding_size);
	close(a.fd);
	EXPECT_EQ(one, total("bytes"));
	munmap(a.map, 256 * a.c.is.binding_size);
	EXPECT_LT(total("bytes"), one);
	EXPECT_GT(total("bytes"), before);
}

/* A server of another user, and what it has to tell. */
static pid_t spawn_user(const char *name, unsigned int threads)
{
	pid_t pid = spawn();

	if (!pid) {
		int fd;

		become(USER, USER);
		fd = service(name, 4, 0, 0);
		serve_with(fd, threads);
		for (;;)
			pause();
	}
	return pid;
}

TEST_F(quota, bytes_are_the_servers)
{
	const char *name = temp_name("quota");
	pid_t pid = spawn_user(name, 0);
	struct kipc_service_connect is = { .flags = 0 };
	struct client c[40];
	uint64_t before, more;
	unsigned int n = 0;
	struct hand own;
	int fd;

	close(s_open(name, CALL, 0, after(PATIENCE)));
	before = total("bytes");
	set_limit("max_bytes", 256 << 10);
	for (;;) {
		fd = s_open(name, CALL, 0, KIPC_NO_WAIT);
		ASSERT_OK(fd);
		if (s_connect(fd, &is, KIPC_NO_WAIT))
			break;
		ASSERT_LT(n, ARRAY_SIZE(c));
		c[n++] = (struct client){ .fd = fd, .is = is };
	}
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_GE(n, 3);
	EXPECT_LE(total("bytes"), 256 << 10);
	EXPECT_EQ(n, service_stat(fd).bindings);
	/* Nothing was kept of what failed. */
	more = (total("bytes") - before) / n;
	EXPECT_EQ(before + n * more, total("bytes"));
	/* It is not the client's. */
	own = hand_of(NULL);
	disconnect(&own.c);
	close(c[0].fd);
	EXPECT_OK(s_connect(fd, &is, KIPC_NO_WAIT));
	slay(pid);
}

/* Whatever step of it fails: nothing has happened, and later it is well. */
TEST_F(quota, bytes_at_every_step)
{
	struct hand h = with_stacks(PAGE, 2);
	struct kipc_service_attr attr = { .bindings = 3 };
	struct kipc_service_connect is = { .flags = 0 };
	int fresh = hand_handle(&h), fd;
	uint64_t now = total("bytes"), limit;
	unsigned int failed = 0;

	for (limit = now; ; limit += 512) {
		set_limit("max_bytes", limit);
		if (!s_connect(fresh, &is, 0))
			break;
		ASSERT_EQ(EDQUOT, errno);
		ASSERT_EQ(now, total("bytes"));
		ASSERT_EQ(1, service_stat(fresh).bindings);
		ASSERT_EQ(0, is.binding_size);
		failed++;
	}
	EXPECT_GE(failed, 3 * PAGE / 512);
	now = total("bytes");
	for (limit = now; ; limit += 64) {
		set_limit("max_bytes", limit);
		fd = s_create(NULL, &attr, 0600, SERVE, 0);
		if (fd >= 0)
			break;
		ASSERT_EQ(EDQUOT, errno);
		ASSERT_EQ(now, total("bytes"));
	}
	set_limit("max_objects", total("objects"));
	EXPECT_ERR(EDQUOT, s_create(NULL, &attr, 0600, SERVE, 0));
	close(fd);
	EXPECT_EQ(now, total("bytes"));
	EXPECT_OK(s_create(NULL, &attr, 0600, SERVE, 0));
}

/*
 * A-stacks bound who waits for a certain reply, and threads who waits for a call: only
 * who collects any counts as a waiter.
 */
TEST_F(quota, waiters_exactly)
{
	struct kipc_service_serve serve = { .deadline = KIPC_FOREVER };
	struct kipc_service_collect collect = { .deadline = KIPC_FOREVER };
	struct hand h = with_stacks(0, 0);
	uint64_t tokens[2];
	struct task t;

	task_start(&t, h.fd, KIPC_IOC_SERVICE_SERVE, &serve);
	wait_idle(h.fd, 1);
	EXPECT_EQ(0, total("waiters"));
	ASSERT_OK(s_submit(&h.c, 0, ADD, 0, 0, &tokens[0]));
	ASSERT_EQ(0, task_end(&t));
	task_start(&t, h.c.fd, KIPC_IOC_SERVICE_COLLECT, &collect);
	wait_for(total("waiters") == 1);
	ASSERT_OK(s_reply(h.fd, tokens[0], 0, 0));
	ASSERT_EQ(0, task_end(&t));
	EXPECT_EQ(0, total("waiters"));

	set_limit("max_waiters", 0);
	task_call(&t, &h.c, 0, 0, 0, KIPC_FOREVER);
	tokens[0] = s_take(h.fd, NULL);
	EXPECT_EQ(0, total("waiters"));
	ASSERT_OK(s_reply(h.fd, tokens[0], 0, 0));
	ASSERT_EQ(0, task_end(&t));
	ASSERT_OK(s_submit(&h.c, 0, ADD, 0, 0, &tokens[0]));
	ASSERT_EQ(tokens[0], s_take(h.fd, NULL));
	collect.token = tokens[0];
	task_start(&t, h.c.fd, KIPC_IOC_SERVICE_COLLECT, &collect);
	wait_for(task_state(getpid(), t.tid) == 'S');
	ASSERT_OK(s_reply(h.fd, tokens[0], 8, 0));
	ASSERT_EQ(8, task_end(&t));

	ASSERT_OK(s_submit(&h.c, 0, ADD, 0, 0, &tokens[0]));
	tokens[1] = 0;
	EXPECT_ERR(EDQUOT, s_collect(h.c.fd, &tokens[1], NULL, KIPC_FOREVER));
	/* What is there can be had. */
	ASSERT_EQ(tokens[0], s_take(h.fd, NULL));
	ASSERT_OK(s_reply(h.fd, tokens[0], 8, 0));
	EXPECT_EQ(8, s_collect(h.c.fd, &tokens[1], NULL, KIPC_FOREVER));
	EXPECT_EQ(tokens[0], tokens[1]);
	EXPECT_EQ(0, total("waiters"));
}

/* Who waits for a name does so at his own expense. */
TEST_F(quota, waiters_for_a_name)
{
	const char *name = temp_name("quota");
	pid_t child;

	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, s_open(name, CALL, 0, KIPC_FOREVER));
	set_limit("max_waiters", 1);
	child = spawn();
	if (!child) {
		CHECK(s_open(name, CALL, 0, KIPC_FOREVER) >= 0);
		_exit(0);
	}
	wait_for(total("waiters") == 1);
	EXPECT_ERR(EDQUOT, s_open(name, CALL, 0, KIPC_FOREVER));
	service(name, 0, 0, 0);
	EXPECT_EQ(0, reap(child));
	EXPECT_EQ(0, total("waiters"));
}

/* The memory control group. */

static uint64_t group_figure(const char *group, const char *name, const char *line)
{
	char path[256], text[8192];
	const char *at = text;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), GROUPS "%s/%s", group, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	CHECK(n >= 0);
	text[n] = 0;
	if (line) {
		at = strstr(text, line);
		CHECK(at);
		at += strlen(line);
	}
	return strtoull(at, NULL, 10);
}

static void group_write(const char *group, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), GROUPS "%s/%s", group, name);
	write_file(path, text);
}

/* The server's group pays for the A-stacks, and is no larger than it may be. */
TEST_F(quota, memory_of_the_server)
{
	struct kipc_service_attr attr = { .stack_size = 64 << 10, .bindings = 1000 };
	const char *name = temp_name("memcg");
	struct kipc_service_connect is;
	char group[64], path[128], text[32];
	int fds[1000], n = 0, fd;
	pid_t pid;

	if (access(GROUPS "cgroup.controllers", F_OK) ||
	    try_write_file(GROUPS "cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller of cgroup2");
	snprintf(group, sizeof(group), "kipc-service-%d", getpid());
	snprintf(path, sizeof(path), GROUPS "%s", group);
	ASSERT_OK(mkdir(path, 0755));
	snprintf(text, sizeof(text), "%lu", LIMIT);
	group_write(group, "memory.max", text);
	set_limit("max_bytes", 1 << 30);
	pid = spawn();
	if (!pid) {
		group_write(group, "cgroup.procs", "0");
		CHECK(!mlockall(MCL_CURRENT));
		fd = s_create(name, &attr, 0666, SERVE, 0);
		CHECK(fd >= 0);
		for (;;)
			pause();
	}
	/* Of 64 pages of A-stacks, and one of frames: there is room for 90 or so. */
	do {
		fd = s_open(name, CALL, 0, after(PATIENCE));
		ASSERT_OK(fd);
		fds[n++] = fd;
		ASSERT_LT(n, 110);
		memset(&is, 0, sizeof(is));
	} while (!s_connect(fd, &is, KIPC_NO_WAIT));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_GE(n, 40);
	EXPECT_LE(group_figure(group, "memory.current", NULL), LIMIT);
	EXPECT_GE(group_figure(group, "memory.current", NULL), LIMIT / 4 * 3);
	EXPECT_EQ(n - 1, (int)service_stat(fd).bindings);
	/* Nobody was killed; and what is given back can be used. */
	EXPECT_EQ(0, group_figure(group, "memory.events", "oom_kill "));
	close(fds[0]);
	close(fds[1]);
	EXPECT_OK(s_connect(fd, &is, KIPC_NO_WAIT));
	while (n > 2)
		close(fds[--n]);
	slay(pid);
	wait_for(!total("bytes"));
	wait_for(!rmdir(path));
}

TEST_HARNESS_MAIN
