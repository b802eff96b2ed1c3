// SPDX-License-Identifier: GPL-2.0
/*
 * Handles in calls and replies of services: attached and taken, by whom and when, and
 * how they end when nobody takes them.
 */
#include "test.h"
#include "inject.h"
#include "khandles.h"
#include "kservice.h"

FIXTURE(carry) {
	struct hand h;
	struct client *c;
	int fd, cfd;		/* of the server, of the client */
	int plain, pipes[2];
	struct kipc_descriptor item, got[MOST_HANDLES];
	unsigned int count;
	uint64_t objects, handles;
};

FIXTURE_SETUP(carry)
{
	struct kipc_service_attr attr = { .stacks = 4, .flags = KIPC_SERVICE_HANDLES };

	self->objects = total("objects");
	self->handles = total("handles");
	self->h = hand_of(&attr);
	self->c = &self->h.c;
	self->fd = self->h.fd;
	self->cfd = self->c->fd;
	self->plain = h_memfd();
	ASSERT_OK(pipe2(self->pipes, O_CLOEXEC));
	self->item.fd = self->pipes[1];
	self->count = MOST_HANDLES;
}

/* Whatever it was about: all that was attached has gone. */
FIXTURE_TEARDOWN(carry)
{
	char c;

	disconnect(self->c);
	munmap(self->h.map, service_stat(self->fd).map_size);
	close(self->fd);
	wait_for(!total("carried"));
	wait_for(total("objects") == self->objects);
	wait_for(total("handles") == self->handles);
	close(self->pipes[1]);
	EXPECT_EQ(0, read(self->pipes[0], &c, 1));
}

static int s_attach(int fd, uint64_t token, unsigned int stack,
		    const struct kipc_descriptor *items, unsigned int count)
{
	struct kipc_service_handles h = {
		.token = token,
		.handles = { .items = ptr(items), .count = count },
		.stack = stack,
	};

	return ioctl(fd, KIPC_IOC_SERVICE_ATTACH, &h);
}

/* @count is the room, and then how many came. */
static int s_take_handles(int fd, uint64_t token, unsigned int stack,
			  struct kipc_descriptor *items, unsigned int *count)
{
	struct kipc_service_handles h = {
		.token = token,
		.handles = { .items = ptr(items), .count = *count },
		.stack = stack,
	};
	int ret = ioctl(fd, KIPC_IOC_SERVICE_TAKE, &h);

	CHECK(h.token == token && h.stack == stack && h.handles.items == ptr(items));
	CHECK(!ret || h.handles.count == *count);
	*count = h.handles.count;
	return ret;
}

/* Of a fixture: what the client attaches and takes on A-stack 0, and the worker. */
#define CLIENT_ATTACHES(what, n) s_attach(self->cfd, 0, 0, what, n)
#define WORKER_ATTACHES(token, what, n) s_attach(self->fd, token, 0, what, n)
#define CLIENT_TAKES() (self->count = MOST_HANDLES,				\
	s_take_handles(self->cfd, 0, 0, self->got, &self->count))
#define WORKER_TAKES(token) (self->count = MOST_HANDLES,			\
	s_take_handles(self->fd, token, 0, self->got, &self->count))

/* A call on A-stack 0 that a worker has: its token. */
static uint64_t begin(FIXTURE_DATA(carry) *self)
{
	uint64_t token;

	CHECK(!s_submit(self->c, 0, ADD, 1, 2, &token));
	CHECK(s_take(self->fd, NULL) == token);
	return token;
}

static void finish(FIXTURE_DATA(carry) *self, uint64_t token)
{
	CHECK(!s_reply(self->fd, token, 0, 3));
	CHECK(!s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT));
}

TEST_F(carry, there_and_back)
{
	int box = default_box();
	struct kipc_descriptor two[2] = { { .fd = box, .rights = SEND }, self->item };
	uint64_t token;

	ASSERT_OK(CLIENT_ATTACHES(two, 2));
	EXPECT_EQ(2, total("carried"));
	token = begin(self);
	ASSERT_OK(WORKER_TAKES(token));
	ASSERT_EQ(2, self->count);
	EXPECT_EQ(SEND, self->got[0].rights);
	EXPECT_TRUE(h_same(box, self->got[0].fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->got[0].fd, F_GETFD));
	EXPECT_TRUE(h_same(self->pipes[1], self->got[1].fd));
	close(self->got[0].fd);
	close(self->got[1].fd);
	EXPECT_ERR(ENOENT, WORKER_TAKES(token));
	self->item.fd = self->plain;
	ASSERT_OK(WORKER_ATTACHES(token, &self->item, 1));
	/* Not his to take again; nor the client's, before there is a reply. */
	EXPECT_ERR(ENOENT, WORKER_TAKES(token));
	EXPECT_ERR(EBUSY, CLIENT_TAKES());
	finish(self, token);
	ASSERT_OK(CLIENT_TAKES());
	ASSERT_EQ(1, self->count);
	EXPECT_TRUE(h_same(self->plain, self->got[0].fd));
	EXPECT_ERR(ENOENT, CLIENT_TAKES());
	close(self->got[0].fd);
	close(box);
	EXPECT_EQ(0, total("carried"));
}

