// SPDX-License-Identifier: GPL-2.0
/*
 * A writer or a reader of a pipe whose memory does not come: userfaultfd holds its page
 * fault for as long as it likes.  Others must not notice: what was put in before can be
 * read, others read and write, and the end of the file comes.
 */
#include "test.h"
#include "kpipe.h"
#include "stall.h"

enum { MINE = 7, OTHERS = 1000, PLENTY = 1 << 19 };

struct scene {
	struct stage *st;
	struct ends e;
	size_t size;
};

static pid_t stalled_writer(struct scene *sc)
{
	pid_t pid = spawn();
	char *data;

	if (pid) {
		wait_for(__atomic_load_n(&sc->st->stalled, __ATOMIC_SEQ_CST));
		return pid;
	}
	data = stalling_buffer(sc->st, sc->size, MINE);
	CHECK(p_write(sc->e.out, data, sc->size, 0, after(PATIENCE)) ==
	      (ssize_t)sc->size);
	_exit(0);
}

/* Ends with the number of bytes in the stage's result. */
static pid_t stalled_reader(struct scene *sc, uint64_t seed)
{
	pid_t pid = spawn();
	ssize_t ret;
	char *data;

	if (pid) {
		wait_for(__atomic_load_n(&sc->st->stalled, __ATOMIC_SEQ_CST));
		return pid;
	}
	data = stalling_buffer(sc->st, sc->size, 0);
	ret = p_read(sc->e.in, data, sc->size, after(PATIENCE));
	CHECK(ret >= 0 && filled(data, ret, seed));
	sc->st->result = ret;
	_exit(0);
}

static void resolve(struct scene *sc)
{
	__atomic_store_n(&sc->st->resolve, 1, __ATOMIC_SEQ_CST);
}

static void put(struct scene *sc, size_t size, uint64_t seed)
{
	char *data = malloc(size);

	fill(data, size, seed);
	CHECK(p_write(sc->e.out, data, size, 0, after(PATIENCE)) == (ssize_t)size);
	free(data);
}

/* What is read is what was filled from the seed, from byte @skip on. */
static void take(struct scene *sc, size_t size, uint64_t seed, size_t skip)
{
	char *want = malloc(skip + size), *data = malloc(size);

	fill(want, skip + size, seed);
	memset(data, POISON, size);
	CHECK(p_read(sc->e.in, data, size, after(PATIENCE)) == (ssize_t)size);
	CHECK(!memcmp(data, want + skip, size));
	free(data);
	free(want);
}

/* Third parties at work, while somebody is stalled. */
static void go_on(struct scene *sc)
{
	static const size_t sizes[] = { 8, 500, 4096, 20000 };
	unsigned int i;

	CHECK(poll_mask(sc->e.out, POLLOUT) == POLLOUT);
	for (i = 0; i < 20; i++) {
		put(sc, sizes[i % 4], OTHERS + i);
		CHECK(poll_mask(sc->e.in, POLLIN) == POLLIN);
		take(sc, sizes[i % 4], OTHERS + i, 0);
	}
}

FIXTURE(pipestall) {
	struct scene sc;
	size_t before;		/* what it has done before it stalls, at most */
};

FIXTURE_VARIANT(pipestall) {
	size_t size, atomic;
};

FIXTURE_VARIANT_ADD(pipestall, small) { 64, 0 };
FIXTURE_VARIANT_ADD(pipestall, page) { 4096, 0 };
FIXTURE_VARIANT_ADD(pipestall, large) { 20000, 0 };
FIXTURE_VARIANT_ADD(pipestall, pieces) { 100000, 0 };
FIXTURE_VARIANT_ADD(pipestall, atomic) { 100000, 100000 };

FIXTURE_SETUP(pipestall)
{
	int uffd = open_uffd();

	if (uffd < 0)
		SKIP_FROM_SETUP("no userfaultfd: %s", strerror(errno));
	close(uffd);
	self->sc.st = shared(sizeof(*self->sc.st));
	self->sc.e = ends_of(PLENTY, variant->atomic);
	self->sc.size = variant->size;
}

