// SPDX-License-Identifier: GPL-2.0
/* Failing allocations and copies: services. */
#include "test.h"
#include "inject.h"
#include "kservice.h"

/* Where a mapping has page tables of its own. */
#define ALONE	((void *)0x600000000000UL)

FIXTURE(servicefaults) {
};

FIXTURE_VARIANT(servicefaults) {
	struct fault_op op;
};

FIXTURE_SETUP(servicefaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(servicefaults)
{
	inject_end();
}

/* What the scene is about, beside sc->other, which is the service. */
static struct client c;
static char *map;			/* the server's */
static size_t map_size;
static struct kipc_service_serve served;
static struct kipc_service_connect connection;
static uint64_t token[2];

static void control_only(struct scene *sc)
{
	sc->ctl = control();
}

static void a_service(struct scene *sc)
{
	struct kipc_service_attr attr = { .stacks = 2, .bindings = 2,
					  .flags = sc->op->flags };

	sc->other = s_create(NULL, &attr, 0600, KIPC_SERVICE_RIGHTS, 0);
	CHECK(sc->other >= 0);
	map_size = service_stat(sc->other).map_size;
	map = NULL;
	c.fd = -1;
}

/* A handle that is not connected; it is closed with the last scene's success. */
static void a_handle(struct scene *sc)
{
	a_service(sc);
	c.fd = k_narrow(sc->other, CALL, 0);
	CHECK(c.fd >= 0);
}

static void a_binding(struct scene *sc)
{
	a_handle(sc);
	memset(&c.is, 0, sizeof(c.is));
	CHECK(!s_connect(c.fd, &c.is, 0));
}

static void a_server(struct scene *sc)
{
	a_binding(sc);
	map = s_map(sc->other);
	c.map = s_map_binding(c.fd, c.is.binding_size);
	CHECK(map && c.map);
}

static void submit(unsigned int stack)
{
	CHECK(!s_submit(&c, stack, ADD, stack, 2, &token[stack]));
}

static void serve(struct scene *sc)
{
	served.reply.token = 0;
	CHECK(!s_serve(sc->other, &served, KIPC_NO_WAIT));
}

static void answer(struct scene *sc)
{
	CHECK(!s_reply(sc->other, served.call.token, 0, 3));
}

static void collect(unsigned int stack)
{
	uint64_t which = token[stack];

	CHECK(!s_collect(c.fd, &which, NULL, KIPC_NO_WAIT));
}

static void a_call(struct scene *sc)
{
	a_server(sc);
	submit(0);
}

static void being_served(struct scene *sc)
{
	a_call(sc);
	serve(sc);
}

static void one_served_one_lined(struct scene *sc)
{
	being_served(sc);
	served.reply = (struct kipc_service_reply){ .token = served.call.token };
	submit(1);
}

static void answered(struct scene *sc)
{
	being_served(sc);
	answer(sc);
}

/* Everything of the scene goes. */
static void end_scene(struct scene *sc)
{
	(void)sc;
	if (map)
		CHECK(!munmap(map, map_size));
	if (c.map)
		CHECK(!munmap(c.map, c.is.binding_size));
	if (c.fd >= 0)
		CHECK(!close(c.fd));
	map = NULL;
	c.map = NULL;
	c.fd = -1;
}

/* Operations. */

static long do_create(struct scene *sc)
{
	static const struct kipc_service_attr attr = { .bindings = 16384 };
	struct kipc_create create = {
		.kind = KIPC_KIND_SERVICE,
		.name = ptr(sc->name),
		.name_len = strlen(sc->name),
		.mode = 0600,
		.rights = KIPC_SERVICE_RIGHTS,
		.attr = ptr(&attr),
		.attr_size = sizeof(attr),
	};

	return ioctl(sc->ctl, KIPC_IOC_CREATE, &create);
}

static void done_create(struct scene *sc)
{
	CHECK(!close(sc->ret));
}

static long do_connect(struct scene *sc)
{
	connection = (struct kipc_service_connect){
		.deadline = sc->partner ? sc->deadline : 1,
		.args = { 5 },
	};
	return ioctl(c.fd, KIPC_IOC_SERVICE_CONNECT, &connection);
}

static void done_connect(struct scene *sc)
{
	CHECK(connection.stacks == 2 && connection.args[0] == 5);
	CHECK(!close(c.fd));
	c.fd = k_narrow(sc->other, CALL, 0);
	CHECK(c.fd >= 0);
}

/* Another process decides. */
static void a_decider(struct scene *sc)
{
	a_handle(sc);
	sc->partner = spawn();
	if (!sc->partner) {
		serve_with(sc->other, 1);
		for (;;)
			pause();
	}
	wait_idle(sc->other, 1);
}

static long do_map(struct scene *sc)
{
	char *p = mmap(ALONE, sc->op->size ? c.is.binding_size : map_size,
		       PROT_READ | PROT_WRITE, MAP_SHARED,
		       sc->op->size ? c.fd : sc->other, 0);

	return p == MAP_FAILED ? -1 : p != ALONE;
}

static void done_map(struct scene *sc)
{
	CHECK(!sc->ret);
	if (sc->op->size)
		CHECK(!munmap(ALONE, c.is.binding_size));
}

/* Not populated when it was mapped, and far from everything else. */
static void untouched(struct scene *sc)
{
	a_binding(sc);
	CHECK(!mlockall(MCL_CURRENT));
	c.map = mmap(ALONE, c.is.binding_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     c.fd, 0);
	CHECK(c.map == ALONE);
}

/* By the kernel: that is EFAULT, and not a signal, nor tried again. */
static long do_touch(struct scene *sc)
{
	(void)sc;
	return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, c.map);
}

