// SPDX-License-Identifier: GPL-2.0
/*
 * Calls, on the client's side.  See lrpc.h for whose a link is when.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "../buffer.h"
#include "../debug.h"
#include "lrpc.h"

/* A reference that changes seldom. */
static void kipc_pid_set(struct pid **to, struct pid *pid)
{
	if (likely(*to == pid))
		return;
	put_pid(*to);
	*to = get_pid(pid);
}

/* Who calls.  The binding's lock is held. */
static void kipc_link_sign(struct kipc_link *link)
{
	const struct cred *cred = current_cred();

	kipc_pid_set(&link->process, task_tgid(current));
	kipc_pid_set(&link->thread, task_pid(current));
	link->uid = cred->euid;
	link->gid = cred->egid;
}

/* Everybody who may serve is busy, with this chain among others. */
static bool kipc_link_would_deadlock(const struct kipc_link *link)
{
	struct kipc_service *service = link->binding->service;

	return link->depth && service->attr.workers &&
	       atomic_read(&service->serving) >= service->attr.workers &&
	       !atomic_read(&service->idle) &&
	       kipc_chain_visits(link, service->object.id);
}

/* Take the A-stack for a call: 0, or why not.  The binding's lock is held. */
static int kipc_link_begin(struct kipc_link *link, struct kipc_party *party,
			   struct kipc_collector *claim)
{
	struct kipc_call *call = &link->call;
	unsigned int i;
	int ret;

	if (call->state != KIPC_CALL_FREE)
		return -EBUSY;
	ret = kipc_service_verdict(link->binding->service);
	if (ret)
		return ret;
	ret = kipc_chain_continue(link);
	if (ret)
		return ret;
	if (unlikely(kipc_link_would_deadlock(link)))
		return -EDEADLK;
	kipc_link_sign(link);
	link->queued = false;
	if (unlikely(link->parcel))
		kipc_link_begin_with(link);
	/* Read once: whoever has it mapped may change it. */
	link->procedure = READ_ONCE(link->frame->procedure);
	for (i = 0; i < ARRAY_SIZE(link->args); i++)
		link->args[i] = READ_ONCE(link->frame->args[i]);
	kipc_call_begin(call, party, claim);
	refcount_inc(&link->binding->refs);
	return 0;
}

/**
 * kipc_link_end - a call ends
 * @link: QUEUED, in the caller's hand, or in another and the service has ended; or TAKEN
 * @result: the server's status, or an errno
 * @wake: not full
 *
 * Context: the binding's lock is held.  Whose hand it was in, or who ends a TAKEN one,
 * then drops the reference that goes with the call.
 * Return: whether somebody waits for it.
 */
bool kipc_link_end(struct kipc_link *link, int result, struct kipc_wake *wake)
{
	bool wanted = link->call.party;

	if (link->call.state == KIPC_CALL_TAKEN) {
		kipc_chain_remove(link);
		atomic_dec(&link->binding->service->serving);
	}
	/* That is a reply. */
	if (result < 0 && result != -ECONNREFUSED)
		link->binding->tally.failed++;
	if (unlikely(link->parcel))
		kipc_link_end_with(link, result);
	kipc_call_end(&link->call, result, wake);
	return wanted;
}

/**
 * kipc_link_finish - the same, of a call that was replied to, if its caller waits for it
 * @link: TAKEN
 * @result: the server's status, or an errno
 *
 * Context: the binding's lock is held.
 * Return: the caller, for kipc_wake_task(); or NULL: nothing has happened.
 */
struct task_struct *kipc_link_finish(struct kipc_link *link, int result)
{
	struct task_struct *caller = kipc_call_end_claimed(&link->call, result);

	if (likely(caller)) {
		if (unlikely(link->parcel))
			kipc_link_end_with(link, result);
		kipc_chain_remove(link);
		atomic_dec(&link->binding->service->serving);
	}
	return caller;
}

