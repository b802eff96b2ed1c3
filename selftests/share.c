// SPDX-License-Identifier: GPL-2.0
/*
 * Fair share: what one sending user may occupy of a mailbox, and that one who floods
 * it is in nobody's way.
 */
#include "test.h"
#include "kbatch.h"

enum { ANN = 2000, BOB = 2001, EVE = 2002 };

/* What a call of this user, who is root otherwise, returns. */
#define AS(uid, call) ({						\
	long ret_, errno_;						\
									\
	CHECK(!seteuid(uid));						\
	ret_ = (call);							\
	errno_ = errno;							\
	CHECK(!seteuid(0));						\
	errno = errno_;							\
	ret_;								\
})

static char data[64 << 10];

static int create(const struct kipc_mailbox_config *config, size_t size)
{
	struct kipc_create create = {
		.kind = KIPC_KIND_MAILBOX,
		.mode = 0600,
		.rights = ALL_RIGHTS,
		.attr = ptr(config),
		.attr_size = size,
	};
	int ctl = control(), fd, err;

	fd = ioctl(ctl, KIPC_IOC_CREATE, &create);
	err = errno;
	close(ctl);
	errno = err;
	return fd;
}

static int share_box(uint64_t letters, uint64_t bytes, uint32_t size,
		     uint64_t share_letters, uint64_t share_bytes)
{
	struct kipc_mailbox_config config = {
		{ letters, bytes, size, 0 }, share_letters, share_bytes
	};
	int fd = create(&config, sizeof(config));

	CHECK(fd >= 0);
	return fd;
}

static int put(int fd, size_t size, uint64_t tag)
{
	return k_send(fd, data, size, tag, KIPC_NO_WAIT);
}

static uint64_t take(int fd)
{
	struct kipc_letter l;

	CHECK(k_recv(fd, data, sizeof(data), &l, 0, after(PATIENCE)) >= 0);
	return l.tag;
}

/* Somebody who sends a letter, and waits as long as it takes. */
static pid_t waiting(int fd, uid_t uid, size_t size, uint64_t tag)
{
	unsigned int before = stat_of(fd).waiting_senders;
	pid_t pid = spawn();

	if (!pid) {
		become(uid, uid);
		if (!k_send(fd, data, size, tag, KIPC_FOREVER))
			_exit(0);
		_exit(errno);
	}
	wait_waiters(fd, before + 1, 0, pid);
	return pid;
}

TEST(attributes)
{
	struct kipc_mailbox_config good = { { 10, 1000, 100, 0 }, 5, 500 }, c;
	struct {
		struct kipc_mailbox_config config;
		uint64_t more;
	} longer = { good, 0 };
	int fd;

#define BAD(change) do {					\
	c = good;						\
	change;							\
	EXPECT_ERR(EINVAL, create(&c, sizeof(c)));		\
} while (0)
	BAD(c.share_letters = 0);
	BAD(c.share_bytes = 0);
	BAD(c.share_bytes = 99);
	BAD(c.attr.flags = KIPC_MAILBOX_DROP_OLDEST);
	BAD(c.attr.max_letters = 0; c.attr.max_bytes = 0);
	BAD(c.attr.letter_size = 0);
#undef BAD
	fd = create(&good, sizeof(good));
	ASSERT_OK(fd);
	EXPECT_EQ(5, stat_of(fd).share_letters);
	EXPECT_EQ(500, stat_of(fd).share_bytes);
	close(fd);
	/* A part of it. */
	EXPECT_ERR(EINVAL, create(&good, sizeof(good) - 8));
	fd = create(&good, sizeof(good.attr));
	ASSERT_OK(fd);
	EXPECT_EQ(0, stat_of(fd).share_letters);
	EXPECT_EQ(0, stat_of(fd).share_bytes);
	close(fd);
	/* More than that. */
	ASSERT_OK(create((void *)&longer, sizeof(longer)));
	longer.more = 1;
	EXPECT_ERR(E2BIG, create((void *)&longer, sizeof(longer)));
	c = good;
	c.share_letters = KIPC_UNBOUNDED;
	c.share_bytes = KIPC_UNBOUNDED;
	EXPECT_OK(create(&c, sizeof(c)));
	c = good;
	c.attr.flags = KIPC_MAILBOX_REFUSE | KIPC_MAILBOX_HANGUP;
	EXPECT_OK(create(&c, sizeof(c)));
}

