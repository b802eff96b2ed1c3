// SPDX-License-Identifier: GPL-2.0
/* Capacity: in letters, in bytes; when full: wait, refuse, drop the oldest. */
#include "test.h"

static unsigned int fill_up(int fd, size_t size)
{
	static char data[1 << 16];
	unsigned int n = 0;

	CHECK(size <= sizeof(data));
	while (!k_send(fd, data, size, n, 0))
		n++;
	CHECK(errno == EAGAIN);
	return n;
}

TEST(bounded_in_letters)
{
	int fd = box(5, KIPC_UNBOUNDED, 1000, 0);
	char data[1000];

	EXPECT_EQ(5, fill_up(fd, 1000));
	EXPECT_ERR(EAGAIN, k_send(fd, NULL, 0, 0, 0));
	EXPECT_ERR(ETIMEDOUT, k_send(fd, NULL, 0, 0, after(MS)));
	EXPECT_EQ(1000, k_recv(fd, data, sizeof(data), NULL, 0, 0));
	EXPECT_EQ(1, fill_up(fd, 0));
	EXPECT_EQ(5, stat_of(fd).letters);
	EXPECT_EQ(4000, stat_of(fd).bytes);
}

TEST(bounded_in_bytes)
{
	int fd = box(KIPC_UNBOUNDED, 1000, 400, 0);
	char data[400];

	EXPECT_EQ(2, fill_up(fd, 400));
	/* 200 are left: the smaller ones still fit, to the last byte. */
	EXPECT_EQ(2, fill_up(fd, 99));
	EXPECT_EQ(1, fill_up(fd, 2));
	EXPECT_EQ(1000, stat_of(fd).bytes);
	EXPECT_ERR(EAGAIN, k_send(fd, data, 1, 0, 0));
	/* Headers do not count. */
	EXPECT_OK(k_send(fd, NULL, 0, 0, 0));
	EXPECT_EQ(6, stat_of(fd).letters);
	EXPECT_EQ(400, k_recv(fd, data, sizeof(data), NULL, 0, 0));
	EXPECT_ERR(EAGAIN, k_recv(fd, data, 400, NULL, 0, 0) < 0 ? -1 :
		   k_send(fd, data, 400, 0, 0) ?: k_send(fd, data, 400, 0, 0) ?:
		   k_send(fd, data, 1, 0, 0));
	EXPECT_EQ(1000, stat_of(fd).bytes);
}

/* The bound of a default mailbox holds to the letter and to the byte. */
TEST(default_capacity)
{
	int fd = default_box();

	EXPECT_EQ(4, fill_up(fd, 65536));
	EXPECT_EQ(256 << 10, stat_of(fd).bytes);
	/* Empty letters are only counted. */
	EXPECT_EQ(4092, fill_up(fd, 0));
	close(fd);
	fd = default_box();
	EXPECT_EQ(4096, fill_up(fd, 64));
	close(fd);
	fd = default_box();
	EXPECT_EQ((256 << 10) / 65, fill_up(fd, 65));
}

