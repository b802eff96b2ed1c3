// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of what calls and replies carry: who takes it is held when it is out of
 * the linkage record, and not installed yet, and something happens to the call.
 */
#include "test.h"
#include "race_service.h"
#include "khandles.h"

#include <sys/resource.h>

#define PREPARED "intake_prepared"

FIXTURE(taking) {
	int fd, client, pipe;
	struct hall *h;
	struct worker *w, *other;
	struct party *c;
};

/* How many have come, each of which works; or a negative errno. */
static long fetch(int fd, uint64_t token, unsigned int stack)
{
	struct kipc_descriptor items[2];
	struct kipc_service_handles take = {
		.token = token,
		.handles = { .items = ptr(items), .count = 2 },
		.stack = stack,
	};
	unsigned int i;

	if (ioctl(fd, KIPC_IOC_SERVICE_TAKE, &take))
		return -errno;
	for (i = 0; i < take.handles.count; i++) {
		CHECK(write(items[i].fd, "x", 1) == 1);
		CHECK(!close(items[i].fd));
	}
	return take.handles.count;
}

static long act_fetch(struct worker *w)
{
	return fetch(w->hall->fd, w->token, 0);
}

static long act_fetch_reply(struct party *p)
{
	return fetch(p->fd, 0, 0);
}

