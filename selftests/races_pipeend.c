// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of the two ends of a pipe: who opens one and waits for the other, the
 * last close, many who are told, pollers.
 */
#include "test.h"
#include "race_pipe.h"

/* Somebody has opened an end and waits for the other. */

FIXTURE(opening) {
	struct handles box;
	struct party *o;
};

FIXTURE_VARIANT(opening) {
	const struct state *at;
	bool writes;
};

FIXTURE_VARIANT_ADD(opening, reader_drowsy) { &drowsy, false };
FIXTURE_VARIANT_ADD(opening, reader_drowsy_late) { &drowsy_late, false };
FIXTURE_VARIANT_ADD(opening, reader_drowsy_signalled) { &drowsy_signalled, false };
FIXTURE_VARIANT_ADD(opening, reader_drowsy_granted) { &drowsy_granted, false };
FIXTURE_VARIANT_ADD(opening, reader_drowsy_granted_late) { &drowsy_granted_late, false };
FIXTURE_VARIANT_ADD(opening, reader_drowsy_granted_signalled) { &drowsy_granted_signalled, false };
FIXTURE_VARIANT_ADD(opening, reader_awake_granted) { &awake_granted, false };
FIXTURE_VARIANT_ADD(opening, reader_awake_granted_signalled) { &awake_granted_signalled, false };
FIXTURE_VARIANT_ADD(opening, reader_awake_late) { &awake_late, false };
FIXTURE_VARIANT_ADD(opening, reader_awake_signalled) { &awake_signalled, false };
FIXTURE_VARIANT_ADD(opening, writer_drowsy) { &drowsy, true };
FIXTURE_VARIANT_ADD(opening, writer_drowsy_late) { &drowsy_late, true };
FIXTURE_VARIANT_ADD(opening, writer_drowsy_signalled) { &drowsy_signalled, true };
FIXTURE_VARIANT_ADD(opening, writer_drowsy_granted) { &drowsy_granted, true };
FIXTURE_VARIANT_ADD(opening, writer_drowsy_granted_late) { &drowsy_granted_late, true };
FIXTURE_VARIANT_ADD(opening, writer_drowsy_granted_signalled) { &drowsy_granted_signalled, true };
FIXTURE_VARIANT_ADD(opening, writer_awake_granted) { &awake_granted, true };
FIXTURE_VARIANT_ADD(opening, writer_awake_granted_signalled) { &awake_granted_signalled, true };
FIXTURE_VARIANT_ADD(opening, writer_awake_late) { &awake_late, true };
FIXTURE_VARIANT_ADD(opening, writer_awake_signalled) { &awake_signalled, true };

static const char *name;
static int ctl;
static unsigned int other;		/* the right that is waited for */

/* The other end comes, and goes at once. */
static void come_and_go(const struct handles *box)
{
	int fd = p_open(name, other, KIPC_NONBLOCK, 0);

	(void)box;
	CHECK(fd >= 0 && !close(fd));
}

/* Named, with one handle, which can only manage it. */
static struct handles lonely_pipe(void)
{
	struct handles box = { .in = -1, .out = -1 };

	name = temp_name("pipe");
	box.manage = named_pipe(name, MANAGE);
	return box;
}

FIXTURE_SETUP(opening)
{
	NEED_DELAY_POINTS();
	self->box = lonely_pipe();
	ctl = control();
	other = variant->writes ? RECEIVE : SEND;
	self->o = p_opener(ctl, name, variant->writes ? SEND : RECEIVE);
	bring(self->o, variant->at, &self->box, come_and_go);
}

FIXTURE_TEARDOWN(opening)
{
	race_end();
}

/* So many ends are there. */
static bool has_ends(int fd, unsigned int writers, unsigned int readers)
{
	struct kipc_pipe_stat st = p_stat_of(fd);

	return st.writers == writers && st.readers == readers;
}

