// SPDX-License-Identifier: GPL-2.0
/*
 * Letters that are copied without the lock, above 4 KiB, beside small ones:
 * vectors, peeks, memory that is missing or not there at all.
 */
#include "test.h"

#include <pthread.h>
#include <sys/uio.h>

#define PAGE 4096UL

FIXTURE(letter) {
	int fd;
	char *data;		/* the letter, as it is sent */
	char *in;		/* as it is received, a page longer */
};

FIXTURE_VARIANT(letter) {
	size_t size;
};

FIXTURE_VARIANT_ADD(letter, tiny) { 100 };
FIXTURE_VARIANT_ADD(letter, small) { 3000 };
FIXTURE_VARIANT_ADD(letter, large) { 10000 };
FIXTURE_VARIANT_ADD(letter, huge) { 300000 };

FIXTURE_SETUP(letter)
{
	self->fd = box(4, 4 << 20, 1 << 20, 0);
	self->data = malloc(variant->size);
	self->in = malloc(variant->size + PAGE);
	ASSERT_TRUE(self->data && self->in);
	fill(self->data, variant->size, 7);
	memset(self->in, POISON, variant->size + PAGE);
}

FIXTURE_TEARDOWN(letter)
{
	close(self->fd);
	free(self->data);
	free(self->in);
}

/* Three pieces, none of which begins or ends where another copy would. */
static void split(struct iovec iov[3], char *data, size_t size, size_t first)
{
	iov[0] = (struct iovec){ data, first };
	iov[1] = (struct iovec){ data + first, size / 2 };
	iov[2] = (struct iovec){ data + first + size / 2,
				 size - first - size / 2 };
}

/* Pages that nobody has touched yet; a file has their content, if there is any. */
static char *untouched(const char *content, size_t size)
{
	size_t whole = (size + PAGE - 1) & ~(PAGE - 1);
	int fd = memfd_create("content", MFD_CLOEXEC);
	char *p;

	CHECK(fd >= 0 && !ftruncate(fd, whole));
	CHECK(!content || pwrite(fd, content, size, 0) == (ssize_t)size);
	p = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	close(fd);
	return p;
}

