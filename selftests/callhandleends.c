// SPDX-License-Identifier: GPL-2.0
/*
 * Handles in calls on mailboxes and in replies: how they go without being taken, whoever
 * dies or gives up; and whose quota they are.
 */
#include "test.h"
#include "kcallhandles.h"

/* The write end of a pipe is what goes: where nobody has it, the other end is at its end. */
FIXTURE(ends) {
	struct both b;
	int other;		/* the other end */
	int what;
	uint64_t objects, handles, token;
};

static struct both carriers(uint64_t room, unsigned int flags)
{
	struct both b;
	int fd = h_create_flags(&letters, room, KIPC_MAILBOX_HANDLES | flags);

	CHECK(fd >= 0);
	b.out = k_narrow(fd, SEND, 0);
	b.in = k_narrow(fd, RECEIVE, 0);
	b.manage = k_narrow(fd, MANAGE, 0);
	close(fd);
	return b;
}

FIXTURE_SETUP(ends)
{
	int pair[2];

	self->objects = total("objects");
	self->handles = total("handles");
	self->b = carriers(3, KIPC_MAILBOX_HANGUP);
	ASSERT_OK(pipe2(pair, O_CLOEXEC));
	self->other = pair[0];
	self->what = pair[1];
}

/* Nobody has it any more, and nothing is on its way. */
FIXTURE_TEARDOWN(ends)
{
	char c;

	close(self->what);
	EXPECT_EQ(0, read(self->other, &c, 1));
	EXPECT_EQ(0, total("carried"));
	close_both(&self->b);
	wait_for(total("objects") == self->objects);
	wait_for(total("handles") == self->handles);
	EXPECT_EQ(0, total("bytes"));
}

/* A request that carries it, and is taken; the token. */
static uint64_t taken(struct both *b)
{
	uint64_t token;

	CHECK(!h_submit(b->out, NULL, 0, 1, &token, 0));
	CHECK(k_serve(b->in, &(char){ 0 }, 1, NULL, 0, 0) == 1);
	return token;
}

/* Requests that nobody takes. */

TEST_F(ends, request_cancelled)
{
	self->token = h_submit_fd(self->b.out, self->what);
	EXPECT_EQ(1, total("carried"));
	EXPECT_OK(k_cancel(self->b.out, self->token));
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
}

TEST_F(ends, request_of_a_handle_that_closes)
{
	self->token = h_submit_fd(self->b.out, self->what);
	close(self->b.out);
	self->b.out = -1;
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
}

TEST_F(ends, request_removed)
{
	self->token = h_submit_fd(self->b.out, self->what);
	EXPECT_OK(k_remove(self->b.manage));
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(EIDRM, h_collect_fd(self->b.out, self->token));
}

TEST_F(ends, request_to_nobody)
{
	self->token = h_submit_fd(self->b.out, self->what);
	close(self->b.in);
	self->b.in = -1;
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(EPIPE, h_collect_fd(self->b.out, self->token));
	EXPECT_ERR(EPIPE, h_submit(self->b.out, &(struct kipc_descriptor){ .fd = self->what },
				   1, 0, NULL, 0));
}

TEST_F(ends, request_that_waits)
{
	struct kipc_descriptor item = { .fd = self->what };
	struct h_both h = { .items = &item, .count = 1 };
	pid_t pid;

	EXPECT_ERR(ETIMEDOUT, h_ask(self->b.out, "x", 1, NULL, 0, &h, NULL, 0,
				    after(2 * MS)));
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
	/* And its caller, killed. */
	pid = spawn();
	if (!pid) {
		h_ask(self->b.out, "x", 1, NULL, 0, &h, NULL, 0, KIPC_FOREVER);
		_exit(1);
	}
	wait_for(total("carried") == 1);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
}