/* Calls that wait, with a worker beside them. */
TEST_F(carry, by_threads)
{
	struct task call;
	uint64_t token;
	unsigned int i;

	for (i = 0; i < effort(200); i++) {
		ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
		task_call(&call, self->c, 0, 1, 2, after(PATIENCE));
		token = s_take(self->fd, NULL);
		ASSERT_OK(WORKER_TAKES(token));
		ASSERT_OK(s_attach(self->fd, token, 0, self->got, 1));
		close(self->got[0].fd);
		ASSERT_OK(s_reply(self->fd, token, 0, 3));
		ASSERT_EQ(0, task_end(&call));
		ASSERT_OK(CLIENT_TAKES());
		close(self->got[0].fd);
	}
}

TEST_F(carry, what_nobody_takes)
{
	uint64_t token;

	/* The client's ends with the call; it is not taken for a reply. */
	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	token = begin(self);
	finish(self, token);
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(ENOENT, CLIENT_TAKES());
	/* The worker's with the next call. */
	token = begin(self);
	ASSERT_OK(WORKER_ATTACHES(token, &self->item, 1));
	finish(self, token);
	EXPECT_EQ(1, total("carried"));
	token = begin(self);
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(ENOENT, WORKER_TAKES(token));
	finish(self, token);
	EXPECT_ERR(ENOENT, CLIENT_TAKES());
	/* What is attached again takes the place of the first. */
	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	self->item.fd = self->plain;
	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	EXPECT_EQ(1, total("carried"));
	token = begin(self);
	ASSERT_OK(WORKER_ATTACHES(token, &self->item, 1));
	EXPECT_EQ(1, total("carried"));
	EXPECT_ERR(ENOENT, WORKER_TAKES(token));
	finish(self, token);
	/* And the rest with the binding. */
	EXPECT_EQ(1, total("carried"));
}

/* One A-stack's are not another's. */
TEST_F(carry, each_stack_its_own)
{
	uint64_t tokens[4];
	unsigned int i;

	for (i = 0; i < 4; i += 2)
		ASSERT_OK(s_attach(self->cfd, 0, i, &self->item, 1));
	for (i = 0; i < 4; i++)
		ASSERT_OK(s_submit(self->c, i, ADD, i, 0, &tokens[i]));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(tokens[i], s_take(self->fd, NULL));
	for (i = 0; i < 4; i++) {
		if (i & 1)
			EXPECT_ERR(ENOENT, WORKER_TAKES(tokens[i]));
		else
			EXPECT_OK(WORKER_TAKES(tokens[i]));
		if (!(i & 1))
			close(self->got[0].fd);
	}
	for (i = 0; i < 4; i++)
		finish(self, tokens[i]);
}

/* Given up: in line it was nobody's, so it is there for the next call. */
TEST_F(carry, withdrawn_and_abandoned)
{
	uint64_t token;

	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	ASSERT_OK(s_submit(self->c, 0, ADD, 1, 2, &token));
	EXPECT_ERR(EBUSY, CLIENT_ATTACHES(&self->item, 1));
	ASSERT_OK(s_cancel(self->cfd, token));
	EXPECT_EQ(1, total("carried"));
	token = begin(self);
	ASSERT_OK(WORKER_TAKES(token));
	close(self->got[0].fd);
	/* Given up when a worker had it: the reply's are nobody's. */
	ASSERT_OK(s_cancel(self->cfd, token));
	ASSERT_OK(WORKER_ATTACHES(token, &self->item, 1));
	EXPECT_ERR(EBUSY, CLIENT_ATTACHES(&self->item, 1));
	ASSERT_EQ(1, s_reply(self->fd, token, 0, 3));
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(ENOENT, CLIENT_TAKES());
	EXPECT_ERR(ENOENT, WORKER_TAKES(token));
	EXPECT_ERR(ENOENT, WORKER_ATTACHES(token, &self->item, 1));
}

