/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of failing allocations and copies of queues share. */
#ifndef KIPC_SELFTEST_QUEUEFAULTS_H
#define KIPC_SELFTEST_QUEUEFAULTS_H

#include "inject.h"
#include "kqueue.h"

#include <sys/uio.h>

#define PIECES		10		/* more than the kernel has on its stack */
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

static inline void pieces(struct iovec v[PIECES], void *data, size_t size)
{
	size_t part = size / PIECES;
	int i;

	for (i = 0; i < PIECES; i++) {
		v[i].iov_base = (char *)data + i * part;
		v[i].iov_len = i < PIECES - 1 ? part : size - i * part;
	}
}

#endif /* KIPC_SELFTEST_QUEUEFAULTS_H */