TEST_F(ends, request_without_room)
{
	struct kipc_descriptor item = { .fd = self->what };
	struct h_both h = { .items = &item, .count = 1 };
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, write(self->b.out, "x", 1));
	EXPECT_ERR(EAGAIN, h_submit(self->b.out, &item, 1, 0, NULL, 0));
	EXPECT_ERR(ETIMEDOUT, h_submit(self->b.out, &item, 1, 0, NULL, after(2 * MS)));
	EXPECT_ERR(ETIMEDOUT, h_ask(self->b.out, "x", 1, NULL, 0, &h, NULL, 0,
				    after(2 * MS)));
	EXPECT_EQ(0, total("carried"));
}

TEST_F(ends, request_dropped)
{
	struct both b = carriers(2, KIPC_MAILBOX_DROP_OLDEST);
	uint64_t token[3];
	int i;

	for (i = 0; i < 3; i++)
		token[i] = h_submit_fd(b.out, self->what);
	EXPECT_EQ(2, total("carried"));
	EXPECT_ERR(ECANCELED, h_collect_fd(b.out, token[0]));
	EXPECT_EQ(1, write(b.out, "x", 1));
	EXPECT_EQ(1, write(b.out, "x", 1));
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(ECANCELED, h_collect_fd(b.out, token[2]));
	close_both(&b);
}

TEST_F(ends, rendezvous)
{
	struct both b = carriers(0, 0);
	struct kipc_descriptor item = { .fd = self->what };
	uint64_t token;
	pid_t pid;
	int fd;

	EXPECT_ERR(EAGAIN, h_submit(b.out, &item, 1, 1, &token, 0));
	EXPECT_ERR(ETIMEDOUT, h_submit(b.out, &item, 1, 1, &token, after(2 * MS)));
	EXPECT_EQ(0, total("carried"));
	pid = spawn();
	if (!pid) {
		fd = h_serve_fd(b.in, &token);
		CHECK(fd >= 0 && !h_reply_fd(b.in, token, fd));
		_exit(0);
	}
	ASSERT_OK(h_submit(b.out, &item, 1, 1, &token, after(PATIENCE)));
	fd = h_collect_fd(b.out, token);
	EXPECT_OK(fd);
	close(fd);
	EXPECT_EQ(0, reap(pid));
	close_both(&b);
}

/* Replies that nobody collects. */

TEST_F(ends, reply_cancelled)
{
	self->token = taken(&self->b);
	ASSERT_OK(h_reply_fd(self->b.in, self->token, self->what));
	EXPECT_EQ(1, total("carried"));
	EXPECT_OK(k_cancel(self->b.out, self->token));
	EXPECT_EQ(0, total("carried"));
}

TEST_F(ends, reply_to_a_handle_that_closes)
{
	int shared_by = dup(self->b.out), i;

	for (i = 0; i < 10; i++) {
		self->token = taken(&self->b);
		ASSERT_OK(h_reply_fd(self->b.in, self->token, self->what));
	}
	close(self->b.out);
	EXPECT_EQ(10, total("carried"));
	close(shared_by);
	self->b.out = -1;
	EXPECT_EQ(0, total("carried"));
}

/* It is there, so it can be had, also of what was removed. */
TEST_F(ends, reply_of_what_was_removed)
{
	uint64_t other;
	int fd;

	other = taken(&self->b);
	self->token = taken(&self->b);
	ASSERT_OK(h_reply_fd(self->b.in, self->token, self->what));
	EXPECT_OK(k_remove(self->b.manage));
	EXPECT_EQ(1, total("carried"));
	EXPECT_ERR(EIDRM, h_reply_fd(self->b.in, other, self->what));
	EXPECT_EQ(1, total("carried"));
	fd = h_collect_fd(self->b.out, self->token);
	EXPECT_OK(fd);
	close(fd);
	EXPECT_ERR(EIDRM, h_collect_fd(self->b.out, other));
}

