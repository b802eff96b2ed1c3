// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who drop a pipe's lock on their way: large pieces are copied
 * without it, between two pieces others go on, and the ring may have to grow.
 */
#include "test.h"
#include "race_pipe.h"

enum { ROOM = 1 << 17 };

/* A reader has the turn, and copies a large piece. */

FIXTURE(reading) {
	struct handles box;
	struct party *r;
};

FIXTURE_VARIANT(reading) {
	const char *point;
};

FIXTURE_VARIANT_ADD(reading, copying) { "pipe_read_copying" };
FIXTURE_VARIANT_ADD(reading, copied) { "pipe_read_copied" };

FIXTURE_SETUP(reading)
{
	NEED_DELAY_POINTS();
	self->box = race_pipe(ROOM, SMALL);
	CHECK(p_put(self->box.out, LARGE, 0) == LARGE);
	self->r = p_reader(self->box.in, LARGE);
}

FIXTURE_TEARDOWN(reading)
{
	race_end();
}

TEST_F(reading, alone)
{
	struct handles *box = &self->box;

	hold(self->r, variant->point);
	/* It is there still, and its room is taken. */
	EXPECT_EQ(LARGE, inside(box->manage));
	EXPECT_EQ(LARGE, p_stat_of(box->manage).bytes);
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_EQ(-EAGAIN, p_take(box->in, SMALL, 0));
	EXPECT_ERR(EBUSY, p_resize(box->manage, LARGE - 1, 0));
	EXPECT_OK(p_resize(box->manage, LARGE, 0));
	EXPECT_EQ(-EAGAIN, p_put(box->out, SMALL, 0));
	release(variant->point);
	EXPECT_EQ(LARGE, outcome(self->r));
	EXPECT_TRUE(p_holds(box, 0));
}

/* Writers do not wait for it; nor does it read more than it has asked for. */
TEST_F(reading, others_write)
{
	struct handles *box = &self->box;

	hold(self->r, variant->point);
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, LARGE));
	EXPECT_EQ(LARGE, p_put(box->out, LARGE, LARGE + SMALL));
	EXPECT_EQ(1000, p_put(box->out, 1000, 2 * LARGE + SMALL));
	release(variant->point);
	EXPECT_EQ(LARGE, outcome(self->r));
	EXPECT_EQ(0, self->r->seen);
	EXPECT_EQ(LARGE + SMALL + 1000, p_take(box->in, ROOM, LARGE));
	EXPECT_TRUE(p_holds(box, 0));
}

TEST_F(reading, reads_what_comes)
{
	struct handles *box = &self->box;

	self->r->size = ROOM;
	hold(self->r, variant->point);
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, LARGE));
	EXPECT_EQ(HUGE, p_put(box->out, HUGE, LARGE + SMALL));
	release(variant->point);
	EXPECT_EQ(LARGE + SMALL + HUGE, outcome(self->r));
	EXPECT_EQ(0, self->r->seen);
	EXPECT_TRUE(p_holds(box, 0));
}

/* A second reader comes behind it, and gets what is left. */
TEST_F(reading, second)
{
	struct handles *box = &self->box;
	struct party *second = p_reader(box->in, ROOM);

	self->r->size = LARGE - SMALL;
	hold(self->r, variant->point);
	p_go_and_wait(second, box->manage, 0);
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, LARGE));
	EXPECT_TRUE(asleep(second));
	release(variant->point);
	EXPECT_EQ(LARGE - SMALL, outcome(self->r));
	EXPECT_EQ(2 * SMALL, outcome(second));
	EXPECT_EQ(LARGE - SMALL, second->seen);
	EXPECT_TRUE(p_holds(box, 0));
}

TEST_F(reading, writers_gone)
{
	struct handles *box = &self->box;
	struct party *second = p_reader(box->in, ROOM);

	hold(self->r, variant->point);
	p_go_and_wait(second, box->manage, 0);
	close(box->out);
	EXPECT_TRUE(asleep(second));
	release(variant->point);
	EXPECT_EQ(LARGE, outcome(self->r));
	EXPECT_EQ(0, outcome(second));
	EXPECT_EQ(0, p_take(box->in, SMALL, 0));
}

