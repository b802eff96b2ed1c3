// SPDX-License-Identifier: GPL-2.0
/*
 * A pipe of kipc is a pipe: who waits, what a signal leaves, and what comes out where
 * several write and read at once.
 */
#include "pairs.h"

#include <stddef.h>

/* Waiting. */

TEST_F(pair, read_waits)
{
	pid_t pid = CHILD({
		char data[8];

		close(self->e.out);
		begin(self->begun);
		CHECK(read(self->e.in, data, 8) == 2);
		CHECK(!memcmp(data, "ab", 2));
	});

	wait_asleep(pid, self->begun);
	SAME(2, write(self->e.out, "ab", 2));
	SAME(0, reap(pid));
}

TEST_F(pair, last_writer_leaves_readers)
{
	pid_t pids[3];
	int i;

	for (i = 0; i < 3; i++) {
		pids[i] = CHILD({
			char data[8];

			close(self->e.out);
			begin(&self->begun[i]);
			CHECK(!read(self->e.in, data, 8));
		});
		wait_asleep(pids[i], &self->begun[i]);
	}
	close(self->e.out);
	for (i = 0; i < 3; i++)
		SAME(0, reap(pids[i]));
}

TEST_F(pair, write_waits)
{
	static char data[CAPACITY];
	pid_t pid;

	SAME(CAPACITY, write(self->e.out, data, CAPACITY));
	pid = CHILD({
		begin(self->begun);
		CHECK(write(self->e.out, "x", 1) == 1);
	});
	wait_asleep(pid, self->begun);
	SAME(CAPACITY, inside(self->e.in));
	SAME(ATOMIC, read(self->e.in, data, ATOMIC));
	SAME(0, reap(pid));
	SAME(CAPACITY - ATOMIC + 1, inside(self->e.in));
}

/* The signal is raised for each of them. */
TEST_F(pair, last_reader_leaves_writers)
{
	static char data[CAPACITY];
	pid_t pids[3];
	int i;

	SAME(CAPACITY, write(self->e.out, data, CAPACITY));
	for (i = 0; i < 3; i++) {
		pids[i] = CHILD({
			int caught = 0;

			close(self->e.in);
			count_signals(SIGPIPE, SA_RESTART, &caught);
			begin(&self->begun[i]);
			CHECK_ERR(EPIPE, write(self->e.out, "x", 1));
			CHECK(caught == 1);
		});
		wait_asleep(pids[i], &self->begun[i]);
	}
	close(self->e.in);
	for (i = 0; i < 3; i++)
		SAME(0, reap(pids[i]));
}

/* A long write goes on until all of it is in. */
TEST_F(pair, long_write)
{
	enum { LONG = 5 * CAPACITY + 123, AT_ONCE = 7001 };
	char *data = touched(LONG), part[AT_ONCE];
	size_t done = 0;
	ssize_t n;
	pid_t pid;

	stream_fill(data, LONG, 0);
	pid = CHILD({
		close(self->e.in);
		CHECK(write(self->e.out, data, LONG) == LONG);
	});
	close(self->e.out);
	while ((n = read(self->e.in, part, AT_ONCE)) > 0) {
		ASSERT_TRUE(stream_is(part, n, done));
		done += n;
	}
	SAME(0, n);
	SAME(LONG, done);
	SAME(0, reap(pid));
}

/* What was taken before the reader went is not an error; yet the signal comes. */
TEST_F(pair, broken_in_the_middle)
{
	pid_t pid = CHILD({
		char *data = touched(CAPACITY + 5000);
		int caught = 0;

		close(self->e.in);
		count_signals(SIGPIPE, SA_RESTART, &caught);
		begin(self->begun);
		CHECK(write(self->e.out, data, CAPACITY + 5000) == CAPACITY);
		CHECK(caught == 1);
		CHECK_ERR(EPIPE, write(self->e.out, data, 1));
		CHECK(caught == 2);
	});

	wait_asleep(pid, self->begun);
	close(self->e.in);
	SAME(0, reap(pid));
}

TEST_F(pair, killed_by_the_broken_one)
{
	pid_t pid = CHILD({
		char *data = touched(CAPACITY + 1);

		close(self->e.in);
		signal(SIGPIPE, SIG_DFL);
		begin(self->begun);
		CHECK(write(self->e.out, data, CAPACITY + 1) == -2);
	});

	wait_asleep(pid, self->begun);
	close(self->e.in);
	SAME(128 + SIGPIPE, reap(pid));
}

/* Signals. */

static const int restart[] = { 0, SA_RESTART };

TEST_F(pair, signal_in_read)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		int *caught = shared(sizeof(*caught));
		pid_t pid = CHILD({
			char data[8];

			count_signals(SIGUSR1, restart[i], caught);
			begin(&self->begun[i]);
			if (restart[i])
				CHECK(read(self->e.in, data, 8) == 3);
			else
				CHECK_ERR(EINTR, read(self->e.in, data, 8));
		});

		wait_asleep(pid, &self->begun[i]);
		ASSERT_OK(kill(pid, SIGUSR1));
		wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST));
		if (restart[i]) {
			wait_for(task_state(pid, pid) == 'S');
			SAME(3, write(self->e.out, "abc", 3));
		}
		SAME(0, reap(pid));
		SAME(0, inside(self->e.in));
	}
}

