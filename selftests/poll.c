// SPDX-License-Identifier: GPL-2.0
/* Notification: poll, select, epoll in all its modes, SIGIO. */
#include "test.h"

#include <sys/epoll.h>
#include <sys/select.h>

#define BOTH (POLLIN | POLLOUT)

static int epoll_on(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK(ep >= 0);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	return ep;
}

/* What is ready at once; 0 if nothing. */
static uint32_t events_now(int ep)
{
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, 0);

	CHECK(n >= 0);
	return n ? e.events : 0;
}

TEST(masks)
{
	int fd = box(2, 100, 50, 0);
	int out = k_narrow(fd, SEND, 0), in = k_narrow(fd, RECEIVE, 0);
	int manage = k_narrow(fd, MANAGE, 0);
	char data[50] = "";

	EXPECT_EQ(POLLOUT, poll_mask(fd, BOTH));
	EXPECT_EQ(POLLOUT, poll_mask(out, BOTH));
	EXPECT_EQ(0, poll_mask(in, BOTH));
	EXPECT_EQ(0, poll_mask(manage, BOTH));
	EXPECT_EQ(0, poll_mask(fd, POLLIN | POLLPRI | POLLRDHUP));
	ASSERT_OK(k_send(fd, data, 0, 0, 0));
	EXPECT_EQ(BOTH, poll_mask(fd, BOTH));
	EXPECT_EQ(POLLOUT, poll_mask(out, BOTH));
	EXPECT_EQ(POLLIN, poll_mask(in, BOTH));
	EXPECT_EQ(0, poll_mask(manage, BOTH));
	ASSERT_OK(k_send(fd, data, 0, 0, 0));
	EXPECT_EQ(POLLIN, poll_mask(fd, BOTH));
	EXPECT_EQ(0, poll_mask(out, BOTH));
	ASSERT_OK(k_recv(fd, data, 50, NULL, 0, 0));
	ASSERT_OK(k_recv(fd, data, 50, NULL, 0, 0));
	EXPECT_EQ(POLLOUT, poll_mask(fd, BOTH));
}

/* POLLOUT: not just any letter fits, but one of letter_size bytes. */
TEST(room_for_the_longest)
{
	int fd = box(10, 100, 60, 0);
	char data[60] = "";

	ASSERT_OK(k_send(fd, data, 40, 0, 0));
	EXPECT_EQ(BOTH, poll_mask(fd, BOTH));
	ASSERT_OK(k_send(fd, data, 1, 0, 0));
	EXPECT_EQ(POLLIN, poll_mask(fd, BOTH));
	ASSERT_OK(k_recv(fd, data, 60, NULL, 0, 0));
	EXPECT_EQ(BOTH, poll_mask(fd, BOTH));
}

TEST(what_does_not_wait)
{
	int drop = box(1, 8, 8, KIPC_MAILBOX_DROP_OLDEST);
	int refuse = box(1, 8, 8, KIPC_MAILBOX_REFUSE);
	int unbounded = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 8, 0);

	ASSERT_OK(send_number(drop, 1));
	EXPECT_EQ(BOTH, poll_mask(drop, BOTH));
	ASSERT_OK(send_number(unbounded, 1));
	EXPECT_EQ(BOTH, poll_mask(unbounded, BOTH));
	/* Here POLLOUT tells that it would not be refused. */
	EXPECT_EQ(POLLOUT, poll_mask(refuse, BOTH));
	ASSERT_OK(send_number(refuse, 1));
	EXPECT_EQ(POLLIN, poll_mask(refuse, BOTH));
}

TEST(poll_wakes)
{
	static const short events[] = { POLLIN, POLLOUT, POLLRDNORM,
					POLLWRNORM };
	int fd = box(1, 8, 8, 0), i;

	/* For a letter, and for room, by either name. */
	for (i = 0; i < 4; i++) {
		struct pollfd p = { .fd = fd, .events = events[i] };
		pid_t pid = spawn();

		if (!pid) {
			CHECK(poll_woken(&p) == 1);
			CHECK(p.revents == p.events);
			_exit(0);
		}
		wait_for(task_state(pid, pid) == 'S');
		if (i % 2) {
			EXPECT_EQ(1, recv_number(fd));
		} else {
			ASSERT_OK(send_number(fd, 1));
		}
		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(events[i], poll_mask(fd, events[i]));
	}
}

/* A letter that waiting receivers take is not to be seen by poll. */
TEST(granted_letters_are_not_there)
{
	int fd = default_box();
	int i;

	for (i = 0; i < 50; i++) {
		pid_t pid = spawn();

		if (!pid) {
			CHECK(recv_number(fd) == 1);
			_exit(0);
		}
		wait_waiters(fd, 0, 1, pid);
		ASSERT_OK(send_number(fd, 1));
		ASSERT_EQ(0, poll_mask(fd, POLLIN));
		ASSERT_EQ(0, reap(pid));
	}
}

