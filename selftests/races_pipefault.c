// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those whose page was missing at the copy into or out of a pipe: they
 * hold nothing, whatever lies behind the page, and come again as new arrivals.
 * And of splice(2), which holds nothing either while it waits.
 */
#include "test.h"
#include "race_pipe.h"

enum { ROOM = 1 << 17 };

FIXTURE(fault) {
};

FIXTURE_SETUP(fault)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(fault)
{
	race_end();
}

/* A writer, of what is copied under the lock, or not. */
static void write_fault_meanwhile(struct __test_metadata *_metadata, long size)
{
	enum { OVERTAKEN, FULL, FULL_NOWAIT, FULL_LATE, LATE, REMOVED, DESERTED,
	       INTERRUPTED, DEAD, ENDED };
	const long want[] = { size, size, -EAGAIN, -ETIMEDOUT, size, -EIDRM, -EPIPE,
			      -EINTR, KILLED };
	int how;

	for (how = OVERTAKEN; how < ENDED; how++) {
		bool full = how == FULL || how == FULL_NOWAIT || how == FULL_LATE;
		struct handles box = race_pipe(size + SMALL, size);
		struct party *w = p_writer(box.out, size, SMALL);
		long other = how == OVERTAKEN ? SMALL : full ? size + SMALL : 0;

		w->cold = true;
		if (how == FULL_NOWAIT)
			w->deadline = KIPC_NO_WAIT;
		else if (how == LATE || how == FULL_LATE)
			w->deadline = after(50 * MS);
		hold(w, "pipe_write_fault");
		EXPECT_TRUE(p_holds(&box, 0));
		EXPECT_EQ(POLLOUT, poll_mask(box.out, POLLOUT));
		if (other)
			EXPECT_EQ(other, p_put(box.out, other, 0));
		if (how == LATE || how == FULL_LATE)
			wait_for(now_ns() > w->deadline);
		if (how == REMOVED)
			EXPECT_OK(k_remove(box.manage));
		if (how == DESERTED)
			close(box.in);
		if (how == INTERRUPTED)
			interrupt(w);
		if (how == DEAD)
			kill(w->pid, SIGKILL);
		release("pipe_write_fault");
		if (how == FULL) {
			p_wait_waiters(box.manage, 1, 0, w->pid);
			EXPECT_EQ(other, p_take(box.in, other, 0));
			other = 0;
		}
		EXPECT_EQ(want[how], outcome(w));
		if (other)
			EXPECT_EQ(other, p_take(box.in, other, 0));
		if (want[how] > 0)
			EXPECT_EQ(size, p_take(box.in, ROOM, SMALL));
		EXPECT_TRUE(p_holds(&box, 0));
		close(box.out);
	}
}

TEST_F(fault, write_small)
{
	write_fault_meanwhile(_metadata, SMALL);
}

TEST_F(fault, write_large)
{
	write_fault_meanwhile(_metadata, LARGE);
}

/* The memory is not there at all: nothing of a piece is written. */
TEST_F(fault, write_from_nowhere)
{
	struct handles box = race_pipe(ROOM, ATOMIC);
	struct party *w = p_writer(box.out, HUGE, 0);
	long piece;

	w->cold = true;
	w->selector.low = 9 * 4096;
	go(w);
	piece = outcome(w);
	EXPECT_GT(piece, LARGE);
	EXPECT_EQ(piece, p_take(box.in, ROOM, 0));
	w = p_writer(box.out, LARGE, 0);
	w->cold = true;
	w->selector.low = 4096;
	go(w);
	EXPECT_EQ(-EFAULT, outcome(w));
	w = p_writer(box.out, 2000, 0);
	w->cold = true;
	w->selector.low = 4096;
	w->selector.high = 4000;
	go(w);
	EXPECT_EQ(-EFAULT, outcome(w));
	EXPECT_TRUE(p_holds(&box, 0));
}

/*
 * It must go in whole, and lies in two segments: in the first there is room for the
 * part that is there, and nothing of that stays.
 */
TEST_F(fault, write_spanning)
{
	struct handles box = race_pipe(ROOM, ATOMIC);
	struct party *w = p_writer(box.out, 3000, 3000);

	EXPECT_EQ(3000, p_put(box.out, 3000, 0));
	w->cold = true;
	w->selector.high = 2500;
	w->type = 4096;
	hold(w, "pipe_write_fault");
	EXPECT_TRUE(p_holds(&box, 3000));
	EXPECT_EQ(SMALL, p_put(box.out, SMALL, 6000));
	EXPECT_EQ(3000, p_take(box.in, 3000, 0));
	release("pipe_write_fault");
	EXPECT_EQ(3000, outcome(w));
	EXPECT_EQ(SMALL, p_take(box.in, SMALL, 6000));
	EXPECT_EQ(3000, p_take(box.in, ROOM, 3000));
	EXPECT_TRUE(p_holds(&box, 0));
}

