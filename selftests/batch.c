// SPDX-License-Identifier: GPL-2.0
/*
 * Several letters in one call: all or some of them, and what can be wrong.
 */
#include "test.h"
#include "batch.h"

#include <pthread.h>

/* A batch is what its letters are one by one. */
TEST(headers)
{
	struct kipc_letter l;
	char data[64];
	unsigned int i;
	int fd = default_box();

	ASSERT_EQ(16, send_some(fd, 16, 64, 100, KIPC_NO_WAIT));
	ASSERT_EQ(16, stat_of(fd).letters);
	EXPECT_EQ(16 * 64, stat_of(fd).bytes);
	EXPECT_EQ(16, stat_of(fd).sent);
	EXPECT_EQ(16 * 64, stat_of(fd).sent_bytes);
	EXPECT_EQ(16, stat_of(fd).peak_letters);
	EXPECT_EQ(16 * 64, stat_of(fd).peak_bytes);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(64, k_recv(fd, data, 64, &l, 0, 0));
		EXPECT_EQ(i + 1, l.seq);
		EXPECT_EQ(100 + i, l.tag);
		EXPECT_TRUE(filled(data, 64, 100 + i));
	}
	ASSERT_EQ(8, recv_some(fd, 16, KIPC_FOREVER));
	check_received(8, 64, 108);
	for (i = 0; i < 8; i++) {
		l = in[i].letter;
		EXPECT_EQ(i + 9, l.seq);
		EXPECT_EQ(0, l.flags);
		EXPECT_EQ(getpid(), l.pid);
		EXPECT_EQ(getpid(), l.tid);
		EXPECT_EQ(geteuid(), l.uid);
		EXPECT_EQ(getegid(), l.gid);
		EXPECT_NE(0, l.time_ns);
	}
	EXPECT_EQ(16, stat_of(fd).received);
	EXPECT_EQ(16 * 64, stat_of(fd).received_bytes);
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(0, stat_of(fd).bytes);
}

static void *send_as_thread(void *arg)
{
	CHECK(send_some(*(int *)arg, 3, 8, 4, 0) == 3);
	return (void *)(uintptr_t)gettid();
}

/* Neighbours in a batch need not have the same sender. */
TEST(headers_of_several)
{
	int fd = default_box(), i;
	pthread_t thread;
	void *tid;
	pid_t pid;

	ASSERT_EQ(3, send_some(fd, 3, 8, 1, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_as_thread, &fd));
	ASSERT_EQ(0, pthread_join(thread, &tid));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY - 1);
		CHECK(send_some(fd, 3, 8, 7, 0) == 3);
		_exit(0);
	}
	ASSERT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		CHECK(send_some(fd, 1, 8, 10, 0) == 1);
		_exit(0);
	}
	ASSERT_EQ(0, reap(pid));
	ASSERT_EQ(10, recv_some(fd, MANY, 0));
	check_received(10, 8, 1);
	for (i = 0; i < 10; i++) {
		const struct kipc_letter *l = &in[i].letter;
		bool nobody = i / 3 == 2;

		EXPECT_EQ(nobody ? NOBODY : 0, l->uid);
		EXPECT_EQ(nobody ? NOBODY - 1 : 0, l->gid);
		EXPECT_EQ(i < 6, getpid() == l->pid);
		EXPECT_EQ(i / 3 == 1 ? (pid_t)(uintptr_t)tid : l->pid, l->tid);
	}
	EXPECT_EQ(pid, in[9].letter.pid);
	EXPECT_NE(pid, in[8].letter.pid);
}

