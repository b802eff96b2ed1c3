// SPDX-License-Identifier: GPL-2.0
/* IPC, user and pid namespaces: who sees what, who may what, what is left. */
#include "test.h"

#define OVERFLOW_ID 65534

static int make(int ctl, const char *name, unsigned int mode)
{
	int fd;

	umask(0);
	fd = k_create(ctl, name, NULL, mode, ALL_RIGHTS,
		      KIPC_EXCL | KIPC_PERSISTENT);
	CHECK(fd >= 0);
	return fd;
}

/* This process's IPC namespace, to come back to it. */
static int home(void)
{
	int fd = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

TEST(names_are_isolated)
{
	const char *name = temp_name("isolated");
	int ctl = control(), own;
	int fd = make(ctl, name, 0666);
	int inner;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		own = control();
		CHECK_ERR(ENOENT, k_open(own, name, SEND, 0));
		CHECK_ERR(ENOENT, k_unlink(own, name));
		inner = make(own, name, 0666);
		CHECK(!send_number(inner, 2));
		/* Handles go where names do not. */
		CHECK(!send_number(fd, 1));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	inner = k_open(ctl, name, RECEIVE, 0);
	ASSERT_OK(inner);
	EXPECT_EQ(1, recv_number(inner));
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_OK(k_unlink(ctl, name));
	close(fd);
	close(inner);
	wait_for(total("objects") == 0);
}

TEST(control_descriptor_keeps_its_namespace)
{
	const char *name = temp_name("outer"), *other = temp_name("made");
	int ctl = control();
	int fd = make(ctl, name, 0600);
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		CHECK(k_open(ctl, name, SEND, 0) >= 0);
		make(ctl, other, 0600);
		CHECK_ERR(ENOENT, k_open(control(), other, SEND, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(k_open(ctl, other, SEND, 0));
	EXPECT_OK(k_unlink(ctl, other));
	EXPECT_OK(k_unlink(ctl, name));
	close(fd);
}

TEST(dead_namespace_is_reaped)
{
	pid_t pid = spawn();
	char name[16];
	int i;

	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		for (i = 0; i < 20; i++) {
			snprintf(name, sizeof(name), "left-%d", i);
			CHECK(!send_number(make(control(), name, 0600), i));
		}
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	wait_for(total("objects") == 0);
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("handles"));
}

/* More than go in one batch, of both kinds: persistent, and held elsewhere. */
TEST(dead_namespace_with_many_names)
{
	enum { NAMES = 150, HELD = 40 };
	struct kipc_info info;
	int back = home(), ctl, fds[HELD], i, n;
	char name[32];

	ASSERT_OK(unshare(CLONE_NEWIPC));
	ctl = control();
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		close(make(ctl, name, 0600));
		if (i >= HELD)
			continue;
		snprintf(name, sizeof(name), "held-%d", i);
		fds[i] = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);
		ASSERT_OK(fds[i]);
		ASSERT_OK(send_number(fds[i], i));
	}
	EXPECT_EQ(NAMES + HELD, total("objects"));
	ASSERT_OK(setns(back, CLONE_NEWIPC));
	close(ctl);
	/* Nobody can come back: the names go, and what only they held. */
	wait_for(total("objects") == HELD);
	for (i = 0; i < HELD; i++) {
		ASSERT_OK(k_info(fds[i], &info));
		EXPECT_EQ(0, info.name_len);
		EXPECT_EQ(i, recv_number(fds[i]));
		n = fds[i];
		close(n);
	}
	EXPECT_EQ(0, total("objects"));
}

