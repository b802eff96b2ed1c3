// SPDX-License-Identifier: GPL-2.0
/* Failing allocations and copies: calls. */
#include "test.h"
#include "inject.h"

FIXTURE(callfaults) {
};

FIXTURE_VARIANT(callfaults) {
	struct fault_op op;
};

FIXTURE_SETUP(callfaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(callfaults)
{
	inject_end();
}

/* Of the call that the scene is about: its caller's, and its server's. */
static uint64_t asked, taken;

static void submit(struct scene *sc)
{
	fill(sc->out, sc->op->size, 1);
	CHECK(!k_submit(sc->other, sc->out, sc->op->size, sc->op->size, &asked, 0));
}

static void serve(struct scene *sc)
{
	struct kipc_mailbox_recv r;

	CHECK(k_serve(sc->other, sc->in, SCENE_BUFFER, &r, 0, 0) ==
	      (ssize_t)sc->op->size);
	taken = r.token;
}

static void answer(struct scene *sc)
{
	fill(sc->out, sc->op->size, 2);
	CHECK(!k_reply(sc->other, taken, sc->out, sc->op->size, 0));
}

static void collect(struct scene *sc)
{
	CHECK(k_collect(sc->other, &asked, sc->in, SCENE_BUFFER, NULL, 0) ==
	      (ssize_t)sc->op->size && filled(sc->in, sc->op->size, 2));
}

/* Nobody has called here yet; or somebody has, so that there is a record. */
static void fresh(struct scene *sc)
{
	sc->other = box(100, 1 << 20, 65536, 0);
}

static void warm(struct scene *sc)
{
	fresh(sc);
	submit(sc);
	CHECK(!k_cancel(sc->other, asked));
}

static void called(struct scene *sc)
{
	fresh(sc);
	submit(sc);
}

static void served(struct scene *sc)
{
	called(sc);
	serve(sc);
}

static void answered(struct scene *sc)
{
	served(sc);
	answer(sc);
}

static long do_submit(struct scene *sc)
{
	return k_submit(sc->other, sc->out, sc->op->size, sc->op->size, &asked, 0);
}

static void submitted(struct scene *sc)
{
	CHECK(!k_cancel(sc->other, asked));
}

/* Nobody serves: what is tried is the way there. */
static long do_call(struct scene *sc)
{
	return k_call(sc->other, sc->out, sc->op->size, sc->in, sc->op->size, NULL, 1);
}

static long do_serve(struct scene *sc)
{
	struct kipc_mailbox_recv r;
	long ret = k_serve(sc->other, sc->in, SCENE_BUFFER, &r, 0, 0);

	taken = r.token;
	return ret;
}

static void done_serve(struct scene *sc)
{
	CHECK(filled(sc->in, sc->op->size, 1));
	answer(sc);
	collect(sc);
	submit(sc);
}

static long do_reply(struct scene *sc)
{
	return k_reply(sc->other, taken, sc->out, sc->op->size, 0);
}

static void done_reply(struct scene *sc)
{
	uint64_t token = asked;

	CHECK(k_collect(sc->other, &token, sc->in, SCENE_BUFFER, NULL, 0) ==
	      (ssize_t)sc->op->size);
	submit(sc);
	serve(sc);
}

static long do_collect(struct scene *sc)
{
	return k_collect(sc->other, &asked, sc->in, SCENE_BUFFER, NULL, 0);
}

static void done_collect(struct scene *sc)
{
	CHECK(filled(sc->in, sc->op->size, 2));
	submit(sc);
	serve(sc);
	answer(sc);
}

FIXTURE_VARIANT_ADD(callfaults, submit_first) {
	.op.set_up = fresh, .op.call = do_submit, .op.done = submitted,
	.op.size = 8, .op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(callfaults, submit) {
	.op.set_up = warm, .op.call = do_submit, .op.done = submitted,
	.op.size = 8, .op.errnos = { EFAULT }, .op.least = 1,
};

/* The record of a large one is not kept. */
FIXTURE_VARIANT_ADD(callfaults, submit_large) {
	.op.set_up = warm, .op.call = do_submit, .op.done = submitted,
	.op.size = 60000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(callfaults, call) {
	.op.set_up = warm, .op.call = do_call, .op.want = ETIMEDOUT,
	.op.size = 8, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(callfaults, serve) {
	.op.set_up = called, .op.call = do_serve, .op.done = done_serve,
	.op.size = 8, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(callfaults, serve_large) {
	.op.set_up = called, .op.call = do_serve, .op.done = done_serve,
	.op.size = 5000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(callfaults, reply) {
	.op.set_up = served, .op.call = do_reply, .op.done = done_reply,
	.op.size = 8, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(callfaults, reply_page) {
	.op.set_up = served, .op.call = do_reply, .op.done = done_reply,
	.op.size = 4096, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(callfaults, reply_large) {
	.op.set_up = served, .op.call = do_reply, .op.done = done_reply,
	.op.size = 5000, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(callfaults, collect) {
	.op.set_up = answered, .op.call = do_collect, .op.done = done_collect,
	.op.size = 8, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(callfaults, collect_large) {
	.op.set_up = answered, .op.call = do_collect, .op.done = done_collect,
	.op.size = 60000, .op.errnos = { EFAULT }, .op.least = 2,
};

TEST_F_TIMEOUT(callfaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
