// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Letters, messages and calls that carry handles.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

/**
 * kipc_mailbox_send_handles() - send a letter that carries handles
 * @fd: a handle with KIPC_RIGHT_SEND of a mailbox with KIPC_MAILBOX_HANDLES
 * @data: what the letter says; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the letter
 * @items: the descriptors that it carries, which stay open here
 * @count: how many, 1 to KIPC_HANDLES_MAX
 * @deadline: as for kipc_mailbox_send()
 *
 * The whole letter is sent, with all of them, or nothing has happened.
 *
 * Return: 0, or -1 with errno: EOPNOTSUPP (the mailbox carries none), EPERM (one is not
 * of a sort that is carried, or has not the rights), ELOOP (it would be on its way
 * within itself), EDQUOT (the owner's quota), EBADF (@fd or one of @items is closed, or
 * @fd without the right), EINVAL (@count, rights; shorter than all of the mailbox's
 * letters), EAGAIN (full), ETIMEDOUT, EINTR, EMSGSIZE (longer than the mailbox's
 * letters), EPIPE (no receiver is left), ENFILE, ENOMEM, EIDRM (removed), ENOTTY (not a
 * mailbox), EFAULT (@data, @items).
 */
int kipc_mailbox_send_handles(int fd, const void *data, size_t size, uint64_t tag,
			      const struct kipc_descriptor *items, size_t count,
			      uint64_t deadline)
{
	struct kipc_mailbox_send_handles send = {
		.send = {
			.data = kipc_pointer(data),
			.tag = tag,
			.deadline = deadline,
			.size = kipc_room(size),
		},
		.handles = kipc_items(items, count),
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_SEND_HANDLES, &send);
}

/**
 * kipc_mailbox_recv_handles() - receive the oldest letter, and what it carries
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @data: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @letter: the letter's header, written on success; or NULL
 * @items: an array, for the descriptors that come
 * @count: of @items; how many came is written on success
 * @flags: KIPC_RECV_PEEK (only their number), KIPC_RECV_TRUNCATE
 * @deadline: as for kipc_mailbox_send()
 *
 * A receive that fails leaves the letter in its place, with all that it carries.  The
 * descriptors are close-on-exec.
 *
 * Return: bytes written to the buffer (0 for an empty letter), or -1 with errno: EAGAIN
 * (empty), ETIMEDOUT, EINTR, EMSGSIZE (the letter is longer than @size, or carries more
 * than @count), EMFILE (no descriptor is left), EBADMSG (it is a request: see
 * kipc_mailbox_serve()), EPIPE (empty, and no sender is left), EDQUOT (the owner's quota
 * of waiters), ENOMEM, EIDRM (removed), EINVAL (@flags), EBADF (closed, or without the
 * right), ENOTTY (not a mailbox), EFAULT (@data, @items).
 */
ssize_t kipc_mailbox_recv_handles(int fd, void *data, size_t size,
				  struct kipc_letter *letter,
				  struct kipc_descriptor *items, size_t *count,
				  uint32_t flags, uint64_t deadline)
{
	struct kipc_mailbox_recv_handles recv = {
		.recv = {
			.data = kipc_pointer(data),
			.deadline = deadline,
			.size = kipc_room(size),
			.flags = flags,
		},
		.handles = kipc_items(items, *count),
	};
	int ret;

	/* There is no place for a token: see kipc_mailbox_serve(). */
	if (flags & KIPC_RECV_CALLS) {
		errno = EINVAL;
		return -1;
	}
	ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV_HANDLES, &recv);
	if (ret < 0)
		return -1;
	if (letter)
		*letter = recv.recv.letter;
	*count = recv.handles.count;
	return ret;
}