/**
 * kipc_link_drop - nobody will take a call that was on its way
 * @link: in the caller's hand
 * @token: of the call
 * @error: why; if it was withdrawn, it does not matter
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_link_drop(struct kipc_link *link, u64 token, int error)
{
	struct kipc_binding *binding = link->binding;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&binding->lock);
	if (link->call.token == token && link->call.state == KIPC_CALL_QUEUED)
		kipc_link_end(link, error, &wake);
	spin_unlock(&binding->lock);
	kipc_wake_flush(&wake);
	kipc_binding_put(binding);
}

/**
 * kipc_link_pass_on - somebody else shall have a call that was on its way
 * @link: in the caller's hand
 * @token: of the call
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_link_pass_on(struct kipc_link *link, u64 token)
{
	int ret = kipc_pool_dispatch(link, token, true);

	if (ret)
		kipc_link_drop(link, token, ret);
}

/* Take a call out of the line, if it is there: then it is in the caller's hand. */
static bool kipc_link_step_out(struct kipc_link *link, u64 token)
{
	struct kipc_service *service = link->binding->service;
	bool there;

	spin_lock(&service->object.lock);
	/* While it is there, its token stays. */
	there = !list_empty(&link->line) && link->call.token == token;
	if (there) {
		list_del_init(&link->line);
		service->waiting--;
	}
	spin_unlock(&service->object.lock);
	return there;
}

/*
 * A call is given up: what nobody has taken is withdrawn, what somebody has, he has
 * for nothing.  The binding's lock is held.  Returns false if the link is in the line, and
 * then nothing has happened.
 */
static bool kipc_link_abandon(struct kipc_link *link, struct kipc_wake *wake)
{
	struct kipc_call *call = &link->call;

	if (call->state != KIPC_CALL_QUEUED) {
		if (call->state == KIPC_CALL_TAKEN)
			link->binding->tally.abandoned++;
		kipc_call_abandon(call, wake);
		return true;
	}
	if (!list_empty_careful(&link->line))
		return false;
	link->binding->tally.queued -= link->queued;
	kipc_call_withdraw(call, wake);
	/* Who has it in his hand will know it by that. */
	call->token = kipc_call_next_token(call);
	return true;
}

/**
 * kipc_link_give_up - give a call up that nobody waits for
 * @link: of the handle that is the caller's
 * @token: of the call
 *
 * Context: process context, may sleep; no lock is held.
 * Return: 0; -ENOENT: it is over; -EBUSY: somebody waits for it.
 */
int kipc_link_give_up(struct kipc_link *link, u64 token)
{
	struct kipc_binding *binding = link->binding;
	struct kipc_wake wake;
	bool mine, done;
	int ret;

	kipc_wake_init(&wake);
	do {
		mine = kipc_link_step_out(link, token);
		kipc_delay(KIPC_DELAY_CALL_LEAVING);
		ret = 0;
		done = true;
		spin_lock(&binding->lock);
		if (link->call.token != token || !link->call.party)
			ret = -ENOENT;
		else if (link->call.claim)
			ret = -EBUSY;
		else
			done = kipc_link_abandon(link, &wake);
		spin_unlock(&binding->lock);
		kipc_wake_flush(&wake);
		if (mine && ret)
			kipc_link_pass_on(link, token);
		else if (mine)
			kipc_binding_put(binding);
	} while (!done);
	return ret;
}

/*
 * The wait for a reply is over before there is one.  Returns the verdict, if there is one
 * after all; -EINTR: the call goes on; or @reason: it is given up.
 */
static int kipc_link_leave(struct kipc_link *link, struct kipc_collector *claim,
			   int reason)
{
	struct kipc_binding *binding = link->binding;
	struct kipc_call *call = &link->call;
	struct kipc_wake wake;
	bool mine, done;
	int ret;

	kipc_wake_init(&wake);
	do {
		mine = kipc_link_step_out(link, call->token);
		kipc_delay(KIPC_DELAY_CALL_LEAVING);
		ret = reason;
		done = true;
		spin_lock(&binding->lock);
		if (claim->waiter.verdict != KIPC_WAITING) {
			ret = claim->waiter.verdict;
		} else if (call->state == KIPC_CALL_TAKEN &&
			   reason == -ERESTARTSYS &&
			   !fatal_signal_pending(current)) {
			call->claim = NULL;
			WRITE_ONCE(link->frame->token, call->token);
			ret = -EINTR;
		} else {
			done = kipc_link_abandon(link, &wake);
		}
		spin_unlock(&binding->lock);
		kipc_wake_flush(&wake);
		if (mine)
			kipc_binding_put(binding);
	} while (!done);
	return ret;
}

