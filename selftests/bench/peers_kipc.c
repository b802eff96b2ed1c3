// SPDX-License-Identifier: GPL-2.0
/*
 * kipc's mailbox, as its users use it: a plain read and write for each letter, or
 * the library's calls, which also carry a tag, a deadline and the letter's header.
 */
#include <kipc.h>

#include "bench.h"

#define LIMITS	"/sys/module/kipc/parameters/"

void kipc_peer_prepare(void)
{
	write_file(LIMITS "max_objects", "400000");
	write_file(LIMITS "max_bytes", "1073741824");
}

static void make_mailbox(struct channel *c, uint64_t letters, uint64_t bytes)
{
	struct kipc_mailbox_attr attr = {
		.max_letters = letters,
		.max_bytes = bytes,
		.letter_size = c->payload,
	};

	c->in = kipc_mailbox_create(NULL, &attr, 0600, KIPC_RIGHT_SEND |
				    KIPC_RIGHT_RECEIVE, 0);
	if (c->in < 0)
		err(EXIT_FAILURE, "create a mailbox");
	c->out = c->in;
}

static void bounded_make(struct channel *c)
{
	make_mailbox(c, c->room / c->payload, c->room);
}

static void rendezvous_make(struct channel *c)
{
	make_mailbox(c, 0, 0);
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

static void name_create(const char *name)
{
	int fd = kipc_mailbox_create(name, NULL, 0600, KIPC_RIGHT_RECEIVE,
				     KIPC_EXCL | KIPC_PERSISTENT);

	CHECK(fd >= 0 && close(fd) == 0);
}

static void name_look_up(const char *name)
{
	int fd = kipc_open(name, KIPC_KIND_MAILBOX, KIPC_RIGHT_RECEIVE, 0);

	CHECK(fd >= 0 && close(fd) == 0);
}

static void name_remove(const char *name)
{
	CHECK(kipc_unlink(name) == 0);
}

struct peer mailbox_peer = {
	.name = "kipc-mailbox",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY | PEER_POLL | PEER_OBJECT |
	       PEER_SIGIO,
	.prepare = kipc_peer_prepare,
	.make = bounded_make,
	.send = plain_send,
	.recv = plain_recv,
	.end = end,
	.name_create = name_create,
	.name_look_up = name_look_up,
	.name_remove = name_remove,
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

struct peer mailbox_lib_peer = {
	.name = "kipc-mailbox-lib",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY,
	.prepare = kipc_peer_prepare,
	.make = bounded_make,
	.send = call_send,
	.recv = call_recv,
	.end = end,
};

/* What lies one behind the other, as it is. */
enum { BATCH = 16 };

static void batch_send(struct channel *c, const void *data, size_t size)
{
	struct kipc_send_item items[BATCH];
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		items[i].data = (uintptr_t)data + i * size;
		items[i].tag = 1;
		items[i].size = size;
		items[i].flags = 0;
	}
	CHECK(kipc_mailbox_send_batch(c->out, items, BATCH, KIPC_FOREVER) == BATCH);
}

static void batch_recv(struct channel *c, void *data, size_t size)
{
	struct kipc_recv_item items[BATCH];
	unsigned int i;
	int done;

	for (i = 0; i < BATCH; i++) {
		items[i].data = (uintptr_t)data + i * size;
		items[i].size = size;
		items[i].flags = 0;
	}
	for (i = 0; i < BATCH; i += done) {
		done = kipc_mailbox_recv_batch(c->in, items + i, BATCH - i, 0,
					       KIPC_FOREVER);
		CHECK(done > 0);
	}
	for (i = 0; i < BATCH; i++)
		CHECK(items[i].letter.tag == 1 && items[i].letter.size == size);
}

struct peer mailbox_batch_peer = {
	.name = "kipc-mailbox-batch",
	.device = "/dev/kipc",
	.can = PEER_ONE_WAY,
	.batch = BATCH,
	.prepare = kipc_peer_prepare,
	.make = bounded_make,
	.send = batch_send,
	.recv = batch_recv,
	.end = end,
};

struct peer rendezvous_peer = {
	.name = "kipc-rendezvous",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP,
	.prepare = kipc_peer_prepare,
	.make = rendezvous_make,
	.send = plain_send,
	.recv = plain_recv,
	.end = end,
};

/*
 * Calls: the request goes when the reply is waited for, and a reply when the next
 * request is.  What this process has to send: a client its request, a server its
 * reply, and what that is for.
 */
static struct {
	const void *data;
	size_t size;
	int fd;
	bool serves;
	struct kipc_request request;
} rpc;

static void rpc_send(struct channel *c, const void *data, size_t size)
{
	rpc.data = data;
	rpc.size = size;
	rpc.fd = c->out;
}

static void rpc_recv(struct channel *c, void *data, size_t size)
{
	if (rpc.data && !rpc.serves) {
		CHECK(kipc_mailbox_call(rpc.fd, rpc.data, size, 0, data, size,
					KIPC_FOREVER) == (ssize_t)size);
		return;
	}
	rpc.serves = true;
	CHECK(kipc_mailbox_reply_serve(c->in, rpc.data, rpc.size, 0, data, size,
				       &rpc.request, 0,
				       KIPC_FOREVER) == (ssize_t)size);
}

static void rpc_flush(struct channel *c)
{
	if (rpc.request.token)
		CHECK(!kipc_mailbox_reply(c->in, rpc.request.token, rpc.data,
					  rpc.size, 0));
	rpc.request.token = 0;
}

struct peer rpc_peer = {
	.name = "kipc-call",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_CLIENTS,
	.prepare = kipc_peer_prepare,
	.make = bounded_make,
	.send = rpc_send,
	.recv = rpc_recv,
	.flush = rpc_flush,
	.end = end,
};
