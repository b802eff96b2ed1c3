// SPDX-License-Identifier: GPL-2.0
/*
 * What poll, select and epoll in each of its modes show of each cell of the table; and
 * the edges are those of which signals are sent.
 */
#include "event_table.h"

#include <sys/epoll.h>
#include <sys/select.h>

#define ASKED	(POLLIN | POLLOUT | POLLPRI)

static void try_poll(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;

	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(c->want.mask, poll_mask(c->fd, ASKED));
}

TEST(poll_masks)
{
	each_cell(_metadata, try_poll);
}

/* By the kernel's sets: an error is there to be read, and a hang-up too. */
static void try_select(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	struct timeval none = { 0 };
	fd_set in, out, except;

	stage_step(&c->s, c->row->cause);
	FD_ZERO(&in);
	FD_SET(c->fd, &in);
	out = in;
	except = in;
	EXPECT_LE(0, select(c->fd + 1, &in, &out, &except, &none));
	EXPECT_EQ(!!(c->want.mask & (POLLIN | POLLHUP | POLLERR)),
		  !!FD_ISSET(c->fd, &in));
	EXPECT_EQ(!!(c->want.mask & (POLLOUT | POLLERR)), !!FD_ISSET(c->fd, &out));
	EXPECT_EQ(!!(c->want.mask & POLLPRI), !!FD_ISSET(c->fd, &except));
}

TEST(select_sets)
{
	each_cell(_metadata, try_select);
}

static int epoll_of(int fd, unsigned int mode, unsigned int events)
{
	struct epoll_event event = { .events = mode | events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	CHECK(epoll >= 0);
	CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	return epoll;
}

/* What it reports, or 0. */
static unsigned int epoll_look(int epoll)
{
	struct epoll_event event;
	int n = epoll_wait(epoll, &event, 1, 0);

	CHECK(n >= 0);
	return n ? event.events : 0;
}

static void try_level(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	int epoll = epoll_of(c->fd, 0, EPOLLIN | EPOLLOUT | EPOLLPRI);

	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(c->want.mask, epoll_look(epoll));
	EXPECT_EQ(c->want.mask, epoll_look(epoll));
	close(epoll);
}

TEST(epoll_level)
{
	each_cell(_metadata, try_level);
}

/* Each that a signal tells, and nothing else. */
static void try_edge(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	int epoll = epoll_of(c->fd, EPOLLET, EPOLLIN | EPOLLOUT | EPOLLPRI);

	epoll_look(epoll);
	EXPECT_EQ(0, epoll_look(epoll));
	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(c->want.code ? c->want.mask : 0, epoll_look(epoll));
	EXPECT_EQ(0, epoll_look(epoll));
	close(epoll);
}

TEST(epoll_edge)
{
	each_cell(_metadata, try_edge);
}

static void try_one_shot(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	unsigned int events = EPOLLIN | EPOLLOUT | EPOLLPRI;
	struct epoll_event again = { .events = EPOLLONESHOT | events };
	int epoll;

	stage_step(&c->s, c->row->cause);
	epoll = epoll_of(c->fd, EPOLLONESHOT, events);
	EXPECT_EQ(c->want.mask, epoll_look(epoll));
	EXPECT_EQ(0, epoll_look(epoll));
	ASSERT_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &again));
	EXPECT_EQ(c->want.mask, epoll_look(epoll));
	close(epoll);
}

TEST(epoll_one_shot)
{
	each_cell(_metadata, try_one_shot);
}

static void try_exclusive(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	int epoll = epoll_of(c->fd, EPOLLEXCLUSIVE, EPOLLIN | EPOLLOUT);

	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(c->want.mask & ~POLLPRI, epoll_look(epoll));
	close(epoll);
}

TEST(epoll_exclusive)
{
	each_cell(_metadata, try_exclusive);
}

TEST_HARNESS_MAIN
