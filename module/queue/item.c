// SPDX-License-Identifier: GPL-2.0
/*
 * Items, and their order.  See queue.h.
 */
#include <linux/align.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "debug.h"
#include "queue.h"
#include "trace.h"

/* The bits that the size of its memory has, if it is small enough for the pool. */
static unsigned int kipc_item_class(size_t space)
{
	return space <= 1 << KIPC_POOL_SHIFT ? 0 :
	       fls_long(space - 1) - KIPC_POOL_SHIFT;
}

/* What an item takes with so much data. */
static size_t kipc_item_space(size_t size)
{
	size_t space = offsetof(struct kipc_item, data) + size;

	return space > KIPC_POOL_MAX ? space :
	       1UL << (KIPC_POOL_SHIFT + kipc_item_class(space));
}

/**
 * kipc_item_sign - write the head of a new item
 * @item: of the calling thread
 * @size: of its data
 * @type: the sender's
 * @priority: likewise
 *
 * From here on it holds its sender: kipc_item_drop() gives that up.
 *
 * Context: any.
 */
void kipc_item_sign(struct kipc_item *item, size_t size, u64 type, u32 priority)
{
	const struct cred *cred = current_cred();

	item->type = type;
	item->priority = priority;
	item->size = size;
	item->uid = cred->euid;
	item->gid = cred->egid;
	item->process = get_pid(task_tgid(current));
	item->thread = thread_group_leader(current) ? NULL :
		       get_pid(task_pid(current));
	item->ways = 0;
	kipc_count(KIPC_REF_MESSAGES, 1);
}

/* Its sender is not known any more. */
static void kipc_item_forget(struct kipc_item *item)
{
	put_pid(item->process);
	if (unlikely(item->thread))
		put_pid(item->thread);
	kipc_count(KIPC_REF_MESSAGES, -1);
}

/* Small data is there mostly, and else may be brought in: nothing is held. */
static bool kipc_item_fill(struct kipc_item *item, const struct kipc_buffer *from,
			   size_t size)
{
	return (size <= KIPC_COPY_LOCKED && kipc_buffer_in(item->data, from, size)) ||
	       kipc_buffer_read(item->data, from, size);
}

/**
 * kipc_item_alloc - make an item
 * @queue: where it shall go
 * @from: the data; of a plain pointer access_ok() was checked
 * @size: of it
 * @parcel: the item's from then on, or NULL
 * @nowait: do not wait for memory
 *
 * Context: process context, may sleep, nothing is held.
 * Return: the item, to be signed, or an ERR_PTR(): -EDQUOT, -ENOMEM, -EFAULT.
 */
struct kipc_item *kipc_item_alloc(struct kipc_queue *queue,
				  const struct kipc_buffer *from, size_t size,
				  struct kipc_parcel *parcel, bool nowait)
{
	struct kipc_account *account = &queue->object.account;
	size_t space = kipc_item_space(size);
	struct kipc_item *item;

	if (unlikely(parcel))
		space = ALIGN(space, KIPC_ITEM_PARCEL) + KIPC_ITEM_PARCEL;
	item = kipc_account_alloc(account, space, nowait);
	if (IS_ERR(item))
		return item;
	if (unlikely(!kipc_item_fill(item, from, size))) {
		kipc_account_free(account, item, space);
		return ERR_PTR(-EFAULT);
	}
	item->space = space;
	item->garbage = NULL;
	item->flags = 0;
	item->gone = false;
	item->pins = 0;
	if (unlikely(parcel)) {
		item->flags = KIPC_MESSAGE_HANDLES;
		*kipc_item_parcel(item) = parcel;
	}
	return item;
}

/**
 * kipc_item_free - free items
 * @queue: where they were to go, or have been
 * @item: a chain of them, in no queue; or NULL
 *
 * Context: process context, may sleep.
 */
void kipc_item_free(struct kipc_queue *queue, struct kipc_item *item)
{
	struct kipc_item *next;

	for (; item; item = next) {
		next = item->garbage;
		if (unlikely(item->flags))
			kipc_parcel_free(*kipc_item_parcel(item));
		kipc_account_free(&queue->object.account, item, item->space);
	}
}

/**
 * kipc_item_reuse - an item from the pool
 * @queue: the queue
 * @size: of the data
 *
 * Context: the lock is held.
 * Return: the item, to be signed, or NULL.
 */
