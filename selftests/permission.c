// SPDX-License-Identifier: GPL-2.0
/* Who may open, manage and unlink: owner, group, others, and capabilities. */
#include "test.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#define OWNER	1000
#define GROUP	100
#define OTHER	2000

static const unsigned int modes[] = {
	0, 0200, 0400, 0600, 0020, 0040, 0060, 0002, 0004, 0006,
	0066, 0606, 0660, 0666, 0642, 0246, 0111, 0777,
};

static const char *name_of(unsigned int mode)
{
	static char name[32];

	snprintf(name, sizeof(name), "perm-%03o", mode);
	return name;
}

/* One object of OWNER and GROUP for each mode; they die with this process. */
static void make_all(int ctl)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		int fd = k_create(ctl, name_of(modes[i]), NULL, 0, ALL_RIGHTS,
				  KIPC_EXCL);

		CHECK(fd >= 0);
		CHECK(!fchown(fd, OWNER, GROUP));
		CHECK(!fchmod(fd, modes[i]));
	}
}

/*
 * Tries each set of rights on each of the objects; @shift says which three bits
 * of the mode count, -1 that all is allowed; MANAGE is as @manage says.
 */
static void try_all(int shift, bool manage)
{
	int ctl = control();
	unsigned int rights;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		unsigned int bits = shift < 0 ? 7 : modes[i] >> shift & 7;
		unsigned int allowed = (bits & 2 ? SEND : 0) |
			(bits & 4 ? RECEIVE : 0) | (manage ? MANAGE : 0);

		for (rights = 1; rights <= ALL_RIGHTS; rights++) {
			const char *name = name_of(modes[i]);
			struct kipc_info info;
			int fd = k_open(ctl, name, rights, 0);
			int err = errno;
			bool may = (rights & ~allowed) == 0;

			if ((may && fd < 0) ||
			    (!may && (fd >= 0 || err != EACCES))) {
				fprintf(stderr,
					"# mode %03o, rights %#x, shift %d: %s\n",
					modes[i], rights, shift, fd >= 0 ?
					"opened" : strerrorname_np(err));
				CHECK(!"permission");
			}
			if (fd < 0) {
				CHECK_ERR(EACCES, k_create(ctl, name, NULL, 0777,
							   rights, 0));
				continue;
			}
			CHECK(!k_info(fd, &info) && info.rights == rights);
			close(fd);
		}
	}
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

static uint32_t cap(int which)
{
	return 1U << which;
}

