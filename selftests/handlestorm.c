// SPDX-License-Identifier: GPL-2.0
/*
 * Handles in messages, attacked: whoever tries to send an object within itself, on
 * whatever way, and whoever is killed with others' handles in his hands, leaves nothing
 * behind.
 */
#include "test.h"
#include "kcallhandles.h"

#define CARRIERS	4
#define WORKERS		6

static const struct carrier_kind *kind_of(unsigned int i)
{
	return i & 1 ? &messages : &letters;
}

FIXTURE(loop) {
	int fd[CARRIERS];	/* letters, messages, letters, ... */
	uint64_t objects, handles;
};

FIXTURE_SETUP(loop)
{
	unsigned int i;

	self->objects = total("objects");
	self->handles = total("handles");
	for (i = 0; i < CARRIERS; i++)
		self->fd[i] = h_create(kind_of(i));
}

/* Nobody has anything any more: a circle would stay. */
FIXTURE_TEARDOWN(loop)
{
	unsigned int i;

	for (i = 0; i < CARRIERS; i++)
		close(self->fd[i]);
	wait_for(!total("carried"));
	wait_for(total("objects") == self->objects);
	wait_for(total("handles") == self->handles);
	EXPECT_EQ(0, total("bytes"));
}

/* @what of the fixture by @by. */
static int pass(FIXTURE_DATA(loop) *self, unsigned int by, int what, unsigned int rights)
{
	struct kipc_descriptor item = { .fd = what, .rights = rights };

	return h_send(kind_of(by), self->fd[by], "x", 1, &item, 1, 0);
}

TEST_F(loop, within_itself)
{
	unsigned int i;
	int fd;

	for (i = 0; i < 2; i++) {
		struct kipc_descriptor two[2];

		EXPECT_ERR(ELOOP, pass(self, i, self->fd[i], 0));
		EXPECT_ERR(ELOOP, pass(self, i, self->fd[i], SEND));
		fd = k_narrow(self->fd[i], SEND, 0);
		ASSERT_OK(fd);
		EXPECT_ERR(ELOOP, pass(self, i, fd, 0));
		close(fd);
		/* Behind one that may be sent. */
		two[0] = (struct kipc_descriptor){ .fd = self->fd[i + 1] };
		two[1] = (struct kipc_descriptor){ .fd = self->fd[i] };
		EXPECT_ERR(ELOOP, h_send(kind_of(i), self->fd[i], "x", 1, two, 2, 0));
		EXPECT_EQ(0, total("carried"));
		/* A failure is no trace: it can be sent, and carry. */
		EXPECT_OK(pass(self, i, self->fd[i + 1], 0));
		fd = h_recv_fd(kind_of(i), self->fd[i]);
		EXPECT_OK(fd);
		close(fd);
	}
}

TEST_F(loop, one_within_the_other)
{
	int plain = h_memfd(), fd;

	/* 0 carries 1: so 1 carries nothing, and 0 goes nowhere. */
	ASSERT_OK(pass(self, 0, self->fd[1], SEND));
	EXPECT_ERR(ELOOP, pass(self, 1, self->fd[0], 0));
	EXPECT_ERR(ELOOP, pass(self, 1, self->fd[2], 0));
	EXPECT_ERR(ELOOP, pass(self, 1, plain, 0));
	EXPECT_ERR(ELOOP, pass(self, 2, self->fd[0], 0));
	EXPECT_ERR(ELOOP, pass(self, 2, self->fd[0], RECEIVE));
	/* But 0 carries more, and 1 goes by others, too; messages are as ever. */
	EXPECT_OK(pass(self, 0, self->fd[1], RECEIVE));
	EXPECT_OK(pass(self, 2, self->fd[1], 0));
	EXPECT_EQ(1, write(self->fd[1], "x", 1));
	/* It ends with the last one. */
	close(h_recv_fd(&letters, self->fd[0]));
	EXPECT_ERR(ELOOP, pass(self, 3, self->fd[0], 0));
	close(h_recv_fd(&letters, self->fd[0]));
	EXPECT_ERR(ELOOP, pass(self, 1, plain, 0));
	EXPECT_OK(pass(self, 3, self->fd[0], 0));
	EXPECT_ERR(ELOOP, pass(self, 0, plain, 0));
	close(h_recv_fd(&letters, self->fd[2]));
	EXPECT_OK(pass(self, 1, plain, 0));
	fd = h_recv_fd(&messages, self->fd[3]);
	ASSERT_OK(fd);
	EXPECT_OK(h_send_fd(&letters, fd, plain));
	close(fd);
	close(plain);
}