/* An end of a new pipe is attached, and nowhere else; returns the other end. */
static int attach(int fd, uint64_t token)
{
	struct kipc_descriptor item = { };
	struct kipc_service_handles attach = {
		.token = token,
		.handles = { .items = ptr(&item), .count = 1 },
	};
	int ends[2];

	CHECK(!pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	item.fd = ends[1];
	CHECK(!ioctl(fd, KIPC_IOC_SERVICE_ATTACH, &attach));
	close(ends[1]);
	return ends[0];
}

/* Bytes from the pipe until its other end was closed. */
static unsigned int until_the_end(int pipe)
{
	unsigned int n = 0;
	ssize_t ret;
	char c;

	do {
		wait_for((ret = read(pipe, &c, 1)) >= 0);
		n += ret;
	} while (ret);
	return n;
}

/* The call of a client is being served. */
FIXTURE_SETUP(taking)
{
	NEED_DELAY_POINTS();
	self->fd = race_service(KIPC_SERVICE_HANDLES);
	self->h = hall(self->fd, 2);
	self->w = &self->h->worker[0];
	self->other = &self->h->worker[1];
	self->client = connected(self->fd);
	self->pipe = attach(self->client, 0);
	self->c = caller(self->client, 0);
	go(self->c);
	CHECK(serve_one(self->w) == NUMBER);
	self->other->token = self->w->token;
}

FIXTURE_TEARDOWN(taking)
{
	race_end();
	EXPECT_EQ(0, total("carried"));
}

static void hold_fetch(struct worker *w)
{
	arm(PREPARED, &w->at);
	work(w, act_fetch);
	wait_held(PREPARED, &w->at);
}

/* It goes on, and there is no descriptor left for it. */
static long fail_fetch(FIXTURE_DATA(taking) *self)
{
	struct rlimit none = { 0, 0 }, old;
	long ret;

	CHECK(!prlimit(self->h->process->pid, RLIMIT_NOFILE, &none, &old));
	release(PREPARED);
	ret = done(self->w);
	CHECK(!prlimit(self->h->process->pid, RLIMIT_NOFILE, &old, NULL));
	return ret;
}

TEST_F(taking, twice)
{
	hold_fetch(self->w);
	EXPECT_EQ(-ENOENT, do_now(self->other, act_fetch));
	release(PREPARED);
	EXPECT_EQ(1, done(self->w));
	EXPECT_EQ(1, until_the_end(self->pipe));
	EXPECT_EQ(-ENOENT, do_now(self->w, act_fetch));
}

TEST_F(taking, fails)
{
	hold_fetch(self->w);
	EXPECT_EQ(-EMFILE, fail_fetch(self));
	EXPECT_EQ(1, total("carried"));
	EXPECT_EQ(1, do_now(self->other, act_fetch));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

TEST_F(taking, removed)
{
	hold_fetch(self->w);
	EXPECT_OK(k_remove(self->fd));
	EXPECT_EQ(-EIDRM, outcome(self->c));
	release(PREPARED);
	EXPECT_EQ(1, done(self->w));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

TEST_F(taking, removed_and_fails)
{
	hold_fetch(self->w);
	EXPECT_OK(k_remove(self->fd));
	EXPECT_EQ(-EMFILE, fail_fetch(self));
	EXPECT_EQ(0, until_the_end(self->pipe));
}

TEST_F(taking, server_ends)
{
	hold_fetch(self->w);
	EXPECT_EQ(0, do_now(self->other, act_unmap));
	EXPECT_EQ(-EPIPE, outcome(self->c));
	EXPECT_EQ(-EMFILE, fail_fetch(self));
	EXPECT_EQ(0, until_the_end(self->pipe));
}

TEST_F(taking, killed)
{
	hold_fetch(self->w);
	kill(self->h->process->pid, SIGKILL);
	release(PREPARED);
	EXPECT_EQ(-EPIPE, outcome(self->c));
	EXPECT_EQ(0, until_the_end(self->pipe));
}

/* The client gives up: what its call carries is still the worker's. */
TEST_F(taking, abandoned)
{
	hold_fetch(self->w);
	EXPECT_EQ(KILLED, killed(self->c));
	close(self->client);
	EXPECT_EQ(-EMFILE, fail_fetch(self));
	EXPECT_EQ(1, total("carried"));
	EXPECT_EQ(1, do_now(self->other, act_fetch));
	EXPECT_EQ(NOT_WANTED, do_now(self->other, act_reply));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

/* Another worker replies, and the call is over. */
TEST_F(taking, replied)
{
	hold_fetch(self->w);
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	release(PREPARED);
	EXPECT_EQ(1, done(self->w));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

/* The next call has begun, and carries something of its own. */
TEST_F(taking, another_call)
{
	struct party *next = caller(self->client, 0);
	int pipe;

	hold_fetch(self->w);
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	pipe = attach(self->client, 0);
	go(next);
	EXPECT_EQ(NUMBER, serve_one(self->other));
	EXPECT_EQ(-EMFILE, fail_fetch(self));
	EXPECT_EQ(0, until_the_end(self->pipe));
	EXPECT_EQ(1, total("carried"));
	EXPECT_EQ(-ENOENT, do_now(self->w, act_fetch));
	EXPECT_EQ(1, do_now(self->other, act_fetch));
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(next));
	EXPECT_EQ(1, until_the_end(pipe));
}

/* What the reply shall carry is there already. */
TEST_F(taking, attached)
{
	int pipe;

	hold_fetch(self->w);
	pipe = attach(self->fd, self->w->token);
	EXPECT_EQ(-EMFILE, fail_fetch(self));
	EXPECT_EQ(0, until_the_end(self->pipe));
	EXPECT_EQ(-ENOENT, do_now(self->other, act_fetch));
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	EXPECT_EQ(1, fetch(self->client, 0, 0));
	EXPECT_EQ(1, until_the_end(pipe));
}

/* The client's side: the next call begins while what came with the reply is taken. */
TEST_F(taking, reply_and_another_call)
{
	struct party *next = caller(self->client, 0);
	struct party *p = party(act_fetch_reply, self->client);
	struct rlimit none = { 0, 0 };
	int pipe = attach(self->fd, self->w->token), last;

	EXPECT_EQ(0, until_the_end(self->pipe));
	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	hold(p, PREPARED);
	EXPECT_EQ(-ENOENT, fetch(self->client, 0, 0));
	go(next);
	EXPECT_EQ(NUMBER, serve_one(self->other));
	last = attach(self->fd, self->other->token);
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(next));
	ASSERT_OK(prlimit(p->pid, RLIMIT_NOFILE, &none, NULL));
	release(PREPARED);
	EXPECT_EQ(-EMFILE, outcome(p));
	EXPECT_EQ(0, until_the_end(pipe));
	EXPECT_EQ(1, fetch(self->client, 0, 0));
	EXPECT_EQ(1, until_the_end(last));
}

/* The next reply carries nothing, and does not come to what was the last one's. */
TEST_F(taking, reply_and_another_without)
{
	struct party *next = caller(self->client, 0);
	struct party *p = party(act_fetch_reply, self->client);
	struct rlimit none = { 0, 0 };
	int pipe = attach(self->fd, self->w->token);

	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	hold(p, PREPARED);
	go(next);
	EXPECT_EQ(NUMBER, serve_one(self->other));
	EXPECT_EQ(0, do_now(self->other, act_reply));
	EXPECT_EQ(REPLY, outcome(next));
	ASSERT_OK(prlimit(p->pid, RLIMIT_NOFILE, &none, NULL));
	release(PREPARED);
	EXPECT_EQ(-EMFILE, outcome(p));
	EXPECT_EQ(0, until_the_end(pipe));
	EXPECT_EQ(-ENOENT, fetch(self->client, 0, 0));
}

/* It is killed with the reply's in its hands; who shares the handle finds nothing. */
TEST_F(taking, reply_and_killed)
{
	struct party *p = party(act_fetch_reply, self->client);
	int pipe = attach(self->fd, self->w->token);

	EXPECT_EQ(0, do_now(self->w, act_reply));
	EXPECT_EQ(REPLY, outcome(self->c));
	hold(p, PREPARED);
	kill(p->pid, SIGKILL);
	release(PREPARED);
	EXPECT_EQ(KILLED, outcome(p));
	EXPECT_EQ(0, until_the_end(pipe));
	EXPECT_EQ(-ENOENT, fetch(self->client, 0, 0));
}

TEST_HARNESS_MAIN
