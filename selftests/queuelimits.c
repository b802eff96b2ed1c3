// SPDX-License-Identifier: GPL-2.0
/* A queue as an object: attributes, capacity, limits that change, figures, rights. */
#include "test.h"
#include "kqueue.h"

#define PUBLIC	4242		/* a user without any privilege */

static int try_attr(uint64_t messages, uint64_t bytes, uint32_t size,
		    uint32_t flags)
{
	struct kipc_queue_attr attr = { messages, bytes, size, flags };
	int ctl = control();
	int fd = q_create(ctl, NULL, &attr, 0600, KIPC_QUEUE_RIGHTS, 0);
	int err = errno;

	if (fd >= 0) {
		struct kipc_queue_stat st = q_stat_of(fd);

		CHECK(!memcmp(&st.attr, &attr, sizeof(attr)));
		close(fd);
	}
	close(ctl);
	errno = err;
	return fd < 0 ? -1 : 0;
}

static unsigned int fill_up(int fd, size_t size)
{
	static char data[1 << 16];
	unsigned int n = 0;

	while (!q_send(fd, data, size, n, n, 0))
		n++;
	CHECK(errno == EAGAIN);
	return n;
}

static uint64_t coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* A sender that waits for room; and what came of it: 0 or its errno. */
static pid_t blocked(int fd, size_t size, uint64_t number, unsigned int others)
{
	pid_t pid = spawn();

	if (!pid) {
		char data[4096];

		q_fill(data, size, number);
		_exit(q_send(fd, data, size, 1, 0, KIPC_FOREVER) ? errno : 0);
	}
	q_wait_waiters(fd, others + 1, 0, pid);
	return pid;
}

TEST(defaults)
{
	int fd = default_queue();
	struct kipc_queue_stat st = q_stat_of(fd);
	struct kipc_features features;
	struct kipc_info info;

	EXPECT_EQ(16384, st.attr.max_messages);
	EXPECT_EQ(1 << 20, st.attr.max_bytes);
	EXPECT_EQ(64 << 10, st.attr.message_size);
	EXPECT_EQ(0, st.attr.flags);
	EXPECT_EQ(16, fill_up(fd, 65536));
	EXPECT_EQ(16384 - 16, fill_up(fd, 0));
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(KIPC_KIND_QUEUE, info.kind);
	EXPECT_EQ(KIPC_QUEUE_RIGHTS, info.rights);
	ASSERT_OK(ioctl(control(), KIPC_IOC_FEATURES, &features));
	EXPECT_TRUE(features.kinds & 1 << KIPC_KIND_QUEUE);
}

