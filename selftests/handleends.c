// SPDX-License-Identifier: GPL-2.0
/*
 * Handles in letters and messages: how they go without being received, whose quota they
 * are, and between whom they pass.
 */
#include "test.h"
#include "khandles.h"

FIXTURE(ends) {
	const struct carrier_kind *k;
	int fd;
	uint64_t objects, handles;
};

FIXTURE_VARIANT(ends) {
	bool queue;
};

FIXTURE_VARIANT_ADD(ends, letters) {
	.queue = false,
};

FIXTURE_VARIANT_ADD(ends, messages) {
	.queue = true,
};

FIXTURE_SETUP(ends)
{
	self->objects = total("objects");
	self->handles = total("handles");
	self->k = variant->queue ? &messages : &letters;
	self->fd = h_create(self->k);
}

/* Whatever it was about: nothing is on its way any more. */
FIXTURE_TEARDOWN(ends)
{
	close(self->fd);
	wait_for(!total("carried"));
	wait_for(total("objects") == self->objects);
	wait_for(total("handles") == self->handles);
}

/* Ways in which a message goes without being received. */

TEST_F(ends, never_read)
{
	int pair[2], fd = h_create(self->k);
	char c;

	ASSERT_OK(pipe2(pair, O_CLOEXEC));
	ASSERT_OK(h_send_fd(self->k, fd, pair[1]));
	close(pair[1]);
	ASSERT_OK(fcntl(pair[0], F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, read(pair[0], &c, 1));
	close(fd);
	EXPECT_EQ(0, read(pair[0], &c, 1));
	close(pair[0]);
}

TEST_F(ends, removed)
{
	int pair[2], fd = h_create(self->k), i;
	char c;

	ASSERT_OK(pipe2(pair, O_CLOEXEC));
	for (i = 0; i < 100; i++)
		ASSERT_OK(h_send_fd(self->k, fd, pair[1]));
	EXPECT_EQ(100, total("carried"));
	close(pair[1]);
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(0, read(pair[0], &c, 1));
	EXPECT_ERR(EIDRM, h_send_fd(self->k, fd, pair[0]));
	EXPECT_ERR(EIDRM, h_recv_fd(self->k, fd));
	EXPECT_EQ(0, total("carried"));
	close(fd);
	close(pair[0]);
}

TEST_F(ends, no_room)
{
	int fd = h_create_flags(self->k, 1, self->k->handles_flag), what = h_memfd();
	struct kipc_descriptor item = { .fd = what };

	ASSERT_OK(fd);
	ASSERT_OK(h_send_fd(self->k, fd, what));
	EXPECT_ERR(EAGAIN, h_send_fd(self->k, fd, what));
	EXPECT_ERR(ETIMEDOUT, h_send(self->k, fd, "x", 1, &item, 1, after(2 * MS)));
	EXPECT_ERR(EMSGSIZE, h_send(self->k, fd, "x", (64 << 10) + 1, &item, 1, 0));
	EXPECT_EQ(1, total("carried"));
	close(fd);
	close(what);
}

/* The last handles of objects are on their way in objects that end. */
TEST_F(ends, one_end_after_the_other)
{
	int inner = default_box(), fd = h_create(self->k);
	struct kipc_info info;

	ASSERT_OK(send_number(inner, 1));
	ASSERT_OK(k_info(inner, &info));
	ASSERT_OK(h_send_fd(self->k, fd, inner));
	close(inner);
	EXPECT_EQ(self->objects + 3, total("objects"));
	close(fd);
	wait_for(total("objects") == self->objects + 1);
}

TEST_F(ends, removed_object_on_its_way)
{
	int inner = default_box(), fd;

	ASSERT_OK(h_send_fd(self->k, self->fd, inner));
	ASSERT_OK(k_remove(inner));
	close(inner);
	fd = h_recv_fd(self->k, self->fd);
	ASSERT_OK(fd);
	EXPECT_ERR(EIDRM, send_number(fd, 1));
	close(fd);
}

/* Quota. */

TEST_F(ends, quota)
{
	uint64_t limit = get_limit("max_carried");
	struct kipc_descriptor items[4];
	int i, what = h_memfd(), fd;

	for (i = 0; i < 4; i++)
		items[i] = (struct kipc_descriptor){ .fd = what };
	set_limit("max_carried", 5);
	EXPECT_OK(h_send(self->k, self->fd, "x", 1, items, 4, 0));
	EXPECT_ERR(EDQUOT, h_send(self->k, self->fd, "x", 1, items, 2, 0));
	EXPECT_OK(h_send(self->k, self->fd, "x", 1, items, 1, 0));
	EXPECT_ERR(EDQUOT, h_send(self->k, self->fd, "x", 1, items, 1, 0));
	/* Letters without any are not concerned. */
	EXPECT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(5, total("carried"));
	/* Changed at run time. */
	set_limit("max_carried", 6);
	EXPECT_OK(h_send(self->k, self->fd, "x", 1, items, 1, 0));
	set_limit("max_carried", 2);
	EXPECT_ERR(EDQUOT, h_send(self->k, self->fd, "x", 1, items, 1, 0));
	/* What is there stays, and comes; with it comes the quota. */
	EXPECT_ERR(EMSGSIZE, h_recv(self->k, self->fd, items, sizeof(items), items, 3,
				    NULL, 0));
	close(self->fd);
	wait_for(!total("carried"));
	fd = h_create(self->k);
	for (i = 0; i < 4; i++)
		items[i] = (struct kipc_descriptor){ .fd = what };
	EXPECT_OK(h_send(self->k, fd, "x", 1, items, 2, 0));
	EXPECT_ERR(EDQUOT, h_send(self->k, fd, "x", 1, items, 1, 0));
	close(fd);
	set_limit("max_carried", limit);
	close(what);
}

/* It is the owner's who carries, whoever sends; and that of who owns his namespace. */
TEST_F(ends, whose_quota)
{
	uint64_t limit = get_limit("max_carried");
	int what = h_memfd(), i;
	pid_t pid;

	set_limit("max_carried", 3);
	pid = spawn();
	if (!pid) {
		int fd;

		become(1000, 1000);
		fd = h_create(self->k);
		for (i = 0; i < 3; i++)
			CHECK(!h_send_fd(self->k, fd, what));
		CHECK_ERR(EDQUOT, h_send_fd(self->k, fd, what));
		/* Of root's there is all. */
		CHECK(!h_send_fd(self->k, self->fd, what));
		CHECK(h_recv_fd(self->k, fd) >= 0);
		CHECK(!h_send_fd(self->k, fd, what));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	wait_for(total("carried") == 1);
	pid = spawn();
	if (!pid) {
		int inner;

		enter_userns(0, 1000, "0 1000 1", "0 1000 1");
		inner = h_create(self->k);
		for (i = 0; i < 3; i++)
			CHECK(!h_send_fd(self->k, inner, what));
		CHECK_ERR(EDQUOT, h_send_fd(self->k, inner, what));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	set_limit("max_carried", limit);
	close(what);
}

/* Between users that do not know each other: what is carried is what it was. */
TEST_F(ends, between_user_namespaces)
{
	int box = default_box(), fd, ready[2];
	char c;
	pid_t pid;

	ASSERT_OK(pipe(ready));
	pid = spawn();
	if (!pid) {
		struct kipc_descriptor item = { .fd = box, .rights = SEND };

		enter_userns(0, 1000, "0 1000 1", "0 1000 1");
		CHECK(!h_send(self->k, self->fd, "x", 1, &item, 1, 0));
		CHECK(write(ready[1], "x", 1) == 1);
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		enter_userns(0, 2000, "0 2000 1", "0 2000 1");
		fd = h_recv_fd(self->k, self->fd);
		CHECK(fd >= 0 && h_rights(fd) == SEND);
		CHECK_ERR(EPERM, k_narrow(fd, RECEIVE, 0));
		CHECK(!send_number(fd, 77));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(77, recv_number(box));
	close(box);
}

/* A rendezvous and one that drops the oldest are of mailboxes alone. */

TEST(rendezvous)
{
	int fd = h_create_flags(&letters, 0, KIPC_MAILBOX_HANDLES), what = h_memfd();
	struct kipc_descriptor item = { .fd = what };
	pid_t pid;

	ASSERT_OK(fd);
	EXPECT_ERR(EAGAIN, h_send_fd(&letters, fd, what));
	EXPECT_ERR(ETIMEDOUT, h_send(&letters, fd, "x", 1, &item, 1, after(2 * MS)));
	EXPECT_EQ(0, total("carried"));
	pid = spawn();
	if (!pid) {
		CHECK(!h_send(&letters, fd, "x", 1, &item, 1, after(PATIENCE)));
		_exit(0);
	}
	wait_waiters(fd, 1, 0, pid);
	EXPECT_EQ(1, total("carried"));
	/* One that is not prepared leaves it there. */
	EXPECT_ERR(EBADMSG, read(fd, &item, 1));
	wait_waiters(fd, 1, 0, pid);
	item.fd = h_recv_fd(&letters, fd);
	EXPECT_OK(item.fd);
	EXPECT_TRUE(h_same(item.fd, what));
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		item.fd = what;
		h_send(&letters, fd, "x", 1, &item, 1, after(PATIENCE));
		_exit(1);
	}
	wait_waiters(fd, 1, 0, pid);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(0, total("carried"));
	pid = spawn();
	if (!pid) {
		item.fd = what;
		CHECK_ERR(EIDRM, h_send(&letters, fd, "x", 1, &item, 1, after(PATIENCE)));
		_exit(0);
	}
	wait_waiters(fd, 1, 0, pid);
	EXPECT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, total("carried"));
}

TEST(dropping_the_oldest)
{
	int fd = h_create_flags(&letters, 3, KIPC_MAILBOX_HANDLES |
					     KIPC_MAILBOX_DROP_OLDEST);
	struct kipc_descriptor item, got;
	int pair[2], i, what = h_memfd();
	char data[8];

	ASSERT_OK(fd);
	ASSERT_OK(pipe2(pair, O_CLOEXEC));
	item.fd = pair[1];
	item.rights = 0;
	for (i = 0; i < 3; i++)
		ASSERT_OK(h_send(&letters, fd, "old", 3, &item, 1, 0));
	close(pair[1]);
	EXPECT_EQ(3, total("carried"));
	/* Those that carry nothing drop them as well. */
	EXPECT_EQ(3, write(fd, "new", 3));
	EXPECT_EQ(2, total("carried"));
	item.fd = what;
	for (i = 0; i < 2; i++)
		ASSERT_OK(h_send(&letters, fd, "two", 3, &item, 1, 0));
	EXPECT_EQ(2, total("carried"));
	EXPECT_EQ(0, read(pair[0], data, 1));
	EXPECT_EQ(3, h_recv(&letters, fd, data, sizeof(data), &got, 1, NULL, 0));
	EXPECT_EQ(0, memcmp(data, "new", 3));
	EXPECT_OK(h_recv_fd(&letters, fd));
	EXPECT_OK(h_recv_fd(&letters, fd));
	EXPECT_EQ(3, stat_of(fd).dropped);
}

TEST_HARNESS_MAIN
