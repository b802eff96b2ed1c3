// SPDX-License-Identifier: GPL-2.0
/* poll, epoll, SIGIO on queues: what they tell is what the default selector means. */
#include "test.h"
#include "kqueue.h"

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

/* A handle that receives by this selector. */
static int choosy(int fd, struct kipc_selector selector)
{
	int in = k_narrow(fd, RECEIVE, 0);

	CHECK(in >= 0);
	CHECK(!q_select(in, selector));
	return in;
}

/*
 * A process that polls, and has nothing else that could keep a hang-up away; it ends
 * well if it sees just this.
 */
static pid_t poller(int fd, short events, short want)
{
	struct pollfd p = { .fd = fd, .events = events };
	pid_t pid = spawn();

	if (!pid) {
		CHECK(fd == 3 || !close_range(3, fd - 1, 0));
		CHECK(!close_range(fd + 1, ~0U, 0));
		CHECK(poll_woken(&p) == 1);
		CHECK(p.revents == want);
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'S');
	return pid;
}

TEST(masks)
{
	int fd = queue(2, 100, 50, 0);
	int out = k_narrow(fd, SEND, 0), in = k_narrow(fd, RECEIVE, 0);
	int manage = k_narrow(fd, MANAGE, 0);

	EXPECT_EQ(POLLOUT, poll_mask(fd, BOTH));
	EXPECT_EQ(POLLOUT, poll_mask(out, BOTH));
	EXPECT_EQ(0, poll_mask(in, BOTH));
	EXPECT_EQ(0, poll_mask(manage, BOTH));
	EXPECT_EQ(0, poll_mask(fd, POLLIN | POLLPRI | POLLRDHUP));
	ASSERT_OK(q_send(fd, NULL, 0, 0, 0, 0));
	EXPECT_EQ(BOTH, poll_mask(fd, BOTH));
	EXPECT_EQ(POLLOUT, poll_mask(out, BOTH));
	EXPECT_EQ(POLLIN, poll_mask(in, BOTH));
	EXPECT_EQ(0, poll_mask(manage, BOTH));
	ASSERT_OK(q_send(fd, NULL, 0, 0, 0, 0));
	EXPECT_EQ(POLLIN, poll_mask(fd, BOTH));
	EXPECT_EQ(0, poll_mask(out, BOTH));
}

/* POLLOUT: not just any message fits, but one of message_size bytes. */
TEST(room_for_the_longest)
{
	int fd = queue(10, 100, 60, 0);

	EXPECT_EQ(0, q_put_sized(fd, 1, 0, 40, 1));
	EXPECT_EQ(POLLOUT, poll_mask(fd, POLLOUT));
	ASSERT_OK(q_send(fd, "x", 1, 1, 0, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLOUT));
	/* The limits change: so does what poll says. */
	ASSERT_OK(q_set(fd, 10, 100, 59, 0));
	EXPECT_EQ(POLLOUT, poll_mask(fd, POLLOUT));
	ASSERT_OK(q_set(fd, 2, 100, 59, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLOUT));
}

TEST(raised_limits_wake_pollers)
{
	int fd = queue(1, 100, 10, 0);
	int ep = epoll_on(fd, EPOLLOUT | EPOLLET);
	pid_t pid;

	EXPECT_EQ(EPOLLOUT, events_now(ep));
	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	EXPECT_EQ(0, events_now(ep));
	pid = poller(fd, POLLOUT, POLLOUT);
	ASSERT_OK(q_set(fd, 2, 100, 10, 0));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(EPOLLOUT, events_now(ep));
}

/* Each handle sees what its own selector means, and nothing else. */
TEST(default_selectors)
{
	int fd = default_queue();
	const struct kipc_selector all[] = {
		BY_FIRST, BY_PRIORITY, BY_TYPE(5), BY_LOWEST(6), BY_RANGE(4, 5),
		BY_EXCEPT(5), BY_SENDER(getpid()), BY_SENDER(1),
	};
	static const struct {
		uint64_t type;
		unsigned int seen;	/* a bit for each of these selectors */
	} rows[] = {
		{ 5, 0x5f }, { 4, 0x7b }, { 6, 0x6b }, { 7, 0x63 }, { 0, 0x6b },
	};
	int handles[ARRAY_SIZE(all)], level[ARRAY_SIZE(all)];
	int edge[ARRAY_SIZE(all)];
	size_t i, r;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		handles[i] = choosy(fd, all[i]);
		level[i] = epoll_on(handles[i], EPOLLIN);
		edge[i] = epoll_on(handles[i], EPOLLIN | EPOLLET);
	}
	for (r = 0; r < ARRAY_SIZE(rows); r++) {
		EXPECT_EQ(0, q_put(fd, rows[r].type, 0, r));
		for (i = 0; i < ARRAY_SIZE(all); i++) {
			uint32_t want = rows[r].seen >> i & 1 ? POLLIN : 0;

			EXPECT_EQ(want, (uint32_t)poll_mask(handles[i], BOTH)) {
				TH_LOG("type %d, selector %u",
				       (int)rows[r].type, all[i].how);
			}
			EXPECT_EQ(want, events_now(level[i]));
			EXPECT_EQ(want, events_now(edge[i]));
			EXPECT_EQ(0, events_now(edge[i]));
			EXPECT_EQ(want ? (long)r : -EAGAIN,
				  q_peek(handles[i], BY_DEFAULT));
		}
		EXPECT_EQ(r, q_take(fd, BY_FIRST));
		for (i = 0; i < ARRAY_SIZE(all); i++)
			EXPECT_EQ(0, poll_mask(handles[i], BOTH));
	}
}

