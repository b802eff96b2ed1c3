// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls on mailboxes: requests and their replies.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

/*
 * The reply to a call that was interrupted, or whose reply could not be written; if it
 * cannot be had, the call is given up.
 */
static ssize_t collect_or_cancel(int fd, uint64_t token, void *reply,
				 size_t room, uint64_t deadline)
{
	ssize_t ret;
	int err;

	ret = kipc_mailbox_collect(fd, &token, reply, room, NULL, deadline);
	if (ret < 0) {
		err = errno;
		/* A call that is over already is not found. */
		kipc_mailbox_cancel(fd, token);
		errno = err;
	}
	return ret;
}

/**
 * kipc_mailbox_call() - send a request and wait for its reply
 * @fd: a handle with KIPC_RIGHT_SEND
 * @data: the request; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the request
 * @reply: a buffer for the reply; may be NULL if @room is 0
 * @room: of the buffer in bytes; the server cannot reply with more
 * @deadline: absolute, CLOCK_MONOTONIC in nanoseconds, for both ways: not
 *	KIPC_NO_WAIT
 *
 * A signal handler that runs before a server has the request takes it back (or,
 * with SA_RESTART, changes nothing).  One that runs later cannot: the wait goes on.
 * If a further one without SA_RESTART ends that, the call is given up.
 *
 * Return: bytes in the reply, or -1 with errno: EPIPE (the server has gone before
 * it replied, or no receiver is left), ETIMEDOUT (the call was given up), EINTR
 * (likewise), ECANCELED (dropped for a younger letter), EAGAIN (full, and not to
 * be waited for; or KIPC_NO_WAIT), EMSGSIZE (longer than the mailbox's letters),
 * EINVAL (shorter than all of its letters), EDQUOT (the caller's quota of bytes or
 * waiters, or the owner's of waiters), ENOMEM, EIDRM (removed), EBADF (closed, or
 * without the right), ENOTTY (not a mailbox), EFAULT (@data or @reply), ENOENT or
 * EBUSY (it was interrupted, and another thread has collected or collects its reply).
 */
