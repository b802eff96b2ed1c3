// SPDX-License-Identifier: GPL-2.0
/* Letters: their order, headers, sizes; receive, peek, truncate; read, write. */
#include "test.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

TEST(defaults)
{
	struct kipc_mailbox_stat st = stat_of(default_box());

	EXPECT_EQ(4096, st.attr.max_letters);
	EXPECT_EQ(256 << 10, st.attr.max_bytes);
	EXPECT_EQ(64 << 10, st.attr.letter_size);
	EXPECT_EQ(0, st.attr.flags);
	EXPECT_EQ(0, st.letters);
	EXPECT_EQ(0, st.sent);
}

/* A clock that was set is seen at once: what was sent after that says so. */
TEST(time_of_a_clock_that_was_set)
{
	const uint64_t hour = 3600 * SECOND;
	int fd = default_box(), i;
	unsigned int wrong = 0;

	for (i = 0; i < 20; i++) {
		struct timespec was, set;
		struct kipc_letter l;
		uint64_t number;

		ASSERT_OK(send_number(fd, 1));
		ASSERT_OK(clock_gettime(CLOCK_REALTIME, &was));
		set = was;
		set.tv_sec += 3600;
		ASSERT_OK(clock_settime(CLOCK_REALTIME, &set));
		ASSERT_OK(send_number(fd, 2));
		ASSERT_OK(clock_settime(CLOCK_REALTIME, &was));
		ASSERT_EQ(8, k_recv(fd, &number, 8, NULL, 0, 0));
		ASSERT_EQ(8, k_recv(fd, &number, 8, &l, 0, 0));
		wrong += l.time_ns < was.tv_sec * SECOND + hour / 2;
	}
	EXPECT_EQ(0, wrong);
}

static int try_attr(uint64_t letters, uint64_t bytes, uint32_t size,
		    uint32_t flags)
{
	struct kipc_mailbox_attr attr = { letters, bytes, size, flags };
	int ctl = control();
	int fd = k_create(ctl, NULL, &attr, 0600, ALL_RIGHTS, 0);
	int err = errno;

	if (fd >= 0) {
		struct kipc_mailbox_stat st = stat_of(fd);

		CHECK(!memcmp(&st.attr, &attr, sizeof(attr)));
		close(fd);
	}
	close(ctl);
	errno = err;
	return fd < 0 ? -1 : 0;
}

