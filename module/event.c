// SPDX-License-Identifier: GPL-2.0
/*
 * Events and who is told of them.  See event.h.
 */
#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "event.h"

#define KIPC_EVENTS_MAX	1024	/* that have not been told yet */

/*
 * While there are subscribers, and a second longer: the kernel's code is written anew for
 * it, which who comes and goes all the time must not have done each time.
 */
DEFINE_STATIC_KEY_DEFERRED_FALSE(kipc_events_wanted, HZ);

static DEFINE_MUTEX(kipc_subscribers_lock);	/* protects the next */
static LIST_HEAD(kipc_subscribers);

static DEFINE_SPINLOCK(kipc_events_lock);	/* protects the next four */
static LIST_HEAD(kipc_events);
static unsigned int kipc_events_count;
static u64 kipc_events_number;
static u64 kipc_events_lost;

static void kipc_events_run(struct work_struct *work);
static DECLARE_WORK(kipc_events_work, kipc_events_run);

static void kipc_event_free(struct kipc_event *event)
{
	put_pid(event->process);
	put_user_ns(event->owner);
	kfree(event);
}

static void kipc_event_lose(void)
{
	spin_lock(&kipc_events_lock);
	kipc_events_lost++;
	spin_unlock(&kipc_events_lock);
}

/**
 * kipc_event_new - write down what happens, and that the calling thread causes it
 * @what: KIPC_HAPPENED_...
 * @name: bytes in the object's name
 *
 * Context: any but an interrupt.
 * Return: the event, the rest of it zeroed, for kipc_event_tell(); or NULL: it is lost.
 */
struct kipc_event *kipc_event_new(u32 what, size_t name)
{
	struct kipc_event *event;

	event = kzalloc(struct_size(event, name, name + 1), GFP_ATOMIC | __GFP_NOWARN);
	if (!event) {
		kipc_event_lose();
		return NULL;
	}
	event->what = what;
	if (!(current->flags & PF_KTHREAD)) {
		event->process = get_pid(task_tgid(current));
		event->cause = current_euid();
	}
	return event;
}

/**
 * kipc_event_tell - have it told
 * @event: complete; is not the caller's any more
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_event_tell(struct kipc_event *event)
{
	bool room;

	spin_lock(&kipc_events_lock);
	room = kipc_events_count < KIPC_EVENTS_MAX;
	if (room) {
		event->number = ++kipc_events_number;
		list_add_tail(&event->node, &kipc_events);
		kipc_events_count++;
	} else {
		kipc_events_lost++;
	}
	spin_unlock(&kipc_events_lock);
	/* It may go on for long, so it must not keep other work from a processor. */
	if (room)
		queue_work(system_unbound_wq, &kipc_events_work);
	else
		kipc_event_free(event);
}

/* The next one, and how many have been lost till then. */
static struct kipc_event *kipc_event_next(u64 *lost)
{
	struct kipc_event *event;

	spin_lock(&kipc_events_lock);
	event = list_first_entry_or_null(&kipc_events, struct kipc_event, node);
	if (event) {
		list_del(&event->node);
		kipc_events_count--;
	}
	*lost = kipc_events_lost;
	spin_unlock(&kipc_events_lock);
	return event;
}

static void kipc_events_run(struct work_struct *work)
{
	struct kipc_subscriber *subscriber;
	struct kipc_event *event;
	u64 lost;

	while ((event = kipc_event_next(&lost))) {
		mutex_lock(&kipc_subscribers_lock);
		list_for_each_entry(subscriber, &kipc_subscribers, node)
			if (event->number > subscriber->since)
				subscriber->tell(subscriber, event,
						 lost - subscriber->lost);
		mutex_unlock(&kipc_subscribers_lock);
		kipc_event_free(event);
		cond_resched();
	}
}

/**
 * kipc_event_subscribe - be told from now on
 * @subscriber: @tell is set
 *
 * Context: process context, may sleep.
 */
void kipc_event_subscribe(struct kipc_subscriber *subscriber)
{
	mutex_lock(&kipc_subscribers_lock);
	/* What happened before is not for it, told or not: who floods is not waited for. */
	spin_lock(&kipc_events_lock);
	subscriber->since = kipc_events_number;
	subscriber->lost = kipc_events_lost;
	spin_unlock(&kipc_events_lock);
	list_add_tail(&subscriber->node, &kipc_subscribers);
	mutex_unlock(&kipc_subscribers_lock);
	static_branch_deferred_inc(&kipc_events_wanted);
}

/**
 * kipc_event_unsubscribe - nor any more
 * @subscriber: one; @tell does not run any more afterwards
 *
 * Context: process context, may sleep.
 */
void kipc_event_unsubscribe(struct kipc_subscriber *subscriber)
{
	static_branch_slow_dec_deferred(&kipc_events_wanted);
	mutex_lock(&kipc_subscribers_lock);
	list_del(&subscriber->node);
	mutex_unlock(&kipc_subscribers_lock);
}

/**
 * kipc_events_teardown - the module goes
 *
 * Context: process context, may sleep; there are no subscribers, nor objects.
 */
void kipc_events_teardown(void)
{
	static_key_deferred_flush(&kipc_events_wanted);
	flush_work(&kipc_events_work);
}
