// SPDX-License-Identifier: GPL-2.0
/* Messages of a queue: headers, sizes, selectors; peek, truncate; read, write. */
#include "test.h"
#include "kqueue.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

TEST(first_in_first_out)
{
	int fd = default_queue();
	struct kipc_message m;
	uint64_t i, got;

	for (i = 1; i <= 1000; i++)
		ASSERT_EQ(0, q_put(fd, 1000 - i, i % 7, i));
	for (i = 1; i <= 1000; i++) {
		ASSERT_EQ(8, q_recv(fd, &got, 8, BY_FIRST, &m, 0, 0));
		ASSERT_EQ(i, got);
		ASSERT_EQ(i, m.seq);
		ASSERT_EQ(1000 - i, m.type);
		ASSERT_EQ(i % 7, m.priority);
		ASSERT_EQ(8, m.size);
		ASSERT_EQ(0, m.flags);
	}
	EXPECT_ERR(EAGAIN, q_recv(fd, &got, 8, BY_FIRST, &m, 0, 0));
}

static void *send_from_thread(void *arg)
{
	int *shared_ids = arg;

	shared_ids[1] = syscall(SYS_gettid);
	CHECK(!q_put(shared_ids[0], 1, 0, 1));
	return NULL;
}

TEST(header)
{
	int fd = default_queue();
	int ids[2] = { fd, 0 };
	struct timespec before, behind;
	struct kipc_message m;
	pthread_t thread;
	uint64_t number;
	pid_t pid;

	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	ASSERT_EQ(0, q_put(fd, ~0ULL, ~0U, 1));
	clock_gettime(CLOCK_REALTIME_COARSE, &behind);
	ASSERT_EQ(8, q_recv(fd, &number, 8, BY_FIRST, &m, 0, 0));
	EXPECT_EQ(~0ULL, m.type);
	EXPECT_EQ(~0U, m.priority);
	EXPECT_EQ(getpid(), m.pid);
	EXPECT_EQ(getpid(), m.tid);
	EXPECT_EQ(geteuid(), m.uid);
	EXPECT_EQ(getegid(), m.gid);
	EXPECT_GE(m.time_ns, before.tv_sec * SECOND + before.tv_nsec);
	EXPECT_LE(m.time_ns, behind.tv_sec * SECOND + behind.tv_nsec);

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_from_thread, ids));
	pthread_join(thread, NULL);
	ASSERT_EQ(8, q_recv(fd, &number, 8, BY_FIRST, &m, 0, 0));
	EXPECT_EQ(getpid(), m.pid);
	EXPECT_EQ(ids[1], m.tid);
	EXPECT_EQ(2, m.seq);

	pid = spawn();
	if (!pid) {
		/* The effective ones are shown. */
		CHECK(!setresgid(11, 22, 33) && !setresuid(44, 55, 66));
		CHECK(write(fd, "x", 1) == 1);
		_exit(0);
	}
	ASSERT_EQ(0, reap(pid));
	ASSERT_EQ(1, q_recv(fd, &number, 8, BY_FIRST, &m, 0, 0));
	EXPECT_EQ(pid, m.pid);
	EXPECT_EQ(pid, m.tid);
	EXPECT_EQ(55, m.uid);
	EXPECT_EQ(22, m.gid);
	EXPECT_EQ(1, m.type);
	EXPECT_EQ(0, m.priority);
	EXPECT_EQ(1, m.size);
}

TEST(sizes)
{
	static const size_t sizes[] = {
		0, 1, 7, 8, 9, 63, 64, 65, 4095, 4096, 4097, 8192, 65535, 65536,
		1 << 20, 123457, 1, 0, 4096, 3,
	};
	const size_t max = 1 << 20, margin = 64;
	/* Not aligned, and a margin behind that nobody may write to. */
	char *out = malloc(max + 1), *in = malloc(max + margin + 1);
	int fd = queue(64, 8 << 20, max, 0), round;
	struct kipc_message m;
	uint64_t seed = 0;
	size_t i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			fill(out + 1, sizes[i], ++seed);
			ASSERT_OK(q_send(fd, out + 1, sizes[i], seed, 0, 0));
		}
		/* From the last to the first. */
		while (i--) {
			size_t n = sizes[i];

			memset(in, POISON, max + margin + 1);
			ASSERT_EQ(n, q_recv(fd, in + 1, n + 7, BY_TYPE(seed), &m,
					    0, 0));
			ASSERT_EQ(n, m.size);
			ASSERT_EQ(seed, m.type);
			ASSERT_TRUE(filled(in + 1, n, seed));
			ASSERT_TRUE(poisoned(in + 1 + n, margin));
			ASSERT_TRUE(poisoned(in, 1));
			seed--;
		}
		seed += ARRAY_SIZE(sizes);
	}
	EXPECT_EQ(0, q_stat_of(fd).bytes);
	free(out);
	free(in);
}

