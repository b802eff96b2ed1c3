// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of semaphores: what operations do, who may do them, and what fails.
 */
#include "test.h"
#include "ksem.h"

#include <limits.h>

TEST(defaults)
{
	struct kipc_sem_value v;
	struct kipc_sem_stat st;
	struct kipc_info info;
	int fd = s_create(NULL, NULL, 0600, KIPC_SEM_RIGHTS, 0);

	ASSERT_OK(fd);
	ASSERT_OK(s_stat(fd, &st));
	EXPECT_EQ(1, st.attr.count);
	EXPECT_EQ(0, st.attr.initial);
	EXPECT_EQ(KIPC_SEM_VALUE_MAX, st.attr.max);
	EXPECT_EQ(16, st.attr.overtakes);
	EXPECT_EQ(0, st.attr.flags | st.attr.reserved);
	EXPECT_EQ(0, st.operations | st.waits | st.otime | st.waiting | st.undos);
	EXPECT_LE(time(NULL) - 1000, (time_t)st.ctime);
	ASSERT_OK(s_get(fd, 0, &v, 1));
	EXPECT_EQ(0, v.value | v.waiting | v.waiting_zero);
	EXPECT_EQ(0, v.pid);
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(KIPC_KIND_SEMAPHORES, info.kind);
	EXPECT_EQ(KIPC_SEM_RIGHTS, info.rights);
	EXPECT_ERR(EFBIG, s_get(fd, 1, &v, 1));
}

TEST(features)
{
	struct kipc_features f;
	int ctl = control();

	ASSERT_OK(ioctl(ctl, KIPC_IOC_FEATURES, &f));
	EXPECT_TRUE(f.kinds & 1 << KIPC_KIND_SEMAPHORES);
}

TEST(post_and_take)
{
	int fd = set_of(3, 2);

	EXPECT_OK(s_post(fd, 1));
	EXPECT_EQ(2, s_value(fd, 0));
	EXPECT_EQ(3, s_value(fd, 1));
	EXPECT_OK(s_take(fd, 1));
	EXPECT_OK(s_try(fd, 1));
	EXPECT_OK(s_take(fd, 1));
	EXPECT_ERR(EAGAIN, s_try(fd, 1));
	EXPECT_EQ(2, s_value(fd, 2));
	EXPECT_EQ(4, s_stat_of(fd).operations);
	EXPECT_EQ(0, s_stat_of(fd).waits);
	EXPECT_EQ(getpid(), s_look(fd, 1).pid);
	EXPECT_EQ(0, s_look(fd, 2).pid);
	EXPECT_LE(time(NULL) - 1000, (time_t)s_stat_of(fd).otime);
}

/* No plain read or write: a number is no message. */
TEST(no_stream)
{
	int fd = set_of(1, 1);
	uint64_t v = 1;

	EXPECT_ERR(EINVAL, read(fd, &v, 8));
	EXPECT_ERR(EINVAL, write(fd, &v, 8));
	EXPECT_EQ(1, s_value(fd, 0));
}

TEST(all_or_nothing)
{
	int fd = set_of(4, 2);

	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, -2), ADD(1, 3), ADD(3, -1))));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_EQ(5, s_value(fd, 1));
	EXPECT_EQ(1, s_value(fd, 3));
	EXPECT_ERR(EAGAIN, s_op(fd, 0, STEPS(ADD(1, -5), ADD(3, 7), ADD(0, -1))));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_EQ(5, s_value(fd, 1));
	EXPECT_EQ(1, s_value(fd, 3));
	EXPECT_EQ(1, s_stat_of(fd).operations);
}

/* One behind the other, as semop has it. */
TEST(same_semaphore_again)
{
	int fd = set_of(1, 1);

	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, 2), ADD(0, -3))));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_ERR(EAGAIN, s_op(fd, 0, STEPS(ADD(0, -1), ADD(0, 2))));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, 0), ADD(0, 2))));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, -1), ADD(0, -1), ADD(0, 0))));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_ERR(EAGAIN, s_op(fd, 0, STEPS(ADD(0, 1), ADD(0, 0), ADD(0, -1))));
	EXPECT_EQ(0, s_value(fd, 0));
}

