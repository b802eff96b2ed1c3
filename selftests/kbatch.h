/* SPDX-License-Identifier: GPL-2.0 */
/* The calls for several letters, as those of util.h. */
#ifndef KIPC_SELFTEST_KBATCH_H
#define KIPC_SELFTEST_KBATCH_H

#include "util.h"

#include <stdlib.h>
#include <sys/ioctl.h>

static inline int k_send_batch(int fd, const struct kipc_send_item *items,
			       unsigned int count, uint64_t deadline)
{
	struct kipc_mailbox_send_batch b = {
		.items = ptr(items),
		.deadline = deadline,
		.count = count,
	};
	int ret = ioctl(fd, KIPC_IOC_MAILBOX_SEND_BATCH, &b);

	CHECK(ret < 0 || (ret > 0 && (unsigned int)ret <= count));
	return ret;
}

/* Nothing is written but the headers of those that were received. */
static inline int k_recv_batch(int fd, struct kipc_recv_item *items,
			       unsigned int count, unsigned int flags,
			       uint64_t deadline)
{
	struct kipc_mailbox_recv_batch b = {
		.items = ptr(items),
		.deadline = deadline,
		.count = count,
		.flags = flags,
	};
	struct kipc_recv_item *before = calloc(count, sizeof(*items));
	int ret, err, i;

	CHECK(before);
	for (i = 0; i < (int)count; i++)
		memset(&items[i].letter, POISON, sizeof(items[i].letter));
	memcpy(before, items, count * sizeof(*items));
	ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &b);
	err = errno;
	CHECK(ret < 0 || (ret > 0 && (unsigned int)ret <= count));
	for (i = 0; i < ret; i++) {
		bool cut = items[i].letter.flags & KIPC_LETTER_TRUNCATED;

		CHECK(items[i].data == before[i].data && !items[i].flags);
		CHECK(items[i].size == before[i].size);
		CHECK(cut == (items[i].letter.size > items[i].size));
		CHECK(!cut || flags & KIPC_RECV_TRUNCATE);
		before[i] = items[i];
	}
	CHECK(!memcmp(before, items, count * sizeof(*items)));
	free(before);
	errno = err;
	return ret;
}

#endif /* KIPC_SELFTEST_KBATCH_H */
