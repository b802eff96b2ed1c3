// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring, by its bare system calls: what cannot be done at once must not keep
 * the submitter; it is done when it can be.
 */
#include "test.h"
#include "kqueue.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static void *map_ring(int fd, size_t size, off_t where)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       where);

	CHECK(p != MAP_FAILED);
	return p;
}

/* False if this kernel has none, or does not let us. */
static bool open_ring(struct ring *r)
{
	struct io_uring_params *p = &r->params;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 4, p);
	if (r->fd < 0)
		return false;
	r->sq = map_ring(r->fd, p->sq_off.array + p->sq_entries * 4,
			 IORING_OFF_SQ_RING);
	r->cq = map_ring(r->fd, p->cq_off.cqes +
			 p->cq_entries * sizeof(struct io_uring_cqe),
			 IORING_OFF_CQ_RING);
	r->sqes = map_ring(r->fd, p->sq_entries * sizeof(*r->sqes),
			   IORING_OFF_SQES);
	return true;
}

/* One read or write; it returns when the kernel has taken it. */
static void submit(struct ring *r, int opcode, int fd, bool fixed, void *data,
		   unsigned int size)
{
	unsigned int *tail = (unsigned int *)(r->sq + r->params.sq_off.tail);
	unsigned int *array = (unsigned int *)(r->sq + r->params.sq_off.array);
	unsigned int slot = *tail & (r->params.sq_entries - 1);

	r->sqes[slot] = (struct io_uring_sqe){
		.opcode = opcode,
		.flags = fixed ? IOSQE_FIXED_FILE : 0,
		.fd = fixed ? 0 : fd,
		.off = -1,
		.addr = ptr(data),
		.len = size,
		.user_data = 42,
	};
	array[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	CHECK(syscall(SYS_io_uring_enter, r->fd, 1, 0, 0, NULL, 0) == 1);
}

static bool completed(struct ring *r)
{
	unsigned int *tail = (unsigned int *)(r->cq + r->params.cq_off.tail);
	unsigned int *head = (unsigned int *)(r->cq + r->params.cq_off.head);

	/* So that what was put off is done. */
	syscall(SYS_io_uring_enter, r->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL,
		0);
	return __atomic_load_n(tail, __ATOMIC_ACQUIRE) != *head;
}

static int result(struct ring *r)
{
	unsigned int *head = (unsigned int *)(r->cq + r->params.cq_off.head);
	struct io_uring_cqe *cqe = (void *)(r->cq + r->params.cq_off.cqes);
	int res;

	cqe += *head & (r->params.cq_entries - 1);
	CHECK(cqe->user_data == 42);
	res = cqe->res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

FIXTURE(uring) {
	struct ring ring;
	int fd;
	int *step;
};

FIXTURE_VARIANT(uring) {
	bool fixed;		/* a registered descriptor */
	bool once_nonblock;	/* which had O_NONBLOCK at that time */
	bool queue;		/* in place of a mailbox */
};

FIXTURE_VARIANT_ADD(uring, plain) { false, false, false };
FIXTURE_VARIANT_ADD(uring, fixed) { true, false, false };
FIXTURE_VARIANT_ADD(uring, once_nonblocking) { true, true, false };
FIXTURE_VARIANT_ADD(uring, queue) { false, false, true };
FIXTURE_VARIANT_ADD(uring, queue_fixed) { true, false, true };
FIXTURE_VARIANT_ADD(uring, queue_once_nonblocking) { true, true, true };

FIXTURE_SETUP(uring)
{
	if (!open_ring(&self->ring))
		SKIP_FROM_SETUP("no io_uring: %s", strerror(errno));
	self->fd = variant->queue ? queue(1, 8, 8, 0) : box(1, 8, 8, 0);
	self->step = shared(sizeof(*self->step));
	if (variant->once_nonblock)
		ASSERT_OK(fcntl(self->fd, F_SETFL, O_NONBLOCK));
	if (variant->fixed)
		ASSERT_OK(syscall(SYS_io_uring_register, self->ring.fd,
				  IORING_REGISTER_FILES, &self->fd, 1));
	ASSERT_OK(fcntl(self->fd, F_SETFL, 0));
}

FIXTURE_TEARDOWN(uring)
{
}

/* In a child, which may hang; it tells when the submission has returned. */
static pid_t start(FIXTURE_DATA(uring) *self, bool fixed, int opcode,
		   uint64_t *data)
{
	pid_t pid = spawn();

	if (pid)
		return pid;
	submit(&self->ring, opcode, self->fd, fixed, data, 8);
	__atomic_store_n(self->step, 1, __ATOMIC_SEQ_CST);
	wait_for(completed(&self->ring));
	CHECK(result(&self->ring) == 8);
	if (opcode == IORING_OP_READ)
		CHECK(*data == 77);
	_exit(0);
}

static uint64_t sent(int fd, bool is_queue)
{
	return is_queue ? q_stat_of(fd).sent : stat_of(fd).sent;
}

static uint64_t received(int fd, bool is_queue)
{
	return is_queue ? q_stat_of(fd).received : stat_of(fd).received;
}

/* The other side, in the usual way. */
static void give(int fd, bool is_queue, uint64_t number)
{
	CHECK(!(is_queue ? q_put(fd, 1, 0, number) : send_number(fd, number)));
}

static uint64_t take(int fd, bool is_queue)
{
	uint64_t number = 0;

	if (is_queue)
		return q_await(fd, BY_FIRST);
	CHECK(k_recv(fd, &number, 8, NULL, 0, after(PATIENCE)) == 8);
	return number;
}

TEST_F(uring, read_of_an_empty_one)
{
	bool is_queue = variant->queue;
	uint64_t data = 0;
	pid_t pid;

	pid = start(self, variant->fixed, IORING_OP_READ, &data);
	wait_for(__atomic_load_n(self->step, __ATOMIC_SEQ_CST));
	EXPECT_EQ(0, received(self->fd, is_queue));
	give(self->fd, is_queue, 77);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, received(self->fd, is_queue));
	EXPECT_EQ(1, sent(self->fd, is_queue));
}

/* What the default selector means is read, and that alone. */
TEST_F(uring, read_by_the_default_selector)
{
	uint64_t data = 0;
	pid_t pid;

	if (!variant->queue)
		SKIP(return, "a mailbox has none");
	ASSERT_OK(q_set(self->fd, 9, 800, 8, 0));
	ASSERT_OK(q_select(self->fd, BY_TYPE(5)));
	EXPECT_EQ(0, q_put(self->fd, 6, 0, 66));
	pid = start(self, variant->fixed, IORING_OP_READ, &data);
	wait_for(__atomic_load_n(self->step, __ATOMIC_SEQ_CST));
	EXPECT_EQ(0, q_put(self->fd, 7, 0, 66));
	EXPECT_EQ(0, received(self->fd, true));
	EXPECT_EQ(0, q_put(self->fd, 5, 0, 77));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(2, q_stat_of(self->fd).messages);
}

TEST_F(uring, write_to_a_full_one)
{
	bool is_queue = variant->queue;
	uint64_t data = 78;
	pid_t pid;

	give(self->fd, is_queue, 1);
	pid = start(self, variant->fixed, IORING_OP_WRITE, &data);
	wait_for(__atomic_load_n(self->step, __ATOMIC_SEQ_CST));
	EXPECT_EQ(1, sent(self->fd, is_queue));
	EXPECT_EQ(1, take(self->fd, is_queue));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(78, take(self->fd, is_queue));
}

TEST_HARNESS_MAIN
