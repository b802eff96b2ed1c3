/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of shared memory share: the bare ioctls, memory without a name, and
 * mappings.
 */
#ifndef KIPC_SELFTEST_KMEMORY_H
#define KIPC_SELFTEST_KMEMORY_H

#include "util.h"

#include <linux/memfd.h>

#define MAP		KIPC_RIGHT_MAP
#define PAGE		4096UL
#define PAGES		4	/* of memory by default */

/* F_SEAL_FUTURE_WRITE of <linux/fcntl.h>, which cannot stand beside <fcntl.h>. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif

static inline int memfd_of(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(fd >= 0 && !ftruncate(fd, size));
	return fd;
}

static inline int m_create(const char *name, int memfd, unsigned int mode,
			   unsigned int rights, unsigned int flags)
{
	struct kipc_memory_attr attr = { memfd, 0 };

	return k_create_kind(OWN_CONTROL, KIPC_KIND_MEMORY, name, &attr, sizeof(attr),
			     mode, rights, flags);
}

static inline int m_open(const char *name, unsigned int rights)
{
	return k_open_until(OWN_CONTROL, name, KIPC_KIND_MEMORY, rights, 0, 0);
}

/* With all rights; the name may be NULL. */
static inline int named_memory(const char *name, uint64_t size)
{
	int memfd = memfd_of(size);
	int fd = m_create(name, memfd, 0600, KIPC_MEMORY_RIGHTS, 0);

	CHECK(fd >= 0);
	close(memfd);
	return fd;
}

static inline int memory_of(uint64_t size)
{
	return named_memory(NULL, size);
}

static inline int m_size(int fd, uint64_t size)
{
	struct kipc_memory_size want = { .size = size };

	return ioctl(fd, KIPC_IOC_MEMORY_SIZE, &want);
}

static inline int m_fd(int fd)
{
	struct kipc_memory_fd want = { .flags = 0 };

	return ioctl(fd, KIPC_IOC_MEMORY_FD, &want);
}

/* Seals are set by a descriptor of the memfd. */
static inline int m_seal(int fd, int seals)
{
	int memfd = m_fd(fd), ret, err;

	CHECK(memfd >= 0);
	ret = fcntl(memfd, F_ADD_SEALS, seals);
	err = errno;
	close(memfd);
	errno = err;
	return ret;
}

static inline int m_stat(int fd, struct kipc_memory_stat *stat)
{
	int ret, err;

	memset(stat, POISON, sizeof(*stat));
	ret = ioctl(fd, KIPC_IOC_MEMORY_STAT, stat);
	err = errno;
	if (ret)
		CHECK(poisoned(stat, sizeof(*stat)));
	errno = err;
	return ret;
}

static inline struct kipc_memory_stat m_stat_of(int fd)
{
	struct kipc_memory_stat st;

	CHECK(!m_stat(fd, &st));
	return st;
}

static inline int m_ring(int fd, uint64_t count, uint64_t deadline)
{
	struct kipc_memory_bell bell = { .count = count, .deadline = deadline };

	return ioctl(fd, KIPC_IOC_MEMORY_RING, &bell);
}

static inline int m_wait(int fd, uint64_t *count, uint64_t deadline)
{
	struct kipc_memory_bell bell = { .count = POISON, .deadline = deadline };
	int ret = ioctl(fd, KIPC_IOC_MEMORY_WAIT, &bell);

	CHECK(!ret || bell.count == POISON);
	if (!ret)
		*count = bell.count;
	return ret;
}

/* What was rung, without waiting; 0 if nothing was. */
static inline uint64_t m_rung(int fd)
{
	uint64_t count = 0;

	CHECK(!m_wait(fd, &count, KIPC_NO_WAIT) || errno == EAGAIN);
	return count;
}

static inline bool m_has_waiters(int fd, unsigned int waiters, unsigned int ringers)
{
	struct kipc_memory_stat st = m_stat_of(fd);

	return st.waiting == waiters && st.waiting_ringers == ringers;
}

/* Until so many wait, and this task sleeps; 0: whatever task. */
static inline void m_wait_waiters(int fd, unsigned int waiters, unsigned int ringers,
				  pid_t task)
{
	wait_for(m_has_waiters(fd, waiters, ringers));
	if (task)
		wait_for(task_state(task, task) == 'S');
}

static inline char *m_map(int fd, size_t size, int prot)
{
	return mmap(NULL, size, prot, MAP_SHARED, fd, 0);
}

/* The same; it must work. */
static inline char *mapped(int fd, size_t size, int prot)
{
	char *map = m_map(fd, size, prot);

	CHECK(map != MAP_FAILED);
	return map;
}

#define MAP_ERR(want, call) CHECK_ERR(want, (call) == MAP_FAILED ? -1 : 0)

/* How a child ends that touches a byte: 0, or the number of its signal. */
static inline int touch(char *byte, bool writes)
{
	pid_t pid = spawn();
	int status;

	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		if (writes)
			*(volatile char *)byte = 1;
		else
			(void)*(volatile char *)byte;
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

#endif /* KIPC_SELFTEST_KMEMORY_H */