/* A reader that has nothing yet. */
static void read_fault_meanwhile(struct __test_metadata *_metadata, long size)
{
	enum { NOTHING, NEXT, EMPTY, EMPTY_NOWAIT, EMPTY_LATE, STILL_LATE, MORE,
	       REMOVED, MARKED, WRITERS_GONE, ENDED_FILE, INTERRUPTED, DEAD, TURN,
	       ENDED };
	const long want[] = { size, size, size, -EAGAIN, -ETIMEDOUT, size, size,
			      -EIDRM, -EIDRM, size, 0, -EINTR, KILLED, size };
	int how;

	for (how = NOTHING; how < ENDED; how++) {
		bool taken = how == NEXT || (how >= EMPTY && how <= EMPTY_LATE) ||
			     how == ENDED_FILE;
		struct handles box = race_pipe(ROOM, ATOMIC);
		struct party *r = p_reader(box.in, size), *m = remover(box.manage);
		struct party *other = p_reader(box.in, LARGE);
		uint64_t at = 0;

		r->cold = true;
		if (how == EMPTY_NOWAIT)
			r->deadline = KIPC_NO_WAIT;
		else if (how == EMPTY_LATE || how == STILL_LATE)
			r->deadline = after(50 * MS);
		EXPECT_EQ(size, p_put(box.out, size, 0));
		hold(r, "pipe_read_fault");
		EXPECT_TRUE(p_holds(&box, size));
		EXPECT_EQ(POLLIN, poll_mask(box.in, POLLIN));
		if (taken)
			EXPECT_EQ(size, p_take(box.in, size, 0));
		if (how == NEXT || how == MORE)
			EXPECT_EQ(size, p_put(box.out, size, size));
		if (how == EMPTY_LATE || how == STILL_LATE)
			wait_for(now_ns() > r->deadline);
		if (how == REMOVED)
			EXPECT_OK(k_remove(box.manage));
		if (how == MARKED)
			hold(m, "remove_marked");
		if (how == WRITERS_GONE || how == ENDED_FILE)
			close(box.out);
		if (how == INTERRUPTED)
			interrupt(r);
		if (how == DEAD)
			kill(r->pid, SIGKILL);
		if (how == TURN) {
			EXPECT_EQ(LARGE, p_put(box.out, LARGE, size));
			EXPECT_EQ(size, p_take(box.in, size, 0));
			hold(other, "pipe_read_copying");
		}
		release("pipe_read_fault");
		if (how == EMPTY || how == TURN)
			p_wait_waiters(box.manage, 0, 1, r->pid);
		if (how == EMPTY)
			EXPECT_EQ(size, p_put(box.out, size, size));
		if (how == TURN) {
			release("pipe_read_copying");
			EXPECT_EQ(LARGE, outcome(other));
			EXPECT_EQ(size, other->seen);
			EXPECT_EQ(size, p_put(box.out, size, size + LARGE));
		} else {
			EXPECT_EQ(KILLED, killed(other));
		}
		EXPECT_EQ(want[how], outcome(r));
		if (how == NEXT || how == EMPTY)
			at = size;
		if (how == TURN)
			at = size + LARGE;
		EXPECT_EQ(at, r->seen);
		if (how == MARKED)
			release("remove_marked");
		EXPECT_EQ(how == MARKED ? 0 : KILLED,
			  how == MARKED ? outcome(m) : killed(m));
		if (how == MORE || how == INTERRUPTED || how == DEAD)
			EXPECT_EQ(size, p_take(box.in, ROOM, how == MORE ? size : 0));
		EXPECT_TRUE(p_holds(&box, 0));
		close(box.out);
	}
}

TEST_F(fault, read_small)
{
	read_fault_meanwhile(_metadata, SMALL);
}

TEST_F(fault, read_large)
{
	read_fault_meanwhile(_metadata, LARGE);
}

/*
 * A reader that has a piece already: it goes on only where it was.  Whatever happens,
 * what it has got is its result: it is nowhere else any more.
 */
