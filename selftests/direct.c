// SPDX-License-Identifier: GPL-2.0
/*
 * Direct communication: what a process has published is opened by its pid, as long as
 * the process lives and the handle is open.
 */
#include "test.h"
#include "direct.h"

#include <pthread.h>

/* Many wait here without a cost, until it is opened. */
static int gate[2];

static void wait_at_gate(void)
{
	char c;

	close(gate[1]);
	CHECK(read(gate[0], &c, 1) == 0);
	_exit(0);
}

FIXTURE(direct) {
	int ctl, fd;
	uint64_t id;
};

FIXTURE_SETUP(direct)
{
	step = shared(sizeof(*step));
	CHECK(!pipe2(gate, O_CLOEXEC));
	self->ctl = control();
	self->fd = default_box();
	self->id = id_of(self->fd);
}

FIXTURE_TEARDOWN(direct)
{
}

TEST_F(direct, a_letter_to_a_process)
{
	struct kipc_letter l;
	struct kipc_info info;
	uint64_t number;
	pid_t pid = spawn();
	int fd;

	if (!pid) {
		/* Nobody else has this one. */
		int own = default_box();

		CHECK(!k_publish(own));
		reach(1);
		CHECK(k_recv(own, &number, 8, &l, 0, after(PATIENCE)) == 8);
		CHECK(number == 7 && l.pid == getppid());
		_exit(0);
	}
	await(1);
	fd = k_open_pid(self->ctl, pid, SEND, 0);
	ASSERT_OK(fd);
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(KIPC_KIND_MAILBOX, info.kind);
	EXPECT_EQ(SEND, info.rights);
	EXPECT_EQ(0, info.name_len);
	EXPECT_NE(self->id, info.id);
	EXPECT_EQ(2, info.handles);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_WRONLY, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	/* To send, and nothing else. */
	EXPECT_ERR(EBADF, k_recv(fd, &number, 8, NULL, 0, 0));
	EXPECT_ERR(EPERM, k_remove(fd));
	EXPECT_ERR(EPERM, k_narrow(fd, RECEIVE, 0));
	EXPECT_OK(send_number(fd, 7));
	EXPECT_EQ(0, reap(pid));
}

TEST_F(direct, own)
{
	EXPECT_EQ(-ENOENT, published(getpid()));
	ASSERT_OK(k_publish(self->fd));
	EXPECT_EQ(self->id, published(getpid()));
	ASSERT_OK(k_unpublish(self->fd));
	EXPECT_EQ(-ENOENT, published(getpid()));
	EXPECT_ERR(ENOENT, k_unpublish(self->fd));
}

