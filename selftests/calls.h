/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of calls share. */
#ifndef KIPC_SELFTEST_CALLS_H
#define KIPC_SELFTEST_CALLS_H

#include "util.h"

static const struct kipc_mailbox_attr roomy = { 64, 4 << 20, 2 << 20, 0 };

/* A mailbox, its callers' handle and its servers'. */
struct both {
	int out, in, manage;
};

static inline struct both both_of(const struct kipc_mailbox_attr *attr)
{
	int ctl = control();
	int fd = k_create(ctl, NULL, attr, 0600, ALL_RIGHTS, 0);
	struct both b;

	CHECK(fd >= 0);
	close(ctl);
	b.out = k_narrow(fd, SEND, 0);
	b.in = k_narrow(fd, RECEIVE, 0);
	b.manage = k_narrow(fd, MANAGE, 0);
	CHECK(b.out >= 0 && b.in >= 0 && b.manage >= 0);
	close(fd);
	return b;
}

static inline void close_both(struct both *b)
{
	close(b->out);
	close(b->in);
	close(b->manage);
}

/* A request that is a number, submitted. */
static inline uint64_t submitted(int fd, uint64_t number)
{
	uint64_t token;

	CHECK(!k_submit(fd, &number, sizeof(number), 64, &token, after(PATIENCE)));
	return token;
}

/* The next request, which must be this number. */
static inline uint64_t served(int fd, uint64_t want)
{
	struct kipc_mailbox_recv r;
	uint64_t number;

	CHECK(k_serve(fd, &number, sizeof(number), &r, 0, after(PATIENCE)) == 8);
	CHECK(number == want);
	return r.token;
}

static inline int answer(int fd, uint64_t token, uint64_t number)
{
	return k_reply(fd, token, &number, sizeof(number), number);
}

/* Replies to @recv, which becomes the next one. */
static inline ssize_t k_reply_serve(int fd, const void *reply, size_t reply_size,
				    void *data, size_t size,
				    struct kipc_mailbox_recv *recv,
				    uint64_t deadline)
{
	struct kipc_mailbox_reply answer = {
		.token = recv->token,
		.data = ptr(reply),
		.size = reply_size,
	};
	struct kipc_mailbox_recv r = {
		.data = ptr(data),
		.deadline = deadline,
		.size = size,
		.flags = KIPC_RECV_CALLS | KIPC_RECV_REPLY,
		.answer = ptr(&answer),
	};
	ssize_t ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV, &r);

	CHECK(ret < 0 || !answer.token);
	if (ret < 0)
		recv->token = answer.token;
	else
		*recv = r;
	return ret;
}

/* What a call that was submitted gets: the number, or a negative errno. */
static inline long collected(int fd, uint64_t token)
{
	uint64_t number = 0;

	if (k_collect(fd, &token, &number, sizeof(number), NULL, after(PATIENCE)) < 0)
		return -errno;
	return number;
}

/* A child that calls with a number, and gets its square, or an errno. */
static inline pid_t caller_of(struct both *b, uint64_t number, int want)
{
	pid_t pid = spawn();
	uint64_t reply = 0;
	int fd = b->out;

	if (pid)
		return pid;
	close(b->in);
	close(b->manage);
	if (want)
		CHECK_ERR(want, k_call(fd, &number, 8, &reply, 8, NULL, after(PATIENCE)));
	else
		CHECK(k_call(fd, &number, 8, &reply, 8, NULL, after(PATIENCE)) == 8 &&
		      reply == number * number);
	exit(0);
}

static inline void wait_letters(int fd, uint64_t n)
{
	wait_for(stat_of(fd).letters == n);
}

#endif /* KIPC_SELFTEST_CALLS_H */