TEST(attributes)
{
	const uint64_t many = KIPC_UNBOUNDED;

	EXPECT_OK(try_attr(1, 1, 1, 0));
	EXPECT_OK(try_attr(many, 100, 100, 0));
	EXPECT_OK(try_attr(100, many, 100, 0));
	EXPECT_OK(try_attr(many, many, KIPC_MESSAGE_MAX, 0));
	EXPECT_OK(try_attr(9, 99, 9, KIPC_QUEUE_HANGUP));
	/* There is no rendezvous. */
	EXPECT_ERR(EINVAL, try_attr(0, 0, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(0, 100, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(0, many, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(100, 0, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(1, 100, 0, 0));
	EXPECT_ERR(EINVAL, try_attr(1, 100, 101, 0));
	EXPECT_ERR(EINVAL, try_attr(1, many, KIPC_MESSAGE_MAX + 1, 0));
	EXPECT_ERR(EINVAL, try_attr(1, 100, 10, 1U << 2));
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("bytes"));
}

TEST(bounded_in_messages)
{
	int fd = queue(5, KIPC_UNBOUNDED, 1000, 0);
	char data[1000];

	EXPECT_EQ(5, fill_up(fd, 1000));
	EXPECT_ERR(EAGAIN, q_send(fd, NULL, 0, 0, 0, 0));
	EXPECT_ERR(ETIMEDOUT, q_send(fd, NULL, 0, 0, 0, after(MS)));
	/* Room is room, whichever message it was that left. */
	EXPECT_EQ(1000, q_recv(fd, data, 1000, BY_TYPE(3), NULL, 0, 0));
	EXPECT_EQ(1, fill_up(fd, 0));
	EXPECT_EQ(5, q_stat_of(fd).messages);
	EXPECT_EQ(4000, q_stat_of(fd).bytes);
}

TEST(bounded_in_bytes)
{
	int fd = queue(KIPC_UNBOUNDED, 1000, 400, 0);
	char data[400];

	EXPECT_EQ(2, fill_up(fd, 400));
	/* 200 are left: the smaller ones still fit, to the last byte. */
	EXPECT_EQ(2, fill_up(fd, 99));
	EXPECT_EQ(1, fill_up(fd, 2));
	EXPECT_EQ(1000, q_stat_of(fd).bytes);
	EXPECT_ERR(EAGAIN, q_send(fd, data, 1, 0, 0, 0));
	/* Headers do not count. */
	EXPECT_OK(q_send(fd, NULL, 0, 0, 0, 0));
	EXPECT_EQ(6, q_stat_of(fd).messages);
	EXPECT_EQ(400, q_recv(fd, data, 400, BY_TYPE(1), NULL, 0, 0));
	EXPECT_OK(q_send(fd, data, 400, 0, 0, 0));
	EXPECT_ERR(EAGAIN, q_send(fd, data, 1, 0, 0, 0));
}

TEST(unbounded_until_the_quota)
{
	uint64_t limit = get_limit("max_bytes"), n = 0;
	int fd = queue(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	static char data[4096];

	while (n < 600)
		ASSERT_EQ(0, q_put_sized(fd, n % 5, n % 3, 4096, n) ?: (n++, 0));
	set_limit("max_bytes", 8 << 20);
	while (!q_send(fd, data, sizeof(data), n, 0, KIPC_FOREVER))
		ASSERT_LE(++n, (8 << 20) / 4096);
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_ERR(EDQUOT, write(fd, data, sizeof(data)));
	EXPECT_EQ(n, q_stat_of(fd).messages);
	EXPECT_LE(total("bytes"), 8 << 20);
	for (n = 0; n < 600; n++)
		ASSERT_EQ(n, q_take(fd, BY_FIRST));
	EXPECT_OK(q_send(fd, data, sizeof(data), n, 0, 0));
	set_limit("max_bytes", limit);
}

/* First come, first served: a small message does not overtake a large one. */
TEST(senders_wait_in_order)
{
	int fd = queue(10, 100, 100, 0);
	pid_t large, small;

	EXPECT_EQ(0, q_put_sized(fd, 1, 0, 60, 1));
	EXPECT_EQ(0, q_put_sized(fd, 1, 0, 30, 2));
	large = blocked(fd, 100, 3, 0);
	small = blocked(fd, 8, 4, 1);
	EXPECT_EQ(1, q_take(fd, BY_FIRST));
	/* 70 bytes are free: room for the small one, but it is not its turn. */
	EXPECT_TRUE(q_has_waiters(fd, 2, 0));
	EXPECT_ERR(EAGAIN, q_send(fd, NULL, 0, 1, 0, 0));
	EXPECT_EQ(2, q_take(fd, BY_FIRST));
	EXPECT_EQ(0, reap(large));
	EXPECT_EQ(3, q_take(fd, BY_FIRST));
	EXPECT_EQ(0, reap(small));
	EXPECT_EQ(4, q_take(fd, BY_FIRST));
	EXPECT_EQ(2, q_stat_of(fd).send_waits);
}

TEST(figures)
{
	int fd = queue(4, 100, 50, 0), asked = k_narrow(fd, MANAGE, 0);
	struct kipc_queue_stat st = q_stat_of(asked);
	uint64_t begin, end;
	char data[50] = "";
	pid_t pid;

	EXPECT_EQ(0, st.send_time_ns);
	EXPECT_EQ(0, st.recv_time_ns);
	EXPECT_EQ(0, st.send_pid);
	EXPECT_EQ(0, st.recv_pid);
	EXPECT_NE(0, st.change_time_ns);
	begin = coarse_ns();
	ASSERT_OK(q_send(fd, data, 50, 1, 0, 0));
	ASSERT_OK(q_send(fd, data, 30, 2, 0, 0));
	ASSERT_OK(q_send(fd, data, 0, 2, 0, 0));
	EXPECT_EQ(getpid(), q_stat_of(asked).send_pid);
	EXPECT_EQ(0, q_stat_of(asked).recv_pid);
	ASSERT_EQ(50, q_recv(fd, data, 50, BY_FIRST, NULL, 0, 0));
	end = coarse_ns();
	ASSERT_OK(q_send(fd, data, 50, 2, 0, 0));
	EXPECT_ERR(EAGAIN, q_send(fd, data, 50, 3, 0, 0));
	st = q_stat_of(asked);
	EXPECT_EQ(3, st.messages);
	EXPECT_EQ(80, st.bytes);
	EXPECT_EQ(3, st.peak_messages);
	EXPECT_EQ(80, st.peak_bytes);
	EXPECT_EQ(4, st.sent);
	EXPECT_EQ(130, st.sent_bytes);
	EXPECT_EQ(1, st.received);
	EXPECT_EQ(50, st.received_bytes);
	EXPECT_EQ(0, st.send_waits);
	EXPECT_EQ(0, st.recv_waits);
	EXPECT_EQ(getpid(), st.recv_pid);
	EXPECT_GE(st.send_time_ns, begin);
	EXPECT_GE(st.recv_time_ns, begin);
	EXPECT_LE(st.recv_time_ns, end);

	pid = blocked(fd, 40, 4, 0);
	EXPECT_EQ(1, total("waiters"));
	EXPECT_EQ(getpid(), q_stat_of(asked).send_pid);
	ASSERT_EQ(30, q_recv(fd, data, 50, BY_FIRST, NULL, 0, 0));
	EXPECT_EQ(0, reap(pid));
	st = q_stat_of(asked);
	EXPECT_EQ(1, st.send_waits);
	EXPECT_EQ(90, st.peak_bytes);
	EXPECT_EQ(pid, st.send_pid);
	while (q_stat_of(fd).messages)
		ASSERT_OK(q_recv(fd, data, 50, BY_FIRST, NULL, 0, 0));
	pid = spawn();
	if (!pid) {
		/* To fail changes nothing, and to look is not to receive. */
		CHECK_ERR(EAGAIN, q_recv(fd, data, 50, BY_FIRST, NULL, 0, 0));
		CHECK(q_recv(fd, data, 50, BY_TYPE(9), NULL, KIPC_RECV_PEEK,
			     after(PATIENCE)) == 1);
		CHECK(q_stat_of(fd).recv_pid == getppid());
		CHECK(read(fd, data, 50) == 1);
		_exit(0);
	}
	q_wait_waiters(fd, 0, 1, pid);
	ASSERT_OK(q_send(fd, data, 1, 9, 0, 0));
	EXPECT_EQ(0, reap(pid));
	st = q_stat_of(asked);
	EXPECT_EQ(pid, st.recv_pid);
	EXPECT_EQ(1, st.recv_waits);
	EXPECT_EQ(0, st.messages);
	EXPECT_EQ(0, st.bytes);
	EXPECT_EQ(st.sent, st.received);
	EXPECT_EQ(st.sent_bytes, st.received_bytes);
	EXPECT_TRUE(q_has_waiters(fd, 0, 0));
	EXPECT_EQ(0, total("waiters"));
}

TEST(limits_raised)
{
	int fd = queue(1, 100, 50, 0);
	uint64_t created = q_stat_of(fd).change_time_ns;
	pid_t pids[3];
	int i;

	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	for (i = 0; i < 3; i++)
		pids[i] = blocked(fd, 40, i + 2, i);
	wait_for(coarse_ns() > created);
	/* In messages for all of them, in bytes for two. */
	ASSERT_OK(q_set(fd, 10, 100, 50, 0));
	EXPECT_GT(q_stat_of(fd).change_time_ns, created);
	EXPECT_EQ(0, reap(pids[0]));
	EXPECT_EQ(0, reap(pids[1]));
	EXPECT_TRUE(q_has_waiters(fd, 1, 0));
	EXPECT_EQ(3, q_stat_of(fd).messages);
	ASSERT_OK(q_set(fd, KIPC_UNBOUNDED, KIPC_UNBOUNDED, 50, 0));
	EXPECT_EQ(0, reap(pids[2]));
	EXPECT_EQ(1, q_take(fd, BY_FIRST));
	/* Both were let in at once, and may have run in any order. */
	EXPECT_EQ(2 + 3, q_take(fd, BY_FIRST) + q_take(fd, BY_FIRST));
	EXPECT_EQ(4, q_take(fd, BY_FIRST));
	/* A longer message than before. */
	EXPECT_EQ(-EMSGSIZE, q_put_sized(fd, 1, 0, 51, 9));
	ASSERT_OK(q_set(fd, 1, 60, 51, 0));
	EXPECT_EQ(0, q_put_sized(fd, 1, 0, 51, 9));
}

TEST(limits_lowered)
{
	int fd = queue(10, 1000, 100, 0), i;
	struct kipc_queue_attr now = { 2, 150, 60, 0 };
	struct kipc_queue_stat st;
	pid_t large, small;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, q_put_sized(fd, i, 0, 100, i));
	large = blocked(fd, 100, 100, 0);
	small = blocked(fd, 60, 101, 1);
	ASSERT_OK(q_set(fd, now.max_messages, now.max_bytes, now.message_size, 0));
	/* What is too long now is not sent any more; the other waits for room. */
	EXPECT_EQ(EMSGSIZE, reap(large));
	q_wait_waiters(fd, 1, 0, small);
	st = q_stat_of(fd);
	EXPECT_EQ(0, memcmp(&st.attr, &now, sizeof(now)));
	EXPECT_EQ(10, st.messages);
	EXPECT_EQ(1000, st.bytes);
	EXPECT_EQ(-EMSGSIZE, q_put_sized(fd, 1, 0, 61, 1));
	EXPECT_EQ(-EAGAIN, q_put(fd, 1, 0, 1));
	for (i = 0; i < 9; i++) {
		EXPECT_TRUE(q_has_waiters(fd, 1, 0));
		EXPECT_EQ(i, q_take(fd, BY_FIRST));
	}
	/* 100 bytes of 150 are taken; when these go, there is room. */
	EXPECT_TRUE(q_has_waiters(fd, 1, 0));
	EXPECT_EQ(9, q_take(fd, BY_FIRST));
	EXPECT_EQ(0, reap(small));
	EXPECT_EQ(101, q_take(fd, BY_FIRST));
}

/* Whoever waited behind one that is too long now, and for whom there is room. */
TEST(limits_lowered_past_the_first)
{
	int fd = queue(10, 100, 100, 0);
	pid_t large, small;

	EXPECT_EQ(0, q_put_sized(fd, 1, 0, 50, 1));
	large = blocked(fd, 80, 2, 0);
	small = blocked(fd, 40, 3, 1);
	ASSERT_OK(q_set(fd, 10, 100, 60, 0));
	EXPECT_EQ(EMSGSIZE, reap(large));
	EXPECT_EQ(0, reap(small));
	EXPECT_EQ(1, q_take(fd, BY_FIRST));
	EXPECT_EQ(3, q_take(fd, BY_FIRST));
}

TEST(limits_that_are_wrong)
{
	int fd = queue(2, 100, 50, 0);
	struct kipc_queue_stat before = q_stat_of(fd), later;
	int other = k_narrow(fd, SEND | RECEIVE, 0);

	EXPECT_ERR(EINVAL, q_set(fd, 0, 100, 50, 0));
	EXPECT_ERR(EINVAL, q_set(fd, 2, 0, 50, 0));
	EXPECT_ERR(EINVAL, q_set(fd, 2, 100, 0, 0));
	EXPECT_ERR(EINVAL, q_set(fd, 2, 100, 101, 0));
	EXPECT_ERR(EINVAL, q_set(fd, 2, KIPC_UNBOUNDED, KIPC_MESSAGE_MAX + 1, 0));
	EXPECT_ERR(EINVAL, q_set(fd, 2, 100, 50, KIPC_QUEUE_HANGUP));
	EXPECT_ERR(EPERM, q_set(other, 2, 100, 50, 0));
	later = q_stat_of(fd);
	EXPECT_EQ(0, memcmp(&before, &later, sizeof(before)));
	ASSERT_OK(k_remove(fd));
	EXPECT_ERR(EIDRM, q_set(fd, 2, 100, 50, 0));
	fd = queue(2, 100, 50, KIPC_QUEUE_HANGUP);
	EXPECT_ERR(EINVAL, q_set(fd, 2, 100, 50, 0));
	EXPECT_OK(q_set(fd, 3, 100, 50, KIPC_QUEUE_HANGUP));
}

TEST(names)
{
	int ctl = control(), fd, other, mailbox;
	const char *name = temp_name("queue"), *box_name = temp_name("box");
	struct kipc_queue_attr attr = { 7, 700, 70, 0 };

	fd = q_create(ctl, name, &attr, 0600, KIPC_QUEUE_RIGHTS, 0);
	ASSERT_OK(fd);
	/* A name that is there is opened, and its attributes stay. */
	other = q_create(ctl, name, NULL, 0600, SEND | MANAGE, 0);
	ASSERT_OK(other);
	EXPECT_EQ(7, q_stat_of(other).attr.max_messages);
	EXPECT_EQ(0, q_put(other, 1, 0, 5));
	EXPECT_EQ(-EBADF, q_take(other, BY_FIRST));
	EXPECT_EQ(5, q_take(fd, BY_FIRST));
	EXPECT_ERR(EEXIST, q_create(ctl, name, NULL, 0600, SEND, KIPC_EXCL));
	/* Names are of all kinds together. */
	mailbox = k_create(ctl, box_name, NULL, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(mailbox);
	EXPECT_ERR(EPROTOTYPE, q_create(ctl, box_name, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, k_create(ctl, name, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, k_open(ctl, name, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, k_open_kind(ctl, box_name, KIPC_KIND_QUEUE, SEND));
	EXPECT_OK(k_open_kind(ctl, name, KIPC_KIND_QUEUE, SEND));
	EXPECT_OK(k_open_kind(ctl, name, KIPC_KIND_ANY, SEND));
	EXPECT_OK(k_unlink(ctl, name));
	EXPECT_ERR(ENOENT, k_open_kind(ctl, name, KIPC_KIND_QUEUE, SEND));
	EXPECT_EQ(0, q_put(other, 1, 0, 6));
	EXPECT_EQ(6, q_take(fd, BY_FIRST));
	EXPECT_ERR(EINVAL, q_create(ctl, NULL, NULL, 0600, 1U << 3, 0));
}

TEST(persistent)
{
	int ctl = control(), fd;
	const char *name = temp_name("stays");

	fd = q_create(ctl, name, NULL, 0600, KIPC_QUEUE_RIGHTS, KIPC_PERSISTENT);
	ASSERT_OK(fd);
	ASSERT_EQ(0, q_put(fd, 3, 0, 33));
	ASSERT_OK(q_select(fd, BY_TYPE(4)));
	close(fd);
	EXPECT_EQ(1, total("objects"));
	fd = k_open_kind(ctl, name, KIPC_KIND_QUEUE, RECEIVE);
	ASSERT_OK(fd);
	/* A new handle, and the default of all. */
	EXPECT_EQ(33, q_take(fd, BY_DEFAULT));
	close(fd);
	EXPECT_OK(k_unlink(ctl, name));
	EXPECT_EQ(0, total("objects"));
}

TEST(rights)
{
	int fd = default_queue(), in = k_narrow(fd, RECEIVE, 0);
	int out = k_narrow(fd, SEND, 0), manage = k_narrow(fd, MANAGE, 0);
	char data[8];

	EXPECT_ERR(EBADF, q_send(in, data, 8, 1, 0, 0));
	EXPECT_ERR(EBADF, q_send(manage, data, 8, 1, 0, 0));
	EXPECT_ERR(EBADF, write(in, data, 8));
	EXPECT_ERR(EBADF, q_recv(out, data, 8, BY_FIRST, NULL, 0, 0));
	EXPECT_ERR(EBADF, q_recv(manage, data, 8, BY_FIRST, NULL, KIPC_RECV_PEEK,
				 0));
	EXPECT_ERR(EBADF, read(out, data, 8));
	EXPECT_ERR(EPERM, q_set(in, 1, 100, 10, 0));
	EXPECT_ERR(EPERM, k_remove(out));
	EXPECT_ERR(EPERM, k_narrow(out, SEND | RECEIVE, 0));
	EXPECT_EQ(0, q_put(out, 1, 0, 1));
	EXPECT_EQ(1, q_take(in, BY_FIRST));
	EXPECT_OK(q_set(manage, 1, 100, 10, 0));
	EXPECT_EQ(1, q_stat_of(in).attr.max_messages);
}

TEST(permissions)
{
	int ctl = control();
	const char *name = temp_name("perm");
	int fd = q_create(ctl, name, NULL, 0600, KIPC_QUEUE_RIGHTS, 0);
	pid_t pid;

	ASSERT_OK(fd);
	ASSERT_OK(fchmod(fd, 0602));
	pid = spawn();
	if (!pid) {
		become(PUBLIC, PUBLIC);
		CHECK_ERR(EACCES, k_open_kind(ctl, name, KIPC_KIND_QUEUE, RECEIVE));
		CHECK_ERR(EACCES, k_open_kind(ctl, name, KIPC_KIND_QUEUE, MANAGE));
		CHECK(!q_put(k_open_kind(ctl, name, KIPC_KIND_QUEUE, SEND), 1, 0,
			     4));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(fchown(fd, PUBLIC, PUBLIC));
	pid = spawn();
	if (!pid) {
		become(PUBLIC, PUBLIC);
		CHECK(q_take(k_open_kind(ctl, name, KIPC_KIND_QUEUE,
					 KIPC_QUEUE_RIGHTS), BY_FIRST) == 4);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(removed)
{
	int fd = default_queue();
	char data[8];
	pid_t pids[2];

	ASSERT_EQ(0, q_put(fd, 1, 0, 1));
	pids[0] = spawn();
	if (!pids[0])
		_exit(q_recv(fd, data, 8, BY_TYPE(2), NULL, 0, KIPC_FOREVER) < 0 ?
		      errno : 0);
	q_wait_waiters(fd, 0, 1, pids[0]);
	EXPECT_GT(total("bytes"), 0);
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(EIDRM, reap(pids[0]));
	EXPECT_ERR(EIDRM, q_send(fd, data, 8, 1, 0, 0));
	EXPECT_ERR(EIDRM, write(fd, data, 8));
	EXPECT_ERR(EIDRM, q_recv(fd, data, 8, BY_FIRST, NULL, 0, 0));
	EXPECT_ERR(EIDRM, q_recv(fd, data, 8, BY_AFTER(0), NULL, KIPC_RECV_PEEK, 0));
	EXPECT_ERR(EIDRM, read(fd, data, 8));
	EXPECT_EQ(0, q_stat_of(fd).messages);
	EXPECT_EQ(1, q_stat_of(fd).sent);
	EXPECT_EQ(0, q_stat_of(fd).received);
	/* A sender that waits. */
	fd = queue(1, 100, 8, 0);
	ASSERT_EQ(0, q_put(fd, 1, 0, 1));
	pids[1] = blocked(fd, 8, 2, 0);
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(EIDRM, reap(pids[1]));
}

/* What a person looks at when a sender hangs. */
TEST(fdinfo)
{
	static const char *const lines[] = {
		"\nkind:\tqueue\n", "\nmessages:\t1\n", "\nbytes:\t8\n",
		"\nsent:\t2\n", "\nreceived:\t1\n",
		"\nwaiting:\t0 senders, 1 receivers\n",
	};
	int fd = queue(4, 100, 50, 0);
	char path[64], text[1024];
	pid_t pid = spawn();
	ssize_t n;
	size_t i;
	int info;

	if (!pid) {
		_exit(q_await(fd, BY_TYPE(9)) != 9);
	}
	q_wait_waiters(fd, 0, 1, pid);
	ASSERT_EQ(0, q_put(fd, 1, 0, 7));
	ASSERT_EQ(0, q_put(fd, 1, 0, 8));
	ASSERT_EQ(7, q_take(fd, BY_FIRST));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = read(info, text, sizeof(text) - 1);
	ASSERT_GT(n, 0);
	text[n] = 0;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		EXPECT_TRUE(strstr(text, lines[i])) {
			TH_LOG("not there: %s", lines[i]);
		}
	ASSERT_EQ(0, q_put(fd, 9, 0, 9));
	EXPECT_EQ(0, reap(pid));
}

TEST(published)
{
	int fd = default_queue(), out, ctl = control();
	struct kipc_open_pid o = { .pid = getpid(), .kind = KIPC_KIND_QUEUE,
				   .rights = SEND };

	ASSERT_OK(k_publish(fd));
	EXPECT_ERR(EPROTOTYPE, k_open_pid(ctl, getpid(), SEND, 0));
	out = ioctl(ctl, KIPC_IOC_OPEN_PID, &o);
	ASSERT_OK(out);
	EXPECT_EQ(0, q_put(out, 4, 0, 44));
	EXPECT_EQ(44, q_take(fd, BY_TYPE(4)));
	EXPECT_OK(k_unpublish(fd));
}

TEST_HARNESS_MAIN