/* The bound holds to the letter and to the byte, for each user. */
TEST(bound)
{
	int fd = share_box(100, 10000, 1000, 5, 2000), i;

	for (i = 1; i <= 5; i++)
		ASSERT_OK(AS(ANN, put(fd, 0, i)));
	EXPECT_ERR(EAGAIN, AS(ANN, put(fd, 0, 0)));
	EXPECT_ERR(ETIMEDOUT, AS(ANN, k_send(fd, data, 0, 0, after(MS))));
	EXPECT_EQ(1, stat_of(fd).send_waits);
	EXPECT_EQ(1, stat_of(fd).share_waits);
	ASSERT_OK(AS(BOB, put(fd, 1000, 6)));
	ASSERT_OK(AS(BOB, put(fd, 1000, 7)));
	EXPECT_ERR(EAGAIN, AS(BOB, put(fd, 1, 0)));
	/* An empty letter is a letter, and has no bytes. */
	ASSERT_OK(AS(BOB, put(fd, 0, 8)));
	EXPECT_EQ(8, stat_of(fd).letters);
	/* What leaves gives it back: to its sender. */
	EXPECT_EQ(1, take(fd));
	EXPECT_ERR(EAGAIN, AS(BOB, put(fd, 1, 0)));
	ASSERT_OK(AS(ANN, put(fd, 1000, 9)));
	EXPECT_ERR(EAGAIN, AS(ANN, put(fd, 0, 0)));
	for (i = 2; i <= 6; i++)
		EXPECT_EQ(i, take(fd));
	ASSERT_OK(AS(BOB, put(fd, 999, 10)));
	EXPECT_ERR(EAGAIN, AS(BOB, put(fd, 2, 0)));
	ASSERT_OK(AS(BOB, put(fd, 1, 11)));
	for (i = 7; i <= 11; i++)
		EXPECT_EQ(i, take(fd));
	EXPECT_EQ(0, stat_of(fd).bytes);
}

/* A peek, and a receive that fails, give nothing back. */
TEST(stays)
{
	int fd = share_box(100, 100000, 10000, 1, 10000);
	size_t size;

	for (size = 100; size <= 10000; size *= 100) {
		ASSERT_OK(AS(ANN, put(fd, size, 1)));
		EXPECT_LE(0, k_recv(fd, data, sizeof(data), NULL, KIPC_RECV_PEEK, 0));
		EXPECT_ERR(EMSGSIZE, k_recv(fd, data, size - 1, NULL, 0, 0));
		EXPECT_ERR(EFAULT, k_recv(fd, NULL, size, NULL, 0, 0));
		EXPECT_ERR(EAGAIN, AS(ANN, put(fd, size, 2)));
		/* A send that fails takes nothing. */
		EXPECT_ERR(EFAULT, AS(BOB, k_send(fd, NULL, size, 2, 0)));
		EXPECT_ERR(EMSGSIZE, AS(BOB, k_send(fd, data, 10001, 2, 0)));
		ASSERT_OK(AS(BOB, put(fd, size, 2)));
		EXPECT_EQ(1, take(fd));
		EXPECT_EQ(2, take(fd));
	}
}

TEST(refused)
{
	struct kipc_mailbox_config c = { { 10, 1000, 100, KIPC_MAILBOX_REFUSE },
					 2, 1000 };
	int fd = create(&c, sizeof(c));

	ASSERT_OK(AS(ANN, k_send(fd, data, 10, 1, KIPC_FOREVER)));
	ASSERT_OK(AS(ANN, k_send(fd, data, 10, 2, KIPC_FOREVER)));
	EXPECT_ERR(EAGAIN, AS(ANN, k_send(fd, data, 10, 3, KIPC_FOREVER)));
	EXPECT_EQ(0, stat_of(fd).send_waits);
	ASSERT_OK(AS(BOB, k_send(fd, data, 10, 3, KIPC_FOREVER)));
}

