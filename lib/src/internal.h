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
 * EINTR is the caller's: no call is repeated here.  Only kipc_mailbox_call() and
 * kipc_mailbox_call_handles() are more than one ioctl: the kernel cannot go on with a call
 * that was interrupted when a server had the request, so the reply is collected.
 * kipc_open_pidfd() reads /proc besides, since the kernel exports nothing to modules that
 * knows pidfds.
 *
 * kipc_sigfd(), kipc_wait_any() and kipc_wait_all() ask no device: they are what signalfd
 * and poll do, with the library's habits.
 *
 * Services are different: memory that is shared has to be mapped, and workers are threads.
 * What belongs to one service or one binding is in its struct kipc_service or struct
 * kipc_binding, and which call a worker has is known to its thread.  On the way of a call
 * there is one ioctl on each side, nothing is allocated and nothing locked.
 *
 *	service.c	a server's ioctls, one by one
 *	server.c	struct kipc_service: the threads that call handlers
 *	binding.c	struct kipc_binding: connecting, and A-stacks
 *	callout.c	the calls of a client
 */
#ifndef KIPC_INTERNAL_H
#define KIPC_INTERNAL_H

#include <stdbool.h>

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

/* Descriptors to be sent, or room for those that come. */
static inline struct kipc_handles kipc_items(const struct kipc_descriptor *items,
					     size_t count)
{
	struct kipc_handles handles = {
		.items = kipc_pointer(items),
		.count = kipc_count(count),
	};

	return handles;
}

/* What was received, as its server is told. */
static inline struct kipc_request kipc_request_of(const struct kipc_mailbox_recv *recv)
{
	struct kipc_request request = {
		.letter = recv->letter,
		.token = recv->token,
		.reply_size = recv->reply_size,
		.reply_handles = recv->reply_handles,
	};

	return request;
}

/*
 * DOC: An error as a status
 *
 * The kernel carries a status of 0 or more.  A handler may return a negative error
 * number, which travels as this one more than its positive; so does what this library
 * itself has to say, ENOSYS where there is no handler.
 */
#define KIPC_STATUS_ERROR	(KIPC_STATUS_MAX + 1)
#define KIPC_ERRNO_MAX		4095

struct kipc_binding {
	int fd;
	pid_t process;		/* that has it mapped; a child has not */
	uint32_t stacks;
	uint32_t stack_size;
	uint32_t frames_size;
	unsigned char *map;
	size_t size;
	uint64_t free;		/* a bit for each A-stack that nobody has taken */
	uint64_t doubtful;	/* likewise, that may still have a call: take others first */
};

static inline struct kipc_frame *kipc_frame(const struct kipc_binding *binding,
					    unsigned int stack)
{
	return (struct kipc_frame *)binding->map + stack;
}

int kipc_control(unsigned long request, void *argument);
bool kipc_is_over(uint64_t deadline);
int kipc_too_late(uint64_t deadline);
int kipc_name(const char *name, uint64_t *pointer, uint32_t *length);
int kipc_describe(struct kipc_create *create, uint32_t kind, const char *name,
		  const void *attr, size_t size);
int kipc_ends(int fd[2], uint32_t more, uint32_t flags);

#endif /* KIPC_INTERNAL_H */
