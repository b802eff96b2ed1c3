/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Reports
 *
 * Who waits for an object, and which of its calls are under way, as rows that a kind
 * fills in while it holds its locks, for somebody who shows them later.  Their number is
 * bounded (KIPC_SHOWN_MAX), and with it the time that a lock is held.
 */
#ifndef KIPC_REPORT_H
#define KIPC_REPORT_H

#include <linux/list.h>
#include <linux/types.h>

#include <linux/kipc_netlink.h>

struct kipc_call;
struct kipc_calls;
struct kipc_waiter;
struct pid;

/**
 * struct kipc_row - a thread that waits, or a call
 * @what: enum kipc_wait, or enum kipc_call_stage
 * @since: jiffies when that began
 * @process: who waits, or the caller; referenced, or NULL
 * @thread: likewise
 *
 * Of a call:
 * @token: of it
 * @server: the process that has it, referenced, or NULL
 * @worker: the thread, likewise
 * @procedure: what was called
 * @depth: how many calls it is nested in
 */
struct kipc_row {
	u32 what;
	unsigned long since;
	struct pid *process;
	struct pid *thread;

	u64 token;
	struct pid *server;
	struct pid *worker;
	u64 procedure;
	u32 depth;
};

/**
 * struct kipc_report - rows
 * @count: of them
 * @rows: what there is of an object
 */
struct kipc_report {
	u32 count;
	struct kipc_row rows[KIPC_SHOWN_MAX];
};

static inline bool kipc_report_full(const struct kipc_report *report)
{
	return report->count == KIPC_SHOWN_MAX;
}

struct kipc_report *kipc_report_create(void);
struct kipc_row *kipc_report_add(struct kipc_report *report, u32 what,
				 unsigned long since);
void kipc_report_waiter(struct kipc_report *report, enum kipc_wait what,
			const struct kipc_waiter *waiter);
void kipc_report_line(struct kipc_report *report, enum kipc_wait what,
		      const struct list_head *line);
struct kipc_row *kipc_report_call(struct kipc_report *report,
				  const struct kipc_call *call);
void kipc_row_set_worker(struct kipc_row *row, struct pid *worker);
void kipc_report_callers(struct kipc_report *report,
			 const struct kipc_call *call);
void kipc_report_calls_of(struct kipc_report *report, struct kipc_calls *calls,
			  bool waiters);
void kipc_report_clear(struct kipc_report *report);

#endif /* KIPC_REPORT_H */
