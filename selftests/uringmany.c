// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring, by liburing: hundreds of reads and writes in flight on one mailbox.  What
 * can be done at once is done by the submitter, what cannot is done when a poll says
 * so; in neither case does the kernel need a thread to wait in.
 */
#include "test.h"

#include <dirent.h>
#include <liburing.h>

#define MANY		300

FIXTURE(many) {
	struct io_uring ring;
	bool there;
	uint64_t *data;		/* MANY numbers */
	int res[2 * MANY];	/* what came of each, by its user_data */
	unsigned int order[2 * MANY];
	unsigned int done;
};

FIXTURE_VARIANT(many) {
	bool files;		/* a registered file */
	bool buffers;		/* a registered buffer */
	unsigned int flags;	/* of the ring */
};

FIXTURE_VARIANT_ADD(many, plain) { false, false, 0 };
FIXTURE_VARIANT_ADD(many, registered_file) { true, false, 0 };
FIXTURE_VARIANT_ADD(many, registered_buffer) { true, true, 0 };
FIXTURE_VARIANT_ADD(many, deferred) {
	false, false, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

FIXTURE_SETUP(many)
{
	int ret = io_uring_queue_init(1024, &self->ring, variant->flags);

	self->there = !ret;
	if (ret) {
		/* Of 6.1, or of who has forbidden it. */
		TH_LOG("no io_uring: %s", strerror(-ret));
		return;
	}
	self->data = mmap(NULL, MANY * 8, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->data);
	if (variant->buffers) {
		struct iovec v = { self->data, MANY * 8 };

		ASSERT_EQ(0, io_uring_register_buffers(&self->ring, &v, 1));
	}
}

FIXTURE_TEARDOWN(many)
{
	if (self->there)
		io_uring_queue_exit(&self->ring);
	/* The kernel lets go of the files a little later. */
	close_range(3, ~0U, 0);
	wait_for(!total("handles") && !total("objects"));
}

#define NEED_RING() do {				\
	if (!self->there)				\
		SKIP(return, "no io_uring");		\
} while (0)

#define DATA FIXTURE_DATA(many)
#define VARIANT const FIXTURE_VARIANT(many)

/* The mailbox that all is about. */
static void use(DATA *self, VARIANT *variant, int fd)
{
	if (variant->files)
		CHECK(!io_uring_register_files(&self->ring, &fd, 1));
}

static struct io_uring_sqe *queue(DATA *self, VARIANT *variant, int fd,
				  bool reads, unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	uint64_t *data = &self->data[i % MANY];

	CHECK(sqe);
	if (reads && variant->buffers)
		io_uring_prep_read_fixed(sqe, fd, data, 8, -1, 0);
	else if (reads)
		io_uring_prep_read(sqe, fd, data, 8, -1);
	else if (variant->buffers)
		io_uring_prep_write_fixed(sqe, fd, data, 8, -1, 0);
	else
		io_uring_prep_write(sqe, fd, data, 8, -1);
	if (variant->files) {
		sqe->fd = 0;
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	io_uring_sqe_set_data64(sqe, i);
	return sqe;
}

static void submit(DATA *self, unsigned int n)
{
	CHECK(io_uring_submit(&self->ring) == (int)n);
}

static void queue_all(DATA *self, VARIANT *variant, int fd, bool reads)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		if (!reads)
			self->data[i] = i + 1;
		queue(self, variant, fd, reads, i);
	}
	submit(self, MANY);
}

static void note(DATA *self, struct io_uring_cqe *cqe)
{
	uint64_t i = io_uring_cqe_get_data64(cqe);

	CHECK(i < 2 * MANY && self->done < 2 * MANY);
	self->res[i] = cqe->res;
	self->order[self->done++] = i;
	io_uring_cqe_seen(&self->ring, cqe);
}

/* Those that are complete, without asking the kernel. */
static void collect_ready(DATA *self)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&self->ring, &cqe))
		note(self, cqe);
}

/* Until so many are, in all. */
static void collect(DATA *self, unsigned int n)
{
	struct __kernel_timespec patience = { .tv_sec = PATIENCE / SECOND };
	struct io_uring_cqe *cqe;

	while (self->done < n) {
		int ret = io_uring_wait_cqe_timeout(&self->ring, &cqe,
						    &patience);

		CHECK(!ret || ret == -EINTR);
		if (!ret)
			note(self, cqe);
	}
}

/* Let the kernel do what it has put off, and see whether there is anything new. */
static bool quiet(DATA *self)
{
	struct __kernel_timespec soon = { .tv_nsec = 20 * MS };
	struct io_uring_cqe *cqe;

	return io_uring_wait_cqe_timeout(&self->ring, &cqe, &soon) == -ETIME;
}

/* Threads of the kernel's that wait or work for our rings. */
static unsigned int workers(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned int n = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		char path[300], name[32] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, name, sizeof(name) - 1) > 0)
			n += !strncmp(name, "iou-wrk", 7);
		close(fd);
	}
	closedir(dir);
	return n;
}

static void put_all(int fd)
{
	uint64_t i;

	for (i = 1; i <= MANY; i++)
		CHECK(!k_send(fd, &i, 8, i, KIPC_FOREVER));
}

