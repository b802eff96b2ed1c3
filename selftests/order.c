// SPDX-License-Identifier: GPL-2.0
/*
 * Many senders, many receivers: each letter arrives once and unharmed, and what
 * one receiver gets from one sender is in the order in which it was sent.
 */
#include "test.h"

#include <pthread.h>

enum { SENDERS = 4, RECEIVERS = 4, MAX = 400 };

/* The head of each letter's data; the rest is filled from its seed. */
struct head {
	uint32_t sender, number;
	uint32_t size, check;
};

struct book {
	unsigned int seen[SENDERS][MAX];
	unsigned int by_receiver[RECEIVERS];
};

static unsigned int count;	/* letters of each sender */

struct party {
	int fd;
	unsigned int self;
	uint32_t size;
	bool plain;
	struct book *book;
};

#define STOP 0xdead

static uint64_t seed_of(const struct head *h)
{
	return (uint64_t)h->sender << 32 | h->number;
}

static size_t size_of(const struct party *p, unsigned int n)
{
	uint32_t x = (n * 2654435761U) ^ (p->self * 40503U);
	size_t room = p->size - sizeof(struct head);

	/* Most are small, some are as large as can be. */
	switch (x >> 28) {
	case 0:
		return p->size;
	case 1: case 2: case 3:
		return sizeof(struct head) + (x >> 8) % (room + 1);
	default:
		return sizeof(struct head) + (x >> 8) % (room < 200 ? room + 1 :
							 200);
	}
}

static void *send_all(void *arg)
{
	struct party *p = arg;
	char *data = malloc(p->size);
	struct head h = { .sender = p->self };

	for (h.number = 0; h.number < count; h.number++) {
		h.size = size_of(p, h.number);
		h.check = h.size ^ h.number ^ h.sender << 16;
		fill(data + sizeof(h), h.size - sizeof(h), seed_of(&h));
		memcpy(data, &h, sizeof(h));
		if (p->plain)
			CHECK(write(p->fd, data, h.size) == h.size);
		else
			CHECK(!k_send(p->fd, data, h.size, 0, KIPC_FOREVER));
	}
	free(data);
	return NULL;
}

static void *receive_all(void *arg)
{
	struct party *p = arg;
	char *data = malloc(p->size);
	int64_t last[SENDERS] = { -1, -1, -1, -1 };
	uint64_t last_seq = 0;

	for (;;) {
		struct kipc_letter l = { .seq = last_seq + 1 };
		struct head h;
		ssize_t n;

		if (p->plain)
			n = read(p->fd, data, p->size);
		else
			n = k_recv(p->fd, data, p->size, &l, 0, KIPC_FOREVER);
		CHECK(n >= (ssize_t)sizeof(h));
		memcpy(&h, data, sizeof(h));
		CHECK(l.seq > last_seq);
		last_seq = l.seq;
		if (h.check == STOP)
			break;
		CHECK(h.size == n && h.sender < SENDERS && h.number < count);
		CHECK(h.check == (h.size ^ h.number ^ h.sender << 16));
		CHECK(filled(data + sizeof(h), n - sizeof(h), seed_of(&h)));
		CHECK((int64_t)h.number > last[h.sender]);
		last[h.sender] = h.number;
		__atomic_add_fetch(&p->book->seen[h.sender][h.number], 1,
				   __ATOMIC_RELAXED);
		p->book->by_receiver[p->self]++;
	}
	free(data);
	return NULL;
}

FIXTURE(order) {
	struct book *book;
	struct party parties[SENDERS + RECEIVERS];
	int fd;
};

FIXTURE_VARIANT(order) {
	uint64_t letters, bytes;
	uint32_t size;
};

FIXTURE_VARIANT_ADD(order, one_letter) { 1, 256, 256 };
FIXTURE_VARIANT_ADD(order, three_letters) { 3, 500, 256 };
FIXTURE_VARIANT_ADD(order, roomy) { 4096, 256 << 10, 256 };
FIXTURE_VARIANT_ADD(order, rendezvous) { 0, 0, 256 };
FIXTURE_VARIANT_ADD(order, large) { 8, 150000, 70000 };
FIXTURE_VARIANT_ADD(order, large_rendezvous) { 0, 0, 70000 };
FIXTURE_VARIANT_ADD(order, unbounded) { KIPC_UNBOUNDED, KIPC_UNBOUNDED, 5000 };

