// SPDX-License-Identifier: GPL-2.0
/* Failing allocations and copies: pipes. */
#include "test.h"
#include "inject.h"
#include "kpipe.h"

#include <kipc.h>

enum { WIDE = 200000 };

FIXTURE(pipefaults) {
};

FIXTURE_VARIANT(pipefaults) {
	struct fault_op op;
};

/* A pipe of pipe(2), for splice; there before anything is counted. */
static struct ends theirs;

FIXTURE_SETUP(pipefaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
	theirs = their_ends();
	CHECK(!fcntl(theirs.in, F_SETFL, O_NONBLOCK));
	CHECK(!fcntl(theirs.out, F_SETFL, O_NONBLOCK));
	CHECK(fcntl(theirs.out, F_SETPIPE_SZ, 1 << 18) > 0);
}

FIXTURE_TEARDOWN(pipefaults)
{
	close_ends(&theirs);
	inject_end();
}

static void use_pipe(struct scene *sc, unsigned int capacity, unsigned int atomic)
{
	close(sc->fd);
	sc->fd = pipe_of(capacity, atomic);
	sc->first = sc->next;
}

/* Three writes are in it, and there is much room. */
static void wide(struct scene *sc)
{
	use_pipe(sc, WIDE, 0);
	scene_put(sc, 10);
	scene_put(sc, 5000);
	scene_put(sc, 300);
}

static void wide_atomic(struct scene *sc)
{
	use_pipe(sc, WIDE, WIDE / 2);
	scene_put(sc, 10);
}

static void empty(struct scene *sc)
{
	use_pipe(sc, WIDE, 0);
}

/* The room is nearly all of one segment's, so that a write lies in two. */
static void spanning(struct scene *sc)
{
	empty(sc);
	scene_put(sc, 3000);
}

/* What was written in one go is of the operation's size; there are two of that. */
static void some(struct scene *sc)
{
	use_pipe(sc, WIDE, WIDE);
	scene_put(sc, sc->op->size);
	scene_put(sc, sc->op->size);
	scene_put(sc, 20);
}

static void full_taken(struct scene *sc)
{
	use_pipe(sc, sc->op->size, sc->op->size);
	scene_put(sc, sc->op->size);
	/* It reads what will come, too. */
	scene_prepare(sc, sc->op->size);
	sc->size[sc->next] = sc->op->size;
	sc->size[sc->next + 1] = sc->op->size;
	sc->next += 2;
	scene_partner(sc, PARTNER_TAKES, 0);
	sc->next -= 2;
}

/* Writing. */

static long write_now(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return p_write(sc->fd, sc->out, sc->op->size, sc->op->flags, 0);
}

static long write_wait(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return p_write(sc->fd, sc->out, sc->op->size, 0, sc->deadline);
}

static void wrote(struct scene *sc)
{
	uint64_t before = p_stat_of(sc->fd).bytes;

	CHECK(sc->ret == (long)sc->op->size);
	scene_sent(sc, sc->ret);
	CHECK((long)before == inside(sc->fd));
}

/* It may have been stopped after a part. */
static void wrote_pieces(struct scene *sc)
{
	CHECK(sc->ret > 0 && sc->ret <= (long)sc->op->size);
	scene_sent(sc, sc->ret);
	CHECK((long)p_stat_of(sc->fd).bytes == inside(sc->fd));
}

static void wrote_waiting(struct scene *sc)
{
	CHECK(sc->ret == (long)sc->op->size);
	scene_await_partner(sc);
	scene_sent(sc, sc->ret);
	scene_gone(sc);
	CHECK(inside(sc->fd) == sc->ret);
}

/* Reading. */

static long read_now(struct scene *sc)
{
	return p_read(sc->fd, sc->in, sc->op->size, 0);
}

static long read_plain(struct scene *sc)
{
	return read(sc->fd, sc->in, sc->op->size);
}

static void have_read(struct scene *sc)
{
	CHECK(sc->ret == (long)sc->op->size);
	scene_received(sc, sc->ret);
}

/* splice(2) */

static void have_theirs(struct scene *sc)
{
	static char rest[1 << 18];
	unsigned int i;

	empty(sc);
	while (read(theirs.in, rest, sizeof(rest)) > 0)
		;
	for (i = 0; i < 2; i++) {
		fill(sc->out, sc->op->size, sc->next + i);
		CHECK(write(theirs.out, sc->out, sc->op->size) ==
		      (ssize_t)sc->op->size);
	}
}

static long splice_in(struct scene *sc)
{
	return splice(theirs.in, NULL, sc->fd, NULL, sc->op->size, 0);
}

/* What has not been moved is not to be in front of the next. */
static void spliced_in(struct scene *sc)
{
	long rest = sc->op->size - sc->ret;

	CHECK(sc->ret > 0 && rest >= 0);
	CHECK(!rest || read(theirs.in, sc->in, rest) == rest);
	scene_sent(sc, sc->ret);
	CHECK((long)p_stat_of(sc->fd).bytes == inside(sc->fd));
}

