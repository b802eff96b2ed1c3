// SPDX-License-Identifier: GPL-2.0
/*
 * The call engine: records of calls, and how replies find their way.  See call.h.
 */
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "call.h"
#include "debug.h"

/* A record that a handle keeps for its next call, in bytes. */
#define KIPC_CALL_KEEP		(8 << 10)
#define KIPC_CALL_KEEP_PLENTY	(96 << 10)

static size_t kipc_call_size(const struct kipc_call *call)
{
	return sizeof(*call) + call->request_space + call->reply_space;
}

/* Of this module alone: its unloading waits for those who look at the dead. */
static struct workqueue_struct *kipc_call_deaths;

/**
 * kipc_calls_setup - make what all calls share
 *
 * Return: 0 or -ENOMEM.
 */
int kipc_calls_setup(void)
{
	kipc_call_deaths = alloc_workqueue("kipc", 0, 0);
	return kipc_call_deaths ? 0 : -ENOMEM;
}

/**
 * kipc_calls_teardown - free it; there is no call any more
 */
void kipc_calls_teardown(void)
{
	destroy_workqueue(kipc_call_deaths);
}

/**
 * kipc_calls_later - do something for an object with calls, a while from now
 * @work: what; cancelled before the object goes
 * @delay: in jiffies
 *
 * Context: any.
 */
void kipc_calls_later(struct delayed_work *work, unsigned long delay)
{
	queue_delayed_work(kipc_call_deaths, work, delay);
}

/* The callers of an object's handles. */

static struct kipc_caller *kipc_caller_create(void)
{
	struct kipc_caller *caller;
	int ret;

	caller = kzalloc(sizeof(*caller), GFP_KERNEL_ACCOUNT);
	if (!caller)
		return ERR_PTR(-ENOMEM);
	ret = kipc_account_init(&caller->account);
	if (ret) {
		kfree(caller);
		return ERR_PTR(ret);
	}
	INIT_LIST_HEAD(&caller->calls);
	INIT_LIST_HEAD(&caller->done);
	INIT_LIST_HEAD(&caller->collectors);
	refcount_set(&caller->refs, 1);
	return caller;
}

/**
 * kipc_caller_put - give a reference up
 * @caller: may be gone afterwards
 *
 * Context: process context, may sleep.
 */
void kipc_caller_put(struct kipc_caller *caller)
{
	if (!refcount_dec_and_test(&caller->refs))
		return;
	kipc_account_exit(&caller->account);
	kfree(caller);
}

static struct kipc_caller *kipc_party_caller(struct kipc_party *party,
					     struct kipc_calls *calls)
{
	struct kipc_caller *caller = READ_ONCE(party->caller);

	/* Once there, it stays as long as the handle. */
	if (likely(caller))
		return caller;
	caller = kipc_caller_create();
	if (IS_ERR(caller))
		return caller;
	spin_lock(calls->lock);
	if (party->caller) {
		spin_unlock(calls->lock);
		kipc_caller_put(caller);
		return party->caller;
	}
	/* Pairs with the address dependency of those who read it without the lock. */
	smp_store_release(&party->caller, caller);
	spin_unlock(calls->lock);
	return caller;
}

/* Records. */

/* The server of the last call is not watched any more; its work may be queued. */
static void kipc_call_unwatch(struct kipc_call *call)
{
	if (!call->server)
		return;
	remove_wait_queue(&call->server->wait_pidfd, &call->watch);
	put_pid(call->server);
}

/* The call is off every list and out of the table, and its work is not queued. */
static void kipc_call_free(struct kipc_call *call)
{
	struct kipc_caller *caller = call->caller;

	kipc_account_free(&caller->account, call, kipc_call_size(call));
	kipc_caller_put(caller);
	kipc_count(KIPC_REF_CALLS, -1);
}

/* Free a record that nobody can find any more; the object is held. */
static void kipc_call_destroy(void *record)
{
	struct kipc_call *call = record;

	kipc_call_unwatch(call);
	if (cancel_work_sync(&call->death))
		call->calls->ops->drop(call->calls);
	kipc_call_free(call);
}

