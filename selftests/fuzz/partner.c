// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that a worker keeps for calls at the same time: much cheaper than
 * children, of which a debug kernel makes no more than a few dozen a second.
 */
#include "fuzz.h"

#include <linux/futex.h>
#include <pthread.h>

#define TIME	6000	/* microseconds, after the program's last call */

static struct partner {
	pthread_t thread;
	pid_t tid;
	uint32_t busy;
	const struct program *program;
	unsigned int from, to;
} partners[PARTNERS];

static void futex_wait(uint32_t *word, uint32_t value, long ns)
{
	struct timespec t = { 0, ns };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ns ? &t : NULL,
		NULL, 0);
}

static void set_busy(struct partner *p, uint32_t busy)
{
	__atomic_store_n(&p->busy, busy, __ATOMIC_RELEASE);
	syscall(SYS_futex, &p->busy, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool is_busy(struct partner *p)
{
	return __atomic_load_n(&p->busy, __ATOMIC_ACQUIRE);
}

static void *partner_main(void *arg)
{
	struct partner *p = arg;

	__atomic_store_n(&p->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;) {
		while (!is_busy(p))
			futex_wait(&p->busy, 0, 0);
		cover_start(1 + (p - partners));
		execute_part(p->program, p->from, p->to);
		cover_stop();
		calls_restore();
		set_busy(p, 0);
	}
	return NULL;
}

/* In each process that runs programs: a fork does not take them along. */
void partners_start(void)
{
	for (unsigned int i = 0; i < PARTNERS; i++) {
		if (pthread_create(&partners[i].thread, NULL, partner_main,
				   &partners[i])) {
			perror("fuzz: pthread_create");
			_exit(1);
		}
	}
}

/* False: all have enough to do. */
bool partner_run(const struct program *program, unsigned int from,
		 unsigned int to)
{
	for (unsigned int i = 0; i < PARTNERS; i++) {
		struct partner *p = &partners[i];

		if (is_busy(p))
			continue;
		p->program = program;
		p->from = from;
		p->to = to;
		set_busy(p, 1);
		return true;
	}
	return false;
}

/* Who waits for longer is interrupted until all is done. */
void partners_end(void)
{
	uint64_t end = after_us(TIME), pause = 1000, due;

	for (unsigned int i = 0; i < PARTNERS; i++) {
		struct partner *p = &partners[i];

		while (is_busy(p)) {
			due = after_us(pause);
			futex_wait(&p->busy, 1, pause * 1000);
			pause = calls_pause(due);
			if (is_busy(p) && calls_now() > end)
				syscall(SYS_tgkill, getpid(), p->tid, SIGUSR1);
		}
	}
}