TEST(overflow)
{
	int fd = semaphores((struct kipc_sem_attr){ .count = 2, .initial = 3, .max = 4 });

	EXPECT_OK(s_post(fd, 0));
	EXPECT_ERR(ERANGE, s_post(fd, 0));
	EXPECT_ERR(ERANGE, s_op(fd, 0, STEPS(ADD(1, -1), ADD(0, 1))));
	EXPECT_EQ(3, s_value(fd, 1));
	/* Also for a moment. */
	EXPECT_ERR(ERANGE, s_op(fd, 0, STEPS(ADD(0, 1), ADD(0, -1))));
	EXPECT_ERR(ERANGE, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, INT_MAX))));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, -1), ADD(0, 1))));
	/* What is more than there can ever be waits. */
	EXPECT_ERR(EAGAIN, s_op(fd, 0, STEPS(ADD(0, INT_MIN))));
	EXPECT_EQ(4, s_value(fd, 0));
	fd = set_of(1, KIPC_SEM_VALUE_MAX);
	EXPECT_ERR(ERANGE, s_post(fd, 0));
	EXPECT_ERR(EAGAIN, s_op(fd, 0, STEPS(ADD(0, INT_MIN))));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, -INT_MAX))));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, INT_MAX))));
	EXPECT_EQ(KIPC_SEM_VALUE_MAX, s_value(fd, 0));
}

/* An operation that overflows when it can go on has that error then. */
TEST(overflow_after_wait)
{
	int fd = semaphores((struct kipc_sem_attr){ .count = 2, .max = 1 });
	pid_t pid = WAITER(fd, 1,
		CHECK_ERR(ERANGE, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -1), ADD(1, 2)))));

	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, s_value(fd, 0));
	EXPECT_EQ(0, s_value(fd, 1));
	EXPECT_EQ(0, s_look(fd, 0).waiting | s_look(fd, 1).waiting);
}

TEST(limits)
{
	static struct kipc_sem_value all[KIPC_SEM_MAX];
	static struct kipc_sem_op ops[KIPC_SEM_OPS_MAX + 1];
	int fd = set_of(KIPC_SEM_MAX, 1), i;

	for (i = 0; i <= KIPC_SEM_OPS_MAX; i++)
		ops[i] = ADD(KIPC_SEM_MAX - 1 - i, -1);
	EXPECT_ERR(E2BIG, s_op(fd, 0, ops, KIPC_SEM_OPS_MAX + 1));
	EXPECT_ERR(EINVAL, s_op(fd, 0, ops, 0));
	EXPECT_OK(s_op(fd, 0, ops, KIPC_SEM_OPS_MAX));
	ASSERT_OK(s_get(fd, 0, all, KIPC_SEM_MAX));
	for (i = 0; i < KIPC_SEM_MAX; i++)
		ASSERT_EQ(i < KIPC_SEM_MAX - KIPC_SEM_OPS_MAX, all[i].value);
	ops[0].num = KIPC_SEM_MAX;
	EXPECT_ERR(EFBIG, s_op(fd, 0, ops, 1));
	ops[0].num = 65535;
	EXPECT_ERR(EFBIG, s_op(fd, 0, ops, 1));
	EXPECT_ERR(EFBIG, s_post(fd, KIPC_SEM_MAX));
	EXPECT_ERR(EFBIG, s_post(fd, KIPC_SEM_TRY));
	EXPECT_ERR(EFBIG, s_take(fd, KIPC_SEM_MAX));
	EXPECT_ERR(EFBIG, s_try(fd, KIPC_SEM_MAX));
	EXPECT_ERR(EFBIG, s_take(fd, -1UL));
	EXPECT_ERR(EFBIG, s_post(fd, -1UL));
	EXPECT_ERR(EFBIG, s_get(fd, 1, all, KIPC_SEM_MAX));
	EXPECT_ERR(EFBIG, s_get(fd, ~0U, all, 1));
	EXPECT_ERR(EINVAL, s_get(fd, 0, all, 0));
	EXPECT_EQ(1, s_stat_of(fd).operations);
}

TEST(set_values)
{
	uint32_t two[] = { 5, 7 };
	int fd = semaphores((struct kipc_sem_attr){ .count = 3, .max = 7 });

	ASSERT_OK(s_set(fd, 1, two, 2));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_EQ(5, s_value(fd, 1));
	EXPECT_EQ(7, s_value(fd, 2));
	EXPECT_EQ(getpid(), s_look(fd, 1).pid);
	EXPECT_EQ(0, s_stat_of(fd).operations);
	two[1] = 8;
	EXPECT_ERR(ERANGE, s_set(fd, 1, two, 2));
	EXPECT_ERR(EFBIG, s_set(fd, 2, two, 2));
	EXPECT_ERR(EFBIG, s_set(fd, 3, two, 1));
	EXPECT_ERR(EINVAL, s_set(fd, 0, two, 0));
	EXPECT_EQ(5, s_value(fd, 1));
}

