// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring, by liburing: hundreds of reads and writes in flight on one mailbox.  What
 * can be done at once is done by the submitter, what cannot is done when a poll says
 * so; in neither case does the kernel need a thread to wait in.
 */
#include "uringmany.h"

/* At once. */

TEST_F(many, reads_at_once)
{
	int fd = default_box();

	use(self, variant, fd);
	put_all(fd, MANY);
	/* Into pages that are not there yet, too. */
	queue_all(self, variant, fd, true, MANY);
	collect_ready(self);
	EXPECT_EQ(MANY, self->done);
	check_reads(self, true, MANY);
	EXPECT_EQ(0, workers());
	EXPECT_EQ(0, stat_of(fd).recv_waits);
}

TEST_F(many, writes_at_once)
{
	int fd = default_box();

	use(self, variant, fd);
	queue_all(self, variant, fd, false, MANY);
	collect_ready(self);
	EXPECT_EQ(MANY, self->done);
	EXPECT_EQ(0, workers());
	check_letters(fd, true);
	EXPECT_EQ(0, stat_of(fd).send_waits);
}

/* Those that are copied without the lock, and need memory of their own. */
TEST_F(many, large_letters)
{
	enum { LARGE = 20000, N = 8 };
	int fd = box(N, N * LARGE, LARGE, 0), i;
	static char data[N][LARGE];
	struct io_uring_sqe *sqe;

	for (i = 0; i < N; i++) {
		fill(data[i], LARGE, i);
		sqe = io_uring_get_sqe(&self->ring);
		io_uring_prep_write(sqe, fd, data[i], LARGE, -1);
		io_uring_sqe_set_data64(sqe, i);
	}
	submit(self, N);
	collect(self, N);
	memset(data, 0, sizeof(data));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(LARGE, self->res[i]);
		sqe = io_uring_get_sqe(&self->ring);
		io_uring_prep_read(sqe, fd, data[i], LARGE, -1);
		io_uring_sqe_set_data64(sqe, i + N);
	}
	submit(self, N);
	collect(self, 2 * N);
	for (i = 0; i < N; i++) {
		EXPECT_EQ(LARGE, self->res[i + N]);
		EXPECT_TRUE(filled(data[i], LARGE, i));
	}
}

/* Memory for it is not there at once: a thread of io_uring's waits for it. */
TEST_F(many, a_huge_letter)
{
	enum { HUGE = 8 << 20 };
	char *data = malloc(HUGE);
	int fd = box(1, HUGE, HUGE, 0);
	struct io_uring_sqe *sqe;

	ASSERT_NE(NULL, data);
	fill(data, HUGE, 9);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_write(sqe, fd, data, HUGE, -1);
	io_uring_sqe_set_data64(sqe, 0);
	submit(self, 1);
	collect(self, 1);
	EXPECT_EQ(HUGE, self->res[0]);
	memset(data, 0, HUGE);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_read(sqe, fd, data, HUGE, -1);
	io_uring_sqe_set_data64(sqe, 1);
	submit(self, 1);
	collect(self, 2);
	EXPECT_EQ(HUGE, self->res[1]);
	EXPECT_TRUE(filled(data, HUGE, 9));
	free(data);
}

/* Errors are results, and change nothing. */
TEST_F(many, errors)
{
	int fd = box(4, 64, 16, 0), sender = k_narrow(fd, SEND, 0);
	struct io_uring_sqe *sqe;
	char data[17] = "";

	use(self, variant, fd);
	ASSERT_OK(k_send(fd, data, 16, 0, 0));
	queue(self, variant, fd, true, 0);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_write(sqe, fd, data, 17, -1);
	io_uring_sqe_set_data64(sqe, 1);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_read(sqe, sender, data, 17, -1);
	io_uring_sqe_set_data64(sqe, 2);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_read(sqe, fd, NULL, 16, -1);
	io_uring_sqe_set_data64(sqe, 3);
	submit(self, 4);
	collect(self, 4);
	EXPECT_EQ(-EMSGSIZE, self->res[0]);
	EXPECT_EQ(-EMSGSIZE, self->res[1]);
	EXPECT_EQ(-EBADF, self->res[2]);
	EXPECT_EQ(-EFAULT, self->res[3]);
	EXPECT_EQ(1, stat_of(fd).letters);
	EXPECT_EQ(0, workers());
}