TEST_F(opening, alone)
{
	long want = fate(variant->at, id_of(self->box.manage));

	EXPECT_TRUE(has_ends(self->box.manage, variant->writes, !variant->writes));
	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->o));
		come_and_go(&self->box);
		want = id_of(self->box.manage);
	}
	EXPECT_EQ(want, outcome(self->o));
	dismiss(self->o);
	EXPECT_TRUE(has_ends(self->box.manage, 0, 0));
}

/* Whatever has happened before, who comes in time is met. */
TEST_F(opening, met)
{
	come_and_go(&self->box);
	come_and_go(&self->box);
	release(variant->at->point);
	EXPECT_EQ(id_of(self->box.manage), outcome(self->o));
	EXPECT_TRUE(has_ends(self->box.manage, variant->writes, !variant->writes));
}

TEST_F(opening, killed)
{
	kill(self->o->pid, SIGKILL);
	come_and_go(&self->box);
	release(variant->at->point);
	self->o->stays = false;
	EXPECT_EQ(KILLED, outcome(self->o));
	EXPECT_TRUE(has_ends(self->box.manage, 0, 0));
}

TEST_F(opening, removed)
{
	bool granted = variant->at->granted;
	long want = granted ? (long)id_of(self->box.manage) : -EIDRM;

	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_ERR(ENOENT, p_open(name, other, KIPC_NONBLOCK, 0));
	release(variant->at->point);
	EXPECT_EQ(want, outcome(self->o));
	EXPECT_TRUE(has_ends(self->box.manage, granted && variant->writes,
			     granted && !variant->writes));
}

/* It counts as there: the other end meets it, and they get on. */
TEST_F(opening, counts)
{
	int fd = p_open(name, other, 0, after(PATIENCE));

	ASSERT_OK(fd);
	if (variant->writes) {
		EXPECT_EQ(-EAGAIN, p_take(fd, SMALL, 0));
		EXPECT_EQ(0, poll_mask(fd, POLLIN));
	} else {
		EXPECT_EQ(SMALL, p_put(fd, SMALL, 0));
		EXPECT_EQ(POLLOUT, poll_mask(fd, POLLOUT));
	}
	release(variant->at->point);
	EXPECT_EQ(id_of(self->box.manage), outcome(self->o));
}

TEST_F(opening, unlinked)
{
	long want = fate(variant->at, id_of(self->box.manage));

	EXPECT_OK(k_unlink(ctl, name));
	EXPECT_OK(close(self->box.manage));
	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->o));
		EXPECT_EQ(KILLED, killed(self->o));
	} else {
		EXPECT_EQ(want, outcome(self->o));
		dismiss(self->o);
	}
}

FIXTURE(ends) {
};

FIXTURE_SETUP(ends)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(ends)
{
	race_end();
}

/* Found by name; what was true then is not any more. */
TEST_F(ends, found)
{
	enum { NOTHING, REMOVED, COMES, GOES, NOBODY_COMES, DEAD, ENDED };
	int how;

	ctl = control();
	for (how = NOTHING; how < ENDED; how++) {
		struct handles box = lonely_pipe();
		struct party *o = p_opener(ctl, name, SEND);
		long want = -ENXIO;
		int fd = -1;

		o->deadline = KIPC_NO_WAIT;
		if (how == GOES)
			fd = p_open(name, RECEIVE, KIPC_NONBLOCK, 0);
		hold(o, "open_found");
		if (how == REMOVED) {
			EXPECT_OK(k_remove(box.manage));
		} else if (how == COMES) {
			fd = p_open(name, RECEIVE, KIPC_NONBLOCK, 0);
			want = id_of(fd);
		} else if (how == GOES) {
			EXPECT_OK(close(fd));
		} else if (how == DEAD) {
			kill(o->pid, SIGKILL);
			o->stays = false;
			want = KILLED;
		}
		release("open_found");
		EXPECT_EQ(want, outcome(o));
		if (how != DEAD)
			dismiss(o);
		EXPECT_TRUE(has_ends(box.manage, 0, how == COMES));
		close(box.manage);
	}
}