TEST(rights)
{
	int fd = set_of(2, 5), post, wait, manage, none = -1;
	struct kipc_sem_value v;

	post = k_narrow(fd, SEND, 0);
	wait = k_narrow(fd, RECEIVE, 0);
	manage = k_narrow(fd, MANAGE, 0);
	EXPECT_OK(s_post(post, 0));
	EXPECT_ERR(EBADF, s_take(post, 0));
	EXPECT_ERR(EBADF, s_try(post, 0));
	EXPECT_ERR(EBADF, s_op(post, 0, STEPS(ADD(0, 1), ADD(0, -1))));
	EXPECT_ERR(EBADF, s_op(post, 0, STEPS(ADD(0, 0))));
	EXPECT_OK(s_op(post, 0, STEPS(ADD(0, 1))));
	EXPECT_ERR(EBADF, s_get(post, 0, &v, 1));
	EXPECT_ERR(EPERM, s_set_one(post, 0, 1));
	EXPECT_ERR(EBADF, s_all(post, &post, 1));

	EXPECT_OK(s_take(wait, 0));
	EXPECT_ERR(EBADF, s_post(wait, 0));
	EXPECT_ERR(EBADF, s_op(wait, 0, STEPS(ADD(0, -1), ADD(1, 1))));
	EXPECT_OK(s_op(wait, 0, STEPS(ADD(0, -1))));
	EXPECT_ERR(EAGAIN, s_op(wait, 0, STEPS(ADD(0, 0))));
	EXPECT_OK(s_get(wait, 0, &v, 1));
	EXPECT_ERR(EPERM, s_set_one(wait, 0, 1));
	EXPECT_ERR(EPERM, k_remove(wait));

	EXPECT_ERR(EBADF, s_post(manage, 0));
	EXPECT_ERR(EBADF, s_take(manage, 0));
	EXPECT_ERR(EBADF, s_get(manage, 0, &v, 1));
	EXPECT_OK(s_set_one(manage, 0, 1));
	EXPECT_OK(k_remove(manage));
	EXPECT_ERR(EPERM, k_narrow(wait, SEND, 0));
	EXPECT_ERR(EBADF, s_post(none, 0));
}

TEST(removed)
{
	int fd = set_of(2, 5);
	struct kipc_sem_value v;
	pid_t a, b, c;

	a = WAITER(fd, 1, CHECK_ERR(EIDRM, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -6)))));
	b = WAITER(fd, 2, CHECK_ERR(EIDRM, s_op(fd, after(PATIENCE), STEPS(ADD(1, 0)))));
	c = WAITER(fd, 3,
		   CHECK_ERR(EIDRM, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, 1), ADD(1, -9)))));
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(a));
	EXPECT_EQ(0, reap(b));
	EXPECT_EQ(0, reap(c));
	EXPECT_ERR(EIDRM, s_post(fd, 0));
	EXPECT_ERR(EIDRM, s_take(fd, 0));
	EXPECT_ERR(EIDRM, s_op(fd, 0, STEPS(ADD(0, 0, UNDO))));
	EXPECT_ERR(EIDRM, s_set_one(fd, 0, 1));
	EXPECT_ERR(EIDRM, s_op(fd, 0, STEPS(ADD(0, 1, UNDO))));
	EXPECT_ERR(EINVAL, s_all(fd, &fd, 1));
	EXPECT_OK(s_get(fd, 0, &v, 1));
	EXPECT_EQ(5, v.value);
	EXPECT_EQ(0, s_stat_of(fd).waiting);
	EXPECT_EQ(0, s_stat_of(fd).operations);
}

/* Waiting. */

TEST(waits)
{
	int fd = set_of(2, 0);
	pid_t pid = WAITER(fd, 1, CHECK(!s_take(fd, 1)));

	EXPECT_EQ(1, s_look(fd, 1).waiting);
	EXPECT_EQ(0, s_look(fd, 0).waiting);
	EXPECT_EQ(1, s_stat_of(fd).waits);
	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ('S', task_state(pid, pid));
	EXPECT_OK(s_post(fd, 1));
	/* It has it before it runs. */
	EXPECT_EQ(0, s_value(fd, 1));
	EXPECT_EQ(pid, s_look(fd, 1).pid);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(3, s_stat_of(fd).operations);
}

