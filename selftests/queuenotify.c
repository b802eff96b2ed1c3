// SPDX-License-Identifier: GPL-2.0
/*
 * Notification: a signal for a thread when a message comes into an empty queue; once
 * or always, for several of them, and until its thread, program or handle ends.
 */
#include "test.h"
#include "kqueue.h"
#include "pending.h"

#include <pthread.h>
#include <sys/syscall.h>

#define NONEMPTY	KIPC_EVENT_NONEMPTY
#define ONCE		KIPC_NOTIFY_ONCE
#define SENDER		4711

FIXTURE(notify) {
	int fd;
};

FIXTURE_SETUP(notify)
{
	self->fd = default_queue();
	block_signals();
}

FIXTURE_TEARDOWN(notify)
{
	close(self->fd);
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(notify, who_and_what)
{
	siginfo_t info;
	pid_t pid;

	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, (uintptr_t)0x123456789abcdef0));
	EXPECT_EQ(0, signals());
	pid = spawn();
	if (!pid) {
		become(SENDER, SENDER);
		CHECK(!q_put(self->fd, 7, 0, 1));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_EQ(SIG, next_signal(&info));
	EXPECT_EQ(SI_MESGQ, info.si_code);
	EXPECT_EQ(pid, info.si_pid);
	EXPECT_EQ(SENDER, info.si_uid);
	EXPECT_EQ((void *)(uintptr_t)0x123456789abcdef0, info.si_value.sival_ptr);
	EXPECT_EQ(0, signals());
}

/* An ordinary signal, too; its handler interrupts what the thread is about. */
static siginfo_t handled;

static void note(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	handled = *info;
}

TEST_F(notify, handler)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIGUSR1, 42));
	ASSERT_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	EXPECT_EQ(0, handled.si_signo);
	ASSERT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(SIGUSR1, handled.si_signo);
	EXPECT_EQ(42, handled.si_value.sival_int);
	EXPECT_EQ(getpid(), handled.si_pid);
	EXPECT_EQ(getuid(), handled.si_uid);
}

TEST_F(notify, always)
{
	int i;

	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, 1));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, q_put(self->fd, i, i, 1));
		EXPECT_EQ(1, signals());
		/* Only the first one comes into an empty queue. */
		EXPECT_EQ(0, q_put(self->fd, 7, 0, 2));
		EXPECT_EQ(5, write(self->fd, "hello", 5));
		EXPECT_EQ(0, signals());
		EXPECT_EQ(2, q_take(self->fd, BY_TYPE(7)));
		EXPECT_EQ(1, q_take(self->fd, BY_FIRST));
		EXPECT_EQ(0, q_put(self->fd, 5, 0, 3));
		EXPECT_EQ(0, signals());
		EXPECT_EQ(5, q_recv(self->fd, (char [8]){ 0 }, 8, BY_TYPE(1), NULL, 0,
				    0));
		EXPECT_EQ(3, q_take(self->fd, BY_FIRST));
		EXPECT_EQ(0, signals());
	}
	/* In whatever way it is sent. */
	EXPECT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(1, read(self->fd, (char [1]){ 0 }, 1));
	EXPECT_OK(q_send(self->fd, NULL, 0, 1, 0, 0));
	EXPECT_EQ(1, signals());
}

TEST_F(notify, once)
{
	ASSERT_OK(q_notify(self->fd, NONEMPTY, ONCE, SIG, 1));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(1, q_take(self->fd, BY_FIRST));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(0, signals());
	/* It has ended with its signal. */
	EXPECT_ERR(ENOENT, q_notify(self->fd, 0, 0, 0, 0));
	ASSERT_OK(q_notify(self->fd, NONEMPTY, ONCE, SIG, 1));
	/* What was there before does not count. */
	EXPECT_EQ(0, signals());
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 2));
	EXPECT_EQ(0, signals());
	EXPECT_EQ(1, q_take(self->fd, BY_FIRST));
	EXPECT_EQ(2, q_take(self->fd, BY_FIRST));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 3));
	EXPECT_EQ(1, signals());
}

TEST_F(notify, replaced)
{
	siginfo_t info;

	ASSERT_OK(q_notify(self->fd, NONEMPTY, ONCE, SIG, 1));
	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, OTHER, 2));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	ASSERT_EQ(OTHER, next_signal(&info));
	EXPECT_EQ(2, info.si_value.sival_int);
	EXPECT_EQ(0, signals());
	EXPECT_OK(q_notify(self->fd, 0, 0, 0, 0));
	EXPECT_ERR(ENOENT, q_notify(self->fd, 0, 0, 0, 0));
	EXPECT_EQ(1, q_take(self->fd, BY_FIRST));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(0, signals());
}

