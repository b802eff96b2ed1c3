// SPDX-License-Identifier: GPL-2.0
/* Calls that are submitted, and collected later; crowds of callers and servers. */
#include "test.h"
#include "calls.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/uio.h>

FIXTURE(async) {
	struct both b;
};

FIXTURE_SETUP(async)
{
	self->b = both_of(&roomy);
}

FIXTURE_TEARDOWN(async)
{
	close_both(&self->b);
	wait_for(!total("objects"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(async, collected_in_any_order)
{
	uint64_t asked[8], taken[8], i, any;

	for (i = 0; i < 8; i++)
		asked[i] = submitted(self->b.out, i);
	for (i = 0; i < 8; i++)
		taken[i] = served(self->b.in, i);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(asked[i], taken[i]);
	EXPECT_ERR(EAGAIN, k_collect(self->b.out, &asked[0], NULL, 0, NULL, 0));
	EXPECT_ERR(ETIMEDOUT, k_collect(self->b.out, NULL, NULL, 0, NULL, after(MS)));
	for (i = 8; i--;)
		EXPECT_EQ(0, answer(self->b.in, taken[i], i * i));
	/* By name, from the middle; then what was done first. */
	EXPECT_EQ(9, collected(self->b.out, asked[3]));
	EXPECT_EQ(-ENOENT, collected(self->b.out, asked[3]));
	for (i = 8; i--;) {
		uint64_t number;

		if (i == 3)
			continue;
		any = 0;
		EXPECT_EQ(8, k_collect(self->b.out, &any, &number, 8, NULL, 0));
		EXPECT_EQ(asked[i], any);
		EXPECT_EQ(i * i, number);
	}
	EXPECT_ERR(ENOENT, k_collect(self->b.out, NULL, NULL, 0, NULL,
				     after(PATIENCE)));
}

TEST_F(async, told_by_poll)
{
	int all = k_narrow(self->b.out, SEND, 0);
	uint64_t token = submitted(self->b.out, 1), other = submitted(all, 2);
	uint64_t a = served(self->b.in, 1), c = served(self->b.in, 2);

	EXPECT_EQ(0, poll_mask(self->b.out, POLLPRI));
	EXPECT_EQ(0, answer(self->b.in, c, 4));
	EXPECT_EQ(0, poll_mask(self->b.out, POLLPRI));
	EXPECT_EQ(POLLPRI, poll_mask(all, POLLPRI));
	EXPECT_EQ(0, answer(self->b.in, a, 1));
	EXPECT_EQ(POLLPRI | POLLOUT, poll_mask(self->b.out, POLLPRI | POLLOUT));
	EXPECT_EQ(0, poll_mask(self->b.in, POLLPRI));
	EXPECT_EQ(1, collected(self->b.out, token));
	EXPECT_EQ(0, poll_mask(self->b.out, POLLPRI));
	EXPECT_EQ(4, collected(all, other));
	close(all);
}

/* Who sleeps in poll wakes; with both rights as well. */
TEST_F(async, wakes_who_polls)
{
	int fd, ctl = control();
	unsigned int rights;

	for (rights = SEND; rights <= (SEND | RECEIVE); rights += RECEIVE) {
		uint64_t token;
		pid_t pid;

		fd = k_create(ctl, NULL, &roomy, 0600, ALL_RIGHTS, 0);
		ASSERT_OK(fd);
		pid = spawn();
		if (!pid) {
			struct pollfd p = { .fd = k_narrow(fd, rights, 0),
					    .events = POLLPRI };
			int other = dup(p.fd);

			/* The thread that submits comes after the one that polls. */
			pid = fork();
			if (!pid) {
				uint64_t number = 7;

				usleep(100000);
				CHECK(!k_submit(other, &number, 8, 8, NULL,
						after(PATIENCE)));
				_exit(0);
			}
			CHECK(poll(&p, 1, 60000) == 1 && p.revents == POLLPRI);
			CHECK(collected(p.fd, 0) == 49);
			exit(0);
		}
		token = served(fd, 7);
		EXPECT_EQ(0, answer(fd, token, 49));
		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(0, stat_of(fd).letters);
		close(fd);
	}
	close(ctl);
}

TEST_F(async, tokens_of_others)
{
	int other = k_narrow(self->b.out, SEND, 0);
	uint64_t token = submitted(self->b.out, 1);

	EXPECT_EQ(-ENOENT, collected(other, token));
	EXPECT_ERR(ENOENT, k_cancel(other, token));
	EXPECT_EQ(-ENOENT, collected(other, 0));
	submitted(other, 2);
	EXPECT_EQ(-ENOENT, collected(other, token));
	EXPECT_ERR(ENOENT, k_cancel(other, token));
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 1), 1));
	EXPECT_EQ(-ENOENT, collected(other, token));
	EXPECT_EQ(1, collected(self->b.out, token));
	close(other);
}

