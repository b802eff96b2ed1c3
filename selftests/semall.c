// SPDX-License-Identifier: GPL-2.0
/*
 * One of each of several sets of semaphores, all or nothing.
 */
#include "test.h"
#include "ksem.h"

#include <pthread.h>

#define MANY	KIPC_SEM_SETS_MAX

FIXTURE(all) {
	int fd[MANY + 1];
};

FIXTURE_SETUP(all)
{
	int i;

	for (i = 0; i <= MANY; i++)
		self->fd[i] = set_of(1, 1);
}

FIXTURE_TEARDOWN(all)
{
	int i;

	for (i = 0; i <= MANY; i++)
		close(self->fd[i]);
	wait_for(!total("objects"));
	EXPECT_EQ(0, total("bytes"));
}

static long sum(const int *fd, unsigned int n)
{
	long all = 0;

	while (n--)
		all += s_value(fd[n], 0);
	return all;
}

TEST_F(all, most)
{
	EXPECT_OK(s_all(self->fd[0], self->fd, MANY));
	EXPECT_EQ(1, sum(self->fd, MANY + 1));
	EXPECT_EQ(1, s_stat_of(self->fd[9]).operations);
	EXPECT_EQ(getpid(), s_look(self->fd[9], 0).pid);
	EXPECT_ERR(EAGAIN, s_all(self->fd[0], self->fd, 1));
	/* By a handle of another set. */
	EXPECT_OK(s_all(self->fd[0], self->fd + MANY, 1));
	EXPECT_EQ(0, sum(self->fd, MANY + 1));
}

TEST_F(all, nothing)
{
	ASSERT_OK(s_take(self->fd[MANY - 1], 0));
	EXPECT_ERR(EAGAIN, s_all(self->fd[0], self->fd, MANY));
	EXPECT_EQ(MANY, sum(self->fd, MANY + 1));
	EXPECT_EQ(0, s_stat_of(self->fd[0]).operations);
}

TEST_F(all, errors)
{
	int two = set_of(2, 1), box = default_box(), post = k_narrow(self->fd[1], SEND, 0);
	int twin = k_narrow(self->fd[0], RECEIVE, 0), ctl = control();
	int fds[3] = { self->fd[0], self->fd[1], self->fd[2] };

	EXPECT_ERR(EINVAL, s_all(fds[0], fds, 0));
	EXPECT_ERR(E2BIG, s_all(fds[0], self->fd, MANY + 1));
	fds[2] = fds[0];
	EXPECT_ERR(EINVAL, s_all(fds[0], fds, 3));
	fds[2] = twin;
	EXPECT_ERR(EINVAL, s_all(fds[0], fds, 3));
	fds[2] = two;
	EXPECT_ERR(EINVAL, s_all(fds[0], fds, 3));
	fds[2] = box;
	EXPECT_ERR(ENOTTY, s_all(fds[0], fds, 3));
	fds[2] = ctl;
	EXPECT_ERR(ENOTTY, s_all(fds[0], fds, 3));
	fds[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	EXPECT_ERR(ENOTTY, s_all(fds[0], fds, 3));
	close(fds[2]);
	EXPECT_ERR(EBADF, s_all(fds[0], fds, 3));
	fds[2] = -1;
	EXPECT_ERR(EBADF, s_all(fds[0], fds, 3));
	fds[2] = post;
	EXPECT_ERR(EBADF, s_all(fds[0], fds, 3));
	fds[2] = self->fd[2];
	ASSERT_OK(k_remove(self->fd[2]));
	EXPECT_ERR(EIDRM, s_all(fds[0], fds, 3));
	EXPECT_ERR(EFAULT, s_all(fds[0], NULL, 3));
	EXPECT_EQ(2, sum(fds, 2));
	close(two);
	close(box);
	close(twin);
	close(post);
}

/* A removed one counts, also behind one that is 0. */
TEST_F(all, wakes_for_zero)
{
	int fd = self->fd[1];
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, 0)))));

	EXPECT_OK(s_all(fd, self->fd, 3));
	EXPECT_EQ(0, reap(pid));
}

/* Overtaking counts here, too, and a senior is not passed. */
TEST_F(all, senior)
{
	int fd = semaphores((struct kipc_sem_attr){ .initial = 1, .overtakes = 2 }), i;
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));

	for (i = 0; i < 2; i++) {
		EXPECT_OK(s_all(fd, &fd, 1));
		ASSERT_OK(s_post(fd, 0));
	}
	EXPECT_ERR(EAGAIN, s_all(fd, &fd, 1));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(pid));
	close(fd);
}

/* Some take several at once, in whatever order, others one by one; nothing is lost. */

enum { THREADS = 6, SETS = 8, TOKENS = 3 };

static struct storm {
	int fd[SETS];
	unsigned int rounds;
} storm;

static void *take_some(void *arg)
{
	unsigned int seed = (uintptr_t)arg, i, j, n, r;
	int fds[SETS];

	for (r = 0; r < storm.rounds; r++) {
		memcpy(fds, storm.fd, sizeof(fds));
		n = 1 + rand_r(&seed) % SETS;
		for (i = 0; i < n; i++) {
			int swap = fds[i];

			j = i + rand_r(&seed) % (SETS - i);
			fds[i] = fds[j];
			fds[j] = swap;
		}
		if (rand_r(&seed) % 4) {
			if (s_all(fds[0], fds, n)) {
				CHECK(errno == EAGAIN);
				continue;
			}
		} else {
			n = 1;
			CHECK(!s_take(fds[0], 0));
		}
		while (n--)
			CHECK(!s_post(fds[n], 0));
	}
	return NULL;
}

TEST_F(all, storm)
{
	pthread_t threads[THREADS];
	uintptr_t i;

	storm.rounds = effort(3000);
	for (i = 0; i < SETS; i++)
		storm.fd[i] = set_of(1, TOKENS);
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, take_some, (void *)(i + 1)));
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_join(threads[i], NULL));
	EXPECT_EQ(SETS * TOKENS, sum(storm.fd, SETS));
	for (i = 0; i < SETS; i++)
		close(storm.fd[i]);
}

TEST_HARNESS_MAIN
