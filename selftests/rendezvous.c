// SPDX-License-Identifier: GPL-2.0
/* Rendezvous: a mailbox of no capacity, in all its combinations. */
#include "test.h"

static const size_t sizes[] = { 0, 1, 64, 4096, 5000, 65536, 1 << 20 };

static pid_t sender(int fd, size_t size, uint64_t seed, uint64_t deadline)
{
	char *data;
	pid_t pid = spawn();

	if (pid)
		return pid;
	data = malloc(size + 1);
	fill(data, size, seed);
	CHECK(!k_send(fd, data, size, seed, deadline));
	_exit(0);
}

static pid_t receiver(int fd, size_t size, uint64_t seed, uint64_t deadline)
{
	struct kipc_letter l;
	char *data;
	pid_t pid = spawn();

	if (pid)
		return pid;
	data = malloc(size + 1);
	CHECK(k_recv(fd, data, size + 1, &l, 0, deadline) == (ssize_t)size);
	CHECK(l.tag == seed && l.size == size);
	CHECK(filled(data, size, seed));
	_exit(0);
}

TEST(sender_first)
{
	int fd = rendezvous_box(1 << 20);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pid_t a = sender(fd, sizes[i], i, KIPC_FOREVER), b;

		wait_waiters(fd, 1, 0, a);
		EXPECT_EQ(i, stat_of(fd).received);
		b = receiver(fd, sizes[i], i, KIPC_FOREVER);
		EXPECT_EQ(0, reap(a));
		EXPECT_EQ(0, reap(b));
	}
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(ARRAY_SIZE(sizes), stat_of(fd).received);
}

TEST(receiver_first)
{
	int fd = rendezvous_box(1 << 20);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pid_t b = receiver(fd, sizes[i], i, KIPC_FOREVER), a;

		wait_waiters(fd, 0, 1, b);
		a = sender(fd, sizes[i], i, after(PATIENCE));
		EXPECT_EQ(0, reap(a));
		EXPECT_EQ(0, reap(b));
	}
	EXPECT_EQ(ARRAY_SIZE(sizes), stat_of(fd).sent);
}

TEST(send_without_waiting)
{
	int fd = rendezvous_box(1 << 20);
	char *data = malloc(1 << 20);
	size_t i;

	EXPECT_ERR(EAGAIN, k_send(fd, "x", 1, 0, KIPC_NO_WAIT));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pid_t b = receiver(fd, sizes[i], i, after(PATIENCE));

		wait_waiters(fd, 0, 1, b);
		fill(data, sizes[i], i);
		EXPECT_OK(k_send(fd, data, sizes[i], i, KIPC_NO_WAIT));
		/* One receiver takes one letter. */
		EXPECT_ERR(EAGAIN, k_send(fd, "y", 1, 0, KIPC_NO_WAIT));
		EXPECT_EQ(0, reap(b));
	}
	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, write(fd, "x", 1));
	EXPECT_ERR(EAGAIN, k_send(fd, "x", 1, 0, KIPC_FOREVER));
	EXPECT_EQ(ARRAY_SIZE(sizes), stat_of(fd).sent);
	free(data);
}

TEST(receive_without_waiting)
{
	int fd = rendezvous_box(1 << 20);
	char *data = malloc(1 << 20);
	struct kipc_letter l;
	size_t i;

	EXPECT_ERR(EAGAIN, k_recv(fd, data, 100, NULL, 0, KIPC_NO_WAIT));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pid_t a = sender(fd, sizes[i], i, after(PATIENCE));

		wait_waiters(fd, 1, 0, a);
		ASSERT_EQ(sizes[i], k_recv(fd, data, 1 << 20, &l, 0, 0));
		EXPECT_TRUE(filled(data, sizes[i], i));
		EXPECT_EQ(i + 1, l.seq);
		EXPECT_EQ(a, l.pid);
		EXPECT_EQ(0, reap(a));
	}
	EXPECT_ERR(EAGAIN, k_recv(fd, data, 100, NULL, 0, KIPC_NO_WAIT));
	free(data);
}

