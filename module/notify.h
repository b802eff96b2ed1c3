/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Telling those who do not wait in line
 *
 * Pollers (poll, select, epoll), receivers of SIGIO, and *listeners* (listener.c), which
 * are threads that have registered for a signal, a few for each object.  An object's
 * poll function takes the object's lock to read its state *after* it has put itself
 * into the wait queue, and whoever changes the state asks kipc_notify_wanted()
 * *under* that lock: so either the poller sees the new state or the changer
 * sees the poller, and the hot path needs no barrier of its own.
 *
 * Whoever changes the state finds out what is *news*: what has become true since it was
 * told last, and what has arrived.  As long as nobody is there to be told, that is not
 * kept.  So who comes is first counted, then has the state looked at as by a poller, and
 * only then is there to be told: it is told of all that happens from then on, and of
 * nothing that was so before.
 */
#ifndef KIPC_NOTIFY_H
#define KIPC_NOTIFY_H

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

struct fasync_struct;
struct file;
struct kipc_account;
struct kipc_notification;

/* News that no poll mask shows, beside EPOLLIN, EPOLLOUT, EPOLLHUP and EPOLLERR. */
#define KIPC_NEWS_NONEMPTY	EPOLLRDBAND	/* EPOLLIN has become true */
#define KIPC_NEWS_CALL		EPOLLMSG	/* a call has to wait to be taken */
#define KIPC_NEWS_LIMIT		EPOLLWRBAND	/* there is no room any more */
#define KIPC_NEWS_END		EPOLLNVAL	/* and with EPOLLHUP and EPOLLERR: of it all */
/* For pollers alone: to some handles this is the end, or is not any more. */
#define KIPC_NEWS_LOOK		EPOLLRDHUP

/* Which receivers of SIGIO: a bit for who may read, one for who may write. */
#define KIPC_ASYNC_READS	1
#define KIPC_ASYNC_WRITES	2
#define KIPC_ASYNC_LISTS	4

/**
 * struct kipc_async - receivers of SIGIO; made with the first, and kept
 * @lists: by KIPC_ASYNC_...
 */
struct kipc_async {
	struct fasync_struct *lists[KIPC_ASYNC_LISTS];
};

/**
 * struct kipc_notify - who is to be told
 * @readers: pollers who may read, or neither read nor write
 * @writers: pollers who may write
 * @choosy: not all who read wait for the same, so one may not be woken for another;
 *	protected by the object's lock, and never unset
 * @lock: protects the next
 * @watchers: how many receivers of SIGIO and listeners there are, or come; also read
 *	without the lock, as a snapshot
 * @listeners: threads that have registered for a signal
 *
 * @async: receivers of SIGIO, or NULL; set under the lock of the object's inode
 *
 * Two queues, so that who may only write cannot catch what is meant for one of
 * those who read (EPOLLEXCLUSIVE), nor make their wake-ups dearer.
 */
struct kipc_notify {
	wait_queue_head_t readers;
	wait_queue_head_t writers;
	bool choosy;

	spinlock_t lock;	/* protects the next two */
	unsigned int watchers;
	struct hlist_head listeners;

	struct kipc_async *async;
};

/**
 * struct kipc_pollers - those who poll one handle; first in what is freed with it
 * @refs: the handle, and those who are just telling
 * @queue: of its own
 * @told: where they are enrolled: @queue, or one of the object's
 * @fasync: the handle, if it is to be sent SIGIO for its replies
 */
struct kipc_pollers {
	refcount_t refs;
	wait_queue_head_t queue;
	wait_queue_head_t *told;
	struct fasync_struct *fasync;
};

/* Under the object's lock: is there anybody? */
static inline bool kipc_notify_wanted(struct kipc_notify *notify)
{
	/* No barrier: pollers take the lock after they have joined the queue. */
	bool readers = waitqueue_active(&notify->readers);
	/* Likewise. */
	bool writers = waitqueue_active(&notify->writers);

	return readers || writers || READ_ONCE(notify->watchers);
}

/* Under the object's lock: what is news in @state, now that @told is known. */
static inline __poll_t kipc_notify_news(__poll_t state, __poll_t *told,
					bool arrived)
{
	__poll_t news = state & ~*told;

	if (news & EPOLLIN)
		news |= KIPC_NEWS_NONEMPTY;
	if (arrived)
		news |= state & EPOLLIN;
	*told = state;
	if (unlikely(news & KIPC_NEWS_END))
		news |= EPOLLHUP | EPOLLERR;
	return news;
}

void kipc_notify_init(struct kipc_notify *notify);
void kipc_notify_wait(struct kipc_notify *notify, struct file *file,
		      poll_table *wait, bool reads, bool writes);
void kipc_notify_pollers(struct kipc_notify *notify, __poll_t news);
void kipc_notify(struct kipc_notify *notify, __poll_t news);
int kipc_notify_make_async(struct kipc_notify *notify,
			   struct kipc_account *account);
void kipc_notify_watch(struct kipc_notify *notify);
void kipc_notify_unwatch(struct kipc_notify *notify);

/* listener.c */
int kipc_listener_set(struct kipc_notify *notify, struct kipc_account *account,
		      const void *by, const struct kipc_notification *wish,
		      __poll_t news, bool guest);
void kipc_listener_forget(struct kipc_notify *notify,
			  struct kipc_account *account, const void *by);
void kipc_listener_tell(struct kipc_notify *notify, __poll_t news);

void kipc_pollers_init(struct kipc_pollers *pollers, wait_queue_head_t *told);
void kipc_pollers_tell(void *handles);
void kipc_pollers_put(struct kipc_pollers *pollers);

#endif /* KIPC_NOTIFY_H */
