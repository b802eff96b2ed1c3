// SPDX-License-Identifier: GPL-2.0
/*
 * Peers with one place for one message in shared memory, and a counter that tells of it:
 * memory and doorbell of kipc, and eventfd.  For round trips only.
 */
#include <kipc.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "bench.h"

static void bell_send(struct channel *c, const void *data, size_t size)
{
	uint64_t one = 1;

	memcpy(c->memory, data, size);
	CHECK(write(c->out, &one, sizeof(one)) == sizeof(one));
}

static void bell_recv(struct channel *c, void *data, size_t size)
{
	uint64_t count;

	CHECK(read(c->in, &count, sizeof(count)) == sizeof(count) && count == 1);
	memcpy(data, c->memory, size);
}

static void doorbell_make(struct channel *c)
{
	c->memory_size = c->payload;
	c->in = kipc_memory_create(NULL, c->payload, 0600, KIPC_MEMORY_RIGHTS, 0);
	if (c->in < 0)
		err(EXIT_FAILURE, "create memory");
	c->out = c->in;
	c->memory = kipc_memory_map(c->in, &c->memory_size, PROT_READ | PROT_WRITE);
	CHECK(c->memory);
}

static void doorbell_end(struct channel *c)
{
	CHECK(kipc_memory_unmap(c->memory, c->memory_size) == 0);
	close(c->in);
}

struct peer doorbell_peer = {
	.name = "kipc-doorbell",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP,
	.prepare = kipc_peer_prepare,
	.make = doorbell_make,
	.send = bell_send,
	.recv = bell_recv,
	.end = doorbell_end,
};

static void eventfd_make(struct channel *c)
{
	c->memory_size = c->payload;
	c->memory = shared(c->memory_size);
	c->in = eventfd(0, 0);
	CHECK(c->in >= 0);
	c->out = c->in;
}

static void eventfd_end(struct channel *c)
{
	unshare_memory(c->memory, c->memory_size);
	close(c->in);
}

struct peer eventfd_slot_peer = {
	.name = "eventfd-slot",
	.can = PEER_ROUND_TRIP,
	.make = eventfd_make,
	.send = bell_send,
	.recv = bell_recv,
	.end = eventfd_end,
};