TEST(largest_message)
{
	char *data = malloc(KIPC_MESSAGE_MAX);
	uint64_t limit = get_limit("max_bytes");
	int fd;

	set_limit("max_bytes", 256 << 20);
	fd = queue(2, KIPC_MESSAGE_MAX, KIPC_MESSAGE_MAX, 0);
	fill(data, KIPC_MESSAGE_MAX, 1);
	ASSERT_OK(q_send(fd, data, KIPC_MESSAGE_MAX, 1, 0, 0));
	EXPECT_ERR(EAGAIN, q_send(fd, data, 1, 1, 0, 0));
	memset(data, 0, KIPC_MESSAGE_MAX);
	EXPECT_EQ(KIPC_MESSAGE_MAX, q_recv(fd, data, KIPC_MESSAGE_MAX, BY_FIRST,
					   NULL, 0, 0));
	EXPECT_TRUE(filled(data, KIPC_MESSAGE_MAX, 1));
	set_limit("max_bytes", limit);
	free(data);
}

TEST(too_long)
{
	int fd = queue(10, 1000, 100, 0);
	char data[200] = "";

	EXPECT_OK(q_send(fd, data, 100, 0, 0, 0));
	EXPECT_ERR(EMSGSIZE, q_send(fd, data, 101, 0, 0, 0));
	EXPECT_ERR(EMSGSIZE, write(fd, data, 101));
	EXPECT_EQ(1, q_stat_of(fd).messages);
}

/* What is in the queue for the tests of selectors; its number is its place. */
static const struct {
	uint64_t type;
	unsigned int priority;
} content[] = {
	{ 5, 1 }, { 3, 9 }, { 5, 9 }, { 0, 0 }, { 7, ~0U }, { 3, 0 },
	{ ~0ULL, 1 }, { 5, 9 }, { 7, ~0U }, { 1ULL << 63, 2 }, { 1, 1 },
};

static int filled_queue(void)
{
	int fd = default_queue();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(content); i++)
		CHECK(!q_put(fd, content[i].type, content[i].priority, i));
	return fd;
}

/* Peeks and takes by the selector, until there is no more. */
#define EXPECT_ORDER(selector, ...) do {				\
	static const long order_[] = { __VA_ARGS__ };			\
	int fd_ = filled_queue();					\
	size_t i_;							\
									\
	for (i_ = 0; i_ < ARRAY_SIZE(order_); i_++) {			\
		EXPECT_EQ(order_[i_], q_peek(fd_, selector));		\
		EXPECT_EQ(order_[i_], q_take(fd_, selector));		\
	}								\
	EXPECT_EQ(-EAGAIN, q_peek(fd_, selector));			\
	EXPECT_EQ(-EAGAIN, q_take(fd_, selector));			\
	EXPECT_EQ(ARRAY_SIZE(content) - i_, q_stat_of(fd_).messages);	\
	close(fd_);							\
} while (0)

