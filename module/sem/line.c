// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits where, who goes on, and who is overtaken.  See sem.h for the protocol.
 */
#include <linux/rbtree_augmented.h>

#include "sem.h"

/* Steps of operations that are tried with the lock held. */
#define KIPC_SEM_STEPS	256

/* Trees. */

static struct kipc_sem_wait *kipc_sem_wait_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct kipc_sem_wait, node);
}

static struct kipc_sem_wait *kipc_sem_elder_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct kipc_sem_wait, elder_node);
}

static bool kipc_sem_came_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct kipc_sem_wait, node)->turn <
	       rb_entry(b, struct kipc_sem_wait, node)->turn;
}

static bool kipc_sem_is_elder_than(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct kipc_sem_wait, elder_node)->turn <
	       rb_entry(b, struct kipc_sem_wait, elder_node)->turn;
}

static bool kipc_sem_needs_less(struct rb_node *a, const struct rb_node *b)
{
	const struct kipc_sem_wait *one = rb_entry(a, struct kipc_sem_wait, node);
	const struct kipc_sem_wait *two = rb_entry(b, struct kipc_sem_wait, node);

	return one->need == two->need ? one->turn < two->turn :
					one->need < two->need;
}

static void kipc_sem_least_merge(struct kipc_sem_least *least, s64 need, u64 limit)
{
	least->need = min(least->need, need);
	least->limit = min(least->limit, limit);
}

/* As RB_DECLARE_CALLBACKS wants it: true if it was right, and is asked to tell. */
static bool kipc_sem_least_compute(struct kipc_sem_wait *wait, bool tell)
{
	struct kipc_sem_least least = { .need = wait->need, .limit = wait->limit };
	struct kipc_sem_wait *left = kipc_sem_wait_of(wait->node.rb_left);
	struct kipc_sem_wait *right = kipc_sem_wait_of(wait->node.rb_right);

	if (left)
		kipc_sem_least_merge(&least, left->least.need, left->least.limit);
	if (right)
		kipc_sem_least_merge(&least, right->least.need, right->least.limit);
	if (tell && least.need == wait->least.need &&
	    least.limit == wait->least.limit)
		return true;
	wait->least = least;
	return false;
}

RB_DECLARE_CALLBACKS(static, kipc_sem_augment, struct kipc_sem_wait, node, least,
		     kipc_sem_least_compute);

static void kipc_sem_takers_add(struct rb_root_cached *takers,
				struct kipc_sem_wait *wait)
{
	struct rb_node **link = &takers->rb_root.rb_node, *parent = NULL;
	struct kipc_sem_wait *other;
	bool first = true;

	while (*link) {
		parent = *link;
		other = kipc_sem_wait_of(parent);
		kipc_sem_least_merge(&other->least, wait->need, wait->limit);
		if (wait->turn < other->turn) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	wait->least.need = wait->need;
	wait->least.limit = wait->limit;
	rb_link_node(&wait->node, parent, link);
	rb_insert_augmented_cached(&wait->node, takers, first, &kipc_sem_augment);
}

/* The first in line that needs no more than this, or NULL. */
static struct kipc_sem_wait *kipc_sem_takers_ready(const struct rb_root_cached *takers,
						   u32 value)
{
	struct kipc_sem_wait *wait = kipc_sem_wait_of(takers->rb_root.rb_node), *left;

	if (!wait || wait->least.need > value)
		return NULL;
	for (;;) {
		left = kipc_sem_wait_of(wait->node.rb_left);
		if (left && left->least.need <= value) {
			wait = left;
			continue;
		}
		if (wait->need <= value)
			return wait;
		wait = kipc_sem_wait_of(wait->node.rb_right);
	}
}

/* The first in line that was overtaken too often, or NULL. */
static struct kipc_sem_wait *kipc_sem_takers_elder(const struct rb_root_cached *takers,
						   u64 passed)
{
	struct kipc_sem_wait *wait = kipc_sem_wait_of(takers->rb_root.rb_node), *left;

	if (!wait || wait->least.limit > passed)
		return NULL;
	for (;;) {
		left = kipc_sem_wait_of(wait->node.rb_left);
		if (left && left->least.limit <= passed) {
			wait = left;
			continue;
		}
		if (wait->limit <= passed)
			return wait;
		wait = kipc_sem_wait_of(wait->node.rb_right);
	}
}

/* The first in line that waits for this value, or NULL. */
static struct kipc_sem_wait *kipc_sem_zeroes_ready(const struct rb_root *zeroes,
						   u32 value)
{
	struct rb_node *node = zeroes->rb_node;
	struct kipc_sem_wait *found = NULL, *wait;

	while (node) {
		wait = kipc_sem_wait_of(node);
		if (wait->need == value)
			found = wait;
		node = wait->need < value ? node->rb_right : node->rb_left;
	}
	return found;
}

/* The first that is held and has this turn or a later one, or NULL. */
static struct kipc_sem_wait *kipc_sem_held_from(const struct rb_root *held, u64 turn)
{
	struct rb_node *node = held->rb_node;
	struct kipc_sem_wait *found = NULL, *wait;

