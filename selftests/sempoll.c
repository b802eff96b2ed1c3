// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores: poll, epoll, signals; and what is told only once, or not at all.
 */
#include "test.h"
#include "ksem.h"

#include <sys/epoll.h>

#define BOTH		(POLLIN | POLLOUT)
#define SIG		(SIGRTMIN + 1)
#define NONEMPTY	KIPC_EVENT_NONEMPTY
#define READABLE	KIPC_EVENT_READABLE
#define WRITABLE	KIPC_EVENT_WRITABLE
#define PEER_GONE	KIPC_EVENT_PEER_GONE
#define LIMIT		KIPC_EVENT_LIMIT

FIXTURE(telling) {
	int fd, post, wait, manage;
};

FIXTURE_SETUP(telling)
{
	sigset_t set;

	self->fd = semaphores((struct kipc_sem_attr){ .count = 2, .max = 2 });
	self->post = k_narrow(self->fd, SEND, 0);
	self->wait = k_narrow(self->fd, RECEIVE, 0);
	self->manage = k_narrow(self->fd, MANAGE, 0);
	sigemptyset(&set);
	sigaddset(&set, SIG);
	sigaddset(&set, SIGIO);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

FIXTURE_TEARDOWN(telling)
{
}

static int epoll_on(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK(ep >= 0);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	return ep;
}

static uint32_t events_now(int ep)
{
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, 0);

	CHECK(n >= 0);
	return n ? e.events : 0;
}

/* How often that signal has come. */
static unsigned int signals(int sig)
{
	struct timespec none = { 0 };
	unsigned int n = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigtimedwait(&set, NULL, &none) == sig)
		n++;
	return n;
}

static int s_notify(int fd, unsigned int events)
{
	struct kipc_notification n = { .events = events, .signo = events ? SIG : 0 };

	return ioctl(fd, KIPC_IOC_NOTIFY, &n);
}

TEST_F(telling, masks)
{
	EXPECT_EQ(POLLOUT, poll_mask(self->fd, BOTH));
	EXPECT_EQ(POLLOUT, poll_mask(self->post, BOTH));
	EXPECT_EQ(0, poll_mask(self->wait, BOTH));
	EXPECT_EQ(0, poll_mask(self->manage, BOTH));
	/* One of the two will do, for either. */
	ASSERT_OK(s_op(self->fd, 0, STEPS(ADD(1, 2))));
	EXPECT_EQ(BOTH, poll_mask(self->fd, BOTH));
	EXPECT_EQ(POLLIN, poll_mask(self->wait, BOTH));
	ASSERT_OK(s_set(self->fd, 0, (uint32_t[]){ 2, 2 }, 2));
	EXPECT_EQ(POLLIN, poll_mask(self->fd, BOTH));
	EXPECT_EQ(0, poll_mask(self->post, BOTH));
	ASSERT_OK(s_op(self->fd, 0, STEPS(ADD(0, -2), ADD(1, -2))));
	EXPECT_EQ(0, poll_mask(self->wait, BOTH));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_mask(self->post, ~0));
	ASSERT_OK(k_remove(self->fd));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(self->wait, BOTH));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(self->post, BOTH));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(self->manage, 0));
}

/* What is handed over was never there. */
TEST_F(telling, handed_over)
{
	int fd = self->fd, ep = epoll_on(self->wait, EPOLLIN | EPOLLET);
	pid_t pid;

	ASSERT_OK(s_notify(self->wait, READABLE | NONEMPTY));
	pid = WAITER(fd, 1, CHECK(!s_take(fd, 0)));
	ASSERT_OK(s_post(self->post, 0));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, events_now(ep));
	EXPECT_EQ(0, signals(SIG));
	/* A part of it, and what is left is. */
	pid = WAITER(fd, 1, CHECK(!s_take(fd, 0)));
	ASSERT_OK(s_op(self->post, 0, STEPS(ADD(0, 2))));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(1, signals(SIG));
	/* For another that waits, while something is there. */
	pid = WAITER(fd, 1, CHECK(!s_take(fd, 1)));
	ASSERT_OK(s_post(self->post, 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, signals(SIG));
	EXPECT_EQ(0, events_now(ep));
}