/* Another selector: poll says at once what that one means. */
TEST(selector_changes)
{
	int fd = default_queue(), in = choosy(fd, BY_TYPE(5));
	int ep = epoll_on(in, EPOLLIN);

	EXPECT_EQ(0, q_put(fd, 6, 0, 6));
	EXPECT_EQ(0, events_now(ep));
	ASSERT_OK(q_select(in, BY_TYPE(6)));
	EXPECT_EQ(POLLIN, poll_mask(in, POLLIN));
	EXPECT_EQ(6, q_take(in, BY_DEFAULT));
	EXPECT_EQ(0, events_now(ep));
}

/* One that polls already is told of what it means from now on. */
TEST(selector_changes_under_a_poller)
{
	int fd = default_queue(), in = choosy(fd, BY_TYPE(5));
	int ep = epoll_on(in, EPOLLIN);
	pid_t pid;

	EXPECT_EQ(0, events_now(ep));
	EXPECT_EQ(0, q_put(fd, 6, 0, 6));
	pid = poller(in, POLLIN, POLLIN);
	ASSERT_OK(q_select(in, BY_RANGE(6, 7)));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(POLLIN, events_now(ep));
}

TEST(poll_wakes)
{
	int fd = queue(1, 8, 8, 0), five = choosy(fd, BY_TYPE(5)), i;
	static const short events[] = { POLLIN, POLLRDNORM, POLLOUT, POLLWRNORM };

	for (i = 0; i < 4; i++) {
		pid_t pid;

		if (i < 2) {
			/* What it does not want leaves it asleep. */
			pid = poller(five, events[i], events[i]);
			EXPECT_EQ(0, q_put(fd, 6, 0, 1));
			EXPECT_EQ(1, q_take(fd, BY_FIRST));
			wait_for(task_state(pid, pid) == 'S');
			EXPECT_EQ(0, q_put(fd, 5, 0, 1));
			EXPECT_EQ(0, reap(pid));
			EXPECT_EQ(1, q_take(fd, BY_FIRST));
		} else {
			EXPECT_EQ(0, q_put(fd, 6, 0, 1));
			pid = poller(fd, events[i], events[i]);
			EXPECT_EQ(1, q_take(fd, BY_FIRST));
			EXPECT_EQ(0, reap(pid));
		}
	}
}

/* A message that waiting receivers take is not to be seen by poll. */
TEST(granted_messages_are_not_there)
{
	int fd = default_queue(), i;

	for (i = 0; i < 50; i++) {
		pid_t pid = spawn();

		if (!pid) {
			CHECK(q_await(fd, BY_TYPE(5)) == 1);
			_exit(0);
		}
		q_wait_waiters(fd, 0, 1, pid);
		ASSERT_EQ(0, q_put(fd, 5, 0, 1));
		ASSERT_EQ(0, poll_mask(fd, POLLIN));
		ASSERT_EQ(0, reap(pid));
	}
}

TEST(select_)
{
	int fd = queue(1, 8, 8, 0);
	struct timeval tv = { 0, 0 };
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	w = r;
	x = r;
	EXPECT_EQ(1, select(fd + 1, &r, &w, &x, &tv));
	EXPECT_TRUE(!FD_ISSET(fd, &r) && FD_ISSET(fd, &w));
	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	FD_SET(fd, &r);
	w = r;
	x = r;
	EXPECT_EQ(1, select(fd + 1, &r, &w, &x, &tv));
	EXPECT_TRUE(FD_ISSET(fd, &r) && !FD_ISSET(fd, &w) && !FD_ISSET(fd, &x));
}

