/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of forced races share.
 *
 * DOC: Forced races
 *
 * A *party* is a process that does one thing on one descriptor, its only one, when
 * it is told to.  A test holds it at a delay point of the module (module/debug.h),
 * does meanwhile what shall race with it, and lets it go on:
 *
 *	r = receiver(fd, 8);
 *	hold(r, "before_sleep");	r stands in line, and does not sleep yet
 *	put(fd, 8, 1);
 *	release("before_sleep");
 *	EXPECT_EQ(1, outcome(r));	it has letter 1
 *
 * The outcome of everything here is a negative errno, or else: of a receive, the
 * number of the letter; of what makes a handle, the object's id; else 0.
 */
#ifndef KIPC_SELFTEST_RACE_H
#define KIPC_SELFTEST_RACE_H

#include "util.h"

enum {
	SMALL = 8,		/* copied under the lock */
	LARGE = 5000,		/* not so */
	KILLED = -1000,		/* the outcome of who was killed */
	WAITS = 1000		/* the fate of who goes on waiting */
};

/**
 * struct party - somebody who does one thing; in memory that is shared with it
 * @act: what it does
 * @fd: with which descriptor
 * @name: and these, up to the one that counts for @act, may be changed until go()
 * @size: of the letter, or of the buffer
 * @number: of the letter
 * @deadline: KIPC_FOREVER
 * @type: of the message, in a queue
 * @selector: which message, likewise
 * @flags: of the ioctl; of poll, the events
 * @rights: of the handle to be made
 * @cold: the buffer's pages are not there
 * @unwritable: the buffer cannot be written
 * @nobody: it is not root
 * @stays: it lives on, with what it has opened, until dismiss()
 * @pid: of its process
 * @ready: 1: it waits for @go; 2: it acts
 * @go: 1: act; 2: exit
 * @done: @result is there
 * @result: see above
 * @seen: the poll mask; the letter's sequence number
 * @caught: signals that it has handled
 */
struct party {
	long (*act)(struct party *p);
	int fd;
	const char *name;
	size_t size;
	uint64_t number, type, deadline;
	struct kipc_selector selector;
	unsigned int flags, rights;
	bool cold, unwritable, nobody, stays;

	pid_t pid;
	int ready, go, done;
	long result;
	uint64_t seen;
	int caught;
};

/* The delay points. */
bool delay_points(void);		/* are they there? then all are idle now */
void arm(const char *point, struct party *p);
void wait_held(const char *point, struct party *p);
void release(const char *point);

/* Parties.  They do not act before go() or hold(). */
struct party *party(long (*act)(struct party *p), int fd);
struct party *sender(int fd, size_t size, uint64_t number);
struct party *receiver(int fd, size_t size);
struct party *remover(int fd);
struct party *closer(int fd);		/* fd is its, and closed here */
struct party *poller(int fd, short events);
struct party *opener(int ctl, const char *name, unsigned int rights);
struct party *creator(int ctl, const char *name, unsigned int flags);

void go(struct party *p);
void hold(struct party *p, const char *point);		/* arm, go, wait_held */
bool asleep(struct party *p);				/* in the kernel */
void interrupt(struct party *p);			/* a signal, with a handler */
long outcome(struct party *p);				/* and it is gone, unless it stays */
void dismiss(struct party *p);
long killed(struct party *p);				/* SIGKILL, and the outcome */

/* For what a party does: @data, from malloc(), or its copy as @cold and so on say. */
void *placed(const struct party *p, char *data, size_t size);

/* What the test itself does, without waiting. */
long put(int fd, size_t size, uint64_t number);
long take(int fd);
long peek(int fd);

/* Of one object, each with one right. */
struct handles {
	int in, out, manage;
};

/* Made of a handle with all rights, which is closed. */
struct handles race_handles(int fd);

/* Of a mailbox without a name. */
struct handles race_box(uint64_t letters, uint64_t bytes, uint32_t size,
			uint32_t flags);

/* Ends every party, closes every descriptor, and CHECKs that nothing is left. */
void race_end(void);

/* Those who wait. */

/* Where somebody is held, and what has happened to it there. */
struct state {
	const char *point;
	bool granted;		/* it has its verdict */
	bool late;		/* its deadline has passed */
	bool signalled;
};

/* For variants of a fixture. */
extern const struct state drowsy, drowsy_late, drowsy_signalled, drowsy_granted,
	drowsy_granted_late, drowsy_granted_signalled, awake_granted,
	awake_granted_signalled, awake_late, awake_signalled;

/* Somebody comes, and is held in that state; @grant gives the verdict. */
void bring(struct party *p, const struct state *at, const struct handles *box,
	   void (*grant)(const struct handles *box));
/* What comes of it if nothing else happens. */
long fate(const struct state *at, long granted);

/* In a FIXTURE_SETUP. */
#define NEED_DELAY_POINTS() do {					\
	if (!delay_points())						\
		SKIP_FROM_SETUP("the module has no delay points");	\
} while (0)

#endif /* KIPC_SELFTEST_RACE_H */
