/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of what is told: kinds, things that happen, and what each side is told of
 * them, by whatever way.
 */
#ifndef KIPC_SELFTEST_EVENT_TABLE_H
#define KIPC_SELFTEST_EVENT_TABLE_H

#include "test.h"
#include "stage.h"

#define NONEMPTY	KIPC_EVENT_NONEMPTY
#define READABLE	KIPC_EVENT_READABLE
#define WRITABLE	KIPC_EVENT_WRITABLE
#define PEER_GONE	KIPC_EVENT_PEER_GONE
#define CALL_WAITS	KIPC_EVENT_CALL
#define LIMIT		KIPC_EVENT_LIMIT

enum {
	OF_LETTERS = 1 << MAILBOX | 1 << QUEUE,
	OF_DATA = OF_LETTERS | 1 << PIPE,
	OF_NUMBERS = 1 << DOORBELL | 1 << SEMAPHORE,
	OF_UNITS = OF_DATA | OF_NUMBERS,
	/* Of which one can be taken where there are two. */
	OF_SINGLES = OF_DATA | 1 << SEMAPHORE,
};

/* What a side is told, and what its poll mask shows then. */
struct told {
	unsigned int events;
	int code;
	short mask;
};

static const struct row {
	const char *name;
	unsigned int kinds;
	enum step before[4];
	enum step cause;
	struct told told[SIDES];
} rows[] = {
	{ "the first comes", OF_UNITS, { NOTHING }, PUT, {
		{ NONEMPTY | READABLE, POLL_IN, POLLIN }, { 0, 0, POLLOUT } } },
	{ "the second comes, the last for which there is room", OF_UNITS, { PUT }, PUT, {
		{ READABLE, POLL_IN, POLLIN }, { 0 }, { LIMIT, 0, 0 } } },
	{ "one is taken, and another is left", OF_SINGLES, { PUT, PUT }, TAKE, {
		{ 0, 0, POLLIN }, { WRITABLE, POLL_OUT, POLLOUT } } },
	{ "the last is taken", OF_UNITS, { PUT }, TAKE, {
		{ 0 }, { 0, 0, POLLOUT } } },
	{ "nobody had asked when it was full", OF_SINGLES, { PUT, PUT, TAKE, TAKE }, PUT, {
		{ NONEMPTY | READABLE, POLL_IN, POLLIN }, { 0, 0, POLLOUT } } },
	{ "all that was rung is taken", 1 << DOORBELL, { PUT, PUT }, TAKE, {
		{ 0 }, { WRITABLE, POLL_OUT, POLLOUT } } },
	{ "nobody had asked when it was rung", 1 << DOORBELL, { PUT, PUT, TAKE }, PUT, {
		{ NONEMPTY | READABLE, POLL_IN, POLLIN }, { 0, 0, POLLOUT } } },
	{ "it is set to all that it can be", 1 << SEMAPHORE, { NOTHING }, FILL, {
		{ NONEMPTY | READABLE, POLL_IN, POLLIN }, { 0 }, { LIMIT, 0, 0 } } },
	{ "it is set to more", 1 << SEMAPHORE, { PUT }, FILL, {
		{ READABLE, POLL_IN, POLLIN }, { 0 }, { LIMIT, 0, 0 } } },
	{ "it is set to 0", 1 << SEMAPHORE, { FILL }, CLEAR, {
		{ 0 }, { WRITABLE, POLL_OUT, POLLOUT } } },
	{ "it is set to what it is", 1 << SEMAPHORE, { FILL }, FILL, {
		{ 0, 0, POLLIN } } },
	{ "who adds leaves", OF_NUMBERS, { PUT }, LEAVE_OUT, {
		{ 0, 0, POLLIN } } },
	{ "who takes leaves", OF_NUMBERS, { PUT }, LEAVE_IN, {
		{ 0 }, { 0, 0, POLLOUT } } },
	{ "the sender leaves", OF_LETTERS, { NOTHING }, LEAVE_OUT, {
		{ PEER_GONE, POLL_HUP, POLLIN | POLLHUP } } },
	{ "the sender leaves something", OF_LETTERS, { PUT }, LEAVE_OUT, {
		{ 0, 0, POLLIN } } },
	{ "what it has left is taken", OF_LETTERS, { PUT, LEAVE_OUT }, TAKE, {
		{ PEER_GONE, POLL_HUP, POLLIN | POLLHUP } } },
	{ "the writer leaves", 1 << PIPE, { NOTHING }, LEAVE_OUT, {
		{ PEER_GONE, POLL_HUP, POLLHUP } } },
	{ "the writer leaves something", 1 << PIPE, { PUT }, LEAVE_OUT, {
		{ PEER_GONE, POLL_HUP, POLLIN | POLLHUP } } },
	{ "what it has left is read", 1 << PIPE, { PUT, LEAVE_OUT }, TAKE, {
		{ 0, 0, POLLHUP } } },
	{ "the receiver leaves", OF_DATA, { NOTHING }, LEAVE_IN, {
		{ 0 }, { PEER_GONE, POLL_ERR, POLLOUT | POLLERR } } },
	{ "it is removed", OF_UNITS, { NOTHING }, REMOVE, {
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ 0, POLL_HUP, POLLHUP | POLLERR } } },
	{ "it is removed with what is in it", OF_UNITS, { PUT, PUT }, REMOVE, {
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ 0, POLL_HUP, POLLHUP | POLLERR } } },
	{ "it is removed after the sender has left", OF_DATA, { LEAVE_OUT }, REMOVE, {
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR }, { 0 },
		{ 0, POLL_HUP, POLLHUP | POLLERR } } },
	{ "a request", 1 << MAILBOX, { NOTHING }, ASK, {
		{ NONEMPTY | READABLE | CALL_WAITS, POLL_IN, POLLIN },
		{ 0, 0, POLLOUT } } },
	{ "a second request", 1 << MAILBOX, { ASK }, ASK, {
		{ READABLE | CALL_WAITS, POLL_IN, POLLIN }, { 0 }, { LIMIT, 0, 0 } } },
	{ "a letter behind a request", 1 << MAILBOX, { ASK }, PUT, {
		{ READABLE, POLL_IN, POLLIN }, { 0 }, { LIMIT, 0, 0 } } },
	{ "a reply", 1 << MAILBOX, { ASK }, ANSWER, {
		{ 0 }, { 0, POLL_PRI, POLLOUT | POLLPRI } } },
	{ "a call waits", 1 << SERVICE, { NOTHING }, ASK, {
		{ CALL_WAITS, POLL_IN, POLLIN } } },
	{ "a second call waits", 1 << SERVICE, { ASK }, ASK, {
		{ CALL_WAITS, POLL_IN, POLLIN } } },
	{ "a reply of a service", 1 << SERVICE, { ASK }, ANSWER, {
		{ 0 }, { 0, POLL_PRI, POLLPRI } } },
	{ "the last binding", 1 << SERVICE, { NOTHING }, BIND, {
		{ 0 }, { 0 }, { LIMIT, 0, 0 } } },
	{ "it is stopped", 1 << SERVICE, { NOTHING }, STOP, {
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ 0, POLL_HUP, POLLHUP | POLLERR } } },
	{ "the service is removed", 1 << SERVICE, { NOTHING }, REMOVE, {
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ PEER_GONE, POLL_HUP, POLLHUP | POLLERR },
		{ 0, POLL_HUP, POLLHUP | POLLERR } } },
};