/* A registration for each handle: this thread has several. */
TEST_F(notify, each_handle_has_one)
{
	int other = k_narrow(self->fd, RECEIVE, 0), copy = dup(self->fd);
	siginfo_t info;

	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, 1));
	ASSERT_OK(q_notify(other, NONEMPTY, 0, OTHER, 2));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(SIG, next_signal(&info));
	EXPECT_EQ(OTHER, next_signal(&info));
	EXPECT_EQ(0, signals());
	/* With the last close of its handle it ends, and the other one does not. */
	close(other);
	EXPECT_EQ(1, q_take(self->fd, BY_FIRST));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 2));
	EXPECT_EQ(SIG, next_signal(&info));
	EXPECT_EQ(0, signals());
	/* A copy of the descriptor is the same handle. */
	EXPECT_OK(close(self->fd));
	self->fd = copy;
	EXPECT_EQ(2, q_take(copy, BY_FIRST));
	EXPECT_EQ(0, q_put(copy, 1, 0, 3));
	EXPECT_EQ(1, signals());
	EXPECT_OK(q_notify(copy, 0, 0, 0, 0));
}

struct listener {
	int fd, sig, ready, end;
	int got;			/* signals */
	pid_t tid;
};

static void *listen_once(void *arg)
{
	struct listener *l = arg;
	struct timespec patience = { .tv_sec = PATIENCE / SECOND };
	siginfo_t info;
	sigset_t set;

	CHECK(!pthread_sigmask(SIG_SETMASK, NULL, &set));
	CHECK(!q_notify(l->fd, NONEMPTY, ONCE, l->sig, 3));
	l->tid = syscall(SYS_gettid);
	__atomic_store_n(&l->ready, 1, __ATOMIC_SEQ_CST);
	CHECK(sigtimedwait(&set, &info, &patience) == l->sig);
	CHECK(info.si_value.sival_int == 3);
	__atomic_add_fetch(&l->got, 1 + signals(), __ATOMIC_SEQ_CST);
	return NULL;
}

/* Threads and processes; each gets its own, once, and nobody another's. */
TEST_F(notify, several_listeners)
{
	enum { THREADS = 4, PROCESSES = 4 };
	struct listener *l = shared((THREADS + PROCESSES) * sizeof(*l));
	pthread_t threads[THREADS];
	pid_t pids[PROCESSES];
	int i;

	for (i = 0; i < THREADS + PROCESSES; i++) {
		l[i].fd = self->fd;
		l[i].sig = SIGRTMIN + i;
		if (i < THREADS) {
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, listen_once,
						    &l[i]));
		} else {
			pids[i - THREADS] = spawn();
			if (!pids[i - THREADS]) {
				listen_once(&l[i]);
				_exit(0);
			}
		}
		wait_for(__atomic_load_n(&l[i].ready, __ATOMIC_SEQ_CST));
	}
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EQ(0, reap(pids[i]));
	for (i = 0; i < THREADS + PROCESSES; i++)
		EXPECT_EQ(1, l[i].got);
	/* This thread has not registered. */
	EXPECT_EQ(0, signals());
	EXPECT_ERR(ENOENT, q_notify(self->fd, 0, 0, 0, 0));
}

static void *receive_5(void *arg)
{
	return (void *)q_look(*(int *)arg, BY_TYPE(5), 0, KIPC_FOREVER);
}

TEST_F(notify, not_if_a_receiver_waits)
{
	pthread_t thread;

	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_5, &self->fd));
	q_wait_waiters(self->fd, 0, 1, 0);
	EXPECT_EQ(0, q_put(self->fd, 5, 0, 1));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, signals());
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_5, &self->fd));
	q_wait_waiters(self->fd, 0, 1, 0);
	/* One for which nobody waits. */
	EXPECT_EQ(0, q_put(self->fd, 6, 0, 6));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(0, q_put(self->fd, 5, 0, 1));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, signals());
	EXPECT_EQ(6, q_take(self->fd, BY_FIRST));
}

/* What a batch brings is told once, by its first message. */
TEST_F(notify, batch)
{
	struct kipc_queue_send_item items[3] = {
		{ .type = 1 }, { .type = 2 }, { .type = 3 },
	};

	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, 1));
	ASSERT_EQ(3, q_send_batch(self->fd, items, 3, 0));
	EXPECT_EQ(1, signals());
}

/* Whoever has been told to go: thread, program, process. */

static void *register_and_end(void *arg)
{
	CHECK(!q_notify(*(int *)arg, NONEMPTY, 0, SIG, 1));
	return NULL;
}

TEST_F(notify, ends_with_the_thread)
{
	pthread_t thread;
	int i;

	for (i = 0; i < KIPC_NOTIFY_MAX + 10; i++) {
		/* Its place, too, is free again. */
		ASSERT_EQ(0, pthread_create(&thread, NULL, register_and_end,
					    &self->fd));
		pthread_join(thread, NULL);
	}
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(0, signals());
}

