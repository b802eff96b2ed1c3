/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the library's queues share. */
#ifndef KIPC_SELFTEST_KLIBQUEUE_H
#define KIPC_SELFTEST_KLIBQUEUE_H

#include "util.h"

#include <kipc.h>

static inline int lib_queue(void)
{
	int fd = kipc_queue_create(NULL, NULL, 0600, KIPC_QUEUE_RIGHTS, 0);

	CHECK(fd >= 0);
	return fd;
}

/* Of so many messages, of 8 bytes at most. */
static inline int lib_small_queue(uint64_t messages, uint32_t flags)
{
	struct kipc_queue_attr attr = { messages, KIPC_UNBOUNDED, 8, flags };
	int fd = kipc_queue_create(NULL, &attr, 0600, KIPC_QUEUE_RIGHTS, 0);

	CHECK(fd >= 0);
	return fd;
}

static inline struct kipc_queue_stat lib_figures(int fd)
{
	struct kipc_queue_stat st;

	memset(&st, POISON, sizeof(st));
	CHECK(!kipc_queue_stat(fd, &st));
	return st;
}

/* An empty message. */
static inline void lib_put(int fd, uint64_t type, uint32_t priority)
{
	CHECK(!kipc_queue_send(fd, NULL, 0, type, priority, KIPC_NO_WAIT));
}

#endif /* KIPC_SELFTEST_KLIBQUEUE_H */
