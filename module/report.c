// SPDX-License-Identifier: GPL-2.0
/*
 * Rows of a report.  See report.h.
 */
#include <linux/pid.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "call.h"
#include "report.h"
#include "waiter.h"

/* Records that are looked at with the lock held. */
#define KIPC_REPORT_BATCH 64

/**
 * kipc_report_create - make an empty one
 *
 * Context: process context, may sleep.
 * Return: the report, to be freed by kvfree(), or NULL.
 */
struct kipc_report *kipc_report_create(void)
{
	struct kipc_report *report = kvmalloc(sizeof(*report),
					      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (report)
		report->count = 0;
	return report;
}

/**
 * kipc_report_add - one row more
 * @report: where to
 * @what: enum kipc_wait, or enum kipc_call_stage
 * @since: jiffies when that began
 *
 * Context: any.
 * Return: the row, the rest of it zeroed, or NULL: there is no room.
 */
struct kipc_row *kipc_report_add(struct kipc_report *report, u32 what,
				 unsigned long since)
{
	struct kipc_row *row;

	if (kipc_report_full(report))
		return NULL;
	row = &report->rows[report->count++];
	memset(row, 0, sizeof(*row));
	row->what = what;
	row->since = since;
	return row;
}

/* It sleeps or is about to, under a lock that it needs to go on: it lives. */
static void kipc_row_set_thread(struct kipc_row *row, struct task_struct *task)
{
	rcu_read_lock();
	row->process = get_pid(task_tgid(task));
	row->thread = get_pid(task_pid(task));
	rcu_read_unlock();
}

/**
 * kipc_report_waiter - a thread that waits
 * @report: where to
 * @what: for what
 * @waiter: its waiter
 *
 * Context: the lock that protects it is held.
 */
void kipc_report_waiter(struct kipc_report *report, enum kipc_wait what,
			const struct kipc_waiter *waiter)
{
	struct kipc_row *row;

	/* It may have a verdict, and not have run yet. */
	if (waiter->verdict != KIPC_WAITING)
		return;
	row = kipc_report_add(report, what, waiter->since);
	if (row)
		kipc_row_set_thread(row, waiter->task);
}

/**
 * kipc_report_line - threads that wait in line
 * @report: where to
 * @what: for what
 * @line: of struct kipc_waiter
 *
 * Context: the line's lock is held.
 */
void kipc_report_line(struct kipc_report *report, enum kipc_wait what,
		      const struct list_head *line)
{
	const struct kipc_waiter *waiter;

	list_for_each_entry(waiter, line, node) {
		if (kipc_report_full(report))
			return;
		kipc_report_waiter(report, what, waiter);
	}
}

static enum kipc_call_stage kipc_call_stage(const struct kipc_call *call)
{
	switch (call->state) {
	case KIPC_CALL_QUEUED:
		return KIPC_STAGE_QUEUED;
	case KIPC_CALL_DONE:
		return KIPC_STAGE_DONE;
	default:
		return call->party ? KIPC_STAGE_SERVED : KIPC_STAGE_ORPHAN;
	}
}

/**
 * kipc_report_call - a call that is not over
 * @report: where to
 * @call: the record
 *
 * Context: the lock of the calls is held.
 * Return: the row, with who waits for the reply as the caller; or NULL: it is over, or
 * there is no room.
 */
struct kipc_row *kipc_report_call(struct kipc_report *report,
				  const struct kipc_call *call)
{
	struct kipc_row *row;

	if (call->state == KIPC_CALL_FREE)
		return NULL;
	row = kipc_report_add(report, kipc_call_stage(call), call->since);
	if (!row)
		return NULL;
	row->token = call->token;
	if (call->claim && call->claim->waiter.verdict == KIPC_WAITING)
		kipc_row_set_thread(row, call->claim->waiter.task);
	if (call->state == KIPC_CALL_TAKEN || call->state == KIPC_CALL_ANSWERING)
		row->server = get_pid(call->server);
	return row;
}

/**
 * kipc_row_set_worker - which thread has a call
 * @row: of the call
 * @worker: the thread, which may be dead
 *
 * Context: the lock of the calls is held.
 */
void kipc_row_set_worker(struct kipc_row *row, struct pid *worker)
{
	struct task_struct *task;

	row->worker = get_pid(worker);
	rcu_read_lock();
	task = pid_task(worker, PIDTYPE_PID);
	if (task)
		row->server = get_pid(task_tgid(task));
	rcu_read_unlock();
}

/**
 * kipc_report_callers - who waits for the reply to a call
 * @report: where to
 * @call: the record; if it is the first of its caller, those who wait for any too
 *
 * Context: the lock of the calls is held.
 */
void kipc_report_callers(struct kipc_report *report, const struct kipc_call *call)
{
	const struct kipc_caller *caller = call->caller;

	if (call->state == KIPC_CALL_FREE)
		return;
	if (call->claim)
		kipc_report_waiter(report, KIPC_WAIT_REPLY, &call->claim->waiter);
	if (call->party && call->node.prev == &caller->calls)
		kipc_report_line(report, KIPC_WAIT_REPLY, &caller->collectors);
}

/**
 * kipc_report_calls_of - all calls of an object, or all who wait for their replies
 * @report: where to
 * @calls: of the object, or NULL if there was none yet
 * @waiters: the latter
 *
 * Context: process context; the lock is not held, and taken for a batch at a time.
 */
void kipc_report_calls_of(struct kipc_report *report, struct kipc_calls *calls,
			  bool waiters)
{
	const struct kipc_call *call = NULL;
	unsigned long place = 0;
	unsigned int i;

	if (!calls)
		return;
	do {
		spin_lock(calls->lock);
		for (i = 0; i < KIPC_REPORT_BATCH; i++) {
			call = kipc_calls_next(calls, &place);
			if (!call)
				break;
			if (waiters)
				kipc_report_callers(report, call);
			else
				kipc_report_call(report, call);
		}
		spin_unlock(calls->lock);
		cond_resched();
	} while (call && !kipc_report_full(report));
}

/**
 * kipc_report_clear - forget all rows
 * @report: the report
 *
 * Context: any.
 */
void kipc_report_clear(struct kipc_report *report)
{
	struct kipc_row *row;

	for (row = report->rows; report->count; row++, report->count--) {
		put_pid(row->process);
		put_pid(row->thread);
		put_pid(row->server);
		put_pid(row->worker);
	}
}