/* Nothing was written yet. */
TEST_F(pair, signal_in_write)
{
	static char data[CAPACITY];
	unsigned int i;

	SAME(CAPACITY, write(self->e.out, data, CAPACITY));
	for (i = 0; i < 2; i++) {
		int *caught = shared(sizeof(*caught));
		pid_t pid = CHILD({
			count_signals(SIGUSR1, restart[i], caught);
			begin(&self->begun[i]);
			if (restart[i])
				CHECK(write(self->e.out, data, ATOMIC) == ATOMIC);
			else
				CHECK_ERR(EINTR, write(self->e.out, data, ATOMIC));
		});

		wait_asleep(pid, &self->begun[i]);
		ASSERT_OK(kill(pid, SIGUSR1));
		wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST));
		if (restart[i]) {
			wait_for(task_state(pid, pid) == 'S');
			SAME(ATOMIC, read(self->e.in, data, ATOMIC));
		}
		SAME(0, reap(pid));
		SAME(CAPACITY, inside(self->e.in));
	}
}

/* Of a part that is in, the count tells, whatever the handler's flags. */
TEST_F(pair, signal_in_the_middle)
{
	char *data = touched(CAPACITY + 5000);
	unsigned int i;

	stream_fill(data, CAPACITY, 0);
	for (i = 0; i < 2; i++) {
		pid_t pid = CHILD({
			int caught = 0;

			count_signals(SIGUSR1, restart[i], &caught);
			begin(&self->begun[i]);
			CHECK(write(self->e.out, data, CAPACITY + 5000) == CAPACITY);
			CHECK(caught == 1);
		});

		wait_asleep(pid, &self->begun[i]);
		ASSERT_OK(kill(pid, SIGUSR1));
		SAME(0, reap(pid));
		SAME(CAPACITY, inside(self->e.in));
		SAME(true, read_whole_size(self->e.in, data, CAPACITY));
		EXPECT_TRUE(stream_is(data, CAPACITY, 0));
	}
}

/* Who is killed in a long write leaves what it had put in, and no more. */
TEST_F(pair, killed_in_the_middle)
{
	char *data = touched(2 * CAPACITY);
	pid_t pid;

	stream_fill(data, 2 * CAPACITY, 0);
	pid = CHILD({
		close(self->e.in);
		begin(self->begun);
		CHECK(write(self->e.out, data, 2 * CAPACITY) == -2);
	});
	close(self->e.out);
	wait_asleep(pid, self->begun);
	SAME(128 + SIGKILL, slay(pid));
	SAME(true, read_whole_size(self->e.in, data, CAPACITY));
	EXPECT_TRUE(stream_is(data, CAPACITY, 0));
	SAME(0, read(self->e.in, data, CAPACITY));
}

TEST_F(pair, killed_reader)
{
	char data[8];
	pid_t pid = CHILD({
		begin(self->begun);
		CHECK(read(self->e.in, data, 8) == -2);
	});

	wait_asleep(pid, self->begun);
	SAME(128 + SIGKILL, slay(pid));
	SAME(3, write(self->e.out, "abc", 3));
	SAME(3, read(self->e.in, data, 8));
}

/* Crowds. */

struct record {
	uint32_t size, writer, seq, sum;
	char rest[ATOMIC - 16];
};

static void write_records(int fd, unsigned int writer, unsigned int n)
{
	unsigned int random = writer * 1000 + 1, i;
	struct record *r = (void *)touched(sizeof(*r));

	for (i = 0; i < n; i++) {
		r->size = 16 + next_random(&random) % (sizeof(r->rest) + 1);
		/* Often the largest. */
		if (next_random(&random) % 4 == 0)
			r->size = sizeof(*r);
		r->writer = writer;
		r->seq = i;
		r->sum = r->size ^ writer << 8 ^ i << 16;
		fill(r->rest, r->size - 16, r->sum);
		CHECK(write(fd, r, r->size) == (ssize_t)r->size);
	}
}

