/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of direct communication share: processes that publish.
 */
#ifndef KIPC_SELFTEST_DIRECT_H
#define KIPC_SELFTEST_DIRECT_H

#include "util.h"

#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The id of what the process has published, or a negative errno. */
static inline int64_t published(pid_t pid)
{
	int ctl = control();
	int fd = k_open_pid(ctl, pid, SEND, 0);
	int64_t ret = fd < 0 ? -errno : (int64_t)id_of(fd);

	close(ctl);
	if (fd >= 0)
		close(fd);
	return ret;
}

static inline int pidfd_open(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	CHECK(fd >= 0);
	return fd;
}

/* This process gets no further descriptor. */
static inline void no_descriptors(void)
{
	struct rlimit none = { 0, 4096 };

	CHECK(!setrlimit(RLIMIT_NOFILE, &none));
}

/* Two processes go step by step. */
static int *step;

static inline void reach(int n)
{
	__atomic_store_n(step, n, __ATOMIC_SEQ_CST);
}

static inline void await(int n)
{
	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST) >= n);
}

/* A child that publishes the handle, and stays until it is ended or step 2. */
static inline pid_t publisher(int fd)
{
	pid_t pid;

	reach(0);
	pid = spawn();
	if (!pid) {
		CHECK(!k_publish(fd));
		reach(1);
		await(2);
		_exit(0);
	}
	await(1);
	return pid;
}

/* A new process of this number, which must be free. */
static inline pid_t spawn_as(pid_t number)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = ptr(&number),
		.set_tid_size = 1,
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	CHECK(pid >= 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	else
		CHECK(pid == number);
	return pid;
}

#endif /* KIPC_SELFTEST_DIRECT_H */
