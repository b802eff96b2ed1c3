/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Telling those who do not wait in line
 *
 * Pollers (poll, select, epoll) and receivers of SIGIO.  An object's poll
 * function takes the object's lock to read its state *after* it has put itself
 * into the wait queue, and whoever changes the state asks kipc_notify_wanted()
 * *under* that lock: so either the poller sees the new state or the changer
 * sees the poller, and the hot path needs no barrier of its own.
 */
#ifndef KIPC_NOTIFY_H
#define KIPC_NOTIFY_H

#include <linux/poll.h>
#include <linux/wait.h>

struct fasync_struct;

/**
 * struct kipc_notify - who is to be told
 * @poll: pollers
 * @fasync: receivers of SIGIO
 */
struct kipc_notify {
	wait_queue_head_t poll;
	struct fasync_struct *fasync;
};

/* Under the object's lock: is there anybody? */
static inline bool kipc_notify_wanted(struct kipc_notify *notify)
{
	return waitqueue_active(&notify->poll) || READ_ONCE(notify->fasync);
}

void kipc_notify_init(struct kipc_notify *notify);
void kipc_notify(struct kipc_notify *notify, __poll_t events);

#endif /* KIPC_NOTIFY_H */
