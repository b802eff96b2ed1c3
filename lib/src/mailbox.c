// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mailboxes.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

/**
 * kipc_mailbox_create() - create a mailbox, or open it if the name is there
 * @name: as for kipc_open(), or NULL for a mailbox without a name
 * @attr: capacity, longest letter, flags; NULL for KIPC_MAILBOX_ATTR_DEFAULT
 * @mode: permission bits for kipc_open(), less the caller's umask
 * @rights: KIPC_RIGHT_..., of the new handle
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT, KIPC_EXCL, KIPC_PERSISTENT
 *
 * Return: a handle, or -1 with errno: EEXIST (KIPC_EXCL), EACCES, EPROTOTYPE
 * (another kind has the name), EDQUOT (the quota of objects or bytes), EINVAL,
 * ENAMETOOLONG, EFAULT (@attr), E2BIG, ENOENT or ENODEV (the module is not
 * loaded), EMFILE, ENFILE, ENOMEM.
 */
int kipc_mailbox_create(const char *name, const struct kipc_mailbox_attr *attr,
			mode_t mode, uint32_t rights, uint32_t flags)
{
	struct kipc_create create = {
		.flags = flags,
		.mode = mode,
		.rights = rights,
	};

	if (kipc_describe(&create, KIPC_KIND_MAILBOX, name, attr, sizeof(*attr)) < 0)
		return -1;
	return kipc_control(KIPC_IOC_CREATE, &create);
}

/**
 * kipc_mailbox_create_config() - the same, with what attributes have not room for
 * @name: as for kipc_mailbox_create()
 * @config: attributes, and what one sending user may occupy; NULL for defaults
 * @mode: as for kipc_mailbox_create()
 * @rights: likewise
 * @flags: likewise
 *
 * Return: a handle, or -1 with errno: EEXIST (KIPC_EXCL), EACCES, EPROTOTYPE
 * (another kind has the name), EDQUOT (the quota of objects or bytes), EINVAL,
 * ENAMETOOLONG, EFAULT (@config), E2BIG (a module that does not know all of it),
 * ENOENT or ENODEV (the module is not loaded), EMFILE, ENFILE, ENOMEM.
 */
int kipc_mailbox_create_config(const char *name,
			       const struct kipc_mailbox_config *config,
			       mode_t mode, uint32_t rights, uint32_t flags)
{
	struct kipc_create create = {
		.flags = flags,
		.mode = mode,
		.rights = rights,
	};

	if (kipc_describe(&create, KIPC_KIND_MAILBOX, name, config, sizeof(*config)) < 0)
		return -1;
	return kipc_control(KIPC_IOC_CREATE, &create);
}

/**
 * kipc_mailbox_send() - send a letter
 * @fd: a handle with KIPC_RIGHT_SEND
 * @data: what the letter says; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the letter
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds: kipc_deadline(),
 *	KIPC_NO_WAIT or KIPC_FOREVER
 *
 * The whole letter is sent, or nothing has happened.
 *
 * Return: 0, or -1 with errno: EAGAIN (full), ETIMEDOUT, EINTR, EMSGSIZE (longer
 * than the mailbox's letters), EINVAL (shorter than all of its letters),
 * EPIPE (no receiver is left), EDQUOT (the owner's quota), ENOMEM, EIDRM
 * (removed), EBADF (closed, or without the right), ENOTTY (not a mailbox),
 * EFAULT (@data).
 */
int kipc_mailbox_send(int fd, const void *data, size_t size, uint64_t tag,
		      uint64_t deadline)
{
	struct kipc_mailbox_send send = {
		.data = kipc_pointer(data),
		.tag = tag,
		.deadline = deadline,
		.size = (uint32_t)size,
	};

	if (size > UINT32_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	return ioctl(fd, KIPC_IOC_MAILBOX_SEND, &send);
}

/**
 * kipc_mailbox_recv() - receive the oldest letter
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @data: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @letter: the letter's header, written on success; or NULL
 * @flags: KIPC_RECV_PEEK, KIPC_RECV_TRUNCATE
 * @deadline: as for kipc_mailbox_send()
 *
 * A receive that fails leaves the letter in its place.  The kernel checks @data;
 * @letter is written here, after the letter was taken.
 *
 * Return: bytes written to the buffer (0 for an empty letter), or -1 with
 * errno: EAGAIN (empty), ETIMEDOUT, EINTR, EMSGSIZE (the letter is longer than
 * @size), EBADMSG (it is a request: see kipc_mailbox_serve(); or it carries handles: see
 * kipc_mailbox_recv_handles()), EPIPE (empty, and no
 * sender is left), EDQUOT (the owner's quota of waiters), EIDRM (removed), EINVAL
 * (@flags), EBADF (closed, or without the right), ENOTTY (not a mailbox), EFAULT
 * (@data).
 */
ssize_t kipc_mailbox_recv(int fd, void *data, size_t size,
			  struct kipc_letter *letter, uint32_t flags,
			  uint64_t deadline)
{
	struct kipc_mailbox_recv recv = {
		.data = kipc_pointer(data),
		.deadline = deadline,
		.size = kipc_room(size),
		.flags = flags,
	};
	int ret;

	/* There is no place for a token: see kipc_mailbox_serve(). */
	if (flags & KIPC_RECV_CALLS) {
		errno = EINVAL;
		return -1;
	}
	ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV, &recv);
	if (ret >= 0 && letter)
		*letter = recv.letter;
	return ret;
}

/**
 * kipc_mailbox_stat() - a mailbox's configuration and figures
 * @fd: a handle of a mailbox, with any right
 * @stat: written on success
 *
 * Return: 0, or -1 with errno: EBADF, ENOTTY (not a mailbox), EFAULT.
 */
int kipc_mailbox_stat(int fd, struct kipc_mailbox_stat *stat)
{
	return ioctl(fd, KIPC_IOC_MAILBOX_STAT, stat);
}
