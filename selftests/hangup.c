// SPDX-License-Identifier: GPL-2.0
/* KIPC_MAILBOX_HANGUP: the last sender has gone, the last receiver has gone. */
#include "test.h"

#include <pthread.h>
#include <sys/syscall.h>

static const struct kipc_mailbox_attr attr = { 4, 64, 16, KIPC_MAILBOX_HANGUP };
static const struct kipc_mailbox_attr meet = { 0, 0, 16, KIPC_MAILBOX_HANGUP };

static int make(const char *name, const struct kipc_mailbox_attr *with,
		unsigned int rights)
{
	int ctl = control();
	int fd = k_create(ctl, name, with, 0600, rights, 0);

	CHECK(fd >= 0);
	close(ctl);
	return fd;
}

static int open_(const char *name, unsigned int rights)
{
	int ctl = control();
	int fd = k_open(ctl, name, rights, 0);

	CHECK(fd >= 0);
	close(ctl);
	return fd;
}

TEST(no_hang_up_without_the_flag)
{
	int fd = default_box();
	int in = k_narrow(fd, RECEIVE, 0);
	char data[8];

	close(fd);
	EXPECT_ERR(EAGAIN, k_recv(in, data, 8, NULL, 0, 0));
	EXPECT_ERR(ETIMEDOUT, k_recv(in, data, 8, NULL, 0, after(MS)));
	EXPECT_EQ(0, poll_mask(in, POLLIN | POLLOUT));
}

TEST(not_before_there_was_one)
{
	const char *name = temp_name("early");
	int in = make(name, &attr, RECEIVE | MANAGE);
	char data[8];
	int out;

	EXPECT_ERR(EAGAIN, k_recv(in, data, 8, NULL, 0, 0));
	EXPECT_EQ(0, poll_mask(in, POLLIN));
	out = open_(name, SEND);
	EXPECT_ERR(EAGAIN, k_recv(in, data, 8, NULL, 0, 0));
	close(out);
	EXPECT_ERR(EPIPE, k_recv(in, data, 8, NULL, 0, 0));

	name = temp_name("early");
	out = make(name, &attr, SEND);
	EXPECT_OK(k_send(out, data, 8, 0, 0));
	EXPECT_EQ(POLLOUT, poll_mask(out, POLLOUT));
	in = open_(name, RECEIVE);
	close(in);
	EXPECT_ERR(EPIPE, k_send(out, data, 8, 0, 0));
}

TEST(last_sender)
{
	const char *name = temp_name("last");
	int in = make(name, &attr, RECEIVE), one, two;
	char data[16];

	one = open_(name, SEND);
	two = k_narrow(one, SEND, 0);
	ASSERT_OK(k_send(one, "abc", 3, 0, 0));
	ASSERT_OK(k_send(one, "def", 3, 0, 0));
	close(one);
	EXPECT_EQ(POLLIN, poll_mask(in, POLLIN | POLLOUT));
	close(two);
	/* What was sent is still to be had. */
	EXPECT_EQ(POLLIN, poll_mask(in, POLLIN | POLLOUT));
	EXPECT_EQ(3, read(in, data, sizeof(data)));
	EXPECT_EQ(3, k_recv(in, data, sizeof(data), NULL, 0, 0));
	EXPECT_EQ(0, read(in, data, sizeof(data)));
	EXPECT_EQ(0, read(in, data, sizeof(data)));
	EXPECT_ERR(EPIPE, k_recv(in, data, sizeof(data), NULL, 0, 0));
	EXPECT_ERR(EPIPE, k_recv(in, data, sizeof(data), NULL, 0,
				 KIPC_FOREVER));
	EXPECT_ERR(EPIPE, k_recv(in, data, sizeof(data), NULL, KIPC_RECV_PEEK,
				 0));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(in, POLLIN | POLLOUT));
	/* O_NONBLOCK makes no difference. */
	ASSERT_OK(fcntl(in, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, read(in, data, sizeof(data)));

	/* Until there is another. */
	one = open_(name, SEND);
	EXPECT_EQ(0, poll_mask(in, POLLIN));
	EXPECT_ERR(EAGAIN, read(in, data, sizeof(data)));
	close(one);
	EXPECT_EQ(0, read(in, data, sizeof(data)));
}

/* An empty letter is none of the ways to say good-bye. */
TEST(empty_letter_is_not_the_end)
{
	const char *name = temp_name("empty");
	int in = make(name, &attr, RECEIVE);
	int out = open_(name, SEND);
	struct kipc_letter l;
	char data[16];

	ASSERT_OK(k_send(out, NULL, 0, 7, 0));
	close(out);
	EXPECT_ERR(EBADMSG, read(in, data, sizeof(data)));
	EXPECT_EQ(0, k_recv(in, data, sizeof(data), &l, 0, 0));
	EXPECT_EQ(7, l.tag);
	EXPECT_EQ(0, read(in, data, sizeof(data)));
}

TEST(last_receiver)
{
	const char *name = temp_name("none");
	int out = make(name, &attr, SEND), one, two;
	char data[16] = "";

	one = open_(name, RECEIVE);
	two = k_narrow(one, RECEIVE, 0);
	ASSERT_OK(k_send(out, data, 8, 0, 0));
	close(one);
	ASSERT_OK(k_send(out, data, 8, 0, 0));
	close(two);
	/* SIGPIPE would end this test. */
	EXPECT_ERR(EPIPE, k_send(out, data, 8, 0, 0));
	EXPECT_ERR(EPIPE, k_send(out, data, 8, 0, KIPC_FOREVER));
	EXPECT_ERR(EPIPE, write(out, data, 8));
	EXPECT_EQ(POLLOUT | POLLERR, poll_mask(out, POLLIN | POLLOUT));
	EXPECT_EQ(2, stat_of(out).sent);
	one = open_(name, RECEIVE);
	EXPECT_OK(k_send(out, data, 8, 0, 0));
	EXPECT_EQ(POLLOUT, poll_mask(out, POLLIN | POLLOUT));
	EXPECT_EQ(3, stat_of(out).letters);
}

