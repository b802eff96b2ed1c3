/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of many reads and writes in flight share: a ring, and what came of
 * each of them.
 */
#ifndef KIPC_SELFTEST_URINGMANY_H
#define KIPC_SELFTEST_URINGMANY_H

#include "test.h"

#include <dirent.h>
#include <liburing.h>

#define MANY		300

FIXTURE(many) {
	struct io_uring ring;
	bool open;
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

	/* This kernel has none, or not these flags, or somebody has forbidden it. */
	if (ret)
		SKIP_FROM_SETUP("no io_uring: %s", strerror(-ret));
	self->open = true;
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
	if (self->open)
		io_uring_queue_exit(&self->ring);
	/* The kernel lets go of the files a little later. */
	close_range(3, ~0U, 0);
	wait_for(!total("handles") && !total("objects"));
}

/* The mailbox that all is about. */
static inline void use(FIXTURE_DATA(many) *self,
		       const FIXTURE_VARIANT(many) *variant, int fd)
{
	if (variant->files)
		CHECK(!io_uring_register_files(&self->ring, &fd, 1));
}

static inline struct io_uring_sqe *queue(FIXTURE_DATA(many) *self,
					 const FIXTURE_VARIANT(many) *variant,
					 int fd, bool reads, unsigned int i)
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

static inline void submit(FIXTURE_DATA(many) *self, unsigned int n)
{
	CHECK(io_uring_submit(&self->ring) == (int)n);
}

/*
 * Where each letter wakes all that wait, only to find that it is not for them, the
 * work is the square of their number: so many.
 */
static inline unsigned int fewer(void)
{
	unsigned int n = MANY;

	while (n * n > effort(MANY * MANY))
		n -= 2;
	return n;
}

static inline void queue_all(FIXTURE_DATA(many) *self,
			     const FIXTURE_VARIANT(many) *variant, int fd,
			     bool reads, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!reads)
			self->data[i] = i + 1;
		queue(self, variant, fd, reads, i);
	}
	submit(self, n);
}

static inline void note(FIXTURE_DATA(many) *self, struct io_uring_cqe *cqe)
{
	uint64_t i = io_uring_cqe_get_data64(cqe);

	CHECK(i < 2 * MANY && self->done < 2 * MANY);
	self->res[i] = cqe->res;
	self->order[self->done++] = i;
	io_uring_cqe_seen(&self->ring, cqe);
}

/* Those that are complete, without asking the kernel. */
static inline void collect_ready(FIXTURE_DATA(many) *self)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&self->ring, &cqe))
		note(self, cqe);
}

/* Until so many are, in all. */
static inline void collect(FIXTURE_DATA(many) *self, unsigned int n)
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
static inline bool quiet(FIXTURE_DATA(many) *self)
{
	struct __kernel_timespec soon = { .tv_nsec = 20 * MS };
	struct io_uring_cqe *cqe;

	return io_uring_wait_cqe_timeout(&self->ring, &cqe, &soon) == -ETIME;
}

/* Threads of the kernel's that wait or work for our rings. */
static inline unsigned int workers(void)
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

static inline void put_all(int fd, unsigned int n)
{
	uint64_t i;

	for (i = 1; i <= n; i++)
		CHECK(!k_send(fd, &i, 8, i, KIPC_FOREVER));
}

/* The reads have got 1 to @n, each once, and if @order in this order. */
static inline void check_reads(FIXTURE_DATA(many) *self, bool order, unsigned int n)
{
	bool seen[MANY + 1] = { false };
	unsigned int i;

	for (i = 0; i < n; i++) {
		uint64_t number = self->data[self->order[i]];

		CHECK(self->res[self->order[i]] == 8);
		CHECK(number && number <= n && !seen[number]);
		CHECK(!order || number == i + 1);
		seen[number] = true;
	}
}

/* The mailbox has, or gets, 1 to MANY. */
static inline void check_letters(int fd, bool order)
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

#endif /* KIPC_SELFTEST_URINGMANY_H */
