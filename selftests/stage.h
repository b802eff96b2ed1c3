/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stage: an object of any kind, with a handle for each side, on which the same steps
 * can be done whatever the kind.  It holds two units: letters, messages, pieces of data,
 * calls of 32 bytes, bindings, halves of what the counter of a doorbell can be, or what a
 * semaphore can be.
 */
#ifndef KIPC_SELFTEST_STAGE_H
#define KIPC_SELFTEST_STAGE_H

#include "kpipe.h"
#include "kqueue.h"
#include "kservice.h"

#include <sys/mman.h>

#define UNIT		32

enum kind { MAILBOX, QUEUE, PIPE, SERVICE, DOORBELL, SEMAPHORE, KINDS };
enum side { IN, OUT, MANAGER, SIDES };

/*
 * PUT: something to be received, or a call; ANSWER: take it, and reply; FILL, CLEAR: set a
 * semaphore to what it can be, and to 0.
 */
enum step {
	NOTHING, PUT, TAKE, ASK, ANSWER, LEAVE_IN, LEAVE_OUT, REMOVE, STOP, BIND, FILL, CLEAR
};

struct stage {
	enum kind kind;
	int fd[SIDES];
	struct hand hand;
	struct client other;	/* made by BIND */
	unsigned int stack;	/* the next A-stack to call by */
};

static const unsigned int side_rights[KINDS][SIDES] = {
	[MAILBOX] = { RECEIVE, SEND, MANAGE },
	[QUEUE] = { RECEIVE, SEND, MANAGE },
	[PIPE] = { RECEIVE, SEND, MANAGE },
	[SERVICE] = { SERVE, CALL, MANAGE },
	[DOORBELL] = { RECEIVE, SEND, MANAGE },
	[SEMAPHORE] = { RECEIVE, SEND, MANAGE },
};

static inline int stage_doorbell(void)
{
	struct kipc_memory_attr attr = { .fd = memfd_create("stage", MFD_CLOEXEC) };
	int fd = k_create_kind(OWN_CONTROL, KIPC_KIND_MEMORY, NULL, &attr, sizeof(attr), 0600,
			       KIPC_MEMORY_RIGHTS, 0);

	close(attr.fd);
	return fd;
}

static inline int stage_object(enum kind kind)
{
	struct kipc_mailbox_attr box = { 2, 2 * UNIT, UNIT, KIPC_MAILBOX_HANGUP };
	struct kipc_sem_attr sem = { .max = 2 };

	switch (kind) {
	case MAILBOX:
		return k_create(OWN_CONTROL, NULL, &box, 0600, KIPC_MAILBOX_RIGHTS, 0);
	case QUEUE:
		return queue(2, 2 * UNIT, UNIT, KIPC_QUEUE_HANGUP);
	case DOORBELL:
		return stage_doorbell();
	case SEMAPHORE:
		return k_create_kind(OWN_CONTROL, KIPC_KIND_SEMAPHORES, NULL, &sem,
				     sizeof(sem), 0600, KIPC_SEM_RIGHTS, 0);
	default:
		return pipe_of(2 * UNIT, UNIT);
	}
}

static inline struct stage stage_of(enum kind kind)
{
	struct kipc_service_attr attr = { .stacks = 4, .bindings = 2 };
	struct stage s = { .kind = kind };
	int side, all;

	if (kind == SERVICE) {
		s.hand = hand_of(&attr);
		s.fd[IN] = k_narrow(s.hand.fd, SERVE, 0);
		s.fd[OUT] = s.hand.c.fd;
		s.fd[MANAGER] = k_narrow(s.hand.fd, MANAGE, 0);
		return s;
	}
	all = stage_object(kind);
	CHECK(all >= 0);
	for (side = 0; side < SIDES; side++) {
		s.fd[side] = k_narrow(all, side_rights[kind][side], 0);
		CHECK(s.fd[side] >= 0);
	}
	close(all);
	return s;
}

static inline void stage_leave(struct stage *s, enum side side)
{
	/* A mapping holds the handle, too. */
	if (s->kind == SERVICE && side == OUT)
		CHECK(!munmap(s->hand.c.map, s->hand.c.is.binding_size));
	CHECK(!close(s->fd[side]));
	s->fd[side] = -1;
}

static inline void stage_end(struct stage *s)
{
	int side;

	for (side = 0; side < SIDES; side++)
		if (s->fd[side] >= 0)
			stage_leave(s, side);
	if (s->kind != SERVICE)
		return;
	if (s->other.map)
		disconnect(&s->other);
	munmap(s->hand.map, service_stat(s->hand.fd).map_size);
	close(s->hand.fd);
}

static inline void stage_answer(struct stage *s)
{
	struct kipc_mailbox_recv recv;
	char unit[UNIT];

	if (s->kind == SERVICE) {
		CHECK(!s_reply(s->fd[IN], s_take(s->fd[IN], NULL), 0, 0));
		return;
	}
	CHECK(k_serve(s->fd[IN], unit, UNIT, &recv, 0, 0) == UNIT);
	CHECK(!k_reply(s->fd[IN], recv.token, unit, UNIT, 0));
}

static inline void stage_put(struct stage *s)
{
	uint64_t half = KIPC_BELL_MAX / 2;
	char unit[UNIT] = "";

	if (s->kind == SEMAPHORE)
		CHECK(!ioctl(s->fd[OUT], KIPC_IOC_SEM_POST, 0));
	else if (s->kind == DOORBELL)
		CHECK(write(s->fd[OUT], &half, sizeof(half)) == sizeof(half));
	else
		CHECK(write(s->fd[OUT], unit, UNIT) == UNIT);
}

/* Of a doorbell, all that was rung. */
static inline void stage_take(struct stage *s)
{
	size_t size = s->kind == DOORBELL ? sizeof(uint64_t) : UNIT;
	char unit[UNIT];

	if (s->kind == SEMAPHORE)
		CHECK(!ioctl(s->fd[IN], KIPC_IOC_SEM_TAKE, KIPC_SEM_TRY));
	else
		CHECK(read(s->fd[IN], unit, size) == (ssize_t)size);
}

static inline void stage_set(struct stage *s, uint32_t value)
{
	struct kipc_sem_values values = { .values = ptr(&value), .count = 1 };

	CHECK(!ioctl(s->fd[MANAGER], KIPC_IOC_SEM_SET, &values));
}

static inline void stage_step(struct stage *s, enum step step)
{
	char unit[UNIT] = "";

	switch (step) {
	case NOTHING:
		break;
	case PUT:
		stage_put(s);
		break;
	case TAKE:
		stage_take(s);
		break;
	case ASK:
		if (s->kind == SERVICE)
			CHECK(!s_submit(&s->hand.c, s->stack++, ADD, 1, 2, NULL));
		else
			CHECK(!k_submit(s->fd[OUT], unit, UNIT, UNIT, NULL, 0));
		break;
	case ANSWER:
		stage_answer(s);
		break;
	case LEAVE_IN:
	case LEAVE_OUT:
		stage_leave(s, step == LEAVE_IN ? IN : OUT);
		break;
	case REMOVE:
		CHECK(!k_remove(s->fd[MANAGER]));
		break;
	case STOP:
		CHECK(!ioctl(s->fd[IN], KIPC_IOC_SERVICE_STOP));
		break;
	case BIND:
		s->other = hand_client(&s->hand);
		break;
	case FILL:
	case CLEAR:
		stage_set(s, step == FILL ? 2 : 0);
		break;
	}
}

#endif /* KIPC_SELFTEST_STAGE_H */