/* However its handle came to be sent away, an object can carry again. */
TEST_F(loop, passes_with_whatever_ends_it)
{
	int plain = h_memfd(), last;
	pid_t pid;

	/* The carrier is removed. */
	ASSERT_OK(pass(self, 0, self->fd[1], 0));
	EXPECT_ERR(ELOOP, pass(self, 1, plain, 0));
	ASSERT_OK(k_remove(self->fd[0]));
	EXPECT_OK(pass(self, 1, plain, 0));
	close(h_recv_fd(&messages, self->fd[1]));
	/* It is closed. */
	last = h_create(&letters);
	ASSERT_OK(h_send_fd(&letters, last, self->fd[1]));
	EXPECT_ERR(ELOOP, pass(self, 1, plain, 0));
	close(last);
	EXPECT_OK(pass(self, 1, plain, 0));
	close(h_recv_fd(&messages, self->fd[1]));
	/* The send fails at last, or its sender is killed. */
	last = h_create_flags(&letters, 1, KIPC_MAILBOX_HANDLES);
	ASSERT_EQ(1, write(last, "x", 1));
	EXPECT_ERR(EAGAIN, h_send_fd(&letters, last, self->fd[1]));
	EXPECT_OK(pass(self, 1, plain, 0));
	close(h_recv_fd(&messages, self->fd[1]));
	pid = spawn();
	if (!pid) {
		struct kipc_descriptor item = { .fd = self->fd[1] };

		h_send(&letters, last, "x", 1, &item, 1, KIPC_FOREVER);
		_exit(1);
	}
	wait_waiters(last, 1, 0, pid);
	EXPECT_ERR(ELOOP, pass(self, 1, plain, 0));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_OK(pass(self, 1, plain, 0));
	close(last);
	close(plain);
}

/*
 * Who may only send to an object that carries does not keep it from that, by having a
 * handle of it on its way; its owner, and who may manage it, may.
 */
TEST_F(loop, strangers)
{
	unsigned int i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pid = spawn();
		if (!pid) {
			int plain = h_memfd(), own, out, boss;

			out = k_narrow(self->fd[i], SEND, 0);
			boss = k_narrow(self->fd[i], SEND | MANAGE, 0);
			become(NOBODY, NOBODY);
			own = h_create(&letters);
			CHECK_ERR(EPERM, h_send_fd(&letters, own, out));
			CHECK(!h_send_fd(kind_of(i), out, plain));
			close(h_recv_fd(kind_of(i), self->fd[i]));
			CHECK(!h_send_fd(&letters, own, boss));
			CHECK_ERR(ELOOP, h_send_fd(kind_of(i), out, plain));
			close(h_recv_fd(&letters, own));
			/* His own are his. */
			boss = h_create(&messages);
			CHECK(!h_send_fd(&letters, own, k_narrow(boss, SEND, 0)));
			/* What does not carry is everybody's. */
			boss = h_create_flags(kind_of(i), 10, 0);
			CHECK(boss >= 0);
			CHECK(!h_send_fd(&letters, own, boss));
			_exit(0);
		}
		EXPECT_EQ(0, reap(pid));
	}
}

/* Both ends of a circle at the same time: not both. */
TEST_F(loop, two_at_a_time)
{
	unsigned int i, rounds = effort(2000), *turn = shared(4096);
	int ret, other = -1;
	pid_t pid;

	/* turn[0]: the child's round; turn[1]: this one's; turn[2]: how it went there. */
	pid = spawn();
	if (!pid) {
		for (i = 1; i <= rounds; i++) {
			while (__atomic_load_n(&turn[1], __ATOMIC_ACQUIRE) < i)
				sched_yield();
			turn[2] = pass(self, 1, self->fd[0], 0) ? errno : 0;
			__atomic_store_n(&turn[0], i, __ATOMIC_RELEASE);
		}
		_exit(0);
	}
	for (i = 1; i <= rounds; i++) {
		__atomic_store_n(&turn[1], i, __ATOMIC_RELEASE);
		ret = pass(self, 0, self->fd[1], 0) ? errno : 0;
		while (__atomic_load_n(&turn[0], __ATOMIC_ACQUIRE) < i)
			sched_yield();
		ASSERT_TRUE(ret || turn[2]);
		ASSERT_TRUE(!ret || ret == ELOOP);
		ASSERT_TRUE(!turn[2] || turn[2] == ELOOP);
		if (!ret)
			other = h_recv_fd(&letters, self->fd[0]);
		else if (!turn[2])
			other = h_recv_fd(&messages, self->fd[1]);
		if (other >= 0)
			close(other);
		other = -1;
	}
	EXPECT_EQ(0, reap(pid));
}

static unsigned int random_below(uint64_t *seed, unsigned int n)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*seed >> 33) % n;
}

/* What a call may fail with here. */
static bool expected(int err)
{
	return err == ELOOP || err == EAGAIN || err == EPERM || err == EBADF ||
	       err == EDQUOT || err == EIDRM || err == ENOENT || err == EPIPE ||
	       err == EMSGSIZE || err == EBUSY;
}

/*
 * The same by calls on one of the mailboxes: it asks, serves what is there, and replies
 * with what it has in hand; it collects, or gives up.  Returns how many it has got.
 */
