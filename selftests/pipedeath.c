// SPDX-License-Identifier: GPL-2.0
/*
 * Death at a pipe: writers and readers are killed again and again, wherever they are;
 * the others go on.  What a writer has put in whole comes whole, once, and in its
 * order, but for what a dying reader had already taken.
 *
 * Every word of a record says which one it is of, so that any part of the stream can
 * be told.  KIPC_KILLS sets how many are killed in all.
 */
#include "test.h"
#include "kpipe.h"

enum { NOTES = 64 << 20 };	/* most words that are noted */
enum { WRITERS = 3, READERS = 3, SLOTS = WRITERS + READERS };

struct stage {
	int in_call[SLOTS];
	uint64_t next, end;		/* the next record's number; their end */
	uint64_t got_bytes, wrote;	/* as those who live know */
	unsigned char *sent;		/* [end]: its writer knows it was written */
	unsigned char *writer;		/* [end]: its slot */
	unsigned char *got;		/* [end * words]: each word, how often */
	unsigned int words;		/* of a record */
	const char *name;
};

#define WORD	sizeof(uint64_t)

/* Of record @n, word @i. */
static uint64_t word_of(uint64_t n, unsigned int i)
{
	return n << 24 | (uint64_t)i << 8 | ((n * 31 + i * 7 + 0x5a) & 0xff);
}

static bool word_parse(const struct stage *st, uint64_t word, uint64_t *n,
		       unsigned int *i)
{
	*n = word >> 24;
	*i = word >> 8 & 0xffff;
	return *n < st->end && *i < st->words && word == word_of(*n, *i);
}

static uint64_t word_at(const char *data)
{
	uint64_t word;

	memcpy(&word, data, WORD);
	return word;
}

/* Where the first whole word begins: a reader may have died in the middle of one. */
static size_t find_start(const struct stage *st, const char *data, size_t size)
{
	unsigned int i;
	size_t start;
	uint64_t n;

	for (start = 0; start < WORD && start + WORD <= size; start++)
		if (word_parse(st, word_at(data + start), &n, &i))
			return start;
	CHECK(size < 2 * WORD);
	return size;
}

/* What one read got: it must lie together, and nothing of it come twice. */
static void note(struct stage *st, const char *data, size_t size, uint64_t last[])
{
	size_t at = find_start(st, data, size);
	unsigned int i = 0, before = 0;
	uint64_t n = 0, previous = 0;
	bool first = true;

	for (; at + WORD <= size; at += WORD) {
		CHECK(word_parse(st, word_at(data + at), &n, &i));
		CHECK(!__atomic_fetch_add(&st->got[n * st->words + i], 1,
					  __ATOMIC_SEQ_CST));
		/* A record is whole, and then comes the next one. */
		if (!first && n == previous)
			CHECK(i == before + 1);
		else if (!first)
			CHECK(!i && before == st->words - 1);
		if (first || n != previous) {
			CHECK(last[st->writer[n]] <= n);
			last[st->writer[n]] = n;
		}
		first = false;
		previous = n;
		before = i;
	}
	__atomic_add_fetch(&st->got_bytes, size, __ATOMIC_SEQ_CST);
}

static size_t record_size(const struct stage *st)
{
	return st->words * WORD;
}

static void play_writer(struct stage *st, unsigned int slot, int fd)
{
	size_t size = record_size(st);
	char *data = malloc(size);
	unsigned int i;
	uint64_t n;

	for (;;) {
		long ret;

		n = __atomic_fetch_add(&st->next, 1, __ATOMIC_SEQ_CST);
		/* On a fast machine: enough for today. */
		while (n >= st->end)
			pause();
		st->writer[n] = slot;
		for (i = 0; i < st->words; i++) {
			uint64_t word = word_of(n, i);

			memcpy(data + i * WORD, &word, WORD);
		}
		__atomic_store_n(&st->in_call[slot], 1, __ATOMIC_SEQ_CST);
		ret = p_write(fd, data, size, KIPC_PIPE_NOSIGNAL, KIPC_FOREVER);
		CHECK(ret == (long)size || (ret < 0 && errno == EPIPE));
		if (ret > 0) {
			__atomic_store_n(&st->sent[n], 1, __ATOMIC_SEQ_CST);
			__atomic_add_fetch(&st->wrote, 1, __ATOMIC_SEQ_CST);
		}
		__atomic_store_n(&st->in_call[slot], 0, __ATOMIC_SEQ_CST);
	}
}

static void play_reader(struct stage *st, unsigned int slot, int fd)
{
	size_t size = record_size(st);
	char *data = malloc(3 * size);
	uint64_t last[SLOTS] = { 0 };
	unsigned int random = slot + getpid();

	for (;;) {
		size_t want = size * (1 + next_random(&random) % 3);
		long ret;

		__atomic_store_n(&st->in_call[slot], 1, __ATOMIC_SEQ_CST);
		ret = p_read(fd, data, want, KIPC_FOREVER);
		CHECK(ret >= 0 && ret <= (long)want);
		note(st, data, ret, last);
		__atomic_store_n(&st->in_call[slot], 0, __ATOMIC_SEQ_CST);
		if (!ret)
			sched_yield();
	}
}

static pid_t enter(struct stage *st, unsigned int slot)
{
	bool writes = slot < WRITERS;
	pid_t pid = spawn();
	int fd;

	if (pid)
		return pid;
	fd = p_open(st->name, writes ? SEND : RECEIVE, 0, KIPC_FOREVER);
	CHECK(fd >= 0);
	if (writes)
		play_writer(st, slot, fd);
	play_reader(st, slot, fd);
	return 0;
}

