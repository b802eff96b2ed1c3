// SPDX-License-Identifier: GPL-2.0
/*
 * Signals as programs take them: handlers of each sort, sigwaitinfo, blocked ones, more than
 * can be queued; who gets them after fork, exec, dup and close; and how many can ask.
 */
#include "test.h"
#include "pending.h"
#include "stage.h"

#include <pthread.h>
#include <sys/resource.h>

#define READABLE	KIPC_EVENT_READABLE
#define VALUE		4711

static void set_mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK(!pthread_sigmask(how, &set, NULL));
}

static void async(int fd, pid_t owner)
{
	CHECK(!fcntl(fd, F_SETOWN, owner));
	CHECK(!fcntl(fd, F_SETSIG, SIG));
	CHECK(!fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

static unsigned int put_event(enum kind kind)
{
	return kind == SERVICE ? KIPC_EVENT_CALL : READABLE;
}

static void put(struct stage *s)
{
	stage_step(s, s->kind == SERVICE ? ASK : PUT);
}

static void take(struct stage *s)
{
	stage_step(s, s->kind == SERVICE ? ANSWER : TAKE);
}

/* Each kind, told by both: a registration, or O_ASYNC. */
FIXTURE(ways) {
	struct stage s;
	int in;
};

FIXTURE_VARIANT(ways) {
	enum kind kind;
	bool async;
};

#define VARIANTS(name, kind_)						\
	FIXTURE_VARIANT_ADD(ways, name##_notify) { .kind = kind_ };	\
	FIXTURE_VARIANT_ADD(ways, name##_sigio) { .kind = kind_, .async = true }

VARIANTS(mailbox, MAILBOX);
VARIANTS(queue, QUEUE);
VARIANTS(pipe, PIPE);
VARIANTS(service, SERVICE);

FIXTURE_SETUP(ways)
{
	self->s = stage_of(variant->kind);
	self->in = self->s.fd[IN];
}

FIXTURE_TEARDOWN(ways)
{
	stage_end(&self->s);
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

static void arm_sig(int in, enum kind kind, bool by_async, int sig)
{
	if (!by_async) {
		CHECK(!q_notify(in, put_event(kind), 0, sig, VALUE));
		return;
	}
	async(in, getpid());
	CHECK(!fcntl(in, F_SETSIG, sig));
}

static siginfo_t handled;
static int caught;
static bool on_other_stack;
static stack_t other_stack;

static void handler(int sig, siginfo_t *info, void *context)
{
	char here;

	(void)sig;
	(void)context;
	handled = *info;
	on_other_stack = &here >= (char *)other_stack.ss_sp &&
			 &here < (char *)other_stack.ss_sp + other_stack.ss_size;
	__atomic_add_fetch(&caught, 1, __ATOMIC_SEQ_CST);
}

static void install(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = handler,
				.sa_flags = SA_SIGINFO | flags };

	CHECK(!sigaction(sig, &sa, NULL));
}

static bool fields_are_right(int fd, bool by_async)
{
	if (by_async)
		return handled.si_code == POLL_IN && handled.si_fd == fd;
	return handled.si_code == SI_MESGQ && handled.si_pid == getpid() &&
	       handled.si_value.sival_int == VALUE;
}

TEST_F(ways, handler)
{
	install(SIG, 0);
	arm_sig(self->in, variant->kind, variant->async, SIG);
	put(&self->s);
	EXPECT_EQ(1, caught);
	EXPECT_TRUE(fields_are_right(self->in, variant->async));
	put(&self->s);
	EXPECT_EQ(2, caught);
}

TEST_F(ways, handler_on_its_own_stack)
{
	other_stack.ss_size = 4 * SIGSTKSZ;
	other_stack.ss_sp = malloc(other_stack.ss_size);
	ASSERT_OK(sigaltstack(&other_stack, NULL));
	install(SIG, SA_ONSTACK);
	arm_sig(self->in, variant->kind, variant->async, SIG);
	put(&self->s);
	EXPECT_EQ(1, caught);
	EXPECT_TRUE(on_other_stack);
	EXPECT_TRUE(fields_are_right(self->in, variant->async));
}

/* A signal of a standard sort has all of that, too. */
TEST_F(ways, standard_signal)
{
	install(SIGUSR2, 0);
	arm_sig(self->in, variant->kind, variant->async, SIGUSR2);
	put(&self->s);
	EXPECT_EQ(1, caught);
	EXPECT_TRUE(fields_are_right(self->in, variant->async));
}

struct waiting {
	struct stage *s;
	bool over;
	ssize_t ret;
	int err;
};

/* What the signal interrupts: a wait for something that only another can bring. */
static void *wait_elsewhere(void *arg)
{
	struct waiting *w = arg;
	struct stage *s = w->s;
	char byte;

	arm_sig(s->fd[IN], s->kind, false, SIG);
	w->ret = read(s->other.fd, &byte, 1);
	w->err = errno;
	return NULL;
}

/* With SA_RESTART a wait goes on, without it ends; the thread that registered is meant. */
static void interrupt(struct __test_metadata *_metadata, struct stage *s, int flags)
{
	struct waiting w = { .s = s };
	int box = default_box();
	pthread_t thread;

	install(SIG, flags);
	s->other.fd = box;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_elsewhere, &w));
	wait_for(has_waiters(box, 0, 1));
	set_mask(SIG_BLOCK, SIG);
	put(s);
	wait_for(__atomic_load_n(&caught, __ATOMIC_SEQ_CST) == 1);
	if (flags & SA_RESTART) {
		wait_for(has_waiters(box, 0, 1));
		ASSERT_EQ(1, write(box, "x", 1));
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(flags & SA_RESTART ? 1 : -1, w.ret);
	if (!(flags & SA_RESTART))
		EXPECT_EQ(EINTR, w.err);
	EXPECT_EQ(1, caught);
	close(box);
}

TEST_F(ways, interrupts)
{
	if (variant->async)
		SKIP(return, "a process is told: see the thread's");
	interrupt(_metadata, &self->s, 0);
}

TEST_F(ways, restarts)
{
	if (variant->async)
		SKIP(return, "a process is told: see the thread's");
	interrupt(_metadata, &self->s, SA_RESTART);
}

/* Somebody else does it: who, is told by a registration. */
TEST_F(ways, sigwaitinfo)
{
	struct stage *s = &self->s;
	siginfo_t info;
	sigset_t set;
	pid_t pid;

	block_signals();
	arm_sig(self->in, variant->kind, variant->async, SIG);
	pid = spawn();
	if (!pid) {
		/* A child has no such mapping of the service. */
		if (s->kind == SERVICE)
			s->hand.c = client_of(k_narrow(s->fd[OUT], CALL, 0));
		become(NOBODY, NOBODY);
		put(s);
		_exit(0);
	}
	sigemptyset(&set);
	sigaddset(&set, SIG);
	ASSERT_EQ(SIG, sigwaitinfo(&set, &info));
	if (variant->async) {
		EXPECT_EQ(self->in, info.si_fd);
	} else {
		EXPECT_EQ(pid, info.si_pid);
		EXPECT_EQ(NOBODY, info.si_uid);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, signals());
}

/*
 * More than can be pending: the registration's signal is lost this time, and SIGIO takes
 * the place of the chosen one; poll shows all the same, and the next time all is as before.
 */
TEST_F(ways, full)
{
	union sigval none = { .sival_int = 0 };
	struct rlimit few = { 8, 8 };
	siginfo_t info;

	block_signals();
	/* Root's count is everybody's of that uid: so be somebody else. */
	become(12345, 12345);
	arm_sig(self->in, variant->kind, variant->async, SIG);
	ASSERT_OK(setrlimit(RLIMIT_SIGPENDING, &few));
	while (!sigqueue(getpid(), OTHER, none))
		;
	ASSERT_EQ(EAGAIN, errno);
	put(&self->s);
	EXPECT_EQ(POLLIN, poll_mask(self->in, POLLIN));
	ASSERT_EQ(variant->async ? SIGIO : OTHER, next_signal(&info));
	while (next_signal(&info))
		ASSERT_EQ(OTHER, info.si_signo);
	take(&self->s);
	put(&self->s);
	ASSERT_EQ(SIG, next_signal(&info));
	EXPECT_EQ(variant->async ? POLL_IN : SI_MESGQ, info.si_code);
	EXPECT_EQ(0, signals());
}

/* A registration for one signal stays until there was one. */
TEST_F(ways, full_once)
{
	union sigval none = { .sival_int = 0 };
	struct rlimit few = { 8, 8 };

	if (variant->async)
		SKIP(return, "there is no such thing");
	block_signals();
	become(12345, 12345);
	ASSERT_OK(q_notify(self->in, put_event(variant->kind), KIPC_NOTIFY_ONCE, SIG,
			   1));
	ASSERT_OK(setrlimit(RLIMIT_SIGPENDING, &few));
	while (!sigqueue(getpid(), OTHER, none))
		;
	put(&self->s);
	EXPECT_LT(0, signals());
	put(&self->s);
	EXPECT_EQ(1, signals());
	take(&self->s);
	put(&self->s);
	EXPECT_EQ(0, signals());
	EXPECT_ERR(ENOENT, q_notify(self->in, 0, 0, 0, 0));
}

/* To be ignored is to be ignored. */
TEST_F(ways, ignored)
{
	signal(SIG, SIG_IGN);
	arm_sig(self->in, variant->kind, variant->async, SIG);
	put(&self->s);
	block_signals();
	EXPECT_EQ(0, signals());
}

/* The owner of a descriptor is what F_SETOWN says, whoever has copies of it. */
TEST_F(ways, dup_and_close)
{
	int copy, other;

	block_signals();
	arm_sig(self->in, variant->kind, variant->async, SIG);
	copy = dup(self->in);
	other = k_narrow(self->in, side_rights[variant->kind][IN], 0);
	/* A handle of its own knows nothing of it. */
	close(other);
	put(&self->s);
	EXPECT_EQ(1, signals());
	stage_leave(&self->s, IN);
	self->s.fd[IN] = copy;
	put(&self->s);
	/* The handle goes with its last descriptor. */
	EXPECT_EQ(1, signals());
	other = k_narrow(copy, side_rights[variant->kind][IN], 0);
	stage_leave(&self->s, IN);
	self->s.fd[IN] = other;
	take(&self->s);
	put(&self->s);
	EXPECT_EQ(0, signals());
}

TEST_F(ways, off)
{
	block_signals();
	arm_sig(self->in, variant->kind, variant->async, SIG);
	put(&self->s);
	EXPECT_EQ(1, signals());
	if (variant->async)
		CHECK(!fcntl(self->in, F_SETFL, 0));
	else
		CHECK(!q_notify(self->in, 0, 0, 0, 0));
	put(&self->s);
	EXPECT_EQ(0, signals());
}

/* A child has what its parent has; it is the parent who is told. */
TEST_F(ways, fork)
{
	pid_t pid;

	block_signals();
	arm_sig(self->in, variant->kind, variant->async, SIG);
	pid = spawn();
	if (!pid) {
		if (self->s.kind == SERVICE)
			self->s.hand.c = client_of(k_narrow(self->s.fd[OUT], CALL, 0));
		put(&self->s);
		CHECK(signals() == 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, signals());
}

/* Whether this signal is pending for a process that has it blocked. */
static bool pends(pid_t pid, int sig)
{
	char path[64], text[4096], *p;
	uint64_t mask;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	text[read(fd, text, sizeof(text) - 1)] = 0;
	close(fd);
	p = strstr(text, "\nSigPnd:");
	CHECK(p);
	mask = strtoull(p + 8, NULL, 16);
	p = strstr(text, "\nShdPnd:");
	CHECK(p);
	return (mask | strtoull(p + 8, NULL, 16)) & 1ULL << (sig - 1);
}

/*
 * A program that is executed is another: it is not told by registration, but it is by a
 * descriptor that it has, as with any file.
 */
TEST_F(ways, exec)
{
	int ends[2];
	pid_t pid;

	if (variant->kind == SERVICE)
		SKIP(return, "the service ends with its server's memory");
	block_signals();
	ASSERT_OK(pipe(ends));
	pid = spawn();
	if (!pid) {
		arm_sig(self->in, variant->kind, variant->async, SIG);
		CHECK(!fcntl(self->in, F_SETFD, 0));
		CHECK(dup2(ends[0], 0) == 0 && !close(ends[1]));
		execl("/bin/sh", "sh", "-c", "read -r word; read -r word", NULL);
		_exit(1);
	}
	ASSERT_EQ(2, write(ends[1], "a\n", 2));
	/* When it has read that, it is another program. */
	wait_for(poll_mask(ends[0], POLLIN) == 0);
	put(&self->s);
	EXPECT_EQ(variant->async, pends(pid, SIG));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	/* Nor does it matter that it is gone. */
	put(&self->s);
	EXPECT_EQ(0, signals());
}

/* An owner that has died is nobody. */
TEST_F(ways, dead_owner)
{
	int *ready = shared(sizeof(*ready));
	pid_t pid = spawn();

	if (!pid) {
		block_signals();
		arm_sig(self->in, variant->kind, variant->async, SIG);
		__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(ready, __ATOMIC_SEQ_CST));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	block_signals();
	put(&self->s);
	EXPECT_EQ(0, signals());
	arm_sig(self->in, variant->kind, variant->async, SIG);
	put(&self->s);
	EXPECT_EQ(1, signals());
}

/* Whom F_SETOWN names. */

static void own(int fd, int type, pid_t id)
{
	struct f_owner_ex owner = { .type = type, .pid = id };

	CHECK(!fcntl(fd, F_SETOWN_EX, &owner));
	CHECK(!fcntl(fd, F_SETSIG, SIG));
	CHECK(!fcntl(fd, F_SETFL, O_ASYNC));
}

/* Each process of a group has one, and nobody else. */
TEST(owned_by_a_group)
{
	enum { MEMBERS = 3 };
	struct stage s = stage_of(PIPE);
	pid_t pids[MEMBERS];
	int i;

	block_signals();
	for (i = 0; i < MEMBERS; i++) {
		pids[i] = spawn();
		if (!pids[i])
			for (;;)
				pause();
		ASSERT_OK(setpgid(pids[i], pids[0]));
	}
	own(s.fd[IN], F_OWNER_PGRP, pids[0]);
	put(&s);
	for (i = 0; i < MEMBERS; i++) {
		EXPECT_TRUE(pends(pids[i], SIG));
		EXPECT_EQ(128 + SIGKILL, slay(pids[i]));
	}
	/* A group that is empty is nobody. */
	put(&s);
	EXPECT_EQ(0, signals());
	stage_end(&s);
}

struct owner {
	pid_t tid;
	int told, end;
};

static void *wait_as_owner(void *arg)
{
	struct owner *o = arg;

	__atomic_store_n(&o->tid, gettid(), __ATOMIC_SEQ_CST);
	wait_for(__atomic_load_n(&o->end, __ATOMIC_SEQ_CST));
	o->told = signals();
	return NULL;
}

/* A thread, and not the one that does it, nor a third. */
TEST(owned_by_a_thread)
{
	struct owner owners[2] = { 0 };
	struct stage s = stage_of(QUEUE);
	pthread_t threads[2];
	int i;

	block_signals();
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, wait_as_owner,
					    &owners[i]));
		wait_for(__atomic_load_n(&owners[i].tid, __ATOMIC_SEQ_CST));
	}
	own(s.fd[IN], F_OWNER_TID, owners[1].tid);
	put(&s);
	put(&s);
	EXPECT_EQ(0, signals());
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&owners[i].end, 1, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(i ? 2 : 0, owners[i].told);
	}
	/* It is gone. */
	take(&s);
	put(&s);
	EXPECT_EQ(0, signals());
	stage_end(&s);
}

/* Who may not signal a process cannot have it told either. */
TEST(owned_by_a_stranger)
{
	struct stage s = stage_of(MAILBOX);
	pid_t stranger, pid;

	block_signals();
	stranger = spawn();
	if (!stranger)
		for (;;)
			pause();
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		own(s.fd[IN], F_OWNER_PID, stranger);
		put(&s);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_FALSE(pends(stranger, SIG));
	EXPECT_EQ(128 + SIGKILL, slay(stranger));
	stage_end(&s);
}

TEST_HARNESS_MAIN