/* Its tokens shall not come back. */
static void kipc_call_retire(struct kipc_call *call)
{
	call->calls->retired = max(call->calls->retired,
				   call->token - KIPC_CALL_PLACE(call->token));
}

/**
 * kipc_call_discard - a record will not be used any more
 * @call: on no list
 * @wake: not full; destroys it
 *
 * Context: the lock is held.
 */
void kipc_call_discard(struct kipc_call *call, struct kipc_wake *wake)
{
	if (call->calls->ops->rest) {
		call->state = KIPC_CALL_FREE;
		call->calls->ops->rest(call, wake);
		return;
	}
	kipc_call_retire(call);
	/* It has a lock of its own, for those who make records. */
	xa_erase(&call->calls->table, KIPC_CALL_PLACE(call->token));
	wake->then = kipc_call_destroy;
	wake->with = call;
}

/**
 * kipc_call_unload - what a call carries, or the reply to it, goes
 * @call: may carry nothing
 *
 * Not inline, for most carry nothing.
 *
 * Context: the lock is held, or it is the caller's alone.
 */
noinline void kipc_call_unload(struct kipc_call *call)
{
	if (!call->parcel)
		return;
	call->calls->ops->unload(call->parcel);
	call->parcel = NULL;
}

/**
 * kipc_call_forget_reply - give up what is known of the replier, and what it has sent along
 * @call: DONE
 *
 * Context: the lock is held.
 */
void kipc_call_forget_reply(struct kipc_call *call)
{
	if (unlikely(call->parcel))
		kipc_call_unload(call);
	put_pid(call->process);
	put_pid(call->thread);
	call->process = NULL;
	call->thread = NULL;
}

/* Death of the server. */

/**
 * kipc_process_is_dead - has a process ended, with all its threads?
 * @process: its number, referenced
 *
 * Context: any.
 * Return: true if so; then it stays so.
 */
bool kipc_process_is_dead(struct pid *process)
{
	struct task_struct *task;
	bool dead;

	rcu_read_lock();
	task = pid_task(process, PIDTYPE_PID);
	dead = !task || (READ_ONCE(task->exit_state) && thread_group_empty(task));
	rcu_read_unlock();
	return dead;
}

/* Called under locks of the kernel's, perhaps for nothing. */
static int kipc_call_watch(wait_queue_entry_t *entry, unsigned int mode,
			   int flags, void *key)
{
	struct kipc_call *call = container_of(entry, struct kipc_call, watch);

	/* Pairs with the barrier in kipc_call_death(). */
	if (xchg(&call->dying, true))
		return 0;
	if (!call->calls->ops->hold(call->calls)) {
		call->dying = false;
		return 0;
	}
	queue_work(kipc_call_deaths, &call->death);
	return 0;
}

static void kipc_call_death(struct work_struct *work)
{
	struct kipc_call *call = container_of(work, struct kipc_call, death);
	struct kipc_calls *calls = call->calls;
	struct kipc_wake wake;
	bool died;

	kipc_wake_init(&wake);
	/* Before it looks: who comes from now on queues it again. */
	smp_store_mb(call->dying, false);
	spin_lock(calls->lock);
	died = (call->state == KIPC_CALL_TAKEN ||
		call->state == KIPC_CALL_ANSWERING) &&
	       kipc_process_is_dead(call->server);
	if (died)
		kipc_call_desert(call, &wake);
	spin_unlock(calls->lock);
	if (wake.then == kipc_call_destroy) {
		kipc_call_unwatch(call);
		/* This is its own work, which it must not wait for. */
		if (cancel_work(&call->death))
			calls->ops->drop(calls);
		kipc_call_free(call);
		wake.then = NULL;
	}
	kipc_wake_flush(&wake);
	if (died)
		calls->ops->died(calls);
	calls->ops->drop(calls);
}

/* Enter a record, zeroed, into the table: 0, -EBUSY: no place; or -ENOMEM. */
static int kipc_call_enter(struct kipc_call *call, struct kipc_calls *calls,
			   struct kipc_caller *caller, struct xa_limit places)
{
	u32 place;
	int ret;

