// SPDX-License-Identifier: GPL-2.0
/* Signals: each blocking call is interrupted or restarted, and loses nothing. */
#include "test.h"

#include <sys/uio.h>

#define SIG SIGUSR1

static char data[8] = "signals";

static long send_it(int fd, uint64_t deadline)
{
	return k_send(fd, data, 8, 0, deadline) ? -1 : 8;
}

static long recv_it(int fd, uint64_t deadline)
{
	return k_recv(fd, data, 8, NULL, 0, deadline);
}

static long peek_it(int fd, uint64_t deadline)
{
	return k_recv(fd, data, 8, NULL, KIPC_RECV_PEEK, deadline);
}

static long write_it(int fd, uint64_t deadline)
{
	(void)deadline;
	return write(fd, data, 8);
}

static long read_it(int fd, uint64_t deadline)
{
	(void)deadline;
	return read(fd, data, 8);
}

static long writev_it(int fd, uint64_t deadline)
{
	struct iovec iov[2] = { { data, 3 }, { data + 3, 5 } };

	(void)deadline;
	return writev(fd, iov, 2);
}

static long readv_it(int fd, uint64_t deadline)
{
	struct iovec iov[2] = { { data, 3 }, { data + 3, 5 } };

	(void)deadline;
	return readv(fd, iov, 2);
}

/* Every call that can block. */
static const struct blocking {
	const char *name;
	long (*call)(int fd, uint64_t deadline);
	bool send, meet, deadline;
} calls[] = {
	{ "send", send_it, true, false, true },
	{ "write", write_it, true, false, false },
	{ "writev", writev_it, true, false, false },
	{ "receive", recv_it, false, false, true },
	{ "peek", peek_it, false, false, true },
	{ "read", read_it, false, false, false },
	{ "readv", readv_it, false, false, false },
	{ "send, rendezvous", send_it, true, true, true },
	{ "write, rendezvous", write_it, true, true, false },
	{ "receive, rendezvous", recv_it, false, true, true },
	{ "read, rendezvous", read_it, false, true, false },
};

/* A mailbox in which that call has to wait. */
static int blocking_box(const struct blocking *b)
{
	int fd = b->meet ? rendezvous_box(8) : box(1, 8, 8, 0);

	if (b->send && !b->meet)
		CHECK(!send_number(fd, 1));
	return fd;
}

static void wait_blocked(const struct blocking *b, int fd, pid_t pid)
{
	wait_waiters(fd, b->send, !b->send, pid);
}

TEST(interrupted)
{
	int *caught = shared(sizeof(*caught));
	struct kipc_mailbox_stat before, behind;
	size_t i;
	int d;

	for (i = 0; i < 2 * ARRAY_SIZE(calls); i++) {
		const struct blocking *b = &calls[i / 2];
		int fd;
		pid_t pid;

		d = i & 1;
		if (d && !b->deadline)
			continue;
		fd = blocking_box(b);
		before = stat_of(fd);
		*caught = 0;
		pid = spawn();
		if (!pid) {
			count_signals(SIG, 0, caught);
			CHECK_ERR(EINTR, b->call(fd, d ? after(PATIENCE) :
						 KIPC_FOREVER));
			CHECK(*caught == 1);
			_exit(0);
		}
		wait_blocked(b, fd, pid);
		kill(pid, SIG);
		EXPECT_EQ(0, reap(pid)) { TH_LOG("%s", b->name); }
		behind = stat_of(fd);
		before.send_waits = behind.send_waits;
		before.recv_waits = behind.recv_waits;
		if (b->meet) {
			/* A letter that waited for a receiver was there. */
			before.peak_letters = behind.peak_letters;
			before.peak_bytes = behind.peak_bytes;
		}
		EXPECT_EQ(0, memcmp(&before, &behind, sizeof(before))) {
			TH_LOG("%s: letters %d, peak %d, bytes %d, sent %d",
			       b->name, (int)(behind.letters - before.letters),
			       (int)(behind.peak_letters - before.peak_letters),
			       (int)(behind.bytes - before.bytes),
			       (int)(behind.sent - before.sent));
		}
		if (b->send && !b->meet)
			EXPECT_EQ(1, recv_number(fd));
		close(fd);
	}
	EXPECT_EQ(0, total("waiters"));
}

