// SPDX-License-Identifier: GPL-2.0
/*
 * What is undone when a process ends, however it does so.
 */
#include "test.h"
#include "ksem.h"

#include <pthread.h>
#include <sys/syscall.h>

static void *take_with_undo(void *fd)
{
	CHECK(!s_op(*(int *)fd, KIPC_FOREVER, STEPS(ADD(0, -1, UNDO))));
	return NULL;
}

FIXTURE(undo) {
	int fd;
};

FIXTURE_SETUP(undo)
{
	self->fd = set_of(3, 5);
}

FIXTURE_TEARDOWN(undo)
{
	close(self->fd);
	wait_for(!total("objects"));
}

/* Until that is the value of the first, and nothing is left to be undone. */
#define UNDONE(want) \
	wait_for(s_value(self->fd, 0) == (want) && !s_stat_of(self->fd).undos)

TEST_F(undo, exit)
{
	int fd = self->fd;
	pid_t pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -2, UNDO), ADD(1, 4, UNDO), ADD(2, -1))));
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO), ADD(1, -1, UNDO))));
		CHECK(s_stat_of(fd).undos == 1);
	});

	EXPECT_EQ(0, reap(pid));
	UNDONE(5);
	EXPECT_EQ(5, s_value(fd, 1));
	EXPECT_EQ(4, s_value(fd, 2));
	EXPECT_EQ(pid, s_look(fd, 0).pid);
}

/* Nothing is left to be undone: it has put back what it took. */
TEST_F(undo, balanced)
{
	int fd = self->fd;

	EXPECT_EQ(0, reap(CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -2, UNDO))));
		CHECK(!s_op(fd, 0, STEPS(ADD(0, 2, UNDO))));
	})));
	UNDONE(5);
}

/* Also if somebody still has its descriptor. */
TEST_F(undo, killed_with_a_child)
{
	int fd = self->fd, *ready = shared(sizeof(*ready));
	pid_t pid = CHILD({
		pid_t child;

		CHECK(!s_op(fd, 0, STEPS(ADD(0, -5, UNDO))));
		child = fork();
		if (child)
			*ready = child;
		pause();
	});

	wait_for(__atomic_load_n(ready, __ATOMIC_SEQ_CST) > 0);
	EXPECT_EQ(0, s_value(fd, 0));
	slay(pid);
	UNDONE(5);
	ASSERT_OK(kill(*ready, SIGKILL));
}

/* What the parent did is not the child's to be undone. */
TEST_F(undo, not_inherited)
{
	int fd = self->fd;

	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
	EXPECT_EQ(0, reap(CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
		CHECK(s_stat_of(fd).undos == 2);
	})));
	wait_for(s_stat_of(fd).undos == 1);
	EXPECT_EQ(4, s_value(fd, 0));
}

TEST_F(undo, kept_over_exec)
{
	int fd = self->fd, go[2];
	pid_t pid;

	ASSERT_OK(pipe(go));
	pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -3, UNDO))));
		CHECK(dup2(go[0], 0) == 0 && dup2(go[0], 3) == 3);
		/* It says nothing until it reads the end of file. */
		close(go[1]);
		execl("/proc/self/exe", "semundo", "wait", NULL);
	});
	close(go[0]);
	wait_for(s_value(fd, 0) == 2);
	wait_for(task_state(pid, pid) == 'S');
	EXPECT_EQ(2, s_value(fd, 0));
	EXPECT_EQ(1, s_stat_of(fd).undos);
	close(go[1]);
	EXPECT_EQ(0, reap(pid));
	UNDONE(5);
}

/* All threads are one process, and its end is that of the last. */
TEST_F(undo, threads)
{
	int fd = self->fd, *done = shared(sizeof(*done));
	pid_t pid = CHILD({
		pthread_t t;

		CHECK(!pthread_create(&t, NULL, take_with_undo, &fd));
		CHECK(!pthread_join(t, NULL));
		CHECK(s_value(fd, 0) == 4 && s_stat_of(fd).undos == 1);
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
		*done = 1;
		pause();
	});

	wait_for(__atomic_load_n(done, __ATOMIC_SEQ_CST));
	EXPECT_EQ(3, s_value(fd, 0));
	EXPECT_EQ(1, s_stat_of(fd).undos);
	slay(pid);
	UNDONE(5);
}

