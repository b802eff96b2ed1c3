// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits, and which calls are under way, over netlink.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/sched.h>

#include <linux/kipc.h>

#include "../compat.h"
#include "../object.h"
#include "../report.h"
#include "netlink.h"

/**
 * struct kipc_rows_progress - what a dump of rows has got to
 * @id: of the object whose rows @report has, or of the next one
 * @last: of the last one that there was when it began, or of the only one
 * @next: the first row that has not been shown
 * @report: rows
 * @names: of the IPC namespace that it is about
 */
struct kipc_rows_progress {
	u64 id;
	u64 last;
	u32 next;
	struct kipc_report *report;
	struct kipc_names *names;
};

static struct kipc_rows_progress *kipc_rows_progress(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct kipc_rows_progress) > sizeof(cb->ctx));
	return (void *)cb->ctx;
}

/**
 * kipc_netlink_rows_start - a dump of rows begins
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int kipc_netlink_rows_start(struct netlink_callback *cb)
{
	struct kipc_rows_progress *progress = kipc_rows_progress(cb);
	struct nlattr *only = kipc_dump_attrs(cb)[KIPC_A_ID];

	if (only)
		progress->id = nla_get_u64(only);
	progress->last = only ? progress->id : kipc_objects_last();
	progress->report = kipc_report_create();
	if (!progress->report)
		return -ENOMEM;
	progress->names = kipc_names_get();
	if (!IS_ERR(progress->names))
		return 0;
	kvfree(progress->report);
	return PTR_ERR(progress->names);
}

/**
 * kipc_netlink_rows_done - it ends, be it complete or not
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: 0
 */
int kipc_netlink_rows_done(struct netlink_callback *cb)
{
	struct kipc_rows_progress *progress = kipc_rows_progress(cb);

	kipc_report_clear(progress->report);
	kvfree(progress->report);
	kipc_names_put(progress->names);
	return 0;
}

/* These return 0, or else there is no room. */
static int kipc_row_put_pids(struct sk_buff *skb, const struct kipc_row *row)
{
	return nla_put_u32(skb, KIPC_A_PID, pid_vnr(row->process)) |
	       nla_put_u32(skb, KIPC_A_TID, pid_vnr(row->thread));
}

static int kipc_row_put_call(struct sk_buff *skb, const struct kipc_row *row)
{
	int ret = nla_put_u64_64bit(skb, KIPC_A_TOKEN, row->token, KIPC_A_PAD);

	ret |= nla_put_u32(skb, KIPC_A_STATE, row->what);
	ret |= nla_put_u64_64bit(skb, KIPC_A_PROCEDURE, row->procedure, KIPC_A_PAD);
	ret |= nla_put_u32(skb, KIPC_A_DEPTH, row->depth);
	if (row->process)
		ret |= kipc_row_put_pids(skb, row);
	if (row->server)
		ret |= nla_put_u32(skb, KIPC_A_SERVER_PID, pid_vnr(row->server));
	if (row->worker)
		ret |= nla_put_u32(skb, KIPC_A_SERVER_TID, pid_vnr(row->worker));
	return ret;
}

/* Returns false if there is no room. */
static bool kipc_row_message(struct sk_buff *skb, struct netlink_callback *cb,
			     const struct kipc_row *row, u64 id, bool calls)
{
	void *head;
	int ret;

	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &kipc_family, NLM_F_MULTI,
			   calls ? KIPC_CMD_CALL : KIPC_CMD_WAITER);
	if (!head)
		return false;
	genl_dump_check_consistent(cb, head);
	ret = nla_put_u64_64bit(skb, KIPC_A_ID, id, KIPC_A_PAD);
	ret |= nla_put_u64_64bit(skb, KIPC_A_SINCE,
				 jiffies_to_nsecs(jiffies - row->since), KIPC_A_PAD);
	if (calls)
		ret |= kipc_row_put_call(skb, row);
	else
		ret |= nla_put_u32(skb, KIPC_A_WHAT, row->what) |
		       kipc_row_put_pids(skb, row);
	if (ret)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return !ret;
}

/* Rows of the next object that has some and shows them.  Returns whether there is one. */
static bool kipc_rows_fetch(struct netlink_callback *cb, bool calls)
{
	struct kipc_rows_progress *progress = kipc_rows_progress(cb);
	struct nlattr **attrs = kipc_dump_attrs(cb);
	struct kipc_report *report = progress->report;
	struct kipc_object *object;

	kipc_report_clear(report);
	progress->next = 0;
	while (!report->count) {
		object = kipc_objects_next(&progress->id, progress->last);
		if (!object)
			return false;
		if (kipc_object_inside_shown(object, cb->skb,
					     object->home == progress->names,
					     attrs[KIPC_A_ALL])) {
			if (!calls)
				object->kind->waiters(object, report);
			else if (object->kind->calls)
				object->kind->calls(object, report);
		}
		kipc_object_put(object);
		if (!report->count)
			progress->id++;
		cond_resched();
	}
	return true;
}

static int kipc_rows_dump(struct sk_buff *skb, struct netlink_callback *cb, bool calls)
{
	struct kipc_rows_progress *progress = kipc_rows_progress(cb);
	struct kipc_report *report = progress->report;

	cb->seq = kipc_objects_generation();
	while (progress->next < report->count || kipc_rows_fetch(cb, calls)) {
		for (; progress->next < report->count; progress->next++)
			if (!kipc_row_message(skb, cb, &report->rows[progress->next],
					      progress->id, calls))
				return skb->len;
		progress->id++;
	}
	return skb->len;
}

/**
 * kipc_netlink_waiters - KIPC_CMD_WAITER
 * @skb: what the dump goes to
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: bytes in @skb, 0 at the end.
 */
int kipc_netlink_waiters(struct sk_buff *skb, struct netlink_callback *cb)
{
	return kipc_rows_dump(skb, cb, false);
}

/**
 * kipc_netlink_calls - KIPC_CMD_CALL
 * @skb: what the dump goes to
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: bytes in @skb, 0 at the end.
 */
int kipc_netlink_calls(struct sk_buff *skb, struct netlink_callback *cb)
{
	return kipc_rows_dump(skb, cb, true);
}
