// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The calls of a client of a service.
 *
 * The frame is memory that whoever shares the descriptor can write, too, but not the
 * server.  So whatever is read from it is read once.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

/*
 * A status as the caller gets it: one that stands for an error is one.  What says
 * something of the call itself only the kernel may say.
 */
static int result(int status)
{
	int err = status - KIPC_STATUS_ERROR;

	if (status < KIPC_STATUS_ERROR)
		return status;
	switch (err) {
	case EAGAIN:
	case EALREADY:
	case EBUSY:
	case EIDRM:
	case EINTR:
	case EPIPE:
	case ETIMEDOUT:
		err = EPROTO;
	}
	errno = err > 0 && err <= KIPC_ERRNO_MAX ? err : EPROTO;
	return -1;
}

/* Of an A-stack whose call is over. */
static int finished(struct kipc_binding *binding, unsigned int stack, int status,
		    uint64_t results[8])
{
	uint64_t bit = 1ULL << stack;

	if (__atomic_load_n(&binding->doubtful, __ATOMIC_RELAXED) & bit)
		__atomic_fetch_and(&binding->doubtful, ~bit, __ATOMIC_RELAXED);
	memcpy(results, kipc_frame(binding, stack)->args, 8 * sizeof(*results));
	return result(status);
}

/* The call on this A-stack was given up: it is not known when the server is done. */
static int given_up(struct kipc_binding *binding, unsigned int stack)
{
	if (errno == ETIMEDOUT)
		__atomic_fetch_or(&binding->doubtful, 1ULL << stack, __ATOMIC_RELAXED);
	return -1;
}

static void fill_frame(struct kipc_frame *frame, uint64_t procedure,
		       const uint64_t args[8], uint64_t deadline)
{
	memcpy(frame->args, args, sizeof(frame->args));
	frame->procedure = procedure;
	frame->deadline = deadline;
	frame->token = 0;
}

/*
 * Which the kernel has written, if nobody who shares the descriptor has since.  Until it
 * was read here, kipc_stack_take() leaves the A-stack alone: another thread may have
 * collected the call meanwhile, and given its A-stack back.
 */
static uint64_t read_token(struct kipc_frame *frame)
{
	uint64_t token = __atomic_load_n(&frame->token, __ATOMIC_RELAXED);

	__atomic_store_n(&frame->token, 0, __ATOMIC_RELEASE);
	return token;
}

/*
 * The reply to a call that a signal has interrupted when a worker had it.  No signal ends
 * that wait; if the deadline does, the call is given up.
 */
static int go_on(struct kipc_binding *binding, unsigned int stack, uint64_t token,
		 uint64_t deadline, uint64_t results[8])
{
	unsigned int done = UINT32_MAX;
	int ret;

	do {
		ret = kipc_call_collect(binding, &token, results, &done, deadline);
	} while (ret < 0 && errno == EINTR);
	if (done != UINT32_MAX) {
		if (ret < 0 || done == stack)
			return ret;
		errno = EPROTO;
		return -1;
	}
	if ((errno == ETIMEDOUT || errno == EAGAIN) &&
	    kipc_call_cancel(binding, token) == 0) {
		errno = ETIMEDOUT;
		return given_up(binding, stack);
	}
	/* Another thread has collected it, or just does. */
	if (errno == ENOENT || errno == EBUSY)
		errno = EALREADY;
	return -1;
}

/**
 * kipc_call() - call a procedure of a service, and wait for the reply
 * @binding: of kipc_connect()
 * @stack: number of the A-stack for the call
 * @procedure: which one
 * @args: eight numbers for the server, and then its results
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds: not KIPC_NO_WAIT
 *
 * A signal handler that runs before a worker has the call takes it back (or, with
 * SA_RESTART, changes nothing).  One that runs later changes nothing, either.
 *
 * Return: the server's status, 0 to KIPC_STATUS_MAX, or -1 with errno: ETIMEDOUT (the
 * call was given up), EPIPE (the service has ended, or the worker), EIDRM (removed), EINTR
 * (nothing has happened), EAGAIN (KIPC_NO_WAIT), EBUSY (the A-stack has a call), EINVAL
 * (no such A-stack), ELOOP (too many calls in a chain), EDEADLK (the chain would wait for
 * itself), ENOSYS (the server has no such procedure), EPROTO (the server has replied with
 * something that is no status), EALREADY (it was interrupted, and another thread has
 * collected its reply, and has the A-stack); or what else the server's handler returns as
 * an error.
 */