TEST_F(fault, read_in_the_middle)
{
	enum { NOTHING, READ, EMPTIED, MORE, REMOVED, MARKED, WRITERS_GONE, NOWHERE,
	       INTERRUPTED, DEAD, TURN, ENDED };
	int how;

	for (how = NOTHING; how < ENDED; how++) {
		struct handles box = race_pipe(ROOM, ATOMIC);
		struct party *r = p_reader(box.in, ROOM), *m = remover(box.manage);
		struct party *other = p_reader(box.in, LARGE);
		long piece, rest, want, left;

		r->cold = true;
		r->type = 9 * 4096;
		if (how == NOWHERE)
			r->selector.low = 9 * 4096;
		EXPECT_EQ(HUGE, p_put(box.out, HUGE, 0));
		if (how == NOWHERE)
			go(r);
		else
			hold(r, "pipe_read_fault");
		if (how == NOWHERE)
			wait_for(!task_state(r->pid, r->pid) ||
				 task_state(r->pid, r->pid) == 'Z');
		rest = inside(box.manage);
		piece = HUGE - rest;
		EXPECT_GT(piece, LARGE);
		EXPECT_GT(rest, LARGE);
		EXPECT_EQ(POLLIN, poll_mask(box.in, POLLIN));
		want = piece;
		left = rest;
		if (how == NOTHING || how == WRITERS_GONE || how == MORE)
			want = HUGE;
		if (how == READ) {
			EXPECT_EQ(SMALL, p_take(box.in, SMALL, piece));
			left = rest - SMALL;
		} else if (how == EMPTIED) {
			EXPECT_EQ(rest, p_take(box.in, ROOM, piece));
			EXPECT_EQ(SMALL, p_put(box.out, SMALL, HUGE));
			left = SMALL;
		} else if (how == MORE) {
			EXPECT_EQ(SMALL, p_put(box.out, SMALL, HUGE));
			want += SMALL;
		} else if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == MARKED) {
			hold(m, "remove_marked");
		} else if (how == WRITERS_GONE) {
			close(box.out);
		} else if (how == INTERRUPTED) {
			interrupt(r);
		} else if (how == DEAD) {
			kill(r->pid, SIGKILL);
			want = KILLED;
		} else if (how == TURN) {
			hold(other, "pipe_read_copying");
			left = rest - LARGE;
		}
		if (how != NOWHERE)
			release("pipe_read_fault");
		EXPECT_EQ(want, outcome(r));
		EXPECT_EQ(0, r->seen);
		if (how == TURN) {
			release("pipe_read_copying");
			EXPECT_EQ(LARGE, outcome(other));
			EXPECT_EQ(piece, other->seen);
		} else {
			EXPECT_EQ(KILLED, killed(other));
		}
		if (how == MARKED) {
			release("remove_marked");
			EXPECT_EQ(0, outcome(m));
		} else {
			EXPECT_EQ(KILLED, killed(m));
		}
		if (how == REMOVED || how == MARKED || want >= HUGE)
			left = 0;
		if (left)
			EXPECT_EQ(left, p_take(box.in, ROOM, how == EMPTIED ? HUGE :
					       HUGE - left));
		EXPECT_TRUE(p_holds(&box, 0));
		close(box.out);
	}
}

/* It was to go in whole, and cannot any more: it goes in by pieces. */
TEST_F(fault, shrunk)
{
	struct handles box = race_pipe(LARGE, LARGE);
	struct party *waits = p_writer(box.out, LARGE, SMALL);

	EXPECT_EQ(SMALL, p_put(box.out, SMALL, 0));
	p_go_and_wait(waits, box.manage, 0);
	EXPECT_OK(p_resize(box.manage, 1000, 100));
	p_wait_waiters(box.manage, 1, 0, waits->pid);
	EXPECT_EQ(1000, inside(box.manage));
	EXPECT_EQ(1000, p_take(box.in, ROOM, 0));
	p_wait_waiters(box.manage, 1, 0, waits->pid);
	EXPECT_OK(p_resize(box.manage, LARGE, 0));
	EXPECT_EQ(LARGE, outcome(waits));
	EXPECT_EQ(LARGE - 1000 + SMALL, p_take(box.in, ROOM, 1000));
	EXPECT_TRUE(p_holds(&box, 0));
}

/* splice(2) into a pipe of pipe(2), which others use meanwhile. */

FIXTURE(splicing) {
	struct handles box;
	struct ends theirs;
	struct party *s;
};

FIXTURE_SETUP(splicing)
{
	NEED_DELAY_POINTS();
	self->box = race_pipe(ROOM, ATOMIC);
	self->theirs = their_ends();
	CHECK(!fcntl(self->theirs.in, F_SETFL, O_NONBLOCK));
	CHECK(!fcntl(self->theirs.out, F_SETFL, O_NONBLOCK));
	self->s = p_splicer(self->box.in, self->theirs.out, ROOM);
}

