// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of semaphores: of those who wait, on their way into or out of their sleep,
 * and of those who hand over, between what they do with the lock.
 */
#include "test.h"
#include "ksem.h"
#include "race.h"

#include <pthread.h>

/* Parties: they take or add @number at the semaphore @type. */

static long act_take(struct party *p)
{
	return s_op(p->fd, p->deadline, STEPS(ADD(p->type, -(int)p->number, p->flags)));
}

static long act_add(struct party *p)
{
	return s_op(p->fd, p->deadline, STEPS(ADD(p->type, p->number, p->flags)));
}

static long act_post(struct party *p)
{
	return s_post(p->fd, p->type);
}

static long act_zero(struct party *p)
{
	return s_op(p->fd, p->deadline, STEPS(ADD(p->type, 0)));
}

static long act_all(struct party *p)
{
	return s_all(p->fd, &p->fd, 1);
}

static struct party *steps(long (*act)(struct party *p), int fd, unsigned int number)
{
	struct party *p = party(act, fd);

	p->number = number;
	return p;
}

/* It goes, and waits there, as the @n-th. */
static void go_and_wait(struct party *p, int fd, unsigned int n)
{
	go(p);
	s_wait_waiters(fd, n, p->pid);
}

static struct handles race_set(unsigned int initial)
{
	return race_handles(set_of(2, initial));
}

static long value(const struct handles *set)
{
	return s_value(set->in, 0);
}

/* Nobody waits, and so much is there. */
static bool holds(const struct handles *set, long want)
{
	struct kipc_sem_value v = s_look(set->in, 0);

	return v.value == want && !v.waiting && !v.waiting_zero &&
	       !s_stat_of(set->in).waiting;
}

/* Who takes. */

FIXTURE(taking) {
	struct handles set;
	struct party *t, *second;
};

FIXTURE_VARIANT(taking) {
	const struct state *at;
	unsigned int undo;
};

FIXTURE_VARIANT_ADD(taking, drowsy) { &drowsy };
FIXTURE_VARIANT_ADD(taking, drowsy_late) { &drowsy_late };
FIXTURE_VARIANT_ADD(taking, drowsy_signalled) { &drowsy_signalled };
FIXTURE_VARIANT_ADD(taking, drowsy_granted) { &drowsy_granted };
FIXTURE_VARIANT_ADD(taking, drowsy_granted_late) { &drowsy_granted_late };
FIXTURE_VARIANT_ADD(taking, drowsy_granted_signalled) { &drowsy_granted_signalled };
FIXTURE_VARIANT_ADD(taking, drowsy_granted_undo) { &drowsy_granted, UNDO };
FIXTURE_VARIANT_ADD(taking, awake_granted) { &awake_granted };
FIXTURE_VARIANT_ADD(taking, awake_granted_signalled) { &awake_granted_signalled };
FIXTURE_VARIANT_ADD(taking, awake_granted_undo) { &awake_granted, UNDO };
FIXTURE_VARIANT_ADD(taking, awake_late) { &awake_late };
FIXTURE_VARIANT_ADD(taking, awake_signalled) { &awake_signalled };

static void give(const struct handles *set)
{
	CHECK(!s_post(set->out, 0));
}

FIXTURE_SETUP(taking)
{
	NEED_DELAY_POINTS();
	self->set = race_set(0);
	self->t = steps(act_take, self->set.in, 1);
	self->t->flags = variant->undo;
	self->second = steps(act_take, self->set.in, 1);
	bring(self->t, variant->at, &self->set, give);
}

FIXTURE_TEARDOWN(taking)
{
	race_end();
}

TEST_F(taking, alone)
{
	struct handles *set = &self->set;
	long want = fate(variant->at, 0);

	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->t));
		give(set);
		want = 0;
	}
	EXPECT_EQ(want, outcome(self->t));
	wait_for(holds(set, variant->undo ? 1 : 0));
}

/* What it has is nobody else's; who comes later has what comes later. */
TEST_F(taking, not_stolen)
{
	struct handles *set = &self->set;

	if (!variant->at->granted)
		give(set);
	EXPECT_EQ(0, value(set));
	EXPECT_ERR(EAGAIN, s_try(set->in, 0));
	EXPECT_EQ(0, poll_mask(set->in, POLLIN));
	go_and_wait(self->second, set->in, 1);
	give(set);
	EXPECT_EQ(0, outcome(self->second));
	release(variant->at->point);
	/* A verdict that comes before it has left counts. */
	EXPECT_EQ(0, outcome(self->t));
	wait_for(holds(set, variant->undo ? 1 : 0));
}

