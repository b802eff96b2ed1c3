// SPDX-License-Identifier: GPL-2.0
/* The life of objects and handles, and the rights that a handle carries. */
#include "test.h"

#include <sys/socket.h>
#include <sys/uio.h>

/*
 * This program runs itself, to see from behind an exec which descriptors are
 * left: it ends with 0 if the one that KIPC_TEST_FD names is a mailbox.
 */
static void __attribute__((constructor)) after_exec(void)
{
	const char *text = getenv("KIPC_TEST_FD");
	struct kipc_info info;

	if (text)
		_exit(ioctl(atoi(text), KIPC_IOC_INFO, &info) ? 1 : 0);
}

static int survives_exec(int fd)
{
	char text[16];
	pid_t pid = spawn();

	if (!pid) {
		snprintf(text, sizeof(text), "%d", fd);
		setenv("KIPC_TEST_FD", text, 1);
		execl("/proc/self/exe", "object", NULL);
		_exit(2);
	}
	return reap(pid);
}

TEST(features)
{
	struct kipc_features f;
	int ctl = control();

	memset(&f, POISON, sizeof(f));
	ASSERT_OK(ioctl(ctl, KIPC_IOC_FEATURES, &f));
	EXPECT_EQ(KIPC_ABI_VERSION, f.abi_version);
	EXPECT_TRUE(f.kinds & (1U << KIPC_KIND_MAILBOX));
	EXPECT_FALSE(f.kinds & (1U << KIPC_KIND_ANY));
	EXPECT_EQ(KIPC_NAME_MAX, f.name_max);
	EXPECT_EQ(KIPC_LETTER_MAX, f.letter_max);
}

TEST(totals_follow_life)
{
	uint64_t objects = total("objects");
	uint64_t handles = total("handles");
	int fd = default_box();
	int second = k_narrow(fd, SEND, 0);
	int copy = dup(fd);
	struct kipc_info info;

	ASSERT_TRUE(second >= 0 && copy >= 0);
	EXPECT_EQ(objects + 1, total("objects"));
	EXPECT_EQ(handles + 2, total("handles"));
	ASSERT_OK(k_info(copy, &info));
	EXPECT_EQ(2, info.handles);

	close(fd);
	EXPECT_EQ(handles + 2, total("handles"));
	close(copy);
	EXPECT_EQ(handles + 1, total("handles"));
	ASSERT_OK(k_info(second, &info));
	EXPECT_EQ(1, info.handles);
	EXPECT_EQ(objects + 1, total("objects"));
	close(second);
	EXPECT_EQ(objects, total("objects"));
	EXPECT_EQ(handles, total("handles"));
}

TEST(fork_shares_the_handle)
{
	int fd = default_box();
	pid_t pid = spawn();
	struct kipc_info info;

	if (!pid) {
		CHECK(recv_number(fd) == 1);
		CHECK(!send_number(fd, 2));
		/* The parent has closed its own meanwhile, and this one lives. */
		CHECK(!k_info(fd, &info) && info.handles == 1);
		_exit(0);
	}
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(1, info.handles);
	ASSERT_OK(send_number(fd, 1));
	close(fd);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, total("objects"));
}

