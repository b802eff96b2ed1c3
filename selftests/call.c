// SPDX-License-Identifier: GPL-2.0
/* Calls: requests and their replies. */
#include "test.h"
#include "calls.h"

#include <pthread.h>

FIXTURE(call) {
	struct both b;
};

FIXTURE_VARIANT(call) {
	struct kipc_mailbox_attr attr;
};

FIXTURE_VARIANT_ADD(call, buffered) { .attr = { 64, 4 << 20, 2 << 20, 0 } };
FIXTURE_VARIANT_ADD(call, rendezvous) { .attr = { 0, 0, 2 << 20, 0 } };
FIXTURE_VARIANT_ADD(call, unbounded) {
	.attr = { KIPC_UNBOUNDED, KIPC_UNBOUNDED, 2 << 20, 0 }
};

FIXTURE_SETUP(call)
{
	self->b = both_of(&variant->attr);
}

FIXTURE_TEARDOWN(call)
{
	close_both(&self->b);
	wait_for(!total("objects"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(call, request_and_reply)
{
	struct both *b = &self->b;
	struct kipc_mailbox_stat st;
	uint64_t number = 0;
	pid_t pid;

	for (number = 1; number < 20; number++) {
		struct kipc_mailbox_recv r;
		uint64_t got = 0;

		pid = caller_of(b, number, 0);
		EXPECT_EQ(8, k_serve(b->in, &got, 8, &r, 0, after(PATIENCE)));
		EXPECT_EQ(number, got);
		EXPECT_EQ(KIPC_LETTER_CALL, r.letter.flags);
		EXPECT_EQ(pid, r.letter.pid);
		EXPECT_EQ(8, r.reply_size);
		EXPECT_EQ(1, stat_of(b->in).serving);
		EXPECT_EQ(0, answer(b->in, r.token, number * number));
		EXPECT_EQ(0, reap(pid));
	}
	st = stat_of(b->in);
	EXPECT_EQ(19, st.calls);
	EXPECT_EQ(19, st.replies);
	EXPECT_EQ(0, st.serving);
	EXPECT_EQ(19, st.sent);
	EXPECT_EQ(19, st.received);
	EXPECT_EQ(0, st.letters);
	EXPECT_EQ(0, st.bytes);
}

/* Below and above what is copied under the lock, each way. */
TEST_F(call, of_any_size)
{
	static const size_t sizes[] = { 0, 1, 64, 4096, 4097, 65536, 2 << 20 };
	unsigned int i, k, n = ARRAY_SIZE(sizes);
	char *data = malloc(2 << 20);
	pid_t pid = spawn();

	if (!pid) {
		for (;;) {
			struct kipc_mailbox_recv r;
			ssize_t ret = k_serve(self->b.in, data, 2 << 20, &r, 0,
					      KIPC_FOREVER);

			CHECK(ret >= 0 && filled(data, ret, ret));
			fill(data, r.letter.tag, 7);
			CHECK(!k_reply(self->b.in, r.token, data, r.reply_size, 0));
		}
	}
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++) {
			struct kipc_mailbox_call c = {
				.data = ptr(data), .size = sizes[i],
				.tag = sizes[k], .deadline = after(PATIENCE),
				.reply = ptr(data), .reply_size = sizes[k],
			};

			fill(data, sizes[i], sizes[i]);
			EXPECT_EQ(sizes[k], ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
			EXPECT_TRUE(filled(data, sizes[k], 7));
		}
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	free(data);
}

TEST_F(call, header_of_the_reply)
{
	struct kipc_letter letter;
	uint64_t token, number = 5;
	int rendezvous = !variant->attr.max_letters;
	pid_t pid = spawn();

	if (!pid) {
		token = served(self->b.in, 5);
		become(1234, 5678);
		CHECK(!k_reply(self->b.in, token, "reply", 5, 99));
		exit(0);
	}
	if (rendezvous)
		wait_waiters(self->b.in, 0, 1, pid);
	token = submitted(self->b.out, number);
	EXPECT_EQ(5, k_collect(self->b.out, &token, &number, 8, &letter,
			       after(PATIENCE)));
	EXPECT_EQ(0, memcmp(&number, "reply", 5));
	EXPECT_EQ(99, letter.tag);
	EXPECT_EQ(pid, letter.pid);
	EXPECT_EQ(pid, letter.tid);
	EXPECT_EQ(1234, letter.uid);
	EXPECT_EQ(5678, letter.gid);
	EXPECT_NE(0, letter.time_ns);
	EXPECT_EQ(0, reap(pid));
}

/* The server's end, in each way, while a caller waits and while nobody does. */
TEST_F(call, server_closes)
{
	pid_t pid = caller_of(&self->b, 3, EPIPE);

	served(self->b.in, 3);
	close(self->b.in);
	EXPECT_EQ(0, reap(pid));
}

TEST_F(call, server_closes_one_of_two_descriptors)
{
	pid_t pid = caller_of(&self->b, 3, 0);
	uint64_t token = served(self->b.in, 3);

	close(dup(self->b.in));
	EXPECT_EQ(0, answer(self->b.in, token, 9));
	EXPECT_EQ(0, reap(pid));
}

/* Its handle lives on in a child, which does not know. */
static void server_ends(struct both *b, void (*end)(void))
{
	pid_t pid = caller_of(b, 3, EPIPE);
	pid_t server = spawn();
	int child[2];
	char byte;

	CHECK(!pipe(child));
	if (!server) {
		served(b->in, 3);
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, 0);
			close(child[1]);
			CHECK(!read(child[0], &byte, 1));
			_exit(0);
		}
		end();
	}
	close(child[0]);
	CHECK(!reap(pid));
	CHECK(!stat_of(b->manage).serving);
	close(child[1]);
	slay(server);
}

static void by_exit(void)
{
	_exit(0);
}

static void by_kill(void)
{
	kill(getpid(), SIGKILL);
}

/* What a server becomes: this program, which has none of its handles. */
static void __attribute__((constructor)) idle(void)
{
	if (getenv("KIPC_IDLE"))
		pause();
}

static void by_exec(void)
{
	CHECK(!setenv("KIPC_IDLE", "1", 1));
	execl("/proc/self/exe", "idle", NULL);
	CHECK(false);
}

static void *exec_thread(void *arg __attribute__((unused)))
{
	by_exec();
	return NULL;
}

static void by_exec_of_a_thread(void)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, exec_thread, NULL));
	pause();
}

