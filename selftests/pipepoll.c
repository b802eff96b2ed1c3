// SPDX-License-Identifier: GPL-2.0
/*
 * A pipe of kipc is a pipe: poll, select, epoll in all its modes, SIGIO.
 */
#include "pairs.h"

#include <sys/epoll.h>
#include <sys/select.h>

#define BOTH (POLLIN | POLLOUT)

static char bytes[CAPACITY];

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

TEST_F(pair, masks)
{
	SAME(0, poll_mask(self->e.in, BOTH));
	SAME(POLLOUT, poll_mask(self->e.out, BOTH));
	SAME(1, write(self->e.out, bytes, 1));
	SAME(POLLIN, poll_mask(self->e.in, BOTH));
	SAME(POLLOUT, poll_mask(self->e.out, BOTH));
	SAME(POLLIN | POLLRDNORM, poll_mask(self->e.in, ~0));
	SAME(POLLOUT | POLLWRNORM, poll_mask(self->e.out, ~0));
	SAME(1, read(self->e.in, bytes, 1));
	SAME(0, poll_mask(self->e.in, ~0));
	SAME(0, poll_mask(self->e.in, 0));
}

TEST_F(pair, masks_of_a_full_one)
{
	SAME(CAPACITY, write(self->e.out, bytes, CAPACITY));
	SAME(POLLIN, poll_mask(self->e.in, BOTH));
	SAME(0, poll_mask(self->e.out, BOTH));
	/* POLLOUT: PIPE_BUF bytes fit. */
	SAME(ATOMIC - 1, read(self->e.in, bytes, ATOMIC - 1));
	SAME(0, poll_mask(self->e.out, BOTH));
	SAME(1, read(self->e.in, bytes, 1));
	SAME(POLLOUT, poll_mask(self->e.out, BOTH));
}

TEST_F(pair, masks_without_writers)
{
	SAME(1, write(self->e.out, bytes, 1));
	close(self->e.out);
	SAME(POLLIN | POLLHUP, poll_mask(self->e.in, BOTH));
	SAME(POLLHUP, poll_mask(self->e.in, 0));
	SAME(1, read(self->e.in, bytes, 8));
	SAME(POLLHUP, poll_mask(self->e.in, BOTH));
	SAME(0, read(self->e.in, bytes, 8));
	SAME(POLLHUP, poll_mask(self->e.in, BOTH));
}

TEST_F(pair, masks_without_readers)
{
	int other = dup(self->e.in);

	close(self->e.in);
	SAME(POLLOUT, poll_mask(self->e.out, BOTH));
	close(other);
	SAME(POLLOUT | POLLERR, poll_mask(self->e.out, BOTH));
	SAME(POLLERR, poll_mask(self->e.out, POLLIN));
	SAME(POLLERR, poll_mask(self->e.out, 0));
}

TEST_F(pair, masks_of_a_full_one_without_readers)
{
	SAME(CAPACITY, write(self->e.out, bytes, CAPACITY));
	close(self->e.in);
	SAME(POLLERR, poll_mask(self->e.out, BOTH));
}

/* Who sleeps in poll wakes, for each thing that can happen. */
TEST_F(pair, poll_wakes)
{
	enum { DATA, ROOM, HANGUP, BREAK };
	static const struct { int what; short events, revents; } waits[] = {
		{ DATA, POLLIN, POLLIN },
		{ DATA, POLLRDNORM, POLLRDNORM },
		{ ROOM, POLLOUT, POLLOUT },
		{ ROOM, POLLWRNORM, POLLWRNORM },
		{ HANGUP, POLLIN, POLLHUP },
		{ HANGUP, 0, POLLHUP },
		{ BREAK, POLLOUT, POLLERR },
		{ BREAK, 0, POLLERR },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		struct ends e = self->ours ? ends_of(0, 0) : their_ends();
		bool in = waits[i].what == DATA || waits[i].what == HANGUP;
		pid_t pid;

		if (!in)
			SAME(CAPACITY, write(e.out, bytes, CAPACITY));
		pid = CHILD({
			struct pollfd p = { .fd = in ? e.in : e.out,
					    .events = waits[i].events };

			close(in ? e.out : e.in);
			begin(&self->begun[i]);
			CHECK(poll_woken(&p) == 1);
			CHECK(p.revents == waits[i].revents);
		});
		wait_asleep(pid, &self->begun[i]);
		if (waits[i].what == DATA)
			SAME(1, write(e.out, bytes, 1));
		else if (waits[i].what == ROOM)
			SAME(ATOMIC, read(e.in, bytes, ATOMIC));
		else
			close(in ? e.out : e.in);
		SAME(0, reap(pid));
		close_ends(&e);
	}
}

