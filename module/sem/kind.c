// SPDX-License-Identifier: GPL-2.0
/*
 * The set of semaphores as a kind of object: life, file operations, ioctls.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../report.h"
#include "sem.h"

#define KIPC_SEM_OVERTAKES	16

static int kipc_sem_attr_in(struct kipc_sem_attr *attr, const void __user *user,
			    size_t size)
{
	int ret = 0;

	if (size)
		ret = kipc_arg_in(attr, sizeof(*attr),
				  KIPC_LEAST(struct kipc_sem_attr, reserved), user,
				  size);
	if (ret)
		return ret;
	attr->count = attr->count ?: 1;
	attr->max = attr->max ?: KIPC_SEM_VALUE_MAX;
	attr->overtakes = attr->overtakes ?: KIPC_SEM_OVERTAKES;
	if (attr->flags || attr->reserved || attr->count > KIPC_SEM_MAX ||
	    attr->max > KIPC_SEM_VALUE_MAX || attr->initial > attr->max)
		return -EINVAL;
	return 0;
}

static void kipc_sem_make(struct kipc_sem_set *set, u32 i)
{
	struct kipc_sem *sem = &set->sems[i];

	*sem = (struct kipc_sem){
		.value = set->initial,
		.takers = RB_ROOT_CACHED,
		.zeroes = RB_ROOT,
	};
	INIT_LIST_HEAD(&sem->changed);
}

static int kipc_sem_init(struct kipc_object *object, const void __user *user,
			 size_t size)
{
	struct kipc_sem_set *set = kipc_sem_set_of(object);
	struct kipc_sem_attr attr = { .count = 0 };
	int ret;
	u32 i;

	ret = kipc_sem_attr_in(&attr, user, size);
	if (ret)
		return ret;
	set->count = attr.count;
	set->max = attr.max;
	set->initial = attr.initial;
	set->overtakes = attr.overtakes;
	set->sems = kipc_account_alloc(&object->account,
				       set->count * sizeof(*set->sems), false);
	if (IS_ERR(set->sems))
		return PTR_ERR(set->sems);
	for (i = 0; i < set->count; i++)
		kipc_sem_make(set, i);
	set->available = set->initial ? set->count : 0;
	set->room = set->initial < set->max ? set->count : 0;
	INIT_LIST_HEAD(&set->changed);
	set->held = RB_ROOT;
	set->recheck = KIPC_SEM_NO_TURN;
	set->elders = RB_ROOT_CACHED;
	set->undos = RB_ROOT;
	set->ctime = ktime_get_real_seconds();
	/* Who waits for one semaphore is not served by another. */
	object->notify.choosy = set->count > 1;
	return 0;
}

static void kipc_sem_remove(struct kipc_object *object)
{
	struct kipc_sem_set *set = kipc_sem_set_of(object);
	struct kipc_wake wake;
	u32 i;

	kipc_wake_init(&wake);
	spin_lock(&object->lock);
	for (i = 0; i < set->count; i++)
		kipc_sem_touch(set, &set->sems[i], false);
	set->recheck = 0;
	kipc_sem_unlock(set, &wake);
}

static void kipc_sem_release(struct kipc_object *object)
{
	struct kipc_sem_set *set = kipc_sem_set_of(object);
	u32 i;

	WARN_ON_ONCE(set->waiting);
	kipc_sem_undo_drop_all(set);
	for (i = 0; i < set->count; i++)
		put_pid(set->sems[i].last);
	kipc_account_free(&object->account, set->sems,
			  set->count * sizeof(*set->sems));
}

static __poll_t kipc_sem_poll(struct kipc_handle *handle)
{
	struct kipc_sem_set *set = kipc_sem_set_of(handle->object);
	struct kipc_wake wake;
	__poll_t state;
	bool removed;

	kipc_wake_init(&wake);
	spin_lock(&set->object.lock);
	kipc_sem_clean(set, &wake);
	removed = set->object.removed;
	state = kipc_sem_state(set);
	/* Removal stays news: the unlock of kipc_sem_remove() has yet to tell it. */
	if (!removed)
		set->told = state;
	spin_unlock(&set->object.lock);
	return removed ? EPOLLHUP | EPOLLERR : kipc_handle_mask(handle, state);
}