	INIT_LIST_HEAD(&call->node);
	INIT_HLIST_NODE(&call->served);
	call->calls = calls;
	call->caller = caller;
	/* Nobody finds it: the token begins with its first call. */
	ret = xa_alloc(&calls->table, &place, call, places, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	spin_lock(calls->lock);
	call->token = calls->retired + place;
	spin_unlock(calls->lock);
	refcount_inc(&caller->refs);
	kipc_count(KIPC_REF_CALLS, 1);
	return 0;
}

static struct kipc_call *kipc_call_alloc(struct kipc_calls *calls,
					 struct kipc_caller *caller,
					 size_t request, size_t reply)
{
	struct kipc_call *call;
	int ret;

	call = kipc_account_alloc(&caller->account,
				  sizeof(*call) + request + reply, false);
	if (IS_ERR(call))
		return call;
	memset(call, 0, sizeof(*call));
	INIT_WORK(&call->death, kipc_call_death);
	init_waitqueue_func_entry(&call->watch, kipc_call_watch);
	call->request_space = request;
	call->reply_space = reply;
	call->request.size = request;
	call->request.sealed = true;
	call->request.pins = 1;
	ret = kipc_call_enter(call, calls, caller,
			      XA_LIMIT(0, KIPC_CALL_PLACES - 1));
	if (ret) {
		kipc_account_free(&caller->account, call, kipc_call_size(call));
		return ERR_PTR(ret == -EBUSY ? -EDQUOT : ret);
	}
	return call;
}

/**
 * kipc_call_make - begin to use a record that is the object's own
 * @call: zeroed
 * @calls: of the object, with @rest
 * @party: the caller's handle, for ever
 * @place: in the table, which nobody else has
 *
 * Context: process context, may sleep; no lock is held.
 * Return: 0, -EDQUOT, -ENOMEM.
 */
int kipc_call_make(struct kipc_call *call, struct kipc_calls *calls,
		   struct kipc_party *party, u32 place)
{
	struct kipc_caller *caller = kipc_party_caller(party, calls);

	if (IS_ERR(caller))
		return PTR_ERR(caller);
	return kipc_call_enter(call, calls, caller, XA_LIMIT(place, place));
}

/**
 * kipc_call_unmake - the opposite
 * @call: FREE, made; nobody uses it
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_call_unmake(struct kipc_call *call)
{
	kipc_call_retire(call);
	xa_erase(&call->calls->table, KIPC_CALL_PLACE(call->token));
	kipc_caller_put(call->caller);
	kipc_count(KIPC_REF_CALLS, -1);
}

/**
 * kipc_call_get - a record for a call
 * @calls: of the object
 * @party: the caller's handle
 * @request: bytes that the request needs, aligned as the ring wants it
 * @reply: bytes of the longest reply
 *
 * Context: process context, may sleep; no lock is held.
 * Return: the record, the caller's alone; or an ERR_PTR(): -EDQUOT, -ENOMEM.
 */
struct kipc_call *kipc_call_get(struct kipc_calls *calls,
				struct kipc_party *party, size_t request,
				size_t reply)
{
	struct kipc_caller *caller = kipc_party_caller(party, calls);
	struct kipc_call *call;

	if (IS_ERR(caller))
		return ERR_CAST(caller);
	spin_lock(calls->lock);
	call = caller->spare;
	if (call && call->request_space >= request && call->reply_space >= reply)
		caller->spare = NULL;
	else
		call = NULL;
	spin_unlock(calls->lock);
	if (!call)
		return kipc_call_alloc(calls, caller, request, reply);
	call->request.head = 0;
	call->request.dead = false;
	call->takes = 0;
	return call;
}

/**
 * kipc_call_recycle - keep a record for the next call, or discard it
 * @call: on no list
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_call_recycle(struct kipc_call *call, struct kipc_wake *wake)
{
	bool own = call->calls->ops->rest;
	struct kipc_caller *caller = call->caller;
	size_t size = kipc_call_size(call);

	call->state = KIPC_CALL_FREE;
	if (!own && (size <= KIPC_CALL_KEEP ||
		     (size <= KIPC_CALL_KEEP_PLENTY &&
		      kipc_account_has_plenty(&caller->account, KIPC_BYTES)))) {
		/* The larger one serves more calls. */
		if (!caller->spare || kipc_call_size(caller->spare) < size)
			swap(caller->spare, call);
		if (!call)
			return;
	}
	kipc_call_discard(call, wake);
}

