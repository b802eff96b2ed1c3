// SPDX-License-Identifier: GPL-2.0
/* The library's calls: what its functions add to the ioctls, signals above all. */
#include "test.h"
#include "calls.h"

#include <kipc.h>

/* The token of a request without data. */
static uint64_t served_none(int fd)
{
	struct kipc_request request;

	CHECK(!kipc_mailbox_serve(fd, NULL, 0, &request, 0, after(PATIENCE)));
	return request.token;
}

TEST(calls)
{
	struct both b = both_of(&roomy);
	struct kipc_request request;
	struct kipc_letter letter;
	uint64_t token = 0, any = 0;
	char data[16];

	ASSERT_OK(kipc_mailbox_submit(b.out, "ask", 3, 7, 16, &token, KIPC_NO_WAIT));
	memset(&request, POISON, sizeof(request));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_serve(b.in, data, 2, &request, 0, 0));
	EXPECT_TRUE(poisoned(&request, sizeof(request)));
	EXPECT_EQ(3, kipc_mailbox_serve(b.in, data, sizeof(data), &request, 0, 0));
	EXPECT_EQ(0, memcmp(data, "ask", 3));
	EXPECT_EQ(7, request.letter.tag);
	EXPECT_EQ(3, request.letter.size);
	EXPECT_EQ(KIPC_LETTER_CALL, request.letter.flags);
	EXPECT_EQ(getpid(), request.letter.pid);
	EXPECT_EQ(16, request.reply_size);
	EXPECT_EQ(0, request.reply_handles);

	memset(&letter, POISON, sizeof(letter));
	EXPECT_ERR(EAGAIN, kipc_mailbox_collect(b.out, &token, data, 16, &letter, 0));
	EXPECT_ERR(EAGAIN, kipc_mailbox_collect(b.out, &any, data, 16, &letter, 0));
	EXPECT_TRUE(poisoned(&letter, sizeof(letter)));
	EXPECT_EQ(0, any);
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_reply(b.in, request.token, data, 17, 0));
	EXPECT_EQ(0, kipc_mailbox_reply(b.in, request.token, "answer", 6, 8));
	EXPECT_ERR(ENOENT, kipc_mailbox_reply(b.in, request.token, "answer", 6, 8));
	/* Which one is too long is told. */
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_collect(b.out, &any, data, 5, &letter, 0));
	EXPECT_EQ(token, any);
	EXPECT_EQ(6, kipc_mailbox_collect(b.out, &any, data, 16, &letter, 0));
	EXPECT_EQ(0, memcmp(data, "answer", 6));
	EXPECT_EQ(8, letter.tag);
	EXPECT_EQ(6, letter.size);
	EXPECT_EQ(getpid(), letter.pid);
	close_both(&b);
}

TEST(reply_and_serve)
{
	struct both b = both_of(&roomy);
	struct kipc_request request = { .token = 0 };
	uint64_t first, second, token;
	char data[16];

	first = submitted(b.out, 3);
	second = submitted(b.out, 4);
	EXPECT_EQ(8, kipc_mailbox_reply_serve(b.in, NULL, 0, 0, data, sizeof(data),
					      &request, 0, 0));
	token = request.token;
	EXPECT_NE(0, token);
	EXPECT_EQ(64, request.reply_size);
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_reply_serve(b.in, data, 65, 0, data, 16,
						      &request, 0, 0));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_reply_serve(b.in, data, 1ULL << 32, 0, data,
						      16, &request, 0, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_reply_serve(b.in, data, 8, 0, data, 16, NULL,
						    0, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_reply_serve(b.in, data, 8, 0, data, 16,
						    &request, 1U << 31, 0));
	EXPECT_EQ(token, request.token);
	/* The same memory for both; it is read before it is written. */
	EXPECT_EQ(8, kipc_mailbox_reply_serve(b.in, data, 8, 5, data, 16, &request,
					      0, 0));
	EXPECT_NE(token, request.token);
	EXPECT_EQ(3, collected(b.out, first));
	EXPECT_ERR(EAGAIN, kipc_mailbox_reply_serve(b.in, data, 8, 5, data, 16,
						    &request, 0, 0));
	EXPECT_EQ(0, request.token);
	EXPECT_EQ(4, collected(b.out, second));
	close_both(&b);
}