TEST_F(async, cancelled)
{
	uint64_t number, token = submitted(self->b.out, 1);
	uint64_t taken;

	EXPECT_OK(k_cancel(self->b.out, token));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
	EXPECT_ERR(EAGAIN, k_serve(self->b.in, &number, 8, NULL, 0, 0));
	EXPECT_ERR(ENOENT, k_cancel(self->b.out, token));

	token = submitted(self->b.out, 2);
	taken = served(self->b.in, 2);
	EXPECT_OK(k_cancel(self->b.out, token));
	EXPECT_EQ(-ENOENT, collected(self->b.out, token));
	EXPECT_EQ(1, answer(self->b.in, taken, 4));

	token = submitted(self->b.out, 3);
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_OK(k_cancel(self->b.out, token));
	EXPECT_EQ(-ENOENT, collected(self->b.out, token));
	EXPECT_EQ(0, poll_mask(self->b.out, POLLPRI));
}

/* From the middle of the line: what stands around it stays. */
TEST_F(async, cancelled_between_letters)
{
	uint64_t token, number;

	EXPECT_OK(send_number(self->b.out, 1));
	token = submitted(self->b.out, 2);
	EXPECT_OK(send_number(self->b.out, 3));
	submitted(self->b.out, 4);
	EXPECT_EQ(4, stat_of(self->b.in).letters);
	EXPECT_OK(k_cancel(self->b.out, token));
	EXPECT_EQ(3, stat_of(self->b.in).letters);
	EXPECT_EQ(1, recv_number(self->b.in));
	EXPECT_EQ(3, recv_number(self->b.in));
	EXPECT_ERR(EBADMSG, k_recv(self->b.in, &number, 8, NULL, 0, 0));
	served(self->b.in, 4);
}

static void *collect_thread(void *arg)
{
	struct both *b = arg;

	return (void *)collected(b->out, b->in);
}

TEST_F(async, one_thread_for_each_token)
{
	uint64_t token = submitted(self->b.out, 1);
	struct both a = { .out = self->b.out, .in = token };
	pthread_t thread;
	void *result;

	/* The token fits an int here. */
	ASSERT_EQ(token, a.in);
	ASSERT_EQ(0, pthread_create(&thread, NULL, collect_thread, &a));
	wait_for(total("waiters") == 1);
	EXPECT_EQ(-EBUSY, collected(self->b.out, token));
	EXPECT_ERR(EBUSY, k_cancel(self->b.out, token));
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 1), 77));
	pthread_join(thread, &result);
	EXPECT_EQ(77, (long)result);
}

/* Who waits for any reply is told that there is nothing left to wait for. */
TEST_F(async, the_last_is_cancelled)
{
	uint64_t token = submitted(self->b.out, 1);
	struct both a = { .out = self->b.out, .in = 0 };
	pthread_t threads[3];
	void *result;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, collect_thread, &a));
	wait_for(total("waiters") == 3);
	EXPECT_OK(k_cancel(self->b.out, token));
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		EXPECT_EQ(-ENOENT, (long)result);
	}
}

