// SPDX-License-Identifier: GPL-2.0
/*
 * The service as a kind of object: life, file operations, ioctls.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "../buffer.h"
#include "../debug.h"
#include "../report.h"
#include "lrpc.h"

#define KIPC_SERVICE_FLAGS \
	(KIPC_SERVICE_ACCEPT | KIPC_SERVICE_PATIENT | \
	 KIPC_SERVICE_PATIENT_CALLERS | KIPC_SERVICE_HANDLES)
/* Pages of all bindings together. */
#define KIPC_SERVICE_PAGES	(1ULL << (40 - PAGE_SHIFT))

/* Check the attributes and fill them in: 0 or -EINVAL. */
static int kipc_service_attr_settle(struct kipc_service *service)
{
	struct kipc_service_attr *attr = &service->attr;

	attr->stack_size = attr->stack_size ?: PAGE_SIZE;
	attr->stacks = attr->stacks ?: 4;
	attr->bindings = attr->bindings ?: 256;
	if (attr->stack_size > KIPC_STACK_MAX || attr->stacks > KIPC_STACKS_MAX ||
	    attr->bindings > KIPC_BINDINGS_MAX ||
	    attr->user_bindings > attr->bindings ||
	    attr->flags & ~KIPC_SERVICE_FLAGS)
		return -EINVAL;
	attr->stack_size = PAGE_ALIGN(attr->stack_size);
	service->stack_pages = attr->stack_size >> PAGE_SHIFT;
	service->frame_pages = DIV_ROUND_UP(attr->stacks *
					    sizeof(struct kipc_frame), PAGE_SIZE);
	service->binding_pages = service->frame_pages +
				 attr->stacks * service->stack_pages;
	return (u64)service->binding_pages * attr->bindings > KIPC_SERVICE_PAGES ?
	       -EINVAL : 0;
}

static size_t kipc_service_pools_size(void)
{
	return num_possible_cpus() * sizeof(struct kipc_pool);
}

static int kipc_service_make_pools(struct kipc_service *service)
{
	struct kipc_account *account = &service->object.account;
	struct kipc_pool *pool;
	int cpu;

	if (kipc_charge(account, KIPC_BYTES, kipc_service_pools_size()))
		return -EDQUOT;
	service->pools = alloc_percpu_gfp(struct kipc_pool, GFP_KERNEL_ACCOUNT);
	if (!service->pools) {
		kipc_uncharge(account, KIPC_BYTES, kipc_service_pools_size());
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		pool = per_cpu_ptr(service->pools, cpu);
		spin_lock_init(&pool->lock);
		INIT_LIST_HEAD(&pool->idle);
	}
	return 0;
}

static int kipc_service_init(struct kipc_object *object, const void __user *user,
			     size_t size)
{
	struct kipc_service *service = kipc_service_of(object);
	size_t slots;
	int ret;

	if (size) {
		ret = kipc_arg_in(&service->attr, sizeof(service->attr),
				  KIPC_LEAST(struct kipc_service_attr, flags),
				  user, size);
		if (ret)
			return ret;
	}
	ret = kipc_service_attr_settle(service);
	if (ret)
		return ret;
	object->carries = service->attr.flags & KIPC_SERVICE_HANDLES;
	slots = service->attr.bindings * sizeof(*service->slots);
	service->slots = kipc_account_alloc(&object->account, slots, false);
	if (IS_ERR(service->slots))
		return PTR_ERR(service->slots);
	memset(service->slots, 0, slots);
	ret = kipc_service_make_pools(service);
	if (ret) {
		kipc_account_free(&object->account, service->slots, slots);
		return ret;
	}
	INIT_DELAYED_WORK(&service->patrol, kipc_service_patrol);
	mutex_init(&service->map_lock);
	INIT_LIST_HEAD(&service->line);
	return 0;
}

static void kipc_service_release(struct kipc_object *object)
{
	struct kipc_service *service = kipc_service_of(object);

	cancel_delayed_work_sync(&service->patrol);
	WARN_ON_ONCE(service->bindings);
	if (service->mm)
		mmdrop(service->mm);
	free_percpu(service->pools);
	kipc_uncharge(&object->account, KIPC_BYTES, kipc_service_pools_size());
	kipc_account_free(&object->account, service->slots,
			  service->attr.bindings * sizeof(*service->slots));
}

