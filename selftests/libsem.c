// SPDX-License-Identifier: GPL-2.0
/*
 * The library's functions for semaphores: what they do, and each error.
 */
#include "test.h"
#include "inject.h"
#include "ksem.h"

#include <kipc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#define SOON	kipc_deadline(PATIENCE)

FIXTURE(sem) {
	int fd;
};

FIXTURE_SETUP(sem)
{
	struct kipc_sem_attr attr = { .count = 3, .initial = 1, .max = 5 };

	self->fd = kipc_sem_create(NULL, &attr, 0600, KIPC_SEM_RIGHTS, 0);
	ASSERT_OK(self->fd);
}

FIXTURE_TEARDOWN(sem)
{
}

TEST_F(sem, works)
{
	struct kipc_sem_op ops[] = { ADD(0, -1), ADD(1, 2) };
	uint32_t values[] = { 4, 3 };
	struct kipc_sem_value seen[3];
	struct kipc_sem_stat stat;
	int fds[2] = { set_of(1, 1), set_of(1, 0) };
	pid_t pid;

	EXPECT_OK(kipc_sem_post(self->fd, 2));
	EXPECT_EQ(2, kipc_sem_getvalue(self->fd, 2));
	EXPECT_OK(kipc_sem_wait(self->fd, 2));
	EXPECT_OK(kipc_sem_trywait(self->fd, 2));
	EXPECT_EQ(0, kipc_sem_getvalue(self->fd, 2));
	EXPECT_OK(kipc_sem_op(self->fd, ops, 2, KIPC_NO_WAIT));
	EXPECT_OK(kipc_sem_timedwait(self->fd, 1, SOON));
	ASSERT_OK(kipc_sem_get(self->fd, 0, seen, 3));
	EXPECT_EQ(0, seen[0].value);
	EXPECT_EQ(2, seen[1].value);
	EXPECT_OK(kipc_sem_set(self->fd, 1, values, 2));
	EXPECT_EQ(4, kipc_sem_getvalue(self->fd, 1));
	EXPECT_EQ(3, kipc_sem_getvalue(self->fd, 2));
	ASSERT_OK(kipc_sem_stat(self->fd, &stat));
	EXPECT_EQ(3, stat.attr.count);
	EXPECT_EQ(5, stat.operations);
	EXPECT_ERR(EAGAIN, kipc_sem_take_all(fds, 2, KIPC_NO_WAIT));
	pid = CHILD({
		usleep(20000);
		CHECK(!kipc_sem_post(fds[1], 0));
	});
	EXPECT_OK(kipc_sem_take_all(fds, 2, SOON));
	EXPECT_EQ(0, kipc_sem_getvalue(fds[0], 0));
	EXPECT_EQ(0, reap(pid));
}

TEST(defaults)
{
	int fd = kipc_sem_create(NULL, NULL, 0600, KIPC_SEM_RIGHTS, KIPC_NONBLOCK);

	ASSERT_OK(fd);
	EXPECT_EQ(0, kipc_sem_getvalue(fd, 0));
	EXPECT_ERR(EAGAIN, kipc_sem_wait(fd, 0));
}

TEST(create_errors)
{
	const char *name = temp_name("libsem");
	struct kipc_sem_attr attr = { .count = KIPC_SEM_MAX + 1 };
	uint64_t objects = get_limit("max_objects");
	char longest[300];

	EXPECT_ERR(EINVAL, kipc_sem_create(NULL, &attr, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_sem_create(NULL, NULL, 0600, 0, 0));
	EXPECT_ERR(EINVAL, kipc_sem_create("", NULL, 0600, SEND, 0));
	EXPECT_ERR(EFAULT, kipc_sem_create(NULL, (void *)16, 0600, SEND, 0));
	memset(longest, 'x', 299);
	longest[299] = 0;
	EXPECT_ERR(ENAMETOOLONG, kipc_sem_create(longest, NULL, 0600, SEND, 0));
	ASSERT_OK(kipc_sem_create(name, NULL, 0600, SEND, 0));
	EXPECT_ERR(EEXIST, kipc_sem_create(name, NULL, 0600, SEND, KIPC_EXCL));
	EXPECT_ERR(EPROTOTYPE, kipc_queue_create(name, NULL, 0600, SEND, 0));
	EXPECT_EQ(0, reap(CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, kipc_sem_create(name, NULL, 0600, SEND, 0));
	})));
	name = temp_name("libsem");
	ASSERT_OK(kipc_queue_create(name, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_sem_create(name, NULL, 0600, SEND, 0));
	set_limit("max_objects", 0);
	EXPECT_ERR(EDQUOT, kipc_sem_create(NULL, NULL, 0600, SEND, 0));
	set_limit("max_objects", objects);
}