/* Each cell of a way: a stage, what comes before, the arming, the cause, the check. */
struct cell {
	struct __test_metadata *_metadata;
	const struct row *row;
	enum side side;
	struct stage s;
	int fd;			/* of the side */
	struct told want;
};

static inline void cell_begin(struct cell *c, enum kind kind)
{
	unsigned int i;

	c->s = stage_of(kind);
	for (i = 0; i < ARRAY_SIZE(c->row->before); i++)
		stage_step(&c->s, c->row->before[i]);
	c->fd = c->s.fd[c->side];
	c->want = c->row->told[c->side];
}

/* Its own side first: what happens to the others then is not to be told. */
static inline void cell_end(struct cell *c)
{
	stage_leave(&c->s, c->side);
	stage_end(&c->s);
}

/* Whether the side is there before, and after. */
static inline bool side_stays(const struct row *row, enum side side)
{
	enum step leave = side == IN ? LEAVE_IN : side == OUT ? LEAVE_OUT : NOTHING;
	unsigned int i;

	if (leave == NOTHING)
		return true;
	for (i = 0; i < ARRAY_SIZE(row->before); i++)
		if (row->before[i] == leave)
			return false;
	return row->cause != leave;
}

/* For each cell of the table. */
static inline void each_cell(struct __test_metadata *_metadata, void (*try)(struct cell *))
{
	static const char *const kinds[] = {
		"mailbox", "queue", "pipe", "service", "doorbell", "semaphore"
	};
	static const char *const sides[] = { "in", "out", "manager" };
	struct cell c = { ._metadata = _metadata };
	int kind, side;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (kind = 0; kind < KINDS; kind++) {
			for (side = 0; side < SIDES; side++) {
				c.row = &rows[i];
				c.side = side;
				if (!(rows[i].kinds & 1 << kind) ||
				    !side_stays(c.row, side))
					continue;
				cell_begin(&c, kind);
				try(&c);
				cell_end(&c);
				ASSERT_TRUE(_metadata->passed) {
					TH_LOG("%s: %s, %s", c.row->name,
					       kinds[kind], sides[side]);
				}
			}
		}
	}
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

#endif /* KIPC_SELFTEST_EVENT_TABLE_H */
