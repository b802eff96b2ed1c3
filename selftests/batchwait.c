// SPDX-License-Identifier: GPL-2.0
/*
 * Several letters in one call, where somebody has to wait: for a letter, for room,
 * for each other; and what ends that.
 */
#include "test.h"
#include "batch.h"

#include <pthread.h>
#include <sys/resource.h>

/* Receiving waits for one letter, and not for more. */
TEST(receive_what_is_there)
{
	int fd = default_box();
	pid_t pid;

	EXPECT_ERR(EAGAIN, recv_some(fd, 4, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, recv_some(fd, 4, after(MS)));
	EXPECT_EQ(1, stat_of(fd).recv_waits);
	ASSERT_EQ(3, send_some(fd, 3, 10, 1, 0));
	ASSERT_EQ(2, recv_some(fd, 2, KIPC_FOREVER));
	check_received(2, 10, 1);
	ASSERT_EQ(1, recv_some(fd, 8, KIPC_FOREVER));
	check_received(1, 10, 3);
	EXPECT_EQ(1, stat_of(fd).recv_waits);

	pid = spawn();
	if (!pid) {
		CHECK(recv_some(fd, 8, after(PATIENCE)) == 1);
		check_received(1, 10, 4);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, pid);
	letters(1, 10, 4);
	ASSERT_OK(k_send(fd, out_data[0], 10, 4, 0));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(2, stat_of(fd).recv_waits);
}

/*
 * A batch that comes to somebody who waits is handed over once: it is woken once,
 * counted by the kernel, and has all of it.
 */
TEST(one_wake_up)
{
	int fd = default_box();
	pid_t pid = spawn();

	if (!pid) {
		struct rusage before, now;
		int ret;

		buffers(MANY, ROOM);
		CHECK(!getrusage(RUSAGE_SELF, &before));
		ret = k_recv_batch(fd, in, MANY, 0, after(PATIENCE));
		CHECK(!getrusage(RUSAGE_SELF, &now));
		CHECK(ret == 16);
		check_received(ret, 64, 1);
		/* None, if it came before it slept. */
		CHECK(now.ru_nvcsw - before.ru_nvcsw <= 1);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, pid);
	ASSERT_EQ(16, send_some(fd, 16, 64, 1, 0));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, stat_of(fd).recv_waits);
	EXPECT_EQ(16, stat_of(fd).received);
}

/* Each of those who wait has one of it, and none has what another was promised. */
TEST(one_each)
{
	enum { CROWD = 3 };
	int fd = default_box(), i;
	pid_t pid[CROWD];

	for (i = 0; i < CROWD; i++) {
		pid[i] = spawn();
		if (!pid[i]) {
			CHECK(recv_some(fd, 8, after(PATIENCE)) == 1);
			_exit(0);
		}
		wait_waiters(fd, 0, i + 1, pid[i]);
	}
	ASSERT_EQ(CROWD, send_some(fd, CROWD, 64, 1, 0));
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(0, reap(pid[i]));
	EXPECT_EQ(0, stat_of(fd).letters);
}

/* Sending waits until all have room. */
TEST(send_waits)
{
	int fd = box(4, 1000, 100, 0);
	pid_t pid = spawn();
	uint64_t next;
	int ret;

	if (!pid) {
		CHECK(send_some(fd, MANY, 100, 1, after(PATIENCE)) == MANY);
		_exit(0);
	}
	for (next = 1; next <= MANY; next += ret) {
		ret = recv_some(fd, 3, after(PATIENCE));
		ASSERT_LT(0, ret);
		check_received(ret, 100, next);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_LE(stat_of(fd).peak_letters, 4);
	EXPECT_EQ(0, stat_of(fd).letters);
}

/* Rendezvous: each letter meets a receiver. */
TEST(rendezvous)
{
	int fd = rendezvous_box(5000), i;
	pid_t pid[3];

	EXPECT_ERR(EAGAIN, send_some(fd, 3, 8, 1, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, send_some(fd, 3, 8, 1, after(MS)));
	EXPECT_ERR(EAGAIN, recv_some(fd, 3, KIPC_NO_WAIT));
	pid[0] = spawn();
	if (!pid[0]) {
		CHECK(send_some(fd, 3, 5000, 1, after(PATIENCE)) == 3);
		_exit(0);
	}
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(1, recv_some(fd, 1, after(PATIENCE)));
		check_received(1, 5000, i);
	}
	EXPECT_EQ(0, reap(pid[0]));
	/* Those who wait are there to be received. */
	for (i = 0; i < 3; i++) {
		pid[i] = spawn();
		if (!pid[i]) {
			CHECK(send_some(fd, 1, 8, 10 + i, after(PATIENCE)) == 1);
			_exit(0);
		}
		wait_waiters(fd, i + 1, 0, pid[i]);
	}
	ASSERT_EQ(3, recv_some(fd, 8, KIPC_FOREVER));
	check_received(3, 8, 10);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(pid[i]));
	/* One receiver waits: one letter, and no more. */
	pid[0] = spawn();
	if (!pid[0]) {
		CHECK(recv_some(fd, 8, after(PATIENCE)) == 1);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, pid[0]);
	EXPECT_EQ(1, send_some(fd, 3, 8, 20, KIPC_NO_WAIT));
	EXPECT_EQ(0, reap(pid[0]));
	EXPECT_EQ(0, stat_of(fd).letters);
}