static void *outlive(void *fd)
{
	wait_for(task_state(getpid(), getpid()) == 'Z');
	CHECK(s_value(*(int *)fd, 0) == 4);
	CHECK(!s_op(*(int *)fd, KIPC_FOREVER, STEPS(ADD(0, -1, UNDO))));
	_exit(0);
}

/* The first thread has ended, and the process goes on. */
TEST_F(undo, leader_first)
{
	int fd = self->fd;

	EXPECT_EQ(0, reap(CHILD({
		pthread_t t;

		CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
		CHECK(!pthread_create(&t, NULL, outlive, &fd));
		syscall(SYS_exit, 0);
	})));
	UNDONE(5);
}

/* A wait that is over without anything has nothing to be undone. */
TEST_F(undo, killed_in_wait)
{
	int fd = self->fd;
	pid_t pid = WAITER(fd, 1, {
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -2, UNDO))));
		s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -1, UNDO), ADD(1, -6, UNDO)));
	});

	EXPECT_EQ(3, s_value(fd, 0));
	slay(pid);
	UNDONE(5);
	EXPECT_EQ(5, s_value(fd, 1));
	EXPECT_EQ(0, s_stat_of(fd).waiting);
}

/* What it waited for was done for it, and is undone. */
TEST_F(undo, done_by_another)
{
	int fd = self->fd;
	pid_t pid = WAITER(fd, 1, {
		CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -6, UNDO))));
		pause();
	});

	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ(0, s_value(fd, 0));
	slay(pid);
	UNDONE(6);
}

/* It wakes who waits for that, in order. */
TEST_F(undo, wakes)
{
	int fd = self->fd;
	pid_t pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -5, UNDO), ADD(1, 2, UNDO))));
		pause();
	}), first, second, zero;

	wait_for(!s_value(fd, 0));
	first = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -3)))));
	second = WAITER(fd, 2, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(1, -5))));
	zero = WAITER(fd, 3, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(1, 0)))));
	slay(pid);
	EXPECT_EQ(0, reap(first));
	EXPECT_EQ(0, reap(second));
	EXPECT_EQ(0, reap(zero));
	UNDONE(0);
}

/* No further than to 0 and to the maximum. */
TEST_F(undo, clamped)
{
	int fd = semaphores((struct kipc_sem_attr){ .count = 2, .initial = 5, .max = 6 });
	pid_t pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -3, UNDO), ADD(1, 1, UNDO))));
		pause();
	});

	wait_for(s_value(fd, 0) == 2);
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 4), ADD(1, -6))));
	slay(pid);
	wait_for(!s_stat_of(fd).undos);
	EXPECT_EQ(6, s_value(fd, 0));
	EXPECT_EQ(0, s_value(fd, 1));
	close(fd);
}

/* To set a semaphore forgets it, for all processes, and for this one alone. */
TEST_F(undo, set)
{
	int fd = self->fd, *step = shared(sizeof(*step));
	pid_t pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -2, UNDO), ADD(1, -2, UNDO))));
		*step = 1;
		wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 2);
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
	});

	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST));
	ASSERT_OK(s_set_one(fd, 0, 9));
	*step = 2;
	EXPECT_EQ(0, reap(pid));
	UNDONE(9);
	EXPECT_EQ(5, s_value(fd, 1));
}

TEST_F(undo, several_processes)
{
	enum { MANY = 20 };
	int fd = self->fd, i;
	pid_t pids[MANY];

	ASSERT_OK(s_set_one(fd, 0, MANY));
	for (i = 0; i < MANY; i++)
		pids[i] = CHILD({
			CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
			pause();
		});
	wait_for(!s_value(fd, 0));
	EXPECT_EQ(MANY, s_stat_of(fd).undos);
	for (i = 0; i < MANY; i++) {
		slay(pids[i]);
		wait_for(s_value(fd, 0) == i + 1);
	}
	UNDONE(MANY);
}

