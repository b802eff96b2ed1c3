// SPDX-License-Identifier: GPL-2.0
/*
 * Many senders, many receivers with all kinds of selectors: each message arrives once
 * and unharmed, at somebody who wants it, and what one receiver gets of one type from
 * one sender is in order.  And with kills, again and again, wherever they are: nothing
 * is lost but what a dying receiver had already taken.
 *
 * KIPC_KILLS sets how many are killed in all.
 */
#include "test.h"
#include "kqueue.h"

#include <pthread.h>

enum { SENDERS = 3, RECEIVERS = 6, SLOTS = SENDERS + RECEIVERS, TYPES = 4 };

#define STOP	1000		/* a type */

/* The head of each message; the rest is filled from its number. */
struct head {
	uint64_t number;
	uint32_t sender, nth;	/* of this type, from this sender */
};

struct stage {
	int fd, ctl;
	size_t max;
	unsigned int count;		/* of each sender; 0: without an end */
	bool orderly;			/* nobody is killed */
	pid_t first_sender;		/* its messages are selected by it */
	int in_call[SLOTS];
	uint64_t next, end;		/* the next number; their end */
	unsigned char *sent;		/* [end]: its sender knows it was sent */
	unsigned char *got;		/* [end]: how many receivers got it */
};

struct player {
	struct stage *st;
	unsigned int slot;
};

/* Of one type all have the same priority, so that it decides nothing within it. */
static unsigned int priority_of(uint64_t type)
{
	return type % 3;
}

static struct kipc_selector selector_of(const struct stage *st, unsigned int slot)
{
	switch (slot - SENDERS) {
	case 0:
		return BY_TYPE(1);
	case 1:
		return BY_RANGE(1, 2);
	case 2:
		return BY_LOWEST(2);
	case 3:
		return BY_PRIORITY;
	case 4:
		return st->orderly ? BY_SENDER(st->first_sender) : BY_EXCEPT(0);
	default:
		/* Whatever nobody else wants. */
		return BY_FIRST;
	}
}

static bool wants(const struct stage *st, const struct kipc_selector *s,
		  const struct kipc_message *m)
{
	switch (s->how) {
	case KIPC_SELECT_TYPE:
		return m->type == s->low;
	case KIPC_SELECT_RANGE:
		return m->type >= s->low && m->type <= s->high;
	case KIPC_SELECT_LOWEST:
		return m->type <= s->high;
	case KIPC_SELECT_EXCEPT:
		return m->type != s->low;
	case KIPC_SELECT_SENDER:
		return m->pid == st->first_sender;
	default:
		return true;
	}
}

static size_t size_of(uint64_t number, size_t max)
{
	static const size_t sizes[] = { 16, 64, 500, 4096, 16, 64, 5000, 60000 };
	size_t size = sizes[number * 7 % 8];

	return size < max ? size : max;
}

static void *send_all(void *arg)
{
	struct player *p = arg;
	struct stage *st = p->st;
	char *data = malloc(st->max);
	uint32_t nth[TYPES] = { 0 };
	struct head h = { .sender = p->slot };
	unsigned int i;

	for (i = 0; !st->count || i < st->count; i++) {
		uint64_t type;
		size_t size;

		h.number = __atomic_fetch_add(&st->next, 1, __ATOMIC_SEQ_CST);
		/* On a fast machine: enough for today. */
		while (h.number >= st->end)
			pause();
		type = h.number * 11 / 3 % TYPES;
		h.nth = ++nth[type];
		size = size_of(h.number, st->max);
		fill(data, size, h.number);
		memcpy(data, &h, sizeof(h));
		__atomic_store_n(&st->in_call[p->slot], 1, __ATOMIC_SEQ_CST);
		CHECK(!q_send(st->fd, data, size, type, priority_of(type),
			      KIPC_FOREVER));
		__atomic_store_n(&st->sent[h.number], 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&st->in_call[p->slot], 0, __ATOMIC_SEQ_CST);
	}
	free(data);
	return NULL;
}

/* Is it what was sent? */
static bool whole(const char *data, size_t size, const struct head *h)
{
	char *want = malloc(size);
	bool same;

	fill(want, size, h->number);
	memcpy(want, h, sizeof(*h));
	same = !memcmp(data, want, size);
	free(want);
	return same;
}

