// SPDX-License-Identifier: GPL-2.0
/*
 * A sender or a receiver whose memory does not come: userfaultfd holds its page
 * fault for as long as it likes.  Others must not notice; when the page comes,
 * the call completes; when its process is killed, nothing is lost.
 */
#include "test.h"
#include "kmemory.h"
#include "stall.h"

#define STALLED_TAG 777

static pid_t stalled_sender(struct stage *st, int fd, size_t size, bool plain)
{
	pid_t pid = spawn();
	char *data;

	if (pid) {
		wait_for(__atomic_load_n(&st->stalled, __ATOMIC_SEQ_CST));
		return pid;
	}
	data = stalling_buffer(st, size, STALLED_TAG);
	if (plain)
		CHECK(write(fd, data, size) == (ssize_t)size);
	else
		CHECK(!k_send(fd, data, size, STALLED_TAG, after(60 * SECOND)));
	_exit(0);
}

static pid_t stalled_receiver(struct stage *st, int fd, size_t size)
{
	pid_t pid = spawn();
	struct kipc_letter l;
	char *data;

	if (pid) {
		wait_for(__atomic_load_n(&st->stalled, __ATOMIC_SEQ_CST));
		return pid;
	}
	data = stalling_buffer(st, size, 0);
	CHECK(k_recv(fd, data, size, &l, 0, after(60 * SECOND)) ==
	      (ssize_t)size);
	CHECK(filled(data, size, l.tag));
	_exit(0);
}

static void send_sized(int fd, size_t size, uint64_t tag)
{
	char *data = malloc(size);

	fill(data, size, tag);
	CHECK(!k_send(fd, data, size, tag, after(PATIENCE)));
	free(data);
}

/* The tag of the letter that came, 0 if there is none. */
static uint64_t recv_sized(int fd, size_t size, uint64_t deadline)
{
	char *data = malloc(size);
	struct kipc_letter l;
	ssize_t n = k_recv(fd, data, size, &l, 0, deadline);

	if (n < 0) {
		CHECK(errno == EAGAIN);
		l.tag = 0;
	} else {
		CHECK(n == (ssize_t)size && filled(data, size, l.tag));
	}
	free(data);
	return l.tag;
}

/* Third parties at work, while somebody is stalled. */
static void go_on(int fd, size_t size)
{
	uint64_t i;

	for (i = 1000; i < 1030; i++) {
		send_sized(fd, size, i);
		CHECK(recv_sized(fd, size, after(PATIENCE)) == i);
	}
}

FIXTURE(fault) {
	struct stage *st;
	int fd;
};

FIXTURE_VARIANT(fault) {
	uint64_t letters, bytes;
	uint32_t size;
};

FIXTURE_VARIANT_ADD(fault, one_small) { 1, 64, 64 };
FIXTURE_VARIANT_ADD(fault, one_page) { 1, 4096, 4096 };
FIXTURE_VARIANT_ADD(fault, one_large) { 1, 65536, 65536 };
FIXTURE_VARIANT_ADD(fault, small) { 8, 8 * 64, 64 };
FIXTURE_VARIANT_ADD(fault, page) { 8, 8 * 4096, 4096 };
FIXTURE_VARIANT_ADD(fault, large) { 8, 8 * 65536, 65536 };
FIXTURE_VARIANT_ADD(fault, huge) { 4, 4 << 20, 1 << 20 };

FIXTURE_SETUP(fault)
{
	int uffd = open_uffd();

	if (uffd < 0)
		SKIP_FROM_SETUP("no userfaultfd: %s", strerror(errno));
	close(uffd);
	self->st = shared(sizeof(*self->st));
	self->fd = box(variant->letters, variant->bytes, variant->size, 0);
}

FIXTURE_TEARDOWN(fault)
{
	close(self->fd);
}

