// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits, who goes on, and who is told.  See queue.h.
 */
#include <linux/sched/signal.h>

#include "debug.h"
#include "queue.h"

/* Receivers in line, by what they wait for. */

/* Where the group of a selector is, and its key; NULL: it wants anything. */
static struct kipc_index *kipc_taker_index(struct kipc_queue *queue,
					   const struct kipc_select *select,
					   struct kipc_group *group)
{
	group->key = select->low;
	group->high = 0;
	switch (select->how) {
	case KIPC_SELECT_TYPE:
		return &queue->wanted[KIPC_WANTED_TYPE];
	case KIPC_SELECT_SENDER:
		return &queue->wanted[KIPC_WANTED_SENDER];
	case KIPC_SELECT_EXCEPT:
		return &queue->wanted[KIPC_WANTED_EXCEPT];
	case KIPC_SELECT_LOWEST:
		group->key = select->high;
		return &queue->wanted[KIPC_WANTED_LOWEST];
	case KIPC_SELECT_RANGE:
		group->high = select->high;
		return &queue->wanted[KIPC_WANTED_RANGE];
	default:
		return NULL;
	}
}

static void kipc_taker_join(struct kipc_queue *queue, struct kipc_taker *taker,
			    const struct kipc_select *select)
{
	struct kipc_group *group;

	kipc_waiter_join(&taker->waiter, &queue->receivers);
	queue->waiting++;
	taker->number = ++queue->last_taker;
	taker->item = NULL;
	taker->grouped = false;
	taker->index = kipc_taker_index(queue, select, &taker->own);
	if (!taker->index) {
		list_add_tail(&taker->member, &queue->anything);
		return;
	}
	group = kipc_index_find_like(taker->index, &taker->own);
	if (!group) {
		group = &taker->own;
		INIT_LIST_HEAD(&group->members);
		kipc_index_insert(taker->index, group);
		kipc_index_set_first(taker->index, group, taker, taker->number);
		taker->grouped = true;
	}
	list_add_tail(&taker->member, &group->members);
}

/**
 * kipc_taker_leave - a receiver waits no longer
 * @queue: the queue
 * @taker: in line; still in the line of waiters afterwards
 *
 * If its memory stands for the group, that of another member does so from now on.
 *
 * Context: the lock is held.
 */
void kipc_taker_leave(struct kipc_queue *queue, struct kipc_taker *taker)
{
	struct kipc_group *group;
	struct kipc_taker *next;

	lockdep_assert_held(&queue->object.lock);
	queue->waiting--;
	list_del(&taker->member);
	if (!taker->index)
		return;
	group = taker->grouped ? &taker->own :
		kipc_index_find_like(taker->index, &taker->own);
	if (list_empty(&group->members)) {
		kipc_index_erase(taker->index, group);
		return;
	}
	next = list_first_entry(&group->members, struct kipc_taker, member);
	if (taker->grouped) {
		kipc_index_replace(taker->index, group, &next->own);
		group = &next->own;
		next->grouped = true;
	}
	if (group->first == taker)
		kipc_index_set_first(taker->index, group, next, next->number);
}

/* The one of a group that waits longest, or the one that was known before. */
static struct kipc_taker *kipc_taker_older(struct kipc_taker *known,
					   const struct kipc_group *group)
{
	return group && (!known || group->number < known->number) ?
	       group->first : known;
}

/**
 * kipc_taker_find - who waits longest for this message?
 * @queue: the queue
 * @type: of the message
 * @process: its sender
 *
 * Context: the lock is held.
 * Return: a receiver in line, or NULL.
 */
struct kipc_taker *kipc_taker_find(struct kipc_queue *queue, u64 type,
				   struct pid *process)
{
	struct kipc_taker *best = NULL;
	struct kipc_index *wanted;

	lockdep_assert_held(&queue->object.lock);
	if (likely(!queue->waiting))
		return NULL;
	if (!list_empty(&queue->anything))
		best = list_first_entry(&queue->anything, struct kipc_taker,
					member);
	wanted = &queue->wanted[KIPC_WANTED_TYPE];
	if (!kipc_index_empty(wanted))
		best = kipc_taker_older(best, kipc_index_find(wanted, type));
	wanted = &queue->wanted[KIPC_WANTED_SENDER];
	if (!kipc_index_empty(wanted))
		best = kipc_taker_older(best,
					kipc_index_find(wanted,
							kipc_queue_number(queue, process)));
	wanted = &queue->wanted[KIPC_WANTED_LOWEST];
	if (!kipc_index_empty(wanted))
		best = kipc_taker_older(best,
					kipc_index_earliest(wanted, type, U64_MAX));
	wanted = &queue->wanted[KIPC_WANTED_EXCEPT];
	if (!kipc_index_empty(wanted))
		best = kipc_taker_older(best,
					kipc_index_earliest_but(wanted, type));
	wanted = &queue->wanted[KIPC_WANTED_RANGE];
	if (!kipc_index_empty(wanted))
		best = kipc_taker_older(best, kipc_index_covering(wanted, type));
	return best;
}

