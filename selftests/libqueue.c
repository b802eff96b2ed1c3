// SPDX-License-Identifier: GPL-2.0
/* The library's queues: what each of its functions is for. */
#include "test.h"
#include "klibqueue.h"

/* The number of the message that this selector takes. */
static uint64_t taken(int fd, struct kipc_selector want)
{
	struct kipc_message m;

	CHECK(!kipc_queue_recv(fd, NULL, 0, &want, &m, KIPC_RECV_TRUNCATE,
			       KIPC_NO_WAIT));
	return m.seq;
}

TEST(default_attributes)
{
	struct kipc_queue_attr attr = KIPC_QUEUE_ATTR_DEFAULT;
	struct kipc_queue_stat st;
	struct kipc_features f;
	struct kipc_info info;
	int fd = lib_queue();

	/* What the macro says is what the kernel does. */
	st = lib_figures(fd);
	EXPECT_EQ(0, memcmp(&st.attr, &attr, sizeof(attr)));
	ASSERT_OK(kipc_features(&f));
	EXPECT_TRUE(f.kinds & 1U << KIPC_KIND_QUEUE);
	ASSERT_OK(kipc_info(fd, &info));
	EXPECT_EQ(KIPC_KIND_QUEUE, info.kind);
}

TEST(names)
{
	const char *name = temp_name("queue"), *other = temp_name("mailbox");
	int fd, lowest = dup(0);

	close(lowest);
	fd = kipc_queue_create(name, NULL, 0600, SEND, KIPC_NONBLOCK);
	ASSERT_OK(fd);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_ERR(EEXIST, kipc_queue_create(name, NULL, 0600, SEND, KIPC_EXCL));
	EXPECT_OK(kipc_queue_create(name, NULL, 0600, RECEIVE, 0));
	EXPECT_OK(kipc_open(name, KIPC_KIND_QUEUE, MANAGE, 0));
	/* Another kind is not what was meant. */
	EXPECT_ERR(EPROTOTYPE, kipc_mailbox_create(name, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_mailbox_create_config(name, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_open(name, KIPC_KIND_MAILBOX, SEND, 0));
	ASSERT_OK(kipc_mailbox_create(other, NULL, 0600, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_queue_create(other, NULL, 0600, SEND, 0));
	EXPECT_OK(kipc_unlink(name));
	EXPECT_ERR(ENOENT, kipc_open(name, KIPC_KIND_QUEUE, SEND, 0));
	/* No control descriptor stays open, whether it worked or not. */
	EXPECT_EQ(lowest, dup(0));
}

TEST(published)
{
	int fd = lib_queue();

	ASSERT_OK(kipc_publish(fd));
	EXPECT_OK(kipc_open_pid(getpid(), KIPC_KIND_QUEUE, SEND, 0));
	EXPECT_ERR(EPROTOTYPE, kipc_open_pid(getpid(), KIPC_KIND_MAILBOX, SEND, 0));
}

TEST(messages)
{
	struct kipc_message m;
	char data[16];
	int fd = lib_queue();

	EXPECT_EQ(0, kipc_queue_send(fd, "hello", 5, 1ULL << 63, UINT32_MAX, 0));
	EXPECT_EQ(0, kipc_queue_send(fd, "world", 5, 0, 0, KIPC_FOREVER));
	EXPECT_EQ(0, kipc_queue_send(fd, NULL, 0, 7, 0, KIPC_NO_WAIT));
	memset(&m, POISON, sizeof(m));
	EXPECT_EQ(5, kipc_queue_recv(fd, data, sizeof(data), NULL, &m, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(1, m.seq);
	EXPECT_EQ(1ULL << 63, m.type);
	EXPECT_EQ(UINT32_MAX, m.priority);
	EXPECT_EQ(5, m.size);
	EXPECT_EQ(0, m.flags);
	EXPECT_EQ(getpid(), m.pid);
	EXPECT_EQ(gettid(), m.tid);
	EXPECT_EQ(geteuid(), m.uid);
	EXPECT_EQ(getegid(), m.gid);
	EXPECT_EQ(0, m.reserved);
	/* Who does not want the header gives NULL. */
	EXPECT_EQ(5, kipc_queue_recv(fd, data, sizeof(data), NULL, NULL, 0, 0));
	EXPECT_EQ(0, memcmp(data, "hello", 5));
	memset(&m, POISON, sizeof(m));
	EXPECT_ERR(EMSGSIZE, kipc_queue_recv(fd, data, 2, NULL, &m, 0, 0));
	EXPECT_TRUE(poisoned(&m, sizeof(m)));
	EXPECT_EQ(2, kipc_queue_recv(fd, data, 2, NULL, &m, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(KIPC_MESSAGE_TRUNCATED, m.flags);
	EXPECT_EQ(5, m.size);
	EXPECT_EQ(0, kipc_queue_recv(fd, data, 2, NULL, &m, 0, 0));
	EXPECT_EQ(7, m.type);
	EXPECT_ERR(EAGAIN, kipc_queue_recv(fd, data, 2, NULL, &m, 0, 0));
	EXPECT_EQ(3, lib_figures(fd).sent);
	EXPECT_EQ(3, lib_figures(fd).received);
	EXPECT_EQ(10, lib_figures(fd).sent_bytes);
	EXPECT_EQ(getpid(), lib_figures(fd).recv_pid);
	EXPECT_ERR(EINVAL, kipc_queue_recv(fd, data, 2, NULL, &m, KIPC_RECV_CALLS, 0));
}

/* Sizes and counts beyond 32 bits do not become small ones. */
TEST(huge_sizes)
{
	size_t huge = (size_t)(1ULL << 32) + 4;
	char data[16] = "";
	int fd = lib_queue();

	if (sizeof(size_t) < 8)
		SKIP(return, "a size_t of 32 bits");
	EXPECT_ERR(EMSGSIZE, kipc_queue_send(fd, data, huge, 0, 0, 0));
	ASSERT_OK(kipc_queue_send(fd, "hello", 5, 0, 0, 0));
	EXPECT_EQ(5, kipc_queue_recv(fd, data, huge, NULL, NULL, 0, 0));
	EXPECT_ERR(EINVAL, kipc_queue_send_batch(fd, NULL, huge, 0));
	EXPECT_ERR(EINVAL, kipc_queue_recv_batch(fd, NULL, huge, NULL, 0, 0));
}

#define EXPECT_SELECTOR(want, how_, low_, high_) do {			\
	struct kipc_selector s_ = (want);				\
	EXPECT_EQ(how_, s_.how);					\
	EXPECT_EQ(0, s_.reserved);					\
	EXPECT_EQ(low_, s_.low);					\
	EXPECT_EQ(high_, s_.high);					\
} while (0)

TEST(constructors)
{
	EXPECT_SELECTOR(kipc_select_first(), KIPC_SELECT_FIRST, 0, 0);
	EXPECT_SELECTOR(kipc_select_priority(), KIPC_SELECT_PRIORITY, 0, 0);
	EXPECT_SELECTOR(kipc_select_type(~5ULL), KIPC_SELECT_TYPE, ~5ULL, 0);
	EXPECT_SELECTOR(kipc_select_lowest(~5ULL), KIPC_SELECT_LOWEST, 0, ~5ULL);
	EXPECT_SELECTOR(kipc_select_range(5, ~5ULL), KIPC_SELECT_RANGE, 5, ~5ULL);
	EXPECT_SELECTOR(kipc_select_except(5), KIPC_SELECT_EXCEPT, 5, 0);
	EXPECT_SELECTOR(kipc_select_sender(5), KIPC_SELECT_SENDER, 5, 0);
	EXPECT_SELECTOR(kipc_select_after(5), KIPC_SELECT_AFTER, 5, 0);
}

TEST(selectors)
{
	struct kipc_selector want = kipc_select_type(9);
	struct kipc_message m;
	int fd = lib_queue(), seen;
	pid_t pid;

	lib_put(fd, 20, 0);
	lib_put(fd, 30, 0);
	lib_put(fd, 10, 1);
	lib_put(fd, 20, 9);
	lib_put(fd, 40, 9);
	pid = spawn();
	if (!pid) {
		lib_put(fd, 20, 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	lib_put(fd, 50, 0);
	EXPECT_ERR(EAGAIN, kipc_queue_recv(fd, NULL, 0, &want, NULL, 0, 0));
	EXPECT_EQ(7, lib_figures(fd).messages);
	/* Its number is one of this pid namespace, though it has ended. */
	EXPECT_EQ(6, taken(fd, kipc_select_sender(pid)));
	EXPECT_EQ(4, taken(fd, kipc_select_priority()));
	EXPECT_EQ(5, taken(fd, kipc_select_type(40)));
	EXPECT_EQ(3, taken(fd, kipc_select_lowest(30)));
	EXPECT_EQ(2, taken(fd, kipc_select_except(20)));
	EXPECT_EQ(7, taken(fd, kipc_select_range(21, 50)));
	EXPECT_EQ(1, taken(fd, kipc_select_first()));

	for (seen = 0; seen < 3; seen++)
		lib_put(fd, seen, 3 - seen);
	m.seq = 0;
	for (seen = 0;; seen++) {
		want = kipc_select_after(m.seq);
		if (kipc_queue_recv(fd, NULL, 0, &want, &m, KIPC_RECV_PEEK, KIPC_FOREVER))
			break;
		EXPECT_EQ(8 + seen, m.seq);
	}
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(3, seen);
}

TEST(default_selector)
{
	struct kipc_selector want = kipc_select_type(2);
	int fd = lib_queue(), other = kipc_narrow(fd, RECEIVE, 0);
	char data[8];

	EXPECT_OK(kipc_queue_select(fd, &want));
	ASSERT_OK(kipc_queue_send(fd, "one", 3, 1, 0, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLIN));
	EXPECT_EQ(POLLIN, poll_mask(other, POLLIN));
	EXPECT_ERR(EAGAIN, kipc_queue_recv(fd, data, 8, NULL, NULL, 0, 0));
	ASSERT_OK(kipc_queue_send(fd, "two", 3, 2, 0, 0));
	EXPECT_EQ(POLLIN, poll_mask(fd, POLLIN));
	EXPECT_EQ(3, read(fd, data, sizeof(data)));
	EXPECT_EQ(0, memcmp(data, "two", 3));
	EXPECT_EQ(3, write(fd, "six", 3));
	want = kipc_select_first();
	EXPECT_OK(kipc_queue_select(fd, &want));
	EXPECT_EQ(1, taken(fd, kipc_select_first()));
	EXPECT_EQ(3, kipc_queue_recv(fd, data, 8, NULL, NULL, 0, 0));
	EXPECT_EQ(0, memcmp(data, "six", 3));
}

TEST(batches)
{
	struct kipc_queue_send_item out[3] = { { 0 } };
	struct kipc_queue_recv_item in[4] = { { 0 } };
	struct kipc_selector want = kipc_select_priority();
	char data[4][8];
	int fd = lib_queue(), i;

	for (i = 0; i < 3; i++) {
		out[i].data = ptr("message");
		out[i].size = 4 + i;
		out[i].type = 1000 + i;
		out[i].priority = i;
	}
	for (i = 0; i < 4; i++) {
		in[i].data = ptr(data[i]);
		in[i].size = 8;
	}
	EXPECT_EQ(3, kipc_queue_send_batch(fd, out, 3, KIPC_FOREVER));
	EXPECT_EQ(3, kipc_queue_recv_batch(fd, in, 4, &want, 0, KIPC_FOREVER));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(2 - i, in[i].message.priority);
		EXPECT_EQ(1002 - i, in[i].message.type);
		EXPECT_EQ(6 - i, in[i].message.size);
		EXPECT_EQ(0, memcmp(data[i], "message", 6 - i));
	}
	EXPECT_EQ(3, kipc_queue_send_batch(fd, out, 3, KIPC_FOREVER));
	in[1].size = 1;
	EXPECT_EQ(1, kipc_queue_recv_batch(fd, in, 4, NULL, 0, KIPC_FOREVER));
	EXPECT_ERR(EMSGSIZE, kipc_queue_recv_batch(fd, in + 1, 3, NULL, 0, 0));
	EXPECT_EQ(2, kipc_queue_recv_batch(fd, in + 1, 3, NULL, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(KIPC_MESSAGE_TRUNCATED, in[1].message.flags);
	EXPECT_EQ(5, in[1].message.size);

	EXPECT_ERR(EINVAL, kipc_queue_send_batch(fd, out, 0, 0));
	EXPECT_ERR(EINVAL, kipc_queue_recv_batch(fd, in, KIPC_BATCH_MAX + 1, NULL, 0, 0));
	EXPECT_ERR(EINVAL, kipc_queue_recv_batch(fd, in, 4, NULL, KIPC_RECV_PEEK, 0));
	out[1].flags = 1;
	EXPECT_EQ(1, kipc_queue_send_batch(fd, out, 3, 0));
	EXPECT_ERR(EINVAL, kipc_queue_send_batch(fd, out + 1, 2, 0));
	in[0].flags = 1;
	EXPECT_ERR(EINVAL, kipc_queue_recv_batch(fd, in, 4, NULL, 0, 0));
}

TEST(limits)
{
	struct kipc_queue_attr attr;
	int fd = lib_small_queue(1, 0), out = kipc_narrow(fd, SEND, 0);
	pid_t pid;

	lib_put(fd, 1, 0);
	attr = lib_figures(fd).attr;
	attr.max_messages = 2;
	EXPECT_ERR(EPERM, kipc_queue_set(out, &attr));
	EXPECT_OK(kipc_queue_set(fd, &attr));
	EXPECT_EQ(2, lib_figures(fd).attr.max_messages);
	lib_put(fd, 1, 0);
	attr.flags = KIPC_QUEUE_HANGUP;
	EXPECT_ERR(EINVAL, kipc_queue_set(fd, &attr));
	attr.flags = 0;
	attr.message_size = 0;
	EXPECT_ERR(EINVAL, kipc_queue_set(fd, &attr));

	/* Who waits with what is too long now has waited in vain. */
	pid = spawn();
	if (!pid) {
		CHECK_ERR(EMSGSIZE, kipc_queue_send(fd, "message", 7, 1, 0,
						    after(PATIENCE)));
		_exit(0);
	}
	wait_for(lib_figures(fd).waiting_senders == 1);
	attr.message_size = 6;
	EXPECT_OK(kipc_queue_set(fd, &attr));
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(EMSGSIZE, kipc_queue_send(fd, "message", 7, 1, 0, 0));
}

/* A signal with a value has come, from this process. */
static bool signalled(int sig, uint64_t value)
{
	struct timespec patience = { .tv_sec = PATIENCE / SECOND };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK(sigtimedwait(&set, &info, &patience) == sig);
	return info.si_code == SI_MESGQ && info.si_pid == getpid() &&
	       info.si_uid == getuid() && ptr(info.si_value.sival_ptr) == value;
}

static bool pending(int sig)
{
	sigset_t set;

	CHECK(!sigpending(&set));
	return sigismember(&set, sig);
}

TEST(notification)
{
	struct kipc_notification n = {
		.events = KIPC_EVENT_NONEMPTY,
		.signo = SIGRTMIN,
		.value = 0x12345678,
	};
	struct kipc_notification none = { .events = 0 };
	int fd = lib_queue(), out = kipc_narrow(fd, SEND, 0);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, n.signo);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	EXPECT_ERR(ENOENT, kipc_notify(fd, &none));
	EXPECT_ERR(EPERM, kipc_notify(out, &n));
	ASSERT_OK(kipc_notify(fd, &n));
	lib_put(out, 1, 0);
	EXPECT_TRUE(signalled(n.signo, n.value));
	/* Not again before it is empty; then each time. */
	lib_put(out, 1, 0);
	EXPECT_FALSE(pending(n.signo));
	taken(fd, kipc_select_first());
	taken(fd, kipc_select_first());
	lib_put(out, 1, 0);
	EXPECT_TRUE(signalled(n.signo, n.value));
	taken(fd, kipc_select_first());
	/* The second takes the place of the first, and is for once. */
	n.flags = KIPC_NOTIFY_ONCE;
	n.value = 2;
	ASSERT_OK(kipc_notify(fd, &n));
	lib_put(out, 1, 0);
	EXPECT_TRUE(signalled(n.signo, 2));
	taken(fd, kipc_select_first());
	lib_put(out, 1, 0);
	EXPECT_FALSE(pending(n.signo));
	EXPECT_ERR(ENOENT, kipc_notify(fd, &none));
	ASSERT_OK(kipc_notify(fd, &n));
	EXPECT_OK(kipc_notify(fd, &none));
}

TEST_HARNESS_MAIN
