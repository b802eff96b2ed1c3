// SPDX-License-Identifier: GPL-2.0
/*
 * The item that a selector means: ways to find it, and how they come to be.  See
 * queue.h.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>

#include "debug.h"
#include "queue.h"

/* Groups. */

/**
 * kipc_queue_stock - see that there are spare groups
 * @queue: the queue
 * @groups: how many
 * @nowait: do not wait for memory
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped if something is missing, and
 * held again.
 * Return: 0 or -ENOMEM.
 */
int kipc_queue_stock(struct kipc_queue *queue, u32 groups, bool nowait,
		     struct kipc_wake *wake)
{
	struct kipc_group *group;

	while (unlikely(queue->spares < groups)) {
		kipc_queue_unlock(queue, wake, false);
		group = kipc_account_alloc_uncharged(&queue->object.account,
						     sizeof(*group), nowait);
		kipc_delay(KIPC_DELAY_QUEUE_STOCKED);
		spin_lock(&queue->object.lock);
		if (IS_ERR(group))
			return PTR_ERR(group);
		kipc_count(KIPC_REF_GROUPS, 1);
		list_add(&group->members, &queue->spare);
		queue->spares++;
	}
	return 0;
}

/**
 * kipc_queue_tidy - give up spare groups that are too many
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
 * @garbage: is not to be used afterwards
 *
 * Context: process context, may sleep.
 */
void kipc_queue_free_groups(struct list_head *garbage)
{
	struct kipc_group *group, *next;

	list_for_each_entry_safe(group, next, garbage, members) {
		kvfree(group);
		kipc_count(KIPC_REF_GROUPS, -1);
	}
}

/* The group of a key; a spare one if it is new. */
static struct kipc_group *kipc_queue_group(struct kipc_queue *queue,
					   enum kipc_way way, u64 key)
{
	struct kipc_group *group = queue->recent[way];

	if (likely(group && group->key == key))
		return group;
	group = kipc_index_find(&queue->groups[way], key);
	if (!group) {
		group = list_first_entry(&queue->spare, struct kipc_group,
					 members);
		list_del_init(&group->members);
		queue->spares--;
		group->key = key;
		group->high = 0;
		kipc_index_insert(&queue->groups[way], group);
	}
	queue->recent[way] = group;
	return group;
}

/**
 * kipc_queue_number - the number of a process as messages know it
 * @queue: the queue
 * @process: the process
 *
 * Return: the number in the pid namespace of the queue, or 0 if it has none there.
 */
u64 kipc_queue_number(const struct kipc_queue *queue, struct pid *process)
{
	return pid_nr_ns(process, queue->pid_ns);
}

static u64 kipc_item_key(const struct kipc_queue *queue,
			 const struct kipc_item *item, enum kipc_way way)
{
	switch (way) {
	case KIPC_BY_TYPE:
		return item->type;
	case KIPC_BY_PRIORITY:
		return ~(u64)item->priority;
	default:
		return kipc_queue_number(queue, item->process);
	}
}

/* It is behind all those that are in the tree already. */
static void kipc_item_insert(struct kipc_queue *queue, struct kipc_item *item)
{
	struct rb_node *last = rb_last(&queue->order);

	rb_link_node(&item->order, last,
		     last ? &last->rb_right : &queue->order.rb_node);
	rb_insert_color(&item->order, &queue->order);
}

/**
 * kipc_item_index - make an item found by some ways
 * @queue: has as many spare groups as there are ways
 * @item: in the queue, behind all items that are found by these ways
 * @ways: a bit for each
 *
 * Context: the lock is held.
 */
void kipc_item_index(struct kipc_queue *queue, struct kipc_item *item, u8 ways)
{
	struct kipc_group *group;
	unsigned int way;

	lockdep_assert_held(&queue->object.lock);
	item->ways |= ways;
	if (ways & BIT(KIPC_BY_NUMBER))
		kipc_item_insert(queue, item);
	for (way = 0; way < KIPC_GROUPED; way++) {
		if (!(ways & BIT(way)))
			continue;
		group = kipc_queue_group(queue, way,
					 kipc_item_key(queue, item, way));
		item->place[way].group = group;
		list_add_tail(&item->place[way].node, &group->members);
		if (!item->held && !group->first)
			kipc_index_set_first(&queue->groups[way], group, item,
					     item->seq);
	}
}