/* What all are told. */

/**
 * kipc_queue_sender_verdict - what the first sender in line gets
 * @queue: the queue
 * @size: of its message
 *
 * Context: the lock is held.
 * Return: KIPC_GRANTED, KIPC_WAITING, -EIDRM, -EPIPE, or -EMSGSIZE.
 */
int kipc_queue_sender_verdict(const struct kipc_queue *queue, size_t size)
{
	int ret = kipc_queue_closed_to_senders(queue);

	if (unlikely(ret))
		return ret;
	if (unlikely(size > queue->attr.message_size))
		return -EMSGSIZE;
	return kipc_queue_fits(queue, size) ? KIPC_GRANTED : KIPC_WAITING;
}

/* What those get who wait for a message: KIPC_WAITING, -EIDRM, -EPIPE. */
static int kipc_queue_receiver_verdict(const struct kipc_queue *queue)
{
	if (unlikely(queue->object.removed))
		return -EIDRM;
	return unlikely(kipc_queue_ended(queue)) ? -EPIPE : KIPC_WAITING;
}

/* Give verdicts to those who can go on, until @wake is full. */
static void kipc_queue_settle(struct kipc_queue *queue, struct kipc_wake *wake)
{
	struct kipc_waiter *waiter;
	int verdict;

	while (unlikely(!list_empty(&queue->receivers)) &&
	       !kipc_wake_full(wake)) {
		verdict = kipc_queue_receiver_verdict(queue);
		if (verdict == KIPC_WAITING)
			break;
		waiter = list_first_entry(&queue->receivers,
					  struct kipc_waiter, node);
		kipc_taker_leave(queue, container_of(waiter, struct kipc_taker,
						     waiter));
		kipc_waiter_wake(waiter, verdict, wake);
	}
	while (unlikely(!list_empty(&queue->senders)) && !kipc_wake_full(wake)) {
		waiter = list_first_entry(&queue->senders, struct kipc_waiter,
					  node);
		verdict = kipc_queue_sender_verdict(queue, waiter->need);
		if (verdict == KIPC_WAITING)
			break;
		if (verdict == KIPC_GRANTED)
			kipc_queue_take_room(queue, waiter->need);
		kipc_waiter_wake(waiter, verdict, wake);
	}
}

/**
 * kipc_queue_state - the poll mask of the queue itself, for any right and selector
 * @queue: the queue
 *
 * Context: the lock is held.
 * Return: EPOLLIN: a message is free; EPOLLOUT: there is room for the longest one;
 * EPOLLHUP: its senders are gone and it is empty; EPOLLERR: its receivers are gone;
 * KIPC_NEWS_LIMIT: there is no room; KIPC_NEWS_LOOK: no message can come any more, and
 * who waits for a certain one may have nothing to wait for.
 */
__poll_t kipc_queue_state(const struct kipc_queue *queue)
{
	__poll_t state = 0;

	lockdep_assert_held(&queue->object.lock);
	if (queue->object.removed)
		return KIPC_NEWS_END;
	if (queue->free)
		state |= EPOLLIN;
	if (!kipc_queue_fits(queue, queue->attr.message_size))
		state |= KIPC_NEWS_LIMIT;
	else if (list_empty(&queue->senders))
		state |= EPOLLOUT;
	if (kipc_queue_ended(queue)) {
		if (!queue->free)
			state |= EPOLLHUP | KIPC_NEWS_LOOK;
		else if (queue->object.notify.choosy)
			state |= KIPC_NEWS_LOOK;
	}
	if (kipc_queue_deserted(queue))
		state |= EPOLLERR;
	return state;
}

/**
 * kipc_queue_unlock - drop the lock, and let go on who can
 * @queue: the queue
 * @wake: initialised; may have somebody in it; is empty afterwards
 * @arrived: a message has become free
 *
 * Context: the lock is held, and dropped; process context.
 */
void kipc_queue_unlock(struct kipc_queue *queue, struct kipc_wake *wake,
		       bool arrived)
	__releases(&queue->object.lock)
{
	struct kipc_object *object = &queue->object;
	__poll_t news = 0;
	bool more;

	for (;;) {
		kipc_queue_settle(queue, wake);
		more = kipc_wake_full(wake);
		/* In each round: who polls between two takes the news away. */
		if (unlikely(kipc_notify_wanted(&object->notify)))
			news |= kipc_notify_news(kipc_queue_state(queue),
						 &queue->told, arrived);
		spin_unlock(&object->lock);
		if (!kipc_wake_empty(wake))
			kipc_wake_flush(wake);
		if (likely(!more))
			break;
		cond_resched();
		kipc_delay(KIPC_DELAY_BETWEEN_BATCHES);
		spin_lock(&object->lock);
	}
	if (unlikely(news))
		kipc_object_notify(object, news);
}

