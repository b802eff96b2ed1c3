// SPDX-License-Identifier: GPL-2.0
/*
 * Reopening a pipe: /dev/stdin, /proc/self/fd and other processes' descriptors.  As on a
 * pipe of pipe(2), but that nobody gets what no handle of its own grants.
 */
#include "pairs.h"

#include <linux/magic.h>
#include <sys/vfs.h>

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

TEST_F(pair, to_read_again)
{
	int again = reopen(self->e.in, O_RDONLY);
	char data[8];

	ASSERT_OK(again);
	SAME(O_RDONLY, fcntl(again, F_GETFL) & O_ACCMODE);
	SAME(3, write(self->e.out, "abc", 3));
	SAME(1, read(again, data, 1));
	SAME(2, read(self->e.in, data, 8));
	/* It is an end of its own. */
	close(self->e.in);
	SAME(3, write(self->e.out, "def", 3));
	SAME(3, read(again, data, 8));
	ASSERT_OK(fcntl(again, F_SETFL, O_NONBLOCK));
	SAME(-EAGAIN, read(again, data, 8));
	close(again);
	SAME(-EPIPE, write(self->e.out, "x", 1));
}

TEST_F(pair, to_write_again)
{
	int again = reopen(self->e.out, O_WRONLY);
	char data[8];

	ASSERT_OK(again);
	close(self->e.out);
	SAME(3, write(again, "abc", 3));
	SAME(3, read(self->e.in, data, 8));
	SAME(0, poll_mask(self->e.in, POLLIN));
	close(again);
	SAME(POLLHUP, poll_mask(self->e.in, POLLIN));
	SAME(0, read(self->e.in, data, 8));
}

/* It does not wait for the other end, which a FIFO would. */
TEST_F(pair, without_the_other_end)
{
	char data[8];
	int again;

	close(self->e.out);
	again = reopen(self->e.in, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(again);
	SAME(O_NONBLOCK, fcntl(again, F_GETFL) & O_NONBLOCK);
	SAME(0, read(again, data, 8));
}

/* By their names, as programs know them. */
TEST_F(pair, standard_streams)
{
	pid_t pid = CHILD({
		char data[8];
		int fd;

		CHECK(dup2(self->e.in, 0) == 0);
		CHECK(dup2(self->e.out, 1) == 1);
		close_ends(&self->e);
		fd = open("/dev/stdout", O_WRONLY);
		CHECK(fd >= 0);
		CHECK(write(fd, "abc", 3) == 3);
		fd = open("/dev/stdin", O_RDONLY);
		CHECK(fd >= 0);
		CHECK(read(fd, data, 8) == 3);
		fd = open("/dev/fd/0", O_RDONLY);
		CHECK(fd >= 0);
		CHECK(write(1, "defg", 4) == 4);
		CHECK(read(fd, data, 8) == 4);
		/* Shells write with these. */
		fd = open("/dev/stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
		CHECK(fd >= 0);
		fd = open("/dev/stdout", O_WRONLY | O_APPEND);
		CHECK(fd >= 0);
		CHECK(write(fd, "h", 1) == 1);
		CHECK(read(0, data, 8) == 1);
	});

	SAME(0, reap(pid));
}

/* A process with one end only. */
TEST_F(pair, the_other_right)
{
	pid_t pid = CHILD({
		long ret;

		close(self->e.out);
		ret = OUTCOME(reopen(self->e.in, O_WRONLY));
		CHECK(self->ours ? ret == -EACCES : ret >= 0);
		ret = OUTCOME(reopen(self->e.in, O_RDWR));
		CHECK(self->ours ? ret == -EACCES : ret >= 0);
		CHECK(reopen(self->e.in, O_RDONLY) >= 0);
	});

	SAME(0, reap(pid));
	close(self->e.in);
	DIFFERS(REOPENED, reopen(self->e.out, O_RDONLY) < 0 ? -1 : 0);
	SAME(true, reopen(self->e.out, O_WRONLY) >= 0);
}

/* With both ends in one process, either path gives either. */
TEST_F(pair, both_rights_of_one_process)
{
	int a = reopen(self->e.in, O_WRONLY), b = reopen(self->e.out, O_RDWR);
	char data[8];

	ASSERT_OK(a);
	ASSERT_OK(b);
	SAME(1, write(a, "x", 1));
	SAME(1, write(b, "y", 1));
	SAME(2, read(b, data, 8));
	close_ends(&self->e);
	close(b);
	SAME(-EPIPE, write(a, "x", 1));
}

/* The inode's mode is heeded, and its owner. */
TEST_F(pair, mode)
{
	pid_t pid;

	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, reopen(self->e.in, O_RDONLY));
		CHECK_ERR(EACCES, reopen(self->e.out, O_WRONLY));
		CHECK_ERR(EACCES, reopen(self->e.out, O_RDWR));
	});
	SAME(0, reap(pid));
	SAME(0, fchmod(self->e.in, 0604));
	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK(reopen(self->e.in, O_RDONLY) >= 0);
		CHECK_ERR(EACCES, reopen(self->e.out, O_WRONLY));
	});
	SAME(0, reap(pid));
	SAME(0, fchown(self->e.in, NOBODY, NOBODY));
	SAME(0, fchmod(self->e.in, 0200));
	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, reopen(self->e.in, O_RDONLY));
		CHECK(reopen(self->e.out, O_WRONLY) >= 0);
	});
	SAME(0, reap(pid));
}