static void *receive_all(void *arg)
{
	struct player *p = arg;
	struct stage *st = p->st;
	struct kipc_selector s = selector_of(st, p->slot);
	uint32_t last[SENDERS][TYPES] = { 0 };
	char *data = malloc(st->max);

	/* Its pages are there: who finds one missing may be overtaken. */
	memset(data, POISON, st->max);
	for (;;) {
		struct kipc_message m;
		struct head h;
		ssize_t n;

		__atomic_store_n(&st->in_call[p->slot], 1, __ATOMIC_SEQ_CST);
		n = q_recv(st->fd, data, st->max, s, &m, 0, KIPC_FOREVER);
		if (n < 0 && errno == EIDRM)
			break;
		CHECK(n >= (ssize_t)sizeof(h));
		memcpy(&h, data, sizeof(h));
		CHECK(h.number < st->end && h.sender < SENDERS);
		/* What is noted here is known to have left the kernel. */
		__atomic_add_fetch(&st->got[h.number], 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&st->in_call[p->slot], 0, __ATOMIC_SEQ_CST);
		CHECK(wants(st, &s, &m));
		CHECK(n == (ssize_t)size_of(h.number, st->max) && whole(data, n, &h));
		CHECK(m.priority == priority_of(m.type));
		if (!st->orderly)
			continue;
		CHECK(h.nth > last[h.sender][m.type]);
		last[h.sender][m.type] = h.nth;
	}
	free(data);
	return NULL;
}

static void *play(void *arg)
{
	struct player *p = arg;

	return p->slot < SENDERS ? send_all(arg) : receive_all(arg);
}

static pid_t enter(struct stage *st, unsigned int slot)
{
	pid_t pid = spawn();

	if (!pid) {
		struct player p = { st, slot };

		play(&p);
		_exit(0);
	}
	return pid;
}

static struct stage *build_stage(uint64_t messages, uint64_t bytes, uint32_t size,
				 uint64_t end)
{
	struct stage *st = shared(sizeof(*st));

	st->fd = queue(messages, bytes, size, 0);
	st->max = size;
	st->end = end;
	st->sent = shared(end);
	st->got = shared(end);
	return st;
}

FIXTURE(many) {
	struct stage *st;
};

FIXTURE_VARIANT(many) {
	uint64_t messages, bytes;
	uint32_t size;
	unsigned int share;		/* of the kills, in percent */
};

FIXTURE_VARIANT_ADD(many, one_message) { 1, 64, 64, 20 };
FIXTURE_VARIANT_ADD(many, a_few) { 5, 320, 64, 30 };
FIXTURE_VARIANT_ADD(many, roomy) { 1000, 1 << 20, 4096, 20 };
FIXTURE_VARIANT_ADD(many, large) { 8, 200000, 60000, 15 };
FIXTURE_VARIANT_ADD(many, unbounded) { KIPC_UNBOUNDED, KIPC_UNBOUNDED, 5000, 15 };

FIXTURE_SETUP(many)
{
}

