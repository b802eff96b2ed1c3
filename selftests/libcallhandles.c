// SPDX-License-Identifier: GPL-2.0
/*
 * The library: calls whose requests and replies carry handles; each error that these
 * functions give or pass on.
 */
#include "test.h"
#include "inject.h"
#include "khandles.h"

#include <kipc.h>

FIXTURE(lib) {
	int box, plain;
	struct kipc_descriptor item, got[MOST_HANDLES];
	struct kipc_request request;
	char data[64];
	size_t count;
	uint64_t token;
};

FIXTURE_SETUP(lib)
{
	self->box = h_create(&letters);
	self->plain = h_memfd();
	self->item.fd = self->plain;
	self->count = MOST_HANDLES;
}

FIXTURE_TEARDOWN(lib)
{
}

/* By a fixture whose @count is what there is room for. */
#define CALL(fd, what, n, deadline)						\
	kipc_mailbox_call_handles(fd, "hello", 5, 7, what, n, self->data,	\
				  sizeof(self->data), self->got, &self->count, deadline)
#define SUBMIT(fd, what, n, deadline)						\
	kipc_mailbox_submit_handles(fd, "hello", 5, 7, what, n, 64, 2, &self->token, deadline)
#define SERVE(fd, flags, deadline)						\
	kipc_mailbox_serve_handles(fd, self->data, sizeof(self->data), &self->request, \
				   self->got, &self->count, flags, deadline)
#define REPLY(fd, what, n)							\
	kipc_mailbox_reply_handles(fd, self->request.token, "there", 5, 9, what, n)
#define COLLECT(fd, deadline)							\
	kipc_mailbox_collect_handles(fd, &self->token, self->data, sizeof(self->data),	\
				     NULL, self->got, &self->count, deadline)

TEST_F(lib, calls)
{
	pid_t pid = spawn();
	struct kipc_letter letter;

	if (!pid) {
		for (int i = 0; i < 2; i++) {
			self->count = MOST_HANDLES;
			CHECK(SERVE(self->box, 0, after(PATIENCE)) == 5 && self->count == 1);
			CHECK(self->request.letter.tag == 7 && self->request.token);
			CHECK(self->request.reply_size == 64);
			CHECK(self->request.reply_handles == (i ? 2 : MOST_HANDLES));
			CHECK(!REPLY(self->box, self->got, 1));
			close(self->got[0].fd);
		}
		_exit(0);
	}
	ASSERT_EQ(5, CALL(self->box, &self->item, 1, after(PATIENCE)));
	EXPECT_EQ(0, memcmp(self->data, "there", 5));
	EXPECT_EQ(1, self->count);
	EXPECT_TRUE(h_same(self->plain, self->got[0].fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->got[0].fd, F_GETFD));
	self->count = MOST_HANDLES;
	ASSERT_OK(SUBMIT(self->box, &self->item, 1, 0));
	ASSERT_EQ(5, kipc_mailbox_collect_handles(self->box, NULL, self->data, 64, &letter,
						  self->got, &self->count, after(PATIENCE)));
	EXPECT_EQ(9, letter.tag);
	EXPECT_EQ(1, self->count);
	EXPECT_EQ(0, reap(pid));
	/* Neither side carries anything; and nobody wants to know the token. */
	ASSERT_OK(kipc_mailbox_submit_handles(self->box, "x", 1, 0, NULL, 0, 1, 1, NULL, 0));
	ASSERT_EQ(1, SERVE(self->box, 0, 0));
	EXPECT_EQ(0, self->count);
	ASSERT_OK(kipc_mailbox_reply(self->box, self->request.token, "y", 1, 0));
	self->count = MOST_HANDLES;
	self->token = 0;
	ASSERT_EQ(1, COLLECT(self->box, 0));
	EXPECT_EQ(self->request.token, self->token);
	EXPECT_EQ(0, self->count);
}

