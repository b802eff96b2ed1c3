// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Services: a server's ioctls, one by one.
 */
#include <sys/ioctl.h>

#include "internal.h"

/**
 * kipc_service_create() - create a service, or open it if the name is there
 * @name: as for kipc_open(), or NULL for a service without a name
 * @attr: A-stacks, bindings, workers, flags; NULL for the defaults
 * @mode: permission bits for kipc_connect(), less the caller's umask
 * @rights: KIPC_RIGHT_..., of the new handle
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT, KIPC_EXCL
 *
 * The server has to map it before it serves: mmap(2), as many bytes as
 * kipc_service_stat() says.  kipc_service_register() does all of that.
 *
 * Return: a handle, or -1 with errno: EEXIST (KIPC_EXCL), EACCES, EPROTOTYPE
 * (another kind has the name), EDQUOT (the quota of objects or bytes), EINVAL (also
 * by a module that does not know services), ENAMETOOLONG, EFAULT (@attr), ENOENT or
 * ENODEV (the module is not loaded), EMFILE, ENFILE, ENOMEM.
 */
int kipc_service_create(const char *name, const struct kipc_service_attr *attr,
			mode_t mode, uint32_t rights, uint32_t flags)
{
	struct kipc_create create = {
		.flags = flags,
		.mode = mode,
		.rights = rights,
	};

	if (kipc_describe(&create, KIPC_KIND_SERVICE, name, attr, sizeof(*attr)) < 0)
		return -1;
	return kipc_control(KIPC_IOC_CREATE, &create);
}

/**
 * kipc_service_serve() - reply to a call, and wait for the next
 * @fd: a handle with KIPC_RIGHT_SERVE, which this process has mapped
 * @serve: the reply, with its token 0 if there is none; how long to wait; then the call
 *
 * Return: 0, or -1 with errno.  As long as the token of the reply is not 0, it is the
 * reply that has failed: as kipc_service_reply().  Else EAGAIN (no call is there),
 * ETIMEDOUT, EINTR, ESHUTDOWN (kipc_service_stop()), ENXIO (not mapped by this process),
 * EPERM (without the right), EIDRM (removed), EINVAL (flags), EBADF (closed), ENOTTY (not
 * a service), EFAULT (@serve).
 */
int kipc_service_serve(int fd, struct kipc_service_serve *serve)
{
	return ioctl(fd, KIPC_IOC_SERVICE_SERVE, serve);
}

/**
 * kipc_service_reply() - reply to a call
 * @fd: a handle with KIPC_RIGHT_SERVE
 * @reply: token, status and results
 *
 * Return: 0; 1 if nobody waits for it any more; or -1 with errno: ENOENT (no call with
 * this token waits for a reply), EINVAL (the status is negative, flags), EPERM (without
 * the right), EIDRM (removed), EBADF (closed), ENOTTY (not a service), EFAULT (@reply).
 */
int kipc_service_reply(int fd, const struct kipc_service_reply *reply)
{
	return ioctl(fd, KIPC_IOC_SERVICE_REPLY, reply);
}

/**
 * kipc_service_stop() - take no more calls
 * @fd: a handle with KIPC_RIGHT_SERVE
 *
 * Workers that wait are told, and so kipc_service_run() returns when the calls that
 * handlers have are replied to.  May be called by a signal handler.
 *
 * Return: 0, or -1 with errno: EPERM (without the right), EIDRM (removed), EBADF
 * (closed), ENOTTY (not a service).
 */
int kipc_service_stop(int fd)
{
	return ioctl(fd, KIPC_IOC_SERVICE_STOP);
}

/**
 * kipc_service_stat() - a service's configuration and figures
 * @fd: a handle of a service, with any right
 * @stat: written on success
 *
 * Return: 0, or -1 with errno: EBADF, ENOTTY (not a service), EFAULT.
 */
int kipc_service_stat(int fd, struct kipc_service_stat *stat)
{
	return ioctl(fd, KIPC_IOC_SERVICE_STAT, stat);
}