TEST(many_namespaces_leave_nothing)
{
	pid_t pid = spawn();
	int i;

	if (!pid) {
		for (i = 0; i < 200; i++) {
			CHECK(!unshare(CLONE_NEWIPC));
			close(make(control(), "the-same", 0600));
		}
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	wait_for(total("objects") == 0);
}

TEST(control_descriptor_holds_its_namespace)
{
	int back = home(), ctl, fd;
	uint64_t until;

	ASSERT_OK(unshare(CLONE_NEWIPC));
	ctl = control();
	fd = make(ctl, "held", 0600);
	ASSERT_OK(send_number(fd, 3));
	close(fd);
	ASSERT_OK(setns(back, CLONE_NEWIPC));
	/* Longer than the reaper needs, and it must not. */
	until = after(2500 * MS);
	while (now_ns() < until) {
		ASSERT_EQ(1, total("objects"));
		usleep(100000);
	}
	fd = k_open(ctl, "held", RECEIVE, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(3, recv_number(fd));
	close(ctl);
	/* The handle lives on without namespace and name. */
	until = after(2200 * MS);
	while (now_ns() < until) {
		ASSERT_EQ(1, total("objects"));
		usleep(100000);
	}
	EXPECT_EQ(0, stat_of(fd).letters);
	close(fd);
	wait_for(total("objects") == 0);
}

TEST(namespace_that_can_be_entered_is_not_reaped)
{
	int back = home(), there;
	uint64_t until;

	ASSERT_OK(unshare(CLONE_NEWIPC));
	there = home();
	close(make(control(), "entered", 0600));
	/* No control descriptor is left, nor a member. */
	ASSERT_OK(close_range(there + 1, ~0U, 0));
	ASSERT_OK(setns(back, CLONE_NEWIPC));
	until = after(2500 * MS);
	while (now_ns() < until) {
		ASSERT_EQ(1, total("objects"));
		usleep(100000);
	}
	ASSERT_OK(setns(there, CLONE_NEWIPC));
	EXPECT_OK(k_open(control(), "entered", SEND, 0));
	ASSERT_OK(close_range(there + 1, ~0U, 0));
	ASSERT_OK(setns(back, CLONE_NEWIPC));
	close(there);
	wait_for(total("objects") == 0);
}

TEST(nobody_with_namespaces_of_his_own)
{
	pid_t pid = spawn();

	if (!pid) {
		struct kipc_info info;
		int ctl, fd;

		enter_userns(CLONE_NEWIPC, NOBODY, "0 65534 1", "0 65534 1");
		CHECK(!setresuid(0, 0, 0));
		ctl = control();
		fd = make(ctl, "mine", 0600);
		CHECK(!k_info(fd, &info));
		CHECK(info.uid == 0);
		CHECK(!send_number(fd, 4));
		CHECK(recv_number(fd) == 4);
		CHECK(k_open(ctl, "mine", ALL_RIGHTS, 0) >= 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	wait_for(total("objects") == 0);
}

TEST(user_namespace_gives_no_rights)
{
	const char *closed = temp_name("closed"), *open_ = temp_name("open");
	int ctl = control();
	int a = make(ctl, closed, 0600);
	int b = make(ctl, open_, 0666);
	pid_t pid = spawn();

	if (!pid) {
		/* All capabilities, but in the wrong namespace. */
		enter_userns(0, NOBODY, "0 65534 1", "0 65534 1");
		CHECK(!setresuid(0, 0, 0));
		ctl = control();
		CHECK_ERR(EACCES, k_open(ctl, closed, SEND, 0));
		CHECK_ERR(EACCES, k_open(ctl, closed, RECEIVE, 0));
		CHECK_ERR(EACCES, k_open(ctl, closed, MANAGE, 0));
		CHECK_ERR(EACCES, k_create(ctl, closed, NULL, 0600, SEND, 0));
		CHECK_ERR(EACCES, k_unlink(ctl, closed));
		CHECK(k_open(ctl, open_, SEND | RECEIVE, 0) >= 0);
		CHECK_ERR(EACCES, k_open(ctl, open_, MANAGE, 0));
		CHECK_ERR(EACCES, k_unlink(ctl, open_));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	/* Nor does an own IPC namespace make a difference to an old one. */
	pid = spawn();
	if (!pid) {
		enter_userns(CLONE_NEWIPC, NOBODY, "0 65534 1", "0 65534 1");
		CHECK(!setresuid(0, 0, 0));
		CHECK_ERR(EACCES, k_open(ctl, closed, SEND, 0));
		CHECK_ERR(EACCES, k_open(ctl, open_, MANAGE, 0));
		CHECK_ERR(EACCES, k_unlink(ctl, open_));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(k_unlink(ctl, closed));
	EXPECT_OK(k_unlink(ctl, open_));
	close(a);
	close(b);
}

TEST(capability_counts_where_the_ipc_namespace_belongs)
{
	pid_t pid = spawn();

	if (!pid) {
		int ctl, fd;

		enter_userns(CLONE_NEWIPC, NOBODY, "0 65534 1\n1 100001 2",
			     "0 65534 1\n1 100001 2");
		CHECK(!setresgid(0, 0, 0) && !setresuid(0, 0, 0));
		ctl = control();
		CHECK(!seteuid(1));
		fd = make(ctl, "of-one", 0600);
		CHECK(!seteuid(0) && !seteuid(2));
		CHECK_ERR(EACCES, k_open(ctl, "of-one", SEND, 0));
		CHECK_ERR(EACCES, k_unlink(ctl, "of-one"));
		CHECK(!seteuid(0));
		CHECK(k_open(ctl, "of-one", ALL_RIGHTS, 0) >= 0);
		CHECK(!k_unlink(ctl, "of-one"));
		close(fd);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	wait_for(total("objects") == 0);
}

TEST(sender_as_the_user_namespace_shows_it)
{
	int fd = default_box();
	struct kipc_letter l;
	pid_t pid;

	ASSERT_OK(fchown(fd, 4321, 1234));
	ASSERT_OK(send_number(fd, 1));
	pid = spawn();
	if (!pid) {
		struct kipc_info info;

		/* Root and 4321 are strangers there; nobody is root. */
		enter_userns(0, NOBODY, "0 65534 1", "0 65534 1");
		CHECK(k_recv(fd, NULL, 0, &l, KIPC_RECV_TRUNCATE, 0) == 0);
		CHECK(l.uid == OVERFLOW_ID && l.gid == OVERFLOW_ID);
		CHECK(l.pid == getppid());
		CHECK(!k_info(fd, &info));
		CHECK(info.uid == OVERFLOW_ID && info.gid == OVERFLOW_ID);
		CHECK(!setresgid(0, 0, 0) && !setresuid(0, 0, 0));
		CHECK(!send_number(fd, 2));
		CHECK(!send_number(fd, 3));
		CHECK(k_recv(fd, NULL, 0, &l, KIPC_RECV_TRUNCATE, 0) == 0);
		CHECK(l.uid == 0 && l.gid == 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(k_recv(fd, NULL, 0, &l, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(NOBODY, l.uid);
	EXPECT_EQ(NOBODY, l.gid);
	EXPECT_EQ(pid, l.pid);
}

TEST(sender_as_the_pid_namespace_shows_it)
{
	int outward = default_box(), inward = default_box();
	struct kipc_letter l;
	pid_t pid, inner;

	ASSERT_OK(send_number(inward, 1));
	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWPID));
		inner = spawn();
		if (!inner) {
			CHECK(getpid() == 1);
			CHECK(k_recv(inward, NULL, 0, &l, KIPC_RECV_TRUNCATE,
				     0) == 0);
			CHECK(l.pid == 0 && l.tid == 0);
			CHECK(!send_number(inward, 2));
			CHECK(k_recv(inward, NULL, 0, &l, KIPC_RECV_TRUNCATE,
				     0) == 0);
			CHECK(l.pid == 1 && l.tid == 1);
			CHECK(!send_number(outward, 3));
			/* The sender may be gone when its letter is read. */
			_exit(0);
		}
		CHECK(!send_number(outward, inner));
		_exit(reap(inner));
	}
	/* Two letters, in either order: 3, and the number of the inner one. */
	ASSERT_EQ(0, reap(pid));
	inner = 0;
	{
		uint64_t n[2];
		struct kipc_letter letters[2];
		int i;

		for (i = 0; i < 2; i++)
			ASSERT_EQ(8, k_recv(outward, &n[i], 8, &letters[i], 0,
					    0));
		i = n[0] == 3 ? 0 : 1;
		ASSERT_EQ(3, n[i]);
		/* Its number here, or 0 if it is no longer to be seen. */
		EXPECT_TRUE((uint64_t)letters[i].pid == n[!i] ||
			    letters[i].pid == 0);
		EXPECT_EQ(pid, letters[!i].pid);
	}
}

TEST_HARNESS_MAIN