FIXTURE_TEARDOWN(many)
{
	close(self->st->fd);
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

/* "" if each message came once; else what is wrong. */
static const char *audit(const struct stage *st)
{
	struct kipc_queue_stat figures = q_stat_of(st->fd);
	uint64_t n, all = (uint64_t)SENDERS * st->count;

	for (n = 0; n < all; n++)
		if (st->got[n] != 1)
			return st->got[n] ? "twice" : "lost";
	if (figures.messages || figures.bytes)
		return "something is left";
	if (figures.sent != all || figures.received != all ||
	    figures.sent_bytes != figures.received_bytes)
		return "figures do not agree";
	return "";
}

TEST_F(many, processes)
{
	unsigned int count = effort(500), slot;
	struct stage *st = build_stage(variant->messages, variant->bytes,
				       variant->size, 10000);
	pid_t pids[SLOTS];

	self->st = st;
	st->count = count;
	st->orderly = true;
	/* The first sender's number is known before anybody selects by it. */
	for (slot = 0; slot < SLOTS; slot++) {
		pids[slot] = enter(st, slot);
		if (!slot)
			st->first_sender = pids[0];
	}
	for (slot = 0; slot < SENDERS; slot++)
		ASSERT_EQ(0, reap(pids[slot]));
	/* Those that wait again have noted what they had. */
	wait_for(q_stat_of(st->fd).received == SENDERS * count);
	wait_for(q_has_waiters(st->fd, 0, RECEIVERS));
	EXPECT_STREQ("", audit(st));
	ASSERT_OK(k_remove(st->fd));
	for (; slot < SLOTS; slot++)
		ASSERT_EQ(0, reap(pids[slot]));
}

TEST_F(many, threads)
{
	unsigned int count = effort(500), slot;
	struct stage *st = build_stage(variant->messages, variant->bytes,
				       variant->size, 10000);
	struct player players[SLOTS];
	pthread_t threads[SLOTS];

	self->st = st;
	st->count = count;
	st->orderly = true;
	st->first_sender = getpid();
	for (slot = 0; slot < SLOTS; slot++) {
		players[slot] = (struct player){ st, slot };
		ASSERT_EQ(0, pthread_create(&threads[slot], NULL, play,
					    &players[slot]));
	}
	for (slot = 0; slot < SENDERS; slot++)
		pthread_join(threads[slot], NULL);
	/* Those that wait again have noted what they had. */
	wait_for(q_stat_of(st->fd).received == SENDERS * count);
	wait_for(q_has_waiters(st->fd, 0, RECEIVERS));
	EXPECT_STREQ("", audit(st));
	ASSERT_OK(k_remove(st->fd));
	for (; slot < SLOTS; slot++)
		pthread_join(threads[slot], NULL);
}

TEST_F(many, kills)
{
	unsigned int n = from_env("KIPC_KILLS", 3000) / 3 * variant->share / 100;
	unsigned int inside = 0, receivers_inside = 0, missing = 0, done = 0;
	unsigned int random = now_ns() % 1000000 + 1, i, slot;
	struct stage *st = build_stage(variant->messages, variant->bytes,
				       variant->size, 50000 + n * 200);
	struct kipc_queue_stat figures;
	pid_t pids[SLOTS];
	uint64_t x;

	self->st = st;
	for (slot = 0; slot < SLOTS; slot++)
		pids[slot] = enter(st, slot);
	for (i = 0; i < n; i++) {
		int status;

		random = random * 1103515245 + 12345;
		slot = (random >> 16) % SLOTS;
		/* A while that is anything from nothing to some messages. */
		for (x = (random >> 20) % 8; x; x--)
			sched_yield();
		if (random & 1 << 30)
			usleep((random >> 10) % 1000);
		kill(pids[slot], SIGKILL);
		ASSERT_EQ(pids[slot], waitpid(pids[slot], &status, 0));
		/* Anything else is a CHECK of that player that failed. */
		ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (st->in_call[slot]) {
			inside++;
			receivers_inside += slot >= SENDERS;
		}
		st->in_call[slot] = 0;
		pids[slot] = enter(st, slot);
	}
	/* The rest of the senders leave; the receivers get what is there. */
	for (slot = 0; slot < SENDERS; slot++) {
		slay(pids[slot]);
		inside += st->in_call[slot];
	}
	wait_for(q_stat_of(st->fd).messages == 0);
	wait_for(q_has_waiters(st->fd, 0, RECEIVERS));
	for (; slot < SLOTS; slot++)
		EXPECT_EQ(128 + SIGKILL, slay(pids[slot]));
	EXPECT_TRUE(q_has_waiters(st->fd, 0, 0));

	for (x = 0; x < st->next && x < st->end; x++) {
		ASSERT_LE(st->got[x], 1) {
			TH_LOG("message %llu came twice", (unsigned long long)x);
		}
		missing += st->sent[x] && !st->got[x];
		done += st->got[x];
	}
	/* A receiver that was killed inside its call may have had it. */
	EXPECT_LE(missing, receivers_inside);
	figures = q_stat_of(st->fd);
	EXPECT_EQ(figures.sent, figures.received);
	EXPECT_EQ(figures.sent_bytes, figures.received_bytes);
	EXPECT_EQ(0, figures.bytes);
	EXPECT_LE(done, figures.received);
	EXPECT_LE(figures.received, done + receivers_inside);
	/* And it still works. */
	EXPECT_EQ(0, q_put(st->fd, STOP, 0, 1));
	EXPECT_EQ(1, q_take(st->fd, BY_TYPE(STOP)));
	TH_LOG("%u killed, %u of them inside an operation (%u receivers)", n, inside,
	       receivers_inside);
	TH_LOG("%u messages came, %u went with their receivers", done, missing);
	EXPECT_GT(inside, 0);
}

TEST_HARNESS_MAIN
