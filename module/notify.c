// SPDX-License-Identifier: GPL-2.0
/*
 * Poll wake-ups and SIGIO.  See notify.h for the ordering.
 */
#include <linux/fs.h>
#include <linux/signal.h>

#include "notify.h"

/**
 * kipc_notify_init - nobody is to be told
 * @notify: to be filled
 */
void kipc_notify_init(struct kipc_notify *notify)
{
	init_waitqueue_head(&notify->poll);
	notify->fasync = NULL;
}

/**
 * kipc_notify - tell pollers and receivers of SIGIO
 * @notify: of the object
 * @events: EPOLLIN, EPOLLOUT; with EPOLLHUP or EPOLLERR everybody is woken, also
 *	those of whom one is enough (EPOLLEXCLUSIVE)
 *
 * Context: process context, the object's lock is not held.
 */
void kipc_notify(struct kipc_notify *notify, __poll_t events)
{
	bool everybody = events & (EPOLLHUP | EPOLLERR);

	__wake_up(&notify->poll, TASK_NORMAL, everybody ? 0 : 1,
		  poll_to_key(events));
	if (events & EPOLLHUP)
		kill_fasync(&notify->fasync, SIGIO, POLL_HUP);
	else if (events & EPOLLERR)
		kill_fasync(&notify->fasync, SIGIO, POLL_ERR);
	if (events & EPOLLIN)
		kill_fasync(&notify->fasync, SIGIO, POLL_IN);
	if (events & EPOLLOUT)
		kill_fasync(&notify->fasync, SIGIO, POLL_OUT);
}
