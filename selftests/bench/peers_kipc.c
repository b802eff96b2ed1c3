// SPDX-License-Identifier: GPL-2.0
/*
 * kipc itself, as its users use it: a plain read and write for each letter, or
 * the library's calls, which also carry a tag, a deadline and the letter's header.
 */
#include <kipc.h>

#include "bench.h"

static void make(struct channel *c)
{
	struct kipc_mailbox_attr attr = {
		.max_letters = KIPC_UNBOUNDED,
		.max_bytes = c->room,
		.letter_size = c->payload,
	};

	c->in = kipc_mailbox_create(NULL, &attr, 0600, KIPC_RIGHT_SEND |
				    KIPC_RIGHT_RECEIVE, 0);
	if (c->in < 0)
		err(EXIT_FAILURE, "create a mailbox");
	c->out = c->in;
}

static void end(struct channel *c)
{
	close(c->in);
}

/* One letter per call, never a part of one. */
static void plain_send(struct channel *c, const void *data, size_t size)
{
	CHECK(write(c->out, data, size) == (ssize_t)size);
}

static void plain_recv(struct channel *c, void *data, size_t size)
{
	CHECK(read(c->in, data, size) == (ssize_t)size);
}

const struct peer mailbox_peer = {
	.name = "kipc-mailbox",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY,
	.make = make,
	.send = plain_send,
	.recv = plain_recv,
	.end = end,
};

static void call_send(struct channel *c, const void *data, size_t size)
{
	CHECK(kipc_mailbox_send(c->out, data, size, 1, KIPC_FOREVER) == 0);
}

static void call_recv(struct channel *c, void *data, size_t size)
{
	struct kipc_letter letter;

	CHECK(kipc_mailbox_recv(c->in, data, size, &letter, 0,
				KIPC_FOREVER) == (ssize_t)size);
	CHECK(letter.tag == 1);
}

const struct peer mailbox_call_peer = {
	.name = "kipc-mailbox-call",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY,
	.make = make,
	.send = call_send,
	.recv = call_recv,
	.end = end,
};
