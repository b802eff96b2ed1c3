// SPDX-License-Identifier: GPL-2.0
/*
 * The same on semaphores of kipc as on those of System V and POSIX, with the same outcome.
 */
#include "test.h"
#include "ksem.h"

#include <limits.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#define SEMS	3

static const struct difference {
	int theirs, ours;
	const char *why;
} differences[] = {
	{ EINVAL, EIDRM, "a descriptor stays what it is when the set is gone" },
	{ EOVERFLOW, ERANGE, "one errno for both: as semop has it" },
	{ 0 }
};

FIXTURE(sysv) {
	int id, fd;
};

FIXTURE_SETUP(sysv)
{
	self->id = semget(IPC_PRIVATE, SEMS, 0600);
	if (self->id < 0)
		SKIP_FROM_SETUP("no System V semaphores: %s", strerror(errno));
	/* SEMVMX. */
	self->fd = semaphores((struct kipc_sem_attr){ .count = SEMS, .max = 32767 });
}

FIXTURE_TEARDOWN(sysv)
{
	semctl(self->id, 0, IPC_RMID);
}

static long v_op(int id, const struct kipc_sem_op *ops, size_t count, bool wait)
{
	struct sembuf v[KIPC_SEM_OPS_MAX + 1];
	size_t i;

	for (i = 0; i < count && i < ARRAY_SIZE(v); i++)
		v[i] = (struct sembuf){
			.sem_num = ops[i].num,
			.sem_op = ops[i].op,
			.sem_flg = (ops[i].flags ? SEM_UNDO : 0) | (wait ? 0 : IPC_NOWAIT),
		};
	return semop(id, v, count) ? -errno : 0;
}

static bool same(long theirs, long ours)
{
	const struct difference *d;

	for (d = differences; d->why; d++)
		if (theirs == -d->theirs && ours == -d->ours)
			return true;
	return theirs == ours;
}

/* All that there is to see. */
static bool alike(int id, int fd)
{
	int i;

	for (i = 0; i < SEMS; i++) {
		struct kipc_sem_value v = s_look(fd, i);

		if (semctl(id, i, GETVAL) != (int)v.value ||
		    semctl(id, i, GETNCNT) != (int)v.waiting ||
		    semctl(id, i, GETZCNT) != (int)v.waiting_zero ||
		    semctl(id, i, GETPID) != v.pid)
			return false;
	}
	return true;
}

/* Do it on both. */
#define BOTH(...) do {							\
	long theirs_ = v_op(self->id, STEPS(__VA_ARGS__), false);	\
	long ours_ = s_op(self->fd, 0, STEPS(__VA_ARGS__)) ? -errno : 0; \
									\
	EXPECT_TRUE(same(theirs_, ours_)) {				\
		TH_LOG("%s: %ld there, %ld here", #__VA_ARGS__, theirs_, ours_); \
	}								\
	EXPECT_TRUE(alike(self->id, self->fd));				\
} while (0)

TEST_F(sysv, operations)
{
	BOTH(ADD(0, 1));
	BOTH(ADD(0, -2));
	BOTH(ADD(0, -1), ADD(1, 2));
	BOTH(ADD(0, 0), ADD(1, -2), ADD(2, 3));
	BOTH(ADD(2, 0));
	BOTH(ADD(2, -3), ADD(2, 0), ADD(2, 1));
	BOTH(ADD(2, 1), ADD(2, -2));
	BOTH(ADD(2, -1), ADD(2, 1));
	BOTH(ADD(2, 0), ADD(2, 1), ADD(2, 0));
	BOTH(ADD(1, 1), ADD(0, -1));
	BOTH(ADD(0, 32767));
	BOTH(ADD(0, 1));
	BOTH(ADD(0, 1), ADD(0, -1));
	BOTH(ADD(0, -1), ADD(0, 1));
	BOTH(ADD(0, -32767));
	BOTH(ADD(3, 1));
	BOTH(ADD(1, 1), ADD(60000, 1));
}