FIXTURE_TEARDOWN(splicing)
{
	close_ends(&self->theirs);
	race_end();
}

/* It does not hold their pipe's lock while it waits for ours. */
TEST_F(splicing, waits)
{
	char data[SMALL];

	p_go_and_wait(self->s, self->box.manage, 0);
	EXPECT_EQ(SMALL, write(self->theirs.out, "01234567", SMALL));
	EXPECT_EQ(SMALL, read(self->theirs.in, data, SMALL));
	EXPECT_EQ(SMALL, p_put(self->box.out, SMALL, 0));
	EXPECT_EQ(SMALL, outcome(self->s));
	EXPECT_EQ(SMALL, read(self->theirs.in, data, SMALL));
	EXPECT_TRUE(spot_is(data, SMALL, 0));
}

static void fill_theirs(int fd)
{
	static char page[4096];

	while (write(fd, page, sizeof(page)) > 0)
		;
	CHECK(errno == EAGAIN);
}

/* Somebody fills theirs meanwhile: it sleeps until there is room, or a signal comes. */
TEST_F(splicing, theirs_is_full)
{
	enum { EMPTIED, INTERRUPTED, DEAD, CLOSED, ENDED };
	static const long want[] = { SMALL, -EINTR, KILLED, -EPIPE };
	int how;

	for (how = EMPTIED; how < ENDED; how++) {
		struct ends theirs = their_ends();
		struct party *s = p_splicer(self->box.in, theirs.out, ROOM);
		char data[4096];
		int i;

		CHECK(!fcntl(theirs.out, F_SETFL, O_NONBLOCK));
		p_go_and_wait(s, self->box.manage, 0);
		fill_theirs(theirs.out);
		EXPECT_EQ(SMALL, p_put(self->box.out, SMALL, 0));
		wait_for(p_has_waiters(self->box.manage, 0, 0));
		for (i = 0; i < 20; i++)
			wait_for(asleep(s));
		EXPECT_EQ(SMALL, inside(self->box.manage));
		if (how == EMPTIED) {
			EXPECT_EQ(4096, read(theirs.in, data, 4096));
		} else if (how == INTERRUPTED) {
			interrupt(s);
		} else if (how == DEAD) {
			kill(s->pid, SIGKILL);
		} else {
			close(theirs.in);
		}
		EXPECT_EQ(want[how], outcome(s));
		EXPECT_EQ(how == EMPTIED ? -EAGAIN : SMALL,
			  p_take(self->box.in, SMALL, 0));
		if (how != CLOSED)
			close(theirs.in);
		close(theirs.out);
	}
	EXPECT_EQ(KILLED, killed(self->s));
}

/* What it waits for comes to an end. */
TEST_F(splicing, ends)
{
	enum { WRITERS_GONE, REMOVED, INTERRUPTED, DEAD, ENDED };
	static const long want[] = { 0, -EIDRM, -EINTR, KILLED };
	int how;

	for (how = WRITERS_GONE; how < ENDED; how++) {
		struct handles box = race_pipe(ROOM, ATOMIC);
		struct party *s = p_splicer(box.in, self->theirs.out, ROOM);

		arm("after_sleep", s);
		p_go_and_wait(s, box.manage, 0);
		if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == INTERRUPTED) {
			interrupt(s);
		} else if (how == DEAD) {
			EXPECT_EQ(SMALL, p_put(box.out, SMALL, 0));
			kill(s->pid, SIGKILL);
		} else {
			close(box.out);
		}
		wait_held("after_sleep", s);
		release("after_sleep");
		EXPECT_EQ(want[how], outcome(s));
		if (how == DEAD)
			EXPECT_EQ(SMALL, p_take(box.in, SMALL, 0));
		EXPECT_TRUE(p_holds(&box, 0));
		close(box.out);
	}
}

/* What it was told of is gone when it looks: it waits again. */
TEST_F(splicing, data_gone)
{
	arm("after_sleep", self->s);
	p_go_and_wait(self->s, self->box.manage, 0);
	EXPECT_EQ(SMALL, p_put(self->box.out, SMALL, 0));
	wait_held("after_sleep", self->s);
	EXPECT_EQ(-EAGAIN, p_take(self->box.in, SMALL, 0));
	release("after_sleep");
	EXPECT_EQ(SMALL, outcome(self->s));
	EXPECT_TRUE(p_holds(&self->box, 0));
}

TEST_HARNESS_MAIN