TEST_F(direct, flags)
{
	int fd;

	ASSERT_OK(k_publish(self->fd));
	fd = k_open_pid(self->ctl, getpid(), SEND, KIPC_NONBLOCK);
	ASSERT_OK(fd);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	fd = k_open_pid(self->ctl, getpid(), SEND, KIPC_INHERIT);
	ASSERT_OK(fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_ERR(EINVAL, k_open_pid(self->ctl, getpid(), SEND, KIPC_EXCL));
}

TEST_F(direct, arguments)
{
	ASSERT_OK(k_publish(self->fd));
	EXPECT_ERR(EINVAL, k_open_pid(self->ctl, 0, SEND, 0));
	EXPECT_ERR(EINVAL, k_open_pid(self->ctl, -1, SEND, 0));
	EXPECT_ERR(EINVAL, k_open_pid(self->ctl, -getpid(), SEND, 0));
	EXPECT_ERR(EINVAL, k_open_pid(self->ctl, getpid(), 0, 0));
	EXPECT_ERR(EINVAL, k_open_pid(self->ctl, getpid(), RECEIVE, 0));
	EXPECT_ERR(EINVAL, k_open_pid(self->ctl, getpid(), ALL_RIGHTS, 0));
	EXPECT_ERR(ESRCH, k_open_pid(self->ctl, 1 << 30, SEND, 0));
	EXPECT_ERR(ENOTTY, k_publish(self->ctl));
	EXPECT_ERR(EBADF, k_publish(-1));
	EXPECT_ERR(ENOTTY, k_open_pid(self->fd, getpid(), SEND, 0));
}

/* What is given away is the right to send. */
TEST_F(direct, needs_the_right_to_send)
{
	int sender = k_narrow(self->fd, SEND, 0);
	int other = k_narrow(self->fd, RECEIVE | MANAGE, 0);

	EXPECT_ERR(EPERM, k_publish(other));
	EXPECT_EQ(-ENOENT, published(getpid()));
	ASSERT_OK(k_publish(sender));
	EXPECT_EQ(self->id, published(getpid()));
	/* A failure leaves what there is. */
	EXPECT_ERR(EPERM, k_publish(other));
	EXPECT_EQ(self->id, published(getpid()));
}

TEST_F(direct, one_at_a_time)
{
	int second = default_box();

	ASSERT_OK(k_publish(self->fd));
	ASSERT_OK(k_publish(second));
	EXPECT_EQ(id_of(second), published(getpid()));
	EXPECT_ERR(ENOENT, k_unpublish(self->fd));
	EXPECT_EQ(id_of(second), published(getpid()));
	/* The first one has nothing to do with it any more. */
	close(self->fd);
	EXPECT_EQ(id_of(second), published(getpid()));
	/* Twice the same is once. */
	ASSERT_OK(k_publish(second));
	ASSERT_OK(k_unpublish(second));
	EXPECT_EQ(-ENOENT, published(getpid()));
}

/* It belongs to the handle, not to one of its descriptors, nor to the object. */
TEST_F(direct, ends_with_its_handle)
{
	int sender = k_narrow(self->fd, SEND, 0), twin, there;

	ASSERT_OK(k_publish(sender));
	twin = dup(sender);
	close(sender);
	EXPECT_EQ(self->id, published(getpid()));
	there = k_open_pid(self->ctl, getpid(), SEND, 0);
	ASSERT_OK(there);
	close(twin);
	EXPECT_EQ(-ENOENT, published(getpid()));
	/* The object lives on, and so do the handles that others have. */
	EXPECT_OK(send_number(there, 1));
	EXPECT_EQ(1, recv_number(self->fd));
}

/* Nobody else has a handle: who opened it keeps the object alive. */
TEST_F(direct, outlives_its_publisher)
{
	pid_t pid = spawn();
	int fd;

	if (!pid) {
		CHECK(!k_publish(default_box()));
		reach(1);
		for (;;)
			pause();
	}
	await(1);
	fd = k_open_pid(self->ctl, pid, SEND, 0);
	ASSERT_OK(fd);
	slay(pid);
	EXPECT_EQ(-ESRCH, published(pid));
	EXPECT_EQ(2, total("objects"));
	EXPECT_OK(send_number(fd, 1));
	close(fd);
	EXPECT_EQ(1, total("objects"));
}

TEST_F(direct, removed)
{
	int second = default_box();

	ASSERT_OK(k_publish(self->fd));
	ASSERT_OK(k_remove(self->fd));
	EXPECT_ERR(EIDRM, k_open_pid(self->ctl, getpid(), SEND, 0));
	EXPECT_ERR(EIDRM, k_publish(self->fd));
	ASSERT_OK(k_publish(second));
	ASSERT_OK(k_remove(second));
	EXPECT_OK(k_unpublish(second));
	EXPECT_EQ(-ENOENT, published(getpid()));
}

/* Of any thread, in the process's number alone. */

static void *publish_and_wait(void *fd)
{
	CHECK(!k_publish(*(int *)fd));
	reach(syscall(SYS_gettid));
	for (;;)
		pause();
	return NULL;
}

TEST_F(direct, threads)
{
	pthread_t thread;
	pid_t tid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, publish_and_wait, &self->fd));
	await(1);
	tid = __atomic_load_n(step, __ATOMIC_SEQ_CST);
	EXPECT_EQ(self->id, published(getpid()));
	EXPECT_NE(getpid(), tid);
	EXPECT_EQ(-ESRCH, published(tid));
	ASSERT_OK(k_unpublish(self->fd));
	EXPECT_EQ(-ENOENT, published(getpid()));
}

TEST_F(direct, first_thread_is_gone)
{
	pthread_t thread;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!pthread_create(&thread, NULL, publish_and_wait,
				      &self->fd));
		syscall(SYS_exit, 0);
	}
	await(1);
	wait_for(task_state(pid, pid) == 'Z');
	/* The process is not, and can be asked. */
	EXPECT_EQ(self->id, published(pid));
	slay(pid);
	EXPECT_EQ(-ESRCH, published(pid));
}

/* Death. */

TEST_F(direct, dead)
{
	siginfo_t info;
	pid_t pid = publisher(self->fd), again;

	EXPECT_EQ(self->id, published(pid));
	reach(2);
	/* A zombie, and its handle still is open here. */
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(-ESRCH, published(pid));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(-ESRCH, published(pid));

	/* Another process that has got the same number. */
	reach(0);
	again = spawn_as(pid);
	if (!again) {
		await(1);
		_exit(0);
	}
	EXPECT_EQ(-ENOENT, published(pid));
	reach(1);
	EXPECT_EQ(0, reap(again));
	EXPECT_OK(send_number(self->fd, 1));
}

