// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who wait in a pipe: on their way into or out of their sleep,
 * with or without a verdict.
 */
#include "test.h"
#include "race_pipe.h"

enum { FULL = 64 };		/* the capacity */

/* A reader. */

FIXTURE(reading) {
	struct handles box;
	struct party *r, *second;
};

FIXTURE_VARIANT(reading) {
	const struct state *at;
};

FIXTURE_VARIANT_ADD(reading, drowsy) { &drowsy };
FIXTURE_VARIANT_ADD(reading, drowsy_late) { &drowsy_late };
FIXTURE_VARIANT_ADD(reading, drowsy_signalled) { &drowsy_signalled };
FIXTURE_VARIANT_ADD(reading, drowsy_granted) { &drowsy_granted };
FIXTURE_VARIANT_ADD(reading, drowsy_granted_late) { &drowsy_granted_late };
FIXTURE_VARIANT_ADD(reading, drowsy_granted_signalled) { &drowsy_granted_signalled };
FIXTURE_VARIANT_ADD(reading, awake_granted) { &awake_granted };
FIXTURE_VARIANT_ADD(reading, awake_granted_signalled) { &awake_granted_signalled };
FIXTURE_VARIANT_ADD(reading, awake_late) { &awake_late };
FIXTURE_VARIANT_ADD(reading, awake_signalled) { &awake_signalled };

static void give(const struct handles *box)
{
	CHECK(p_put(box->out, SMALL, 0) == SMALL);
}

FIXTURE_SETUP(reading)
{
	NEED_DELAY_POINTS();
	self->box = race_pipe(FULL, SMALL);
	self->r = p_reader(self->box.in, FULL);
	self->second = p_reader(self->box.in, FULL);
	bring(self->r, variant->at, &self->box, give);
}

FIXTURE_TEARDOWN(reading)
{
	race_end();
}

TEST_F(reading, alone)
{
	struct handles *box = &self->box;
	long want = fate(variant->at, SMALL);

	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->r));
		EXPECT_EQ(SMALL, p_put(box->out, SMALL, 0));
		want = SMALL;
	}
	EXPECT_EQ(want, outcome(self->r));
	EXPECT_EQ(0, self->r->seen);
	EXPECT_TRUE(p_holds(box, 0));
}

/* What it has been granted is nobody else's, and it takes what comes meanwhile, too. */
TEST_F(reading, turn)
{
	struct handles *box = &self->box;
	long want = fate(variant->at, 2 * SMALL);

	if (!variant->at->granted)
		EXPECT_EQ(SMALL, p_put(box->out, SMALL, 0));
	EXPECT_EQ(-EAGAIN, p_take(box->in, SMALL, 0));
	EXPECT_EQ(0, poll_mask(box->in, POLLIN));
	EXPECT_EQ(SMALL, inside(box->in));
	p_go_and_wait(self->second, box->manage, 1);
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, SMALL));
	EXPECT_TRUE(asleep(self->second));
	release(variant->at->point);
	/* A verdict that comes before it has left counts. */
	if (want < 0 || want == WAITS)
		want = 2 * SMALL;
	EXPECT_EQ(want, outcome(self->r));
	EXPECT_EQ(0, self->r->seen);
	p_wait_waiters(box->manage, 0, 1, self->second->pid);
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, 2 * SMALL));
	EXPECT_EQ(SMALL, outcome(self->second));
	EXPECT_EQ(2 * SMALL, self->second->seen);
	EXPECT_TRUE(p_holds(box, 0));
}

