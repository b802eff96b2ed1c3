// SPDX-License-Identifier: GPL-2.0
/*
 * kipc's services: a call for each round trip, data up to eight words in the registers,
 * longer in the A-stack.  The bare ioctls, one for each side.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <kipc.h>
#include <linux/kipc.h>

#include "bench.h"

enum { REGISTERS = 8 * sizeof(uint64_t) };

/*
 * This process's: what it has to send goes when it waits for the next.  The binding of a
 * client, or the mapping of the server.
 */
static struct {
	char *map;
	struct kipc_frame *frame;
	char *stack;
	struct kipc_service_serve serve;
	int fd;
	bool calls;
} me;

static void make_service(struct channel *c, unsigned int flags)
{
	struct kipc_service_attr attr = {
		.stack_size = c->payload,
		.stacks = 1,
		.bindings = MAX_WORKERS,
		.flags = flags,
	};
	struct kipc_create create = {
		.kind = KIPC_KIND_SERVICE,
		.mode = 0600,
		.rights = KIPC_SERVICE_RIGHTS,
		.attr = (uintptr_t)&attr,
		.attr_size = sizeof(attr),
	};
	int control = open("/dev/kipc", O_RDWR | O_CLOEXEC);

	CHECK(control >= 0);
	c->in = ioctl(control, KIPC_IOC_CREATE, &create);
	CHECK(c->in >= 0);
	close(control);
	c->out = kipc_narrow(c->in, KIPC_RIGHT_CALL, 0);
	CHECK(c->out >= 0);
}

static void make(struct channel *c)
{
	make_service(c, 0);
}

static void make_asleep(struct channel *c)
{
	make_service(c, KIPC_SERVICE_PATIENT);
}

static void end(struct channel *c)
{
	close(c->in);
	close(c->out);
}

static char *map(int fd, size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

static void connect_client(const struct channel *c)
{
	struct kipc_service_connect is = { .deadline = KIPC_FOREVER };

	me.calls = true;
	/* A binding of its own. */
	me.fd = kipc_narrow(c->out, KIPC_RIGHT_CALL, 0);
	CHECK(me.fd >= 0 && !ioctl(me.fd, KIPC_IOC_SERVICE_CONNECT, &is));
	me.map = map(me.fd, is.binding_size);
	me.frame = (struct kipc_frame *)me.map;
	me.frame->deadline = KIPC_FOREVER;
	me.stack = me.map + is.frames_size;
}

static void become_server(const struct channel *c)
{
	struct kipc_service_stat stat;

	me.fd = c->in;
	CHECK(!ioctl(me.fd, KIPC_IOC_SERVICE_STAT, &stat));
	me.map = map(me.fd, stat.map_size);
	me.serve.deadline = KIPC_FOREVER;
}

static void service_send(struct channel *c, const void *data, size_t size)
{
	void *to;

	if (!me.map)
		connect_client(c);
	if (size > REGISTERS)
		to = me.calls ? me.stack : me.map + me.serve.call.stack;
	else
		to = me.calls ? me.frame->args : me.serve.reply.args;
	memcpy(to, data, size);
	me.serve.reply.token = me.serve.call.token;
}

static const void *service_recv_in_place(struct channel *c, size_t size)
{
	if (!me.map)
		become_server(c);
	if (me.calls) {
		CHECK(!ioctl(me.fd, KIPC_IOC_SERVICE_CALL, 0UL));
		return size > REGISTERS ? me.stack : (void *)me.frame->args;
	}
	CHECK(!ioctl(me.fd, KIPC_IOC_SERVICE_SERVE, &me.serve));
	return size > REGISTERS ? me.map + me.serve.call.stack :
				  (void *)me.serve.call.args;
}

static void service_recv(struct channel *c, void *data, size_t size)
{
	memcpy(data, service_recv_in_place(c, size), size);
}

static void service_flush(struct channel *c)
{
	(void)c;
	if (me.serve.reply.token)
		CHECK(!ioctl(me.fd, KIPC_IOC_SERVICE_REPLY, &me.serve.reply));
	me.serve.reply.token = 0;
}

/* A chain of servers, each of which calls the next one while it serves. */

void service_chain_serve(const struct channel *own, const struct channel *next,
			 unsigned int calls)
{
	struct kipc_frame *frame = NULL;
	struct kipc_service_serve serve;
	int fd = -1;

	if (next) {
		connect_client(next);
		frame = me.frame;
		fd = me.fd;
	}
	become_server(own);
	serve = me.serve;
	while (calls--) {
		CHECK(!ioctl(own->in, KIPC_IOC_SERVICE_SERVE, &serve));
		serve.reply.token = serve.call.token;
		serve.reply.args[0] = serve.call.args[0] + 1;
		if (!next)
			continue;
		frame->args[0] = serve.reply.args[0];
		CHECK(!ioctl(fd, KIPC_IOC_SERVICE_CALL, 0UL));
		serve.reply.args[0] = frame->args[0];
	}
	CHECK(!ioctl(own->in, KIPC_IOC_SERVICE_REPLY, &serve.reply));
}

/* How many served it. */
unsigned int service_chain_call(const struct channel *first)
{
	if (!me.map)
		connect_client(first);
	me.frame->args[0] = 0;
	CHECK(!ioctl(me.fd, KIPC_IOC_SERVICE_CALL, 0UL));
	return me.frame->args[0];
}

struct peer service_peer = {
	.name = "kipc-service",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_CLIENTS,
	.prepare = kipc_peer_prepare,
	.make = make,
	.send = service_send,
	.recv = service_recv,
	.recv_in_place = service_recv_in_place,
	.flush = service_flush,
	.end = end,
};

struct peer service_asleep_peer = {
	.name = "kipc-service-asleep",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_CLIENTS,
	.prepare = kipc_peer_prepare,
	.make = make_asleep,
	.send = service_send,
	.recv = service_recv,
	.recv_in_place = service_recv_in_place,
	.flush = service_flush,
	.end = end,
};