/* Too little for POLLOUT wakes nobody who waits for that. */
TEST_F(pair, poll_is_not_woken)
{
	int ep = epoll_on(self->e.out, EPOLLOUT | EPOLLET);

	events_now(ep);
	SAME(CAPACITY, write(self->e.out, bytes, CAPACITY));
	SAME(0, events_now(ep));
	SAME(ATOMIC - 1, read(self->e.in, bytes, ATOMIC - 1));
	SAME(0, events_now(ep));
	SAME(1, read(self->e.in, bytes, 1));
	SAME(EPOLLOUT, events_now(ep));
}

static int selected(int fd, bool reads, bool *set)
{
	struct timeval tv = { 0, 0 };
	fd_set r, w, x;
	int ret;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	w = r;
	x = r;
	ret = select(fd + 1, &r, &w, &x, &tv);
	*set = FD_ISSET(fd, reads ? &r : &w);
	CHECK(!FD_ISSET(fd, &x));
	return ret;
}

TEST_F(pair, select)
{
	bool set;

	SAME(0, selected(self->e.in, true, &set));
	SAME(1, selected(self->e.out, false, &set));
	SAME(true, set);
	SAME(CAPACITY, write(self->e.out, bytes, CAPACITY));
	SAME(1, selected(self->e.in, true, &set));
	SAME(true, set);
	SAME(0, selected(self->e.out, false, &set));
	SAME(CAPACITY, read(self->e.in, bytes, CAPACITY));
	/* The end of file is something to read. */
	close(self->e.out);
	SAME(1, selected(self->e.in, true, &set));
	SAME(true, set);
}

TEST_F(pair, select_without_readers)
{
	bool set;

	close(self->e.in);
	/* A write would not wait: to both kernels EPOLLERR is readable, too. */
	SAME(2, selected(self->e.out, false, &set));
	SAME(true, set);
}

TEST_F(pair, epoll_level)
{
	int in = epoll_on(self->e.in, EPOLLIN), out = epoll_on(self->e.out, EPOLLOUT);

	SAME(0, events_now(in));
	SAME(2, write(self->e.out, bytes, 2));
	SAME(EPOLLIN, events_now(in));
	SAME(EPOLLIN, events_now(in));
	SAME(1, read(self->e.in, bytes, 1));
	SAME(EPOLLIN, events_now(in));
	SAME(1, read(self->e.in, bytes, 1));
	SAME(0, events_now(in));
	SAME(EPOLLOUT, events_now(out));
	SAME(EPOLLOUT, events_now(out));
	close(self->e.out);
	SAME(EPOLLHUP, events_now(in));
	SAME(EPOLLHUP, events_now(in));
}

TEST_F(pair, epoll_edge)
{
	int in = epoll_on(self->e.in, EPOLLIN | EPOLLET);
	int out = epoll_on(self->e.out, EPOLLOUT | EPOLLET);
	int i;

	SAME(0, events_now(in));
	SAME(EPOLLOUT, events_now(out));
	SAME(0, events_now(out));
	/* Each write is an edge, whether or not anything was there before. */
	for (i = 0; i < 4; i++) {
		SAME(1, write(self->e.out, bytes, 1));
		SAME(EPOLLIN, events_now(in));
		SAME(0, events_now(in));
	}
	/* To read makes nothing more readable, to write nothing more writable. */
	SAME(2, read(self->e.in, bytes, 2));
	SAME(0, events_now(in));
	SAME(0, events_now(out));
	SAME(CAPACITY - ATOMIC, write(self->e.out, bytes, CAPACITY - ATOMIC));
	SAME(EPOLLIN, events_now(in));
	SAME(true, read_whole_size(self->e.in, bytes, CAPACITY - ATOMIC + 2));
	close(self->e.out);
	SAME(EPOLLHUP, events_now(in));
	SAME(0, events_now(in));
}

