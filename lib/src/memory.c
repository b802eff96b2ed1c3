// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Shared memory and its doorbell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static int kipc_memory_close(int memfd, int ret)
{
	int err = errno;

	close(memfd);
	errno = err;
	return ret;
}

/**
 * kipc_memory_create() - create shared memory, or open it if the name is there
 * @name: as for kipc_open(), or NULL for memory without a name
 * @size: in bytes; 0: a doorbell alone
 * @mode: permission bits for kipc_open(), less the caller's umask
 * @rights: KIPC_RIGHT_..., of the new handle: MAP to map it at all, RECEIVE to read it and
 *	to wait for the doorbell, SEND to write it and to ring, MANAGE to set the size
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT, KIPC_EXCL, KIPC_PERSISTENT
 *
 * Return: a handle, or -1 with errno: EEXIST (KIPC_EXCL), EACCES, EPROTOTYPE (another kind
 * has the name), EDQUOT (the quota of memory, objects or bytes), EFBIG (@size is above the
 * process's limit of file sizes), EINVAL (also: @size is more than any file's; or a module
 * that does not know memory), ENAMETOOLONG, ENOENT or ENODEV (the module is not loaded),
 * EMFILE, ENFILE, ENOMEM.
 */
int kipc_memory_create(const char *name, uint64_t size, mode_t mode, uint32_t rights,
		       uint32_t flags)
{
	struct kipc_create create = {
		.flags = flags,
		.mode = mode,
		.rights = rights,
	};
	struct kipc_memory_attr attr = { .flags = 0 };

	if (kipc_describe(&create, KIPC_KIND_MEMORY, name, &attr, sizeof(attr)) < 0)
		return -1;
	attr.fd = memfd_create("kipc", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (attr.fd < 0)
		return -1;
	if (ftruncate(attr.fd, (off_t)size) < 0)
		return kipc_memory_close(attr.fd, -1);
	return kipc_memory_close(attr.fd, kipc_control(KIPC_IOC_CREATE, &create));
}

/**
 * kipc_memory_map() - map shared memory
 * @fd: a handle with KIPC_RIGHT_MAP and KIPC_RIGHT_RECEIVE; to write, with KIPC_RIGHT_SEND
 * @size: how much of it, from the beginning; 0: all that there is, which is written here
 * @prot: PROT_READ, or PROT_READ | PROT_WRITE, as of mmap(2)
 *
 * It stays until kipc_memory_unmap(), whatever becomes of @fd.
 *
 * Return: where it is, or NULL with errno: EACCES (the handle may not read, or not write),
 * EPERM (it may not map; or it is to be written, and a seal forbids that), ENXIO (more than
 * there is), EIDRM (removed), EBADF (closed), ENOTTY (not memory), EINVAL (it has no size),
 * ENOMEM.
 */
void *kipc_memory_map(int fd, size_t *size, int prot)
{
	struct kipc_memory_stat stat;
	size_t bytes = *size;
	void *map;

	if (kipc_memory_stat(fd, &stat) < 0)
		return NULL;
	if (!bytes && stat.size > SIZE_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (!bytes)
		bytes = (size_t)stat.size;
	map = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	*size = bytes;
	return map;
}

/**
 * kipc_memory_unmap() - end a mapping
 * @map: of kipc_memory_map()
 * @size: of it
 *
 * Return: 0, or -1 with errno: EINVAL.
 */
int kipc_memory_unmap(void *map, size_t size)
{
	return munmap(map, size);
}

/**
 * kipc_memory_resize() - set the size
 * @fd: a handle with KIPC_RIGHT_MANAGE
 * @size: in bytes
 *
 * What is cut off is gone, for those who have it mapped as well, who get SIGBUS.
 *
 * Return: 0, or -1 with errno: EPERM (without the right; or a seal forbids it), EDQUOT (the
 * owner's quota of memory), EFBIG, EACCES (the memfd's own permission bits), EINTR, EIDRM
 * (removed), EBADF (closed), ENOTTY (not memory).
 */
int kipc_memory_resize(int fd, uint64_t size)
{
	struct kipc_memory_size want = { .size = size };

	return ioctl(fd, KIPC_IOC_MEMORY_SIZE, &want);
}

/**
 * kipc_memory_fd() - get the memfd, as a new descriptor
 * @fd: a handle with KIPC_RIGHT_MAP, KIPC_RIGHT_SEND and KIPC_RIGHT_RECEIVE
 * @flags: KIPC_INHERIT: not close-on-exec
 *
 * Return: a descriptor, or -1 with errno: EPERM (without all of these rights), EIDRM
 * (removed), EINVAL, EBADF (closed), ENOTTY (not memory), EMFILE, ENFILE, ENOMEM.
 */
int kipc_memory_fd(int fd, uint32_t flags)
{
	struct kipc_memory_fd want = { .flags = flags };

	return ioctl(fd, KIPC_IOC_MEMORY_FD, &want);
}

/**
 * kipc_memory_seal() - forbid something to everybody, for ever
 * @fd: as for kipc_memory_fd()
 * @seals: F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL
 *
 * Return: 0, or -1 with errno: EBUSY (F_SEAL_WRITE, and somebody has it mapped so that it
 * can be written), EPERM (F_SEAL_SEAL is there; or without the rights that it needs),
 * EINVAL (no such seal), EIDRM (removed), EBADF (closed), ENOTTY (not memory), EMFILE,
 * ENFILE, ENOMEM.
 */
int kipc_memory_seal(int fd, unsigned int seals)
{
	int memfd = kipc_memory_fd(fd, 0);

	if (memfd < 0)
		return -1;
	return kipc_memory_close(memfd, fcntl(memfd, F_ADD_SEALS, seals));
}

/**
 * kipc_memory_stat() - figures of memory and its doorbell
 * @fd: any handle of it
 * @stat: to be filled
 *
 * Return: 0, or -1 with errno: EBADF (closed), ENOTTY (not memory), EFAULT.
 */
int kipc_memory_stat(int fd, struct kipc_memory_stat *stat)
{
	return ioctl(fd, KIPC_IOC_MEMORY_STAT, stat);
}

/**
 * kipc_memory_ring() - ring the doorbell
 * @fd: a handle with KIPC_RIGHT_SEND
 * @count: is added to its counter
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds: kipc_deadline(), KIPC_NO_WAIT or
 *	KIPC_FOREVER: how long to wait as long as the counter would pass KIPC_BELL_MAX
 *
 * As write(2) of 8 bytes, but for the deadline.
 *
 * Return: 0, or -1 with errno: EAGAIN, ETIMEDOUT, EINTR, EDQUOT (the owner's quota of
 * waiters), EIDRM (removed), EINVAL (more than KIPC_BELL_MAX), EBADF (closed, or without the
 * right), ENOTTY (not memory).
 */
int kipc_memory_ring(int fd, uint64_t count, uint64_t deadline)
{
	struct kipc_memory_bell bell = {
		.count = count,
		.deadline = deadline,
	};

	return ioctl(fd, KIPC_IOC_MEMORY_RING, &bell);
}

/**
 * kipc_memory_wait() - wait for the doorbell
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @count: what was rung, which is 1 or more; or NULL
 * @deadline: as for kipc_memory_ring(): how long to wait as long as nobody rings
 *
 * As read(2) of 8 bytes, but for the deadline.
 *
 * Return: 0, or -1 with errno: EAGAIN, ETIMEDOUT, EINTR, EDQUOT (the owner's quota of
 * waiters), EIDRM (removed), EBADF (closed, or without the right), ENOTTY (not memory).
 */
int kipc_memory_wait(int fd, uint64_t *count, uint64_t deadline)
{
	struct kipc_memory_bell bell = { .deadline = deadline };

	if (ioctl(fd, KIPC_IOC_MEMORY_WAIT, &bell) < 0)
		return -1;
	if (count)
		*count = bell.count;
	return 0;
}
