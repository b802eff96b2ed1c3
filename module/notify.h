/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Telling those who do not wait in line
 *
 * Pollers (poll, select, epoll) and receivers of SIGIO.  An object's poll
 * function takes the object's lock to read its state *after* it has put itself
 * into the wait queue, and whoever changes the state asks kipc_notify_wanted()
 * *under* that lock: so either the poller sees the new state or the changer
 * sees the poller, and the hot path needs no barrier of its own.
 *
 * Threads that have registered for a signal are *listeners* (listener.c), a few for
 * each object; they are told of single events.
 */
#ifndef KIPC_NOTIFY_H
#define KIPC_NOTIFY_H

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

struct fasync_struct;
struct kipc_account;
struct kipc_notification;

/**
 * struct kipc_notify - who is to be told
 * @readers: pollers who may read, or neither read nor write
 * @writers: pollers who may write
 * @fasync: receivers of SIGIO
 * @choosy: not all who read wait for the same, so one may not be woken for another;
 *	protected by the object's lock, and never unset
 * @lock: protects the next
 * @listening: how many of the next; also read without the lock, as a snapshot
 * @listeners: threads that have registered for a signal
 *
 * Two queues, so that who may only write cannot catch what is meant for one of
 * those who read (EPOLLEXCLUSIVE), nor make their wake-ups dearer.
 */
struct kipc_notify {
	wait_queue_head_t readers;
	wait_queue_head_t writers;
	struct fasync_struct *fasync;
	bool choosy;

	spinlock_t lock;	/* protects the rest */
	unsigned int listening;
	struct hlist_head listeners;
};

/**
 * struct kipc_pollers - those who poll one handle; first in what is freed with it
 * @refs: the handle, and those who are just telling
 * @queue: of its own
 * @told: where they are enrolled: @queue, or one of the object's
 */
struct kipc_pollers {
	refcount_t refs;
	wait_queue_head_t queue;
	wait_queue_head_t *told;
};

/* Under the object's lock: is there anybody? */
static inline bool kipc_notify_wanted(struct kipc_notify *notify)
{
	/* No barrier: pollers take the lock after they have joined the queue. */
	bool readers = waitqueue_active(&notify->readers);
	/* Likewise. */
	bool writers = waitqueue_active(&notify->writers);

	return readers || writers || READ_ONCE(notify->fasync);
}

void kipc_notify_init(struct kipc_notify *notify);
void kipc_notify_wait(struct kipc_notify *notify, struct file *file,
		      poll_table *wait, bool reads, bool writes);
void kipc_notify(struct kipc_notify *notify, __poll_t events);

/* listener.c */
int kipc_listener_set(struct kipc_notify *notify, struct kipc_account *account,
		      const void *by, const struct kipc_notification *wish);
void kipc_listener_forget(struct kipc_notify *notify,
			  struct kipc_account *account, const void *by);
void kipc_listener_tell(struct kipc_notify *notify, u32 event);

/* Has anybody registered?  Who does so just now may miss what happens just now. */
static inline bool kipc_notify_listening(const struct kipc_notify *notify)
{
	return READ_ONCE(notify->listening);
}

/* Something has happened that somebody may have registered for. */
static inline void kipc_notify_event(struct kipc_notify *notify, u32 event)
{
	if (unlikely(kipc_notify_listening(notify)))
		kipc_listener_tell(notify, event);
}

void kipc_pollers_init(struct kipc_pollers *pollers, wait_queue_head_t *told);
void kipc_pollers_tell(void *handles);
void kipc_pollers_put(struct kipc_pollers *pollers);

#endif /* KIPC_NOTIFY_H */