TEST_F(pair, epoll_edge_without_readers)
{
	int out = epoll_on(self->e.out, EPOLLOUT | EPOLLET);

	SAME(EPOLLOUT, events_now(out));
	close(self->e.in);
	SAME(EPOLLOUT | EPOLLERR, events_now(out));
	SAME(0, events_now(out));
}

TEST_F(pair, epoll_oneshot)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int ep = epoll_on(self->e.in, EPOLLIN | EPOLLONESHOT);

	SAME(1, write(self->e.out, bytes, 1));
	SAME(EPOLLIN, events_now(ep));
	SAME(1, write(self->e.out, bytes, 1));
	SAME(0, events_now(ep));
	SAME(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->e.in, &e));
	SAME(EPOLLIN, events_now(ep));
	SAME(0, events_now(ep));
}

/* Reads what comes, whenever epoll says so. */
static void serve(int fd, unsigned int *served)
{
	int ep = epoll_on(fd, EPOLLIN | EPOLLEXCLUSIVE);
	char *data = touched(4096);
	struct epoll_event e;

	CHECK(!fcntl(fd, F_SETFL, O_NONBLOCK));
	__atomic_add_fetch(&served[1], 1, __ATOMIC_SEQ_CST);
	for (;;) {
		CHECK(epoll_wait(ep, &e, 1, -1) == 1);
		if (read(fd, data, 1) < 0)
			CHECK(errno == EAGAIN);
		else
			__atomic_add_fetch(&served[0], 1, __ATOMIC_SEQ_CST);
	}
}

/* Each byte is read, though only some of those who wait for it are told. */
TEST_F(pair, epoll_exclusive)
{
	enum { SERVERS = 3, LETTERS = 100 };
	unsigned int *served = shared(2 * sizeof(*served)), i;
	pid_t pids[SERVERS];

	for (i = 0; i < SERVERS; i++) {
		pids[i] = CHILD(serve(self->e.in, served));
		wait_for(__atomic_load_n(&served[1], __ATOMIC_SEQ_CST) == i + 1);
		wait_for(task_state(pids[i], pids[i]) == 'S');
	}
	for (i = 0; i < LETTERS; i++) {
		SAME(1, write(self->e.out, bytes, 1));
		wait_for(__atomic_load_n(&served[0], __ATOMIC_SEQ_CST) == i + 1);
	}
	for (i = 0; i < SERVERS; i++)
		SAME(128 + SIGKILL, slay(pids[i]));
}

/* Signals. */

static void async_on(int fd, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK(!fcntl(fd, F_SETOWN, getpid()));
	CHECK(!fcntl(fd, F_SETSIG, sig));
	CHECK(!fcntl(fd, F_SETFL, O_ASYNC));
}