TEST_F(ends, reply_to_nobody)
{
	self->token = taken(&self->b);
	EXPECT_OK(k_cancel(self->b.out, self->token));
	EXPECT_EQ(1, h_reply_fd(self->b.in, self->token, self->what));
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(ENOENT, h_reply_fd(self->b.in, self->token, self->what));
	/* Also one that took none. */
	ASSERT_OK(k_submit(self->b.out, "x", 1, 0, &self->token, 0));
	ASSERT_EQ(1, k_serve(self->b.in, &(char){ 0 }, 1, NULL, 0, 0));
	EXPECT_ERR(EMSGSIZE, h_reply_fd(self->b.in, self->token, self->what));
	EXPECT_OK(k_cancel(self->b.out, self->token));
	EXPECT_EQ(1, h_reply_fd(self->b.in, self->token, self->what));
	EXPECT_EQ(0, total("carried"));
}

/* A caller that dies with a reply on its way, whatever it waits for. */
TEST_F(ends, caller_killed)
{
	struct h_both h = { .got = &(struct kipc_descriptor){ 0 }, .room = 1 };
	uint64_t token;
	pid_t pid;
	int i;

	for (i = 0; i < 2; i++) {
		pid = spawn();
		if (!pid) {
			int fd = k_narrow(self->b.out, SEND, 0);

			close(self->b.out);
			if (i)
				CHECK(!h_submit(fd, NULL, 0, 1, &token, 0));
			else
				h_ask(fd, "x", 1, NULL, 0, &h, NULL, 0, KIPC_FOREVER);
			for (;;)
				pause();
		}
		wait_letters(self->b.in, 1);
		if (!i) {
			struct kipc_mailbox_recv r = { 0 };

			ASSERT_EQ(1, k_serve(self->b.in, &(char){ 0 }, 1, NULL,
					     KIPC_RECV_PEEK, 0));
			EXPECT_EQ(128 + SIGKILL, slay(pid));
			EXPECT_ERR(EAGAIN, k_serve(self->b.in, &(char){ 0 }, 1, &r, 0, 0));
			continue;
		}
		{
			struct kipc_mailbox_recv_handles r = {
				.recv = { .data = ptr(&h), .size = 1,
					  .flags = KIPC_RECV_CALLS },
			};

			ASSERT_EQ(1, ioctl(self->b.in, KIPC_IOC_MAILBOX_RECV_HANDLES, &r));
			EXPECT_OK(h_reply_fd(self->b.in, r.recv.token, self->what));
		}
		EXPECT_EQ(1, total("carried"));
		EXPECT_EQ(128 + SIGKILL, slay(pid));
		wait_for(!total("carried"));
	}
}

/* A server that dies: what it has taken ends with it, and the call fails. */
TEST_F(ends, server_killed)
{
	pid_t pid = spawn();
	uint64_t token;

	if (!pid) {
		close(self->what);
		CHECK(h_serve_fd(self->b.in, &token) >= 0);
		for (;;)
			pause();
	}
	self->token = h_submit_fd(self->b.out, self->what);
	wait_for(stat_of(self->b.in).serving == 1);
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_ERR(EPIPE, h_collect_fd(self->b.out, self->token));
	EXPECT_EQ(0, stat_of(self->b.in).serving);
}

/* One that dies before it has anything leaves the request to the next. */
TEST_F(ends, server_killed_before)
{
	pid_t pid = spawn();
	uint64_t token;
	int fd;

	if (!pid) {
		h_serve_fd(self->b.in, &token);
		_exit(1);
	}
	wait_waiters(self->b.in, 0, 1, pid);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	self->token = h_submit_fd(self->b.out, self->what);
	EXPECT_EQ(1, total("carried"));
	fd = h_serve_fd(self->b.in, &token);
	EXPECT_OK(fd);
	EXPECT_OK(k_reply(self->b.in, token, NULL, 0, 5));
	close(fd);
	EXPECT_EQ(0, k_collect(self->b.out, &self->token, &token, 8, NULL, 0));
}