TEST(exec_closes_unless_inherited)
{
	int ctl = control();
	int plain = k_create(ctl, NULL, NULL, 0600, ALL_RIGHTS, 0);
	int kept = k_create(ctl, NULL, NULL, 0600, ALL_RIGHTS, KIPC_INHERIT);
	int narrow = k_narrow(plain, SEND, 0);
	int narrow_kept = k_narrow(plain, SEND, KIPC_INHERIT);
	const char *name = temp_name("exec");
	int named, opened;

	named = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(named);
	opened = k_open(ctl, name, SEND, KIPC_INHERIT);
	ASSERT_TRUE(plain >= 0 && kept >= 0 && narrow >= 0 && narrow_kept >= 0);
	ASSERT_OK(opened);

	EXPECT_EQ(FD_CLOEXEC, fcntl(plain, F_GETFD));
	EXPECT_EQ(0, fcntl(kept, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(narrow, F_GETFD));
	EXPECT_EQ(0, fcntl(narrow_kept, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(named, F_GETFD));
	EXPECT_EQ(0, fcntl(opened, F_GETFD));
	EXPECT_EQ(1, survives_exec(plain));
	EXPECT_EQ(0, survives_exec(kept));
	EXPECT_EQ(0, survives_exec(narrow_kept));
}

TEST(info)
{
	const char *name = temp_name("info");
	int ctl = control();
	struct kipc_info info, other;
	struct timespec before, behind;
	int fd, second;

	umask(0);
	clock_gettime(CLOCK_REALTIME, &before);
	fd = k_create(ctl, name, NULL, 0751, SEND | MANAGE, KIPC_PERSISTENT);
	ASSERT_OK(fd);
	clock_gettime(CLOCK_REALTIME, &behind);
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(KIPC_KIND_MAILBOX, info.kind);
	EXPECT_EQ(SEND | MANAGE, info.rights);
	EXPECT_EQ(KIPC_INFO_PERSISTENT, info.flags);
	EXPECT_EQ(0751, info.mode);
	EXPECT_EQ(geteuid(), info.uid);
	EXPECT_EQ(getegid(), info.gid);
	EXPECT_EQ(1, info.handles);
	EXPECT_EQ(strlen(name), info.name_len);
	EXPECT_STREQ(name, info.name);
	/* The clock that stamps may be the coarse one: a tick of 10 ms. */
	EXPECT_GE(info.created_ns + 10 * MS,
		  before.tv_sec * SECOND + before.tv_nsec);
	EXPECT_LE(info.created_ns, behind.tv_sec * SECOND + behind.tv_nsec);

	second = k_open(ctl, name, RECEIVE, 0);
	ASSERT_OK(second);
	ASSERT_OK(k_info(second, &other));
	EXPECT_EQ(info.id, other.id);
	EXPECT_EQ(RECEIVE, other.rights);
	EXPECT_EQ(2, other.handles);

	ASSERT_OK(k_unlink(ctl, name));
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(0, info.name_len);
	EXPECT_EQ(0, info.name[0]);
	ASSERT_OK(k_remove(fd));
	close(second);
	/* To look is still allowed. */
	ASSERT_OK(k_info(fd, &info));
	EXPECT_TRUE(info.flags & KIPC_INFO_REMOVED);
	EXPECT_EQ(other.id, info.id);
}

TEST(ids_are_never_used_again)
{
	struct kipc_info info;
	uint64_t last = 0;
	int i;

	for (i = 0; i < 500; i++) {
		int fd = box(1, 16, 16, 0);

		ASSERT_OK(k_info(fd, &info));
		close(fd);
		ASSERT_GT(info.id, last);
		last = info.id;
	}
}

TEST(missing_right_is_ebadf)
{
	int fd = default_box();
	int sender = k_narrow(fd, SEND, 0);
	int receiver = k_narrow(fd, RECEIVE, 0);
	int manager = k_narrow(fd, MANAGE, 0);
	char data[8] = "letter";
	struct iovec iov = { data, sizeof(data) };
	struct kipc_mailbox_stat st;

	ASSERT_TRUE(sender >= 0 && receiver >= 0 && manager >= 0);
	ASSERT_OK(k_send(sender, data, sizeof(data), 0, 0));
	EXPECT_ERR(EBADF, k_send(receiver, data, sizeof(data), 0, 0));
	EXPECT_ERR(EBADF, write(receiver, data, sizeof(data)));
	EXPECT_ERR(EBADF, writev(receiver, &iov, 1));
	EXPECT_ERR(EBADF, k_send(manager, data, sizeof(data), 0, 0));
	EXPECT_ERR(EBADF, write(manager, data, sizeof(data)));
	EXPECT_ERR(EBADF, k_recv(sender, data, sizeof(data), NULL, 0, 0));
	EXPECT_ERR(EBADF, k_recv(sender, data, sizeof(data), NULL,
				 KIPC_RECV_PEEK, 0));
	EXPECT_ERR(EBADF, read(sender, data, sizeof(data)));
	EXPECT_ERR(EBADF, readv(sender, &iov, 1));
	EXPECT_ERR(EBADF, k_recv(manager, data, sizeof(data), NULL, 0, 0));
	EXPECT_ERR(EBADF, read(manager, data, sizeof(data)));
	/* Any handle may ask. */
	EXPECT_OK(k_stat(manager, &st));
	EXPECT_OK(k_stat(sender, &st));
	EXPECT_OK(k_stat(receiver, &st));
	EXPECT_EQ(1, st.letters);
	EXPECT_EQ(sizeof(data), read(receiver, data, sizeof(data)));
}

TEST(narrow)
{
	int fd = default_box();
	int two = k_narrow(fd, SEND | RECEIVE, KIPC_NONBLOCK);
	int one, same;
	struct kipc_info info;

	ASSERT_OK(two);
	ASSERT_OK(k_info(two, &info));
	EXPECT_EQ(SEND | RECEIVE, info.rights);
	EXPECT_TRUE(fcntl(two, F_GETFL) & O_NONBLOCK);
	EXPECT_FALSE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	same = k_narrow(two, SEND | RECEIVE, 0);
	EXPECT_OK(same);
	EXPECT_FALSE(fcntl(same, F_GETFL) & O_NONBLOCK);
	one = k_narrow(two, SEND, 0);
	ASSERT_OK(one);
	EXPECT_ERR(EPERM, k_narrow(one, SEND | RECEIVE, 0));
	EXPECT_ERR(EPERM, k_narrow(one, RECEIVE, 0));
	EXPECT_ERR(EPERM, k_narrow(two, ALL_RIGHTS, 0));
	EXPECT_ERR(EINVAL, k_narrow(two, 0, 0));
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(4, info.handles);
	ASSERT_OK(k_remove(fd));
	EXPECT_ERR(EIDRM, k_narrow(two, SEND, 0));
}

static pid_t blocked_in(int fd, bool send, bool plain)
{
	char data[8] = "";
	pid_t pid = spawn();

	if (pid)
		return pid;
	if (plain && send)
		CHECK_ERR(EIDRM, write(fd, data, sizeof(data)));
	else if (plain)
		CHECK_ERR(EIDRM, read(fd, data, sizeof(data)));
	else if (send)
		CHECK_ERR(EIDRM, k_send(fd, data, sizeof(data), 0,
					KIPC_FOREVER));
	else
		CHECK_ERR(EIDRM, k_recv(fd, data, sizeof(data), NULL, 0,
					KIPC_FOREVER));
	_exit(0);
}

TEST(remove_wakes_everybody)
{
	int full = box(1, 8, 8, 0);
	int empty = box(1, 8, 8, 0);
	int meet = rendezvous_box(8);
	char data[8] = "";
	struct stat st;
	pid_t pids[5];
	struct pollfd p = { .fd = empty, .events = POLLIN };
	pid_t poller;
	int i;

	ASSERT_OK(send_number(full, 1));
	pids[0] = blocked_in(full, true, false);
	pids[1] = blocked_in(full, true, true);
	pids[2] = blocked_in(empty, false, false);
	pids[3] = blocked_in(empty, false, true);
	pids[4] = blocked_in(meet, true, false);
	poller = spawn();
	if (!poller) {
		CHECK(poll_woken(&p) == 1);
		CHECK(p.revents == (POLLERR | POLLHUP));
		_exit(0);
	}
	wait_waiters(full, 2, 0, pids[0]);
	wait_waiters(empty, 0, 2, pids[2]);
	wait_waiters(meet, 1, 0, pids[4]);
	wait_for(task_state(poller, poller) == 'S');
	EXPECT_OK(k_remove(full));
	EXPECT_OK(k_remove(empty));
	EXPECT_OK(k_remove(meet));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_EQ(0, reap(poller));

	EXPECT_EQ(POLLERR | POLLHUP, poll_mask(full, POLLIN | POLLOUT));
	EXPECT_ERR(EIDRM, k_recv(full, data, 8, NULL, 0, 0));
	EXPECT_ERR(EIDRM, k_send(full, data, 8, 0, 0));
	EXPECT_ERR(EIDRM, read(full, data, 8));
	EXPECT_ERR(EIDRM, write(full, data, 8));
	EXPECT_ERR(EIDRM, k_remove(full));
	EXPECT_EQ(0, stat_of(full).letters);
	EXPECT_EQ(1, stat_of(full).sent);
	EXPECT_OK(fstat(full, &st));
	EXPECT_EQ(0, total("waiters"));
	close(full);
	close(empty);
	close(meet);
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("objects"));
}

TEST(remove_needs_manage_and_takes_the_name)
{
	const char *name = temp_name("remove");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_PERSISTENT);
	int weak, again;

	ASSERT_OK(fd);
	weak = k_narrow(fd, SEND | RECEIVE, 0);
	ASSERT_OK(weak);
	EXPECT_ERR(EPERM, k_remove(weak));
	ASSERT_OK(send_number(weak, 1));
	EXPECT_OK(k_remove(fd));
	EXPECT_ERR(EIDRM, send_number(weak, 2));
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
	EXPECT_ERR(ENOENT, k_unlink(ctl, name));
	again = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	EXPECT_OK(again);
	EXPECT_OK(send_number(again, 3));
	EXPECT_ERR(EIDRM, send_number(fd, 4));
}