TEST_F(fault, sender)
{
	pid_t pid;

	pid = stalled_sender(self->st, self->fd, variant->size, false);
	go_on(self->fd, variant->size);
	EXPECT_EQ(0, stat_of(self->fd).letters);
	EXPECT_EQ(POLLOUT, poll_mask(self->fd, POLLIN | POLLOUT));
	__atomic_store_n(&self->st->resolve, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(STALLED_TAG, recv_sized(self->fd, variant->size,
					  after(PATIENCE)));
	EXPECT_EQ(0, reap(pid));
}

TEST_F(fault, writer)
{
	char *data;
	pid_t pid;

	data = malloc(variant->size);
	pid = stalled_sender(self->st, self->fd, variant->size, true);
	go_on(self->fd, variant->size);
	__atomic_store_n(&self->st->resolve, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(variant->size, read(self->fd, data, variant->size));
	EXPECT_TRUE(filled(data, variant->size, STALLED_TAG));
	free(data);
}

TEST_F(fault, killed_sender)
{
	pid_t pid;

	pid = stalled_sender(self->st, self->fd, variant->size, false);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(0, stat_of(self->fd).letters);
	EXPECT_EQ(0, stat_of(self->fd).bytes);
	EXPECT_EQ(0, stat_of(self->fd).sent);
	EXPECT_EQ(POLLOUT, poll_mask(self->fd, POLLIN | POLLOUT));
	go_on(self->fd, variant->size);
}

TEST_F(fault, receiver)
{
	uint64_t taken;
	pid_t pid;

	send_sized(self->fd, variant->size, 1);
	pid = stalled_receiver(self->st, self->fd, variant->size);
	/* Only the receive that is stalled may be overtaken. */
	taken = recv_sized(self->fd, variant->size, 0);
	EXPECT_TRUE(taken == 0 || taken == 1);
	go_on(self->fd, variant->size);
	/* It gets its letter, or the next. */
	if (taken)
		send_sized(self->fd, variant->size, 2);
	__atomic_store_n(&self->st->resolve, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, stat_of(self->fd).letters);
	EXPECT_EQ(stat_of(self->fd).sent, stat_of(self->fd).received);
}

TEST_F(fault, killed_receiver)
{
	struct kipc_letter l;
	uint64_t i, n = variant->letters < 3 ? 1 : 3;
	char *data;
	pid_t pid;

	data = malloc(variant->size);
	for (i = 1; i <= n; i++)
		send_sized(self->fd, variant->size, i);
	pid = stalled_receiver(self->st, self->fd, variant->size);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(n, stat_of(self->fd).letters);
	EXPECT_EQ(n * variant->size, stat_of(self->fd).bytes);
	EXPECT_EQ(0, stat_of(self->fd).received);
	EXPECT_TRUE(poll_mask(self->fd, POLLIN) & POLLIN);
	for (i = 1; i <= n; i++) {
		ASSERT_EQ(variant->size, k_recv(self->fd, data, variant->size,
						&l, 0, 0));
		EXPECT_EQ(i, l.seq);
		EXPECT_EQ(i, l.tag);
		EXPECT_TRUE(filled(data, variant->size, i));
	}
	go_on(self->fd, variant->size);
	free(data);
}

/* The letter of one who is stalled is not in the way of those who drop. */
TEST_F(fault, drop_oldest)
{
	uint64_t i;
	pid_t pid;
	int fd;

	fd = box(variant->letters, variant->bytes, variant->size,
		 KIPC_MAILBOX_DROP_OLDEST);
	send_sized(fd, variant->size, 1);
	pid = stalled_receiver(self->st, fd, variant->size);
	for (i = 2; i < 40; i++)
		send_sized(fd, variant->size, i);
	EXPECT_EQ(variant->letters, stat_of(fd).letters);
	__atomic_store_n(&self->st->resolve, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(pid));
	close(fd);
}

/* A call that may fail, in a process that heeds SIGUSR1. */
static pid_t stalled_call(struct stage *st, int fd, size_t size, bool send,
			  uint64_t deadline, int sa_flags)
{
	pid_t pid;
	char *data;
	long ret;

	memset(st, 0, sizeof(*st));
	pid = spawn();
	if (pid) {
		wait_for(__atomic_load_n(&st->stalled, __ATOMIC_SEQ_CST));
		return pid;
	}
	count_signals(SIGUSR1, sa_flags, &st->signals);
	data = stalling_buffer(st, size, STALLED_TAG);
	if (send)
		ret = k_send(fd, data, size, STALLED_TAG, deadline);
	else
		ret = k_recv(fd, data, size, NULL, 0, deadline);
	st->result = ret < 0 ? errno : 0;
	_exit(0);
}

static int result_of(struct stage *st, pid_t pid)
{
	__atomic_store_n(&st->resolve, 1, __ATOMIC_SEQ_CST);
	CHECK(!reap(pid));
	return st->result;
}

/*
 * A signal that comes while the page is missing: the call has done nothing, and
 * says so or begins anew.  Only a large letter has been read by then, once and
 * for all.
 */
TEST_F(fault, interrupted)
{
	int fd, send, restart;
	bool goes_on;
	pid_t pid;

	for (send = 0; send < 2; send++) {
		for (restart = 0; restart < 2; restart++) {
			fd = box(variant->letters, variant->bytes,
				 variant->size, 0);
			if (!send)
				send_sized(fd, variant->size, 1);
			pid = stalled_call(self->st, fd, variant->size, send,
					   after(60 * SECOND),
					   restart ? SA_RESTART : 0);
			ASSERT_EQ(0, syscall(SYS_tgkill, pid, pid, SIGUSR1));
			goes_on = restart || (send && variant->size > PAGE);
			EXPECT_EQ(goes_on ? 0 : EINTR,
				  result_of(self->st, pid));
			EXPECT_EQ(1, self->st->signals);
			EXPECT_EQ(goes_on == send, stat_of(fd).letters);
			EXPECT_EQ(goes_on && !send, stat_of(fd).received);
			close(fd);
		}
	}
	EXPECT_EQ(1, total("objects"));
}

TEST_F(fault, removed)
{
	int fd, send, meet;
	pid_t pid;

	for (send = 0; send < 2; send++) {
		for (meet = 0; meet <= send; meet++) {
			fd = meet ? rendezvous_box(variant->size) :
				box(variant->letters, variant->bytes,
				    variant->size, 0);
			if (!send)
				send_sized(fd, variant->size, 1);
			pid = stalled_call(self->st, fd, variant->size, send,
					   after(60 * SECOND), 0);
			ASSERT_OK(k_remove(fd));
			EXPECT_EQ(EIDRM, result_of(self->st, pid));
			EXPECT_EQ(0, stat_of(fd).letters);
			EXPECT_EQ(!send, stat_of(fd).sent);
			close(fd);
		}
	}
	EXPECT_EQ(1, total("objects"));
}

/* One that does not wait has seen a receiver; when it could send, there is none. */
TEST_F(fault, receiver_left_meanwhile)
{
	int fd = rendezvous_box(variant->size);
	pid_t pid, other;

	other = spawn();
	if (!other) {
		recv_sized(fd, variant->size, KIPC_FOREVER);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, other);
	pid = stalled_call(self->st, fd, variant->size, true, KIPC_NO_WAIT, 0);
	EXPECT_EQ(128 + SIGKILL, slay(other));
	EXPECT_EQ(EAGAIN, result_of(self->st, pid));
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(0, stat_of(fd).sent);
	close(fd);
}

TEST_F(fault, rendezvous)
{
	pid_t pid, first, second, third;
	int kill_it, fd;

	for (kill_it = 0; kill_it < 2; kill_it++) {
		memset(self->st, 0, sizeof(*self->st));
		fd = rendezvous_box(variant->size);
		first = spawn();
		if (!first) {
			send_sized(fd, variant->size, 1);
			_exit(0);
		}
		wait_waiters(fd, 1, 0, first);
		pid = stalled_receiver(self->st, fd, variant->size);
		/* Another pair meets, whoever of the senders is served. */
		second = spawn();
		if (!second) {
			send_sized(fd, variant->size, 2);
			_exit(0);
		}
		third = spawn();
		if (!third) {
			CHECK(recv_sized(fd, variant->size, after(PATIENCE)));
			_exit(0);
		}
		EXPECT_EQ(0, reap(third));
		if (kill_it) {
			EXPECT_EQ(128 + SIGKILL, slay(pid));
			EXPECT_TRUE(recv_sized(fd, variant->size,
					       after(PATIENCE)));
		} else {
			__atomic_store_n(&self->st->resolve, 1,
					 __ATOMIC_SEQ_CST);
			EXPECT_EQ(0, reap(pid));
		}
		EXPECT_EQ(0, reap(first));
		EXPECT_EQ(0, reap(second));
		EXPECT_EQ(2, stat_of(fd).received);
		close(fd);
	}
}

/* Who sets the size of memory, while somebody writes its memfd from there, can be killed. */
TEST(size_of_memory)
{
	struct stage *st = shared(sizeof(*st));
	int uffd = open_uffd(), fd;
	pid_t writer, pid;

	if (uffd < 0)
		SKIP(return, "no userfaultfd: %s", strerrorname_np(errno));
	fd = memory_of(PAGE);
	writer = spawn();
	if (!writer) {
		CHECK(write(m_fd(fd), stalling_buffer(st, PAGE, 1), PAGE) == PAGE);
		_exit(0);
	}
	wait_for(__atomic_load_n(&st->stalled, __ATOMIC_SEQ_CST));
	pid = spawn();
	if (!pid) {
		m_size(fd, 2 * PAGE);
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'D');
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(PAGE, total("memory"));
	__atomic_store_n(&st->resolve, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(writer));
	EXPECT_OK(m_size(fd, 2 * PAGE));
	EXPECT_EQ(2 * PAGE, total("memory"));
}

TEST_HARNESS_MAIN