/* Waiting. */

/*
 * Sleep in line until there is a verdict or a reason to leave: as kipc_waiter_leave().
 * The lock is held, dropped meanwhile, and held again.
 */
static int kipc_queue_wait(struct kipc_queue *queue, struct kipc_waiter *waiter,
			   enum kipc_wait what, ktime_t deadline,
			   struct kipc_wake *wake)
{
	u64 begun = kipc_object_waits(&queue->object, what, deadline);
	int reason;

	kipc_queue_unlock(queue, wake, false);
	reason = kipc_waiter_sleep(waiter, deadline);
	kipc_object_waited(&queue->object, what, begun);
	spin_lock(&queue->object.lock);
	return kipc_waiter_leave(waiter, reason);
}

/**
 * kipc_queue_await_room - come to where a message can be put
 * @queue: the queue
 * @size: of the message
 * @deadline: when to give up
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped while it sleeps, and held
 * again.
 * Return: 0: there is room, and it is taken: kipc_queue_return_room() undoes that.
 * -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -EMSGSIZE, -EIDRM, -EPIPE.
 */
int kipc_queue_await_room(struct kipc_queue *queue, size_t size,
			  ktime_t deadline, struct kipc_wake *wake)
{
	struct kipc_account *account = &queue->object.account;
	struct kipc_waiter waiter = { .need = size };
	int ret;

	lockdep_assert_held(&queue->object.lock);
	ret = kipc_queue_sender_verdict(queue, size);
	if (ret == KIPC_GRANTED && unlikely(!list_empty(&queue->senders)))
		ret = KIPC_WAITING;
	if (likely(ret == KIPC_GRANTED))
		kipc_queue_take_room(queue, size);
	if (ret != KIPC_WAITING)
		return ret;
	if (deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;
	if (kipc_charge(account, KIPC_WAITERS, 1))
		return -EDQUOT;

	queue->stat.send_waits++;
	queue->stat.waiting_senders++;
	kipc_waiter_join(&waiter, &queue->senders);
	ret = kipc_queue_wait(queue, &waiter, KIPC_WAIT_ROOM, deadline, wake);
	if (ret == KIPC_GRANTED) {
		if (fatal_signal_pending(current))
			ret = -ERESTARTSYS;
		else
			ret = kipc_queue_closed_to_senders(queue);
		if (ret)
			kipc_queue_return_room(queue, size);
	}
	queue->stat.waiting_senders--;
	kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret;
}

/**
 * kipc_queue_await_item - come to where a message can be taken
 * @queue: the queue
 * @select: which one
 * @deadline: when to give up
 * @nowait: nor wait for memory
 * @item: written on success
 * @wake: for those who are woken on the way; not full afterwards
 *
 * Context: process context; the lock is held, dropped while it sleeps, and held
 * again.
 * Return: 0: @item is free, or held by the caller, who shall take it or offer it
 * before it unlocks; and if it is held, the queue may have been removed.  -EAGAIN,
 * -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -ENOMEM, -EIDRM, -EPIPE.
 */
int kipc_queue_await_item(struct kipc_queue *queue,
			  const struct kipc_select *select, ktime_t deadline,
			  bool nowait, struct kipc_item **item,
			  struct kipc_wake *wake)
{
	struct kipc_account *account = &queue->object.account;
	struct kipc_taker taker;
	int ret;

	lockdep_assert_held(&queue->object.lock);
	ret = kipc_queue_find(queue, select, nowait, item, wake);
	if (unlikely(queue->object.removed))
		return -EIDRM;
	if (*item || ret)
		return ret;
	ret = kipc_queue_receiver_verdict(queue);
	if (ret != KIPC_WAITING)
		return ret;
	if (deadline == KIPC_DEADLINE_NO_WAIT ||
	    select->how == KIPC_SELECT_AFTER)
		return -EAGAIN;
	if (kipc_charge(account, KIPC_WAITERS, 1))
		return -EDQUOT;

	queue->stat.recv_waits++;
	kipc_taker_join(queue, &taker, select);
	ret = kipc_queue_wait(queue, &taker.waiter, KIPC_WAIT_DATA, deadline, wake);
	/* Whoever gives a verdict takes it out of its group. */
	if (taker.waiter.verdict == KIPC_WAITING)
		kipc_taker_leave(queue, &taker);
	kipc_uncharge(account, KIPC_WAITERS, 1);
	if (ret == KIPC_GRANTED)
		*item = taker.item;
	return ret;
}
