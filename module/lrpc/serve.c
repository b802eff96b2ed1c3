// SPDX-License-Identifier: GPL-2.0
/*
 * Calls, on the server's side: workers take them, and reply.  See lrpc.h.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "../buffer.h"
#include "../debug.h"
#include "lrpc.h"

/* How long a worker may have been dead. */
#define KIPC_PATROL_INTERVAL	HZ

/* Is the call worth another thread?  This one is about to be busy. */
static bool kipc_service_should_grow(struct kipc_service *service)
{
	u32 bound = service->attr.workers;

	return !atomic_read(&service->idle) &&
	       (!bound || atomic_read(&service->serving) + 1 < bound);
}

/* As the server sees them; most servers are of the first namespace. */

static u32 kipc_show_uid(struct user_namespace *ns, kuid_t uid)
{
	return ns == &init_user_ns ? __kuid_val(uid) : from_kuid_munged(ns, uid);
}

static u32 kipc_show_gid(struct user_namespace *ns, kgid_t gid)
{
	return ns == &init_user_ns ? __kgid_val(gid) : from_kgid_munged(ns, gid);
}

static u32 kipc_link_flags(const struct kipc_link *link)
{
	return (link->connects ? KIPC_SERVED_CONNECT : 0) |
	       (kipc_service_should_grow(link->binding->service) ?
		KIPC_SERVED_GROW : 0);
}

/*
 * Write a call as the calling worker sees it, if that does not fault.  The binding's lock
 * is held: withdrawn, the link may be filled for another call.
 */
static bool kipc_link_hand_out(const struct kipc_link *link,
			       struct kipc_served __user *to)
{
	struct user_namespace *ns = current_user_ns();
	pid_t pid = pid_vnr(link->process);
	pid_t tid = link->thread == link->process ? pid : pid_vnr(link->thread);
	u32 uid = kipc_show_uid(ns, link->uid), gid = kipc_show_gid(ns, link->gid);
	u32 flags = kipc_link_flags(link);
	bool done = false;

	if (should_fail_usercopy())
		return false;
	pagefault_disable();
	if (!user_write_access_begin(to, sizeof(*to)))
		goto enable;
	unsafe_put_user(link->call.token, &to->token, fault);
	unsafe_put_user(link->args[0], &to->args[0], fault);
	unsafe_put_user(link->args[1], &to->args[1], fault);
	unsafe_put_user(link->args[2], &to->args[2], fault);
	unsafe_put_user(link->args[3], &to->args[3], fault);
	unsafe_put_user(link->args[4], &to->args[4], fault);
	unsafe_put_user(link->args[5], &to->args[5], fault);
	unsafe_put_user(link->args[6], &to->args[6], fault);
	unsafe_put_user(link->args[7], &to->args[7], fault);
	unsafe_put_user(link->procedure, &to->procedure, fault);
	unsafe_put_user(link->binding->value, &to->value, fault);
	unsafe_put_user(link->offset, &to->stack, fault);
	unsafe_put_user(pid, &to->pid, fault);
	unsafe_put_user(tid, &to->tid, fault);
	unsafe_put_user(uid, &to->uid, fault);
	unsafe_put_user(gid, &to->gid, fault);
	unsafe_put_user(flags, &to->flags, fault);
	unsafe_put_user(0, &to->reserved, fault);
	done = true;
fault:
	user_write_access_end();
enable:
	pagefault_enable();
	return done;
}

/* The calling thread serves the call.  The binding's lock is held. */
static void kipc_link_take(struct kipc_link *link)
{
	struct kipc_service *service = link->binding->service;
	struct pid *thread = task_pid(current);

	if (unlikely(link->worker != thread)) {
		put_pid(link->worker);
		link->worker = get_pid(thread);
	}
	kipc_call_taken(&link->call);
	kipc_chain_add(link);
	atomic_inc(&service->serving);
	if (unlikely(!READ_ONCE(service->patrolling))) {
		WRITE_ONCE(service->patrolling, true);
		kipc_calls_later(&service->patrol, KIPC_PATROL_INTERVAL);
	}
}

/*
 * Take a call that is in the worker's hand: 0; -ECANCELED: it was withdrawn; -EFAULT: it
 * cannot be written just now; or the service has ended.
 */
static int kipc_worker_take(const struct kipc_worker *worker,
			    struct kipc_served __user *to)
{
	struct kipc_link *link = worker->link;
	struct kipc_binding *binding = link->binding;
	int ret;

