// SPDX-License-Identifier: GPL-2.0
/* The library's pipes: what each of its functions is for, and each error it gives. */
#include "test.h"
#include "inject.h"
#include "kpipe.h"

#include <kipc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

static char bytes[CAPACITY];

static struct kipc_pipe_stat figures(int fd)
{
	struct kipc_pipe_stat st;

	memset(&st, POISON, sizeof(st));
	CHECK(!kipc_pipe_stat(fd, &st));
	return st;
}

/* Two ends. */

TEST(two_ends)
{
	int fd[2] = { -1, -1 }, lowest = dup(0);
	struct kipc_info info;
	struct kipc_features f;
	char data[8];

	close(lowest);
	ASSERT_EQ(0, kipc_pipe(fd, 0));
	/* No other descriptor is left. */
	EXPECT_LE(fd[0] + fd[1], 2 * lowest + 3);
	EXPECT_EQ(5, write(fd[1], "hello", 5));
	EXPECT_EQ(5, read(fd[0], data, 8));
	EXPECT_ERR(EBADF, write(fd[0], data, 8));
	EXPECT_ERR(EBADF, read(fd[1], data, 8));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd[1], F_GETFD));
	EXPECT_FALSE(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
	ASSERT_OK(kipc_info(fd[0], &info));
	EXPECT_EQ(RECEIVE | MANAGE, info.rights);
	EXPECT_EQ(2, info.handles);
	EXPECT_EQ(0600, info.mode);
	EXPECT_EQ(KIPC_KIND_PIPE, info.kind);
	ASSERT_OK(kipc_info(fd[1], &info));
	EXPECT_EQ(SEND | MANAGE, info.rights);
	ASSERT_OK(kipc_features(&f));
	EXPECT_TRUE(f.kinds & 1U << KIPC_KIND_PIPE);
	close(fd[1]);
	EXPECT_EQ(0, read(fd[0], data, 8));
}

TEST(flags_of_two_ends)
{
	int fd[2], i;

	ASSERT_EQ(0, kipc_pipe(fd, KIPC_NONBLOCK | KIPC_INHERIT));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, fcntl(fd[i], F_GETFD));
		EXPECT_TRUE(fcntl(fd[i], F_GETFL) & O_NONBLOCK);
	}
	fd[0] = 77;
	fd[1] = 78;
	EXPECT_ERR(EINVAL, kipc_pipe(fd, 1U << 31));
	EXPECT_ERR(EINVAL, kipc_pipe(fd, KIPC_PERSISTENT));
	EXPECT_EQ(77, fd[0]);
	EXPECT_EQ(78, fd[1]);
}

/* Whichever of its descriptors cannot be had, none is left. */
TEST(no_descriptors)
{
	struct rlimit all, limit;
	int fd[2] = { 77, 78 }, lowest = dup(0), i;

	close(lowest);
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &all));
	limit = all;
	for (i = 0; i < 4; i++) {
		limit.rlim_cur = lowest + i;
		ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
		if (i < 3) {
			EXPECT_ERR(EMFILE, kipc_pipe(fd, 0));
			EXPECT_EQ(77, fd[0]);
			EXPECT_EQ(78, fd[1]);
		} else {
			EXPECT_OK(kipc_pipe(fd, 0));
		}
		ASSERT_OK(setrlimit(RLIMIT_NOFILE, &all));
		EXPECT_EQ(i < 3 ? 0 : 2, total("handles"));
	}
	limit.rlim_cur = lowest + 2;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_ERR(EMFILE, kipc_pipe_create(NULL, NULL, 0600, SEND, 0));
	limit.rlim_cur = lowest + 1;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_ERR(EMFILE, kipc_pipe_open("any", SEND, 0, 0));
}

/* By name. */