/* It had it, so it is gone; but what is to be undone comes back. */
TEST_F(taking, killed)
{
	struct handles *set = &self->set;

	kill(self->t->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->t));
	wait_for(holds(set, variant->undo ? 1 : 0));
	EXPECT_EQ(variant->at->granted ? 2 : 0, s_stat_of(set->in).operations);
}

/* It leaves its place to the next one. */
TEST_F(taking, killed_before_another)
{
	struct handles *set = &self->set;

	go_and_wait(self->second, set->in, variant->at->granted ? 1 : 2);
	kill(self->t->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->t));
	if (!variant->undo) {
		wait_for(s_stat_of(set->in).waiting == 1);
		give(set);
	}
	EXPECT_EQ(0, outcome(self->second));
	wait_for(holds(set, 0));
}

TEST_F(taking, removed)
{
	struct handles *set = &self->set;

	go_and_wait(self->second, set->in, variant->at->granted ? 1 : 2);
	EXPECT_OK(k_remove(set->manage));
	EXPECT_EQ(-EIDRM, outcome(self->second));
	release(variant->at->point);
	EXPECT_EQ(variant->at->granted ? 0 : -EIDRM, outcome(self->t));
}

/* Its handle is the last one, and it is in a call by that. */
TEST_F(taking, all_others_close)
{
	struct handles *set = &self->set;

	EXPECT_EQ(KILLED, killed(self->second));
	if (!variant->at->granted)
		give(set);
	close(set->in);
	close(set->out);
	close(set->manage);
	release(variant->at->point);
	EXPECT_EQ(0, outcome(self->t));
}

/* Who hands over. */

FIXTURE(handing) {
	struct handles set;
};

FIXTURE_SETUP(handing)
{
	NEED_DELAY_POINTS();
	self->set = race_set(0);
}

FIXTURE_TEARDOWN(handing)
{
	race_end();
}

/* In one go, and by settling: it is the waiter's before that wakes up. */
TEST_F(handing, before_wake)
{
	struct handles *set = &self->set;
	struct party *t, *a;
	int i;

	for (i = 0; i < 2; i++) {
		t = steps(act_take, set->in, 1);
		a = steps(i ? act_add : act_post, set->out, 1);
		go_and_wait(t, set->in, 1);
		hold(a, "before_wake");
		EXPECT_EQ(0, value(set));
		EXPECT_EQ(0, s_stat_of(set->in).waiting);
		EXPECT_TRUE(asleep(t));
		EXPECT_ERR(EAGAIN, s_try(set->in, 0));
		release("before_wake");
		EXPECT_EQ(0, outcome(a));
		EXPECT_EQ(0, outcome(t));
	}
}

/* The one that is to be woken is killed. */
TEST_F(handing, killed_before_wake)
{
	struct handles *set = &self->set;
	struct party *t = steps(act_take, set->in, 1), *a = steps(act_post, set->out, 1);

	go_and_wait(t, set->in, 1);
	hold(a, "before_wake");
	EXPECT_EQ(KILLED, killed(t));
	release("before_wake");
	EXPECT_EQ(0, outcome(a));
	EXPECT_TRUE(holds(set, 0));
}

enum { MANY = 20 };

/* Some of them have it, not all: whoever comes finishes that first. */
static void between(struct handles *set, struct party *t[], struct party **a, int more)
{
	int i;

	for (i = 0; i < MANY; i++) {
		t[i] = steps(act_take, set->in, 1);
		go_and_wait(t[i], set->in, i + 1);
	}
	*a = steps(act_add, set->out, MANY + more);
	hold(*a, "between_batches");
	CHECK(s_stat_of(set->in).waiting > 0);
}

static bool all_done(struct party *t[])
{
	int i;

	for (i = 0; i < MANY; i++)
		if (outcome(t[i]))
			return false;
	return true;
}

TEST_F(handing, somebody_takes_between)
{
	struct handles *set = &self->set;
	struct party *t[MANY], *a;

	between(set, t, &a, 1);
	EXPECT_OK(s_try(set->in, 0));
	EXPECT_TRUE(all_done(t));
	EXPECT_TRUE(holds(set, 0));
	release("between_batches");
	EXPECT_EQ(0, outcome(a));
}

TEST_F(handing, somebody_polls_between)
{
	struct handles *set = &self->set;
	struct party *t[MANY], *a;

	between(set, t, &a, 0);
	EXPECT_EQ(0, poll_mask(set->in, POLLIN));
	EXPECT_TRUE(all_done(t));
	release("between_batches");
	EXPECT_EQ(0, outcome(a));
}

