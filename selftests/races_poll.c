// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of polling: what happens between enrolment and the mask is seen in
 * the mask, or wakes.
 */
#include "test.h"
#include "race.h"

#include <sys/epoll.h>

#define GONE (POLLERR | POLLHUP)

FIXTURE(enrolled) {
};

FIXTURE_SETUP(enrolled)
{
	NEED_DELAY_POINTS();
}

FIXTURE_TEARDOWN(enrolled)
{
	race_end();
}

TEST_F(enrolled, letter)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *p = poller(box.in, POLLIN);

	hold(p, "poll_enrolled");
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(POLLIN, p->seen);
}

TEST_F(enrolled, letter_comes_and_goes)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *p = poller(box.in, POLLIN);

	hold(p, "poll_enrolled");
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	EXPECT_EQ(1, take(box.in));
	release("poll_enrolled");
	wait_for(asleep(p));
	EXPECT_EQ(0, put(box.out, SMALL, 2));
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(POLLIN, p->seen);
}

TEST_F(enrolled, room)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *p = poller(box.out, POLLOUT);

	EXPECT_EQ(0, put(box.out, SMALL, 1));
	hold(p, "poll_enrolled");
	EXPECT_EQ(1, take(box.in));
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(POLLOUT, p->seen);
}

TEST_F(enrolled, receiver)
{
	struct handles box = race_box(0, 0, SMALL, 0);
	struct party *p = poller(box.out, POLLOUT);
	struct party *r = receiver(box.in, SMALL);

	hold(p, "poll_enrolled");
	go(r);
	wait_waiters(box.manage, 0, 1, r->pid);
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(POLLOUT, p->seen);
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	EXPECT_EQ(1, outcome(r));
}

TEST_F(enrolled, removal)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *p = poller(box.in, POLLIN);

	hold(p, "poll_enrolled");
	EXPECT_OK(k_remove(box.manage));
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(GONE, p->seen);
}

/* Who polls before all have been told does not take the news away from them. */
TEST_F(enrolled, removal_is_seen_by_another)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *reads = poller(box.in, POLLIN);
	struct party *writes = poller(box.out, POLLIN);
	struct party *r = remover(box.manage);

	go(reads);
	go(writes);
	wait_for(asleep(reads) && asleep(writes));
	hold(r, "remove_marked");
	EXPECT_EQ(GONE, poll_mask(box.in, POLLIN));
	release("remove_marked");
	EXPECT_EQ(0, outcome(r));
	EXPECT_EQ(0, outcome(reads));
	EXPECT_EQ(0, outcome(writes));
	EXPECT_EQ(GONE, reads->seen);
	EXPECT_EQ(GONE, writes->seen);
}

TEST_F(enrolled, hangup)
{
	struct handles box = race_box(1, SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	struct party *p = poller(box.in, POLLIN);

	hold(p, "poll_enrolled");
	close(box.out);
	release("poll_enrolled");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(POLLIN | POLLHUP, p->seen);
}

/* A hang-up is nothing to who only manages; the removal after it is. */
TEST_F(enrolled, removal_after_hangup)
{
	struct handles box = race_box(1, SMALL, SMALL, KIPC_MAILBOX_HANGUP);
	struct party *p = poller(k_narrow(box.manage, MANAGE, 0), POLLIN);

	go(p);
	wait_for(asleep(p));
	close(box.out);
	close(box.in);
	wait_for(asleep(p));
	EXPECT_OK(k_remove(box.manage));
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(GONE, p->seen);
}

/* Counts in @seen the events of an edge-triggered epoll, up to @number. */
static long act_epoll(struct party *p)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK(ep >= 0);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &e));
	while (p->seen < p->number) {
		CHECK(epoll_wait(ep, &e, 1, -1) == 1);
		CHECK(e.events == EPOLLIN);
		/* One letter, one edge. */
		CHECK(!epoll_wait(ep, &e, 1, 0));
		__atomic_add_fetch(&p->seen, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static bool has_seen(struct party *p, uint64_t events)
{
	return __atomic_load_n(&p->seen, __ATOMIC_SEQ_CST) == events;
}

TEST_F(enrolled, edge)
{
	struct handles box = race_box(9, 9 * SMALL, SMALL, 0);
	struct party *p = party(act_epoll, box.in);

	p->number = 2;
	hold(p, "poll_enrolled");
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	release("poll_enrolled");
	wait_for(has_seen(p, 1));
	wait_for(asleep(p));
	EXPECT_EQ(0, put(box.out, SMALL, 2));
	EXPECT_EQ(0, outcome(p));
}

TEST_F(enrolled, edge_of_what_came_and_went)
{
	struct handles box = race_box(9, 9 * SMALL, SMALL, 0);
	struct party *p = party(act_epoll, box.in);

	p->number = 1;
	hold(p, "poll_enrolled");
	EXPECT_EQ(0, put(box.out, SMALL, 1));
	EXPECT_EQ(1, take(box.in));
	release("poll_enrolled");
	wait_for(asleep(p));
	EXPECT_TRUE(has_seen(p, 0));
	EXPECT_EQ(0, put(box.out, SMALL, 2));
	EXPECT_EQ(0, outcome(p));
}

TEST_HARNESS_MAIN