TEST(inode)
{
	int ctl = control();
	struct kipc_info info;
	struct stat st, other;
	int fd, second;

	umask(022);
	fd = k_create(ctl, NULL, NULL, 0664, ALL_RIGHTS, 0);
	second = k_create(ctl, NULL, NULL, 0664, ALL_RIGHTS, 0);
	ASSERT_TRUE(fd >= 0 && second >= 0);
	ASSERT_OK(fstat(fd, &st));
	ASSERT_OK(fstat(second, &other));
	EXPECT_TRUE(S_ISFIFO(st.st_mode));
	EXPECT_EQ(0644, st.st_mode & 07777);
	EXPECT_EQ(geteuid(), st.st_uid);
	EXPECT_EQ(getegid(), st.st_gid);
	EXPECT_TRUE(st.st_ino != other.st_ino);
	EXPECT_EQ(st.st_dev, other.st_dev);

	EXPECT_OK(fchmod(fd, 0620));
	EXPECT_OK(fchown(fd, 12, 34));
	ASSERT_OK(fstat(fd, &st));
	EXPECT_TRUE(S_ISFIFO(st.st_mode));
	EXPECT_EQ(0620, st.st_mode & 0777);
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(0620, info.mode);
	EXPECT_EQ(12, info.uid);
	EXPECT_EQ(34, info.gid);
}