/* It gets nothing; what it was copying is dropped when it has done. */
TEST_F(reading, removed)
{
	struct handles *box = &self->box;
	struct party *second = p_reader(box->in, ROOM);

	hold(self->r, variant->point);
	EXPECT_EQ(LARGE, p_put(box->out, LARGE, LARGE));
	p_go_and_wait(second, box->manage, 0);
	EXPECT_OK(k_remove(box->manage));
	EXPECT_EQ(-EIDRM, outcome(second));
	EXPECT_EQ(-EIDRM, p_take(box->in, SMALL, 0));
	EXPECT_EQ(-EIDRM, p_put(box->out, SMALL, 0));
	release(variant->point);
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_TRUE(p_holds(box, 0));
	EXPECT_EQ(0, p_stat_of(box->manage).read_bytes);
	wait_for(!referenced("segments"));
}

TEST_F(reading, removed_and_all_close)
{
	struct handles *box = &self->box;

	hold(self->r, variant->point);
	EXPECT_OK(k_remove(box->manage));
	close(box->in);
	close(box->out);
	close(box->manage);
	kill(self->r->pid, SIGKILL);
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(self->r));
}

TEST_F(reading, signalled)
{
	hold(self->r, variant->point);
	interrupt(self->r);
	release(variant->point);
	EXPECT_EQ(LARGE, outcome(self->r));
	EXPECT_EQ(1, self->r->caught);
}

/* The turn goes on, whatever has become of what it was copying. */
TEST_F(reading, killed)
{
	struct handles *box = &self->box;
	struct party *second = p_reader(box->in, ROOM);

	hold(self->r, variant->point);
	p_go_and_wait(second, box->manage, 0);
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, LARGE));
	kill(self->r->pid, SIGKILL);
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(SMALL, outcome(second));
	EXPECT_EQ(LARGE, second->seen);
	EXPECT_TRUE(p_holds(box, 0));
}

/* A page is missing: all is where it was, and the turn is the next one's. */
TEST_F(reading, fails)
{
	struct handles *box = &self->box;
	struct party *second = p_reader(box->in, SMALL);

	self->r->cold = true;
	hold(self->r, variant->point);
	p_go_and_wait(second, box->manage, 0);
	arm("pipe_read_fault", self->r);
	release(variant->point);
	wait_held("pipe_read_fault", self->r);
	EXPECT_EQ(SMALL, outcome(second));
	EXPECT_EQ(0, second->seen);
	EXPECT_EQ(SMALL, p_take(box->in, SMALL, SMALL));
	release("pipe_read_fault");
	EXPECT_EQ(LARGE - 2 * SMALL, outcome(self->r));
	EXPECT_EQ(2 * SMALL, self->r->seen);
	EXPECT_TRUE(p_holds(box, 0));
}

/* Pollers are told when the turn is over and something is left, not before. */
TEST_F(reading, poller)
{
	struct handles *box = &self->box;
	struct party *p = poller(box->in, POLLIN);

	self->r->size = LARGE - SMALL;
	hold(self->r, variant->point);
	go(p);
	wait_for(asleep(p));
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, LARGE));
	EXPECT_TRUE(asleep(p));
	release(variant->point);
	EXPECT_EQ(LARGE - SMALL, outcome(self->r));
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(POLLIN, p->seen);
}

/* A writer fills a large piece, for which it has room. */

FIXTURE(writing) {
	struct handles box;
	struct party *w;
};

FIXTURE_VARIANT(writing) {
	const char *point;
};

FIXTURE_VARIANT_ADD(writing, filling) { "pipe_write_filling" };
FIXTURE_VARIANT_ADD(writing, filled) { "pipe_write_filled" };

FIXTURE_SETUP(writing)
{
	NEED_DELAY_POINTS();
	self->box = race_pipe(2 * LARGE, LARGE);
	self->w = p_writer(self->box.out, LARGE, LARGE);
}

FIXTURE_TEARDOWN(writing)
{
	race_end();
}