TEST_F(async, reply_is_collected_again)
{
	uint64_t token = submitted(self->b.out, 3);
	char data[8];

	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_ERR(EMSGSIZE, k_collect(self->b.out, &token, data, 7, NULL, 0));
	EXPECT_ERR(EFAULT, k_collect(self->b.out, &token, NULL, 8, NULL, 0));
	EXPECT_EQ(POLLPRI, poll_mask(self->b.out, POLLPRI));
	EXPECT_EQ(9, collected(self->b.out, token));
}

TEST_F(async, handle_is_closed)
{
	uint64_t number;
	uint64_t taken;

	submitted(self->b.out, 1);
	submitted(self->b.out, 2);
	submitted(self->b.out, 3);
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 1), 1));
	taken = served(self->b.in, 2);
	close(self->b.out);
	EXPECT_EQ(0, stat_of(self->b.in).letters);
	EXPECT_ERR(EAGAIN, k_serve(self->b.in, &number, 8, NULL, 0, 0));
	EXPECT_EQ(1, answer(self->b.in, taken, 4));
}

/* Two calls of a process that executes another program then; the first was taken. */
static void caller_executes(struct both *b, unsigned int flags, int want)
{
	int in[2], fd;
	uint64_t taken;
	pid_t pid;

	CHECK(!pipe(in));
	pid = spawn();
	if (!pid) {
		fd = k_narrow(b->out, SEND, flags);
		submitted(fd, 1);
		submitted(fd, 2);
		CHECK(dup2(in[0], 0) == 0);
		close(in[1]);
		CHECK(read(0, &taken, 1) == 1);
		execl("/bin/sh", "sh", "-c", "read -r word; exit 7", NULL);
		_exit(1);
	}
	close(in[0]);
	wait_letters(b->in, 2);
	taken = served(b->in, 1);
	CHECK(write(in[1], "x", 1) == 1);
	if (want)
		wait_letters(b->in, 0);
	else
		usleep(100000);
	CHECK(answer(b->in, taken, 1) == want);
	CHECK(stat_of(b->in).letters == !want);
	close(in[1]);
	CHECK(reap(pid) == 7);
	CHECK(!stat_of(b->in).letters);
}

TEST_F(async, caller_executes)
{
	caller_executes(&self->b, 0, 1);
}

/* What takes the place of the caller has its calls, and may not know it. */
TEST_F(async, caller_executes_with_the_handle)
{
	caller_executes(&self->b, KIPC_INHERIT, 0);
}

/* The handle is the caller: a child may collect what its parent has called. */
TEST_F(async, child_collects)
{
	uint64_t token = submitted(self->b.out, 3);
	pid_t pid = spawn();

	if (!pid) {
		CHECK(collected(self->b.out, token) == 9);
		exit(0);
	}
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(-ENOENT, collected(self->b.out, token));
}

TEST_F(async, failures_are_collected)
{
	uint64_t a = submitted(self->b.out, 1), c = submitted(self->b.out, 2);
	uint64_t any = 0;

	served(self->b.in, 1);
	close(self->b.in);
	EXPECT_EQ(POLLPRI, poll_mask(self->b.out, POLLPRI));
	EXPECT_ERR(EPIPE, k_collect(self->b.out, &any, NULL, 0, NULL, 0));
	EXPECT_EQ(a, any);
	EXPECT_EQ(-ENOENT, collected(self->b.out, a));
	EXPECT_OK(k_remove(self->b.manage));
	EXPECT_EQ(-EIDRM, collected(self->b.out, c));
}