TEST_F(call, server_exits_with_a_child)
{
	server_ends(&self->b, by_exit);
}

TEST_F(call, server_is_killed_with_a_child)
{
	server_ends(&self->b, by_kill);
}

/* The record of the first call, which another server took, is used again. */
TEST_F(call, next_server_is_killed)
{
	pid_t pid = caller_of(&self->b, 3, 0);

	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_EQ(0, reap(pid));
	server_ends(&self->b, by_kill);
}

TEST_F(call, server_executes_with_a_child)
{
	server_ends(&self->b, by_exec);
}

/* It takes the handle along, by another descriptor: any process may reply. */
TEST_F(call, server_executes_with_the_handle)
{
	pid_t pid = caller_of(&self->b, 3, 0), server = spawn();
	char path[64], comm[16];

	if (!server) {
		served(self->b.in, 3);
		CHECK(fcntl(self->b.in, F_DUPFD, 0) >= 0);
		close(self->b.out);
		close(self->b.manage);
		by_exec();
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", server);
	do {
		FILE *f = fopen(path, "re");

		ASSERT_NE(NULL, f);
		ASSERT_TRUE(fgets(comm, sizeof(comm), f));
		fclose(f);
	} while (strcmp(comm, "exe\n"));
	/* Of the first call in a mailbox. */
	EXPECT_EQ(0, answer(self->b.in, 1 << 20, 9));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(128 + SIGKILL, slay(server));
}

TEST_F(call, thread_of_the_server_executes)
{
	server_ends(&self->b, by_exec_of_a_thread);
}

/* A thread of it ends: the process can still reply. */
static void *serve_once(void *arg)
{
	uint64_t *token = arg;

	*token = served(*(int *)(token + 1), 3);
	return NULL;
}

TEST_F(call, thread_of_the_server_ends)
{
	struct { uint64_t token; int fd; } a = { .fd = self->b.in };
	pid_t pid = caller_of(&self->b, 3, 0);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, serve_once, &a));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, answer(self->b.in, a.token, 9));
	EXPECT_EQ(0, reap(pid));
}

