// SPDX-License-Identifier: GPL-2.0
/*
 * Items and their places: which one a selector means.  See queue.h.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "debug.h"
#include "queue.h"

static size_t kipc_item_space(size_t size)
{
	return offsetof(struct kipc_item, data) + size;
}

/**
 * kipc_item_alloc - make an item of the calling thread's
 * @queue: where it shall go
 * @from: the data
 * @size: of it
 * @nowait: do not wait for memory
 *
 * Type and priority are the caller's to set.
 *
 * Context: process context, may sleep, nothing is held.
 * Return: the item, or an ERR_PTR(): -EDQUOT, -ENOMEM, -EFAULT.
 */
struct kipc_item *kipc_item_alloc(struct kipc_queue *queue,
				  const struct kipc_buffer *from, size_t size,
				  bool nowait)
{
	struct kipc_account *account = &queue->object.account;
	const struct cred *cred = current_cred();
	struct kipc_item *item;

	item = kipc_account_alloc(account, kipc_item_space(size), nowait);
	if (IS_ERR(item))
		return item;
	if (unlikely(!kipc_buffer_read(item->data, from, size))) {
		kipc_account_free(account, item, kipc_item_space(size));
		return ERR_PTR(-EFAULT);
	}
	item->size = size;
	item->uid = cred->euid;
	item->gid = cred->egid;
	item->process = get_pid(task_tgid(current));
	item->thread = thread_group_leader(current) ? NULL :
		       get_pid(task_pid(current));
	kipc_count(KIPC_REF_MESSAGES, 1);
	return item;
}

/**
 * kipc_item_free - free an item, and those chained to it
 * @queue: where it was to go, or has been
 * @item: in no queue; or NULL
 *
 * Context: process context, may sleep.
 */
void kipc_item_free(struct kipc_queue *queue, struct kipc_item *item)
{
	struct kipc_item *next;

	for (; item; item = next) {
		next = item->garbage;
		put_pid(item->process);
		put_pid(item->thread);
		kipc_account_free(&queue->object.account, item,
				  kipc_item_space(item->size));
		kipc_count(KIPC_REF_MESSAGES, -1);
	}
}

/**
 * kipc_queue_stock - see that there are groups for another item
 * @queue: the queue
 * @nowait: do not wait for memory
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped if something is missing, and
 * held again.
 * Return: 0, -EDQUOT, -ENOMEM; if the lock was dropped, also -EIDRM, -EPIPE.
 */
int kipc_queue_stock(struct kipc_queue *queue, bool nowait,
		     struct kipc_wake *wake)
{
	struct kipc_account *account = &queue->object.account;
	struct kipc_group *group;
	int ret = 0;

	while (unlikely(queue->spares < KIPC_DIMENSIONS) && !ret) {
		kipc_queue_unlock(queue, wake, false);
		group = kipc_account_alloc(account, sizeof(*group), nowait);
		kipc_delay(KIPC_DELAY_QUEUE_STOCKED);
		spin_lock(&queue->object.lock);
		if (IS_ERR(group))
			return PTR_ERR(group);
		kipc_count(KIPC_REF_GROUPS, 1);
		list_add(&group->members, &queue->spare);
		queue->spares++;
		ret = kipc_queue_closed(queue);
	}
	return ret;
}

/**
 * kipc_queue_tidy - give up empty groups that are too many
 * @queue: the queue; if it was removed, it needs none
 * @garbage: where they go
 *
 * Context: the lock is held.
 */
void kipc_queue_tidy(struct kipc_queue *queue, struct list_head *garbage)
{
	u32 keep = queue->object.removed ? 0 : KIPC_SPARE_GROUPS;

	lockdep_assert_held(&queue->object.lock);
	for (; unlikely(queue->spares > keep); queue->spares--)
		list_move(queue->spare.next, garbage);
}

/**
 * kipc_queue_free_groups - free what was given up
 * @queue: the queue
 * @garbage: is not to be used afterwards
 *
 * Context: process context, may sleep.
 */
void kipc_queue_free_groups(struct kipc_queue *queue, struct list_head *garbage)
{
	struct kipc_group *group, *next;

	list_for_each_entry_safe(group, next, garbage, members) {
		kipc_account_free(&queue->object.account, group, sizeof(*group));
		kipc_count(KIPC_REF_GROUPS, -1);
	}
}

/* The group of a key; a spare one if it is new. */
static struct kipc_group *kipc_queue_group(struct kipc_queue *queue,
					   enum kipc_dimension by, u64 key)
{
	struct kipc_group *group = queue->recent[by];