struct kipc_item *kipc_item_reuse(struct kipc_queue *queue, size_t size)
{
	size_t space = kipc_item_space(size);
	struct kipc_item **chain, *item;

	if (unlikely(space > KIPC_POOL_MAX))
		return NULL;
	chain = &queue->pool[kipc_item_class(space)];
	item = *chain;
	if (likely(item)) {
		*chain = item->garbage;
		queue->pooled -= item->space;
	}
	return item;
}

/**
 * kipc_item_return - what kipc_item_reuse() gave is not used after all
 * @queue: the queue
 * @item: not signed
 *
 * Context: the lock is held.
 */
void kipc_item_return(struct kipc_queue *queue, struct kipc_item *item)
{
	struct kipc_item **chain = &queue->pool[kipc_item_class(item->space)];

	item->garbage = *chain;
	*chain = item;
	queue->pooled += item->space;
}

/* Is there a place for it in the pool? */
static bool kipc_item_is_kept(const struct kipc_queue *queue,
			      const struct kipc_item *item)
{
	size_t pooled = queue->pooled + item->space;

	if (unlikely(item->space > KIPC_POOL_MAX || item->flags ||
		     queue->object.removed))
		return false;
	if (likely(pooled <= KIPC_POOL_KEEP))
		return true;
	return (pooled <= queue->keep ||
		pooled <= min_t(u64, queue->memory / 4, KIPC_POOL_MORE)) &&
	       kipc_account_has_plenty(&queue->object.account, KIPC_BYTES);
}

/**
 * kipc_item_drop - an item is done with: into the pool, or to be freed
 * @queue: the queue
 * @item: signed, in no queue
 *
 * Context: the lock is held.
 * Return: the item, a chain of its own, if it is to be freed; or NULL.
 */
struct kipc_item *kipc_item_drop(struct kipc_queue *queue,
				 struct kipc_item *item)
{
	if (unlikely(item->pins)) {
		item->gone = true;
		return NULL;
	}
	kipc_item_forget(item);
	if (likely(kipc_item_is_kept(queue, item))) {
		kipc_item_return(queue, item);
		return NULL;
	}
	item->garbage = NULL;
	return item;
}

/**
 * kipc_item_unpin - somebody has looked at an item
 * @queue: the queue
 * @item: was pinned; not the caller's any more
 *
 * Context: the lock is held.
 * Return: as kipc_item_drop(), if the item is done with; or NULL.
 */
struct kipc_item *kipc_item_unpin(struct kipc_queue *queue,
				  struct kipc_item *item)
{
	if (--item->pins || !item->gone)
		return NULL;
	item->gone = false;
	return kipc_item_drop(queue, item);
}

/**
 * kipc_queue_drain_pool - the queue needs no items any more
 * @queue: the queue
 *
 * Context: the lock is held.
 * Return: a chain of items to be freed, or NULL.
 */
struct kipc_item *kipc_queue_drain_pool(struct kipc_queue *queue)
{
	struct kipc_item *item, *garbage = NULL;
	unsigned int class;

	for (class = 0; class < KIPC_POOL_CLASSES; class++) {
		while ((item = queue->pool[class])) {
			queue->pool[class] = item->garbage;
			item->garbage = garbage;
			garbage = item;
		}
	}
	queue->pooled = 0;
	return garbage;
}

/**
 * kipc_item_append - put an item at the end of the queue
 * @queue: has room for it, which is taken; if it has ways, three spare groups
 * @item: is held by nobody in particular afterwards, and to be offered or released
 *
 * Context: the lock is held.
 */