/* Others write meanwhile, into what room is left, and it comes behind them. */
TEST_F(writing, others_write)
{
	struct handles *box = &self->box;
	struct party *waits = p_writer(box->out, SMALL, 2 * LARGE);

	hold(self->w, variant->point);
	EXPECT_EQ(LARGE, p_stat_of(box->manage).bytes);
	EXPECT_EQ(0, inside(box->manage));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_EQ(-EAGAIN, p_take(box->in, SMALL, 0));
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, 0));
	EXPECT_EQ(LARGE - SMALL, p_put(box->out, LARGE - SMALL, SMALL));
	EXPECT_EQ(-EAGAIN, p_put(box->out, 1, 0));
	EXPECT_EQ(0, poll_mask(box->out, POLLOUT));
	EXPECT_ERR(EBUSY, p_resize(box->manage, 2 * LARGE - 1, 0));
	p_go_and_wait(waits, box->manage, 0);
	/* Nor do readers wait for it. */
	EXPECT_EQ(LARGE, p_take(box->in, ROOM, 0));
	EXPECT_EQ(SMALL, outcome(waits));
	EXPECT_EQ(SMALL, p_take(box->in, ROOM, 2 * LARGE));
	release(variant->point);
	EXPECT_EQ(LARGE, outcome(self->w));
	EXPECT_EQ(LARGE, p_take(box->in, ROOM, LARGE));
	EXPECT_TRUE(p_holds(box, 0));
}

TEST_F(writing, reader_waits)
{
	struct handles *box = &self->box;
	struct party *r = p_reader(box->in, ROOM);

	hold(self->w, variant->point);
	p_go_and_wait(r, box->manage, 0);
	close(box->out);
	EXPECT_TRUE(asleep(r));
	release(variant->point);
	EXPECT_EQ(LARGE, outcome(self->w));
	EXPECT_EQ(LARGE, outcome(r));
	EXPECT_EQ(0, p_take(box->in, SMALL, 0));
}

TEST_F(writing, shrunk)
{
	struct handles *box = &self->box;

	hold(self->w, variant->point);
	EXPECT_OK(p_resize(box->manage, LARGE, SMALL));
	EXPECT_EQ(-EAGAIN, p_put(box->out, 1, 0));
	release(variant->point);
	EXPECT_EQ(LARGE, outcome(self->w));
	EXPECT_TRUE(p_holds(box, LARGE));
	EXPECT_EQ(LARGE, p_take(box->in, ROOM, LARGE));
}

TEST_F(writing, removed)
{
	struct handles *box = &self->box;

	EXPECT_EQ(SMALL, p_put(box->out, SMALL, 0));
	hold(self->w, variant->point);
	EXPECT_OK(k_remove(box->manage));
	release(variant->point);
	EXPECT_EQ(-EIDRM, outcome(self->w));
	EXPECT_TRUE(p_holds(box, 0));
	EXPECT_EQ(SMALL, p_stat_of(box->manage).written_bytes);
	/* A small one is kept as long as the pipe is. */
	EXPECT_LE(referenced("segments"), 1);
}

TEST_F(writing, readers_gone)
{
	struct handles *box = &self->box;

	hold(self->w, variant->point);
	close(box->in);
	release(variant->point);
	EXPECT_EQ(-EPIPE, outcome(self->w));
	EXPECT_TRUE(p_holds(box, 0));
	EXPECT_EQ(0, p_stat_of(box->manage).written_bytes);
	EXPECT_EQ(0, referenced("segments"));
}

/* Whole, though nobody wants to know any more. */
TEST_F(writing, killed)
{
	struct handles *box = &self->box;

	hold(self->w, variant->point);
	close(box->out);
	kill(self->w->pid, SIGKILL);
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(self->w));
	EXPECT_EQ(LARGE, p_take(box->in, ROOM, LARGE));
	EXPECT_EQ(0, p_take(box->in, ROOM, 0));
}

/* A page is missing: its room is for others, whatever lies behind the page. */
TEST_F(writing, fails)
{
	struct handles *box = &self->box;
	struct party *waits = p_writer(box->out, 2 * LARGE, 2 * LARGE);
	struct party *second = p_writer(box->out, SMALL, 0);

	EXPECT_OK(p_resize(box->manage, 0, 2 * LARGE));
	self->w->cold = true;
	hold(self->w, variant->point);
	p_go_and_wait(waits, box->manage, 0);
	p_go_and_wait(second, box->manage, 1);
	arm("pipe_write_fault", self->w);
	release(variant->point);
	wait_held("pipe_write_fault", self->w);
	EXPECT_EQ(2 * LARGE, outcome(waits));
	EXPECT_EQ(2 * LARGE, p_take(box->in, ROOM, 2 * LARGE));
	EXPECT_EQ(SMALL, outcome(second));
	EXPECT_EQ(SMALL, p_take(box->in, ROOM, 0));
	EXPECT_TRUE(p_holds(box, 0));
	release("pipe_write_fault");
	EXPECT_EQ(LARGE, outcome(self->w));
	EXPECT_EQ(LARGE, p_take(box->in, ROOM, LARGE));
}

