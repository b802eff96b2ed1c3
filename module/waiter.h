/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Waiting in line
 *
 * A waiter stands on the stack of the thread that waits, in a list that the
 * object's spinlock protects, oldest first.  Whoever makes the wait's condition
 * true takes the first waiter off the list, gives it a verdict and wakes it:
 * exactly one thread wakes for one event, in the order of arrival.
 *
 *   waiter:                          waker:
 *     lock                             lock
 *     not now? add to the list         first waiter off the list,
 *     unlock                             verdict = KIPC_GRANTED
 *     kipc_waiter_sleep()              unlock
 *     lock                             kipc_wake_flush()
 *     kipc_waiter_leave(): verdict
 *     ...
 *
 * What a grant means is its kind's affair; it is never lost, because a
 * waiter looks at its verdict under the lock after it slept, whatever woke it:
 * a waiter that was granted and must leave passes its grant on.  If what was
 * granted goes away first, kipc_waiter_revoke() puts the waiter back in front.
 *
 * Who expects to wait for a moment only can *linger* before it sleeps: on a processor
 * that it has for itself it looks for the verdict, for a short time; on another it
 * lets the others run, and stays runnable, so that its waker need not wake it.  It
 * learns from how that goes (struct kipc_patience): if others than its waker use the
 * time, or there is no verdict after it, it sleeps at once for the next few times, and for
 * more if it happens again.  Beside many others who wait so it yields to them, and then
 * its waker must do the same, or would come too late: so they share the count of that.
 *
 * A waker collects tasks, referenced, while it holds the lock and wakes them
 * after it has dropped it; likewise one thing more, whatever that is.
 */
#ifndef KIPC_WAITER_H
#define KIPC_WAITER_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/types.h>

struct task_struct;

enum {
	KIPC_WAITING = 1,	/* on the list */
	KIPC_GRANTED = 0,	/* has left the line: the condition holds */
	/* Negative: off the list, an errno for the waiter. */
};

/**
 * struct kipc_waiter - a thread that waits in line
 * @node: in the line; in none; or, once granted, in a list of the kind's, which
 *	may revoke the grant
 * @task: the thread
 * @verdict: KIPC_WAITING, KIPC_GRANTED or a negative errno
 * @need: what it waits for, if waiters of one line differ in that
 * @since: jiffies when it began
 *
 * Protected by the lock of the line; @verdict is also read without it.
 */
struct kipc_waiter {
	struct list_head node;
	struct task_struct *task;
	int verdict;
	size_t need;
	unsigned long since;
};

/**
 * struct kipc_patience - how waits of a sort have gone
 * @skip: so many of the next ones do not let others run
 * @penalty: so many it was the last time
 * @window: nanoseconds that it is worth while to look for the verdict
 *
 * A hint: not protected by anything.
 */
struct kipc_patience {
	unsigned int skip;
	unsigned int penalty;
	unsigned int window;
};

#define KIPC_WAKE_BATCH 8

/**
 * struct kipc_wake - what is to be done after the lock is dropped
 * @count: threads to be woken
 * @task: referenced
 * @then: to be called afterwards, may sleep; or NULL
 * @with: with this
 */
struct kipc_wake {
	unsigned int count;
	struct task_struct *task[KIPC_WAKE_BATCH];
	void (*then)(void *with);
	void *with;
};

static inline void kipc_wake_init(struct kipc_wake *wake)
{
	wake->count = 0;
	wake->then = NULL;
}

static inline bool kipc_wake_empty(const struct kipc_wake *wake)
{
	return !wake->count && !wake->then;
}

static inline bool kipc_wake_full(const struct kipc_wake *wake)
{
	return wake->count == KIPC_WAKE_BATCH || wake->then;
}

void kipc_waiter_start(struct kipc_waiter *waiter);
void kipc_waiter_await(struct kipc_waiter *waiter);
void kipc_waiter_join(struct kipc_waiter *waiter, struct list_head *line);
void kipc_waiter_revoke(struct kipc_waiter *waiter, struct list_head *line);
int kipc_waiter_sleep(struct kipc_waiter *waiter, ktime_t deadline);
int kipc_waiter_linger(struct kipc_waiter *waiter, ktime_t deadline,
		       struct kipc_patience *patience, unsigned int *yields);
int kipc_waiter_leave(struct kipc_waiter *waiter, int reason);

struct task_struct *kipc_waiter_settle(struct kipc_waiter *waiter, int verdict);
void kipc_waiter_wake(struct kipc_waiter *waiter, int verdict,
		      struct kipc_wake *wake);
void kipc_wake_task(struct task_struct *task);
void kipc_wake_flush(struct kipc_wake *wake);

/* Deadlines as the waiting functions take them: CLOCK_MONOTONIC, host's. */
#define KIPC_DEADLINE_NO_WAIT	((ktime_t)0)
#define KIPC_DEADLINE_FOREVER	KTIME_MAX

ktime_t kipc_deadline_import(u64 nanoseconds);

#endif /* KIPC_WAITER_H */
