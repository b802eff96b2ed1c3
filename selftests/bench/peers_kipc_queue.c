// SPDX-License-Identifier: GPL-2.0
/*
 * kipc's typed queue: a plain read and write for each message, or the library's
 * calls, which carry a type, a priority, a deadline and the message's header.
 */
#include <kipc.h>

#include "bench.h"

static void make(struct channel *c)
{
	struct kipc_queue_attr attr = {
		.max_messages = c->room / c->payload,
		.max_bytes = c->room,
		.message_size = c->payload,
	};

	c->in = kipc_queue_create(NULL, &attr, 0600,
				  KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE, 0);
	if (c->in < 0)
		err(EXIT_FAILURE, "create a queue");
	c->out = c->in;
}

static void end(struct channel *c)
{
	close(c->in);
}

static void plain_send(struct channel *c, const void *data, size_t size)
{
	CHECK(write(c->out, data, size) == (ssize_t)size);
}

static void plain_recv(struct channel *c, void *data, size_t size)
{
	CHECK(read(c->in, data, size) == (ssize_t)size);
}

static void send_type(struct channel *c, const void *data, size_t size,
		      unsigned int type)
{
	CHECK(kipc_queue_send(c->out, data, size, type, 0, KIPC_FOREVER) == 0);
}

static void recv_by(struct channel *c, void *data, size_t size,
		    const struct kipc_selector *by)
{
	struct kipc_message message;

	CHECK(kipc_queue_recv(c->in, data, size, by, &message, 0,
			      KIPC_FOREVER) == (ssize_t)size);
	CHECK(message.size == size);
}

static void recv_type(struct channel *c, void *data, size_t size,
		      unsigned int type)
{
	struct kipc_selector by = { .how = KIPC_SELECT_TYPE, .low = type };

	recv_by(c, data, size, &by);
}

static void typed_send(struct channel *c, const void *data, size_t size)
{
	send_type(c, data, size, 1);
}

static void typed_recv(struct channel *c, void *data, size_t size)
{
	recv_by(c, data, size, NULL);
}

struct peer queue_peer = {
	.name = "kipc-queue",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY | PEER_POLL | PEER_OBJECT |
	       PEER_SIGIO,
	.prepare = kipc_peer_prepare,
	.make = make,
	.send = plain_send,
	.recv = plain_recv,
	.end = end,
};

struct peer queue_typed_peer = {
	.name = "kipc-queue-typed",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY,
	.prepare = kipc_peer_prepare,
	.make = make,
	.send = typed_send,
	.recv = typed_recv,
	.end = end,
	.send_type = send_type,
	.recv_type = recv_type,
};
