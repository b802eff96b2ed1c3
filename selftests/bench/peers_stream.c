// SPDX-License-Identifier: GPL-2.0
/*
 * Peers that are descriptors with read and write: pipes, kipc's and others, and Unix
 * sockets.
 */
#include <fcntl.h>
#include <kipc.h>
#include <sys/socket.h>

#include "bench.h"

#define PIPE_ROOM	65536	/* of a new pipe */
#define SOCKET_OVERHEAD	1024	/* what a socket accounts beyond the payload */

static void end(struct channel *c)
{
	close(c->in);
	close(c->out);
}

static void stream_send(struct channel *c, const void *data, size_t size)
{
	full_write(c->out, data, size);
}

static void stream_recv(struct channel *c, void *data, size_t size)
{
	full_read(c->in, data, size);
}

static void pipe_make(struct channel *c)
{
	int fds[2];

	CHECK(pipe(fds) == 0);
	c->in = fds[0];
	c->out = fds[1];
	if (c->room > PIPE_ROOM)
		CHECK(fcntl(c->in, F_SETPIPE_SZ, (int)c->room) >= (int)c->room);
}

struct peer pipe_peer = {
	.name = "pipe",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY | PEER_POLL | PEER_OBJECT |
	       PEER_SIGIO,
	.max_many = 4096,	/* longer writes may mix */
	.make = pipe_make,
	.send = stream_send,
	.recv = stream_recv,
	.end = end,
};

static void kipc_pipe_make(struct channel *c)
{
	struct kipc_pipe_attr attr = {
		.capacity = c->room > PIPE_ROOM ? c->room : PIPE_ROOM,
	};
	int both = kipc_pipe_create(NULL, &attr, 0600, KIPC_PIPE_RIGHTS, 0);

	if (both < 0)
		err(EXIT_FAILURE, "create a pipe");
	c->out = kipc_narrow(both, KIPC_RIGHT_SEND, 0);
	c->in = kipc_narrow(both, KIPC_RIGHT_RECEIVE, 0);
	CHECK(c->in >= 0 && c->out >= 0 && close(both) == 0);
}

struct peer kipc_pipe_peer = {
	.name = "kipc-pipe",
	.device = "/dev/kipc",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY | PEER_POLL | PEER_OBJECT |
	       PEER_SIGIO,
	.max_many = 4096,	/* longer writes may mix */
	.prepare = kipc_peer_prepare,
	.make = kipc_pipe_make,
	.send = stream_send,
	.recv = stream_recv,
	.end = end,
};

static void socket_make(struct channel *c, int type)
{
	int fds[2], room = c->room / c->payload * (c->payload + SOCKET_OVERHEAD);

	CHECK(socketpair(AF_UNIX, type, 0, fds) == 0);
	c->in = fds[0];
	c->out = fds[1];
	CHECK(setsockopt(c->out, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) == 0);
}

static void unix_stream_make(struct channel *c)
{
	socket_make(c, SOCK_STREAM);
}

struct peer unix_stream_peer = {
	.name = "unix-stream",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_POLL | PEER_OBJECT | PEER_SIGIO,
	.make = unix_stream_make,
	.send = stream_send,
	.recv = stream_recv,
	.end = end,
};

static void unix_seqpacket_make(struct channel *c)
{
	socket_make(c, SOCK_SEQPACKET);
}

static void packet_send(struct channel *c, const void *data, size_t size)
{
	CHECK(write(c->out, data, size) == (ssize_t)size);
}

static void packet_recv(struct channel *c, void *data, size_t size)
{
	CHECK(read(c->in, data, size) == (ssize_t)size);
}

struct peer unix_seqpacket_peer = {
	.name = "unix-seqpacket",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_MANY | PEER_POLL | PEER_OBJECT |
	       PEER_SIGIO,
	.make = unix_seqpacket_make,
	.send = packet_send,
	.recv = packet_recv,
	.end = end,
};
