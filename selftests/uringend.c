// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring, by liburing: reads and writes in flight that are cancelled, belong to a
 * chain, or see the end of the mailbox, of a descriptor, of the ring, of its owner.
 */
#include "uringmany.h"

/* Cancelled. */

static void cancel(FIXTURE_DATA(many) *self, uint64_t which, unsigned int as)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);

	io_uring_prep_cancel64(sqe, which, 0);
	io_uring_sqe_set_data64(sqe, as);
}

TEST_F(many, cancelled)
{
	int fd = default_box();
	unsigned int n = fewer(), i, got = 0;
	uint64_t number;

	use(self, variant, fd);
	queue_all(self, variant, fd, true, n);
	/* Every other one. */
	for (i = 0; i < n; i += 2)
		cancel(self, i, MANY + i);
	submit(self, n / 2);
	collect(self, n);
	for (i = 0; i < n; i += 2) {
		EXPECT_EQ(-ECANCELED, self->res[i]);
		EXPECT_EQ(0, self->res[MANY + i]);
	}
	EXPECT_EQ(0, stat_of(fd).received);
	/* What comes is for those that are left, and nothing is lost. */
	put_all(fd, n);
	collect(self, n + n / 2);
	for (i = 1; i < n; i += 2)
		got += self->res[i] == 8;
	EXPECT_EQ(n / 2, got);
	EXPECT_EQ(n / 2, stat_of(fd).letters);
	for (i = 0; i < n / 2; i++)
		EXPECT_EQ(8, k_recv(fd, &number, 8, NULL, 0, 0));
}

TEST_F(many, cancelled_writes)
{
	int fd = box(1, 8, 8, 0);
	unsigned int i;

	use(self, variant, fd);
	queue_all(self, variant, fd, false, MANY);
	for (i = 1; i < MANY; i++)
		cancel(self, i, MANY + i);
	submit(self, MANY - 1);
	collect(self, 2 * MANY - 1);
	EXPECT_EQ(8, self->res[0]);
	for (i = 1; i < MANY; i++)
		EXPECT_EQ(-ECANCELED, self->res[i]);
	/* None of them has left anything. */
	EXPECT_EQ(1, stat_of(fd).sent);
	EXPECT_EQ(1, stat_of(fd).letters);
}

/* Linked. */

TEST_F(many, linked)
{
	int fd = box(1, 8, 8, 0);
	unsigned int i;

	use(self, variant, fd);
	/* One chain: write, read, write, read... */
	for (i = 0; i < MANY; i++) {
		struct io_uring_sqe *sqe;

		self->data[i] = i % 2 ? 0 : i + 1;
		sqe = queue(self, variant, fd, i % 2, i);
		if (i < MANY - 1)
			sqe->flags |= IOSQE_IO_LINK;
	}
	submit(self, MANY);
	collect(self, MANY);
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(8, self->res[i]);
		EXPECT_EQ(i, self->order[i]);
		EXPECT_EQ(i % 2 ? i : i + 1, self->data[i]);
	}
	EXPECT_EQ(0, workers());
}

TEST_F(many, linked_to_a_failure)
{
	struct __kernel_timespec soon = { .tv_nsec = 20 * MS };
	int fd = box(4, 64, 16, 0);
	struct io_uring_sqe *sqe;
	char data[16] = "";

	use(self, variant, fd);
	ASSERT_OK(k_send(fd, data, 16, 0, 0));
	queue(self, variant, fd, true, 0)->flags |= IOSQE_IO_LINK;
	queue(self, variant, fd, false, 1);
	submit(self, 2);
	collect(self, 2);
	EXPECT_EQ(-EMSGSIZE, self->res[0]);
	EXPECT_EQ(-ECANCELED, self->res[1]);
	EXPECT_EQ(1, stat_of(fd).sent);
	EXPECT_EQ(16, k_recv(fd, data, 16, NULL, 0, 0));

	/* A read that takes too long. */
	queue(self, variant, fd, true, 2)->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_link_timeout(sqe, &soon, 0);
	io_uring_sqe_set_data64(sqe, 3);
	submit(self, 2);
	collect(self, 4);
	EXPECT_EQ(-ECANCELED, self->res[2]);
	EXPECT_EQ(-ETIME, self->res[3]);
	ASSERT_OK(send_number(fd, 5));
	EXPECT_EQ(5, recv_number(fd));
}