TEST(attributes)
{
	const uint64_t many = KIPC_UNBOUNDED;

	EXPECT_OK(try_attr(1, 1, 1, 0));
	EXPECT_OK(try_attr(many, 100, 100, 0));
	EXPECT_OK(try_attr(100, many, 100, 0));
	EXPECT_OK(try_attr(many, many, KIPC_LETTER_MAX, 0));
	EXPECT_OK(try_attr(0, 0, 100, 0));
	EXPECT_OK(try_attr(0, 0, KIPC_LETTER_MAX, 0));
	EXPECT_OK(try_attr(0, 0, 1, KIPC_MAILBOX_REFUSE));
	EXPECT_OK(try_attr(0, 0, 1, KIPC_MAILBOX_FIXED | KIPC_MAILBOX_HANGUP));
	EXPECT_OK(try_attr(9, 99, 9, KIPC_MAILBOX_FIXED | KIPC_MAILBOX_HANGUP |
			   KIPC_MAILBOX_DROP_OLDEST));

	EXPECT_ERR(EINVAL, try_attr(0, 100, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(100, 0, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(0, many, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(many, 0, 100, 0));
	EXPECT_ERR(EINVAL, try_attr(1, 100, 0, 0));
	EXPECT_ERR(EINVAL, try_attr(0, 0, 0, 0));
	EXPECT_ERR(EINVAL, try_attr(1, 100, 101, 0));
	EXPECT_ERR(EINVAL, try_attr(1, many, KIPC_LETTER_MAX + 1, 0));
	EXPECT_ERR(EINVAL, try_attr(0, 0, KIPC_LETTER_MAX + 1, 0));
	EXPECT_ERR(EINVAL, try_attr(1, 100, 10, KIPC_MAILBOX_REFUSE |
				    KIPC_MAILBOX_DROP_OLDEST));
	EXPECT_ERR(EINVAL, try_attr(0, 0, 10, KIPC_MAILBOX_DROP_OLDEST));
	EXPECT_ERR(EINVAL, try_attr(1, 100, 10, 1U << 5));
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("bytes"));
}

TEST(first_in_first_out)
{
	int fd = default_box();
	struct kipc_letter l;
	uint64_t i, got;

	for (i = 1; i <= 1000; i++)
		ASSERT_OK(k_send(fd, &i, sizeof(i), ~i, 0));
	for (i = 1; i <= 1000; i++) {
		ASSERT_EQ(8, k_recv(fd, &got, sizeof(got), &l, 0, 0));
		ASSERT_EQ(i, got);
		ASSERT_EQ(i, l.seq);
		ASSERT_EQ(~i, l.tag);
		ASSERT_EQ(8, l.size);
		ASSERT_EQ(0, l.flags);
	}
	EXPECT_ERR(EAGAIN, k_recv(fd, &got, sizeof(got), &l, 0, 0));
}

static void *send_from_thread(void *arg)
{
	int *shared_ids = arg;

	shared_ids[1] = syscall(SYS_gettid);
	CHECK(!send_number(shared_ids[0], 1));
	return NULL;
}

TEST(header)
{
	int fd = default_box();
	int ids[2] = { fd, 0 };
	struct timespec before, behind;
	struct kipc_letter l;
	pthread_t thread;
	uint64_t number;
	pid_t pid;

	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	ASSERT_OK(send_number(fd, 1));
	clock_gettime(CLOCK_REALTIME_COARSE, &behind);
	ASSERT_EQ(8, k_recv(fd, &number, 8, &l, 0, 0));
	EXPECT_EQ(getpid(), l.pid);
	EXPECT_EQ(getpid(), l.tid);
	EXPECT_EQ(geteuid(), l.uid);
	EXPECT_EQ(getegid(), l.gid);
	EXPECT_GE(l.time_ns, before.tv_sec * SECOND + before.tv_nsec);
	EXPECT_LE(l.time_ns, behind.tv_sec * SECOND + behind.tv_nsec);

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_from_thread, ids));
	pthread_join(thread, NULL);
	ASSERT_EQ(8, k_recv(fd, &number, 8, &l, 0, 0));
	EXPECT_EQ(getpid(), l.pid);
	EXPECT_EQ(ids[1], l.tid);
	EXPECT_EQ(2, l.seq);

	pid = spawn();
	if (!pid) {
		/* The effective ones are shown. */
		CHECK(!setresgid(11, 22, 33) && !setresuid(44, 55, 66));
		CHECK(write(fd, "x", 1) == 1);
		_exit(0);
	}
	ASSERT_EQ(0, reap(pid));
	ASSERT_EQ(1, k_recv(fd, &number, 8, &l, 0, 0));
	EXPECT_EQ(pid, l.pid);
	EXPECT_EQ(pid, l.tid);
	EXPECT_EQ(55, l.uid);
	EXPECT_EQ(22, l.gid);
	EXPECT_EQ(0, l.tag);
	EXPECT_EQ(1, l.size);
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
	/* Small enough that the ring wraps in the midst of letters. */
	int fd = box(64, max + 5000, max, 0);
	struct kipc_letter l;
	uint64_t seed = 0;
	size_t i;
	int round;

	for (round = 0; round < 6; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			size_t n = sizes[i];

			fill(out + 1, n, ++seed);
			ASSERT_OK(k_send(fd, out + 1, n, seed, 0));
			memset(in, POISON, max + margin + 1);
			ASSERT_EQ(n, k_recv(fd, in + 1, n + 7, &l, 0, 0));
			ASSERT_EQ(n, l.size);
			ASSERT_EQ(seed, l.tag);
			ASSERT_TRUE(filled(in + 1, n, seed));
			ASSERT_TRUE(poisoned(in + 1 + n, margin));
			ASSERT_TRUE(poisoned(in, 1));
		}
	}
	/* Several of all sizes in it at the same time. */
	for (round = 0; round < 200; round++) {
		size_t n = (round * 2711) % 60000;
		uint64_t first = seed + 1;
		int count = 0;

		while (count < 8) {
			size_t m = (n + count * 977) % 60000;

			fill(out, m, ++seed);
			ASSERT_OK(k_send(fd, out, m, m, 0));
			count++;
		}
		while (count--) {
			ssize_t m = k_recv(fd, in, max, &l, 0, 0);

			ASSERT_GE(m, 0);
			ASSERT_EQ((size_t)m, l.tag);
			ASSERT_TRUE(filled(in, m, first++));
		}
	}
	EXPECT_EQ(0, stat_of(fd).bytes);
	free(out);
	free(in);
}

