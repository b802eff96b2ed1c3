// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Several letters in one call.
 */
#include <sys/ioctl.h>

#include "internal.h"

/* A count that the kernel would see otherwise is one that it refuses, too. */
static uint32_t batch_count(size_t count)
{
	return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

/**
 * kipc_mailbox_send_batch() - send several letters
 * @fd: a handle with KIPC_RIGHT_SEND
 * @items: the letters
 * @count: how many they are, 1 to KIPC_BATCH_MAX
 * @deadline: for all of them, as for kipc_mailbox_send()
 *
 * Return: how many were sent, from the first one on, at least 1; or, if none was,
 * -1 with errno, for the first one: EAGAIN (full), ETIMEDOUT, EINTR, EMSGSIZE
 * (longer than the mailbox's letters), EINVAL (@count; the item's flags; shorter
 * than all of the mailbox's letters), EPIPE (no receiver is left), EDQUOT (the
 * owner's quota), ENOMEM, EIDRM (removed), EBADF (closed, or without the right),
 * ENOTTY (not a mailbox), EFAULT (@items, or the data).
 */
int kipc_mailbox_send_batch(int fd, const struct kipc_send_item *items,
			    size_t count, uint64_t deadline)
{
	struct kipc_mailbox_send_batch batch = {
		.items = kipc_pointer(items),
		.deadline = deadline,
		.count = batch_count(count),
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_SEND_BATCH, &batch);
}

/**
 * kipc_mailbox_recv_batch() - receive the oldest letters
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @items: buffers, and room for the headers
 * @count: how many they are, 1 to KIPC_BATCH_MAX
 * @flags: KIPC_RECV_TRUNCATE, or 0
 * @deadline: for the first letter, as for kipc_mailbox_recv()
 *
 * Return: how many were received, from the first one on, at least 1; or, if none
 * was, -1 with errno, for the first one: EAGAIN (empty), ETIMEDOUT, EINTR, EMSGSIZE
 * (the letter is longer than the buffer), EPIPE (empty, and no sender is left),
 * EDQUOT (the owner's quota of waiters), EIDRM (removed), EINVAL (@count, @flags,
 * the item's flags), EBADF (closed, or without the right), ENOTTY (not a mailbox),
 * EBADMSG (a request), EFAULT (@items, or the buffer).
 */
int kipc_mailbox_recv_batch(int fd, struct kipc_recv_item *items, size_t count,
			    uint32_t flags, uint64_t deadline)
{
	struct kipc_mailbox_recv_batch batch = {
		.items = kipc_pointer(items),
		.deadline = deadline,
		.count = batch_count(count),
		.flags = flags,
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &batch);
}