TEST(names)
{
	struct kipc_pipe_attr attr = { 1000, 100, 0, 0 };
	const char *name = temp_name("pipe"), *other = temp_name("mailbox");
	int fd, lowest = dup(0);
	struct kipc_info info;

	close(lowest);
	umask(022);
	fd = kipc_pipe_create(name, &attr, 0666, RECEIVE, KIPC_NONBLOCK);
	ASSERT_OK(fd);
	/* The control descriptor is closed again. */
	EXPECT_EQ(lowest, dup(0));
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ASSERT_OK(kipc_info(fd, &info));
	EXPECT_EQ(0644, info.mode);
	EXPECT_EQ(1000, figures(fd).attr.capacity);
	EXPECT_EQ(100, figures(fd).attr.atomic_size);
	EXPECT_ERR(EEXIST, kipc_pipe_create(name, NULL, 0600, SEND, KIPC_EXCL));
	EXPECT_OK(kipc_pipe_create(name, NULL, 0600, SEND, 0));
	EXPECT_EQ(1000, figures(fd).attr.capacity);
	EXPECT_ERR(EPROTOTYPE, kipc_queue_create(name, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_open(name, KIPC_KIND_MAILBOX, SEND, 0));
	EXPECT_OK(kipc_open(name, KIPC_KIND_PIPE, SEND, 0));
	ASSERT_OK(kipc_mailbox_create(other, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_pipe_create(other, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_pipe_open(other, SEND, 0, 0));
	EXPECT_OK(kipc_unlink(name));
	EXPECT_ERR(ENOENT, kipc_pipe_open(name, SEND, 0, KIPC_FOREVER));
}

TEST(opening)
{
	const char *name = temp_name("pipe");
	int hold = kipc_pipe_create(name, NULL, 0600, MANAGE, 0), fd;
	pid_t pid;

	ASSERT_OK(hold);
	EXPECT_ERR(ENXIO, kipc_pipe_open(name, SEND, 0, KIPC_NO_WAIT));
	EXPECT_ERR(ENXIO, kipc_pipe_open(name, SEND, KIPC_NONBLOCK, KIPC_FOREVER));
	EXPECT_ERR(ETIMEDOUT, kipc_pipe_open(name, SEND, 0, kipc_deadline(MS)));
	EXPECT_ERR(ETIMEDOUT, kipc_pipe_open(name, RECEIVE, 0, kipc_deadline(MS)));
	pid = CHILD({
		fd = kipc_pipe_open(name, SEND, KIPC_INHERIT, kipc_deadline(PATIENCE));
		CHECK(fd >= 0 && !fcntl(fd, F_GETFD));
		CHECK(write(fd, "hello", 5) == 5);
	});
	fd = kipc_pipe_open(name, RECEIVE, 0, KIPC_FOREVER);
	ASSERT_OK(fd);
	EXPECT_EQ(5, read(fd, bytes, 8));
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(kipc_pipe_open(name, SEND | RECEIVE, 0, KIPC_FOREVER));
	EXPECT_OK(kipc_pipe_open(name, MANAGE, 0, KIPC_FOREVER));
}

TEST(bad_creations)
{
	struct kipc_pipe_attr *nowhere = mmap(NULL, 4096, PROT_NONE,
					      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_pipe_attr attr = { KIPC_PIPE_MAX + 1, 0, 0, 0 };
	const char *name = temp_name("closed");
	char text[300];
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)nowhere);
	memset(text, 'x', sizeof(text));
	text[256] = 0;
	EXPECT_ERR(ENAMETOOLONG, kipc_pipe_create(text, NULL, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_create("", NULL, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_create("a/b", NULL, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_create(NULL, NULL, 0600, 0, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_create(NULL, NULL, 01600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_create(NULL, NULL, 0600, SEND, KIPC_EXCL));
	EXPECT_ERR(EINVAL, kipc_pipe_create(NULL, &attr, 0600, SEND, 0));
	attr.capacity = 10;
	attr.atomic_size = 11;
	EXPECT_ERR(EINVAL, kipc_pipe_create(NULL, &attr, 0600, SEND, 0));
	attr.atomic_size = 10;
	EXPECT_OK(kipc_pipe_create(NULL, &attr, 0600, SEND, 0));
	EXPECT_ERR(EFAULT, kipc_pipe_create(NULL, nowhere, 0600, SEND, 0));
	ASSERT_OK(kipc_pipe_create(name, NULL, 0600, SEND, 0));
	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, kipc_pipe_create(name, NULL, 0600, SEND, 0));
		CHECK_ERR(EACCES, kipc_pipe_open(name, SEND, 0, 0));
		CHECK_ERR(EACCES, kipc_pipe_open(name, RECEIVE, 0, KIPC_FOREVER));
	});
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(ENAMETOOLONG, kipc_pipe_open(text, SEND, 0, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_open("", SEND, 0, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_open("a/b", SEND, 0, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_open(name, 0, 0, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_open(name, SEND, KIPC_EXCL, 0));
}

/* Without the device, or with one that nobody drives. */
TEST(no_module)
{
	int fd[2];
	pid_t pid = CHILD({
		CHECK(!unshare(CLONE_NEWNS));
		CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK(!mount("none", "/dev", "tmpfs", 0, NULL));
		CHECK_ERR(ENOENT, kipc_pipe(fd, 0));
		CHECK_ERR(ENOENT, kipc_pipe_create(NULL, NULL, 0600, SEND, 0));
		CHECK_ERR(ENOENT, kipc_pipe_open("any", SEND, 0, 0));
		CHECK(!mknod("/dev/kipc", S_IFCHR | 0600, makedev(10, 254)));
		CHECK_ERR(ENODEV, kipc_pipe(fd, 0));
		CHECK_ERR(ENODEV, kipc_pipe_create(NULL, NULL, 0600, SEND, 0));
		CHECK_ERR(ENODEV, kipc_pipe_open("any", SEND, 0, 0));
	});

	EXPECT_EQ(0, reap(pid));
}

/* Reading and writing. */

TEST(waits)
{
	struct kipc_pipe_attr attr = { 10, 4, 0, 0 };
	int fd = kipc_pipe_create(NULL, &attr, 0600, KIPC_PIPE_RIGHTS, 0);
	int empty = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0);

	EXPECT_EQ(8, kipc_pipe_write(fd, bytes, 8, 0, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, kipc_pipe_write(fd, bytes, 3, 0, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_pipe_write(fd, bytes, 3, 0, kipc_deadline(MS)));
	EXPECT_EQ(2, kipc_pipe_write(fd, bytes, 5, 0, kipc_deadline(MS)));
	EXPECT_ERR(EAGAIN, kipc_pipe_read(empty, bytes, 5, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_pipe_read(empty, bytes, 5, kipc_deadline(MS)));
	EXPECT_EQ(5, kipc_pipe_read(fd, bytes, 5, KIPC_FOREVER));
	EXPECT_EQ(5, kipc_pipe_read(fd, bytes, 99, KIPC_NO_WAIT));
	EXPECT_EQ(2, figures(fd).write_waits);
	EXPECT_EQ(10, figures(fd).written_bytes);
	EXPECT_EQ(10, figures(fd).read_bytes);
}

TEST(interrupted)
{
	const char *name = temp_name("pipe");
	int empty = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0);
	int full = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0);

	ASSERT_OK(kipc_pipe_create(name, NULL, 0600, MANAGE, 0));
	EXPECT_EQ(CAPACITY, kipc_pipe_write(full, bytes, CAPACITY, 0, KIPC_NO_WAIT));
	EXPECT_INTERRUPTED(kipc_pipe_open(name, SEND, 0, kipc_deadline(PATIENCE)));
	EXPECT_INTERRUPTED(kipc_pipe_write(full, bytes, 1, 0,
					   kipc_deadline(PATIENCE)));
	EXPECT_INTERRUPTED(kipc_pipe_read(empty, bytes, 1, kipc_deadline(PATIENCE)));
}

TEST(broken)
{
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, 0));
	signal(SIGPIPE, SIG_DFL);
	close(fd[0]);
	EXPECT_ERR(EPIPE, kipc_pipe_write(fd[1], bytes, 1, KIPC_PIPE_NOSIGNAL,
					  KIPC_FOREVER));
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERR(EPIPE, kipc_pipe_write(fd[1], bytes, 1, 0, KIPC_FOREVER));
}

TEST(sizes)
{
	struct kipc_pipe_attr attr = { 100, 10, 0, 0 };
	int fd = kipc_pipe_create(NULL, &attr, 0600, KIPC_PIPE_RIGHTS, 0);
	int out = kipc_narrow(fd, SEND, 0);

	EXPECT_EQ(50, kipc_pipe_write(fd, bytes, 50, 0, 0));
	EXPECT_EQ(200, kipc_pipe_resize(fd, 200, 0));
	EXPECT_EQ(200, kipc_pipe_resize(fd, 0, 200));
	EXPECT_EQ(200, figures(fd).attr.atomic_size);
	EXPECT_ERR(EBUSY, kipc_pipe_resize(fd, 49, 49));
	EXPECT_ERR(EINVAL, kipc_pipe_resize(fd, 100, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_resize(fd, KIPC_PIPE_MAX + 1, 0));
	EXPECT_ERR(EPERM, kipc_pipe_resize(out, 100, 10));
	EXPECT_EQ(100, kipc_pipe_resize(fd, 100, 10));
}

TEST(removed)
{
	const char *name = temp_name("pipe");
	int fd = kipc_pipe_create(name, NULL, 0600, MANAGE, 0);
	pid_t pid = CHILD(CHECK_ERR(EIDRM, kipc_pipe_open(name, SEND, 0,
							   kipc_deadline(PATIENCE))));

	wait_for(total("waiters") == 1);
	ASSERT_OK(kipc_remove(fd));
	EXPECT_EQ(0, reap(pid));
	fd = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0);
	ASSERT_OK(kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_pipe_write(fd, bytes, 1, 0, 0));
	EXPECT_ERR(EIDRM, kipc_pipe_read(fd, bytes, 1, 0));
	EXPECT_ERR(EIDRM, kipc_pipe_resize(fd, 1, 1));
	EXPECT_EQ(0, figures(fd).bytes);
}

/* Closed, without the right, and of another kind. */
TEST(bad_descriptors)
{
	int fd = kipc_pipe_create(NULL, NULL, 0600, MANAGE, 0), box = default_box();
	struct kipc_pipe_stat st;

	EXPECT_ERR(EBADF, kipc_pipe_write(fd, bytes, 1, 0, 0));
	EXPECT_ERR(EBADF, kipc_pipe_read(fd, bytes, 1, 0));
	EXPECT_ERR(EBADF, kipc_pipe_write(-1, bytes, 1, 0, 0));
	EXPECT_ERR(EBADF, kipc_pipe_read(-1, bytes, 1, 0));
	EXPECT_ERR(EBADF, kipc_pipe_resize(-1, 1, 1));
	EXPECT_ERR(EBADF, kipc_pipe_stat(-1, &st));
	EXPECT_ERR(ENOTTY, kipc_pipe_write(box, bytes, 1, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_pipe_read(box, bytes, 1, 0));
	EXPECT_ERR(ENOTTY, kipc_pipe_resize(box, 1, 1));
	EXPECT_ERR(ENOTTY, kipc_pipe_stat(box, &st));
}

TEST(bad_pointers)
{
	char *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0);

	ASSERT_NE(MAP_FAILED, (void *)nowhere);
	EXPECT_ERR(EFAULT, kipc_pipe_write(fd, nowhere, 1, 0, 0));
	EXPECT_ERR(EINVAL, kipc_pipe_write(fd, bytes, 1, KIPC_PIPE_NOSIGNAL << 1, 0));
	EXPECT_EQ(1, kipc_pipe_write(fd, bytes, 1, 0, 0));
	EXPECT_ERR(EFAULT, kipc_pipe_read(fd, nowhere, 1, 0));
	EXPECT_ERR(EFAULT, kipc_pipe_stat(fd, (void *)nowhere));
	EXPECT_EQ(1, figures(fd).bytes);
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

TEST(no_memory)
{
	const char *name = temp_name("pipe");
	int fd = kipc_pipe_create(name, NULL, 0600, KIPC_PIPE_RIGHTS, 0);
	int two[2] = { 77, 78 };

	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	CHECK(!mlockall(MCL_CURRENT | MCL_FUTURE));
	EXPECT_NO_MEMORY(kipc_pipe(two, 0));
	EXPECT_EQ(77, two[0]);
	EXPECT_NO_MEMORY(kipc_pipe_create(NULL, NULL, 0600, SEND, 0));
	EXPECT_NO_MEMORY(kipc_pipe_open(name, SEND, 0, 0));
	EXPECT_NO_MEMORY(kipc_pipe_write(fd, bytes, 1, 0, KIPC_NO_WAIT));
	EXPECT_NO_MEMORY(kipc_pipe_write(fd, bytes, CAPACITY, 0, KIPC_NO_WAIT));
	EXPECT_EQ(0, figures(fd).written_bytes);
	inject_end();
	EXPECT_EQ(1, kipc_pipe_write(fd, bytes, 1, 0, KIPC_NO_WAIT));
}

FIXTURE(quota) {
	uint64_t objects, bytes, waiters;
};

FIXTURE_SETUP(quota)
{
	self->objects = get_limit("max_objects");
	self->bytes = get_limit("max_bytes");
	self->waiters = get_limit("max_waiters");
}

FIXTURE_TEARDOWN(quota)
{
	set_limit("max_objects", self->objects);
	set_limit("max_bytes", self->bytes);
	set_limit("max_waiters", self->waiters);
}

TEST_F(quota, is_used_up)
{
	const char *name = temp_name("pipe");
	int hold = kipc_pipe_create(name, NULL, 0600, MANAGE, 0);
	int fd = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0), two[2];

	ASSERT_OK(hold);
	ASSERT_OK(fd);
	set_limit("max_objects", 2);
	EXPECT_ERR(EDQUOT, kipc_pipe_create(NULL, NULL, 0600, SEND, 0));
	EXPECT_ERR(EDQUOT, kipc_pipe(two, 0));
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, kipc_pipe_open(name, SEND, 0, KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, kipc_pipe_read(fd, bytes, 1, KIPC_FOREVER));
	set_limit("max_bytes", 1);
	/* It is not waited for. */
	EXPECT_ERR(EDQUOT, kipc_pipe_write(fd, bytes, 1, 0, KIPC_FOREVER));
	EXPECT_EQ(0, figures(fd).bytes);
}

TEST_HARNESS_MAIN