/* Full of letters: nobody who waits has been promised room. */
static bool flooded(int fd, uint64_t letters, unsigned int waiting)
{
	struct kipc_mailbox_stat st = stat_of(fd);

	return st.sent - st.received == letters && st.waiting_senders == waiting;
}

/*
 * The point of it, in numbers: Eve's processes send as much as they can, all the
 * time.  Without a share Bob, who does not wait, has no place; with one he always
 * has, and a letter of his is received when those are that were there before it.
 */
static unsigned int bobs_successes(int fd, unsigned int rounds, unsigned int *behind)
{
	enum { FLOOD = 16, ROOM = 20 };
	unsigned int i, k, successes = 0;
	pid_t pid[FLOOD];

	*behind = 0;
	for (i = 0; i < FLOOD; i++) {
		pid[i] = spawn();
		if (!pid[i]) {
			become(EVE, EVE);
			while (!k_send(fd, data, 100, EVE, KIPC_FOREVER))
				;
			CHECK(errno == EIDRM);
			_exit(0);
		}
	}
	wait_waiters(fd, FLOOD, 0, 0);
	for (i = 0; i < rounds; i++) {
		if (AS(BOB, put(fd, 100, BOB))) {
			CHECK(errno == EAGAIN);
			CHECK(take(fd) == EVE);
			/* The room is Eve's, and all of hers stand in line again. */
			wait_for(flooded(fd, ROOM, FLOOD));
			continue;
		}
		successes++;
		for (k = 0; take(fd) != BOB; k++)
			CHECK(k < ROOM);
		if (k > *behind)
			*behind = k;
	}
	CHECK(!k_remove(fd));
	for (i = 0; i < FLOOD; i++)
		CHECK(!reap(pid[i]));
	return successes;
}

TEST(flood)
{
	unsigned int rounds = effort(300), behind;
	int fd = box(20, 2000, 100, 0);

	EXPECT_EQ(0, bobs_successes(fd, rounds, &behind));
	close(fd);
	fd = share_box(20, 2000, 100, 10, 1000);
	EXPECT_EQ(rounds, bobs_successes(fd, rounds, &behind));
	EXPECT_GE(10, behind);
}

/*
 * If the shares are more than there is room, others may have to be waited for, but
 * for each no longer than its share lasts.
 */
TEST(full)
{
	int fd = share_box(10, 1000, 100, 5, 500), i;
	pid_t eve[4], ann[4], bob;

	for (i = 0; i < 5; i++) {
		ASSERT_OK(AS(EVE, put(fd, 100, EVE)));
		ASSERT_OK(AS(ANN, put(fd, 100, ANN)));
	}
	for (i = 0; i < 4; i++) {
		eve[i] = waiting(fd, EVE, 100, EVE);
		ann[i] = waiting(fd, ANN, 100, ANN);
	}
	EXPECT_EQ(8, stat_of(fd).share_waits);
	/* He came last, and they wait for their share. */
	bob = waiting(fd, BOB, 100, BOB);
	EXPECT_EQ(8, stat_of(fd).share_waits);
	EXPECT_EQ(9, stat_of(fd).send_waits);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(i & 1 ? ANN : EVE, take(fd));
		/* Whose turn it is has its letter there before the next one. */
		if (i < 9)
			wait_for(stat_of(fd).sent == 11U + i);
	}
	EXPECT_EQ(BOB, take(fd));
	EXPECT_EQ(0, reap(bob));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(i & 1 ? ANN : EVE, take(fd));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, reap(eve[i]));
		EXPECT_EQ(0, reap(ann[i]));
	}
	EXPECT_EQ(0, stat_of(fd).letters);
}

/* The senders of one user are served in their order. */
TEST(order)
{
	int fd = share_box(100, 10000, 100, 100, 100), i;
	pid_t pid[4];

	ASSERT_OK(AS(ANN, put(fd, 50, 1)));
	/* A small one does not pass a large one that waits for its share. */
	pid[0] = waiting(fd, ANN, 100, 2);
	EXPECT_ERR(EAGAIN, AS(ANN, put(fd, 1, 0)));
	pid[1] = waiting(fd, ANN, 1, 3);
	pid[2] = waiting(fd, ANN, 100, 4);
	pid[3] = waiting(fd, ANN, 100, 5);
	ASSERT_OK(AS(BOB, put(fd, 100, 100)));
	EXPECT_EQ(1, take(fd));
	EXPECT_EQ(100, take(fd));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(2 + i, take(fd));
		EXPECT_EQ(0, reap(pid[i]));
	}
	EXPECT_EQ(4, stat_of(fd).share_waits);
	EXPECT_TRUE(has_waiters(fd, 0, 0));
}

