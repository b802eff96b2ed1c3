// SPDX-License-Identifier: GPL-2.0
/* The library: each of its functions, against a kernel that has the module. */
#include "test.h"

#include <kipc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

TEST(features)
{
	struct kipc_features f;

	memset(&f, POISON, sizeof(f));
	ASSERT_OK(kipc_features(&f));
	EXPECT_EQ(KIPC_ABI_VERSION, f.abi_version);
	EXPECT_EQ(KIPC_LETTER_MAX, f.letter_max);
	EXPECT_EQ(-1, kipc_features(NULL));
}

TEST(default_attributes)
{
	struct kipc_mailbox_attr attr = KIPC_MAILBOX_ATTR_DEFAULT;
	struct kipc_mailbox_stat st, own;
	int fd = kipc_mailbox_create(NULL, NULL, 0600, ALL_RIGHTS, 0);
	int other = kipc_mailbox_create(NULL, &attr, 0600, ALL_RIGHTS, 0);

	ASSERT_OK(fd);
	ASSERT_OK(other);
	/* What the macro says is what the kernel does. */
	ASSERT_OK(kipc_mailbox_stat(fd, &st));
	ASSERT_OK(kipc_mailbox_stat(other, &own));
	EXPECT_EQ(0, memcmp(&st.attr, &attr, sizeof(attr)));
	EXPECT_EQ(0, memcmp(&st, &own, sizeof(st)));
}

TEST(names)
{
	const char *name = temp_name("lib");
	struct kipc_info info;
	int fd, second, lowest = dup(0);

	close(lowest);
	umask(022);
	fd = kipc_mailbox_create(name, NULL, 0666, ALL_RIGHTS,
				 KIPC_EXCL | KIPC_PERSISTENT);
	ASSERT_OK(fd);
	EXPECT_ERR(EEXIST, kipc_mailbox_create(name, NULL, 0666, ALL_RIGHTS,
					       KIPC_EXCL));
	second = kipc_open(name, KIPC_KIND_MAILBOX, SEND, KIPC_NONBLOCK);
	ASSERT_OK(second);
	EXPECT_TRUE(fcntl(second, F_GETFL) & O_NONBLOCK);
	EXPECT_OK(kipc_open(name, KIPC_KIND_ANY, RECEIVE, 0));
	ASSERT_OK(kipc_info(fd, &info));
	EXPECT_STREQ(name, info.name);
	EXPECT_EQ(3, info.handles);
	EXPECT_EQ(0644, info.mode);
	EXPECT_OK(kipc_unlink(name));
	EXPECT_ERR(ENOENT, kipc_unlink(name));
	EXPECT_ERR(ENOENT, kipc_open(name, KIPC_KIND_ANY, SEND, 0));
	/* No control descriptor stays open, whether it worked or not. */
	EXPECT_EQ(lowest, dup(0));
}