/**
 * kipc_queue_send_handles() - send a message that carries handles
 * @fd: a handle with KIPC_RIGHT_SEND of a queue with KIPC_QUEUE_HANDLES
 * @data: what the message says; may be NULL if @size is 0
 * @size: bytes of it
 * @type: what receivers select by
 * @priority: likewise
 * @items: the descriptors that it carries, which stay open here
 * @count: how many, 1 to KIPC_HANDLES_MAX
 * @deadline: as for kipc_queue_send()
 *
 * The whole message is sent, with all of them, or nothing has happened.
 *
 * Return: 0, or -1 with errno: EOPNOTSUPP (the queue carries none), EPERM (one is not of
 * a sort that is carried, or has not the rights), ELOOP (it would be on its way within
 * itself), EDQUOT (the owner's quota), EBADF (@fd or one of @items is closed, or @fd
 * without the right), EINVAL (@count, rights), EAGAIN (full), ETIMEDOUT, EINTR, EMSGSIZE
 * (longer than the queue's messages), EPIPE (no receiver is left), ENFILE, ENOMEM, EIDRM
 * (removed), ENOTTY (not a queue), EFAULT (@data, @items).
 */
int kipc_queue_send_handles(int fd, const void *data, size_t size, uint64_t type,
			    uint32_t priority, const struct kipc_descriptor *items,
			    size_t count, uint64_t deadline)
{
	struct kipc_queue_send_handles send = {
		.send = {
			.data = kipc_pointer(data),
			.type = type,
			.deadline = deadline,
			.size = kipc_room(size),
			.priority = priority,
		},
		.handles = kipc_items(items, count),
	};

	return ioctl(fd, KIPC_IOC_QUEUE_SEND_HANDLES, &send);
}

/**
 * kipc_queue_recv_handles() - receive a message, and what it carries
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @data: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @selector: which message; NULL for the handle's own selector
 * @message: the message's header, written on success; or NULL
 * @items: an array, for the descriptors that come
 * @count: of @items; how many came is written on success
 * @flags: KIPC_RECV_PEEK (only their number), KIPC_RECV_TRUNCATE
 * @deadline: as for kipc_queue_send()
 *
 * A receive that fails leaves the message in its place, with all that it carries.  The
 * descriptors are close-on-exec.
 *
 * Return: bytes written to the buffer (0 for an empty message), or -1 with errno: EAGAIN
 * (there is none), ETIMEDOUT, EINTR, EMSGSIZE (it is longer than @size, or carries more
 * than @count), EMFILE (no descriptor is left), EPIPE (none, and no sender is left),
 * EDQUOT (the owner's quota of waiters), ESRCH (the process of @selector), ENOMEM, EIDRM
 * (removed), EINVAL (@flags, @selector), EBADF (closed, or without the right), ENOTTY
 * (not a queue), EFAULT (@data, @items).
 */
ssize_t kipc_queue_recv_handles(int fd, void *data, size_t size,
				const struct kipc_selector *selector,
				struct kipc_message *message,
				struct kipc_descriptor *items, size_t *count,
				uint32_t flags, uint64_t deadline)
{
	struct kipc_queue_recv_handles recv = {
		.recv = {
			.data = kipc_pointer(data),
			.deadline = deadline,
			.size = kipc_room(size),
			.flags = flags,
		},
		.handles = kipc_items(items, *count),
	};
	int ret;

	if (selector)
		recv.recv.selector = *selector;
	ret = ioctl(fd, KIPC_IOC_QUEUE_RECV_HANDLES, &recv);
	if (ret < 0)
		return -1;
	if (message)
		*message = recv.recv.message;
	*count = recv.handles.count;
	return ret;
}

/* What a call carries, or where to put it: a client's has no token, a worker's no stack. */
static struct kipc_service_handles kipc_carried(uint64_t token, unsigned int stack,
						const struct kipc_descriptor *items,
						size_t count)
{
	struct kipc_service_handles carried = {
		.token = token,
		.handles = kipc_items(items, count),
		.stack = stack,
	};

	return carried;
}

