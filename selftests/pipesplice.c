// SPDX-License-Identifier: GPL-2.0
/*
 * splice(2) between a pipe of pipe(2) and another pipe, which is one of kipc or again one
 * of pipe(2), both ways; sendfile(2), and what does not apply.
 */
#include "pairs.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

static char bytes[CAPACITY];

/* Out of it. */

TEST_F(pair, out)
{
	struct ends to = their_ends();

	stream_fill(bytes, 10000, 0);
	SAME(10000, write(self->e.out, bytes, 10000));
	SAME(0, splice(self->e.in, NULL, to.out, NULL, 0, 0));
	SAME(100, splice(self->e.in, NULL, to.out, NULL, 100, 0));
	SAME(9900, inside(self->e.in));
	SAME(9900, splice(self->e.in, NULL, to.out, NULL, CAPACITY, 0));
	SAME(0, inside(self->e.in));
	SAME(10000, inside(to.in));
	SAME(true, read_whole_size(to.in, bytes, 10000));
	EXPECT_TRUE(stream_is(bytes, 10000, 0));
	SAME(-EAGAIN, splice(self->e.in, NULL, to.out, NULL, 1, SPLICE_F_NONBLOCK));
	SAME(1, write(self->e.out, "x", 1));
	close(self->e.out);
	SAME(1, splice(self->e.in, NULL, to.out, NULL, 10, 0));
	SAME(0, splice(self->e.in, NULL, to.out, NULL, 10, 0));
	SAME(0, splice(self->e.in, NULL, to.out, NULL, 10, SPLICE_F_NONBLOCK));
}

TEST_F(pair, out_into_a_full_one)
{
	struct ends to = their_ends();

	SAME(CAPACITY, write(to.out, bytes, CAPACITY));
	SAME(3, write(self->e.out, "abc", 3));
	SAME(-EAGAIN, splice(self->e.in, NULL, to.out, NULL, 10, SPLICE_F_NONBLOCK));
	SAME(3, inside(self->e.in));
	SAME(ATOMIC, read(to.in, bytes, ATOMIC));
	SAME(3, splice(self->e.in, NULL, to.out, NULL, 10, SPLICE_F_NONBLOCK));
	SAME(CAPACITY - ATOMIC + 3, inside(to.in));
}

TEST_F(pair, out_without_readers)
{
	struct ends to = their_ends();

	SAME(3, write(self->e.out, "abc", 3));
	close(to.in);
	SAME(-EPIPE, splice(self->e.in, NULL, to.out, NULL, 10, 0));
	/* It is still there. */
	SAME(3, inside(self->e.in));
}

/*
 * Who waits for data must not hold the other pipe, which its users have locked for each
 * read and write.
 */
TEST_F(pair, out_waits)
{
	struct ends to = their_ends();
	pid_t pid = CHILD({
		close(self->e.out);
		begin(self->begun);
		CHECK(splice(self->e.in, NULL, to.out, NULL, 100, 0) == 5);
	});
	char data[16] = "";

	wait_asleep(pid, self->begun);
	SAME(3, write(to.out, "abc", 3));
	SAME(3, read(to.in, data, sizeof(data)));
	SAME(5, write(self->e.out, "hello", 5));
	SAME(5, read(to.in, data, sizeof(data)));
	EXPECT_EQ(0, memcmp(data, "hello", 5));
	SAME(0, reap(pid));
}

TEST_F(pair, out_is_interrupted)
{
	struct ends to = their_ends();
	pid_t pid = CHILD({
		int caught = 0;

		count_signals(SIGUSR1, 0, &caught);
		begin(self->begun);
		CHECK_ERR(EINTR, splice(self->e.in, NULL, to.out, NULL, 100, 0));
	});

	wait_asleep(pid, self->begun);
	ASSERT_OK(kill(pid, SIGUSR1));
	SAME(0, reap(pid));
}

TEST_F(pair, out_until_the_end)
{
	struct ends to = their_ends();
	pid_t pid = CHILD({
		close(self->e.out);
		begin(self->begun);
		CHECK(splice(self->e.in, NULL, to.out, NULL, 100, 0) == 0);
	});

	wait_asleep(pid, self->begun);
	close(self->e.out);
	SAME(0, reap(pid));
}

/* Into it. */

