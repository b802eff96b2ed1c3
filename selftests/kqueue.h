/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of queues, as those of util.h.
 *
 * A message has no tag, so the tests know one by a number in its first 8 bytes;
 * what follows is filled from that, so that a torn message is noticed.
 */
#ifndef KIPC_SELFTEST_KQUEUE_H
#define KIPC_SELFTEST_KQUEUE_H

#include "util.h"

#include <stdlib.h>

#define BY_DEFAULT	((struct kipc_selector){ .how = KIPC_SELECT_DEFAULT })
#define BY_FIRST	((struct kipc_selector){ .how = KIPC_SELECT_FIRST })
#define BY_PRIORITY	((struct kipc_selector){ .how = KIPC_SELECT_PRIORITY })
#define BY_TYPE(t)	((struct kipc_selector){ .how = KIPC_SELECT_TYPE, .low = (t) })
#define BY_LOWEST(t)	((struct kipc_selector){ .how = KIPC_SELECT_LOWEST, .high = (t) })
#define BY_RANGE(a, b)	((struct kipc_selector){ .how = KIPC_SELECT_RANGE,	\
						 .low = (a), .high = (b) })
#define BY_EXCEPT(t)	((struct kipc_selector){ .how = KIPC_SELECT_EXCEPT, .low = (t) })
#define BY_SENDER(p)	((struct kipc_selector){ .how = KIPC_SELECT_SENDER, .low = (p) })
#define BY_AFTER(s)	((struct kipc_selector){ .how = KIPC_SELECT_AFTER, .low = (s) })

#define MOST		(64U << 10)	/* the longest message, by default */

static inline int q_create(int ctl, const char *name,
			   const struct kipc_queue_attr *attr, unsigned int mode,
			   unsigned int rights, unsigned int flags)
{
	return k_create_kind(ctl, KIPC_KIND_QUEUE, name, attr, sizeof(*attr), mode,
			     rights, flags);
}

static inline int q_send(int fd, const void *data, size_t size, uint64_t type,
			 unsigned int priority, uint64_t deadline)
{
	struct kipc_queue_send s = {
		.data = ptr(data),
		.type = type,
		.deadline = deadline,
		.size = size,
		.priority = priority,
	};

	return ioctl(fd, KIPC_IOC_QUEUE_SEND, &s);
}

static inline ssize_t q_recv(int fd, void *data, size_t size,
			     struct kipc_selector selector,
			     struct kipc_message *message, unsigned int flags,
			     uint64_t deadline)
{
	struct kipc_queue_recv r = {
		.data = ptr(data),
		.deadline = deadline,
		.size = size,
		.flags = flags,
		.selector = selector,
	};
	ssize_t ret;
	int err;

	memset(&r.message, POISON, sizeof(r.message));
	ret = ioctl(fd, KIPC_IOC_QUEUE_RECV, &r);
	err = errno;
	CHECK(r.data == ptr(data) && r.deadline == deadline);
	CHECK(r.size == size && r.flags == flags);
	CHECK(!memcmp(&r.selector, &selector, sizeof(selector)));
	if (ret < 0) {
		CHECK(poisoned(&r.message, sizeof(r.message)));
	} else {
		CHECK((size_t)ret <= size && (size_t)ret <= r.message.size);
		CHECK(!r.message.reserved);
		CHECK(!(r.message.flags & KIPC_MESSAGE_TRUNCATED) ==
		      ((size_t)ret == r.message.size));
	}
	if (message)
		*message = r.message;
	errno = err;
	return ret;
}

static inline int q_stat(int fd, struct kipc_queue_stat *stat)
{
	int ret, err;

	memset(stat, POISON, sizeof(*stat));
	ret = ioctl(fd, KIPC_IOC_QUEUE_STAT, stat);
	err = errno;
	if (ret)
		CHECK(poisoned(stat, sizeof(*stat)));
	errno = err;
	return ret;
}

static inline int q_set(int fd, uint64_t messages, uint64_t bytes, uint32_t size,
			uint32_t flags)
{
	struct kipc_queue_attr attr = { messages, bytes, size, flags };

	return ioctl(fd, KIPC_IOC_QUEUE_SET, &attr);
}

static inline int q_select(int fd, struct kipc_selector selector)
{
	return ioctl(fd, KIPC_IOC_QUEUE_SELECT, &selector);
}

static inline int q_notify(int fd, unsigned int events, unsigned int flags,
			   int signo, uint64_t value)
{
	struct kipc_notification n = {
		.events = events,
		.flags = flags,
		.signo = signo,
		.value = value,
	};

	return ioctl(fd, KIPC_IOC_NOTIFY, &n);
}

static inline int q_send_batch(int fd, const struct kipc_queue_send_item *items,
			       unsigned int count, uint64_t deadline)
{
	struct kipc_queue_send_batch b = {
		.items = ptr(items),
		.deadline = deadline,
		.count = count,
	};
	int ret = ioctl(fd, KIPC_IOC_QUEUE_SEND_BATCH, &b);

	CHECK(ret < 0 || (ret > 0 && (unsigned int)ret <= count));
	return ret;
}