/* Thousands of random ones. */
TEST_F(sysv, random)
{
	unsigned int seed = 1, i, j, n, rounds = effort(20000);
	struct kipc_sem_op ops[6];

	for (i = 0; i < rounds; i++) {
		long theirs, ours;

		n = 1 + rand_r(&seed) % ARRAY_SIZE(ops);
		for (j = 0; j < n; j++)
			ops[j] = ADD(rand_r(&seed) % SEMS, (int)(rand_r(&seed) % 7) - 3,
				     rand_r(&seed) % 2 ? UNDO : 0);
		theirs = v_op(self->id, ops, n, false);
		ours = s_op(self->fd, 0, ops, n) ? -errno : 0;
		ASSERT_EQ(theirs, ours);
		ASSERT_TRUE(alike(self->id, self->fd));
	}
}

/* Who waits, for what; and what comes of it. */
TEST_F(sysv, waiting)
{
	int id = self->id, fd = self->fd, i;
	pid_t v[3], k[3];

#define WAITS(i, ...) do {						\
	v[i] = CHILD(CHECK(!v_op(id, STEPS(__VA_ARGS__), true)));	\
	wait_for(task_state(v[i], v[i]) == 'S');			\
	k[i] = WAITER(fd, (i) + 1,					\
		      CHECK(!s_op(fd, KIPC_FOREVER, STEPS(__VA_ARGS__)))); \
} while (0)
	WAITS(0, ADD(0, -1), ADD(1, -1));
	WAITS(1, ADD(0, -1));
	BOTH(ADD(2, 1));
	WAITS(2, ADD(2, 0), ADD(2, 5));
	for (i = 0; i < SEMS; i++) {
		EXPECT_EQ(semctl(id, i, GETNCNT), (int)s_look(fd, i).waiting);
		EXPECT_EQ(semctl(id, i, GETZCNT), (int)s_look(fd, i).waiting_zero);
	}
	ASSERT_EQ(0, v_op(id, STEPS(ADD(1, 1), ADD(0, 2), ADD(2, -1)), false));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(1, 1), ADD(0, 2), ADD(2, -1))));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, reap(v[i]));
		EXPECT_EQ(0, reap(k[i]));
	}
	for (i = 0; i < SEMS; i++)
		EXPECT_EQ(semctl(id, i, GETVAL), s_value(fd, i));
#undef WAITS
}

TEST_F(sysv, undo)
{
	int id = self->id, fd = self->fd, i;
	pid_t pid;

	BOTH(ADD(0, 5), ADD(1, 5), ADD(2, 5));
	pid = CHILD({
		CHECK(!v_op(id, STEPS(ADD(0, -3, UNDO), ADD(1, 2, UNDO), ADD(2, -5)), false));
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -3, UNDO), ADD(1, 2, UNDO), ADD(2, -5))));
		pause();
	});
	wait_for(s_value(fd, 0) == 2);
	/* Less than is to be undone is there. */
	BOTH(ADD(1, -6));
	slay(pid);
	wait_for(s_value(fd, 0) == 5);
	for (i = 0; i < SEMS; i++) {
		EXPECT_EQ(semctl(id, i, GETVAL), s_value(fd, i));
		EXPECT_EQ(semctl(id, i, GETPID), s_look(fd, i).pid);
	}
}

TEST_F(sysv, set)
{
	int id = self->id, fd = self->fd;
	pid_t pid = CHILD({
		CHECK(!v_op(id, STEPS(ADD(0, 3, UNDO)), false));
		CHECK(!s_op(fd, 0, STEPS(ADD(0, 3, UNDO))));
		pause();
	});

	wait_for(s_value(fd, 0) == 3);
	ASSERT_OK(semctl(id, 0, SETVAL, 7));
	ASSERT_OK(s_set_one(fd, 0, 7));
	slay(pid);
	wait_for(!s_stat_of(fd).undos);
	EXPECT_TRUE(alike(id, fd));
	EXPECT_ERR(ERANGE, semctl(id, 0, SETVAL, 32768));
	EXPECT_ERR(ERANGE, s_set_one(fd, 0, 32768));
}

