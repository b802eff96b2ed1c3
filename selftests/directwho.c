// SPDX-License-Identifier: GPL-2.0
/*
 * Direct communication: who may open what a process has published, and who sees the
 * process: as with kill(2).
 */
#include "test.h"
#include "direct.h"

#include <linux/capability.h>

#define OWNER	1000
#define OTHER	2000

FIXTURE(direct) {
	int ctl, fd;
	uint64_t id;
};

FIXTURE_SETUP(direct)
{
	step = shared(sizeof(*step));
	self->ctl = control();
	self->fd = default_box();
	self->id = id_of(self->fd);
}

FIXTURE_TEARDOWN(direct)
{
}

/* Permission: what kill(2) says. */

static const uid_t users[] = { 0, OWNER, OTHER };

/* Whom kill(2) allows, and nobody else, gets to know what is published. */
static void like_kill(pid_t pid, uint64_t id, unsigned int *may,
		      unsigned int *may_not)
{
	bool allowed = !kill(pid, 0);

	CHECK(allowed || errno == EPERM);
	CHECK(published(pid) == (allowed ? (int64_t)id : -EPERM));
	++*(allowed ? may : may_not);
}

static void ask_as_everybody(pid_t pid, uint64_t id, unsigned int *counts)
{
	size_t r, e;
	pid_t child;

	for (r = 0; r < ARRAY_SIZE(users); r++) {
		for (e = 0; e < ARRAY_SIZE(users); e++) {
			child = spawn();
			if (!child) {
				CHECK(!setresuid(users[r], users[e], users[e]));
				like_kill(pid, id, &counts[0], &counts[1]);
				_exit(0);
			}
			CHECK(!reap(child));
		}
	}
}

TEST_F(direct, as_kill)
{
	unsigned int *counts = shared(2 * sizeof(*counts));
	unsigned int n = 0;
	size_t r, e, s;
	pid_t pid;

	/* Its owner and mode mean nothing here. */
	ASSERT_OK(fchmod(self->fd, 0));
	for (r = 0; r < ARRAY_SIZE(users); r++) {
		for (e = 0; e < ARRAY_SIZE(users); e++) {
			for (s = 0; s < ARRAY_SIZE(users); s++) {
				/* In part: each has each, with one as the third. */
				if ((r + e + s) % 3 && effort(100) < 100)
					continue;
				n++;
				reach(0);
				pid = spawn();
				if (!pid) {
					CHECK(!setresuid(users[r], users[e],
							 users[s]));
					CHECK(!k_publish(self->fd));
					reach(1);
					await(2);
					_exit(0);
				}
				await(1);
				ask_as_everybody(pid, self->id, counts);
				reach(2);
				EXPECT_EQ(0, reap(pid));
			}
		}
	}
	EXPECT_EQ(n * 9, counts[0] + counts[1]);
	EXPECT_GT(counts[0], 3 * n);
	EXPECT_GT(counts[1], n);
}

static void set_effective(uint32_t low)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2];

	CHECK(!syscall(SYS_capget, &h, d));
	d[0].effective = low;
	d[1].effective = 0;
	CHECK(!syscall(SYS_capset, &h, d));
}

TEST_F(direct, capability)
{
	pid_t pid, asks;

	pid = spawn();
	if (!pid) {
		become(OWNER, OWNER);
		CHECK(!k_publish(self->fd));
		reach(1);
		await(2);
		_exit(0);
	}
	await(1);
	asks = spawn();
	if (!asks) {
		CHECK(published(pid) == (int64_t)self->id);
		set_effective(~(1U << CAP_KILL));
		CHECK(published(pid) == -EPERM);
		set_effective(1U << CAP_KILL);
		CHECK(published(pid) == (int64_t)self->id);
		set_effective(0);
		CHECK(published(pid) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, reap(asks));
	reach(2);
	EXPECT_EQ(0, reap(pid));
}

/* Who may not ask does not get to know whether there is something. */
TEST_F(direct, strangers_learn_nothing)
{
	pid_t pid;

	ASSERT_OK(k_publish(self->fd));
	pid = spawn();
	if (!pid) {
		become(OTHER, OTHER);
		CHECK(published(getppid()) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(k_unpublish(self->fd));
	pid = spawn();
	if (!pid) {
		become(OTHER, OTHER);
		CHECK(published(getppid()) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* Namespaces. */

TEST_F(direct, user_namespace)
{
	int inner = default_box();
	uint64_t id = id_of(inner);
	pid_t pid, asks, child;

	ASSERT_OK(k_publish(self->fd));
	pid = spawn();
	if (!pid) {
		/* All capabilities, but none over its parent. */
		enter_userns(0, NOBODY, "0 65534 1\n1 100001 2",
			     "0 65534 1\n1 100001 2");
		CHECK(!setresgid(0, 0, 0) && !setresuid(0, 0, 0));
		CHECK(published(getppid()) == -EPERM);
		asks = getpid();
		child = spawn();
		if (!child) {
			/* Over this one it has. */
			CHECK(!setresuid(1, 1, 1) && !k_publish(inner));
			CHECK(published(asks) == -EPERM);
			reach(1);
			await(2);
			_exit(0);
		}
		await(1);
		CHECK(published(child) == (int64_t)id);
		CHECK(published(getppid()) == -EPERM);
		reach(2);
		CHECK(!reap(child));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_F(direct, pid_namespace)
{
	int inner = default_box();
	pid_t pid, first;

	ASSERT_OK(k_publish(self->fd));
	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWPID));
		first = spawn();
		if (!first) {
			CHECK(getpid() == 1);
			CHECK(published(1) == -ENOENT);
			CHECK(!k_publish(inner));
			CHECK(published(1) == (int64_t)id_of(inner));
			/* Who is outside has no number here. */
			CHECK(published(2) == -ESRCH);
			reach(1);
			await(2);
			_exit(0);
		}
		CHECK(first > 1);
		await(1);
		/* By its number out here. */
		CHECK(published(first) == (int64_t)id_of(inner));
		CHECK(published(getppid()) == (int64_t)self->id);
		reach(2);
		_exit(reap(first));
	}
	EXPECT_EQ(0, reap(pid));
}

/* IPC namespaces are of names, and this is none. */
TEST_F(direct, ipc_namespace)
{
	pid_t pid;

	ASSERT_OK(k_publish(self->fd));
	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		CHECK(published(getppid()) == (int64_t)self->id);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_F(direct, no_descriptor)
{
	pid_t pid;

	ASSERT_OK(k_publish(self->fd));
	pid = spawn();
	if (!pid) {
		no_descriptors();
		CHECK_ERR(EMFILE, k_open_pid(self->ctl, getppid(), SEND, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(2, total("handles") + total("objects"));
}

TEST_HARNESS_MAIN
