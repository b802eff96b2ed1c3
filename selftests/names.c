// SPDX-License-Identifier: GPL-2.0
/* Names: making, opening, taking away, and what is left behind. */
#include "test.h"

static const struct kipc_mailbox_attr tiny = { 1, 16, 16, 0 };

static int raw_create(int ctl, const char *name, unsigned int len)
{
	struct kipc_create c = {
		.kind = KIPC_KIND_MAILBOX,
		.mode = 0600,
		.rights = ALL_RIGHTS,
		.name = ptr(name),
		.name_len = len,
	};

	return ioctl(ctl, KIPC_IOC_CREATE, &c);
}

static int raw_open(int ctl, const char *name, unsigned int len)
{
	struct kipc_open o = {
		.kind = KIPC_KIND_MAILBOX,
		.rights = SEND,
		.name = ptr(name),
		.name_len = len,
	};

	return ioctl(ctl, KIPC_IOC_OPEN, &o);
}

static int raw_unlink(int ctl, const char *name, unsigned int len)
{
	struct kipc_unlink u = { .name = ptr(name), .name_len = len };

	return ioctl(ctl, KIPC_IOC_UNLINK, &u);
}

TEST(create_open_unlink)
{
	const char *name = temp_name("simple");
	int ctl = control();
	int fd, second;

	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
	EXPECT_ERR(ENOENT, k_unlink(ctl, name));
	fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	second = k_open(ctl, name, SEND, 0);
	ASSERT_OK(second);
	EXPECT_EQ(id_of(fd), id_of(second));
	ASSERT_OK(send_number(second, 5));
	EXPECT_EQ(5, recv_number(fd));
	EXPECT_OK(k_unlink(ctl, name));
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
	EXPECT_ERR(ENOENT, k_unlink(ctl, name));
	/* It lives on. */
	ASSERT_OK(send_number(second, 6));
	EXPECT_EQ(6, recv_number(fd));
}

TEST(exclusive)
{
	const char *name = temp_name("excl");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);

	ASSERT_OK(fd);
	EXPECT_ERR(EEXIST, k_create(ctl, name, NULL, 0600, ALL_RIGHTS,
				    KIPC_EXCL));
	EXPECT_ERR(EEXIST, k_create(ctl, name, NULL, 0600, ALL_RIGHTS,
				    KIPC_EXCL | KIPC_PERSISTENT));
	EXPECT_EQ(1, total("objects"));
	EXPECT_EQ(1, total("handles"));
	close(fd);
	fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	EXPECT_OK(fd);
}

TEST(create_opens_what_is_there)
{
	const struct kipc_mailbox_attr other = { 7, 700, 70, 0 };
	const char *name = temp_name("both");
	int ctl = control();
	struct kipc_mailbox_stat st;
	struct kipc_info info;
	int fd, second;

	umask(0);
	fd = k_create(ctl, name, &tiny, 0640, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	second = k_create(ctl, name, &other, 0777, SEND, KIPC_PERSISTENT);
	ASSERT_OK(second);
	EXPECT_EQ(id_of(fd), id_of(second));
	ASSERT_OK(k_info(second, &info));
	EXPECT_EQ(SEND, info.rights);
	EXPECT_EQ(0640, info.mode);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(2, info.handles);
	ASSERT_OK(k_stat(second, &st));
	EXPECT_EQ(0, memcmp(&st.attr, &tiny, sizeof(tiny)));
	EXPECT_EQ(1, total("objects"));
	close(fd);
	close(second);
	/* KIPC_PERSISTENT had no effect. */
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
}

/* There is one kind as yet: nothing is of another (EPROTOTYPE). */
TEST(kind_must_fit)
{
	const char *name = temp_name("kind");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);

	ASSERT_OK(fd);
	EXPECT_OK(k_open_kind(ctl, name, KIPC_KIND_ANY, SEND));
	EXPECT_OK(k_open_kind(ctl, name, KIPC_KIND_MAILBOX, SEND));
	EXPECT_ERR(EINVAL, k_open_kind(ctl, name, 77, SEND));
}

TEST(unlinked_name_can_be_made_anew)
{
	const char *name = temp_name("anew");
	int ctl = control();
	int old = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);
	int young;

	ASSERT_OK(old);
	ASSERT_OK(k_unlink(ctl, name));
	young = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(young);
	EXPECT_TRUE(id_of(old) != id_of(young));
	ASSERT_OK(send_number(old, 1));
	ASSERT_OK(send_number(young, 2));
	EXPECT_EQ(1, recv_number(old));
	EXPECT_EQ(2, recv_number(young));
	/* The last handle of the old one must not take the young one's name. */
	close(old);
	EXPECT_OK(k_open(ctl, name, SEND, 0));
	EXPECT_EQ(1, total("objects"));
}

TEST(vanishes_with_the_last_handle)
{
	const char *name = temp_name("gone");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);
	int second;

	ASSERT_OK(fd);
	second = k_open(ctl, name, RECEIVE, 0);
	ASSERT_OK(second);
	ASSERT_OK(send_number(fd, 9));
	close(fd);
	EXPECT_EQ(9, recv_number(second));
	close(second);
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
	EXPECT_EQ(0, total("objects"));
}