TEST(proc)
{
	char path[64], target[300], text[2048];
	struct kipc_info info;
	const char *name = temp_name("proc");
	int ctl = control();
	int fd = k_create(ctl, name, NULL, 0666, ALL_RIGHTS, 0);
	char *line;
	ssize_t n;
	int f;

	ASSERT_OK(fd);
	ASSERT_OK(k_info(fd, &info));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	ASSERT_GT(n, 0);
	target[n] = 0;
	EXPECT_EQ(0, strncmp(target, "kipc:", 5)) {
		TH_LOG("readlink: %s", target);
	}
	EXPECT_TRUE(strstr(target, "mailbox"));
	EXPECT_TRUE(strstr(target, name));
	EXPECT_ERR(ENXIO, open(path, O_RDWR));
	EXPECT_ERR(ENXIO, open(path, O_RDONLY));
	EXPECT_ERR(ENXIO, open(path, O_WRONLY | O_NONBLOCK));

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = open(path, O_RDONLY);
	ASSERT_OK(f);
	n = read(f, text, sizeof(text) - 1);
	ASSERT_GT(n, 0);
	text[n] = 0;
	line = strstr(text, "\nkind:");
	ASSERT_TRUE(line);
	EXPECT_TRUE(strstr(line, "mailbox"));
	line = strstr(text, "\nid:");
	ASSERT_TRUE(line);
	EXPECT_EQ(info.id, strtoull(line + 4, NULL, 0));
	EXPECT_TRUE(strstr(text, "\nrights:"));
	EXPECT_TRUE(strstr(text, "\nname:"));
	close(f);

	/* One without a name has its number. */
	fd = default_box();
	ASSERT_OK(k_info(fd, &info));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	ASSERT_GT(n, 0);
	target[n] = 0;
	snprintf(text, sizeof(text), "kipc:[mailbox:#%llu]",
		 (unsigned long long)info.id);
	EXPECT_STREQ(text, target);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = open(path, O_RDONLY);
	n = read(f, text, sizeof(text) - 1);
	ASSERT_GT(n, 0);
	text[n] = 0;
	EXPECT_FALSE(strstr(text, "name:"));
	EXPECT_TRUE(strstr(text, "\nkind:"));
}

