/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Events
 *
 * What happens to objects, for those who watch all of them (netlink).  As long as nobody
 * does, an event costs one branch that is never taken.  Else it is written down where it
 * happens, in whatever context, and told later by a work; so whoever causes it waits for
 * nobody, and may hold a lock.  If there is no memory, or too many have not been told
 * yet, it is lost, and that is counted.
 */
#ifndef KIPC_EVENT_H
#define KIPC_EVENT_H

#include <linux/jump_label_ratelimit.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <linux/kipc_netlink.h>

struct pid;
struct user_namespace;

/**
 * struct kipc_event - what has happened
 * @node: in the line of those to be told
 * @number: events are counted as they join that
 * @what: KIPC_HAPPENED_...
 * @process: who caused it, referenced, or NULL: the kernel
 * @cause: its effective user
 * @uid: the object's owner, or the user whose limit was hit
 * @owner: the user namespace that owns the object's IPC namespace, or that is @uid's;
 *	referenced
 *
 * Of a limit:
 * @resource: enum kipc_resource
 *
 * Of an object:
 * @id: its number
 * @kind: KIPC_KIND_...
 * @gid: its group
 * @mode: permission bits
 * @ipc: the number of its IPC namespace
 * @name: ends in NUL; empty: none
 */
struct kipc_event {
	struct list_head node;
	u64 number;
	u32 what;
	u32 resource;
	struct pid *process;
	kuid_t cause;
	u64 id;
	u32 kind;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	u32 ipc;
	struct user_namespace *owner;
	char name[];
};

/**
 * struct kipc_subscriber - somebody who is to be told
 * @node: among all of them
 * @since: the number of the last event before it came
 * @lost: events that nobody had been told by then
 * @tell: tell it one, may sleep; @lost is a snapshot
 */
struct kipc_subscriber {
	struct list_head node;
	u64 since;
	u64 lost;
	void (*tell)(struct kipc_subscriber *subscriber,
		     const struct kipc_event *event, u64 lost);
};

extern struct static_key_false_deferred kipc_events_wanted;

static inline bool kipc_event_wanted(void)
{
	return static_branch_unlikely(&kipc_events_wanted.key);
}

struct kipc_event *kipc_event_new(u32 what, size_t name);
void kipc_event_tell(struct kipc_event *event);
void kipc_event_subscribe(struct kipc_subscriber *subscriber);
void kipc_event_unsubscribe(struct kipc_subscriber *subscriber);
void kipc_events_teardown(void);

#endif /* KIPC_EVENT_H */