/* Any process with the right may reply, while the one that took it is there. */
TEST_F(call, another_process_replies)
{
	pid_t pid = caller_of(&self->b, 3, 0), other;
	uint64_t token = served(self->b.in, 3);

	other = spawn();
	if (!other) {
		CHECK(!answer(self->b.in, token, 9));
		CHECK_ERR(ENOENT, answer(self->b.in, token, 9));
		exit(0);
	}
	EXPECT_EQ(0, reap(other));
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(ENOENT, answer(self->b.in, token, 9));
}

TEST_F(call, only_with_the_right_to_receive)
{
	pid_t pid = caller_of(&self->b, 3, 0);
	uint64_t token = served(self->b.in, 3);
	struct both other = both_of(&roomy);

	EXPECT_ERR(EBADF, answer(self->b.out, token, 9));
	EXPECT_ERR(EBADF, answer(self->b.manage, token, 9));
	EXPECT_ERR(ENOENT, answer(other.in, token, 9));
	EXPECT_EQ(0, answer(self->b.in, token, 9));
	EXPECT_EQ(0, reap(pid));
	close_both(&other);
}

TEST_F(call, guessed_tokens)
{
	pid_t pid = caller_of(&self->b, 3, 0);
	uint64_t token, guess;
	int bit;

	EXPECT_ERR(ENOENT, answer(self->b.in, 0, 9));
	wait_letters(self->b.in, 1);
	/* Nobody has taken it: not even the right one is good. */
	for (guess = 0; guess < 1 << 22; guess += 1 << 20)
		EXPECT_ERR(ENOENT, answer(self->b.in, guess, 9));
	token = served(self->b.in, 3);
	for (bit = 0; bit < 64; bit++)
		EXPECT_ERR(ENOENT, answer(self->b.in, token ^ 1ULL << bit, 9));
	EXPECT_EQ(0, answer(self->b.in, token, 9));
	EXPECT_EQ(0, reap(pid));
}

/* The caller's end. */
TEST_F(call, caller_is_killed_before)
{
	pid_t pid = caller_of(&self->b, 3, 0);
	uint64_t number;

	wait_letters(self->b.in, 1);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
	EXPECT_EQ(0, stat_of(self->b.in).calls);
	EXPECT_EQ(0, poll_mask(self->b.in, POLLIN));
	EXPECT_ERR(EAGAIN, k_serve(self->b.in, &number, 8, NULL, 0, 0));
}

TEST_F(call, caller_is_killed_after)
{
	pid_t pid = caller_of(&self->b, 3, 0);
	uint64_t token = served(self->b.in, 3);

	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(1, answer(self->b.in, token, 9));
	EXPECT_ERR(ENOENT, answer(self->b.in, token, 9));
	EXPECT_EQ(1, stat_of(self->b.in).replies);
}

TEST_F(call, gone_for_both)
{
	pid_t pid = caller_of(&self->b, 3, 0);

	served(self->b.in, 3);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	close(self->b.in);
	EXPECT_EQ(0, stat_of(self->b.manage).serving);
}

TEST_F(call, deadline_before)
{
	uint64_t number = 3, reply;

	EXPECT_ERR(ETIMEDOUT, k_call(self->b.out, &number, 8, &reply, 8, NULL, after(MS)));
	EXPECT_ERR(ETIMEDOUT, k_call(self->b.out, &number, 8, &reply, 8, NULL, 1));
	EXPECT_ERR(EAGAIN, k_call(self->b.out, &number, 8, &reply, 8, NULL, 0));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
	EXPECT_EQ(0, stat_of(self->b.in).bytes);
	EXPECT_EQ(0, stat_of(self->b.in).calls);
}