/* The caller that claims a call which is done has its status, and is done with it. */
static int kipc_link_collect(struct kipc_link *link)
{
	struct kipc_binding *binding = link->binding;
	struct kipc_call *call = &link->call;
	int ret = call->result;
	bool done;

	spin_lock(&binding->lock);
	done = kipc_call_rest(call);
	spin_unlock(&binding->lock);
	if (unlikely(!done))
		kipc_call_collected(call);
	return ret;
}

/* The call did not get away.  Returns why; 0: somebody else will know it. */
static int kipc_link_withdraw(struct kipc_link *link, u64 token, bool submit,
			      int error)
{
	struct kipc_binding *binding = link->binding;
	struct kipc_call *call = &link->call;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&binding->lock);
	/* Others may have cancelled what was submitted, or wait for it. */
	if (call->token != token || call->state != KIPC_CALL_QUEUED) {
		error = 0;
	} else if (submit && call->claim) {
		kipc_link_end(link, error, &wake);
		error = 0;
	} else {
		kipc_link_abandon(link, &wake);
	}
	spin_unlock(&binding->lock);
	kipc_wake_flush(&wake);
	kipc_binding_put(binding);
	return error;
}

/**
 * kipc_link_call - make a call, whose arguments are in the link
 * @link: of the A-stack
 * @party: the caller's handle
 * @deadline: how long to wait for the end
 * @submit: do not wait
 *
 * Context: process context, may sleep; no lock is held.
 * Return: as KIPC_IOC_SERVICE_CALL, -ERESTARTSYS for EINTR before a worker has it.
 */
