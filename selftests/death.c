// SPDX-License-Identifier: GPL-2.0
/*
 * Death: parties are killed again and again, wherever they are, in a call or
 * not; the others go on, nothing is lost but what a dying receiver had already
 * taken, and nothing is left behind.
 *
 * KIPC_KILLS sets how many are killed in all.
 */
#include "test.h"

enum { SENDERS = 3, RECEIVERS = 3, SLOTS = SENDERS + RECEIVERS };

struct stage {
	int in_call[SLOTS];
	uint64_t next, end;		/* the next letter's number; their end */
	unsigned char *sent;		/* [end]: its sender knows it was sent */
	unsigned char *got;		/* [end]: how many receivers got it */
};

static struct stage *build_stage(unsigned int kills)
{
	struct stage *st = shared(sizeof(*st));

	st->end = 50000 + kills * 200;
	st->sent = shared(st->end);
	st->got = shared(st->end);
	return st;
}

static size_t size_of(uint64_t number, size_t max)
{
	static const size_t sizes[] = { 8, 64, 500, 4096, 8, 64, 5000, 65536 };
	size_t size = sizes[number * 7 % 8];

	return size < max ? size : max;
}

static void play(struct stage *st, const char *name, unsigned int slot,
		 size_t max)
{
	bool sends = slot < SENDERS;
	int fd = k_open(control(), name, sends ? SEND : RECEIVE, 0);
	char *data = malloc(max);
	struct kipc_letter l;
	uint64_t n;

	CHECK(fd >= 0);
	for (;;) {
		long ret;

		if (sends) {
			n = __atomic_fetch_add(&st->next, 1, __ATOMIC_SEQ_CST);
			/* On a fast machine: enough for today. */
			while (n >= st->end)
				pause();
			fill(data, size_of(n, max), n);
		}
		__atomic_store_n(&st->in_call[slot], 1, __ATOMIC_SEQ_CST);
		if (sends)
			ret = k_send(fd, data, size_of(n, max), n,
				     KIPC_FOREVER);
		else
			ret = k_recv(fd, data, max, &l, 0, KIPC_FOREVER);
		CHECK(ret >= 0);
		/* What is noted here is known to have left the kernel. */
		if (sends) {
			__atomic_store_n(&st->sent[n], 1, __ATOMIC_SEQ_CST);
		} else {
			CHECK(l.tag < st->end);
			__atomic_add_fetch(&st->got[l.tag], 1,
					   __ATOMIC_SEQ_CST);
		}
		__atomic_store_n(&st->in_call[slot], 0, __ATOMIC_SEQ_CST);
		if (!sends)
			CHECK((size_t)ret == size_of(l.tag, max) &&
			      filled(data, ret, l.tag));
	}
}

static pid_t enter(struct stage *st, const char *name, unsigned int slot,
		   size_t max)
{
	pid_t pid = spawn();

	if (!pid)
		play(st, name, slot, max);
	return pid;
}

FIXTURE(death) {
};

FIXTURE_VARIANT(death) {
	uint64_t letters, bytes;
	uint32_t size;
	unsigned int share;		/* of the kills, in percent */
};

FIXTURE_VARIANT_ADD(death, small) { 2, 128, 64, 45 };
FIXTURE_VARIANT_ADD(death, large) { 4, 40000, 20000, 15 };
FIXTURE_VARIANT_ADD(death, rendezvous) { 0, 0, 64, 30 };
FIXTURE_VARIANT_ADD(death, large_rendezvous) { 0, 0, 20000, 10 };

FIXTURE_SETUP(death)
{
}

FIXTURE_TEARDOWN(death)
{
}

