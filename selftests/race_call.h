/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of forced races of calls share. */
#ifndef KIPC_SELFTEST_RACE_CALL_H
#define KIPC_SELFTEST_RACE_CALL_H

#include "race.h"

enum at { PREPARED, QUEUED, COPYING, TAKEN, ANSWERING, ANSWERED };

enum {
	FIRST_TOKEN = 1 << 20,	/* of the first call in a mailbox */
	REPLY = 7,		/* the number in every reply */
	GONE = 1		/* what a replier gets if the caller has gone */
};

/* Parties. */

static inline long act_call(struct party *p)
{
	char *data = malloc(LARGE), *reply = malloc(LARGE);
	long ret;

	fill(data, p->size, p->number);
	ret = k_call(p->fd, data, p->size, reply, LARGE, &p->seen, p->deadline);
	if (ret < 0)
		return -errno;
	CHECK(filled(reply, ret, REPLY));
	return REPLY;
}

static inline long act_serve(struct party *p)
{
	char *data = p->cold ? mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) :
			       malloc(LARGE);
	struct kipc_mailbox_recv r;
	long ret;

	if (!p->cold)
		memset(data, 0, LARGE);
	ret = k_serve(p->fd, data, LARGE, &r, p->flags, p->deadline);
	if (ret < 0)
		return -errno;
	CHECK(filled(data, ret, 1));
	p->seen = r.token;
	return ret;
}

static inline long reply_to(int fd, uint64_t token, size_t size, bool cold)
{
	char *data = malloc(size);
	long ret;

	fill(data, size, REPLY);
	if (cold) {
		int memory = memfd_create("reply", MFD_CLOEXEC);

		CHECK(memory >= 0 && write(memory, data, size) == (ssize_t)size);
		data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, memory, 0);
		CHECK(data != MAP_FAILED);
	}
	ret = k_reply(fd, token, data, size, 0);
	return ret < 0 ? -errno : ret;
}

static inline long act_reply(struct party *p)
{
	return reply_to(p->fd, p->number, p->size, p->cold);
}

static inline long act_collect(struct party *p)
{
	uint64_t token = p->number;
	char *reply = malloc(LARGE);
	ssize_t ret = k_collect(p->fd, &token, reply, LARGE, NULL, p->deadline);

	if (ret < 0)
		return -errno;
	CHECK(filled(reply, ret, REPLY));
	return REPLY;
}

static inline struct party *caller(int fd, size_t size)
{
	struct party *p = party(act_call, fd);

	p->size = size;
	p->number = 1;
	return p;
}

static inline struct party *server(int fd)
{
	struct party *p = party(act_serve, fd);

	p->stays = true;
	return p;
}

static inline struct party *replier(int fd, uint64_t token, size_t size)
{
	struct party *p = party(act_reply, fd);

	p->number = token;
	p->size = size;
	return p;
}

static inline struct party *collector(int fd, uint64_t token)
{
	struct party *p = party(act_collect, fd);

	p->number = token;
	return p;
}

/* What a call that goes on without its thread comes to. */
static inline long collect(int fd, uint64_t token)
{
	struct party p = { .fd = fd, .number = token,
			   .deadline = after(PATIENCE) };

	return act_collect(&p);
}

static inline void wait_served(struct party *s)
{
	wait_for(__atomic_load_n(&s->done, __ATOMIC_SEQ_CST));
}

/* Nothing is left of any call. */
static inline void settled(const struct handles *box)
{
	struct kipc_mailbox_stat st = stat_of(box->manage);

	CHECK(!st.letters && !st.bytes && !st.serving);
	CHECK(has_waiters(box->manage, 0, 0));
}

/* Whatever else is held. */
static inline void let_others_go(enum at at)
{
	if (at == COPYING)
		release("receive_copying");
	else if (at == ANSWERING)
		release("reply_copying");
}

#endif /* KIPC_SELFTEST_RACE_CALL_H */