/* A request is for who can reply: it ends a batch, and stays where it is. */
static void check_request(struct __test_metadata *_metadata, size_t size)
{
	int fd = box(8, KIPC_UNBOUNDED, ROOM, 0);
	struct kipc_mailbox_recv r;
	uint64_t token;

	ASSERT_EQ(2, send_some(fd, 2, 8, 1, 0));
	fill(out_data[0], size, 3);
	ASSERT_OK(k_submit(fd, out_data[0], size, 8, &token, 0));
	ASSERT_EQ(2, send_some(fd, 2, 8, 4, 0));
	ASSERT_EQ(2, recv_some(fd, MANY, 0));
	check_received(2, 8, 1);
	EXPECT_ERR(EBADMSG, recv_some(fd, MANY, 0));
	EXPECT_TRUE(poisoned(in_data[0], ROOM));
	EXPECT_ERR(EBADMSG, recv_some(fd, MANY, KIPC_FOREVER));
	EXPECT_ERR(EBADMSG, k_recv_batch(fd, buffers(MANY, ROOM), MANY,
					 KIPC_RECV_TRUNCATE, 0));
	EXPECT_ERR(EINVAL, k_recv_batch(fd, buffers(MANY, ROOM), MANY,
					KIPC_RECV_CALLS, 0));
	EXPECT_EQ(3, stat_of(fd).letters);
	ASSERT_EQ((ssize_t)size, k_serve(fd, in_data[0], ROOM, &r, 0, 0));
	EXPECT_TRUE(filled(in_data[0], size, 3));
	EXPECT_EQ(token, r.token);
	ASSERT_EQ(2, recv_some(fd, MANY, 0));
	check_received(2, 8, 4);
	EXPECT_EQ(0, stat_of(fd).letters);
	ASSERT_OK(k_reply(fd, token, "reply", 5, 0));
	ASSERT_EQ(5, k_collect(fd, &token, in_data[0], 8, NULL, 0));
	close(fd);
}

TEST(request)
{
	check_request(_metadata, 0);
	check_request(_metadata, 8);
	check_request(_metadata, 5000);
}

/* Of all sizes: some are copied under the lock, some are large, some are empty. */
TEST(sizes)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 63, 64, 255, 256, 257, 1000,
		2000, 4095, 4096, 4097, 5000, 20000, ROOM };
	unsigned int random = 1, round, i, count, got;
	int fd = box(MANY, KIPC_UNBOUNDED, ROOM, 0), ret;

	for (round = 0; round < effort(60); round++) {
		random = random * 1103515245 + 12345;
		count = 1 + (random >> 16) % 40;
		letters(count, 0, 1000 * round);
		for (i = 0; i < count; i++) {
			random = random * 1103515245 + 12345;
			/* Mostly small ones: so that there are bunches. */
			out[i].size = sizes[(random >> 16) %
					    (round & 1 ? ARRAY_SIZE(sizes) : 8)];
			fill(out_data[i], out[i].size, out[i].tag);
		}
		ASSERT_EQ(count, k_send_batch(fd, out, count, 0));
		for (got = 0; got < count; got += ret) {
			ret = recv_some(fd, 1 + (random >> 8) % count, 0);
			ASSERT_LT(0, ret);
			for (i = 0; i < (unsigned int)ret; i++) {
				size_t size = out[got + i].size;

				ASSERT_EQ(out[got + i].tag, in[i].letter.tag);
				ASSERT_EQ(size, in[i].letter.size);
				CHECK(filled(in_data[i], size, in[i].letter.tag));
				CHECK(poisoned(in_data[i] + size, ROOM - size));
			}
		}
		ASSERT_EQ(count, got);
	}
	EXPECT_EQ(0, stat_of(fd).bytes);
}

TEST(counts)
{
	int fd = default_box();
	unsigned int i, got;
	int ret;

	letters(1, 64, 1);
	for (i = 0; i < ARRAY_SIZE(out); i++) {
		out[i] = out[0];
		out[i].tag = i;
		in[i] = (struct kipc_recv_item){ .data = ptr(in_data[0]),
						 .size = 64 };
	}
	EXPECT_ERR(EINVAL, k_send_batch(fd, out, 0, 0));
	EXPECT_ERR(EINVAL, k_send_batch(fd, out, KIPC_BATCH_MAX + 1, 0));
	EXPECT_ERR(EINVAL, k_send_batch(fd, out, ~0U, 0));
	EXPECT_EQ(0, stat_of(fd).sent);
	ASSERT_EQ(KIPC_BATCH_MAX, k_send_batch(fd, out, KIPC_BATCH_MAX, 0));
	ASSERT_EQ(1, k_send_batch(fd, out + KIPC_BATCH_MAX, 1, 0));
	EXPECT_ERR(EINVAL, k_recv_batch(fd, in, 0, 0, 0));
	EXPECT_ERR(EINVAL, k_recv_batch(fd, in, KIPC_BATCH_MAX + 1, 0, 0));
	EXPECT_EQ(KIPC_BATCH_MAX + 1, stat_of(fd).letters);
	for (got = 0; got <= KIPC_BATCH_MAX; got += ret) {
		ret = k_recv_batch(fd, in, KIPC_BATCH_MAX, 0, 0);
		ASSERT_EQ(got ? 1 : KIPC_BATCH_MAX, ret);
		for (i = 0; i < (unsigned int)ret; i++)
			ASSERT_EQ(got + i, in[i].letter.tag);
	}
}

