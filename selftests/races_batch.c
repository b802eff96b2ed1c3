// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of what is done in batches, with the lock dropped in between:
 * waking many, dropping and clearing many letters.
 */
#include "test.h"
#include "race.h"

/* More than KIPC_WAKE_BATCH, less than two of them; KIPC_MAILBOX_BATCH. */
enum { CROWD = 12, BATCH = 8, LETTERS = 64 };

#define GONE (POLLERR | POLLHUP)

struct crowd {
	struct party *member[CROWD];
};

/* They wait in their order; senders have numbers from 10 on. */
static struct crowd line_up(const struct handles *box, bool send)
{
	struct crowd c;
	int i;

	for (i = 0; i < CROWD; i++) {
		if (send)
			c.member[i] = sender(box->out, SMALL, 10 + i);
		else
			c.member[i] = receiver(box->in, SMALL);
		go(c.member[i]);
		wait_waiters(box->manage, send ? i + 1 : 0, send ? 0 : i + 1,
			     c.member[i]->pid);
	}
	return c;
}

static void expect_outcomes(struct crowd *c, int from, int to, long want)
{
	int i;

	for (i = from; i < to; i++)
		CHECK(outcome(c->member[i]) == want);
}

static void expect_asleep(struct crowd *c, int from, int to)
{
	int i;

	for (i = from; i < to; i++)
		CHECK(asleep(c->member[i]));
}

/*
 * Somebody has ended the wait of all, and is held when it has given the first ones
 * their verdict.  What comes now gets the same answer, and reaches those in line.
 */
FIXTURE(batch) {
	struct handles box;
	struct crowd crowd;
	struct party *waker;
	long want;		/* what everybody gets */
};

FIXTURE_VARIANT(batch) {
	bool send;		/* they are senders */
	bool removal;		/* else hang-up */
};

FIXTURE_VARIANT_ADD(batch, receivers_removal) { .removal = true };
FIXTURE_VARIANT_ADD(batch, receivers_hangup) { .removal = false };
FIXTURE_VARIANT_ADD(batch, senders_removal) { .send = true, .removal = true };
FIXTURE_VARIANT_ADD(batch, senders_hangup) { .send = true };

FIXTURE_SETUP(batch)
{
	struct handles *box = &self->box;

	NEED_DELAY_POINTS();
	*box = race_box(1, SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	if (variant->send)
		CHECK(!put(box->out, SMALL, 1));
	if (variant->removal)
		self->waker = remover(box->manage);
	else
		self->waker = closer(variant->send ? box->in : box->out);
	self->crowd = line_up(box, variant->send);
	self->want = variant->removal ? -EIDRM : -EPIPE;
}

static long come(FIXTURE_DATA(batch) *self, bool send)
{
	return send ? put(self->box.out, SMALL, 99) : take(self->box.in);
}

FIXTURE_TEARDOWN(batch)
{
	EXPECT_TRUE(has_waiters(self->box.manage, 0, 0));
	race_end();
}

/* Those who have been woken have told the others. */
TEST_F(batch, alone)
{
	hold(self->waker, "between_batches");
	expect_outcomes(&self->crowd, 0, CROWD, self->want);
	release("between_batches");
	EXPECT_EQ(0, outcome(self->waker));
}

TEST_F(batch, newcomer)
{
	hold(self->waker, "before_wake");
	expect_asleep(&self->crowd, 0, CROWD);
	/* Those in line are not in its way. */
	EXPECT_EQ(self->want, come(self, variant->send));
	expect_outcomes(&self->crowd, BATCH, CROWD, self->want);
	expect_asleep(&self->crowd, 0, BATCH);
	release("before_wake");
	expect_outcomes(&self->crowd, 0, BATCH, self->want);
	EXPECT_EQ(0, outcome(self->waker));
}

TEST_F(batch, newcomer_that_would_wait)
{
	struct party *late = variant->send ? sender(self->box.out, SMALL, 99) :
			     receiver(self->box.in, SMALL);

	hold(self->waker, "before_wake");
	go(late);
	EXPECT_EQ(self->want, outcome(late));
	expect_outcomes(&self->crowd, BATCH, CROWD, self->want);
	release("before_wake");
	expect_outcomes(&self->crowd, 0, BATCH, self->want);
	EXPECT_EQ(0, outcome(self->waker));
}

TEST_F(batch, killed_in_line)
{
	hold(self->waker, "before_wake");
	EXPECT_EQ(KILLED, killed(self->crowd.member[CROWD - 1]));
	/* The dead has passed the news on. */
	expect_outcomes(&self->crowd, BATCH, CROWD - 1, self->want);
	expect_asleep(&self->crowd, 0, BATCH);
	EXPECT_EQ(KILLED, killed(self->crowd.member[0]));
	release("before_wake");
	expect_outcomes(&self->crowd, 1, BATCH, self->want);
	EXPECT_EQ(0, outcome(self->waker));
}

TEST_F(batch, waker_is_killed)
{
	hold(self->waker, "between_batches");
	kill(self->waker->pid, SIGKILL);
	release("between_batches");
	EXPECT_EQ(KILLED, outcome(self->waker));
	expect_outcomes(&self->crowd, 0, CROWD, self->want);
}

/* Who polls between two batches does not take the news away from who sleeps. */
TEST_F(batch, pollers)
{
	int fd = variant->send ? self->box.out : self->box.in;
	short want = variant->removal ? GONE : variant->send ? POLLERR :
		     POLLIN | POLLHUP;
	struct party *p = poller(fd, POLLIN);

	go(p);
	wait_for(asleep(p));
	hold(self->waker, "between_batches");
	EXPECT_EQ(want, poll_mask(fd, POLLIN));
	release("between_batches");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(want, (short)p->seen);
	EXPECT_EQ(0, outcome(self->waker));
	expect_outcomes(&self->crowd, 0, CROWD, self->want);
}

FIXTURE(many) {
};

FIXTURE_SETUP(many)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(many)
{
	race_end();
}

/* One large letter leaves room for many small ones. */
static void make_room(struct handles *box, struct crowd *c, struct party **r)
{
	*box = race_box(100, CROWD * SMALL, CROWD * SMALL, 0);
	CHECK(!put(box->out, CROWD * SMALL, 1));
	*r = receiver(box->in, CROWD * SMALL);
	*c = line_up(box, true);
	hold(*r, "before_wake");
	CHECK(stat_of(box->manage).letters == BATCH);
	expect_asleep(c, 0, CROWD);
}

TEST_F(many, room_for_all)
{
	struct handles box;
	struct party *r;
	struct crowd c;
	int i, seen = 0;

	make_room(&box, &c, &r);
	/* There is room, but others were first; it is theirs from now on. */
	EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 99));
	expect_outcomes(&c, BATCH, CROWD, 0);
	EXPECT_EQ(CROWD, stat_of(box.manage).letters);
	EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 99));
	expect_asleep(&c, 0, BATCH);
	arm("between_batches", r);
	release("before_wake");
	wait_held("between_batches", r);
	expect_outcomes(&c, 0, BATCH, 0);
	release("between_batches");
	EXPECT_EQ(1, outcome(r));
	for (i = 0; i < CROWD; i++)
		seen |= 1 << (take(box.in) - 10);
	EXPECT_EQ((1 << CROWD) - 1, seen);
	EXPECT_EQ(-EAGAIN, take(box.in));
	EXPECT_TRUE(has_waiters(box.manage, 0, 0));
}

