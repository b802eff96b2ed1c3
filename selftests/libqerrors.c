// SPDX-License-Identifier: GPL-2.0
/* The library's queues: each error that its functions give or pass on. */
#include "test.h"
#include "inject.h"
#include "klibqueue.h"

TEST(bad_creations)
{
	struct kipc_queue_attr attr = KIPC_QUEUE_ATTR_DEFAULT;
	const char *name = temp_name("closed");
	char text[300];
	pid_t pid;

	memset(text, 'x', sizeof(text));
	text[256] = 0;
	EXPECT_ERR(ENAMETOOLONG, kipc_queue_create(text, NULL, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_queue_create("", NULL, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_queue_create("a/b", NULL, 0600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_queue_create(NULL, NULL, 0600, 0, 0));
	EXPECT_ERR(EINVAL, kipc_queue_create(NULL, NULL, 01600, SEND, 0));
	EXPECT_ERR(EINVAL, kipc_queue_create(NULL, NULL, 0600, SEND, KIPC_EXCL));
	attr.max_messages = 0;
	EXPECT_ERR(EINVAL, kipc_queue_create(NULL, &attr, 0600, SEND, 0));
	attr.max_messages = 1;
	attr.max_bytes = KIPC_UNBOUNDED;
	attr.message_size = KIPC_MESSAGE_MAX + 1;
	EXPECT_ERR(EINVAL, kipc_queue_create(NULL, &attr, 0600, SEND, 0));
	attr.message_size = KIPC_MESSAGE_MAX;
	EXPECT_OK(kipc_queue_create(NULL, &attr, 0600, SEND, 0));
	attr.max_bytes = KIPC_MESSAGE_MAX - 1;
	EXPECT_ERR(EINVAL, kipc_queue_create(NULL, &attr, 0600, SEND, 0));

	ASSERT_OK(kipc_queue_create(name, NULL, 0600, SEND, 0));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, kipc_queue_create(name, NULL, 0600, SEND, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(bad_selectors)
{
	struct kipc_selector bad[] = {
		{ .how = KIPC_SELECT_AFTER + 1 },
		{ .how = KIPC_SELECT_FIRST, .low = 1 },
		{ .how = KIPC_SELECT_TYPE, .high = 1 },
		{ .how = KIPC_SELECT_TYPE, .reserved = 1 },
		{ .how = KIPC_SELECT_DEFAULT, .low = 1 },
		kipc_select_range(2, 1),
		kipc_select_sender(0),
		kipc_select_sender(-1),
		kipc_select_after(0),	/* not to be taken */
	};
	struct kipc_selector none = { .how = KIPC_SELECT_DEFAULT };
	struct kipc_queue_recv_item item = { 0 };
	int fd = lib_queue();
	size_t i;

	lib_put(fd, 1, 1);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_ERR(EINVAL, kipc_queue_recv(fd, NULL, 0, &bad[i], NULL, 0, 0));
		EXPECT_ERR(EINVAL, kipc_queue_recv_batch(fd, &item, 1, &bad[i], 0, 0));
		EXPECT_ERR(EINVAL, kipc_queue_select(fd, &bad[i]));
	}
	EXPECT_ERR(EINVAL, kipc_queue_select(fd, &none));
	EXPECT_OK(kipc_queue_recv(fd, NULL, 0, &none, NULL, 0, 0));
}

/* To a pid namespace that is not the queue's, who has no number is nobody. */
TEST(strangers)
{
	struct kipc_selector want = kipc_select_sender(4000000);
	struct kipc_queue_recv_item item = { 0 };
	int fd = lib_queue(), status;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!unshare(CLONE_NEWPID));
		pid = fork();
		if (!pid) {
			CHECK_ERR(ESRCH, kipc_queue_recv(fd, NULL, 0, &want, NULL, 0, 0));
			CHECK_ERR(ESRCH, kipc_queue_recv_batch(fd, &item, 1, &want, 0, 0));
			CHECK_ERR(ESRCH, kipc_queue_select(fd, &want));
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		_exit(status != 0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(waits)
{
	struct kipc_queue_send_item out = { 0 };
	struct kipc_queue_recv_item in = { 0 };
	struct kipc_selector other = kipc_select_type(2);
	int fd = lib_small_queue(1, 0);

	lib_put(fd, 1, 0);
	EXPECT_ERR(EAGAIN, kipc_queue_send(fd, NULL, 0, 1, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EAGAIN, kipc_queue_send_batch(fd, &out, 1, KIPC_NO_WAIT));
	EXPECT_ERR(EAGAIN, kipc_queue_recv_batch(fd, &in, 1, &other, 0, 0));
	EXPECT_ERR(ETIMEDOUT, kipc_queue_send(fd, NULL, 0, 1, 0, after(MS)));
	EXPECT_ERR(ETIMEDOUT, kipc_queue_send_batch(fd, &out, 1, after(MS)));
	EXPECT_ERR(ETIMEDOUT, kipc_queue_recv(fd, NULL, 0, &other, NULL, 0, after(MS)));
	EXPECT_ERR(ETIMEDOUT, kipc_queue_recv_batch(fd, &in, 1, &other, 0, after(MS)));
	EXPECT_INTERRUPTED(kipc_queue_send(fd, NULL, 0, 1, 0, after(PATIENCE)));
	EXPECT_INTERRUPTED(kipc_queue_send_batch(fd, &out, 1, after(PATIENCE)));
	EXPECT_INTERRUPTED(kipc_queue_recv(fd, NULL, 0, &other, NULL, 0,
					   after(PATIENCE)));
	EXPECT_INTERRUPTED(kipc_queue_recv_batch(fd, &in, 1, &other, 0,
						 after(PATIENCE)));
	EXPECT_EQ(1, lib_figures(fd).messages);
}

TEST(hangs_up)
{
	struct kipc_queue_send_item out = { 0 };
	struct kipc_queue_recv_item in = { 0 };
	struct kipc_selector other = kipc_select_type(2);
	int fd = lib_small_queue(4, KIPC_QUEUE_HANGUP);
	int receive = kipc_narrow(fd, RECEIVE, 0);

	lib_put(fd, 1, 0);
	close(fd);
	EXPECT_ERR(EPIPE, kipc_queue_recv(receive, NULL, 0, &other, NULL, 0,
					  KIPC_FOREVER));
	EXPECT_ERR(EPIPE, kipc_queue_recv_batch(receive, &in, 1, &other, 0,
						KIPC_FOREVER));
	EXPECT_EQ(0, kipc_queue_recv(receive, NULL, 0, NULL, NULL, 0, KIPC_FOREVER));
	EXPECT_ERR(EPIPE, kipc_queue_recv(receive, NULL, 0, NULL, NULL, 0, 0));

	receive = lib_small_queue(4, KIPC_QUEUE_HANGUP);
	fd = kipc_narrow(receive, SEND, 0);
	close(receive);
	EXPECT_ERR(EPIPE, kipc_queue_send(fd, NULL, 0, 1, 0, KIPC_FOREVER));
	EXPECT_ERR(EPIPE, kipc_queue_send_batch(fd, &out, 1, KIPC_FOREVER));
}

TEST(bad_notifications)
{
	struct kipc_notification bad[] = {
		{ .events = KIPC_EVENT_NONEMPTY, .signo = 0 },
		{ .events = KIPC_EVENT_NONEMPTY, .signo = 65 },
		{ .events = KIPC_EVENT_NONEMPTY, .signo = -1 },
		{ .events = KIPC_EVENT_LIMIT << 1, .signo = SIGUSR1 },
		/* A queue has no such event. */
		{ .events = KIPC_EVENT_CALL, .signo = SIGUSR1 },
		{ .events = KIPC_EVENT_NONEMPTY, .signo = SIGUSR1, .flags = 2 },
		{ .events = KIPC_EVENT_NONEMPTY, .signo = SIGUSR1, .reserved = 1 },
		{ .events = 0, .signo = SIGUSR1 },
	};
	struct kipc_notification good = {
		.events = KIPC_EVENT_NONEMPTY,
		.signo = SIGUSR1,
	};
	int fd = lib_queue();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERR(EINVAL, kipc_notify(fd, &bad[i]));
	for (i = 0; i < KIPC_NOTIFY_MAX; i++)
		EXPECT_OK(kipc_notify(kipc_narrow(fd, RECEIVE, 0), &good));
	EXPECT_ERR(ENOSPC, kipc_notify(fd, &good));
}

TEST(removed)
{
	struct kipc_notification n = {
		.events = KIPC_EVENT_NONEMPTY,
		.signo = SIGUSR1,
	};
	struct kipc_queue_attr attr = KIPC_QUEUE_ATTR_DEFAULT;
	struct kipc_selector want = kipc_select_type(1);
	struct kipc_queue_send_item out = { 0 };
	struct kipc_queue_recv_item in = { 0 };
	int fd = lib_queue();

	lib_put(fd, 1, 0);
	ASSERT_OK(kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_queue_send(fd, NULL, 0, 1, 0, 0));
	EXPECT_ERR(EIDRM, kipc_queue_recv(fd, NULL, 0, NULL, NULL, 0, 0));
	EXPECT_ERR(EIDRM, kipc_queue_send_batch(fd, &out, 1, 0));
	EXPECT_ERR(EIDRM, kipc_queue_recv_batch(fd, &in, 1, NULL, 0, 0));
	EXPECT_ERR(EIDRM, kipc_queue_set(fd, &attr));
	EXPECT_ERR(EIDRM, kipc_queue_select(fd, &want));
	EXPECT_ERR(EIDRM, kipc_notify(fd, &n));
	EXPECT_EQ(1, lib_figures(fd).sent);
}

/* Nothing of a message that is too long. */
TEST(too_long)
{
	struct kipc_queue_send_item out[2] = {
		{ .data = ptr("message"), .size = 7 },
		{ .data = ptr("a message"), .size = 9 },
	};
	int fd = lib_small_queue(4, 0);

	EXPECT_ERR(EMSGSIZE, kipc_queue_send(fd, "a message", 9, 1, 0, 0));
	EXPECT_EQ(1, kipc_queue_send_batch(fd, out, 2, KIPC_FOREVER));
	EXPECT_ERR(EMSGSIZE, kipc_queue_send_batch(fd, out + 1, 1, 0));
	EXPECT_EQ(1, lib_figures(fd).messages);
}

/* Closed, without the right, and of another kind. */
TEST(bad_descriptors)
{
	struct kipc_notification n = { .events = 0 };
	struct kipc_queue_attr attr = KIPC_QUEUE_ATTR_DEFAULT;
	struct kipc_selector want = kipc_select_first();
	struct kipc_queue_send_item out = { 0 };
	struct kipc_queue_recv_item in = { 0 };
	struct kipc_mailbox_stat box_stat;
	struct kipc_queue_stat st;
	int fd = lib_queue(), box = default_box(), null = open("/dev/null", O_RDWR);
	int receive = kipc_narrow(fd, RECEIVE, 0), send = kipc_narrow(fd, SEND, 0);

	EXPECT_ERR(EBADF, kipc_queue_send(receive, NULL, 0, 1, 0, 0));
	EXPECT_ERR(EBADF, kipc_queue_send_batch(receive, &out, 1, 0));
	EXPECT_ERR(EBADF, kipc_queue_recv(send, NULL, 0, NULL, NULL, 0, 0));
	EXPECT_ERR(EBADF, kipc_queue_recv_batch(send, &in, 1, NULL, 0, 0));
	EXPECT_ERR(EBADF, kipc_queue_select(send, &want));
	EXPECT_ERR(EBADF, kipc_queue_set(-1, &attr));
	EXPECT_ERR(EBADF, kipc_queue_stat(-1, &st));
	EXPECT_ERR(EBADF, kipc_notify(-1, &n));
	EXPECT_ERR(ENOTTY, kipc_queue_send(box, NULL, 0, 1, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_queue_send_batch(box, &out, 1, 0));
	EXPECT_ERR(ENOTTY, kipc_queue_recv(box, NULL, 0, NULL, NULL, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_queue_recv_batch(box, &in, 1, NULL, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_queue_select(box, &want));
	EXPECT_ERR(ENOTTY, kipc_queue_set(box, &attr));
	EXPECT_ERR(ENOTTY, kipc_queue_stat(box, &st));
	EXPECT_ERR(ENOTTY, kipc_notify(null, &n));
	EXPECT_ERR(ENOTTY, kipc_mailbox_send(fd, NULL, 0, 0, 0));
	EXPECT_ERR(ENOTTY, kipc_mailbox_stat(fd, &box_stat));
}

/* What the kernel reads and writes itself. */
TEST(bad_pointers)
{
	struct kipc_queue_attr *nowhere = mmap(NULL, 4096, PROT_NONE,
					       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_queue_send_item out = { .data = ptr(nowhere), .size = 4 };
	struct kipc_queue_recv_item in = { .data = ptr(nowhere), .size = 4 };
	int fd = lib_queue();

	ASSERT_NE(MAP_FAILED, (void *)nowhere);
	EXPECT_ERR(EFAULT, kipc_queue_create(NULL, nowhere, 0600, SEND, 0));
	EXPECT_ERR(EFAULT, kipc_queue_send(fd, nowhere, 4, 1, 0, 0));
	EXPECT_ERR(EFAULT, kipc_queue_send_batch(fd, &out, 1, 0));
	EXPECT_ERR(EFAULT, kipc_queue_send_batch(fd, (void *)nowhere, 1, 0));
	EXPECT_EQ(0, lib_figures(fd).sent);
	ASSERT_OK(kipc_queue_send(fd, "data", 4, 1, 0, 0));
	EXPECT_ERR(EFAULT, kipc_queue_recv(fd, nowhere, 4, NULL, NULL, 0, 0));
	EXPECT_ERR(EFAULT, kipc_queue_recv_batch(fd, &in, 1, NULL, 0, 0));
	EXPECT_ERR(EFAULT, kipc_queue_recv_batch(fd, (void *)nowhere, 1, NULL, 0, 0));
	EXPECT_EQ(1, lib_figures(fd).messages);
	EXPECT_ERR(EFAULT, kipc_queue_stat(fd, (void *)nowhere));
	EXPECT_ERR(EFAULT, kipc_queue_set(fd, nowhere));
	EXPECT_ERR(EFAULT, kipc_queue_select(fd, (void *)nowhere));
	EXPECT_ERR(EFAULT, kipc_notify(fd, (void *)nowhere));
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
	struct kipc_notification n = {
		.events = KIPC_EVENT_NONEMPTY,
		.signo = SIGUSR1,
	};
	struct kipc_selector other = kipc_select_type(2);
	struct kipc_queue_send_item out = { 0 };
	struct kipc_queue_recv_item in = { 0 };
	int fd = lib_queue();

	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	CHECK(!mlockall(MCL_CURRENT | MCL_FUTURE));
	EXPECT_NO_MEMORY(kipc_queue_create(NULL, NULL, 0600, SEND, 0));
	EXPECT_NO_MEMORY(kipc_queue_send(fd, NULL, 0, 1, 0, KIPC_NO_WAIT));
	EXPECT_NO_MEMORY(kipc_queue_send_batch(fd, &out, 1, KIPC_NO_WAIT));
	EXPECT_NO_MEMORY(kipc_notify(fd, &n));
	EXPECT_EQ(0, lib_figures(fd).sent);
	/* One that is not in front has to be looked for. */
	lib_put(fd, 1, 0);
	lib_put(fd, 2, 0);
	EXPECT_NO_MEMORY(kipc_queue_recv(fd, NULL, 0, &other, NULL, 0, KIPC_NO_WAIT));
	EXPECT_NO_MEMORY(kipc_queue_recv_batch(fd, &in, 1, &other, 0, KIPC_NO_WAIT));
	inject_end();
	EXPECT_EQ(1, kipc_queue_recv_batch(fd, &in, 1, &other, 0, KIPC_NO_WAIT));
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
	struct kipc_queue_attr attr = { KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0 };
	struct kipc_notification n = {
		.events = KIPC_EVENT_NONEMPTY,
		.signo = SIGUSR1,
	};
	struct kipc_selector other = kipc_select_type(2);
	struct kipc_queue_recv_item in = { 0 };
	static char data[4096];
	struct kipc_queue_send_item out = { .data = ptr(data), .size = sizeof(data) };
	int fd = kipc_queue_create(NULL, &attr, 0600, KIPC_QUEUE_RIGHTS, 0);
	int i;

	ASSERT_OK(fd);
	set_limit("max_objects", 1);
	EXPECT_ERR(EDQUOT, kipc_queue_create(NULL, NULL, 0600, SEND, 0));
	set_limit("max_bytes", 1 << 20);
	for (i = 0; i < 1000; i++)
		if (kipc_queue_send(fd, data, sizeof(data), 1, 0, KIPC_NO_WAIT))
			break;
	/* It is not waited for. */
	EXPECT_ERR(EDQUOT, kipc_queue_send(fd, data, sizeof(data), 1, 0, KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, kipc_queue_send_batch(fd, &out, 1, KIPC_FOREVER));
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, kipc_queue_recv(fd, NULL, 0, &other, NULL, 0, KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, kipc_queue_recv_batch(fd, &in, 1, &other, 0, KIPC_FOREVER));
	set_limit("max_bytes", 1);
	EXPECT_ERR(EDQUOT, kipc_notify(fd, &n));
}

TEST_HARNESS_MAIN
