// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names and handles: what is the same for every kind of object.
 */
#include <sys/ioctl.h>

#include "internal.h"

/**
 * kipc_open() - open an object by its name
 * @name: 1 to KIPC_NAME_MAX bytes, in the caller's IPC namespace
 * @kind: KIPC_KIND_..., or KIPC_KIND_ANY
 * @rights: KIPC_RIGHT_..., of the new handle
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT
 *
 * Return: a handle, or -1 with errno: ENOENT (no such name; or the module is not
 * loaded), ENODEV (not loaded), EACCES, EPROTOTYPE (another kind), ENXIO (to write to
 * a pipe that has no reader), EINVAL, ENAMETOOLONG, EMFILE, ENFILE, ENOMEM.
 */
int kipc_open(const char *name, uint32_t kind, uint32_t rights, uint32_t flags)
{
	struct kipc_open open = {
		.kind = kind,
		.flags = flags,
		.rights = rights,
	};
	uint64_t pointer;

	if (kipc_name(name, &pointer, &open.name_len) < 0)
		return -1;
	open.name = pointer;
	return kipc_control(KIPC_IOC_OPEN, &open);
}

/**
 * kipc_unlink() - take an object's name away
 * @name: as for kipc_open()
 *
 * Return: 0, or -1 with errno: ENOENT (no such name; or the module is not
 * loaded), ENODEV (not loaded), EACCES (neither owner nor CAP_IPC_OWNER), EINVAL,
 * ENAMETOOLONG, EMFILE, ENFILE, ENOMEM.
 */
int kipc_unlink(const char *name)
{
	struct kipc_unlink unlink = { .flags = 0 };
	uint64_t pointer;

	if (kipc_name(name, &pointer, &unlink.name_len) < 0)
		return -1;
	unlink.name = pointer;
	return kipc_control(KIPC_IOC_UNLINK, &unlink);
}

/**
 * kipc_narrow() - make a second handle with fewer rights
 * @fd: a handle of any kind
 * @rights: of the new handle, a part of those that @fd has
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT
 *
 * Return: a handle, or -1 with errno: EPERM (more rights than @fd has), EINVAL,
 * EIDRM (removed), EBADF, ENOTTY (not a handle), EMFILE, ENFILE, ENOMEM.
 */
int kipc_narrow(int fd, uint32_t rights, uint32_t flags)
{
	struct kipc_narrow narrow = { .rights = rights, .flags = flags };

	return ioctl(fd, KIPC_IOC_NARROW, &narrow);
}

/**
 * kipc_info() - what a handle's object is
 * @fd: a handle of any kind, with any right
 * @info: written on success
 *
 * Return: 0, or -1 with errno: EBADF, ENOTTY (not a handle), EFAULT.
 */
int kipc_info(int fd, struct kipc_info *info)
{
	return ioctl(fd, KIPC_IOC_INFO, info);
}

/**
 * kipc_remove() - end an object, whoever holds it
 * @fd: a handle of any kind, with KIPC_RIGHT_MANAGE
 *
 * Return: 0, or -1 with errno: EPERM (without the right), EIDRM (removed
 * already), EBADF, ENOTTY (not a handle).
 */
int kipc_remove(int fd)
{
	return ioctl(fd, KIPC_IOC_REMOVE);
}

/**
 * kipc_notify() - have a signal sent to the calling thread
 * @fd: a handle of a kind that has the event, with the right that it needs
 * @notification: when, which signal, and what comes with it; no events take it back
 *
 * Return: 0, or -1 with errno: EINVAL (an event, a flag or a signal that there is
 * not, or an event that the kind has not), EPERM (without the right), ENOENT (there
 * is none to be taken back), ENOSPC (KIPC_NOTIFY_MAX of them are there), EDQUOT (the
 * owner's quota of bytes), ENOMEM, EIDRM (removed), EBADF, ENOTTY (not a handle),
 * EFAULT.
 */
int kipc_notify(int fd, const struct kipc_notification *notification)
{
	return ioctl(fd, KIPC_IOC_NOTIFY, notification);
}
