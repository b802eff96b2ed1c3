/* SPDX-License-Identifier: GPL-2.0 */
/* Signals that wait, blocked, until a test takes them. */
#ifndef KIPC_SELFTEST_PENDING_H
#define KIPC_SELFTEST_PENDING_H

#include "util.h"

#include <pthread.h>

#define SIG		(SIGRTMIN + 3)
#define OTHER		(SIGRTMIN + 4)

/* All that these tests ask for, in this thread. */
static inline void block_signals(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	for (sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		sigaddset(&set, sig);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGIO);
	CHECK(!pthread_sigmask(SIG_BLOCK, &set, NULL));
}

/* Take one that is pending for this thread or its process: which, or 0. */
static inline int next_signal(siginfo_t *info)
{
	struct timespec none = { 0 };
	sigset_t set;
	int sig;

	CHECK(!pthread_sigmask(SIG_SETMASK, NULL, &set));
	memset(info, POISON, sizeof(*info));
	sig = sigtimedwait(&set, info, &none);
	CHECK(sig > 0 || errno == EAGAIN);
	return sig > 0 ? sig : 0;
}

/* How many are; they are taken. */
static inline unsigned int signals(void)
{
	unsigned int n = 0;
	siginfo_t info;

	while (next_signal(&info))
		n++;
	return n;
}

#endif /* KIPC_SELFTEST_PENDING_H */