TEST_F(lib, requests_that_cannot_be_sent)
{
	struct kipc_descriptor bad = { .fd = self->box }, closed = { .fd = 1000 };
	struct kipc_descriptor stranger = { .fd = socket(AF_UNIX, SOCK_STREAM, 0) };
	int plain_box = default_box(), receiver = k_narrow(self->box, RECEIVE, 0);
	int queue = h_create(&messages);

	EXPECT_ERR(EOPNOTSUPP, CALL(plain_box, &self->item, 1, after(PATIENCE)));
	EXPECT_ERR(EOPNOTSUPP, SUBMIT(plain_box, &self->item, 1, 0));
	EXPECT_ERR(EPERM, CALL(self->box, &stranger, 1, after(PATIENCE)));
	EXPECT_ERR(EPERM, SUBMIT(self->box, &stranger, 1, 0));
	EXPECT_ERR(ELOOP, CALL(self->box, &bad, 1, after(PATIENCE)));
	EXPECT_ERR(ELOOP, SUBMIT(self->box, &bad, 1, 0));
	EXPECT_ERR(EBADF, CALL(self->box, &closed, 1, after(PATIENCE)));
	EXPECT_ERR(EBADF, SUBMIT(self->box, &closed, 1, 0));
	EXPECT_ERR(EBADF, SUBMIT(receiver, &self->item, 1, 0));
	EXPECT_ERR(EINVAL, CALL(self->box, &self->item, (size_t)1 << 32, after(PATIENCE)));
	EXPECT_ERR(EINVAL, SUBMIT(self->box, &self->item, MOST_HANDLES + 1, 0));
	EXPECT_ERR(EFAULT, CALL(self->box, (void *)16, 1, after(PATIENCE)));
	EXPECT_ERR(EFAULT, SUBMIT(self->box, (void *)16, 1, 0));
	EXPECT_ERR(ENOTTY, CALL(queue, &self->item, 1, after(PATIENCE)));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_submit_handles(self->box, self->data, (size_t)1 << 32,
							 0, &self->item, 1, 0, 0, NULL, 0));
	EXPECT_EQ(MOST_HANDLES, self->count);
	EXPECT_EQ(0, total("carried"));
}

TEST_F(lib, quota)
{
	uint64_t carried = get_limit("max_carried");

	ASSERT_OK(kipc_mailbox_submit_handles(self->box, "x", 1, 0, NULL, 0, 9, 1,
					      &self->token, 0));
	ASSERT_EQ(1, SERVE(self->box, 0, 0));
	set_limit("max_carried", 0);
	EXPECT_ERR(EDQUOT, CALL(self->box, &self->item, 1, after(PATIENCE)));
	EXPECT_ERR(EDQUOT, SUBMIT(self->box, &self->item, 1, 0));
	EXPECT_ERR(EDQUOT, REPLY(self->box, &self->item, 1));
	set_limit("max_carried", carried);
}