TEST(dup_and_fork_hold_it)
{
	const char *name = temp_name("held");
	int in = make(name, &attr, RECEIVE);
	int out = open_(name, SEND), copy = dup(out);
	int *go = shared(sizeof(*go));
	char data[8];
	pid_t pid;

	close(out);
	EXPECT_ERR(EAGAIN, k_recv(in, data, 8, NULL, 0, 0));
	pid = spawn();
	if (!pid) {
		wait_for(__atomic_load_n(go, __ATOMIC_SEQ_CST));
		_exit(0);
	}
	close(copy);
	EXPECT_ERR(EAGAIN, k_recv(in, data, 8, NULL, 0, 0));
	__atomic_store_n(go, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(EPIPE, k_recv(in, data, 8, NULL, 0, 0));
}

TEST(waiting_receivers_are_woken)
{
	const char *name = temp_name("wake");
	int in = make(name, &attr, RECEIVE);
	int out = open_(name, SEND);
	struct pollfd p = { .fd = in, .events = POLLIN };
	pid_t pids[3];
	char data[8];
	int i;

	for (i = 0; i < 3; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			close(out);
			if (i == 0)
				CHECK(read(in, data, 8) == 0);
			else if (i == 1)
				CHECK_ERR(EPIPE, k_recv(in, data, 8, NULL, 0,
							KIPC_FOREVER));
			else
				CHECK(poll_woken(&p) == 1 &&
				      p.revents == (POLLIN | POLLHUP));
			_exit(0);
		}
		wait_waiters(in, 0, i < 2 ? i + 1 : 2, pids[i]);
	}
	close(out);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(pids[i]));
}

TEST(waiting_senders_are_woken)
{
	static const struct kipc_mailbox_attr *const kinds[] = { &attr, &meet };
	char data[16] = "";
	size_t k;

	for (k = 0; k < 2; k++) {
		const char *name = temp_name("wakes");
		int out = make(name, kinds[k], SEND);
		int in = open_(name, RECEIVE);
		pid_t pids[2];
		int i;

		while (!k_send(out, data, 16, 0, 0))
			;
		EXPECT_EQ(EAGAIN, errno);
		for (i = 0; i < 2; i++) {
			pids[i] = spawn();
			if (!pids[i]) {
				close(in);
				if (i)
					CHECK_ERR(EPIPE, write(out, data, 16));
				else
					CHECK_ERR(EPIPE,
						  k_send(out, data, 16, 0,
							 KIPC_FOREVER));
				_exit(0);
			}
			wait_waiters(out, i + 1, 0, pids[i]);
		}
		close(in);
		EXPECT_EQ(0, reap(pids[0]));
		EXPECT_EQ(0, reap(pids[1]));
		EXPECT_TRUE(has_waiters(out, 0, 0));
	}
}

struct readers {
	int in;
	int stop;
	int polling;
};

static void *read_the_end(void *arg)
{
	struct readers *r = arg;
	char data[16];

	CHECK(read(r->in, data, sizeof(data)) == 0);
	return NULL;
}

static void *poll_the_end(void *arg)
{
	struct readers *r = arg;
	struct pollfd p = { .fd = r->in, .events = POLLIN };

	__atomic_store_n(&r->polling, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	CHECK(poll_woken(&p) == 1 && p.revents == (POLLIN | POLLHUP));
	return NULL;
}

static void *look_all_the_time(void *arg)
{
	struct readers *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST))
		poll_mask(r->in, POLLIN);
	return NULL;
}

/* More than are woken in one go, while others look at the state in between. */
TEST(seen_by_pollers_beside_a_crowd)
{
	enum { CROWD = 64 };
	pthread_t threads[CROWD], poller, looker;
	int round, rounds = effort(20), i;

	for (round = 0; round < rounds; round++) {
		const char *name = temp_name("crowd");
		struct readers r = { .in = make(name, &attr, RECEIVE) };
		int out = open_(name, SEND);

		for (i = 0; i < CROWD; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL,
						    read_the_end, &r));
		wait_waiters(r.in, 0, CROWD, 0);
		ASSERT_EQ(0, pthread_create(&poller, NULL, poll_the_end, &r));
		wait_for(__atomic_load_n(&r.polling, __ATOMIC_SEQ_CST) &&
			 task_state(getpid(), r.polling) == 'S');
		ASSERT_EQ(0, pthread_create(&looker, NULL, look_all_the_time,
					    &r));
		close(out);
		for (i = 0; i < CROWD; i++)
			pthread_join(threads[i], NULL);
		pthread_join(poller, NULL);
		__atomic_store_n(&r.stop, 1, __ATOMIC_SEQ_CST);
		pthread_join(looker, NULL);
		close(r.in);
	}
}

TEST(killed_sender_hangs_up)
{
	const char *name = temp_name("dead");
	int in = make(name, &attr, RECEIVE);
	char data[16];
	pid_t pid = spawn();

	if (!pid) {
		int out = open_(name, SEND);

		CHECK(!k_send(out, "last", 4, 0, 0));
		for (;;)
			pause();
	}
	ASSERT_EQ(4, k_recv(in, data, 16, NULL, 0, after(PATIENCE)));
	EXPECT_ERR(EAGAIN, k_recv(in, data, 16, NULL, 0, 0));
	slay(pid);
	EXPECT_EQ(0, read(in, data, 16));
}

TEST_HARNESS_MAIN