/* The end: first what was done, then why it is no more. */

static void end_by_hangup(int fd)
{
	close(fd);
}

static void end_by_removal(int fd)
{
	CHECK(!k_remove(fd));
}

FIXTURE(end) {
};

FIXTURE_VARIANT(end) {
	void (*end)(int fd);
	int error;
};

FIXTURE_VARIANT_ADD(end, hangup) { .end = end_by_hangup, .error = EPIPE };
FIXTURE_VARIANT_ADD(end, removal) { .end = end_by_removal, .error = EIDRM };

FIXTURE_SETUP(end)
{
}

FIXTURE_TEARDOWN(end)
{
}

TEST_F(end, senders)
{
	int all = box(5, 1000, 100, KIPC_MAILBOX_HANGUP);
	int sends = k_narrow(all, SEND, 0);
	int part;
	pid_t pid;

	for (part = 1; part >= 0; part--) {
		pid = spawn();
		if (!pid) {
			close(all);
			if (part)
				CHECK(send_some(sends, 8, 10, 1, after(PATIENCE)) == 5);
			else
				CHECK_ERR(variant->error, send_some(sends, 8, 10, 1,
								    after(PATIENCE)));
			CHECK_ERR(variant->error, send_some(sends, 8, 10, 1, 0));
			_exit(0);
		}
		wait_waiters(sends, 1, 0, pid);
		EXPECT_EQ(5, stat_of(sends).sent);
		variant->end(all);
		EXPECT_EQ(0, reap(pid));
		if (!part)
			break;
		close(all);
		close(sends);
		all = box(5, 1000, 100, KIPC_MAILBOX_HANGUP);
		sends = k_narrow(all, SEND, 0);
		ASSERT_EQ(5, send_some(sends, 5, 10, 1, 0));
	}
}

TEST_F(end, receivers)
{
	int all = box(5, 1000, 100, KIPC_MAILBOX_HANGUP);
	int receives = k_narrow(all, RECEIVE, 0);
	pid_t pid;

	pid = spawn();
	if (!pid) {
		close(all);
		CHECK_ERR(variant->error, recv_some(receives, 8, after(PATIENCE)));
		CHECK_ERR(variant->error, recv_some(receives, 8, 0));
		_exit(0);
	}
	wait_waiters(receives, 0, 1, pid);
	variant->end(all);
	EXPECT_EQ(0, reap(pid));
}

/* What is there is received after hang-up. */
TEST(rest_after_hangup)
{
	int all = box(5, 1000, 100, KIPC_MAILBOX_HANGUP);
	int receives = k_narrow(all, RECEIVE, 0);

	ASSERT_EQ(5, send_some(all, 5, 10, 1, 0));
	close(all);
	EXPECT_EQ(3, recv_some(receives, 3, KIPC_FOREVER));
	EXPECT_EQ(2, recv_some(receives, 3, KIPC_FOREVER));
	check_received(2, 10, 4);
	EXPECT_ERR(EPIPE, recv_some(receives, 3, KIPC_FOREVER));
}