/* As long as somebody else has the set. */
TEST_F(undo, last_close_of_the_process)
{
	int fd = self->fd, *done = shared(sizeof(*done));
	pid_t pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -2, UNDO))));
		close(fd);
		*done = 1;
		pause();
	});

	wait_for(__atomic_load_n(done, __ATOMIC_SEQ_CST));
	EXPECT_EQ(3, s_value(fd, 0));
	slay(pid);
	UNDONE(5);
}

/* With the last one of all, the set goes, and what was to be undone on it. */
TEST_F(undo, set_gone)
{
	uint64_t bytes;

	close(self->fd);
	wait_for(!total("objects"));
	bytes = total("bytes");
	EXPECT_EQ(0, reap(CHILD({
		int fd = set_of(2, 1);

		CHECK(!s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
		close(fd);
		wait_for(total("bytes") == bytes);
	})));
	self->fd = set_of(1, 0);
}

/* A name keeps it, though nobody has it open. */
TEST_F(undo, persistent)
{
	const char *name = temp_name("undo");
	int fd;

	EXPECT_EQ(0, reap(CHILD({
		struct kipc_sem_attr attr = { .initial = 2 };
		int own = s_create(name, &attr, 0600, KIPC_SEM_RIGHTS, KIPC_PERSISTENT);

		CHECK(!s_op(own, 0, STEPS(ADD(0, -2, UNDO))));
	})));
	fd = k_open_kind(control(), name, KIPC_KIND_SEMAPHORES, RECEIVE);
	ASSERT_OK(fd);
	wait_for(s_value(fd, 0) == 2);
	ASSERT_OK(k_unlink(control(), name));
	close(fd);
}

TEST_F(undo, removed)
{
	int fd = self->fd;
	pid_t pid = CHILD({
		CHECK(!s_op(fd, 0, STEPS(ADD(0, -2, UNDO))));
		pause();
	});

	wait_for(s_value(fd, 0) == 3);
	ASSERT_OK(k_remove(fd));
	slay(pid);
	wait_for(!s_stat_of(fd).undos);
	EXPECT_EQ(3, s_value(fd, 0));
}

/* More than can be kept. */
TEST_F(undo, range)
{
	const int most = KIPC_SEM_VALUE_MAX;
	int fd = set_of(2, 0);

	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, most, UNDO))));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, -most))));
	EXPECT_ERR(ERANGE, s_op(fd, 0, STEPS(ADD(1, 1), ADD(0, 1, UNDO))));
	EXPECT_EQ(0, s_value(fd, 1));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, 1))));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, -1, UNDO))));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, 1, UNDO))));
	ASSERT_OK(s_set_one(fd, 0, 0));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, most, UNDO))));
	close(fd);
}

/* An operation that fails in the middle leaves nothing to be undone. */
TEST_F(undo, rolled_back)
{
	int fd = self->fd;

	EXPECT_EQ(0, reap(CHILD({
		CHECK_ERR(EAGAIN, s_op(fd, 0, STEPS(ADD(0, -2, UNDO), ADD(0, 1, UNDO),
						    ADD(1, -9))));
		CHECK_ERR(ERANGE, s_op(fd, 0, STEPS(ADD(0, -2, UNDO),
						    ADD(1, KIPC_SEM_VALUE_MAX))));
	})));
	UNDONE(5);
}

/* What was executed by kept_over_exec: it ends when its standard input does. */
static void __attribute__((constructor)) executed(int argc, char **argv)
{
	char byte;

	if (argc == 2 && !strcmp(argv[1], "wait"))
		_exit(read(0, &byte, 1) ? 1 : 0);
}

TEST_HARNESS_MAIN