#define AS(setup, shift, manage) do {				\
	pid_t pid_ = spawn();					\
								\
	if (!pid_) {						\
		setup;						\
		try_all(shift, manage);				\
		_exit(0);					\
	}							\
	EXPECT_EQ(0, reap(pid_)) { TH_LOG("%s", #setup); }	\
} while (0)

TEST(owner_group_other)
{
	make_all(control());
	/* As for files: the first class that fits counts, not the best. */
	AS(become(OWNER, GROUP), 6, true);
	AS(become(OWNER, OTHER), 6, true);
	AS(become(OTHER, GROUP), 3, false);
	AS(become(OTHER, OTHER), 0, false);
}

static void become_member(void)
{
	gid_t groups[3] = { 7, GROUP, 8 };

	CHECK(!setgroups(3, groups));
	CHECK(!setresgid(OTHER, OTHER, OTHER));
	CHECK(!setresuid(OTHER, OTHER, OTHER));
}

TEST(supplementary_groups)
{
	make_all(control());
	AS(become_member(), 3, false);
}

TEST(effective_ids_count)
{
	make_all(control());
	AS(CHECK(!setresuid(0, OWNER, 0)), 6, true);
	AS(CHECK(!setgroups(0, NULL) && !setresgid(0, OTHER, 0) &&
		 !setresuid(OWNER, OTHER, OWNER)), 0, false);
}

static void keep_one_capability(int which)
{
	CHECK(!setgroups(0, NULL));
	CHECK(!prctl(PR_SET_KEEPCAPS, 1));
	CHECK(!setresgid(OTHER, OTHER, OTHER));
	CHECK(!setresuid(OTHER, OTHER, OTHER));
	set_effective(cap(which));
}

TEST(capabilities)
{
	make_all(control());
	AS((void)0, -1, true);
	AS(set_effective(~cap(CAP_IPC_OWNER)), 0, false);
	AS(set_effective(cap(CAP_IPC_OWNER)), -1, true);
	AS(keep_one_capability(CAP_IPC_OWNER), -1, true);
	AS(keep_one_capability(CAP_DAC_OVERRIDE), 0, false);
	AS(keep_one_capability(CAP_SYS_ADMIN), 0, false);
}

TEST(who_may_unlink)
{
	const char *name = temp_name("unlink");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0, ALL_RIGHTS, KIPC_PERSISTENT);
	pid_t pid;

	ASSERT_OK(fd);
	ASSERT_OK(fchown(fd, OWNER, GROUP));
	ASSERT_OK(fchmod(fd, 0777));
	pid = spawn();
	if (!pid) {
		become(OTHER, GROUP);
		CHECK_ERR(EACCES, k_unlink(ctl, name));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		set_effective(~cap(CAP_IPC_OWNER));
		CHECK_ERR(EACCES, k_unlink(ctl, name));
		CHECK(k_open(ctl, name, SEND, 0) >= 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(fchmod(fd, 0));
	pid = spawn();
	if (!pid) {
		become(OWNER, OTHER);
		CHECK(!k_unlink(ctl, name));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));

	close(fd);
	fd = k_create(ctl, name, NULL, 0, ALL_RIGHTS, KIPC_PERSISTENT);
	ASSERT_OK(fd);
	ASSERT_OK(fchown(fd, OWNER, GROUP));
	pid = spawn();
	if (!pid) {
		keep_one_capability(CAP_IPC_OWNER);
		CHECK(!k_unlink(ctl, name));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* Whoever makes an object gets the rights that he asked for, as with open(2). */
TEST(creator_is_not_asked)
{
	pid_t pid = spawn();

	if (!pid) {
		int ctl, fd;
		struct kipc_info info;

		become(OWNER, GROUP);
		ctl = control();
		fd = k_create(ctl, "strict", NULL, 0, ALL_RIGHTS, 0);
		CHECK(fd >= 0);
		CHECK(!k_info(fd, &info));
		CHECK(info.uid == OWNER && info.gid == GROUP);
		CHECK(info.rights == ALL_RIGHTS && info.mode == 0);
		CHECK(!send_number(fd, 1) && recv_number(fd) == 1);
		CHECK_ERR(EACCES, k_open(ctl, "strict", SEND, 0));
		CHECK(k_open(ctl, "strict", MANAGE, 0) >= 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(fchmod_and_fchown)
{
	const char *name = temp_name("change");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);
	int ask[2], tell[2];
	char c;
	pid_t pid;

	ASSERT_OK(fd);
	ASSERT_OK(pipe(ask));
	ASSERT_OK(pipe(tell));
	pid = spawn();
	if (!pid) {
		int held;

		become(OTHER, OTHER);
		CHECK_ERR(EACCES, k_open(ctl, name, SEND, 0));
		CHECK(write(ask[1], "a", 1) == 1 && read(tell[0], &c, 1) == 1);
		held = k_open(ctl, name, SEND, 0);
		CHECK(held >= 0);
		CHECK_ERR(EACCES, k_open(ctl, name, RECEIVE, 0));
		CHECK_ERR(EPERM, fchmod(held, 0777));
		CHECK_ERR(EPERM, fchown(held, OTHER, OTHER));
		CHECK(write(ask[1], "b", 1) == 1 && read(tell[0], &c, 1) == 1);
		CHECK_ERR(EACCES, k_open(ctl, name, SEND, 0));
		/* A handle is a capability: it stays what it was. */
		CHECK(!send_number(held, 5));
		CHECK(write(ask[1], "c", 1) == 1 && read(tell[0], &c, 1) == 1);
		CHECK(k_open(ctl, name, MANAGE, 0) >= 0);
		CHECK(k_open(ctl, name, RECEIVE | MANAGE, 0) >= 0);
		CHECK_ERR(EACCES, k_open(ctl, name, SEND, 0));
		CHECK(!fchmod(held, 0600));
		CHECK(k_open(ctl, name, SEND, 0) >= 0);
		_exit(0);
	}
	/* The child alone shall hold that end: if it fails, read gives 0. */
	close(ask[1]);
	ASSERT_EQ(1, read(ask[0], &c, 1));
	EXPECT_OK(fchmod(fd, 0602));
	ASSERT_EQ(1, write(tell[1], &c, 1));
	ASSERT_EQ(1, read(ask[0], &c, 1));
	EXPECT_OK(fchmod(fd, 0664));
	ASSERT_EQ(1, write(tell[1], &c, 1));
	ASSERT_EQ(1, read(ask[0], &c, 1));
	EXPECT_OK(fchmod(fd, 0400));
	EXPECT_OK(fchown(fd, OTHER, GROUP));
	ASSERT_EQ(1, write(tell[1], &c, 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(5, recv_number(fd));
}

TEST_HARNESS_MAIN