	spin_lock(&binding->lock);
	ret = READ_ONCE(binding->service->ended);
	if (link->call.token != worker->token ||
	    link->call.state != KIPC_CALL_QUEUED)
		ret = -ECANCELED;
	else if (likely(!ret) && !kipc_link_hand_out(link, to))
		ret = -EFAULT;
	if (likely(!ret))
		kipc_link_take(link);
	spin_unlock(&binding->lock);
	return ret;
}

/* Bring in what a worker needs to take its call: 0, or why it cannot. */
static int kipc_worker_fault_in(struct kipc_served __user *to)
{
	struct kipc_buffer buffer = { .base = to };

	if (!kipc_buffer_fault_in_writeable(&buffer, sizeof(*to)))
		return -EFAULT;
	kipc_delay(KIPC_DELAY_WORKER_FAULT);
	return signal_pending(current) ? -ERESTARTSYS : 0;
}

/* Wait for a call, and take it. */
static int kipc_service_next(struct kipc_service *service, ktime_t deadline,
			     struct kipc_served __user *to)
{
	struct kipc_worker worker;
	int ret;

	do {
		ret = kipc_pool_await(service, &worker, deadline);
		if (ret)
			return ret;
		kipc_delay(KIPC_DELAY_WORKER_HAS);
		ret = fatal_signal_pending(current) ? -ERESTARTSYS : 0;
		while (!ret) {
			ret = kipc_worker_take(&worker, to);
			if (likely(!ret))
				return 0;
			if (ret == -EFAULT)
				ret = kipc_worker_fault_in(to);
			else
				break;
		}
		if (ret == -ERESTARTSYS || ret == -EFAULT) {
			kipc_link_pass_on(worker.link, worker.token);
			return ret;
		}
		kipc_link_drop(worker.link, worker.token, ret);
	} while (ret == -ECANCELED);
	return kipc_service_farewell(service);
}

/*
 * Reply to the call that a token names, if it is this link's.  The binding's lock is held.
 * Returns 0; 1: nobody waits for it; -ENOENT, -EINVAL.  @caller is to be woken, or NULL.
 */
static int kipc_link_answer(struct kipc_link *link,
			    const struct kipc_service_reply *reply,
			    struct task_struct **caller, struct kipc_wake *wake)
{
	struct kipc_binding *binding = link->binding;
	int result = reply->status;
	unsigned int i;

	if (unlikely(link->call.token != reply->token ||
		     link->call.state != KIPC_CALL_TAKEN))
		return -ENOENT;
	if (unlikely(reply->flags && !link->connects))
		return -EINVAL;
	/* Who has given it up may be filling the frame for the next call. */
	for (i = 0; link->call.party && i < ARRAY_SIZE(reply->args); i++)
		WRITE_ONCE(link->frame->args[i], reply->args[i]);
	if (unlikely(link->connects)) {
		binding->value = reply->value;
		if (reply->flags & KIPC_REPLY_REFUSE)
			result = -ECONNREFUSED;
	}
	binding->calls.answered++;
	*caller = kipc_link_finish(link, result);
	return *caller || kipc_link_end(link, result, wake) ? 0 : 1;
}

static int kipc_service_answer(struct kipc_service *service,
			       const struct kipc_service_reply *reply)
{
	u32 place = KIPC_CALL_PLACE(reply->token), stacks = service->attr.stacks;
	struct task_struct *caller = NULL;
	struct kipc_binding *binding;
	struct kipc_wake wake;
	int ret = -ENOENT;

	if (reply->flags & ~KIPC_REPLY_REFUSE || reply->status < 0)
		return -EINVAL;
	kipc_wake_init(&wake);
	rcu_read_lock();
	binding = place / stacks < service->attr.bindings ?
		  rcu_dereference(service->slots[place / stacks].binding) : NULL;
	if (likely(binding)) {
		spin_lock(&binding->lock);
		ret = kipc_link_answer(&binding->links[place % stacks], reply,
				       &caller, &wake);
		/* Whose call it is has a reference, by which the binding ends with the handle. */
		if (likely(!ret))
			refcount_dec(&binding->refs);
		spin_unlock(&binding->lock);
	}
	/* From here on it is kept by the call's reference, if that is nobody's. */
	rcu_read_unlock();
	if (unlikely(ret < 0))
		return ret == -ENOENT && READ_ONCE(service->object.removed) ?
		       -EIDRM : ret;
	if (likely(caller)) {
		kipc_delay(KIPC_DELAY_BEFORE_WAKE);
		kipc_wake_task(caller);
	} else {
		kipc_wake_flush(&wake);
		if (ret)
			kipc_binding_put(binding);
	}
	return ret;
}