TEST(no_descriptors)
{
	struct rlimit none = { 3, 3 };

	if (*(getenv("KIPC_WRAP") ?: ""))
		SKIP(return, "valgrind has descriptors of its own");
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_ERR(EMFILE, kipc_sem_create(NULL, NULL, 0600, SEND, 0));
}

/* Without the device, or with one that nobody drives. */
TEST(no_device)
{
	EXPECT_EQ(0, reap(CHILD({
		CHECK(!unshare(CLONE_NEWNS));
		CHECK(!mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL));
		CHECK(!mount("none", "/dev", "tmpfs", 0, NULL));
		CHECK_ERR(ENOENT, kipc_sem_create(NULL, NULL, 0600, SEND, 0));
		CHECK(!mknod(DEVICE, S_IFCHR | 0600, makedev(10, 254)));
		CHECK_ERR(ENODEV, kipc_sem_create(NULL, NULL, 0600, SEND, 0));
	})));
}

TEST_F(sem, errors_of_one)
{
	int post = kipc_narrow(self->fd, SEND, 0), wait = kipc_narrow(self->fd, RECEIVE, 0);
	int box = default_box();
	uint64_t waiters = get_limit("max_waiters");

	EXPECT_ERR(EFBIG, kipc_sem_post(self->fd, 3));
	EXPECT_ERR(EFBIG, kipc_sem_post(self->fd, ~0U));
	EXPECT_ERR(EFBIG, kipc_sem_wait(self->fd, 3));
	EXPECT_ERR(EFBIG, kipc_sem_wait(self->fd, KIPC_SEM_TRY));
	EXPECT_ERR(EFBIG, kipc_sem_trywait(self->fd, ~0U));
	EXPECT_ERR(EFBIG, kipc_sem_timedwait(self->fd, 1 << 16, SOON));
	EXPECT_ERR(EFBIG, kipc_sem_getvalue(self->fd, 3));
	EXPECT_ERR(EBADF, kipc_sem_post(wait, 0));
	EXPECT_ERR(EBADF, kipc_sem_wait(post, 0));
	EXPECT_ERR(EBADF, kipc_sem_trywait(post, 0));
	EXPECT_ERR(EBADF, kipc_sem_timedwait(post, 0, SOON));
	EXPECT_ERR(EBADF, kipc_sem_getvalue(post, 0));
	EXPECT_ERR(ENOTTY, kipc_sem_post(box, 0));
	EXPECT_ERR(ENOTTY, kipc_sem_wait(box, 0));
	EXPECT_ERR(ENOTTY, kipc_sem_trywait(box, 0));
	EXPECT_ERR(ENOTTY, kipc_sem_timedwait(box, 0, SOON));
	EXPECT_ERR(ENOTTY, kipc_sem_getvalue(box, 0));
	ASSERT_OK(kipc_sem_wait(self->fd, 0));
	EXPECT_ERR(EAGAIN, kipc_sem_trywait(self->fd, 0));
	EXPECT_ERR(EAGAIN, kipc_sem_timedwait(self->fd, 0, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_sem_timedwait(self->fd, 0, 1));
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, kipc_sem_wait(self->fd, 0));
	EXPECT_ERR(EDQUOT, kipc_sem_timedwait(self->fd, 0, SOON));
	set_limit("max_waiters", waiters);
	ASSERT_OK(kipc_sem_set(self->fd, 0, (uint32_t[]){ 5 }, 1));
	EXPECT_ERR(ERANGE, kipc_sem_post(self->fd, 0));
	ASSERT_OK(kipc_remove(self->fd));
	EXPECT_ERR(EIDRM, kipc_sem_post(self->fd, 0));
	EXPECT_ERR(EIDRM, kipc_sem_wait(self->fd, 0));
	EXPECT_ERR(EIDRM, kipc_sem_trywait(self->fd, 0));
	EXPECT_ERR(EIDRM, kipc_sem_timedwait(self->fd, 0, SOON));
}

