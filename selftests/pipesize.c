// SPDX-License-Identifier: GPL-2.0
/*
 * The sizes of a pipe: any capacity to the byte, any atomic size up to that, and both
 * changed while somebody waits.
 */
#include "test.h"
#include "kpipe.h"

static char bytes[CAPACITY];

/* All that is inside must be of one stream, from here on. */
static uint64_t expect_stream(int fd, uint64_t at, size_t size)
{
	char *data = touched(size);

	CHECK(read_whole_size(fd, data, size));
	CHECK(stream_is(data, size, at));
	munmap(data, size);
	return at + size;
}

TEST(defaults)
{
	struct kipc_pipe_stat st = p_stat_of(pipe_of(0, 0));

	EXPECT_EQ(65536, st.attr.capacity);
	EXPECT_EQ(4096, st.attr.atomic_size);
	EXPECT_EQ(0, st.attr.flags);
	EXPECT_EQ(0, st.attr.reserved);
	st = p_stat_of(pipe_of(100, 0));
	EXPECT_EQ(100, st.attr.capacity);
	EXPECT_EQ(100, st.attr.atomic_size);
	st = p_stat_of(pipe_of(0, 50000));
	EXPECT_EQ(65536, st.attr.capacity);
	EXPECT_EQ(50000, st.attr.atomic_size);
	EXPECT_ERR(EINVAL, p_create(NULL, KIPC_PIPE_MAX + 1, 0, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, p_create(NULL, 0, 65537, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, p_create(NULL, 10, 11, 0600, SEND, 0));
}

/* Not a byte more, and not a byte less. */
TEST(exact_capacity)
{
	static const unsigned int sizes[] = { 1, 2, 10, 4095, 4096, 4097, 10001, 65535 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = pipe_of(sizes[i], 1);

		ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
		EXPECT_EQ(sizes[i], write(fd, bytes, sizeof(bytes)));
		EXPECT_ERR(EAGAIN, write(fd, bytes, 1));
		EXPECT_EQ(sizes[i], inside(fd));
		EXPECT_EQ(1, read(fd, bytes, 1));
		EXPECT_EQ(1, write(fd, bytes, 2));
		EXPECT_EQ(sizes[i], read(fd, bytes, sizeof(bytes)));
		EXPECT_EQ(0, inside(fd));
		EXPECT_EQ(sizes[i], p_stat_of(fd).peak_bytes);
		close(fd);
	}
}

/* A long stream through a tiny pipe, in writes and reads of any size. */
TEST(tiny)
{
	static const struct { unsigned int capacity, atomic; } pipes[] = {
		{ 1, 1 }, { 2, 1 }, { 10, 7 }, { 10, 10 }, { 100, 3 },
	};
	unsigned int i, total_bytes = effort(20000), random = 3;

	for (i = 0; i < ARRAY_SIZE(pipes); i++) {
		struct ends e = ends_of(pipes[i].capacity, pipes[i].atomic);
		uint64_t at = 0, end;
		pid_t pid;

		pid = CHILD({
			char data[512];
			unsigned int own = 9;

			close(e.in);
			for (at = 0; at < total_bytes;) {
				size_t size = next_random(&own) % sizeof(data) + 1;

				stream_fill(data, size, at);
				CHECK(write(e.out, data, size) == (ssize_t)size);
				at += size;
			}
		});
		close(e.out);
		for (;;) {
			char data[32];
			ssize_t n = read(e.in, data, next_random(&random) % 32 + 1);

			if (!n)
				break;
			ASSERT_TRUE(n > 0 && n <= pipes[i].capacity);
			ASSERT_TRUE(stream_is(data, n, at));
			at += n;
		}
		EXPECT_EQ(0, reap(pid));
		EXPECT_GE(at, total_bytes);
		end = p_stat_of(e.in).written_bytes;
		EXPECT_EQ(end, at);
		EXPECT_EQ(pipes[i].capacity, p_stat_of(e.in).peak_bytes);
		close(e.in);
	}
}

TEST(largest)
{
	int fd = pipe_of(KIPC_PIPE_MAX, KIPC_PIPE_MAX);
	char *data = touched(KIPC_PIPE_MAX + 1);

	stream_fill(data, KIPC_PIPE_MAX, 0);
	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(1, write(fd, data, 1));
	EXPECT_ERR(EAGAIN, write(fd, data, KIPC_PIPE_MAX));
	EXPECT_EQ(1, read(fd, data, 1));
	EXPECT_EQ(KIPC_PIPE_MAX, write(fd, data, KIPC_PIPE_MAX));
	EXPECT_ERR(EAGAIN, write(fd, data, 1));
	EXPECT_EQ(KIPC_PIPE_MAX, inside(fd));
	memset(data, 0, KIPC_PIPE_MAX);
	EXPECT_EQ(KIPC_PIPE_MAX, read(fd, data, KIPC_PIPE_MAX + 1));
	EXPECT_TRUE(stream_is(data, KIPC_PIPE_MAX, 0));
	munmap(data, KIPC_PIPE_MAX + 1);
}

/* Memory is for what is inside, not for what could be. */
TEST(empty_costs_nothing)
{
	uint64_t before = total("bytes"), full;
	int fd = pipe_of(KIPC_PIPE_MAX, 0);

	EXPECT_LT(total("bytes") - before, 8192);
	EXPECT_EQ(CAPACITY, write(fd, bytes, CAPACITY));
	full = total("bytes");
	EXPECT_GE(full - before, CAPACITY);
	EXPECT_LT(full - before, 3 * CAPACITY);
	close(fd);
	wait_for(total("bytes") == before);
}

enum { BIG = 256 << 10, MEGA = 1 << 20 };

TEST(big_atomic_without_waiting)
{
	int fd = pipe_of(MEGA, BIG);
	char *data = touched(MEGA);

	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(MEGA - BIG, write(fd, data, MEGA - BIG));
	EXPECT_EQ(1, write(fd, data, 1));
	EXPECT_ERR(EAGAIN, write(fd, data, BIG));
	EXPECT_EQ(MEGA - BIG + 1, inside(fd));
	EXPECT_EQ(0, poll_mask(fd, POLLOUT));
	EXPECT_EQ(BIG - 1, write(fd, data, BIG - 1));
	EXPECT_EQ(1, read(fd, data, 1));
	/* Longer than that: as much as there is room for. */
	EXPECT_EQ(1, write(fd, data, BIG + 1));
	EXPECT_ERR(EAGAIN, write(fd, data, BIG + 1));
	munmap(data, MEGA);
}

/*
 * What is charged is what is inside, in however small pieces it comes; and what is kept
 * for the next time, which is no more than was needed before.
 */
TEST(charged_as_inside)
{
	enum { ROOM = 65536 };
	int fd = pipe_of(ROOM, 4096);
	char *data = touched(ROOM);
	unsigned int i, rounds = effort(60000);
	size_t size;

	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	for (size = 100; size <= ROOM; size = size * 3 + 1) {
		while (write(fd, data, size) > 0)
			;
		EXPECT_GE(total("bytes"), inside(fd));
		EXPECT_LE(total("bytes"), inside(fd) + ROOM + 8192);
		while (read(fd, data, ROOM) > 0)
			;
	}
	EXPECT_EQ(ROOM, write(fd, data, ROOM));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(1, read(fd, data, 1));
		ASSERT_EQ(1, write(fd, data, 4097));
	}
	EXPECT_LE(total("bytes"), 2 * ROOM + 8192);
	munmap(data, ROOM);
}

/* Records of up to the atomic size, from several, beside a writer of longer ones. */
TEST(big_atomic_never_mixes)
{
	enum { WRITERS = 3, FILLER = 0xff };
	struct ends e = ends_of(MEGA, BIG);
	unsigned int n = effort(20), i, open_record = 0;
	unsigned char *data = (void *)touched(MEGA + BIG);
	unsigned int records[WRITERS] = { 0 }, current = FILLER;
	uint64_t filler = 0;
	pid_t pids[WRITERS + 1];
	ssize_t got, k;

	for (i = 0; i < WRITERS; i++)
		pids[i] = CHILD({
			memset(data, i, BIG);
			/* Where one begins, for it may follow its own kind. */
			data[0] = i | 0x80;
			for (i = 0; i < n; i++)
				CHECK(write(e.out, data, BIG) == BIG);
		});
	pids[WRITERS] = CHILD({
		memset(data, FILLER, MEGA + BIG);
		for (i = 0; i < n / 4 + 1; i++)
			CHECK(write(e.out, data, MEGA + BIG) == MEGA + BIG);
	});
	close(e.out);
	while ((got = read(e.in, data, MEGA / 2)) > 0) {
		for (k = 0; k < got; k++) {
			if (open_record) {
				ASSERT_EQ(current, data[k]);
				open_record--;
			} else if (data[k] == FILLER) {
				filler++;
			} else {
				current = data[k] & 0x7f;
				ASSERT_TRUE(data[k] & 0x80 && current < WRITERS);
				records[current]++;
				open_record = BIG - 1;
			}
		}
	}
	EXPECT_EQ(0, got);
	EXPECT_EQ(0, open_record);
	EXPECT_EQ((uint64_t)(n / 4 + 1) * (MEGA + BIG), filler);
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(n, records[i]);
	for (i = 0; i <= WRITERS; i++)
		EXPECT_EQ(0, reap(pids[i]));
	munmap(data, MEGA + BIG);
}

/* Changes. */

TEST(resize)
{
	int fd = pipe_of(100, 20), send = k_narrow(fd, SEND, 0);

	stream_fill(bytes, 100, 0);
	EXPECT_EQ(60, write(fd, bytes, 60));
	/* What was granted is what was asked for, and what is inside stays. */
	EXPECT_EQ(200, p_resize(fd, 200, 0));
	EXPECT_EQ(200, p_stat_of(fd).attr.capacity);
	EXPECT_EQ(20, p_stat_of(fd).attr.atomic_size);
	EXPECT_EQ(200, p_resize(fd, 0, 0));
	EXPECT_EQ(60, p_resize(fd, 60, 0));
	EXPECT_ERR(EBUSY, p_resize(fd, 59, 0));
	EXPECT_EQ(60, p_stat_of(fd).attr.capacity);
	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, write(fd, bytes, 1));
	expect_stream(fd, 0, 10);
	EXPECT_EQ(50, p_resize(fd, 50, 50));
	expect_stream(fd, 10, 50);
	EXPECT_EQ(1, p_resize(fd, 1, 1));
	EXPECT_EQ(KIPC_PIPE_MAX, p_resize(fd, KIPC_PIPE_MAX, KIPC_PIPE_MAX));
	EXPECT_ERR(EINVAL, p_resize(fd, KIPC_PIPE_MAX + 1, 0));
	/* The atomic size stays, so it must fit. */
	EXPECT_ERR(EINVAL, p_resize(fd, 1000, 0));
	EXPECT_ERR(EINVAL, p_resize(fd, 1000, 1001));
	EXPECT_EQ(1000, p_resize(fd, 1000, 1000));
	EXPECT_ERR(EINVAL, p_resize(fd, 0, 1001));
	EXPECT_ERR(EPERM, p_resize(send, 2000, 0));
	ASSERT_OK(k_remove(fd));
	EXPECT_ERR(EIDRM, p_resize(fd, 2000, 0));
}