FIXTURE_TEARDOWN(pipestall)
{
	close_ends(&self->sc.e);
	EXPECT_EQ(0, total("waiters"));
}

/* What it has put in before it stalled can be read. */
TEST_F(pipestall, writer)
{
	struct scene *sc = &self->sc;
	pid_t pid = stalled_writer(sc);
	size_t done = inside(sc->e.in);

	EXPECT_LT(done, variant->size);
	EXPECT_EQ(variant->size > 40000 && !variant->atomic, !!done);
	EXPECT_EQ(done, p_stat_of(sc->e.in).bytes);
	if (done)
		take(sc, done, MINE, 0);
	go_on(sc);
	resolve(sc);
	take(sc, 8, MINE, done);
	EXPECT_EQ(0, reap(pid));
	if (variant->size > done + 8)
		take(sc, variant->size - done - 8, MINE, done + 8);
	EXPECT_EQ(0, inside(sc->e.in));
}

TEST_F(pipestall, killed_writer)
{
	struct scene *sc = &self->sc;
	pid_t pid = stalled_writer(sc);
	size_t done = inside(sc->e.in);

	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(done, inside(sc->e.in));
	EXPECT_EQ(done, p_stat_of(sc->e.in).bytes);
	close(sc->e.out);
	if (done)
		take(sc, done, MINE, 0);
	EXPECT_EQ(0, read(sc->e.in, &done, sizeof(done)));
}

/* It gets what is there when its memory has come, if nobody has read it. */
TEST_F(pipestall, reader)
{
	struct scene *sc = &self->sc;
	size_t taken;
	pid_t pid;

	put(sc, variant->size, MINE);
	pid = stalled_reader(sc, MINE);
	taken = variant->size - inside(sc->e.in);
	EXPECT_EQ(variant->size > 40000 && !variant->atomic, !!taken);
	EXPECT_EQ(POLLIN, poll_mask(sc->e.in, POLLIN));
	EXPECT_EQ(POLLOUT, poll_mask(sc->e.out, POLLOUT));
	put(sc, 8, OTHERS);
	resolve(sc);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(variant->size, sc->st->result);
	take(sc, 8, OTHERS, 0);
}

/* Others read meanwhile: what it has got already is all that it gets. */
TEST_F(pipestall, reader_overtaken)
{
	struct scene *sc = &self->sc;
	size_t taken;
	pid_t pid;

	put(sc, variant->size, MINE);
	pid = stalled_reader(sc, MINE);
	taken = variant->size - inside(sc->e.in);
	take(sc, variant->size - taken, MINE, taken);
	go_on(sc);
	if (!taken)
		put(sc, variant->size, MINE);
	resolve(sc);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(taken ?: variant->size, sc->st->result);
	EXPECT_EQ(0, inside(sc->e.in));
}

TEST_F(pipestall, killed_reader)
{
	struct scene *sc = &self->sc;
	size_t taken;
	pid_t pid;

	put(sc, variant->size, MINE);
	pid = stalled_reader(sc, MINE);
	taken = variant->size - inside(sc->e.in);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(variant->size - taken, inside(sc->e.in));
	take(sc, variant->size - taken, MINE, taken);
	go_on(sc);
}

/* Two are stalled, one on each side, and it is removed. */
TEST_F(pipestall, removed)
{
	struct scene *sc = &self->sc;
	struct scene other = *sc;
	pid_t reader, writer;

	other.st = shared(sizeof(*other.st));
	put(sc, variant->size, MINE);
	reader = stalled_reader(sc, MINE);
	writer = stalled_writer(&other);
	EXPECT_OK(k_remove(sc->e.in));
	EXPECT_EQ(0, inside(sc->e.in));
	EXPECT_EQ(0, p_stat_of(sc->e.in).bytes);
	EXPECT_EQ(128 + SIGKILL, slay(reader));
	EXPECT_EQ(128 + SIGKILL, slay(writer));
}

TEST_HARNESS_MAIN
