/* SPDX-License-Identifier: GPL-2.0 */
/* Handles in calls on mailboxes and in their replies: the ioctls, as those of util.h. */
#ifndef KIPC_SELFTEST_KCALLHANDLES_H
#define KIPC_SELFTEST_KCALLHANDLES_H

#include "calls.h"
#include "khandles.h"

#define NO_SUCH_TOKEN	0xccccccccccccccccULL

/* What there is of handles in a call: what goes, and room for what comes. */
struct h_both {
	const struct kipc_descriptor *items;
	unsigned int count;
	struct kipc_descriptor *got;
	unsigned int room;
	unsigned int request_flags, reply_flags;
};

/* Makes the call or, with KIPC_CALL_SUBMIT, submits it; @h->room is how many came. */
static inline ssize_t h_ask(int fd, const void *data, size_t size, void *reply,
			    size_t reply_size, struct h_both *h, uint64_t *token,
			    unsigned int flags, uint64_t deadline)
{
	struct kipc_mailbox_call_handles c = {
		.call = {
			.data = ptr(data),
			.deadline = deadline,
			.reply = ptr(reply),
			.token = NO_SUCH_TOKEN,
			.size = size,
			.reply_size = reply_size,
			.flags = flags,
		},
		.request = { ptr(h->items), h->count, h->request_flags },
		.reply = { ptr(h->got), h->room, h->reply_flags },
	};
	ssize_t ret = ioctl(fd, KIPC_IOC_MAILBOX_CALL_HANDLES, &c);

	CHECK(c.request.items == ptr(h->items) && c.request.count == h->count);
	CHECK(c.reply.items == ptr(h->got) && c.reply.flags == h->reply_flags);
	if (ret < 0 || flags & KIPC_CALL_SUBMIT)
		CHECK(c.reply.count == h->room);
	h->room = c.reply.count;
	if (token)
		*token = c.call.token == NO_SUCH_TOKEN ? 0 : c.call.token;
	else if (ret < 0)
		CHECK(c.call.token == NO_SUCH_TOKEN);
	return ret;
}

/* A request of one byte, with these; the reply may be eight bytes, and carry @takes. */
static inline int h_submit(int fd, const struct kipc_descriptor *items,
			   unsigned int count, unsigned int takes, uint64_t *token,
			   uint64_t deadline)
{
	struct h_both h = { .items = items, .count = count, .room = takes };

	return h_ask(fd, "?", 1, NULL, 8, &h, token, KIPC_CALL_SUBMIT, deadline);
}

/* The same with one descriptor, whole, without a wait. */
static inline uint64_t h_submit_fd(int fd, int what)
{
	struct kipc_descriptor item = { .fd = what };
	uint64_t token;

	CHECK(!h_submit(fd, &item, 1, MOST_HANDLES, &token, 0));
	return token;
}

static inline ssize_t h_serve(int fd, void *data, size_t size,
			      struct kipc_descriptor *items, unsigned int *room,
			      struct kipc_mailbox_recv *recv, unsigned int flags,
			      uint64_t deadline)
{
	struct kipc_mailbox_recv_handles r = {
		.recv = {
			.data = ptr(data), .deadline = deadline, .size = size,
			.flags = flags | KIPC_RECV_CALLS,
		},
		.handles = { ptr(items), *room, 0 },
	};
	ssize_t ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV_HANDLES, &r);

	if (ret < 0)
		CHECK(r.handles.count == *room && !r.recv.token && !r.recv.letter.seq);
	*room = r.handles.count;
	if (recv)
		*recv = r.recv;
	return ret;
}

/* The one descriptor of the next request; or -1. */
static inline int h_serve_fd(int fd, uint64_t *token)
{
	struct kipc_descriptor items[MOST_HANDLES];
	unsigned int room = MOST_HANDLES;
	struct kipc_mailbox_recv r;
	char data[64];

	if (h_serve(fd, data, sizeof(data), items, &room, &r, 0, after(PATIENCE)) < 0)
		return -1;
	CHECK(room == 1 && r.letter.flags == (KIPC_LETTER_CALL | KIPC_LETTER_HANDLES));
	*token = r.token;
	return items[0].fd;
}

static inline int h_reply(int fd, uint64_t token, const void *data, size_t size,
			  const struct kipc_descriptor *items, unsigned int count)
{
	struct kipc_mailbox_reply_handles r = {
		.reply = { .token = token, .data = ptr(data), .tag = 5, .size = size },
		.handles = { ptr(items), count, 0 },
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_REPLY_HANDLES, &r);
}

static inline int h_reply_fd(int fd, uint64_t token, int what)
{
	struct kipc_descriptor item = { .fd = what };

	return h_reply(fd, token, "!", 1, &item, 1);
}

static inline ssize_t h_collect(int fd, uint64_t token, void *data, size_t size,
				struct kipc_descriptor *items, unsigned int *room,
				uint64_t deadline)
{
	struct kipc_mailbox_collect_handles c = {
		.collect = {
			.token = token, .data = ptr(data), .deadline = deadline,
			.size = size,
		},
		.handles = { ptr(items), *room, 0 },
	};
	ssize_t ret;
	int err;

	memset(&c.collect.letter, POISON, sizeof(c.collect.letter));
	ret = ioctl(fd, KIPC_IOC_MAILBOX_COLLECT_HANDLES, &c);
	err = errno;
	if (ret < 0)
		CHECK(poisoned(&c.collect.letter, sizeof(c.collect.letter)) &&
		      c.handles.count == *room);
	else
		CHECK((ssize_t)c.collect.letter.size == ret && c.collect.letter.tag == 5);
	*room = c.handles.count;
	errno = err;
	return ret;
}

/* The one descriptor of a reply; or -1. */
static inline int h_collect_fd(int fd, uint64_t token)
{
	struct kipc_descriptor items[MOST_HANDLES];
	unsigned int room = MOST_HANDLES;
	char data[8];

	if (h_collect(fd, token, data, sizeof(data), items, &room, after(PATIENCE)) < 0)
		return -1;
	CHECK(room == 1);
	return items[0].fd;
}

#endif /* KIPC_SELFTEST_KCALLHANDLES_H */