TEST(bad_names)
{
	char name[300];

	memset(name, 'x', sizeof(name));
	name[256] = 0;
	EXPECT_ERR(ENAMETOOLONG, kipc_mailbox_create(name, NULL, 0600,
						     ALL_RIGHTS, 0));
	EXPECT_ERR(ENAMETOOLONG, kipc_open(name, 0, SEND, 0));
	EXPECT_ERR(ENAMETOOLONG, kipc_unlink(name));
	name[255] = 0;
	EXPECT_OK(kipc_mailbox_create(name, NULL, 0600, ALL_RIGHTS, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_create("", NULL, 0600, ALL_RIGHTS, 0));
	EXPECT_ERR(EINVAL, kipc_open("", 0, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_unlink(""));
	EXPECT_ERR(EINVAL, kipc_unlink("a/b"));
}

TEST(letters)
{
	int fd = kipc_mailbox_create(NULL, NULL, 0600, ALL_RIGHTS, 0);
	struct kipc_mailbox_stat st;
	struct kipc_letter l;
	char data[16];

	ASSERT_OK(fd);
	EXPECT_EQ(0, kipc_mailbox_send(fd, "hello", 5, 99, KIPC_NO_WAIT));
	EXPECT_EQ(0, kipc_mailbox_send(fd, "world", 5, 98, KIPC_NO_WAIT));
	EXPECT_EQ(0, kipc_mailbox_send(fd, NULL, 0, 97, KIPC_NO_WAIT));
	memset(&l, POISON, sizeof(l));
	EXPECT_EQ(5, kipc_mailbox_recv(fd, data, sizeof(data), &l,
				       KIPC_RECV_PEEK, KIPC_NO_WAIT));
	EXPECT_EQ(1, l.seq);
	EXPECT_EQ(99, l.tag);
	EXPECT_EQ(5, l.size);
	EXPECT_EQ(getpid(), l.pid);
	/* Who does not want the header gives NULL. */
	EXPECT_EQ(5, kipc_mailbox_recv(fd, data, sizeof(data), NULL, 0, 0));
	EXPECT_EQ(0, memcmp(data, "hello", 5));
	memset(&l, POISON, sizeof(l));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_recv(fd, data, 2, &l, 0, 0));
	EXPECT_TRUE(poisoned(&l, sizeof(l)));
	EXPECT_EQ(2, kipc_mailbox_recv(fd, data, 2, &l, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(KIPC_LETTER_TRUNCATED, l.flags);
	EXPECT_EQ(0, kipc_mailbox_recv(fd, data, 2, &l, 0, 0));
	EXPECT_EQ(97, l.tag);
	EXPECT_ERR(EAGAIN, kipc_mailbox_recv(fd, data, 2, &l, 0, 0));
	ASSERT_OK(kipc_mailbox_stat(fd, &st));
	EXPECT_EQ(3, st.received);
	EXPECT_EQ(0, st.letters);
}

TEST(share)
{
	struct kipc_mailbox_config config = {
		.attr = KIPC_MAILBOX_ATTR_DEFAULT,
		.share_letters = 2,
		.share_bytes = KIPC_UNBOUNDED,
	};
	const char *name = temp_name("share");
	int fd = kipc_mailbox_create_config(name, &config, 0600, ALL_RIGHTS, 0);
	struct kipc_mailbox_stat st;

	ASSERT_OK(fd);
	ASSERT_OK(kipc_mailbox_stat(fd, &st));
	EXPECT_EQ(2, st.share_letters);
	EXPECT_EQ(4096, st.attr.max_letters);
	EXPECT_EQ(0, kipc_mailbox_send(fd, "hello", 5, 1, KIPC_NO_WAIT));
	EXPECT_EQ(0, kipc_mailbox_send(fd, "hello", 5, 2, KIPC_NO_WAIT));
	EXPECT_ERR(EAGAIN, kipc_mailbox_send(fd, "hello", 5, 3, KIPC_NO_WAIT));
	EXPECT_ERR(EEXIST, kipc_mailbox_create_config(name, &config, 0600,
						      ALL_RIGHTS, KIPC_EXCL));
	EXPECT_ERR(EINVAL, kipc_mailbox_create_config("a/b", &config, 0600,
						      ALL_RIGHTS, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_create_config("", &config, 0600,
						      ALL_RIGHTS, 0));
	config.share_letters = 0;
	EXPECT_ERR(EINVAL, kipc_mailbox_create_config(NULL, &config, 0600,
						      ALL_RIGHTS, 0));
	fd = kipc_mailbox_create_config(NULL, NULL, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(kipc_mailbox_stat(fd, &st));
	EXPECT_EQ(0, st.share_letters);
}

TEST(batches)
{
	int fd = kipc_mailbox_create(NULL, NULL, 0600, ALL_RIGHTS, 0), i;
	struct kipc_send_item out[3] = { { 0 } };
	struct kipc_recv_item in[4] = { { 0 } };
	char data[4][8];

	for (i = 0; i < 3; i++) {
		out[i].data = ptr("letter");
		out[i].size = 4 + i;
		out[i].tag = i;
	}
	for (i = 0; i < 4; i++) {
		in[i].data = ptr(data[i]);
		in[i].size = 8;
	}
	EXPECT_EQ(3, kipc_mailbox_send_batch(fd, out, 3, KIPC_FOREVER));
	EXPECT_EQ(3, kipc_mailbox_recv_batch(fd, in, 4, 0, KIPC_FOREVER));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i, in[i].letter.tag);
		EXPECT_EQ(4 + i, in[i].letter.size);
		EXPECT_EQ(0, memcmp(data[i], "letter", 4 + i));
	}
	EXPECT_ERR(EAGAIN, kipc_mailbox_recv_batch(fd, in, 4, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EINVAL, kipc_mailbox_send_batch(fd, out, 0, 0));
	if (sizeof(size_t) == 8) {
		size_t huge = (size_t)(1ULL << 32) + 1;

		EXPECT_ERR(EINVAL, kipc_mailbox_send_batch(fd, out, huge, 0));
		EXPECT_ERR(EINVAL, kipc_mailbox_recv_batch(fd, in, huge, 0, 0));
	}
}

/* Sizes beyond 32 bits do not become small ones. */
TEST(huge_sizes)
{
	int fd = kipc_mailbox_create(NULL, NULL, 0600, ALL_RIGHTS, 0);
	char data[16] = "";

	if (sizeof(size_t) < 8)
		SKIP(return, "a size_t of 32 bits");
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_send(fd, data,
					       (size_t)(1ULL << 32) + 4, 0, 0));
	ASSERT_OK(kipc_mailbox_send(fd, "hello", 5, 0, 0));
	EXPECT_EQ(5, kipc_mailbox_recv(fd, data, (size_t)(1ULL << 32) + 2, NULL,
				       0, 0));
}

TEST(rights)
{
	int fd = kipc_mailbox_create(NULL, NULL, 0600, ALL_RIGHTS, 0);
	int out = kipc_narrow(fd, SEND, KIPC_INHERIT);
	struct kipc_info info;

	ASSERT_OK(out);
	ASSERT_OK(kipc_info(out, &info));
	EXPECT_EQ(SEND, info.rights);
	EXPECT_EQ(0, fcntl(out, F_GETFD));
	EXPECT_ERR(EPERM, kipc_narrow(out, RECEIVE, 0));
	EXPECT_ERR(EPERM, kipc_remove(out));
	EXPECT_OK(kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_mailbox_send(out, "", 0, 0, 0));
}

TEST(bad_descriptors)
{
	struct kipc_info info;
	struct kipc_mailbox_stat st;
	struct kipc_request request;
	int null = open("/dev/null", O_RDWR);

	EXPECT_ERR(EBADF, kipc_info(-1, &info));
	EXPECT_ERR(EBADF, kipc_remove(-1));
	EXPECT_ERR(EBADF, kipc_mailbox_stat(-1, &st));
	EXPECT_ERR(ENOTTY, kipc_info(null, &info));
	EXPECT_ERR(ENOTTY, kipc_mailbox_stat(null, &st));
	EXPECT_ERR(ENOTTY, kipc_mailbox_send(null, "", 0, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_mailbox_recv(null, NULL, 0, NULL, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_mailbox_call(null, "", 0, 0, NULL, 0, 1));
	EXPECT_ERR(ENOTTY, kipc_mailbox_submit(null, "", 0, 0, 0, NULL, 0));
	EXPECT_ERR(ENOTTY, kipc_mailbox_collect(null, NULL, NULL, 0, NULL, 0));
	EXPECT_ERR(ENOTTY, kipc_mailbox_cancel(null, 1));
	EXPECT_ERR(ENOTTY, kipc_mailbox_serve(null, NULL, 0, &request, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_mailbox_reply(null, 1, "", 0, 0));
	EXPECT_ERR(ENOTTY, kipc_remove(null));
	EXPECT_ERR(ENOTTY, kipc_narrow(null, SEND, 0));
}

TEST(no_descriptor_left)
{
	int fd = kipc_mailbox_create(NULL, NULL, 0600, ALL_RIGHTS, 0);
	struct rlimit none = { 0, 0 };
	struct kipc_features f;
	pid_t pid;

	if (*(getenv("KIPC_WRAP") ?: ""))
		SKIP(return, "a wrapper has descriptors of its own");
	pid = spawn();
	if (!pid) {
		CHECK(!setrlimit(RLIMIT_NOFILE, &none));
		CHECK_ERR(EMFILE, kipc_features(&f));
		CHECK_ERR(EMFILE, kipc_open("x", 0, SEND, 0));
		CHECK_ERR(EMFILE, kipc_unlink("x"));
		CHECK_ERR(EMFILE, kipc_mailbox_create(NULL, NULL, 0600, SEND,
						      0));
		CHECK_ERR(EMFILE, kipc_narrow(fd, SEND, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* An empty /dev, of this process alone. */
static void hide_device(void)
{
	CHECK(!unshare(CLONE_NEWNS));
	CHECK(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(!mount("none", "/dev", "tmpfs", 0, "mode=0755"));
}

TEST(no_device_file)
{
	struct kipc_features f;
	pid_t pid = spawn();

	if (!pid) {
		hide_device();
		CHECK_ERR(ENOENT, kipc_features(&f));
		CHECK_ERR(ENOENT, kipc_open("x", 0, SEND, 0));
		CHECK_ERR(ENOENT, kipc_unlink("x"));
		CHECK_ERR(ENOENT, kipc_mailbox_create(NULL, NULL, 0600, SEND,
						      0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* As if the module were not loaded: 255 asks for any minor, and is nobody's. */
TEST(device_file_of_nobody)
{
	struct kipc_features f;
	pid_t pid = spawn();
	int pidfd;

	if (!pid) {
		umask(0);
		hide_device();
		CHECK(!mknod(DEVICE, S_IFCHR | 0666, makedev(10, 255)));
		CHECK_ERR(ENODEV, kipc_features(&f));
		CHECK_ERR(ENODEV, kipc_open("x", 0, SEND, 0));
		CHECK_ERR(ENODEV, kipc_unlink("x"));
		CHECK_ERR(ENODEV, kipc_open_pid(getpid(), 0, SEND, 0));
		pidfd = syscall(SYS_pidfd_open, getpid(), 0);
		/* There is none under valgrind. */
		if (pidfd >= 0)
			CHECK_ERR(ENODEV, kipc_open_pidfd(pidfd, 0, SEND, 0));
		CHECK_ERR(ENODEV, kipc_mailbox_create(NULL, NULL, 0600, SEND,
						      0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(device_file_of_somebody_else)
{
	struct kipc_features f;
	struct stat st;
	pid_t pid = spawn();

	if (!pid) {
		umask(0);
		CHECK(!stat(DEVICE, &st));
		hide_device();
		CHECK(!mknod(DEVICE, S_IFCHR | 0600, st.st_rdev));
		CHECK(!kipc_features(&f));
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, kipc_features(&f));
		CHECK_ERR(EACCES, kipc_open("x", 0, SEND, 0));
		CHECK_ERR(EACCES, kipc_unlink("x"));
		CHECK_ERR(EACCES, kipc_mailbox_create(NULL, NULL, 0600, SEND,
						      0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(deadlines)
{
	uint64_t before = now_ns();

	EXPECT_GE(kipc_deadline(SECOND), before + SECOND);
	EXPECT_LE(kipc_deadline(SECOND), now_ns() + SECOND);
	EXPECT_NE(KIPC_NO_WAIT, kipc_deadline(0));
}

TEST_HARNESS_MAIN