TEST(select_first)
{
	EXPECT_ORDER(BY_FIRST, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
	EXPECT_ORDER(BY_DEFAULT, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
}

TEST(select_priority)
{
	EXPECT_ORDER(BY_PRIORITY, 4, 8, 1, 2, 7, 9, 0, 6, 10, 3, 5);
}

TEST(select_type)
{
	EXPECT_ORDER(BY_TYPE(5), 0, 2, 7);
	EXPECT_ORDER(BY_TYPE(0), 3);
	EXPECT_ORDER(BY_TYPE(~0ULL), 6);
	EXPECT_ORDER(BY_TYPE(1ULL << 63), 9);
	EXPECT_EQ(-EAGAIN, q_take(filled_queue(), BY_TYPE(4)));
}

TEST(select_lowest)
{
	EXPECT_ORDER(BY_LOWEST(5), 3, 10, 1, 5, 0, 2, 7);
	EXPECT_ORDER(BY_LOWEST(0), 3);
	EXPECT_ORDER(BY_LOWEST(~0ULL), 3, 10, 1, 5, 0, 2, 7, 4, 8, 9, 6);
	EXPECT_ORDER(BY_LOWEST(~0ULL - 1), 3, 10, 1, 5, 0, 2, 7, 4, 8, 9);
}

TEST(select_range)
{
	EXPECT_ORDER(BY_RANGE(3, 5), 0, 1, 2, 5, 7);
	EXPECT_ORDER(BY_RANGE(4, 6), 0, 2, 7);
	EXPECT_ORDER(BY_RANGE(0, ~0ULL), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
	EXPECT_ORDER(BY_RANGE(7, 7), 4, 8);
	EXPECT_ORDER(BY_RANGE(8, ~0ULL), 6, 9);
	EXPECT_ORDER(BY_RANGE(0, 1), 3, 10);
	EXPECT_EQ(-EAGAIN, q_take(filled_queue(), BY_RANGE(8, 1000)));
}

TEST(select_except)
{
	EXPECT_ORDER(BY_EXCEPT(5), 1, 3, 4, 5, 6, 8, 9, 10);
	EXPECT_ORDER(BY_EXCEPT(0), 0, 1, 2, 4, 5, 6, 7, 8, 9, 10);
	EXPECT_ORDER(BY_EXCEPT(~0ULL), 0, 1, 2, 3, 4, 5, 7, 8, 9, 10);
	EXPECT_ORDER(BY_EXCEPT(4), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
}

TEST(select_sender)
{
	int fd = default_queue(), i, round;
	pid_t pids[3];
	int *turn = shared(sizeof(*turn));

	/* Each sends one in turn, and is gone when it is received. */
	for (i = 0; i < 3; i++) {
		pids[i] = spawn();
		if (pids[i])
			continue;
		for (round = 0; round < 3; round++) {
			wait_for(__atomic_load_n(turn, __ATOMIC_SEQ_CST) ==
				 3 * round + i);
			CHECK(!q_put(fd, 1, 0, *turn));
			__atomic_add_fetch(turn, 1, __ATOMIC_SEQ_CST);
		}
		_exit(0);
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_EQ(-EAGAIN, q_take(fd, BY_SENDER(getpid())));
	for (round = 0; round < 3; round++)
		EXPECT_EQ(3 * round + 1, q_take(fd, BY_SENDER(pids[1])));
	EXPECT_EQ(-EAGAIN, q_take(fd, BY_SENDER(pids[1])));
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(3 * round + 2, q_peek(fd, BY_SENDER(pids[2])));
		EXPECT_EQ(3 * round + 2, q_take(fd, BY_SENDER(pids[2])));
		EXPECT_EQ(3 * round, q_take(fd, BY_SENDER(pids[0])));
	}
	EXPECT_EQ(0, q_stat_of(fd).messages);
	/* Threads do not count. */
	EXPECT_EQ(0, q_put(fd, 1, 0, 9));
	EXPECT_EQ(9, q_take(fd, BY_SENDER(getpid())));
}

/* Whoever is not in the pid namespace of the queue's creator. */
TEST(select_sender_of_another_namespace)
{
	int ctl = control();
	const char *name = temp_name("pidns");
	int *step = shared(sizeof(*step));
	int outer = default_queue(), inner;
	pid_t pid = getpid(), child;

	CHECK(!q_put(outer, 1, 0, 5));
	ASSERT_OK(unshare(CLONE_NEWPID));
	child = spawn();
	if (!child) {
		int fd = q_create(ctl, name, NULL, 0600, KIPC_QUEUE_RIGHTS, 0);

		CHECK(fd >= 0 && getpid() == 1);
		CHECK(!q_put(fd, 1, 0, 6));
		CHECK(!q_put(outer, 1, 0, 7));
		/* Its parent has no number here. */
		CHECK(q_take(outer, BY_SENDER(pid)) == -ESRCH);
		CHECK(q_take(outer, BY_SENDER(1)) == 7);
		CHECK(q_take(fd, BY_SENDER(1)) == 6);
		CHECK(!q_put(fd, 1, 0, 8));
		__atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
		wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 2);
		_exit(0);
	}
	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 1);
	inner = k_open_kind(ctl, name, KIPC_KIND_QUEUE, KIPC_QUEUE_RIGHTS);
	ASSERT_OK(inner);
	CHECK(!q_put(inner, 1, 0, 9));
	/* Outside, it has no number in there, and cannot be selected. */
	EXPECT_EQ(-ESRCH, q_take(inner, BY_SENDER(pid)));
	EXPECT_ERR(ESRCH, q_select(inner, BY_SENDER(pid)));
	EXPECT_EQ(8, q_take(inner, BY_SENDER(child)));
	EXPECT_EQ(-EAGAIN, q_take(inner, BY_SENDER(child)));
	EXPECT_OK(q_select(inner, BY_SENDER(child)));
	EXPECT_EQ(-EAGAIN, q_take(inner, BY_DEFAULT));
	__atomic_store_n(step, 2, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(child));
	/* It must live for those outside; but who has been selected stays it. */
	EXPECT_EQ(-ESRCH, q_take(inner, BY_SENDER(child)));
	EXPECT_EQ(-EAGAIN, q_take(inner, BY_DEFAULT));
	EXPECT_EQ(9, q_take(inner, BY_FIRST));
	/* Here, a number of one that has ended is as good as any. */
	EXPECT_EQ(-EAGAIN, q_take(outer, BY_SENDER(child)));
	EXPECT_EQ(5, q_take(outer, BY_SENDER(pid)));
}

/* A cursor: each of them once, in the order of sending, and nothing is taken. */
TEST(select_after)
{
	int fd = filled_queue();
	struct kipc_message m = { .seq = 0 };
	uint64_t number;
	size_t i;

	EXPECT_EQ(5, q_take(fd, BY_TYPE(3)) + q_take(fd, BY_TYPE(7)));
	for (i = 0; i < ARRAY_SIZE(content); i++) {
		if (i == 1 || i == 4)
			continue;
		ASSERT_EQ(8, q_recv(fd, &number, 8, BY_AFTER(m.seq), &m,
				    KIPC_RECV_PEEK, 0));
		EXPECT_EQ(i, number);
		EXPECT_EQ(i + 1, m.seq);
	}
	EXPECT_EQ(-EAGAIN, q_peek(fd, BY_AFTER(m.seq)));
	EXPECT_EQ(-EAGAIN, q_peek(fd, BY_AFTER(~0ULL)));
	/* It never waits, whatever the deadline. */
	EXPECT_ERR(EAGAIN, q_recv(fd, &number, 8, BY_AFTER(m.seq), NULL,
				  KIPC_RECV_PEEK, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, q_recv(fd, &number, 8, BY_AFTER(m.seq), NULL,
				  KIPC_RECV_PEEK, after(PATIENCE)));
	EXPECT_ERR(EINVAL, q_recv(fd, &number, 8, BY_AFTER(0), NULL, 0, 0));
	EXPECT_EQ(ARRAY_SIZE(content) - 2, q_stat_of(fd).messages);
	/* What comes later is found from there on. */
	EXPECT_EQ(0, q_put(fd, 1, 0, 77));
	EXPECT_EQ(77, q_peek(fd, BY_AFTER(m.seq)));
	EXPECT_EQ(0, q_peek(fd, BY_AFTER(0)));
}

TEST(receive_needs_room)
{
	int fd = default_queue();
	char in[32];
	struct kipc_message m;

	ASSERT_OK(q_send(fd, "0123456789", 10, 5, 0, 0));
	ASSERT_OK(q_send(fd, "second", 6, 6, 0, 0));
	memset(in, POISON, sizeof(in));
	EXPECT_ERR(EMSGSIZE, q_recv(fd, in, 9, BY_FIRST, &m, 0, 0));
	EXPECT_ERR(EMSGSIZE, q_recv(fd, NULL, 0, BY_FIRST, &m, 0, 0));
	EXPECT_ERR(EMSGSIZE, q_recv(fd, in, 9, BY_TYPE(5), &m, KIPC_RECV_PEEK, 0));
	EXPECT_ERR(EMSGSIZE, read(fd, in, 9));
	EXPECT_TRUE(poisoned(in, sizeof(in)));
	EXPECT_EQ(2, q_stat_of(fd).messages);
	/* It does not stand in the way of another one. */
	EXPECT_EQ(6, q_recv(fd, in, 9, BY_TYPE(6), &m, 0, 0));
	EXPECT_EQ(2, m.seq);
	EXPECT_EQ(10, q_recv(fd, in, 10, BY_FIRST, &m, 0, 0));
	EXPECT_EQ(1, m.seq);
}

TEST(truncate_)
{
	int fd = default_queue();
	char in[32];
	struct kipc_message m;

	ASSERT_OK(q_send(fd, "0123456789", 10, 5, 0, 0));
	ASSERT_OK(q_send(fd, "abcdef", 6, 6, 0, 0));
	ASSERT_OK(q_send(fd, "third", 5, 7, 0, 0));
	memset(in, POISON, sizeof(in));
	EXPECT_EQ(4, q_recv(fd, in, 4, BY_FIRST, &m, KIPC_RECV_TRUNCATE |
			    KIPC_RECV_PEEK, 0));
	EXPECT_EQ(10, m.size);
	EXPECT_EQ(4, q_recv(fd, in, 4, BY_FIRST, &m, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(10, m.size);
	EXPECT_EQ(KIPC_MESSAGE_TRUNCATED, m.flags);
	EXPECT_EQ(0, memcmp(in, "0123", 4));
	EXPECT_TRUE(poisoned(in + 4, sizeof(in) - 4));
	/* The rest is gone, and one that fits is not marked. */
	EXPECT_EQ(6, q_recv(fd, in, 6, BY_FIRST, &m, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(0, m.flags);
	EXPECT_EQ(0, q_recv(fd, NULL, 0, BY_FIRST, &m, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(KIPC_MESSAGE_TRUNCATED, m.flags);
	EXPECT_EQ(5, m.size);
	EXPECT_EQ(0, q_stat_of(fd).messages);
	EXPECT_EQ(3, q_stat_of(fd).received);
	EXPECT_EQ(21, q_stat_of(fd).received_bytes);
}

TEST(peek)
{
	int fd = default_queue(), i;
	struct kipc_message m, again;
	uint64_t number;

	EXPECT_ERR(ETIMEDOUT, q_recv(fd, &number, 8, BY_FIRST, &m, KIPC_RECV_PEEK,
				     after(MS)));
	ASSERT_EQ(0, q_put(fd, 5, 0, 1));
	ASSERT_EQ(0, q_put_sized(fd, 6, 0, 20000, 2));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(2, q_peek(fd, BY_TYPE(6)));
		EXPECT_EQ(8, q_recv(fd, &number, 8, BY_LOWEST(5), &again,
				    KIPC_RECV_PEEK, 0));
		EXPECT_EQ(1, number);
	}
	EXPECT_EQ(0, q_stat_of(fd).received);
	EXPECT_EQ(0, q_stat_of(fd).recv_time_ns);
	EXPECT_EQ(2, q_stat_of(fd).messages);
	EXPECT_EQ(8, q_recv(fd, &number, 8, BY_FIRST, &m, 0, 0));
	EXPECT_EQ(0, memcmp(&m, &again, sizeof(m)));
}

TEST(read_and_write)
{
	int fd = default_queue();
	char in[64];
	struct iovec out_iov[3] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
	struct iovec in_iov[2] = { { in, 3 }, { in + 10, 40 } };
	struct kipc_message m;

	EXPECT_EQ(5, write(fd, "hello", 5));
	EXPECT_EQ(5, q_recv(fd, in, sizeof(in), BY_TYPE(1), &m, 0, 0));
	EXPECT_EQ(1, m.type);
	EXPECT_EQ(0, m.priority);
	ASSERT_OK(q_send(fd, "one", 3, 9, 9, 0));
	ASSERT_OK(q_send(fd, "two", 3, 8, 10, 0));
	memset(in, POISON, sizeof(in));
	/* One message a call, even if there is room for two. */
	EXPECT_EQ(3, read(fd, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, "one", 3));
	EXPECT_TRUE(poisoned(in + 3, sizeof(in) - 3));
	EXPECT_EQ(3, read(fd, in, 3));

	EXPECT_EQ(7, writev(fd, out_iov, 3));
	EXPECT_EQ(1, q_stat_of(fd).messages);
	memset(in, POISON, sizeof(in));
	EXPECT_EQ(7, readv(fd, in_iov, 2));
	EXPECT_EQ(0, memcmp(in, "abc", 3));
	EXPECT_EQ(0, memcmp(in + 10, "defg", 4));
	EXPECT_TRUE(poisoned(in + 3, 7) && poisoned(in + 14, 50));

	/* Nothing to write is no message. */
	EXPECT_EQ(0, write(fd, "", 0));
	EXPECT_EQ(0, writev(fd, out_iov + 1, 1));
	EXPECT_EQ(0, q_stat_of(fd).messages);
	EXPECT_EQ(4, q_stat_of(fd).sent);
	in_iov[1].iov_len = 1;
	ASSERT_EQ(7, writev(fd, out_iov, 3));
	EXPECT_ERR(EMSGSIZE, readv(fd, in_iov, 2));
	EXPECT_EQ(1, q_stat_of(fd).messages);
	/* Nothing fits into nothing, and 0 would mean hang-up. */
	EXPECT_ERR(EMSGSIZE, read(fd, in, 0));
	EXPECT_EQ(0, readv(fd, out_iov + 1, 1));
	EXPECT_EQ(7, read(fd, in, 7));
	EXPECT_ERR(EMSGSIZE, read(fd, in, 0));
	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, read(fd, in, 7));
}

TEST(empty_message)
{
	int fd = default_queue();
	char in[8];
	struct kipc_message m;

	ASSERT_OK(q_send(fd, NULL, 0, 1, 0, 0));
	ASSERT_OK(q_send(fd, "x", 1, 2, 0, 0));
	EXPECT_EQ(2, q_stat_of(fd).messages);
	EXPECT_EQ(1, q_stat_of(fd).bytes);
	EXPECT_ERR(EBADMSG, read(fd, in, sizeof(in)));
	EXPECT_ERR(EBADMSG, read(fd, in, sizeof(in)));
	EXPECT_EQ(2, q_stat_of(fd).messages);
	EXPECT_EQ(0, q_recv(fd, NULL, 0, BY_FIRST, &m, 0, 0));
	EXPECT_EQ(1, m.seq);
	EXPECT_EQ(0, m.size);
	EXPECT_EQ(1, read(fd, in, sizeof(in)));
}

/* Of a handle: dup and fork share it, another handle has its own. */
TEST(default_selector)
{
	int fd = filled_queue(), copy = dup(fd);
	int other = k_narrow(fd, RECEIVE, 0);
	uint64_t number = 0;
	pid_t pid;

	ASSERT_OK(q_select(fd, BY_PRIORITY));
	EXPECT_EQ(8, read(copy, &number, 8));
	EXPECT_EQ(4, number);
	EXPECT_EQ(8, q_take(copy, BY_DEFAULT));
	EXPECT_EQ(8, read(other, &number, 8));
	EXPECT_EQ(0, number);
	ASSERT_OK(q_select(copy, BY_TYPE(7)));
	EXPECT_EQ(-EAGAIN, q_take(fd, BY_DEFAULT));
	pid = spawn();
	if (!pid) {
		CHECK(!q_select(fd, BY_LOWEST(3)));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(8, read(fd, &number, 8));
	EXPECT_EQ(3, number);
	EXPECT_EQ(10, q_take(fd, BY_DEFAULT));
	/* One that was given beside it goes first. */
	EXPECT_EQ(6, q_take(fd, BY_TYPE(~0ULL)));
	EXPECT_EQ(1, q_take(other, BY_DEFAULT));
	ASSERT_OK(q_select(fd, BY_FIRST));
	EXPECT_EQ(2, q_take(fd, BY_DEFAULT));
	EXPECT_ERR(EINVAL, q_select(fd, BY_DEFAULT));
	EXPECT_ERR(EINVAL, q_select(fd, BY_AFTER(0)));
	EXPECT_ERR(EBADF, q_select(k_narrow(fd, SEND | MANAGE, 0), BY_FIRST));
	ASSERT_OK(k_remove(fd));
	EXPECT_ERR(EIDRM, q_select(fd, BY_FIRST));
}

/* Who waits already goes on waiting for what it came for. */
TEST(default_selector_changes_under_a_reader)
{
	int fd = default_queue();
	pid_t pid;

	ASSERT_OK(q_select(fd, BY_TYPE(5)));
	pid = spawn();
	if (!pid) {
		uint64_t number = 0;

		CHECK(read(fd, &number, 8) == 8 && number == 50);
		_exit(0);
	}
	q_wait_waiters(fd, 0, 1, pid);
	ASSERT_OK(q_select(fd, BY_TYPE(6)));
	EXPECT_EQ(0, q_put(fd, 6, 0, 60));
	EXPECT_TRUE(q_has_waiters(fd, 0, 1));
	EXPECT_EQ(0, q_put(fd, 5, 0, 50));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(60, q_take(fd, BY_DEFAULT));
}

TEST_HARNESS_MAIN
