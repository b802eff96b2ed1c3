// SPDX-License-Identifier: GPL-2.0
/*
 * Handles in calls and replies.  See "Handles" in lrpc.h.
 */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "../buffer.h"
#include "lrpc.h"

/* Put a parcel, or none, into a link; what was there goes.  The binding's lock is held. */
static void kipc_link_set_parcel(struct kipc_link *link,
				 struct kipc_parcel *parcel, bool back)
{
	lockdep_assert_held(&link->binding->lock);
	kipc_parcel_free(link->parcel);
	link->parcel = parcel;
	link->back = back;
}

/**
 * kipc_link_begin_with - a call begins on a link that has a parcel
 * @link: the link
 *
 * What its client has not taken of the last reply goes.
 *
 * Context: the binding's lock is held.
 */
void kipc_link_begin_with(struct kipc_link *link)
{
	if (link->back)
		kipc_link_set_parcel(link, NULL, false);
}

/**
 * kipc_link_end_with - the call of a link that has a parcel ends
 * @link: the link
 * @result: the server's status, or an errno
 *
 * What the worker has not taken goes, and so does what is of no reply, or for a client
 * that has given up.
 *
 * Context: the binding's lock is held.
 */
void kipc_link_end_with(struct kipc_link *link, int result)
{
	if (!link->back || !link->call.party || result < 0)
		kipc_link_set_parcel(link, NULL, false);
}

/**
 * struct kipc_carrying - a link, and on which side of it the caller is
 * @link: its binding is referenced
 * @token: of the call that it has, or had
 * @worker: the caller's side
 */
struct kipc_carrying {
	struct kipc_link *link;
	u64 token;
	bool worker;
};

/* Is the link still that call's, in the caller's hands?  0, or why not. */
static int kipc_carrying_check(const struct kipc_carrying *at)
{
	const struct kipc_call *call = &at->link->call;

	lockdep_assert_held(&at->link->binding->lock);
	if (at->worker)
		return call->token == at->token && call->state == KIPC_CALL_TAKEN ?
		       0 : -ENOENT;
	return call->state == KIPC_CALL_FREE ? 0 : -EBUSY;
}

/* Find the link of a client's A-stack. */
static int kipc_carrying_client(struct file *file,
				const struct kipc_service_handles *arg,
				struct kipc_carrying *at)
{
	struct kipc_binding *binding = kipc_binding_of(file);

	if (IS_ERR(binding))
		return PTR_ERR(binding);
	if (arg->stack >= binding->service->attr.stacks)
		return -EINVAL;
	at->link = &binding->links[arg->stack];
	refcount_inc(&binding->refs);
	return 0;
}

/* Find the link of the call that a worker has, by its token. */
static int kipc_carrying_worker(struct kipc_service *service,
				const struct kipc_service_handles *arg,
				struct kipc_carrying *at)
{
	u32 place = KIPC_CALL_PLACE(arg->token), stacks = service->attr.stacks;
	struct kipc_binding *binding;

	if (arg->stack)
		return -EINVAL;
	rcu_read_lock();
	binding = place / stacks < service->attr.bindings ?
		  rcu_dereference(service->slots[place / stacks].binding) : NULL;
	if (binding && refcount_inc_not_zero(&binding->refs))
		at->link = &binding->links[place % stacks];
	rcu_read_unlock();
	if (at->link)
		return 0;
	return READ_ONCE(service->object.removed) ? -EIDRM : -ENOENT;
}

/* Find the link that the caller means: 0, or why there is none.  At last: _put(). */
static int kipc_carrying_get(struct file *file,
			     const struct kipc_service_handles *arg,
			     struct kipc_carrying *at)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_service *service = kipc_service_of(handle->object);

	at->link = NULL;
	at->token = arg->token;
	at->worker = arg->token;
	if (arg->flags)
		return -EINVAL;
	if (!at->worker)
		return kipc_carrying_client(file, arg, at);
	if (!(handle->rights & KIPC_RIGHT_SERVE))
		return -EPERM;
	return kipc_carrying_worker(service, arg, at);
}

static void kipc_carrying_put(const struct kipc_carrying *at)
{
	if (at->link)
		kipc_binding_put(at->link->binding);
}

/* Take the parcel that is for the caller out of the link; or an ERR_PTR(). */
static struct kipc_parcel *kipc_carrying_take(struct kipc_carrying *at, u32 room)
{
	struct kipc_link *link = at->link;
	struct kipc_parcel *parcel;
	int ret;

