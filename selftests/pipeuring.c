// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring on pipes, as uringmany and uringend have it for mailboxes: hundreds of reads
 * and writes in flight, driven by poll, or with IOSQE_ASYNC by threads of io_uring's.
 */
#include "uringmany.h"
#include "kpipe.h"

/* Numbers in the pipe, 1 to @n. */
static void put_numbers(int fd, unsigned int n)
{
	uint64_t i;

	for (i = 1; i <= n; i++)
		CHECK(write(fd, &i, 8) == 8);
}

static void check_numbers(int fd, unsigned int n, bool order)
{
	bool seen[MANY + 1] = { false };
	unsigned int i;

	for (i = 0; i < n; i++) {
		uint64_t number;

		CHECK(read(fd, &number, 8) == 8);
		CHECK(number && number <= n && !seen[number]);
		CHECK(!order || number == i + 1);
		seen[number] = true;
	}
}

static bool nothing_waits(int fd)
{
	struct kipc_pipe_stat st = p_stat_of(fd);

	return !st.read_waits && !st.write_waits;
}

/* At once. */

TEST_F(many, reads_at_once)
{
	int fd = pipe_of(0, 0);

	use(self, variant, fd);
	put_numbers(fd, MANY);
	queue_all(self, variant, fd, true, MANY);
	collect_ready(self);
	EXPECT_EQ(MANY, self->done);
	check_reads(self, true, MANY);
	EXPECT_EQ(0, workers());
	EXPECT_TRUE(nothing_waits(fd));
}

TEST_F(many, writes_at_once)
{
	int fd = pipe_of(0, 0);

	use(self, variant, fd);
	queue_all(self, variant, fd, false, MANY);
	collect_ready(self);
	EXPECT_EQ(MANY, self->done);
	EXPECT_EQ(0, workers());
	check_numbers(fd, MANY, true);
	EXPECT_TRUE(nothing_waits(fd));
}

/* A read gets what there is; a write puts in what there is room for. */
TEST_F(many, parts)
{
	enum { LONG = CAPACITY + 4321 };
	char *data = touched(2 * LONG);
	struct io_uring_sqe *sqe;
	int fd = pipe_of(0, 0);

	stream_fill(data, LONG, 0);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_write(sqe, fd, data, LONG, -1);
	io_uring_sqe_set_data64(sqe, 0);
	submit(self, 1);
	collect(self, 1);
	EXPECT_EQ(CAPACITY, self->res[0]);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_read(sqe, fd, data + LONG, LONG, -1);
	io_uring_sqe_set_data64(sqe, 1);
	submit(self, 1);
	collect(self, 2);
	EXPECT_EQ(CAPACITY, self->res[1]);
	EXPECT_TRUE(stream_is(data + LONG, CAPACITY, 0));
	munmap(data, 2 * LONG);
}

/* The largest there is, which needs memory that may have to be waited for. */
TEST_F(many, a_huge_one)
{
	int fd = pipe_of(KIPC_PIPE_MAX, KIPC_PIPE_MAX);
	char *data = touched(KIPC_PIPE_MAX);
	struct io_uring_sqe *sqe;

	stream_fill(data, KIPC_PIPE_MAX, 0);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_write(sqe, fd, data, KIPC_PIPE_MAX, -1);
	io_uring_sqe_set_data64(sqe, 0);
	submit(self, 1);
	collect(self, 1);
	EXPECT_EQ(KIPC_PIPE_MAX, self->res[0]);
	memset(data, 0, KIPC_PIPE_MAX);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_read(sqe, fd, data, KIPC_PIPE_MAX, -1);
	io_uring_sqe_set_data64(sqe, 1);
	submit(self, 1);
	collect(self, 2);
	EXPECT_EQ(KIPC_PIPE_MAX, self->res[1]);
	EXPECT_TRUE(stream_is(data, KIPC_PIPE_MAX, 0));
	munmap(data, KIPC_PIPE_MAX);
}

TEST_F(many, errors)
{
	struct ends e = ends_of(0, 0);
	char *volatile nowhere = (void *)16;
	struct io_uring_sqe *sqe;
	unsigned int i;

	EXPECT_EQ(8, write(e.out, "8 bytes", 8));
	for (i = 0; i < 4; i++) {
		sqe = io_uring_get_sqe(&self->ring);
		if (i % 2)
			io_uring_prep_read(sqe, i < 2 ? e.out : e.in, nowhere, 8, -1);
		else
			io_uring_prep_write(sqe, i < 2 ? e.in : e.out, nowhere, 8, -1);
		io_uring_sqe_set_data64(sqe, i);
	}
	submit(self, 4);
	collect(self, 4);
	EXPECT_EQ(-EBADF, self->res[0]);
	EXPECT_EQ(-EBADF, self->res[1]);
	EXPECT_EQ(-EFAULT, self->res[2]);
	EXPECT_EQ(-EFAULT, self->res[3]);
	EXPECT_EQ(8, inside(e.in));
}

