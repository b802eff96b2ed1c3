// SPDX-License-Identifier: GPL-2.0
/* Several messages in one call, each way: how many, which, and why no more. */
#include "test.h"
#include "kqueue.h"

enum { MOST_ITEMS = 16 };

struct batch {
	struct kipc_queue_send_item out[MOST_ITEMS];
	struct kipc_queue_recv_item in[MOST_ITEMS];
	char data[MOST_ITEMS][64];
	uint64_t numbers[MOST_ITEMS];
};

/* @n messages with the numbers from @first on, of types 0, 1, 2, 0, ... */
static struct kipc_queue_send_item *outgoing(struct batch *b, unsigned int n,
					     uint64_t first)
{
	unsigned int i;

	memset(b->out, 0, sizeof(b->out));
	for (i = 0; i < n; i++) {
		b->numbers[i] = first + i;
		b->out[i].data = ptr(&b->numbers[i]);
		b->out[i].size = 8;
		b->out[i].type = i % 3;
		b->out[i].priority = i;
	}
	return b->out;
}

static struct kipc_queue_recv_item *incoming(struct batch *b)
{
	unsigned int i;

	memset(b->in, 0, sizeof(b->in));
	memset(b->data, POISON, sizeof(b->data));
	for (i = 0; i < MOST_ITEMS; i++) {
		b->in[i].data = ptr(b->data[i]);
		b->in[i].size = sizeof(b->data[i]);
	}
	return b->in;
}

static uint64_t number_of(const struct batch *b, unsigned int i)
{
	return q_filled(b->data[i], b->in[i].message.size);
}

TEST(both_ways)
{
	int fd = default_queue(), i;
	struct batch b;

	ASSERT_EQ(9, q_send_batch(fd, outgoing(&b, 9, 100), 9, 0));
	EXPECT_EQ(9, q_stat_of(fd).sent);
	ASSERT_EQ(9, q_recv_batch(fd, incoming(&b), MOST_ITEMS, BY_FIRST, 0, 0));
	for (i = 0; i < 9; i++) {
		EXPECT_EQ(100 + i, number_of(&b, i));
		EXPECT_EQ(i + 1, b.in[i].message.seq);
		EXPECT_EQ(i % 3, b.in[i].message.type);
		EXPECT_EQ(i, b.in[i].message.priority);
		EXPECT_EQ(getpid(), b.in[i].message.pid);
		EXPECT_TRUE(poisoned(b.data[i] + 8, sizeof(b.data[i]) - 8));
	}
	EXPECT_TRUE(poisoned(b.data[9], sizeof(b.data[9])));
	EXPECT_ERR(EAGAIN, q_recv_batch(fd, incoming(&b), 1, BY_FIRST, 0, 0));
}

/* The selector is asked for each of them anew. */
TEST(selectors)
{
	static const struct {
		struct kipc_selector selector;
		int count, order[6];
	} rows[] = {
		{ { KIPC_SELECT_TYPE, 0, 1, 0 }, 2, { 1, 4 } },
		{ { KIPC_SELECT_LOWEST, 0, 0, 1 }, 4, { 0, 3, 1, 4 } },
		{ { KIPC_SELECT_PRIORITY, 0, 0, 0 }, 6, { 5, 4, 3, 2, 1, 0 } },
		{ { KIPC_SELECT_RANGE, 0, 1, 2 }, 4, { 1, 2, 4, 5 } },
		{ { KIPC_SELECT_EXCEPT, 0, 1, 0 }, 4, { 0, 2, 3, 5 } },
		{ { KIPC_SELECT_DEFAULT, 0, 0, 0 }, 2, { 2, 5 } },
	};
	struct batch b;
	size_t r;
	int i;

	for (r = 0; r < ARRAY_SIZE(rows); r++) {
		int fd = default_queue();

		ASSERT_OK(q_select(fd, BY_TYPE(2)));
		ASSERT_EQ(6, q_send_batch(fd, outgoing(&b, 6, 0), 6, 0));
		ASSERT_EQ(rows[r].count, q_recv_batch(fd, incoming(&b), MOST_ITEMS,
						      rows[r].selector, 0, 0));
		for (i = 0; i < rows[r].count; i++)
			EXPECT_EQ((uint64_t)rows[r].order[i], number_of(&b, i));
		EXPECT_EQ(6 - rows[r].count, q_stat_of(fd).messages);
		close(fd);
	}
	EXPECT_ERR(EINVAL, q_recv_batch(default_queue(), incoming(&b), 1, BY_AFTER(0),
					0, 0));
}

