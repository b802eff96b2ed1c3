// SPDX-License-Identifier: GPL-2.0
/*
 * Poll wake-ups and SIGIO.  See notify.h for the ordering.
 */
#include <linux/fs.h>
#include <linux/signal.h>
#include <linux/slab.h>

#include "notify.h"

/**
 * kipc_notify_init - nobody is to be told
 * @notify: to be filled
 */
void kipc_notify_init(struct kipc_notify *notify)
{
	init_waitqueue_head(&notify->readers);
	init_waitqueue_head(&notify->writers);
	notify->fasync = NULL;
	notify->choosy = false;
	spin_lock_init(&notify->lock);
	notify->listening = 0;
	INIT_HLIST_HEAD(&notify->listeners);
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
 * kipc_notify - tell pollers and receivers of SIGIO
 * @notify: of the object
 * @events: EPOLLIN, EPOLLHUP: readers; EPOLLOUT, EPOLLERR: writers; both of
 *	EPOLLHUP and EPOLLERR: the end of the object, for everybody
 *
 * With EPOLLHUP or EPOLLERR, or if they are choosy, everybody is woken, also those of
 * whom one is enough (EPOLLEXCLUSIVE).
 *
 * Context: process context, the object's lock is not held.
 */
void kipc_notify(struct kipc_notify *notify, __poll_t events)
{
	__poll_t last = events & (EPOLLHUP | EPOLLERR);
	bool both = last == (EPOLLHUP | EPOLLERR);
	__poll_t in = 0, out = 0;

	if (events & (EPOLLIN | EPOLLHUP))
		in = (events & EPOLLHUP) | EPOLLIN | EPOLLRDNORM;
	if (events & EPOLLOUT)
		out = EPOLLOUT | EPOLLWRNORM;
	out |= events & EPOLLERR;
	if (both) {
		in |= last;
		out |= last;
	}
	kipc_notify_queue(&notify->readers, in,
			  last || READ_ONCE(notify->choosy));
	kipc_notify_queue(&notify->writers, out, last);

	if (events & EPOLLHUP)
		kill_fasync(&notify->fasync, SIGIO, POLL_HUP);
	else if (events & EPOLLERR)
		kill_fasync(&notify->fasync, SIGIO, POLL_ERR);
	else if (events & EPOLLIN)
		kill_fasync(&notify->fasync, SIGIO, POLL_IN);
	if (!last && events & EPOLLOUT)
		kill_fasync(&notify->fasync, SIGIO, POLL_OUT);
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
