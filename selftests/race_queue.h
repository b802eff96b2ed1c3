/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of forced races of queues share.
 *
 * The outcome of a receive is the number of the message.
 */
#ifndef KIPC_SELFTEST_RACE_QUEUE_H
#define KIPC_SELFTEST_RACE_QUEUE_H

#include "kqueue.h"
#include "race.h"

#include <signal.h>

/* Parties. */

static inline long act_q_send(struct party *p)
{
	char *data = malloc(p->size);

	CHECK(data);
	q_fill(data, p->size, p->number);
	data = placed(p, data, p->size);
	return q_send(p->fd, data, p->size, p->type, 0, p->deadline);
}

static inline long act_q_receive(struct party *p)
{
	char *data = malloc(p->size);
	struct kipc_message m;
	ssize_t ret;

	CHECK(data);
	memset(data, POISON, p->size);
	data = placed(p, data, p->size);
	ret = q_recv(p->fd, data, p->size, p->selector, &m, p->flags, p->deadline);
	if (ret < 0)
		return -errno;
	p->seen = m.seq;
	return q_filled(data, ret);
}

static inline long act_q_set(struct party *p)
{
	return q_set(p->fd, p->number, KIPC_UNBOUNDED, p->size, p->flags);
}

static inline struct party *q_sender(int fd, size_t size, uint64_t type,
				     uint64_t number)
{
	struct party *p = party(act_q_send, fd);

	p->size = size;
	p->type = type;
	p->number = number;
	return p;
}

static inline struct party *q_receiver(int fd, struct kipc_selector selector)
{
	struct party *p = party(act_q_receive, fd);

	p->size = LARGE;
	p->selector = selector;
	return p;
}

/* Sets the capacity in messages, and the longest message. */
static inline struct party *q_setter(int fd, uint64_t messages, uint32_t size,
				     uint32_t flags)
{
	struct party *p = party(act_q_set, fd);

	p->number = messages;
	p->size = size;
	p->flags = flags;
	return p;
}

/* It goes, and waits there, behind so many others of its kind. */
static inline void go_and_wait(struct party *p, int fd, unsigned int others)
{
	bool sends = p->act == act_q_send;

	go(p);
	q_wait_waiters(fd, sends ? others + 1 : 0, sends ? 0 : others + 1, p->pid);
}

/* The calling thread registers for messages; the signals are blocked. */
static inline void q_listen(int fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK(!q_notify(fd, KIPC_EVENT_NONEMPTY, 0, SIGRTMIN, 0));
}

/* How many have come; they are taken. */
static inline unsigned int q_told(void)
{
	struct timespec none = { 0 };
	unsigned int n = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (sigtimedwait(&set, NULL, &none) > 0)
		n++;
	return n;
}

/* Of a queue without a name. */
static inline struct handles race_queue(uint64_t messages, uint64_t bytes,
					uint32_t size, uint32_t flags)
{
	return race_handles(queue(messages, bytes, size, flags));
}

#endif /* KIPC_SELFTEST_RACE_QUEUE_H */