/* More than are woken in one go wait for who is gone again before the last is told. */
TEST_F(ends, many_openers)
{
	enum { MANY = 20 };
	struct handles box = lonely_pipe();
	struct party *o[MANY], *w;
	long id = id_of(box.manage);
	int i;

	ctl = control();
	w = p_opener(ctl, name, SEND);
	w->flags = KIPC_NONBLOCK;
	for (i = 0; i < MANY; i++) {
		o[i] = p_opener(ctl, name, RECEIVE);
		go(o[i]);
		wait_for(asleep(o[i]));
		wait_for(total("waiters") == (uint64_t)i + 1);
	}
	hold(w, "between_batches");
	/* It has not got its handle yet: killed, it goes as soon as it has come. */
	kill(w->pid, SIGKILL);
	w->stays = false;
	release("between_batches");
	EXPECT_EQ(KILLED, outcome(w));
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(id, outcome(o[i]));
		dismiss(o[i]);
	}
	EXPECT_TRUE(has_ends(box.manage, 0, 0));
}

/* The end of the file is told to all, though who tells it is held after the first ones. */
TEST_F(ends, many_readers_and_the_end)
{
	enum { MANY = 20 };
	struct handles box = race_pipe(SMALL, SMALL);
	struct party *r[MANY], *c;
	int i;

	for (i = 0; i < MANY; i++) {
		r[i] = p_reader(box.in, SMALL);
		p_go_and_wait(r[i], box.manage, i);
	}
	c = closer(box.out);
	hold(c, "between_batches");
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, outcome(r[i]));
	EXPECT_EQ(POLLHUP, poll_mask(box.in, POLLIN));
	release("between_batches");
	EXPECT_EQ(0, outcome(c));
	EXPECT_TRUE(p_holds(&box, 0));
	EXPECT_EQ(0, p_take(box.in, SMALL, 0));
}

/* Removed while many wait on both sides, and in the middle of telling them. */
TEST_F(ends, many_and_removed)
{
	enum { MANY = 12 };
	struct handles box = race_pipe(SMALL, SMALL);
	struct party *w[MANY], *m = remover(box.manage);
	int i;

	EXPECT_EQ(SMALL, p_put(box.out, SMALL, 0));
	for (i = 0; i < MANY; i++) {
		w[i] = p_writer(box.out, SMALL, SMALL);
		p_go_and_wait(w[i], box.manage, i);
	}
	hold(m, "between_batches");
	EXPECT_EQ(-EIDRM, p_put(box.out, SMALL, 0));
	EXPECT_EQ(-EIDRM, p_take(box.in, SMALL, 0));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(box.out, 0));
	close(box.in);
	release("between_batches");
	EXPECT_EQ(0, outcome(m));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(-EIDRM, outcome(w[i]));
	EXPECT_TRUE(p_holds(&box, 0));
}

/* More writers than are woken in one go find room: nobody comes in before them. */
TEST_F(ends, many_writers)
{
	enum { MANY = 12 };
	struct handles box = race_pipe(SMALL, SMALL);
	struct party *w[MANY], *late, *m = p_resizer(box.manage, (MANY + 1) * SMALL);
	long seen = 0;
	int i;

	EXPECT_EQ(SMALL, p_put(box.out, SMALL, MANY * SMALL));
	for (i = 0; i < MANY; i++) {
		w[i] = p_writer(box.out, SMALL, i * SMALL);
		p_go_and_wait(w[i], box.manage, i);
	}
	late = p_writer(box.out, SMALL, 100 * SMALL);
	hold(m, "between_batches");
	EXPECT_EQ(-EAGAIN, p_put(box.out, 1, 0));
	go(late);
	wait_for(asleep(late));
	release("between_batches");
	EXPECT_EQ((MANY + 1) * SMALL, outcome(m));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(SMALL, outcome(w[i]));
	EXPECT_TRUE(asleep(late));
	EXPECT_EQ(SMALL, p_take(box.in, SMALL, MANY * SMALL));
	EXPECT_EQ(SMALL, outcome(late));
	/* Those who were let in at once may have run in any order. */
	for (i = 0; i < MANY; i++) {
		char data[SMALL];

		EXPECT_EQ(SMALL, read(box.in, data, SMALL));
		seen |= 1L << spot_find(data, SMALL) / SMALL;
	}
	EXPECT_EQ((1L << MANY) - 1, seen);
	EXPECT_EQ(SMALL, p_take(box.in, SMALL, 100 * SMALL));
}