static void done_touch(struct scene *sc)
{
	(void)sc;
	CHECK(frame_of(&c, 0)->args[1] < SECOND);
}

static long do_call(struct scene *sc)
{
	(void)sc;
	return s_call(&c, 0, ADD, 1, 2, 1);
}

static long do_submit(struct scene *sc)
{
	(void)sc;
	return s_submit(&c, 1, ADD, 1, 2, &token[1]);
}

static void done_submit(struct scene *sc)
{
	(void)sc;
	CHECK(!s_cancel(c.fd, token[1]));
}

static long do_serve(struct scene *sc)
{
	return s_serve(sc->other, &served, KIPC_NO_WAIT);
}

static void done_serve(struct scene *sc)
{
	CHECK(served.call.token == token[0] && served.call.args[1] == 2);
	answer(sc);
	collect(0);
	submit(0);
}

/* The first was replied to, the second is here. */
static void done_serve_next(struct scene *sc)
{
	CHECK(!served.reply.token);
	CHECK(served.call.token == token[1] && served.call.args[0] == 1);
	collect(0);
	answer(sc);
	collect(1);
	submit(0);
	serve(sc);
	served.reply = (struct kipc_service_reply){ .token = served.call.token };
	submit(1);
}

static long do_reply(struct scene *sc)
{
	return s_reply(sc->other, served.call.token, 0, 3);
}

static void done_reply(struct scene *sc)
{
	collect(0);
	submit(0);
	serve(sc);
}

static long do_collect(struct scene *sc)
{
	uint64_t which = token[0];

	(void)sc;
	return s_collect(c.fd, &which, NULL, KIPC_NO_WAIT);
}

static void done_collect(struct scene *sc)
{
	CHECK(frame_of(&c, 0)->args[0] == 3);
	submit(0);
	serve(sc);
	answer(sc);
}

static long do_cancel(struct scene *sc)
{
	(void)sc;
	return s_cancel(c.fd, token[0]);
}

static void done_cancel(struct scene *sc)
{
	(void)sc;
	submit(0);
}

static long do_stat(struct scene *sc)
{
	struct kipc_service_stat stat;

	return s_stat(sc->other, &stat);
}

FIXTURE_VARIANT_ADD(servicefaults, create) {
	.op.bare = true, .op.set_up = control_only, .op.call = do_create,
	.op.done = done_create, .op.errnos = { ENOMEM, EFAULT }, .op.least = 8,
};

FIXTURE_VARIANT_ADD(servicefaults, connect) {
	.op.bare = true, .op.set_up = a_handle, .op.call = do_connect,
	.op.done = done_connect, .op.end = end_scene,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 8,
};