TEST_F(telling, poll_wakes)
{
	int fd = self->wait;
	pid_t pid = CHILD({
		struct pollfd p = { .fd = fd, .events = POLLIN };

		CHECK(poll_woken(&p) == 1 && p.revents == POLLIN);
	});

	wait_for(task_state(pid, pid) == 'S');
	ASSERT_OK(s_post(self->post, 1));
	EXPECT_EQ(0, reap(pid));
}

TEST_F(telling, edges)
{
	int in = epoll_on(self->wait, EPOLLIN | EPOLLET);
	int out = epoll_on(self->post, EPOLLOUT | EPOLLET);

	EXPECT_EQ(0, events_now(in));
	EXPECT_EQ(EPOLLOUT, events_now(out));
	ASSERT_OK(s_post(self->post, 0));
	EXPECT_EQ(EPOLLIN, events_now(in));
	EXPECT_EQ(0, events_now(in));
	/* Each that comes. */
	ASSERT_OK(s_post(self->post, 0));
	EXPECT_EQ(EPOLLIN, events_now(in));
	ASSERT_OK(s_take(self->wait, 0));
	EXPECT_EQ(0, events_now(in));
	EXPECT_EQ(0, events_now(out));
	ASSERT_OK(s_op(self->post, 0, STEPS(ADD(0, 1), ADD(1, 2))));
	EXPECT_EQ(EPOLLIN, events_now(in));
	EXPECT_EQ(0, events_now(out));
	/* There is room again, where none was. */
	ASSERT_OK(s_take(self->wait, 1));
	EXPECT_EQ(EPOLLOUT, events_now(out));
	ASSERT_OK(s_take(self->wait, 1));
	EXPECT_EQ(0, events_now(out));
	ASSERT_OK(k_remove(self->fd));
	EXPECT_EQ(EPOLLHUP | EPOLLERR | EPOLLIN, events_now(in) | EPOLLIN);
	EXPECT_EQ(EPOLLHUP | EPOLLERR | EPOLLOUT, events_now(out) | EPOLLOUT);
}

TEST_F(telling, nonempty)
{
	ASSERT_OK(s_notify(self->wait, NONEMPTY));
	ASSERT_OK(s_post(self->post, 0));
	EXPECT_EQ(1, signals(SIG));
	ASSERT_OK(s_post(self->post, 0));
	ASSERT_OK(s_post(self->post, 1));
	EXPECT_EQ(0, signals(SIG));
	ASSERT_OK(s_op(self->wait, 0, STEPS(ADD(0, -2))));
	ASSERT_OK(s_post(self->post, 0));
	EXPECT_EQ(0, signals(SIG));
	ASSERT_OK(s_op(self->wait, 0, STEPS(ADD(0, -1), ADD(1, -1))));
	ASSERT_OK(s_set_one(self->manage, 1, 1));
	EXPECT_EQ(1, signals(SIG));
}

TEST_F(telling, readable)
{
	ASSERT_OK(s_post(self->post, 0));
	ASSERT_OK(s_notify(self->wait, READABLE));
	EXPECT_EQ(0, signals(SIG));
	ASSERT_OK(s_post(self->post, 0));
	EXPECT_EQ(1, signals(SIG));
	ASSERT_OK(s_post(self->post, 1));
	EXPECT_EQ(1, signals(SIG));
	ASSERT_OK(s_take(self->wait, 1));
	EXPECT_EQ(0, signals(SIG));
	/* What one operation adds is one. */
	ASSERT_OK(s_take(self->wait, 0));
	ASSERT_OK(s_op(self->post, 0, STEPS(ADD(0, 1), ADD(1, 2))));
	EXPECT_EQ(1, signals(SIG));
	ASSERT_OK(s_set_one(self->manage, 1, 1));
	EXPECT_EQ(0, signals(SIG));
}

TEST_F(telling, full)
{
	ASSERT_OK(s_notify(self->manage, LIMIT));
	ASSERT_OK(s_op(self->post, 0, STEPS(ADD(0, 2))));
	EXPECT_EQ(0, signals(SIG));
	ASSERT_OK(s_op(self->post, 0, STEPS(ADD(1, 2))));
	EXPECT_EQ(1, signals(SIG));
	ASSERT_OK(s_notify(self->post, WRITABLE));
	ASSERT_OK(s_take(self->wait, 0));
	EXPECT_EQ(1, signals(SIG));
	ASSERT_OK(s_take(self->wait, 1));
	EXPECT_EQ(0, signals(SIG));
}