/* Another process's descriptor: that is not to have it. */
TEST_F(pair, of_another_process)
{
	struct ends e = self->e;
	char path[64];
	pid_t pid;
	long ret;

	pid = CHILD({
		begin(self->begun);
		pause();
	});
	wait_asleep(pid, self->begun);
	close_ends(&e);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, self->e.in);
	ret = OUTCOME(open(path, O_RDONLY | O_NONBLOCK)) < 0 ? -errno : 0;
	DIFFERS(REOPENED, (errno = -ret, ret ? -1 : 0));
	SAME(128 + SIGKILL, slay(pid));
}

TEST_F(pair, link)
{
	char path[64], target[64] = "", want[64];
	struct statfs fs;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->e.in);
	ASSERT_OK(readlink(path, target, sizeof(target) - 1));
	ASSERT_OK(fstat(self->e.in, &st));
	if (!self->ours) {
		snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)st.st_ino);
		EXPECT_STREQ(want, target);
	}
	SAME(0, stat(path, &st));
	SAME(S_IFIFO | 0600, st.st_mode);
	SAME(0, fstatfs(self->e.in, &fs));
	/* To look at it is not to open it. */
	SAME(true, reopen(self->e.in, O_PATH) >= 0);
}

/* Ours alone. */

/* What was lost by narrowing does not come back, and to manage is never gained. */
TEST(never_more_rights)
{
	int fd = pipe_of(0, 0), again;
	struct kipc_info info;
	pid_t pid;

	again = reopen(fd, O_RDWR);
	ASSERT_OK(again);
	ASSERT_OK(k_info(again, &info));
	EXPECT_EQ(SEND | RECEIVE, info.rights);
	EXPECT_ERR(EPERM, k_remove(again));
	EXPECT_ERR(EPERM, p_resize(again, 1 << 20, 0));
	EXPECT_ERR(EPERM, k_narrow(again, MANAGE, 0));
	EXPECT_OK(k_narrow(again, SEND, 0));
	again = reopen(fd, O_RDONLY);
	ASSERT_OK(k_info(again, &info));
	EXPECT_EQ(RECEIVE, info.rights);
	pid = CHILD({
		int in = k_narrow(fd, RECEIVE, 0);
		int manage = k_narrow(fd, MANAGE, 0);

		/* All others, of whatever rights. */
		CHECK(dup2(in, 100) == 100 && dup2(manage, 101) == 101);
		close_range(3, 99, 0);
		CHECK(reopen(100, O_RDONLY) >= 0);
		CHECK_ERR(EACCES, reopen(100, O_WRONLY));
		CHECK_ERR(EACCES, reopen(101, O_RDWR));
		CHECK(reopen(101, O_RDONLY) >= 0);
		close(100);
		/* Those reopened above grant no more than that. */
		CHECK_ERR(EACCES, reopen(101, O_WRONLY));
		close_range(3, 99, 0);
		CHECK_ERR(EACCES, reopen(101, O_RDONLY));
	});
	EXPECT_EQ(0, reap(pid));
}

/* O_PATH is no handle: it grants nothing. */
TEST(path_descriptors)
{
	int fd = pipe_of(0, 0);
	pid_t pid = CHILD({
		int path = reopen(fd, O_PATH);

		CHECK(path >= 0);
		CHECK_ERR(EBADF, read(path, &path, 1));
		close(fd);
		CHECK_ERR(EACCES, reopen(path, O_RDONLY));
		CHECK_ERR(EACCES, reopen(path, O_WRONLY));
	});

	EXPECT_EQ(0, reap(pid));
}

TEST(removed)
{
	struct ends e = ends_of(0, 0);

	ASSERT_OK(k_remove(e.in));
	EXPECT_ERR(EIDRM, reopen(e.in, O_RDONLY));
	EXPECT_ERR(EIDRM, reopen(e.out, O_WRONLY));
}

/* Its last handle is gone, and a path is left. */
TEST(ended)
{
	int fd = pipe_of(0, 0), path = reopen(fd, O_PATH);

	close(fd);
	EXPECT_ERR(ENXIO, reopen(path, O_RDONLY));
	close(path);
	wait_for(!total("objects"));
}

/* Neither to read nor to write: access mode 3. */
TEST(no_access)
{
	int fd = pipe_of(0, 0);

	EXPECT_ERR(EINVAL, reopen(fd, O_ACCMODE));
	EXPECT_EQ(1, p_stat_of(fd).writers);
	EXPECT_EQ(1, p_stat_of(fd).readers);
}

/* A mailbox, say, cannot be opened like this at all. */
TEST(other_kinds)
{
	int fd = default_box();

	EXPECT_ERR(ENXIO, reopen(fd, O_RDWR));
}

TEST_HARNESS_MAIN