TEST_F(call, deadline_after)
{
	uint64_t number = 3, reply, token;
	pid_t pid = spawn();

	if (!pid) {
		CHECK_ERR(ETIMEDOUT, k_call(self->b.out, &number, 8, &reply, 8,
					    NULL, after(3 * SECOND)));
		exit(0);
	}
	token = served(self->b.in, 3);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, answer(self->b.in, token, 9));
}

/* Before anybody has it, a signal takes it back, or it goes on as if nothing was. */
TEST_F(call, signal_before)
{
	uint64_t number = 3, reply;
	pid_t pid = spawn();
	int *count = shared(sizeof(*count));

	if (!pid) {
		count_signals(SIGUSR1, 0, count);
		CHECK_ERR(EINTR, k_call(self->b.out, &number, 8, &reply, 8, &number,
					after(PATIENCE)));
		CHECK(!number);
		exit(0);
	}
	wait_letters(self->b.in, 1);
	wait_for(task_state(pid, pid) == 'S');
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, stat_of(self->b.in).letters);

	pid = spawn();
	if (!pid) {
		count_signals(SIGUSR1, SA_RESTART, count);
		CHECK(k_call(self->b.out, &number, 8, &reply, 8, NULL,
			     after(PATIENCE)) == 8 && reply == 9);
		exit(0);
	}
	wait_letters(self->b.in, 1);
	wait_for(task_state(pid, pid) == 'S');
	*count = 0;
	kill(pid, SIGUSR1);
	wait_for(*count == 1);
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_EQ(0, reap(pid));
}

/* Afterwards, it goes on, whatever the handler's flags, and is collected. */
TEST_F(call, signal_after)
{
	int flags, *count = shared(sizeof(*count));

	for (flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		uint64_t number = 3, reply, token;
		pid_t pid = spawn();

		if (!pid) {
			count_signals(SIGUSR1, flags, count);
			CHECK_ERR(EINTR, k_call(self->b.out, &number, 8, &reply, 8,
						&token, after(PATIENCE)));
			CHECK(token);
			CHECK(collected(self->b.out, token) == 9);
			CHECK(collected(self->b.out, token) == -ENOENT);
			exit(0);
		}
		token = served(self->b.in, 3);
		wait_for(task_state(pid, pid) == 'S');
		*count = 0;
		kill(pid, SIGUSR1);
		wait_for(*count == 1);
		EXPECT_EQ(0, answer(self->b.in, token, 9));
		EXPECT_EQ(0, reap(pid));
	}
}

TEST_F(call, removal)
{
	pid_t pids[2] = { caller_of(&self->b, 3, EIDRM) };
	uint64_t token = served(self->b.in, 3), number = 1;

	pids[1] = caller_of(&self->b, 4, EIDRM);
	wait_letters(self->b.in, 1);
	EXPECT_OK(k_remove(self->b.manage));
	EXPECT_EQ(0, reap(pids[0]));
	EXPECT_EQ(0, reap(pids[1]));
	EXPECT_ERR(EIDRM, answer(self->b.in, token, 9));
	EXPECT_ERR(EIDRM, k_call(self->b.out, &number, 8, NULL, 0, NULL, after(MS)));
	EXPECT_ERR(EIDRM, k_submit(self->b.out, &number, 8, 8, NULL, 0));
	EXPECT_ERR(EIDRM, k_serve(self->b.in, &number, 8, NULL, 0, 0));
	EXPECT_ERR(EIDRM, k_cancel(self->b.out, token));
	EXPECT_EQ(-EIDRM, collected(self->b.out, token));
}