TEST_F(sem, interrupted)
{
	int fd = self->fd, i, *caught = shared(sizeof(*caught));
	pid_t pid;

	ASSERT_OK(kipc_sem_wait(fd, 0));
	for (i = 0; i < 4; i++) {
		struct kipc_sem_op op = ADD(0, -1);
		int none = set_of(1, 0);

		pid = CHILD({
			count_signals(SIGUSR1, 0, caught);
			if (i == 0)
				CHECK_ERR(EINTR, kipc_sem_wait(fd, 0));
			if (i == 1)
				CHECK_ERR(EINTR, kipc_sem_timedwait(fd, 0, SOON));
			if (i == 2)
				CHECK_ERR(EINTR, kipc_sem_op(fd, &op, 1, SOON));
			if (i == 3)
				CHECK_ERR(EINTR, kipc_sem_take_all(&none, 1, SOON));
		});
		if (i < 3)
			s_wait_waiters(fd, 1, pid);
		else
			wait_for(task_state(pid, pid) == 'S');
		ASSERT_OK(kill(pid, SIGUSR1));
		EXPECT_EQ(0, reap(pid));
	}
}

static int to_post;

static void post(int sig)
{
	(void)sig;
	kipc_sem_post(to_post, 0);
}

/* Of the thread that waits for it: as sem_post(3), it is for signal handlers, too. */
TEST_F(sem, posted_by_handler)
{
	struct sigaction action = { .sa_handler = post, .sa_flags = SA_RESTART };
	pid_t pid;

	to_post = self->fd;
	ASSERT_OK(kipc_sem_wait(self->fd, 0));
	pid = CHILD({
		CHECK(!sigaction(SIGUSR1, &action, NULL));
		CHECK(!kipc_sem_timedwait(self->fd, 0, SOON));
	});
	s_wait_waiters(self->fd, 1, pid);
	ASSERT_OK(kill(pid, SIGUSR1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, kipc_sem_getvalue(self->fd, 0));
}

TEST_F(sem, errors_of_some)
{
	struct kipc_sem_op ops[KIPC_SEM_OPS_MAX + 1] = { ADD(0, -1), ADD(1, 1) };
	int post = kipc_narrow(self->fd, SEND, 0), box = default_box();
	uint64_t waiters = get_limit("max_waiters"), bytes = get_limit("max_bytes");

	EXPECT_ERR(E2BIG, kipc_sem_op(self->fd, ops, KIPC_SEM_OPS_MAX + 1, 0));
	EXPECT_ERR(E2BIG, kipc_sem_op(self->fd, ops, 1UL << 32, 0));
	EXPECT_ERR(EINVAL, kipc_sem_op(self->fd, ops, 0, 0));
	EXPECT_ERR(EFAULT, kipc_sem_op(self->fd, NULL, 2, 0));
	EXPECT_ERR(EBADF, kipc_sem_op(post, ops, 2, 0));
	EXPECT_ERR(ENOTTY, kipc_sem_op(box, ops, 2, 0));
	ops[1].num = 3;
	EXPECT_ERR(EFBIG, kipc_sem_op(self->fd, ops, 2, 0));
	ops[1] = ADD(1, 5);
	EXPECT_ERR(ERANGE, kipc_sem_op(self->fd, ops, 2, 0));
	ops[1] = ADD(1, -2);
	EXPECT_ERR(EAGAIN, kipc_sem_op(self->fd, ops, 2, 0));
	EXPECT_ERR(ETIMEDOUT, kipc_sem_op(self->fd, ops, 2, 1));
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, kipc_sem_op(self->fd, ops, 2, SOON));
	set_limit("max_waiters", waiters);
	ops[0].flags = UNDO;
	set_limit("max_bytes", 0);
	EXPECT_ERR(EDQUOT, kipc_sem_op(self->fd, ops, 1, SOON));
	set_limit("max_bytes", bytes);
	EXPECT_EQ(1, kipc_sem_getvalue(self->fd, 0));
	ASSERT_OK(kipc_remove(self->fd));
	EXPECT_ERR(EIDRM, kipc_sem_op(self->fd, ops, 2, SOON));
}

