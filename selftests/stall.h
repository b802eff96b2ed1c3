/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that does not come: userfaultfd holds its page fault for as long as the test
 * likes.
 */
#ifndef KIPC_SELFTEST_STALL_H
#define KIPC_SELFTEST_STALL_H

#include "util.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/syscall.h>

#define PAGE	4096UL

/* What a stalled process shares with the test. */
struct stage {
	int stalled;		/* a fault is waiting */
	int resolve;		/* serve it, and all further ones */
	int result;		/* of a call that may fail: its errno, or 0 */
	int signals;		/* that it got meanwhile */
};

/* Memory that is missing from some page on. */
struct memory {
	struct stage *st;
	char *start;
	const char *content;	/* what the missing pages turn out to have */
	size_t size;
	int uffd;
};

static inline int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static inline void *serve_faults(void *arg)
{
	struct memory *m = arg;
	struct uffd_msg msg;

	while (read(m->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		unsigned long page = msg.arg.pagefault.address & ~(PAGE - 1);
		struct uffdio_copy copy = {
			.dst = page,
			.src = (unsigned long)m->content + page -
				(unsigned long)m->start,
			.len = PAGE,
		};

		CHECK(msg.event == UFFD_EVENT_PAGEFAULT);
		__atomic_store_n(&m->st->stalled, 1, __ATOMIC_SEQ_CST);
		while (!__atomic_load_n(&m->st->resolve, __ATOMIC_SEQ_CST))
			nap();
		CHECK(!ioctl(m->uffd, UFFDIO_COPY, &copy) || errno == EEXIST);
	}
	return NULL;
}

/*
 * A buffer of @size bytes, with @seed's content.  It is there up to its middle;
 * the first page boundary behind the middle begins what is missing.
 */
static inline char *stalling_buffer(struct stage *st, size_t size, uint64_t seed)
{
	/* Small ones lie across a boundary, large ones begin at one. */
	size_t offset = size <= PAGE ? PAGE - size / 2 : 0;
	size_t whole = (offset + size + PAGE - 1) & ~(PAGE - 1);
	size_t there = (offset + size / 2) & ~(PAGE - 1);
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct memory *m = malloc(sizeof(*m));
	pthread_t thread;
	char *content;

	m->st = st;
	m->size = whole;
	m->start = mmap(NULL, whole, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	content = mmap(NULL, whole, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(m->start != MAP_FAILED && content != MAP_FAILED);
	madvise(m->start, whole, MADV_NOHUGEPAGE);
	m->content = content;
	fill(content + offset, size, seed);
	memcpy(m->start, content, there);
	m->uffd = open_uffd();
	CHECK(m->uffd >= 0);
	reg.range.start = (unsigned long)m->start;
	reg.range.len = whole;
	CHECK(!ioctl(m->uffd, UFFDIO_REGISTER, &reg));
	CHECK(!pthread_create(&thread, NULL, serve_faults, m));
	return m->start + offset;
}

#endif /* KIPC_SELFTEST_STALL_H */
