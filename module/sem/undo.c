// SPDX-License-Identifier: GPL-2.0
/*
 * What is undone when a process ends.
 *
 * A process is told from others by its struct pid, which is held, so that nobody can be
 * mistaken for it.  Its end wakes those who wait on wait_pidfd, under locks of the
 * kernel's: so what is to be done then is queued.  A record does not hold its set: it goes
 * with that, if nobody is left to see it undone.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "sem.h"

static size_t kipc_sem_undo_size(const struct kipc_sem_set *set)
{
	return sizeof(struct kipc_sem_undo) +
	       set->count * sizeof(struct kipc_sem_adjust);
}

/**
 * kipc_sem_undo_of - what is to be undone on a semaphore
 * @undo: of the process
 * @set: the set
 * @sem: the semaphore
 *
 * Context: the lock is held.
 * Return: what is to be added.
 */
s64 kipc_sem_undo_of(const struct kipc_sem_undo *undo,
		     const struct kipc_sem_set *set, const struct kipc_sem *sem)
{
	const struct kipc_sem_adjust *adjust = &undo->adjust[sem - set->sems];

	return adjust->setting == sem->setting ? adjust->by : 0;
}

/**
 * kipc_sem_undo_put - change that
 * @undo: of the process
 * @set: the set
 * @sem: the semaphore
 * @by: what is to be added
 *
 * Context: the lock is held.
 */
void kipc_sem_undo_put(struct kipc_sem_undo *undo, struct kipc_sem_set *set,
		       const struct kipc_sem *sem, s32 by)
{
	struct kipc_sem_adjust *adjust = &undo->adjust[sem - set->sems];

	adjust->by = by;
	adjust->setting = sem->setting;
}

/* The process is gone, and what it has left is in @undo. */
static void kipc_sem_undo_apply(struct kipc_sem_set *set,
				const struct kipc_sem_undo *undo)
{
	struct kipc_sem *sem;
	s64 by, value;
	u32 i;

	lockdep_assert_held(&set->object.lock);
	for (i = 0; i < set->count; i++) {
		sem = &set->sems[i];
		by = kipc_sem_undo_of(undo, set, sem);
		if (!by)
			continue;
		value = clamp_t(s64, sem->value + by, 0, set->max);
		kipc_sem_name_last(sem, undo->process);
		if (value == sem->value)
			continue;
		kipc_sem_touch(set, sem, value > sem->value);
		kipc_sem_put(set, sem, value);
	}
}

/* Nobody finds it any more, and its work is not queued. */
static void kipc_sem_undo_free(struct kipc_sem_set *set, struct kipc_sem_undo *undo)
{
	put_pid(undo->process);
	kipc_account_free(&set->object.account, undo, kipc_sem_undo_size(set));
	kipc_count(KIPC_REF_UNDOS, -1);
}

/* Called under locks of the kernel's, perhaps for nothing. */
static int kipc_sem_undo_watch(wait_queue_entry_t *entry, unsigned int mode, int flags,
			       void *key)
{
	struct kipc_sem_undo *undo = container_of(entry, struct kipc_sem_undo, watch);

	/* Pairs with the barrier in kipc_sem_undo_is_due(). */
	if (xchg(&undo->dying, true))
		return 0;
	/*
	 * A set with a persistent name may have no handle, which would hold the module; and
	 * who is about to unload that takes no more work.  The set goes then, and all this.
	 */
	if (try_module_get(THIS_MODULE)) {
		if (kipc_object_get(&undo->set->object)) {
			kipc_calls_later(&undo->death, 0);
			return 0;
		}
		module_put(THIS_MODULE);
	}
	WRITE_ONCE(undo->dying, false);
	return 0;
}

/* If not, @dying is unset, or it is queued again by who has set it since. */
static bool kipc_sem_undo_is_due(struct kipc_sem_undo *undo)
{
	if (kipc_process_is_dead(undo->process))
		return true;
	/* Before it looks again: who comes from now on queues it. */
	smp_store_mb(undo->dying, false);
	return kipc_process_is_dead(undo->process) && !xchg(&undo->dying, true);
}

