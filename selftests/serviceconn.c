// SPDX-License-Identifier: GPL-2.0
/* Bindings: made, refused, given up while the server has not decided, or when it ends. */
#include "test.h"
#include "kservice.h"

#define USER	1000
#define SIG	SIGUSR1
#define CONNECT	KIPC_IOC_SERVICE_CONNECT

FIXTURE(conn) {
	int fd, fresh;
	struct kipc_service_connect is;
	struct task t;
};

FIXTURE_SETUP(conn)
{
	struct kipc_service_attr attr = { .bindings = 4, .flags = KIPC_SERVICE_ACCEPT };
	int all = s_create(NULL, &attr, 0600, KIPC_SERVICE_RIGHTS, 0);

	ASSERT_OK(all);
	self->fd = k_narrow(all, SERVE | MANAGE, 0);
	self->fresh = k_narrow(all, CALL, 0);
	close(all);
	ASSERT_NE(NULL, s_map(self->fd));
	memset(&self->is, 0, sizeof(self->is));
}

FIXTURE_TEARDOWN(conn)
{
}

/* The server's answer. */
static int decide(int fd, uint64_t token, uint64_t value, uint64_t first,
		  unsigned int flags)
{
	struct kipc_service_reply reply = {
		.token = token, .value = value, .flags = flags, .args = { first, 1 },
	};

	return ioctl(fd, KIPC_IOC_SERVICE_REPLY, &reply);
}

static int bindings(int fd)
{
	return service_stat(fd).bindings;
}

TEST_F(conn, accepted)
{
	struct client c = { .fd = self->fresh };
	struct kipc_served call;
	uint64_t token;
	unsigned int i;

	for (i = 0; i < 8; i++)
		self->is.args[i] = 100 + i;
	task_connect(&self->t, self->fresh, &self->is, KIPC_FOREVER);
	token = s_take(self->fd, &call);
	EXPECT_EQ(KIPC_SERVED_CONNECT | KIPC_SERVED_GROW, call.flags);
	EXPECT_EQ(0, call.procedure);
	EXPECT_EQ(0, call.value);
	EXPECT_EQ(getpid(), call.pid);
	EXPECT_EQ(self->t.tid, call.tid);
	EXPECT_EQ(geteuid(), call.uid);
	EXPECT_EQ(getegid(), call.gid);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(100 + i, call.args[i]);
	/* It has none yet. */
	EXPECT_ERR(ENOTCONN, ioctl(self->fresh, KIPC_IOC_SERVICE_CALL, 0UL));
	EXPECT_EQ(NULL, s_map_binding(self->fresh, 5 * PAGE));
	EXPECT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, decide(self->fd, token, 0xabcdef0123456789ULL, 55, 0));
	ASSERT_EQ(0, task_end(&self->t));
	EXPECT_EQ(55, self->is.args[0]);
	EXPECT_EQ(1, self->is.args[1]);
	EXPECT_EQ(5 * PAGE, self->is.binding_size);
	c.is = self->is;
	c.map = s_map_binding(c.fd, c.is.binding_size);
	ASSERT_NE(NULL, c.map);
	/* The value comes with each call. */
	for (i = 0; i < 4; i++) {
		ASSERT_OK(s_submit(&c, i, ADD, 0, 0, NULL));
		s_take(self->fd, &call);
		EXPECT_EQ(0xabcdef0123456789ULL, call.value);
		EXPECT_EQ(KIPC_SERVED_GROW, call.flags);
		/* A call is not a connection. */
		EXPECT_ERR(EINVAL, decide(self->fd, call.token, 0, 0, KIPC_REPLY_REFUSE));
		EXPECT_EQ(0, decide(self->fd, call.token, 7, 0, 0));
	}
	EXPECT_ERR(EISCONN, s_connect(self->fresh, &self->is, 0));
}

