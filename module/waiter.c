// SPDX-License-Identifier: GPL-2.0
/*
 * First-in first-out lines of waiting threads.  See waiter.h for the protocol.
 */
#include <linux/hrtimer.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/time_namespace.h>

#include <linux/kipc.h>

#include "debug.h"
#include "waiter.h"

/**
 * kipc_waiter_start - begin to wait, in no line: somebody else knows the waiter
 * @waiter: of the calling thread
 *
 * Context: the lock that protects it is held, or nobody knows it yet.
 */
void kipc_waiter_start(struct kipc_waiter *waiter)
{
	INIT_LIST_HEAD(&waiter->node);
	waiter->task = current;
	waiter->verdict = KIPC_WAITING;
}

/**
 * kipc_waiter_join - stand in line, at the end
 * @waiter: of the calling thread
 * @line: the list
 *
 * Context: the line's lock is held.
 */
void kipc_waiter_join(struct kipc_waiter *waiter, struct list_head *line)
{
	kipc_waiter_start(waiter);
	list_add_tail(&waiter->node, line);
}

/**
 * kipc_waiter_revoke - take a grant back; the waiter stands in front of its line
 * @waiter: was granted, and has not had the lock since; in a list
 * @line: the list
 *
 * It may be awake already: then it finds KIPC_WAITING and sleeps again.
 *
 * Context: the line's lock is held.
 */
void kipc_waiter_revoke(struct kipc_waiter *waiter, struct list_head *line)
{
	list_move(&waiter->node, line);
	WRITE_ONCE(waiter->verdict, KIPC_WAITING);
}

/**
 * kipc_waiter_sleep - sleep until there is a verdict
 * @waiter: in its line
 * @deadline: KIPC_DEADLINE_FOREVER or an absolute time
 *
 * Context: process context, no lock held.
 * Return: 0 if there was a verdict (it may be revoked before the lock is had),
 * -ERESTARTSYS for a signal, -ETIMEDOUT.  The
 * caller takes the lock and hands that to kipc_waiter_leave(), which knows
 * better: a verdict may have come meanwhile.
 */
int kipc_waiter_sleep(struct kipc_waiter *waiter, ktime_t deadline)
{
	int ret = 0;

	kipc_delay(KIPC_DELAY_BEFORE_SLEEP);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		/* Pairs with the release in kipc_waiter_wake(). */
		if (smp_load_acquire(&waiter->verdict) != KIPC_WAITING)
			break;
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		if (deadline == KIPC_DEADLINE_FOREVER) {
			schedule();
		} else if (!schedule_hrtimeout_range(&deadline,
						     current->timer_slack_ns,
						     HRTIMER_MODE_ABS)) {
			ret = -ETIMEDOUT;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	kipc_delay(KIPC_DELAY_AFTER_SLEEP);
	return ret;
}

/**
 * kipc_waiter_await - sleep until there is a verdict, whatever happens
 * @waiter: will get its verdict soon, from a thread that does not sleep
 *
 * Context: process context, no lock held.
 */
void kipc_waiter_await(struct kipc_waiter *waiter)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		/* Pairs with the release in kipc_waiter_wake(). */
		if (smp_load_acquire(&waiter->verdict) != KIPC_WAITING)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * kipc_waiter_leave - the end of a wait
 * @waiter: slept
 * @reason: what kipc_waiter_sleep() returned
 *
 * Context: the line's lock is held.
 * Return: the verdict if there is one (KIPC_GRANTED, or a negative errno), else
 * @reason; the waiter is off its line in every case.  If the kind has put those
 * that were granted into a list, it takes the waiter off that.
 */
int kipc_waiter_leave(struct kipc_waiter *waiter, int reason)
{
	if (waiter->verdict != KIPC_WAITING)
		return waiter->verdict;
	list_del(&waiter->node);
	return reason;
}

/**
 * kipc_waiter_wake - give a waiter its verdict
 * @waiter: in its line, or in none
 * @verdict: KIPC_GRANTED or a negative errno
 * @wake: where to remember the thread; must not be full
 *
 * Context: the line's lock is held.
 */
void kipc_waiter_wake(struct kipc_waiter *waiter, int verdict,
		      struct kipc_wake *wake)
{
	list_del(&waiter->node);
	wake->task[wake->count++] = get_task_struct(waiter->task);
	kipc_count(KIPC_REF_WAKES, 1);
	/*
	 * Pairs with the acquire in kipc_waiter_sleep().  The waiter stays in
	 * place until it gets the lock, but may be seen to run from here on.
	 */
	smp_store_release(&waiter->verdict, verdict);
}

/**
 * kipc_wake_flush - do what was put off until the lock is dropped
 * @wake: is empty afterwards
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_wake_flush(struct kipc_wake *wake)
{
	unsigned int i;

	if (wake->count)
		kipc_delay(KIPC_DELAY_BEFORE_WAKE);
	for (i = 0; i < wake->count; i++) {
		wake_up_process(wake->task[i]);
		put_task_struct(wake->task[i]);
		kipc_count(KIPC_REF_WAKES, -1);
	}
	wake->count = 0;
	if (unlikely(wake->then))
		wake->then(wake->with);
	wake->then = NULL;
}

/* The monotonic clock of a time namespace is the host's plus an offset. */
static ktime_t kipc_timens_to_host(ktime_t time)
{
#ifdef CONFIG_TIME_NS
	struct timens_offsets *offsets = &current->nsproxy->time_ns->offsets;
	ktime_t offset = timespec64_to_ktime(offsets->monotonic);

	if (offset < 0 && time > KTIME_MAX + offset)
		return KIPC_DEADLINE_FOREVER;
	time = ktime_sub(time, offset);
#endif
	return time;
}

/**
 * kipc_deadline_import - the deadline that a user gave
 * @nanoseconds: KIPC_NO_WAIT, KIPC_FOREVER, or CLOCK_MONOTONIC in the caller's
 *	time namespace
 *
 * Return: KIPC_DEADLINE_NO_WAIT, KIPC_DEADLINE_FOREVER, or the time on the
 * host's clock.
 */
ktime_t kipc_deadline_import(u64 nanoseconds)
{
	ktime_t time;

	if (nanoseconds == KIPC_NO_WAIT)
		return KIPC_DEADLINE_NO_WAIT;
	if (nanoseconds >= KTIME_MAX)
		return KIPC_DEADLINE_FOREVER;
	time = kipc_timens_to_host(nanoseconds);
	/* A time before the host's clock began has passed: not "no wait". */
	return time > 0 ? time : 1;
}