/*
 * Small letters lie one behind the other: of each length of what comes first, so that
 * the memory ends anywhere within the one that has no room there any more.
 */
TEST(ends_of_the_memory)
{
	enum { ALIGN = 8, LONGEST = 256, LETTERS = 100 };
	char data[LONGEST];
	struct kipc_letter l;
	uint64_t number;
	size_t size;

	for (size = ALIGN; size <= LONGEST; size += ALIGN) {
		int fd = box(1000, 1 << 20, LONGEST, 0);

		fill(data, size, size);
		ASSERT_OK(k_send(fd, data, size, 0, 0));
		for (number = 1; number < LETTERS; number++)
			ASSERT_OK(k_send(fd, &number, 8, number, 0));
		ASSERT_EQ(size, k_recv(fd, data, LONGEST, &l, 0, 0));
		ASSERT_TRUE(filled(data, size, size));
		while (stat_of(fd).letters) {
			ASSERT_EQ(8, k_recv(fd, &number, 8, &l, 0, 0));
			ASSERT_EQ(l.tag, number);
		}
		EXPECT_EQ(LETTERS - 1, number);
		close(fd);
	}
}

TEST(largest_letter)
{
	char *data = malloc(KIPC_LETTER_MAX);
	uint64_t limit = get_limit("max_bytes");
	int fd;

	set_limit("max_bytes", 256 << 20);
	fd = box(2, KIPC_LETTER_MAX, KIPC_LETTER_MAX, 0);
	fill(data, KIPC_LETTER_MAX, 1);
	ASSERT_OK(k_send(fd, data, KIPC_LETTER_MAX, 0, 0));
	EXPECT_ERR(EAGAIN, k_send(fd, data, 1, 0, 0));
	memset(data, 0, KIPC_LETTER_MAX);
	EXPECT_EQ(KIPC_LETTER_MAX, k_recv(fd, data, KIPC_LETTER_MAX, NULL, 0,
					  0));
	EXPECT_TRUE(filled(data, KIPC_LETTER_MAX, 1));
	set_limit("max_bytes", limit);
	free(data);
}

TEST(too_long)
{
	int fd = box(10, 1000, 100, 0);
	char data[200] = "";

	EXPECT_OK(k_send(fd, data, 100, 0, 0));
	EXPECT_ERR(EMSGSIZE, k_send(fd, data, 101, 0, 0));
	EXPECT_ERR(EMSGSIZE, write(fd, data, 101));
	EXPECT_EQ(1, stat_of(fd).letters);
}