static void kipc_sem_stat(struct kipc_object *object, void *to)
{
	struct kipc_sem_set *set = kipc_sem_set_of(object);
	struct kipc_sem_stat *stat = to;

	spin_lock(&set->object.lock);
	*stat = (struct kipc_sem_stat){
		.attr.count = set->count,
		.attr.initial = set->initial,
		.attr.max = set->max,
		.attr.overtakes = set->overtakes,
		.operations = set->operations,
		.waits = set->waits,
		.otime = set->otime,
		.ctime = set->ctime,
		.waiting = set->waiting,
		.undos = set->undo_count,
	};
	spin_unlock(&set->object.lock);
}

static void kipc_sem_report(struct kipc_report *report, enum kipc_wait what,
			    const struct rb_root *tree)
{
	const struct rb_node *node;

	for (node = rb_first(tree); node && !kipc_report_full(report);
	     node = rb_next(node))
		kipc_report_waiter(report, what,
				   &rb_entry(node, struct kipc_sem_wait, node)->waiter);
}

static void kipc_sem_report_waiters(struct kipc_object *object,
				    struct kipc_report *report)
{
	struct kipc_sem_set *set = kipc_sem_set_of(object);
	u32 i;

	spin_lock(&object->lock);
	for (i = 0; i < set->count; i++) {
		kipc_sem_report(report, KIPC_WAIT_DATA,
				&set->sems[i].takers.rb_root);
		kipc_sem_report(report, KIPC_WAIT_ZERO, &set->sems[i].zeroes);
	}
	kipc_sem_report(report, KIPC_WAIT_DATA, &set->held);
	spin_unlock(&object->lock);
}

static void kipc_sem_show(struct seq_file *seq, struct kipc_object *object)
{
	struct kipc_sem_stat stat;

	kipc_sem_stat(object, &stat);
	seq_printf(seq, "semaphores:\t%u\nmax:\t%u\n", stat.attr.count, stat.attr.max);
	seq_printf(seq, "operations:\t%llu\nwaiting:\t%u\n", stat.operations,
		   stat.waiting);
}

/* ioctls */

static int kipc_sem_values_in(struct kipc_sem_set *set, struct kipc_sem_values *values,
			      const void __user *arg, size_t size)
{
	int ret = kipc_arg_in(values, sizeof(*values),
			      KIPC_LEAST(struct kipc_sem_values, count), arg, size);

	if (ret)
		return ret;
	if (!values->count)
		return -EINVAL;
	return values->first >= set->count ||
	       values->count > set->count - values->first ? -EFBIG : 0;
}

static void kipc_sem_look(struct kipc_sem_set *set, u32 first,
			  struct kipc_sem_value *values, u32 count)
{
	struct kipc_wake wake;
	struct kipc_sem *sem;
	u32 i;

	kipc_wake_init(&wake);
	spin_lock(&set->object.lock);
	/* What is just being handed over is not there. */
	kipc_sem_clean(set, &wake);
	for (i = 0; i < count; i++) {
		sem = kipc_sem_at(set, first + i);
		values[i] = (struct kipc_sem_value){
			.value = sem->value,
			.waiting = sem->waiting,
			.waiting_zero = sem->waiting_zero,
			.pid = pid_vnr(sem->last),
		};
	}
	spin_unlock(&set->object.lock);
}

static long kipc_sem_ioctl_get(struct file *file, void __user *arg, size_t size)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_sem_set *set = kipc_sem_set_of(handle->object);
	struct kipc_sem_value one, *values = &one;
	struct kipc_sem_values which;
	long ret;

	ret = kipc_sem_values_in(set, &which, arg, size);
	if (ret)
		return ret;
	if (!(handle->rights & KIPC_RIGHT_RECEIVE))
		return -EBADF;
	if (which.count > 1)
		values = kvmalloc_array(which.count, sizeof(*values),
					GFP_KERNEL_ACCOUNT);
	if (!values)
		return -ENOMEM;
	kipc_sem_look(set, which.first, values, which.count);
	if (copy_to_user(u64_to_user_ptr(which.values), values,
			 which.count * sizeof(*values)))
		ret = -EFAULT;
	if (values != &one)
		kvfree(values);
	return ret;
}