/**
 * kipc_service_verdict - may it be called?
 * @service: the service
 *
 * Context: any; without the object's lock a snapshot.
 * Return: 0, -EPIPE: it has ended, or -EIDRM.
 */
int kipc_service_verdict(struct kipc_service *service)
{
	return READ_ONCE(service->object.removed) ? -EIDRM :
						    READ_ONCE(service->ended);
}

/**
 * kipc_service_farewell - what its workers are told when it has ended
 * @service: the service
 *
 * Context: any.
 * Return: -EIDRM; -ESHUTDOWN: KIPC_IOC_SERVICE_STOP; -ENXIO: it is mapped no more.
 */
int kipc_service_farewell(struct kipc_service *service)
{
	return READ_ONCE(service->object.removed) ? -EIDRM :
	       READ_ONCE(service->stopped) ? -ESHUTDOWN : -ENXIO;
}

/* What workers have will not be replied to, nor taken.  Returns whether they had any. */
static bool kipc_binding_fail(struct kipc_binding *binding, int error)
{
	u32 i, stacks = binding->service->attr.stacks;
	struct kipc_wake wake;
	struct kipc_link *link;
	bool taken, any = false;

	kipc_wake_init(&wake);
	for (i = 0; i < stacks; i++) {
		link = &binding->links[i];
		spin_lock(&binding->lock);
		taken = link->call.state == KIPC_CALL_TAKEN;
		/* Who has it in his hand may be kept there; he drops it when he looks. */
		if (taken || (link->call.state == KIPC_CALL_QUEUED &&
			      list_empty_careful(&link->line)))
			kipc_link_end(link, error, &wake);
		spin_unlock(&binding->lock);
		kipc_wake_flush(&wake);
		if (taken)
			kipc_binding_put(binding);
		any |= taken;
	}
	return any;
}

/**
 * kipc_service_end - no call will be taken any more
 * @service: the service
 * @error: what callers are told
 * @gone: nor will there be a reply to those that were
 *
 * Context: process context, may sleep; no lock is held but the mmap_lock.
 */
void kipc_service_end(struct kipc_service *service, int error, bool gone)
{
	struct kipc_object *object = &service->object;
	struct kipc_binding *binding;
	struct kipc_link *link;
	u32 slot = 0;
	bool first, named, died = false;
	u64 token;

	/* First, so that another server can take its place. */
	named = kipc_name_forget(&object->name);
	spin_lock(&object->lock);
	first = !service->ended;
	if (first)
		WRITE_ONCE(service->ended, error);
	spin_unlock(&object->lock);
	kipc_delay(KIPC_DELAY_SERVICE_ENDED);
	/* Nothing comes into the line any more. */
	while ((link = kipc_pool_pop(service, &token))) {
		kipc_link_drop(link, token, error);
		cond_resched();
	}
	kipc_pool_dismiss(service);
	while (gone && (binding = kipc_binding_next(service, &slot))) {
		died |= kipc_binding_fail(binding, error);
		kipc_binding_put(binding);
		cond_resched();
	}
	if (died && error == -EPIPE)
		kipc_object_event(object, KIPC_HAPPENED_DIED, named);
	if (first)
		kipc_object_notify(object, KIPC_NEWS_END | EPOLLHUP | EPOLLERR);
}

static int kipc_service_opened(struct kipc_handle *handle, bool refuse)
{
	struct kipc_service *service = kipc_service_of(handle->object);

	if (!(handle->rights & KIPC_RIGHT_SERVE))
		return 0;
	spin_lock(&service->object.lock);
	service->servers++;
	spin_unlock(&service->object.lock);
	return 0;
}

static void kipc_service_closed(struct kipc_handle *handle)
{
	struct kipc_service *service = kipc_service_of(handle->object);
	bool last;

	kipc_service_disconnect(container_of(handle, struct kipc_service_handle,
					     handle));
	if (!(handle->rights & KIPC_RIGHT_SERVE))
		return;
	spin_lock(&service->object.lock);
	last = !--service->servers;
	spin_unlock(&service->object.lock);
	if (last)
		kipc_service_end(service, -EPIPE, true);
}