/* ... or until the deadline: then some were sent, or none. */
TEST(send_what_fits)
{
	int fd = box(5, 1000, 100, 0);

	EXPECT_EQ(5, send_some(fd, 8, 10, 1, KIPC_NO_WAIT));
	EXPECT_ERR(EAGAIN, send_some(fd, 8, 10, 6, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, send_some(fd, 8, 10, 6, after(MS)));
	ASSERT_EQ(2, recv_some(fd, 2, 0));
	EXPECT_EQ(2, send_some(fd, 8, 10, 6, after(MS)));
	ASSERT_EQ(5, recv_some(fd, 8, 0));
	check_received(5, 10, 3);
	/* The bytes count, too: of 1000. */
	close(fd);
	fd = box(100, 1000, 300, 0);
	EXPECT_EQ(3, send_some(fd, 8, 300, 1, KIPC_NO_WAIT));
	EXPECT_EQ(1, send_some(fd, 8, 100, 4, KIPC_NO_WAIT));
	EXPECT_ERR(EAGAIN, send_some(fd, 8, 1, 5, KIPC_NO_WAIT));
	/* Letters without data need no room but that of a letter. */
	EXPECT_EQ(8, send_some(fd, 8, 0, 5, KIPC_NO_WAIT));
}

TEST(nonblocking_handle)
{
	int fd = box(5, 1000, 100, 0);

	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, recv_some(fd, 8, KIPC_FOREVER));
	EXPECT_EQ(5, send_some(fd, 8, 10, 1, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, send_some(fd, 8, 10, 6, KIPC_FOREVER));
	EXPECT_EQ(5, recv_some(fd, 8, KIPC_FOREVER));
}

/* When full. */
TEST(refuse_and_drop)
{
	int fd = box(5, 1000, 100, KIPC_MAILBOX_REFUSE);

	EXPECT_EQ(5, send_some(fd, 8, 10, 1, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, send_some(fd, 8, 10, 6, KIPC_FOREVER));
	close(fd);
	fd = box(5, 1000, 100, KIPC_MAILBOX_DROP_OLDEST);
	EXPECT_EQ(8, send_some(fd, 8, 10, 1, KIPC_NO_WAIT));
	EXPECT_EQ(3, stat_of(fd).dropped);
	EXPECT_EQ(5, recv_some(fd, 8, 0));
	check_received(5, 10, 4);
}

/* What is wrong with a letter keeps those before it from nothing. */
TEST(send_errors)
{
	int fd = box(100, 100000, 5000, 0);
	int fixed = box(100, 100000, 50, KIPC_MAILBOX_FIXED);
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_send_item *last;
	unsigned int at;

	ASSERT_OK(mprotect(edge + 4096, 4096, PROT_NONE));
	for (at = 0; at < 3; at++) {
#define FAILS(box, error, change) do {					\
	letters(4, 50, 1);						\
	change;								\
	if (at) {							\
		EXPECT_EQ(at, k_send_batch(box, out, 4, 0));		\
		EXPECT_EQ(at, recv_some(box, 8, 0));			\
		check_received(at, 50, 1);				\
	}								\
	EXPECT_ERR(error, k_send_batch(box, out + at, 4 - at, 0));	\
	EXPECT_EQ(0, stat_of(box).letters);				\
} while (0)
		FAILS(fd, EMSGSIZE, out[at].size = 5001);
		FAILS(fd, EMSGSIZE, out[at].size = ~0U);
		FAILS(fixed, EMSGSIZE, out[at].size = 51);
		FAILS(fixed, EINVAL, out[at].size = 49);
		FAILS(fd, EINVAL, out[at].flags = 1);
		FAILS(fd, EINVAL, out[at].flags = 1U << 31);
		FAILS(fd, EFAULT, out[at].data = 0);
		FAILS(fd, EFAULT, out[at].data = ptr(edge + 4090));
		FAILS(fd, EFAULT, out[at].data = ~0ULL - 10);
		FAILS(fd, EFAULT, out[at].data = 0; out[at].size = 4500);
#undef FAILS
	}
	/* The array goes on where there is nothing. */
	last = (struct kipc_send_item *)(edge + 4096) - 2;
	memcpy(last, letters(2, 50, 1), 2 * sizeof(*last));
	EXPECT_EQ(2, k_send_batch(fd, last, 4, 0));
	EXPECT_ERR(EFAULT, k_send_batch(fd, last + 2, 4, 0));
	EXPECT_ERR(EFAULT, k_send_batch(fd, (void *)((char *)last + 40), 1, 0));
	EXPECT_ERR(EFAULT, k_send_batch(fd, NULL, 1, 0));
	EXPECT_EQ(2, stat_of(fd).letters);
}

TEST(receive_errors)
{
	int fd = box(100, 100000, 5000, 0);
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_recv_item *last;
	unsigned int at, i;

	ASSERT_OK(mprotect(edge + 4096, 4096, PROT_NONE));
	for (at = 0; at < 3; at++) {
#define FAILS(bytes, error, change) do {				\
	ASSERT_EQ(4, send_some(fd, 4, bytes, 1, 0));			\
	buffers(4, ROOM);						\
	change;								\
	if (at) {							\
		EXPECT_EQ(at, k_recv_batch(fd, in, 4, 0, 0));		\
		check_received(at, bytes, 1);				\
	}								\
	EXPECT_ERR(error, k_recv_batch(fd, in + at, 4 - at, 0, 0));	\
	EXPECT_EQ(4 - at, stat_of(fd).letters);				\
	EXPECT_EQ(4 - at, recv_some(fd, 8, 0));				\
	check_received(4 - at, bytes, 1 + at);				\
} while (0)
		FAILS(50, EMSGSIZE, in[at].size = 49);
		FAILS(50, EMSGSIZE, in[at].size = 0);
		FAILS(50, EINVAL, in[at].flags = 1);
		FAILS(50, EINVAL, in[at].flags = 1U << 31);
		FAILS(50, EFAULT, in[at].data = 0);
		FAILS(50, EFAULT, in[at].data = ptr(edge + 4090));
		FAILS(50, EFAULT, in[at].data = ~0ULL - 10);
		FAILS(4500, EMSGSIZE, in[at].size = 4499);
		FAILS(4500, EFAULT, in[at].data = ptr(edge));
#undef FAILS
	}
	/* The array goes on where there is nothing. */
	last = (struct kipc_recv_item *)(edge + 4096) - 2;
	memset(last, 0, 2 * sizeof(*last));
	for (i = 0; i < 2; i++) {
		last[i].data = ptr(in_data[i]);
		last[i].size = 50;
	}
	ASSERT_EQ(4, send_some(fd, 4, 50, 1, 0));
	{
		struct kipc_mailbox_recv_batch b = { .items = ptr(last), .count = 4 };

		EXPECT_EQ(2, ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &b));
		EXPECT_EQ(2, last[1].letter.tag);
		b.items = ptr(last + 2);
		EXPECT_ERR(EFAULT, ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &b));
		/* Half of the item is there, so that the header has no place. */
		b.items = ptr((char *)last + 96);
		memset((char *)last + 96, 0, 32);
		EXPECT_ERR(EMSGSIZE, ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &b));
		((struct kipc_recv_item *)((char *)last + 96))->data = ptr(in_data[0]);
		((struct kipc_recv_item *)((char *)last + 96))->size = 50;
		EXPECT_ERR(EFAULT, ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &b));
		b.items = 0;
		EXPECT_ERR(EFAULT, ioctl(fd, KIPC_IOC_MAILBOX_RECV_BATCH, &b));
	}
	EXPECT_EQ(2, recv_some(fd, 8, 0));
	check_received(2, 50, 3);
}