TEST(waits_for_zero)
{
	int fd = set_of(1, 2);
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, 0), ADD(0, 9)))));

	EXPECT_EQ(1, s_look(fd, 0).waiting_zero);
	EXPECT_EQ(0, s_look(fd, 0).waiting);
	EXPECT_OK(s_take(fd, 0));
	EXPECT_EQ('S', task_state(pid, pid));
	EXPECT_OK(s_take(fd, 0));
	EXPECT_EQ(9, s_value(fd, 0));
	EXPECT_EQ(0, reap(pid));
	/* By other ways to 0. */
	pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, 0)))));
	ASSERT_OK(s_set_one(fd, 0, 0));
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(s_post(fd, 0));
	pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, 0)))));
	EXPECT_OK(s_all(fd, &fd, 1));
	EXPECT_EQ(0, reap(pid));
}

/* What steps before it have done counts: it waits for 1, not for 0. */
TEST(waits_for_own_zero)
{
	int fd = set_of(2, 3);
	pid_t pid = WAITER(fd, 1,
		CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -1), ADD(0, 0)))));

	EXPECT_OK(s_take(fd, 0));
	EXPECT_EQ('S', task_state(pid, pid));
	EXPECT_OK(s_take(fd, 0));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, s_value(fd, 0));
	/* More is needed, for it has taken some already. */
	pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER,
					STEPS(ADD(1, -2), ADD(0, 1), ADD(1, -2)))));
	EXPECT_EQ(3, s_value(fd, 1));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_OK(s_post(fd, 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, s_value(fd, 1));
}

TEST(deadlines)
{
	int fd = set_of(1, 0), twin;
	uint64_t then;

	EXPECT_ERR(EAGAIN, s_op(fd, KIPC_NO_WAIT, STEPS(ADD(0, -1))));
	EXPECT_ERR(ETIMEDOUT, s_op(fd, 1, STEPS(ADD(0, -1))));
	then = after(20 * MS);
	EXPECT_ERR(ETIMEDOUT, s_op(fd, then, STEPS(ADD(0, -1))));
	EXPECT_LE(then, now_ns());
	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -1))));
	EXPECT_ERR(EAGAIN, s_take(fd, 0));
	twin = k_narrow(fd, RECEIVE, KIPC_NONBLOCK);
	EXPECT_ERR(EAGAIN, s_take(twin, 0));
	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ(0, s_stat_of(fd).waiting);
	EXPECT_OK(s_op(fd, 1, STEPS(ADD(0, -1))));
}

TEST(signals)
{
	static const int restart[] = { 0, SA_RESTART };
	int fd = set_of(1, 0), i;

	for (i = 0; i < 4; i++) {
		int *caught = shared(sizeof(*caught));
		bool one = i > 1;
		pid_t pid = WAITER(fd, 1, {
			count_signals(SIGUSR1, restart[i & 1], caught);
			if (i & 1)
				CHECK(!(one ? s_take(fd, 0) :
					s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -1)))));
			else
				CHECK_ERR(EINTR, one ? s_take(fd, 0) :
					  s_op(fd, after(PATIENCE), STEPS(ADD(0, -1))));
		});

		ASSERT_OK(kill(pid, SIGUSR1));
		wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST));
		if (i & 1) {
			s_wait_waiters(fd, 1, pid);
			EXPECT_OK(s_post(fd, 0));
		}
		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(0, s_value(fd, 0));
	}
}

TEST(killed)
{
	int fd = set_of(1, 0);
	pid_t pid = WAITER(fd, 1, s_take(fd, 0));

	slay(pid);
	wait_for(!s_stat_of(fd).waiting);
	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ(1, s_value(fd, 0));
	EXPECT_EQ(0, total("waiters"));
}

/* Names, and what each right asks of the mode. */