static int caught;

/* Who leaves its line lets the next one go on, if that one can. */
TEST(leaving)
{
	int fd = share_box(100, 10000, 100, 100, 100), round;
	pid_t first, second, third;

	for (round = 0; round < 2; round++) {
		ASSERT_OK(AS(ANN, put(fd, 50, 1)));
		first = spawn();
		if (!first) {
			become(ANN, ANN);
			count_signals(SIGUSR1, 0, &caught);
			CHECK_ERR(EINTR, k_send(fd, data, 100, 2, KIPC_FOREVER));
			_exit(0);
		}
		wait_waiters(fd, 1, 0, first);
		second = waiting(fd, ANN, 40, 3);
		third = waiting(fd, ANN, 40, 4);
		if (round)
			kill(first, SIGUSR1);
		EXPECT_EQ(round ? 0 : 128 + SIGKILL,
			  round ? reap(first) : slay(first));
		EXPECT_EQ(0, reap(second));
		wait_waiters(fd, 1, 0, third);
		/* The last of a line. */
		EXPECT_EQ(128 + SIGKILL, slay(third));
		EXPECT_TRUE(has_waiters(fd, 0, 0));
		EXPECT_EQ(1, take(fd));
		EXPECT_EQ(3, take(fd));
		EXPECT_EQ(0, stat_of(fd).letters);
	}
	/* In the mailbox's line, with its share. */
	close(fd);
	fd = share_box(1, 10000, 100, 1, 100);
	ASSERT_OK(AS(ANN, put(fd, 50, 1)));
	first = waiting(fd, BOB, 10, 2);
	second = waiting(fd, BOB, 10, 3);
	EXPECT_EQ(1, stat_of(fd).share_waits);
	EXPECT_EQ(128 + SIGKILL, slay(first));
	EXPECT_EQ(1, take(fd));
	EXPECT_EQ(0, reap(second));
	EXPECT_EQ(3, take(fd));
}

/* The end reaches those who wait for their share, however many. */
TEST(end)
{
	enum { EACH = 3, USERS = 12 };
	pid_t pid[USERS * EACH];
	int round, i, k;

	for (round = 0; round < 2; round++) {
		struct kipc_mailbox_config c = {
			{ 1000, 10000, 100, KIPC_MAILBOX_HANGUP }, 1, 100
		};
		int fd = create(&c, sizeof(c)), sends = k_narrow(fd, SEND, 0);

		for (i = 0; i < USERS; i++) {
			ASSERT_OK(AS(3000 + i, put(sends, 50, 1)));
			for (k = 0; k < EACH; k++) {
				pid_t child = spawn();

				pid[i * EACH + k] = child;
				if (child)
					continue;
				close(fd);
				become(3000 + i, 3000 + i);
				CHECK_ERR(round ? EIDRM : EPIPE,
					  k_send(sends, data, 50, 2, KIPC_FOREVER));
				_exit(0);
			}
		}
		wait_waiters(sends, USERS * EACH, 0, 0);
		EXPECT_OK(round ? k_remove(fd) : close(fd));
		for (i = 0; i < USERS * EACH; i++)
			EXPECT_EQ(0, reap(pid[i]));
		EXPECT_TRUE(has_waiters(sends, 0, 0));
		EXPECT_EQ(round ? 0 : USERS, stat_of(sends).letters);
		close(sends);
		if (round)
			close(fd);
	}
	EXPECT_EQ(0, total("bytes"));
}