/* Its turn goes to who comes later, or to the next in line. */
TEST_F(reading, killed)
{
	struct handles *box = &self->box;

	kill(self->r->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(variant->at->granted ? SMALL : -EAGAIN,
		  p_take(box->in, FULL, 0));
	EXPECT_TRUE(p_holds(box, 0));
}

TEST_F(reading, killed_before_another)
{
	struct handles *box = &self->box;

	p_go_and_wait(self->second, box->manage, 1);
	kill(self->r->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	if (!variant->at->granted) {
		p_wait_waiters(box->manage, 0, 1, self->second->pid);
		give(box);
	}
	EXPECT_EQ(SMALL, outcome(self->second));
	EXPECT_EQ(0, self->second->seen);
	EXPECT_TRUE(p_holds(box, 0));
}

/* Nobody has read what was in it. */
TEST_F(reading, removed)
{
	struct handles *box = &self->box;

	p_go_and_wait(self->second, box->manage, 1);
	EXPECT_OK(k_remove(box->manage));
	EXPECT_EQ(-EIDRM, outcome(self->second));
	release(variant->at->point);
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_TRUE(p_holds(box, 0));
	EXPECT_EQ(0, p_stat_of(box->manage).read_bytes);
}

/* The end of the file comes behind what is there, and to all. */
TEST_F(reading, writers_gone)
{
	struct handles *box = &self->box;
	bool granted = variant->at->granted;

	p_go_and_wait(self->second, box->manage, 1);
	close(box->out);
	if (!granted)
		EXPECT_EQ(0, outcome(self->second));
	EXPECT_EQ(POLLHUP, poll_mask(box->in, POLLIN));
	release(variant->at->point);
	EXPECT_EQ(granted ? SMALL : 0, outcome(self->r));
	if (granted)
		EXPECT_EQ(0, outcome(self->second));
	EXPECT_EQ(0, p_take(box->in, FULL, 0));
	EXPECT_TRUE(p_holds(box, 0));
}

/* Its own handle is the last one, and it is in a call by that. */
TEST_F(reading, all_others_close)
{
	struct handles *box = &self->box;
	bool granted = variant->at->granted;

	EXPECT_EQ(KILLED, killed(self->second));
	close(box->in);
	EXPECT_EQ(SMALL, p_put(box->out, SMALL, SMALL));
	close(box->out);
	close(box->manage);
	release(variant->at->point);
	EXPECT_EQ(granted ? 2 * SMALL : SMALL, outcome(self->r));
	EXPECT_EQ(granted ? 0 : SMALL, self->r->seen);
}

/* A writer. */

FIXTURE(writing) {
	struct handles box;
	struct party *w, *second;
};

FIXTURE_VARIANT(writing) {
	const struct state *at;
};

FIXTURE_VARIANT_ADD(writing, drowsy) { &drowsy };
FIXTURE_VARIANT_ADD(writing, drowsy_late) { &drowsy_late };
FIXTURE_VARIANT_ADD(writing, drowsy_signalled) { &drowsy_signalled };
FIXTURE_VARIANT_ADD(writing, drowsy_granted) { &drowsy_granted };
FIXTURE_VARIANT_ADD(writing, drowsy_granted_late) { &drowsy_granted_late };
FIXTURE_VARIANT_ADD(writing, drowsy_granted_signalled) { &drowsy_granted_signalled };
FIXTURE_VARIANT_ADD(writing, awake_granted) { &awake_granted };
FIXTURE_VARIANT_ADD(writing, awake_granted_signalled) { &awake_granted_signalled };
FIXTURE_VARIANT_ADD(writing, awake_late) { &awake_late };
FIXTURE_VARIANT_ADD(writing, awake_signalled) { &awake_signalled };

static void make_room(const struct handles *box)
{
	CHECK(p_take(box->in, SMALL, 0) == SMALL);
}

FIXTURE_SETUP(writing)
{
	NEED_DELAY_POINTS();
	self->box = race_pipe(FULL, SMALL);
	CHECK(p_put(self->box.out, FULL, 0) == FULL);
	self->w = p_writer(self->box.out, SMALL, FULL);
	self->second = p_writer(self->box.out, SMALL, FULL + SMALL);
	bring(self->w, variant->at, &self->box, make_room);
}

FIXTURE_TEARDOWN(writing)
{
	race_end();
}

TEST_F(writing, alone)
{
	struct handles *box = &self->box;
	long want = fate(variant->at, SMALL);

	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->w));
		make_room(box);
		want = SMALL;
	}
	EXPECT_EQ(want, outcome(self->w));
	EXPECT_TRUE(p_holds(box, FULL));
	EXPECT_EQ(FULL, p_take(box->in, FULL, want > 0 ? SMALL : 0));
	EXPECT_TRUE(p_holds(box, 0));
}