TEST(names)
{
	const char *name = temp_name("sem");
	struct kipc_sem_attr attr = { .count = 2, .initial = 1 };
	int fd = s_create(name, &attr, 0640, KIPC_SEM_RIGHTS, KIPC_PERSISTENT), other;

	ASSERT_OK(fd);
	attr.count = 5;
	other = s_create(name, &attr, 0600, SEND, 0);
	ASSERT_OK(other);
	EXPECT_OK(s_post(other, 1));
	EXPECT_ERR(EFBIG, s_post(other, 2));
	EXPECT_ERR(EEXIST, s_create(name, NULL, 0600, SEND, KIPC_EXCL));
	EXPECT_ERR(EPROTOTYPE, k_open_kind(control(), name, KIPC_KIND_MAILBOX, RECEIVE));
	close(fd);
	close(other);
	fd = k_open_kind(control(), name, KIPC_KIND_SEMAPHORES, RECEIVE);
	ASSERT_OK(fd);
	EXPECT_EQ(2, s_value(fd, 1));
	EXPECT_ERR(EINVAL, k_open_kind(control(), name, KIPC_KIND_SEMAPHORES,
				       KIPC_RIGHT_CALL));
	EXPECT_EQ(0, reap(CHILD({
		become(NOBODY, 0);
		CHECK(k_open_kind(control(), name, KIPC_KIND_ANY, RECEIVE) >= 0);
		CHECK_ERR(EACCES, k_open_kind(control(), name, KIPC_KIND_ANY, SEND));
		CHECK_ERR(EACCES, k_open_kind(control(), name, KIPC_KIND_ANY, MANAGE));
	})));
	EXPECT_OK(k_unlink(control(), name));
	EXPECT_OK(s_take(fd, 0));
}

/* The owner's quotas. */

TEST(quota)
{
	uint64_t waiters = get_limit("max_waiters"), bytes = get_limit("max_bytes");
	struct kipc_sem_attr attr = { .count = KIPC_SEM_MAX };
	uint64_t before = total("bytes");
	int fd = set_of(1, 0), big;

	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, s_take(fd, 0));
	EXPECT_ERR(EDQUOT, s_op(fd, after(PATIENCE), STEPS(ADD(0, -1))));
	EXPECT_ERR(EAGAIN, s_try(fd, 0));
	set_limit("max_waiters", waiters);
	set_limit("max_bytes", total("bytes") + 1000);
	EXPECT_ERR(EDQUOT, s_create(NULL, &attr, 0600, KIPC_SEM_RIGHTS, 0));
	set_limit("max_bytes", total("bytes"));
	EXPECT_ERR(EDQUOT, s_op(fd, 0, STEPS(ADD(0, 1, UNDO))));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, 0, UNDO))));
	set_limit("max_bytes", bytes);
	big = s_create(NULL, &attr, 0600, KIPC_SEM_RIGHTS, 0);
	ASSERT_OK(big);
	EXPECT_OK(s_op(big, 0, STEPS(ADD(9, 1, UNDO))));
	EXPECT_LE(before + KIPC_SEM_MAX * 16, total("bytes"));
	close(big);
	close(fd);
	wait_for(total("bytes") == before);
}

TEST(fdinfo)
{
	int fd = set_of(3, 1);
	char path[64], text[1024];
	ssize_t n;
	int info;

	EXPECT_OK(s_post(fd, 2));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = read(info, text, sizeof(text) - 1);
	ASSERT_LT(0, n);
	text[n] = 0;
	EXPECT_NE(NULL, strstr(text, "kind:\tsemaphores\n"));
	EXPECT_NE(NULL, strstr(text, "semaphores:\t3\n"));
	EXPECT_NE(NULL, strstr(text, "operations:\t1\n"));
	EXPECT_NE(NULL, strstr(text, "waiting:\t0\n"));
}

/* The last process, as each pid namespace sees it. */
TEST(pid_namespace)
{
	int fd = set_of(2, 0);

	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(CHILD({
		CHECK(!unshare(CLONE_NEWPID));
		CHECK(!reap(CHILD({
			CHECK(getpid() == 1);
			CHECK(!s_look(fd, 0).pid);
			CHECK(!s_post(fd, 1));
			CHECK(s_look(fd, 1).pid == 1);
		})));
		CHECK(s_look(fd, 1).pid > 1);
	})));
}

/* Deadlines are those of the caller's clock. */
TEST(time_namespace)
{
	int fd = set_of(1, 0);

	EXPECT_EQ(0, reap(CHILD({
		if (unshare(CLONE_NEWTIME))
			_exit(0);
		write_file("/proc/self/timens_offsets", "monotonic 86400 0\n");
		CHECK(!reap(CHILD({
			uint64_t then = after(10 * MS);

			CHECK_ERR(ETIMEDOUT, s_op(fd, then, STEPS(ADD(0, -1))));
			CHECK(now_ns() >= then && now_ns() < then + 60 * SECOND);
		})));
	})));
}

TEST_HARNESS_MAIN