TEST_F(lib, what_cannot_be_served)
{
	struct rlimit limit, low;

	ASSERT_OK(SUBMIT(self->box, &self->item, 1, 0));
	EXPECT_ERR(EBADMSG, kipc_mailbox_serve(self->box, self->data, 64, &self->request, 0,
					       0));
	EXPECT_ERR(EBADMSG, kipc_mailbox_recv(self->box, self->data, 64, NULL, 0, 0));
	EXPECT_ERR(EBADMSG, kipc_mailbox_recv_handles(self->box, self->data, 64, NULL,
						      self->got, &self->count, 0, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_serve_handles(self->box, self->data, 64, NULL,
						      self->got, &self->count, 0, 0));
	EXPECT_ERR(EFAULT, kipc_mailbox_serve_handles(self->box, self->data, 64,
						      &self->request, (void *)16,
						      &self->count, 0, 0));
	self->count = 0;
	EXPECT_ERR(EMSGSIZE, SERVE(self->box, 0, 0));
	self->count = MOST_HANDLES;
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 0;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, SERVE(self->box, 0, 0));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	/* Who looks, gets the number. */
	self->count = 0;
	ASSERT_EQ(5, SERVE(self->box, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(1, self->count);
	EXPECT_EQ(0, self->request.token);
	ASSERT_EQ(5, SERVE(self->box, 0, 0));
	EXPECT_EQ(1, self->count);
}

TEST_F(lib, replies_that_cannot_be_given)
{
	struct kipc_descriptor bad = { .fd = self->box }, closed = { .fd = 1000 };
	struct kipc_descriptor stranger = { .fd = socket(AF_UNIX, SOCK_STREAM, 0) };
	struct kipc_descriptor three[3] = { self->item, self->item, self->item };

	ASSERT_OK(SUBMIT(self->box, NULL, 0, 0));
	ASSERT_EQ(5, SERVE(self->box, 0, 0));
	EXPECT_ERR(EOPNOTSUPP, REPLY(default_box(), &self->item, 1));
	EXPECT_ERR(EPERM, REPLY(self->box, &stranger, 1));
	EXPECT_ERR(ELOOP, REPLY(self->box, &bad, 1));
	EXPECT_ERR(EBADF, REPLY(self->box, &closed, 1));
	EXPECT_ERR(EINVAL, REPLY(self->box, &self->item, 0));
	EXPECT_ERR(EFAULT, REPLY(self->box, (void *)16, 1));
	EXPECT_ERR(EMSGSIZE, REPLY(self->box, three, 3));
	EXPECT_EQ(0, total("carried"));
	EXPECT_OK(REPLY(self->box, three, 2));
	EXPECT_ERR(ENOENT, REPLY(self->box, three, 2));
	self->count = 2;
	EXPECT_EQ(5, COLLECT(self->box, 0));
	/* Nobody is there. */
	ASSERT_OK(SUBMIT(self->box, NULL, 0, 0));
	ASSERT_EQ(5, SERVE(self->box, 0, 0));
	ASSERT_OK(kipc_mailbox_cancel(self->box, self->token));
	EXPECT_EQ(1, REPLY(self->box, three, 2));
}

TEST_F(lib, what_cannot_be_collected)
{
	struct rlimit limit, low;

	ASSERT_OK(SUBMIT(self->box, NULL, 0, 0));
	EXPECT_ERR(EAGAIN, COLLECT(self->box, 0));
	EXPECT_ERR(ETIMEDOUT, COLLECT(self->box, after(MS)));
	ASSERT_EQ(5, SERVE(self->box, 0, 0));
	ASSERT_OK(REPLY(self->box, &self->item, 1));
	EXPECT_ERR(EBADMSG, kipc_mailbox_collect(self->box, &self->token, self->data, 64, NULL,
						 0));
	self->count = 0;
	EXPECT_ERR(EMSGSIZE, COLLECT(self->box, 0));
	self->count = 1;
	EXPECT_ERR(EFAULT, kipc_mailbox_collect_handles(self->box, &self->token, self->data,
							64, NULL, (void *)16, &self->count,
							0));
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 0;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, COLLECT(self->box, 0));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(5, COLLECT(self->box, 0));
	EXPECT_ERR(ENOENT, COLLECT(self->box, 0));
}

/* One that waits is given up if it has no place for what comes. */
TEST_F(lib, a_call_without_a_descriptor_left)
{
	struct rlimit limit, low;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(SERVE(self->box, 0, after(PATIENCE)) == 5);
		CHECK(!REPLY(self->box, &self->item, 1));
		_exit(0);
	}
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 0;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, CALL(self->box, NULL, 0, after(PATIENCE)));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, total("carried"));
	self->token = 0;
	EXPECT_ERR(ENOENT, COLLECT(self->box, 0));
}

/* No memory for the parcel; or for the descriptors' table, when it has to grow. */
TEST_F(lib, no_memory)
{
	uint64_t token;
	pid_t pid;

	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	ASSERT_OK(SUBMIT(self->box, NULL, 0, 0));
	ASSERT_EQ(5, SERVE(self->box, 0, 0));
	token = self->token;
	ASSERT_OK(SUBMIT(self->box, &self->item, 1, 0));
	/* The table is a child's own, and there is room for 64 at first. */
	pid = spawn();
	if (!pid) {
		CHECK(inject_arm_all());
		inject_disarm_all();
		while (dup(self->plain) < 63)
			;
		self->count = MOST_HANDLES;
		CHECK(inject_arm_all());
		CHECK_ERR(ENOMEM, CALL(self->box, &self->item, 1, after(PATIENCE)));
		CHECK_ERR(ENOMEM, SUBMIT(self->box, &self->item, 1, 0));
		CHECK_ERR(ENOMEM, SERVE(self->box, 0, 0));
		CHECK_ERR(ENOMEM, REPLY(self->box, &self->item, 1));
		inject_disarm_all();
		CHECK(!REPLY(self->box, &self->item, 1));
		self->token = token;
		CHECK(inject_arm_all());
		CHECK_ERR(ENOMEM, COLLECT(self->box, 0));
		inject_disarm_all();
		CHECK(COLLECT(self->box, 0) == 5 && self->count == 1);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	inject_end();
}

TEST_HARNESS_MAIN