TEST(read_and_write)
{
	int fd = rendezvous_box(64);
	char data[64];
	pid_t pid = spawn();

	if (!pid) {
		CHECK(write(fd, "hello", 5) == 5);
		CHECK(write(fd, "", 0) == 0);
		CHECK(read(fd, data, 64) == 3);
		_exit(0);
	}
	wait_waiters(fd, 1, 0, pid);
	ASSERT_EQ(5, read(fd, data, 64));
	EXPECT_EQ(0, memcmp(data, "hello", 5));
	EXPECT_EQ(3, write(fd, "bye", 3));
	EXPECT_EQ(0, reap(pid));
}

/* A sender that gives up, however, leaves nothing behind. */
TEST(sender_that_leaves)
{
	int fd = rendezvous_box(65536);
	struct kipc_letter l;
	char data[8];
	int how;

	for (how = 0; how < 3; how++) {
		pid_t pid = spawn();

		if (!pid) {
			static char big[65536];
			int caught = 0;

			count_signals(SIGUSR1, 0, &caught);
			if (how == 0)
				CHECK_ERR(ETIMEDOUT,
					  k_send(fd, big, 65536, 1,
						 after(50 * MS)));
			else
				CHECK_ERR(EINTR, k_send(fd, big, 65536, 1,
							KIPC_FOREVER));
			_exit(0);
		}
		if (how) {
			wait_waiters(fd, 1, 0, pid);
			kill(pid, how == 1 ? SIGUSR1 : SIGKILL);
		}
		EXPECT_EQ(how == 2 ? 128 + SIGKILL : 0, reap(pid));
		EXPECT_TRUE(has_waiters(fd, 0, 0));
		EXPECT_EQ(0, poll_mask(fd, POLLIN | POLLOUT));
		EXPECT_ERR(EAGAIN, k_recv(fd, data, 8, NULL,
					  KIPC_RECV_TRUNCATE, 0));
		EXPECT_EQ(0, stat_of(fd).sent);
		EXPECT_EQ(0, stat_of(fd).letters);
		EXPECT_EQ(0, stat_of(fd).bytes);
	}
	/* But a gap in the numbers. */
	sender(fd, 8, 5, after(PATIENCE));
	ASSERT_EQ(8, k_recv(fd, data, 8, &l, 0, after(PATIENCE)));
	EXPECT_EQ(4, l.seq);
	EXPECT_EQ(5, l.tag);
	EXPECT_EQ(1, stat_of(fd).sent);
}

TEST(receiver_that_leaves)
{
	int fd = rendezvous_box(64);
	char data[64];
	pid_t pid;

	pid = spawn();
	if (!pid) {
		CHECK_ERR(ETIMEDOUT, k_recv(fd, data, 64, NULL, 0,
					    after(50 * MS)));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(EAGAIN, k_send(fd, "x", 1, 0, 0));
	pid = spawn();
	if (!pid) {
		k_recv(fd, data, 64, NULL, 0, KIPC_FOREVER);
		_exit(1);
	}
	wait_waiters(fd, 0, 1, pid);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_ERR(EAGAIN, k_send(fd, "x", 1, 0, 0));
	EXPECT_EQ(0, stat_of(fd).sent);
}

/* A receiver that is killed before the letter came leaves it to the next. */
TEST(killed_receiver_leaves_it_to_the_next)
{
	int fd = rendezvous_box(8);
	int i, rounds = effort(50);

	for (i = 0; i < rounds; i++) {
		pid_t first = receiver(fd, 8, i, KIPC_FOREVER), second;
		uint64_t data;

		wait_waiters(fd, 0, 1, first);
		second = receiver(fd, 8, i, after(PATIENCE));
		wait_waiters(fd, 0, 2, second);
		kill(first, SIGKILL);
		fill(&data, 8, i);
		ASSERT_OK(k_send(fd, &data, 8, i, KIPC_NO_WAIT));
		EXPECT_EQ(128 + SIGKILL, reap(first));
		ASSERT_EQ(0, reap(second));
		ASSERT_EQ(i + 1, stat_of(fd).received);
	}
}

TEST(senders_in_their_order)
{
	int fd = rendezvous_box(8);
	pid_t pids[6];
	uint64_t i;

	for (i = 0; i < 6; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			CHECK(!k_send(fd, &i, 8, i, KIPC_FOREVER));
			_exit(0);
		}
		wait_waiters(fd, i + 1, 0, pids[i]);
	}
	/* One of the midst leaves. */
	slay(pids[2]);
	for (i = 0; i < 6; i++) {
		if (i == 2)
			continue;
		EXPECT_EQ(i, recv_number(fd));
		EXPECT_EQ(0, reap(pids[i]));
	}
	EXPECT_TRUE(has_waiters(fd, 0, 0));
}