void kipc_item_append(struct kipc_queue *queue, struct kipc_item *item)
{
	struct kipc_queue_figures *stat = &queue->stat;
	unsigned int way;

	lockdep_assert_held(&queue->object.lock);
	item->seq = ++queue->last_seq;
	item->time = ktime_get_coarse_real_ns();
	item->held = true;
	queue->held++;
	list_add_tail(&item->node, &queue->items);
	queue->memory += item->space;
	queue->peak = max(queue->peak, queue->memory);
	if (unlikely(queue->ways))
		kipc_item_index(queue, item, queue->ways);
	/* Whoever is making an index, and has come to the end, goes on with this one. */
	for (way = 0; way < KIPC_WAYS && unlikely(queue->coming); way++)
		if (queue->coming & BIT(way) && !queue->cursor[way])
			queue->cursor[way] = item;

	kipc_trace(send, queue->object.id, KIPC_KIND_QUEUE, item->seq, item->size);
	stat->sent++;
	stat->sent_bytes += item->size;
	stat->send_time = item->time;
	if (unlikely(stat->sender != item->process)) {
		put_pid(stat->sender);
		stat->sender = get_pid(item->process);
	}
	stat->peak_messages = max(stat->peak_messages, queue->messages);
	stat->peak_bytes = max(stat->peak_bytes, queue->bytes);
}

/* It is the first one, and will not be: the next free one is. */
static void kipc_queue_pass(struct kipc_queue *queue, struct kipc_item *item)
{
	list_for_each_entry_continue(item, &queue->items, node) {
		if (likely(!item->held)) {
			queue->first = item;
			return;
		}
	}
	queue->first = NULL;
}

/**
 * kipc_item_hold - a free item becomes one receiver's
 * @queue: the queue
 * @item: the item; it keeps its place
 *
 * Context: the lock is held.
 */
void kipc_item_hold(struct kipc_queue *queue, struct kipc_item *item)
{
	unsigned int way;

	lockdep_assert_held(&queue->object.lock);
	item->held = true;
	queue->held++;
	queue->free--;
	for (way = 0; way < KIPC_GROUPED && unlikely(item->ways); way++)
		if (item->ways & BIT(way))
			kipc_place_pass(queue, item, way);
	if (queue->first == item)
		kipc_queue_pass(queue, item);
}

/* Nobody may ever need again what was needed until now. */
static void kipc_queue_emptied(struct kipc_queue *queue)
{
	queue->ways = 0;
	queue->coming = 0;
	queue->keep = max_t(u64, min_t(u64, queue->peak, KIPC_POOL_MORE),
			    queue->keep - queue->keep / 8);
	queue->peak = 0;
}

/**
 * kipc_item_unlink - take an item out of the queue
 * @queue: the queue
 * @item: free, or held by the caller; in no queue afterwards
 *
 * Context: the lock is held.
 */
void kipc_item_unlink(struct kipc_queue *queue, struct kipc_item *item)
{
	lockdep_assert_held(&queue->object.lock);
	if (unlikely(item->ways | queue->coming))
		kipc_item_deindex(queue, item);
	if (queue->first == item)
		kipc_queue_pass(queue, item);
	list_del(&item->node);
	queue->memory -= item->space;
	if (list_empty(&queue->items))
		kipc_queue_emptied(queue);
	if (item->held)
		queue->held--;
	else
		queue->free--;
	kipc_queue_return_room(queue, item->size);
}

/**
 * kipc_item_release - a held item becomes free
 * @queue: the queue; nobody in line wants the item
 * @item: held; nobody's any more
 *
 * Context: the lock is held.
 */
void kipc_item_release(struct kipc_queue *queue, struct kipc_item *item)
{
	unsigned int way;

	lockdep_assert_held(&queue->object.lock);
	for (way = 0; way < KIPC_GROUPED && unlikely(item->ways); way++)
		if (item->ways & BIT(way) &&
		    item->seq < item->place[way].group->number)
			kipc_index_set_first(&queue->groups[way],
					     item->place[way].group, item,
					     item->seq);
	if (!queue->first || item->seq < queue->first->seq)
		queue->first = item;
	item->held = false;
	queue->held--;
	queue->free++;
}

/**
 * kipc_item_offer - a held item goes to who waits for it longest, or becomes free
 * @queue: the queue
 * @item: held; nobody's any more
 * @wake: not full
 *
 * Context: the lock is held.
 * Return: whether it has become free.
 */
bool kipc_item_offer(struct kipc_queue *queue, struct kipc_item *item,
		     struct kipc_wake *wake)
{
	struct kipc_taker *taker = kipc_taker_find(queue, item->type,
						   item->process);

	if (taker) {
		taker->item = item;
		kipc_taker_leave(queue, taker);
		kipc_waiter_wake(&taker->waiter, KIPC_GRANTED, wake);
		return false;
	}
	kipc_item_release(queue, item);
	return true;
}