/* A reply that is longer than the caller takes leaves the call as it was. */
TEST_F(call, reply_too_long)
{
	pid_t pid = caller_of(&self->b, 3, 0);
	uint64_t token = served(self->b.in, 3);
	char data[64];

	EXPECT_ERR(EMSGSIZE, k_reply(self->b.in, token, data, 9, 0));
	EXPECT_ERR(EMSGSIZE, k_reply(self->b.in, token, data, KIPC_LETTER_MAX + 1, 0));
	EXPECT_ERR(EFAULT, k_reply(self->b.in, token, NULL, 8, 0));
	EXPECT_EQ(0, answer(self->b.in, token, 9));
	EXPECT_EQ(0, reap(pid));
}

/* A reply that cannot be written is not lost. */
TEST_F(call, read_only_buffer)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t number = 3, token;
	pid_t pid = spawn();

	if (!pid) {
		CHECK_ERR(EFAULT, k_call(self->b.out, &number, 8, page, 8, &token,
					 after(PATIENCE)));
		CHECK(token);
		CHECK(collected(self->b.out, token) == 9);
		exit(0);
	}
	EXPECT_EQ(0, answer(self->b.in, served(self->b.in, 3), 9));
	EXPECT_EQ(0, reap(pid));
}

/* Bad memory is found before anything is sent. */
TEST_F(call, bad_memory)
{
	uint64_t number = 3, token = 0;
	struct kipc_mailbox_call c = {
		.data = ptr(&number), .size = 8, .reply_size = 8,
		.reply = 8, .deadline = after(PATIENCE),
	};

	EXPECT_ERR(EFAULT, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
	c.reply = ptr(&token);
	c.data = 8;
	EXPECT_ERR(EFAULT, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
	c.data = ~0ULL - 4;
	EXPECT_ERR(EFAULT, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, &c));
	EXPECT_ERR(EFAULT, ioctl(self->b.out, KIPC_IOC_MAILBOX_CALL, 8));
	EXPECT_ERR(EFAULT, ioctl(self->b.in, KIPC_IOC_MAILBOX_REPLY, 8));
	EXPECT_ERR(EFAULT, ioctl(self->b.out, KIPC_IOC_MAILBOX_COLLECT, 8));
	EXPECT_ERR(EFAULT, ioctl(self->b.out, KIPC_IOC_MAILBOX_CANCEL, 8));
	EXPECT_EQ(0, stat_of(self->b.in).letters);
	EXPECT_EQ(0, stat_of(self->b.in).calls);
}

/* One call for both: the reply, and the next request. */
TEST_F(call, reply_and_receive)
{
	struct kipc_mailbox_recv r = { .token = 0 };
	pid_t first = caller_of(&self->b, 3, 0), second, third;
	uint64_t number = 0, next = 0;
	int in = self->b.in;

	/* There is nothing to reply to. */
	EXPECT_EQ(8, k_reply_serve(in, &number, 8, &next, 8, &r, after(PATIENCE)));
	EXPECT_EQ(3, next);
	second = caller_of(&self->b, 4, 0);
	wait_letters(in, 1);
	number = 9;
	EXPECT_EQ(8, k_reply_serve(in, &number, 8, &next, 8, &r, after(PATIENCE)));
	EXPECT_EQ(4, next);
	EXPECT_EQ(0, reap(first));
	/* Nothing comes; the reply is given all the same. */
	number = 16;
	EXPECT_ERR(EAGAIN, k_reply_serve(in, &number, 8, &next, 8, &r, 0));
	EXPECT_EQ(0, r.token);
	EXPECT_EQ(0, reap(second));
	EXPECT_ERR(ETIMEDOUT, k_reply_serve(in, &number, 8, &next, 8, &r, after(MS)));
	/* Nobody wants it any more: the next one is received. */
	third = caller_of(&self->b, 5, 0);
	r.token = served(in, 5);
	slay(third);
	third = caller_of(&self->b, 6, 0);
	EXPECT_EQ(8, k_reply_serve(in, &number, 8, &next, 8, &r, after(PATIENCE)));
	EXPECT_EQ(6, next);
	EXPECT_EQ(0, answer(in, r.token, 36));
	EXPECT_EQ(0, reap(third));
	EXPECT_EQ(0, stat_of(in).serving);
}

/* Then nothing is received, and it can still be replied to. */
TEST_F(call, reply_fails_and_nothing_is_received)
{
	struct kipc_mailbox_reply *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t first = caller_of(&self->b, 3, 0), second;
	struct kipc_mailbox_recv r = { .token = served(self->b.in, 3) }, raw;
	uint64_t number = 9, next = 77, token = r.token;
	int in = self->b.in;

	ASSERT_NE(MAP_FAILED, page);
	second = caller_of(&self->b, 4, 0);
	wait_letters(in, 1);
	EXPECT_ERR(EMSGSIZE, k_reply_serve(in, &number, 9, &next, 8, &r, 0));
	EXPECT_ERR(EFAULT, k_reply_serve(in, NULL, 8, &next, 8, &r, 0));
	EXPECT_ERR(EBADF, k_reply_serve(self->b.out, &number, 8, &next, 8, &r, 0));
	EXPECT_EQ(token, r.token);
	r.token = token + 1;
	EXPECT_ERR(ENOENT, k_reply_serve(in, &number, 8, &next, 8, &r, 0));
	EXPECT_EQ(token + 1, r.token);

	*page = (struct kipc_mailbox_reply){
		.token = token, .data = ptr(&number), .size = 8, .flags = 1,
	};
	raw = (struct kipc_mailbox_recv){
		.data = ptr(&next), .size = 8, .answer = ptr(page),
		.flags = KIPC_RECV_CALLS | KIPC_RECV_REPLY,
	};
	EXPECT_ERR(EINVAL, ioctl(in, KIPC_IOC_MAILBOX_RECV, &raw));
	page->flags = 0;
	/* A structure of before. */
	EXPECT_ERR(EINVAL, ioctl(in, _IOC(_IOC_READ | _IOC_WRITE, KIPC_IOC_MAGIC,
					  _IOC_NR(KIPC_IOC_MAILBOX_RECV), 88), &raw));
	CHECK(!mprotect(page, 4096, PROT_READ));
	EXPECT_ERR(EFAULT, ioctl(in, KIPC_IOC_MAILBOX_RECV, &raw));
	EXPECT_EQ(77, next);
	EXPECT_EQ(1, stat_of(in).letters);
	EXPECT_EQ(1, stat_of(in).serving);

	EXPECT_EQ(0, answer(in, token, 9));
	EXPECT_EQ(0, reap(first));
	EXPECT_EQ(0, answer(in, served(in, 4), 16));
	EXPECT_EQ(0, reap(second));
	munmap(page, 4096);
}

/* A signal while it waits for the next one: the reply was given, once. */
static void reply_interrupted(struct both *b, int flags)
{
	int *caught = shared(sizeof(*caught));
	pid_t first = caller_of(b, 3, 0), second, server = spawn();
	uint64_t number = 9, next = 0;
	struct kipc_mailbox_recv r;

	if (!server) {
		count_signals(SIGUSR1, flags, caught);
		r.token = served(b->in, 3);
		if (!flags) {
			CHECK_ERR(EINTR, k_reply_serve(b->in, &number, 8, &next, 8,
						       &r, after(PATIENCE)));
			CHECK(!r.token);
		}
		CHECK(k_reply_serve(b->in, &number, 8, &next, 8, &r,
				    after(PATIENCE)) == 8 && next == 4);
		CHECK(*caught == 1);
		CHECK(!answer(b->in, r.token, 16));
		_exit(0);
	}
	CHECK(!reap(first));
	wait_for(stat_of(b->manage).waiting_receivers == 1);
	kill(server, SIGUSR1);
	wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST) == 1);
	second = caller_of(b, 4, 0);
	CHECK(!reap(second));
	CHECK(!reap(server));
	CHECK(stat_of(b->manage).replies == 2);
}

TEST_F(call, reply_and_interrupted)
{
	reply_interrupted(&self->b, 0);
}

TEST_F(call, reply_and_restarted)
{
	reply_interrupted(&self->b, SA_RESTART);
}

TEST_HARNESS_MAIN