TEST_F(sem, errors_of_looking)
{
	int post = kipc_narrow(self->fd, SEND, 0), wait = kipc_narrow(self->fd, RECEIVE, 0);
	int box = default_box();
	struct kipc_sem_value v[3];
	struct kipc_sem_stat stat;
	uint32_t values[3] = { 0, 0, 6 };

	EXPECT_ERR(EFBIG, kipc_sem_get(self->fd, 1, v, 3));
	EXPECT_ERR(EINVAL, kipc_sem_get(self->fd, 1, v, 0));
	EXPECT_ERR(EBADF, kipc_sem_get(post, 0, v, 3));
	EXPECT_ERR(ENOTTY, kipc_sem_get(box, 0, v, 3));
	EXPECT_ERR(EFAULT, kipc_sem_get(self->fd, 0, NULL, 3));
	EXPECT_ERR(EFAULT, kipc_sem_get(self->fd, 0, NULL, 1));
	EXPECT_ERR(EFBIG, kipc_sem_set(self->fd, 1, values, 3));
	EXPECT_ERR(EINVAL, kipc_sem_set(self->fd, 1, values, 0));
	EXPECT_ERR(ERANGE, kipc_sem_set(self->fd, 0, values, 3));
	EXPECT_ERR(EPERM, kipc_sem_set(wait, 0, values, 2));
	EXPECT_ERR(EBADF, kipc_sem_set(-1, 0, values, 2));
	EXPECT_ERR(ENOTTY, kipc_sem_set(box, 0, values, 2));
	EXPECT_ERR(EFAULT, kipc_sem_set(self->fd, 0, NULL, 2));
	EXPECT_EQ(1, kipc_sem_getvalue(self->fd, 0));
	EXPECT_ERR(EBADF, kipc_sem_stat(-1, &stat));
	EXPECT_ERR(ENOTTY, kipc_sem_stat(box, &stat));
	/* valgrind would complain. */
	if (!*(getenv("KIPC_WRAP") ?: ""))
		EXPECT_ERR(EFAULT, kipc_sem_stat(self->fd, NULL));
	ASSERT_OK(kipc_remove(self->fd));
	EXPECT_ERR(EIDRM, kipc_sem_set(self->fd, 0, values, 2));
	EXPECT_OK(kipc_sem_get(self->fd, 0, v, 3));
}

TEST_F(sem, errors_of_all)
{
	int fds[KIPC_SEM_SETS_MAX + 1], i;

	for (i = 0; i <= KIPC_SEM_SETS_MAX; i++)
		fds[i] = set_of(1, 1);
	EXPECT_ERR(EINVAL, kipc_sem_take_all(fds, 0, SOON));
	EXPECT_ERR(E2BIG, kipc_sem_take_all(fds, KIPC_SEM_SETS_MAX + 1, SOON));
	EXPECT_OK(kipc_sem_take_all(fds, KIPC_SEM_SETS_MAX, SOON));
	EXPECT_ERR(ETIMEDOUT, kipc_sem_take_all(fds, 2, kipc_deadline(MS)));
	EXPECT_ERR(EAGAIN, kipc_sem_take_all(fds, 2, KIPC_NO_WAIT));
	fds[1] = self->fd;
	EXPECT_ERR(EINVAL, kipc_sem_take_all(fds, 2, SOON));
	fds[1] = default_box();
	EXPECT_ERR(ENOTTY, kipc_sem_take_all(fds, 2, SOON));
	fds[1] = -1;
	EXPECT_ERR(EBADF, kipc_sem_take_all(fds, 2, SOON));
	ASSERT_OK(kipc_remove(fds[2]));
	EXPECT_ERR(EIDRM, kipc_sem_take_all(fds + 2, 2, SOON));
}