TEST(no_file_position)
{
	int fd = default_box();
	char data[8] = "";

	ASSERT_OK(send_number(fd, 1));
	EXPECT_ERR(ESPIPE, lseek(fd, 0, SEEK_SET));
	EXPECT_ERR(ESPIPE, lseek(fd, 0, SEEK_CUR));
	EXPECT_ERR(ESPIPE, pread(fd, data, sizeof(data), 0));
	EXPECT_ERR(ESPIPE, pwrite(fd, data, sizeof(data), 0));
	EXPECT_ERR(ENODEV, (long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(1, recv_number(fd));
}

TEST(control_descriptor_carries_nothing)
{
	int ctl = control();
	char data[8] = "";

	EXPECT_ERR(EINVAL, read(ctl, data, sizeof(data)));
	EXPECT_ERR(EINVAL, write(ctl, data, sizeof(data)));
}

TEST(nonblocking)
{
	int ctl = control();
	int fd = k_create(ctl, NULL, NULL, 0600, ALL_RIGHTS, KIPC_NONBLOCK);
	char data[8];

	ASSERT_OK(fd);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_ERR(EAGAIN, read(fd, data, sizeof(data)));
	EXPECT_ERR(EAGAIN, k_recv(fd, data, sizeof(data), NULL, 0,
				  KIPC_FOREVER));
	ASSERT_OK(fcntl(fd, F_SETFL, 0));
	EXPECT_ERR(ETIMEDOUT, k_recv(fd, data, sizeof(data), NULL, 0,
				     after(MS)));
	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, read(fd, data, sizeof(data)));
}

TEST(passed_over_a_socket)
{
	char control_data[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control_data,
		.msg_controllen = sizeof(control_data),
	};
	struct cmsghdr *c;
	struct kipc_info info;
	int pair[2], got;
	int fd = default_box();
	int sender = k_narrow(fd, SEND, 0);
	pid_t pid;

	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	pid = spawn();
	if (!pid) {
		close(fd);
		close(sender);
		CHECK(recvmsg(pair[1], &msg, 0) == 1);
		c = CMSG_FIRSTHDR(&msg);
		CHECK(c && c->cmsg_type == SCM_RIGHTS);
		memcpy(&got, CMSG_DATA(c), sizeof(got));
		CHECK(!k_info(got, &info) && info.rights == SEND);
		CHECK(!send_number(got, 77));
		CHECK_ERR(EBADF, k_recv(got, &byte, 1, NULL, 0, 0));
		_exit(0);
	}
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &sender, sizeof(int));
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	close(sender);
	EXPECT_EQ(77, recv_number(fd));
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(1, info.handles);
}

TEST_HARNESS_MAIN