/* What there is no room for is not sent; the next call finds out whether there is. */
TEST(no_room)
{
	int fd = queue(5, 1000, 8, 0);
	struct batch b;

	EXPECT_EQ(5, q_send_batch(fd, outgoing(&b, 8, 0), 8, 0));
	EXPECT_ERR(EAGAIN, q_send_batch(fd, outgoing(&b, 8, 0), 8, 0));
	EXPECT_ERR(ETIMEDOUT, q_send_batch(fd, outgoing(&b, 8, 0), 8, after(MS)));
	EXPECT_EQ(0, q_take(fd, BY_FIRST));
	EXPECT_EQ(1, q_send_batch(fd, outgoing(&b, 8, 5), 8, after(MS)));
	EXPECT_EQ(5, q_stat_of(fd).messages);
	EXPECT_EQ(6, q_stat_of(fd).sent);
}

/* One in the midst is wrong: those before it are done, and it is the next one's error. */
TEST(wrong_in_the_midst)
{
	int fd = queue(50, 1000, 8, 0);
	struct batch b;

	outgoing(&b, 4, 0);
	b.out[2].size = 9;
	EXPECT_EQ(2, q_send_batch(fd, b.out, 4, 0));
	EXPECT_ERR(EMSGSIZE, q_send_batch(fd, b.out + 2, 2, 0));
	outgoing(&b, 4, 0);
	b.out[2].flags = 1;
	EXPECT_EQ(2, q_send_batch(fd, b.out, 4, 0));
	EXPECT_ERR(EINVAL, q_send_batch(fd, b.out + 2, 2, 0));
	outgoing(&b, 4, 0);
	b.out[2].reserved = 1;
	EXPECT_EQ(2, q_send_batch(fd, b.out, 4, 0));
	EXPECT_ERR(EINVAL, q_send_batch(fd, b.out + 2, 2, 0));
	outgoing(&b, 4, 0);
	b.out[2].data = 8;
	EXPECT_EQ(2, q_send_batch(fd, b.out, 4, 0));
	EXPECT_ERR(EFAULT, q_send_batch(fd, b.out + 2, 2, 0));
	EXPECT_EQ(8, q_stat_of(fd).messages);

	incoming(&b);
	b.in[2].size = 7;
	EXPECT_EQ(2, q_recv_batch(fd, b.in, 4, BY_FIRST, 0, 0));
	EXPECT_ERR(EMSGSIZE, q_recv_batch(fd, b.in + 2, 2, BY_FIRST, 0, 0));
	incoming(&b);
	b.in[1].flags = 1;
	EXPECT_EQ(1, q_recv_batch(fd, b.in, 4, BY_FIRST, 0, 0));
	EXPECT_ERR(EINVAL, q_recv_batch(fd, b.in + 1, 2, BY_FIRST, 0, 0));
	incoming(&b);
	b.in[1].data = 8;
	EXPECT_EQ(1, q_recv_batch(fd, b.in, 4, BY_FIRST, 0, 0));
	EXPECT_ERR(EFAULT, q_recv_batch(fd, b.in + 1, 2, BY_FIRST, 0, 0));
	/* All of that has taken four; the fifth is where it was. */
	EXPECT_EQ(4, q_stat_of(fd).messages);
	EXPECT_EQ(0, q_take(fd, BY_FIRST));
	EXPECT_EQ(1, q_take(fd, BY_FIRST));
}

TEST(truncate_)
{
	int fd = default_queue();
	struct batch b;

	ASSERT_EQ(3, q_send_batch(fd, outgoing(&b, 3, 0), 3, 0));
	incoming(&b);
	b.in[1].size = 4;
	ASSERT_EQ(3, q_recv_batch(fd, b.in, MOST_ITEMS, BY_FIRST, KIPC_RECV_TRUNCATE,
				  0));
	EXPECT_EQ(0, b.in[0].message.flags);
	EXPECT_EQ(KIPC_MESSAGE_TRUNCATED, b.in[1].message.flags);
	EXPECT_EQ(8, b.in[1].message.size);
	EXPECT_TRUE(poisoned(b.data[1] + 4, sizeof(b.data[1]) - 4));
	EXPECT_ERR(EINVAL, q_recv_batch(fd, b.in, 1, BY_FIRST, KIPC_RECV_PEEK, 0));
}

