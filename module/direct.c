// SPDX-License-Identifier: GPL-2.0
/*
 * Direct communication: an object that a process has published as its own is
 * opened by the process's number, by those who could send it a signal.
 *
 * What is published belongs to two: to the process, which has at most one, and
 * to the handle by which it was published.  With the last close of that handle it
 * is gone, in process context and before the handle is freed: so it needs no hold
 * of the object.  A process that ends may leave it behind, in a handle that others
 * hold as well; nobody finds it then, as nobody finds the process, whose struct pid
 * is held and so cannot be mistaken for another's.  Nor is it found when the process
 * has executed another program, which may have other rights.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "debug.h"
#include "object.h"

#define KIPC_DIRECT_BATCH	64	/* that go with the lock held */

/**
 * struct kipc_direct - what a process has published
 * @node: in kipc_directs, by @process
 * @list: all that were published by @handle
 * @process: whose it is, referenced; constant
 * @handle: open; constant
 * @program: the process's @self_exec_id; constant
 */
struct kipc_direct {
	struct hlist_node node;
	struct list_head list;
	struct pid *process;
	struct kipc_handle *handle;
	u64 program;
};

static DEFINE_HASHTABLE(kipc_directs, 8);
/* Protects the table, and the lists of all handles. */
static DEFINE_SPINLOCK(kipc_direct_lock);

static struct kipc_direct *kipc_direct_find_locked(struct pid *process)
{
	struct kipc_direct *direct;

	lockdep_assert_held(&kipc_direct_lock);
	hash_for_each_possible(kipc_directs, direct, node,
			       (unsigned long)process)
		if (direct->process == process)
			return direct;
	return NULL;
}

static void kipc_direct_drop_locked(struct kipc_direct *direct,
				    struct list_head *garbage)
{
	lockdep_assert_held(&kipc_direct_lock);
	hash_del(&direct->node);
	list_move(&direct->list, garbage);
}

static void kipc_direct_free(struct list_head *garbage)
{
	struct kipc_direct *direct, *next;

	list_for_each_entry_safe(direct, next, garbage, list) {
		put_pid(direct->process);
		kfree(direct);
		kipc_count(KIPC_REF_DIRECTS, -1);
	}
}

/* Is it a process, and has it still a thread?  Its first may have ended before. */
static bool kipc_process_is_alive(struct pid *process)
{
	struct task_struct *first;
	bool alive;

	rcu_read_lock();
	first = pid_task(process, PIDTYPE_TGID);
	alive = first && !(READ_ONCE(first->exit_state) &&
			   thread_group_empty(first));
	rcu_read_unlock();
	return alive;
}

/* Is the program that has published it still the one that runs? */
static bool kipc_direct_is_valid(const struct kipc_direct *direct)
{
	struct task_struct *first;
	bool valid;

	rcu_read_lock();
	first = pid_task(direct->process, PIDTYPE_TGID);
	valid = first && READ_ONCE(first->self_exec_id) == direct->program;
	rcu_read_unlock();
	return valid;
}

/*
 * A handle can outlive many processes that have published it, as that of a parent
 * whose children do.  For each that comes two are looked at, so that there are
 * never many of the dead.
 */
static void kipc_direct_tidy_locked(struct kipc_handle *handle,
				    struct list_head *garbage)
{
	struct kipc_direct *direct;
	int i;

	lockdep_assert_held(&kipc_direct_lock);
	for (i = 0; i < 2 && !list_empty(&handle->published); i++) {
		direct = list_first_entry(&handle->published,
					  struct kipc_direct, list);
		if (kipc_process_is_alive(direct->process))
			list_move_tail(&direct->list, &handle->published);
		else
			kipc_direct_drop_locked(direct, garbage);
	}
}

/**
 * kipc_direct_publish - make an object the calling process's own
 * @handle: by which; nobody is closing it
 *
 * What the process had published before is so no more.
 *
 * Context: process context, may sleep.
 * Return: 0, -EPERM: it has not the right to send; -EIDRM, -ENOMEM.
 */