/**
 * kipc_place_pass - if an item is the first of its group, another shall be
 * @queue: the queue
 * @item: will not be free any more
 * @way: of the group
 *
 * Context: the lock is held.
 */
void kipc_place_pass(struct kipc_queue *queue, struct kipc_item *item,
		     enum kipc_way way)
{
	struct kipc_group *group = item->place[way].group;
	struct kipc_item *next = item;

	lockdep_assert_held(&queue->object.lock);
	if (group->first != item)
		return;
	list_for_each_entry_continue(next, &group->members, place[way].node) {
		if (likely(!next->held)) {
			kipc_index_set_first(&queue->groups[way], group, next,
					     next->seq);
			return;
		}
	}
	kipc_index_set_first(&queue->groups[way], group, NULL, KIPC_NOBODY);
}

static void kipc_place_leave(struct kipc_queue *queue, struct kipc_item *item,
			     enum kipc_way way)
{
	struct kipc_group *group = item->place[way].group;

	if (likely(!list_is_singular(&group->members))) {
		kipc_place_pass(queue, item, way);
		list_del(&item->place[way].node);
		return;
	}
	list_del(&item->place[way].node);
	kipc_index_erase(&queue->groups[way], group);
	if (queue->recent[way] == group)
		queue->recent[way] = NULL;
	list_add(&group->members, &queue->spare);
	queue->spares++;
}

/* The one behind it in the queue, or NULL. */
static struct kipc_item *kipc_item_next(const struct kipc_queue *queue,
					struct kipc_item *item)
{
	return list_is_last(&item->node, &queue->items) ? NULL :
	       list_next_entry(item, node);
}

/**
 * kipc_item_deindex - make an item not to be found by any way
 * @queue: the queue
 * @item: in the queue; will be so no more
 *
 * Context: the lock is held.
 */
void kipc_item_deindex(struct kipc_queue *queue, struct kipc_item *item)
{
	unsigned int way;

	lockdep_assert_held(&queue->object.lock);
	for (way = 0; way < KIPC_WAYS && unlikely(queue->coming); way++)
		if (queue->coming & BIT(way) && queue->cursor[way] == item)
			queue->cursor[way] = kipc_item_next(queue, item);
	if (item->ways & BIT(KIPC_BY_NUMBER))
		rb_erase(&item->order, &queue->order);
	for (way = 0; way < KIPC_GROUPED; way++)
		if (item->ways & BIT(way))
			kipc_place_leave(queue, item, way);
	item->ways = 0;
}

/*
 * Bring all items in that are there, some at a time: the lock is held, dropped
 * between, and held again.  Those that come meanwhile are brought in as well, so that
 * the order is kept.  The lock is fair, so about one comes from each processor between
 * two turns: it ends, unless more of them send than a turn has items, and others receive
 * as fast; or with who is killed.
 */
static int kipc_queue_index(struct kipc_queue *queue, enum kipc_way way,
			    bool nowait, struct kipc_wake *wake)
{
	unsigned int count;
	u32 groups;
	int ret;

	while (!(queue->ways & BIT(way))) {
		groups = min_t(u64, queue->free + queue->held, KIPC_SPARE_GROUPS);
		if (way != KIPC_BY_NUMBER && queue->spares < groups) {
			/* The lock is dropped: look again. */
			ret = kipc_queue_stock(queue, groups, nowait, wake);
			if (ret)
				return ret;
			continue;
		}
		if (!(queue->coming & BIT(way))) {
			queue->coming |= BIT(way);
			queue->cursor[way] = list_first_entry_or_null(&queue->items,
								      struct kipc_item, node);
		}
		for (count = 0; queue->cursor[way] && count < KIPC_SPARE_GROUPS;
		     count++) {
			struct kipc_item *item = queue->cursor[way];

			kipc_item_index(queue, item, BIT(way));
			queue->cursor[way] = kipc_item_next(queue, item);
		}
		if (!queue->cursor[way]) {
			queue->coming &= ~BIT(way);
			queue->ways |= BIT(way);
			break;
		}
		kipc_queue_unlock(queue, wake, false);
		cond_resched();
		kipc_delay(KIPC_DELAY_QUEUE_INDEXING);
		spin_lock(&queue->object.lock);
		if (fatal_signal_pending(current))
			return -ERESTARTSYS;
	}
	return 0;
}

/* Selectors. */

#define KIPC_SELECT_STEPS	4