TEST_F(async, full)
{
	static const struct kipc_mailbox_attr small = { 2, 64, 32, 0 };
	struct both b = both_of(&small);
	uint64_t number = 9;
	uint64_t tokens[2] = { submitted(b.out, 1), submitted(b.out, 2) };

	EXPECT_ERR(EAGAIN, k_submit(b.out, &number, 8, 8, NULL, 0));
	EXPECT_ERR(ETIMEDOUT, k_submit(b.out, &number, 8, 8, NULL, after(MS)));
	EXPECT_ERR(ETIMEDOUT, k_call(b.out, &number, 8, NULL, 0, NULL, after(MS)));
	EXPECT_ERR(EAGAIN, k_send(b.out, &number, 8, 0, 0));
	/* One that was cancelled makes room. */
	EXPECT_OK(k_cancel(b.out, tokens[0]));
	EXPECT_OK(k_send(b.out, &number, 8, 0, 0));
	served(b.in, 2);
	close_both(&b);
}

/* A sender waits for room: the request that goes makes it. */
TEST_F(async, cancelled_for_a_sender)
{
	static const struct kipc_mailbox_attr one = { 1, 64, 32, 0 };
	struct both b = both_of(&one);
	uint64_t token = submitted(b.out, 1);
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!send_number(b.out, 5));
		exit(0);
	}
	wait_waiters(b.in, 1, 0, pid);
	EXPECT_OK(k_cancel(b.out, token));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(5, recv_number(b.in));
	close_both(&b);
}

TEST_F(async, dropped)
{
	static const struct kipc_mailbox_attr drop = {
		2, 64, 32, KIPC_MAILBOX_DROP_OLDEST
	};
	struct both b = both_of(&drop);
	uint64_t token = submitted(b.out, 1);
	pid_t pid = caller_of(&b, 2, ECANCELED);

	wait_letters(b.in, 2);
	EXPECT_OK(send_number(b.out, 3));
	EXPECT_EQ(-ECANCELED, collected(b.out, token));
	EXPECT_OK(send_number(b.out, 4));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(2, stat_of(b.in).dropped);
	EXPECT_EQ(3, recv_number(b.in));
	EXPECT_EQ(4, recv_number(b.in));
	close_both(&b);
}

TEST_F(async, hang_up)
{
	static const struct kipc_mailbox_attr hangup = {
		8, 64, 32, KIPC_MAILBOX_HANGUP
	};
	struct both b = both_of(&hangup);
	uint64_t token = submitted(b.out, 1);
	pid_t pid = caller_of(&b, 2, EPIPE);
	uint64_t number = 3;

	wait_letters(b.in, 2);
	close(b.in);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(-EPIPE, collected(b.out, token));
	EXPECT_EQ(0, stat_of(b.manage).letters);
	EXPECT_ERR(EPIPE, k_call(b.out, &number, 8, NULL, 0, NULL, after(PATIENCE)));
	EXPECT_ERR(EPIPE, k_submit(b.out, &number, 8, 0, NULL, after(PATIENCE)));
	b.in = b.manage;
	close_both(&b);
}

TEST_F(async, rendezvous)
{
	static const struct kipc_mailbox_attr meet = { 0, 0, 32, 0 };
	struct both b = both_of(&meet);
	uint64_t number = 3, token;
	pid_t pid;

	uint64_t limit = get_limit("max_waiters");

	EXPECT_ERR(EAGAIN, k_submit(b.out, &number, 8, 8, NULL, 0));
	EXPECT_ERR(ETIMEDOUT, k_submit(b.out, &number, 8, 8, NULL, after(MS)));
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, k_submit(b.out, &number, 8, 8, NULL, after(PATIENCE)));
	set_limit("max_waiters", limit);
	EXPECT_EQ(0, stat_of(b.in).letters);
	pid = spawn();
	if (!pid) {
		/* It waits until somebody has it, not for the reply. */
		token = submitted(b.out, 3);
		CHECK(stat_of(b.out).serving == 1);
		CHECK(collected(b.out, token) == 9);
		exit(0);
	}
	wait_letters(b.in, 1);
	token = served(b.in, 3);
	usleep(50000);
	EXPECT_EQ(0, answer(b.in, token, 9));
	EXPECT_EQ(0, reap(pid));
	/* Removed before anybody has it. */
	pid = spawn();
	if (!pid) {
		CHECK_ERR(EIDRM, k_submit(b.out, &number, 8, 8, NULL, after(PATIENCE)));
		exit(0);
	}
	wait_letters(b.in, 1);
	EXPECT_OK(k_remove(b.manage));
	EXPECT_EQ(0, reap(pid));
	close_both(&b);
}