/* Up to PIPE_BUF nothing comes between. */
TEST_F(pair, writers_do_not_mix)
{
	enum { WRITERS = 4 };
	unsigned int n = effort(800), i, next[WRITERS] = { 0 };
	uint64_t bytes = 0;
	pid_t pids[WRITERS];
	struct record r;

	for (i = 0; i < WRITERS; i++)
		pids[i] = CHILD({
			close(self->e.in);
			write_records(self->e.out, i, n);
		});
	for (i = 0; i < WRITERS * n; i++) {
		ASSERT_TRUE(read_whole_size(self->e.in, &r, 16));
		ASSERT_TRUE(r.size >= 16 && r.size <= sizeof(r) && r.writer < WRITERS);
		ASSERT_EQ(next[r.writer]++, r.seq);
		ASSERT_EQ(r.size ^ r.writer << 8 ^ r.seq << 16, r.sum);
		ASSERT_TRUE(read_whole_size(self->e.in, r.rest, r.size - 16));
		ASSERT_TRUE(filled(r.rest, r.size - 16, r.sum));
		bytes += r.size;
	}
	for (i = 0; i < WRITERS; i++)
		SAME(0, reap(pids[i]));
	SAME(0, inside(self->e.in));
	if (self->ours) {
		EXPECT_EQ(bytes, p_stat_of(self->e.in).written_bytes);
		EXPECT_EQ(bytes, p_stat_of(self->e.in).read_bytes);
	}
}

/* Above they may, but each one's bytes come in its order, and all of them. */
TEST_F(pair, long_writes_of_several)
{
	enum { WRITERS = 3, LONG = 50000, AT_ONCE = 6000 };
	unsigned int n = effort(24), i, next[WRITERS] = { 0 };
	unsigned char *data = (void *)touched(LONG);
	uint64_t bytes = 0;
	pid_t pids[WRITERS];
	ssize_t got;

	for (i = 0; i < WRITERS; i++)
		pids[i] = CHILD({
			unsigned int k;
			unsigned int at = 0;
			unsigned int round;

			for (round = 0; round < n; round++) {
				for (k = 0; k < LONG; k++)
					data[k] = i << 6 | (at++ & 63);
				CHECK(write(self->e.out, data, LONG) == LONG);
			}
		});
	close(self->e.out);
	while ((got = read(self->e.in, data, AT_ONCE)) > 0) {
		for (i = 0; i < got; i++) {
			unsigned int writer = data[i] >> 6;

			ASSERT_LT(writer, WRITERS);
			ASSERT_EQ(next[writer]++ & 63, data[i] & 63);
		}
		bytes += got;
	}
	SAME(0, got);
	EXPECT_EQ((uint64_t)WRITERS * n * LONG, bytes);
	for (i = 0; i < WRITERS; i++) {
		EXPECT_EQ(n * LONG, next[i]);
		SAME(0, reap(pids[i]));
	}
}

/* What one read gets was written one after the other, whoever else reads. */
TEST_F(pair, readers_do_not_mix)
{
	enum { READERS = 4, MOST = 1500 };
	unsigned int numbers = effort(100000), i, random = 7;
	uint64_t *sum = shared(READERS * sizeof(*sum)), all = 0;
	uint64_t *data = (void *)touched(MOST * 8), next = 0;
	pid_t pids[READERS];

	for (i = 0; i < READERS; i++)
		pids[i] = CHILD({
			unsigned int want = i + 1;
			ssize_t got;

			close(self->e.out);
			for (;;) {
				got = read(self->e.in, data,
					   8 * (next_random(&want) % MOST + 1));
				if (!got)
					break;
				CHECK(got > 0 && got % 8 == 0);
				for (ssize_t k = 0; k < got / 8; k++) {
					CHECK(data[k] == data[0] + k);
					sum[i] += data[k];
				}
			}
		});
	close(self->e.in);
	while (next < numbers) {
		unsigned int n = next_random(&random) % MOST + 1, k;

		for (k = 0; k < n; k++)
			data[k] = next++;
		SAME(8 * n, write(self->e.out, data, 8 * n));
	}
	close(self->e.out);
	for (i = 0; i < READERS; i++) {
		SAME(0, reap(pids[i]));
		all += sum[i];
	}
	EXPECT_EQ(next * (next - 1) / 2, all);
}

TEST_F(pair, any_sizes)
{
	enum { MOST = 3 * CAPACITY };
	unsigned int total_bytes = effort(8 << 20), random = seed();
	char *data = touched(MOST);
	uint64_t at = 0;
	pid_t pid;

	TH_LOG("seed %u", random);
	pid = CHILD({
		close(self->e.in);
		while (at < total_bytes) {
			size_t size = next_random(&random) %
				      (next_random(&random) % 3 ? 5000 : MOST) + 1;

			stream_fill(data, size, at);
			CHECK(write(self->e.out, data, size) == (ssize_t)size);
			at += size;
		}
		begin(self->begun);
		__atomic_store_n((uint64_t *)(self->begun + 2), at, __ATOMIC_SEQ_CST);
	});
	close(self->e.out);
	for (;;) {
		size_t size = next_random(&random) %
			      (next_random(&random) % 3 ? 5000 : MOST) + 1;
		ssize_t n = read(self->e.in, data, size);

		if (!n)
			break;
		ASSERT_TRUE(n > 0 && n <= (ssize_t)size);
		ASSERT_TRUE(stream_is(data, n, at));
		at += n;
	}
	SAME(0, reap(pid));
	EXPECT_EQ(*(uint64_t *)(self->begun + 2), at);
}

TEST_HARNESS_MAIN
