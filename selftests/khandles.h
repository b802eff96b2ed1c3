/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handles in messages: the calls, for both kinds of object that carry them, as those of
 * util.h are for letters.
 */
#ifndef KIPC_SELFTEST_KHANDLES_H
#define KIPC_SELFTEST_KHANDLES_H

#include "kqueue.h"

#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define MOST_HANDLES	KIPC_HANDLES_MAX

/* What differs between the kinds. */
struct carrier_kind {
	unsigned int kind, rights, handles_flag;
};

static const struct carrier_kind letters = {
	KIPC_KIND_MAILBOX, KIPC_MAILBOX_RIGHTS, KIPC_MAILBOX_HANDLES,
};

static const struct carrier_kind messages = {
	KIPC_KIND_QUEUE, KIPC_QUEUE_RIGHTS, KIPC_QUEUE_HANDLES,
};

/* One that carries handles, without a name, with all rights. */
static inline int h_create_flags(const struct carrier_kind *kind, uint64_t room,
				 unsigned int flags)
{
	struct kipc_mailbox_attr box = { room, 1 << 20, 64 << 10, flags };
	struct kipc_queue_attr queue = { room, 1 << 20, 64 << 10, flags };

	if (kind->kind == KIPC_KIND_QUEUE)
		return k_create_kind(OWN_CONTROL, kind->kind, NULL, &queue,
				     sizeof(queue), 0600, kind->rights, 0);
	if (!room)
		box.max_bytes = 0;
	return k_create_kind(OWN_CONTROL, kind->kind, NULL, &box, sizeof(box),
			     0600, kind->rights, 0);
}

static inline int h_create(const struct carrier_kind *kind)
{
	int fd = h_create_flags(kind, 1000, kind->handles_flag);

	CHECK(fd >= 0);
	return fd;
}

static inline int h_send_flags(const struct carrier_kind *kind, int fd,
			       const void *data, size_t size,
			       const struct kipc_descriptor *items,
			       unsigned int count, unsigned int flags,
			       uint64_t deadline)
{
	struct kipc_handles handles = { ptr(items), count, flags };
	struct kipc_mailbox_send_handles m = {
		.send = { .data = ptr(data), .deadline = deadline, .size = size },
		.handles = handles,
	};
	struct kipc_queue_send_handles q = {
		.send = { .data = ptr(data), .deadline = deadline, .size = size },
		.handles = handles,
	};

	return kind->kind == KIPC_KIND_QUEUE ?
	       ioctl(fd, KIPC_IOC_QUEUE_SEND_HANDLES, &q) :
	       ioctl(fd, KIPC_IOC_MAILBOX_SEND_HANDLES, &m);
}

static inline int h_send(const struct carrier_kind *kind, int fd, const void *data,
			 size_t size, const struct kipc_descriptor *items,
			 unsigned int count, uint64_t deadline)
{
	return h_send_flags(kind, fd, data, size, items, count, 0, deadline);
}

/* One descriptor, whole, and a byte. */
static inline int h_send_fd(const struct carrier_kind *kind, int fd, int what)
{
	struct kipc_descriptor item = { .fd = what };

	return h_send(kind, fd, "x", 1, &item, 1, 0);
}

/* What a receive has written beside the data. */
struct h_got {
	uint32_t size;		/* of the message */
	bool truncated, handles;
	unsigned int count;
};

