// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Queues.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

/**
 * kipc_queue_create() - create a queue, or open it if the name is there
 * @name: as for kipc_open(), or NULL for a queue without a name
 * @attr: capacity, longest message, flags; NULL for KIPC_QUEUE_ATTR_DEFAULT
 * @mode: permission bits for kipc_open(), less the caller's umask
 * @rights: KIPC_RIGHT_..., of the new handle
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT, KIPC_EXCL, KIPC_PERSISTENT
 *
 * Return: a handle, or -1 with errno: EEXIST (KIPC_EXCL), EACCES, EPROTOTYPE
 * (another kind has the name), EDQUOT (the quota of objects or bytes), EINVAL (also
 * by a module that does not know queues), ENAMETOOLONG, EFAULT (@attr), ENOENT or
 * ENODEV (the module is not loaded), EMFILE, ENFILE, ENOMEM.
 */
int kipc_queue_create(const char *name, const struct kipc_queue_attr *attr,
		      mode_t mode, uint32_t rights, uint32_t flags)
{
	struct kipc_create create = {
		.flags = flags,
		.mode = mode,
		.rights = rights,
	};

	if (kipc_describe(&create, KIPC_KIND_QUEUE, name, attr, sizeof(*attr)) < 0)
		return -1;
	return kipc_control(KIPC_IOC_CREATE, &create);
}

/**
 * kipc_queue_send() - send a message
 * @fd: a handle with KIPC_RIGHT_SEND
 * @data: what the message says; may be NULL if @size is 0
 * @size: bytes of it
 * @type: goes along with the message; what selectors look at
 * @priority: goes along with the message; higher is more urgent
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds: kipc_deadline(),
 *	KIPC_NO_WAIT or KIPC_FOREVER
 *
 * The whole message is sent, or nothing has happened.
 *
 * Return: 0, or -1 with errno: EAGAIN (full), ETIMEDOUT, EINTR, EMSGSIZE (longer
 * than the queue's messages, perhaps only since it waits), EPIPE (no receiver is
 * left), EDQUOT (the owner's quota), ENOMEM, EIDRM (removed), EBADF (closed, or
 * without the right), ENOTTY (not a queue), EFAULT (@data).
 */
int kipc_queue_send(int fd, const void *data, size_t size, uint64_t type,
		    uint32_t priority, uint64_t deadline)
{
	struct kipc_queue_send send = {
		.data = kipc_pointer(data),
		.type = type,
		.deadline = deadline,
		.size = (uint32_t)size,
		.priority = priority,
	};

	if (size > UINT32_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	return ioctl(fd, KIPC_IOC_QUEUE_SEND, &send);
}

/**
 * kipc_queue_recv() - receive a message
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @data: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @selector: which message; NULL for the handle's default
 * @message: the message's header, written on success; or NULL
 * @flags: KIPC_RECV_PEEK, KIPC_RECV_TRUNCATE
 * @deadline: as for kipc_queue_send()
 *
 * A receive that fails leaves the message in its place.  The kernel checks @data;
 * @selector is read, and @message written, here.
 *
 * Return: bytes written to the buffer (0 for an empty message), or -1 with errno:
 * EAGAIN (there is no such message), ETIMEDOUT, EINTR, EMSGSIZE (it is longer than
 * @size), EBADMSG (it carries handles: see kipc_queue_recv_handles()), EPIPE (there is
 * none, and no sender is left), ESRCH (the selector's process
 * is not there), EDQUOT (the owner's quota of waiters), ENOMEM (to find it), EIDRM
 * (removed), EINVAL (@selector, @flags), EBADF (closed, or without the right), ENOTTY
 * (not a queue), EFAULT (@data).
 */
ssize_t kipc_queue_recv(int fd, void *data, size_t size,
			const struct kipc_selector *selector,
			struct kipc_message *message, uint32_t flags,
			uint64_t deadline)
{
	struct kipc_queue_recv recv = {
		.data = kipc_pointer(data),
		.deadline = deadline,
		.size = kipc_room(size),
		.flags = flags,
	};
	int ret;

	if (selector)
		recv.selector = *selector;
	ret = ioctl(fd, KIPC_IOC_QUEUE_RECV, &recv);
	if (ret >= 0 && message)
		*message = recv.message;
	return ret;
}

/**
 * kipc_queue_stat() - a queue's limits and figures
 * @fd: a handle of a queue, with any right
 * @stat: written on success
 *
 * Return: 0, or -1 with errno: EBADF, ENOTTY (not a queue), EFAULT.
 */
int kipc_queue_stat(int fd, struct kipc_queue_stat *stat)
{
	return ioctl(fd, KIPC_IOC_QUEUE_STAT, stat);
}

/**
 * kipc_queue_set() - set a queue's limits
 * @fd: a handle with KIPC_RIGHT_MANAGE
 * @attr: as for kipc_queue_create(); @attr.flags as they are
 *
 * What is in the queue stays, though it may exceed the new limits.
 *
 * Return: 0, or -1 with errno: EPERM (without the right), EINVAL, EIDRM (removed),
 * EBADF, ENOTTY (not a queue), EFAULT.
 */
int kipc_queue_set(int fd, const struct kipc_queue_attr *attr)
{
	return ioctl(fd, KIPC_IOC_QUEUE_SET, attr);
}

/**
 * kipc_queue_select() - set the default selector of a handle
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @selector: any but KIPC_SELECT_DEFAULT and KIPC_SELECT_AFTER
 *
 * It is that of read(2), of poll(2), and of a receive that names none; for all who
 * share the handle.
 *
 * Return: 0, or -1 with errno: EINVAL, ESRCH (the selector's process is not there),
 * EIDRM (removed), EBADF (closed, or without the right), ENOTTY (not a queue), EFAULT.
 */
int kipc_queue_select(int fd, const struct kipc_selector *selector)
{
	return ioctl(fd, KIPC_IOC_QUEUE_SELECT, selector);
}
