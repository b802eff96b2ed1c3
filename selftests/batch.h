/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of batches share: letters that can be told from each other, and
 * buffers for them.
 */
#ifndef KIPC_SELFTEST_BATCH_H
#define KIPC_SELFTEST_BATCH_H

#include "kbatch.h"

enum { MANY = 64, ROOM = 64 << 10 };

/* Buffers for many letters, one behind the other. */
static char out_data[MANY][ROOM], in_data[MANY][ROOM];
static struct kipc_send_item out[KIPC_BATCH_MAX + 1];
static struct kipc_recv_item in[KIPC_BATCH_MAX + 1];

/* Letters with the tags from @first on; each has its tag's content. */
static inline struct kipc_send_item *letters(unsigned int count, size_t size, uint64_t first)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		fill(out_data[i], size, first + i);
		out[i] = (struct kipc_send_item){
			.data = ptr(out_data[i]),
			.tag = first + i,
			.size = size,
		};
	}
	return out;
}

static inline struct kipc_recv_item *buffers(unsigned int count, size_t size)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		memset(in_data[i], POISON, size);
		in[i] = (struct kipc_recv_item){
			.data = ptr(in_data[i]),
			.size = size,
		};
	}
	return in;
}

static inline int send_some(int fd, unsigned int count, size_t size, uint64_t first,
			    uint64_t deadline)
{
	return k_send_batch(fd, letters(count, size, first), count, deadline);
}

static inline int recv_some(int fd, unsigned int count, uint64_t deadline)
{
	return k_recv_batch(fd, buffers(count, ROOM), count, 0, deadline);
}

/* What was received last: @count letters with the tags from @first on. */
static inline void check_received(unsigned int count, size_t size, uint64_t first)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		CHECK(in[i].letter.tag == first + i);
		CHECK(in[i].letter.size == size);
		CHECK(filled(in_data[i], size, first + i));
		CHECK(poisoned(in_data[i] + size, ROOM - size));
	}
}

#endif /* KIPC_SELFTEST_BATCH_H */
