// SPDX-License-Identifier: GPL-2.0
/*
 * The call engine: answering, collecting, and what a handle does when it goes.  See
 * call.h.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "call.h"
#include "debug.h"
#include "latency.h"
#include "trace.h"

/* Who answers, and when. */
static void kipc_call_sign(struct kipc_call *call, u64 tag)
{
	const struct cred *cred = current_cred();

	call->time = ktime_get_coarse_real_ns();
	call->tag = tag;
	call->uid = cred->euid;
	call->gid = cred->egid;
	call->process = get_pid(task_tgid(current));
	call->thread = thread_group_leader(current) ? NULL :
		       get_pid(task_pid(current));
}

/*
 * Copy a large reply.  The lock is held, dropped meanwhile, and held again; nobody
 * else answers the call then, and nobody frees it.
 */
static bool kipc_call_copy_large(struct kipc_call *call,
				 const struct kipc_buffer *data, size_t size)
	__releases(call->calls->lock)
	__acquires(call->calls->lock)
{
	bool done;

	call->state = KIPC_CALL_ANSWERING;
	spin_unlock(call->calls->lock);
	kipc_delay(KIPC_DELAY_REPLY_COPYING);
	done = kipc_buffer_large_in(kipc_call_reply(call), data, size);
	spin_lock(call->calls->lock);
	call->state = KIPC_CALL_TAKEN;
	return done;
}

/**
 * kipc_call_answer - reply to a call
 * @calls: of the object, or NULL if there was none yet
 * @token: what the server got
 * @answer: the reply
 *
 * Context: process context, may sleep; no lock is held.
 * Return: 0; 1: the caller has gone; -ENOENT: no such call waits for a reply;
 * -EMSGSIZE: longer, or carries more, than its caller takes; -EPIPE: the call has just failed,
 * for its server has gone, or what kipc_calls_fail() was told; -EFAULT;
 * -ERESTARTSYS.  But for -ENOENT and these, an error leaves the call as it was.
 */
int kipc_call_answer(struct kipc_calls *calls, u64 token,
		     const struct kipc_answer *answer)
{
	const struct kipc_buffer *data = &answer->data;
	size_t size = answer->size;
	struct kipc_call *call;
	struct kipc_wake wake;
	bool copied;
	int ret;

	if (!calls)
		return -ENOENT;
	kipc_wake_init(&wake);
again:
	spin_lock(calls->lock);
	call = kipc_call_find(calls, token);
	ret = -ENOENT;
	if (unlikely(!call || call->state != KIPC_CALL_TAKEN))
		goto unlock;
	ret = -EMSGSIZE;
	if (unlikely((size > call->limit || answer->count > call->takes) &&
		     call->party))
		goto unlock;
	copied = true;
	if (likely(call->party && size <= KIPC_COPY_LOCKED))
		copied = kipc_buffer_in(kipc_call_reply(call), data, size);
	else if (call->party)
		copied = kipc_call_copy_large(call, data, size);
	ret = 0;
	if (likely(copied)) {
		ret = !call->party;
		calls->answered++;
		kipc_call_sign(call, answer->tag);
		if (unlikely(answer->parcel && !ret))
			call->parcel = answer->parcel;
		kipc_call_end(call, size, &wake);
	} else if (call->deserted) {
		ret = call->deserted;
		kipc_call_end(call, ret, &wake);
	} else {
		ret = -EFAULT;
	}
unlock:
	spin_unlock(calls->lock);
	kipc_wake_flush(&wake);
	if (unlikely(ret == -EFAULT) &&
	    kipc_buffer_fault_in_readable(data, size)) {
		kipc_delay(KIPC_DELAY_REPLY_FAULT);
		if (!signal_pending(current))
			goto again;
		ret = -ERESTARTSYS;
	}
	return ret;
}

