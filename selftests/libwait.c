// SPDX-License-Identifier: GPL-2.0
/* libkipc: waiting for any and for all of several descriptors, and signals from one. */
#include "test.h"
#include "inject.h"
#include "stage.h"

#include <kipc.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define SOON	kipc_deadline(PATIENCE)

/* One of each kind: something can be received by it, once it was put in. */
FIXTURE(waiting) {
	struct stage s[KINDS];
	struct pollfd fds[KINDS];
};

FIXTURE_SETUP(waiting)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		self->s[kind] = stage_of(kind);
		self->fds[kind].fd = self->s[kind].fd[IN];
		self->fds[kind].events = POLLIN;
		self->fds[kind].revents = -1;
	}
}

FIXTURE_TEARDOWN(waiting)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		stage_end(&self->s[kind]);
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("waiters"));
}

static void put(struct stage *s)
{
	stage_step(s, s->kind == SERVICE ? ASK : PUT);
}

static void take(struct stage *s)
{
	stage_step(s, s->kind == SERVICE ? ANSWER : TAKE);
}

TEST_F(waiting, any)
{
	uint64_t deadline;
	int kind;

	EXPECT_ERR(EAGAIN, kipc_wait_any(self->fds, KINDS, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_wait_any(self->fds, KINDS, kipc_deadline(0)));
	EXPECT_ERR(ETIMEDOUT, kipc_wait_any(self->fds, KINDS, 1));
	deadline = kipc_deadline(20 * MS);
	EXPECT_ERR(ETIMEDOUT, kipc_wait_any(self->fds, KINDS, deadline));
	EXPECT_LE(deadline, now_ns());
	for (kind = 0; kind < KINDS; kind++) {
		put(&self->s[kind]);
		EXPECT_EQ(1, kipc_wait_any(self->fds, KINDS, KIPC_NO_WAIT));
		EXPECT_EQ(POLLIN, self->fds[kind].revents);
		EXPECT_EQ(1, kipc_wait_any(self->fds, KINDS, KIPC_FOREVER));
		/* What is there counts, though the deadline has passed. */
		EXPECT_EQ(1, kipc_wait_any(self->fds, KINDS, 1));
		take(&self->s[kind]);
	}
	put(&self->s[0]);
	put(&self->s[2]);
	EXPECT_EQ(2, kipc_wait_any(self->fds, KINDS, SOON));
	/* Who is left out is left out. */
	self->fds[0].fd = -1;
	EXPECT_EQ(1, kipc_wait_any(self->fds, KINDS, SOON));
	EXPECT_EQ(0, self->fds[0].revents);
}

TEST_F(waiting, any_wakes)
{
	int kind;
	pid_t pid;

	for (kind = 0; kind < KINDS; kind++) {
		pid = spawn();
		if (!pid) {
			CHECK(kipc_wait_any(self->fds, KINDS, KIPC_FOREVER) == 1);
			CHECK(self->fds[kind].revents == POLLIN);
			_exit(0);
		}
		wait_for(task_state(pid, pid) == 'S');
		put(&self->s[kind]);
		EXPECT_EQ(0, reap(pid));
		take(&self->s[kind]);
	}
}

TEST_F(waiting, all)
{
	uint64_t deadline;
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		EXPECT_ERR(EAGAIN, kipc_wait_all(self->fds, KINDS, KIPC_NO_WAIT));
		EXPECT_ERR(ETIMEDOUT, kipc_wait_all(self->fds, KINDS, 1));
		deadline = kipc_deadline(20 * MS);
		EXPECT_ERR(ETIMEDOUT, kipc_wait_all(self->fds, KINDS, deadline));
		EXPECT_LE(deadline, now_ns());
		put(&self->s[kind]);
	}
	EXPECT_EQ(KINDS, kipc_wait_all(self->fds, KINDS, KIPC_NO_WAIT));
	for (kind = 0; kind < KINDS; kind++)
		EXPECT_EQ(POLLIN, self->fds[kind].revents);
	EXPECT_EQ(KINDS, kipc_wait_all(self->fds, KINDS, KIPC_FOREVER));
	EXPECT_EQ(KINDS, kipc_wait_all(self->fds, KINDS, 1));
	take(&self->s[1]);
	EXPECT_ERR(EAGAIN, kipc_wait_all(self->fds, KINDS, KIPC_NO_WAIT));
	self->fds[1].fd = -1;
	EXPECT_EQ(KINDS - 1, kipc_wait_all(self->fds, KINDS, KIPC_NO_WAIT));
	EXPECT_EQ(0, self->fds[1].revents);
	/* Nobody counts. */
	EXPECT_EQ(0, kipc_wait_all(&self->fds[1], 1, KIPC_NO_WAIT));
	/* The end, too, is something. */
	self->fds[1].fd = self->s[1].fd[IN];
	stage_step(&self->s[1], LEAVE_OUT);
	EXPECT_EQ(KINDS, kipc_wait_all(self->fds, KINDS, KIPC_NO_WAIT));
	EXPECT_EQ(POLLIN | POLLHUP, self->fds[1].revents);
}