TEST_F(sysv, removed)
{
	int id = self->id, fd = self->fd;
	pid_t v = CHILD(CHECK(v_op(id, STEPS(ADD(0, -1)), true) == -EIDRM));
	pid_t k = WAITER(fd, 1, CHECK_ERR(EIDRM, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -1)))));

	wait_for(task_state(v, v) == 'S');
	ASSERT_OK(semctl(id, 0, IPC_RMID));
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(v));
	EXPECT_EQ(0, reap(k));
	EXPECT_TRUE(same(v_op(id, STEPS(ADD(0, 1)), false), s_post(fd, 0) ? -errno : 0));
}

/* POSIX has one semaphore, and 1. */

FIXTURE(posix) {
	sem_t *sem;
	int fd;
};

FIXTURE_SETUP(posix)
{
	self->sem = shared(sizeof(*self->sem));
	ASSERT_OK(sem_init(self->sem, 1, 2));
	self->fd = set_of(1, 2);
}

FIXTURE_TEARDOWN(posix)
{
}

static long both_values(sem_t *sem, int fd)
{
	int value;

	CHECK(!sem_getvalue(sem, &value));
	return value == s_value(fd, 0) ? value : -1;
}

TEST_F(posix, operations)
{
	EXPECT_EQ(2, both_values(self->sem, self->fd));
	EXPECT_OK(sem_post(self->sem));
	EXPECT_OK(s_post(self->fd, 0));
	EXPECT_OK(sem_wait(self->sem));
	EXPECT_OK(s_take(self->fd, 0));
	EXPECT_OK(sem_trywait(self->sem));
	EXPECT_OK(s_try(self->fd, 0));
	EXPECT_EQ(1, both_values(self->sem, self->fd));
	EXPECT_OK(sem_wait(self->sem));
	EXPECT_OK(s_take(self->fd, 0));
	EXPECT_ERR(EAGAIN, sem_trywait(self->sem));
	EXPECT_ERR(EAGAIN, s_try(self->fd, 0));
	EXPECT_ERR(ETIMEDOUT, sem_timedwait(self->sem, &(struct timespec){ .tv_sec = 1 }));
	EXPECT_ERR(ETIMEDOUT, s_op(self->fd, 1, STEPS(ADD(0, -1))));
	EXPECT_EQ(0, both_values(self->sem, self->fd));
}

TEST_F(posix, most)
{
	sem_t full;
	int fd = set_of(1, KIPC_SEM_VALUE_MAX);

	ASSERT_OK(sem_init(&full, 1, SEM_VALUE_MAX));
	EXPECT_EQ(SEM_VALUE_MAX, both_values(&full, fd));
	EXPECT_ERR(EOVERFLOW, sem_post(&full));
	EXPECT_ERR(ERANGE, s_post(fd, 0));
	EXPECT_TRUE(same(-EOVERFLOW, -ERANGE));
}

TEST_F(posix, waits)
{
	sem_t *sem = self->sem;
	int fd = self->fd;
	pid_t p, k;

	ASSERT_OK(sem_wait(sem) | sem_wait(sem) | s_take(fd, 0) | s_take(fd, 0));
	p = CHILD(CHECK(!sem_wait(sem)));
	k = WAITER(fd, 1, CHECK(!s_take(fd, 0)));
	wait_for(task_state(p, p) == 'S');
	EXPECT_OK(sem_post(sem));
	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(p));
	EXPECT_EQ(0, reap(k));
	EXPECT_EQ(0, both_values(sem, fd));
}

TEST_HARNESS_MAIN