/* Nothing is written but the headers of those that were received. */
static inline int q_recv_batch(int fd, struct kipc_queue_recv_item *items,
			       unsigned int count, struct kipc_selector selector,
			       unsigned int flags, uint64_t deadline)
{
	struct kipc_queue_recv_batch b = {
		.items = ptr(items),
		.deadline = deadline,
		.count = count,
		.flags = flags,
		.selector = selector,
	};
	struct kipc_queue_recv_item *before = calloc(count, sizeof(*items));
	int ret, err, i;

	CHECK(before);
	for (i = 0; i < (int)count; i++)
		memset(&items[i].message, POISON, sizeof(items[i].message));
	memcpy(before, items, count * sizeof(*items));
	ret = ioctl(fd, KIPC_IOC_QUEUE_RECV_BATCH, &b);
	err = errno;
	CHECK(ret < 0 || (ret > 0 && (unsigned int)ret <= count));
	for (i = 0; i < ret; i++) {
		bool cut = items[i].message.flags & KIPC_MESSAGE_TRUNCATED;

		CHECK(items[i].data == before[i].data && !items[i].flags);
		CHECK(items[i].size == before[i].size);
		CHECK(cut == (items[i].message.size > items[i].size));
		CHECK(!cut || flags & KIPC_RECV_TRUNCATE);
		before[i] = items[i];
	}
	CHECK(!memcmp(before, items, count * sizeof(*items)));
	free(before);
	errno = err;
	return ret;
}

/* Queues without a name, with all rights; they CHECK that it worked. */
static inline int queue_of(const struct kipc_queue_attr *attr)
{
	int ctl = control();
	int fd = q_create(ctl, NULL, attr, 0600, KIPC_QUEUE_RIGHTS, 0);

	CHECK(fd >= 0);
	close(ctl);
	return fd;
}

static inline int queue(uint64_t messages, uint64_t bytes, uint32_t size,
			uint32_t flags)
{
	struct kipc_queue_attr attr = { messages, bytes, size, flags };

	return queue_of(&attr);
}

static inline int default_queue(void)
{
	return queue_of(NULL);
}

static inline struct kipc_queue_stat q_stat_of(int fd)
{
	struct kipc_queue_stat st;

	CHECK(!q_stat(fd, &st));
	return st;
}

static inline bool q_has_waiters(int fd, unsigned int senders,
				 unsigned int receivers)
{
	struct kipc_queue_stat st = q_stat_of(fd);

	return st.waiting_senders == senders && st.waiting_receivers == receivers;
}

/* Until so many wait in the queue, and this task sleeps; 0: whatever task. */
static inline void q_wait_waiters(int fd, unsigned int senders,
				  unsigned int receivers, pid_t task)
{
	wait_for(q_has_waiters(fd, senders, receivers));
	if (task)
		wait_for(task_state(task, task) == 'S');
}

/* The content of a message with a number; it has at least 8 bytes. */
static inline void q_fill(void *data, size_t size, uint64_t number)
{
	CHECK(size >= sizeof(number));
	memcpy(data, &number, sizeof(number));
	fill((char *)data + sizeof(number), size - sizeof(number), number);
}

static inline uint64_t q_filled(const void *data, size_t size)
{
	uint64_t number;

	CHECK(size >= sizeof(number));
	memcpy(&number, data, sizeof(number));
	CHECK(filled((const char *)data + sizeof(number), size - sizeof(number),
		     number));
	return number;
}

/* Without waiting; the number, or 0, or a negative errno. */
static inline long q_put_sized(int fd, uint64_t type, unsigned int priority,
			       size_t size, uint64_t number)
{
	char *data = malloc(size);
	int ret;

	CHECK(data);
	q_fill(data, size, number);
	ret = q_send(fd, data, size, type, priority, KIPC_NO_WAIT);
	ret = ret ? -errno : 0;
	free(data);
	return ret;
}

static inline long q_put(int fd, uint64_t type, unsigned int priority,
			 uint64_t number)
{
	return q_put_sized(fd, type, priority, sizeof(number), number);
}

static inline long q_look(int fd, struct kipc_selector selector,
			  unsigned int flags, uint64_t deadline)
{
	char *data = malloc(MOST);
	ssize_t ret;

	/* There, or the first copy would fail, and others might go ahead. */
	CHECK(data);
	memset(data, POISON, MOST);
	ret = q_recv(fd, data, MOST, selector, NULL, flags, deadline);
	ret = ret < 0 ? -errno : (ssize_t)q_filled(data, ret);
	free(data);
	return ret;
}

static inline long q_take(int fd, struct kipc_selector selector)
{
	return q_look(fd, selector, 0, KIPC_NO_WAIT);
}

static inline long q_peek(int fd, struct kipc_selector selector)
{
	return q_look(fd, selector, KIPC_RECV_PEEK, KIPC_NO_WAIT);
}

/* Waits for it. */
static inline long q_await(int fd, struct kipc_selector selector)
{
	return q_look(fd, selector, 0, after(PATIENCE));
}

#endif /* KIPC_SELFTEST_KQUEUE_H */