TEST_F(many, room_and_deaths)
{
	struct handles box;
	struct party *r;
	struct crowd c;

	make_room(&box, &c, &r);
	EXPECT_EQ(KILLED, killed(c.member[BATCH]));
	expect_outcomes(&c, BATCH + 1, CROWD, 0);
	EXPECT_EQ(CROWD - 1, stat_of(box.manage).letters);
	EXPECT_EQ(KILLED, killed(c.member[0]));
	EXPECT_EQ(CROWD - 2, stat_of(box.manage).letters);
	kill(r->pid, SIGKILL);
	release("before_wake");
	EXPECT_EQ(KILLED, outcome(r));
	expect_outcomes(&c, 1, BATCH, 0);
	EXPECT_EQ(0, put(box.out, 2 * SMALL, 99));
	EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 99));
	EXPECT_TRUE(has_waiters(box.manage, 0, 0));
}

TEST_F(many, room_and_removal)
{
	struct handles box;
	struct party *r;
	struct crowd c;

	make_room(&box, &c, &r);
	EXPECT_OK(k_remove(box.manage));
	expect_outcomes(&c, BATCH, CROWD, -EIDRM);
	expect_asleep(&c, 0, BATCH);
	release("before_wake");
	EXPECT_EQ(1, outcome(r));
	/* Their room has gone, too. */
	expect_outcomes(&c, 0, BATCH, -EIDRM);
	EXPECT_EQ(0, stat_of(box.manage).letters);
	EXPECT_EQ(0, stat_of(box.manage).bytes);
}

/* A letter for which a hundred must go, dropped in two batches. */
static struct party *drop_many(struct handles *box)
{
	enum { ALL = 100 };
	struct party *s;
	int i;

	*box = race_box(2 * ALL, ALL * SMALL, ALL * SMALL,
			KIPC_MAILBOX_DROP_OLDEST);
	for (i = 1; i <= ALL; i++)
		CHECK(!put(box->out, SMALL, i));
	s = sender(box->out, ALL * SMALL, ALL + 1);
	hold(s, "drop_batch");
	CHECK(stat_of(box->manage).dropped == LETTERS);
	CHECK(stat_of(box->manage).letters == ALL + 1 - LETTERS);
	CHECK(poll_mask(box->in, POLLIN) == POLLIN);
	return s;
}