/* POLLOUT is the caller's own. */
TEST(polled)
{
	int fd = share_box(10, 1000, 100, 2, 1000);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	pid_t pid;

	EXPECT_EQ(POLLOUT, AS(ANN, poll_mask(fd, POLLOUT)));
	ASSERT_OK(AS(ANN, put(fd, 10, 1)));
	ASSERT_OK(AS(BOB, put(fd, 10, 2)));
	EXPECT_EQ(POLLOUT, AS(ANN, poll_mask(fd, POLLOUT)));
	ASSERT_OK(AS(ANN, put(fd, 10, 3)));
	EXPECT_EQ(0, AS(ANN, poll_mask(fd, POLLOUT)));
	EXPECT_EQ(POLLOUT, AS(BOB, poll_mask(fd, POLLOUT)));
	pid = spawn();
	if (!pid) {
		become(ANN, ANN);
		CHECK(poll_woken(&pfd) == 1);
		while (!(pfd.revents & POLLOUT))
			CHECK(poll_woken(&pfd) == 1);
		CHECK(!put(fd, 10, 4));
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'S');
	EXPECT_EQ(1, take(fd));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, AS(ANN, poll_mask(fd, POLLOUT)));
	EXPECT_EQ(2, take(fd));
	EXPECT_EQ(3, take(fd));
	EXPECT_EQ(4, take(fd));
	EXPECT_EQ(POLLOUT, AS(ANN, poll_mask(fd, POLLOUT)));
}

/* Of a batch, what is within the share is sent. */
TEST(batches)
{
	struct kipc_recv_item in[8] = { { 0 } };
	struct kipc_send_item out[8];
	int fd = share_box(100, 10000, 100, 5, 10000), i;

	for (i = 0; i < 8; i++) {
		out[i] = (struct kipc_send_item){ ptr(data), i, 10, 0 };
		in[i].data = ptr(data);
		in[i].size = 10;
	}
	EXPECT_EQ(5, AS(ANN, k_send_batch(fd, out, 8, KIPC_NO_WAIT)));
	EXPECT_ERR(EAGAIN, AS(ANN, k_send_batch(fd, out + 5, 3, KIPC_NO_WAIT)));
	EXPECT_EQ(5, AS(BOB, k_send_batch(fd, out, 8, KIPC_NO_WAIT)));
	EXPECT_EQ(8, k_recv_batch(fd, in, 8, 0, 0));
	EXPECT_EQ(3, AS(ANN, k_send_batch(fd, out + 5, 3, KIPC_NO_WAIT)));
	EXPECT_EQ(3, AS(BOB, k_send_batch(fd, out + 5, 3, KIPC_NO_WAIT)));
	EXPECT_ERR(EAGAIN, AS(BOB, put(fd, 10, 0)));
	EXPECT_EQ(8, k_recv_batch(fd, in, 8, 0, 0));
	EXPECT_EQ(0, stat_of(fd).letters);
}

#define SUBMIT(fd, token) k_submit(fd, data, size, 8, token, KIPC_NO_WAIT)