static void some_and_none(struct scene *sc)
{
	have_theirs(sc);
	CHECK(read(theirs.in, sc->in, 2 * sc->op->size) == 2 * (ssize_t)sc->op->size);
	some(sc);
}

static long splice_out(struct scene *sc)
{
	return splice(sc->fd, NULL, theirs.out, NULL, sc->op->size, 0);
}

/* If there was not enough memory, the rest is still where it was. */
static void spliced_out(struct scene *sc)
{
	long rest = sc->op->size - sc->ret;

	CHECK(sc->ret > 0 && rest >= 0);
	CHECK(read(theirs.in, sc->in, WIDE) == sc->ret);
	CHECK(!rest || p_read(sc->fd, sc->in + sc->ret, rest, 0) == rest);
	scene_received(sc, sc->op->size);
}

/* What is not a stream.  p_create() and p_open() would open the device as well. */

static long create(struct scene *sc)
{
	struct kipc_pipe_attr attr = { 500, 50, 0, 0 };
	struct kipc_create c = {
		.kind = KIPC_KIND_PIPE,
		.mode = 0600,
		.rights = KIPC_PIPE_RIGHTS,
		.attr_size = sizeof(attr),
		.attr = ptr(&attr),
	};

	sc->other = ioctl(sc->ctl, KIPC_IOC_CREATE, &c);
	return sc->other;
}

static void created(struct scene *sc)
{
	CHECK(p_write(sc->other, "12345678", 8, 0, 0) == 8);
	CHECK(p_read(sc->other, sc->in, 100, 0) == 8);
	CHECK(!close(sc->other));
	sc->other = -1;
}

static int pair[2];

static long create_pair(struct scene *sc)
{
	(void)sc;
	return kipc_pipe(pair, 0);
}

static void created_pair(struct scene *sc)
{
	CHECK(write(pair[1], "12345678", 8) == 8);
	CHECK(read(pair[0], sc->in, 100) == 8);
	CHECK(!close(pair[0]) && !close(pair[1]));
}

static void name_other(struct scene *sc)
{
	sc->other = p_create(sc->name, 0, 0, 0600, KIPC_PIPE_RIGHTS, 0);
	CHECK(sc->other >= 0);
}

static void name_lonely(struct scene *sc)
{
	sc->other = p_create(sc->name, 0, 0, 0600, MANAGE, 0);
	CHECK(sc->other >= 0);
}

static long open_end(struct scene *sc, unsigned int right)
{
	struct kipc_open o = {
		.kind = KIPC_KIND_PIPE,
		.flags = sc->op->flags,
		.rights = right,
		.name = ptr(sc->name),
		.name_len = strlen(sc->name),
		.deadline = sc->deadline,
	};

	return ioctl(sc->ctl, KIPC_IOC_OPEN, &o);
}

static long open_reader(struct scene *sc)
{
	return open_end(sc, RECEIVE);
}

static long open_writer(struct scene *sc)
{
	return open_end(sc, SEND);
}

static void opened(struct scene *sc)
{
	struct kipc_info info;

	CHECK(!k_info(sc->ret, &info));
	CHECK(info.handles == 2 && !strcmp(info.name, sc->name));
	close(sc->ret);
}

static void path_of(struct scene *sc)
{
	snprintf(sc->name, sizeof(sc->name), "/proc/self/fd/%d", sc->fd);
}

