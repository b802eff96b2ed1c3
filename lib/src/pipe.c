// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pipes.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

/**
 * kipc_pipe_create() - create a pipe, or open it if the name is there
 * @name: as for kipc_open(), or NULL for a pipe without a name
 * @attr: capacity and atomic size; NULL for 65536 and 4096 bytes
 * @mode: permission bits for kipc_open(), less the caller's umask
 * @rights: KIPC_RIGHT_..., of the new handle: SEND is to write, RECEIVE to read
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT, KIPC_EXCL, KIPC_PERSISTENT
 *
 * It does not wait for the other end: kipc_pipe_open() does.
 *
 * Return: a handle, or -1 with errno: EEXIST (KIPC_EXCL), EACCES, EPROTOTYPE
 * (another kind has the name), EDQUOT (the quota of objects or bytes), EINVAL (also
 * by a module that does not know pipes), ENAMETOOLONG, EFAULT (@attr), ENOENT or
 * ENODEV (the module is not loaded), EMFILE, ENFILE, ENOMEM.
 */
int kipc_pipe_create(const char *name, const struct kipc_pipe_attr *attr, mode_t mode,
		     uint32_t rights, uint32_t flags)
{
	struct kipc_create create = {
		.flags = flags,
		.mode = mode,
		.rights = rights,
	};

	if (kipc_describe(&create, KIPC_KIND_PIPE, name, attr, sizeof(*attr)) < 0)
		return -1;
	return kipc_control(KIPC_IOC_CREATE, &create);
}

/**
 * kipc_pipe_open() - open an end of a pipe by its name, and wait for the other
 * @name: of the pipe
 * @rights: KIPC_RIGHT_..., of the new handle
 * @flags: KIPC_NONBLOCK (which does not wait either), KIPC_INHERIT
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds: kipc_deadline(), KIPC_NO_WAIT or
 *	KIPC_FOREVER
 *
 * Who may only read waits for a writer, who may only write for a reader, who may do both
 * or neither does not wait, as fifo(7) has it.
 *
 * Return: a handle, or -1 with errno: ENXIO (no reader is there, and it should not wait
 * for one), ETIMEDOUT, EINTR, ENOENT (no such name, or the module is not loaded), EACCES,
 * EPROTOTYPE (another kind has the name), EIDRM (removed meanwhile), EDQUOT (the owner's
 * quota of waiters), EINVAL, ENAMETOOLONG, ENODEV, EMFILE, ENFILE, ENOMEM.
 */
int kipc_pipe_open(const char *name, uint32_t rights, uint32_t flags,
		   uint64_t deadline)
{
	struct kipc_open open = {
		.kind = KIPC_KIND_PIPE,
		.flags = flags,
		.rights = rights,
		.deadline = deadline,
	};
	uint64_t pointer;

	if (kipc_name(name, &pointer, &open.name_len) < 0)
		return -1;
	open.name = pointer;
	return kipc_control(KIPC_IOC_OPEN, &open);
}

/* A pipe as two handles, with @more rights than to read and to write; 0, or -1. */
int kipc_ends(int fd[2], uint32_t more, uint32_t flags)
{
	int both, in, out, err;

	/* Not @flags: nobody else shall ever inherit this one. */
	both = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0);
	if (both < 0)
		return -1;
	out = kipc_narrow(both, KIPC_RIGHT_SEND | more, flags);
	in = out < 0 ? -1 : kipc_narrow(both, KIPC_RIGHT_RECEIVE | more, flags);
	err = errno;
	close(both);
	if (in < 0) {
		if (out >= 0)
			close(out);
		errno = err;
		return -1;
	}
	fd[0] = in;
	fd[1] = out;
	return 0;
}

/**
 * kipc_pipe() - create a pipe without a name, as two handles
 * @fd: gets the end to read from, and the end to write to
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT
 *
 * Each of them may manage the pipe, too: kipc_narrow() makes one that may not.
 *
 * Return: 0, or -1 with errno as kipc_pipe_create(); then @fd is as it was.
 */
int kipc_pipe(int fd[2], uint32_t flags)
{
	return kipc_ends(fd, KIPC_RIGHT_MANAGE, flags);
}

/**
 * kipc_pipe_write() - write with a deadline
 * @fd: a handle with KIPC_RIGHT_SEND
 * @data: what to write
 * @size: bytes of it
 * @flags: KIPC_PIPE_NOSIGNAL: EPIPE without SIGPIPE
 * @deadline: as for kipc_pipe_open()
 *
 * As write(2), but for the deadline.
 *
 * Return: how many bytes were written, which is less than @size if it was longer than the
 * atomic size and could not go on: the time was up, a signal came, the quota was used up;
 * or -1 with errno: EAGAIN,
 * ETIMEDOUT, EINTR, EPIPE (no readers), EDQUOT (the owner's quota), ENOMEM, EIDRM
 * (removed), EBADF (closed, or without the right), ENOTTY (not a pipe), EFAULT, EINVAL.
 */
ssize_t kipc_pipe_write(int fd, const void *data, size_t size, uint32_t flags,
			uint64_t deadline)
{
	struct kipc_pipe_io io = {
		.data = kipc_pointer(data),
		.size = size,
		.deadline = deadline,
		.flags = flags,
	};

	return ioctl(fd, KIPC_IOC_PIPE_WRITE, &io);
}

/**
 * kipc_pipe_read() - read with a deadline
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @data: a buffer
 * @size: of it in bytes
 * @deadline: as for kipc_pipe_open()
 *
 * As read(2), but for the deadline.
 *
 * Return: how many bytes were read, 0 at the end of the file, or -1 with errno: EAGAIN,
 * ETIMEDOUT, EINTR, EDQUOT (the owner's quota of waiters), EIDRM (removed), EBADF (closed,
 * or without the right), ENOTTY (not a pipe), EFAULT.
 */
ssize_t kipc_pipe_read(int fd, void *data, size_t size, uint64_t deadline)
{
	struct kipc_pipe_io io = {
		.data = kipc_pointer(data),
		.size = size,
		.deadline = deadline,
	};

	return ioctl(fd, KIPC_IOC_PIPE_READ, &io);
}

/**
 * kipc_pipe_resize() - set a pipe's sizes
 * @fd: a handle with KIPC_RIGHT_MANAGE
 * @capacity: in bytes; 0: as it is
 * @atomic_size: longest write that goes in whole; 0: as it is
 *
 * What is inside stays.
 *
 * Return: the capacity, which is what was asked for; or -1 with errno: EBUSY (more is
 * inside), EINVAL (more than KIPC_PIPE_MAX, or @atomic_size above the capacity), EPERM
 * (without the right), EIDRM (removed), EBADF (closed), ENOTTY (not a pipe).
 */
int kipc_pipe_resize(int fd, uint32_t capacity, uint32_t atomic_size)
{
	struct kipc_pipe_attr attr = {
		.capacity = capacity,
		.atomic_size = atomic_size,
	};

	return ioctl(fd, KIPC_IOC_PIPE_RESIZE, &attr);
}

/**
 * kipc_pipe_stat() - sizes and figures of a pipe
 * @fd: any handle of it
 * @stat: to be filled
 *
 * Return: 0, or -1 with errno: EBADF (closed), ENOTTY (not a pipe), EFAULT.
 */
int kipc_pipe_stat(int fd, struct kipc_pipe_stat *stat)
{
	return ioctl(fd, KIPC_IOC_PIPE_STAT, stat);
}
