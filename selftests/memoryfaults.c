// SPDX-License-Identifier: GPL-2.0
/* Failing allocations and copies: shared memory and its doorbell. */
#include "test.h"
#include "inject.h"
#include "kmemory.h"

#define SIZE	(PAGES * PAGE)
#define RUNG	3

FIXTURE(memoryfaults) {
};

FIXTURE_VARIANT(memoryfaults) {
	struct fault_op op;
};

FIXTURE_SETUP(memoryfaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(memoryfaults)
{
	inject_end();
	EXPECT_EQ(0, total("memory"));
}

static void a_memfd(struct scene *sc)
{
	sc->other = memfd_of(SIZE);
}

static void rung_memory(struct scene *sc)
{
	sc->other = memory_of(SIZE);
	CHECK(!m_ring(sc->other, RUNG, 0));
}

/* Nothing has changed, whatever has failed. */
static void untouched(struct scene *sc)
{
	struct kipc_memory_stat st = m_stat_of(sc->other);

	CHECK(st.size == SIZE && !st.attached && !st.waiting);
	CHECK(total("memory") == SIZE);
}

static long create(struct scene *sc)
{
	struct kipc_memory_attr attr = { sc->other, 0 };

	return k_create_kind(sc->ctl, KIPC_KIND_MEMORY, sc->name, &attr, sizeof(attr), 0600,
			     KIPC_MEMORY_RIGHTS, 0);
}

static void made_one(struct scene *sc)
{
	CHECK(sc->ret > 2 && !close(sc->ret));
}

static long get_memfd(struct scene *sc)
{
	return m_fd(sc->other);
}

static long map_it(struct scene *sc)
{
	char *p = m_map(sc->other, SIZE, PROT_READ | PROT_WRITE);

	return p == MAP_FAILED ? -1 : (long)p;
}

static void mapped_it(struct scene *sc)
{
	CHECK(m_stat_of(sc->other).attached == 1);
	CHECK(!munmap((void *)sc->ret, SIZE));
	untouched(sc);
}

static long resize(struct scene *sc)
{
	return m_size(sc->other, 2 * SIZE);
}

static void resized(struct scene *sc)
{
	CHECK(m_stat_of(sc->other).size == 2 * SIZE && total("memory") == 2 * SIZE);
	CHECK(!m_size(sc->other, SIZE));
	untouched(sc);
}

static long ring(struct scene *sc)
{
	return m_ring(sc->other, 1, 0);
}

static void rang(struct scene *sc)
{
	CHECK(m_rung(sc->other) == RUNG + 1 && !m_ring(sc->other, RUNG, 0));
}

static long wait_rung(struct scene *sc)
{
	uint64_t count;
	int ret = m_wait(sc->other, &count, sc->deadline);

	return ret ? ret : (long)count;
}

static long plain_wait(struct scene *sc)
{
	uint64_t count;
	ssize_t ret = read(sc->other, &count, sizeof(count));

	return ret < 0 ? ret : (long)count;
}

static long plain_ring(struct scene *sc)
{
	uint64_t one = 1;

	return write(sc->other, &one, sizeof(one));
}

/* What a failure has not taken is all there. */
static void have_waited(struct scene *sc)
{
	CHECK(sc->ret == RUNG && !m_rung(sc->other));
	CHECK(!m_ring(sc->other, RUNG, 0));
	untouched(sc);
}

FIXTURE_VARIANT_ADD(memoryfaults, create) {
	.op.set_up = a_memfd, .op.call = create, .op.done = made_one,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(memoryfaults, memfd) {
	.op.set_up = rung_memory, .op.call = get_memfd, .op.done = made_one,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(memoryfaults, map) {
	.op.set_up = rung_memory, .op.call = map_it, .op.done = mapped_it,
	.op.errnos = { ENOMEM }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(memoryfaults, resize) {
	.op.set_up = rung_memory, .op.call = resize, .op.done = resized,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(memoryfaults, ring) {
	.op.set_up = rung_memory, .op.call = ring, .op.done = rang,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(memoryfaults, wait) {
	.op.set_up = rung_memory, .op.call = wait_rung, .op.done = have_waited,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(memoryfaults, plain_wait) {
	.op.set_up = rung_memory, .op.call = plain_wait, .op.done = have_waited,
};

FIXTURE_VARIANT_ADD(memoryfaults, plain_ring) {
	.op.set_up = rung_memory, .op.call = plain_ring, .op.done = rang,
};

TEST_F_TIMEOUT(memoryfaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