/* Context switches of a thread, which it wanted: how often it has slept. */
static unsigned long sleeps(pid_t pid)
{
	static const char name[] = "\nvoluntary_ctxt_switches:";
	char path[64], text[4096], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0);
	close(fd);
	text[n] = 0;
	p = strstr(text, name);
	CHECK(p);
	return strtoul(p + sizeof(name) - 1, NULL, 10);
}

static void wait_asleep_again(pid_t pid, unsigned long before)
{
	wait_for(sleeps(pid) > before && task_state(pid, pid) == 'S');
}

/* It sleeps while one is missing, whatever comes to the others meanwhile. */
TEST_F(waiting, all_sleeps)
{
	int *over = shared(sizeof(*over)), kind;
	unsigned long before;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(kipc_wait_all(self->fds, KINDS, KIPC_FOREVER) == KINDS);
		__atomic_store_n(over, 1, __ATOMIC_SEQ_CST);
		_exit(0);
	}
	wait_asleep_again(pid, 0);
	for (kind = 0; kind < KINDS - 1; kind++) {
		before = sleeps(pid);
		put(&self->s[kind]);
		/* It looks, and sleeps again: for one it was missing. */
		wait_asleep_again(pid, before);
		before = sleeps(pid);
		/* What it has is no more to it. */
		put(&self->s[kind]);
		usleep(10000);
		EXPECT_EQ(before, sleeps(pid));
		EXPECT_EQ('S', task_state(pid, pid));
	}
	/* One goes away again, so the last one is not enough. */
	take(&self->s[0]);
	take(&self->s[0]);
	before = sleeps(pid);
	put(&self->s[KINDS - 1]);
	wait_asleep_again(pid, before);
	EXPECT_EQ(0, __atomic_load_n(over, __ATOMIC_SEQ_CST));
	put(&self->s[0]);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, *over);
}

/* Several that wait for the same, while others take: none returns without a whole set. */
TEST(all_of_many)
{
	struct pollfd fds[KIPC_WAIT_MAX + 1];
	uint64_t one = 1;
	pid_t pid;
	int i;

	for (i = 0; i <= KIPC_WAIT_MAX; i++) {
		fds[i].fd = i & 1 ? eventfd(0, EFD_CLOEXEC) : box(1, 8, 8, 0);
		fds[i].events = POLLIN;
		CHECK(fds[i].fd >= 0);
	}
	EXPECT_ERR(EINVAL, kipc_wait_all(fds, KIPC_WAIT_MAX + 1, KIPC_NO_WAIT));
	EXPECT_ERR(EAGAIN, kipc_wait_any(fds, KIPC_WAIT_MAX + 1, KIPC_NO_WAIT));
	pid = spawn();
	if (!pid) {
		CHECK(kipc_wait_all(fds, KIPC_WAIT_MAX, KIPC_FOREVER) ==
		      KIPC_WAIT_MAX);
		for (i = 0; i < KIPC_WAIT_MAX; i++)
			CHECK(read(fds[i].fd, &one, sizeof(one)) == sizeof(one));
		_exit(0);
	}
	for (i = KIPC_WAIT_MAX - 1; i >= 0; i--)
		EXPECT_EQ(sizeof(one), write(fds[i].fd, &one, sizeof(one)));
	EXPECT_EQ(0, reap(pid));
}