TEST(epoll_level)
{
	int fd = default_queue(), five = choosy(fd, BY_TYPE(5));
	int ep = epoll_on(five, EPOLLIN);

	EXPECT_EQ(0, q_put(fd, 5, 0, 1));
	EXPECT_EQ(0, q_put(fd, 6, 0, 2));
	EXPECT_EQ(0, q_put(fd, 5, 0, 3));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(1, q_take(five, BY_DEFAULT));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(3, q_take(five, BY_DEFAULT));
	EXPECT_EQ(0, events_now(ep));
}

/* Each message that it means is an edge, also if there was one before. */
TEST(epoll_edge)
{
	int fd = queue(4, 32, 8, 0), five = choosy(fd, BY_TYPE(5)), i;
	int in = epoll_on(five, EPOLLIN | EPOLLET);
	int out = epoll_on(fd, EPOLLOUT | EPOLLET);

	EXPECT_EQ(0, events_now(in));
	EXPECT_EQ(EPOLLOUT, events_now(out));
	EXPECT_EQ(0, events_now(out));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, q_put(fd, 5, 0, i));
		EXPECT_EQ(EPOLLIN, events_now(in));
		EXPECT_EQ(0, events_now(in));
	}
	events_now(out);
	/* It was full: now there is room. */
	EXPECT_EQ(0, q_take(fd, BY_FIRST));
	EXPECT_EQ(EPOLLOUT, events_now(out));
	EXPECT_EQ(0, events_now(out));
	/* To receive makes nothing more readable. */
	EXPECT_EQ(0, events_now(in));
}

TEST(epoll_oneshot)
{
	int fd = default_queue();
	int ep = epoll_on(fd, EPOLLIN | EPOLLONESHOT);
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };

	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(0, q_put(fd, 1, 0, 2));
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
		if (q_recv(fd, &data, 8, BY_DEFAULT, NULL, 0, 0) < 0)
			CHECK(errno == EAGAIN);
	}
}

/*
 * One is enough; but who cannot receive, or waits for another type, may not be the
 * one that is woken.
 */
TEST(epoll_exclusive)
{
	enum { SERVERS = 6, MESSAGES = 100 };
	int fd = default_queue();
	int handles[SERVERS] = {
		k_narrow(fd, SEND, 0), choosy(fd, BY_TYPE(1)), choosy(fd, BY_TYPE(2)),
		choosy(fd, BY_TYPE(2)), choosy(fd, BY_TYPE(3)), choosy(fd, BY_RANGE(3, 4)),
	};
	pid_t pids[SERVERS];
	uint64_t i;

	for (i = 0; i < SERVERS; i++) {
		pids[i] = spawn();
		if (!pids[i])
			serve(handles[i]);
		wait_for(task_state(pids[i], pids[i]) == 'S');
	}
	for (i = 0; i < MESSAGES; i++) {
		EXPECT_EQ(0, q_put(fd, 1 + i % 4, 0, i));
		wait_for(q_stat_of(fd).received == i + 1);
	}
	for (i = 0; i < SERVERS; i++)
		EXPECT_EQ(128 + SIGKILL, slay(pids[i]));
}

/* Hang-up, and what is left is not for this selector. */
TEST(hang_up)
{
	int fd = queue(4, 64, 16, KIPC_QUEUE_HANGUP);
	int five = choosy(fd, BY_TYPE(5)), any = choosy(fd, BY_FIRST);
	int out = k_narrow(fd, SEND, 0);
	int edge = epoll_on(five, EPOLLIN | EPOLLET);
	char data[16];
	pid_t pid;

	EXPECT_EQ(0, q_put(fd, 6, 0, 6));
	EXPECT_EQ(0, poll_mask(five, POLLIN));
	close(fd);
	EXPECT_EQ(0, events_now(edge));
	EXPECT_EQ(-EAGAIN, q_take(five, BY_DEFAULT));
	pid = poller(five, POLLIN, POLLIN | POLLHUP);
	close(out);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, events_now(edge));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(five, BOTH));
	EXPECT_EQ(-EPIPE, q_take(five, BY_DEFAULT));
	EXPECT_EQ(0, read(five, data, 16));
	EXPECT_EQ(POLLIN, poll_mask(any, BOTH));
	EXPECT_EQ(6, q_take(any, BY_DEFAULT));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(any, BOTH));
	EXPECT_EQ(0, read(any, data, 16));
}

/* The last one that this selector means goes after the hang-up, and others stay. */
TEST(hang_up_by_the_last_of_a_sort)
{
	int fd = queue(4, 64, 16, KIPC_QUEUE_HANGUP);
	int five = choosy(fd, BY_TYPE(5)), any = choosy(fd, BY_FIRST);
	pid_t pid;

	EXPECT_EQ(0, q_put(fd, 6, 0, 6));
	EXPECT_EQ(0, q_put(fd, 5, 0, 5));
	close(fd);
	EXPECT_EQ(POLLIN, poll_mask(five, POLLIN));
	pid = poller(five, 0, POLLHUP);
	EXPECT_EQ(5, q_take(any, BY_TYPE(5)));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(6, q_take(any, BY_FIRST));
}