TEST_F(telling, gone)
{
	ASSERT_OK(s_notify(self->post, PEER_GONE));
	ASSERT_OK(s_notify(self->wait, PEER_GONE));
	ASSERT_OK(k_remove(self->manage));
	EXPECT_EQ(2, signals(SIG));
}

TEST_F(telling, rights)
{
	EXPECT_ERR(EPERM, s_notify(self->post, READABLE));
	EXPECT_ERR(EPERM, s_notify(self->wait, WRITABLE));
	EXPECT_ERR(EPERM, s_notify(self->wait, LIMIT));
	EXPECT_ERR(EPERM, s_notify(self->manage, PEER_GONE));
	EXPECT_ERR(EINVAL, s_notify(self->fd, KIPC_EVENT_CALL));
	EXPECT_ERR(ENOENT, s_notify(self->fd, 0));
}

TEST_F(telling, sigio)
{
	ASSERT_OK(fcntl(self->wait, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(self->wait, F_SETFL, O_ASYNC));
	ASSERT_OK(s_post(self->post, 1));
	EXPECT_EQ(1, signals(SIGIO));
	ASSERT_OK(s_take(self->wait, 1));
	EXPECT_EQ(0, signals(SIGIO));
	ASSERT_OK(k_remove(self->fd));
	EXPECT_EQ(1, signals(SIGIO));
}

/* What is undone is news like any other. */
TEST_F(telling, undone)
{
	int fd = self->fd;
	pid_t pid;

	ASSERT_OK(s_post(fd, 0));
	pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
		pause();
	});
	wait_for(!s_value(fd, 0));
	ASSERT_OK(s_notify(self->wait, NONEMPTY));
	slay(pid);
	wait_for(s_value(fd, 0) == 1);
	wait_for(signals(SIG) == 1);
}

/* While the senior holds it back there is nothing to be taken; then there is. */
TEST_F(telling, senior)
{
	int fd = semaphores((struct kipc_sem_attr){ .initial = 1, .overtakes = 1 });
	int ep = epoll_on(fd, EPOLLIN | EPOLLET);
	pid_t pid = WAITER(fd, 1, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2))));

	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_OK(s_try(fd, 0));
	ASSERT_OK(s_notify(fd, NONEMPTY));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLIN));
	EXPECT_EQ(0, signals(SIG));
	EXPECT_EQ(0, events_now(ep));
	slay(pid);
	wait_for(poll_mask(fd, POLLIN));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(1, signals(SIG));
}

/* The same where something else can be taken all the time. */
TEST_F(telling, senior_of_several)
{
	int fd = semaphores((struct kipc_sem_attr){
		.count = 2,
		.initial = 1,
		.overtakes = 1,
	});
	int ep = epoll_on(fd, EPOLLIN | EPOLLET);
	pid_t pid = WAITER(fd, 1, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2))));

	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_OK(s_try(fd, 0));
	ASSERT_OK(s_notify(fd, READABLE));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_ERR(EAGAIN, s_try(fd, 0));
	EXPECT_EQ(0, events_now(ep));
	EXPECT_EQ(0, signals(SIG));
	slay(pid);
	wait_for(!s_stat_of(fd).waiting);
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(1, signals(SIG));
	EXPECT_OK(s_try(fd, 0));
}

/* It was there for a moment, and had to wait for another that one who waits needs, too. */
TEST_F(telling, handed_over_with_another)
{
	int fd = semaphores((struct kipc_sem_attr){ .count = 3 }), ep;
	pid_t pid;

	ASSERT_OK(s_post(fd, 2));
	ep = epoll_on(fd, EPOLLIN | EPOLLET);
	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_OK(s_notify(fd, READABLE));
	pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(1, -1), ADD(0, -1)))));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 1), ADD(1, 1))));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, events_now(ep));
	EXPECT_EQ(0, signals(SIG));
}

/* Of several semaphores everybody is woken: each may wait for another one. */
TEST_F(telling, exclusive)
{
	int a = epoll_on(self->wait, EPOLLIN | EPOLLEXCLUSIVE);
	int b = epoll_on(self->wait, EPOLLIN | EPOLLEXCLUSIVE);

	ASSERT_OK(s_post(self->post, 0));
	EXPECT_EQ(EPOLLIN, events_now(a));
	EXPECT_EQ(EPOLLIN, events_now(b));
}

TEST_HARNESS_MAIN