	if (likely(group && group->key == key))
		return group;
	group = kipc_index_find(&queue->groups[by], key, 0);
	if (!group) {
		group = list_first_entry(&queue->spare, struct kipc_group,
					 members);
		list_del_init(&group->members);
		queue->spares--;
		group->key = key;
		group->high = 0;
		kipc_index_insert(&queue->groups[by], group);
		queue->types += by == KIPC_BY_TYPE;
	}
	queue->recent[by] = group;
	return group;
}

static void kipc_place_join(struct kipc_queue *queue, struct kipc_item *item,
			    enum kipc_dimension by, u64 key)
{
	struct kipc_place *place = &item->place[by];

	place->group = kipc_queue_group(queue, by, key);
	list_add_tail(&place->node, &place->group->members);
}

static void kipc_place_leave(struct kipc_queue *queue, struct kipc_item *item,
			     enum kipc_dimension by)
{
	struct kipc_group *group = item->place[by].group;

	list_del(&item->place[by].node);
	if (likely(!list_empty(&group->members)))
		return;
	kipc_index_erase(&queue->groups[by], group);
	queue->types -= by == KIPC_BY_TYPE;
	if (queue->recent[by] == group)
		queue->recent[by] = NULL;
	list_add(&group->members, &queue->spare);
	queue->spares++;
}

/* The number of a process as messages know it: 0 if it has none there. */
static u64 kipc_queue_number(const struct kipc_queue *queue, struct pid *process)
{
	return pid_nr_ns(process, queue->pid_ns);
}

/**
 * kipc_item_link - put an item at the end of the queue
 * @queue: has room for it, which is taken, and three spare groups
 * @item: is held by nobody in particular afterwards, and to be offered
 *
 * Context: the lock is held.
 */
