// SPDX-License-Identifier: GPL-2.0
/* Failing allocations and copies: semaphores. */
#include "test.h"
#include "inject.h"
#include "ksem.h"

#include <kipc.h>

FIXTURE(semfaults) {
};

FIXTURE_VARIANT(semfaults) {
	struct fault_op op;
};

FIXTURE_SETUP(semfaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(semfaults)
{
	inject_end();
}

/* The scene's own: a set of three, all 1, beside the mailbox. */
static void a_set(struct scene *sc)
{
	sc->other = set_of(3, 1);
}

/* Another one that takes it all, and waits for more: a process that lives as long. */
static long create(struct scene *sc)
{
	struct kipc_sem_attr attr = { .count = 9, .initial = 2 };

	return sc->other = k_create_kind(sc->ctl, KIPC_KIND_SEMAPHORES, NULL, &attr,
					 sizeof(attr), 0600, KIPC_SEM_RIGHTS, 0);
}

static void created(struct scene *sc)
{
	CHECK(s_value(sc->other, 8) == 2 && !s_try(sc->other, 8));
	CHECK(!close(sc->other));
	sc->other = -1;
}

static long operate(struct scene *sc)
{
	return s_op(sc->other, 0, STEPS(ADD(0, -1), ADD(1, 2)));
}

static void operated(struct scene *sc)
{
	CHECK(!s_value(sc->other, 0) && s_value(sc->other, 1) == 3);
	CHECK(!s_op(sc->other, 0, STEPS(ADD(0, 1), ADD(1, -2))));
}

static long operate_undo(struct scene *sc)
{
	return s_op(sc->other, 0, STEPS(ADD(0, -1, UNDO)));
}

static void operated_undo(struct scene *sc)
{
	CHECK(!s_value(sc->other, 0) && s_stat_of(sc->other).undos == 1);
	CHECK(!s_op(sc->other, 0, STEPS(ADD(0, 1, UNDO))));
}

static long get(struct scene *sc)
{
	struct kipc_sem_values v = { .values = ptr(sc->in), .count = 3 };

	return ioctl(sc->other, KIPC_IOC_SEM_GET, &v);
}

static void got(struct scene *sc)
{
	CHECK(((struct kipc_sem_value *)sc->in)[2].value == 1);
}

static long set(struct scene *sc)
{
	uint32_t values[] = { 1, 1, 1 };

	return s_set(sc->other, 0, values, 3);
}

static void is_set(struct scene *sc)
{
	CHECK(s_value(sc->other, 0) == 1);
}

static long look(struct scene *sc)
{
	return ioctl(sc->other, KIPC_IOC_SEM_STAT, sc->in);
}

static void looked(struct scene *sc)
{
	CHECK(((struct kipc_sem_stat *)sc->in)->attr.count == 3);
}

static void single(struct scene *sc)
{
	sc->other = set_of(1, 1);
}

static long take_all(struct scene *sc)
{
	return s_all(sc->other, &sc->other, 1);
}

static void taken(struct scene *sc)
{
	CHECK(!s_value(sc->other, 0) && !s_post(sc->other, 0));
}

FIXTURE_VARIANT_ADD(semfaults, create) {
	.op.call = create, .op.done = created,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(semfaults, operate) {
	.op.set_up = a_set, .op.call = operate, .op.done = operated,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(semfaults, operate_undo) {
	.op.set_up = a_set, .op.call = operate_undo, .op.done = operated_undo,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(semfaults, get) {
	.op.set_up = a_set, .op.call = get, .op.done = got,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(semfaults, set) {
	.op.set_up = a_set, .op.call = set, .op.done = is_set,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(semfaults, stat) {
	.op.set_up = a_set, .op.call = look, .op.done = looked,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(semfaults, take_all) {
	.op.set_up = single, .op.call = take_all, .op.done = taken,
	.op.errnos = { EFAULT }, .op.least = 1,
};

TEST_F_TIMEOUT(semfaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
