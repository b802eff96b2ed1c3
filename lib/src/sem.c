// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Semaphores.
 */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "internal.h"

/**
 * kipc_sem_create() - create a set of semaphores, or open it if the name is there
 * @name: as for kipc_open(), or NULL for a set without a name
 * @attr: how many, and what they may be; NULL for one that is 0
 * @mode: permission bits for kipc_open(), less the caller's umask
 * @rights: KIPC_RIGHT_..., of the new handle: SEND is to post, RECEIVE to wait and look
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT, KIPC_EXCL, KIPC_PERSISTENT
 *
 * Return: a handle, or -1 with errno: EEXIST (KIPC_EXCL), EACCES, EPROTOTYPE
 * (another kind has the name), EDQUOT (the quota of objects or bytes), EINVAL (also
 * by a module that does not know semaphores), ENAMETOOLONG, EFAULT (@attr), ENOENT or
 * ENODEV (the module is not loaded), EMFILE, ENFILE, ENOMEM.
 */
int kipc_sem_create(const char *name, const struct kipc_sem_attr *attr, mode_t mode,
		    uint32_t rights, uint32_t flags)
{
	struct kipc_create create = {
		.flags = flags,
		.mode = mode,
		.rights = rights,
	};

	if (kipc_describe(&create, KIPC_KIND_SEMAPHORES, name, attr, sizeof(*attr)) < 0)
		return -1;
	return kipc_control(KIPC_IOC_CREATE, &create);
}

/**
 * kipc_sem_post() - add 1 to a semaphore
 * @fd: a handle with KIPC_RIGHT_SEND
 * @num: which of the set's
 *
 * Return: 0, or -1 with errno: ERANGE (it is at its maximum), EFBIG (there is no such
 * semaphore), EIDRM (removed), EBADF (closed, or without the right), ENOTTY (no set).
 */
int kipc_sem_post(int fd, uint32_t num)
{
	return ioctl(fd, KIPC_IOC_SEM_POST, (unsigned long)num);
}

/* A number that is none of a set's stays one. */
static unsigned long kipc_sem_num(uint32_t num)
{
	return num < KIPC_SEM_MAX ? num : KIPC_SEM_MAX;
}

/**
 * kipc_sem_wait() - take 1 from a semaphore, and wait until it is there
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @num: which of the set's
 *
 * Return: 0, or -1 with errno: EAGAIN (the handle is O_NONBLOCK), EINTR, EFBIG, EDQUOT (the
 * owner's quota of waiters), EIDRM, EBADF, ENOTTY.
 */
int kipc_sem_wait(int fd, uint32_t num)
{
	return ioctl(fd, KIPC_IOC_SEM_TAKE, kipc_sem_num(num));
}

/**
 * kipc_sem_trywait() - take 1 from a semaphore, if it is there
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @num: which of the set's
 *
 * Return: 0, or -1 with errno: EAGAIN (it is 0, or somebody comes first), EFBIG, EIDRM,
 * EBADF, ENOTTY.
 */
int kipc_sem_trywait(int fd, uint32_t num)
{
	return ioctl(fd, KIPC_IOC_SEM_TAKE, kipc_sem_num(num) | KIPC_SEM_TRY);
}

/**
 * kipc_sem_op() - several operations on a set, all or nothing
 * @fd: a handle with the rights that they need: KIPC_RIGHT_SEND to add, KIPC_RIGHT_RECEIVE
 *	to take and to wait for 0
 * @ops: what to do, as for semop()
 * @count: how many, 1 to KIPC_SEM_OPS_MAX
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds: kipc_deadline(), KIPC_NO_WAIT or
 *	KIPC_FOREVER
 *
 * Return: 0, or -1 with errno: EAGAIN, ETIMEDOUT, EINTR, EFBIG (no such semaphore), ERANGE
 * (above the maximum; or more to be undone than KIPC_SEM_VALUE_MAX), EDQUOT (the owner's
 * quota of waiters, or with KIPC_SEM_UNDO of bytes), ENOMEM, EIDRM, E2BIG (too many),
 * EINVAL (none, or an unknown flag), EFAULT, EBADF (closed, or without a right), ENOTTY.
 */
int kipc_sem_op(int fd, const struct kipc_sem_op *ops, size_t count, uint64_t deadline)
{
	struct kipc_sem_operation operation = {
		.ops = kipc_pointer(ops),
		.deadline = deadline,
		.count = kipc_count(count),
	};

	return ioctl(fd, KIPC_IOC_SEM_OP, &operation);
}

/**
 * kipc_sem_timedwait() - take 1 from a semaphore, and wait no longer than that
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @num: which of the set's
 * @deadline: as for kipc_sem_op()
 *
 * Return: 0, or -1 with errno: ETIMEDOUT, EAGAIN, EINTR, EFBIG, EDQUOT, EIDRM, EBADF, ENOTTY.
 */