static void kipc_sem_undo_death(struct work_struct *work)
{
	struct kipc_sem_undo *undo = container_of(to_delayed_work(work),
						  struct kipc_sem_undo, death);
	struct kipc_sem_set *set = undo->set;
	struct kipc_wake wake;

	if (kipc_sem_undo_is_due(undo)) {
		remove_wait_queue(&undo->process->wait_pidfd, &undo->watch);
		kipc_wake_init(&wake);
		spin_lock(&set->object.lock);
		rb_erase(&undo->node, &set->undos);
		set->undo_count--;
		if (!set->object.removed)
			kipc_sem_undo_apply(set, undo);
		kipc_sem_unlock(set, &wake);
		kipc_sem_undo_free(set, undo);
	}
	kipc_object_put(&set->object);
	/* kipc_calls_teardown() waits for who is between this and the return. */
	module_put(THIS_MODULE);
}

static struct kipc_sem_undo *kipc_sem_undo_find(struct kipc_sem_set *set,
						const struct pid *process)
{
	struct rb_node *node = set->undos.rb_node;
	struct kipc_sem_undo *undo;

	lockdep_assert_held(&set->object.lock);
	while (node) {
		undo = rb_entry(node, struct kipc_sem_undo, node);
		if (undo->process == process)
			return undo;
		node = process < undo->process ? node->rb_left : node->rb_right;
	}
	return NULL;
}

static bool kipc_sem_undo_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct kipc_sem_undo, node)->process <
	       rb_entry(b, struct kipc_sem_undo, node)->process;
}

static struct kipc_sem_undo *kipc_sem_undo_create(struct kipc_sem_set *set)
{
	struct kipc_sem_undo *undo;

	undo = kipc_account_alloc(&set->object.account, kipc_sem_undo_size(set), false);
	if (IS_ERR(undo))
		return undo;
	memset(undo, 0, kipc_sem_undo_size(set));
	undo->set = set;
	undo->process = get_pid(task_tgid(current));
	init_waitqueue_func_entry(&undo->watch, kipc_sem_undo_watch);
	INIT_DELAYED_WORK(&undo->death, kipc_sem_undo_death);
	kipc_count(KIPC_REF_UNDOS, 1);
	return undo;
}

/**
 * kipc_sem_undo_get - find what is to be undone for the calling process, or make it
 * @set: the set
 *
 * Context: process context, may sleep; the lock is not held.
 * Return: it stays as long as a thread of the process is in a call; or ERR_PTR(-EDQUOT),
 * ERR_PTR(-ENOMEM).
 */
struct kipc_sem_undo *kipc_sem_undo_get(struct kipc_sem_set *set)
{
	struct pid *process = task_tgid(current);
	struct kipc_sem_undo *undo, *fresh;

	spin_lock(&set->object.lock);
	undo = kipc_sem_undo_find(set, process);
	spin_unlock(&set->object.lock);
	if (likely(undo))
		return undo;
	fresh = kipc_sem_undo_create(set);
	if (IS_ERR(fresh))
		return fresh;
	kipc_delay(KIPC_DELAY_SEM_UNDO_CREATED);
	spin_lock(&set->object.lock);
	undo = kipc_sem_undo_find(set, process);
	if (!undo) {
		rb_add(&fresh->node, &set->undos, kipc_sem_undo_less);
		set->undo_count++;
	}
	spin_unlock(&set->object.lock);
	if (undo) {
		kipc_sem_undo_free(set, fresh);
		return undo;
	}
	/* The process does not end before its threads have left. */
	add_wait_queue(&process->wait_pidfd, &fresh->watch);
	return fresh;
}

/**
 * kipc_sem_undo_drop_all - the set goes, and nothing is undone
 * @set: nobody holds it, and so nothing is queued
 *
 * Context: process context, may sleep.
 */
void kipc_sem_undo_drop_all(struct kipc_sem_set *set)
{
	struct kipc_sem_undo *undo, *next;

	rbtree_postorder_for_each_entry_safe(undo, next, &set->undos, node) {
		remove_wait_queue(&undo->process->wait_pidfd, &undo->watch);
		kipc_sem_undo_free(set, undo);
	}
}