/* In a process that has all signals blocked: those that came are pending. */
static bool pending(pid_t pid)
{
	char path[64], text[4096], *p;
	uint64_t mask;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	CHECK(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	p = strstr(text, "\nSigPnd:");
	CHECK(p);
	mask = strtoull(p + 8, NULL, 16);
	p = strstr(text, "\nShdPnd:");
	CHECK(p);
	return mask | strtoull(p + 8, NULL, 16);
}

TEST_F(notify, ends_with_the_program)
{
	int *step = shared(sizeof(*step)), ends[2];
	pid_t pid;

	ASSERT_OK(pipe(ends));
	pid = spawn();
	if (!pid) {
		CHECK(!q_notify(self->fd, NONEMPTY, 0, SIG, 1));
		/* It keeps the handle. */
		CHECK(!fcntl(self->fd, F_SETFD, 0));
		CHECK(dup2(ends[0], 0) == 0 && !close(ends[1]));
		__atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
		wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 2);
		execl("/bin/sh", "sh", "-c", "read -r word; read -r word", NULL);
		_exit(1);
	}
	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 1);
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_TRUE(pending(pid));
	EXPECT_EQ(1, q_take(self->fd, BY_FIRST));
	EXPECT_EQ(128 + SIGKILL, slay(pid));

	*step = 0;
	pid = spawn();
	if (!pid) {
		CHECK(!q_notify(self->fd, NONEMPTY, 0, SIG, 1));
		CHECK(!fcntl(self->fd, F_SETFD, 0));
		CHECK(dup2(ends[0], 0) == 0 && !close(ends[1]));
		execl("/bin/sh", "sh", "-c", "read -r word; read -r word", NULL);
		_exit(1);
	}
	ASSERT_EQ(2, write(ends[1], "a\n", 2));
	/* When it has read that, it is another program. */
	wait_for(poll_mask(ends[0], POLLIN) == 0);
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_FALSE(pending(pid));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* A child has not registered what its parent has, and leaves it that. */
TEST_F(notify, fork_does_not_matter)
{
	pid_t pid;

	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, 1));
	pid = spawn();
	if (!pid) {
		CHECK_ERR(ENOENT, q_notify(self->fd, 0, 0, 0, 0));
		CHECK(!q_put(self->fd, 1, 0, 1));
		CHECK(signals() == 0);
		CHECK(q_take(self->fd, BY_FIRST) == 1);
		close(self->fd);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(1, signals());
}

/* A process that has gone is no trouble for those who are there. */
TEST_F(notify, ends_with_the_process)
{
	int *ready = shared(sizeof(*ready));
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!q_notify(self->fd, NONEMPTY, 0, SIGUSR2, 1));
		__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(ready, __ATOMIC_SEQ_CST));
	ASSERT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, 1));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(1, signals());
}

/* Of a sender whom the listener's pid namespace does not show. */
TEST_F(notify, unseen_sender)
{
	int *ready = shared(sizeof(*ready));
	pid_t pid;

	ASSERT_OK(unshare(CLONE_NEWPID));
	pid = spawn();
	if (!pid) {
		struct timespec patience = { .tv_sec = PATIENCE / SECOND };
		siginfo_t info;
		sigset_t set;

		CHECK(!pthread_sigmask(SIG_SETMASK, NULL, &set));
		CHECK(!q_notify(self->fd, NONEMPTY, 0, SIG, 1));
		__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
		CHECK(sigtimedwait(&set, &info, &patience) == SIG);
		CHECK(info.si_pid == 0 && info.si_uid == getuid());
		_exit(0);
	}
	wait_for(__atomic_load_n(ready, __ATOMIC_SEQ_CST));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(0, reap(pid));
}

TEST_F(notify, limits)
{
	uint64_t bytes = get_limit("max_bytes");
	int fds[KIPC_NOTIFY_MAX + 1], i;

	for (i = 0; i < KIPC_NOTIFY_MAX; i++) {
		fds[i] = k_narrow(self->fd, RECEIVE, 0);
		ASSERT_OK(q_notify(fds[i], NONEMPTY, 0, SIG, i));
	}
	EXPECT_ERR(ENOSPC, q_notify(self->fd, NONEMPTY, 0, SIG, i));
	/* One that takes the place of another is not one more. */
	EXPECT_OK(q_notify(fds[3], NONEMPTY, 0, SIG, i));
	EXPECT_EQ(0, q_put(self->fd, 1, 0, 1));
	EXPECT_EQ(KIPC_NOTIFY_MAX, signals());
	for (i = 0; i < KIPC_NOTIFY_MAX; i++)
		close(fds[i]);
	set_limit("max_bytes", 0);
	EXPECT_ERR(EDQUOT, q_notify(self->fd, NONEMPTY, 0, SIG, 0));
	set_limit("max_bytes", bytes);
	EXPECT_ERR(ENOENT, q_notify(self->fd, 0, 0, 0, 0));
	EXPECT_OK(q_notify(self->fd, NONEMPTY, 0, SIG, 0));
	EXPECT_OK(k_remove(self->fd));
	EXPECT_ERR(EIDRM, q_notify(self->fd, NONEMPTY, 0, SIG, 0));
	EXPECT_EQ(0, signals());
}

TEST_HARNESS_MAIN