/* The next one within this time, or a negative errno. */
static long signalled(siginfo_t *info, bool patient)
{
	struct timespec limit = { .tv_sec = patient ? PATIENCE / SECOND : 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	return sigtimedwait(&set, info, &limit);
}

TEST_F(pair, sigio)
{
	siginfo_t info;

	SAME(0, fcntl(self->e.in, F_SETOWN, getpid()));
	async_on(self->e.in, 0);
	SAME(-EAGAIN, signalled(&info, false));
	SAME(1, write(self->e.out, bytes, 1));
	SAME(SIGIO, signalled(&info, true));
	SAME(-EAGAIN, signalled(&info, false));
	SAME(0, fcntl(self->e.in, F_SETFL, 0));
	SAME(1, write(self->e.out, bytes, 1));
	SAME(-EAGAIN, signalled(&info, false));
}

TEST_F(pair, chosen_signal)
{
	siginfo_t info;

	async_on(self->e.in, SIGRTMIN);
	SAME(1, write(self->e.out, bytes, 1));
	SAME(SIGRTMIN, signalled(&info, true));
	SAME(self->e.in, info.si_fd);
	SAME(POLL_IN, info.si_code);
	SAME(POLLIN | POLLRDNORM, info.si_band);
	/* Each write, as for epoll. */
	SAME(1, write(self->e.out, bytes, 1));
	SAME(SIGRTMIN, signalled(&info, true));
	SAME(-EAGAIN, signalled(&info, false));
	close(self->e.out);
	SAME(SIGRTMIN, signalled(&info, true));
	DIFFERS(ENDED, info.si_code);
}

TEST_F(pair, signal_for_room)
{
	siginfo_t info;

	SAME(CAPACITY, write(self->e.out, bytes, CAPACITY));
	async_on(self->e.out, SIGRTMIN);
	SAME(ATOMIC, read(self->e.in, bytes, ATOMIC));
	SAME(SIGRTMIN, signalled(&info, true));
	SAME(self->e.out, info.si_fd);
	SAME(POLL_OUT, info.si_code);
	close(self->e.in);
	SAME(SIGRTMIN, signalled(&info, true));
	DIFFERS(BROKEN, info.si_code);
}

/* Ours alone: what the other has not. */

TEST(both_rights_in_one)
{
	int fd = pipe_of(0, 0), manage = k_narrow(fd, MANAGE, 0);

	EXPECT_EQ(POLLOUT, poll_mask(fd, BOTH));
	EXPECT_EQ(1, write(fd, bytes, 1));
	EXPECT_EQ(BOTH, poll_mask(fd, BOTH));
	EXPECT_EQ(CAPACITY - 1, write(fd, bytes, CAPACITY - 1));
	EXPECT_EQ(POLLIN, poll_mask(fd, BOTH));
	/* What may do nothing is told nothing. */
	EXPECT_EQ(0, poll_mask(manage, BOTH));
}

TEST(chosen_sizes)
{
	struct ends e = ends_of(1000, 300);

	EXPECT_EQ(700, write(e.out, bytes, 700));
	EXPECT_EQ(POLLOUT, poll_mask(e.out, BOTH));
	EXPECT_EQ(1, write(e.out, bytes, 1));
	EXPECT_EQ(0, poll_mask(e.out, BOTH));
	/* Growth makes room, and is told. */
	EXPECT_EQ(1001, p_resize(e.out, 1001, 0));
	EXPECT_EQ(POLLOUT, poll_mask(e.out, BOTH));
	EXPECT_EQ(1001, p_resize(e.out, 0, 301));
	EXPECT_EQ(0, poll_mask(e.out, BOTH));
	EXPECT_EQ(1001, p_resize(e.out, 0, 300));
	EXPECT_EQ(POLLOUT, poll_mask(e.out, BOTH));
}

TEST(growth_wakes)
{
	struct ends e = ends_of(10, 10);
	int *begun = shared(sizeof(*begun));
	pid_t pid;

	EXPECT_EQ(10, write(e.out, bytes, 10));
	pid = CHILD({
		struct pollfd p = { .fd = e.out, .events = POLLOUT };

		begin(begun);
		CHECK(poll_woken(&p) == 1);
		CHECK(p.revents == POLLOUT);
	});
	wait_asleep(pid, begun);
	EXPECT_EQ(20, p_resize(e.in, 20, 0));
	EXPECT_EQ(0, reap(pid));
}

/* A removed pipe: both, for whoever looks, and whatever was known before. */
TEST(removal)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct ends e = ends_of(0, 0);
		int fd = i == 2 ? k_narrow(e.in, MANAGE, 0) : i ? e.out : e.in;
		int *begun = shared(sizeof(*begun));
		pid_t pid = CHILD({
			struct pollfd p = { .fd = fd };

			begin(begun);
			CHECK(poll_woken(&p) == 1);
			CHECK(p.revents == (POLLERR | POLLHUP));
		});

		wait_asleep(pid, begun);
		ASSERT_OK(k_remove(e.in));
		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(POLLERR | POLLHUP, poll_mask(fd, BOTH));
	}
}

/* What waiting readers get is not to be seen by poll. */
TEST(granted_bytes_are_not_there)
{
	struct ends e = ends_of(0, 0);
	int i;

	for (i = 0; i < 50; i++) {
		pid_t pid = CHILD({
			char data[8];

			CHECK(read(e.in, data, 8) == 1);
		});

		p_wait_waiters(e.in, 0, 1, pid);
		ASSERT_EQ(1, write(e.out, bytes, 1));
		ASSERT_EQ(0, poll_mask(e.in, POLLIN));
		ASSERT_EQ(0, reap(pid));
	}
}

TEST_HARNESS_MAIN