	spin_lock(&link->binding->lock);
	ret = kipc_carrying_check(at);
	at->token = link->call.token;
	if (!ret && (!link->parcel || link->back == at->worker))
		ret = -ENOENT;
	else if (!ret && kipc_parcel_count(link->parcel) > room)
		ret = -EMSGSIZE;
	parcel = ret ? ERR_PTR(ret) : link->parcel;
	if (!ret)
		link->parcel = NULL;
	spin_unlock(&link->binding->lock);
	return parcel;
}

/* It could not be installed: put it back, if nothing has happened to the link. */
static void kipc_carrying_return(const struct kipc_carrying *at,
				 struct kipc_parcel *parcel)
{
	struct kipc_link *link = at->link;

	spin_lock(&link->binding->lock);
	if (!kipc_carrying_check(at) && link->call.token == at->token &&
	    !link->parcel) {
		kipc_link_set_parcel(link, parcel, !at->worker);
		parcel = NULL;
	}
	spin_unlock(&link->binding->lock);
	kipc_parcel_free(parcel);
}

static int kipc_carrying_attach(const struct kipc_carrying *at,
				struct kipc_parcel *parcel)
{
	struct kipc_link *link = at->link;
	int ret;

	spin_lock(&link->binding->lock);
	ret = kipc_carrying_check(at);
	if (!ret)
		kipc_link_set_parcel(link, parcel, at->worker);
	spin_unlock(&link->binding->lock);
	if (ret)
		kipc_parcel_free(parcel);
	return ret;
}

/**
 * kipc_service_ioctl_attach - KIPC_IOC_SERVICE_ATTACH
 * @file: the handle
 * @arg: struct kipc_service_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_service_handles says.
 */
long kipc_service_ioctl_attach(struct file *file, void __user *arg, size_t size)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_service *service = kipc_service_of(handle->object);
	struct kipc_service_handles attach;
	struct kipc_parcel *parcel;
	struct kipc_carrying at;
	int ret;

	ret = kipc_arg_in(&attach, sizeof(attach),
			  KIPC_LEAST(struct kipc_service_handles, flags), arg,
			  size);
	if (ret)
		return ret;
	if (!(service->attr.flags & KIPC_SERVICE_HANDLES))
		return -EOPNOTSUPP;
	ret = kipc_carrying_get(file, &attach, &at);
	if (!ret)
		ret = kipc_service_verdict(service);
	if (!ret) {
		parcel = kipc_parcel_create(&service->object, &attach.handles);
		ret = IS_ERR(parcel) ? PTR_ERR(parcel) :
				       kipc_carrying_attach(&at, parcel);
	}
	kipc_carrying_put(&at);
	return ret;
}

/*
 * Take what is there, and install it; without a fault, so that nobody finds it missing
 * for ever.  Returns 0; -EFAULT: a page is missing; or why not.  Then it is where it was.
 */
static int kipc_carrying_deliver(struct kipc_carrying *at,
				 struct kipc_intake *intake, u32 __user *count)
{
	struct kipc_parcel *parcel = kipc_carrying_take(at, intake->wanted.count);
	int ret;

	if (IS_ERR(parcel))
		return PTR_ERR(parcel);
	ret = kipc_intake_prepare(intake, parcel, count, sizeof(*count));
	if (!ret)
		ret = kipc_intake_install(intake, parcel);
	if (!ret && !kipc_copy_out(count, &intake->count, sizeof(*count)))
		ret = -EFAULT;
	if (ret) {
		kipc_carrying_return(at, parcel);
		kipc_intake_undo(intake);
	} else {
		kipc_parcel_free(parcel);
	}
	return ret;
}

/**
 * kipc_service_ioctl_take - KIPC_IOC_SERVICE_TAKE
 * @file: the handle
 * @arg: struct kipc_service_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_service_handles says, -ERESTARTSYS for EINTR.
 */
long kipc_service_ioctl_take(struct file *file, void __user *arg, size_t size)
{
	struct kipc_service_handles __user *user = arg;
	const struct kipc_buffer count = { .base = &user->handles.count };
	struct kipc_service_handles take;
	struct kipc_carrying at;
	struct kipc_intake intake;
	int ret;

	ret = kipc_arg_in(&take, sizeof(take),
			  KIPC_LEAST(struct kipc_service_handles, flags), arg,
			  size);
	if (!ret)
		ret = kipc_intake_init(&intake, &take.handles);
	if (ret)
		return ret;
	ret = kipc_carrying_get(file, &take, &at);
	while (!ret) {
		ret = kipc_carrying_deliver(&at, &intake, count.base);
		if (ret != -EFAULT ||
		    !kipc_intake_fault_in(&intake) ||
		    !kipc_buffer_fault_in_writeable(&count, sizeof(u32)))
			break;
		ret = signal_pending(current) ? -ERESTARTSYS : 0;
	}
	kipc_carrying_put(&at);
	return ret;
}