TEST(select_)
{
	int fd = box(1, 8, 8, 0);
	struct timeval tv = { 0, 0 };
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	w = r;
	x = r;
	EXPECT_EQ(1, select(fd + 1, &r, &w, &x, &tv));
	EXPECT_FALSE(FD_ISSET(fd, &r));
	EXPECT_TRUE(FD_ISSET(fd, &w));
	ASSERT_OK(send_number(fd, 1));
	FD_SET(fd, &r);
	w = r;
	x = r;
	EXPECT_EQ(1, select(fd + 1, &r, &w, &x, &tv));
	EXPECT_TRUE(FD_ISSET(fd, &r));
	EXPECT_FALSE(FD_ISSET(fd, &w));
	EXPECT_FALSE(FD_ISSET(fd, &x));
}

TEST(epoll_level)
{
	int fd = default_box();
	int ep = epoll_on(fd, EPOLLIN);

	EXPECT_EQ(0, events_now(ep));
	ASSERT_OK(send_number(fd, 1));
	ASSERT_OK(send_number(fd, 2));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	recv_number(fd);
	EXPECT_EQ(EPOLLIN, events_now(ep));
	recv_number(fd);
	EXPECT_EQ(0, events_now(ep));
}

TEST(epoll_edge)
{
	int fd = box(4, 32, 8, 0), i;
	int in = epoll_on(fd, EPOLLIN | EPOLLET);
	int out = epoll_on(fd, EPOLLOUT | EPOLLET);

	EXPECT_EQ(0, events_now(in));
	EXPECT_EQ(EPOLLOUT, events_now(out));
	EXPECT_EQ(0, events_now(out));
	/* Each letter is an edge, whether or not one was there before. */
	for (i = 0; i < 4; i++) {
		ASSERT_OK(send_number(fd, i));
		EXPECT_EQ(EPOLLIN, events_now(in));
		EXPECT_EQ(0, events_now(in));
	}
	events_now(out);
	EXPECT_EQ(0, events_now(out));
	/* It was full: now there is room. */
	EXPECT_EQ(0, recv_number(fd));
	EXPECT_EQ(EPOLLOUT, events_now(out));
	EXPECT_EQ(0, events_now(out));
	/* To receive makes nothing more readable. */
	EXPECT_EQ(0, events_now(in));
}

TEST(epoll_edge_rendezvous)
{
	int fd = rendezvous_box(8), i;
	int in = epoll_on(fd, EPOLLIN | EPOLLET);

	for (i = 0; i < 3; i++) {
		pid_t pid = spawn();

		if (!pid) {
			CHECK(!send_number(fd, 1));
			_exit(0);
		}
		wait_waiters(fd, i + 1, 0, pid);
		EXPECT_EQ(EPOLLIN, events_now(in));
		EXPECT_EQ(0, events_now(in));
	}
	for (i = 0; i < 3; i++)
		recv_number(fd);
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(wait(NULL) > 0);
}

TEST(epoll_oneshot)
{
	int fd = default_box();
	int ep = epoll_on(fd, EPOLLIN | EPOLLONESHOT);
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };

	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_OK(send_number(fd, 2));
	EXPECT_EQ(0, events_now(ep));
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(0, events_now(ep));
}

/* Receives what comes, whenever epoll says so. */
static void serve(int fd)
{
	struct epoll_event e;
	int ep = epoll_on(fd, EPOLLIN | EPOLLEXCLUSIVE);
	uint64_t data;

	for (;;) {
		CHECK(epoll_wait(ep, &e, 1, -1) == 1);
		if (k_recv(fd, &data, 8, NULL, 0, 0) < 0)
			CHECK(errno == EAGAIN);
	}
}

/* One is enough, but not one who cannot receive. */
TEST(epoll_exclusive)
{
	enum { DEAF = 2, SERVERS = 3, LETTERS = 100 };
	int fd = default_box(), out = k_narrow(fd, SEND, 0);
	pid_t pids[DEAF + SERVERS];
	uint64_t i;

	for (i = 0; i < DEAF + SERVERS; i++) {
		pids[i] = spawn();
		if (!pids[i])
			serve(i < DEAF ? out : fd);
		wait_for(task_state(pids[i], pids[i]) == 'S');
	}
	for (i = 0; i < LETTERS; i++) {
		ASSERT_OK(k_send(fd, &i, 8, 0, 0));
		wait_for(stat_of(fd).received == i + 1);
	}
	for (i = 0; i < DEAF + SERVERS; i++)
		EXPECT_EQ(128 + SIGKILL, slay(pids[i]));
}