FIXTURE_VARIANT_ADD(servicefaults, connect_undecided) {
	.op.bare = true, .op.set_up = a_handle, .op.call = do_connect,
	.op.flags = KIPC_SERVICE_ACCEPT, .op.want = ETIMEDOUT,
	.op.end = end_scene, .op.errnos = { ENOMEM, EFAULT }, .op.least = 8,
};

FIXTURE_VARIANT_ADD(servicefaults, connect_accepted) {
	.op.bare = true, .op.set_up = a_decider, .op.call = do_connect,
	.op.flags = KIPC_SERVICE_ACCEPT, .op.done = done_connect,
	.op.end = end_scene, .op.errnos = { ENOMEM, EFAULT }, .op.least = 8,
};

FIXTURE_VARIANT_ADD(servicefaults, map_binding) {
	.op.bare = true, .op.set_up = a_binding, .op.call = do_map,
	.op.done = done_map, .op.end = end_scene, .op.size = 1,
	.op.errnos = { ENOMEM }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(servicefaults, touch) {
	.op.bare = true, .op.set_up = untouched, .op.call = do_touch,
	.op.done = done_touch, .op.end = end_scene,
	.op.errnos = { EFAULT }, .op.least = 1, .op.absorbs = 4,
};

FIXTURE_VARIANT_ADD(servicefaults, call) {
	.op.bare = true, .op.set_up = a_server, .op.call = do_call,
	.op.want = ETIMEDOUT, .op.end = end_scene,
};

FIXTURE_VARIANT_ADD(servicefaults, submit) {
	.op.bare = true, .op.set_up = a_call, .op.call = do_submit,
	.op.done = done_submit, .op.end = end_scene,
};

FIXTURE_VARIANT_ADD(servicefaults, serve) {
	.op.bare = true, .op.set_up = a_call, .op.call = do_serve,
	.op.done = done_serve, .op.end = end_scene,
	.op.errnos = { EFAULT }, .op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(servicefaults, reply_and_serve) {
	.op.bare = true, .op.set_up = one_served_one_lined, .op.call = do_serve,
	.op.done = done_serve_next, .op.end = end_scene,
	.op.errnos = { EFAULT }, .op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(servicefaults, reply) {
	.op.bare = true, .op.set_up = being_served, .op.call = do_reply,
	.op.done = done_reply, .op.end = end_scene,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(servicefaults, collect) {
	.op.bare = true, .op.set_up = answered, .op.call = do_collect,
	.op.done = done_collect, .op.end = end_scene,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(servicefaults, cancel) {
	.op.bare = true, .op.set_up = a_call, .op.call = do_cancel,
	.op.done = done_cancel, .op.end = end_scene,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(servicefaults, stat) {
	.op.bare = true, .op.set_up = a_service, .op.call = do_stat,
	.op.end = end_scene, .op.errnos = { EFAULT }, .op.least = 1,
};

TEST_F_TIMEOUT(servicefaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

/*
 * Who would be the server and is not, for want of memory: the mapping may have been
 * made and unmade, and that is the end of a service.
 */
TEST(server_maps)
{
	unsigned int n, failures = 0;
	struct scene sc = { .other = -1 };
	struct fault_op op = { 0 };
	char *p;

	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	sc.op = &op;
	for (n = 1; n < 200; n++) {
		a_service(&sc);
		inject_arm(n);
		p = mmap(ALONE, map_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 sc.other, 0);
		if (inject_disarm())
			break;
		if (p == MAP_FAILED) {
			failures++;
			EXPECT_EQ(ENOMEM, errno);
			p = s_map(sc.other);
			EXPECT_TRUE(p || errno == EPIPE);
		}
		if (p)
			EXPECT_EQ(0, munmap(p, map_size));
		close(sc.other);
		EXPECT_EQ(0, total("objects"));
		EXPECT_EQ(0, total("bytes"));
	}
	EXPECT_NE((char *)MAP_FAILED, p);
	EXPECT_GE(failures, 1);
	munmap(p, map_size);
	close(sc.other);
	inject_end();
}

TEST_HARNESS_MAIN