FIXTURE(pipedeath) {
};

FIXTURE_VARIANT(pipedeath) {
	unsigned int size, capacity, share;	/* of the kills, in percent */
	bool lonely;				/* nobody else has an end */
};

FIXTURE_VARIANT_ADD(pipedeath, small) { 64, 256, 30, false };
FIXTURE_VARIANT_ADD(pipedeath, spanning) { 3000, 9000, 25, false };
FIXTURE_VARIANT_ADD(pipedeath, large) { 20000, 70000, 20, false };
FIXTURE_VARIANT_ADD(pipedeath, lonely) { 200, 1000, 25, true };

FIXTURE_SETUP(pipedeath)
{
}

FIXTURE_TEARDOWN(pipedeath)
{
}

TEST_F(pipedeath, of_anybody)
{
	unsigned int n = from_env("KIPC_KILLS", 3000) * variant->share / 100;
	unsigned int random = seed(), i, slot, writers_inside = 0, inside_ends = 0;
	uint64_t last[SLOTS] = { 0 }, lost = 0, missing = 0, k;
	struct stage *st = shared(sizeof(*st));
	struct kipc_pipe_stat figures;
	char *data = malloc(1 << 20);
	pid_t pids[SLOTS];
	int fd, in;
	long ret;

	printf("# KIPC_SEED=%u\n", random);
	st->words = variant->size / WORD;
	st->end = 20000 + n * 100;
	if (st->end > NOTES / st->words)
		st->end = NOTES / st->words;
	st->sent = shared(st->end);
	st->writer = shared(st->end);
	st->got = shared(st->end * st->words);
	st->name = temp_name("death");
	fd = p_create(st->name, variant->capacity, variant->size, 0600,
		      variant->lonely ? MANAGE : KIPC_PIPE_RIGHTS, 0);
	ASSERT_OK(fd);
	for (slot = 0; slot < SLOTS; slot++)
		pids[slot] = enter(st, slot);
	for (i = 0; i < n; i++) {
		int status;

		slot = next_random(&random) % SLOTS;
		/* A while that is anything from nothing to some records. */
		for (k = next_random(&random) % 8; k; k--)
			sched_yield();
		if (next_random(&random) & 1)
			usleep(next_random(&random) % 1000);
		kill(pids[slot], SIGKILL);
		ASSERT_EQ(pids[slot], waitpid(pids[slot], &status, 0));
		/* Anything else is a CHECK of that party that failed. */
		ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (slot < WRITERS && st->in_call[slot])
			writers_inside++;
		else if (st->in_call[slot])
			inside_ends++;
		st->in_call[slot] = 0;
		pids[slot] = enter(st, slot);
	}
	/* It still works: nobody has been forgotten. */
	if (st->next < st->end) {
		k = __atomic_load_n(&st->got_bytes, __ATOMIC_SEQ_CST);
		wait_for(__atomic_load_n(&st->got_bytes, __ATOMIC_SEQ_CST) > k ||
			 __atomic_load_n(&st->next, __ATOMIC_SEQ_CST) >= st->end);
	}
	for (slot = 0; slot < SLOTS; slot++) {
		EXPECT_EQ(128 + SIGKILL, slay(pids[slot]));
		if (slot < WRITERS && st->in_call[slot])
			writers_inside++;
		else if (st->in_call[slot])
			inside_ends++;
	}
	in = p_open(st->name, RECEIVE, KIPC_NONBLOCK, 0);
	ASSERT_OK(in);
	while ((ret = read(in, data, 1 << 20)) > 0)
		note(st, data, ret, last);
	EXPECT_TRUE(ret == 0 || errno == EAGAIN);

	figures = p_stat_of(fd);
	EXPECT_EQ(0, figures.bytes);
	EXPECT_EQ(0, inside(fd));
	EXPECT_EQ(figures.written_bytes, figures.read_bytes);
	EXPECT_EQ(0, figures.waiting_readers + figures.waiting_writers);
	EXPECT_EQ(variant->lonely ? 0 : 1, figures.writers);
	/* Records are whole; who was killed in its write may have put one in. */
	EXPECT_EQ(0, figures.written_bytes % variant->size);
	EXPECT_GE(figures.written_bytes / variant->size, st->wrote);
	EXPECT_LE(figures.written_bytes / variant->size, st->wrote + writers_inside);
	/* Nobody else than dying readers has taken anything with him. */
	lost = figures.read_bytes - st->got_bytes;
	EXPECT_LE(lost, (uint64_t)inside_ends * 3 * variant->size);
	for (k = 0; k < st->end; k++) {
		for (i = 0; i < st->words; i++) {
			ASSERT_LE(st->got[k * st->words + i], 1);
			missing += st->sent[k] && !st->got[k * st->words + i];
		}
	}
	/* The ends of what was lost may be in the middle of a word. */
	EXPECT_LE(missing * WORD, lost + inside_ends * 2 * WORD);
	printf("# %u killed, %u in a write, %u in a read; %llu records, %llu bytes lost\n",
	       n, writers_inside, inside_ends, (unsigned long long)st->wrote,
	       (unsigned long long)lost);
	EXPECT_GT(st->wrote, 0);
	close(in);
	close(fd);
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
	wait_for(!total("objects") && !total("handles"));
}

TEST_HARNESS_MAIN