int kipc_sem_timedwait(int fd, uint32_t num, uint64_t deadline)
{
	struct kipc_sem_op op = { .num = (uint16_t)kipc_sem_num(num), .op = -1 };

	return kipc_sem_op(fd, &op, 1, deadline);
}

/**
 * kipc_sem_get() - look at some semaphores, all at once
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @first: the number of the first
 * @values: to be filled
 * @count: how many
 *
 * Return: 0, or -1 with errno: EFBIG (there are not as many), EINVAL (@count is 0), ENOMEM,
 * EFAULT, EBADF (closed, or without the right), ENOTTY.
 */
int kipc_sem_get(int fd, uint32_t first, struct kipc_sem_value *values, size_t count)
{
	struct kipc_sem_values which = {
		.values = kipc_pointer(values),
		.first = first,
		.count = kipc_count(count),
	};

	return ioctl(fd, KIPC_IOC_SEM_GET, &which);
}

/**
 * kipc_sem_getvalue() - the value of a semaphore
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @num: which of the set's
 *
 * Return: the value, or -1 with errno: EFBIG, EBADF, ENOTTY.
 */
int kipc_sem_getvalue(int fd, uint32_t num)
{
	struct kipc_sem_value value;

	return kipc_sem_get(fd, num, &value, 1) < 0 ? -1 : (int)value.value;
}

/**
 * kipc_sem_set() - set some semaphores, all at once
 * @fd: a handle with KIPC_RIGHT_MANAGE
 * @first: the number of the first
 * @values: what they shall be
 * @count: how many
 *
 * What was to be undone on them is forgotten.
 *
 * Return: 0, or -1 with errno: ERANGE (above the maximum), EFBIG, EINVAL, EPERM (without
 * the right), EIDRM, ENOMEM, EFAULT, EBADF (closed), ENOTTY.
 */
int kipc_sem_set(int fd, uint32_t first, const uint32_t *values, size_t count)
{
	struct kipc_sem_values which = {
		.values = kipc_pointer(values),
		.first = first,
		.count = kipc_count(count),
	};

	return ioctl(fd, KIPC_IOC_SEM_SET, &which);
}

/**
 * kipc_sem_stat() - attributes and figures of a set
 * @fd: any handle of it
 * @stat: to be filled
 *
 * Return: 0, or -1 with errno: EBADF (closed), ENOTTY, EFAULT.
 */
int kipc_sem_stat(int fd, struct kipc_sem_stat *stat)
{
	return ioctl(fd, KIPC_IOC_SEM_STAT, stat);
}

/*
 * Sleep until another of them can be taken from, or any was removed: poll shows that
 * also of those that are there already, of which nothing else is asked then.
 */
static int kipc_sem_await(const int *fds, size_t count, uint64_t deadline)
{
	struct pollfd polls[KIPC_SEM_SETS_MAX];
	size_t i, missing = 0;

	for (i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (poll(polls, count, 0) < 0)
		return -1;
	for (i = 0; i < count; i++) {
		if (polls[i].revents)
			polls[i].events = 0;
		else
			missing++;
	}
	return missing ? kipc_wait_any(polls, count, deadline) : 0;
}

/**
 * kipc_sem_take_all() - take 1 from each of several sets, when all of them have it
 * @fds: handles with KIPC_RIGHT_RECEIVE, of different sets with one semaphore each
 * @count: how many, 1 to KIPC_SEM_SETS_MAX
 * @deadline: as for kipc_sem_op()
 *
 * While not all can be taken from it sleeps, and tries again when another one can: those
 * who post do nothing for it, so others may always be faster.
 *
 * Return: 0, or -1 with errno: EAGAIN, ETIMEDOUT, EINTR, EINVAL (none; one twice; more than
 * one semaphore in a set), E2BIG (too many), EIDRM (one was removed), EBADF (one is closed,
 * or without the right), ENOTTY (one is no set), ENOMEM.
 */
int kipc_sem_take_all(const int *fds, size_t count, uint64_t deadline)
{
	struct kipc_sem_all all = {
		.fds = kipc_pointer(fds),
		.count = kipc_count(count),
	};

	/* Here, for what else fds[0] may be does not know that. */
	if (!count || count > KIPC_SEM_SETS_MAX) {
		errno = count ? E2BIG : EINVAL;
		return -1;
	}
	while (ioctl(fds[0], KIPC_IOC_SEM_TAKE_ALL, &all) < 0) {
		if (errno != EAGAIN)
			return -1;
		/* Others may be faster each time. */
		if (kipc_is_over(deadline))
			return kipc_too_late(deadline);
		if (kipc_sem_await(fds, count, deadline) < 0)
			return -1;
	}
	return 0;
}