/**
 * kipc_call_put - a record is not needed after all
 * @call: FREE
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_call_put(struct kipc_call *call)
{
	struct kipc_calls *calls = call->calls;
	struct kipc_wake wake;

	kipc_call_unload(call);
	kipc_wake_init(&wake);
	spin_lock(calls->lock);
	/* A call that failed shall leave nothing behind. */
	if (!call->used)
		kipc_call_discard(call, &wake);
	else
		kipc_call_recycle(call, &wake);
	spin_unlock(calls->lock);
	kipc_wake_flush(&wake);
}

/**
 * kipc_call_next_token - what token a record's next call will have
 * @call: FREE, the caller's alone
 */
u64 kipc_call_next_token(const struct kipc_call *call)
{
	return call->token + KIPC_CALL_PLACES;
}

/**
 * kipc_call_skip_token - a record's next call shall not have the token that it would
 * @call: FREE, the caller's alone
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_call_skip_token(struct kipc_call *call)
{
	/* Others find the record, by tokens that they guess. */
	spin_lock(call->calls->lock);
	call->token = kipc_call_next_token(call);
	spin_unlock(call->calls->lock);
}

/**
 * kipc_call_find - the call that a token names
 * @calls: of the object, or NULL if there was none yet
 * @token: from user space
 *
 * Context: the lock is held.
 * Return: the record, QUEUED to DONE, or NULL.
 */
struct kipc_call *kipc_call_find(struct kipc_calls *calls, u64 token)
{
	struct kipc_call *call;

	if (!calls)
		return NULL;
	lockdep_assert_held(calls->lock);
	call = xa_load(&calls->table, KIPC_CALL_PLACE(token));
	return call && call->token == token && call->state != KIPC_CALL_FREE ?
	       call : NULL;
}

/* The life of a call. */

/**
 * kipc_call_begin - the request is on its way
 * @call: FREE, the caller's alone
 * @party: the caller's handle
 * @claim: who waits for the end, its waiter started; or NULL
 *
 * Context: the lock is held.
 */
void kipc_call_begin(struct kipc_call *call, struct kipc_party *party,
		     struct kipc_collector *claim)
{
	call->token = kipc_call_next_token(call);
	call->state = KIPC_CALL_QUEUED;
	call->since = jiffies;
	call->used = true;
	call->deserted = 0;
	call->result = 0;
	call->party = party;
	call->claim = claim;
	kipc_trace(call, call->calls->id, call->token);
	call->calls->begun++;
	list_add_tail(&call->node, &call->caller->calls);
}

/**
 * kipc_caller_check - who waits for any reply would wait for nothing
 * @caller: of the handle
 * @wake: not full; gets the first of them, who calls this again
 *
 * Context: the lock is held.
 */
void kipc_caller_check(struct kipc_caller *caller, struct kipc_wake *wake)
{
	struct kipc_collector *collector;

	if (likely(list_empty(&caller->collectors)) ||
	    !list_empty(&caller->calls) || !list_empty(&caller->done))
		return;
	collector = list_first_entry(&caller->collectors, struct kipc_collector,
				     waiter.node);
	kipc_waiter_wake(&collector->waiter, -ENOENT, wake);
}

/**
 * kipc_call_detach - it is not one of the caller's calls any more
 * @call: has a caller
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_call_detach(struct kipc_call *call, struct kipc_wake *wake)
{
	list_del_init(&call->node);
	call->party = NULL;
	call->claim = NULL;
	kipc_caller_check(call->caller, wake);
}

/**
 * kipc_call_withdraw - the request did not reach anybody, and will not
 * @call: QUEUED; the kind has taken the request back
 * @wake: not full
 *
 * Context: the lock is held.  The record is FREE, and on no list.
 */