TEST(vanishes_after_a_kill)
{
	const char *name = temp_name("killed");
	int ctl = control();
	int *ready = shared(sizeof(*ready));
	pid_t pid = spawn();
	int probe;

	if (!pid) {
		CHECK(k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0) >= 0);
		__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(ready, __ATOMIC_SEQ_CST));
	EXPECT_EQ(1, total("objects"));
	probe = k_open(ctl, name, SEND, 0);
	EXPECT_OK(probe);
	close(probe);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("handles"));
}

/* Once the last close has returned, or its process is gone, the name is free. */
TEST(free_after_the_last_close)
{
	const char *name = temp_name("free");
	int ctl = control(), i, n = effort(2000);

	for (i = 0; i < n; i++) {
		int fd = k_create(ctl, name, &tiny, 0600, ALL_RIGHTS,
				  KIPC_EXCL);

		ASSERT_OK(fd);
		if (i % 2) {
			int second = k_open(ctl, name, SEND, 0);

			ASSERT_OK(second);
			close(fd);
			fd = second;
		}
		if (i % 20 == 3) {
			pid_t pid = spawn();

			if (!pid)
				_exit(0);
			close(fd);
			ASSERT_EQ(0, reap(pid));
		} else {
			close(fd);
		}
	}
	EXPECT_EQ(0, total("objects"));
}

/* Open or create, and close; returns how long the longest call took. */
static uint64_t come_and_go(int ctl, const char *name, uint64_t end)
{
	uint64_t longest = 0, before, took;
	int fd;

	do {
		before = now_ns();
		fd = k_create(ctl, name, &tiny, 0600, ALL_RIGHTS, 0);
		took = now_ns() - before;
		CHECK(fd >= 0);
		CHECK(!close(fd));
		if (took > longest)
			longest = took;
	} while (before < end);
	return longest;
}

/* The longest call of one that goes before others on the same processor. */
static uint64_t beside_those_who_leave(int ctl, const char *name)
{
	uint64_t end = after(4 * SECOND), ret;
	struct sched_param param = { .sched_priority = 50 };
	uint64_t *longest = shared(4 * sizeof(*longest));
	cpu_set_t first;
	pid_t pids[4];
	int i;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	for (i = 0; i < 4; i++) {
		pids[i] = spawn();
		if (pids[i])
			continue;
		/* All but one on the same, where one goes before the others. */
		if (i)
			sched_setaffinity(0, sizeof(first), &first);
		if (i == 1)
			sched_setscheduler(0, SCHED_FIFO, &param);
		while (now_ns() < end) {
			uint64_t took = come_and_go(ctl, name, i == 1 ? 0 : end);

			if (took > longest[i])
				longest[i] = took;
			nap();
		}
		_exit(0);
	}
	for (i = 0; i < 4; i++)
		CHECK(!reap(pids[i]));
	ret = longest[1];
	munmap(longest, 4 * sizeof(*longest));
	return ret;
}

/*
 * Whoever comes while the last one is just leaving finds the old object or makes
 * a new one, and does not wait for the other to go on, who may have no processor:
 * that would take until the kernel reins in who goes before all others.  A busy
 * host may hold anybody up, but not each time.
 */
TEST(others_are_just_leaving)
{
	uint64_t limit = get_limit("max_objects"), longest = SECOND;
	const char *name = temp_name("leaving");
	int ctl = control(), i;

	set_limit("max_objects", 12);
	for (i = 0; i < 5 && longest >= SECOND / 2; i++)
		longest = beside_those_who_leave(ctl, name);
	EXPECT_LT(longest, SECOND / 2);
	TH_LOG("longest call: %llu us", (unsigned long long)longest / 1000);
	EXPECT_EQ(0, total("objects"));
	set_limit("max_objects", limit);
}

TEST(persistent_stays)
{
	const char *name = temp_name("stays");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_PERSISTENT);
	uint64_t id;

	ASSERT_OK(fd);
	id = id_of(fd);
	ASSERT_OK(send_number(fd, 1));
	ASSERT_OK(send_number(fd, 2));
	close(fd);
	close(ctl);
	EXPECT_EQ(1, total("objects"));
	EXPECT_EQ(0, total("handles"));
	ctl = control();
	fd = k_open(ctl, name, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(id, id_of(fd));
	EXPECT_EQ(1, recv_number(fd));
	close(fd);
	fd = k_open(ctl, name, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(2, recv_number(fd));
	close(fd);
	EXPECT_OK(k_unlink(ctl, name));
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
}

TEST(persistent_needs_a_name)
{
	int ctl = control();

	EXPECT_ERR(EINVAL, k_create(ctl, NULL, NULL, 0600, ALL_RIGHTS,
				    KIPC_PERSISTENT));
	EXPECT_EQ(0, total("objects"));
}

TEST(umask_counts)
{
	static const unsigned int masks[][3] = {
		/* umask, asked for, given */
		{ 0, 0777, 0777 }, { 022, 0666, 0644 }, { 077, 0777, 0700 },
		{ 0777, 0777, 0 }, { 0, 0, 0 },
	};
	int ctl = control();
	struct kipc_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		int fd;

		umask(masks[i][0]);
		fd = k_create(ctl, temp_name("umask"), NULL, masks[i][1],
			      ALL_RIGHTS, 0);
		ASSERT_OK(fd);
		ASSERT_OK(k_info(fd, &info));
		EXPECT_EQ(masks[i][2], info.mode);
		close(fd);
	}
}