TEST(fixed)
{
	int fd = box(10, 80, 8, KIPC_MAILBOX_FIXED);
	char data[16] = "12345678";

	EXPECT_OK(k_send(fd, data, 8, 0, 0));
	EXPECT_ERR(EINVAL, k_send(fd, data, 7, 0, 0));
	EXPECT_ERR(EINVAL, k_send(fd, data, 0, 0, 0));
	EXPECT_ERR(EINVAL, write(fd, data, 1));
	EXPECT_EQ(0, write(fd, data, 0));
	EXPECT_EQ(8, write(fd, data, 8));
	/* Two faults at once: that it is too long comes first. */
	EXPECT_ERR(EMSGSIZE, k_send(fd, data, 9, 0, 0));
	EXPECT_ERR(EMSGSIZE, write(fd, data, 9));
	EXPECT_EQ(2, stat_of(fd).letters);
	EXPECT_EQ(8, read(fd, data, 16));
	EXPECT_ERR(EMSGSIZE, read(fd, data, 7));
	EXPECT_EQ(8, read(fd, data, 8));
}

TEST(receive_needs_room)
{
	int fd = default_box();
	char in[32];
	struct kipc_letter l;

	ASSERT_OK(k_send(fd, "0123456789", 10, 5, 0));
	ASSERT_OK(k_send(fd, "second", 6, 6, 0));
	memset(in, POISON, sizeof(in));
	EXPECT_ERR(EMSGSIZE, k_recv(fd, in, 9, &l, 0, 0));
	EXPECT_ERR(EMSGSIZE, k_recv(fd, NULL, 0, &l, 0, 0));
	EXPECT_ERR(EMSGSIZE, k_recv(fd, in, 9, &l, KIPC_RECV_PEEK, 0));
	EXPECT_ERR(EMSGSIZE, read(fd, in, 9));
	EXPECT_TRUE(poisoned(in, sizeof(in)));
	EXPECT_EQ(2, stat_of(fd).letters);
	EXPECT_EQ(10, k_recv(fd, in, 10, &l, 0, 0));
	EXPECT_EQ(1, l.seq);
	EXPECT_EQ(6, k_recv(fd, in, 10, &l, 0, 0));
	EXPECT_EQ(2, l.seq);
}