/* Pages of which the last one cannot be used, nor what is behind. */
static char *broken(size_t size)
{
	size_t whole = (size + PAGE - 1) & ~(PAGE - 1);
	char *p = mmap(NULL, whole + PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	memset(p, POISON, whole);
	CHECK(!mprotect(p + whole, PAGE, PROT_NONE));
	/* So that the letter's last byte is the first that is not there. */
	return p + whole - size + 1;
}

static bool only(int fd, uint64_t letters, uint64_t bytes)
{
	struct kipc_mailbox_stat st = stat_of(fd);

	return st.letters == letters && st.bytes == bytes &&
	       st.sent == letters && st.received == 0;
}

TEST_F(letter, vectors)
{
	struct iovec iov[3];

	split(iov, self->data, variant->size, 13);
	ASSERT_EQ(variant->size, writev(self->fd, iov, 3));
	split(iov, self->in, variant->size + PAGE, 29);
	ASSERT_EQ(variant->size, readv(self->fd, iov, 3));
	EXPECT_EQ(0, memcmp(self->in, self->data, variant->size));
	EXPECT_TRUE(poisoned(self->in + variant->size, PAGE));
}

TEST_F(letter, untouched_pages)
{
	struct iovec iov[3];
	char *from, *to;
	int i;

	for (i = 0; i < 2; i++) {
		from = untouched(self->data, variant->size);
		to = untouched(NULL, variant->size);
		if (i) {
			split(iov, from, variant->size, 13);
			ASSERT_EQ(variant->size, writev(self->fd, iov, 3));
			split(iov, to, variant->size, 29);
			ASSERT_EQ(variant->size, readv(self->fd, iov, 3));
		} else {
			ASSERT_EQ(variant->size, write(self->fd, from,
						       variant->size));
			ASSERT_EQ(variant->size, read(self->fd, to,
						      variant->size));
		}
		EXPECT_EQ(0, memcmp(to, self->data, variant->size));
	}
	EXPECT_EQ(0, stat_of(self->fd).letters);
}

TEST_F(letter, broken_memory)
{
	char *bad = broken(variant->size);
	struct iovec iov[3];

	split(iov, bad, variant->size, 13);
	EXPECT_ERR(EFAULT, write(self->fd, bad, variant->size));
	EXPECT_ERR(EFAULT, writev(self->fd, iov, 3));
	EXPECT_ERR(EFAULT, k_send(self->fd, bad, variant->size, 0, 0));
	EXPECT_TRUE(only(self->fd, 0, 0));

	ASSERT_OK(k_send(self->fd, self->data, variant->size, 0, 0));
	EXPECT_ERR(EFAULT, read(self->fd, bad, variant->size));
	EXPECT_ERR(EFAULT, readv(self->fd, iov, 3));
	EXPECT_ERR(EFAULT, k_recv(self->fd, bad, variant->size, NULL, 0, 0));
	EXPECT_ERR(EFAULT, k_recv(self->fd, bad, variant->size, NULL,
				  KIPC_RECV_PEEK, 0));
	EXPECT_TRUE(only(self->fd, 1, variant->size));
	EXPECT_EQ(POLLIN, poll_mask(self->fd, POLLIN));
	ASSERT_EQ(variant->size, read(self->fd, self->in, variant->size));
	EXPECT_EQ(0, memcmp(self->in, self->data, variant->size));
}

/* The data could be had, but the header cannot be written. */
TEST_F(letter, header_that_is_read_only)
{
	struct kipc_mailbox_recv *recv;
	uint32_t flags;

	recv = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(recv != MAP_FAILED);
	recv->data = ptr(self->in);
	recv->size = variant->size;
	ASSERT_OK(k_send(self->fd, self->data, variant->size, 0, 0));
	for (flags = 0; flags <= KIPC_RECV_PEEK; flags++) {
		ASSERT_OK(mprotect(recv, PAGE, PROT_READ | PROT_WRITE));
		recv->flags = flags;
		ASSERT_OK(mprotect(recv, PAGE, PROT_READ));
		EXPECT_ERR(EFAULT, ioctl(self->fd, KIPC_IOC_MAILBOX_RECV,
					 recv));
		EXPECT_TRUE(only(self->fd, 1, variant->size));
	}
	ASSERT_EQ(variant->size, read(self->fd, self->in, variant->size));
	EXPECT_EQ(0, memcmp(self->in, self->data, variant->size));
}

TEST_F(letter, peek)
{
	struct kipc_letter first, again, last;
	size_t part = variant->size - 50;

	ASSERT_OK(k_send(self->fd, self->data, variant->size, 5, 0));
	ASSERT_OK(k_send(self->fd, "next", 4, 6, 0));
	ASSERT_EQ(variant->size, k_recv(self->fd, self->in, variant->size + PAGE,
					&first, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(0, memcmp(self->in, self->data, variant->size));
	EXPECT_TRUE(poisoned(self->in + variant->size, PAGE));
	EXPECT_EQ(1, first.seq);
	EXPECT_EQ(5, first.tag);
	EXPECT_EQ(variant->size, first.size);
	EXPECT_EQ(getpid(), first.pid);

	memset(self->in, POISON, variant->size);
	EXPECT_ERR(EMSGSIZE, k_recv(self->fd, self->in, part, NULL,
				    KIPC_RECV_PEEK, 0));
	EXPECT_TRUE(poisoned(self->in, variant->size));
	ASSERT_EQ(part, k_recv(self->fd, self->in, part, &again,
			       KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(KIPC_LETTER_TRUNCATED, again.flags);
	EXPECT_EQ(0, memcmp(self->in, self->data, part));
	EXPECT_TRUE(poisoned(self->in + part, variant->size - part));

	EXPECT_EQ(0, stat_of(self->fd).received);
	EXPECT_EQ(2, stat_of(self->fd).letters);
	ASSERT_EQ(variant->size, k_recv(self->fd, self->in, variant->size,
					&last, 0, 0));
	EXPECT_EQ(0, memcmp(&first, &last, sizeof(first)));
	EXPECT_EQ(0, memcmp(self->in, self->data, variant->size));
	EXPECT_EQ(4, read(self->fd, self->in, 4));
}

/*
 * Who looks at a letter while it is received sees all of it, or another one; it
 * must not lose its memory meanwhile, and must not keep it for ever.
 */
struct looker {
	int fd, stop;
	size_t size;
	uint64_t seen;
};

static void *look(void *arg)
{
	struct looker *l = arg;
	char *in = malloc(l->size);
	struct kipc_letter letter;
	ssize_t n;

	while (!__atomic_load_n(&l->stop, __ATOMIC_SEQ_CST)) {
		n = k_recv(l->fd, in, l->size, &letter, KIPC_RECV_PEEK, 0);
		if (n < 0) {
			CHECK(errno == EAGAIN);
			nap();
			continue;
		}
		CHECK((size_t)n == l->size && filled(in, n, letter.tag));
		__atomic_add_fetch(&l->seen, 1, __ATOMIC_SEQ_CST);
	}
	free(in);
	return NULL;
}

TEST_F(letter, peek_beside_a_receiver)
{
	enum { LOOKERS = 2 };
	struct looker l = { .fd = self->fd, .size = variant->size };
	unsigned int i, rounds = effort(200);
	pthread_t threads[LOOKERS];
	struct kipc_letter letter;
	uint64_t seen;

	for (i = 0; i < LOOKERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, look, &l));
	for (i = 1; i <= rounds; i++) {
		fill(self->data, variant->size, i);
		seen = __atomic_load_n(&l.seen, __ATOMIC_SEQ_CST);
		ASSERT_OK(k_send(self->fd, self->data, variant->size, i, 0));
		/* One that has seen it looks again, as like as not. */
		wait_for(__atomic_load_n(&l.seen, __ATOMIC_SEQ_CST) > seen);
		ASSERT_EQ(variant->size, k_recv(self->fd, self->in,
						variant->size, &letter, 0, 0));
		ASSERT_EQ(i, letter.tag);
		ASSERT_TRUE(filled(self->in, variant->size, i));
	}
	__atomic_store_n(&l.stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < LOOKERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(rounds, stat_of(self->fd).received);
	close(self->fd);
	EXPECT_EQ(0, total("bytes"));
}

/* What there is no room for in the owner's quota leaves no trace. */
TEST_F(letter, quota)
{
	uint64_t limit = get_limit("max_bytes"), bytes = total("bytes");

	set_limit("max_bytes", bytes);
	EXPECT_ERR(EDQUOT, k_send(self->fd, self->data, variant->size, 0, 0));
	EXPECT_ERR(EDQUOT, write(self->fd, self->data, variant->size));
	set_limit("max_bytes", limit);
	EXPECT_EQ(bytes, total("bytes"));
	EXPECT_TRUE(only(self->fd, 0, 0));
	EXPECT_EQ(POLLOUT, poll_mask(self->fd, POLLIN | POLLOUT));
	ASSERT_OK(k_send(self->fd, self->data, variant->size, 0, 0));
	EXPECT_EQ(variant->size, read(self->fd, self->in, variant->size));
}

TEST_HARNESS_MAIN