	while (node) {
		wait = kipc_sem_wait_of(node);
		if (wait->turn >= turn)
			found = wait;
		node = wait->turn < turn ? node->rb_right : node->rb_left;
	}
	return found;
}

/* Overtaking. */

/* @senior begins to hold others back, or does so no more. */
static void kipc_sem_want(struct kipc_sem_set *set,
			  const struct kipc_sem_wait *senior, bool wanted)
{
	struct kipc_sem *sem;
	unsigned int i;

	for (i = 0; i < senior->count; i++) {
		sem = kipc_sem_at(set, senior->ops[i].num);
		if (senior->ops[i].op >= 0 || sem->wanted == wanted)
			continue;
		sem->wanted = wanted;
		if (!sem->value)
			continue;
		set->available += wanted ? -1 : 1;
		/* For those who are told it comes now. */
		if (!wanted)
			kipc_sem_touch(set, sem, true);
	}
}

/* The elders have changed: so the senior may be another one. */
static void kipc_sem_seat(struct kipc_sem_set *set)
{
	struct kipc_sem_wait *senior = kipc_sem_elder_of(rb_first_cached(&set->elders));

	if (senior == set->senior)
		return;
	if (set->senior)
		kipc_sem_want(set, set->senior, false);
	if (senior)
		kipc_sem_want(set, senior, true);
	set->senior = senior;
	if (!RB_EMPTY_ROOT(&set->held))
		set->recheck = 0;
}

static void kipc_sem_make_elder(struct kipc_sem_set *set, struct kipc_sem_wait *wait)
{
	wait->elder = true;
	wait->limit = KIPC_SEM_NO_LIMIT;
	if (wait->place == KIPC_SEM_IN_TAKERS)
		kipc_sem_augment.propagate(&wait->node, NULL);
	rb_add_cached(&wait->elder_node, &set->elders, kipc_sem_is_elder_than);
	kipc_sem_seat(set);
}

/* One at a time: who came later is protected by it, or has its turn after it. */
static void kipc_sem_promote(struct kipc_sem_set *set, struct kipc_sem *sem)
{
	struct kipc_sem_wait *wait;

	wait = kipc_sem_takers_elder(&sem->takers, sem->passed);
	if (unlikely(wait))
		kipc_sem_make_elder(set, wait);
}

/**
 * kipc_sem_passed - somebody has taken from a semaphore
 * @set: the set
 * @sem: the semaphore
 * @turn: of who has
 *
 * Context: the lock is held.
 */
void kipc_sem_passed(struct kipc_sem_set *set, struct kipc_sem *sem, u64 turn)
{
	struct kipc_sem_wait *first = kipc_sem_wait_of(rb_first_cached(&sem->takers));

	if (likely(!first || first->turn > turn))
		return;
	sem->passed++;
	kipc_sem_promote(set, sem);
}

/* It is an elder no more, as it waits no more. */
static void kipc_sem_retire(struct kipc_sem_set *set, struct kipc_sem_wait *wait)
{
	unsigned int i;

	rb_erase_cached(&wait->elder_node, &set->elders);
	wait->elder = false;
	/* Those behind it that it has protected. */
	for (i = 0; i < wait->count; i++)
		if (wait->ops[i].op < 0)
			kipc_sem_promote(set, kipc_sem_at(set, wait->ops[i].num));
	kipc_sem_seat(set);
}

/* Lines. */

/**
 * kipc_sem_join - an operation waits
 * @set: the set
 * @wait: the operation; @place, @at and @need say where
 *
 * Context: the lock is held.
 */
void kipc_sem_join(struct kipc_sem_set *set, struct kipc_sem_wait *wait)
{
	lockdep_assert_held(&set->object.lock);
	switch (wait->place) {
	case KIPC_SEM_IN_TAKERS:
		wait->at->waiting++;
		wait->limit = wait->elder || set->overtakes == KIPC_SEM_NEVER ?
			      KIPC_SEM_NO_LIMIT : wait->at->passed + wait->left;
		kipc_sem_takers_add(&wait->at->takers, wait);
		break;
	case KIPC_SEM_IN_ZEROES:
		wait->at->waiting_zero++;
		rb_add(&wait->node, &wait->at->zeroes, kipc_sem_needs_less);
		break;
	case KIPC_SEM_HELD:
		wait->at->waiting++;
		rb_add(&wait->node, &set->held, kipc_sem_came_before);
		break;
	case KIPC_SEM_NOWHERE:
		break;
	}
}

/* It leaves the place where it waits. */
static void kipc_sem_leave(struct kipc_sem_set *set, struct kipc_sem_wait *wait)
{
	lockdep_assert_held(&set->object.lock);
	switch (wait->place) {
	case KIPC_SEM_IN_TAKERS:
		wait->at->waiting--;
		rb_erase_augmented_cached(&wait->node, &wait->at->takers,
					  &kipc_sem_augment);
		if (wait->limit != KIPC_SEM_NO_LIMIT)
			wait->left = wait->limit -
				     min(wait->limit, wait->at->passed);
		break;
	case KIPC_SEM_IN_ZEROES:
		wait->at->waiting_zero--;
		rb_erase(&wait->node, &wait->at->zeroes);
		break;
	case KIPC_SEM_HELD:
		wait->at->waiting--;
		rb_erase(&wait->node, &set->held);
		break;
	case KIPC_SEM_NOWHERE:
		break;
	}
	wait->place = KIPC_SEM_NOWHERE;
}

/**
 * kipc_sem_end - an operation waits no more
 * @set: the set
 * @wait: the operation
 *
 * Context: the lock is held.
 */
void kipc_sem_end(struct kipc_sem_set *set, struct kipc_sem_wait *wait)
{
	kipc_sem_leave(set, wait);
	if (unlikely(wait->elder))
		kipc_sem_retire(set, wait);
	set->waiting--;
	kipc_uncharge(&set->object.account, KIPC_WAITERS, 1);
}

/**
 * kipc_sem_hand_one - add 1, and take it on behalf of the first in line, in one go
 * @set: the set
 * @sem: the semaphore
 *
 * What adding and settling would come to, where somebody waits for just that.
 *
 * Context: the lock is held.
 * Return: the thread, for kipc_wake_task() after the lock is dropped; or NULL: it is not
 * as simple, and nothing has happened.
 */
struct task_struct *kipc_sem_hand_one(struct kipc_sem_set *set, struct kipc_sem *sem)
{
	struct kipc_sem_wait *wait = kipc_sem_wait_of(rb_first_cached(&sem->takers));

