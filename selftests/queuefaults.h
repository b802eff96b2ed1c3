/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of failing allocations and copies of queues share. */
#ifndef KIPC_SELFTEST_QUEUEFAULTS_H
#define KIPC_SELFTEST_QUEUEFAULTS_H

#include "inject.h"
#include "kqueue.h"

#define BUFFER		70000

static inline void use_queue(struct scene *sc, uint64_t messages)
{
	close(sc->fd);
	sc->fd = queue(messages, 1 << 20, 65536, 0);
	sc->first = sc->next;
}

static inline void empty(struct scene *sc)
{
	use_queue(sc, 100);
}

#endif /* KIPC_SELFTEST_QUEUEFAULTS_H */
