// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Several letters or messages in one call.
 */
#include <sys/ioctl.h>

#include "internal.h"

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
		.count = kipc_count(count),
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
 * EBADMSG (a request, or it carries handles), EFAULT (@items, or the buffer).
 */
int kipc_mailbox_recv_batch(int fd, struct kipc_recv_item *items, size_t count,
			    uint32_t flags, uint64_t deadline)
{
	struct kipc_mailbox_recv_batch batch = {
		.items = kipc_pointer(items),
		.deadline = deadline,
		.count = kipc_count(count),
		.flags = flags,
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &batch);
}

/**
 * kipc_queue_send_batch() - send several messages
 * @fd: a handle with KIPC_RIGHT_SEND
 * @items: the messages
 * @count: how many they are, 1 to KIPC_BATCH_MAX
 * @deadline: for all of them, as for kipc_queue_send()
 *
 * Return: how many were sent, from the first one on, at least 1; or, if none was,
 * -1 with errno, for the first one: EAGAIN (full), ETIMEDOUT, EINTR, EMSGSIZE
 * (longer than the queue's messages), EINVAL (@count; the item's flags), EPIPE (no
 * receiver is left), EDQUOT (the owner's quota), ENOMEM, EIDRM (removed), EBADF
 * (closed, or without the right), ENOTTY (not a queue), EFAULT (@items, or the data).
 */
int kipc_queue_send_batch(int fd, const struct kipc_queue_send_item *items,
			  size_t count, uint64_t deadline)
{
	struct kipc_queue_send_batch batch = {
		.items = kipc_pointer(items),
		.deadline = deadline,
		.count = kipc_count(count),
	};

	return ioctl(fd, KIPC_IOC_QUEUE_SEND_BATCH, &batch);
}

/**
 * kipc_queue_recv_batch() - receive several messages
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @items: buffers, and room for the headers
 * @count: how many they are, 1 to KIPC_BATCH_MAX
 * @selector: which messages, for each of them anew; NULL for the handle's default
 * @flags: KIPC_RECV_TRUNCATE, or 0
 * @deadline: for the first message, as for kipc_queue_recv()
 *
 * Return: how many were received, from the first one on, at least 1; or, if none
 * was, -1 with errno, for the first one: EAGAIN (there is no such message),
 * ETIMEDOUT, EINTR, EMSGSIZE (it is longer than the buffer), EPIPE (there is none,
 * and no sender is left), ESRCH (the selector's process is not there), EDQUOT (the
 * owner's quota of waiters), ENOMEM (to find it), EIDRM (removed), EINVAL (@count,
 * @selector, @flags, the item's flags), EBADF (closed, or without the right), ENOTTY
 * (not a queue), EBADMSG (it carries handles), EFAULT (@items, or the buffer).
 */
int kipc_queue_recv_batch(int fd, struct kipc_queue_recv_item *items,
			  size_t count, const struct kipc_selector *selector,
			  uint32_t flags, uint64_t deadline)
{
	struct kipc_queue_recv_batch batch = {
		.items = kipc_pointer(items),
		.deadline = deadline,
		.count = kipc_count(count),
		.flags = flags,
	};

	if (selector)
		batch.selector = *selector;
	return ioctl(fd, KIPC_IOC_QUEUE_RECV_BATCH, &batch);
}
