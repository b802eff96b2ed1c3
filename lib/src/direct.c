// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Direct communication: what a process has published, by its pid.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/**
 * kipc_publish() - make an object the calling process's own
 * @fd: a handle with KIPC_RIGHT_SEND
 *
 * It takes the place of what the process has published before.
 *
 * Return: 0, or -1 with errno: EPERM (without the right), EIDRM (removed), EBADF,
 * ENOTTY (not a handle), ENOMEM.
 */
int kipc_publish(int fd)
{
	return ioctl(fd, KIPC_IOC_PUBLISH);
}

/**
 * kipc_unpublish() - take back what the calling process has published
 * @fd: the handle by which it was published
 *
 * Return: 0, or -1 with errno: ENOENT (nothing was, or by another handle), EBADF,
 * ENOTTY (not a handle).
 */
int kipc_unpublish(int fd)
{
	return ioctl(fd, KIPC_IOC_UNPUBLISH);
}

/**
 * kipc_open_pid() - open what a process has published
 * @pid: the process, in the caller's pid namespace
 * @kind: KIPC_KIND_..., or KIPC_KIND_ANY
 * @rights: KIPC_RIGHT_SEND
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT
 *
 * Return: a handle, or -1 with errno: ESRCH (no such process, or it has ended),
 * EPERM (the caller may not send it a signal), ENOENT (it has published nothing;
 * or the module is not loaded), ENODEV (not loaded), EIDRM (removed), EPROTOTYPE
 * (another kind), EINVAL, EACCES (/dev/kipc), EMFILE, ENFILE, ENOMEM.
 */
int kipc_open_pid(pid_t pid, uint32_t kind, uint32_t rights, uint32_t flags)
{
	struct kipc_open_pid open = {
		.pid = pid,
		.kind = kind,
		.rights = rights,
		.flags = flags,
	};

	return kipc_control(KIPC_IOC_OPEN_PID, &open);
}

/*
 * The number of a pidfd's process as /proc shows it: 0 if it cannot be seen, or has
 * ended and was waited for.  A zombie has its number still.
 */
static pid_t kipc_pidfd_number(int pidfd)
{
	char path[48], text[1024];
	const char *line;
	ssize_t size;
	long number;
	int fd, err;

	if (fcntl(pidfd, F_GETFD) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size = read(fd, text, sizeof(text) - 1);
	err = errno;
	close(fd);
	errno = err;
	if (size < 0)
		return -1;
	text[size] = 0;
	line = strstr(text, "\nPid:");
	if (!line) {
		errno = EBADF;
		return -1;
	}
	number = strtol(line + strlen("\nPid:"), NULL, 10);
	return number > 0 ? (pid_t)number : 0;
}

/* A handle that is not good after all. */
static int kipc_discard(int handle, int err)
{
	if (handle >= 0)
		close(handle);
	errno = err;
	return -1;
}

/**
 * kipc_open_pidfd() - open what the process of a pidfd has published
 * @pidfd: of the process
 * @kind: as for kipc_open_pid()
 * @rights: likewise
 * @flags: likewise
 *
 * The number that /proc shows may be another process's meanwhile, or in the
 * caller's pid namespace: so a second pidfd is made from it, and the two must have
 * the same number at last.  As both processes have one then, they are the same,
 * and have been all the time.
 *
 * Return: a handle, or -1 with errno: EBADF (no pidfd), ESRCH (it has ended, or has
 * no number in the caller's pid namespace), EPERM (the caller may not send it a
 * signal), ENOENT (it has published nothing; or there is no /proc; or the module is
 * not loaded), ENODEV (not loaded), EIDRM (removed), EPROTOTYPE (another kind),
 * EINVAL, EACCES (/dev/kipc), EMFILE, ENFILE, ENOMEM.
 */
int kipc_open_pidfd(int pidfd, uint32_t kind, uint32_t rights, uint32_t flags)
{
	struct kipc_open_pid open = {
		.kind = kind,
		.rights = rights,
		.flags = flags,
	};
	int twin, handle, err;
	pid_t now, same;

	open.pid = kipc_pidfd_number(pidfd);
	if (open.pid < 0)
		return -1;
	twin = (int)syscall(SYS_pidfd_open, open.pid, 0);
	if (twin < 0)
		return kipc_discard(-1, errno == EINVAL ? ESRCH : errno);
	handle = kipc_control(KIPC_IOC_OPEN_PID, &open);
	err = errno;
	now = kipc_pidfd_number(pidfd);
	same = now < 0 ? now : kipc_pidfd_number(twin);
	if (same < 0) {
		err = errno;
		close(twin);
		return kipc_discard(handle, err);
	}
	close(twin);
	if (now != open.pid || same != open.pid)
		return kipc_discard(handle, ESRCH);
	return handle < 0 ? kipc_discard(handle, err) : handle;
}