/* A child has the handle, but has published nothing: it may do so itself. */
TEST_F(direct, fork)
{
	int other = default_box();
	pid_t pid;

	ASSERT_OK(k_publish(self->fd));
	pid = spawn();
	if (!pid) {
		CHECK(published(getpid()) == -ENOENT);
		CHECK_ERR(ENOENT, k_unpublish(self->fd));
		CHECK(published(getppid()) == (int64_t)self->id);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(self->id, published(getpid()));

	pid = publisher(self->fd);
	EXPECT_EQ(self->id, published(pid));
	EXPECT_EQ(self->id, published(getpid()));
	/* Each has its own. */
	ASSERT_OK(k_publish(other));
	EXPECT_EQ(self->id, published(pid));
	EXPECT_EQ(id_of(other), published(getpid()));
	slay(pid);
	EXPECT_EQ(id_of(other), published(getpid()));
}

/* The last close takes it from all who have published by this handle. */
TEST_F(direct, closed_for_many)
{
	enum { MANY = 150 };
	int sender = k_narrow(self->fd, SEND, 0), i;
	pid_t pids[MANY];

	for (i = 0; i < MANY; i++) {
		reach(0);
		pids[i] = spawn();
		if (!pids[i]) {
			CHECK(!k_publish(sender));
			close(sender);
			reach(1);
			wait_at_gate();
		}
		await(1);
	}
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(self->id, published(pids[i]));
	close(sender);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(-ENOENT, published(pids[i]));
	close(gate[1]);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, reap(pids[i]));
}

/* So many that some share a bucket of the module's table; each has its own. */
TEST_F(direct, crowd)
{
	enum { CROWD = 400 };
	uint64_t *ids = shared(CROWD * sizeof(*ids));
	int n = effort(CROWD), i;
	pid_t pids[CROWD];

	for (i = 0; i < n; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			int own = box(1, 8, 8, 0);

			CHECK(!k_publish(own));
			__atomic_store_n(&ids[i], id_of(own), __ATOMIC_SEQ_CST);
			wait_at_gate();
		}
	}
	for (i = 0; i < n; i++) {
		wait_for(__atomic_load_n(&ids[i], __ATOMIC_SEQ_CST));
		EXPECT_EQ(ids[i], published(pids[i]));
	}
	close(gate[1]);
	for (i = 0; i < n; i++) {
		EXPECT_EQ(0, reap(pids[i]));
		EXPECT_EQ(-ESRCH, published(pids[i]));
	}
}

/* Exec. */

static void *exec_cat(void *unused)
{
	(void)unused;
	execl("/bin/cat", "cat", (char *)NULL);
	CHECK(!"/bin/cat");
	return NULL;
}

/*
 * What is published after exec by a process that has published, by a handle of its
 * own: the program answers what it is told, so it is known that it runs.
 */
static int64_t published_after_exec(int fd, unsigned int flags, bool by_thread)
{
	int to[2], from[2];
	pthread_t thread;
	int64_t ret;
	char c = 'x';
	pid_t pid;

	CHECK(!pipe2(to, O_CLOEXEC) && !pipe2(from, O_CLOEXEC));
	pid = spawn();
	if (!pid) {
		CHECK(!k_publish(k_narrow(fd, SEND, flags)));
		CHECK(published(getpid()) > 0);
		CHECK(dup2(to[0], 0) == 0 && dup2(from[1], 1) == 1);
		if (!by_thread)
			exec_cat(NULL);
		CHECK(!pthread_create(&thread, NULL, exec_cat, NULL));
		for (;;)
			pause();
	}
	close(from[1]);
	CHECK(write(to[1], &c, 1) == 1 && read(from[0], &c, 1) == 1);
	ret = published(pid);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	CHECK(!reap(pid));
	return ret;
}

TEST_F(direct, exec)
{
	EXPECT_EQ(-ENOENT, published_after_exec(self->fd, KIPC_INHERIT, false));
	EXPECT_EQ(-ENOENT, published_after_exec(self->fd, KIPC_INHERIT, true));
	EXPECT_EQ(-ENOENT, published_after_exec(self->fd, 0, false));
	EXPECT_EQ(-ENOENT, published_after_exec(self->fd, 0, true));
}

/* The handle that is opened is a sender like any other. */
TEST_F(direct, hang_up)
{
	int fd = box(4, 64, 16, KIPC_MAILBOX_HANGUP), sender, there;
	int receiver = k_narrow(fd, RECEIVE, 0);
	uint64_t number;

	sender = k_narrow(fd, SEND, 0);
	close(fd);
	ASSERT_OK(k_publish(sender));
	there = k_open_pid(self->ctl, getpid(), SEND, 0);
	ASSERT_OK(there);
	close(sender);
	EXPECT_ERR(EAGAIN, k_recv(receiver, &number, 8, NULL, 0, 0));
	EXPECT_OK(send_number(there, 5));
	close(there);
	EXPECT_EQ(5, recv_number(receiver));
	EXPECT_ERR(EPIPE, k_recv(receiver, &number, 8, NULL, 0, 0));
}

TEST_HARNESS_MAIN