FIXTURE(pieces) {
};

FIXTURE_SETUP(pieces)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(pieces)
{
	race_end();
}

/* Between two pieces of a long read: the turn goes on. */
TEST_F(pieces, read_between)
{
	enum { NOTHING, MORE, REMOVED, WRITERS_GONE, SIGNALLED, DEAD, ANOTHER, ENDED };
	int how;

	for (how = NOTHING; how < ENDED; how++) {
		struct handles box = race_pipe(ROOM, SMALL);
		struct party *r = p_reader(box.in, ROOM);
		struct party *second = p_reader(box.in, ROOM);
		long piece, want = HUGE;

		EXPECT_EQ(HUGE, p_put(box.out, HUGE, 0));
		hold(r, "pipe_read_between");
		piece = HUGE - inside(box.manage);
		EXPECT_GT(piece, LARGE);
		EXPECT_LT(piece, HUGE);
		EXPECT_EQ(piece, p_stat_of(box.manage).read_bytes);
		EXPECT_EQ(-EAGAIN, p_take(box.in, SMALL, 0));
		EXPECT_EQ(0, poll_mask(box.in, POLLIN));
		if (how == MORE) {
			EXPECT_EQ(LARGE, p_put(box.out, LARGE, HUGE));
			want += LARGE;
		} else if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
			want = piece;
		} else if (how == WRITERS_GONE) {
			close(box.out);
		} else if (how == SIGNALLED) {
			interrupt(r);
			want = piece;
		} else if (how == DEAD) {
			kill(r->pid, SIGKILL);
			want = KILLED;
		} else if (how == ANOTHER) {
			p_go_and_wait(second, box.manage, 0);
		}
		release("pipe_read_between");
		EXPECT_EQ(want, outcome(r));
		/* What it has not taken is there, in its order. */
		if (how == SIGNALLED || how == DEAD)
			EXPECT_EQ(HUGE - piece, p_take(box.in, ROOM, piece));
		if (how == ANOTHER)
			EXPECT_TRUE(asleep(second));
		EXPECT_EQ(KILLED, killed(second));
		EXPECT_TRUE(p_holds(&box, 0));
		close(box.out);
	}
}

/* Between two pieces of a long write: others may come between. */
TEST_F(pieces, write_between)
{
	enum { NOTHING, OTHERS, REMOVED, DESERTED, DEAD, ENDED };
	int how;

	for (how = NOTHING; how < ENDED; how++) {
		struct handles box = race_pipe(ROOM, SMALL);
		struct party *w = p_writer(box.out, HUGE, 0);
		long piece, want = HUGE;

		hold(w, "pipe_write_between");
		piece = inside(box.manage);
		EXPECT_GT(piece, LARGE);
		EXPECT_LT(piece, HUGE);
		if (how == OTHERS) {
			EXPECT_EQ(SMALL, p_put(box.out, SMALL, HUGE));
		} else if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
			want = piece;
		} else if (how == DESERTED) {
			close(box.in);
			want = piece;
		} else if (how == DEAD) {
			kill(w->pid, SIGKILL);
			want = KILLED;
		}
		release("pipe_write_between");
		EXPECT_EQ(want, outcome(w));
		if (how == NOTHING)
			EXPECT_EQ(HUGE, p_take(box.in, ROOM, 0));
		if (how == OTHERS) {
			EXPECT_EQ(piece, p_take(box.in, piece, 0));
			EXPECT_EQ(SMALL, p_take(box.in, SMALL, HUGE));
			EXPECT_EQ(HUGE - piece, p_take(box.in, ROOM, piece));
		}
		/* Who is killed does not go on. */
		if (how == DEAD)
			EXPECT_EQ(piece, p_take(box.in, ROOM, 0));
		EXPECT_TRUE(p_holds(&box, how == DESERTED ? piece : 0));
		close(box.out);
	}
}