TEST(many_of_all_sizes)
{
	enum { COUNT = KIPC_BATCH_MAX };
	struct kipc_queue_send_item *out = calloc(COUNT + 1, sizeof(*out));
	struct kipc_queue_recv_item *in = calloc(COUNT + 1, sizeof(*in));
	char *sent = malloc(COUNT * 6000), *got = malloc(COUNT * 6000);
	int fd = queue(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 6000, 0), i;

	for (i = 0; i < COUNT; i++) {
		out[i].size = 8 + i * 37 % 5990;
		out[i].data = ptr(sent + i * 6000);
		out[i].type = i;
		q_fill(sent + i * 6000, out[i].size, i);
		in[i].data = ptr(got + i * 6000);
		in[i].size = 6000;
	}
	memset(got, POISON, COUNT * 6000);
	EXPECT_ERR(EINVAL, q_send_batch(fd, out, COUNT + 1, 0));
	EXPECT_ERR(EINVAL, q_send_batch(fd, out, 0, 0));
	ASSERT_EQ(COUNT, q_send_batch(fd, out, COUNT, 0));
	EXPECT_ERR(EINVAL, q_recv_batch(fd, in, COUNT + 1, BY_FIRST, 0, 0));
	ASSERT_EQ(COUNT, q_recv_batch(fd, in, COUNT, BY_LOWEST(COUNT), 0, 0));
	for (i = 0; i < COUNT; i++) {
		ASSERT_EQ(out[i].size, in[i].message.size);
		ASSERT_EQ(i, q_filled(got + i * 6000, out[i].size));
	}
	free(out);
	free(in);
	free(sent);
	free(got);
}

/* For the first one it waits, and takes along what has come with that. */
TEST(waiting_receiver)
{
	int fd = default_queue();
	struct batch b;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(q_recv_batch(fd, incoming(&b), MOST_ITEMS, BY_TYPE(5), 0,
				   KIPC_FOREVER) == 1);
		CHECK(number_of(&b, 0) == 55);
		CHECK_ERR(ETIMEDOUT, q_recv_batch(fd, incoming(&b), MOST_ITEMS,
						  BY_TYPE(5), 0, after(MS)));
		_exit(0);
	}
	q_wait_waiters(fd, 0, 1, pid);
	/* Nothing for it is among these. */
	ASSERT_EQ(3, q_send_batch(fd, outgoing(&b, 3, 0), 3, 0));
	EXPECT_TRUE(q_has_waiters(fd, 0, 1));
	EXPECT_EQ(0, q_put(fd, 5, 0, 55));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(3, q_stat_of(fd).messages);
}

/* A signal, or the end, when a part is done: that part counts. */
TEST(waiting_sender)
{
	enum { LATE, SIGNALLED, RESTARTED, REMOVED, WAYS };
	int *caught = shared(sizeof(*caught)), way;

	for (way = LATE; way < WAYS; way++) {
		int fd = queue(3, 1000, 8, 0);
		pid_t pid = spawn();
		struct batch b;

		if (!pid) {
			uint64_t deadline = way == LATE ? after(100 * MS) : KIPC_FOREVER;

			count_signals(SIGUSR1, way == RESTARTED ? SA_RESTART : 0,
				      caught);
			CHECK(q_send_batch(fd, outgoing(&b, 8, 0), 8, deadline) == 3);
			_exit(0);
		}
		if (way != LATE)
			q_wait_waiters(fd, 1, 0, pid);
		if (way == REMOVED) {
			ASSERT_OK(k_remove(fd));
		} else if (way != LATE) {
			kill(pid, SIGUSR1);
		}
		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(3, q_stat_of(fd).sent);
		if (way != REMOVED)
			EXPECT_EQ(0, q_take(fd, BY_FIRST));
	}
}

/* Room comes while it waits: it goes on, to the last one. */
TEST(sender_goes_on)
{
	int fd = queue(2, 1000, 8, 0);
	struct batch b;
	pid_t pid = spawn();
	int i;

	if (!pid) {
		CHECK(q_send_batch(fd, outgoing(&b, 10, 0), 10, KIPC_FOREVER) == 10);
		_exit(0);
	}
	for (i = 0; i < 10; i++)
		ASSERT_EQ(i, q_await(fd, BY_FIRST));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, q_stat_of(fd).messages);
}

TEST_HARNESS_MAIN