int kipc_call(struct kipc_binding *binding, unsigned int stack, uint64_t procedure,
	      uint64_t args[8], uint64_t deadline)
{
	struct kipc_frame *frame;
	uint64_t token;
	int ret;

	if (stack >= binding->stacks) {
		errno = EINVAL;
		return -1;
	}
	frame = kipc_frame(binding, stack);
	fill_frame(frame, procedure, args, deadline);
	ret = ioctl(binding->fd, KIPC_IOC_SERVICE_CALL, stack);
	if (ret >= 0)
		return finished(binding, stack, ret, args);
	if (errno != EINTR)
		return given_up(binding, stack);
	token = read_token(frame);
	errno = EINTR;
	return token ? go_on(binding, stack, token, deadline, args) : -1;
}

/**
 * kipc_call_async() - call a procedure of a service, and do not wait
 * @binding: of kipc_connect()
 * @stack: number of the A-stack for the call, which has it until it is collected
 * @procedure: which one
 * @args: eight numbers for the server
 * @token: names the call, written on success; or NULL
 *
 * Return: 0, or -1 with errno: EBUSY (the A-stack has a call), EINVAL (no such A-stack),
 * EPIPE (the service has ended), EIDRM (removed), EDEADLK (the chain would wait for
 * itself), ELOOP (too many calls in a chain).
 */
int kipc_call_async(struct kipc_binding *binding, unsigned int stack,
		    uint64_t procedure, const uint64_t args[8], uint64_t *token)
{
	struct kipc_frame *frame;
	uint64_t submitted;
	int ret;

	if (stack >= binding->stacks) {
		errno = EINVAL;
		return -1;
	}
	frame = kipc_frame(binding, stack);
	fill_frame(frame, procedure, args, KIPC_FOREVER);
	ret = ioctl(binding->fd, KIPC_IOC_SERVICE_CALL, stack | KIPC_SERVICE_SUBMIT);
	submitted = read_token(frame);
	if (ret == 0 && token)
		*token = submitted;
	return ret;
}

/**
 * kipc_call_collect() - collect the reply to a call
 * @binding: that the call was made by
 * @token: of the call; 0 for the first that is done, and then written; or NULL for that
 * @results: eight numbers
 * @stack: the A-stack of the call, written when it is over, also if it has failed; or NULL
 * @deadline: how long to wait for the reply
 *
 * Return: as kipc_call(): the server's status, or -1 with errno: EPIPE (the service has
 * ended, or the worker), EIDRM (removed), or an error that the server's handler returns,
 * ENOSYS and EPROTO among them: then the call is over.  ENOENT (no such call, or none at
 * all), EBUSY (another thread waits for it), EAGAIN (it is not there yet), ETIMEDOUT,
 * EINTR, EDQUOT (without a token: the caller's quota of waiters): then it can be collected
 * again.
 */
int kipc_call_collect(struct kipc_binding *binding, uint64_t *token,
		      uint64_t results[8], unsigned int *stack, uint64_t deadline)
{
	struct kipc_service_collect collect = {
		.token = token ? *token : 0,
		.deadline = deadline,
		.stack = UINT32_MAX,
	};
	int ret;

	ret = ioctl(binding->fd, KIPC_IOC_SERVICE_COLLECT, &collect);
	if (token)
		*token = collect.token;
	if (collect.stack >= binding->stacks)
		return ret;
	if (stack)
		*stack = collect.stack;
	return ret < 0 ? -1 : finished(binding, collect.stack, ret, results);
}

/**
 * kipc_call_cancel() - give a call up
 * @binding: that the call was made by
 * @token: of the call
 *
 * If no worker has it, it will not be made; else its A-stack is EBUSY until the server is
 * done.
 *
 * Return: 0, or -1 with errno: ENOENT (no such call), EBUSY (another thread waits for it).
 */
int kipc_call_cancel(struct kipc_binding *binding, uint64_t token)
{
	struct kipc_service_cancel cancel = { .token = token };

	return ioctl(binding->fd, KIPC_IOC_SERVICE_CANCEL, &cancel);
}