TEST(receivers_in_their_order)
{
	int fd = rendezvous_box(8);
	pid_t pids[4];
	uint64_t i, data;

	for (i = 0; i < 4; i++) {
		pids[i] = receiver(fd, 8, i, KIPC_FOREVER);
		wait_waiters(fd, 0, i + 1, pids[i]);
	}
	/* One by one: receivers that are served at the same time may race. */
	for (i = 0; i < 4; i++) {
		fill(&data, 8, i);
		EXPECT_OK(k_send(fd, &data, 8, i, KIPC_NO_WAIT));
		EXPECT_EQ(0, reap(pids[i]));
	}
}

TEST(poll_masks)
{
	int fd = rendezvous_box(8);
	int out = k_narrow(fd, SEND, 0), in = k_narrow(fd, RECEIVE, 0);
	char data[8];
	pid_t pid;

	EXPECT_EQ(0, poll_mask(fd, POLLIN | POLLOUT));
	pid = sender(fd, 8, 1, KIPC_FOREVER);
	wait_waiters(fd, 1, 0, pid);
	EXPECT_EQ(POLLIN, poll_mask(fd, POLLIN | POLLOUT));
	EXPECT_EQ(POLLIN, poll_mask(in, POLLIN | POLLOUT));
	EXPECT_EQ(0, poll_mask(out, POLLIN | POLLOUT));
	ASSERT_EQ(8, k_recv(fd, data, 8, NULL, 0, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLIN | POLLOUT));
	EXPECT_EQ(0, reap(pid));

	pid = receiver(fd, 8, 2, KIPC_FOREVER);
	wait_waiters(fd, 0, 1, pid);
	EXPECT_EQ(POLLOUT, poll_mask(fd, POLLIN | POLLOUT));
	EXPECT_EQ(POLLOUT, poll_mask(out, POLLIN | POLLOUT));
	EXPECT_EQ(0, poll_mask(in, POLLIN | POLLOUT));
	fill(data, 8, 2);
	ASSERT_OK(k_send(fd, data, 8, 2, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLIN | POLLOUT));
	EXPECT_EQ(0, reap(pid));
}

/* Who polls is woken when the other side begins to wait. */
TEST(poll_wakes)
{
	int fd = rendezvous_box(8), i;

	for (i = 0; i < 2; i++) {
		struct pollfd p = { .fd = fd, .events = i ? POLLIN : POLLOUT };
		pid_t poller = spawn(), other;

		if (!poller) {
			CHECK(poll_woken(&p) == 1);
			CHECK(p.revents == p.events);
			_exit(0);
		}
		wait_for(task_state(poller, poller) == 'S');
		other = i ? sender(fd, 8, 1, KIPC_FOREVER) :
			receiver(fd, 8, 1, KIPC_FOREVER);
		EXPECT_EQ(0, reap(poller));
		slay(other);
	}
}

