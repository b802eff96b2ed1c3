// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls on mailboxes whose requests and replies carry handles.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

/**
 * kipc_mailbox_call_handles() - send a request that carries handles, and wait for its reply
 * @fd: a handle with KIPC_RIGHT_SEND of a mailbox with KIPC_MAILBOX_HANDLES
 * @data: the request; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the request
 * @items: the descriptors that it carries, which stay open here; may be NULL if @count is 0
 * @count: how many, up to KIPC_HANDLES_MAX
 * @reply: a buffer for the reply; may be NULL if @room is 0
 * @room: of the buffer in bytes; the server cannot reply with more
 * @got: an array, for the descriptors that come with the reply; may be NULL if that may be
 *	none
 * @got_count: of @got; the server cannot reply with more; how many came is written on
 *	success
 * @deadline: as for kipc_mailbox_call()
 *
 * A call that has failed, for whatever reason, is given up, and what its reply carries goes
 * with it: who cannot do without that submits and collects.
 *
 * Return: bytes in the reply, or -1 with errno: those of kipc_mailbox_call(), and
 * EOPNOTSUPP (the mailbox carries none), EPERM (one is not of a sort that is carried, or
 * has not the rights), ELOOP (it would be on its way within itself), EDQUOT (also the
 * owner's quota of those that are carried), EBADF (also one of @items is closed), EINVAL
 * (also @count, rights), ENFILE, ENOMEM, EFAULT (also @items, @got), EMFILE (no descriptor
 * is left for what the reply carries).
 */
ssize_t kipc_mailbox_call_handles(int fd, const void *data, size_t size, uint64_t tag,
				  const struct kipc_descriptor *items, size_t count,
				  void *reply, size_t room,
				  struct kipc_descriptor *got, size_t *got_count,
				  uint64_t deadline)
{
	struct kipc_mailbox_call_handles call = {
		.call = {
			.data = kipc_pointer(data),
			.tag = tag,
			.deadline = deadline,
			.reply = kipc_pointer(reply),
			.size = kipc_room(size),
			.reply_size = kipc_room(room),
		},
		.request = kipc_items(items, count),
		.reply = kipc_items(got, *got_count),
	};
	uint64_t token;
	ssize_t ret;
	int err;

	ret = ioctl(fd, KIPC_IOC_MAILBOX_CALL_HANDLES, &call);
	token = call.call.token;
	if (ret >= 0) {
		*got_count = call.reply.count;
	} else if (token) {
		ret = kipc_mailbox_collect_handles(fd, &token, reply, room, NULL, got,
						   got_count, deadline);
		err = errno;
		/* A call that is over already is not found. */
		if (ret < 0)
			kipc_mailbox_cancel(fd, token);
		errno = err;
	}
	return ret;
}

/**
 * kipc_mailbox_submit_handles() - send a request that carries handles; collect its reply later
 * @fd: a handle with KIPC_RIGHT_SEND of a mailbox with KIPC_MAILBOX_HANDLES
 * @data: the request; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the request
 * @items: the descriptors that it carries, which stay open here; may be NULL if @count is 0
 * @count: how many, up to KIPC_HANDLES_MAX
 * @room: bytes in the longest reply that will be taken
 * @room_count: how many descriptors it may carry
 * @token: names the call, written on success; or NULL
 * @deadline: as for kipc_mailbox_submit()
 *
 * Return: 0, or -1 with errno: those of kipc_mailbox_submit(), and EOPNOTSUPP, EPERM,
 * ELOOP, EDQUOT, EBADF, EINVAL, ENFILE, ENOMEM, EFAULT as for kipc_mailbox_call_handles().
 * Then nothing was sent.
 */
int kipc_mailbox_submit_handles(int fd, const void *data, size_t size, uint64_t tag,
				const struct kipc_descriptor *items, size_t count,
				size_t room, size_t room_count, uint64_t *token,
				uint64_t deadline)
{
	struct kipc_mailbox_call_handles call = {
		.call = {
			.data = kipc_pointer(data),
			.tag = tag,
			.deadline = deadline,
			.size = kipc_room(size),
			.reply_size = kipc_room(room),
			.flags = KIPC_CALL_SUBMIT,
		},
		.request = kipc_items(items, count),
		.reply.count = kipc_count(room_count),
	};
	int ret;

	ret = ioctl(fd, KIPC_IOC_MAILBOX_CALL_HANDLES, &call);
	if (!ret && token)
		*token = call.call.token;
	return ret;
}