TEST_F(carry, service_that_ends)
{
	uint64_t token;

	ASSERT_OK(s_attach(self->cfd, 0, 1, &self->item, 1));
	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	token = begin(self);
	ASSERT_OK(WORKER_TAKES(token));
	close(self->got[0].fd);
	finish(self, token);
	token = begin(self);
	ASSERT_OK(WORKER_ATTACHES(token, &self->item, 1));
	munmap(self->h.map, service_stat(self->fd).map_size);
	wait_for(s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT) == -1 && errno == EPIPE);
	/* Not a reply, so what was to come with it does not. */
	EXPECT_ERR(ENOENT, CLIENT_TAKES());
	EXPECT_ERR(EPIPE, CLIENT_ATTACHES(&self->item, 1));
	EXPECT_EQ(1, total("carried"));
}

TEST_F(carry, removed)
{
	uint64_t token;

	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	token = begin(self);
	ASSERT_OK(k_remove(self->fd));
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(EIDRM, CLIENT_ATTACHES(&self->item, 1));
	EXPECT_ERR(EIDRM, WORKER_ATTACHES(token, &self->item, 1));
	EXPECT_ERR(ENOENT, WORKER_TAKES(token));
	EXPECT_ERR(EIDRM, WORKER_TAKES(~0ULL));
}

