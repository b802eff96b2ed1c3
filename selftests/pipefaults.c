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

	wide(sc);
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

#define VARIANT(name, ...)						\
	FIXTURE_VARIANT_ADD(pipefaults, name) { .op = { .pipe = true, __VA_ARGS__ } }
#define NO_MEMORY	.errnos = { ENOMEM }
#define NO_COPY		.errnos = { EFAULT }
#define NEITHER		.errnos = { ENOMEM, EFAULT }

VARIANT(create, .call = create, .done = created, NEITHER, .least = 2);
VARIANT(create_pair, .call = create_pair, .done = created_pair, NEITHER, .least = 6);
VARIANT(open, .set_up = name_other, .call = open_reader, .done = opened, NEITHER,
	.least = 3);
VARIANT(open_at_once, .set_up = name_lonely, .call = open_reader, .done = opened,
	.flags = KIPC_NONBLOCK, NEITHER, .least = 3);
VARIANT(open_without_reader, .set_up = name_lonely, .call = open_writer, .want = ENXIO,
	.flags = KIPC_NONBLOCK, NEITHER, .least = 3);
VARIANT(reopen, .set_up = path_of, .call = reopen, .done = reopened, NEITHER,
	.least = 2);
VARIANT(stat, .call = pipe_stat, .done = stat_done, NO_COPY, .least = 1);
VARIANT(resize, .call = resize, .done = resized, NO_COPY, .least = 1);

VARIANT(write, .call = write_now, .done = wrote, .size = 10, NO_COPY, .least = 1);
VARIANT(write_first, .set_up = empty, .call = write_now, .done = wrote, .size = 10,
	NEITHER, .least = 1, .keeps = true);
VARIANT(write_page, .set_up = wide, .call = write_now, .done = wrote, .size = 4000,
	NO_COPY, .least = 1, .absorbs = 1, .keeps = true);
VARIANT(write_spanning, .set_up = spanning, .call = write_now, .done = wrote,
	.size = 3000, NEITHER, .least = 1, .absorbs = 1, .keeps = true);
VARIANT(write_large, .set_up = wide, .call = write_now, .done = wrote, .size = 5000,
	NEITHER, .least = 1, .absorbs = 1, .keeps = true);
VARIANT(write_pieces, .set_up = wide, .call = write_now, .done = wrote_pieces,
	.size = 70000, NEITHER, .least = 1, .absorbs = 1, .keeps = true);
VARIANT(write_atomic, .set_up = wide_atomic, .call = write_now, .done = wrote,
	.size = 70000, NEITHER, .least = 1, .absorbs = 1, .keeps = true);
VARIANT(write_plain, .set_up = wide, .call = scene_write, .done = wrote, .size = 1000,
	.absorbs = 1, .keeps = true);
VARIANT(write_plain_large, .set_up = wide, .call = scene_write, .done = wrote,
	.size = 5000, NO_MEMORY, .absorbs = 1, .keeps = true);
VARIANT(writev, .set_up = wide, .call = scene_writev, .done = wrote, .size = 5000,
	NEITHER, .least = 1, .absorbs = 1, .keeps = true);
VARIANT(write_to_full, .set_up = full_taken, .call = write_now, .want = EAGAIN,
	.size = 5000, NO_COPY, .least = 1);
VARIANT(write_waiting, .set_up = full_taken, .call = write_wait, .done = wrote_waiting,
	.size = 10, NO_COPY, .least = 1, .keeps = true);
VARIANT(write_waiting_large, .set_up = full_taken, .call = write_wait,
	.done = wrote_waiting, .size = 5000, NEITHER, .least = 1, .keeps = true);

VARIANT(read, .set_up = some, .call = read_now, .done = have_read, .size = 10, NO_COPY,
	.least = 1);
VARIANT(read_page, .set_up = some, .call = read_now, .done = have_read, .size = 4000,
	NO_COPY, .least = 1, .absorbs = 1);
VARIANT(read_large, .set_up = some, .call = read_now, .done = have_read, .size = 9000,
	NO_COPY, .least = 1, .absorbs = 3);
VARIANT(read_plain, .set_up = some, .call = read_plain, .done = have_read, .size = 1000,
	.absorbs = 1);
VARIANT(readv, .set_up = some, .call = scene_readv, .done = have_read, .size = 9000,
	NEITHER, .least = 1, .absorbs = 3);

VARIANT(splice_in, .set_up = have_theirs, .call = splice_in, .done = wrote,
	.size = 1000, NO_MEMORY, .least = 1, .keeps = true);
VARIANT(splice_in_large, .set_up = have_theirs, .call = splice_in, .done = wrote_pieces,
	.size = 20000, NO_MEMORY, .least = 1, .keeps = true);
VARIANT(splice_out, .set_up = some_and_none, .call = splice_out, .done = spliced_out,
	.size = 1000, NO_MEMORY, .least = 2);
VARIANT(splice_out_large, .set_up = some_and_none, .call = splice_out,
	.done = spliced_out, .size = 20000, NO_MEMORY, .least = 2, .absorbs = 4);

TEST_F_TIMEOUT(pipefaults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
