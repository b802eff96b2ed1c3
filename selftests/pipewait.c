// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits in a pipe, and how long: deadlines, the order of service, removal, quotas;
 * and the figures that tell of it.
 */
#include "test.h"
#include "kpipe.h"

static char bytes[2 * CAPACITY];

FIXTURE(wait) {
	struct ends e;
	int *begun;
};

FIXTURE_SETUP(wait)
{
	self->e = ends_of(0, 0);
	self->begun = shared(64 * sizeof(*self->begun));
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(wait)
{
}

/* Deadlines. */

TEST_F(wait, reading_until)
{
	uint64_t start = now_ns();
	char data[8];

	EXPECT_ERR(EAGAIN, p_read(self->e.in, data, 8, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, p_read(self->e.in, data, 8, after(30 * MS)));
	EXPECT_GE(now_ns() - start, 30 * MS);
	EXPECT_ERR(ETIMEDOUT, p_read(self->e.in, data, 8, 1));
	/* O_NONBLOCK says more. */
	ASSERT_OK(fcntl(self->e.in, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, p_read(self->e.in, data, 8, KIPC_FOREVER));
	ASSERT_OK(fcntl(self->e.in, F_SETFL, 0));
	EXPECT_EQ(3, write(self->e.out, "abc", 3));
	/* What is there needs no time. */
	EXPECT_EQ(1, p_read(self->e.in, data, 1, 1));
	EXPECT_EQ(1, p_read(self->e.in, data, 1, KIPC_NO_WAIT));
	EXPECT_EQ(1, p_read(self->e.in, data, 8, KIPC_FOREVER));
	EXPECT_EQ(0, p_read(self->e.in, data, 0, KIPC_FOREVER));
	EXPECT_ERR(EBADF, p_read(self->e.out, data, 8, KIPC_NO_WAIT));
	close(self->e.out);
	EXPECT_EQ(0, p_read(self->e.in, data, 8, KIPC_FOREVER));
}

TEST_F(wait, writing_until)
{
	uint64_t start;

	EXPECT_EQ(CAPACITY, p_write(self->e.out, bytes, CAPACITY, 0, KIPC_NO_WAIT));
	start = now_ns();
	EXPECT_ERR(EAGAIN, p_write(self->e.out, bytes, 1, 0, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, p_write(self->e.out, bytes, 1, 0, after(30 * MS)));
	EXPECT_ERR(ETIMEDOUT, p_write(self->e.out, bytes, CAPACITY, 0, after(MS)));
	EXPECT_GE(now_ns() - start, 31 * MS);
	EXPECT_ERR(ETIMEDOUT, p_write(self->e.out, bytes, 1, 0, 1));
	EXPECT_EQ(0, p_write(self->e.out, bytes, 0, 0, KIPC_FOREVER));
	ASSERT_OK(fcntl(self->e.out, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, p_write(self->e.out, bytes, 1, 0, KIPC_FOREVER));
	EXPECT_ERR(EBADF, p_write(self->e.in, bytes, 1, 0, KIPC_NO_WAIT));
	EXPECT_EQ(CAPACITY, inside(self->e.in));
}

/* Of a longer one, what was in when the time was up. */
TEST_F(wait, partly_written)
{
	uint64_t start = now_ns();

	EXPECT_EQ(CAPACITY, p_write(self->e.out, bytes, CAPACITY + 1000, 0,
				    after(30 * MS)));
	EXPECT_GE(now_ns() - start, 30 * MS);
	EXPECT_EQ(10, read(self->e.in, bytes, 10));
	EXPECT_EQ(10, p_write(self->e.out, bytes, CAPACITY, 0, KIPC_NO_WAIT));
	EXPECT_EQ(1234, read(self->e.in, bytes, 1234));
	/* Up to the atomic size it is all or nothing, until the end. */
	EXPECT_ERR(ETIMEDOUT, p_write(self->e.out, bytes, ATOMIC, 0, after(MS)));
	EXPECT_EQ(CAPACITY - 1234, inside(self->e.in));
	EXPECT_EQ(1234, p_write(self->e.out, bytes, ATOMIC + 1, 0, after(MS)));
}

/* When its time is up a write need only fit, not leave the pipe writable. */
TEST_F(wait, fits_at_the_deadline)
{
	uint64_t time = 200 * MS, deadline;
	struct ends e;
	int status;
	bool early;

	/* Again, and with more time, if this process was not in time. */
	do {
		pid_t pid;

		e = ends_of(100, 50);
		EXPECT_EQ(100, write(e.out, bytes, 100));
		deadline = after(time);
		pid = CHILD({
			ssize_t n = p_write(e.out, bytes, 20, 0, deadline);

			CHECK(now_ns() >= deadline);
			_exit(n != 20);
		});
		wait_for(p_has_waiters(e.out, 1, 0) || task_state(pid, pid) == 'Z');
		EXPECT_EQ(30, read(e.in, bytes, 30));
		early = now_ns() < deadline;
		status = reap(pid);
		time *= 2;
	} while (!early);
	EXPECT_EQ(0, status);
	EXPECT_EQ(90, inside(e.in));
}

/* But not over the head of one that came before. */
TEST_F(wait, no_overtaking_at_the_deadline)
{
	struct ends e = ends_of(100, 50);
	pid_t first, second;

	EXPECT_EQ(100, write(e.out, bytes, 100));
	first = CHILD(CHECK(write(e.out, bytes, 40) == 40));
	p_wait_waiters(e.out, 1, 0, first);
	second = CHILD({
		CHECK_ERR(ETIMEDOUT, p_write(e.out, bytes, 10, 0, after(100 * MS)));
	});
	wait_for(p_has_waiters(e.out, 2, 0) || task_state(second, second) == 'Z');
	EXPECT_EQ(30, read(e.in, bytes, 30));
	/* Nor one that comes just now, though it would fit. */
	EXPECT_ERR(EAGAIN, p_write(e.out, bytes, 10, 0, KIPC_NO_WAIT));
	EXPECT_EQ(0, poll_mask(e.out, POLLOUT));
	EXPECT_EQ(0, reap(second));
	EXPECT_EQ(20, read(e.in, bytes, 20));
	EXPECT_EQ(0, reap(first));
	EXPECT_EQ(90, inside(e.in));
}

TEST_F(wait, interrupted)
{
	int *caught = shared(sizeof(*caught)), i;

	EXPECT_EQ(CAPACITY, write(self->e.out, bytes, CAPACITY));
	count_signals(SIGUSR1, 0, caught);
	for (i = 0; i < 2; i++) {
		struct ends e = ends_of(0, 0);
		pid_t pid = CHILD({
			if (i)
				CHECK_ERR(EINTR, p_write(self->e.out, bytes, 1, 0,
							 KIPC_FOREVER));
			else
				CHECK_ERR(EINTR, p_read(e.in, bytes, 1, KIPC_FOREVER));
		});

		p_wait_waiters(i ? self->e.out : e.in, i, !i, pid);
		ASSERT_OK(kill(pid, SIGUSR1));
		EXPECT_EQ(0, reap(pid));
		close_ends(&e);
	}
	EXPECT_TRUE(p_has_waiters(self->e.out, 0, 0));
	EXPECT_EQ(CAPACITY, inside(self->e.in));
}

/* KIPC_PIPE_NOSIGNAL is for one call; SIGPIPE kills whoever does not ask for it. */
TEST_F(wait, without_a_signal)
{
	pid_t pid;

	signal(SIGPIPE, SIG_DFL);
	pid = CHILD({
		char *data = touched(CAPACITY + 1);

		close(self->e.in);
		begin(self->begun);
		CHECK(p_write(self->e.out, data, CAPACITY + 1, KIPC_PIPE_NOSIGNAL,
			      KIPC_FOREVER) == CAPACITY);
		CHECK_ERR(EPIPE, p_write(self->e.out, data, 1, KIPC_PIPE_NOSIGNAL,
					 KIPC_FOREVER));
		CHECK_ERR(EPIPE, p_write(self->e.out, data, 1, KIPC_PIPE_NOSIGNAL,
					 KIPC_NO_WAIT));
		p_write(self->e.out, data, 1, 0, KIPC_NO_WAIT);
	});
	wait_asleep(pid, self->begun);
	close(self->e.in);
	EXPECT_EQ(128 + SIGPIPE, reap(pid));
}

/* The order of service. */

TEST_F(wait, readers_in_order)
{
	enum { READERS = 20 };
	char *got = shared(READERS);
	pid_t pids[READERS];
	int i;

	for (i = 0; i < READERS; i++) {
		pids[i] = CHILD({
			/* Not into a page that is missing: that would cost the place. */
			char c;

			CHECK(read(self->e.in, &c, 1) == 1);
			got[i] = c;
		});
		p_wait_waiters(self->e.in, 0, i + 1, pids[i]);
	}
	stream_fill(bytes, READERS, 0);
	EXPECT_EQ(READERS / 2, write(self->e.out, bytes, READERS / 2));
	p_wait_waiters(self->e.in, 0, READERS / 2, 0);
	for (i = READERS / 2; i < READERS; i++)
		EXPECT_EQ(1, write(self->e.out, bytes + i, 1));
	for (i = 0; i < READERS; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_TRUE(stream_is(got, READERS, 0));
	EXPECT_EQ(READERS, p_stat_of(self->e.in).read_waits);
}

TEST_F(wait, writers_in_order)
{
	enum { WRITERS = 20 };
	struct ends e = ends_of(1, 1);
	pid_t pids[WRITERS];
	char c;
	int i;

	EXPECT_EQ(1, write(e.out, "x", 1));
	for (i = 0; i < WRITERS; i++) {
		pids[i] = CHILD({
			c = 'a' + i;
			CHECK(write(e.out, &c, 1) == 1);
		});
		p_wait_waiters(e.out, i + 1, 0, pids[i]);
	}
	EXPECT_EQ(1, read(e.in, &c, 1));
	for (i = 0; i < WRITERS; i++) {
		EXPECT_EQ(1, read(e.in, &c, 1));
		EXPECT_EQ('a' + i, c);
		EXPECT_EQ(0, reap(pids[i]));
	}
	EXPECT_EQ(WRITERS, p_stat_of(e.in).write_waits);
}

/* A reader that is killed as its turn comes leaves it to the next. */
TEST_F(wait, turns_are_not_lost)
{
	unsigned int i, rounds = effort(200);

	for (i = 0; i < rounds; i++) {
		pid_t dying = CHILD(read(self->e.in, bytes, 1)), pid;

		p_wait_waiters(self->e.in, 0, 1, dying);
		pid = CHILD({
			char c;

			CHECK(read(self->e.in, &c, 1) == 1);
		});
		p_wait_waiters(self->e.in, 0, 2, pid);
		kill(dying, SIGKILL);
		ASSERT_EQ(2, write(self->e.out, "xy", 2));
		reap(dying);
		ASSERT_EQ(0, reap(pid));
		/* The first may have been quick enough. */
		ASSERT_LE(inside(self->e.in), 1);
		if (inside(self->e.in))
			ASSERT_EQ(1, read(self->e.in, bytes, 1));
	}
}

TEST_F(wait, grants_of_room_are_not_lost)
{
	struct ends e = ends_of(10, 10);
	unsigned int i, rounds = effort(200);

	for (i = 0; i < rounds; i++) {
		pid_t dying, pid;

		ASSERT_EQ(10, write(e.out, bytes, 10));
		dying = CHILD(write(e.out, bytes, 10));
		p_wait_waiters(e.out, 1, 0, dying);
		pid = CHILD(CHECK(write(e.out, bytes, 10) == 10));
		p_wait_waiters(e.out, 2, 0, pid);
		kill(dying, SIGKILL);
		ASSERT_EQ(10, read(e.in, bytes, 10));
		if (!reap(dying))
			ASSERT_EQ(10, read(e.in, bytes, 10));
		ASSERT_EQ(0, reap(pid));
		ASSERT_EQ(10, read(e.in, bytes, 10));
		ASSERT_EQ(0, p_stat_of(e.in).bytes);
	}
}

/* Removal. */

TEST_F(wait, removed_meanwhile)
{
	enum { EACH = 20 };
	struct ends full = ends_of(10, 10);
	pid_t in[EACH], out[EACH];
	int i;

	EXPECT_EQ(10, write(full.out, bytes, 10));
	for (i = 0; i < EACH; i++) {
		in[i] = CHILD(CHECK_ERR(EIDRM, read(self->e.in, bytes, 1)));
		out[i] = CHILD({
			/* It is not broken but gone: no signal. */
			signal(SIGPIPE, SIG_DFL);
			CHECK_ERR(EIDRM, write(full.out, bytes, 1));
		});
	}
	p_wait_waiters(self->e.in, 0, EACH, 0);
	p_wait_waiters(full.in, EACH, 0, 0);
	ASSERT_OK(k_remove(self->e.in));
	ASSERT_OK(k_remove(full.out));
	for (i = 0; i < EACH; i++) {
		EXPECT_EQ(0, reap(in[i]));
		EXPECT_EQ(0, reap(out[i]));
	}
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(wait, removed)
{
	struct kipc_info info;

	EXPECT_EQ(1000, write(self->e.out, bytes, 1000));
	ASSERT_OK(k_remove(self->e.out));
	EXPECT_ERR(EIDRM, read(self->e.in, bytes, 1));
	EXPECT_ERR(EIDRM, write(self->e.out, bytes, 1));
	EXPECT_ERR(EIDRM, p_read(self->e.in, bytes, 1, KIPC_FOREVER));
	EXPECT_ERR(EIDRM, p_write(self->e.out, bytes, 1, 0, KIPC_FOREVER));
	EXPECT_ERR(EIDRM, p_write(self->e.out, bytes, CAPACITY, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EIDRM, k_narrow(self->e.in, RECEIVE, 0));
	EXPECT_ERR(EIDRM, k_remove(self->e.in));
	EXPECT_EQ(0, read(self->e.in, bytes, 0));
	EXPECT_EQ(0, write(self->e.out, bytes, 0));
	EXPECT_EQ(0, inside(self->e.in));
	EXPECT_EQ(0, p_stat_of(self->e.in).bytes);
	EXPECT_EQ(1000, p_stat_of(self->e.in).written_bytes);
	EXPECT_EQ(0, p_stat_of(self->e.in).read_bytes);
	ASSERT_OK(k_info(self->e.in, &info));
	EXPECT_TRUE(info.flags & KIPC_INFO_REMOVED);
	EXPECT_LT(total("bytes"), 8192);
}

/* What a long write had put in by then it still tells. */
TEST_F(wait, removed_in_the_middle)
{
	pid_t pid = CHILD({
		CHECK(write(self->e.out, bytes, CAPACITY + 1) == CAPACITY);
		CHECK_ERR(EIDRM, write(self->e.out, bytes, 1));
	});

	p_wait_waiters(self->e.out, 1, 0, pid);
	ASSERT_OK(k_remove(self->e.in));
	EXPECT_EQ(0, reap(pid));
}

/* Quotas. */

TEST_F(wait, quota_of_bytes)
{
	uint64_t limit = get_limit("max_bytes");
	int fd = pipe_of(1 << 20, 1 << 18);
	ssize_t n;

	set_limit("max_bytes", total("bytes"));
	EXPECT_ERR(EDQUOT, write(fd, bytes, 1));
	EXPECT_ERR(EDQUOT, p_write(fd, bytes, CAPACITY, 0, KIPC_FOREVER));
	EXPECT_EQ(0, p_stat_of(fd).bytes);
	EXPECT_EQ(0, inside(fd));
	/* Somebody else's pipe does not make it somebody else's quota. */
	ASSERT_OK(fchown(fd, NOBODY, NOBODY));
	EXPECT_ERR(EDQUOT, write(fd, bytes, 1));
	/* A long one goes as far as it can, and then says how far. */
	set_limit("max_bytes", total("bytes") + 200000);
	fill(bytes, sizeof(bytes), 5);
	n = 0;
	while (n >= 0)
		n = write(fd, bytes, sizeof(bytes));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_GT(inside(fd), 0);
	EXPECT_LT(inside(fd), 200001);
	EXPECT_EQ(inside(fd), p_stat_of(fd).written_bytes);
	EXPECT_EQ(inside(fd), p_stat_of(fd).bytes);
	set_limit("max_bytes", limit);
	EXPECT_EQ(1, write(fd, bytes, 1));
}

TEST_F(wait, quota_of_waiters)
{
	uint64_t limit = get_limit("max_waiters");
	char c;

	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, read(self->e.in, &c, 1));
	EXPECT_ERR(EDQUOT, p_read(self->e.in, &c, 1, after(MS)));
	EXPECT_ERR(EAGAIN, p_read(self->e.in, &c, 1, KIPC_NO_WAIT));
	EXPECT_EQ(CAPACITY, write(self->e.out, bytes, CAPACITY + 1));
	EXPECT_ERR(EDQUOT, write(self->e.out, bytes, 1));
	EXPECT_EQ(1, read(self->e.in, &c, 1));
	EXPECT_TRUE(p_has_waiters(self->e.in, 0, 0));
	set_limit("max_waiters", limit);
}

/* The figures, after each step. */
TEST_F(wait, figures)
{
	char *volatile nowhere = (void *)16;
	struct ends e = ends_of(100, 40);
	struct kipc_pipe_stat st;
	int other;
	pid_t pid;

	EXPECT_EQ(60, write(e.out, bytes, 60));
	EXPECT_EQ(20, read(e.in, bytes, 20));
	EXPECT_EQ(30, write(e.out, bytes, 30));
	EXPECT_ERR(EAGAIN, p_write(e.out, bytes, 40, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EFAULT, write(e.out, nowhere, 10));
	EXPECT_ERR(EFAULT, read(e.in, nowhere, 10));
	st = p_stat_of(e.in);
	EXPECT_EQ(70, st.bytes);
	EXPECT_EQ(70, st.peak_bytes);
	EXPECT_EQ(90, st.written_bytes);
	EXPECT_EQ(20, st.read_bytes);
	EXPECT_EQ(0, st.write_waits + st.read_waits);
	EXPECT_EQ(0, st.waiting_writers + st.waiting_readers);
	EXPECT_EQ(1, st.writers);
	EXPECT_EQ(1, st.readers);
	pid = CHILD(CHECK(write(e.out, bytes, 40) == 40));
	p_wait_waiters(e.out, 1, 0, pid);
	EXPECT_EQ(1, p_stat_of(e.in).write_waits);
	EXPECT_EQ(70, p_stat_of(e.in).bytes);
	EXPECT_EQ(70, read(e.in, bytes, 100));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(40, read(e.in, bytes, 100));
	st = p_stat_of(e.in);
	EXPECT_EQ(0, st.bytes);
	EXPECT_EQ(70, st.peak_bytes);
	EXPECT_EQ(130, st.written_bytes);
	EXPECT_EQ(130, st.read_bytes);
	pid = CHILD(CHECK(read(e.in, bytes, 1) == 1));
	p_wait_waiters(e.in, 0, 1, pid);
	EXPECT_EQ(1, p_stat_of(e.in).read_waits);
	EXPECT_EQ(1, write(e.out, bytes, 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, p_stat_of(e.in).waiting_readers);
	other = k_narrow(e.in, RECEIVE, 0);
	EXPECT_EQ(2, p_stat_of(e.in).readers);
	close(other);
	EXPECT_EQ(1, p_stat_of(e.in).readers);
	close(e.out);
	EXPECT_EQ(0, p_stat_of(e.in).writers);
}

TEST_HARNESS_MAIN