/* The end, with all of them in flight. */

TEST_F(many, removed)
{
	int full = box(1, 8, 8, 0), empty = default_box();
	unsigned int i;

	ASSERT_OK(send_number(full, 1));
	for (i = 0; i < MANY; i++) {
		int fd = i % 2 ? full : empty;
		struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);

		if (i % 2)
			io_uring_prep_write(sqe, fd, &self->data[i], 8, -1);
		else
			io_uring_prep_read(sqe, fd, &self->data[i], 8, -1);
		io_uring_sqe_set_data64(sqe, i);
	}
	submit(self, MANY);
	EXPECT_TRUE(quiet(self));
	ASSERT_OK(k_remove(full));
	ASSERT_OK(k_remove(empty));
	collect(self, MANY);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(-EIDRM, self->res[i]);
	EXPECT_EQ(0, workers());
}

TEST_F(many, hang_up)
{
	int fd = box(1, 8, 8, KIPC_MAILBOX_HANGUP);
	int in = k_narrow(fd, RECEIVE, 0), out = k_narrow(fd, SEND, 0);
	unsigned int i;

	close(fd);
	use(self, variant, in);
	queue_all(self, variant, in, true, MANY);
	EXPECT_TRUE(quiet(self));
	close(out);
	collect(self, MANY);
	/* End of file. */
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, self->res[i]);
	EXPECT_EQ(0, workers());
}

TEST_F(many, hang_up_of_receivers)
{
	int fd = box(1, 8, 8, KIPC_MAILBOX_HANGUP);
	int in = k_narrow(fd, RECEIVE, 0), out = k_narrow(fd, SEND, 0);
	unsigned int i;

	close(fd);
	use(self, variant, out);
	queue_all(self, variant, out, false, MANY);
	EXPECT_TRUE(quiet(self) || self->res[0] == 0);
	close(in);
	collect(self, MANY);
	EXPECT_EQ(8, self->res[0]);
	for (i = 1; i < MANY; i++)
		EXPECT_EQ(-EPIPE, self->res[i]);
}

/* Who submitted them may close the descriptor: they go on. */
TEST_F(many, descriptor_closed)
{
	int fd = default_box(), out = k_narrow(fd, SEND, 0);
	unsigned int n = fewer();

	use(self, variant, fd);
	queue_all(self, variant, fd, true, n);
	close(fd);
	EXPECT_EQ(2, total("handles"));
	put_all(out, n);
	collect(self, n);
	check_reads(self, false, n);
}

/* The ring's end: FIXTURE_TEARDOWN checks that nothing is held any more. */
TEST_F(many, ring_closed)
{
	int fd = default_box();

	use(self, variant, fd);
	queue_all(self, variant, fd, true, MANY);
	io_uring_queue_exit(&self->ring);
	self->open = false;
	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(1, recv_number(fd));
}

TEST_F(many, owner_killed)
{
	int *step = shared(sizeof(*step)), fd = default_box();
	pid_t pid;

	pid = spawn();
	if (!pid) {
		int own = default_box();

		/* Not its parent's, which is a single issuer. */
		CHECK(!io_uring_queue_init(1024, &self->ring, variant->flags));
		if (variant->files) {
			CHECK(!io_uring_register_files(&self->ring, &own, 1));
		}
		if (variant->buffers) {
			struct iovec v = { self->data, MANY * 8 };

			CHECK(!io_uring_register_buffers(&self->ring, &v, 1));
		}
		queue_all(self, variant, own, true, MANY);
		__atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST));
	EXPECT_EQ(2, total("objects"));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	wait_for(total("objects") == 1);
	EXPECT_OK(send_number(fd, 1));
}

TEST_HARNESS_MAIN