TEST_F(conn, refused)
{
	struct kipc_service_connect poison;
	uint64_t token;

	self->is.args[3] = 99;
	task_connect(&self->t, self->fresh, &self->is, after(PATIENCE));
	token = s_take(self->fd, NULL);
	EXPECT_EQ(1, bindings(self->fd));
	ASSERT_EQ(0, decide(self->fd, token, 1, 42, KIPC_REPLY_REFUSE));
	EXPECT_ERR(ECONNREFUSED, task_end_of(&self->t, CONNECT));
	/* The reason. */
	EXPECT_EQ(42, self->is.args[0]);
	EXPECT_EQ(0, self->is.args[3]);
	EXPECT_EQ(0, bindings(self->fd));
	EXPECT_ERR(ENOTCONN, ioctl(self->fresh, KIPC_IOC_SERVICE_CALL, 0UL));
	EXPECT_ERR(ENOENT, s_reply(self->fd, token, 0, 0));
	/* That is not for ever. */
	task_connect(&self->t, self->fresh, &self->is, after(PATIENCE));
	ASSERT_EQ(0, decide(self->fd, s_take(self->fd, NULL), 1, 43, 0));
	EXPECT_EQ(0, task_end(&self->t));
	EXPECT_EQ(1, bindings(self->fd));
	/* What fails otherwise writes nothing. */
	memset(&poison, 0, sizeof(poison));
	EXPECT_ERR(EISCONN, s_connect(self->fresh, &poison, 0));
	EXPECT_EQ(0, poison.binding_size);
}

/* Before the server has looked at it: as if it had not been asked. */
TEST_F(conn, not_waited_for)
{
	EXPECT_ERR(EAGAIN, s_connect(self->fresh, &self->is, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, s_connect(self->fresh, &self->is, 1));
	EXPECT_ERR(ETIMEDOUT, s_connect(self->fresh, &self->is, after(20 * MS)));
	ASSERT_OK(fcntl(self->fresh, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, s_connect(self->fresh, &self->is, KIPC_FOREVER));
	EXPECT_EQ(0, bindings(self->fd));
	EXPECT_EQ(0, service_stat(self->fd).calls);
	EXPECT_EQ(0, self->is.binding_size);
	EXPECT_ERR(EAGAIN, s_serve(self->fd, &(struct kipc_service_serve){}, 0));
}

/* After that: its answer finds nobody, and the binding goes with it. */
TEST_F(conn, given_up)
{
	uint64_t token;
	int i;

	for (i = 0; i < 2; i++) {
		task_connect(&self->t, self->fresh, &self->is, after(2 * SECOND));
		token = s_take(self->fd, NULL);
		EXPECT_ERR(ETIMEDOUT, task_end_of(&self->t, CONNECT));
		EXPECT_EQ(1, bindings(self->fd));
		EXPECT_ERR(ENOTCONN, ioctl(self->fresh, KIPC_IOC_SERVICE_CALL, 0UL));
		EXPECT_EQ(1, decide(self->fd, token, 1, 1, i ? KIPC_REPLY_REFUSE : 0));
		EXPECT_EQ(0, bindings(self->fd));
	}
	EXPECT_EQ(2, service_stat(self->fd).abandoned);
}

TEST_F(conn, interrupted)
{
	int *caught = shared(sizeof(*caught)), i;
	uint64_t token;

	for (i = 0; i < 2; i++) {
		count_signals(SIG, i ? SA_RESTART : 0, caught);
		*caught = 0;
		/* In line. */
		task_connect(&self->t, self->fresh, &self->is, KIPC_FOREVER);
		wait_for(s_has(self->fd, 1, 0));
		ASSERT_EQ(0, pthread_kill(self->t.thread, SIG));
		wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST) == 1);
		if (!i) {
			EXPECT_ERR(EINTR, task_end_of(&self->t, CONNECT));
			EXPECT_EQ(0, bindings(self->fd));
			task_connect(&self->t, self->fresh, &self->is, KIPC_FOREVER);
		}
		/* Taken: there is no way to ask for it again. */
		token = s_take(self->fd, NULL);
		ASSERT_EQ(0, pthread_kill(self->t.thread, SIG));
		EXPECT_ERR(EINTR, task_end_of(&self->t, CONNECT));
		EXPECT_EQ(1, bindings(self->fd));
		EXPECT_EQ(1, decide(self->fd, token, 1, 1, 0));
		EXPECT_EQ(0, bindings(self->fd));
	}
}

