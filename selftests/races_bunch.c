// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of those who send or receive several letters in one call, between two
 * of them; and of those who wait for their user's share.
 */
#include "test.h"
#include "race.h"
#include "kbatch.h"

enum { MOST = 8, MANY = 12 };

static struct kipc_send_item out[MOST];
static struct kipc_recv_item in[MOST];
static char data[MOST][SMALL];

/* Sends MOST letters with the numbers from @number on; what comes of it: how many. */
static long act_send(struct party *p)
{
	int i;

	for (i = 0; i < MOST; i++) {
		fill(data[i], SMALL, p->number + i);
		out[i] = (struct kipc_send_item){ ptr(data[i]), p->number + i,
						  SMALL, 0 };
	}
	return k_send_batch(p->fd, out, MOST, p->deadline);
}

/* Receives up to MOST; @seen is the number of the last one. */
static long act_receive(struct party *p)
{
	int i, ret;

	/* What a fork has made missing is there again. */
	memset(data, POISON, sizeof(data));
	for (i = 0; i < MOST; i++)
		in[i] = (struct kipc_recv_item){ .data = ptr(data[i]),
						 .size = SMALL };
	ret = k_recv_batch(p->fd, in, MOST, 0, p->deadline);
	for (i = 0; i < ret; i++)
		CHECK(filled(data[i], SMALL, in[i].letter.tag));
	if (ret > 0)
		p->seen = in[ret - 1].letter.tag;
	return ret;
}

FIXTURE(bunch) {
};

FIXTURE_SETUP(bunch)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(bunch)
{
	race_end();
}

/* Three of MOST have found room. */
static struct party *send_three(struct handles *box, uint64_t deadline)
{
	struct party *p;

	*box = race_box(3, 3 * SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	p = party(act_send, box->out);
	p->number = 1;
	p->deadline = deadline;
	hold(p, "batch_between");
	CHECK(stat_of(box->manage).letters == 3);
	return p;
}

/* Who has been given room may not have put its letter there yet. */
static long take_soon(int fd)
{
	long number;

	wait_for((number = take(fd)) != -EAGAIN);
	return number;
}

/* Others come between, and are not lost. */
TEST_F(bunch, send_and_others)
{
	struct handles box;
	struct party *p = send_three(&box, KIPC_FOREVER);
	int i;

	EXPECT_EQ(-EAGAIN, put(box.out, SMALL, 99));
	EXPECT_EQ(1, take(box.in));
	EXPECT_EQ(0, put(box.out, SMALL, 99));
	release("batch_between");
	wait_waiters(box.manage, 1, 0, p->pid);
	EXPECT_EQ(2, take_soon(box.in));
	EXPECT_EQ(3, take_soon(box.in));
	EXPECT_EQ(99, take_soon(box.in));
	for (i = 4; i <= MOST; i++)
		EXPECT_EQ(i, take_soon(box.in));
	EXPECT_EQ(MOST, outcome(p));
}

TEST_F(bunch, send_and_removal)
{
	struct handles box;
	struct party *p = send_three(&box, KIPC_FOREVER);

	EXPECT_OK(k_remove(box.manage));
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	EXPECT_EQ(0, stat_of(box.manage).letters);
}

TEST_F(bunch, send_and_hangup)
{
	struct handles box;
	struct party *p = send_three(&box, KIPC_FOREVER);

	close(box.in);
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	EXPECT_EQ(3, stat_of(box.manage).letters);
	EXPECT_EQ(-EPIPE, put(box.out, SMALL, 99));
}

TEST_F(bunch, send_and_signal)
{
	struct handles box;
	struct party *p = send_three(&box, KIPC_FOREVER);

	interrupt(p);
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	EXPECT_EQ(3, stat_of(box.manage).sent);
}

TEST_F(bunch, send_and_deadline)
{
	uint64_t deadline = after(50 * MS);
	struct handles box;
	struct party *p = send_three(&box, deadline);

	wait_for(now_ns() > deadline);
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	/* There is room again: it is not waited for. */
	p = party(act_send, box.out);
	p->number = 4;
	p->deadline = after(50 * MS);
	EXPECT_EQ(1, take(box.in));
	hold(p, "batch_between");
	EXPECT_EQ(2, take(box.in));
	EXPECT_EQ(3, take(box.in));
	wait_for(now_ns() > p->deadline);
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	EXPECT_EQ(4, take(box.in));
	EXPECT_EQ(5, take(box.in));
	EXPECT_EQ(6, take(box.in));
}

TEST_F(bunch, send_and_death)
{
	struct handles box;
	struct party *p = send_three(&box, KIPC_FOREVER);

	kill(p->pid, SIGKILL);
	EXPECT_EQ(1, take(box.in));
	release("batch_between");
	EXPECT_EQ(KILLED, outcome(p));
	EXPECT_EQ(2, take(box.in));
	EXPECT_EQ(3, take(box.in));
	EXPECT_EQ(-EAGAIN, take(box.in));
	EXPECT_TRUE(has_waiters(box.manage, 0, 0));
}

/* Three have been received, and there may be more. */
static struct party *receive_three(struct handles *box)
{
	struct party *p;
	int i;