/* A request is its caller's letter until it is taken, or given up. */
static void check_calls(struct __test_metadata *_metadata, size_t size)
{
	int fd = share_box(100, 100000, 9000, 3, 30000), sends, i, round;
	struct kipc_mailbox_recv r;
	uint64_t token[4], bobs;
	pid_t caller;

	/* Who floods it is held to its share, and in nobody's way. */
	for (i = 0; i < 3; i++)
		ASSERT_OK(AS(ANN, SUBMIT(fd, &token[i])));
	EXPECT_ERR(EAGAIN, AS(ANN, SUBMIT(fd, &token[3])));
	EXPECT_ERR(EAGAIN, AS(ANN, put(fd, 0, 0)));
	EXPECT_ERR(ETIMEDOUT, AS(ANN, k_submit(fd, data, size, 8, &token[3],
					       after(MS))));
	ASSERT_OK(AS(BOB, SUBMIT(fd, &bobs)));
	EXPECT_EQ(4, stat_of(fd).letters);
	EXPECT_EQ(4, stat_of(fd).calls);
	/* Given up: once is enough. */
	ASSERT_OK(k_cancel(fd, token[1]));
	EXPECT_ERR(ENOENT, k_cancel(fd, token[1]));
	ASSERT_OK(AS(ANN, SUBMIT(fd, &token[1])));
	EXPECT_ERR(EAGAIN, AS(ANN, SUBMIT(fd, &token[3])));
	/* Taken: whatever becomes of the call then. */
	ASSERT_EQ((ssize_t)size, k_serve(fd, data, sizeof(data), &r, 0, 0));
	EXPECT_EQ(token[0], r.token);
	ASSERT_OK(AS(ANN, SUBMIT(fd, &token[3])));
	ASSERT_OK(k_reply(fd, token[0], "reply", 5, 0));
	ASSERT_EQ(5, k_collect(fd, &token[0], data, 8, NULL, 0));
	EXPECT_ERR(EAGAIN, AS(ANN, SUBMIT(fd, &token[0])));
	/* Not taken by who only looks, nor by who could not reply. */
	ASSERT_EQ((ssize_t)size, k_serve(fd, data, sizeof(data), &r,
					 KIPC_RECV_PEEK, 0));
	EXPECT_ERR(EBADMSG, k_recv(fd, data, sizeof(data), NULL, 0, 0));
	EXPECT_ERR(EAGAIN, AS(ANN, SUBMIT(fd, &token[0])));
	/* One that waits for its share gets it. */
	for (round = 0; round < 2; round++) {
		caller = spawn();
		if (!caller) {
			char reply[8];

			become(ANN, ANN);
			CHECK(k_call(fd, data, size, reply, 8, NULL,
				     KIPC_FOREVER) == 2);
			_exit(0);
		}
		wait_waiters(fd, 1, 0, caller);
		if (round) {
			ASSERT_OK(k_cancel(fd, token[2]));
		} else {
			EXPECT_EQ(128 + SIGKILL, slay(caller));
			EXPECT_TRUE(has_waiters(fd, 0, 0));
		}
	}
	wait_for(stat_of(fd).letters == 4 && has_waiters(fd, 0, 0));
	EXPECT_ERR(EAGAIN, AS(ANN, SUBMIT(fd, &token[2])));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ((ssize_t)size, k_serve(fd, data, sizeof(data), &r, 0, 0));
		ASSERT_OK(k_reply(fd, r.token, "ok", 2, 0));
	}
	EXPECT_EQ(0, reap(caller));
	EXPECT_EQ(0, stat_of(fd).letters);
	EXPECT_EQ(0, stat_of(fd).bytes);
	/* With the handle go those that nobody has. */
	for (round = 0; round < 3; round++) {
		sends = k_narrow(fd, SEND, 0);
		for (i = 0; i < 3; i++)
			ASSERT_OK(AS(ANN, SUBMIT(sends, &token[i])));
		EXPECT_ERR(EAGAIN, AS(ANN, SUBMIT(sends, &token[3])));
		close(sends);
		wait_for(!stat_of(fd).letters);
	}
	/* What is left goes with the mailbox. */
	for (i = 0; i < 3; i++)
		ASSERT_OK(AS(ANN, SUBMIT(fd, &token[i])));
	if (size)
		ASSERT_OK(ioctl(fd, KIPC_IOC_REMOVE));
	close(fd);
	wait_for(!total("bytes") && !total("waiters") && !total("objects"));
}

TEST(calls)
{
	check_calls(_metadata, 0);
	check_calls(_metadata, 100);
	check_calls(_metadata, 5000);
}

/* Nobody will receive them: they give their share back, and fail. */
TEST(calls_deserted)
{
	struct kipc_mailbox_config c = {
		{ 100, 10000, 100, KIPC_MAILBOX_HANGUP }, 3, 300
	};
	const char *name = temp_name("deserted");
	struct kipc_create create = {
		.kind = KIPC_KIND_MAILBOX,
		.mode = 0600,
		.rights = ALL_RIGHTS,
		.name = ptr(name),
		.name_len = strlen(name),
		.attr = ptr(&c),
		.attr_size = sizeof(c),
	};
	int ctl = control(), fd, sends, round, i;
	const size_t size = 100;
	uint64_t token[3];

	fd = ioctl(ctl, KIPC_IOC_CREATE, &create);
	ASSERT_OK(fd);
	sends = k_narrow(fd, SEND, 0);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 3; i++)
			ASSERT_OK(AS(ANN, SUBMIT(sends, &token[i])));
		EXPECT_ERR(EAGAIN, AS(ANN, SUBMIT(sends, NULL)));
		close(fd);
		EXPECT_EQ(0, stat_of(sends).letters);
		for (i = 0; i < 3; i++)
			EXPECT_ERR(EPIPE, k_collect(sends, &token[i], NULL, 0,
						    NULL, after(PATIENCE)));
		EXPECT_ERR(EPIPE, AS(ANN, SUBMIT(sends, NULL)));
		fd = k_open(ctl, name, RECEIVE, 0);
		ASSERT_OK(fd);
	}
	close(ctl);
	close(fd);
	close(sends);
	wait_for(!total("bytes") && !total("waiters") && !total("objects"));
}