static unsigned int call_around(int fd, const struct kipc_descriptor *items, unsigned int n,
				struct kipc_descriptor *got, uint64_t *seed)
{
	unsigned int room = MOST_HANDLES;
	struct kipc_mailbox_recv r;
	uint64_t token = 0;
	char data[8];

	switch (random_below(seed, 4)) {
	case 0:
		CHECK(!h_submit(fd, items, n, random_below(seed, 4), &token, 0) ||
		      expected(errno));
		return 0;
	case 1:
		if (h_serve(fd, data, sizeof(data), got, &room, &r, 0, 0) < 0)
			return 0;
		/* Or nobody replies, as long as this one lives. */
		if (r.token && random_below(seed, 4))
			CHECK(h_reply(fd, r.token, "!", 1, items, n) >= 0 ||
			      expected(errno));
		return room;
	case 2:
		if (h_collect(fd, 0, data, sizeof(data), got, &room, 0) >= 0)
			return room;
		CHECK(expected(errno));
		return 0;
	default:
		if (k_collect(fd, &token, data, 0, NULL, 0) < 0 && token)
			k_cancel(fd, token);
		return 0;
	}
}

/*
 * Whatever a process may do with what it has: it sends the carriers, whole or in part,
 * and plain files by the carriers, and receives, in letters, messages and calls; keeps
 * some of what it got, and uses it in place of what it had.
 */
static void muddle(FIXTURE_DATA(loop) *self, uint64_t seed, unsigned int steps)
{
	struct kipc_descriptor items[MOST_HANDLES], came[MOST_HANDLES];
	int own[CARRIERS], plain[3], kept, pipes[2];
	unsigned int i, n, by, what;
	struct h_got got;
	char data[8];

	for (i = 0; i < CARRIERS; i++)
		own[i] = dup(self->fd[i]);
	CHECK(!pipe(pipes));
	plain[0] = h_memfd();
	plain[1] = pipes[0];
	plain[2] = pipes[1];
	while (steps--) {
		by = random_below(&seed, CARRIERS);
		n = 1 + random_below(&seed, 3);
		for (i = 0; i < n; i++) {
			what = random_below(&seed, CARRIERS + 3);
			items[i].fd = what < CARRIERS ? own[what] : plain[what - CARRIERS];
			items[i].rights = what < CARRIERS && random_below(&seed, 2) ?
					  1 + random_below(&seed, ALL_RIGHTS) : 0;
		}
		what = random_below(&seed, 4);
		if (what > 1 && kind_of(by) == &letters) {
			got.count = call_around(own[by], items, n, came, &seed);
			memcpy(items, came, sizeof(came));
		} else if (what & 1) {
			if (h_send(kind_of(by), own[by], "x", 1, items, n, 0))
				CHECK(expected(errno));
			continue;
		} else if (h_recv(kind_of(by), own[by], data, sizeof(data), items,
				  MOST_HANDLES, &got, 0) < 0) {
			continue;
		}
		for (i = 0; i < got.count; i++) {
			kept = items[i].fd;
			/* It may stand for one of its own from now on. */
			if (items[i].rights == ALL_RIGHTS)
				for (what = 0; what < CARRIERS; what++)
					if (h_same(kept, own[what]) &&
					    random_below(&seed, 2)) {
						close(own[what]);
						own[what] = kept;
						kept = -1;
						break;
					}
			if (kept >= 0)
				close(kept);
		}
	}
}

TEST_F(loop, every_way)
{
	unsigned int rounds = effort(20), steps = 400, i;
	pid_t pid[2];

	for (i = 0; i < rounds; i++) {
		int n;

		for (n = 0; n < 2; n++) {
			pid[n] = spawn();
			if (!pid[n]) {
				muddle(self, i * 2 + n + 1, steps);
				_exit(0);
			}
		}
		for (n = 0; n < 2; n++)
			EXPECT_EQ(0, reap(pid[n]));
		/* Carriers that nobody else has any more, with whatever is in them. */
		for (n = 0; n < CARRIERS; n++) {
			close(self->fd[n]);
			self->fd[n] = h_create(kind_of(n));
		}
		wait_for(!total("carried"));
		wait_for(total("objects") == self->objects + CARRIERS);
	}
}

/* The same by many, who are killed at any place, and replaced. */
TEST_F(loop, storm)
{
	unsigned int kills = effort(300), i, n;
	uint64_t seed = 4711;
	pid_t pid[WORKERS];

	for (n = 0; n < WORKERS; n++)
		pid[n] = 0;
	for (i = 0; i < kills; i++) {
		n = random_below(&seed, WORKERS);
		if (pid[n])
			EXPECT_EQ(128 + SIGKILL, slay(pid[n]));
		pid[n] = spawn();
		if (!pid[n]) {
			muddle(self, seed + i, ~0U);
			_exit(1);
		}
		usleep(random_below(&seed, 3000));
	}
	for (n = 0; n < WORKERS; n++)
		if (pid[n])
			EXPECT_EQ(128 + SIGKILL, slay(pid[n]));
}

TEST_HARNESS_MAIN
