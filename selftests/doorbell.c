// SPDX-License-Identifier: GPL-2.0
/*
 * The doorbell of memory: the same scenarios with eventfd(2), and what is more:
 * deadlines, order, hand-over, notification, removal.
 */
#include "test.h"
#include "kmemory.h"
#include "kqueue.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#define FULL	KIPC_BELL_MAX

FIXTURE(bell) {
	int fd;
};

FIXTURE_VARIANT(bell) {
	bool ours;
};

FIXTURE_VARIANT_ADD(bell, kipc) { true };
FIXTURE_VARIANT_ADD(bell, eventfd) { false };

FIXTURE_SETUP(bell)
{
	self->fd = variant->ours ? memory_of(0) : eventfd(0, EFD_CLOEXEC);
	ASSERT_OK(self->fd);
}

FIXTURE_TEARDOWN(bell)
{
	EXPECT_EQ(0, total("waiters"));
}

static ssize_t add(int fd, uint64_t n)
{
	return write(fd, &n, sizeof(n));
}

static uint64_t got(int fd)
{
	uint64_t n = 0;

	CHECK(read(fd, &n, sizeof(n)) == sizeof(n));
	return n;
}

static void nonblock(int fd)
{
	CHECK(!fcntl(fd, F_SETFL, O_NONBLOCK));
}

TEST_F(bell, adds)
{
	EXPECT_EQ(8, add(self->fd, 3));
	EXPECT_EQ(8, add(self->fd, 0));
	EXPECT_EQ(8, add(self->fd, 4));
	EXPECT_EQ(7, got(self->fd));
	nonblock(self->fd);
	EXPECT_ERR(EAGAIN, read(self->fd, &(uint64_t){ 0 }, 8));
}

TEST_F(bell, sizes)
{
	uint64_t n[2] = { 5, 6 };

	EXPECT_ERR(EINVAL, write(self->fd, n, 7));
	EXPECT_ERR(EINVAL, write(self->fd, n, 0));
	/* Kernels before 6.8 take the first eight. */
	if (variant->ours)
		EXPECT_ERR(EINVAL, write(self->fd, n, 16));
	EXPECT_EQ(8, add(self->fd, 5));
	EXPECT_ERR(EINVAL, read(self->fd, n, 7));
	EXPECT_ERR(EINVAL, read(self->fd, n, 0));
	memset(n, 0, sizeof(n));
	EXPECT_EQ(8, read(self->fd, n, 16));
	EXPECT_EQ(5, n[0]);
	EXPECT_EQ(0, n[1]);
}

TEST_F(bell, overflow)
{
	nonblock(self->fd);
	EXPECT_ERR(EINVAL, add(self->fd, FULL + 1));
	EXPECT_EQ(8, add(self->fd, FULL - 1));
	EXPECT_EQ(POLLIN | POLLOUT, poll_mask(self->fd, POLLIN | POLLOUT));
	EXPECT_ERR(EAGAIN, add(self->fd, 2));
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(POLLIN, poll_mask(self->fd, POLLIN | POLLOUT));
	EXPECT_ERR(EAGAIN, add(self->fd, 1));
	EXPECT_EQ(FULL, got(self->fd));
	EXPECT_EQ(POLLOUT, poll_mask(self->fd, POLLIN | POLLOUT));
	EXPECT_ERR(EAGAIN, read(self->fd, &(uint64_t){ 0 }, 8));
}

TEST_F(bell, waits_to_be_rung)
{
	int *begun = shared(sizeof(*begun));
	pid_t pid = spawn();

	if (!pid) {
		__atomic_store_n(begun, 1, __ATOMIC_SEQ_CST);
		CHECK(got(self->fd) == 9);
		_exit(0);
	}
	wait_for(__atomic_load_n(begun, __ATOMIC_SEQ_CST));
	wait_for(task_state(pid, pid) == 'S');
	EXPECT_EQ(8, add(self->fd, 9));
	EXPECT_EQ(0, reap(pid));
}