/* Who does not want to know gives NULL. */
TEST(calls_without_tokens)
{
	struct both b = both_of(&roomy);
	uint64_t any = 0;
	char data[16];

	ASSERT_OK(kipc_mailbox_submit(b.out, NULL, 0, 0, 16, NULL, 0));
	ASSERT_OK(kipc_mailbox_submit(b.out, NULL, 0, 0, 16, NULL, 0));
	EXPECT_EQ(0, kipc_mailbox_reply(b.in, served_none(b.in), "a", 1, 0));
	EXPECT_EQ(1, kipc_mailbox_collect(b.out, NULL, data, 16, NULL, 0));
	served_none(b.in);
	/* A call that has failed is named, and is over. */
	close(b.in);
	EXPECT_ERR(EPIPE, kipc_mailbox_collect(b.out, &any, data, 16, NULL, 0));
	EXPECT_NE(0, any);
	EXPECT_ERR(ENOENT, kipc_mailbox_collect(b.out, &any, data, 16, NULL, 0));
	any = 0;
	EXPECT_ERR(ENOENT, kipc_mailbox_collect(b.out, &any, data, 16, NULL, 0));
	EXPECT_EQ(0, any);
	b.in = b.manage;
	close_both(&b);
}

TEST(calls_given_up)
{
	struct both b = both_of(&roomy);
	uint64_t token, taken;

	ASSERT_OK(kipc_mailbox_submit(b.out, NULL, 0, 0, 16, &token, 0));
	EXPECT_OK(kipc_mailbox_cancel(b.out, token));
	EXPECT_ERR(ENOENT, kipc_mailbox_cancel(b.out, token));
	EXPECT_EQ(0, stat_of(b.in).letters);
	ASSERT_OK(kipc_mailbox_submit(b.out, NULL, 0, 0, 16, &token, 0));
	taken = served_none(b.in);
	EXPECT_ERR(EBADF, kipc_mailbox_cancel(b.in, token));
	EXPECT_OK(kipc_mailbox_cancel(b.out, token));
	EXPECT_EQ(1, kipc_mailbox_reply(b.in, taken, NULL, 0, 0));
	close_both(&b);
}

/* A reply that cannot be written is lost, and the call is not left behind. */
TEST(reply_in_bad_memory)
{
	char *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct both b = both_of(&roomy);
	struct kipc_request request;
	pid_t pid = spawn();

	if (!pid) {
		for (;;) {
			CHECK(!kipc_mailbox_serve(b.in, NULL, 0, &request, 0,
						  after(PATIENCE)));
			CHECK(kipc_mailbox_reply(b.in, request.token, "a", 1, 0) >= 0);
		}
	}
	EXPECT_ERR(EFAULT, kipc_mailbox_call(b.out, NULL, 0, 0, memory, 4096,
					     after(PATIENCE)));
	EXPECT_ERR(ENOENT, kipc_mailbox_collect(b.out, NULL, NULL, 0, NULL, 0));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	close_both(&b);
}