TEST_F(carry, dead_client_and_dead_worker)
{
	uint64_t token;
	pid_t pid;

	/* The client dies when a worker has its call: that can still take. */
	pid = spawn();
	if (!pid) {
		struct client c = hand_client(&self->h);

		CHECK(!s_attach(c.fd, 0, 0, &self->item, 1));
		s_call(&c, 0, ADD, 1, 2, after(PATIENCE));
		_exit(1);
	}
	token = s_take(self->fd, NULL);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	ASSERT_OK(WORKER_TAKES(token));
	close(self->got[0].fd);
	ASSERT_OK(WORKER_ATTACHES(token, &self->item, 1));
	EXPECT_EQ(1, s_reply(self->fd, token, 0, 0));
	wait_for(!total("carried"));
	/* It dies before. */
	pid = spawn();
	if (!pid) {
		struct client c = hand_client(&self->h);

		CHECK(!s_attach(c.fd, 0, 0, &self->item, 1));
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	wait_for(!total("carried"));
}

TEST_F(carry, what_is_wrong)
{
	struct kipc_service_attr none = { .stacks = 1 };
	struct kipc_descriptor bad = { .fd = self->cfd };
	uint64_t limit = get_limit("max_carried"), token;
	struct kipc_service_handles h = { .stack = 0 };
	struct hand other = hand_of(&none);
	int unbound = hand_handle(&self->h), box = default_box();
	unsigned int n;

	EXPECT_ERR(EOPNOTSUPP, s_attach(other.c.fd, 0, 0, &self->item, 1));
	EXPECT_ERR(ENOENT, s_take_handles(other.c.fd, 0, 0, self->got, &self->count));
	EXPECT_ERR(ENOTCONN, s_attach(unbound, 0, 0, &self->item, 1));
	EXPECT_ERR(ENOTCONN, s_take_handles(unbound, 0, 0, self->got, &self->count));
	EXPECT_ERR(EPERM, s_attach(self->fd, 0, 0, &self->item, 1));
	EXPECT_ERR(EPERM, s_take_handles(self->fd, 0, 0, self->got, &self->count));
	EXPECT_ERR(EINVAL, s_attach(self->cfd, 0, 4, &self->item, 1));
	EXPECT_ERR(EINVAL, s_take_handles(self->cfd, 0, ~0U, self->got, &self->count));
	EXPECT_ERR(EINVAL, CLIENT_ATTACHES(&self->item, 0));
	EXPECT_ERR(EINVAL, CLIENT_ATTACHES(&self->item, MOST_HANDLES + 1));
	EXPECT_ERR(EFAULT, CLIENT_ATTACHES((void *)16, 1));
	EXPECT_ERR(ELOOP, CLIENT_ATTACHES(&bad, 1));
	bad.fd = 1000;
	EXPECT_ERR(EBADF, CLIENT_ATTACHES(&bad, 1));
	bad.fd = control();
	EXPECT_ERR(EPERM, CLIENT_ATTACHES(&bad, 1));
	close(bad.fd);
	bad = (struct kipc_descriptor){ .fd = k_narrow(box, SEND, 0),
					.rights = RECEIVE };
	close(box);
	EXPECT_ERR(EPERM, CLIENT_ATTACHES(&bad, 1));
	set_limit("max_carried", 0);
	EXPECT_ERR(EDQUOT, CLIENT_ATTACHES(&self->item, 1));
	set_limit("max_carried", limit);
	EXPECT_EQ(0, total("carried"));

	token = begin(self);
	EXPECT_ERR(EBUSY, CLIENT_ATTACHES(&self->item, 1));
	EXPECT_ERR(EBUSY, CLIENT_TAKES());
	EXPECT_ERR(EPERM, s_attach(self->cfd, token, 0, &self->item, 1));
	EXPECT_ERR(EPERM, s_take_handles(self->cfd, token, 0, self->got, &self->count));
	EXPECT_ERR(EINVAL, s_attach(self->fd, token, 1, &self->item, 1));
	EXPECT_ERR(ENOENT, WORKER_ATTACHES(token + 1, &self->item, 1));
	EXPECT_ERR(ENOENT, WORKER_ATTACHES(token + KIPC_HANDLES_MAX * 65536ULL,
					   &self->item, 1));
	EXPECT_ERR(ENOENT, WORKER_ATTACHES(~0ULL, &self->item, 1));
	EXPECT_ERR(ENOENT, WORKER_TAKES(1));
	finish(self, token);

	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	token = begin(self);
	n = 0;
	EXPECT_ERR(EMSGSIZE, s_take_handles(self->fd, token, 0, self->got, &n));
	n = 1;
	EXPECT_ERR(EFAULT, s_take_handles(self->fd, token, 0, (void *)16, &n));
	for (n = 0; n < 32; n++) {
		h = (struct kipc_service_handles){
			.token = token, .flags = 1U << n,
			.handles = { ptr(self->got), 1, 0 },
		};
		EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_TAKE, &h));
		EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_ATTACH, &h));
		h.flags = 0;
		h.handles.flags = 1U << n;
		EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_ATTACH, &h));
		if (h.handles.flags != KIPC_INHERIT)
			EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_TAKE, &h));
	}
	EXPECT_ERR(EINVAL, ioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, KIPC_IOC_MAGIC, 0x69,
						sizeof(h) - 8), &h));
	EXPECT_ERR(ENOTTY, s_attach(self->pipes[0], 0, 0, &self->item, 1));
	EXPECT_ERR(ENOTTY, s_take_handles(self->pipes[0], 0, 0, self->got, &self->count));
	EXPECT_ERR(EBADF, s_attach(-1, 0, 0, &self->item, 1));
	EXPECT_ERR(EBADF, s_take_handles(-1, 0, 0, self->got, &self->count));
	/* After all that it is there. */
	ASSERT_OK(WORKER_TAKES(token));
	close(self->got[0].fd);
	finish(self, token);
	disconnect(&other.c);
	munmap(other.map, service_stat(other.fd).map_size);
	close(other.fd);
	close(unbound);
	close(bad.fd);
}

/* No descriptor is left, or no memory for one. */
TEST_F(carry, takes_that_fail)
{
	struct rlimit limit, low;
	uint64_t token;

	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	token = begin(self);
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 0;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, WORKER_TAKES(token));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_OK(WORKER_TAKES(token));
	close(self->got[0].fd);
	ASSERT_OK(WORKER_ATTACHES(token, &self->item, 1));
	finish(self, token);
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, CLIENT_TAKES());
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_OK(CLIENT_TAKES());
	close(self->got[0].fd);
}

TEST_F(carry, no_memory)
{
	uint64_t token;
	pid_t pid;

	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	ASSERT_OK(CLIENT_ATTACHES(&self->item, 1));
	token = begin(self);
	pid = spawn();
	if (!pid) {
		/* It opens a file, once: before the table is full. */
		CHECK(inject_arm_all());
		inject_disarm_all();
		while (dup(self->plain) < 63)
			;
		CHECK(inject_arm_all());
		CHECK_ERR(ENOMEM, WORKER_ATTACHES(token, &self->item, 1));
		CHECK_ERR(ENOMEM, WORKER_TAKES(token));
		inject_disarm_all();
		CHECK(!WORKER_TAKES(token) && self->count == 1);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	inject_end();
	finish(self, token);
}

TEST_HARNESS_MAIN