/* Wait until @collector has a call that is done.  The lock is held, and dropped. */
static int kipc_call_await(struct kipc_calls *calls, struct kipc_caller *caller,
			   struct kipc_collector *collector, ktime_t deadline)
	__releases(calls->lock)
	__acquires(calls->lock)
{
	struct kipc_waiter *waiter = &collector->waiter;
	/* Records that are the object's own bound who waits for a certain one. */
	bool free = collector->call && calls->ops->rest;
	u64 begun;
	int ret;

	if (deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;
	if (!free && kipc_charge(&caller->account, KIPC_WAITERS, 1))
		return -EDQUOT;
	if (collector->call) {
		kipc_waiter_start(waiter);
		collector->call->claim = collector;
	} else {
		kipc_waiter_join(waiter, &caller->collectors);
	}
	kipc_trace(wait, calls->id, calls->ops->kind, KIPC_WAIT_REPLY, deadline);
	begun = kipc_latency_begin();
	spin_unlock(calls->lock);
	ret = kipc_waiter_sleep(waiter, deadline);
	kipc_latency_end(calls->id, KIPC_WAIT_REPLY, begun);
	spin_lock(calls->lock);
	ret = kipc_waiter_leave(waiter, ret);
	if (!free)
		kipc_uncharge(&caller->account, KIPC_WAITERS, 1);
	if (ret && collector->call)
		collector->call->claim = NULL;
	return ret;
}

/**
 * kipc_call_claim - wait for a call to be done, to collect its reply
 * @calls: of the object, or NULL if there was none yet
 * @party: the caller's handle
 * @token: of the call, or 0 for any
 * @collector: the claim, until kipc_call_unclaim() or kipc_call_collected()
 * @deadline: how long to wait
 *
 * Context: process context, may sleep; no lock is held.
 * Return: a call that is DONE, or an ERR_PTR(): -ENOENT: it is none of the handle's, or
 * there is none; -EBUSY: somebody else claims it; -EAGAIN, -ETIMEDOUT,
 * -ERESTARTSYS, -EDQUOT.
 */
struct kipc_call *kipc_call_claim(struct kipc_calls *calls,
				  struct kipc_party *party, u64 token,
				  struct kipc_collector *collector,
				  ktime_t deadline)
{
	struct kipc_caller *caller;
	struct kipc_call *call = NULL;
	struct kipc_wake wake;
	int ret;

	collector->until_taken = false;
	if (!calls)
		return ERR_PTR(-ENOENT);
	kipc_wake_init(&wake);
	spin_lock(calls->lock);
	caller = party->caller;
	ret = -ENOENT;
	if (token) {
		call = kipc_call_find(calls, token);
		if (!call || call->party != party)
			goto unlock;
		ret = -EBUSY;
		if (call->claim)
			goto unlock;
	} else {
		if (!caller ||
		    (list_empty(&caller->calls) && list_empty(&caller->done)))
			goto unlock;
		call = list_first_entry_or_null(&caller->done, struct kipc_call,
						node);
	}
	collector->call = call;
	ret = 0;
	if (!call || call->state != KIPC_CALL_DONE)
		ret = kipc_call_await(calls, caller, collector, deadline);
	if (!ret) {
		call = collector->call;
		call->claim = collector;
		list_move_tail(&call->node, &caller->calls);
	} else if (ret == -ENOENT) {
		kipc_caller_check(caller, &wake);
	}
unlock:
	spin_unlock(calls->lock);
	kipc_wake_flush(&wake);
	if (ret)
		return ERR_PTR(ret);
	kipc_delay(KIPC_DELAY_COLLECT_CLAIMED);
	/* Who is killed leaves the reply to those who share the handle. */
	if (fatal_signal_pending(current)) {
		kipc_call_unclaim(call);
		return ERR_PTR(-ERESTARTSYS);
	}
	return call;
}

/**
 * kipc_call_unclaim - the reply was not collected: it is for others
 * @call: DONE, claimed by the caller
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_call_unclaim(struct kipc_call *call)
{
	spinlock_t *lock = call->calls->lock;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(lock);
	call->claim = NULL;
	/* It was the first to be done. */
	list_move(&call->node, &call->caller->done);
	kipc_call_offer(call, &wake);
	spin_unlock(lock);
	kipc_wake_flush(&wake);
}

/**
 * kipc_call_collected - its caller has what came of it
 * @call: DONE, claimed by the caller
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_call_collected(struct kipc_call *call)
{
	spinlock_t *lock = call->calls->lock;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(lock);
	kipc_call_detach(call, &wake);
	kipc_call_forget_reply(call);
	kipc_call_recycle(call, &wake);
	spin_unlock(lock);
	kipc_wake_flush(&wake);
}

/* A handle. */

/**
 * kipc_party_has_reply - can a reply be collected by a handle?
 * @party: the handle
 *
 * Context: the lock is held.
 */
bool kipc_party_has_reply(const struct kipc_party *party)
{
	return party->caller && !list_empty(&party->caller->done);
}

/**
 * kipc_party_first - a call of a handle that goes
 * @party: the handle
 *
 * Context: the lock is held.
 * Return: one of them, or NULL.
 */
struct kipc_call *kipc_party_first(struct kipc_party *party)
{
	struct kipc_caller *caller = party->caller;
	struct kipc_call *call;

	if (!caller)
		return NULL;
	call = list_first_entry_or_null(&caller->calls, struct kipc_call, node);
	return call ?: list_first_entry_or_null(&caller->done, struct kipc_call,
						node);
}

