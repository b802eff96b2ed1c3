// SPDX-License-Identifier: GPL-2.0
/*
 * Binder, as who uses it well does: a client's call is one ioctl, which sends it
 * and brings the answer; a server's turn is two, since after an answer the driver
 * first wants to say that it was taken.  What was received is given back with
 * what is sent next.  No threads, no objects, no library.
 *
 * The server is the context manager, which handle 0 stands for.  A descriptor
 * serves only the process that has opened it, so each opens its own when it
 * first sends or receives; who first receives is the server.
 */
#include <fcntl.h>
#include <linux/android/binder.h>
#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "bench.h"

#define DEVICE		"/dev/binder"
#define BUFFER_SIZE	((1 << 20) - 2 * 4096)	/* what libbinder takes */

/* Shared. */
struct meeting {
	uint32_t open;		/* there is a server; a futex */
	uint32_t received;	/* one way: messages */
	uint32_t wake_at;	/* when so many are: a futex; or 0 */
};

/* This process's; each is of a measurement of its own. */
static struct {
	int fd;
	bool calls;		/* what comes next is an answer */
	bool asked;		/* what goes next is one */
	uint32_t sent;		/* one way: messages */
	/* Commands that wait to be written, and those that were read. */
	size_t written, at, end;
	char out[128], in[256];
} me = { .fd = -1 };

static void make(struct channel *c)
{
	c->memory_size = sizeof(struct meeting);
	c->memory = shared(c->memory_size);
}

static void end(struct channel *c)
{
	unshare_memory(c->memory, c->memory_size);
}

static void futex_wait(uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, MAX_WORKERS, NULL, NULL, 0);
}

static void say(uint32_t command, const void *argument)
{
	size_t size = _IOC_SIZE(command);

	memcpy(me.out + me.written, &command, sizeof(command));
	memcpy(me.out + me.written + sizeof(command), argument, size);
	me.written += sizeof(command) + size;
}

static void write_read(void)
{
	struct binder_write_read both = {
		.write_size = me.written,
		.write_buffer = (uintptr_t)me.out,
		.read_size = sizeof(me.in),
		.read_buffer = (uintptr_t)me.in,
	};

	CHECK(ioctl(me.fd, BINDER_WRITE_READ, &both) == 0);
	CHECK(both.write_consumed == me.written);
	me.written = 0;
	me.at = 0;
	me.end = both.read_consumed;
}

/* Returns what comes with the command that is @wanted. */
static const void *hear(uint32_t wanted)
{
	const char *argument;
	uint32_t command;

	for (;;) {
		while (me.at == me.end)
			write_read();
		memcpy(&command, me.in + me.at, sizeof(command));
		argument = me.in + me.at + sizeof(command);
		me.at += sizeof(command) + _IOC_SIZE(command);
		if (command == wanted)
			return argument;
		/* Else it has failed, or it is something that we never asked for. */
		CHECK(command == BR_NOOP || command == BR_TRANSACTION_COMPLETE);
	}
}

static void open_device(void)
{
	me.fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	CHECK(me.fd >= 0);
	CHECK(mmap(NULL, BUFFER_SIZE, PROT_READ, MAP_PRIVATE | MAP_NORESERVE,
		   me.fd, 0) != MAP_FAILED);
}

static void become_server(struct meeting *meeting)
{
	int id = 0;

	open_device();
	/* The kernel clears up after the server before this one in its own time. */
	while (ioctl(me.fd, BINDER_SET_CONTEXT_MGR, &id)) {
		CHECK(errno == EBUSY);
		usleep(1000);
	}
	say(BC_ENTER_LOOPER, "");
	__atomic_store_n(&meeting->open, 1, __ATOMIC_SEQ_CST);
	futex_wake(&meeting->open);
}

static void become_client(struct meeting *meeting)
{
	open_device();
	while (!__atomic_load_n(&meeting->open, __ATOMIC_SEQ_CST))
		futex_wait(&meeting->open, 0);
}

/*
 * One way, Binder does not make a sender wait, but fails when its buffer is full:
 * whoever sends much has to count what is under way.  Sleeps until half of the
 * room is free.
 */
static void wait_for_room(struct meeting *meeting, uint32_t most)
{
	uint32_t half = me.sent - most / 2;

	if (me.sent - __atomic_load_n(&meeting->received, __ATOMIC_SEQ_CST) < most)
		return;
	/* Either it is seen there, or what was received is seen here. */
	__atomic_store_n(&meeting->wake_at, half, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&meeting->received, __ATOMIC_SEQ_CST) < half)
		futex_wait(&meeting->wake_at, half);
}

static void make_room(struct meeting *meeting)
{
	uint32_t n = __atomic_add_fetch(&meeting->received, 1, __ATOMIC_SEQ_CST);

	if (__atomic_load_n(&meeting->wake_at, __ATOMIC_SEQ_CST) == n) {
		__atomic_store_n(&meeting->wake_at, 0, __ATOMIC_SEQ_CST);
		futex_wake(&meeting->wake_at);
	}
}

static void binder_send(struct channel *c, const void *data, size_t size)
{
	struct binder_transaction_data message = {
		.flags = c->one_way ? TF_ONE_WAY : 0,
		.data_size = size,
		.data.ptr.buffer = (uintptr_t)data,
	};

	if (me.fd < 0)
		become_client(c->memory);
	if (me.asked) {
		me.asked = false;
		say(BC_REPLY, &message);
		hear(BR_TRANSACTION_COMPLETE);
	} else if (c->one_way) {
		wait_for_room(c->memory, c->room / c->payload);
		me.sent++;
		say(BC_TRANSACTION, &message);
		hear(BR_TRANSACTION_COMPLETE);
	} else {
		/* It goes when the answer is waited for. */
		me.calls = true;
		say(BC_TRANSACTION, &message);
	}
}

/* Copied out of the buffer as by other peers, though it could be read in place. */
static void binder_recv(struct channel *c, void *data, size_t size)
{
	struct binder_transaction_data message;

	if (me.fd < 0)
		become_server(c->memory);
	memcpy(&message, hear(me.calls ? BR_REPLY : BR_TRANSACTION), sizeof(message));
	CHECK(message.data_size == size);
	memcpy(data, (const void *)(uintptr_t)message.data.ptr.buffer, size);
	say(BC_FREE_BUFFER, &message.data.ptr.buffer);
	me.asked = !me.calls && !c->one_way;
	if (c->one_way)
		make_room(c->memory);
}

struct peer binder_peer = {
	.name = "binder",
	.device = DEVICE,
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_CLIENTS,
	.make = make,
	.send = binder_send,
	.recv = binder_recv,
	.end = end,
};
