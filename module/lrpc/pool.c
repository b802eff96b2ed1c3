// SPDX-License-Identifier: GPL-2.0
/*
 * Idle workers and waiting calls: how one comes to the other.  See lrpc.h.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>

#include "../debug.h"
#include "lrpc.h"

/* Give the link to an idle worker of a processor, if it has one. */
static bool kipc_pool_give(struct kipc_service *service, struct kipc_pool *pool,
			   struct kipc_link *link, u64 token)
{
	struct task_struct *task = NULL;
	struct kipc_worker *worker;

	if (list_empty_careful(&pool->idle))
		return false;
	spin_lock(&pool->lock);
	worker = list_first_entry_or_null(&pool->idle, struct kipc_worker,
					  waiter.node);
	if (worker) {
		worker->link = link;
		worker->token = token;
		task = kipc_waiter_settle(&worker->waiter, KIPC_GRANTED);
		atomic_dec(&service->idle);
	}
	spin_unlock(&pool->lock);
	if (!task)
		return false;
	kipc_delay(KIPC_DELAY_BEFORE_WAKE);
	kipc_wake_task(task);
	return true;
}

/* Give it to one that is idle, first of this processor. */
static bool kipc_pool_give_any(struct kipc_service *service,
			       struct kipc_link *link, u64 token)
{
	int cpu;

	if (kipc_pool_give(service, raw_cpu_ptr(service->pools), link, token))
		return true;
	for_each_possible_cpu(cpu) {
		/* It may have come here from another processor meanwhile. */
		if (!atomic_read(&service->idle))
			return false;
		if (kipc_pool_give(service, per_cpu_ptr(service->pools, cpu),
				   link, token))
			return true;
	}
	return false;
}

/* Put a link into the line: 0, or why not. */
static int kipc_pool_enqueue(struct kipc_link *link, u64 token, bool front)
{
	struct kipc_binding *binding = link->binding;
	struct kipc_service *service = binding->service;
	struct kipc_object *object = &service->object;
	bool wanted;
	int ret;

	spin_lock(&object->lock);
	spin_lock(&binding->lock);
	ret = kipc_service_verdict(service);
	if (link->call.token != token || link->call.state != KIPC_CALL_QUEUED) {
		ret = -ECANCELED;
	} else if (!ret) {
		list_move(&link->line, front ? &service->line :
					       service->line.prev);
		service->waiting++;
		if (!front) {
			link->queued = true;
			binding->tally.queued++;
		}
		kipc_service_crowded(service);
	}
	spin_unlock(&binding->lock);
	wanted = !ret && kipc_notify_wanted(&object->notify);
	spin_unlock(&object->lock);
	if (unlikely(wanted))
		kipc_object_notify(object, EPOLLIN | KIPC_NEWS_CALL);
	if (!ret && !front)
		kipc_object_event(object, KIPC_HAPPENED_BUSY,
				  kipc_name_linked(&object->name));
	return ret;
}

/**
 * kipc_pool_pop - take the first call out of the line
 * @service: the service
 * @token: written
 *
 * Context: process context; no lock is held.
 * Return: the link, which is in the caller's hand now; or NULL.
 */
struct kipc_link *kipc_pool_pop(struct kipc_service *service, u64 *token)
{
	struct kipc_link *link;

	if (list_empty_careful(&service->line))
		return NULL;
	spin_lock(&service->object.lock);
	link = list_first_entry_or_null(&service->line, struct kipc_link, line);
	if (link) {
		*token = link->call.token;
		/* Then it may be withdrawn: pairs with kipc_link_abandon(). */
		list_del_init_careful(&link->line);
		service->waiting--;
	}
	spin_unlock(&service->object.lock);
	return link;
}

/**
 * kipc_pool_dispatch - bring a call to a worker, or into the line
 * @link: of the call, in the caller's hand
 * @token: of the call
 * @front: it was somebody's already: to the front
 *
 * Context: process context; no lock is held.
 * Return: 0: it is in other hands; or it is still in the caller's: -ECANCELED: it was
 * withdrawn; -EPIPE, -EIDRM: the service has ended.
 */