/* It has room, and the ring none: the lock is dropped for the memory. */
TEST_F(pieces, grown)
{
	enum { NOTHING, OTHERS, LARGER, REMOVED, DESERTED, DEAD, SHRUNK, AWAITED, ENDED };
	static const long want[] = { SMALL, SMALL, SMALL, -EIDRM, -EPIPE, KILLED, SMALL,
				     SMALL };
	int how;

	for (how = NOTHING; how < ENDED; how++) {
		struct handles box = race_pipe(LARGE + 3 * SMALL, SMALL);
		struct party *w = p_writer(box.out, SMALL, LARGE);
		struct party *r = p_reader(box.in, ROOM);
		long left = SMALL;

		hold(w, "pipe_grown");
		EXPECT_EQ(SMALL, p_stat_of(box.manage).bytes);
		EXPECT_EQ(0, inside(box.manage));
		if (how == OTHERS) {
			EXPECT_EQ(SMALL, p_put(box.out, SMALL, LARGE - SMALL));
			left += SMALL;
		} else if (how == LARGER) {
			EXPECT_EQ(LARGE, p_put(box.out, LARGE, 0));
			left += LARGE;
		} else if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == DESERTED) {
			EXPECT_EQ(KILLED, killed(r));
			close(box.in);
		} else if (how == DEAD) {
			kill(w->pid, SIGKILL);
		} else if (how == SHRUNK) {
			EXPECT_ERR(EBUSY, p_resize(box.manage, SMALL - 1, 1));
			EXPECT_OK(p_resize(box.manage, SMALL, 0));
		} else if (how == AWAITED) {
			p_go_and_wait(r, box.manage, 0);
		}
		release("pipe_grown");
		EXPECT_EQ(want[how], outcome(w));
		if (how == AWAITED) {
			EXPECT_EQ(SMALL, outcome(r));
			left = 0;
		} else if (how == REMOVED || how == DESERTED) {
			left = 0;
			EXPECT_EQ(0, referenced("segments"));
		}
		if (left)
			EXPECT_EQ(left, p_take(box.in, ROOM, LARGE + SMALL - left));
		EXPECT_TRUE(p_holds(&box, 0));
		if (how != DESERTED && how != AWAITED)
			EXPECT_EQ(KILLED, killed(r));
		close(box.in);
		close(box.out);
		close(box.manage);
	}
}

/* A removed pipe with much in it is emptied by batches, beside a reader. */
TEST_F(pieces, clearing)
{
	enum { MANY = 150 };
	struct handles box = race_pipe(MANY * LARGE, LARGE);
	struct party *m = remover(box.manage), *other = p_reader(box.in, LARGE);
	struct party *r = p_reader(box.in, LARGE);
	int i;

	for (i = 0; i < MANY; i++)
		ASSERT_EQ(LARGE, p_put(box.out, LARGE, i * LARGE));
	hold(m, "pipe_clear_batch");
	EXPECT_GT(inside(box.manage), 0);
	EXPECT_LT(inside(box.manage), (MANY - 1) * LARGE);
	go(other);
	EXPECT_EQ(-EIDRM, outcome(other));
	EXPECT_EQ(-EIDRM, p_put(box.out, LARGE, 0));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(box.in, POLLIN));
	release("pipe_clear_batch");
	EXPECT_EQ(0, outcome(m));
	EXPECT_TRUE(p_holds(&box, 0));
	EXPECT_EQ(0, referenced("segments"));
	EXPECT_EQ(KILLED, killed(r));
}

/* Between two pieces it finds that there is nothing any more: it was removed. */
TEST_F(pieces, clearing_beside_reader)
{
	enum { MANY = 150 };
	struct handles box = race_pipe(MANY * LARGE, LARGE);
	struct party *m = remover(box.manage), *r = p_reader(box.in, MANY * LARGE);
	int i;

	for (i = 0; i < MANY; i++)
		ASSERT_EQ(LARGE, p_put(box.out, LARGE, i * LARGE));
	hold(r, "pipe_read_between");
	hold(m, "pipe_clear_batch");
	EXPECT_GT(inside(box.manage), 0);
	arm("pipe_read_copying", r);
	release("pipe_read_between");
	wait_held("pipe_read_copying", r);
	release("pipe_clear_batch");
	EXPECT_EQ(0, outcome(m));
	/* What it is copying is there still, and the rest too: it drops all that. */
	EXPECT_GT(inside(box.manage), 0);
	release("pipe_read_copying");
	EXPECT_EQ(LARGE, outcome(r));
	EXPECT_TRUE(p_holds(&box, 0));
	EXPECT_EQ(0, referenced("segments"));
}

TEST_HARNESS_MAIN