TEST_F(pair, in)
{
	struct ends from = their_ends();

	stream_fill(bytes, 10000, 0);
	SAME(10000, write(from.out, bytes, 10000));
	SAME(100, splice(from.in, NULL, self->e.out, NULL, 100, 0));
	SAME(9900, splice(from.in, NULL, self->e.out, NULL, CAPACITY, 0));
	SAME(10000, inside(self->e.in));
	SAME(true, read_whole_size(self->e.in, bytes, 10000));
	EXPECT_TRUE(stream_is(bytes, 10000, 0));
	SAME(-EAGAIN, splice(from.in, NULL, self->e.out, NULL, 1, SPLICE_F_NONBLOCK));
	close(from.out);
	SAME(0, splice(from.in, NULL, self->e.out, NULL, 1, 0));
}

TEST_F(pair, in_without_readers)
{
	struct ends from = their_ends();
	int caught = 0;

	count_signals(SIGPIPE, 0, &caught);
	SAME(3, write(from.out, "abc", 3));
	close(self->e.in);
	SAME(-EPIPE, splice(from.in, NULL, self->e.out, NULL, 10, 0));
	SAME(1, caught);
}

TEST_F(pair, in_where_it_is_full)
{
	struct ends from = their_ends();

	SAME(CAPACITY, write(self->e.out, bytes, CAPACITY));
	SAME(3, write(from.out, "abc", 3));
	ASSERT_OK(fcntl(self->e.out, F_SETFL, O_NONBLOCK));
	SAME(-EAGAIN, splice(from.in, NULL, self->e.out, NULL, 3, 0));
	SAME(3, inside(from.in));
	SAME(CAPACITY, inside(self->e.in));
	SAME(ATOMIC, read(self->e.in, bytes, ATOMIC));
	SAME(3, splice(from.in, NULL, self->e.out, NULL, 3, 0));
	SAME(CAPACITY - ATOMIC + 3, inside(self->e.in));
}

/* A stream through three pipes: write, splice, splice, read. */
TEST_F(pair, through)
{
	struct ends from = their_ends(), to = their_ends();
	unsigned int total_bytes = effort(4 << 20), random = 11;
	char *data = touched(CAPACITY);
	pid_t writer, in, out;
	uint64_t at = 0;
	ssize_t n;

	writer = CHILD({
		unsigned int own = 12;

		close(from.in);
		close_ends(&self->e);
		close_ends(&to);
		while (at < total_bytes) {
			size_t size = next_random(&own) % CAPACITY + 1;

			stream_fill(data, size, at);
			CHECK(write(from.out, data, size) == (ssize_t)size);
			at += size;
		}
	});
	close(from.out);
	in = CHILD({
		unsigned int own = 13;

		close(self->e.in);
		close_ends(&to);
		while ((n = splice(from.in, NULL, self->e.out, NULL,
				   next_random(&own) % 100000 + 1, SPLICE_F_MOVE)) > 0)
			;
		CHECK(!n);
	});
	close(from.in);
	close(self->e.out);
	out = CHILD({
		unsigned int own = 14;

		close(to.in);
		while ((n = splice(self->e.in, NULL, to.out, NULL,
				   next_random(&own) % 100000 + 1, SPLICE_F_MORE)) > 0)
			;
		CHECK(!n);
	});
	close(self->e.in);
	close(to.out);
	while ((n = read(to.in, data, next_random(&random) % CAPACITY + 1)) > 0) {
		ASSERT_TRUE(stream_is(data, n, at));
		at += n;
	}
	SAME(0, n);
	EXPECT_GE(at, total_bytes);
	SAME(0, reap(writer));
	SAME(0, reap(in));
	SAME(0, reap(out));
}

/* Files. */

static int file_of(size_t size)
{
	int fd = memfd_create("splice", MFD_CLOEXEC);
	char *data = touched(size);

	CHECK(fd >= 0);
	stream_fill(data, size, 0);
	CHECK(write(fd, data, size) == (ssize_t)size);
	CHECK(!lseek(fd, 0, SEEK_SET));
	munmap(data, size);
	return fd;
}

TEST_F(pair, sendfile)
{
	enum { SIZE = 300001 };
	int fd = file_of(SIZE);
	char *data = touched(SIZE);
	pid_t pid;

	pid = CHILD({
		size_t left = SIZE;

		close(self->e.in);
		while (left) {
			ssize_t n = sendfile(self->e.out, fd, NULL, left);

			CHECK(n > 0);
			left -= n;
		}
		CHECK(!sendfile(self->e.out, fd, NULL, 1));
	});
	close(self->e.out);
	SAME(true, read_whole_size(self->e.in, data, SIZE));
	EXPECT_TRUE(stream_is(data, SIZE, 0));
	SAME(0, read(self->e.in, data, 1));
	SAME(0, reap(pid));
	munmap(data, SIZE);
}