/* There is room, but not for who is first: nobody goes past, until that one leaves. */
TEST_F(ends, behind)
{
	struct handles box = race_pipe(64, 64);
	struct party *w = p_writer(box.out, 64, 32), *second, *third;

	second = p_writer(box.out, SMALL, 32);
	third = p_writer(box.out, SMALL, 100);
	EXPECT_EQ(32, p_put(box.out, 32, 0));
	EXPECT_EQ(0, poll_mask(box.out, POLLOUT));
	p_go_and_wait(w, box.manage, 0);
	EXPECT_EQ(-EAGAIN, p_put(box.out, SMALL, 32));
	p_go_and_wait(second, box.manage, 1);
	EXPECT_EQ(32, inside(box.manage));
	arm("after_sleep", w);
	interrupt(w);
	wait_held("after_sleep", w);
	EXPECT_EQ(-EAGAIN, p_put(box.out, SMALL, 32));
	go(third);
	p_wait_waiters(box.manage, 3, 0, third->pid);
	release("after_sleep");
	EXPECT_EQ(-EINTR, outcome(w));
	/* The next one goes on, and the last waits until there is more than a little. */
	EXPECT_EQ(SMALL, outcome(second));
	p_wait_waiters(box.manage, 1, 0, third->pid);
	EXPECT_EQ(32, p_take(box.in, 32, 0));
	EXPECT_EQ(SMALL, outcome(third));
	EXPECT_EQ(SMALL, p_take(box.in, SMALL, 32));
	EXPECT_EQ(SMALL, p_take(box.in, SMALL, 100));
}

/* A reader that was granted its turn is not awake yet: it is nobody else's. */
TEST_F(ends, woken_late)
{
	struct handles box = race_pipe(64, SMALL);
	struct party *r = p_reader(box.in, 64), *w, *second;

	second = p_reader(box.in, 64);
	w = p_writer(box.out, SMALL, 0);
	p_go_and_wait(r, box.manage, 0);
	p_go_and_wait(second, box.manage, 1);
	hold(w, "before_wake");
	EXPECT_EQ(-EAGAIN, p_take(box.in, SMALL, 0));
	EXPECT_EQ(SMALL, p_put(box.out, SMALL, SMALL));
	EXPECT_TRUE(asleep(second));
	/* A signal wakes it as well. */
	interrupt(r);
	EXPECT_EQ(2 * SMALL, outcome(r));
	release("before_wake");
	EXPECT_EQ(SMALL, outcome(w));
	p_wait_waiters(box.manage, 0, 1, second->pid);
	close(box.out);
	EXPECT_EQ(0, outcome(second));
}

/* Polls, and what it waits for happens before its mask is computed. */
TEST_F(ends, poll_enrolled)
{
	enum { DATA, ROOM, HANGUP, DESERTED, REMOVED, ENDED };
	static const short want[] = { POLLIN, POLLOUT, POLLHUP, POLLERR | POLLOUT,
				      POLLERR | POLLHUP };
	int how;

	for (how = DATA; how < ENDED; how++) {
		struct handles box = race_pipe(SMALL, SMALL);
		bool out = how == ROOM || how == DESERTED;
		struct party *p = poller(out ? box.out : box.in, POLLIN | POLLOUT);

		if (how == ROOM)
			EXPECT_EQ(SMALL, p_put(box.out, SMALL, 0));
		hold(p, "poll_enrolled");
		if (how == DATA) {
			EXPECT_EQ(SMALL, p_put(box.out, SMALL, 0));
		} else if (how == ROOM) {
			EXPECT_EQ(SMALL, p_take(box.in, SMALL, 0));
		} else if (how == HANGUP) {
			close(box.out);
		} else if (how == DESERTED) {
			close(box.in);
		} else {
			EXPECT_OK(k_remove(box.manage));
		}
		release("poll_enrolled");
		EXPECT_EQ(0, outcome(p));
		EXPECT_EQ(want[how], p->seen);
		close(box.manage);
	}
}