/* Or the selector becomes one that means none of them. */
TEST(hang_up_by_the_selector)
{
	int fd = queue(4, 64, 16, KIPC_QUEUE_HANGUP);
	int in = choosy(fd, BY_TYPE(6));
	pid_t pid;

	EXPECT_EQ(0, q_put(fd, 6, 0, 6));
	close(fd);
	EXPECT_EQ(POLLIN, poll_mask(in, POLLIN));
	pid = poller(in, 0, POLLHUP);
	ASSERT_OK(q_select(in, BY_TYPE(5)));
	EXPECT_EQ(0, reap(pid));
}

TEST(hang_up_of_receivers)
{
	int fd = queue(1, 64, 16, KIPC_QUEUE_HANGUP);
	int out = k_narrow(fd, SEND, 0), ep = epoll_on(out, EPOLLOUT | EPOLLET);
	pid_t pid;

	EXPECT_EQ(EPOLLOUT, events_now(ep));
	EXPECT_EQ(0, q_put(out, 1, 0, 1));
	pid = spawn();
	if (!pid) {
		close(fd);
		CHECK_ERR(EPIPE, q_send(out, "x", 1, 1, 0, KIPC_FOREVER));
		CHECK_ERR(EPIPE, write(out, "x", 1));
		_exit(0);
	}
	q_wait_waiters(out, 1, 0, pid);
	close(fd);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(EPOLLERR, events_now(ep));
	EXPECT_EQ(POLLERR, poll_mask(out, BOTH));
	EXPECT_EQ(-EPIPE, q_put(out, 1, 0, 2));
}

TEST(removal)
{
	int fd = default_queue(), five = choosy(fd, BY_TYPE(5));
	int manage = k_narrow(fd, MANAGE, 0);
	int ep = epoll_on(five, EPOLLIN | EPOLLET);
	pid_t pids[2];

	EXPECT_EQ(0, q_put(fd, 6, 0, 6));
	pids[0] = poller(five, POLLIN, POLLERR | POLLHUP);
	pids[1] = poller(manage, POLLIN, POLLERR | POLLHUP);
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(pids[0]));
	EXPECT_EQ(0, reap(pids[1]));
	EXPECT_EQ(EPOLLERR | EPOLLHUP, events_now(ep));
	EXPECT_EQ(POLLERR | POLLHUP, poll_mask(fd, BOTH));
}

TEST(closed_inside_epoll)
{
	int fd = default_queue(), other = k_narrow(fd, SEND, 0);
	int ep = epoll_on(fd, EPOLLIN);

	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	close(fd);
	EXPECT_EQ(0, events_now(ep));
	EXPECT_EQ(0, q_put(other, 1, 0, 2));
	EXPECT_EQ(0, events_now(ep));
}

static int next_signal(const sigset_t *set, siginfo_t *info)
{
	struct timespec patience = { .tv_sec = PATIENCE / SECOND };

	return sigtimedwait(set, info, &patience);
}

TEST(sigio)
{
	int fd = queue(1, 8, 8, 0);
	int in = k_narrow(fd, RECEIVE, 0), out = k_narrow(fd, SEND, 0);
	struct timespec none = { 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_OK(fcntl(in, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(in, F_SETFL, O_ASYNC));
	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	EXPECT_EQ(SIGIO, next_signal(&set, &info));
	ASSERT_OK(fcntl(in, F_SETSIG, SIGRTMIN));
	EXPECT_EQ(1, q_take(fd, BY_FIRST));
	while (sigtimedwait(&set, &info, &none) > 0)
		;
	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	EXPECT_EQ(SIGRTMIN, next_signal(&set, &info));
	EXPECT_EQ(in, info.si_fd);
	EXPECT_EQ(POLL_IN, info.si_code);
	ASSERT_OK(fcntl(in, F_SETFL, 0));

	/* And for room. */
	ASSERT_OK(fcntl(out, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(out, F_SETSIG, SIGRTMIN));
	ASSERT_OK(fcntl(out, F_SETFL, O_ASYNC));
	while (sigtimedwait(&set, &info, &none) > 0)
		;
	EXPECT_EQ(1, q_take(fd, BY_FIRST));
	EXPECT_EQ(SIGRTMIN, next_signal(&set, &info));
	EXPECT_EQ(out, info.si_fd);
	EXPECT_EQ(POLL_OUT, info.si_code);
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(SIGRTMIN, next_signal(&set, &info));
	EXPECT_EQ(POLL_HUP, info.si_code);
}

TEST_HARNESS_MAIN