TEST(after_the_end)
{
	int all = box(5, 1000, 100, KIPC_MAILBOX_HANGUP);
	int sends = k_narrow(all, SEND, 0);

	ASSERT_EQ(2, send_some(all, 2, 10, 1, 0));
	EXPECT_OK(k_remove(all));
	EXPECT_ERR(EIDRM, send_some(sends, 2, 10, 1, KIPC_FOREVER));
	EXPECT_ERR(EIDRM, recv_some(all, 2, KIPC_FOREVER));
	close(all);
	close(sends);
	all = box(5, 1000, 100, KIPC_MAILBOX_HANGUP);
	sends = k_narrow(all, SEND, 0);
	close(all);
	EXPECT_ERR(EPIPE, send_some(sends, 2, 10, 1, KIPC_FOREVER));
}

/* Signals: a wait is interrupted; what was done is told instead. */

static int caught;

static pid_t interrupted(int fd, int flags, bool send, int want)
{
	pid_t pid = spawn();
	int ret;

	if (pid)
		return pid;
	count_signals(SIGUSR1, flags, &caught);
	ret = send ? send_some(fd, 8, 10, 1, after(PATIENCE)) :
		     recv_some(fd, 8, after(PATIENCE));
	if (ret < 0)
		CHECK(want < 0 && errno == EINTR);
	else
		CHECK(ret == want);
	CHECK(caught == 1);
	_exit(0);
}

TEST(signals)
{
	int fd = box(5, 1000, 100, 0);
	pid_t pid;

	pid = interrupted(fd, 0, false, -1);
	wait_waiters(fd, 0, 1, pid);
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));

	pid = interrupted(fd, SA_RESTART, false, 2);
	wait_waiters(fd, 0, 1, pid);
	kill(pid, SIGUSR1);
	wait_for(stat_of(fd).recv_waits == 3);
	ASSERT_EQ(2, send_some(fd, 2, 10, 1, 0));
	EXPECT_EQ(0, reap(pid));

	/* Some were sent: no restart, which would send them again. */
	pid = interrupted(fd, SA_RESTART, true, 5);
	wait_waiters(fd, 1, 0, pid);
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(7, stat_of(fd).sent);

	pid = interrupted(fd, 0, true, -1);
	wait_waiters(fd, 1, 0, pid);
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(7, stat_of(fd).sent);
	EXPECT_EQ(5, recv_some(fd, 8, 0));
	check_received(5, 10, 1);
}