void kipc_item_link(struct kipc_queue *queue, struct kipc_item *item)
{
	struct rb_node **link = &queue->order.rb_root.rb_node, *parent = NULL;
	struct kipc_queue_figures *stat = &queue->stat;

	lockdep_assert_held(&queue->object.lock);
	item->seq = ++queue->last_seq;
	item->time = ktime_get_coarse_real_ns();
	item->held = true;
	queue->held++;
	/* It is behind all others. */
	if (queue->last) {
		parent = &queue->last->order;
		link = &parent->rb_right;
	}
	rb_link_node(&item->order, parent, link);
	rb_insert_color_cached(&item->order, &queue->order, !parent);
	queue->last = item;
	kipc_place_join(queue, item, KIPC_BY_TYPE, item->type);
	kipc_place_join(queue, item, KIPC_BY_PRIORITY, ~(u64)item->priority);
	kipc_place_join(queue, item, KIPC_BY_SENDER,
			kipc_queue_number(queue, item->process));

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

static struct kipc_item *kipc_item_behind(const struct kipc_item *item)
{
	struct rb_node *node = rb_next(&item->order);

	return rb_entry_safe(node, struct kipc_item, order);
}

/* The next free one of its group; or NULL. */
static struct kipc_item *kipc_place_next(struct kipc_item *item,
					 enum kipc_dimension by)
{
	struct list_head *members = &item->place[by].group->members;
	struct kipc_item *next = item;

	list_for_each_entry_continue(next, members, place[by].node)
		if (likely(!next->held))
			return next;
	return NULL;
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
	struct kipc_item *next;
	unsigned int by;

	lockdep_assert_held(&queue->object.lock);
	for (by = 0; by < KIPC_DIMENSIONS; by++) {
		if (item->place[by].group->first != item)
			continue;
		next = kipc_place_next(item, by);
		kipc_index_set_first(&queue->groups[by], item->place[by].group,
				     next, next ? next->seq : KIPC_NOBODY);
	}
	if (queue->first == item) {
		do {
			queue->first = kipc_item_behind(queue->first);
		} while (queue->first && queue->first->held);
	}
	item->held = true;
	queue->held++;
	queue->free--;
}

/**
 * kipc_item_unlink - take an item out of the queue
 * @queue: the queue
 * @item: held; in no queue afterwards
 *
 * Context: the lock is held.
 */
void kipc_item_unlink(struct kipc_queue *queue, struct kipc_item *item)
{
	struct rb_node *before;
	unsigned int by;

	lockdep_assert_held(&queue->object.lock);
	if (queue->last == item) {
		before = rb_prev(&item->order);
		queue->last = rb_entry_safe(before, struct kipc_item, order);
	}
	rb_erase_cached(&item->order, &queue->order);
	for (by = 0; by < KIPC_DIMENSIONS; by++)
		kipc_place_leave(queue, item, by);
	queue->held--;
	kipc_queue_return_room(queue, item->size);
	item->garbage = NULL;
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
	struct kipc_taker *taker = kipc_taker_find(queue, item);
	unsigned int by;

	lockdep_assert_held(&queue->object.lock);
	if (taker) {
		taker->item = item;
		kipc_taker_leave(queue, taker);
		kipc_waiter_wake(&taker->waiter, KIPC_GRANTED, wake);
		return false;
	}
	for (by = 0; by < KIPC_DIMENSIONS; by++)
		if (item->seq < item->place[by].group->number)
			kipc_index_set_first(&queue->groups[by],
					     item->place[by].group, item,
					     item->seq);
	if (!queue->first || item->seq < queue->first->seq)
		queue->first = item;
	item->held = false;
	queue->held--;
	queue->free++;
	return true;
}

static struct kipc_item *kipc_queue_find_after(const struct kipc_queue *queue,
					       u64 seq)
{
	struct rb_node *node = queue->order.rb_root.rb_node;
	struct kipc_item *item, *found = NULL;

	while (node) {
		item = rb_entry(node, struct kipc_item, order);
		if (item->seq > seq) {
			found = item;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	while (found && found->held)
		found = kipc_item_behind(found);
	return found;
}

/**
 * kipc_queue_find - the item that a selector means
 * @queue: the queue
 * @select: the selector
 *
 * Context: the lock is held.
 * Return: a free item, or NULL.
 */
struct kipc_item *kipc_queue_find(const struct kipc_queue *queue,
				  const struct kipc_select *select)
{
	const struct kipc_index *types = &queue->groups[KIPC_BY_TYPE];
	struct kipc_group *group = NULL;

	lockdep_assert_held(&queue->object.lock);
	switch (select->how) {
	case KIPC_SELECT_FIRST:
		return queue->first;
	case KIPC_SELECT_PRIORITY:
		group = kipc_index_lowest(&queue->groups[KIPC_BY_PRIORITY]);
		break;
	case KIPC_SELECT_TYPE:
		group = queue->recent[KIPC_BY_TYPE];
		if (!group || group->key != select->low)
			group = kipc_index_find(types, select->low, 0);
		break;
	case KIPC_SELECT_LOWEST:
		group = kipc_index_lowest(types);
		if (group && group->key > select->high)
			group = NULL;
		break;
	case KIPC_SELECT_RANGE:
		group = kipc_index_earliest(types, select->low, select->high);
		break;
	case KIPC_SELECT_EXCEPT:
		if (!queue->first || queue->first->type != select->low)
			return queue->first;
		group = kipc_index_earliest_but(types, select->low);
		break;
	case KIPC_SELECT_SENDER:
		group = kipc_index_find(&queue->groups[KIPC_BY_SENDER],
					select->low, 0);
		break;
	case KIPC_SELECT_AFTER:
		return kipc_queue_find_after(queue, select->low);
	}
	return group ? group->first : NULL;
}

/* A process by its number for the caller: its number for the queue, or -ESRCH. */
static int kipc_sender_import(const struct kipc_queue *queue, u64 *number)
{
	struct pid *process;

	/* Here the number is the same, whether or not it has ended. */
	if (task_active_pid_ns(current) == queue->pid_ns)
		return 0;
	rcu_read_lock();
	process = find_vpid(*number);
	*number = process ? kipc_queue_number(queue, process) : 0;
	rcu_read_unlock();
	return *number ? 0 : -ESRCH;
}

/**
 * kipc_select_import - a user's selector
 * @queue: the queue
 * @selector: as it came; not KIPC_SELECT_DEFAULT
 * @select: written on success
 *
 * Context: process context.
 * Return: 0, -EINVAL, or -ESRCH.
 */
int kipc_select_import(const struct kipc_queue *queue,
		       const struct kipc_selector *selector,
		       struct kipc_select *select)
{
	bool low = false, high = false;

	switch (selector->how) {
	case KIPC_SELECT_FIRST:
	case KIPC_SELECT_PRIORITY:
		break;
	case KIPC_SELECT_LOWEST:
		high = true;
		break;
	case KIPC_SELECT_RANGE:
		low = true;
		high = true;
		if (selector->low > selector->high)
			return -EINVAL;
		break;
	case KIPC_SELECT_SENDER:
		if (!selector->low || selector->low > INT_MAX)
			return -EINVAL;
		fallthrough;
	case KIPC_SELECT_TYPE:
	case KIPC_SELECT_EXCEPT:
	case KIPC_SELECT_AFTER:
		low = true;
		break;
	default:
		return -EINVAL;
	}
	if (selector->reserved || (selector->low && !low) ||
	    (selector->high && !high))
		return -EINVAL;
	select->how = selector->how;
	select->low = selector->low;
	select->high = selector->high;
	return select->how == KIPC_SELECT_SENDER ?
	       kipc_sender_import(queue, &select->low) : 0;
}