static int kipc_sem_set_values(struct kipc_sem_set *set, u32 first, const u32 *values,
			       u32 count)
{
	struct kipc_wake wake;
	struct kipc_sem *sem;
	int ret = -EIDRM;
	u32 i;

	kipc_wake_init(&wake);
	spin_lock(&set->object.lock);
	kipc_sem_clean(set, &wake);
	if (set->object.removed)
		goto unlock;
	for (i = 0; i < count; i++) {
		sem = kipc_sem_at(set, first + i);
		/* Forgets what is to be undone; if it ever came round, it would remember. */
		sem->setting++;
		kipc_sem_name_last(sem, task_tgid(current));
		kipc_sem_touch(set, sem, values[i] > sem->value);
		kipc_sem_put(set, sem, values[i]);
	}
	set->ctime = ktime_get_real_seconds();
	ret = 0;
unlock:
	kipc_sem_unlock(set, &wake);
	return ret;
}

static long kipc_sem_ioctl_set(struct file *file, void __user *arg, size_t size)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_sem_set *set = kipc_sem_set_of(handle->object);
	struct kipc_sem_values which;
	u32 *values, i;
	long ret;

	ret = kipc_sem_values_in(set, &which, arg, size);
	if (ret)
		return ret;
	if (!(handle->rights & KIPC_RIGHT_MANAGE))
		return -EPERM;
	values = kvmalloc_array(which.count, sizeof(*values), GFP_KERNEL_ACCOUNT);
	if (!values)
		return -ENOMEM;
	if (copy_from_user(values, u64_to_user_ptr(which.values),
			   which.count * sizeof(*values)))
		ret = -EFAULT;
	for (i = 0; !ret && i < which.count; i++)
		if (values[i] > set->max)
			ret = -ERANGE;
	if (!ret)
		ret = kipc_sem_set_values(set, which.first, values, which.count);
	kvfree(values);
	return ret;
}

static long kipc_sem_ioctl(struct file *file, unsigned int cmd, void __user *arg,
			   size_t size)
{
	switch (cmd) {
	case KIPC_IOC_SEM_POST:
	case KIPC_IOC_SEM_TAKE:
		return -EINVAL;	/* with a size */
	case KIPC_CMD(KIPC_IOC_SEM_OP):
		return kipc_sem_ioctl_op(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SEM_TAKE_ALL):
		return kipc_sem_ioctl_all(arg, size);
	case KIPC_CMD(KIPC_IOC_SEM_GET):
		return kipc_sem_ioctl_get(file, arg, size);
	case KIPC_CMD(KIPC_IOC_SEM_SET):
		return kipc_sem_ioctl_set(file, arg, size);
	default:
		return -ENOTTY;
	}
}

/* The two that copy nothing come first. */
static long kipc_sem_any_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd == KIPC_IOC_SEM_POST)
		return kipc_sem_ioctl_one(file, arg, 1);
	if (cmd == KIPC_IOC_SEM_TAKE)
		return kipc_sem_ioctl_one(file, arg, -1);
	return kipc_handle_ioctl(file, cmd, arg);
}

static const struct file_operations kipc_sem_fops = {
	.owner		= THIS_MODULE,
	.poll		= kipc_handle_poll,
	.fasync		= kipc_handle_fasync,
	.unlocked_ioctl	= kipc_sem_any_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= kipc_handle_show_fdinfo,
	.release	= kipc_object_release,
};

const struct kipc_kind kipc_sem_kind = {
	.id		= KIPC_KIND_SEMAPHORES,
	.name		= "semaphores",
	.rights		= KIPC_SEM_RIGHTS,
	.type		= S_IFIFO,
	.size		= sizeof(struct kipc_sem_set),
	.handle_size	= sizeof(struct kipc_handle),
	.events		= KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
			  KIPC_EVENT_WRITABLE | KIPC_EVENT_PEER_GONE |
			  KIPC_EVENT_LIMIT,
	.fops		= &kipc_sem_fops,
	.init		= kipc_sem_init,
	.remove		= kipc_sem_remove,
	.release	= kipc_sem_release,
	.ioctl		= kipc_sem_ioctl,
	.poll		= kipc_sem_poll,
	.show		= kipc_sem_show,
	.stat_cmd	= KIPC_CMD(KIPC_IOC_SEM_STAT),
	.stat_size	= sizeof(struct kipc_sem_stat),
	.stat_least	= KIPC_LEAST(struct kipc_sem_stat, undos),
	.stat		= kipc_sem_stat,
	.waiters	= kipc_sem_report_waiters,
};