ssize_t kipc_mailbox_call(int fd, const void *data, size_t size, uint64_t tag,
			  void *reply, size_t room, uint64_t deadline)
{
	struct kipc_mailbox_call call = {
		.data = kipc_pointer(data),
		.tag = tag,
		.deadline = deadline,
		.reply = kipc_pointer(reply),
		.size = (uint32_t)size,
		.reply_size = kipc_room(room),
	};
	int ret;

	if (size > UINT32_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	ret = ioctl(fd, KIPC_IOC_MAILBOX_CALL, &call);
	if (ret < 0 && call.token)
		return collect_or_cancel(fd, call.token, reply, room, deadline);
	return ret;
}

/**
 * kipc_mailbox_submit() - send a request whose reply is collected later
 * @fd: a handle with KIPC_RIGHT_SEND
 * @data: the request; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the request
 * @room: bytes in the longest reply that will be taken; the caller pays for them
 * @token: names the call, written on success; or NULL
 * @deadline: how long to wait while the mailbox is full, or in a rendezvous for a
 *	receiver; the call itself has none
 *
 * Return: 0, or -1 with errno: EAGAIN (full), ETIMEDOUT, EINTR, EMSGSIZE (longer
 * than the mailbox's letters), EINVAL (shorter than all of its letters), EPIPE (no
 * receiver is left), EDQUOT (the caller's quota of bytes, or the owner's of
 * waiters), ENOMEM, EIDRM (removed), EBADF (closed, or without the right), ENOTTY
 * (not a mailbox), EFAULT (@data).  Then nothing was sent.
 */
int kipc_mailbox_submit(int fd, const void *data, size_t size, uint64_t tag,
			size_t room, uint64_t *token, uint64_t deadline)
{
	struct kipc_mailbox_call call = {
		.data = kipc_pointer(data),
		.tag = tag,
		.deadline = deadline,
		.size = (uint32_t)size,
		.reply_size = kipc_room(room),
		.flags = KIPC_CALL_SUBMIT,
	};
	int ret;

	if (size > UINT32_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	ret = ioctl(fd, KIPC_IOC_MAILBOX_CALL, &call);
	if (!ret && token)
		*token = call.token;
	return ret;
}

/**
 * kipc_mailbox_collect() - collect the reply to a call
 * @fd: the handle that the call was made by
 * @token: of the call; 0 for the first that is done, and then written once there is
 *	one; NULL for that without being told which it was
 * @reply: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @letter: the reply's header, written on success; or NULL
 * @deadline: how long to wait for the reply
 *
 * Return: bytes in the reply, or -1 with errno: EPIPE (the server has gone before it
 * replied, or no receiver is left), ECANCELED (the request was dropped for a
 * younger letter), EIDRM (removed): then the call is over.  ENOENT (no such call, or
 * none at all), EBUSY (another thread waits for it), EMSGSIZE (the reply is longer
 * than @size), EBADMSG (it carries handles: see kipc_mailbox_collect_handles()), EAGAIN
 * (it is not there yet), ETIMEDOUT, EINTR, EDQUOT (the quota of waiters), EBADF (closed,
 * or without the right), ENOTTY (not a mailbox), EFAULT (@reply): then it can be
 * collected again.
 */
ssize_t kipc_mailbox_collect(int fd, uint64_t *token, void *reply, size_t size,
			     struct kipc_letter *letter, uint64_t deadline)
{
	struct kipc_mailbox_collect collect = {
		.token = token ? *token : 0,
		.data = kipc_pointer(reply),
		.deadline = deadline,
		.size = kipc_room(size),
	};
	int ret;

	ret = ioctl(fd, KIPC_IOC_MAILBOX_COLLECT, &collect);
	if (token)
		*token = collect.token;
	if (ret >= 0 && letter)
		*letter = collect.letter;
	return ret;
}

/**
 * kipc_mailbox_cancel() - give a call up
 * @fd: the handle that the call was made by
 * @token: of the call
 *
 * A request that no server has taken leaves the mailbox.
 *
 * Return: 0, or -1 with errno: ENOENT (no such call), EBUSY (another thread waits
 * for it), EIDRM (removed, and no such call), EBADF (closed, or without the right),
 * ENOTTY (not a mailbox).
 */
int kipc_mailbox_cancel(int fd, uint64_t token)
{
	struct kipc_mailbox_cancel cancel = { .token = token };

	return ioctl(fd, KIPC_IOC_MAILBOX_CANCEL, &cancel);
}

/* What was received, if anything was. */
static ssize_t received(struct kipc_request *request,
			const struct kipc_mailbox_recv *recv, int ret)
{
	if (ret >= 0)
		*request = kipc_request_of(recv);
	return ret;
}

/**
 * kipc_mailbox_serve() - receive the oldest letter, be it a request
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @data: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @request: header, token and largest reply, written on success
 * @flags: KIPC_RECV_PEEK, KIPC_RECV_TRUNCATE
 * @deadline: how long to wait while the mailbox is empty
 *
 * The token is 0 for a letter that is no request, and with KIPC_RECV_PEEK.
 *
 * Return: bytes written to the buffer, or -1 with errno: EAGAIN (empty), ETIMEDOUT,
 * EINTR, EMSGSIZE (the letter is longer than @size), EPIPE (empty, and no sender is
 * left), EDQUOT (the owner's quota of waiters), EBADMSG (the letter carries handles: see
 * kipc_mailbox_serve_handles()), EIDRM (removed), EINVAL (@flags; or @request is NULL),
 * EBADF (closed, or without the right), ENOTTY (not a mailbox), EFAULT (@data).
 */
ssize_t kipc_mailbox_serve(int fd, void *data, size_t size,
			   struct kipc_request *request, uint32_t flags,
			   uint64_t deadline)
{
	struct kipc_mailbox_recv recv = {
		.data = kipc_pointer(data),
		.deadline = deadline,
		.size = kipc_room(size),
		.flags = flags | KIPC_RECV_CALLS,
	};

	/* Nobody could reply to a request that was taken then. */
	if (!request) {
		errno = EINVAL;
		return -1;
	}
	return received(request, &recv,
			ioctl(fd, KIPC_IOC_MAILBOX_RECV, &recv));
}

/**
 * kipc_mailbox_reply_serve() - reply to a request, and receive the next letter
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @reply: the reply; may be NULL if @reply_size is 0
 * @reply_size: bytes of it
 * @tag: goes along with the reply
 * @data: a buffer for the next letter; may be NULL if @size is 0; may be @reply
 * @size: of the buffer in bytes
 * @request: what is replied to, and then what was received
 * @flags: KIPC_RECV_PEEK, KIPC_RECV_TRUNCATE
 * @deadline: how long to wait while the mailbox is empty
 *
 * Does what kipc_mailbox_reply() and then kipc_mailbox_serve() do, in one system
 * call.  The token of @request is 0 if there is nothing to reply to, and becomes 0
 * when the reply was given, or its caller found gone (which is not told): so after an
 * error it says which of the two has failed.
 *
 * Return: bytes written to the buffer, or -1 with errno: as kipc_mailbox_reply() if
 * the token is not 0, else as kipc_mailbox_serve().
 */
ssize_t kipc_mailbox_reply_serve(int fd, const void *reply, size_t reply_size,
				 uint64_t tag, void *data, size_t size,
				 struct kipc_request *request, uint32_t flags,
				 uint64_t deadline)
{
	struct kipc_mailbox_reply answer = {
		.data = kipc_pointer(reply),
		.tag = tag,
		.size = (uint32_t)reply_size,
	};
	struct kipc_mailbox_recv recv = {
		.data = kipc_pointer(data),
		.deadline = deadline,
		.size = kipc_room(size),
		.flags = flags | KIPC_RECV_CALLS | KIPC_RECV_REPLY,
		.answer = kipc_pointer(&answer),
	};
	ssize_t ret;

	if (!request || reply_size > UINT32_MAX) {
		errno = request ? EMSGSIZE : EINVAL;
		return -1;
	}
	answer.token = request->token;
	ret = received(request, &recv,
		       ioctl(fd, KIPC_IOC_MAILBOX_RECV, &recv));
	if (ret < 0)
		request->token = answer.token;
	return ret;
}

/**
 * kipc_mailbox_reply() - reply to a request
 * @fd: a handle of the same mailbox with KIPC_RIGHT_RECEIVE, not necessarily the one
 *	that received it
 * @token: of the request
 * @data: the reply; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the reply
 *
 * Never waits.
 *
 * Return: 0; 1 if the caller has gone; or -1 with errno: ENOENT (no such request
 * waits for a reply), EMSGSIZE (longer than the caller takes), EINTR, EIDRM
 * (removed), EPIPE (who took the request has gone just now), EBADF (closed, or
 * without the right), ENOTTY (not a mailbox), EFAULT (@data).  But for ENOENT, EIDRM
 * and EPIPE the request still waits for a reply then.
 */
int kipc_mailbox_reply(int fd, uint64_t token, const void *data, size_t size,
		       uint64_t tag)
{
	struct kipc_mailbox_reply reply = {
		.token = token,
		.data = kipc_pointer(data),
		.tag = tag,
		.size = (uint32_t)size,
	};

	if (size > UINT32_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	return ioctl(fd, KIPC_IOC_MAILBOX_REPLY, &reply);
}