int kipc_link_call(struct kipc_link *link, struct kipc_party *party,
		   ktime_t deadline, bool submit)
{
	struct kipc_binding *binding = link->binding;
	struct kipc_collector claim = { .call = &link->call };
	u64 token;
	int ret;

	if (!submit && deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;
	kipc_waiter_start(&claim.waiter);
	spin_lock(&binding->lock);
	ret = kipc_link_begin(link, party, submit ? NULL : &claim);
	token = link->call.token;
	if (!ret && submit)
		WRITE_ONCE(link->frame->token, token);
	spin_unlock(&binding->lock);
	if (unlikely(ret))
		return ret;
	kipc_delay(KIPC_DELAY_CALL_BEGUN);

	ret = kipc_pool_dispatch(link, token, false);
	if (unlikely(ret))
		ret = kipc_link_withdraw(link, token, submit, ret);
	if (submit || unlikely(ret))
		return ret;
	ret = kipc_service_wait(binding->service, KIPC_SERVICE_PATIENT_CALLERS,
				&claim.waiter, deadline, &link->patience);
	if (unlikely(ret))
		ret = kipc_link_leave(link, &claim, ret);
	if (likely(!ret))
		ret = kipc_link_collect(link);
	return ret;
}

/**
 * kipc_binding_of - the binding of a handle that calls
 * @file: the handle
 *
 * Return: the binding, as long as the handle is open; or an ERR_PTR(): -EPERM,
 * -ENOTCONN.
 */
struct kipc_binding *kipc_binding_of(struct file *file)
{
	struct kipc_service_handle *own = kipc_service_handle_of(file);
	struct kipc_binding *binding;

	if (!(own->handle.rights & KIPC_RIGHT_CALL))
		return ERR_PTR(-EPERM);
	/* Pairs with the release in kipc_service_ioctl_connect(). */
	binding = smp_load_acquire(&own->binding);
	return binding ?: ERR_PTR(-ENOTCONN);
}

/**
 * kipc_service_ioctl_call - KIPC_IOC_SERVICE_CALL
 * @file: the handle
 * @arg: the A-stack and flags
 *
 * Context: process context, may sleep.
 * Return: see there.
 */
long kipc_service_ioctl_call(struct file *file, unsigned long arg)
{
	struct kipc_binding *binding = kipc_binding_of(file);
	unsigned long index = arg & (KIPC_SERVICE_SUBMIT - 1);
	const struct kipc_frame *frame;
	struct kipc_link *link;
	unsigned int i;
	u64 rest = 0;

	if (IS_ERR(binding))
		return PTR_ERR(binding);
	if (index >= binding->service->attr.stacks ||
	    arg & ~(unsigned long)(KIPC_SERVICE_SUBMIT * 2 - 1))
		return -EINVAL;
	link = &binding->links[index];
	frame = link->frame;
	for (i = 0; i < ARRAY_SIZE(frame->reserved); i++)
		rest |= READ_ONCE(frame->reserved[i]);
	if (rest)
		return -EINVAL;
	return kipc_link_call(link, &kipc_service_handle_of(file)->handle.party,
			      kipc_handle_deadline(file, READ_ONCE(frame->deadline)),
			      arg & KIPC_SERVICE_SUBMIT);
}

/**
 * kipc_service_ioctl_collect - KIPC_IOC_SERVICE_COLLECT
 * @file: the handle
 * @arg: struct kipc_service_collect
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: see there, -ERESTARTSYS for EINTR.
 */
long kipc_service_ioctl_collect(struct file *file, void __user *arg, size_t size)
{
	struct kipc_binding *binding = kipc_binding_of(file);
	struct kipc_service_collect __user *user = arg;
	struct kipc_service_collect collect;
	struct kipc_collector claim;
	struct kipc_call *call;
	int ret;

	if (IS_ERR(binding))
		return PTR_ERR(binding);
	ret = kipc_arg_in(&collect, sizeof(collect),
			  KIPC_LEAST(struct kipc_service_collect, flags), arg,
			  size);
	if (ret)
		return ret;
	if (collect.flags)
		return -EINVAL;
	call = kipc_call_claim(&binding->calls,
			       &kipc_service_handle_of(file)->handle.party,
			       collect.token, &claim,
			       kipc_handle_deadline(file, collect.deadline));
	if (IS_ERR(call))
		return PTR_ERR(call);
	if (put_user(call->token, &user->token) ||
	    put_user((u32)(kipc_link_of(call) - binding->links), &user->stack)) {
		kipc_call_unclaim(call);
		return -EFAULT;
	}
	ret = call->result;
	kipc_call_collected(call);
	return ret;
}

/**
 * kipc_service_ioctl_cancel - KIPC_IOC_SERVICE_CANCEL
 * @file: the handle
 * @arg: struct kipc_service_cancel
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: see there.
 */
long kipc_service_ioctl_cancel(struct file *file, void __user *arg, size_t size)
{
	struct kipc_binding *binding = kipc_binding_of(file);
	struct kipc_service_cancel cancel;
	struct kipc_call *call;
	int ret;

	if (IS_ERR(binding))
		return PTR_ERR(binding);
	ret = kipc_arg_in(&cancel, sizeof(cancel),
			  KIPC_LEAST(struct kipc_service_cancel, reserved), arg,
			  size);
	if (ret)
		return ret;
	if (cancel.flags || cancel.reserved)
		return -EINVAL;
	spin_lock(&binding->lock);
	call = kipc_call_find(&binding->calls, cancel.token);
	if (call && !call->party)
		call = NULL;
	ret = !call ? -ENOENT : call->claim ? -EBUSY : 0;
	spin_unlock(&binding->lock);
	if (ret)
		return ret;
	kipc_delay(KIPC_DELAY_CALL_FOUND);
	return kipc_link_give_up(kipc_link_of(call), cancel.token);
}