int kipc_direct_publish(struct kipc_handle *handle)
{
	struct kipc_direct *direct, *old;
	LIST_HEAD(garbage);

	if (!(handle->rights & KIPC_RIGHT_SEND))
		return -EPERM;
	if (READ_ONCE(handle->object->removed))
		return -EIDRM;
	direct = kmalloc(sizeof(*direct), GFP_KERNEL_ACCOUNT);
	if (!direct)
		return -ENOMEM;
	direct->process = get_pid(task_tgid(current));
	direct->handle = handle;
	direct->program = READ_ONCE(current->self_exec_id);
	kipc_count(KIPC_REF_DIRECTS, 1);
	kipc_delay(KIPC_DELAY_PUBLISH_PREPARED);

	spin_lock(&kipc_direct_lock);
	if (!handle->publishes) {
		INIT_LIST_HEAD(&handle->published);
		handle->publishes = true;
	}
	old = kipc_direct_find_locked(direct->process);
	if (old)
		kipc_direct_drop_locked(old, &garbage);
	kipc_direct_tidy_locked(handle, &garbage);
	hash_add(kipc_directs, &direct->node, (unsigned long)direct->process);
	list_add_tail(&direct->list, &handle->published);
	spin_unlock(&kipc_direct_lock);
	kipc_direct_free(&garbage);
	return 0;
}

/**
 * kipc_direct_unpublish - take back what the calling process has published
 * @handle: by which
 *
 * Context: process context, may sleep.
 * Return: 0, or -ENOENT: nothing, or by another handle.
 */
int kipc_direct_unpublish(struct kipc_handle *handle)
{
	struct kipc_direct *direct;
	LIST_HEAD(garbage);
	int ret = -ENOENT;

	spin_lock(&kipc_direct_lock);
	direct = kipc_direct_find_locked(task_tgid(current));
	if (direct && direct->handle == handle && kipc_direct_is_valid(direct)) {
		kipc_direct_drop_locked(direct, &garbage);
		ret = 0;
	}
	spin_unlock(&kipc_direct_lock);
	kipc_direct_free(&garbage);
	return ret;
}

/**
 * kipc_direct_forget - a handle is closed: what was published by it is so no more
 * @handle: which nobody has any more
 *
 * Context: process context, may sleep.
 */
void kipc_direct_forget(struct kipc_handle *handle)
{
	struct list_head *published = &handle->published;
	LIST_HEAD(garbage);
	int count;

	/* Most handles are spared the lock.  This changes in a call on it only. */
	if (likely(!handle->publishes))
		return;
	do {
		spin_lock(&kipc_direct_lock);
		for (count = 0; count < KIPC_DIRECT_BATCH &&
		     !list_empty(published); count++)
			kipc_direct_drop_locked(list_first_entry(published,
								 struct kipc_direct,
								 list),
						&garbage);
		spin_unlock(&kipc_direct_lock);
	} while (count == KIPC_DIRECT_BATCH);
	kipc_direct_free(&garbage);
}

/**
 * kipc_direct_find - look up what a process has published
 * @number: of the process, in the caller's pid namespace
 *
 * Signal 0 tells who may: this is all that kill(2) checks, capabilities and
 * security modules included.
 *
 * Context: process context, may sleep.
 * Return: the object, to be given up by kipc_object_put(), or an ERR_PTR():
 * -ESRCH: there is no such process, or it has ended; -ENOENT: it has nothing;
 * -EPERM, and what else a security module says.
 */
struct kipc_object *kipc_direct_find(pid_t number)
{
	struct pid *process = find_get_pid(number);
	struct kipc_object *object = NULL;
	struct kipc_direct *direct;
	int ret = -ESRCH;

	if (process && kipc_process_is_alive(process))
		ret = kill_pid(process, 0, 0);
	if (ret)
		goto put;
	kipc_delay(KIPC_DELAY_DIRECT_ALLOWED);
	ret = -ENOENT;
	spin_lock(&kipc_direct_lock);
	direct = kipc_direct_find_locked(process);
	if (direct && kipc_direct_is_valid(direct)) {
		object = direct->handle->object;
		kipc_object_get(object);
	}
	spin_unlock(&kipc_direct_lock);
put:
	put_pid(process);
	return object ?: ERR_PTR(ret);
}