/* The atomic size counts from the moment on when it is changed. */
TEST(atomic_size_changes)
{
	int fd = pipe_of(1000, 500);

	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(700, write(fd, bytes, 700));
	EXPECT_ERR(EAGAIN, write(fd, bytes, 500));
	EXPECT_EQ(1000, p_resize(fd, 0, 499));
	EXPECT_EQ(300, write(fd, bytes, 500));
	EXPECT_EQ(600, read(fd, bytes, 600));
	EXPECT_EQ(1000, p_resize(fd, 0, 1000));
	EXPECT_ERR(EAGAIN, write(fd, bytes, 601));
}

TEST(growth_lets_writers_go_on)
{
	enum { WRITERS = 12 };
	struct ends e = ends_of(10, 10);
	pid_t pids[WRITERS];
	int i;

	EXPECT_EQ(10, write(e.out, bytes, 10));
	for (i = 0; i < WRITERS; i++) {
		pids[i] = CHILD(CHECK(write(e.out, bytes, 10) == 10));
		p_wait_waiters(e.out, i + 1, 0, pids[i]);
	}
	/* One more, then all. */
	EXPECT_EQ(20, p_resize(e.out, 20, 0));
	EXPECT_EQ(0, reap(pids[0]));
	p_wait_waiters(e.out, WRITERS - 1, 0, 0);
	EXPECT_EQ(10 * (WRITERS + 1), p_resize(e.out, 10 * (WRITERS + 1), 0));
	for (i = 1; i < WRITERS; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_EQ(10 * (WRITERS + 1), inside(e.in));
}

/* Less is enough than was waited for: a smaller atomic size, too, lets it go on. */
TEST(smaller_atomic_size_lets_go_on)
{
	struct ends e = ends_of(100, 50);
	pid_t pid;

	EXPECT_EQ(100, write(e.out, bytes, 100));
	pid = CHILD(CHECK(write(e.out, bytes, 10) == 10));
	p_wait_waiters(e.out, 1, 0, pid);
	EXPECT_EQ(20, read(e.in, bytes, 20));
	/* Not to be woken for every few bytes: half of the capacity. */
	EXPECT_EQ(1, p_stat_of(e.out).waiting_writers);
	EXPECT_EQ(80, inside(e.in));
	EXPECT_EQ(100, p_resize(e.out, 0, 20));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(90, inside(e.in));
}

/* A waiting write that cannot fit as a whole any more goes in by pieces. */
TEST(shrinks_below_a_waiting_write)
{
	enum { WHOLE = 5000 };
	struct ends e = ends_of(10000, 8000);
	char *data = touched(WHOLE);
	uint64_t at = 0;
	pid_t pid;

	stream_fill(bytes, 9000, 0);
	stream_fill(data, WHOLE, 9000);
	EXPECT_EQ(9000, write(e.out, bytes, 9000));
	pid = CHILD(CHECK(write(e.out, data, WHOLE) == WHOLE));
	p_wait_waiters(e.out, 1, 0, pid);
	at = expect_stream(e.in, at, 3000);
	EXPECT_EQ(1, p_stat_of(e.out).waiting_writers);
	EXPECT_EQ(6000, p_resize(e.out, 6000, 1000));
	at = expect_stream(e.in, at, 1500);
	EXPECT_EQ(4500, p_resize(e.out, 4500, 1000));
	expect_stream(e.in, at, 9000 + WHOLE - at);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, inside(e.in));
	EXPECT_EQ(9000 + WHOLE, p_stat_of(e.in).written_bytes);
}