TEST(restarted)
{
	int *caught = shared(sizeof(*caught));
	size_t i;
	int n;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct blocking *b = &calls[i];
		int fd = blocking_box(b);
		pid_t pid;

		*caught = 0;
		pid = spawn();
		if (!pid) {
			count_signals(SIG, SA_RESTART, caught);
			CHECK(b->call(fd, after(PATIENCE)) == 8);
			CHECK(*caught == 3);
			_exit(0);
		}
		for (n = 1; n <= 3; n++) {
			wait_blocked(b, fd, pid);
			kill(pid, SIG);
			wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST) == n);
		}
		wait_blocked(b, fd, pid);
		/* Now let it have what it waits for. */
		if (b->send)
			EXPECT_OK(k_recv(fd, data, 8, NULL, 0, 0));
		else
			EXPECT_OK(k_send(fd, data, 8, 0, 0));
		EXPECT_EQ(0, reap(pid)) { TH_LOG("%s", b->name); }
		EXPECT_EQ(b->meet || !b->send ? 1 : 2, stat_of(fd).sent);
		close(fd);
	}
}

/* A restarted call keeps its deadline. */
TEST(restarted_until_the_deadline)
{
	int *caught = shared(sizeof(*caught));
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct blocking *b = &calls[i];
		uint64_t deadline = after(200 * MS);
		int fd, status;
		pid_t pid;

		if (!b->deadline)
			continue;
		fd = blocking_box(b);
		*caught = 0;
		/* The child has it from the start. */
		count_signals(SIG, SA_RESTART, caught);
		pid = spawn();
		if (!pid) {
			CHECK_ERR(ETIMEDOUT, b->call(fd, deadline));
			CHECK(now_ns() >= deadline);
			_exit(0);
		}
		wait_for(has_waiters(fd, b->send, !b->send) ||
			 now_ns() > deadline);
		while (!waitpid(pid, &status, WNOHANG)) {
			kill(pid, SIG);
			nap();
			ASSERT_LE(now_ns(), deadline + PATIENCE);
		}
		EXPECT_EQ(0, status) { TH_LOG("%s", b->name); }
		EXPECT_TRUE(has_waiters(fd, 0, 0));
		close(fd);
	}
}

/* To be stopped and continued, without a handler, is not to be noticed. */
TEST(stopped_and_continued)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct blocking *b = &calls[i];
		int fd = blocking_box(b), status;
		pid_t pid = spawn();

		if (!pid) {
			CHECK(b->call(fd, after(PATIENCE)) == 8);
			_exit(0);
		}
		wait_blocked(b, fd, pid);
		kill(pid, SIGSTOP);
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		kill(pid, SIGCONT);
		wait_blocked(b, fd, pid);
		if (b->send)
			EXPECT_OK(k_recv(fd, data, 8, NULL, 0, 0));
		else
			EXPECT_OK(k_send(fd, data, 8, 0, 0));
		EXPECT_EQ(0, reap(pid)) { TH_LOG("%s", b->name); }
		close(fd);
	}
}

/* What the storm leaves in shared memory. */
struct storm {
	int caught[2];
	unsigned int interrupted, timed_out;
};

