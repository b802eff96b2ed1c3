// SPDX-License-Identifier: GPL-2.0
/*
 * Peers with one place for one message in shared memory, so for round trips
 * only: semaphores that tell of it, and process_vm_readv, where it is but the
 * address of the message.
 */
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "bench.h"

struct slot {
	uint32_t full;		/* a futex */
	sem_t sem;
	const void *address;	/* in the sender */
	pid_t pid;
	char data[] __attribute__((aligned(128)));
};

static void make(struct channel *c)
{
	c->memory_size = sizeof(struct slot) + c->payload;
	c->memory = shared(c->memory_size);
}

static void end(struct channel *c)
{
	unshare_memory(c->memory, c->memory_size);
}

static void vm_send(struct channel *c, const void *data, size_t size)
{
	struct slot *slot = c->memory;

	(void)size;
	slot->address = data;
	slot->pid = getpid();
	__atomic_store_n(&slot->full, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &slot->full, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void vm_recv(struct channel *c, void *data, size_t size)
{
	struct slot *slot = c->memory;
	struct iovec to = { data, size }, from;

	while (!__atomic_load_n(&slot->full, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &slot->full, FUTEX_WAIT, 0, NULL, NULL, 0);
	from.iov_base = (void *)slot->address;
	from.iov_len = size;
	CHECK(process_vm_readv(slot->pid, &to, 1, &from, 1, 0) == (ssize_t)size);
	__atomic_store_n(&slot->full, 0, __ATOMIC_SEQ_CST);
}

struct peer vm_readv_peer = {
	.name = "vm-readv-futex",
	.can = PEER_ROUND_TRIP,
	.make = make,
	.send = vm_send,
	.recv = vm_recv,
	.end = end,
};

static void sysv_sem_make(struct channel *c)
{
	make(c);
	c->in = semget(IPC_PRIVATE, 1, 0600);
	CHECK(c->in >= 0);
}

static void sysv_sem_add(int set, short number)
{
	struct sembuf op = { .sem_op = number };

	CHECK(semop(set, &op, 1) == 0);
}

static void sysv_sem_send(struct channel *c, const void *data, size_t size)
{
	struct slot *slot = c->memory;

	memcpy(slot->data, data, size);
	sysv_sem_add(c->in, 1);
}

static void sysv_sem_recv(struct channel *c, void *data, size_t size)
{
	struct slot *slot = c->memory;

	sysv_sem_add(c->in, -1);
	memcpy(data, slot->data, size);
}

static void sysv_sem_end(struct channel *c)
{
	CHECK(semctl(c->in, 0, IPC_RMID) == 0);
	end(c);
}

struct peer sysv_sem_peer = {
	.name = "sysv-sem-shm",
	.can = PEER_ROUND_TRIP,
	.make = sysv_sem_make,
	.send = sysv_sem_send,
	.recv = sysv_sem_recv,
	.end = sysv_sem_end,
};

static void posix_sem_make(struct channel *c)
{
	struct slot *slot;

	make(c);
	slot = c->memory;
	CHECK(sem_init(&slot->sem, 1, 0) == 0);
}

static void posix_sem_send(struct channel *c, const void *data, size_t size)
{
	struct slot *slot = c->memory;

	memcpy(slot->data, data, size);
	CHECK(sem_post(&slot->sem) == 0);
}

static void posix_sem_recv(struct channel *c, void *data, size_t size)
{
	struct slot *slot = c->memory;

	CHECK(sem_wait(&slot->sem) == 0);
	memcpy(data, slot->data, size);
}

struct peer posix_sem_peer = {
	.name = "posix-sem-shm",
	.can = PEER_ROUND_TRIP,
	.make = posix_sem_make,
	.send = posix_sem_send,
	.recv = posix_sem_recv,
	.end = end,
};
