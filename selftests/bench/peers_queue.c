// SPDX-License-Identifier: GPL-2.0
/*
 * Peers that are message queues: POSIX and System V.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>

#include "bench.h"

#define MQ_LIMITS	"/proc/sys/fs/mqueue/"
#define MQ_NAME		"/kipc-bench"

static void mq_prepare(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	write_file(MQ_LIMITS "msg_max", "65536");
	write_file(MQ_LIMITS "msgsize_max", "1048576");
	write_file(MQ_LIMITS "queues_max", "200000");
	/* Root of a container may not. */
	if (setrlimit(RLIMIT_MSGQUEUE, &unlimited)) {
		warn("without posix-mq: RLIMIT_MSGQUEUE cannot be raised");
		posix_mq_peer.missing = true;
	}
}

static void mq_make(struct channel *c)
{
	struct mq_attr attr = {
		.mq_maxmsg = c->room / c->payload,
		.mq_msgsize = c->payload,
	};

	c->in = mq_open(MQ_NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	CHECK(c->in >= 0);
	c->out = c->in;
	CHECK(mq_unlink(MQ_NAME) == 0);
}

static void mq_put(struct channel *c, const void *data, size_t size)
{
	CHECK(mq_send(c->out, data, size, 0) == 0);
}

static void mq_get(struct channel *c, void *data, size_t size)
{
	CHECK(mq_receive(c->in, data, size, NULL) == (ssize_t)size);
}

static void mq_end(struct channel *c)
{
	mq_close(c->in);
}

/* It may do so already, if the queue was not empty when it was asked. */
static void mq_ask_sigio(struct channel *c)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGIO,
	};

	CHECK(mq_notify(c->in, &event) == 0 || errno == EBUSY);
}

/* The type is the priority: what is received is of the highest. */
static void mq_put_type(struct channel *c, const void *data, size_t size,
			unsigned int type)
{
	CHECK(mq_send(c->out, data, size, type) == 0);
}

static void mq_get_type(struct channel *c, void *data, size_t size,
			unsigned int type)
{
	unsigned int priority;

	CHECK(mq_receive(c->in, data, size, &priority) == (ssize_t)size &&
	      priority == type);
}

/* mq_open() wants a slash in front. */
static const char *mq_name(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "/%s", name);
	return path;
}

static void mq_name_create(const char *name)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 64 };
	mqd_t mq = mq_open(mq_name(name), O_RDWR | O_CREAT | O_EXCL, 0600, &attr);

	CHECK(mq >= 0 && mq_close(mq) == 0);
}

static void mq_name_look_up(const char *name)
{
	mqd_t mq = mq_open(mq_name(name), O_RDWR);

	CHECK(mq >= 0 && mq_close(mq) == 0);
}

static void mq_name_remove(const char *name)
{
	CHECK(mq_unlink(mq_name(name)) == 0);
}

struct peer posix_mq_peer = {
	.name = "posix-mq",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY | PEER_POLL | PEER_OBJECT |
	       PEER_SIGIO,
	.prepare = mq_prepare,
	.make = mq_make,
	.send = mq_put,
	.recv = mq_get,
	.end = mq_end,
	.ask_sigio = mq_ask_sigio,
	.send_type = mq_put_type,
	.recv_type = mq_get_type,
	.name_create = mq_name_create,
	.name_look_up = mq_name_look_up,
	.name_remove = mq_name_remove,
};

static void msg_prepare(void)
{
	write_file("/proc/sys/kernel/msgmax", "1048576");
	write_file("/proc/sys/kernel/msgmnb", "134217728");
	write_file("/proc/sys/kernel/msgmni", "32000");
}

static void msg_make(struct channel *c)
{
	struct msqid_ds ds;

	c->in = msgget(IPC_PRIVATE, 0600);
	CHECK(c->in >= 0 && msgctl(c->in, IPC_STAT, &ds) == 0);
	ds.msg_qbytes = c->room;
	CHECK(msgctl(c->in, IPC_SET, &ds) == 0);
	c->out = c->in;
}

/* The type stands before the data, where there is room for it. */
static void msg_send_type(struct channel *c, const void *data, size_t size,
			  unsigned int type)
{
	long *message = (long *)data - 1;

	*message = type;
	CHECK(msgsnd(c->out, message, size, 0) == 0);
}

/* A type of 0: the oldest of any. */
static void msg_recv_type(struct channel *c, void *data, size_t size,
			  unsigned int type)
{
	CHECK(msgrcv(c->in, (long *)data - 1, size, type, 0) == (ssize_t)size);
}

static void msg_send(struct channel *c, const void *data, size_t size)
{
	msg_send_type(c, data, size, 1);
}

static void msg_recv(struct channel *c, void *data, size_t size)
{
	msg_recv_type(c, data, size, 0);
}

static void msg_end(struct channel *c)
{
	CHECK(msgctl(c->in, IPC_RMID, NULL) == 0);
}

struct peer sysv_msg_peer = {
	.name = "sysv-msg",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY | PEER_OBJECT,
	.prepare = msg_prepare,
	.make = msg_make,
	.send = msg_send,
	.recv = msg_recv,
	.end = msg_end,
	.send_type = msg_send_type,
	.recv_type = msg_recv_type,
};
