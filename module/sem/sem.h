/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The set of semaphores inside
 *
 * An operation is tried on the spot, step by step, and rolled back if it cannot go on.  Then
 * it waits, and is in exactly one of these places, each in the order of arrival:
 *
 *	semaphore->takers	the semaphore must grow to what the operation needs
 *	semaphore->zeroes	it must become what the operation needs: 0, less what
 *				the operation itself has added to it before
 *	set->held		it would take from what the set's senior takes from
 *
 * Whoever changes a semaphore puts it into set->changed, and kipc_sem_unlock() then
 * *settles*: as long as there is an operation that a changed semaphore can let go on, the
 * first such is tried again.  It is done, on behalf of who waits, or moves to where the
 * next thing is missing.  So these invariants hold whenever the lock is free and the set
 * is not *busy* (nothing is in set->changed, and nobody held is to be tried again):
 *
 *   T: who is in takers needs more than the value; who is in zeroes, another value
 *   H: who is held came later than the senior, does not add, and takes from what that
 *      takes from
 *   E: the senior is the oldest elder
 *
 * Settling is done in rounds, between which the lock is dropped, since there may be a lot to
 * do.  Who comes while the set is busy settles it first: so nobody takes what others
 * wait for.
 *
 * Who waits lingers first (waiter.h): two who hand over to each other need not sleep.  Whoever
 * does an operation for another has ended its wait by that, so that one returns without
 * the lock, if it finds its verdict.
 *
 * How often an operation may still be overtaken is @left; while it is in takers, what the
 * semaphore counted as passed may grow to @limit.  The trees of takers know the least @need
 * and the least @limit of each part of them, so that neither who goes on nor who is to
 * be an elder is ever searched for.  Those who lie behind the one that was passed
 * are counted with it: they may become elders a little early.
 */
#ifndef KIPC_SEM_SEM_H
#define KIPC_SEM_SEM_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/rbtree.h>
#include <linux/sched/signal.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "buffer.h"
#include "debug.h"
#include "object.h"
#include "waiter.h"

#define KIPC_SEM_NO_TURN	U64_MAX		/* later than any that waits */
#define KIPC_SEM_NO_LIMIT	U64_MAX

/**
 * struct kipc_sem - a semaphore
 * @value: it
 * @setting: how often it was set: what was to be undone before that is not any more
 * @waiting: operations in @takers, and those held because of it
 * @waiting_zero: in @zeroes
 * @wanted: the senior takes from it
 * @fresh: something was added, since the set was settled last
 * @passed: how often somebody in @takers was overtaken
 * @last: process that operated on it last, referenced; or NULL
 * @takers: who waits for it to grow, by turn
 * @zeroes: who waits for it to have a value, by that and turn
 * @changed: in the set's list of those that have
 *
 * Protected by the object's lock.
 */
struct kipc_sem {
	u32 value;
	u32 setting;
	u32 waiting;
	u32 waiting_zero;
	bool wanted;
	bool fresh;
	u64 passed;
	struct pid *last;
	struct rb_root_cached takers;
	struct rb_root zeroes;
	struct list_head changed;
};

struct kipc_sem_wait;

/**
 * struct kipc_sem_set - a set of semaphores
 * @object: its head
 * @count: semaphores; constant
 * @max: most that one can be; constant
 * @initial: what they were in the beginning; constant
 * @overtakes: how often one can be overtaken, or KIPC_SEM_NEVER; constant
 * @sems: the semaphores
 * @patience: how waits have gone; a hint
 * @yields: likewise
 *
 * Protected by @object.lock:
 * @available: how many are above 0, and not wanted by the senior
 * @room: how many are below @max
 * @changed: those that may let somebody go on
 * @held: who waits behind the senior, by turn
 * @recheck: who is held and has this turn or a later one is to be tried again
 * @elders: who was overtaken too often, by turn
 * @senior: the first of them
 * @turns: how many operations have begun to wait
 * @undos: what is to be undone, by process
 * @undo_count: how many of those
 * @waiting: threads that wait
 * @arrived: something was added, and is there to be taken
 * @told: the poll mask that pollers know
 * @operations: figure
 * @waits: figure
 * @otime: figure
 * @ctime: figure
 */
struct kipc_sem_set {
	struct kipc_object object;
	u32 count;
	u32 max;
	u32 initial;
	u32 overtakes;
	struct kipc_sem *sems;
	struct kipc_patience patience;
	unsigned int yields;

	u32 available;
	u32 room;
	struct list_head changed;
	struct rb_root held;
	u64 recheck;
	struct rb_root_cached elders;
	struct kipc_sem_wait *senior;
	u64 turns;
	struct rb_root undos;
	u32 undo_count;
	u32 waiting;
	bool arrived;
	__poll_t told;
	u64 operations;
	u64 waits;
	u64 otime;
	u64 ctime;
};

/**
 * struct kipc_sem_adjust - what is to be undone on a semaphore
 * @by: to be added
 * @setting: as of the semaphore, else it is forgotten
 */
struct kipc_sem_adjust {
	s32 by;
	u32 setting;
};

/**
 * struct kipc_sem_undo - what is to be undone when a process ends
 * @node: in the set's
 * @set: not held
 * @process: referenced; the key
 * @watch: for its end
 * @death: it may have ended; while it is queued, the object is held, and the module
 * @dying: it is queued, or at work
 * @adjust: for each semaphore
 *
 * Made by the process itself, and freed after its end, or with the set.  @adjust and
 * @node are protected by the object's lock.
 */
struct kipc_sem_undo {
	struct rb_node node;
	struct kipc_sem_set *set;
	struct pid *process;
	wait_queue_entry_t watch;
	struct delayed_work death;
	bool dying;
	struct kipc_sem_adjust adjust[];
};

