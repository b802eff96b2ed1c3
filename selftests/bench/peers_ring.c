// SPDX-License-Identifier: GPL-2.0
/*
 * Peers that are a ring in shared memory, for one sender and one receiver, and
 * a way to wait: eventfd, futex, or none at all.  The kernel is entered only to
 * sleep and to wake a sleeper; a sender that waits for room is woken when half of
 * the ring is free.
 */
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "bench.h"

/* One side's: its count of messages, and whether it sleeps. */
struct side {
	uint64_t count;
	uint32_t sleeps;
	int event;		/* eventfd: what wakes it */
} __attribute__((aligned(128)));

struct ring {
	struct side sender, receiver;
	uint64_t slots;
	char data[] __attribute__((aligned(128)));
};

static void make(struct channel *c)
{
	struct ring *ring;

	c->memory_size = sizeof(*ring) + c->room;
	c->memory = shared(c->memory_size);
	ring = c->memory;
	ring->slots = c->room / c->payload;
	ring->sender.event = -1;
	ring->receiver.event = -1;
}

static void end(struct channel *c)
{
	unshare_memory(c->memory, c->memory_size);
}

static uint64_t count_of(struct side *side)
{
	return __atomic_load_n(&side->count, __ATOMIC_ACQUIRE);
}

static bool full(struct ring *ring)
{
	return count_of(&ring->sender) - count_of(&ring->receiver) == ring->slots;
}

static bool empty(struct ring *ring)
{
	return count_of(&ring->sender) == count_of(&ring->receiver);
}

/*
 * Sleeps until woken, or not at all if @blocked is over.  The fence pairs with
 * that in wake(): either it sees us asleep, or we see what it has done.
 */
static void wait_while(struct ring *ring, bool (*blocked)(struct ring *),
		       struct side *me, void (*sleep)(struct side *))
{
	while (blocked(ring)) {
		__atomic_store_n(&me->sleeps, 1, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (blocked(ring))
			sleep(me);
		__atomic_store_n(&me->sleeps, 0, __ATOMIC_SEQ_CST);
	}
}

static void wake(struct side *other, void (*rouse)(struct side *))
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&other->sleeps, __ATOMIC_RELAXED) &&
	    __atomic_exchange_n(&other->sleeps, 0, __ATOMIC_SEQ_CST))
		rouse(other);
}

static void ring_put(struct channel *c, const void *data, size_t size,
		     void (*sleep)(struct side *), void (*rouse)(struct side *))
{
	struct ring *ring = c->memory;
	uint64_t n = ring->sender.count;

	wait_while(ring, full, &ring->sender, sleep);
	memcpy(ring->data + n % ring->slots * size, data, size);
	__atomic_store_n(&ring->sender.count, n + 1, __ATOMIC_RELEASE);
	wake(&ring->receiver, rouse);
}

static void ring_get(struct channel *c, void *data, size_t size,
		     void (*sleep)(struct side *), void (*rouse)(struct side *))
{
	struct ring *ring = c->memory;
	uint64_t n = ring->receiver.count;

	wait_while(ring, empty, &ring->receiver, sleep);
	memcpy(data, ring->data + n % ring->slots * size, size);
	__atomic_store_n(&ring->receiver.count, n + 1, __ATOMIC_RELEASE);
	if (count_of(&ring->sender) - (n + 1) <= ring->slots / 2)
		wake(&ring->sender, rouse);
}

static void eventfd_sleep(struct side *side)
{
	uint64_t value;

	CHECK(read(side->event, &value, sizeof(value)) == sizeof(value));
}

static void eventfd_rouse(struct side *side)
{
	uint64_t one = 1;

	CHECK(write(side->event, &one, sizeof(one)) == sizeof(one));
}

static void eventfd_make(struct channel *c)
{
	struct ring *ring;

	make(c);
	ring = c->memory;
	ring->sender.event = eventfd(0, 0);
	ring->receiver.event = eventfd(0, 0);
	CHECK(ring->sender.event >= 0 && ring->receiver.event >= 0);
}

static void eventfd_send(struct channel *c, const void *data, size_t size)
{
	ring_put(c, data, size, eventfd_sleep, eventfd_rouse);
}

static void eventfd_recv(struct channel *c, void *data, size_t size)
{
	ring_get(c, data, size, eventfd_sleep, eventfd_rouse);
}

static void eventfd_end(struct channel *c)
{
	struct ring *ring = c->memory;

	close(ring->sender.event);
	close(ring->receiver.event);
	end(c);
}

struct peer eventfd_peer = {
	.name = "eventfd-shm",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY,
	.make = eventfd_make,
	.send = eventfd_send,
	.recv = eventfd_recv,
	.end = eventfd_end,
};

static void futex_sleep(struct side *side)
{
	syscall(SYS_futex, &side->sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static void futex_rouse(struct side *side)
{
	syscall(SYS_futex, &side->sleeps, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_send(struct channel *c, const void *data, size_t size)
{
	ring_put(c, data, size, futex_sleep, futex_rouse);
}

static void futex_recv(struct channel *c, void *data, size_t size)
{
	ring_get(c, data, size, futex_sleep, futex_rouse);
}

struct peer futex_peer = {
	.name = "futex-shm",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY,
	.make = make,
	.send = futex_send,
	.recv = futex_recv,
	.end = end,
};

/* The limit of what is possible, at the price of a processor. */
static void spin_sleep(struct side *side)
{
	(void)side;
	__builtin_ia32_pause();
}

static void spin_rouse(struct side *side)
{
	(void)side;
}

static void spin_send(struct channel *c, const void *data, size_t size)
{
	ring_put(c, data, size, spin_sleep, spin_rouse);
}

static void spin_recv(struct channel *c, void *data, size_t size)
{
	ring_get(c, data, size, spin_sleep, spin_rouse);
}

struct peer spin_peer = {
	.name = "spin-shm",
	.can = PEER_ROUND_TRIP | PEER_ONE_WAY | PEER_SPINS,
	.make = make,
	.send = spin_send,
	.recv = spin_recv,
	.end = end,
};
