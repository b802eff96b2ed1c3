// SPDX-License-Identifier: GPL-2.0
/*
 * The library's functions of direct communication; above all, that a pidfd finds its
 * process and no other.
 */
#include "test.h"
#include "direct.h"

#include <kipc.h>
#include <sys/mount.h>

#define OTHER	2000

FIXTURE(pidfd) {
	int ctl, fd;
	uint64_t id;
};

FIXTURE_SETUP(pidfd)
{
	step = shared(sizeof(*step));
	self->ctl = control();
	self->fd = default_box();
	self->id = id_of(self->fd);
}

FIXTURE_TEARDOWN(pidfd)
{
}

TEST_F(pidfd, library)
{
	int second, fd, limited;
	pid_t pid;

	EXPECT_ERR(ENOENT, kipc_open_pid(getpid(), KIPC_KIND_ANY, SEND, 0));
	EXPECT_ERR(ENOENT, kipc_unpublish(self->fd));
	ASSERT_OK(kipc_publish(self->fd));
	fd = kipc_open_pid(getpid(), KIPC_KIND_MAILBOX, SEND, KIPC_INHERIT);
	ASSERT_OK(fd);
	EXPECT_EQ(self->id, id_of(fd));
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_ERR(EINVAL, kipc_open_pid(getpid(), KIPC_KIND_ANY, RECEIVE, 0));
	EXPECT_ERR(EINVAL, kipc_open_pid(getpid(), 77, SEND, 0));
	EXPECT_ERR(ESRCH, kipc_open_pid(1 << 30, KIPC_KIND_ANY, SEND, 0));
	ASSERT_OK(kipc_unpublish(self->fd));
	second = kipc_narrow(self->fd, RECEIVE, 0);
	EXPECT_ERR(EPERM, kipc_publish(second));
	EXPECT_ERR(EBADF, kipc_publish(-1));
	EXPECT_ERR(ENOTTY, kipc_publish(self->ctl));
	EXPECT_ERR(EBADF, kipc_unpublish(-1));
	EXPECT_ERR(ENOTTY, kipc_unpublish(self->ctl));
	pid = spawn();
	if (!pid) {
		limited = pidfd_open(getppid());
		become(OTHER, OTHER);
		CHECK_ERR(EPERM, kipc_open_pid(getppid(), KIPC_KIND_ANY, SEND,
					       0));
		CHECK_ERR(EPERM, kipc_open_pidfd(limited, KIPC_KIND_ANY, SEND,
						 0));
		no_descriptors();
		CHECK_ERR(EMFILE, kipc_open_pid(getppid(), KIPC_KIND_ANY, SEND,
						0));
		CHECK_ERR(EMFILE, kipc_open_pidfd(limited, KIPC_KIND_ANY, SEND,
						  0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(kipc_publish(self->fd));
	ASSERT_OK(kipc_remove(self->fd));
	EXPECT_ERR(EIDRM, kipc_publish(self->fd));
	EXPECT_ERR(EIDRM, kipc_open_pid(getpid(), KIPC_KIND_ANY, SEND, 0));
	EXPECT_ERR(EIDRM, kipc_open_pidfd(pidfd_open(getpid()), KIPC_KIND_ANY,
					  SEND, 0));
}

/* The device is there, and its mode keeps others out. */
TEST_F(pidfd, library_and_device)
{
	int pidfd = pidfd_open(getpid());
	struct stat st;

	ASSERT_OK(kipc_publish(self->fd));
	ASSERT_OK(stat(DEVICE, &st));
	ASSERT_OK(chmod(DEVICE, 0600));
	setegid(OTHER);
	seteuid(OTHER);
	EXPECT_ERR(EACCES, kipc_open_pid(getpid(), KIPC_KIND_ANY, SEND, 0));
	EXPECT_ERR(EACCES, kipc_open_pidfd(pidfd, KIPC_KIND_ANY, SEND, 0));
	seteuid(0);
	setegid(0);
	ASSERT_OK(chmod(DEVICE, st.st_mode & 0777));
}

static int64_t of_pidfd(int pidfd)
{
	int fd = kipc_open_pidfd(pidfd, KIPC_KIND_ANY, SEND, 0);
	int64_t ret = fd < 0 ? -errno : (int64_t)id_of(fd);

	if (fd >= 0)
		close(fd);
	return ret;
}

static unsigned int descriptors(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 200; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST_F(pidfd, opens)
{
	pid_t pid = publisher(self->fd);
	int pidfd = pidfd_open(pid), fd;
	struct kipc_info info;
	unsigned int before;

	before = descriptors();
	fd = kipc_open_pidfd(pidfd, KIPC_KIND_MAILBOX, SEND, KIPC_NONBLOCK);
	ASSERT_OK(fd);
	/* Nothing else is left open. */
	EXPECT_EQ(before + 1, descriptors());
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(self->id, info.id);
	EXPECT_EQ(SEND, info.rights);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	slay(pid);
	EXPECT_ERR(ESRCH, kipc_open_pidfd(pidfd, KIPC_KIND_ANY, SEND, 0));
	EXPECT_EQ(before + 1, descriptors());
}

TEST_F(pidfd, errors)
{
	int pidfd = pidfd_open(getpid());
	unsigned int before = descriptors();
	int null;

	EXPECT_ERR(ENOENT, kipc_open_pidfd(pidfd, KIPC_KIND_ANY, SEND, 0));
	ASSERT_OK(k_publish(self->fd));
	EXPECT_ERR(EBADF, kipc_open_pidfd(-1, KIPC_KIND_ANY, SEND, 0));
	EXPECT_ERR(EBADF, kipc_open_pidfd(self->fd, KIPC_KIND_ANY, SEND, 0));
	null = open("/dev/null", O_RDONLY);
	EXPECT_ERR(EBADF, kipc_open_pidfd(null, KIPC_KIND_ANY, SEND, 0));
	close(null);
	EXPECT_ERR(EBADF, kipc_open_pidfd(null, KIPC_KIND_ANY, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_open_pidfd(pidfd, KIPC_KIND_ANY, RECEIVE, 0));
	EXPECT_ERR(EINVAL, kipc_open_pidfd(pidfd, 77, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_open_pidfd(pidfd, KIPC_KIND_ANY, SEND,
					   KIPC_EXCL));
	EXPECT_EQ(before, descriptors());
	EXPECT_EQ(self->id, of_pidfd(pidfd));
}

TEST_F(pidfd, zombie)
{
	pid_t pid = publisher(self->fd);
	int pidfd = pidfd_open(pid);
	siginfo_t info;

	reach(2);
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(-ESRCH, of_pidfd(pidfd));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(-ESRCH, of_pidfd(pidfd));
}

/* Another process has the number now, and has published something. */
TEST_F(pidfd, number_used_again)
{
	int other = default_box();
	pid_t pid = publisher(self->fd), again;
	int pidfd = pidfd_open(pid), second;

	slay(pid);
	reach(0);
	again = spawn_as(pid);
	if (!again) {
		CHECK(!k_publish(other));
		reach(1);
		await(2);
		_exit(0);
	}
	await(1);
	second = pidfd_open(pid);
	EXPECT_EQ(id_of(other), published(pid));
	EXPECT_EQ(id_of(other), of_pidfd(second));
	EXPECT_EQ(-ESRCH, of_pidfd(pidfd));
	reach(2);
	EXPECT_EQ(0, reap(again));
}

/* The same at any moment: nobody ever gets the wrong one. */
TEST_F(pidfd, number_used_again_meanwhile)
{
	int wrong = default_box(), i, n = effort(300);
	unsigned int *found = shared(sizeof(*found));

	for (i = 0; i < n; i++) {
		pid_t pid = publisher(self->fd), asks, again;
		int pidfd = pidfd_open(pid);
		int64_t ret;

		asks = spawn();
		if (!asks) {
			for (reach(3); (ret = of_pidfd(pidfd)) != -ESRCH;
			     ++*found)
				CHECK(ret == (int64_t)self->id);
			_exit(0);
		}
		await(3);
		slay(pid);
		again = spawn_as(pid);
		if (!again) {
			CHECK(!k_publish(wrong));
			for (;;)
				pause();
		}
		EXPECT_EQ(0, reap(asks));
		slay(again);
		close(pidfd);
	}
	TH_LOG("found %u times", *found);
}

TEST_F(pidfd, without_proc)
{
	int pidfd = pidfd_open(getpid());

	ASSERT_OK(k_publish(self->fd));
	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(umount2("/proc", MNT_DETACH));
	EXPECT_ERR(ENOENT, kipc_open_pidfd(pidfd, KIPC_KIND_ANY, SEND, 0));
	EXPECT_ERR(EBADF, kipc_open_pidfd(-1, KIPC_KIND_ANY, SEND, 0));
}

static pid_t number_in_proc(int pidfd)
{
	char path[64], line[128];
	pid_t number = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	CHECK(f);
	while (number < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "Pid: %d", &number);
	fclose(f);
	CHECK(number > 0);
	return number;
}

/*
 * The /proc that is mounted is not of this pid namespace: its number of the process
 * means another here, and that has published something.
 */
TEST_F(pidfd, numbers_of_another_namespace)
{
	int other = default_box(), pidfd;
	pid_t pid, first, twin, target;

	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWPID));
		first = spawn();
		if (first)
			_exit(reap(first));
		target = publisher(self->fd);
		pidfd = pidfd_open(target);
		CHECK(number_in_proc(pidfd) != target);
		CHECK(of_pidfd(pidfd) == -ESRCH);
		twin = spawn_as(number_in_proc(pidfd));
		if (!twin) {
			CHECK(!k_publish(other));
			for (;;)
				pause();
		}
		wait_for(published(twin) == (int64_t)id_of(other));
		CHECK(of_pidfd(pidfd) == -ESRCH);
		CHECK(published(target) == (int64_t)self->id);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* With its own /proc the process is found. */
TEST_F(pidfd, proc_of_the_namespace)
{
	pid_t pid, first, target;

	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWPID | CLONE_NEWNS));
		first = spawn();
		if (!first) {
			CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE,
				     NULL));
			CHECK(!mount("proc", "/proc", "proc", 0, NULL));
			target = publisher(self->fd);
			CHECK(target == 2);
			CHECK(of_pidfd(pidfd_open(target)) ==
			      (int64_t)self->id);
			_exit(0);
		}
		_exit(reap(first));
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_HARNESS_MAIN