/**
 * kipc_mailbox_collect_handles() - collect the reply to a call, and what it carries
 * @fd: the handle that the call was made by
 * @token: as for kipc_mailbox_collect()
 * @reply: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @letter: the reply's header, written on success; or NULL
 * @items: an array, for the descriptors that come, close-on-exec
 * @count: of @items; how many came is written on success
 * @deadline: how long to wait for the reply
 *
 * Return: bytes in the reply, or -1 with errno: those of kipc_mailbox_collect()
 * for a reply that carries nothing, and EMSGSIZE (also it carries more than @count), EMFILE
 * (no descriptor is left), ENOMEM, EFAULT (also @items): then it can be collected again,
 * with all that it carries.
 */
ssize_t kipc_mailbox_collect_handles(int fd, uint64_t *token, void *reply, size_t size,
				     struct kipc_letter *letter,
				     struct kipc_descriptor *items, size_t *count,
				     uint64_t deadline)
{
	struct kipc_mailbox_collect_handles collect = {
		.collect = {
			.token = token ? *token : 0,
			.data = kipc_pointer(reply),
			.deadline = deadline,
			.size = kipc_room(size),
		},
		.handles = kipc_items(items, *count),
	};
	int ret;

	ret = ioctl(fd, KIPC_IOC_MAILBOX_COLLECT_HANDLES, &collect);
	if (token)
		*token = collect.collect.token;
	if (ret < 0)
		return -1;
	if (letter)
		*letter = collect.collect.letter;
	*count = collect.handles.count;
	return ret;
}

/**
 * kipc_mailbox_serve_handles() - receive the oldest letter, be it a request, and what it
 *	carries
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @data: a buffer; may be NULL if @size is 0
 * @size: of the buffer in bytes
 * @request: as for kipc_mailbox_serve()
 * @items: an array, for the descriptors that come, close-on-exec
 * @count: of @items; how many came is written on success
 * @flags: KIPC_RECV_PEEK (only their number), KIPC_RECV_TRUNCATE
 * @deadline: how long to wait while the mailbox is empty
 *
 * Return: bytes written to the buffer, or -1 with errno: those of kipc_mailbox_serve() for
 * a letter that carries nothing, and EMSGSIZE (also it carries more than @count), EMFILE
 * (no descriptor is left), ENOMEM, EFAULT (also @items).  The letter stays in its place
 * then, with all that it carries.
 */
ssize_t kipc_mailbox_serve_handles(int fd, void *data, size_t size,
				   struct kipc_request *request,
				   struct kipc_descriptor *items, size_t *count,
				   uint32_t flags, uint64_t deadline)
{
	struct kipc_mailbox_recv_handles recv = {
		.recv = {
			.data = kipc_pointer(data),
			.deadline = deadline,
			.size = kipc_room(size),
			.flags = flags | KIPC_RECV_CALLS,
		},
		.handles = kipc_items(items, *count),
	};
	int ret;

	/* Nobody could reply to a request that was taken then. */
	if (!request) {
		errno = EINVAL;
		return -1;
	}
	ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV_HANDLES, &recv);
	if (ret < 0)
		return -1;
	*request = kipc_request_of(&recv.recv);
	*count = recv.handles.count;
	return ret;
}

/**
 * kipc_mailbox_reply_handles() - reply to a request, with handles
 * @fd: a handle with KIPC_RIGHT_RECEIVE of a mailbox with KIPC_MAILBOX_HANDLES
 * @token: of the request
 * @data: the reply; may be NULL if @size is 0
 * @size: bytes of it
 * @tag: goes along with the reply
 * @items: the descriptors that it carries, which stay open here
 * @count: how many, 1 to KIPC_HANDLES_MAX
 *
 * Return: 0; 1 if the caller has gone; or -1 with errno: those of kipc_mailbox_reply(), and
 * EMSGSIZE (also more than the caller takes), EOPNOTSUPP, EPERM, ELOOP, EDQUOT, EBADF,
 * EINVAL, ENFILE, ENOMEM, EFAULT as for kipc_mailbox_call_handles().  The request still
 * waits for a reply after any of these.
 */
int kipc_mailbox_reply_handles(int fd, uint64_t token, const void *data, size_t size,
			       uint64_t tag, const struct kipc_descriptor *items,
			       size_t count)
{
	struct kipc_mailbox_reply_handles reply = {
		.reply = {
			.token = token,
			.data = kipc_pointer(data),
			.tag = tag,
			.size = kipc_room(size),
		},
		.handles = kipc_items(items, count),
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_REPLY_HANDLES, &reply);
}