/* Who could not reply leaves the request where it is. */
TEST_F(async, not_for_plain_receivers)
{
	uint64_t number, token = submitted(self->b.out, 3);
	struct kipc_letter letter;
	struct kipc_mailbox_recv r = {
		.data = ptr(&number), .size = 8, .flags = KIPC_RECV_CALLS,
	};
	struct iovec iov = { &number, 8 };

	EXPECT_ERR(EBADMSG, read(self->b.in, &number, 8));
	EXPECT_ERR(EBADMSG, readv(self->b.in, &iov, 1));
	EXPECT_ERR(EBADMSG, k_recv(self->b.in, &number, 8, NULL, 0, 0));
	EXPECT_ERR(EBADMSG, k_recv(self->b.in, &number, 8, NULL, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(8, k_recv(self->b.in, &number, 8, &letter, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(3, number);
	EXPECT_EQ(KIPC_LETTER_CALL, letter.flags);
	EXPECT_EQ(8, k_serve(self->b.in, &number, 8, &r, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(0, r.token);
	/* A structure of old has no room for the token. */
	EXPECT_ERR(EINVAL, ioctl(self->b.in,
				 _IOC(_IOC_READ | _IOC_WRITE, KIPC_IOC_MAGIC, 0x21,
				      offsetof(struct kipc_mailbox_recv, token)), &r));
	EXPECT_ERR(EMSGSIZE, k_serve(self->b.in, &number, 7, NULL, 0, 0));
	EXPECT_EQ(token, served(self->b.in, 3));
}

/* A large one that is looked at goes back to where it was. */
TEST_F(async, large_is_looked_at)
{
	char *data = malloc(10000);
	struct kipc_mailbox_recv r;
	uint64_t token;

	fill(data, 10000, 5);
	EXPECT_OK(k_submit(self->b.out, data, 10000, 8, &token, 0));
	EXPECT_OK(send_number(self->b.out, 6));
	memset(data, 0, 10000);
	EXPECT_EQ(10000, k_serve(self->b.in, data, 10000, &r, KIPC_RECV_PEEK, 0));
	EXPECT_TRUE(filled(data, 10000, 5));
	EXPECT_EQ(2, stat_of(self->b.in).letters);
	EXPECT_EQ(0, stat_of(self->b.in).received);
	EXPECT_EQ(10000, k_serve(self->b.in, data, 10000, &r, 0, 0));
	EXPECT_EQ(token, r.token);
	EXPECT_EQ(6, recv_number(self->b.in));
	EXPECT_EQ(0, answer(self->b.in, token, 8));
	EXPECT_EQ(8, collected(self->b.out, token));
	free(data);
}

TEST_F(async, bad_arguments)
{
	struct kipc_mailbox_call c = { .reply_size = 0 };
	struct kipc_mailbox_reply r = { .token = 1 };
	struct kipc_mailbox_collect l = { .token = 1 };
	struct kipc_mailbox_cancel x = { .token = 1 };
	static const struct kipc_mailbox_attr fixed = { 8, 64, 8, KIPC_MAILBOX_FIXED };
	struct both f = both_of(&fixed);
	uint64_t number = 1;

	c.flags = KIPC_CALL_SUBMIT << 1;
	EXPECT_ERR(EINVAL, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
	c.flags = 0;
	c.reserved = 1;
	EXPECT_ERR(EINVAL, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
	c.reserved = 0;
	c.flags = KIPC_CALL_SUBMIT;
	c.reply = ptr(&number);
	EXPECT_ERR(EINVAL, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
	c.flags = 0;
	c.size = roomy.letter_size + 1;
	EXPECT_ERR(EMSGSIZE, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
	EXPECT_ERR(EINVAL, k_call(f.out, &number, 7, NULL, 0, NULL, after(PATIENCE)));
	EXPECT_ERR(EMSGSIZE, k_call(f.out, &number, 9, NULL, 0, NULL, after(PATIENCE)));
	r.flags = 1;
	EXPECT_ERR(EINVAL, ioctl(self->b.in, KIPC_IOC_MAILBOX_REPLY, &r));
	l.flags = 1;
	EXPECT_ERR(EINVAL, ioctl(self->b.out, KIPC_IOC_MAILBOX_COLLECT, &l));
	x.flags = 1;
	EXPECT_ERR(EINVAL, ioctl(self->b.out, KIPC_IOC_MAILBOX_CANCEL, &x));
	x.flags = 0;
	x.reserved = 1;
	EXPECT_ERR(EINVAL, ioctl(self->b.out, KIPC_IOC_MAILBOX_CANCEL, &x));

	EXPECT_ERR(EBADF, k_call(self->b.in, &number, 8, NULL, 0, NULL, 1));
	EXPECT_ERR(EBADF, k_call(self->b.manage, &number, 8, NULL, 0, NULL, 1));
	EXPECT_ERR(EBADF, k_collect(self->b.in, NULL, NULL, 0, NULL, 0));
	EXPECT_ERR(EBADF, k_cancel(self->b.in, 1));
	EXPECT_ERR(EBADF, k_reply(self->b.out, 1, NULL, 0, 0));
	/* No call has ever been made here. */
	EXPECT_ERR(ENOENT, k_reply(self->b.in, 1, NULL, 0, 0));
	EXPECT_ERR(ENOENT, k_collect(self->b.out, NULL, NULL, 0, NULL, after(PATIENCE)));
	EXPECT_ERR(ENOENT, k_cancel(self->b.out, 1));
	close_both(&f);
}

/* A token does not come back, also if its record was freed with the handle. */
TEST_F(async, tokens_are_not_used_again)
{
	uint64_t seen[8];
	int i, k, fd;

	for (i = 0; i < 8; i++) {
		fd = k_narrow(self->b.out, SEND, 0);
		seen[i] = submitted(fd, i);
		EXPECT_EQ(seen[i], served(self->b.in, i));
		EXPECT_EQ(0, answer(self->b.in, seen[i], i));
		EXPECT_EQ(i, collected(fd, seen[i]));
		close(fd);
		for (k = 0; k < i; k++)
			EXPECT_NE(seen[i], seen[k]);
	}
}

/* The caller pays: the mailbox's owner is not made poorer by strangers. */
TEST_F(async, the_caller_pays)
{
	uint64_t limit = get_limit("max_bytes"), free_bytes = 64 << 10;
	uint64_t used;
	pid_t pid;

	used = total("bytes");
	set_limit("max_bytes", free_bytes);
	pid = spawn();
	if (!pid) {
		uint64_t number = 1, n = 0;
		char reply[2000];

		become(NOBODY, NOBODY);
		while (!k_submit(self->b.out, &number, 8, 1000, NULL, 0))
			n++;
		CHECK(errno == EDQUOT);
		CHECK(n > 20 && n < 64);
		CHECK_ERR(EDQUOT, k_call(self->b.out, &number, 8, reply,
					 sizeof(reply), NULL, after(PATIENCE)));
		exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	/* Its handle is open here: the records are there, and not the owner's. */
	EXPECT_GT(total("bytes"), used + 20000);
	set_limit("max_bytes", limit);
}

TEST_F(async, quota_of_waiters)
{
	uint64_t limit = get_limit("max_waiters"), number = 1;
	uint64_t token = submitted(self->b.out, 1);

	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, k_call(self->b.out, &number, 8, NULL, 0, NULL,
				  after(PATIENCE)));
	EXPECT_EQ(-EDQUOT, collected(self->b.out, token));
	EXPECT_EQ(-EDQUOT, collected(self->b.out, 0));
	set_limit("max_waiters", limit);
	EXPECT_EQ(1, stat_of(self->b.in).letters);
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 1), 1));
	EXPECT_EQ(1, collected(self->b.out, token));
}

/*
 * Many callers and servers at once; some of both are killed.  Each call that has a
 * reply has its own.  (That none is served twice is for stress/calls.c.)
 */
enum { CALLERS = 4, SERVERS = 3 };

struct tally {
	uint64_t ok, failed, gone;
};

static pid_t crowd_caller(struct both *b, struct tally *t, unsigned int who)
{
	pid_t pid = spawn();
	uint64_t n;

	if (pid)
		return pid;
	for (n = 0;; n++) {
		uint64_t request = who << 24 | (n & 0xffffff), reply = 0;
		ssize_t ret;

		if (n % 3) {
			ret = k_call(b->out, &request, 8, &reply, 8, NULL,
				     after(n % 7 ? PATIENCE : MS));
		} else {
			uint64_t token;

			CHECK(!k_submit(b->out, &request, 8, 8, &token, after(PATIENCE)));
			ret = k_collect(b->out, &token, &reply, 8, NULL,
					after(PATIENCE));
		}
		if (ret < 0) {
			CHECK(errno == EPIPE || errno == ETIMEDOUT);
			__atomic_add_fetch(&t->failed, 1, __ATOMIC_RELAXED);
		} else {
			CHECK(ret == 8 && reply == ~request);
			__atomic_add_fetch(&t->ok, 1, __ATOMIC_RELAXED);
		}
	}
}

static pid_t crowd_server(struct both *b, struct tally *t)
{
	pid_t pid = spawn();

	if (pid)
		return pid;
	for (;;) {
		struct kipc_mailbox_recv r;
		uint64_t request;
		int ret;

		CHECK(k_serve(b->in, &request, 8, &r, 0, after(PATIENCE)) == 8);
		request = ~request;
		ret = k_reply(b->in, r.token, &request, 8, 0);
		CHECK(ret >= 0);
		if (ret)
			__atomic_add_fetch(&t->gone, 1, __ATOMIC_RELAXED);
	}
}

TEST_F(async, crowd)
{
	struct tally *t = shared(sizeof(*t));
	pid_t callers[CALLERS], servers[SERVERS];
	unsigned int i, round, n = effort(60);

	for (i = 0; i < CALLERS; i++)
		callers[i] = crowd_caller(&self->b, t, i);
	for (i = 0; i < SERVERS; i++)
		servers[i] = crowd_server(&self->b, t);
	for (round = 0; round < n; round++) {
		usleep(5000 + round % 7 * 3000);
		i = round % SERVERS;
		ASSERT_EQ(128 + SIGKILL, slay(servers[i]));
		servers[i] = crowd_server(&self->b, t);
		i = round % CALLERS;
		ASSERT_EQ(128 + SIGKILL, slay(callers[i]));
		callers[i] = crowd_caller(&self->b, t, i);
	}
	for (i = 0; i < CALLERS; i++)
		EXPECT_EQ(128 + SIGKILL, slay(callers[i]));
	/* What is left was submitted by the dead, whose handle lives on here. */
	for (i = 0; i < SERVERS; i++)
		EXPECT_EQ(128 + SIGKILL, slay(servers[i]));
	TH_LOG("%llu replies, %llu calls failed, %llu callers had gone",
	       (unsigned long long)t->ok, (unsigned long long)t->failed,
	       (unsigned long long)t->gone);
	EXPECT_GT(t->ok, n);
	EXPECT_EQ(0, stat_of(self->b.in).serving);
}

TEST_HARNESS_MAIN