	lockdep_assert_held(&set->object.lock);
	if (!wait || wait->count > 1 || wait->need > 1 || wait->ops->flags ||
	    sem->value || sem->zeroes.rb_node || !kipc_sem_is_plain(set) ||
	    kipc_notify_wanted(&set->object.notify))
		return NULL;
	kipc_sem_name_last(sem, task_tgid(wait->waiter.task));
	kipc_sem_count(set, 2);
	kipc_sem_end(set, wait);
	return kipc_waiter_settle(&wait->waiter, KIPC_GRANTED);
}

/* It has come for nothing: another semaphore was missing. */
static void kipc_sem_move(struct kipc_sem_set *set, struct kipc_sem_wait *wait,
			  bool was_held)
{
	bool counts = set->overtakes != KIPC_SEM_NEVER && wait->takes &&
		      !wait->elder && wait->place != KIPC_SEM_HELD;

	if (counts && !was_held && wait->left)
		wait->left--;
	kipc_sem_join(set, wait);
	if (counts && !wait->left)
		kipc_sem_make_elder(set, wait);
}

/* What @wait has waited for has come. */
static void kipc_sem_retry(struct kipc_sem_set *set, struct kipc_sem_wait *wait,
			   struct kipc_wake *wake)
{
	bool held = wait->place == KIPC_SEM_HELD;
	int verdict = -EIDRM;

	kipc_sem_leave(set, wait);
	if (likely(!set->object.removed))
		verdict = kipc_sem_attempt(set, wait);
	if (verdict == KIPC_WAITING) {
		kipc_sem_move(set, wait, held);
		return;
	}
	kipc_sem_end(set, wait);
	kipc_waiter_wake(&wait->waiter, verdict, wake);
}

/* Settling. */

static struct kipc_sem_wait *kipc_sem_first_at(const struct kipc_sem *sem, bool removed)
{
	struct kipc_sem_wait *taker, *zero;

