// SPDX-License-Identifier: GPL-2.0
/*
 * Poll wake-ups and SIGIO.  See notify.h for the ordering.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/signal.h>
#include <linux/slab.h>

#include "debug.h"
#include "notify.h"
#include "quota.h"

/**
 * kipc_notify_init - nobody is to be told
 * @notify: to be filled
 */
void kipc_notify_init(struct kipc_notify *notify)
{
	init_waitqueue_head(&notify->readers);
	init_waitqueue_head(&notify->writers);
	notify->choosy = false;
	spin_lock_init(&notify->lock);
	notify->watchers = 0;
	INIT_HLIST_HEAD(&notify->listeners);
	notify->async = NULL;
}

/**
 * kipc_notify_wait - a poller comes
 * @notify: of the object
 * @file: that it polls
 * @wait: itself
 * @reads: it may read
 * @writes: it may write
 *
 * Context: process context, the object's lock is not held.
 */
void kipc_notify_wait(struct kipc_notify *notify, struct file *file,
		      poll_table *wait, bool reads, bool writes)
{
	if (reads || !writes)
		poll_wait(file, &notify->readers, wait);
	if (writes)
		poll_wait(file, &notify->writers, wait);
}

static void kipc_notify_queue(wait_queue_head_t *queue, __poll_t events,
			      bool everybody)
{
	/* No barrier: who joins from now on sees the new state. */
	if (events && waitqueue_active(queue))
		__wake_up(queue, TASK_NORMAL, everybody ? 0 : 1,
			  poll_to_key(events));
}

/**
 * kipc_notify_pollers - tell pollers, and nobody else
 * @notify: of the object
 * @news: EPOLLIN, EPOLLHUP: readers; EPOLLOUT, EPOLLERR: writers; KIPC_NEWS_END:
 *	everybody; KIPC_NEWS_LOOK: readers, as for EPOLLHUP
 *
 * With EPOLLHUP or EPOLLERR, or if they are choosy, everybody is woken, also those of
 * whom one is enough (EPOLLEXCLUSIVE).
 *
 * Context: process context, the object's lock is not held.
 */
void kipc_notify_pollers(struct kipc_notify *notify, __poll_t news)
{
	__poll_t last, in = 0, out = 0;

	if (news & KIPC_NEWS_LOOK)
		news |= EPOLLHUP;
	last = news & (EPOLLHUP | EPOLLERR);
	if (news & (EPOLLIN | EPOLLHUP))
		in = (news & EPOLLHUP) | EPOLLIN | EPOLLRDNORM;
	if (news & EPOLLOUT)
		out = EPOLLOUT | EPOLLWRNORM;
	out |= news & EPOLLERR;
	if (news & KIPC_NEWS_END) {
		in |= last;
		out |= last;
	}
	kipc_notify_queue(&notify->readers, in,
			  last || READ_ONCE(notify->choosy));
	kipc_notify_queue(&notify->writers, out, last);
}

/* One of those lists: at most one signal for what is read, one for what is written. */
static void kipc_notify_sigio(struct fasync_struct **list, unsigned int which,
			      __poll_t news)
{
	if (news & KIPC_NEWS_END ||
	    (news & EPOLLHUP && which & KIPC_ASYNC_READS)) {
		kill_fasync(list, SIGIO, POLL_HUP);
		return;
	}
	if (news & EPOLLIN && which & KIPC_ASYNC_READS)
		kill_fasync(list, SIGIO, POLL_IN);
	if (!(which & KIPC_ASYNC_WRITES))
		return;
	if (news & EPOLLERR)
		kill_fasync(list, SIGIO, POLL_ERR);
	else if (news & EPOLLOUT)
		kill_fasync(list, SIGIO, POLL_OUT);
}

/**
 * kipc_notify - tell pollers, receivers of SIGIO, and listeners
 * @notify: of the object
 * @news: as for kipc_notify_pollers(), and KIPC_NEWS_...
 *
 * Context: process context, the object is held, its lock is not.
 */
void kipc_notify(struct kipc_notify *notify, __poll_t news)
{
	struct kipc_async *async;
	unsigned int which;

	kipc_notify_pollers(notify, news);
	if (!READ_ONCE(notify->watchers))
		return;
	kipc_delay(KIPC_DELAY_NOTIFY_TELLING);
	/* Once there, it stays. */
	async = READ_ONCE(notify->async);
	for (which = 0; async && which < KIPC_ASYNC_LISTS; which++)
		kipc_notify_sigio(&async->lists[which], which, news);
	kipc_listener_tell(notify, news);
}

/**
 * kipc_notify_make_async - there will be a receiver of SIGIO
 * @notify: of the object
 * @account: of the object
 *
 * Context: process context, may sleep; the lock of the object's inode is held.
 * Return: 0 or -ENOMEM.
 */
int kipc_notify_make_async(struct kipc_notify *notify,
			   struct kipc_account *account)
{
	struct kipc_async *async;

	if (notify->async)
		return 0;
	async = kipc_account_alloc_uncharged(account, sizeof(*async), false);
	if (IS_ERR(async))
		return PTR_ERR(async);
	memset(async, 0, sizeof(*async));
	/* Pairs with the address dependency in kipc_notify(). */
	smp_store_release(&notify->async, async);
	return 0;
}

/**
 * kipc_notify_watch - a receiver of SIGIO or a listener comes
 * @notify: of the object, whose state is to be looked at next
 *
 * Context: process context, the object's lock is not held.
 */
void kipc_notify_watch(struct kipc_notify *notify)
{
	spin_lock(&notify->lock);
	WRITE_ONCE(notify->watchers, notify->watchers + 1);
	spin_unlock(&notify->lock);
}

/**
 * kipc_notify_unwatch - it has gone, or has not come after all
 * @notify: of the object
 *
 * Context: process context, the object's lock is not held.
 */
void kipc_notify_unwatch(struct kipc_notify *notify)
{
	spin_lock(&notify->lock);
	WRITE_ONCE(notify->watchers, notify->watchers - 1);
	spin_unlock(&notify->lock);
}

/**
 * kipc_pollers_init - nobody polls the handle yet
 * @pollers: to be filled
 * @told: the queue of the object's that its pollers are in anyhow, or NULL for one
 *	of their own
 */
void kipc_pollers_init(struct kipc_pollers *pollers, wait_queue_head_t *told)
{
	refcount_set(&pollers->refs, 1);
	init_waitqueue_head(&pollers->queue);
	pollers->told = told ?: &pollers->queue;
	pollers->fasync = NULL;
}

/**
 * kipc_pollers_tell - a reply has come
 * @handles: struct kipc_pollers of the caller's handle; the reference is given up
 *
 * Context: process context, the object is held, its lock is not.
 */
void kipc_pollers_tell(void *handles)
{
	struct kipc_pollers *pollers = handles;

	kipc_notify_queue(pollers->told, EPOLLPRI, false);
	kill_fasync(&pollers->fasync, SIGIO, POLL_PRI);
	kipc_pollers_put(pollers);
}

/**
 * kipc_pollers_put - give a reference up
 * @pollers: freed with the last, with what they are the beginning of
 *
 * Context: any.
 */
void kipc_pollers_put(struct kipc_pollers *pollers)
{
	if (refcount_dec_and_test(&pollers->refs))
		kfree(pollers);
}