TEST(flags)
{
	int fd = default_box();
	int i;

	ASSERT_EQ(4, send_some(fd, 4, 50, 1, 0));
	buffers(4, 60);
	EXPECT_ERR(EINVAL, k_recv_batch(fd, in, 4, KIPC_RECV_PEEK, 0));
	EXPECT_ERR(EINVAL, k_recv_batch(fd, in, 4, KIPC_RECV_PEEK |
					KIPC_RECV_TRUNCATE, 0));
	EXPECT_ERR(EINVAL, k_recv_batch(fd, in, 4, 1U << 31, 0));
	EXPECT_EQ(4, stat_of(fd).letters);
	for (i = 0; i < 4; i++)
		in[i].size = 20 * i;
	EXPECT_EQ(4, k_recv_batch(fd, in, 4, KIPC_RECV_TRUNCATE, 0));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(i < 3 ? KIPC_LETTER_TRUNCATED : 0, in[i].letter.flags);
		EXPECT_EQ(50, in[i].letter.size);
		EXPECT_TRUE(poisoned(in_data[i] + (i < 3 ? 20 * i : 50), 10));
	}
	/* A large one, too. */
	ASSERT_EQ(2, send_some(fd, 2, 5000, 5, 0));
	buffers(2, ROOM);
	in[0].size = 100;
	in[1].size = 4500;
	EXPECT_EQ(2, k_recv_batch(fd, in, 2, KIPC_RECV_TRUNCATE, 0));
	EXPECT_TRUE(poisoned(in_data[0] + 100, 100));
	EXPECT_TRUE(poisoned(in_data[1] + 4500, 100));
	EXPECT_EQ(6, in[1].letter.tag);
}