/* Later. */

/* All letters come before the ring's owner looks. */
TEST_F(many, reads_in_flight)
{
	int fd = default_box();
	pid_t pid;

	use(self, variant, fd);
	queue_all(self, variant, fd, true, MANY);
	EXPECT_TRUE(quiet(self));
	EXPECT_EQ(0, workers());
	pid = spawn();
	if (!pid) {
		put_all(fd, MANY);
		_exit(0);
	}
	if (variant->flags)
		EXPECT_EQ(0, reap(pid));
	collect(self, MANY);
	if (!variant->flags)
		EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(MANY, self->done);
	/*
	 * Each letter wakes all reads, unless their work is deferred; who has been
	 * woken for nothing 128 times gets a thread from io_uring.
	 */
	check_reads(self, variant->flags, MANY);
	if (variant->flags)
		EXPECT_EQ(0, workers());
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(MANY, stat_of(fd).received);
}

/* Fewer, one letter after the other: never a thread. */
TEST_F(many, reads_one_by_one)
{
	enum { FEW = 100 };
	int fd = default_box();
	uint64_t i;

	use(self, variant, fd);
	for (i = 0; i < FEW; i++)
		queue(self, variant, fd, true, i);
	submit(self, FEW);
	EXPECT_TRUE(quiet(self));
	for (i = 1; i <= FEW; i++) {
		ASSERT_OK(send_number(fd, i));
		collect(self, i);
		EXPECT_EQ(i, self->data[self->order[i - 1]]);
		EXPECT_EQ(8, self->res[self->order[i - 1]]);
	}
	EXPECT_EQ(0, workers());
}

TEST_F(many, writes_in_flight)
{
	enum { ROOM = 10 };
	int fd = box(ROOM, ROOM * 8, 8, 0);
	unsigned int i;
	pid_t pid;

	use(self, variant, fd);
	queue_all(self, variant, fd, false, MANY);
	collect_ready(self);
	EXPECT_EQ(ROOM, self->done);
	EXPECT_TRUE(quiet(self));
	EXPECT_EQ(0, workers());
	pid = spawn();
	if (!pid) {
		check_letters(fd, false);
		_exit(0);
	}
	collect(self, MANY);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(8, self->res[i]);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(MANY, stat_of(fd).sent);
	EXPECT_EQ(0, stat_of(fd).letters);
}

/* Both ends in one ring, through a mailbox of a single letter. */
TEST_F(many, both_ends)
{
	int fd = box(1, 8, 8, 0);
	bool seen[MANY / 2 + 1] = { false };
	unsigned int n = fewer(), i;

	use(self, variant, fd);
	for (i = 0; i < n / 2; i++)
		queue(self, variant, fd, true, i);
	for (; i < n; i++) {
		self->data[i] = i - n / 2 + 1;
		queue(self, variant, fd, false, i);
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
	EXPECT_EQ(0, stat_of(fd).letters);
}

/* If it is asked to, io_uring waits in threads: so they can be seen. */
TEST_F(many, asynchronous)
{
	enum { FEW = 4 };
	int fd = default_box();
	unsigned int i;

	use(self, variant, fd);
	for (i = 0; i < 2 * FEW; i++)
		queue(self, variant, fd, true, i)->flags |= IOSQE_ASYNC;
	submit(self, 2 * FEW);
	wait_for(workers() > 0);
	for (i = 1; i <= FEW; i++)
		ASSERT_OK(send_number(fd, i));
	collect(self, FEW);
	/* The others are cancelled with the ring. */
	EXPECT_TRUE(quiet(self));
}

/* RWF_NOWAIT is for any thread. */
TEST(nowait)
{
	uint64_t number = 1;
	struct iovec v = { &number, 8 };
	int fd = box(1, 8, 8, 0);

	EXPECT_ERR(EAGAIN, preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(8, pwritev2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_ERR(EAGAIN, pwritev2(fd, &v, 1, -1, RWF_NOWAIT));
	number = 0;
	EXPECT_EQ(8, preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(1, number);
	EXPECT_EQ(0, stat_of(fd).recv_waits + stat_of(fd).send_waits);
}

TEST_HARNESS_MAIN
