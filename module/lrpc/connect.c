// SPDX-License-Identifier: GPL-2.0
/*
 * How a handle gets its binding, and loses it.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "../buffer.h"
#include "../debug.h"
#include "lrpc.h"

/*
 * Ask the server: a call by the first A-stack, which nobody else has yet.  Returns 0, or
 * why there is no connection.
 */
static int kipc_service_ask(struct kipc_binding *binding, struct kipc_party *party,
			    ktime_t deadline, u64 *args)
{
	struct kipc_link *link = &binding->links[0];
	struct kipc_frame *frame = link->frame;
	int ret;

	/* Nobody has it mapped yet. */
	memcpy(frame->args, args, sizeof(frame->args));
	link->connects = true;
	ret = kipc_link_call(link, party, deadline, false);
	if (ret == -EINTR)
		kipc_link_give_up(link, frame->token);
	memcpy(args, frame->args, sizeof(frame->args));
	if (ret > 0)
		ret = 0;
	/* The server still has it, for nothing, if it was given up. */
	if (!ret)
		link->connects = false;
	return ret;
}

/* The handle may be called: 0, or why not. */
static int kipc_service_begin_connect(struct kipc_service_handle *own)
{
	struct kipc_object *object = own->handle.object;
	int ret;

	spin_lock(&object->lock);
	ret = kipc_service_verdict(kipc_service_of(object));
	if (own->binding)
		ret = -EISCONN;
	else if (own->connecting)
		ret = -EALREADY;
	if (!ret)
		own->connecting = true;
	spin_unlock(&object->lock);
	return ret;
}

static void kipc_service_end_connect(struct kipc_service_handle *own,
				     struct kipc_binding *binding)
{
	struct kipc_object *object = own->handle.object;

	spin_lock(&object->lock);
	own->connecting = false;
	/* Pairs with the acquire of those who use it. */
	smp_store_release(&own->binding, binding);
	spin_unlock(&object->lock);
}

/* The binding's calls are nobody's any more, and it goes when the server is done. */
static void kipc_binding_leave(struct kipc_binding *binding, struct kipc_party *party)
{
	struct kipc_call *call;
	u64 token = 0;

	do {
		spin_lock(&binding->lock);
		call = kipc_party_first(party);
		if (call)
			token = call->token;
		spin_unlock(&binding->lock);
		if (call)
			kipc_link_give_up(kipc_link_of(call), token);
		cond_resched();
	} while (call);
	kipc_party_leave(party, &binding->calls);
	kipc_binding_put(binding);
}

/**
 * kipc_service_ioctl_connect - KIPC_IOC_SERVICE_CONNECT
 * @file: the handle
 * @arg: struct kipc_service_connect
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: see there, -ERESTARTSYS for EINTR before the server was asked.
 */
long kipc_service_ioctl_connect(struct file *file, void __user *arg, size_t size)
{
	struct kipc_service_handle *own = kipc_service_handle_of(file);
	struct kipc_service *service = kipc_service_of(own->handle.object);
	size_t least = KIPC_LEAST(struct kipc_service_connect, reserved);
	struct kipc_party *party = &own->handle.party;
	struct kipc_service_connect connect;
	struct kipc_binding *binding;
	int ret, copied;

	if (!(own->handle.rights & KIPC_RIGHT_CALL) ||
	    own->handle.rights & KIPC_RIGHT_SERVE)
		return -EPERM;
	ret = kipc_arg_in(&connect, sizeof(connect), least, arg, size);
	if (ret)
		return ret;
	if (connect.flags || connect.reserved)
		return -EINVAL;
	ret = kipc_service_begin_connect(own);
	if (ret)
		return ret;
	binding = kipc_binding_create(service, party);
	if (IS_ERR(binding)) {
		kipc_service_end_connect(own, NULL);
		return PTR_ERR(binding);
	}
	if (service->attr.flags & KIPC_SERVICE_ACCEPT)
		ret = kipc_service_ask(binding, party,
				       kipc_handle_deadline(file, connect.deadline),
				       connect.args);
	connect.binding_size = (u64)service->binding_pages << PAGE_SHIFT;
	connect.frames_size = service->frame_pages << PAGE_SHIFT;
	connect.stack_size = service->attr.stack_size;
	connect.stacks = service->attr.stacks;
	copied = 0;
	if (!ret || ret == -ECONNREFUSED)
		copied = kipc_arg_out(arg, size, least, &connect, sizeof(connect));
	ret = ret ?: copied;
	if (ret) {
		kipc_binding_leave(binding, party);
		binding = NULL;
	}
	kipc_service_end_connect(own, binding);
	return ret;
}

/**
 * kipc_service_disconnect - a handle goes
 * @own: nobody uses it any more
 *
 * Context: process context, may sleep.
 */
void kipc_service_disconnect(struct kipc_service_handle *own)
{
	if (own->binding)
		kipc_binding_leave(own->binding, &own->handle.party);
}
