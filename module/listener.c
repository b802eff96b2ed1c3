// SPDX-License-Identifier: GPL-2.0
/*
 * Signals for threads that have registered for an event of an object.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>

#include <linux/kipc.h>

#include "debug.h"
#include "notify.h"
#include "quota.h"

/**
 * struct kipc_listener - a registration
 * @node: in the object's
 * @by: the handle that it was made by
 * @thread: to be told, referenced
 * @exec_id: of the program that has registered
 * @user: who has registered, if that is a guest: see kipc_listener_set()
 * @guest: it is one
 * @news: of what it is to be told; none: no more
 * @wish: what it has asked for
 *
 * Protected by the lock of struct kipc_notify.
 */
struct kipc_listener {
	struct hlist_node node;
	const void *by;
	struct pid *thread;
	u64 exec_id;
	kuid_t user;
	bool guest;
	__poll_t news;
	struct kipc_notification wish;
};

/* Of an object's registrations, those that guests have together. */
#define KIPC_LISTENER_GUESTS (KIPC_NOTIFY_MAX / 2)

/*
 * The thread, if it lives, runs the program that has registered, and is still to be told;
 * under RCU.  The first one of a process that has ended is there as long as the others,
 * and would only collect signals.
 */
static struct task_struct *kipc_listener_task(const struct kipc_listener *listener)
{
	struct task_struct *task = pid_task(listener->thread, PIDTYPE_PID);

	return task && !READ_ONCE(task->exit_state) &&
	       READ_ONCE(task->self_exec_id) == listener->exec_id &&
	       listener->news ? task : NULL;
}

static void kipc_listener_unlink(struct kipc_notify *notify,
				 struct kipc_listener *listener,
				 struct hlist_head *garbage)
{
	lockdep_assert_held(&notify->lock);
	hlist_del(&listener->node);
	hlist_add_head(&listener->node, garbage);
	WRITE_ONCE(notify->watchers, notify->watchers - 1);
}

static void kipc_listener_free(struct kipc_account *account,
			       struct hlist_head *garbage)
{
	struct kipc_listener *listener;
	struct hlist_node *next;

	hlist_for_each_entry_safe(listener, next, garbage, node) {
		put_pid(listener->thread);
		kipc_account_free(account, listener, sizeof(*listener));
		kipc_count(KIPC_REF_LISTENERS, -1);
	}
}

static struct kipc_listener *kipc_listener_alloc(struct kipc_account *account,
						 const void *by,
						 const struct kipc_notification *wish,
						 __poll_t news, bool guest)
{
	struct kipc_listener *listener;

	listener = kipc_account_alloc(account, sizeof(*listener), false);
	if (IS_ERR(listener))
		return listener;
	listener->by = by;
	listener->thread = get_pid(task_pid(current));
	listener->exec_id = current->self_exec_id;
	listener->user = current_euid();
	listener->guest = guest;
	listener->news = news;
	listener->wish = *wish;
	kipc_count(KIPC_REF_LISTENERS, 1);
	return listener;
}

/**
 * kipc_listener_set - register the calling thread, or take its registration away
 * @notify: of the object
 * @account: of the object
 * @by: the handle
 * @wish: checked; without events, it takes away
 * @news: of what it is to be told, by what the handle may; it is counted as a watcher
 * @guest: it does not govern the object: one user of these may have half of what the
 *	other guests leave, so that nobody takes all places from the others, nor all of them
 *	from the owner
 *
 * Those who have gone are swept out on the way.
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOENT, -ENOSPC, -EDQUOT, -ENOMEM.
 */
int kipc_listener_set(struct kipc_notify *notify, struct kipc_account *account,
		      const void *by, const struct kipc_notification *wish,
		      __poll_t news, bool guest)
{
	unsigned int others = 0, guests = 0, mine = 0;
	struct kipc_listener *listener, *fresh = NULL;
	HLIST_HEAD(garbage);
	struct hlist_node *next;
	bool found = false;
	int ret = 0;

	if (wish->events) {
		fresh = kipc_listener_alloc(account, by, wish, news, guest);
		if (IS_ERR(fresh))
			return PTR_ERR(fresh);
	}
	rcu_read_lock();
	spin_lock(&notify->lock);
	hlist_for_each_entry_safe(listener, next, &notify->listeners, node) {
		if (kipc_listener_task(listener)) {
			if (listener->by != by ||
			    listener->thread != task_pid(current)) {
				others++;
				if (!listener->guest)
					continue;
				if (uid_eq(listener->user, current_euid()))
					mine++;
				else
					guests++;
				continue;
			}
			found = true;
		}
		kipc_listener_unlink(notify, listener, &garbage);
	}
	if (!fresh) {
		ret = found ? 0 : -ENOENT;
	} else if (others >= KIPC_NOTIFY_MAX ||
		   (guest && !found &&
		    2 * mine + guests + 1 >= KIPC_LISTENER_GUESTS)) {
		hlist_add_head(&fresh->node, &garbage);
		ret = -ENOSPC;
	} else {
		hlist_add_head(&fresh->node, &notify->listeners);
	}
	spin_unlock(&notify->lock);
	rcu_read_unlock();
	kipc_listener_free(account, &garbage);
	return ret;
}

/**
 * kipc_listener_forget - a handle goes, and what was registered by it
 * @notify: of the object
 * @account: of the object
 * @by: the handle
 *
 * Context: process context, may sleep.
 */
void kipc_listener_forget(struct kipc_notify *notify,
			  struct kipc_account *account, const void *by)
{
	struct kipc_listener *listener;
	HLIST_HEAD(garbage);
	struct hlist_node *next;

	/* Nobody can register by it any more. */
	if (hlist_empty(&notify->listeners))
		return;
	spin_lock(&notify->lock);
	hlist_for_each_entry_safe(listener, next, &notify->listeners, node)
		if (listener->by == by)
			kipc_listener_unlink(notify, listener, &garbage);
	spin_unlock(&notify->lock);
	kipc_listener_free(account, &garbage);
}

/* Not if its queue of signals is full: then it is to be told again. */
static bool kipc_listener_signal(const struct kipc_listener *listener,
				 struct task_struct *task)
{
	struct kernel_siginfo info;

	clear_siginfo(&info);
	info.si_signo = listener->wish.signo;
	info.si_code = SI_MESGQ;
	/* The kernel maps the user, and not the process, into the receiver's view. */
	if (!(current->flags & PF_KTHREAD)) {
		info.si_pid = pid_nr_ns(task_tgid(current),
					ns_of_pid(listener->thread));
		info.si_uid = from_kuid_munged(current_user_ns(), current_uid());
	}
	info.si_ptr = (void __user *)(unsigned long)listener->wish.value;
	return !send_sig_info(listener->wish.signo, &info, task);
}

/**
 * kipc_listener_tell - something has happened
 * @notify: of the object
 * @news: what
 *
 * The number of listeners is small, and a signal does not sleep.
 *
 * Context: process context; the object is held, its lock is not.
 */
void kipc_listener_tell(struct kipc_notify *notify, __poll_t news)
{
	struct kipc_listener *listener;
	struct task_struct *task;

	rcu_read_lock();
	spin_lock(&notify->lock);
	hlist_for_each_entry(listener, &notify->listeners, node) {
		task = kipc_listener_task(listener);
		if (!task || !(listener->news & news))
			continue;
		/* It is swept out when somebody registers, or the handle goes. */
		if (kipc_listener_signal(listener, task) &&
		    listener->wish.flags & KIPC_NOTIFY_ONCE)
			listener->news = 0;
	}
	spin_unlock(&notify->lock);
	rcu_read_unlock();
}