TEST(too_small_a_buffer)
{
	int fd = rendezvous_box(64);
	char data[64];
	pid_t small, a, b;

	/* The sender waits already. */
	a = sender(fd, 10, 1, KIPC_FOREVER);
	wait_waiters(fd, 1, 0, a);
	EXPECT_ERR(EMSGSIZE, k_recv(fd, data, 9, NULL, 0, 0));
	EXPECT_ERR(EMSGSIZE, read(fd, data, 9));
	EXPECT_TRUE(has_waiters(fd, 1, 0));
	EXPECT_EQ(10, k_recv(fd, data, 10, NULL, 0, 0));
	EXPECT_EQ(0, reap(a));

	/* The receiver waits already. */
	small = spawn();
	if (!small) {
		CHECK_ERR(EMSGSIZE, k_recv(fd, data, 9, NULL, 0, KIPC_FOREVER));
		_exit(0);
	}
	wait_waiters(fd, 0, 1, small);
	a = sender(fd, 10, 2, KIPC_FOREVER);
	EXPECT_EQ(0, reap(small));
	wait_waiters(fd, 1, 0, a);
	b = receiver(fd, 10, 2, KIPC_FOREVER);
	EXPECT_EQ(0, reap(a));
	EXPECT_EQ(0, reap(b));
}

TEST(peek_and_truncate)
{
	int fd = rendezvous_box(64);
	struct kipc_letter l;
	char data[64];
	pid_t a = sender(fd, 10, 1, KIPC_FOREVER);

	wait_waiters(fd, 1, 0, a);
	EXPECT_EQ(10, k_recv(fd, data, 64, &l, KIPC_RECV_PEEK, 0));
	EXPECT_TRUE(filled(data, 10, 1));
	EXPECT_EQ(1, l.seq);
	EXPECT_TRUE(has_waiters(fd, 1, 0));
	EXPECT_EQ(4, k_recv(fd, data, 4, &l, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(10, l.size);
	EXPECT_EQ(1, l.seq);
	EXPECT_EQ(KIPC_LETTER_TRUNCATED, l.flags);
	EXPECT_EQ(0, reap(a));
}

TEST(figures)
{
	int fd = rendezvous_box(64);
	pid_t a = sender(fd, 10, 1, KIPC_FOREVER), b;
	struct kipc_mailbox_stat st;

	wait_waiters(fd, 1, 0, a);
	st = stat_of(fd);
	EXPECT_EQ(1, st.letters);
	EXPECT_EQ(10, st.bytes);
	EXPECT_EQ(1, st.peak_letters);
	EXPECT_EQ(10, st.peak_bytes);
	EXPECT_EQ(1, st.sent);
	EXPECT_EQ(0, st.received);
	EXPECT_EQ(1, st.send_waits);
	b = receiver(fd, 10, 1, KIPC_FOREVER);
	EXPECT_EQ(0, reap(a));
	EXPECT_EQ(0, reap(b));
	st = stat_of(fd);
	EXPECT_EQ(1, st.sent);
	EXPECT_EQ(10, st.sent_bytes);
	EXPECT_EQ(1, st.received);
	EXPECT_EQ(10, st.received_bytes);
	EXPECT_EQ(0, st.letters);
	EXPECT_EQ(0, st.bytes);
}

/* What was withdrawn was not sent; what is removed is withdrawn. */
TEST(figures_of_the_withdrawn)
{
	int fd = rendezvous_box(64), i;
	struct kipc_mailbox_stat st;
	pid_t pids[4];
	char data[64];

	for (i = 0; i < 4; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			if (i == 0)
				CHECK(!k_send(fd, data, 10, 0, KIPC_FOREVER));
			else if (i == 1)
				CHECK_ERR(EIDRM, write(fd, data, 20));
			else
				CHECK_ERR(EIDRM, k_send(fd, data, 30, 0,
							KIPC_FOREVER));
			_exit(0);
		}
		wait_waiters(fd, i + 1, 0, pids[i]);
	}
	EXPECT_EQ(4, stat_of(fd).letters);
	EXPECT_EQ(90, stat_of(fd).bytes);
	EXPECT_EQ(4, stat_of(fd).sent);
	ASSERT_EQ(10, read(fd, data, 64));
	EXPECT_EQ(0, reap(pids[0]));
	EXPECT_EQ(128 + SIGKILL, slay(pids[3]));
	st = stat_of(fd);
	EXPECT_EQ(2, st.letters);
	EXPECT_EQ(50, st.bytes);
	EXPECT_EQ(3, st.sent);
	EXPECT_EQ(60, st.sent_bytes);
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(pids[1]));
	EXPECT_EQ(0, reap(pids[2]));
	st = stat_of(fd);
	EXPECT_EQ(0, st.letters);
	EXPECT_EQ(0, st.bytes);
	EXPECT_EQ(1, st.sent);
	EXPECT_EQ(10, st.sent_bytes);
	EXPECT_EQ(1, st.received);
	EXPECT_EQ(0, st.dropped);
	EXPECT_TRUE(has_waiters(fd, 0, 0));
}