/* Removed while it sleeps. */
TEST_F(sem, all_removed)
{
	int fds[2] = { set_of(1, 1), set_of(1, 0) };
	pid_t pid = CHILD(CHECK_ERR(EIDRM, kipc_sem_take_all(fds, 2, SOON)));

	wait_for(task_state(pid, pid) == 'S');
	ASSERT_OK(kipc_remove(fds[1]));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, kipc_sem_getvalue(fds[0], 0));
}

/* Removed while it sleeps for another one: whether it was there, or missing as well. */
TEST_F(sem, all_removed_another)
{
	int i;

	for (i = 0; i < 2; i++) {
		int fds[2] = { set_of(1, i), set_of(1, 0) };
		pid_t pid = CHILD(CHECK_ERR(EIDRM, kipc_sem_take_all(fds, 2, SOON)));

		wait_for(task_state(pid, pid) == 'S');
		ASSERT_OK(kipc_remove(fds[0]));
		EXPECT_EQ(0, reap(pid));
	}
}

/* They come one after the other, and the last one is what it waits for. */
TEST_F(sem, all_come)
{
	int fds[3] = { set_of(1, 0), set_of(1, 0), set_of(1, 0) }, i;
	pid_t pid = CHILD(CHECK(!kipc_sem_take_all(fds, 3, SOON)));

	for (i = 0; i < 3; i++) {
		wait_for(task_state(pid, pid) == 'S');
		EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
		ASSERT_OK(kipc_sem_post(fds[2 - i], 0));
	}
	EXPECT_EQ(0, reap(pid));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, kipc_sem_getvalue(fds[i], 0));
}

/* Nothing may be said before the end: that takes memory, too. */
#define EXPECT_NO_MEMORY(call) do {					\
	int ret_, err_;							\
	ASSERT_TRUE(inject_arm_all());					\
	ret_ = (call);							\
	err_ = errno;							\
	inject_disarm_all();						\
	EXPECT_EQ(-1, ret_);						\
	EXPECT_EQ(ENOMEM, err_);					\
} while (0)

TEST_F(sem, no_memory)
{
	int fds[KIPC_SEM_SETS_MAX], i;
	uint64_t deadline = SOON;
	struct kipc_sem_value v[3];
	struct kipc_sem_op op = ADD(0, 1, UNDO);
	uint32_t values[3] = { 1, 1, 1 };

	for (i = 0; i < KIPC_SEM_SETS_MAX; i++)
		fds[i] = set_of(1, 0);
	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	CHECK(!mlockall(MCL_CURRENT | MCL_FUTURE));
	EXPECT_NO_MEMORY(kipc_sem_create(NULL, NULL, 0600, SEND, 0));
	EXPECT_NO_MEMORY(kipc_sem_get(self->fd, 0, v, 3));
	EXPECT_NO_MEMORY(kipc_sem_set(self->fd, 0, values, 3));
	EXPECT_NO_MEMORY(kipc_sem_op(self->fd, &op, 1, KIPC_NO_WAIT));
	/* Of a few descriptors poll keeps account on its stack. */
	EXPECT_NO_MEMORY(kipc_sem_take_all(fds, KIPC_SEM_SETS_MAX, deadline));
	inject_end();
	EXPECT_EQ(1, kipc_sem_getvalue(self->fd, 0));
}

TEST_HARNESS_MAIN