TEST_F(pair, not_from_a_pipe)
{
	int fd = file_of(10);
	loff_t at = 0;

	SAME(3, write(self->e.out, "abc", 3));
	SAME(-EINVAL, sendfile(fd, self->e.in, NULL, 3));
	SAME(-ESPIPE, sendfile(fd, self->e.in, &at, 3));
	SAME(-EINVAL, copy_file_range(self->e.in, NULL, fd, NULL, 3, 0));
	SAME(-EINVAL, copy_file_range(fd, NULL, self->e.out, NULL, 3, 0));
	SAME(3, inside(self->e.in));
}

TEST_F(pair, wrong_ends)
{
	struct ends other = their_ends();

	SAME(-EBADF, splice(self->e.out, NULL, other.out, NULL, 1, 0));
	SAME(-EBADF, splice(other.in, NULL, self->e.in, NULL, 1, 0));
	SAME(-EBADF, splice(-1, NULL, self->e.out, NULL, 1, 0));
}

TEST_F(pair, not_applicable)
{
	struct ends other = their_ends();
	struct iovec v = { "abc", 3 };

	SAME(3, write(self->e.out, "abc", 3));
	DIFFERS(TEED, tee(self->e.in, other.out, 3, 0));
	DIFFERS(MAPPED_IN, vmsplice(self->e.out, &v, 1, 0));
}

/* Ours alone. */

TEST(between_two_of_ours)
{
	struct ends a = ends_of(0, 0), b = ends_of(0, 0);

	EXPECT_EQ(3, write(a.out, "abc", 3));
	EXPECT_ERR(EINVAL, splice(a.in, NULL, b.out, NULL, 3, 0));
	EXPECT_EQ(3, inside(a.in));
	EXPECT_EQ(0, inside(b.in));
}

TEST(offsets)
{
	struct ends e = ends_of(0, 0), other = their_ends();
	loff_t at = 0;

	EXPECT_EQ(3, write(e.out, "abc", 3));
	EXPECT_ERR(EINVAL, splice(e.in, &at, other.out, NULL, 3, 0));
	EXPECT_EQ(3, write(other.out, "abc", 3));
	EXPECT_ERR(EINVAL, splice(other.in, NULL, e.out, &at, 3, 0));
	EXPECT_EQ(0, at);
}

TEST(removed)
{
	struct ends e = ends_of(0, 0), other = their_ends();
	int *begun = shared(sizeof(*begun));
	pid_t pid = CHILD({
		begin(begun);
		CHECK_ERR(EIDRM, splice(e.in, NULL, other.out, NULL, 3, 0));
	});

	wait_asleep(pid, begun);
	ASSERT_OK(k_remove(e.in));
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(EIDRM, splice(e.in, NULL, other.out, NULL, 3, 0));
	EXPECT_EQ(3, write(other.out, "abc", 3));
	EXPECT_ERR(EIDRM, splice(other.in, NULL, e.out, NULL, 3, 0));
	EXPECT_EQ(3, inside(other.in));
}

/* One splice takes what lies together, and readers beside it lose nothing. */
TEST(beside_readers)
{
	struct ends e = ends_of(0, 0), to = their_ends();
	unsigned int numbers = effort(40000), i;
	uint64_t *sum = shared(3 * sizeof(*sum)), next = 0, *data = (void *)touched(8192);
	pid_t pids[3];

	for (i = 0; i < 2; i++)
		pids[i] = CHILD({
			ssize_t n;

			close(e.out);
			close(to.out);
			while ((n = read(i ? e.in : to.in, data, 800)) > 0) {
				CHECK(n % 8 == 0);
				for (ssize_t k = 0; k < n / 8; k++) {
					CHECK(i == 0 || data[k] == data[0] + k);
					sum[i] += data[k];
				}
			}
			CHECK(!n);
		});
	pids[2] = CHILD({
		ssize_t n;

		close(e.out);
		while ((n = splice(e.in, NULL, to.out, NULL, 1600, 0)) > 0)
			CHECK(n % 8 == 0);
		CHECK(!n);
	});
	close(to.out);
	close(to.in);
	while (next < numbers) {
		for (i = 0; i < 100; i++)
			data[i] = next++;
		ASSERT_EQ(800, write(e.out, data, 800));
	}
	close_ends(&e);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_EQ(next * (next - 1) / 2, sum[0] + sum[1]);
}

TEST_HARNESS_MAIN
