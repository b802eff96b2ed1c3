/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of semaphores share: the bare ioctls, and sets without a name.
 */
#ifndef KIPC_SELFTEST_KSEM_H
#define KIPC_SELFTEST_KSEM_H

#include "util.h"

#include <kselftest.h>

#define UNDO	KIPC_SEM_UNDO

/* A step: ADD(0, -1), or with UNDO as a third argument. */
#define ADD(...)	ADD_3(__VA_ARGS__, 0, 0)
#define ADD_3(num_, op_, flags_, ...) \
	((struct kipc_sem_op){ .num = (num_), .op = (op_), .flags = (flags_) })
/* Steps as s_op() takes them. */
#define STEPS(...)							\
	((const struct kipc_sem_op[]){ __VA_ARGS__ }),			\
	ARRAY_SIZE(((const struct kipc_sem_op[]){ __VA_ARGS__ }))

static inline int s_create(const char *name, const struct kipc_sem_attr *attr,
			   unsigned int mode, unsigned int rights, unsigned int flags)
{
	return k_create_kind(OWN_CONTROL, KIPC_KIND_SEMAPHORES, name, attr,
			     attr ? sizeof(*attr) : 0, mode, rights, flags);
}

/* Without a name, with all rights. */
static inline int semaphores(struct kipc_sem_attr attr)
{
	int fd = s_create(NULL, &attr, 0600, KIPC_SEM_RIGHTS, 0);

	CHECK(fd >= 0);
	return fd;
}

static inline int set_of(unsigned int count, unsigned int initial)
{
	return semaphores((struct kipc_sem_attr){ .count = count, .initial = initial });
}

static inline int s_post(int fd, unsigned long num)
{
	return ioctl(fd, KIPC_IOC_SEM_POST, num);
}

static inline int s_take(int fd, unsigned long num)
{
	return ioctl(fd, KIPC_IOC_SEM_TAKE, num);
}

static inline int s_try(int fd, unsigned long num)
{
	return ioctl(fd, KIPC_IOC_SEM_TAKE, num | KIPC_SEM_TRY);
}

static inline int s_op(int fd, uint64_t deadline, const struct kipc_sem_op *ops,
		       size_t count)
{
	struct kipc_sem_operation o = {
		.ops = ptr(ops),
		.deadline = deadline,
		.count = count,
	};

	return ioctl(fd, KIPC_IOC_SEM_OP, &o);
}

static inline int s_all(int fd, const int *fds, size_t count)
{
	struct kipc_sem_all a = { .fds = ptr(fds), .count = count };

	return ioctl(fd, KIPC_IOC_SEM_TAKE_ALL, &a);
}

static inline int s_get(int fd, unsigned int first, struct kipc_sem_value *values,
			unsigned int count)
{
	struct kipc_sem_values v = {
		.values = ptr(values),
		.first = first,
		.count = count,
	};
	size_t size = count * sizeof(*values);
	int ret, err;

	memset(values, POISON, size);
	ret = ioctl(fd, KIPC_IOC_SEM_GET, &v);
	err = errno;
	if (ret)
		CHECK(poisoned(values, size));
	errno = err;
	return ret;
}

static inline int s_set(int fd, unsigned int first, const uint32_t *values,
			unsigned int count)
{
	struct kipc_sem_values v = {
		.values = ptr(values),
		.first = first,
		.count = count,
	};

	return ioctl(fd, KIPC_IOC_SEM_SET, &v);
}

static inline int s_set_one(int fd, unsigned int num, uint32_t value)
{
	return s_set(fd, num, &value, 1);
}

static inline int s_stat(int fd, struct kipc_sem_stat *stat)
{
	int ret, err;

	memset(stat, POISON, sizeof(*stat));
	ret = ioctl(fd, KIPC_IOC_SEM_STAT, stat);
	err = errno;
	if (ret)
		CHECK(poisoned(stat, sizeof(*stat)));
	errno = err;
	return ret;
}

static inline struct kipc_sem_stat s_stat_of(int fd)
{
	struct kipc_sem_stat st;

	CHECK(!s_stat(fd, &st));
	return st;
}

static inline struct kipc_sem_value s_look(int fd, unsigned int num)
{
	struct kipc_sem_value v;

	CHECK(!s_get(fd, num, &v, 1));
	return v;
}

static inline long s_value(int fd, unsigned int num)
{
	return s_look(fd, num).value;
}

/* Until so many wait in the set, and this task sleeps; 0: whatever task. */
static inline void s_wait_waiters(int fd, unsigned int n, pid_t task)
{
	wait_for(s_stat_of(fd).waiting == n);
	if (task)
		wait_for(task_state(task, task) == 'S');
}

/* A child that does this and ends with 0 if all is well; as in kpipe.h. */
#ifndef CHILD
#define CHILD(...) ({							\
	pid_t pid_ = spawn();						\
									\
	if (!pid_) {							\
		__VA_ARGS__;						\
		_exit(0);						\
	}								\
	pid_;								\
})
#endif

/* The same, and it waits there, as the @n-th. */
#define WAITER(fd, n, ...) ({						\
	pid_t waiter_ = CHILD(__VA_ARGS__);				\
									\
	s_wait_waiters(fd, n, waiter_);					\
	waiter_;							\
})

#endif /* KIPC_SELFTEST_KSEM_H */
