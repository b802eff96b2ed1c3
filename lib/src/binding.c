// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Bindings: connecting to a service, and its A-stacks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* The binding's memory.  0, or -1. */
static int map_stacks(struct kipc_binding *binding,
		      const struct kipc_service_connect *connect)
{
	void *map;

	if (connect->binding_size > SIZE_MAX) {
		errno = ENOMEM;
		return -1;
	}
	map = mmap(NULL, connect->binding_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   binding->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	binding->map = map;
	binding->process = getpid();
	binding->size = connect->binding_size;
	binding->frames_size = connect->frames_size;
	binding->stack_size = connect->stack_size;
	binding->stacks = connect->stacks;
	binding->free = UINT64_MAX >> (KIPC_STACKS_MAX - connect->stacks);
	return 0;
}

/**
 * kipc_connect_fd() - connect by a handle
 * @fd: a handle with KIPC_RIGHT_CALL, and without KIPC_RIGHT_SERVE, that has no binding
 *	yet; kipc_disconnect() closes it
 * @args: for the server, if it decides who connects, and then its answer; or NULL
 * @deadline: how long to wait for its decision
 *
 * Return: a binding, or NULL with errno: EPERM (without the right, or with that to
 * serve), EISCONN (the handle has a binding), EALREADY (another thread is just connecting
 * it), EUSERS (there are as many bindings as there may be), ECONNREFUSED (the server says
 * no, and @args says why), EAGAIN, ETIMEDOUT or EINTR (it has not decided), EDQUOT (the
 * server's quota of bytes), EPIPE (the service has ended), EIDRM (removed), ELOOP (too many
 * calls in a chain), EDEADLK (it would wait for itself), EBADF (closed), ENOTTY (not a
 * service), ENOMEM.  Then @fd is still open.
 */
struct kipc_binding *kipc_connect_fd(int fd, uint64_t args[8], uint64_t deadline)
{
	struct kipc_service_connect connect = { .deadline = deadline };
	struct kipc_binding *binding;
	int ret, err;

	binding = calloc(1, sizeof(*binding));
	if (!binding)
		return NULL;
	binding->fd = fd;
	if (args)
		memcpy(connect.args, args, sizeof(connect.args));
	ret = ioctl(fd, KIPC_IOC_SERVICE_CONNECT, &connect);
	if (args && (ret == 0 || errno == ECONNREFUSED))
		memcpy(args, connect.args, sizeof(connect.args));
	if (ret == 0 && map_stacks(binding, &connect) == 0)
		return binding;
	err = errno;
	free(binding);
	errno = err;
	return NULL;
}

static int open_to_call(const char *name, uint64_t deadline)
{
	struct kipc_open open = {
		.kind = KIPC_KIND_SERVICE,
		.rights = KIPC_RIGHT_CALL,
		.deadline = deadline,
	};
	uint64_t pointer;

	if (kipc_name(name, &pointer, &open.name_len) < 0)
		return -1;
	open.name = pointer;
	return kipc_control(KIPC_IOC_OPEN, &open);
}

/**
 * kipc_connect() - connect to a service by its name
 * @name: of the service
 * @args: for the server, if it decides who connects, and then its answer; or NULL
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds: kipc_deadline(), KIPC_NO_WAIT or
 *	KIPC_FOREVER
 *
 * Waits until the service is there, and until its server has decided.  If that ends
 * meanwhile, it waits for another of the same name.
 *
 * Return: a binding, or NULL with errno: ENOENT (no such name, and it should not wait; or
 * the module is not loaded), ETIMEDOUT, EINTR, EACCES, EPROTOTYPE (another kind has the
 * name), EUSERS (there are as many bindings as there may be), ECONNREFUSED (the server
 * says no, and @args says why), EAGAIN (it has not decided), EDQUOT (the server's quota of
 * bytes, or the caller's of waiters), ELOOP, EDEADLK (as kipc_connect_fd()), EINVAL (@name),
 * ENAMETOOLONG, ENODEV (the module is not loaded), EMFILE, ENFILE, ENOMEM.
 */
struct kipc_binding *kipc_connect(const char *name, uint64_t args[8],
				  uint64_t deadline)
{
	struct kipc_binding *binding;
	int fd, err;

	for (;;) {
		fd = open_to_call(name, deadline);
		if (fd < 0)
			return NULL;
		binding = kipc_connect_fd(fd, args, deadline);
		if (binding)
			return binding;
		err = errno;
		close(fd);
		/* Its name was gone before that was told: this cannot spin. */
		if (err != EPIPE && err != EIDRM) {
			errno = err;
			return NULL;
		}
	}
}

/**
 * kipc_disconnect() - end a binding
 * @binding: of kipc_connect() or kipc_connect_fd(), or NULL
 *
 * Its A-stacks are unmapped, and its descriptor is closed; calls that nobody has collected
 * are given up.  In a child it closes the child's descriptor alone.
 */
void kipc_disconnect(struct kipc_binding *binding)
{
	if (!binding)
		return;
	if (binding->process == getpid())
		munmap(binding->map, binding->size);
	close(binding->fd);
	free(binding);
}

/**
 * kipc_binding_fd() - the descriptor of a binding
 * @binding: a binding
 *
 * It can be polled, and asked for figures; not closed.
 *
 * Return: a handle with the right to call.
 */
int kipc_binding_fd(const struct kipc_binding *binding)
{
	return binding->fd;
}

/**
 * kipc_stacks() - how many A-stacks a binding has
 * @binding: a binding
 *
 * Return: 1 to KIPC_STACKS_MAX.
 */
unsigned int kipc_stacks(const struct kipc_binding *binding)
{
	return binding->stacks;
}

/**
 * kipc_stack_size() - how large the A-stacks of a binding are
 * @binding: a binding
 *
 * Return: bytes of each.
 */
size_t kipc_stack_size(const struct kipc_binding *binding)
{
	return binding->stack_size;
}

/**
 * kipc_stack() - where an A-stack is
 * @binding: a binding
 * @stack: number of the A-stack, from 0 on
 *
 * Return: kipc_stack_size() bytes that the server shares; NULL if there is no such A-stack.
 */
void *kipc_stack(const struct kipc_binding *binding, unsigned int stack)
{
	if (stack >= binding->stacks)
		return NULL;
	return binding->map + binding->frames_size + (size_t)stack * binding->stack_size;
}

/* Take one that is not among @others. */
static int take_but(struct kipc_binding *binding, uint64_t others)
{
	uint64_t available = __atomic_load_n(&binding->free, __ATOMIC_RELAXED);
	uint64_t possible, good;
	int stack;

	do {
		possible = available & ~others;
		if (!possible) {
			errno = EAGAIN;
			return -1;
		}
		good = possible & ~__atomic_load_n(&binding->doubtful, __ATOMIC_RELAXED);
		/* The lowest is the one that is in use most of the time. */
		stack = __builtin_ctzll(good ? good : possible);
	} while (!__atomic_compare_exchange_n(&binding->free, &available,
					      available & ~(1ULL << stack), 0,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return stack;
}

/**
 * kipc_stack_take() - take an A-stack that no other thread has taken
 * @binding: a binding
 *
 * That is for threads that share a binding; without it, any A-stack can be used.
 *
 * Return: the number of an A-stack, or -1 with errno: EAGAIN (all are taken).
 */
int kipc_stack_take(struct kipc_binding *binding)
{
	uint64_t unread = 0;
	int stack;

	/* Whoever has yet to read what became of his call there will not find another's. */
	while ((stack = take_but(binding, unread)) >= 0 &&
	       __atomic_load_n(&kipc_frame(binding, stack)->token, __ATOMIC_ACQUIRE)) {
		kipc_stack_release(binding, stack);
		unread |= 1ULL << stack;
	}
	return stack;
}

/**
 * kipc_stack_release() - give an A-stack back
 * @binding: a binding
 * @stack: of kipc_stack_take()
 *
 * It may be one whose call was given up: others are taken first, then.
 */
void kipc_stack_release(struct kipc_binding *binding, unsigned int stack)
{
	if (stack < binding->stacks)
		__atomic_fetch_or(&binding->free, 1ULL << stack, __ATOMIC_RELEASE);
}
