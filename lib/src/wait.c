// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting for several descriptors at once, of objects or of anything else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define SECOND	1000000000ULL

/**
 * kipc_sigfd() - signals from a descriptor
 * @signals: which; they are blocked in the calling thread
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT
 *
 * Return: a descriptor that is closed by exec, see signalfd(2), or -1 with errno: EINVAL
 * (a flag that there is not), EFAULT, EMFILE, ENFILE, ENOMEM; and then nothing is
 * blocked.
 */
int kipc_sigfd(const sigset_t *signals, uint32_t flags)
{
	int how = (flags & KIPC_NONBLOCK ? SFD_NONBLOCK : 0) |
		  (flags & KIPC_INHERIT ? 0 : SFD_CLOEXEC);
	int fd;

	if (flags & ~(uint32_t)(KIPC_NONBLOCK | KIPC_INHERIT)) {
		errno = EINVAL;
		return -1;
	}
	fd = signalfd(-1, signals, how);
	/* With a set that the kernel has just read, this cannot fail. */
	if (fd >= 0)
		pthread_sigmask(SIG_BLOCK, signals, NULL);
	return fd;
}

/*
 * poll() until a deadline.  Returns how many are ready, 0 if it has passed, or -1 with
 * errno.
 */
static int kipc_poll(struct pollfd *fds, size_t count, uint64_t deadline)
{
	uint64_t now = kipc_deadline(0);
	struct timespec rest = { 0 };
	int ready;
	size_t i;

	if (deadline > now) {
		rest.tv_sec = (time_t)((deadline - now) / SECOND);
		rest.tv_nsec = (long)((deadline - now) % SECOND);
	}
	ready = ppoll(fds, count, deadline == KIPC_FOREVER ? NULL : &rest, NULL);
	for (i = 0; ready > 0 && i < count; i++) {
		if (fds[i].revents & POLLNVAL) {
			errno = EBADF;
			ready = -1;
		}
	}
	return ready;
}

/**
 * kipc_wait_any() - wait until one of several descriptors is ready
 * @fds: as for poll(2)
 * @count: of them, at least 1
 * @deadline: KIPC_NO_WAIT, KIPC_FOREVER, or a time
 *
 * Return: how many are ready, as their revents say; or -1 with errno: EAGAIN, ETIMEDOUT,
 * EINTR, EBADF (one is not open), EINVAL (no descriptor, or more than RLIMIT_NOFILE),
 * EFAULT, ENOMEM.
 */
int kipc_wait_any(struct pollfd *fds, size_t count, uint64_t deadline)
{
	int ready;

	/* The system call takes an unsigned int, and the rest would be lost. */
	if (!count || count > INT_MAX) {
		errno = EINVAL;
		return -1;
	}
	ready = kipc_poll(fds, count, deadline);
	return ready ? ready : kipc_too_late(deadline);
}

/* Those that @fds has not seen ready; returns how many. */
static size_t kipc_missing(const struct pollfd *fds, size_t count,
			   struct pollfd *missing)
{
	size_t i, n = 0;

	for (i = 0; i < count; i++)
		if (fds[i].fd >= 0 && !fds[i].revents)
			missing[n++] = fds[i];
	return n;
}

/**
 * kipc_wait_all() - wait until all of several descriptors are ready
 * @fds: as for poll(2)
 * @count: of them, 1 to KIPC_WAIT_MAX
 * @deadline: KIPC_NO_WAIT, KIPC_FOREVER, or a time
 *
 * It sleeps until one that was missing is ready, and looks at all of them again; so those
 * that are ready all the time do not keep it awake.
 *
 * Return: how many are ready: all but those whose descriptor is negative; or -1 with
 * errno: EAGAIN, ETIMEDOUT, EINTR, EBADF (one is not open), EINVAL (no descriptor, or
 * too many), EFAULT, ENOMEM.
 */
int kipc_wait_all(struct pollfd *fds, size_t count, uint64_t deadline)
{
	struct pollfd missing[KIPC_WAIT_MAX];
	size_t n;
	int ready;

	if (!count || count > KIPC_WAIT_MAX) {
		errno = EINVAL;
		return -1;
	}
	for (;;) {
		/* One look: all that it finds ready were so while it lasted. */
		ready = kipc_poll(fds, count, KIPC_NO_WAIT);
		if (ready < 0)
			return -1;
		n = kipc_missing(fds, count, missing);
		if (!n)
			return ready;
		/* Those that are missing may be others each time, and for ever. */
		if (kipc_is_over(deadline))
			return kipc_too_late(deadline);
		ready = kipc_poll(missing, n, deadline);
		if (ready <= 0)
			return ready ? -1 : kipc_too_late(deadline);
	}
}