/* Later. */

TEST_F(many, reads_in_flight)
{
	int fd = pipe_of(0, 0);
	pid_t pid;

	use(self, variant, fd);
	queue_all(self, variant, fd, true, MANY);
	EXPECT_TRUE(quiet(self));
	EXPECT_EQ(0, workers());
	pid = CHILD(put_numbers(fd, MANY));
	if (variant->flags)
		EXPECT_EQ(0, reap(pid));
	collect(self, MANY);
	if (!variant->flags)
		EXPECT_EQ(0, reap(pid));
	check_reads(self, variant->flags, MANY);
	if (variant->flags)
		EXPECT_EQ(0, workers());
	EXPECT_EQ(0, inside(fd));
	EXPECT_EQ(8 * MANY, p_stat_of(fd).read_bytes);
}

TEST_F(many, reads_one_by_one)
{
	enum { FEW = 100 };
	int fd = pipe_of(0, 0);
	uint64_t i;

	use(self, variant, fd);
	for (i = 0; i < FEW; i++)
		queue(self, variant, fd, true, i);
	submit(self, FEW);
	EXPECT_TRUE(quiet(self));
	for (i = 1; i <= FEW; i++) {
		ASSERT_EQ(8, write(fd, &i, 8));
		collect(self, i);
		EXPECT_EQ(i, self->data[self->order[i - 1]]);
		EXPECT_EQ(8, self->res[self->order[i - 1]]);
	}
	EXPECT_EQ(0, workers());
}

TEST_F(many, writes_in_flight)
{
	enum { ROOM = 10 };
	int fd = pipe_of(8 * ROOM, 8);
	unsigned int i;
	pid_t pid;

	use(self, variant, fd);
	queue_all(self, variant, fd, false, MANY);
	collect_ready(self);
	EXPECT_EQ(ROOM, self->done);
	EXPECT_TRUE(quiet(self));
	EXPECT_EQ(0, workers());
	pid = CHILD(check_numbers(fd, MANY, false));
	collect(self, MANY);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(8, self->res[i]);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(8 * MANY, p_stat_of(fd).written_bytes);
	EXPECT_EQ(0, inside(fd));
}

TEST_F(many, both_ends)
{
	int fd = pipe_of(8, 8);
	bool seen[MANY / 2 + 1] = { false };
	unsigned int n = fewer(), i;

	use(self, variant, fd);
	for (i = 0; i < n; i++) {
		if (i >= n / 2)
			self->data[i] = i - n / 2 + 1;
		queue(self, variant, fd, i < n / 2, i);
	}
	submit(self, n);
	collect(self, n);
	for (i = 0; i < n; i++)
		EXPECT_EQ(8, self->res[i]);
	for (i = 0; i < n / 2; i++) {
		ASSERT_LE(self->data[i], n / 2);
		EXPECT_FALSE(seen[self->data[i]]);
		seen[self->data[i]] = true;
	}
	EXPECT_EQ(0, inside(fd));
}

TEST_F(many, asynchronous)
{
	enum { FEW = 4 };
	int fd = pipe_of(0, 0);
	uint64_t i;

	use(self, variant, fd);
	for (i = 0; i < 2 * FEW; i++)
		queue(self, variant, fd, true, i)->flags |= IOSQE_ASYNC;
	submit(self, 2 * FEW);
	wait_for(workers() > 0);
	for (i = 1; i <= FEW; i++)
		ASSERT_EQ(8, write(fd, &i, 8));
	collect(self, FEW);
	/* The others are cancelled with the ring. */
	EXPECT_TRUE(quiet(self));
}