FIXTURE_SETUP(order)
{
	int i;

	count = effort(MAX);
	self->book = shared(sizeof(*self->book));
	self->fd = box(variant->letters, variant->bytes, variant->size, 0);
	for (i = 0; i < SENDERS + RECEIVERS; i++)
		self->parties[i] = (struct party){
			.fd = self->fd,
			.self = i % SENDERS,
			.size = variant->size,
			.plain = i & 1,
			.book = self->book,
		};
}

FIXTURE_TEARDOWN(order)
{
	close(self->fd);
}

static void stop_receivers(int fd)
{
	struct head h = { .check = STOP };
	int i;

	for (i = 0; i < RECEIVERS; i++)
		CHECK(!k_send(fd, &h, sizeof(h), 0, after(PATIENCE)));
}

/* "" if each letter came once; else what is wrong. */
static const char *audit(const struct book *book, int fd)
{
	struct kipc_mailbox_stat st = stat_of(fd);
	unsigned int s, n;

	for (s = 0; s < SENDERS; s++)
		for (n = 0; n < count; n++)
			if (book->seen[s][n] != 1)
				return book->seen[s][n] ? "twice" : "lost";
	if (st.letters || st.bytes || st.waiting_senders ||
	    st.waiting_receivers)
		return "something is left";
	if (st.sent != SENDERS * count + RECEIVERS || st.received != st.sent ||
	    st.sent_bytes != st.received_bytes)
		return "figures do not agree";
	return "";
}

TEST_F(order, processes)
{
	pid_t pids[SENDERS + RECEIVERS];
	int i;

	for (i = SENDERS + RECEIVERS - 1; i >= 0; i--) {
		pids[i] = spawn();
		if (!pids[i]) {
			if (i < SENDERS)
				send_all(&self->parties[i]);
			else
				receive_all(&self->parties[i]);
			_exit(0);
		}
	}
	for (i = 0; i < SENDERS; i++)
		ASSERT_EQ(0, reap(pids[i]));
	stop_receivers(self->fd);
	for (; i < SENDERS + RECEIVERS; i++)
		ASSERT_EQ(0, reap(pids[i]));
	EXPECT_STREQ("", audit(self->book, self->fd));
}

TEST_F(order, threads)
{
	pthread_t threads[SENDERS + RECEIVERS];
	int i;

	for (i = SENDERS + RECEIVERS - 1; i >= 0; i--)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, i < SENDERS ?
					    send_all : receive_all,
					    &self->parties[i]));
	for (i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	stop_receivers(self->fd);
	for (; i < SENDERS + RECEIVERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_STREQ("", audit(self->book, self->fd));
}

/*
 * The end of one receiver's buffer is never there at first.  That must not make
 * any of them see a letter behind a younger one.
 */
TEST(missing_pages)
{
	enum { PAGE = 4096, SIZE = 32 * PAGE };
	int fd = box(8, 8 * SIZE, SIZE, 0), i, letters = effort(1500);
	char *data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pids[RECEIVERS];
	uint64_t last = 0;

	ASSERT_TRUE(data != MAP_FAILED);
	for (i = 0; i < RECEIVERS; i++) {
		pids[i] = spawn();
		if (pids[i])
			continue;
		for (;;) {
			struct kipc_letter l;

			if (i == 0)
				madvise(data + SIZE - PAGE, PAGE,
					MADV_DONTNEED);
			CHECK(k_recv(fd, data, SIZE, &l, 0, KIPC_FOREVER) >= 0);
			CHECK(l.seq > last);
			last = l.seq;
			if (l.tag == STOP)
				break;
			CHECK(l.size == SIZE && filled(data, SIZE, l.tag));
		}
		_exit(0);
	}
	for (i = 0; i < letters; i++) {
		fill(data, SIZE, i);
		ASSERT_OK(k_send(fd, data, SIZE, i, after(PATIENCE)));
	}
	for (i = 0; i < RECEIVERS; i++)
		ASSERT_OK(k_send(fd, NULL, 0, STOP, after(PATIENCE)));
	for (i = 0; i < RECEIVERS; i++)
		EXPECT_EQ(0, reap(pids[i]));
}

TEST_HARNESS_MAIN