TEST_F(many, drop_and_receive)
{
	struct handles box;
	struct party *s = drop_many(&box);

	EXPECT_EQ(LETTERS + 1, take(box.in));
	EXPECT_EQ(LETTERS + 2, take(box.in));
	release("drop_batch");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(98, stat_of(box.manage).dropped);
	EXPECT_EQ(101, take(box.in));
	EXPECT_EQ(-EAGAIN, take(box.in));
	EXPECT_EQ(3, stat_of(box.manage).received);
}

/* Somebody else finishes it, and needs the room of the large one too. */
TEST_F(many, drop_and_send)
{
	struct handles box;
	struct party *s = drop_many(&box);

	EXPECT_EQ(0, put(box.out, SMALL, 102));
	EXPECT_EQ(101, stat_of(box.manage).dropped);
	release("drop_batch");
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(102, take(box.in));
	EXPECT_EQ(-EAGAIN, take(box.in));
	EXPECT_EQ(0, stat_of(box.manage).bytes);
}

TEST_F(many, drop_and_death)
{
	struct handles box;
	struct party *s = drop_many(&box);

	kill(s->pid, SIGKILL);
	release("drop_batch");
	EXPECT_EQ(KILLED, outcome(s));
	EXPECT_EQ(100, stat_of(box.manage).dropped);
	EXPECT_EQ(101, take(box.in));
}

TEST_F(many, drop_and_removal)
{
	struct handles box;
	struct party *s = drop_many(&box);

	EXPECT_OK(k_remove(box.manage));
	EXPECT_EQ(0, stat_of(box.manage).letters);
	release("drop_batch");
	/* It was sent before. */
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(LETTERS, stat_of(box.manage).dropped);
}

TEST_F(many, clear)
{
	struct handles box = race_box(100, 100 * SMALL, SMALL, 0);
	struct party *r = remover(box.manage);
	struct kipc_info info;
	int i;

	for (i = 1; i <= 100; i++)
		CHECK(!put(box.out, SMALL, i));
	hold(r, "clear_batch");
	EXPECT_EQ(100 - LETTERS, stat_of(box.manage).letters);
	EXPECT_EQ((100 - LETTERS) * SMALL, stat_of(box.manage).bytes);
	EXPECT_EQ(-EIDRM, take(box.in));
	EXPECT_EQ(-EIDRM, peek(box.in));
	EXPECT_EQ(-EIDRM, put(box.out, SMALL, 101));
	EXPECT_ERR(EIDRM, k_remove(box.manage));
	EXPECT_ERR(EIDRM, k_narrow(box.in, RECEIVE, 0));
	EXPECT_OK(k_info(box.in, &info));
	EXPECT_EQ(KIPC_INFO_REMOVED, info.flags);
	EXPECT_EQ(GONE, poll_mask(box.in, POLLIN));
	kill(r->pid, SIGKILL);
	release("clear_batch");
	EXPECT_EQ(KILLED, outcome(r));
	EXPECT_EQ(0, stat_of(box.manage).letters);
	EXPECT_EQ(0, stat_of(box.manage).bytes);
	EXPECT_EQ(0, stat_of(box.manage).received);
}

/* The last close clears too; the name is free meanwhile. */
TEST_F(many, clear_at_the_end)
{
	const char *name = temp_name("clear");
	struct kipc_mailbox_attr attr = { 100, 100 * SMALL, SMALL, 0 };
	int ctl = control(), i, fd;
	struct party *last;

	fd = k_create(ctl, name, &attr, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	for (i = 1; i <= 100; i++)
		CHECK(!put(fd, SMALL, i));
	last = closer(fd);
	hold(last, "clear_batch");
	EXPECT_ERR(ENOENT, k_open(ctl, name, SEND, 0));
	EXPECT_ERR(ENOENT, k_unlink(ctl, name));
	fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(fd);
	EXPECT_EQ(2, total("objects"));
	kill(last->pid, SIGKILL);
	release("clear_batch");
	EXPECT_EQ(KILLED, outcome(last));
	EXPECT_EQ(1, total("objects"));
	EXPECT_OK(k_open(ctl, name, SEND, 0));
}

/* Senders of a rendezvous: some are told by batches, one is on its way out. */
TEST_F(many, clear_rendezvous)
{
	struct handles box = race_box(0, 0, SMALL, 0);
	struct party *r = remover(box.manage);
	struct crowd c = line_up(&box, true);
	struct party *last = c.member[CROWD - 1];

	arm("after_sleep", last);
	interrupt(last);
	wait_held("after_sleep", last);
	hold(r, "clear_batch");
	expect_outcomes(&c, 0, CROWD - 1, -EIDRM);
	EXPECT_EQ(1, stat_of(box.manage).letters);
	release("clear_batch");
	EXPECT_EQ(0, outcome(r));
	EXPECT_EQ(0, stat_of(box.manage).letters);
	release("after_sleep");
	EXPECT_EQ(-EIDRM, outcome(last));
	EXPECT_EQ(0, stat_of(box.manage).sent);
	EXPECT_TRUE(has_waiters(box.manage, 0, 0));
}

TEST_HARNESS_MAIN