/* Pollers are told of a batch. */
TEST(poll_told)
{
	int fd = box(16, 1600, 100, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	pid_t pid = spawn();

	if (!pid) {
		CHECK(poll_woken(&pfd) == 1 && pfd.revents == POLLIN);
		CHECK(recv_some(fd, 16, 0) == 16);
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'S');
	ASSERT_EQ(16, send_some(fd, 16, 100, 1, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLOUT) & POLLOUT);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(POLLOUT, poll_mask(fd, POLLOUT));
	ASSERT_EQ(16, send_some(fd, 16, 100, 1, 0));
	pid = spawn();
	if (!pid) {
		pfd.events = POLLOUT;
		CHECK(poll_woken(&pfd) == 1 && pfd.revents == POLLOUT);
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'S');
	ASSERT_EQ(16, recv_some(fd, 16, 0));
	EXPECT_EQ(0, reap(pid));
}

/*
 * Many senders and receivers, in batches and one by one: nothing is lost, doubled or
 * out of its sender's order.
 */

enum { SENDERS = 3, RECEIVERS = 3, EACH = 3000, STOP = 0xffff };

struct crew {
	int fd;
	unsigned int self, each;
	unsigned int (*seen)[EACH];
	uint64_t received;
};

static void *send_all(void *arg)
{
	struct crew *c = arg;
	struct kipc_send_item items[32];
	unsigned int n = 0, count, i;
	uint64_t data[32];

	while (n < c->each) {
		count = 1 + (n * 7 + c->self) % 32;
		if (count > c->each - n)
			count = c->each - n;
		for (i = 0; i < count; i++) {
			data[i] = (uint64_t)c->self << 32 | (n + i);
			items[i] = (struct kipc_send_item){
				.data = ptr(&data[i]), .tag = data[i], .size = 8,
			};
		}
		if (count == 1)
			CHECK(!k_send(c->fd, data, 8, data[0], after(PATIENCE)));
		else
			CHECK(k_send_batch(c->fd, items, count, after(PATIENCE)) ==
			      (int)count);
		n += count;
	}
	return NULL;
}

static bool note(struct crew *c, uint64_t *last, uint64_t data,
		 const struct kipc_letter *l)
{
	unsigned int from = data >> 32, number = data;

	if (from == STOP)
		return false;
	CHECK(l->tag == data && l->size == 8 && from < SENDERS && number < EACH);
	CHECK(!last[from] || number >= last[from]);
	last[from] = number + 1;
	__atomic_add_fetch(&c->seen[from][number], 1, __ATOMIC_SEQ_CST);
	c->received++;
	return true;
}

static void *receive_all(void *arg)
{
	struct kipc_recv_item items[32];
	uint64_t data[32], last[SENDERS] = { 0 };
	struct crew *c = arg;
	struct kipc_letter l;
	int i, n, round;

	for (round = 0;; round++) {
		if (round % 5 == 4) {
			CHECK(k_recv(c->fd, data, 8, &l, 0, after(PATIENCE)) == 8);
			if (!note(c, last, data[0], &l))
				return NULL;
			continue;
		}
		for (i = 0; i < 32; i++)
			items[i] = (struct kipc_recv_item){
				.data = ptr(&data[i]), .size = 8,
			};
		n = k_recv_batch(c->fd, items, 1 + round % 32, 0, after(PATIENCE));
		CHECK(n > 0);
		for (i = 0; i < n; i++) {
			if (!note(c, last, data[i], &items[i].letter))
				break;
		}
		if (i == n)
			continue;
		/* The others want to stop, too. */
		for (i++; i < n; i++)
			CHECK(!k_send(c->fd, &data[i], 8, 0, after(PATIENCE)));
		return NULL;
	}
}

static void exchange(uint64_t letters, uint64_t bytes)
{
	unsigned int (*seen)[EACH] = calloc(SENDERS, sizeof(*seen));
	pthread_t threads[SENDERS + RECEIVERS];
	struct crew crew[SENDERS + RECEIVERS];
	unsigned int each = effort(EACH), i, k;
	uint64_t stop = (uint64_t)STOP << 32, received = 0;
	int fd = box(letters, bytes, 8, 0);

	for (i = 0; i < SENDERS + RECEIVERS; i++) {
		crew[i] = (struct crew){ .fd = fd, .self = i, .each = each,
					 .seen = seen };
		CHECK(!pthread_create(&threads[i], NULL, i < SENDERS ? send_all :
				      receive_all, &crew[i]));
	}
	for (i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < RECEIVERS; i++)
		CHECK(!k_send(fd, &stop, 8, 0, after(PATIENCE)));
	for (; i < SENDERS + RECEIVERS; i++) {
		pthread_join(threads[i], NULL);
		received += crew[i].received;
	}
	CHECK(received == (uint64_t)SENDERS * each);
	for (i = 0; i < SENDERS; i++)
		for (k = 0; k < each; k++)
			CHECK(seen[i][k] == 1);
	CHECK(has_waiters(fd, 0, 0) && !stat_of(fd).letters);
	free(seen);
	close(fd);
}

TEST(many_to_many)
{
	exchange(10, 1000);
	exchange(1000, KIPC_UNBOUNDED);
	exchange(0, 0);
}

/* Who is killed in the middle has sent a part from the first on. */
TEST(death)
{
	unsigned int round, n;
	struct kipc_letter l;
	uint64_t tag;

	for (round = 0; round < effort(20); round++) {
		int fd = box(4, 1000, 8, 0);
		pid_t pid = spawn();

		if (!pid) {
			send_some(fd, MANY, 8, 1, KIPC_FOREVER);
			_exit(0);
		}
		wait_waiters(fd, 1, 0, pid);
		for (n = 0; n < round; n++)
			ASSERT_EQ(8, k_recv(fd, &tag, 8, &l, 0, after(PATIENCE)));
		EXPECT_EQ(128 + SIGKILL, slay(pid));
		while (k_recv(fd, &tag, 8, &l, 0, 0) == 8) {
			n++;
			ASSERT_EQ(n, l.tag);
			ASSERT_EQ(n, l.seq);
		}
		EXPECT_LE(round, n);
		EXPECT_GE(round + 4, n);
		EXPECT_EQ(n, stat_of(fd).sent);
		EXPECT_TRUE(has_waiters(fd, 0, 0));
		close(fd);
	}
}

TEST_HARNESS_MAIN