/* Is this one meant, if it is the first of all?  False also if it is not so easy. */
static bool kipc_select_takes(const struct kipc_queue *queue,
			      const struct kipc_select *select,
			      const struct kipc_item *first)
{
	switch (select->how) {
	case KIPC_SELECT_FIRST:
		return true;
	case KIPC_SELECT_TYPE:
		return first->type == select->low;
	case KIPC_SELECT_RANGE:
		return first->type >= select->low && first->type <= select->high;
	case KIPC_SELECT_EXCEPT:
		return first->type != select->low;
	case KIPC_SELECT_SENDER:
		return kipc_queue_number(queue, first->process) == select->low;
	case KIPC_SELECT_AFTER:
		return first->seq > select->low;
	default:
		return false;
	}
}

static enum kipc_way kipc_select_way(const struct kipc_select *select)
{
	switch (select->how) {
	case KIPC_SELECT_PRIORITY:
		return KIPC_BY_PRIORITY;
	case KIPC_SELECT_SENDER:
		return KIPC_BY_SENDER;
	case KIPC_SELECT_AFTER:
		return KIPC_BY_NUMBER;
	default:
		return KIPC_BY_TYPE;
	}
}

static struct kipc_item *kipc_queue_find_after(const struct kipc_queue *queue,
					       u64 seq)
{
	struct rb_node *node = queue->order.rb_node;
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
	if (!found)
		return NULL;
	list_for_each_entry_from(found, &queue->items, node)
		if (!found->held)
			return found;
	return NULL;
}

/* With the way that the selector needs. */
static struct kipc_item *kipc_queue_look_up(const struct kipc_queue *queue,
					    const struct kipc_select *select)
{
	const struct kipc_index *types = &queue->groups[KIPC_BY_TYPE];
	struct kipc_group *group = NULL;

	switch (select->how) {
	case KIPC_SELECT_PRIORITY:
		group = kipc_index_lowest(&queue->groups[KIPC_BY_PRIORITY]);
		break;
	case KIPC_SELECT_TYPE:
		group = queue->recent[KIPC_BY_TYPE];
		if (!group || group->key != select->low)
			group = kipc_index_find(types, select->low);
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
		group = kipc_index_earliest_but(types, select->low);
		break;
	case KIPC_SELECT_SENDER:
		group = kipc_index_find(&queue->groups[KIPC_BY_SENDER],
					select->low);
		break;
	case KIPC_SELECT_AFTER:
		return kipc_queue_find_after(queue, select->low);
	}
	return group ? group->first : NULL;
}

/**
 * kipc_queue_glance - the item that a selector means, if the ways that are there tell
 * @queue: the queue
 * @select: the selector
 *
 * Context: the lock is held.
 * Return: a free item, or NULL: there is none, or kipc_queue_find() knows more.
 */
struct kipc_item *kipc_queue_glance(const struct kipc_queue *queue,
				    const struct kipc_select *select)
{
	struct kipc_item *first = queue->first;
	unsigned int steps = KIPC_SELECT_STEPS;

	lockdep_assert_held(&queue->object.lock);
	if (!first || kipc_select_takes(queue, select, first))
		return first;
	if (select->how == KIPC_SELECT_EXCEPT) {
		/* Mostly it is one of the next. */
		list_for_each_entry_continue(first, &queue->items, node) {
			if (!steps--)
				break;
			if (!first->held && first->type != select->low)
				return first;
		}
	}
	return queue->ways & BIT(kipc_select_way(select)) ?
	       kipc_queue_look_up(queue, select) : NULL;
}

/**
 * kipc_queue_find - the item that a selector means
 * @queue: the queue
 * @select: the selector
 * @nowait: do not wait for memory
 * @item: written on success: a free item, or NULL if there is none
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped if a way has to be made, and held
 * again.
 * Return: 0, -ENOMEM, or -ERESTARTSYS: the caller is killed.
 */
int kipc_queue_find(struct kipc_queue *queue, const struct kipc_select *select,
		    bool nowait, struct kipc_item **item,
		    struct kipc_wake *wake)
{
	enum kipc_way way = kipc_select_way(select);
	int ret;

	*item = kipc_queue_glance(queue, select);
	if (*item || !queue->first || queue->ways & BIT(way))
		return 0;
	ret = kipc_queue_index(queue, way, nowait, wake);
	if (!ret)
		*item = kipc_queue_glance(queue, select);
	return ret;
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