TEST(wait_errors)
{
	int fd = default_box(), *caught = shared(sizeof(*caught));
	struct pollfd fds[2] = { { fd, POLLIN, 0 }, { fd, POLLIN, 0 } };
	struct rlimit few = { 16, 16 };
	pid_t pid;
	int i;

	EXPECT_ERR(EINVAL, kipc_wait_any(fds, 0, KIPC_FOREVER));
	EXPECT_ERR(EINVAL, kipc_wait_all(fds, 0, KIPC_FOREVER));
	/* The system call would take this for 1. */
	EXPECT_ERR(EINVAL, kipc_wait_any(fds, SIZE_MAX / 2 + 2, KIPC_NO_WAIT));
	fds[1].fd = dup(fd);
	close(fds[1].fd);
	EXPECT_ERR(EBADF, kipc_wait_any(fds, 2, KIPC_FOREVER));
	EXPECT_ERR(EBADF, kipc_wait_all(fds, 2, KIPC_FOREVER));
	fds[1].fd = fd;
	for (i = 0; i < 2; i++) {
		*caught = 0;
		pid = spawn();
		if (!pid) {
			/* poll is not restarted. */
			count_signals(SIGUSR1, SA_RESTART, caught);
			CHECK_ERR(EINTR, i ? kipc_wait_all(fds, 2, KIPC_FOREVER) :
					     kipc_wait_any(fds, 2, KIPC_FOREVER));
			_exit(0);
		}
		wait_for(task_state(pid, pid) == 'S');
		kill(pid, SIGUSR1);
		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(1, *caught);
	}
	/* valgrind keeps descriptors back, and has a limit of its own. */
	if (*(getenv("KIPC_WRAP") ?: ""))
		return;
	pid = spawn();
	if (!pid) {
		static struct pollfd many[17];

		for (i = 0; i < 17; i++)
			many[i].fd = -1;
		CHECK(!setrlimit(RLIMIT_NOFILE, &few));
		CHECK_ERR(EINVAL, kipc_wait_any(many, 17, KIPC_NO_WAIT));
		CHECK_ERR(EINVAL, kipc_wait_all(many, 17, KIPC_NO_WAIT));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(bad_pointer)
{
	if (*(getenv("KIPC_WRAP") ?: ""))
		SKIP(return, "valgrind sees it, too");
	EXPECT_ERR(EFAULT, kipc_wait_any((void *)8, 1, KIPC_NO_WAIT));
	EXPECT_ERR(EFAULT, kipc_wait_all((void *)8, 1, KIPC_NO_WAIT));
	EXPECT_ERR(EFAULT, kipc_sigfd((void *)8, 0));
}

/* Which signals are blocked, of those here. */
static bool blocked(int sig)
{
	sigset_t set;

	CHECK(!pthread_sigmask(SIG_BLOCK, NULL, &set));
	return sigismember(&set, sig);
}

TEST(sigfd)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	EXPECT_ERR(EINVAL, kipc_sigfd(&set, KIPC_EXCL));
	EXPECT_ERR(EINVAL, kipc_sigfd(&set, 1U << 31));
	EXPECT_FALSE(blocked(SIGUSR1));
	fd = kipc_sigfd(&set, KIPC_NONBLOCK);
	ASSERT_OK(fd);
	EXPECT_TRUE(blocked(SIGUSR1));
	EXPECT_TRUE(blocked(SIGRTMIN));
	EXPECT_FALSE(blocked(SIGUSR2));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_ERR(EAGAIN, read(fd, &info, sizeof(info)));
	raise(SIGUSR1);
	EXPECT_EQ(sizeof(info), read(fd, &info, sizeof(info)));
	EXPECT_EQ(SIGUSR1, info.ssi_signo);
	close(fd);
	fd = kipc_sigfd(&set, KIPC_INHERIT);
	ASSERT_OK(fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_FALSE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

TEST(sigfd_without_descriptors)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (*(getenv("KIPC_WRAP") ?: ""))
		SKIP(return, "valgrind has descriptors of its own");
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_ERR(EMFILE, kipc_sigfd(&set, 0));
	EXPECT_FALSE(blocked(SIGUSR1));
}

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
	struct pollfd fds[KIPC_WAIT_MAX];
	sigset_t set;
	int i;

	/* Of a few descriptors poll keeps account on its stack. */
	for (i = 0; i < KIPC_WAIT_MAX; i++) {
		fds[i].fd = -1;
		fds[i].events = POLLIN;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	EXPECT_NO_MEMORY(kipc_wait_any(fds, KIPC_WAIT_MAX, KIPC_NO_WAIT));
	EXPECT_NO_MEMORY(kipc_wait_all(fds, KIPC_WAIT_MAX, KIPC_NO_WAIT));
	EXPECT_NO_MEMORY(kipc_sigfd(&set, 0));
	EXPECT_FALSE(blocked(SIGUSR1));
	inject_end();
}

TEST_HARNESS_MAIN