/* A record of each user, as long as it has something there. */
TEST(users)
{
	enum { USERS = 500 };
	uint64_t limit = get_limit("max_bytes"), bytes, full;
	int fd = share_box(USERS, 1 << 20, 100, 1, 100), i;

	ASSERT_OK(AS(ANN, put(fd, 8, 0)));
	EXPECT_EQ(0, take(fd));
	bytes = total("bytes");
	for (i = 0; i < USERS; i++) {
		ASSERT_OK(AS(5000 + i * 7, put(fd, 8, i)));
		EXPECT_ERR(EAGAIN, AS(5000 + i * 7, put(fd, 8, i)));
	}
	full = total("bytes");
	EXPECT_LT(bytes + USERS * 64, full);
	set_limit("max_bytes", full);
	/* The owner can pay for the letter, but not for who sends it. */
	EXPECT_EQ(0, take(fd));
	EXPECT_OK(AS(ANN, put(fd, 8, USERS)));
	EXPECT_EQ(1, take(fd));
	EXPECT_OK(AS(BOB, put(fd, 8, USERS + 1)));
	set_limit("max_bytes", 1);
	EXPECT_EQ(2, take(fd));
	EXPECT_EQ(3, take(fd));
	EXPECT_OK(AS(6, put(fd, 8, USERS + 2)));
	EXPECT_ERR(EDQUOT, AS(7, put(fd, 8, USERS + 3)));
	set_limit("max_bytes", limit);
	for (i = 4; i < USERS + 3; i++)
		EXPECT_EQ(i, take(fd));
	/* But for a little that the ring keeps. */
	EXPECT_GT(bytes + 16384, total("bytes"));
	close(fd);
	EXPECT_EQ(0, total("bytes"));
}

/* Three users, some processes each, all sizes: the bound holds all the time. */
TEST(crowd)
{
	enum { USERS = 3, EACH = 3 };
	unsigned int each = effort(200), n, received[USERS] = { 0 };
	unsigned int left = USERS * EACH * each;
	uint64_t last[USERS][EACH] = { { 0 } };
	int fd = share_box(12, 30000, 9000, 5, 10000);
	pid_t pid[USERS * EACH];
	unsigned int i;

	for (i = 0; i < USERS * EACH; i++) {
		pid[i] = spawn();
		if (pid[i])
			continue;
		become(7000 + i / EACH, 7000);
		for (n = 1; n <= each; n++) {
			size_t size = n % 7 ? n * 37 % 500 : n * 131 % 9000;

			CHECK(!k_send(fd, data, size, i << 16 | n, after(PATIENCE)));
		}
		_exit(0);
	}
	while (left--) {
		struct kipc_mailbox_stat st = stat_of(fd);
		struct kipc_letter l;
		unsigned int from;

		CHECK(st.letters <= 12 && st.bytes <= 30000);
		CHECK(k_recv(fd, data, sizeof(data), &l, 0, after(PATIENCE)) >= 0);
		from = l.tag >> 16;
		n = l.tag & 0xffff;
		CHECK(from < USERS * EACH && l.uid == 7000 + from / EACH);
		CHECK(n == last[from / EACH][from % EACH] + 1);
		last[from / EACH][from % EACH] = n;
		received[from / EACH]++;
	}
	for (i = 0; i < USERS * EACH; i++)
		EXPECT_EQ(0, reap(pid[i]));
	for (i = 0; i < USERS; i++)
		EXPECT_EQ(EACH * each, received[i]);
	EXPECT_TRUE(has_waiters(fd, 0, 0));
	EXPECT_EQ(0, stat_of(fd).bytes);
}

TEST_HARNESS_MAIN
