/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The same on both
 *
 * Each test of FIXTURE(pair) runs twice: on a pipe of pipe(2), whose outcome is what
 * pipe(7) promises, and on one of kipc.  SAME() is what both must give.  Where they differ
 * on purpose, DIFFERS() names the line of the table here that says how and why.  With
 * OTHER_FIXTURE a program has a fixture of its own, with a member @ours as well.
 */
#ifndef KIPC_SELFTEST_PAIRS_H
#define KIPC_SELFTEST_PAIRS_H

#include "test.h"
#include "kpipe.h"

enum difference {
	INHERITED, RESIZED, PACKED, REOPENED, PACKETS, TEED, MAPPED_IN, MANAGED,
	ENDED, BROKEN, KEPT,
};

static const struct {
	long theirs, ours;
	const char *why;
} differences[] = {
	[INHERITED] = { 0, FD_CLOEXEC,
		"no handle goes to programs that know nothing of it" },
	[RESIZED] = { 1 << 20, -EBADF,
		"fcntl knows its own pipes: here KIPC_IOC_PIPE_RESIZE does it" },
	[PACKED] = { -EAGAIN, 1,
		"bytes are counted, not pages: every byte that is free is room" },
	[REOPENED] = { 0, -EACCES,
		"a handle is a capability: /proc does not give what it has not" },
	[PACKETS] = { 0, -EINVAL,
		"packets are what a mailbox is for: not accepted, rather than ignored" },
	[TEED] = { 3, -EINVAL, "tee(2) shares pages of pipe(2) pipes, and here are none" },
	[MAPPED_IN] = { 3, -EBADF, "vmsplice(2) likewise" },
	[ENDED] = { POLL_IN, POLL_HUP, "the signal says what poll says" },
	[BROKEN] = { POLL_OUT, POLL_ERR, "likewise" },
	[KEPT] = { 0, 5, "an object outlives its handles if it was made so, with all in it" },
	[MANAGED] = { -ENOTTY, 0, "whoever holds the right can end it for all" },
};

/* What a call has given: its result, or a negative errno. */
#define OUTCOME(call)	({ long o_ = (call); o_ == -1 ? -errno : o_; })

#define SAME(want, call) do {						\
	long got_ = OUTCOME(call);					\
	EXPECT_EQ((long)(want), got_) {					\
		TH_LOG("%s, %s", #call, self->ours ? "ours" : "theirs");	\
	}								\
} while (0)

#define DIFFERS(which, call) do {					\
	long got_ = OUTCOME(call);					\
	EXPECT_EQ(self->ours ? differences[which].ours :		\
		  differences[which].theirs, got_) {			\
		TH_LOG("%s, %s: %s", #call, self->ours ? "ours" : "theirs",	\
		       differences[which].why);				\
	}								\
} while (0)

#ifndef OTHER_FIXTURE

FIXTURE(pair) {
	struct ends e;
	bool ours;
	int *begun;		/* shared with children */
};

FIXTURE_VARIANT(pair) {
	bool ours;
};

FIXTURE_VARIANT_ADD(pair, theirs) { false };
FIXTURE_VARIANT_ADD(pair, ours) { true };

FIXTURE_SETUP(pair)
{
	self->ours = variant->ours;
	self->e = variant->ours ? ends_of(0, 0) : their_ends();
	self->begun = shared(64 * sizeof(*self->begun));
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(pair)
{
}

#endif /* OTHER_FIXTURE */

#endif /* KIPC_SELFTEST_PAIRS_H */