/**
 * kipc_attach() - what the next call on an A-stack carries
 * @binding: of a service with KIPC_SERVICE_HANDLES
 * @stack: the A-stack, which has no call just now
 * @items: descriptors, which stay open here
 * @count: how many, 1 to KIPC_HANDLES_MAX
 *
 * In place of what was attached before.
 *
 * Return: 0, or -1 with errno: EOPNOTSUPP (the service carries none), EINVAL (no such
 * A-stack; @count, rights), EBUSY (the A-stack has a call), EPERM (one is not of a sort
 * that is carried, or has not the rights), EBADF (one is closed), ELOOP (it would be on
 * its way within itself), EDQUOT (the server's quota), ENFILE, ENOMEM, EPIPE (the service
 * has ended), EIDRM (removed), EFAULT (@items).
 */
int kipc_attach(struct kipc_binding *binding, unsigned int stack,
		const struct kipc_descriptor *items, size_t count)
{
	struct kipc_service_handles attach = kipc_carried(0, stack, items, count);

	return ioctl(binding->fd, KIPC_IOC_SERVICE_ATTACH, &attach);
}

/**
 * kipc_take() - take what the reply to the last call on an A-stack carries
 * @binding: the binding
 * @stack: the A-stack
 * @items: an array, for the descriptors that come, close-on-exec
 * @count: of @items; how many came is written on success
 *
 * Return: 0, or -1 with errno: ENOENT (nothing is there), EMSGSIZE (more than @count),
 * EMFILE (no descriptor is left), EINVAL (no such A-stack), EBUSY (it has a call), EINTR,
 * ENOMEM, EFAULT (@items).
 */
int kipc_take(struct kipc_binding *binding, unsigned int stack,
	      struct kipc_descriptor *items, size_t *count)
{
	struct kipc_service_handles take = kipc_carried(0, stack, items, *count);

	if (ioctl(binding->fd, KIPC_IOC_SERVICE_TAKE, &take) < 0)
		return -1;
	*count = take.handles.count;
	return 0;
}

/**
 * kipc_service_attach() - what the reply to a call carries
 * @fd: a handle with KIPC_RIGHT_SERVE of a service with KIPC_SERVICE_HANDLES
 * @token: of the call, as kipc_service_serve() or kipc_caller() tells
 * @items: descriptors, which stay open here
 * @count: how many, 1 to KIPC_HANDLES_MAX
 *
 * In place of what was attached before, and of what the call carries, if that was not
 * taken.
 *
 * Return: 0, or -1 with errno: ENOENT (no worker has this call), and those of
 * kipc_attach(); EPERM also: the handle may not serve; EBADF and ENOTTY also: of @fd.
 */
int kipc_service_attach(int fd, uint64_t token, const struct kipc_descriptor *items,
			size_t count)
{
	struct kipc_service_handles attach = kipc_carried(token, 0, items, count);

	return ioctl(fd, KIPC_IOC_SERVICE_ATTACH, &attach);
}

/**
 * kipc_service_take() - take what a call carries
 * @fd: a handle with KIPC_RIGHT_SERVE
 * @token: of the call, as kipc_service_serve() or kipc_caller() tells
 * @items: an array, for the descriptors that come, close-on-exec
 * @count: of @items; how many came is written on success
 *
 * Return: 0, or -1 with errno: ENOENT (it carries nothing, or no worker has it), EMSGSIZE
 * (more than @count), EMFILE (no descriptor is left), EPERM (the handle may not serve),
 * EINTR, ENOMEM, EIDRM (removed), EBADF, ENOTTY, EFAULT (@items).
 */
int kipc_service_take(int fd, uint64_t token, struct kipc_descriptor *items,
		      size_t *count)
{
	struct kipc_service_handles take = kipc_carried(token, 0, items, *count);

	if (ioctl(fd, KIPC_IOC_SERVICE_TAKE, &take) < 0)
		return -1;
	*count = take.handles.count;
	return 0;
}
