// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and copies: letters and messages that carry handles.  None is
 * sent in part, and none is lost, with what it carries, if it cannot be received.
 */
#include "test.h"
#include "inject.h"
#include "kcallhandles.h"

FIXTURE(handlefaults) {
};

FIXTURE_VARIANT(handlefaults) {
	struct fault_op op;
};

FIXTURE_SETUP(handlefaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(handlefaults)
{
	inject_end();
}

static const struct carrier_kind *kind_of(const struct scene *sc)
{
	return sc->op->queue ? &messages : &letters;
}

/* One that carries; and, with flags, a message in it. */
static void carrier(struct scene *sc)
{
	struct kipc_descriptor items[2];

	close(sc->fd);
	sc->fd = h_create(kind_of(sc));
	sc->first = sc->next;
	if (sc->other < 0)
		sc->other = default_box();
	if (!sc->op->flags)
		return;
	items[0] = (struct kipc_descriptor){ .fd = sc->other };
	items[1] = (struct kipc_descriptor){ .fd = sc->other, .rights = SEND };
	fill(sc->out, sc->op->size, 7);
	CHECK(!h_send(kind_of(sc), sc->fd, sc->out, sc->op->size, items, 2, 0));
}

/* The library's calls are the bare ioctls, and nothing else. */
static long send_two(struct scene *sc)
{
	struct kipc_descriptor items[2] = {
		{ .fd = sc->other }, { .fd = sc->other, .rights = SEND },
	};

	fill(sc->out, sc->op->size, 7);
	return h_send(kind_of(sc), sc->fd, sc->out, sc->op->size, items, 2, 0);
}

static long receive_two(struct scene *sc)
{
	struct kipc_descriptor *items = (void *)(sc->in + 100000);
	struct h_got got = { 0 };
	long ret;

	memset(sc->in, POISON, SCENE_BUFFER);
	ret = h_recv(kind_of(sc), sc->fd, sc->in, sc->op->size, items, 2, &got, 0);
	CHECK(ret < 0 || got.count == 2);
	return ret;
}

static void check_two(struct scene *sc)
{
	struct kipc_descriptor *items = (void *)(sc->in + 100000);

	CHECK(filled(sc->in, sc->op->size, 7));
	CHECK(h_same(items[0].fd, sc->other) && items[0].rights == ALL_RIGHTS);
	CHECK(h_same(items[1].fd, sc->other) && items[1].rights == SEND);
	CHECK(!close(items[0].fd) && !close(items[1].fd));
	CHECK(!total("carried"));
}

static void sent_two(struct scene *sc)
{
	CHECK(total("carried") == 2);
	CHECK(receive_two(sc) == (long)sc->op->size);
	check_two(sc);
}

static void received_two(struct scene *sc)
{
	check_two(sc);
	CHECK(!send_two(sc));
}

/* The last one that was put there. */
static void drain(struct scene *sc)
{
	CHECK(receive_two(sc) == (long)sc->op->size);
	check_two(sc);
}

/*
 * Calls: of the scene's two handles, the request carries both, and so does the reply.
 * With flags there is a request that this process has; with two, it is answered.
 */
static uint64_t token_of_scene;

static long submit_two(struct scene *sc)
{
	struct kipc_descriptor items[2] = {
		{ .fd = sc->other }, { .fd = sc->other, .rights = SEND },
	};
	struct h_both h = { .items = items, .count = 2, .room = 2 };

	fill(sc->out, sc->op->size, 7);
	return h_ask(sc->fd, sc->out, sc->op->size, NULL, sc->op->size, &h,
		     &token_of_scene, KIPC_CALL_SUBMIT, 0);
}

static long serve_two(struct scene *sc)
{
	struct kipc_descriptor *items = (void *)(sc->in + 100000);
	unsigned int room = 2;
	struct kipc_mailbox_recv r;
	long ret;

	memset(sc->in, POISON, SCENE_BUFFER);
	ret = h_serve(sc->fd, sc->in, sc->op->size, items, &room, &r, 0, 0);
	CHECK(ret < 0 || (room == 2 && r.token && r.reply_handles == 2));
	return ret;
}

static long reply_two(struct scene *sc)
{
	struct kipc_descriptor items[2] = {
		{ .fd = sc->other }, { .fd = sc->other, .rights = SEND },
	};

	fill(sc->out, sc->op->size, 7);
	return h_reply(sc->fd, token_of_scene, sc->out, sc->op->size, items, 2);
}

static long collect_two(struct scene *sc)
{
	struct kipc_descriptor *items = (void *)(sc->in + 100000);
	unsigned int room = 2;
	long ret;

	memset(sc->in, POISON, SCENE_BUFFER);
	ret = h_collect(sc->fd, token_of_scene, sc->in, sc->op->size, items, &room, 0);
	CHECK(ret < 0 || room == 2);
	return ret;
}

static void caller(struct scene *sc)
{
	close(sc->fd);
	sc->fd = h_create(&letters);
	sc->first = sc->next;
	if (sc->other < 0)
		sc->other = default_box();
	if (sc->op->flags)
		CHECK(!submit_two(sc));
	if (sc->op->flags > 1) {
		CHECK(serve_two(sc) == (long)sc->op->size);
		check_two(sc);
	}
	if (sc->op->flags > 2)
		CHECK(!reply_two(sc));
}

static void submitted_two(struct scene *sc)
{
	CHECK(total("carried") == 2);
	CHECK(serve_two(sc) == (long)sc->op->size);
	check_two(sc);
	CHECK(!k_reply(sc->fd, token_of_scene, NULL, 0, 5));
	CHECK(k_collect(sc->fd, &token_of_scene, NULL, 0, NULL, 0) == 0);
}

static void served_two(struct scene *sc)
{
	check_two(sc);
	CHECK(!k_cancel(sc->fd, token_of_scene) && !submit_two(sc));
}

/* The last request that was put there. */
static void drain_requests(struct scene *sc)
{
	CHECK(serve_two(sc) == (long)sc->op->size);
	check_two(sc);
}

static void replied_two(struct scene *sc)
{
	CHECK(total("carried") == 2);
	CHECK(collect_two(sc) == (long)sc->op->size);
	check_two(sc);
	CHECK(!submit_two(sc) && serve_two(sc) == (long)sc->op->size);
	check_two(sc);
}

static void collected_two(struct scene *sc)
{
	check_two(sc);
	CHECK(!submit_two(sc) && serve_two(sc) == (long)sc->op->size);
	check_two(sc);
	CHECK(!reply_two(sc));
}

FIXTURE_VARIANT_ADD(handlefaults, request) {
	.op.set_up = caller, .op.call = submit_two, .op.done = submitted_two,
	.op.size = 100, .op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(handlefaults, request_served) {
	.op.set_up = caller, .op.call = serve_two, .op.done = served_two,
	.op.end = drain_requests,
	.op.size = 100, .op.flags = 1, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(handlefaults, request_served_large) {
	.op.set_up = caller, .op.call = serve_two, .op.done = served_two,
	.op.end = drain_requests,
	.op.size = 20000, .op.flags = 1, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(handlefaults, reply) {
	.op.set_up = caller, .op.call = reply_two, .op.done = replied_two,
	.op.size = 100, .op.flags = 2, .op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(handlefaults, reply_large) {
	.op.set_up = caller, .op.call = reply_two, .op.done = replied_two,
	.op.size = 20000, .op.flags = 2, .op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(handlefaults, reply_collected) {
	.op.set_up = caller, .op.call = collect_two, .op.done = collected_two,
	.op.size = 100, .op.flags = 3, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(handlefaults, letter) {
	.op.set_up = carrier, .op.call = send_two, .op.done = sent_two, .op.size = 100,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(handlefaults, letter_large) {
	.op.set_up = carrier, .op.call = send_two, .op.done = sent_two,
	.op.size = 20000, .op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(handlefaults, message) {
	.op.set_up = carrier, .op.call = send_two, .op.done = sent_two, .op.size = 100,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4, .op.queue = true,
};

FIXTURE_VARIANT_ADD(handlefaults, letter_received) {
	.op.set_up = carrier, .op.call = receive_two, .op.done = received_two,
	.op.end = drain,
	.op.size = 100, .op.flags = 1, .op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(handlefaults, letter_received_large) {
	.op.set_up = carrier, .op.call = receive_two, .op.done = received_two,
	.op.end = drain,
	.op.size = 20000, .op.flags = 1, .op.errnos = { EFAULT }, .op.least = 1,
	.op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(handlefaults, message_received) {
	.op.set_up = carrier, .op.call = receive_two, .op.done = received_two,
	.op.end = drain,
	.op.size = 100, .op.flags = 1, .op.errnos = { EFAULT }, .op.least = 1,
	.op.queue = true,
};

TEST_F_TIMEOUT(handlefaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