TEST(lengths_and_characters)
{
	static const char zero[256];
	char name[300];
	int ctl = control();
	unsigned int len;
	int fd;

	memset(name, 'n', sizeof(name));
	for (len = 1; len <= 255; len += len < 250 ? 83 : 1) {
		struct kipc_info info;

		fd = raw_create(ctl, name, len);
		ASSERT_OK(fd);
		ASSERT_OK(k_info(fd, &info));
		EXPECT_EQ(len, info.name_len);
		EXPECT_EQ(0, memcmp(name, info.name, len));
		/* Nothing else of the kernel's memory. */
		EXPECT_EQ(0, memcmp(info.name + len, zero, 256 - len));
		/* One that is longer or shorter is another name. */
		EXPECT_ERR(ENOENT, raw_open(ctl, name, len == 1 ? 2 : len - 1));
		EXPECT_OK(raw_open(ctl, name, len));
		EXPECT_OK(raw_unlink(ctl, name, len));
		close(fd);
	}
	EXPECT_ERR(ENAMETOOLONG, raw_create(ctl, name, 256));
	EXPECT_ERR(ENAMETOOLONG, raw_open(ctl, name, 256));
	EXPECT_ERR(ENAMETOOLONG, raw_unlink(ctl, name, 256));
	EXPECT_ERR(ENAMETOOLONG, raw_create(ctl, name, ~0U));
	EXPECT_ERR(EINVAL, raw_create(ctl, name, 0));
	EXPECT_ERR(EINVAL, raw_open(ctl, name, 0));
	EXPECT_ERR(EINVAL, raw_unlink(ctl, name, 0));
	EXPECT_ERR(EINVAL, raw_create(ctl, "a/b", 3));
	EXPECT_ERR(EINVAL, raw_create(ctl, "/", 1));
	EXPECT_ERR(EINVAL, raw_create(ctl, "ab/", 3));
	EXPECT_ERR(EINVAL, raw_open(ctl, "a/b", 3));
	EXPECT_ERR(EINVAL, raw_unlink(ctl, "a/b", 3));
	EXPECT_ERR(EINVAL, raw_create(ctl, "a\0b", 3));
	EXPECT_ERR(EINVAL, raw_create(ctl, "ab", 3));
	EXPECT_ERR(EINVAL, raw_open(ctl, "a\0b", 3));
	EXPECT_ERR(EINVAL, raw_unlink(ctl, "a\0b", 3));
	/* Anything else goes, also what a file system keeps for itself. */
	EXPECT_OK(raw_create(ctl, ".", 1));
	EXPECT_OK(raw_create(ctl, "..", 2));
	EXPECT_OK(raw_create(ctl, "\n \xff\x01", 4));
	EXPECT_OK(raw_open(ctl, "\n \xff\x01", 4));
}

/* KIPC_NAMES at once, found again, and gone again. */
TEST(many_names)
{
	unsigned int i, n = from_env("KIPC_NAMES", 20000);
	uint64_t limit = get_limit("max_objects");
	int ctl = control();
	char name[32];
	int fd;

	set_limit("max_objects", 2 * n);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "crowd-%u", i);
		fd = k_create(ctl, name, &tiny, 0600, ALL_RIGHTS,
			      KIPC_EXCL | KIPC_PERSISTENT);
		ASSERT_OK(fd);
		if (i % 1000 == 7)
			ASSERT_OK(send_number(fd, i));
		close(fd);
	}
	EXPECT_EQ(n, total("objects"));
	EXPECT_EQ(0, total("handles"));
	for (i = 7; i < n; i += 1000) {
		snprintf(name, sizeof(name), "crowd-%u", i);
		fd = k_open(ctl, name, RECEIVE, 0);
		ASSERT_OK(fd);
		EXPECT_EQ(i, recv_number(fd));
		close(fd);
	}
	for (i = 0; i < n; i++) {
		/* Not in the order in which they came. */
		snprintf(name, sizeof(name), "crowd-%u", i * 7919 % n);
		fd = k_open(ctl, name, ALL_RIGHTS, 0);
		ASSERT_OK(fd);
		if (i % 2)
			ASSERT_OK(k_remove(fd));
		else
			ASSERT_OK(k_unlink(ctl, name));
		close(fd);
	}
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("bytes"));
	set_limit("max_objects", limit);
}

TEST_HARNESS_MAIN