/**
 * kipc_service_ioctl_serve - KIPC_IOC_SERVICE_SERVE
 * @file: the handle
 * @arg: struct kipc_service_serve
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: see there, -ERESTARTSYS for EINTR.
 */
long kipc_service_ioctl_serve(struct file *file, void __user *arg, size_t size)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_service *service = kipc_service_of(handle->object);
	struct kipc_service_serve __user *user = arg;
	struct {
		struct kipc_service_reply reply;
		u64 deadline;
		u32 flags;
		u32 reserved;
	} serve;
	int ret;

	BUILD_BUG_ON(sizeof(serve) != offsetof(struct kipc_service_serve, call));
	if (!(handle->rights & KIPC_RIGHT_SERVE))
		return -EPERM;
	if (size < sizeof(*user))
		return -EINVAL;
	if (unlikely(size > sizeof(*user))) {
		ret = check_zeroed_user(user + 1, size - sizeof(*user));
		if (ret <= 0)
			return ret ?: -E2BIG;
	}
	ret = kipc_arg_in(&serve, sizeof(serve), sizeof(serve), arg,
			  sizeof(serve));
	if (ret)
		return ret;
	if (serve.flags || serve.reserved)
		return -EINVAL;
	/* Only who has it mapped; mm is there for ever, once it is. */
	if (READ_ONCE(service->mm) != current->mm)
		return READ_ONCE(service->object.removed) ? -EIDRM : -ENXIO;
	if (serve.reply.token) {
		/* First: that it cannot be written shows before anything has happened. */
		if (put_user(0, &user->reply.token))
			return -EFAULT;
		ret = kipc_service_answer(service, &serve.reply);
		if (unlikely(ret < 0)) {
			put_user(serve.reply.token, &user->reply.token);
			return ret;
		}
	}
	return kipc_service_next(service,
				 kipc_handle_deadline(file, serve.deadline),
				 &user->call);
}

/**
 * kipc_service_ioctl_reply - KIPC_IOC_SERVICE_REPLY
 * @file: the handle
 * @arg: struct kipc_service_reply
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: see there.
 */
long kipc_service_ioctl_reply(struct file *file, void __user *arg, size_t size)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_service_reply reply;
	int ret;

	if (!(handle->rights & KIPC_RIGHT_SERVE))
		return -EPERM;
	ret = kipc_arg_in(&reply, sizeof(reply),
			  KIPC_LEAST(struct kipc_service_reply, flags), arg, size);
	return ret ?: kipc_service_answer(kipc_service_of(handle->object), &reply);
}

static bool kipc_thread_is_dead(struct pid *thread)
{
	struct task_struct *task;
	bool dead;

	rcu_read_lock();
	task = pid_task(thread, PIDTYPE_PID);
	dead = !task || READ_ONCE(task->exit_state);
	rcu_read_unlock();
	return dead;
}

/* Ends the calls of dead workers.  Returns whether there are others. */
static bool kipc_binding_patrol(struct kipc_binding *binding)
{
	struct kipc_service *service = binding->service;
	u32 i, stacks = service->attr.stacks;
	bool serving = false, dead;
	struct kipc_wake wake;
	struct kipc_link *link;

	kipc_wake_init(&wake);
	for (i = 0; i < stacks; i++) {
		link = &binding->links[i];
		spin_lock(&binding->lock);
		dead = link->call.state == KIPC_CALL_TAKEN &&
		       kipc_thread_is_dead(link->worker);
		serving |= link->call.state == KIPC_CALL_TAKEN && !dead;
		if (dead)
			kipc_link_end(link, -EPIPE, &wake);
		spin_unlock(&binding->lock);
		kipc_wake_flush(&wake);
		if (!dead)
			continue;
		kipc_object_event(&service->object, KIPC_HAPPENED_DIED,
				  kipc_name_linked(&service->object.name));
		kipc_binding_put(binding);
	}
	return serving;
}

/**
 * kipc_service_patrol - look for workers that have died
 * @work: @patrol of a service
 */
void kipc_service_patrol(struct work_struct *work)
{
	struct kipc_service *service = container_of(to_delayed_work(work),
						    struct kipc_service, patrol);
	struct kipc_binding *binding;
	bool serving = false;
	u32 slot = 0;

	/* First, so that who takes a call behind its back starts it again. */
	WRITE_ONCE(service->patrolling, false);
	while ((binding = kipc_binding_next(service, &slot))) {
		serving |= kipc_binding_patrol(binding);
		kipc_binding_put(binding);
		cond_resched();
	}
	if (serving) {
		WRITE_ONCE(service->patrolling, true);
		kipc_calls_later(&service->patrol, KIPC_PATROL_INTERVAL);
	}
}