/* The room is its own, or for who is first; others wait behind it. */
TEST_F(writing, room)
{
	struct handles *box = &self->box;

	if (!variant->at->granted)
		make_room(box);
	EXPECT_EQ(FULL, p_stat_of(box->manage).bytes);
	EXPECT_EQ(FULL - SMALL, inside(box->manage));
	EXPECT_EQ(-EAGAIN, p_put(box->out, SMALL, 0));
	EXPECT_EQ(0, poll_mask(box->out, POLLOUT));
	EXPECT_ERR(EBUSY, p_resize(box->manage, FULL - 1, 0));
	p_go_and_wait(self->second, box->manage, 1);
	release(variant->at->point);
	EXPECT_EQ(SMALL, outcome(self->w));
	p_wait_waiters(box->manage, 1, 0, self->second->pid);
	EXPECT_EQ(FULL, p_take(box->in, FULL, SMALL));
	EXPECT_EQ(SMALL, outcome(self->second));
	EXPECT_EQ(SMALL, p_take(box->in, FULL, FULL + SMALL));
	EXPECT_TRUE(p_holds(box, 0));
}

TEST_F(writing, killed)
{
	struct handles *box = &self->box;
	bool granted = variant->at->granted;

	p_go_and_wait(self->second, box->manage, 1);
	kill(self->w->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->w));
	if (!granted) {
		p_wait_waiters(box->manage, 1, 0, self->second->pid);
		make_room(box);
	}
	EXPECT_EQ(SMALL, outcome(self->second));
	EXPECT_EQ(FULL - SMALL, p_take(box->in, FULL - SMALL, SMALL));
	EXPECT_EQ(SMALL, p_take(box->in, FULL, FULL + SMALL));
	EXPECT_TRUE(p_holds(box, 0));
}

TEST_F(writing, killed_and_room_is_free)
{
	struct handles *box = &self->box;
	bool granted = variant->at->granted;

	kill(self->w->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->w));
	EXPECT_TRUE(p_holds(box, granted ? FULL - SMALL : FULL));
	EXPECT_EQ(granted ? POLLOUT : 0, poll_mask(box->out, POLLOUT));
}

TEST_F(writing, removed)
{
	struct handles *box = &self->box;

	p_go_and_wait(self->second, box->manage, 1);
	EXPECT_OK(k_remove(box->manage));
	EXPECT_EQ(-EIDRM, outcome(self->second));
	release(variant->at->point);
	EXPECT_EQ(-EIDRM, outcome(self->w));
	EXPECT_TRUE(p_holds(box, 0));
	EXPECT_EQ(FULL, p_stat_of(box->manage).written_bytes);
}

TEST_F(writing, readers_gone)
{
	struct handles *box = &self->box;
	bool granted = variant->at->granted;

	p_go_and_wait(self->second, box->manage, 1);
	close(box->in);
	EXPECT_EQ(-EPIPE, outcome(self->second));
	EXPECT_EQ(POLLERR, poll_mask(box->out, 0));
	release(variant->at->point);
	EXPECT_EQ(-EPIPE, outcome(self->w));
	EXPECT_TRUE(p_holds(box, granted ? FULL - SMALL : FULL));
	EXPECT_EQ(FULL, p_stat_of(box->manage).written_bytes);
}

/* It is emptied and shrunk meanwhile: the room that it was granted stays its own. */
TEST_F(writing, shrunk)
{
	struct handles *box = &self->box;
	long left = variant->at->granted ? FULL - SMALL : FULL;
	struct party *r = p_reader(box->in, FULL);

	p_go_and_wait(self->second, box->manage, 1);
	hold(r, "before_wake");
	/* Both have their verdict now. */
	EXPECT_EQ(2 * SMALL, p_stat_of(box->manage).bytes);
	EXPECT_EQ(0, inside(box->manage));
	EXPECT_ERR(EBUSY, p_resize(box->manage, 2 * SMALL - 1, 0));
	EXPECT_OK(p_resize(box->manage, 2 * SMALL, SMALL));
	EXPECT_EQ(-EAGAIN, p_put(box->out, SMALL, 0));
	release("before_wake");
	EXPECT_EQ(left, outcome(r));
	EXPECT_EQ(FULL - left, r->seen);
	release(variant->at->point);
	EXPECT_EQ(SMALL, outcome(self->w));
	EXPECT_EQ(SMALL, outcome(self->second));
	EXPECT_TRUE(p_holds(box, 2 * SMALL));
}

TEST_HARNESS_MAIN
