/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share.
 *
 * DOC: The library
 *
 * A function is one ioctl.  One that needs the device (to create, to open by name or
 * pid, to unlink, to ask for features) opens /dev/kipc for that ioctl alone.
 * Nothing is kept between calls and nothing is allocated, so there is nothing
 * to lock, to initialise or to leak, and fork and threads need no care.
 * EINTR is the caller's: no call is repeated here.  Only kipc_mailbox_call() is
 * more than one ioctl: the kernel cannot go on with a call that was interrupted when a
 * server had the request, so the reply is collected.  kipc_open_pidfd() reads /proc
 * besides, since the kernel exports nothing to modules that knows pidfds.
 */
#ifndef KIPC_INTERNAL_H
#define KIPC_INTERNAL_H

/* Only what kipc.h declares is visible outside the library. */
#pragma GCC visibility push(default)
#include <kipc.h>
#pragma GCC visibility pop

static inline uint64_t kipc_pointer(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

/* A buffer's size, for the kernel, which takes no letter and no message of that length. */
static inline uint32_t kipc_room(size_t size)
{
	return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

/* A count of items that the kernel would see otherwise is one that it refuses, too. */
static inline uint32_t kipc_count(size_t count)
{
	return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

int kipc_control(unsigned long request, void *argument);
int kipc_name(const char *name, uint64_t *pointer, uint32_t *length);
int kipc_describe(struct kipc_create *create, uint32_t kind, const char *name,
		  const void *attr, size_t size);
int kipc_ends(int fd[2], uint32_t more, uint32_t flags);

#endif /* KIPC_INTERNAL_H */
