/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Failing on purpose
 *
 * inject_run() does an operation again and again, each time on a new scene:
 * first with the first allocation or user copy in it failing, then the second,
 * until it needs fewer.  Each time it must fail as documented and change
 * nothing, or succeed as if nothing had been; then it must succeed once more
 * without a failure, and the letters that were there must still be there, in
 * order.  At last every allocation fails, so that what it falls back on fails too.
 *
 * What fails is chosen by the kernel's fault injection: fail-nth counts in one
 * thread, and make-it-fail marks one.  So the memory of the process is locked,
 * and the operation is nothing but the system calls that are meant.
 */
#ifndef KIPC_SELFTEST_INJECT_H
#define KIPC_SELFTEST_INJECT_H

#include "util.h"

#define MOST_ERRNOS	4
#define SCENE_LETTERS	32
#define SCENE_BUFFER	(128 << 10)
#define SCENE_PIECES	10	/* of a vector: more than the kernel has on its stack */
#define NO_INJECTION	"this kernel has no fault injection"

struct fault_op;

/**
 * struct scene - what an operation works on
 * @op: the operation
 * @ctl: a control descriptor
 * @fd: a mailbox with letters in it, a queue with messages, or a pipe: there a letter is
 *	what was written in one go
 * @other: the operation's own
 * @name: a name for it
 * @ret: what the operation returned, for @done
 * @in: where it receives
 * @out: what it sends
 * @letter: a header that it received
 * @message: likewise, from a queue
 * @deadline: far away; to ask for the time is a system call, too
 * @first: the number of the oldest letter in @fd
 * @next: the number of the next one that is sent; also its seed, and tag or type
 * @size: of each letter
 * @partner: the other side, or 0
 * @served: how many letters that one has received or sent
 * @wanted: how many it should have
 */
struct scene {
	const struct fault_op *op;
	int ctl, fd, other;
	char name[64];
	long ret;
	unsigned char *in, *out;
	struct kipc_letter letter;
	struct kipc_message message;
	uint64_t deadline;
	unsigned int first, next;
	size_t size[SCENE_LETTERS];
	pid_t partner;
	unsigned int *served, wanted;
};

/**
 * struct fault_op - an operation
 * @enter: do all of it in a child that has gone elsewhere; or NULL
 * @set_up: what the scene needs beyond a mailbox with three letters; or NULL
 * @call: do it: -1 and errno, or success
 * @done: it has succeeded: check that, and make a second time possible; or NULL
 * @end: what goes with the scene beyond its descriptors; or NULL
 * @size: a letter's, as @call and @set_up understand it
 * @flags: likewise
 * @want: the errno that it gives if nothing fails, or 0
 * @errnos: those that the manual gives it for memory and for bad pointers; each must
 *	be met
 * @least: how many failures must reach the caller
 * @absorbs: how many it must bear
 * @keeps: when it fails it may keep memory, with the object, for the next time
 * @late: what it gives back, the kernel may give back a moment later
 * @queue: the scene has a queue in place of the mailbox
 * @pipe: likewise, a pipe
 * @bare: the scene has no mailbox and no control descriptor
 */
struct fault_op {
	void (*enter)(void);
	void (*set_up)(struct scene *sc);
	long (*call)(struct scene *sc);
	void (*done)(struct scene *sc);
	void (*end)(struct scene *sc);
	size_t size;
	unsigned int flags;
	int want;
	int errnos[MOST_ERRNOS];
	unsigned int least, absorbs;
	bool keeps, late, queue, pipe, bare;
};

/* Can this kernel do it?  Then everything is set for it, until inject_end(). */
bool inject_begin(void);
void inject_end(void);

/* 0, or it ends this process: it says what is wrong. */
int inject_run(const struct fault_op *op);

/* The failures themselves: the n-th, or every allocation. */
void inject_arm(unsigned int n);
unsigned int inject_disarm(void);	/* what is left of @n; 0: it has happened */
bool inject_arm_all(void);		/* false: may not, for want of privilege */
void inject_disarm_all(void);

/* Letters of a scene: put one in, note one that was sent or received. */
void scene_put(struct scene *sc, size_t size);
const void *scene_prepare(struct scene *sc, size_t size);
void scene_sent(struct scene *sc, size_t size);
void scene_gone(struct scene *sc);
void scene_received(struct scene *sc, size_t size);
size_t scene_front(const struct scene *sc);

/* What an operation does: as much as its size, in one piece, or in several. */
long scene_write(struct scene *sc);
long scene_writev(struct scene *sc);
long scene_readv(struct scene *sc);

enum partner {
	PARTNER_RECEIVES,	/* waits in a receive, again and again */
	PARTNER_TAKES,		/* receives when a sender waits */
	PARTNER_GIVES,		/* sends when a receiver waits */
};

void scene_partner(struct scene *sc, enum partner what, size_t size);
void scene_await_partner(struct scene *sc);

/* Open file, read, close: the bytes read. */
long read_whole(const char *path, void *data, size_t size);

#endif /* KIPC_SELFTEST_INJECT_H */