/* Marked as removed, nobody told yet: nobody gets in or out any more, and all leave. */
TEST_F(ends, marked)
{
	struct handles box = race_pipe(2 * SMALL, SMALL);
	struct party *m = remover(box.manage);
	struct party *w = p_writer(box.out, SMALL, 2 * SMALL);
	struct party *p = poller(box.in, 0);

	EXPECT_EQ(2 * SMALL, p_put(box.out, 2 * SMALL, 0));
	p_go_and_wait(w, box.manage, 0);
	go(p);
	wait_for(asleep(p));
	hold(m, "remove_marked");
	EXPECT_EQ(-EIDRM, p_put(box.out, SMALL, 0));
	EXPECT_EQ(-EIDRM, p_take(box.in, SMALL, 0));
	EXPECT_ERR(EIDRM, p_resize(box.manage, 0, 0));
	EXPECT_EQ(POLLHUP | POLLERR, poll_mask(box.in, POLLIN));
	/* Whoever comes by tells them. */
	EXPECT_EQ(-EIDRM, outcome(w));
	release("remove_marked");
	EXPECT_EQ(0, outcome(m));
	EXPECT_EQ(0, outcome(p));
	EXPECT_TRUE(p_holds(&box, 0));
}

static long act_write_plain(struct party *p)
{
	char data[SMALL];

	count_signals(SIGPIPE, 0, &p->caught);
	spot_fill(data, SMALL, 0);
	return write(p->fd, data, SMALL);
}

/* The last reader goes while it waits: that is a signal, too. */
TEST_F(ends, signalled)
{
	struct handles box = race_pipe(SMALL, SMALL);
	struct party *w = party(act_write_plain, box.out), *c;

	EXPECT_EQ(SMALL, p_put(box.out, SMALL, 0));
	go(w);
	p_wait_waiters(box.manage, 1, 0, w->pid);
	c = closer(box.in);
	hold(c, "before_wake");
	EXPECT_EQ(-EPIPE, p_put(box.out, SMALL, 0));
	EXPECT_EQ(0, w->caught);
	release("before_wake");
	EXPECT_EQ(0, outcome(c));
	EXPECT_EQ(-EPIPE, outcome(w));
	EXPECT_EQ(1, w->caught);
}

static int open_self(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

/* By what another process has nobody gets more than by his own. */
static long act_reopen(struct party *p)
{
	int fd = open_self(p->fd, p->flags);

	return fd < 0 ? fd : (long)id_of(fd);
}

TEST_F(ends, reopened)
{
	enum { GRANTED, REMOVED, ENDED };
	struct handles box;
	struct party *p, *m;
	long id;
	int how;

	for (how = GRANTED; how < ENDED; how++) {
		box = race_pipe(SMALL, SMALL);
		id = id_of(box.in);
		m = remover(box.manage);
		if (how == REMOVED)
			hold(m, "remove_marked");
		p = party(act_reopen, box.in);
		p->flags = O_RDONLY;
		go(p);
		EXPECT_EQ(how == REMOVED ? -EIDRM : id, outcome(p));
		p = party(act_reopen, box.in);
		p->flags = O_WRONLY;
		go(p);
		EXPECT_EQ(how == REMOVED ? -EIDRM : -EACCES, outcome(p));
		p = party(act_reopen, box.out);
		p->flags = O_RDWR;
		go(p);
		EXPECT_EQ(how == REMOVED ? -EIDRM : -EACCES, outcome(p));
		p = party(act_reopen, box.manage);
		p->flags = O_RDONLY;
		go(p);
		EXPECT_EQ(how == REMOVED ? -EIDRM : -EACCES, outcome(p));
		EXPECT_TRUE(has_ends(box.manage, 1, 1));
		if (how == REMOVED)
			release("remove_marked");
		else
			EXPECT_EQ(KILLED, killed(m));
		close(box.in);
		close(box.out);
		close(box.manage);
	}
}

TEST_HARNESS_MAIN