void kipc_call_withdraw(struct kipc_call *call, struct kipc_wake *wake)
{
	kipc_trace(abandon, call->calls->id, call->token);
	kipc_call_detach(call, wake);
	kipc_call_unload(call);
	call->calls->begun--;
	call->state = KIPC_CALL_FREE;
}

/**
 * kipc_call_take - the calling process has the request
 * @call: QUEUED
 * @server: the handle that it took it by
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_call_take(struct kipc_call *call, struct kipc_party *server,
		    struct kipc_wake *wake)
{
	struct kipc_collector *claim = call->claim;

	kipc_call_taken(call);
	hlist_add_head(&call->served, &server->serving);
	call->server_party = server;
	if (unlikely(call->server != task_tgid(current))) {
		kipc_call_unwatch(call);
		call->server = get_pid(task_tgid(current));
		add_wait_queue(&call->server->wait_pidfd, &call->watch);
	}
	if (claim && claim->until_taken) {
		call->claim = NULL;
		kipc_waiter_wake(&claim->waiter, KIPC_GRANTED, wake);
	}
}

/**
 * kipc_call_offer - a call is for whoever wants to collect it
 * @call: DONE, in the caller's list of those
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_call_offer(struct kipc_call *call, struct kipc_wake *wake)
{
	struct kipc_caller *caller = call->caller;
	struct kipc_collector *collector;

	if (!list_empty(&caller->collectors)) {
		collector = list_first_entry(&caller->collectors,
					     struct kipc_collector, waiter.node);
		collector->call = call;
		call->claim = collector;
		list_move_tail(&call->node, &caller->calls);
		kipc_waiter_wake(&collector->waiter, KIPC_GRANTED, wake);
		return;
	}
	refcount_inc(&call->party->pollers.refs);
	wake->then = kipc_pollers_tell;
	wake->with = &call->party->pollers;
}

/**
 * kipc_call_end - there is a reply, or none will come
 * @call: QUEUED (the kind has taken the request back), TAKEN or ANSWERING
 * @result: bytes of the reply, or an errno
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_call_end(struct kipc_call *call, int result, struct kipc_wake *wake)
{
	struct kipc_collector *claim = call->claim;

	lockdep_assert_held(call->calls->lock);
	kipc_trace(reply, call->calls->id, call->token, result);
	if (call->state != KIPC_CALL_QUEUED) {
		call->calls->serving--;
		hlist_del_init(&call->served);
	}
	call->state = KIPC_CALL_DONE;
	call->result = result;
	if (unlikely(result < 0))
		kipc_call_unload(call);
	if (!call->party) {
		kipc_call_forget_reply(call);
		kipc_call_discard(call, wake);
	} else if (claim) {
		/* Who waits until it is taken must be told that it never will. */
		kipc_waiter_wake(&claim->waiter,
				 claim->until_taken ? result : KIPC_GRANTED,
				 wake);
	} else {
		list_move_tail(&call->node, &call->caller->done);
		kipc_call_offer(call, wake);
	}
}

/**
 * kipc_call_desert - its server will not answer it
 * @call: TAKEN, or ANSWERING: it fails when the reply has been copied
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_call_desert(struct kipc_call *call, struct kipc_wake *wake)
{
	if (call->state != KIPC_CALL_ANSWERING) {
		kipc_call_end(call, -EPIPE, wake);
		return;
	}
	hlist_del_init(&call->served);
	call->deserted = call->deserted ?: -EPIPE;
}

/**
 * kipc_call_abandon - its caller gives it up
 * @call: has a caller; if QUEUED, somebody is just taking the request
 * @wake: not full
 *
 * Context: the lock is held.  The record is not the caller's any more.
 */
void kipc_call_abandon(struct kipc_call *call, struct kipc_wake *wake)
{
	kipc_trace(abandon, call->calls->id, call->token);
	kipc_call_detach(call, wake);
	if (call->state == KIPC_CALL_DONE) {
		kipc_call_forget_reply(call);
		kipc_call_discard(call, wake);
	}
}