/**
 * kipc_party_leave - a handle goes, which has no call any more
 * @party: the handle
 * @calls: of the object, or NULL if there was none yet
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_party_leave(struct kipc_party *party, struct kipc_calls *calls)
{
	struct kipc_caller *caller = party->caller;
	struct kipc_wake wake;

	if (!caller)
		return;
	kipc_wake_init(&wake);
	spin_lock(calls->lock);
	if (caller->spare)
		kipc_call_discard(caller->spare, &wake);
	party->caller = NULL;
	spin_unlock(calls->lock);
	kipc_wake_flush(&wake);
	kipc_caller_put(caller);
}

/**
 * kipc_party_desert - the calls that a handle has taken will not be answered
 * @party: the handle, which goes
 * @calls: of the object, or NULL if there was none yet
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_party_desert(struct kipc_party *party, struct kipc_calls *calls)
{
	struct kipc_call *call;
	struct kipc_wake wake;
	bool any = false;

	if (!calls)
		return;
	kipc_wake_init(&wake);
	do {
		spin_lock(calls->lock);
		call = hlist_entry_safe(party->serving.first, struct kipc_call,
					served);
		if (call)
			kipc_call_desert(call, &wake);
		spin_unlock(calls->lock);
		kipc_wake_flush(&wake);
		any |= !!call;
		cond_resched();
	} while (call);
	if (any)
		calls->ops->died(calls);
}

/**
 * kipc_party_desert_exec - nor will those that a process has taken by a handle
 * @party: the handle, which others may have as well
 * @calls: of the object, or NULL if there was none yet
 * @process: executes a program, which does not get the handle
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_party_desert_exec(struct kipc_party *party, struct kipc_calls *calls,
			    struct pid *process)
{
	unsigned long place = 0;
	struct kipc_call *call;
	struct kipc_wake wake;
	bool any = false;

	if (!calls)
		return;
	kipc_wake_init(&wake);
	/* By the table, so that the lock is held for one step at a time. */
	do {
		spin_lock(calls->lock);
		call = kipc_calls_next(calls, &place);
		if (call && !hlist_unhashed(&call->served) &&
		    call->server_party == party && call->server == process) {
			kipc_call_desert(call, &wake);
			any = true;
		}
		spin_unlock(calls->lock);
		kipc_wake_flush(&wake);
		cond_resched();
	} while (call);
	if (any)
		calls->ops->died(calls);
}

/* All calls of an object. */

/**
 * kipc_calls_create - make what an object needs for its first call
 * @ops: of the object
 * @owner: the object
 * @lock: the object's
 * @id: likewise
 *
 * Context: process context, may sleep.
 * Return: NULL if there is no memory.
 */
struct kipc_calls *kipc_calls_create(const struct kipc_calls_ops *ops,
				     void *owner, spinlock_t *lock, u64 id)
{
	struct kipc_calls *calls = kzalloc(sizeof(*calls), GFP_KERNEL_ACCOUNT);

	if (!calls)
		return NULL;
	kipc_calls_init(calls, ops, owner, lock, id);
	return calls;
}

/**
 * kipc_calls_init - the same, in memory that is there
 * @calls: zeroed
 * @ops: of the object
 * @owner: the object
 * @lock: the object's
 * @id: likewise
 */
void kipc_calls_init(struct kipc_calls *calls, const struct kipc_calls_ops *ops,
		     void *owner, spinlock_t *lock, u64 id)
{
	calls->ops = ops;
	calls->owner = owner;
	calls->lock = lock;
	calls->id = id;
	xa_init_flags(&calls->table, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
}

/**
 * kipc_calls_exit - the opposite, when no call is left
 * @calls: the memory stays
 *
 * Context: process context, may sleep.
 */
void kipc_calls_exit(struct kipc_calls *calls)
{
	WARN_ON_ONCE(!xa_empty(&calls->table));
	xa_destroy(&calls->table);
}

/**
 * kipc_calls_free - free it, when no handle is left, and hence no call
 * @calls: NULL is allowed
 *
 * Context: process context, may sleep.
 */
void kipc_calls_free(struct kipc_calls *calls)
{
	if (!calls)
		return;
	kipc_calls_exit(calls);
	kfree(calls);
}

/**
 * kipc_calls_next - the first record from a place on
 * @calls: of the object, or NULL if there was none yet
 * @place: where to begin, 0 at first; is moved behind it
 *
 * Context: the lock is held.
 * Return: a record in any state, or NULL.
 */
struct kipc_call *kipc_calls_next(struct kipc_calls *calls, unsigned long *place)
{
	struct kipc_call *call;

	if (!calls)
		return NULL;
	lockdep_assert_held(calls->lock);
	call = xa_find(&calls->table, place, ULONG_MAX, XA_PRESENT);
	++*place;
	return call;
}

/**
 * kipc_calls_fail - the calls that wait for a reply get none
 * @calls: of the object, or NULL if there was none yet
 * @error: an errno
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_calls_fail(struct kipc_calls *calls, int error)
{
	unsigned long place = 0;
	struct kipc_call *call;
	struct kipc_wake wake;

	if (!calls)
		return;
	kipc_wake_init(&wake);
	do {
		spin_lock(calls->lock);
		call = kipc_calls_next(calls, &place);
		if (call && call->state == KIPC_CALL_ANSWERING)
			call->deserted = error;
		else if (call && call->state == KIPC_CALL_TAKEN)
			kipc_call_end(call, error, &wake);
		spin_unlock(calls->lock);
		kipc_wake_flush(&wake);
		cond_resched();
	} while (call);
}