TEST_F(handing, somebody_looks_between)
{
	struct handles *set = &self->set;
	struct party *t[MANY], *a;

	between(set, t, &a, 2);
	EXPECT_EQ(2, value(set));
	EXPECT_TRUE(all_done(t));
	release("between_batches");
	EXPECT_EQ(0, outcome(a));
}

TEST_F(handing, all_taken_between)
{
	struct handles one = race_handles(set_of(1, 0));
	struct party *t[MANY], *a;

	between(&one, t, &a, 1);
	EXPECT_OK(s_all(one.in, &one.in, 1));
	EXPECT_TRUE(all_done(t));
	EXPECT_TRUE(holds(&one, 0));
	release("between_batches");
	EXPECT_EQ(0, outcome(a));
}

/* It was removed: those who wait still have that, and the others keep what they have. */
TEST_F(handing, removed_between)
{
	struct handles *set = &self->set;
	struct party *t[MANY], *a;
	int i, done = 0;

	between(set, t, &a, 0);
	EXPECT_OK(k_remove(set->manage));
	for (i = 0; i < MANY; i++) {
		long ret = outcome(t[i]);

		EXPECT_TRUE(ret == 0 || ret == -EIDRM);
		done += !ret;
	}
	EXPECT_EQ(8, done);
	release("between_batches");
	EXPECT_EQ(0, outcome(a));
}

/* The adder itself is killed there; others do the rest. */
TEST_F(handing, killed_between)
{
	struct handles *set = &self->set;
	struct party *t[MANY], *a;

	between(set, t, &a, 0);
	kill(a->pid, SIGKILL);
	release("between_batches");
	EXPECT_EQ(KILLED, outcome(a));
	EXPECT_TRUE(all_done(t));
	EXPECT_TRUE(holds(set, 0));
}

/* Marked as removed, and those who wait not told: who comes is told, and they are. */
TEST_F(handing, being_removed)
{
	struct handles *set = &self->set;
	struct party *t = steps(act_take, set->in, 1), *r = remover(set->manage);

	go_and_wait(t, set->in, 1);
	hold(r, "remove_marked");
	EXPECT_ERR(EIDRM, s_post(set->out, 0));
	EXPECT_ERR(EIDRM, s_try(set->in, 0));
	release("remove_marked");
	EXPECT_EQ(0, outcome(r));
	EXPECT_EQ(-EIDRM, outcome(t));
}

/* Taken from all, and who waits for that is not told yet: the next one does it. */
TEST_F(handing, all_taken)
{
	struct handles one = race_handles(set_of(1, 1));
	struct party *z = steps(act_zero, one.in, 0), *a = steps(act_all, one.in, 0);

	go_and_wait(z, one.in, 1);
	hold(a, "sem_all_taken");
	EXPECT_OK(s_post(one.out, 0));
	EXPECT_EQ(0, outcome(z));
	release("sem_all_taken");
	EXPECT_EQ(0, outcome(a));
	EXPECT_TRUE(holds(&one, 1));
}

/* Two threads of a process make what is to be undone at the same time. */

static void *undo_beside(void *arg)
{
	struct party *p = arg;

	wait_for(__atomic_load_n(&p->seen, __ATOMIC_SEQ_CST));
	CHECK(!s_op(p->fd, 0, STEPS(ADD(0, 2, UNDO))));
	__atomic_store_n(&p->seen, 2, __ATOMIC_SEQ_CST);
	return NULL;
}

static long act_two_threads(struct party *p)
{
	pthread_t thread;
	long ret;

	CHECK(!pthread_create(&thread, NULL, undo_beside, p));
	ret = s_op(p->fd, 0, STEPS(ADD(0, 1, UNDO)));
	CHECK(!pthread_join(thread, NULL));
	return ret;
}

TEST_F(handing, undo_twice)
{
	struct handles *set = &self->set;
	struct party *p = party(act_two_threads, set->out);

	p->stays = true;
	hold(p, "sem_undo_created");
	__atomic_store_n(&p->seen, 1, __ATOMIC_SEQ_CST);
	wait_for(__atomic_load_n(&p->seen, __ATOMIC_SEQ_CST) == 2);
	EXPECT_EQ(2, value(set));
	release("sem_undo_created");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(3, value(set));
	EXPECT_EQ(1, referenced("undos"));
	EXPECT_EQ(1, s_stat_of(set->in).undos);
	dismiss(p);
	wait_for(holds(set, 0));
	wait_for(!referenced("undos"));
}

TEST_HARNESS_MAIN
