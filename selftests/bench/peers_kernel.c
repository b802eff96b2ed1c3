// SPDX-License-Identifier: GPL-2.0
/*
 * Peers that the kernel buffers: pipes and queues.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>

#include "bench.h"

static void close_both(struct channel *c)
{
	close(c->in);
	if (c->out != c->in)
		close(c->out);
}

/* pipe(2): 64 KiB by default, and more if more is to be under way. */
static void pipe_make(struct channel *c)
{
	int fds[2];

	CHECK(pipe(fds) == 0);
	c->in = fds[0];
	c->out = fds[1];
	CHECK(fcntl(c->in, F_SETPIPE_SZ, (int)c->room) >= (int)c->room);
}

static void fd_send(struct channel *c, const void *data, size_t size)
{
	full_write(c->out, data, size);
}

static void fd_recv(struct channel *c, void *data, size_t size)
{
	full_read(c->in, data, size);
}

static const struct peer pipe_peer = {
	.name = "pipe",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY,
	.max_many = 4096,	/* writes that are longer may mix */
	.make = pipe_make,
	.send = fd_send,
	.recv = fd_recv,
	.end = close_both,
};

/* POSIX message queue, with its limits raised as far as is needed. */
static void mq_make(struct channel *c)
{
	struct mq_attr attr = {
		.mq_maxmsg = c->room / c->payload,
		.mq_msgsize = c->payload,
	};
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	write_file("/proc/sys/fs/mqueue/msg_max", "65536");
	write_file("/proc/sys/fs/mqueue/msgsize_max", "1048576");
	CHECK(setrlimit(RLIMIT_MSGQUEUE, &unlimited) == 0);
	c->in = mq_open("/kipc-bench", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	CHECK(c->in >= 0);
	c->out = c->in;
	CHECK(mq_unlink("/kipc-bench") == 0);
}

static void mq_put(struct channel *c, const void *data, size_t size)
{
	CHECK(mq_send(c->out, data, size, 0) == 0);
}

static void mq_get(struct channel *c, void *data, size_t size)
{
	CHECK(mq_receive(c->in, data, size, NULL) == (ssize_t)size);
}

static const struct peer mq_peer = {
	.name = "posix-mq",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY,
	.make = mq_make,
	.send = mq_put,
	.recv = mq_get,
	.end = close_both,
};

extern const struct peer mailbox_peer, mailbox_call_peer;

const struct peer *const peers[] = {
	&pipe_peer, &mq_peer, &mailbox_peer, &mailbox_call_peer, NULL
};