TEST_F(conn, two_at_once)
{
	struct kipc_service_connect is[2] = { { .args = { 1 } }, { .args = { 2 } } };
	int second = k_narrow(self->fresh, CALL, 0), i;
	struct kipc_served call[2];
	struct task t[2];

	task_connect(&t[0], self->fresh, &is[0], KIPC_FOREVER);
	wait_for(s_has(self->fd, 1, 0));
	/* By the same handle: no; by another: yes. */
	EXPECT_ERR(EALREADY, s_connect(self->fresh, &self->is, KIPC_FOREVER));
	task_connect(&t[1], second, &is[1], KIPC_FOREVER);
	for (i = 0; i < 2; i++) {
		s_take(self->fd, &call[i]);
		EXPECT_EQ(i + 1, call[i].args[0]);
	}
	EXPECT_ERR(EALREADY, s_connect(second, &self->is, KIPC_FOREVER));
	ASSERT_EQ(0, decide(self->fd, call[1].token, 22, 222, 0));
	ASSERT_EQ(0, task_end(&t[1]));
	EXPECT_EQ(222, is[1].args[0]);
	EXPECT_FALSE(task_over(&t[0]));
	ASSERT_EQ(0, decide(self->fd, call[0].token, 11, 111, 0));
	ASSERT_EQ(0, task_end(&t[0]));
	EXPECT_EQ(111, is[0].args[0]);
	EXPECT_EQ(2, bindings(self->fd));
	for (i = 0; i < 2; i++) {
		ASSERT_OK(ioctl(i ? second : self->fresh, KIPC_IOC_SERVICE_CALL,
				1UL | KIPC_SERVICE_SUBMIT));
		s_take(self->fd, &call[i]);
		EXPECT_EQ(i ? 22 : 11, call[i].value);
	}
}

TEST_F(conn, killed_meanwhile)
{
	uint64_t token = 0;
	int taken;
	pid_t pid;

	for (taken = 0; taken < 2; taken++) {
		pid = spawn();
		if (!pid) {
			s_connect(self->fresh, &self->is, KIPC_FOREVER);
			_exit(1);
		}
		wait_for(s_has(self->fd, 1, 0));
		if (taken)
			token = s_take(self->fd, NULL);
		slay(pid);
		EXPECT_EQ(taken, bindings(self->fd));
		if (taken)
			EXPECT_EQ(1, decide(self->fd, token, 0, 0, 0));
		EXPECT_EQ(0, bindings(self->fd));
	}
	/* The handle that it shared is as it was. */
	task_connect(&self->t, self->fresh, &self->is, KIPC_FOREVER);
	EXPECT_EQ(0, decide(self->fd, s_take(self->fd, NULL), 0, 0, 0));
	EXPECT_EQ(0, task_end(&self->t));
}

enum end { STOPPED, UNMAPPED, REMOVED, CLOSED };

/* The service ends while somebody connects; what that says. */
static int end_meanwhile(enum end how, bool taken)
{
	struct kipc_service_attr attr = { .flags = KIPC_SERVICE_ACCEPT };
	int all = s_create(NULL, &attr, 0600, KIPC_SERVICE_RIGHTS, 0);
	int fd = k_narrow(all, SERVE | MANAGE, 0), ret;
	int fresh = k_narrow(all, CALL, 0);
	struct kipc_service_connect is = { .flags = 0 };
	size_t size = service_stat(fd).map_size;
	char *map = s_map(fd);
	uint64_t token = 0;
	struct task t;

	close(all);
	task_connect(&t, fresh, &is, KIPC_FOREVER);
	wait_for(s_has(fd, 1, 0));
	if (taken)
		token = s_take(fd, NULL);
	if (how == STOPPED)
		CHECK(!ioctl(fd, KIPC_IOC_SERVICE_STOP));
	if (how == REMOVED)
		CHECK(!k_remove(fd));
	if (how == CLOSED)
		close(fd);
	if (how == UNMAPPED || how == CLOSED)
		CHECK(!munmap(map, size));
	/* It can still answer; but the binding is of no use. */
	if (how == STOPPED && taken)
		CHECK(!decide(fd, token, 0, 0, 0));
	ret = task_end_of(&t, CONNECT) ? errno : 0;
	CHECK(bindings(fresh) == !ret);
	CHECK(ioctl(fresh, KIPC_IOC_SERVICE_CALL, KIPC_SERVICE_SUBMIT) == -1);
	CHECK(errno == (!ret ? EPIPE : ENOTCONN));
	CHECK(s_connect(fresh, &is, KIPC_FOREVER) == -1);
	CHECK(errno == (ret ?: EISCONN));
	return ret;
}