static inline ssize_t h_recv_mailbox(int fd, void *data, size_t size,
				     struct kipc_handles *handles, struct h_got *got,
				     unsigned int flags, uint64_t deadline)
{
	struct kipc_mailbox_recv_handles r = {
		.recv = {
			.data = ptr(data), .deadline = deadline, .size = size,
			.flags = flags,
		},
		.handles = *handles,
	};
	ssize_t ret;
	int err;

	memset(&r.recv.letter, POISON, sizeof(r.recv.letter));
	ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV_HANDLES, &r);
	err = errno;
	CHECK(r.handles.items == handles->items && r.handles.flags == handles->flags);
	CHECK(!r.recv.answer && !r.recv.token && !r.recv.reply_handles);
	if (ret < 0) {
		CHECK(poisoned(&r.recv.letter, sizeof(r.recv.letter)));
		CHECK(r.handles.count == handles->count);
	} else {
		*got = (struct h_got){
			.size = r.recv.letter.size,
			.truncated = r.recv.letter.flags & KIPC_LETTER_TRUNCATED,
			.handles = r.recv.letter.flags & KIPC_LETTER_HANDLES,
			.count = r.handles.count,
		};
	}
	errno = err;
	return ret;
}

static inline ssize_t h_recv_queue(int fd, void *data, size_t size,
				   struct kipc_handles *handles, struct h_got *got,
				   unsigned int flags, uint64_t deadline)
{
	struct kipc_queue_recv_handles r = {
		.recv = {
			.data = ptr(data), .deadline = deadline, .size = size,
			.flags = flags, .selector = BY_FIRST,
		},
		.handles = *handles,
	};
	ssize_t ret;
	int err;

	memset(&r.recv.message, POISON, sizeof(r.recv.message));
	ret = ioctl(fd, KIPC_IOC_QUEUE_RECV_HANDLES, &r);
	err = errno;
	CHECK(r.handles.items == handles->items && r.handles.flags == handles->flags);
	if (ret < 0) {
		CHECK(poisoned(&r.recv.message, sizeof(r.recv.message)));
		CHECK(r.handles.count == handles->count);
	} else {
		*got = (struct h_got){
			.size = r.recv.message.size,
			.truncated = r.recv.message.flags & KIPC_MESSAGE_TRUNCATED,
			.handles = r.recv.message.flags & KIPC_MESSAGE_HANDLES,
			.count = r.handles.count,
		};
	}
	errno = err;
	return ret;
}

/* Of @items, those that came are written; @how are flags of both sorts. */
static inline ssize_t h_recv_flags(const struct carrier_kind *kind, int fd,
				   void *data, size_t size,
				   struct kipc_descriptor *items, unsigned int room,
				   struct h_got *got, unsigned int flags,
				   unsigned int how, uint64_t deadline)
{
	struct kipc_handles handles = { ptr(items), room, how };
	struct h_got unused = { 0 };
	ssize_t ret;

	ret = (kind->kind == KIPC_KIND_QUEUE ? h_recv_queue : h_recv_mailbox)
		(fd, data, size, &handles, got ? got : &unused, flags, deadline);
	return ret;
}

static inline ssize_t h_recv(const struct carrier_kind *kind, int fd, void *data,
			     size_t size, struct kipc_descriptor *items,
			     unsigned int room, struct h_got *got, uint64_t deadline)
{
	return h_recv_flags(kind, fd, data, size, items, room, got, 0, 0, deadline);
}

/* The one descriptor of the next message. */
static inline int h_recv_fd(const struct carrier_kind *kind, int fd)
{
	struct kipc_descriptor items[MOST_HANDLES];
	struct h_got got;
	char data[64];

	if (h_recv(kind, fd, data, sizeof(data), items, MOST_HANDLES, &got, 0) < 0)
		return -1;
	CHECK(got.count == 1 && got.handles);
	return items[0].fd;
}

/* Is it the same file, or object? */
static inline bool h_same(int a, int b)
{
	struct stat x, y;

	CHECK(!fstat(a, &x) && !fstat(b, &y));
	return x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static inline unsigned int h_rights(int fd)
{
	struct kipc_info info;

	CHECK(!k_info(fd, &info));
	return info.rights;
}

/* How many descriptors this process has. */
static inline unsigned int h_descriptors(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline int h_memfd(void)
{
	int fd = memfd_create("kipc-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(fd >= 0);
	return fd;
}

#endif /* KIPC_SELFTEST_KHANDLES_H */
