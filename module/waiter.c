// SPDX-License-Identifier: GPL-2.0
/*
 * First-in first-out lines of waiting threads.  See waiter.h for the protocol.
 */
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/time_namespace.h>

#include <linux/kipc.h>

#include "compat.h"
#include "debug.h"
#include "trace.h"
#include "waiter.h"

/* Lingering: skip no more than so many times; a yield may take so many nanoseconds. */
#define KIPC_LINGER_SKIP_MAX	255
#define KIPC_LINGER_YIELD_MAX	2500000
/*
 * Looking for the verdict, in nanoseconds.  At most longer than a wake-up of another
 * processor takes, even in a virtual machine: else two who sleep never find out.
 */
#define KIPC_LINGER_WINDOW_MIN	2000
#define KIPC_LINGER_WINDOW_MAX	200000

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
	waiter->since = jiffies;
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
		/* Pairs with the release in kipc_waiter_settle(). */
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

static bool kipc_waiter_has_verdict(const struct kipc_waiter *waiter)
{
	/* Pairs with the release in kipc_waiter_settle(). */
	return smp_load_acquire(&waiter->verdict) != KIPC_WAITING;
}

/* The processor has nothing else to do.  Returns whether there is a verdict. */
static bool kipc_waiter_look(const struct kipc_waiter *waiter, unsigned int window)
{
	u64 start;

	if (!window)
		return false;
	start = sched_clock_cpu(raw_smp_processor_id());
	while (!kipc_waiter_has_verdict(waiter)) {
		if (need_resched() || signal_pending(current) ||
		    sched_clock_cpu(raw_smp_processor_id()) - start > window)
			return false;
		cpu_relax();
	}
	return true;
}

/* It was not worth while: not so often, the next times. */
static void kipc_patience_lose(struct kipc_patience *patience)
{
	unsigned int skip = min(READ_ONCE(patience->penalty) * 2 + 1,
				(unsigned int)KIPC_LINGER_SKIP_MAX);

	WRITE_ONCE(patience->penalty, skip);
	WRITE_ONCE(patience->skip, skip);
}

/* Let those run who have waited longest.  Returns whether there is a verdict. */
static bool kipc_waiter_yield(const struct kipc_waiter *waiter,
			      struct kipc_patience *patience, unsigned int *yields)
{
	u64 start = sched_clock_cpu(raw_smp_processor_id());

	kipc_yield();
	/* Somebody has used the time who had nothing to do with it. */
	if (unlikely(sched_clock_cpu(raw_smp_processor_id()) - start >
		     KIPC_LINGER_YIELD_MAX)) {
		WRITE_ONCE(*yields, 0);
		kipc_patience_lose(patience);
	}
	return kipc_waiter_has_verdict(waiter);
}

/* Others want the processor.  Returns whether there is a verdict. */
static bool kipc_waiter_give_way(const struct kipc_waiter *waiter,
				 struct kipc_patience *patience, unsigned int *yields)
{
	unsigned int skip = READ_ONCE(patience->skip), left, turns;
	unsigned long start = jiffies;
	bool done = false;

	if (skip) {
		WRITE_ONCE(patience->skip, skip - 1);
		return false;
	}
	left = READ_ONCE(*yields);
	if (left) {
		WRITE_ONCE(*yields, left - 1);
		return kipc_waiter_yield(waiter, patience, yields);
	}
	for (turns = 0; !done && turns < KIPC_LINGER_TURNS; turns++) {
		schedule();
		done = kipc_waiter_has_verdict(waiter);
	}
	/* A time slice ends at a tick: the turn was somebody else's. */
	if (likely(done && !time_after(jiffies, start))) {
		skip = READ_ONCE(patience->penalty);
		WRITE_ONCE(patience->penalty, skip - !!skip);
	} else {
		kipc_patience_lose(patience);
	}
	return done;
}

/* It slept so long: would it have been worth while to look? */
static void kipc_patience_learn(struct kipc_patience *patience, u64 slept)
{
	unsigned int window = READ_ONCE(patience->window);

	if (slept > KIPC_LINGER_WINDOW_MAX)
		window /= 2;
	else
		window = clamp(window * 2, (unsigned int)KIPC_LINGER_WINDOW_MIN,
			       (unsigned int)KIPC_LINGER_WINDOW_MAX);
	if (window < KIPC_LINGER_WINDOW_MIN)
		window = 0;
	WRITE_ONCE(patience->window, window);
}

/**
 * kipc_waiter_linger - wait for a verdict that is expected soon
 * @waiter: in its line
 * @deadline: KIPC_DEADLINE_FOREVER or an absolute time
 * @patience: of such waits
 * @yields: so many of these waits, and of those of who will wake it, are beside many
 *	others, who have to have their turn
 *
 * Context: process context, no lock held.
 * Return: as kipc_waiter_sleep().
 */
int kipc_waiter_linger(struct kipc_waiter *waiter, ktime_t deadline,
		       struct kipc_patience *patience, unsigned int *yields)
{
	bool many = num_online_cpus() > 1;
	u64 start;
	int ret;

	if (unlikely(signal_pending(current)))
		return kipc_waiter_sleep(waiter, deadline);
	if (!single_task_running()) {
		if (kipc_waiter_give_way(waiter, patience, yields))
			return 0;
	} else if (many && kipc_waiter_look(waiter, READ_ONCE(patience->window))) {
		return 0;
	}
	if (!many)
		return kipc_waiter_sleep(waiter, deadline);
	start = sched_clock_cpu(raw_smp_processor_id());
	ret = kipc_waiter_sleep(waiter, deadline);
	kipc_patience_learn(patience,
			    sched_clock_cpu(raw_smp_processor_id()) - start);
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
		/* Pairs with the release in kipc_waiter_settle(). */
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
 * kipc_waiter_settle - give a waiter its verdict; the caller will wake it
 * @waiter: in its line, or in none
 * @verdict: KIPC_GRANTED or a negative errno
 *
 * Context: the line's lock is held.
 * Return: the thread, for kipc_wake_task() after the lock is dropped.
 */
struct task_struct *kipc_waiter_settle(struct kipc_waiter *waiter, int verdict)
{
	struct task_struct *task = get_task_struct(waiter->task);

	list_del(&waiter->node);
	kipc_count(KIPC_REF_WAKES, 1);
	kipc_trace(wake, task->pid, verdict);
	/*
	 * Pairs with the acquire in kipc_waiter_sleep().  It may be seen to run from
	 * here on, and need not ask for the lock: nothing touches it any more.
	 */
	smp_store_release(&waiter->verdict, verdict);
	return task;
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
	wake->task[wake->count++] = kipc_waiter_settle(waiter, verdict);
}

/**
 * kipc_wake_task - wake a thread that has got its verdict
 * @task: referenced; the reference is given up
 *
 * Context: process context; no lock is held.
 */
void kipc_wake_task(struct task_struct *task)
{
	/*
	 * Pairs with the barrier in set_current_state() of kipc_waiter_sleep() and
	 * _await(): who is seen to run looks at the verdict before it sleeps.  (With
	 * PREEMPT_RT it may run only to have a lock.)
	 */
	smp_mb();
	if (IS_ENABLED(CONFIG_PREEMPT_RT) ||
	    READ_ONCE(task->__state) != TASK_RUNNING)
		wake_up_process(task);
	put_task_struct(task);
	kipc_count(KIPC_REF_WAKES, -1);
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
	for (i = 0; i < wake->count; i++)
		kipc_wake_task(wake->task[i]);
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