TEST_F(bell, waits_to_ring)
{
	int *begun = shared(sizeof(*begun));
	pid_t pid;

	EXPECT_EQ(8, add(self->fd, FULL));
	pid = spawn();
	if (!pid) {
		__atomic_store_n(begun, 1, __ATOMIC_SEQ_CST);
		CHECK(add(self->fd, 11) == 8);
		_exit(0);
	}
	wait_for(__atomic_load_n(begun, __ATOMIC_SEQ_CST));
	wait_for(task_state(pid, pid) == 'S');
	EXPECT_EQ(FULL, got(self->fd));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(11, got(self->fd));
}

TEST_F(bell, signal)
{
	int *begun = shared(sizeof(*begun));
	pid_t pid = spawn();

	if (!pid) {
		int caught = 0;

		count_signals(SIGUSR1, 0, &caught);
		__atomic_store_n(begun, 1, __ATOMIC_SEQ_CST);
		CHECK_ERR(EINTR, read(self->fd, &(uint64_t){ 0 }, 8));
		CHECK(caught == 1);
		count_signals(SIGUSR1, SA_RESTART, &caught);
		__atomic_store_n(begun, 2, __ATOMIC_SEQ_CST);
		CHECK(got(self->fd) == 1 && caught == 2);
		_exit(0);
	}
	wait_for(__atomic_load_n(begun, __ATOMIC_SEQ_CST) == 1);
	wait_for(task_state(pid, pid) == 'S');
	kill(pid, SIGUSR1);
	wait_for(__atomic_load_n(begun, __ATOMIC_SEQ_CST) == 2);
	wait_for(task_state(pid, pid) == 'S');
	kill(pid, SIGUSR1);
	wait_for(task_state(pid, pid) == 'S');
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(0, reap(pid));
}

TEST_F(bell, polled)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);

	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(1, epoll_wait(ep, &event, 1, 0));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	/* An edge for each ring. */
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(1, epoll_wait(ep, &event, 1, 0));
	EXPECT_EQ(2, got(self->fd));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	EXPECT_EQ(POLLOUT, poll_mask(self->fd, POLLIN | POLLOUT));
}

TEST_F(bell, bad_buffers)
{
	char *hole = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_ERR(EFAULT, write(self->fd, hole, 8));
	EXPECT_EQ(8, add(self->fd, 12));
	if (!variant->ours)
		return;
	/* A read that fails has taken nothing, which is not so of theirs. */
	EXPECT_ERR(EFAULT, read(self->fd, hole, 8));
	EXPECT_ERR(EFAULT, read(self->fd, ro, 8));
	EXPECT_EQ(12, got(self->fd));
}

TEST_F(bell, vectors)
{
	uint64_t n = 21, m = 0;
	struct iovec out[] = { { &n, 4 }, { (char *)&n + 4, 4 } };
	struct iovec in[] = { { &m, 3 }, { (char *)&m + 3, 5 } };

	/* Theirs takes each part for a number of its own. */
	EXPECT_EQ(8, variant->ours ? writev(self->fd, out, 2) : add(self->fd, n));
	EXPECT_EQ(8, readv(self->fd, in, 2));
	EXPECT_EQ(21, m);
	EXPECT_EQ(8, add(self->fd, 1));
	in[1].iov_len = 4;
	EXPECT_ERR(EINVAL, readv(self->fd, in, 2));
}

/* What eventfd has not. */

FIXTURE(own) {
	int fd, ringer, waiter;
};

FIXTURE_SETUP(own)
{
	self->fd = memory_of(PAGE);
	self->ringer = k_narrow(self->fd, SEND, 0);
	self->waiter = k_narrow(self->fd, RECEIVE, 0);
	ASSERT_TRUE(self->ringer >= 0 && self->waiter >= 0);
}