/* A record serves the next call, which carries nothing, and takes nothing. */
TEST_F(ends, the_next_call_of_a_record)
{
	struct kipc_mailbox_recv r = { 0 };
	uint64_t token;
	int i, fd;

	for (i = 0; i < 3; i++) {
		ASSERT_OK(h_submit(self->b.out, &(struct kipc_descriptor){ .fd = self->what },
				   1, 1, &self->token, 0));
		fd = h_serve_fd(self->b.in, &token);
		ASSERT_OK(h_reply_fd(self->b.in, token, fd));
		close(fd);
		fd = h_collect_fd(self->b.out, token);
		EXPECT_OK(fd);
		close(fd);
		ASSERT_OK(k_submit(self->b.out, "x", 1, 8, &self->token, 0));
		ASSERT_EQ(1, k_serve(self->b.in, &(char){ 0 }, 1, &r, 0, 0));
		EXPECT_EQ(0, r.reply_handles);
		EXPECT_EQ(KIPC_LETTER_CALL, r.letter.flags);
		EXPECT_ERR(EMSGSIZE, h_reply_fd(self->b.in, r.token, self->what));
		EXPECT_OK(k_reply(self->b.in, r.token, "x", 1, 5));
		EXPECT_EQ(1, k_collect(self->b.out, &self->token, &token, 8, NULL, 0));
	}
}

/* It is the owner's who carries, and comes back with what carried it. */
TEST_F(ends, quota)
{
	struct kipc_descriptor items[3];
	uint64_t limit = get_limit("max_carried"), token;
	unsigned int room = 3;
	int i;

	for (i = 0; i < 3; i++)
		items[i] = (struct kipc_descriptor){ .fd = self->what };
	set_limit("max_carried", 3);
	ASSERT_OK(h_submit(self->b.out, items, 2, 3, &self->token, 0));
	EXPECT_ERR(EDQUOT, h_submit(self->b.out, items, 2, 3, NULL, 0));
	ASSERT_OK(h_submit(self->b.out, items, 1, 3, &token, 0));
	EXPECT_EQ(3, total("carried"));
	EXPECT_OK(k_cancel(self->b.out, token));
	ASSERT_EQ(1, h_serve(self->b.in, &token, 8, items, &room, NULL, 0, 0));
	for (i = 0; i < 2; i++)
		close(items[i].fd);
	for (i = 0; i < 3; i++)
		items[i] = (struct kipc_descriptor){ .fd = self->what };
	set_limit("max_carried", 2);
	EXPECT_ERR(EDQUOT, h_reply(self->b.in, self->token, "!", 1, items, 3));
	EXPECT_OK(h_reply(self->b.in, self->token, "!", 1, items, 2));
	EXPECT_ERR(EDQUOT, h_submit(self->b.out, items, 1, 3, NULL, 0));
	EXPECT_OK(k_cancel(self->b.out, self->token));
	EXPECT_OK(h_submit(self->b.out, items, 2, 0, &token, 0));
	EXPECT_OK(k_cancel(self->b.out, token));
	set_limit("max_carried", limit);
}

/* A signal while the server has it: the call goes on, with what its reply carries. */
TEST_F(ends, interrupted)
{
	struct kipc_descriptor item = { .fd = self->what }, got;
	struct h_both h = { .items = &item, .count = 1, .got = &got, .room = 1 };
	int *alarms = shared(sizeof(*alarms)), fd;
	uint64_t token;
	char data[8];
	pid_t pid;

	count_signals(SIGUSR1, 0, alarms);
	pid = spawn();
	if (!pid) {
		fd = h_serve_fd(self->b.in, &token);
		CHECK(fd >= 0 && !kill(getppid(), SIGUSR1));
		/* A reply that is there would be before the signal. */
		wait_for(__atomic_load_n(alarms, __ATOMIC_SEQ_CST));
		CHECK(!h_reply_fd(self->b.in, token, fd));
		_exit(0);
	}
	EXPECT_ERR(EINTR, h_ask(self->b.out, "x", 1, data, 8, &h, &self->token, 0,
				after(PATIENCE)));
	ASSERT_NE(0, self->token);
	EXPECT_EQ(1, *alarms);
	fd = h_collect_fd(self->b.out, self->token);
	EXPECT_TRUE(h_same(fd, self->what));
	close(fd);
	EXPECT_EQ(0, reap(pid));
}

TEST_HARNESS_MAIN