static void kipc_service_remove(struct kipc_object *object)
{
	kipc_service_end(kipc_service_of(object), -EIDRM, true);
}

static __poll_t kipc_service_poll(struct kipc_handle *handle)
{
	struct kipc_service *service = kipc_service_of(handle->object);
	struct kipc_service_handle *own;
	struct kipc_binding *binding;
	__poll_t mask = 0;

	own = container_of(handle, struct kipc_service_handle, handle);
	/* The lock, for those who enrolled: see notify.h. */
	spin_lock(&service->object.lock);
	if (handle->rights & KIPC_RIGHT_SERVE && service->waiting)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (kipc_service_verdict(service))
		mask |= EPOLLHUP | EPOLLERR;
	binding = own->binding;
	spin_unlock(&service->object.lock);
	if (!binding)
		return mask;
	spin_lock(&binding->lock);
	if (kipc_party_has_reply(&handle->party))
		mask |= EPOLLPRI;
	spin_unlock(&binding->lock);
	return mask;
}

/* Figures. */

static void kipc_service_stat(struct kipc_object *object, void *to)
{
	struct kipc_service *service = kipc_service_of(object);
	struct kipc_service_stat *stat = to;
	u64 size = (u64)service->binding_pages << PAGE_SHIFT;
	struct kipc_tally sum;

	kipc_bindings_tally(service, &sum);
	*stat = (struct kipc_service_stat) {
		.attr = service->attr,
		.map_size = size * service->attr.bindings,
		.binding_size = size,
		.calls = sum.calls,
		.replies = sum.replies,
		.failed = sum.failed,
		.abandoned = sum.abandoned,
		.queued = sum.queued,
		.frames_size = service->frame_pages << PAGE_SHIFT,
		.bindings = READ_ONCE(service->bindings),
		.waiting = READ_ONCE(service->waiting),
		.serving = atomic_read(&service->serving),
		.workers = atomic_read(&service->idle),
	};
}

/* Workers that are idle, and callers. */
static void kipc_service_report_waiters(struct kipc_object *object,
					struct kipc_report *report)
{
	struct kipc_service *service = kipc_service_of(object);
	struct kipc_binding *binding;
	struct kipc_pool *pool;
	u32 i, slot = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		pool = per_cpu_ptr(service->pools, cpu);
		spin_lock(&pool->lock);
		kipc_report_line(report, KIPC_WAIT_CALL, &pool->idle);
		spin_unlock(&pool->lock);
	}
	while (!kipc_report_full(report) &&
	       (binding = kipc_binding_next(service, &slot))) {
		spin_lock(&binding->lock);
		for (i = 0; i < service->attr.stacks; i++)
			kipc_report_callers(report, &binding->links[i].call);
		spin_unlock(&binding->lock);
		kipc_binding_put(binding);
		cond_resched();
	}
}

static void kipc_link_report(struct kipc_report *report, const struct kipc_link *link)
{
	struct kipc_row *row = kipc_report_call(report, &link->call);

	if (!row)
		return;
	row->procedure = link->procedure;
	row->depth = link->depth;
	if (!row->process) {
		row->process = get_pid(link->process);
		row->thread = get_pid(link->thread);
	}
	if (link->call.state == KIPC_CALL_TAKEN)
		kipc_row_set_worker(row, link->worker);
}

static void kipc_service_report_calls(struct kipc_object *object,
				      struct kipc_report *report)
{
	struct kipc_service *service = kipc_service_of(object);
	struct kipc_binding *binding;
	u32 i, slot = 0;

	while (!kipc_report_full(report) &&
	       (binding = kipc_binding_next(service, &slot))) {
		spin_lock(&binding->lock);
		for (i = 0; i < service->attr.stacks; i++)
			kipc_link_report(report, &binding->links[i]);
		spin_unlock(&binding->lock);
		kipc_binding_put(binding);
		cond_resched();
	}
}