TEST(truncate_)
{
	int fd = default_box();
	char in[32];
	struct kipc_letter l;

	ASSERT_OK(k_send(fd, "0123456789", 10, 5, 0));
	ASSERT_OK(k_send(fd, "abcdef", 6, 6, 0));
	ASSERT_OK(k_send(fd, "third", 5, 7, 0));
	memset(in, POISON, sizeof(in));
	EXPECT_EQ(4, k_recv(fd, in, 4, &l, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(10, l.size);
	EXPECT_EQ(KIPC_LETTER_TRUNCATED, l.flags);
	EXPECT_EQ(0, memcmp(in, "0123", 4));
	EXPECT_TRUE(poisoned(in + 4, sizeof(in) - 4));
	/* The rest is gone, and one that fits is not marked. */
	EXPECT_EQ(6, k_recv(fd, in, 6, &l, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(0, l.flags);
	EXPECT_EQ(0, k_recv(fd, NULL, 0, &l, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(KIPC_LETTER_TRUNCATED, l.flags);
	EXPECT_EQ(5, l.size);
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(3, stat_of(fd).received);
	EXPECT_EQ(21, stat_of(fd).received_bytes);
}

TEST(peek)
{
	int fd = default_box();
	char in[32];
	struct kipc_letter l, again;
	int i;

	EXPECT_ERR(EAGAIN, k_recv(fd, in, 8, &l, KIPC_RECV_PEEK, 0));
	EXPECT_ERR(ETIMEDOUT, k_recv(fd, in, 8, &l, KIPC_RECV_PEEK, after(MS)));
	ASSERT_OK(k_send(fd, "first", 5, 5, 0));
	ASSERT_OK(k_send(fd, "second", 6, 6, 0));
	for (i = 0; i < 3; i++) {
		memset(in, POISON, sizeof(in));
		EXPECT_EQ(5, k_recv(fd, in, 8, &again, KIPC_RECV_PEEK, 0));
		EXPECT_EQ(0, memcmp(in, "first", 5));
		EXPECT_EQ(1, again.seq);
	}
	EXPECT_EQ(2, k_recv(fd, in, 2, &l, KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE,
			    0));
	EXPECT_EQ(KIPC_LETTER_TRUNCATED, l.flags);
	EXPECT_EQ(5, l.size);
	EXPECT_EQ(0, stat_of(fd).received);
	EXPECT_EQ(2, stat_of(fd).letters);
	EXPECT_EQ(5, k_recv(fd, in, 8, &l, 0, 0));
	EXPECT_EQ(0, memcmp(&l, &again, sizeof(l)));
	EXPECT_EQ(6, k_recv(fd, in, 8, &l, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(6, k_recv(fd, in, 8, &l, 0, 0));
}

/* One who waits to peek leaves the letter to one who waits to receive. */
TEST(waiting_peek)
{
	int fd = default_box();
	uint64_t number;
	pid_t first = spawn(), second;

	if (!first) {
		/* Its page is there: who finds it missing may be overtaken. */
		number = 0;
		CHECK(k_recv(fd, &number, 8, NULL, KIPC_RECV_PEEK,
			     after(PATIENCE)) == 8);
		CHECK(number == 1);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, first);
	second = spawn();
	if (!second) {
		CHECK(recv_number(fd) == 1);
		_exit(0);
	}
	wait_waiters(fd, 0, 2, second);
	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(0, reap(first));
	EXPECT_EQ(0, reap(second));
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(1, stat_of(fd).received);
}

TEST(read_and_write)
{
	int fd = default_box();
	char in[64];
	struct iovec out_iov[3] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
	struct iovec in_iov[2] = { { in, 3 }, { in + 10, 40 } };
	struct kipc_letter l;

	EXPECT_EQ(5, write(fd, "hello", 5));
	EXPECT_EQ(5, k_recv(fd, in, sizeof(in), &l, 0, 0));
	EXPECT_EQ(0, l.tag);
	ASSERT_OK(k_send(fd, "one", 3, 9, 0));
	ASSERT_OK(k_send(fd, "two", 3, 9, 0));
	memset(in, POISON, sizeof(in));
	/* One letter a call, even if there is room for two. */
	EXPECT_EQ(3, read(fd, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, "one", 3));
	EXPECT_TRUE(poisoned(in + 3, sizeof(in) - 3));
	EXPECT_EQ(3, read(fd, in, 3));

	EXPECT_EQ(7, writev(fd, out_iov, 3));
	EXPECT_EQ(1, stat_of(fd).letters);
	memset(in, POISON, sizeof(in));
	EXPECT_EQ(7, readv(fd, in_iov, 2));
	EXPECT_EQ(0, memcmp(in, "abc", 3));
	EXPECT_EQ(0, memcmp(in + 10, "defg", 4));
	EXPECT_TRUE(poisoned(in + 3, 7) && poisoned(in + 14, 50));

	/* Nothing to write is no letter. */
	EXPECT_EQ(0, write(fd, "", 0));
	EXPECT_EQ(0, writev(fd, out_iov + 1, 1));
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(4, stat_of(fd).sent);
	in_iov[1].iov_len = 1;
	ASSERT_EQ(7, writev(fd, out_iov, 3));
	EXPECT_ERR(EMSGSIZE, readv(fd, in_iov, 2));
	EXPECT_EQ(1, stat_of(fd).letters);
	/* Nothing fits into nothing, and 0 would mean hang-up. */
	EXPECT_ERR(EMSGSIZE, read(fd, in, 0));
	EXPECT_EQ(0, readv(fd, out_iov + 1, 1));
	EXPECT_EQ(7, read(fd, in, 7));
	EXPECT_ERR(EMSGSIZE, read(fd, in, 0));
}

TEST(empty_letter)
{
	int fd = default_box();
	char in[8];
	struct kipc_letter l;

	ASSERT_OK(k_send(fd, NULL, 0, 1, 0));
	ASSERT_OK(k_send(fd, "x", 1, 2, 0));
	EXPECT_EQ(2, stat_of(fd).letters);
	EXPECT_EQ(1, stat_of(fd).bytes);
	EXPECT_ERR(EBADMSG, read(fd, in, sizeof(in)));
	EXPECT_ERR(EBADMSG, read(fd, in, sizeof(in)));
	EXPECT_EQ(2, stat_of(fd).letters);
	EXPECT_EQ(0, k_recv(fd, NULL, 0, &l, 0, 0));
	EXPECT_EQ(1, l.seq);
	EXPECT_EQ(0, l.size);
	EXPECT_EQ(1, l.tag);
	EXPECT_EQ(1, read(fd, in, sizeof(in)));
}

TEST(figures)
{
	int fd = box(4, 100, 50, 0);
	int asked = k_narrow(fd, MANAGE, 0);
	struct kipc_mailbox_stat st;
	char data[50] = "";
	pid_t pid;

	ASSERT_OK(k_send(fd, data, 50, 0, 0));
	ASSERT_OK(k_send(fd, data, 30, 0, 0));
	ASSERT_OK(k_send(fd, data, 0, 0, 0));
	ASSERT_EQ(50, k_recv(fd, data, 50, NULL, 0, 0));
	ASSERT_OK(k_send(fd, data, 50, 0, 0));
	EXPECT_ERR(EAGAIN, k_send(fd, data, 50, 0, 0));
	st = stat_of(asked);
	EXPECT_EQ(3, st.letters);
	EXPECT_EQ(80, st.bytes);
	EXPECT_EQ(3, st.peak_letters);
	EXPECT_EQ(80, st.peak_bytes);
	EXPECT_EQ(4, st.sent);
	EXPECT_EQ(130, st.sent_bytes);
	EXPECT_EQ(1, st.received);
	EXPECT_EQ(50, st.received_bytes);
	EXPECT_EQ(0, st.dropped);
	EXPECT_EQ(0, st.send_waits);
	EXPECT_EQ(0, st.recv_waits);
	EXPECT_EQ(0, st.waiting_senders);
	EXPECT_EQ(0, st.waiting_receivers);

	pid = spawn();
	if (!pid) {
		CHECK(!k_send(fd, data, 40, 0, after(PATIENCE)));
		_exit(0);
	}
	wait_waiters(fd, 1, 0, pid);
	EXPECT_EQ(1, total("waiters"));
	ASSERT_EQ(30, k_recv(fd, data, 50, NULL, 0, 0));
	EXPECT_EQ(0, reap(pid));
	st = stat_of(asked);
	EXPECT_EQ(1, st.send_waits);
	EXPECT_EQ(90, st.bytes);
	EXPECT_EQ(90, st.peak_bytes);
	while (st.letters) {
		ASSERT_OK(k_recv(fd, data, 50, NULL, 0, 0));
		st = stat_of(asked);
	}
	pid = spawn();
	if (!pid) {
		CHECK(k_recv(fd, data, 50, NULL, 0, after(PATIENCE)) == 1);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, pid);
	EXPECT_EQ(1, total("waiters"));
	ASSERT_OK(k_send(fd, data, 1, 0, 0));
	EXPECT_EQ(0, reap(pid));
	st = stat_of(asked);
	EXPECT_EQ(1, st.recv_waits);
	EXPECT_EQ(0, st.letters);
	EXPECT_EQ(0, st.bytes);
	EXPECT_EQ(st.sent, st.received);
	EXPECT_EQ(st.sent_bytes, st.received_bytes);
	EXPECT_EQ(0, total("waiters"));
}

TEST_HARNESS_MAIN