/*
 * Each of the senders gives its letter to a receiver that waits, and takes it
 * back at once, if it still can.  The receivers stay in their order: the next
 * letters go to those who came first.
 */
TEST(withdrawn_letters_keep_the_order)
{
	enum { CROWD = 5 };
	int *got = shared(CROWD * sizeof(*got));
	int round, rounds = effort(40), i;

	for (round = 0; round < rounds; round++) {
		int fd = rendezvous_box(8);
		pid_t receivers[CROWD], senders[CROWD];
		uint64_t first = 0, withdrawn = 0;

		memset(got, 0, CROWD * sizeof(*got));
		for (i = 0; i < CROWD; i++) {
			receivers[i] = spawn();
			if (!receivers[i]) {
				uint64_t tag = recv_number(fd);

				__atomic_store_n(&got[i], tag,
						 __ATOMIC_SEQ_CST);
				_exit(0);
			}
			wait_waiters(fd, 0, i + 1, receivers[i]);
		}
		for (i = 0; i < CROWD; i++) {
			senders[i] = spawn();
			if (!senders[i]) {
				long ret = k_send(fd, &first, 8, 0,
						  after(1));

				CHECK(!ret || errno == ETIMEDOUT);
				/* 0, which the receivers take for a number. */
				_exit(ret ? 2 : 0);
			}
		}
		for (i = 0; i < CROWD; i++) {
			int status = reap(senders[i]);

			ASSERT_TRUE(status == 0 || status == 2);
			withdrawn += status == 2;
		}
		/* As many are left as letters were taken back. */
		wait_waiters(fd, 0, withdrawn, 0);
		ASSERT_EQ(CROWD - withdrawn, stat_of(fd).received);
		ASSERT_EQ(CROWD - withdrawn, stat_of(fd).sent);
		for (i = 0; i < (int)withdrawn; i++) {
			uint64_t number = i + 1;

			wait_for(!k_send(fd, &number, 8, number, 0));
			wait_waiters(fd, 0, withdrawn - i - 1, 0);
		}
		for (i = 0; i < CROWD; i++)
			ASSERT_EQ(0, reap(receivers[i]));
		/* Those with a number have it in the order in which they came. */
		for (i = 0, first = 0; i < CROWD; i++) {
			if (!got[i])
				continue;
			ASSERT_EQ(first + 1, got[i]);
			first++;
		}
		ASSERT_EQ(withdrawn, first);
		close(fd);
	}
}

/* Both sides run as they like: each letter exactly once, in order. */
TEST(many)
{
	enum { COUNT = 1500 };
	int fd = rendezvous_box(8);
	pid_t pid = spawn();
	uint64_t i;

	if (!pid) {
		for (i = 0; i < COUNT; i++)
			CHECK(!send_number(fd, i));
		_exit(0);
	}
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(i, recv_number(fd));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(COUNT, stat_of(fd).received);
}

TEST_HARNESS_MAIN