static long reopen(struct scene *sc)
{
	return open(sc->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static void reopened(struct scene *sc)
{
	struct kipc_info info;

	CHECK(!k_info(sc->ret, &info));
	CHECK(info.handles == 2 && info.rights == RECEIVE);
	close(sc->ret);
}

static long pipe_stat(struct scene *sc)
{
	return p_stat(sc->fd, (void *)sc->in);
}

static void stat_done(struct scene *sc)
{
	CHECK(((struct kipc_pipe_stat *)sc->in)->bytes == 5310);
}

static long resize(struct scene *sc)
{
	return p_resize(sc->fd, 6000, 50);
}

static void resized(struct scene *sc)
{
	CHECK(sc->ret == 6000 && p_stat_of(sc->fd).attr.atomic_size == 50);
}

FIXTURE_VARIANT_ADD(pipefaults, create) {
	.op.pipe = true, .op.call = create, .op.done = created,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(pipefaults, create_pair) {
	.op.pipe = true, .op.call = create_pair, .op.done = created_pair,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 6,
};

FIXTURE_VARIANT_ADD(pipefaults, open) {
	.op.pipe = true, .op.set_up = name_other, .op.call = open_reader,
	.op.done = opened, .op.errnos = { ENOMEM, EFAULT }, .op.least = 3,
};

FIXTURE_VARIANT_ADD(pipefaults, open_at_once) {
	.op.pipe = true, .op.set_up = name_lonely, .op.call = open_reader,
	.op.done = opened, .op.flags = KIPC_NONBLOCK,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 3,
};

FIXTURE_VARIANT_ADD(pipefaults, open_without_reader) {
	.op.pipe = true, .op.set_up = name_lonely, .op.call = open_writer,
	.op.want = ENXIO, .op.flags = KIPC_NONBLOCK,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 3,
};

FIXTURE_VARIANT_ADD(pipefaults, reopen) {
	.op.pipe = true, .op.set_up = path_of, .op.call = reopen,
	.op.done = reopened, .op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(pipefaults, stat) {
	.op.pipe = true, .op.call = pipe_stat, .op.done = stat_done,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(pipefaults, resize) {
	.op.pipe = true, .op.call = resize, .op.done = resized,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(pipefaults, write) {
	.op.pipe = true, .op.call = write_now, .op.done = wrote, .op.size = 10,
	.op.errnos = { EFAULT }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(pipefaults, write_first) {
	.op.pipe = true, .op.set_up = empty, .op.call = write_now,
	.op.done = wrote, .op.size = 10, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_page) {
	.op.pipe = true, .op.set_up = wide, .op.call = write_now,
	.op.done = wrote, .op.size = 4000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_spanning) {
	.op.pipe = true, .op.set_up = spanning, .op.call = write_now,
	.op.done = wrote, .op.size = 3000, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 1, .op.absorbs = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_large) {
	.op.pipe = true, .op.set_up = wide, .op.call = write_now,
	.op.done = wrote, .op.size = 5000, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 1, .op.absorbs = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_pieces) {
	.op.pipe = true, .op.set_up = wide, .op.call = write_now,
	.op.done = wrote_pieces, .op.size = 70000,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 1, .op.absorbs = 1,
	.op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_atomic) {
	.op.pipe = true, .op.set_up = wide_atomic, .op.call = write_now,
	.op.done = wrote, .op.size = 70000, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 1, .op.absorbs = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_plain) {
	.op.pipe = true, .op.set_up = wide, .op.call = scene_write,
	.op.done = wrote, .op.size = 1000, .op.absorbs = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_plain_large) {
	.op.pipe = true, .op.set_up = wide, .op.call = scene_write,
	.op.done = wrote, .op.size = 5000, .op.errnos = { ENOMEM },
	.op.absorbs = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, writev) {
	.op.pipe = true, .op.set_up = wide, .op.call = scene_writev,
	.op.done = wrote, .op.size = 5000, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 1, .op.absorbs = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, write_to_full) {
	.op.pipe = true, .op.set_up = full_taken, .op.call = write_now,
	.op.want = EAGAIN, .op.size = 5000, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(pipefaults, write_waiting) {
	.op.pipe = true, .op.set_up = full_taken, .op.call = write_wait,
	.op.done = wrote_waiting, .op.size = 10, .op.errnos = { EFAULT },
	.op.least = 1, .op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, read) {
	.op.pipe = true, .op.set_up = some, .op.call = read_now,
	.op.done = have_read, .op.size = 10, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(pipefaults, read_page) {
	.op.pipe = true, .op.set_up = some, .op.call = read_now,
	.op.done = have_read, .op.size = 4000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(pipefaults, read_large) {
	.op.pipe = true, .op.set_up = some, .op.call = read_now,
	.op.done = have_read, .op.size = 9000, .op.errnos = { EFAULT },
	.op.least = 1, .op.absorbs = 3,
};

FIXTURE_VARIANT_ADD(pipefaults, read_plain) {
	.op.pipe = true, .op.set_up = some, .op.call = read_plain,
	.op.done = have_read, .op.size = 1000, .op.absorbs = 1,
};

FIXTURE_VARIANT_ADD(pipefaults, readv) {
	.op.pipe = true, .op.set_up = some, .op.call = scene_readv,
	.op.done = have_read, .op.size = 9000, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 1, .op.absorbs = 3,
};

FIXTURE_VARIANT_ADD(pipefaults, splice_in) {
	.op.pipe = true, .op.set_up = have_theirs, .op.call = splice_in,
	.op.done = spliced_in, .op.size = 1000, .op.errnos = { ENOMEM },
	.op.absorbs = 1,
	.op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, splice_in_large) {
	.op.pipe = true, .op.set_up = have_theirs, .op.call = splice_in,
	.op.done = spliced_in, .op.size = 20000, .op.errnos = { ENOMEM },
	.op.absorbs = 1,
	.op.keeps = true,
};

FIXTURE_VARIANT_ADD(pipefaults, splice_out) {
	.op.pipe = true, .op.set_up = some_and_none, .op.call = splice_out,
	.op.done = spliced_out, .op.size = 1000, .op.errnos = { ENOMEM },
	.op.least = 2,
};

FIXTURE_VARIANT_ADD(pipefaults, splice_out_large) {
	.op.pipe = true, .op.set_up = some_and_none, .op.call = splice_out,
	.op.done = spliced_out, .op.size = 20000, .op.errnos = { ENOMEM },
	.op.least = 2, .op.absorbs = 4,
};

TEST_F_TIMEOUT(pipefaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