int kipc_pool_dispatch(struct kipc_link *link, u64 token, bool front)
{
	struct kipc_service *service = link->binding->service;
	struct kipc_link *own = link;
	u64 own_token = token;
	int ret;

	for (;;) {
		if (likely(kipc_pool_give_any(service, link, token)))
			return 0;
		kipc_delay(KIPC_DELAY_CALL_ALONE);
		ret = kipc_pool_enqueue(link, token, front);
		if (ret)
			break;
		kipc_delay(KIPC_DELAY_CALL_QUEUED);
		/* Pairs with the barrier in kipc_pool_await(). */
		smp_mb();
		if (!atomic_read(&service->idle))
			return 0;
		link = kipc_pool_pop(service, &token);
		if (!link)
			return 0;
		kipc_delay(KIPC_DELAY_CALL_POPPED);
		front = true;
	}
	/* The link may have another call already, and that is not the caller's. */
	if (link == own && token == own_token)
		return ret;
	/* Another's, which only passed through this hand. */
	kipc_link_drop(link, token, ret);
	return 0;
}

static void kipc_pool_join(struct kipc_service *service, struct kipc_worker *worker)
{
	struct kipc_pool *pool = raw_cpu_ptr(service->pools);

	worker->pool = pool;
	worker->link = NULL;
	spin_lock(&pool->lock);
	kipc_waiter_start(&worker->waiter);
	list_add(&worker->waiter.node, &pool->idle);
	atomic_inc(&service->idle);
	spin_unlock(&pool->lock);
}

/* As kipc_waiter_leave(). */
static int kipc_pool_leave(struct kipc_service *service, struct kipc_worker *worker,
			   int reason)
{
	spin_lock(&worker->pool->lock);
	if (worker->waiter.verdict == KIPC_WAITING)
		atomic_dec(&service->idle);
	reason = kipc_waiter_leave(&worker->waiter, reason);
	spin_unlock(&worker->pool->lock);
	return reason;
}

/**
 * kipc_pool_await - wait for a call
 * @service: the service
 * @worker: the calling thread
 * @deadline: how long
 *
 * Context: process context, may sleep; no lock is held.
 * Return: 0: @worker->link is in its hand; -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EIDRM,
 * -ESHUTDOWN; -ENXIO: it is not the server any more.
 */
int kipc_pool_await(struct kipc_service *service, struct kipc_worker *worker,
		    ktime_t deadline)
{
	int ret;

	for (;;) {
		worker->link = kipc_pool_pop(service, &worker->token);
		if (worker->link)
			return 0;
		if (READ_ONCE(service->ended))
			return kipc_service_farewell(service);
		if (deadline == KIPC_DEADLINE_NO_WAIT)
			return -EAGAIN;
		kipc_delay(KIPC_DELAY_WORKER_JOINING);
		kipc_pool_join(service, worker);
		kipc_delay(KIPC_DELAY_WORKER_IDLE);
		/* Pairs with the barrier in kipc_pool_dispatch(). */
		smp_mb__after_atomic();
		if (unlikely(!list_empty_careful(&service->line) ||
			     READ_ONCE(service->ended)))
			ret = KIPC_WAITING;
		else
			ret = kipc_service_wait(service, KIPC_SERVICE_PATIENT,
						&worker->waiter, deadline,
						&worker->pool->patience);
		if (ret || worker->waiter.verdict)
			ret = kipc_pool_leave(service, worker, ret);
		if (likely(!ret && worker->link))
			return 0;
		/* It was not idle for long: there is something to look at. */
		if (ret < 0)
			return ret;
	}
}

/**
 * kipc_pool_dismiss - wake all idle workers
 * @service: has ended
 *
 * Context: process context; no lock is held.
 */
void kipc_pool_dismiss(struct kipc_service *service)
{
	int error = kipc_service_farewell(service);
	struct kipc_worker *worker, *next;
	struct kipc_pool *pool;
	struct kipc_wake wake;
	bool more;
	int cpu;

	kipc_wake_init(&wake);
	for_each_possible_cpu(cpu) {
		pool = per_cpu_ptr(service->pools, cpu);
		do {
			spin_lock(&pool->lock);
			list_for_each_entry_safe(worker, next, &pool->idle,
						 waiter.node) {
				if (kipc_wake_full(&wake))
					break;
				atomic_dec(&service->idle);
				kipc_waiter_wake(&worker->waiter, error, &wake);
			}
			more = !list_empty(&pool->idle);
			spin_unlock(&pool->lock);
			kipc_wake_flush(&wake);
		} while (more);
	}
}