/* Repeats what was interrupted or came too late, until it is done. */
static void insist(struct storm *s, bool send, int fd, char *buf, size_t size,
		   uint64_t number)
{
	struct kipc_letter l;
	long ret;

	for (;;) {
		uint64_t deadline = number % 3 ? after(PATIENCE) : after(MS);

		if (send)
			ret = k_send(fd, buf, size, number, deadline);
		else
			ret = k_recv(fd, buf, size, &l, 0, deadline);
		if (ret >= 0)
			break;
		if (errno == EINTR)
			__atomic_add_fetch(&s->interrupted, 1, __ATOMIC_SEQ_CST);
		else if (errno == ETIMEDOUT && number % 3 == 0)
			__atomic_add_fetch(&s->timed_out, 1, __ATOMIC_SEQ_CST);
		else
			CHECK(!"send or receive");
	}
	if (!send)
		CHECK(l.tag == number && ret == (long)l.size);
}

FIXTURE(storm) {
	int fd;
};

FIXTURE_VARIANT(storm) {
	uint64_t letters, bytes;
	uint32_t size;
	int flags;
};

FIXTURE_VARIANT_ADD(storm, one_letter) { 1, 64, 64, 0 };
FIXTURE_VARIANT_ADD(storm, rendezvous) { 0, 0, 64, 0 };
FIXTURE_VARIANT_ADD(storm, rendezvous_large) { 0, 0, 20000, 0 };
FIXTURE_VARIANT_ADD(storm, large) { 3, 40000, 20000, 0 };
FIXTURE_VARIANT_ADD(storm, restart) { 1, 64, 64, SA_RESTART };
FIXTURE_VARIANT_ADD(storm, restart_large) { 2, 20000, 20000, SA_RESTART };

FIXTURE_SETUP(storm)
{
	self->fd = box(variant->letters, variant->bytes, variant->size, 0);
}

FIXTURE_TEARDOWN(storm)
{
	close(self->fd);
}

static bool any_caught(struct storm *s)
{
	return __atomic_load_n(&s->caught[0], __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&s->caught[1], __ATOMIC_SEQ_CST);
}

TEST_F(storm, loses_nothing)
{
	enum { COUNT = 600 };
	struct storm *s = shared(sizeof(*s));
	struct kipc_mailbox_stat st;
	int status, left = 2, i;
	uint64_t n;
	pid_t pids[2];

	for (i = 0; i < 2; i++) {
		char *buf = malloc(variant->size);

		pids[i] = spawn();
		if (pids[i]) {
			free(buf);
			continue;
		}
		count_signals(SIG, variant->flags, &s->caught[i]);
		for (n = 1; n <= COUNT; n++) {
			size_t size = n * 7919 % variant->size;

			if (i == 0)
				fill(buf, size, n);
			/* The storm has begun. */
			if (n == COUNT)
				wait_for(any_caught(s));
			insist(s, i == 0, self->fd, buf,
			       i ? variant->size : size, n);
			if (i == 1)
				CHECK(filled(buf, size, n));
		}
		_exit(0);
	}
	/* Not before both can stand it. */
	wait_for(stat_of(self->fd).received > 5);
	for (n = 0; left; n++) {
		kill(pids[n & 1], SIG);
		/* So that it also gets something done. */
		if (n % 8 == 0)
			nap();
		for (i = 0; i < 2; i++) {
			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) == 0)
				continue;
			EXPECT_EQ(0, status);
			left--;
			/* From here on only the other one gets signals. */
			if (left)
				pids[i] = pids[!i];
			if (status && left) {
				slay(pids[!i]);
				left = 0;
			}
			break;
		}
	}
	st = stat_of(self->fd);
	EXPECT_EQ(COUNT, st.sent);
	EXPECT_EQ(COUNT, st.received);
	EXPECT_EQ(0, st.letters);
	EXPECT_GT(s->caught[0] + s->caught[1], 0);
	if (variant->flags)
		EXPECT_EQ(0, s->interrupted);
	TH_LOG("%d signals, %u calls interrupted, %u timed out",
	       s->caught[0] + s->caught[1], s->interrupted, s->timed_out);
}

TEST_HARNESS_MAIN