	if (unlikely(removed)) {
		taker = kipc_sem_wait_of(rb_first_cached(&sem->takers));
		zero = kipc_sem_wait_of(rb_first(&sem->zeroes));
	} else {
		taker = kipc_sem_takers_ready(&sem->takers, sem->value);
		zero = kipc_sem_zeroes_ready(&sem->zeroes, sem->value);
	}
	if (!taker || !zero)
		return taker ?: zero;
	return taker->turn < zero->turn ? taker : zero;
}

/* Nobody has to go on: what has come, and is still there, is news. */
static void kipc_sem_hush(struct kipc_sem_set *set)
{
	struct kipc_sem *sem, *next;

	list_for_each_entry_safe(sem, next, &set->changed, changed) {
		list_del_init(&sem->changed);
		if (sem->fresh && kipc_sem_is_there(sem))
			set->arrived = true;
		sem->fresh = false;
	}
}

/* The first of those that a changed semaphore can let go on, or NULL. */
static struct kipc_sem_wait *kipc_sem_first(struct kipc_sem_set *set, unsigned int *steps)
{
	struct kipc_sem_wait *first = NULL, *wait;
	struct kipc_sem *sem, *next;

	list_for_each_entry_safe(sem, next, &set->changed, changed) {
		++*steps;
		wait = kipc_sem_first_at(sem, set->object.removed);
		if (!wait && (!sem->fresh || set->object.removed))
			list_del_init(&sem->changed);
		if (wait && (!first || wait->turn < first->turn))
			first = wait;
		/* In whatever order: it is the end of all. */
		if (wait && set->object.removed)
			break;
	}
	return first;
}

/* Who is to be tried next; or NULL, and the set is not busy any more. */
static struct kipc_sem_wait *kipc_sem_next(struct kipc_sem_set *set, unsigned int *steps)
{
	struct kipc_sem_wait *first = kipc_sem_first(set, steps), *held;

	if (unlikely(set->recheck != KIPC_SEM_NO_TURN)) {
		held = kipc_sem_held_from(&set->held, set->recheck);
		if (first && held && first->turn < held->turn)
			return first;
		set->recheck = held ? held->turn + 1 : KIPC_SEM_NO_TURN;
		first = held ?: first;
	}
	if (!first)
		kipc_sem_hush(set);
	return first;
}

/* One round. */
static void kipc_sem_settle(struct kipc_sem_set *set, struct kipc_wake *wake)
{
	unsigned int steps = 0;
	struct kipc_sem_wait *wait;

	lockdep_assert_held(&set->object.lock);
	while (steps < KIPC_SEM_STEPS && !kipc_wake_full(wake)) {
		wait = kipc_sem_next(set, &steps);
		if (!wait)
			break;
		steps += wait->count;
		kipc_sem_retry(set, wait, wake);
	}
}

/**
 * kipc_sem_touch - a semaphore has changed
 * @set: the set
 * @sem: the semaphore
 * @more: something was added
 *
 * Context: the lock is held; kipc_sem_unlock() drops it.
 */
void kipc_sem_touch(struct kipc_sem_set *set, struct kipc_sem *sem, bool more)
{
	if (more)
		sem->fresh = true;
	if (list_empty(&sem->changed))
		list_add_tail(&sem->changed, &set->changed);
}

/**
 * kipc_sem_state - the poll mask of the set itself, for any right
 * @set: the set, not busy
 *
 * Context: the lock is held.
 * Return: EPOLLIN: something can be taken; EPOLLOUT: added; KIPC_NEWS_LIMIT: nothing can.
 */
__poll_t kipc_sem_state(const struct kipc_sem_set *set)
{
	lockdep_assert_held(&set->object.lock);
	if (set->object.removed)
		return KIPC_NEWS_END;
	return (set->available ? EPOLLIN : 0) |
	       (set->room ? EPOLLOUT : KIPC_NEWS_LIMIT);
}

/**
 * kipc_sem_unlock - drop the lock, and let go on who can
 * @set: the set
 * @wake: initialised; may have somebody in it; is empty afterwards
 *
 * Context: the lock is held, and dropped; process context.
 */
void kipc_sem_unlock(struct kipc_sem_set *set, struct kipc_wake *wake)
	__releases(&set->object.lock)
{
	struct kipc_object *object = &set->object;
	__poll_t news = 0;
	bool more;

	for (;;) {
		kipc_sem_settle(set, wake);
		more = kipc_sem_is_busy(set);
		/* Not before it is settled; whoever has done so in between has told. */
		if (!more && unlikely(kipc_notify_wanted(&object->notify)))
			news = kipc_notify_news(kipc_sem_state(set), &set->told,
						set->arrived);
		if (!more)
			set->arrived = false;
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

/**
 * kipc_sem_clean - settle the set first, if it is busy
 * @set: the set
 * @wake: as for kipc_sem_unlock()
 *
 * Context: process context; the lock is held, may be dropped, and is held again.
 */
void kipc_sem_clean(struct kipc_sem_set *set, struct kipc_wake *wake)
{
	lockdep_assert_held(&set->object.lock);
	while (unlikely(kipc_sem_is_busy(set))) {
		kipc_sem_unlock(set, wake);
		spin_lock(&set->object.lock);
	}
}