TEST(epoll_sees_removal)
{
	int fd = default_box();
	int ep = epoll_on(fd, EPOLLIN | EPOLLET);
	struct epoll_event e;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(epoll_wait(ep, &e, 1, PATIENCE / MS) == 1);
		CHECK(e.events == (EPOLLERR | EPOLLHUP));
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'S');
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(pid));
}

/* Closed while an epoll set still has it: gone from there, and no crash. */
TEST(closed_inside_epoll)
{
	int fd = default_box();
	int other = k_narrow(fd, SEND, 0);
	int ep = epoll_on(fd, EPOLLIN);

	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	close(fd);
	EXPECT_EQ(0, events_now(ep));
	EXPECT_OK(send_number(other, 2));
	EXPECT_EQ(0, events_now(ep));
}

static int next_signal(const sigset_t *set, siginfo_t *info)
{
	struct timespec patience = { .tv_sec = PATIENCE / SECOND };

	return sigtimedwait(set, info, &patience);
}

TEST(sigio)
{
	int fd = box(1, 8, 8, 0);
	int in = k_narrow(fd, RECEIVE, 0), out = k_narrow(fd, SEND, 0);
	struct timespec none = { 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_OK(fcntl(in, F_SETOWN, getpid()));
	ASSERT_OK(send_number(fd, 1));
	/* Not asked for yet. */
	EXPECT_ERR(EAGAIN, sigtimedwait(&set, &info, &none));
	EXPECT_EQ(1, recv_number(fd));

	ASSERT_OK(fcntl(in, F_SETFL, O_ASYNC));
	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(SIGIO, next_signal(&set, &info));
	ASSERT_OK(fcntl(in, F_SETSIG, SIGRTMIN));
	recv_number(fd);
	while (sigtimedwait(&set, &info, &none) > 0)
		;
	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(SIGRTMIN, next_signal(&set, &info));
	EXPECT_EQ(in, info.si_fd);
	EXPECT_EQ(POLL_IN, info.si_code);
	EXPECT_TRUE(info.si_band & POLLIN);

	/* And for room. */
	ASSERT_OK(fcntl(in, F_SETFL, 0));
	ASSERT_OK(fcntl(out, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(out, F_SETSIG, SIGRTMIN));
	ASSERT_OK(fcntl(out, F_SETFL, O_ASYNC));
	while (sigtimedwait(&set, &info, &none) > 0)
		;
	recv_number(fd);
	EXPECT_EQ(SIGRTMIN, next_signal(&set, &info));
	EXPECT_EQ(out, info.si_fd);
	EXPECT_EQ(POLL_OUT, info.si_code);
	ASSERT_OK(fcntl(out, F_SETFL, 0));
	while (sigtimedwait(&set, &info, &none) > 0)
		;
	ASSERT_OK(send_number(fd, 2));
	recv_number(fd);
	EXPECT_ERR(EAGAIN, sigtimedwait(&set, &info, &none));
}

static void one_signal(struct __test_metadata *_metadata, const sigset_t *set,
		       int code)
{
	struct timespec a_while = { .tv_nsec = 20 * MS };
	siginfo_t info;

	ASSERT_EQ(SIGRTMIN, next_signal(set, &info));
	EXPECT_EQ(code, info.si_code);
	EXPECT_ERR(EAGAIN, sigtimedwait(set, &info, &a_while));
}

/* The last receiver goes: its senders are told, and why. */
TEST(sigio_of_hang_up)
{
	struct kipc_mailbox_attr attr = { 4, 64, 16, KIPC_MAILBOX_HANGUP };
	int fd = k_create(control(), NULL, &attr, 0600, ALL_RIGHTS, 0);
	int out = k_narrow(fd, SEND, 0);
	siginfo_t info;
	sigset_t set;

	ASSERT_OK(out);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_OK(fcntl(out, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(out, F_SETSIG, SIGRTMIN));
	ASSERT_OK(fcntl(out, F_SETFL, O_ASYNC));
	close(fd);
	ASSERT_EQ(SIGRTMIN, next_signal(&set, &info));
	EXPECT_EQ(out, info.si_fd);
	EXPECT_EQ(POLL_ERR, info.si_code);
	EXPECT_TRUE(info.si_band & POLLERR);
	EXPECT_ERR(EPIPE, send_number(out, 1));
}

/* What happens once is told once. */
TEST(sigio_count)
{
	int fd = default_box(), i;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_OK(fcntl(fd, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(fd, F_SETSIG, SIGRTMIN));
	ASSERT_OK(fcntl(fd, F_SETFL, O_ASYNC));
	for (i = 0; i < 3; i++) {
		ASSERT_OK(send_number(fd, i));
		one_signal(_metadata, &set, POLL_IN);
	}
	ASSERT_OK(k_remove(fd));
	one_signal(_metadata, &set, POLL_HUP);
}

TEST_HARNESS_MAIN