TEST_F(death, of_anybody)
{
	struct kipc_mailbox_attr attr = { variant->letters, variant->bytes,
					  variant->size, 0 };
	unsigned int n = from_env("KIPC_KILLS", 3000) * variant->share / 100;
	unsigned int inside = 0, receivers_inside = 0, missing = 0, done = 0;
	const char *name = temp_name("death");
	struct stage *st = build_stage(n);
	unsigned int random = 1, i, slot;
	struct kipc_mailbox_stat figures;
	struct kipc_letter l;
	pid_t pids[SLOTS];
	char *data = malloc(variant->size);
	int ctl = control();
	int fd = k_create(ctl, name, &attr, 0600, ALL_RIGHTS, 0);
	uint64_t x;
	ssize_t ret;

	ASSERT_OK(fd);
	for (slot = 0; slot < SLOTS; slot++)
		pids[slot] = enter(st, name, slot, variant->size);
	for (i = 0; i < n; i++) {
		int status;

		random = random * 1103515245 + 12345;
		slot = (random >> 16) % SLOTS;
		/* A while that is anything from nothing to some letters. */
		for (x = (random >> 20) % 8; x; x--)
			sched_yield();
		if (random & 1 << 30)
			usleep((random >> 10) % 1000);
		kill(pids[slot], SIGKILL);
		ASSERT_EQ(pids[slot], waitpid(pids[slot], &status, 0));
		/* Anything else is a CHECK of that party that failed. */
		ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (st->in_call[slot]) {
			inside++;
			receivers_inside += slot >= SENDERS;
		}
		st->in_call[slot] = 0;
		pids[slot] = enter(st, name, slot, variant->size);
	}
	/* The rest of the senders leave; the receivers get what is there. */
	for (slot = 0; slot < SENDERS; slot++) {
		slay(pids[slot]);
		inside += st->in_call[slot];
	}
	wait_for(stat_of(fd).letters == 0);
	wait_for(has_waiters(fd, 0, RECEIVERS));
	for (; slot < SLOTS; slot++)
		slay(pids[slot]);
	EXPECT_TRUE(has_waiters(fd, 0, 0));

	for (x = 0; x < st->next && x < st->end; x++) {
		ASSERT_LE(st->got[x], 1) {
			TH_LOG("letter %llu came twice", (unsigned long long)x);
		}
		missing += st->sent[x] && !st->got[x];
		done += st->got[x];
	}
	/* A receiver that was killed inside its call may have had it. */
	EXPECT_LE(missing, receivers_inside);
	figures = stat_of(fd);
	EXPECT_EQ(figures.sent, figures.received);
	EXPECT_EQ(figures.sent_bytes, figures.received_bytes);
	EXPECT_EQ(0, figures.bytes);
	EXPECT_LE(done, figures.received);
	EXPECT_LE(figures.received, done + receivers_inside);

	/* And it still works. */
	if (variant->letters) {
		ASSERT_OK(k_send(fd, "x", 1, 1, 0));
		ret = k_recv(fd, data, variant->size, &l, 0, 0);
		EXPECT_EQ(1, ret);
		EXPECT_EQ(figures.sent + 1, l.seq);
	}
	TH_LOG("%u killed, %u of them inside an operation (%u receivers)", n,
	       inside, receivers_inside);
	TH_LOG("%u letters came, %u went with their receivers", done, missing);
	EXPECT_GT(inside, 0);
	close(fd);
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
	free(data);
}

/* Whoever forked and died has not closed what the child still holds. */
TEST(forked_child_holds_on)
{
	const char *name = temp_name("orphan");
	int *step = shared(sizeof(*step));
	int ctl = control(), fd, go[2];
	struct kipc_info info;
	char byte;
	pid_t pid;

	ASSERT_OK(pipe(go));
	pid = spawn();
	if (!pid) {
		fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, 0);
		CHECK(fd >= 0);
		close(go[1]);
		/* Not by spawn(): this one outlives its parent. */
		if (!fork()) {
			CHECK(recv_number(fd) == 1);
			CHECK(!send_number(fd, 2));
			/* Until the test ends, or says so. */
			CHECK(read(go[0], &byte, 1) >= 0);
			_exit(0);
		}
		__atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(1, total("handles"));
	fd = k_open(ctl, name, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	ASSERT_OK(k_info(fd, &info));
	EXPECT_EQ(2, info.handles);
	ASSERT_OK(send_number(fd, 1));
	wait_for(stat_of(fd).sent == 2);
	EXPECT_EQ(2, recv_number(fd));
	close(fd);
	EXPECT_EQ(1, total("objects"));
	close(go[1]);
	wait_for(total("objects") == 0);
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
}

/* Killed while others wait for what only the dead could give or take. */
TEST(kill_all_at_once)
{
	int i, round, rounds = effort(10);

	for (round = 0; round < rounds; round++) {
		int fd = box(1, 8, 8, 0);
		pid_t pids[16];

		for (i = 0; i < 16; i++) {
			pids[i] = spawn();
			if (!pids[i]) {
				for (;;) {
					if (i & 1)
						send_number(fd, 1);
					else
						recv_number(fd);
				}
			}
		}
		wait_for(stat_of(fd).received > 50);
		for (i = 0; i < 16; i++)
			kill(pids[i], SIGKILL);
		for (i = 0; i < 16; i++)
			EXPECT_EQ(128 + SIGKILL, reap(pids[i]));
		EXPECT_TRUE(has_waiters(fd, 0, 0));
		close(fd);
		EXPECT_EQ(0, total("objects"));
		EXPECT_EQ(0, total("waiters"));
	}
}

TEST_HARNESS_MAIN