/* Letters and requests come by one function, and only by the right one. */
TEST(letters_and_requests)
{
	struct both b = both_of(&roomy);
	struct kipc_request request;
	char data[16];

	ASSERT_OK(kipc_mailbox_send(b.out, "plain", 5, 1, 0));
	ASSERT_OK(kipc_mailbox_submit(b.out, "request", 7, 2, 16, NULL, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_serve(b.in, data, 16, NULL, 0, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_serve(b.in, data, 16, &request, 1U << 31, 0));
	memset(&request, POISON, sizeof(request));
	EXPECT_EQ(5, kipc_mailbox_serve(b.in, data, 16, &request, 0, 0));
	EXPECT_EQ(1, request.letter.tag);
	EXPECT_EQ(0, request.letter.flags);
	EXPECT_EQ(0, request.token);
	EXPECT_EQ(0, request.reply_size);

	EXPECT_ERR(EBADMSG, kipc_mailbox_recv(b.in, data, 16, NULL, 0, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_recv(b.in, data, 16, NULL, KIPC_RECV_CALLS, 0));
	EXPECT_EQ(7, kipc_mailbox_recv(b.in, data, 16, NULL, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(7, kipc_mailbox_serve(b.in, data, 16, &request, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(0, request.token);
	EXPECT_EQ(1, stat_of(b.in).letters);
	EXPECT_EQ(2, kipc_mailbox_serve(b.in, data, 2, &request,
					KIPC_RECV_TRUNCATE | KIPC_RECV_CALLS, 0));
	EXPECT_EQ(KIPC_LETTER_CALL | KIPC_LETTER_TRUNCATED, request.letter.flags);
	EXPECT_EQ(0, kipc_mailbox_reply(b.in, request.token, NULL, 0, 0));
	EXPECT_ERR(EAGAIN, kipc_mailbox_serve(b.in, data, 2, &request, 0, 0));
	close_both(&b);
}

TEST(huge_calls)
{
	struct both b = both_of(&roomy);
	size_t huge = (size_t)(1ULL << 32) + 4;
	struct kipc_request request;
	uint64_t token;
	char *reply;
	pid_t pid;

	if (sizeof(size_t) < 8)
		SKIP(return, "a size_t of 32 bits");
	reply = shared(KIPC_LETTER_MAX);
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_call(b.out, reply, huge, 0, reply, 4,
					       KIPC_FOREVER));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_submit(b.out, reply, huge, 0, 4, &token, 0));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_reply(b.in, 1, reply, huge, 0));
	pid = spawn();
	if (!pid) {
		CHECK(kipc_mailbox_call(b.out, "ask", 3, 0, reply, huge,
					after(PATIENCE)) == 6);
		exit(0);
	}
	EXPECT_EQ(3, kipc_mailbox_serve(b.in, reply, huge, &request, 0,
					after(PATIENCE)));
	EXPECT_EQ(KIPC_LETTER_MAX, request.reply_size);
	EXPECT_EQ(0, kipc_mailbox_reply(b.in, request.token, "answer", 6, 0));
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(kipc_mailbox_submit(b.out, "ask", 3, 0, huge, &token, 0));
	EXPECT_EQ(3, kipc_mailbox_serve(b.in, reply, 3, &request, 0, 0));
	EXPECT_EQ(KIPC_LETTER_MAX, request.reply_size);
	EXPECT_EQ(0, kipc_mailbox_reply(b.in, request.token, "answer", 6, 0));
	EXPECT_EQ(6, kipc_mailbox_collect(b.out, &token, reply, huge, NULL, 0));
	close_both(&b);
}

/* Signals in a call: what a handler does is up to the parent. */
struct stage {
	int signals;
	int go;
};

static struct stage *stage;

static void stay(int sig)
{
	(void)sig;
	__atomic_add_fetch(&stage->signals, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&stage->go, __ATOMIC_SEQ_CST))
		nap();
}

/* A child that calls with 3; 9 is the reply, unless it must fail. */
static pid_t lib_caller(struct both *b, int flags, uint64_t patience, int want)
{
	struct sigaction sa = { .sa_handler = stay, .sa_flags = flags };
	uint64_t number = 3, reply = 0;
	pid_t pid;

	stage->go = 0;
	stage->signals = 0;
	pid = spawn();
	if (pid)
		return pid;
	close(b->in);
	CHECK(!sigaction(SIGUSR1, &sa, NULL));
	if (want)
		CHECK_ERR(want, kipc_mailbox_call(b->out, &number, 8, 5, &reply, 8,
						  after(patience)));
	else
		CHECK(kipc_mailbox_call(b->out, &number, 8, 5, &reply, 8,
					after(patience)) == 8 && reply == 9);
	exit(0);
}

/* Nothing is on its way to the process any more, and it sleeps again. */
static bool undisturbed(pid_t pid)
{
	char path[64], text[4096], *p;
	bool pending = false;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0);
	close(fd);
	text[n] = 0;
	for (p = text; (p = strstr(p, "Pnd:")); p++)
		pending |= strtoull(p + 4, NULL, 16) != 0;
	return !pending && task_state(pid, pid) == 'S';
}

/* Signal a child that sleeps in a call, and see it sleep in one again. */
static void disturb(pid_t pid)
{
	wait_for(undisturbed(pid));
	stage->go = 1;
	kill(pid, SIGUSR1);
	wait_for(undisturbed(pid));
}

FIXTURE(interrupted) {
	struct both b;
};

FIXTURE_SETUP(interrupted)
{
	stage = shared(sizeof(*stage));
	self->b = both_of(&roomy);
}

FIXTURE_TEARDOWN(interrupted)
{
	close_both(&self->b);
}

TEST_F(interrupted, before_it_is_taken)
{
	pid_t pid = lib_caller(&self->b, 0, PATIENCE, EINTR);

	wait_letters(self->b.in, 1);
	wait_for(undisturbed(pid));
	stage->go = 1;
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, stat_of(self->b.in).letters);

	pid = lib_caller(&self->b, SA_RESTART, PATIENCE, 0);
	wait_letters(self->b.in, 1);
	disturb(pid);
	disturb(pid);
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_EQ(0, reap(pid));
}

/* Once, whatever the handler; with SA_RESTART as often as it pleases. */
TEST_F(interrupted, goes_on)
{
	int flags, times, i;

	for (flags = 0; flags <= SA_RESTART; flags += SA_RESTART)
		for (times = 1; times <= (flags ? 4 : 1); times++) {
			pid_t pid = lib_caller(&self->b, flags, PATIENCE, 0);
			uint64_t token = served(self->b.in, 3);

			for (i = 0; i < times; i++)
				disturb(pid);
			EXPECT_EQ(0, answer(self->b.in, token, 9));
			EXPECT_EQ(0, reap(pid));
		}
	/* Each request was sent once. */
	EXPECT_EQ(5, stat_of(self->b.in).calls);
	EXPECT_EQ(5, stat_of(self->b.in).replies);
}

/* The second one ends it: nothing of the call is left behind. */
TEST_F(interrupted, is_given_up)
{
	pid_t pid = lib_caller(&self->b, 0, PATIENCE, EINTR);
	uint64_t token = served(self->b.in, 3);

	disturb(pid);
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(-ENOENT, collected(self->b.out, token));
	EXPECT_EQ(1, answer(self->b.in, token, 9));
}

TEST_F(interrupted, deadline_passes)
{
	pid_t pid = lib_caller(&self->b, 0, 5 * SECOND, ETIMEDOUT);
	uint64_t token = served(self->b.in, 3);

	wait_for(undisturbed(pid));
	stage->go = 1;
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(-ENOENT, collected(self->b.out, token));
	EXPECT_EQ(1, answer(self->b.in, token, 9));
}

TEST_F(interrupted, server_closes)
{
	pid_t pid = lib_caller(&self->b, 0, PATIENCE, EPIPE);

	served(self->b.in, 3);
	disturb(pid);
	close(self->b.in);
	EXPECT_EQ(0, reap(pid));
	self->b.in = -1;
}

/* Until it is collected, the call is one that others on the handle see. */
TEST_F(interrupted, another_collects)
{
	pid_t pid = lib_caller(&self->b, 0, PATIENCE, ENOENT);
	uint64_t token = served(self->b.in, 3);

	wait_for(undisturbed(pid));
	kill(pid, SIGUSR1);
	wait_for(__atomic_load_n(&stage->signals, __ATOMIC_SEQ_CST));
	EXPECT_EQ(0, answer(self->b.in, token, 9));
	EXPECT_EQ(9, collected(self->b.out, 0));
	__atomic_store_n(&stage->go, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(pid));
}

TEST_F(interrupted, another_waits)
{
	pid_t other, pid = lib_caller(&self->b, 0, PATIENCE, EBUSY);
	uint64_t token = served(self->b.in, 3);

	wait_for(undisturbed(pid));
	kill(pid, SIGUSR1);
	wait_for(__atomic_load_n(&stage->signals, __ATOMIC_SEQ_CST));
	other = spawn();
	if (!other) {
		CHECK(collected(self->b.out, token) == 9);
		exit(0);
	}
	wait_for(total("waiters") == 1);
	__atomic_store_n(&stage->go, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, answer(self->b.in, token, 9));
	EXPECT_EQ(0, reap(other));
}

/* Who collects for himself is told, and can do it again. */
TEST_F(interrupted, collecting)
{
	uint64_t token = submitted(self->b.out, 3);
	struct sigaction sa = { .sa_handler = stay };
	pid_t pid;

	stage->go = 1;
	pid = spawn();
	if (!pid) {
		CHECK(!sigaction(SIGUSR1, &sa, NULL));
		CHECK_ERR(EINTR, kipc_mailbox_collect(self->b.out, &token, NULL, 0,
						      NULL, after(PATIENCE)));
		CHECK(collected(self->b.out, token) == 9);
		exit(0);
	}
	wait_for(total("waiters") == 1);
	disturb(pid);
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_EQ(0, reap(pid));
}

TEST_HARNESS_MAIN
