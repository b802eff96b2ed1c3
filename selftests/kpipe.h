/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of pipes share: the bare ioctls, pipes without a name, and a pair of
 * ends that may be those of pipe(2) as well.
 */
#ifndef KIPC_SELFTEST_KPIPE_H
#define KIPC_SELFTEST_KPIPE_H

#include "util.h"

#define CAPACITY	65536	/* by default, here and there */
#define ATOMIC		4096	/* likewise: PIPE_BUF */

static inline int p_create(const char *name, unsigned int capacity,
			   unsigned int atomic, unsigned int mode,
			   unsigned int rights, unsigned int flags)
{
	struct kipc_pipe_attr attr = { capacity, atomic, 0, 0 };

	return k_create_kind(OWN_CONTROL, KIPC_KIND_PIPE, name, &attr, sizeof(attr),
			     mode, rights, flags);
}

static inline int p_open(const char *name, unsigned int rights, unsigned int flags,
			 uint64_t deadline)
{
	return k_open_until(OWN_CONTROL, name, KIPC_KIND_PIPE, rights, flags, deadline);
}

static inline ssize_t p_write(int fd, const void *data, size_t size,
			      unsigned int flags, uint64_t deadline)
{
	struct kipc_pipe_io io = {
		.data = ptr(data),
		.size = size,
		.deadline = deadline,
		.flags = flags,
	};

	return ioctl(fd, KIPC_IOC_PIPE_WRITE, &io);
}

static inline ssize_t p_read(int fd, void *data, size_t size, uint64_t deadline)
{
	struct kipc_pipe_io io = {
		.data = ptr(data),
		.size = size,
		.deadline = deadline,
	};

	return ioctl(fd, KIPC_IOC_PIPE_READ, &io);
}

static inline int p_stat(int fd, struct kipc_pipe_stat *stat)
{
	int ret, err;

	memset(stat, POISON, sizeof(*stat));
	ret = ioctl(fd, KIPC_IOC_PIPE_STAT, stat);
	err = errno;
	if (ret)
		CHECK(poisoned(stat, sizeof(*stat)));
	errno = err;
	return ret;
}

static inline int p_resize(int fd, unsigned int capacity, unsigned int atomic)
{
	struct kipc_pipe_attr attr = { capacity, atomic, 0, 0 };

	return ioctl(fd, KIPC_IOC_PIPE_RESIZE, &attr);
}

static inline struct kipc_pipe_stat p_stat_of(int fd)
{
	struct kipc_pipe_stat st;

	CHECK(!p_stat(fd, &st));
	return st;
}

/* Without a name, with all rights; 0 is the default of either size. */
static inline int pipe_of(unsigned int capacity, unsigned int atomic)
{
	int fd = p_create(NULL, capacity, atomic, 0600, KIPC_PIPE_RIGHTS, 0);

	CHECK(fd >= 0);
	return fd;
}

/* A name's, with these rights, without waiting for anybody. */
static inline int named_pipe(const char *name, unsigned int rights)
{
	int fd = p_create(name, 0, 0, 0600, rights, 0);

	CHECK(fd >= 0);
	return fd;
}

struct ends {
	int in, out;
};

/* The writing end is made first: no reader sees a pipe without writers. */
static inline struct ends ends_of(unsigned int capacity, unsigned int atomic)
{
	int fd = pipe_of(capacity, atomic);
	struct ends e;

	e.out = k_narrow(fd, SEND | MANAGE, 0);
	e.in = k_narrow(fd, RECEIVE | MANAGE, 0);
	CHECK(e.out >= 0 && e.in >= 0);
	close(fd);
	return e;
}

/* The same, of pipe(2): close-on-exec like ours. */
static inline struct ends their_ends(void)
{
	struct ends e;
	int fd[2];

	CHECK(!pipe2(fd, O_CLOEXEC));
	e.in = fd[0];
	e.out = fd[1];
	return e;
}

static inline void close_ends(struct ends *e)
{
	close(e->in);
	close(e->out);
}

static inline bool p_has_waiters(int fd, unsigned int writers, unsigned int readers)
{
	struct kipc_pipe_stat st = p_stat_of(fd);

	return st.waiting_writers == writers && st.waiting_readers == readers;
}

/* Until so many wait in the pipe, and this task sleeps; 0: whatever task. */
static inline void p_wait_waiters(int fd, unsigned int writers,
				  unsigned int readers, pid_t task)
{
	wait_for(p_has_waiters(fd, writers, readers));
	if (task)
		wait_for(task_state(task, task) == 'S');
}

static inline bool is_ours(int fd)
{
	struct kipc_pipe_stat st;

	return !ioctl(fd, KIPC_IOC_PIPE_STAT, &st);
}

/* Until this task, which has just begun, is in its call: on either sort of pipe. */
static inline void wait_asleep(pid_t pid, int *begun)
{
	wait_for(__atomic_load_n(begun, __ATOMIC_SEQ_CST));
	wait_for(task_state(pid, pid) == 'S');
}

static inline void begin(int *begun)
{
	__atomic_store_n(begun, 1, __ATOMIC_SEQ_CST);
}

/* A child in a call; it ends with 0 if all is well. */
#define CHILD(...) ({							\
	pid_t pid_ = spawn();						\
									\
	if (!pid_) {							\
		__VA_ARGS__;						\
		_exit(0);						\
	}								\
	pid_;								\
})

/* Memory that is there: no page is missing, in children neither but to write. */
static inline char *touched(size_t size)
{
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	CHECK(data != MAP_FAILED);
	return data;
}

static inline long inside(int fd)
{
	int bytes = -1;

	CHECK(!ioctl(fd, FIONREAD, &bytes));
	return bytes;
}

/* What a stream of bytes has at each place; not periodic in any power of two. */
static inline unsigned char stream_byte(uint64_t at)
{
	return (at * 0x9e3779b97f4a7c15ULL) >> 56;
}

static inline void stream_fill(void *data, size_t size, uint64_t at)
{
	unsigned char *p = data;

	while (size--)
		*p++ = stream_byte(at++);
}

static inline bool stream_is(const void *data, size_t size, uint64_t at)
{
	const unsigned char *p = data;

	while (size--)
		if (*p++ != stream_byte(at++))
			return false;
	return true;
}

/* All of it, by as many reads as it takes. */
static inline bool read_whole_size(int fd, void *data, size_t size)
{
	char *p = data;

	while (size) {
		ssize_t n = read(fd, p, size);

		if (n <= 0)
			return false;
		p += n;
		size -= n;
	}
	return true;
}

static inline unsigned int next_random(unsigned int *random)
{
	*random = *random * 1103515245 + 12345;
	return *random >> 8;
}

static inline unsigned int seed(void)
{
	return from_env("KIPC_SEED", 0) ?: now_ns() % 1000000 + 1;
}

#endif /* KIPC_SELFTEST_KPIPE_H */