TEST(refuse)
{
	int fd = box(2, 100, 50, KIPC_MAILBOX_REFUSE);
	char data[50] = "";

	EXPECT_OK(k_send(fd, data, 50, 0, KIPC_FOREVER));
	EXPECT_OK(k_send(fd, data, 50, 0, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, k_send(fd, data, 1, 0, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, k_send(fd, data, 1, 0, after(PATIENCE)));
	EXPECT_ERR(EAGAIN, write(fd, data, 1));
	EXPECT_EQ(2, stat_of(fd).sent);
	EXPECT_EQ(0, stat_of(fd).send_waits);
	/* It is the senders that are refused; receivers wait. */
	EXPECT_EQ(50, read(fd, data, 50));
	EXPECT_EQ(50, read(fd, data, 50));
	EXPECT_ERR(ETIMEDOUT, k_recv(fd, data, 50, NULL, 0, after(MS)));
}

TEST(drop_oldest_by_letters)
{
	int fd = box(3, 1000, 100, KIPC_MAILBOX_DROP_OLDEST);
	struct kipc_letter l;
	uint64_t i, got;

	for (i = 1; i <= 10; i++)
		ASSERT_OK(k_send(fd, &i, sizeof(i), i, 0));
	EXPECT_EQ(3, stat_of(fd).letters);
	EXPECT_EQ(7, stat_of(fd).dropped);
	EXPECT_EQ(10, stat_of(fd).sent);
	for (i = 8; i <= 10; i++) {
		ASSERT_EQ(8, k_recv(fd, &got, sizeof(got), &l, 0, 0));
		EXPECT_EQ(i, got);
		EXPECT_EQ(i, l.seq);
	}
	EXPECT_ERR(EAGAIN, k_recv(fd, &got, sizeof(got), &l, 0, 0));
	EXPECT_EQ(3, stat_of(fd).received);
}

/* All mixes of sizes, against a plain list of what should be there. */
static void drop_model(struct __test_metadata *_metadata, uint64_t letters,
		       uint64_t max_bytes, uint32_t size, unsigned int rounds)
{
	int fd = box(letters, max_bytes, size, KIPC_MAILBOX_DROP_OLDEST);
	unsigned int head = 0, tail = 0, random = 12345, n;
	uint64_t dropped = 0, received = 0, bytes = 0;
	unsigned int *sizes = calloc(rounds, sizeof(*sizes));
	struct kipc_mailbox_stat st;
	char *data = malloc(size);
	struct kipc_letter l;

	for (n = 0; n < rounds; n++) {
		random = random * 1103515245 + 12345;
		switch (random >> 28) {
		case 0:
			sizes[n] = size;
			break;
		case 1:
			sizes[n] = 0;
			break;
		case 2 ... 5:
			sizes[n] = (random >> 16) % 9;
			break;
		default:
			sizes[n] = (random >> 8) % (size * 2 / 5);
		}
		while (tail - head == letters || bytes + sizes[n] > max_bytes) {
			bytes -= sizes[head++];
			dropped++;
		}
		tail++;
		bytes += sizes[n];
		fill(data, sizes[n], n);
		ASSERT_OK(k_send(fd, data, sizes[n], n, KIPC_FOREVER));
		st = stat_of(fd);
		ASSERT_EQ(tail - head, st.letters);
		ASSERT_EQ(bytes, st.bytes);
		ASSERT_EQ(dropped, st.dropped);
		if ((random >> 24 & 3) == 0 && head != tail) {
			memset(data, POISON, size);
			ASSERT_EQ(sizes[head],
				  k_recv(fd, data, size, &l, 0, 0));
			ASSERT_EQ(head, l.tag);
			ASSERT_EQ(head + 1, l.seq);
			ASSERT_TRUE(filled(data, sizes[head], head));
			bytes -= sizes[head++];
			received++;
		}
	}
	st = stat_of(fd);
	EXPECT_EQ(received, st.received);
	EXPECT_EQ(rounds, st.sent);
	EXPECT_GT(dropped, 0);
	close(fd);
	free(sizes);
	free(data);
}

TEST(drop_oldest_by_bytes)
{
	drop_model(_metadata, 7, 1000, 1000, 3000);
	drop_model(_metadata, 50, KIPC_UNBOUNDED, 10000, 1000);
	drop_model(_metadata, KIPC_UNBOUNDED, 200000, 100000, 1000);
}

/* Nothing gives way to a letter that does not come. */
TEST(failed_send_drops_nothing)
{
	static const size_t sizes[] = { 1, 100, 4096, 20000, 65536 };
	struct kipc_mailbox_stat before, behind;
	char *bad = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	char data[64] = "";
	size_t i;
	int fd;

	ASSERT_TRUE(bad != MAP_FAILED);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fd = box(4096, 65536, 65536, KIPC_MAILBOX_DROP_OLDEST);
		while (stat_of(fd).bytes < 65536)
			ASSERT_OK(k_send(fd, data, 64, 0, 0));
		before = stat_of(fd);
		EXPECT_ERR(EFAULT, k_send(fd, bad, sizes[i], 0, 0));
		EXPECT_ERR(EFAULT, write(fd, bad, sizes[i]));
		behind = stat_of(fd);
		EXPECT_EQ(0, memcmp(&before, &behind, sizeof(before)));
		EXPECT_EQ(1024, behind.letters);
		ASSERT_OK(k_send(fd, data, 64, 0, 0));
		EXPECT_EQ(1, stat_of(fd).dropped);
		close(fd);
	}
}

/* However many give way at once: others get the lock in between. */
TEST(a_crowd_gives_way_to_one)
{
	enum { SIZE = 8 << 20 };
	unsigned int crowd = effort(100000);
	uint64_t limit = get_limit("max_bytes"), start, now, bound;
	uint64_t *longest = shared(2 * sizeof(*longest));
	char *data = calloc(1, SIZE);
	struct kipc_mailbox_stat st;
	unsigned int i;
	pid_t pid;
	int fd;

	set_limit("max_bytes", 128 << 20);
	fd = box(KIPC_UNBOUNDED, SIZE, SIZE, KIPC_MAILBOX_DROP_OLDEST);
	for (i = 0; i < crowd; i++)
		ASSERT_OK(k_send(fd, data, 1, 0, 0));
	ASSERT_EQ(crowd, stat_of(fd).letters);
	pid = spawn();
	if (!pid) {
		do {
			start = now_ns();
			st = stat_of(fd);
			now = now_ns();
			if (now - start > longest[0])
				longest[0] = now - start;
			__atomic_store_n(&longest[1], 1, __ATOMIC_SEQ_CST);
		} while (st.dropped < crowd);
		_exit(0);
	}
	wait_for(__atomic_load_n(&longest[1], __ATOMIC_SEQ_CST));
	start = now_ns();
	ASSERT_OK(k_send(fd, data, SIZE, 0, 0));
	now = now_ns();
	EXPECT_EQ(crowd, stat_of(fd).dropped);
	EXPECT_EQ(1, stat_of(fd).letters);
	EXPECT_EQ(0, reap(pid));
	TH_LOG("the send took %llu us, others waited for %llu us at most",
	       (unsigned long long)(now - start) / 1000,
	       (unsigned long long)longest[0] / 1000);
	/* On a slow machine all takes long: then a small part of it. */
	bound = (now - start) / 8;
	EXPECT_LT(longest[0], bound > SECOND / 2 ? bound : SECOND / 2);
	set_limit("max_bytes", limit);
	free(data);
}

/* Many bounds, and letters of random size against a plain list. */
TEST(wait_free_model)
{
	static const struct kipc_mailbox_attr attrs[] = {
		{ 1, 1, 1, 0 }, { 1, 4096, 4096, 0 }, { 3, 50, 50, 0 },
		{ KIPC_UNBOUNDED, 64, 64, 0 }, { 16, KIPC_UNBOUNDED, 33, 0 },
		{ 1000, 8192, 5000, 0 }, { 1000, 4095, 4095, 0 },
		{ 1000, 65537, 65536, 0 },
	};
	static char data[65536];
	unsigned int random = 99;
	size_t a;

	for (a = 0; a < ARRAY_SIZE(attrs); a++) {
		enum { ROUNDS = 1500 };
		static unsigned int sizes[ROUNDS];
		const struct kipc_mailbox_attr *at = &attrs[a];
		int fd = box(at->max_letters, at->max_bytes, at->letter_size, 0);
		unsigned int head = 0, tail = 0, n;
		uint64_t bytes = 0;
		struct kipc_letter l;

		for (n = 0; n < ROUNDS; n++) {
			unsigned int size;
			bool fits;

			random = random * 1103515245 + 12345;
			size = (random >> 8) % (at->letter_size + 1);
			if (random >> 30 && size > 64)
				size /= 40;
			if (random & 1 << 24) {
				fits = tail - head < at->max_letters &&
					bytes + size <= at->max_bytes;
				fill(data, size, n);
				if (!fits) {
					EXPECT_ERR(EAGAIN, k_send(fd, data, size,
								  n, 0));
					continue;
				}
				ASSERT_OK(k_send(fd, data, size, n, 0));
				sizes[tail++] = size | n << 17;
				bytes += size;
				continue;
			}
			if (head == tail) {
				EXPECT_ERR(EAGAIN, k_recv(fd, data, size, &l, 0,
							  0));
				continue;
			}
			size = sizes[head] & 0x1ffff;
			ASSERT_EQ(size, k_recv(fd, data, sizeof(data), &l, 0, 0));
			ASSERT_TRUE(filled(data, size, l.tag));
			ASSERT_EQ(sizes[head] >> 17, l.tag);
			ASSERT_EQ(++head, l.seq);
			bytes -= size;
		}
		EXPECT_EQ(tail - head, stat_of(fd).letters);
		EXPECT_EQ(bytes, stat_of(fd).bytes);
		close(fd);
	}
}

TEST(waiting_sender_goes_on)
{
	int fd = box(1, 8, 8, 0);
	pid_t pids[4];
	uint64_t i;

	ASSERT_OK(send_number(fd, 0));
	for (i = 1; i < 4; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			if (i == 2)
				CHECK(write(fd, &i, 8) == 8);
			else
				CHECK(!send_number(fd, i));
			_exit(0);
		}
		wait_waiters(fd, i, 0, pids[i]);
	}
	/* Nobody comes in before those who wait. */
	EXPECT_ERR(EAGAIN, k_send(fd, &i, 8, 0, 0));
	for (i = 0; i < 4; i++) {
		uint64_t got;

		ASSERT_EQ(8, k_recv(fd, &got, 8, NULL, 0, after(PATIENCE)));
		EXPECT_EQ(i, got);
	}
	for (i = 1; i < 4; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_EQ(3, stat_of(fd).send_waits);
}

/* First come, first served: a small letter does not overtake a large one. */
TEST(small_does_not_overtake_large)
{
	int fd = box(10, 100, 100, 0);
	char data[100] = "";
	struct kipc_letter l;
	pid_t large, small;

	ASSERT_OK(k_send(fd, data, 60, 1, 0));
	ASSERT_OK(k_send(fd, data, 30, 2, 0));
	large = spawn();
	if (!large) {
		CHECK(!k_send(fd, data, 100, 3, after(PATIENCE)));
		_exit(0);
	}
	wait_waiters(fd, 1, 0, large);
	small = spawn();
	if (!small) {
		CHECK(!k_send(fd, data, 1, 4, after(PATIENCE)));
		_exit(0);
	}
	wait_waiters(fd, 2, 0, small);
	ASSERT_EQ(60, k_recv(fd, data, 100, &l, 0, 0));
	/* 70 bytes are free: room for the small one, but it is not its turn. */
	EXPECT_TRUE(has_waiters(fd, 2, 0));
	EXPECT_ERR(EAGAIN, k_send(fd, data, 1, 5, 0));
	ASSERT_EQ(30, k_recv(fd, data, 100, &l, 0, 0));
	EXPECT_EQ(0, reap(large));
	ASSERT_EQ(100, k_recv(fd, data, 100, &l, 0, after(PATIENCE)));
	EXPECT_EQ(3, l.tag);
	EXPECT_EQ(0, reap(small));
	ASSERT_EQ(1, k_recv(fd, data, 100, &l, 0, 0));
	EXPECT_EQ(4, l.tag);
}

TEST(waiting_receivers_in_their_order)
{
	int fd = default_box();
	pid_t pids[5];
	uint64_t i;

	for (i = 0; i < 5; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			uint64_t got = ~0ULL;

			if (i == 1)
				CHECK(read(fd, &got, 8) == 8);
			else
				CHECK(k_recv(fd, &got, 8, NULL, 0,
					     KIPC_FOREVER) == 8);
			CHECK(got == i);
			_exit(0);
		}
		wait_waiters(fd, 0, i + 1, pids[i]);
	}
	/* One by one: receivers that are served at the same time may race. */
	for (i = 0; i < 5; i++) {
		ASSERT_OK(send_number(fd, i));
		EXPECT_EQ(0, reap(pids[i]));
	}
	EXPECT_EQ(5, stat_of(fd).recv_waits);
}

TEST(unbounded_until_the_quota)
{
	uint64_t limit = get_limit("max_bytes"), i, n = 0;
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	static char data[4096];
	struct kipc_letter l;

	/* Well beyond any default first. */
	for (i = 0; i < 600; i++) {
		fill(data, sizeof(data), n);
		ASSERT_OK(k_send(fd, data, sizeof(data), n++, 0));
	}
	set_limit("max_bytes", 8 << 20);
	for (;;) {
		fill(data, sizeof(data), n);
		if (k_send(fd, data, sizeof(data), n, KIPC_FOREVER))
			break;
		ASSERT_LE(++n, (8 << 20) / 4096);
	}
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_ERR(EDQUOT, write(fd, data, sizeof(data)));
	EXPECT_EQ(n, stat_of(fd).letters);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(4096, k_recv(fd, data, sizeof(data), &l, 0, 0));
		ASSERT_EQ(i, l.tag);
		ASSERT_TRUE(filled(data, sizeof(data), i));
	}
	EXPECT_OK(k_send(fd, data, sizeof(data), n, 0));
	set_limit("max_bytes", limit);
}

TEST_HARNESS_MAIN