static void kipc_service_show(struct seq_file *seq, struct kipc_object *object)
{
	struct kipc_service_stat stat;

	kipc_service_stat(object, &stat);
	seq_printf(seq, "stack_size:\t%u\nstacks:\t%u\n", stat.attr.stack_size,
		   stat.attr.stacks);
	seq_printf(seq, "bindings:\t%u\nworkers:\t%u\n", stat.bindings,
		   stat.workers);
	seq_printf(seq, "waiting:\t%u\nserving:\t%u\n", stat.waiting,
		   stat.serving);
	seq_printf(seq, "calls:\t%llu\nreplies:\t%llu\n", stat.calls, stat.replies);
}

static long kipc_service_ioctl_stop(struct kipc_handle *handle)
{
	struct kipc_service *service = kipc_service_of(handle->object);

	if (!(handle->rights & KIPC_RIGHT_SERVE))
		return -EPERM;
	if (READ_ONCE(handle->object->removed))
		return -EIDRM;
	WRITE_ONCE(service->stopped, true);
	kipc_service_end(service, -EPIPE, false);
	return 0;
}

static long kipc_service_ioctl(struct file *file, unsigned int cmd, void __user *arg,
			       size_t size)
{
	struct kipc_handle *handle = file->private_data;

	switch (cmd) {
	case KIPC_IOC_SERVICE_CALL:
		return -EINVAL;	/* with a size */
	case KIPC_CMD(KIPC_IOC_SERVICE_SERVE):
		return kipc_service_ioctl_serve(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SERVICE_REPLY):
		return kipc_service_ioctl_reply(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SERVICE_COLLECT):
		return kipc_service_ioctl_collect(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SERVICE_CANCEL):
		return kipc_service_ioctl_cancel(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SERVICE_ATTACH):
		return kipc_service_ioctl_attach(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SERVICE_TAKE):
		return kipc_service_ioctl_take(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SERVICE_CONNECT):
		return kipc_service_ioctl_connect(file, arg, size);
	case KIPC_IOC_SERVICE_STOP:
		return size ? -EINVAL : kipc_service_ioctl_stop(handle);
	default:
		return -ENOTTY;
	}
}

/* The two that are in a hurry; the others by way of what all handles have. */
static long kipc_service_any_ioctl(struct file *file, unsigned int cmd,
				   unsigned long arg)
{
	if (cmd == KIPC_IOC_SERVICE_CALL)
		return kipc_service_ioctl_call(file, arg);
	if (cmd == KIPC_IOC_SERVICE_SERVE)
		return kipc_service_ioctl_serve(file, (void __user *)arg,
						_IOC_SIZE(cmd));
	return kipc_handle_ioctl(file, cmd, arg);
}

static const struct file_operations kipc_service_fops = {
	.owner		= THIS_MODULE,
	.mmap		= kipc_service_mmap,
	.poll		= kipc_handle_poll,
	.flush		= kipc_handle_flush,
	.fasync		= kipc_handle_fasync,
	.unlocked_ioctl	= kipc_service_any_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= kipc_handle_show_fdinfo,
	.release	= kipc_object_release,
};

const struct kipc_kind kipc_service_kind = {
	.id		= KIPC_KIND_SERVICE,
	.name		= "service",
	.rights		= KIPC_SERVICE_RIGHTS,
	.type		= S_IFIFO,
	.events		= KIPC_EVENT_PEER_GONE | KIPC_EVENT_CALL |
			  KIPC_EVENT_LIMIT,
	.size		= sizeof(struct kipc_service),
	.handle_size	= sizeof(struct kipc_service_handle),
	.transient	= true,
	.fops		= &kipc_service_fops,
	.init		= kipc_service_init,
	.opened		= kipc_service_opened,
	.closed		= kipc_service_closed,
	.remove		= kipc_service_remove,
	.release	= kipc_service_release,
	.ioctl		= kipc_service_ioctl,
	.poll		= kipc_service_poll,
	.show		= kipc_service_show,
	.stat_cmd	= KIPC_CMD(KIPC_IOC_SERVICE_STAT),
	.stat_size	= sizeof(struct kipc_service_stat),
	.stat_least	= KIPC_LEAST(struct kipc_service_stat, reserved),
	.stat		= kipc_service_stat,
	.waiters	= kipc_service_report_waiters,
	.calls		= kipc_service_report_calls,
};