/* With a deadline it is likewise a longer one: what is in by then is counted. */
TEST(shrinks_below_a_write_with_a_deadline)
{
	uint64_t time = 300 * MS, deadline;
	struct ends e;
	int status;
	bool early;

	/* Again, and with more time, if this process was not in time. */
	do {
		pid_t pid;

		e = ends_of(100, 60);
		EXPECT_EQ(80, write(e.out, bytes, 80));
		deadline = after(time);
		pid = CHILD(_exit(p_write(e.out, bytes, 60, 0, deadline) != 5));
		wait_for(p_has_waiters(e.out, 1, 0) || task_state(pid, pid) == 'Z');
		EXPECT_EQ(30, read(e.in, bytes, 30));
		EXPECT_EQ(55, p_resize(e.out, 55, 10));
		wait_for(inside(e.in) == 55 || now_ns() >= deadline);
		early = now_ns() < deadline;
		status = reap(pid);
		time *= 2;
	} while (!early);
	EXPECT_EQ(0, status);
	EXPECT_EQ(55, inside(e.in));
}

/* A stream stays one, whatever happens to the sizes meanwhile. */
TEST(resized_all_the_time)
{
	struct ends e = ends_of(0, 0);
	unsigned int total_bytes = effort(6 << 20), random = 5, refused = 0, done = 0;
	char *data = touched(100000);
	uint64_t at;
	pid_t writer, reader;

	writer = CHILD({
		unsigned int own = 6;

		for (at = 0; at < total_bytes;) {
			size_t size = next_random(&own) % 100000 + 1;

			stream_fill(data, size, at);
			CHECK(write(e.out, data, size) == (ssize_t)size);
			at += size;
		}
	});
	reader = CHILD({
		unsigned int own = 7;
		ssize_t n;

		close(e.out);
		at = 0;
		while ((n = read(e.in, data, next_random(&own) % 50000 + 1)) > 0) {
			CHECK(stream_is(data, n, at));
			at += n;
		}
		CHECK(!n && at >= total_bytes);
	});
	while (task_state(writer, writer) != 'Z') {
		unsigned int capacity = next_random(&random) % 200000 + 1;
		unsigned int atomic = next_random(&random) % capacity + 1;
		int ret = p_resize(e.out, capacity, atomic);

		ASSERT_TRUE(ret == (int)capacity || (ret < 0 && errno == EBUSY));
		done += ret > 0;
		refused += ret < 0;
		sched_yield();
	}
	EXPECT_EQ(0, reap(writer));
	close(e.out);
	EXPECT_EQ(0, reap(reader));
	EXPECT_GT(done, 0);
	TH_LOG("resized %u times, refused %u times", done, refused);
}

TEST_HARNESS_MAIN
