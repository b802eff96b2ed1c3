// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Deadlines.
 */
#include <errno.h>
#include <time.h>

#include "internal.h"

/**
 * kipc_deadline() - the point of time that lies @nanoseconds ahead
 * @nanoseconds: from now; 0 gives a deadline that has passed
 *
 * A time that 64 bits cannot hold is KIPC_FOREVER.  errno stays as it is.
 *
 * Return: CLOCK_MONOTONIC in nanoseconds, never KIPC_NO_WAIT.
 */
uint64_t kipc_deadline(uint64_t nanoseconds)
{
	struct timespec now;
	uint64_t deadline;

	/* This clock is always there: the call cannot fail. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (nanoseconds > KIPC_FOREVER - deadline)
		return KIPC_FOREVER;
	deadline += nanoseconds;
	/* A clock that reads 0 is possible in a time namespace. */
	return deadline == KIPC_NO_WAIT ? 1 : deadline;
}

/**
 * kipc_is_over() - has a deadline passed?
 * @deadline: KIPC_NO_WAIT, which always has, KIPC_FOREVER, or a time
 *
 * Return: if so.
 */
bool kipc_is_over(uint64_t deadline)
{
	return deadline != KIPC_FOREVER && kipc_deadline(0) >= deadline;
}

/**
 * kipc_too_late() - say that a deadline has passed
 * @deadline: which
 *
 * Return: -1 with errno: EAGAIN (KIPC_NO_WAIT), ETIMEDOUT.
 */
int kipc_too_late(uint64_t deadline)
{
	errno = deadline == KIPC_NO_WAIT ? EAGAIN : ETIMEDOUT;
	return -1;
}