FIXTURE_TEARDOWN(own)
{
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(own, rights)
{
	uint64_t n = 1;
	int map = k_narrow(self->fd, MAP, 0);

	EXPECT_ERR(EBADF, read(self->ringer, &n, 8));
	EXPECT_ERR(EBADF, write(self->waiter, &n, 8));
	EXPECT_ERR(EBADF, m_wait(self->ringer, &n, 0));
	EXPECT_ERR(EBADF, m_ring(self->waiter, 1, 0));
	EXPECT_ERR(EBADF, m_ring(map, 1, 0));
	EXPECT_ERR(EBADF, m_wait(map, &n, 0));
	EXPECT_EQ(POLLOUT, poll_mask(self->ringer, POLLIN | POLLOUT));
	EXPECT_EQ(0, poll_mask(self->waiter, POLLIN | POLLOUT));
	EXPECT_EQ(8, add(self->ringer, 1));
	EXPECT_EQ(POLLIN, poll_mask(self->waiter, POLLIN | POLLOUT));
	EXPECT_EQ(POLLOUT, poll_mask(self->ringer, POLLIN | POLLOUT));
	EXPECT_EQ(0, poll_mask(map, POLLIN | POLLOUT));
}

TEST_F(own, deadlines)
{
	uint64_t n, before = now_ns();

	EXPECT_ERR(EAGAIN, m_wait(self->fd, &n, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, m_wait(self->fd, &n, after(20 * MS)));
	EXPECT_GE(now_ns(), before + 20 * MS);
	EXPECT_ERR(ETIMEDOUT, m_wait(self->fd, &n, 1));
	EXPECT_ERR(EINVAL, m_ring(self->fd, FULL + 1, KIPC_FOREVER));
	EXPECT_OK(m_ring(self->fd, FULL, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, m_ring(self->fd, 1, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, m_ring(self->fd, 1, after(20 * MS)));
	EXPECT_OK(m_ring(self->fd, 0, KIPC_NO_WAIT));
	EXPECT_OK(m_wait(self->fd, &n, KIPC_FOREVER));
	EXPECT_EQ(FULL, n);
	nonblock(self->fd);
	EXPECT_ERR(EAGAIN, m_wait(self->fd, &n, KIPC_FOREVER));
	EXPECT_EQ(2, m_stat_of(self->fd).waits);
	EXPECT_EQ(1, m_stat_of(self->fd).rings);
}

/* Waiters are served as they came; each gets all that is there. */
TEST_F(own, order)
{
	int results[2];
	pid_t pid[5];
	unsigned int i, n;
	char who[2];

	ASSERT_OK(pipe(results));
	for (i = 0; i < 5; i++) {
		pid[i] = spawn();
		if (!pid[i]) {
			who[0] = i;
			who[1] = got(self->fd);
			CHECK(write(results[1], who, 2) == 2);
			_exit(0);
		}
		m_wait_waiters(self->fd, i + 1, 0, pid[i]);
	}
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(8, add(self->fd, 10 + i));
		ASSERT_EQ(2, read(results[0], who, 2));
		EXPECT_EQ(i, who[0]);
		EXPECT_EQ(10 + i, who[1]);
		n = m_stat_of(self->fd).waiting;
		EXPECT_EQ(4 - i, n);
	}
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, reap(pid[i]));
	EXPECT_EQ(5, m_stat_of(self->fd).waits);
}

/* Nobody goes ahead of who waits to ring, even with what would fit. */
TEST_F(own, order_of_ringers)
{
	uint64_t n;
	pid_t pid;

	EXPECT_OK(m_ring(self->fd, FULL - 5, 0));
	pid = spawn();
	if (!pid) {
		CHECK(add(self->fd, 7) == 8);
		_exit(0);
	}
	m_wait_waiters(self->fd, 0, 1, pid);
	EXPECT_ERR(EAGAIN, m_ring(self->fd, 2, KIPC_NO_WAIT));
	EXPECT_EQ(0, poll_mask(self->ringer, POLLOUT));
	EXPECT_OK(m_wait(self->fd, &n, 0));
	EXPECT_EQ(FULL - 5, n);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(7, m_rung(self->fd));
}

/* When the first one leaves, it may be that those behind it can go on. */
TEST_F(own, ringer_leaves)
{
	pid_t first, second;

	EXPECT_OK(m_ring(self->fd, FULL - 5, 0));
	first = spawn();
	if (!first) {
		add(self->fd, 7);
		_exit(1);
	}
	m_wait_waiters(self->fd, 0, 1, first);
	second = spawn();
	if (!second) {
		CHECK(add(self->fd, 5) == 8);
		_exit(0);
	}
	m_wait_waiters(self->fd, 0, 2, second);
	EXPECT_EQ(128 + SIGKILL, slay(first));
	EXPECT_EQ(0, reap(second));
	EXPECT_EQ(FULL, m_rung(self->fd));
}

/* A crowd that waits, and one that rings: each is served, nothing is lost. */
TEST_F(own, crowds)
{
	enum { EACH = 4 };
	uint64_t *sum = shared(sizeof(*sum));
	pid_t waiters[EACH], ringers[EACH];
	unsigned int i, rounds = effort(500);

	for (i = 0; i < EACH; i++) {
		waiters[i] = spawn();
		if (!waiters[i]) {
			uint64_t n;

			while (read(self->fd, &n, 8) == 8)
				__atomic_add_fetch(sum, n, __ATOMIC_SEQ_CST);
			CHECK(errno == EIDRM);
			_exit(0);
		}
	}
	for (i = 0; i < EACH; i++) {
		ringers[i] = spawn();
		if (!ringers[i]) {
			for (unsigned int r = 1; r <= rounds; r++)
				CHECK(add(self->fd, r) == 8);
			_exit(0);
		}
	}
	for (i = 0; i < EACH; i++)
		EXPECT_EQ(0, reap(ringers[i]));
	wait_for(__atomic_load_n(sum, __ATOMIC_SEQ_CST) ==
		 (uint64_t)EACH * rounds * (rounds + 1) / 2);
	EXPECT_EQ(EACH * rounds, m_stat_of(self->fd).rings);
	EXPECT_OK(k_remove(self->fd));
	for (i = 0; i < EACH; i++)
		EXPECT_EQ(0, reap(waiters[i]));
}

TEST_F(own, removed)
{
	uint64_t n = 1;
	pid_t waiter, ringer;
	int other = memory_of(0);

	waiter = spawn();
	if (!waiter) {
		CHECK_ERR(EIDRM, read(self->fd, &n, 8));
		_exit(0);
	}
	EXPECT_OK(m_ring(other, FULL, 0));
	ringer = spawn();
	if (!ringer) {
		CHECK_ERR(EIDRM, add(other, 1));
		_exit(0);
	}
	m_wait_waiters(self->fd, 1, 0, waiter);
	m_wait_waiters(other, 0, 1, ringer);
	EXPECT_OK(k_remove(self->fd));
	EXPECT_OK(k_remove(other));
	EXPECT_EQ(0, reap(waiter));
	EXPECT_EQ(0, reap(ringer));
	EXPECT_ERR(EIDRM, read(self->fd, &n, 8));
	EXPECT_ERR(EIDRM, read(other, &n, 8));
	EXPECT_ERR(EIDRM, write(self->fd, &n, 8));
	EXPECT_ERR(EIDRM, m_ring(self->fd, 1, 0));
	EXPECT_ERR(EIDRM, m_wait(self->fd, &n, 0));
	EXPECT_EQ(POLLERR | POLLHUP, poll_mask(self->fd, POLLIN | POLLOUT));
}

TEST_F(own, quota_of_waiters)
{
	uint64_t limit = get_limit("max_waiters"), n;

	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, m_wait(self->fd, &n, KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, read(self->fd, &n, 8));
	EXPECT_ERR(EAGAIN, m_wait(self->fd, &n, KIPC_NO_WAIT));
	EXPECT_OK(m_ring(self->fd, FULL, 0));
	EXPECT_ERR(EDQUOT, add(self->fd, 1));
	EXPECT_EQ(FULL, got(self->fd));
	set_limit("max_waiters", limit);
}

static int caught;

TEST_F(own, told_by_signals)
{
	count_signals(SIGUSR1, 0, &caught);
	EXPECT_ERR(EPERM, q_notify(self->ringer, KIPC_EVENT_READABLE, 0, SIGUSR1, 0));
	EXPECT_ERR(EPERM, q_notify(self->waiter, KIPC_EVENT_WRITABLE, 0, SIGUSR1, 0));
	EXPECT_ERR(EINVAL, q_notify(self->fd, KIPC_EVENT_LIMIT, 0, SIGUSR1, 0));
	EXPECT_ERR(EINVAL, q_notify(self->fd, KIPC_EVENT_CALL, 0, SIGUSR1, 0));
	ASSERT_OK(q_notify(self->waiter, KIPC_EVENT_NONEMPTY, 0, SIGUSR1, 0));
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(1, caught);
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(1, caught);
	ASSERT_OK(q_notify(self->waiter, KIPC_EVENT_READABLE, 0, SIGUSR1, 0));
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(2, caught);
	/* Of nothing, nobody is told. */
	EXPECT_EQ(8, add(self->fd, 0));
	EXPECT_EQ(2, caught);
	ASSERT_OK(q_notify(self->waiter, 0, 0, 0, 0));
	EXPECT_OK(m_ring(self->fd, FULL - 3, 0));
	ASSERT_OK(q_notify(self->ringer, KIPC_EVENT_WRITABLE | KIPC_EVENT_PEER_GONE, 0,
			   SIGUSR1, 0));
	EXPECT_EQ(FULL, got(self->fd));
	EXPECT_EQ(3, caught);
	EXPECT_OK(k_remove(self->fd));
	EXPECT_EQ(4, caught);
}

TEST_F(own, told_by_sigio)
{
	caught = 0;
	count_signals(SIGIO, 0, &caught);
	ASSERT_OK(fcntl(self->waiter, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(self->waiter, F_SETFL, O_ASYNC));
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(1, caught);
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(2, caught);
	EXPECT_EQ(2, got(self->fd));
	EXPECT_EQ(2, caught);
}

/* A poller is woken by a ring only if nobody waits in line for it. */
TEST_F(own, pollers_and_waiters)
{
	struct pollfd p = { self->waiter, POLLIN, 0 };
	pid_t pid = spawn();

	if (!pid) {
		CHECK(got(self->fd) == 1);
		_exit(0);
	}
	m_wait_waiters(self->fd, 1, 0, pid);
	EXPECT_EQ(8, add(self->fd, 1));
	EXPECT_EQ(0, poll_mask(self->waiter, POLLIN));
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
		CHECK(got(self->waiter) == 2);
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'S');
	EXPECT_EQ(8, add(self->fd, 2));
	EXPECT_EQ(0, reap(pid));
}

/* By pid: what others get is to ring. */
TEST_F(own, published)
{
	pid_t pid;

	ASSERT_OK(k_publish(self->fd));
	pid = spawn();
	if (!pid) {
		struct kipc_open_pid open = {
			.pid = getppid(),
			.kind = KIPC_KIND_MEMORY,
			.rights = SEND,
		};
		int fd = ioctl(control(), KIPC_IOC_OPEN_PID, &open);

		CHECK(fd >= 0);
		CHECK(add(fd, 31) == 8);
		CHECK(m_map(fd, PAGE, PROT_READ) == MAP_FAILED);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(31, m_rung(self->fd));
	EXPECT_ERR(EPERM, k_publish(self->waiter));
}

TEST_HARNESS_MAIN