TEST_F(many, asynchronous_writes)
{
	enum { FEW = 4 };
	int fd = pipe_of(8, 8);
	uint64_t number = 0;
	unsigned int i;
	pid_t pid;

	use(self, variant, fd);
	ASSERT_EQ(8, write(fd, &number, 8));
	for (i = 0; i < FEW; i++) {
		self->data[i] = i + 1;
		queue(self, variant, fd, false, i)->flags |= IOSQE_ASYNC;
	}
	submit(self, FEW);
	wait_for(workers() > 0);
	EXPECT_EQ(8, read(fd, &number, 8));
	EXPECT_EQ(0, number);
	/* Not by this one, which may have to do the kernel's deferred work. */
	pid = CHILD(check_numbers(fd, FEW, false));
	collect(self, FEW);
	for (i = 0; i < FEW; i++)
		EXPECT_EQ(8, self->res[i]);
	EXPECT_EQ(0, reap(pid));
}

TEST_F(many, spliced)
{
	struct ends to = their_ends();
	struct io_uring_sqe *sqe;
	int fd = pipe_of(0, 0);
	char data[8];

	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_splice(sqe, fd, -1, to.out, -1, 8, 0);
	io_uring_sqe_set_data64(sqe, 0);
	submit(self, 1);
	EXPECT_EQ(3, write(fd, "abc", 3));
	collect(self, 1);
	EXPECT_EQ(3, self->res[0]);
	EXPECT_EQ(3, read(to.in, data, 8));
	close_ends(&to);
}

/* The end. */

static void crowd(FIXTURE_DATA(many) *self, int fd, bool reads)
{
	struct io_uring_sqe *sqe;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		sqe = io_uring_get_sqe(&self->ring);
		if (reads)
			io_uring_prep_read(sqe, fd, &self->data[i], 8, -1);
		else
			io_uring_prep_write(sqe, fd, &self->data[i], 8, -1);
		io_uring_sqe_set_data64(sqe, i);
	}
	submit(self, MANY);
	CHECK(quiet(self));
	CHECK(!workers());
}

static void check_all(FIXTURE_DATA(many) *self, int want)
{
	unsigned int i;

	collect(self, MANY);
	for (i = 0; i < MANY; i++)
		CHECK(self->res[i] == want);
}

TEST_F(many, last_writer)
{
	struct ends e = ends_of(0, 0);

	crowd(self, e.in, true);
	close(e.out);
	check_all(self, 0);
}

TEST_F(many, last_reader)
{
	struct ends e = ends_of(8, 8);

	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(8, write(e.out, "8 bytes", 8));
	crowd(self, e.out, false);
	close(e.in);
	check_all(self, -EPIPE);
}

TEST_F(many, removed_reads)
{
	struct ends e = ends_of(0, 0);

	crowd(self, e.in, true);
	ASSERT_OK(k_remove(e.in));
	check_all(self, -EIDRM);
}

TEST_F(many, removed_writes)
{
	struct ends e = ends_of(8, 8);

	EXPECT_EQ(8, write(e.out, "8 bytes", 8));
	crowd(self, e.out, false);
	ASSERT_OK(k_remove(e.in));
	check_all(self, -EIDRM);
}

TEST_F(many, cancelled)
{
	int fd = pipe_of(0, 0);
	unsigned int n = fewer() & ~1U, i, got = 0;
	struct io_uring_sqe *sqe;

	use(self, variant, fd);
	queue_all(self, variant, fd, true, n);
	for (i = 0; i < n; i += 2) {
		sqe = io_uring_get_sqe(&self->ring);
		io_uring_prep_cancel64(sqe, i, 0);
		io_uring_sqe_set_data64(sqe, MANY + i);
	}
	submit(self, n / 2);
	collect(self, n);
	for (i = 0; i < n; i += 2) {
		EXPECT_EQ(-ECANCELED, self->res[i]);
		EXPECT_EQ(0, self->res[MANY + i]);
	}
	/* What comes is for those that are left, and nothing is lost. */
	put_numbers(fd, n);
	collect(self, n + n / 2);
	for (i = 1; i < n; i += 2)
		got += self->res[i] == 8;
	EXPECT_EQ(n / 2, got);
	EXPECT_EQ(8 * n / 2, inside(fd));
}

/* RWF_NOWAIT is for any thread, and any pipe. */
TEST(nowait)
{
	char data[16] = "";
	struct iovec v = { data, 10 };
	int fd = pipe_of(15, 10);

	EXPECT_ERR(EAGAIN, preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(10, pwritev2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_ERR(EAGAIN, pwritev2(fd, &v, 1, -1, RWF_NOWAIT));
	v.iov_len = 11;
	EXPECT_EQ(5, pwritev2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(11, preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(4, preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_TRUE(nothing_waits(fd));
}

TEST_HARNESS_MAIN