TEST_F(conn, ended_meanwhile)
{
	EXPECT_EQ(EPIPE, end_meanwhile(STOPPED, false));
	EXPECT_EQ(0, end_meanwhile(STOPPED, true));
	EXPECT_EQ(EPIPE, end_meanwhile(UNMAPPED, false));
	EXPECT_EQ(EPIPE, end_meanwhile(UNMAPPED, true));
	EXPECT_EQ(EIDRM, end_meanwhile(REMOVED, false));
	EXPECT_EQ(EIDRM, end_meanwhile(REMOVED, true));
	EXPECT_EQ(EPIPE, end_meanwhile(CLOSED, false));
	EXPECT_EQ(EPIPE, end_meanwhile(CLOSED, true));
}

TEST(as_many_as_there_may_be)
{
	struct kipc_service_attr attr = { .bindings = 2 };
	struct hand h = hand_of(&attr);
	struct client second = hand_client(&h);
	struct kipc_service_connect is = { .flags = 0 };
	uint64_t token;
	int third = hand_handle(&h);

	EXPECT_ERR(EUSERS, s_connect(third, &is, 0));
	ASSERT_OK(s_submit(&second, 0, ADD, 0, 0, &token));
	EXPECT_EQ(token, s_take(h.fd, NULL));
	disconnect(&second);
	/* The server is not done with it. */
	EXPECT_EQ(2, bindings(h.fd));
	EXPECT_ERR(EUSERS, s_connect(third, &is, 0));
	EXPECT_EQ(1, s_reply(h.fd, token, 0, 0));
	EXPECT_EQ(1, bindings(h.fd));
	EXPECT_OK(s_connect(third, &is, 0));
	EXPECT_EQ(2, bindings(h.fd));
}

TEST(as_many_as_a_user_may_have)
{
	struct kipc_service_attr attr = { .bindings = 4, .user_bindings = 1 };
	struct hand h = hand_of(&attr);
	struct kipc_service_connect is = { .flags = 0 };
	int fds[3] = { hand_handle(&h), hand_handle(&h), hand_handle(&h) };

	EXPECT_ERR(EUSERS, s_connect(fds[0], &is, 0));
	/* It is the one who connects, by his effective id. */
	ASSERT_OK(seteuid(USER));
	EXPECT_OK(s_connect(fds[0], &is, 0));
	EXPECT_ERR(EUSERS, s_connect(fds[1], &is, 0));
	ASSERT_OK(seteuid(0));
	ASSERT_OK(seteuid(USER + 1));
	EXPECT_OK(s_connect(fds[1], &is, 0));
	ASSERT_OK(seteuid(0));
	EXPECT_EQ(3, bindings(h.fd));
	disconnect(&h.c);
	EXPECT_OK(s_connect(fds[2], &is, 0));
}

/* Before there is a server: its calls wait for it. */
TEST(before_there_is_a_server)
{
	int all = s_create(NULL, NULL, 0600, KIPC_SERVICE_RIGHTS, 0);
	struct client c = client_of(k_narrow(all, CALL, 0));
	int fd = k_narrow(all, SERVE, 0);
	struct kipc_service_serve serve = { .flags = 0 };
	struct task t;

	close(all);
	EXPECT_ERR(ENXIO, s_serve(fd, &serve, KIPC_FOREVER));
	task_call(&t, &c, 0, 1, 2, KIPC_FOREVER);
	wait_for(s_has(fd, 1, 0));
	ASSERT_NE(NULL, s_map(fd));
	EXPECT_OK(s_reply(fd, s_take(fd, NULL), 5, 0));
	EXPECT_EQ(5, task_end(&t));
}

TEST_HARNESS_MAIN