/* Where an operation is. */
enum kipc_sem_place {
	KIPC_SEM_NOWHERE,
	KIPC_SEM_IN_TAKERS,
	KIPC_SEM_IN_ZEROES,
	KIPC_SEM_HELD,
};

/**
 * struct kipc_sem_least - the least in a part of a tree
 * @need: of those that are there
 * @limit: likewise
 */
struct kipc_sem_least {
	s64 need;
	u64 limit;
};

/**
 * struct kipc_sem_wait - an operation, that perhaps waits; on its thread's stack
 * @ops: its steps; constant
 * @count: of them; constant
 * @adds: one of them does; constant
 * @takes: one of them does: else being the senior is of no use to it; constant
 * @undo: of the process, if a step is to be undone; constant
 * @waiter: the thread
 * @turn: when it came
 * @place: where it is, or is to be
 * @at: the semaphore there
 * @need: what that must be
 * @node: there
 * @left: how often it may still be overtaken, before it came there
 * @limit: in takers: what @at->passed may be; KIPC_SEM_NO_LIMIT: it is an elder, or may
 *	not become one
 * @least: in takers: of it and those below it
 * @elder_node: in the set's elders
 * @elder: it is there
 *
 * Once others know it, protected by the object's lock.
 */
struct kipc_sem_wait {
	const struct kipc_sem_op *ops;
	unsigned int count;
	bool adds;
	bool takes;
	bool elder;
	struct kipc_sem_undo *undo;

	struct kipc_waiter waiter;
	u64 turn;
	enum kipc_sem_place place;
	struct kipc_sem *at;
	s64 need;
	struct rb_node node;
	u64 left;
	u64 limit;
	struct kipc_sem_least least;
	struct rb_node elder_node;
};

static inline struct kipc_sem_set *kipc_sem_set_of(struct kipc_object *object)
{
	return container_of(object, struct kipc_sem_set, object);
}

static inline struct kipc_sem_set *kipc_sem_set_of_file(const struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_sem_set_of(handle->object);
}

/* By a number from user space, which was checked. */
static inline struct kipc_sem *kipc_sem_at(struct kipc_sem_set *set, u32 num)
{
	return &set->sems[array_index_nospec(num, set->count)];
}

/* The state, under the lock. */

static inline bool kipc_sem_is_busy(const struct kipc_sem_set *set)
{
	return !list_empty(&set->changed) || set->recheck != KIPC_SEM_NO_TURN;
}

/* Whether somebody can go on is a matter of the values alone. */
static inline bool kipc_sem_is_plain(const struct kipc_sem_set *set)
{
	return !set->object.removed && !kipc_sem_is_busy(set) && !set->senior;
}

/* And whatever is done to @sem, nobody has to go on, nor to be told. */
static inline bool kipc_sem_is_calm(struct kipc_sem_set *set,
				    const struct kipc_sem *sem)
{
	return kipc_sem_is_plain(set) && !sem->takers.rb_root.rb_node &&
	       !sem->zeroes.rb_node && !kipc_notify_wanted(&set->object.notify);
}

/* Can an operation that has come just now take from it? */
static inline bool kipc_sem_is_there(const struct kipc_sem *sem)
{
	return sem->value && !sem->wanted;
}

static inline void kipc_sem_put(struct kipc_sem_set *set, struct kipc_sem *sem,
				u32 value)
{
	if (!sem->wanted)
		set->available += !!value - !!sem->value;
	set->room += (value < set->max) - (sem->value < set->max);
	sem->value = value;
}

static inline void kipc_sem_name_last(struct kipc_sem *sem, struct pid *process)
{
	if (sem->last == process)
		return;
	put_pid(sem->last);
	sem->last = get_pid(process);
}

static inline void kipc_sem_count(struct kipc_sem_set *set, unsigned int operations)
{
	set->operations += operations;
	set->otime = ktime_get_real_seconds();
}

/* line.c: who waits where */
void kipc_sem_touch(struct kipc_sem_set *set, struct kipc_sem *sem, bool more);
void kipc_sem_passed(struct kipc_sem_set *set, struct kipc_sem *sem, u64 turn);
void kipc_sem_join(struct kipc_sem_set *set, struct kipc_sem_wait *wait);
struct task_struct *kipc_sem_hand_one(struct kipc_sem_set *set, struct kipc_sem *sem);
void kipc_sem_end(struct kipc_sem_set *set, struct kipc_sem_wait *wait);
void kipc_sem_clean(struct kipc_sem_set *set, struct kipc_wake *wake);
void kipc_sem_unlock(struct kipc_sem_set *set, struct kipc_wake *wake)
	__releases(&set->object.lock);
__poll_t kipc_sem_state(const struct kipc_sem_set *set);

/* op.c: operations */
int kipc_sem_attempt(struct kipc_sem_set *set, struct kipc_sem_wait *wait);
long kipc_sem_ioctl_one(struct file *file, unsigned long arg, int op);
long kipc_sem_ioctl_op(struct file *file, void __user *arg, size_t size);

/* all.c: of several sets */
long kipc_sem_ioctl_all(void __user *arg, size_t size);

/* undo.c */
struct kipc_sem_undo *kipc_sem_undo_get(struct kipc_sem_set *set);
s64 kipc_sem_undo_of(const struct kipc_sem_undo *undo,
		     const struct kipc_sem_set *set, const struct kipc_sem *sem);
void kipc_sem_undo_put(struct kipc_sem_undo *undo, struct kipc_sem_set *set,
		       const struct kipc_sem *sem, s32 by);
void kipc_sem_undo_drop_all(struct kipc_sem_set *set);

/* kind.c */
extern const struct kipc_kind kipc_sem_kind;

#endif /* KIPC_SEM_SEM_H */