/* The reads have got 1 to MANY, each once, and if @order in this order. */
static void check_reads(DATA *self, bool order)
{
	bool seen[MANY + 1] = { false };
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		uint64_t number = self->data[self->order[i]];

		CHECK(self->res[self->order[i]] == 8);
		CHECK(number && number <= MANY && !seen[number]);
		CHECK(!order || number == i + 1);
		seen[number] = true;
	}
}

/* The mailbox has, or gets, the same. */
static void check_letters(int fd, bool order)
{
	bool seen[MANY + 1] = { false };
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		uint64_t number;

		CHECK(k_recv(fd, &number, 8, NULL, 0, after(PATIENCE)) == 8);
		CHECK(number && number <= MANY && !seen[number]);
		CHECK(!order || number == i + 1);
		seen[number] = true;
	}
}

/* At once. */

TEST_F(many, reads_at_once)
{
	int fd = default_box();

	use(self, variant, fd);
	put_all(fd);
	/* Into pages that are not there yet, too. */
	queue_all(self, variant, fd, true);
	collect_ready(self);
	EXPECT_EQ(MANY, self->done);
	check_reads(self, true);
	EXPECT_EQ(0, workers());
	EXPECT_EQ(0, stat_of(fd).recv_waits);
}

TEST_F(many, writes_at_once)
{
	int fd = default_box();

	use(self, variant, fd);
	queue_all(self, variant, fd, false);
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
	queue_all(self, variant, fd, true);
	EXPECT_TRUE(quiet(self));
	EXPECT_EQ(0, workers());
	pid = spawn();
	if (!pid) {
		put_all(fd);
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
	check_reads(self, variant->flags);
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
	queue_all(self, variant, fd, false);
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
	unsigned int i;

	use(self, variant, fd);
	for (i = 0; i < MANY / 2; i++)
		queue(self, variant, fd, true, i);
	for (; i < MANY; i++) {
		self->data[i] = i - MANY / 2 + 1;
		queue(self, variant, fd, false, i);
	}
	submit(self, MANY);
	collect(self, MANY);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(8, self->res[i]);
	for (i = 0; i < MANY / 2; i++) {
		ASSERT_LE(self->data[i], MANY / 2);
		EXPECT_FALSE(seen[self->data[i]]);
		seen[self->data[i]] = true;
	}
	EXPECT_EQ(0, stat_of(fd).letters);
}

/* Cancelled. */

static void cancel(DATA *self, uint64_t which, unsigned int as)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);

	io_uring_prep_cancel64(sqe, which, 0);
	io_uring_sqe_set_data64(sqe, as);
}

TEST_F(many, cancelled)
{
	int fd = default_box();
	unsigned int i, got = 0;
	uint64_t number;

	NEED_RING();
	use(self, variant, fd);
	queue_all(self, variant, fd, true);
	/* Every other one. */
	for (i = 0; i < MANY; i += 2)
		cancel(self, i, MANY + i);
	submit(self, MANY / 2);
	collect(self, MANY);
	for (i = 0; i < MANY; i += 2) {
		EXPECT_EQ(-ECANCELED, self->res[i]);
		EXPECT_EQ(0, self->res[MANY + i]);
	}
	EXPECT_EQ(0, stat_of(fd).received);
	/* What comes is for those that are left, and nothing is lost. */
	put_all(fd);
	collect(self, MANY + MANY / 2);
	for (i = 1; i < MANY; i += 2)
		got += self->res[i] == 8;
	EXPECT_EQ(MANY / 2, got);
	EXPECT_EQ(MANY / 2, stat_of(fd).letters);
	for (i = 0; i < MANY / 2; i++)
		EXPECT_EQ(8, k_recv(fd, &number, 8, NULL, 0, 0));
}

TEST_F(many, cancelled_writes)
{
	int fd = box(1, 8, 8, 0);
	unsigned int i;

	NEED_RING();
	use(self, variant, fd);
	queue_all(self, variant, fd, false);
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

	NEED_RING();
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

	NEED_RING();
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

	NEED_RING();
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

	NEED_RING();
	close(fd);
	use(self, variant, in);
	queue_all(self, variant, in, true);
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

	NEED_RING();
	close(fd);
	use(self, variant, out);
	queue_all(self, variant, out, false);
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

	NEED_RING();
	use(self, variant, fd);
	queue_all(self, variant, fd, true);
	close(fd);
	EXPECT_EQ(2, total("handles"));
	put_all(out);
	collect(self, MANY);
	check_reads(self, false);
}

/* The ring's end: FIXTURE_TEARDOWN checks that nothing is held any more. */
TEST_F(many, ring_closed)
{
	int fd = default_box();

	NEED_RING();
	use(self, variant, fd);
	queue_all(self, variant, fd, true);
	io_uring_queue_exit(&self->ring);
	self->there = false;
	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(1, recv_number(fd));
}

TEST_F(many, owner_killed)
{
	int *step = shared(sizeof(*step)), fd = default_box();
	pid_t pid;

	NEED_RING();
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
		queue_all(self, variant, own, true);
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