	*box = race_box(10, 100 * SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	for (i = 1; i <= 3; i++)
		CHECK(!put(box->out, SMALL, i));
	p = party(act_receive, box->in);
	hold(p, "batch_between");
	CHECK(!stat_of(box->manage).letters);
	return p;
}

TEST_F(bunch, receive_alone)
{
	struct handles box;
	struct party *p = receive_three(&box);

	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	EXPECT_EQ(3, p->seen);
	EXPECT_EQ(0, stat_of(box.manage).recv_waits);
}

TEST_F(bunch, receive_and_more)
{
	struct handles box;
	struct party *p = receive_three(&box);

	EXPECT_EQ(0, put(box.out, SMALL, 4));
	EXPECT_EQ(0, put(box.out, SMALL, 5));
	EXPECT_EQ(4, take(box.in));
	release("batch_between");
	EXPECT_EQ(4, outcome(p));
	EXPECT_EQ(5, p->seen);
}

/* Who waits is first. */
TEST_F(bunch, receive_and_another)
{
	struct handles box;
	struct party *p = receive_three(&box), *other = receiver(box.in, SMALL);

	go(other);
	wait_waiters(box.manage, 0, 1, other->pid);
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	EXPECT_EQ(0, put(box.out, SMALL, 4));
	EXPECT_EQ(4, outcome(other));
}

/* A letter that was promised is not taken along. */
TEST_F(bunch, receive_and_promise)
{
	struct handles box;
	struct party *p = receive_three(&box), *other = receiver(box.in, SMALL);

	hold(other, "before_sleep");
	EXPECT_EQ(0, put(box.out, SMALL, 4));
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	release("before_sleep");
	EXPECT_EQ(4, outcome(other));
}

TEST_F(bunch, receive_and_end)
{
	struct handles box;
	struct party *p = receive_three(&box);

	EXPECT_EQ(0, put(box.out, SMALL, 4));
	EXPECT_OK(k_remove(box.manage));
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	p = receive_three(&box);
	close(box.out);
	interrupt(p);
	release("batch_between");
	EXPECT_EQ(3, outcome(p));
	p = party(act_receive, box.in);
	go(p);
	EXPECT_EQ(-EPIPE, outcome(p));
}

TEST_F(bunch, receive_and_death)
{
	struct handles box;
	struct party *p = receive_three(&box);

	kill(p->pid, SIGKILL);
	EXPECT_EQ(0, put(box.out, SMALL, 4));
	release("batch_between");
	EXPECT_EQ(KILLED, outcome(p));
	EXPECT_EQ(3, stat_of(box.manage).received);
	EXPECT_EQ(4, take(box.in));
}

/* A bunch that fills the mailbox for two who wait is two letters handed over. */
TEST_F(bunch, two_wait)
{
	struct handles box = race_box(10, 100 * SMALL, SMALL, 0);
	struct party *first = party(act_receive, box.in);
	struct party *second = receiver(box.in, SMALL);
	struct party *p = party(act_send, box.out);

	p->number = 1;
	go(first);
	wait_waiters(box.manage, 0, 1, first->pid);
	go(second);
	wait_waiters(box.manage, 0, 2, second->pid);
	hold(p, "before_wake");
	EXPECT_EQ(MOST, stat_of(box.manage).letters);
	release("before_wake");
	EXPECT_EQ(MOST, outcome(p));
	/* Whoever comes first has the oldest, but leaves one to the other. */
	EXPECT_LT(0, outcome(second));
	EXPECT_EQ(MOST - 1, outcome(first));
}

/* Fair share: one letter, or SMALL bytes, for each user. */

FIXTURE(share) {
	struct handles box;
	const char *name;
	int ctl;
};

FIXTURE_SETUP(share)
{
	struct kipc_mailbox_config config = {
		{ 10, 1000, SMALL, KIPC_MAILBOX_HANGUP }, 1, SMALL
	};
	struct kipc_create create = {
		.kind = KIPC_KIND_MAILBOX,
		.rights = ALL_RIGHTS,
		.attr = ptr(&config),
		.attr_size = sizeof(config),
	};
	int ctl, fd;

	NEED_DELAY_POINTS();
	self->name = temp_name("share");
	create.name = ptr(self->name);
	create.name_len = strlen(self->name);
	ctl = control();
	fd = ioctl(ctl, KIPC_IOC_CREATE, &create);
	CHECK(fd >= 0);
	self->ctl = ctl;
	self->box.in = k_narrow(fd, RECEIVE, 0);
	self->box.out = k_narrow(fd, SEND, 0);
	self->box.manage = k_narrow(fd, MANAGE, 0);
	close(fd);
}

FIXTURE_TEARDOWN(share)
{
	race_end();
}

/* Two at once bring the record of the same user. */
TEST_F(share, same_user)
{
	struct party *p = sender(self->box.out, SMALL, 1);

	p->deadline = KIPC_NO_WAIT;
	hold(p, "share_allocated");
	EXPECT_EQ(0, put(self->box.out, SMALL, 2));
	release("share_allocated");
	EXPECT_EQ(-EAGAIN, outcome(p));
	EXPECT_EQ(2, take(self->box.in));
	EXPECT_EQ(0, put(self->box.out, SMALL, 3));
	EXPECT_EQ(3, take(self->box.in));
}

TEST_F(share, allocated_and_end)
{
	struct party *p = sender(self->box.out, SMALL, 1);

	hold(p, "share_allocated");
	EXPECT_OK(k_remove(self->box.manage));
	release("share_allocated");
	EXPECT_EQ(-EIDRM, outcome(p));
}

TEST_F(share, allocated_and_hangup)
{
	struct party *p = sender(self->box.out, SMALL, 1);

	hold(p, "share_allocated");
	close(self->box.in);
	release("share_allocated");
	EXPECT_EQ(-EPIPE, outcome(p));
}

/* There is share and room before it sleeps, or when it would leave. */
enum { SLEEPS, SIGNALLED, LATE, DEAD };

TEST_F(share, granted)
{
	static const long want[] = {
		[SLEEPS] = 0, [SIGNALLED] = 0, [LATE] = 0, [DEAD] = KILLED,
	};
	int how;

	for (how = SLEEPS; how <= DEAD; how++) {
		struct party *p = sender(self->box.out, SMALL, 2);
		struct party *next = sender(self->box.out, SMALL, 3);

		ASSERT_EQ(0, put(self->box.out, SMALL, 1));
		if (how == LATE)
			p->deadline = after(50 * MS);
		hold(p, "before_sleep");
		go(next);
		wait_waiters(self->box.manage, 2, 0, next->pid);
		if (how == SIGNALLED)
			interrupt(p);
		if (how == LATE)
			wait_for(now_ns() > p->deadline);
		if (how == DEAD)
			kill(p->pid, SIGKILL);
		EXPECT_EQ(1, take(self->box.in));
		/* It is its own, though it does not know yet. */
		EXPECT_EQ(-EAGAIN, put(self->box.out, SMALL, 99));
		release("before_sleep");
		EXPECT_EQ(want[how], outcome(p));
		if (how != DEAD)
			EXPECT_EQ(2, take(self->box.in));
		EXPECT_EQ(0, outcome(next));
		EXPECT_EQ(3, take(self->box.in));
		EXPECT_TRUE(has_waiters(self->box.manage, 0, 0));
	}
}

/* The end comes to one who has share and room, and to one who has neither. */
TEST_F(share, granted_and_end)
{
	struct party *p = sender(self->box.out, SMALL, 2);
	struct party *next = sender(self->box.out, SMALL, 3);

	ASSERT_EQ(0, put(self->box.out, SMALL, 1));
	hold(p, "before_sleep");
	go(next);
	wait_waiters(self->box.manage, 2, 0, next->pid);
	EXPECT_EQ(1, take(self->box.in));
	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(-EIDRM, outcome(next));
	release("before_sleep");
	EXPECT_EQ(-EIDRM, outcome(p));
	EXPECT_EQ(0, stat_of(self->box.manage).letters);
}

/*
 * It hangs up, which takes those who wait for their share out of their line, and is
 * opened again before all have been told: they shall not go in without a share.
 */
TEST_F(share, hung_up_and_opened_again)
{
	struct party *p[MANY], *closes;
	int i, in;

	ASSERT_EQ(0, put(self->box.out, SMALL, 1));
	for (i = 0; i < MANY; i++) {
		p[i] = sender(self->box.out, SMALL, 10 + i);
		go(p[i]);
		wait_waiters(self->box.manage, i + 1, 0, p[i]->pid);
	}
	closes = closer(self->box.in);
	hold(closes, "before_wake");
	in = k_open(self->ctl, self->name, RECEIVE, 0);
	ASSERT_LE(0, in);
	release("before_wake");
	EXPECT_EQ(0, outcome(closes));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(-EPIPE, outcome(p[i]));
	EXPECT_EQ(1, take(in));
	EXPECT_EQ(-EAGAIN, take(in));
	EXPECT_EQ(0, put(self->box.out, SMALL, 2));
	EXPECT_EQ(2, take(in));
	EXPECT_EQ(0, stat_of(self->box.manage).letters);
	close(in);
}

/* Another user's letter is in nobody's way meanwhile. */
TEST_F(share, another_user)
{
	struct party *p = sender(self->box.out, SMALL, 2);
	struct party *other = sender(self->box.out, SMALL, 3);

	ASSERT_EQ(0, put(self->box.out, SMALL, 1));
	hold(p, "before_sleep");
	other->nobody = true;
	other->deadline = KIPC_NO_WAIT;
	go(other);
	EXPECT_EQ(0, outcome(other));
	EXPECT_EQ(1, take(self->box.in));
	release("before_sleep");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(3, take(self->box.in));
	EXPECT_EQ(2, take(self->box.in));
}

TEST_HARNESS_MAIN