TEST(rights)
{
	int fd = default_box();
	int sends = k_narrow(fd, SEND, 0), receives = k_narrow(fd, RECEIVE, 0);
	int manages = k_narrow(fd, MANAGE, 0), ctl = control();

	EXPECT_ERR(EBADF, send_some(receives, 1, 8, 1, 0));
	EXPECT_ERR(EBADF, send_some(manages, 1, 8, 1, 0));
	EXPECT_ERR(EBADF, send_some(-1, 1, 8, 1, 0));
	EXPECT_ERR(ENOTTY, send_some(ctl, 1, 8, 1, 0));
	EXPECT_EQ(1, send_some(sends, 1, 8, 1, 0));
	EXPECT_ERR(EBADF, recv_some(sends, 1, 0));
	EXPECT_ERR(EBADF, recv_some(manages, 1, 0));
	EXPECT_ERR(EBADF, recv_some(-1, 1, 0));
	EXPECT_ERR(ENOTTY, recv_some(ctl, 1, 0));
	EXPECT_EQ(1, recv_some(receives, 1, 0));
}

/* The owner's quota ends a batch; the next call says so. */
TEST(quota)
{
	uint64_t bytes = get_limit("max_bytes"), waiters = get_limit("max_waiters");
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, ROOM, 0);
	int ret, sent = 0;

	set_limit("max_bytes", 100000);
	while ((ret = send_some(fd, 8, 4096, 1, KIPC_FOREVER)) == 8)
		sent += ret;
	if (ret > 0) {
		sent += ret;
		ret = send_some(fd, 8, 4096, 1, KIPC_FOREVER);
	}
	EXPECT_TRUE(ret == -1 && errno == EDQUOT);
	EXPECT_LE(10, sent);
	EXPECT_EQ(sent, stat_of(fd).sent);
	while (sent)
		sent -= recv_some(fd, 16, 0);
	EXPECT_ERR(EAGAIN, recv_some(fd, 1, 0));
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, recv_some(fd, 1, KIPC_FOREVER));
	set_limit("max_waiters", waiters);
	set_limit("max_bytes", bytes);
}

TEST_HARNESS_MAIN
