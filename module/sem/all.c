// SPDX-License-Identifier: GPL-2.0
/*
 * One of each of several sets, all or nothing.
 *
 * All of their locks are held at once.  Everybody else takes one object's lock at a time,
 * and whoever takes several holds kipc_sem_all_lock, so that these need no order.
 */
#include <linux/file.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "sem.h"

/* Protects nothing: see above. */
static DEFINE_MUTEX(kipc_sem_all_lock);

/**
 * struct kipc_sem_bunch - the sets
 * @file: the handles, referenced
 * @set: theirs
 * @count: how many there are
 */
struct kipc_sem_bunch {
	struct file *file[KIPC_SEM_SETS_MAX];
	struct kipc_sem_set *set[KIPC_SEM_SETS_MAX];
	unsigned int count;
};

/* Take one more in: 0 or what struct kipc_sem_all says. */
static int kipc_sem_bunch_add(struct kipc_sem_bunch *bunch, int fd)
{
	struct kipc_handle *handle;
	struct kipc_sem_set *set;
	unsigned int i;
	struct file *file = fget(fd);

	if (!file)
		return -EBADF;
	bunch->file[bunch->count] = file;
	handle = kipc_handle_of_file(file);
	if (!handle || handle->object->kind != &kipc_sem_kind) {
		fput(file);
		return -ENOTTY;
	}
	set = kipc_sem_set_of(handle->object);
	bunch->set[bunch->count++] = set;
	if (!(handle->rights & KIPC_RIGHT_RECEIVE))
		return -EBADF;
	if (set->count != 1)
		return -EINVAL;
	for (i = 0; i < bunch->count - 1; i++)
		if (bunch->set[i] == set)
			return -EINVAL;
	return 0;
}

static void kipc_sem_bunch_lock(struct kipc_sem_bunch *bunch)
{
	unsigned int i;

	mutex_lock(&kipc_sem_all_lock);
	for (i = 0; i < bunch->count; i++) {
		spin_lock_nest_lock(&bunch->set[i]->object.lock,
				    &kipc_sem_all_lock);
		/* For sparse, which cannot count them. */
		__release(&bunch->set[i]->object.lock);
	}
}

static void kipc_sem_bunch_unlock(struct kipc_sem_bunch *bunch)
{
	unsigned int i = bunch->count;

	while (i--) {
		__acquire(&bunch->set[i]->object.lock);
		spin_unlock(&bunch->set[i]->object.lock);
	}
	mutex_unlock(&kipc_sem_all_lock);
}

/* Under all locks: 0, -EIDRM, -EAGAIN; or -EBUSY: one is to be settled first. */
static int kipc_sem_bunch_look(const struct kipc_sem_bunch *bunch)
{
	const struct kipc_sem_set *set;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < bunch->count; i++) {
		set = bunch->set[i];
		if (set->object.removed)
			return -EIDRM;
		if (kipc_sem_is_busy(set))
			return -EBUSY;
		if (!kipc_sem_is_there(&set->sems[0]))
			ret = -EAGAIN;
	}
	return ret;
}

static void kipc_sem_bunch_take(struct kipc_sem_bunch *bunch)
{
	struct kipc_sem_set *set;
	unsigned int i;

	for (i = 0; i < bunch->count; i++) {
		set = bunch->set[i];
		kipc_sem_put(set, &set->sems[0], set->sems[0].value - 1);
		kipc_sem_name_last(&set->sems[0], task_tgid(current));
		kipc_sem_touch(set, &set->sems[0], false);
		kipc_sem_passed(set, &set->sems[0], KIPC_SEM_NO_TURN);
		kipc_sem_count(set, 1);
	}
}

/* Those who wait until one is 0 go on. */
static void kipc_sem_bunch_settle(struct kipc_sem_bunch *bunch)
{
	struct kipc_wake wake;
	unsigned int i;

	kipc_wake_init(&wake);
	for (i = 0; i < bunch->count; i++) {
		spin_lock(&bunch->set[i]->object.lock);
		kipc_sem_unlock(bunch->set[i], &wake);
	}
}

static int kipc_sem_bunch_run(struct kipc_sem_bunch *bunch)
{
	int ret;

	do {
		kipc_sem_bunch_lock(bunch);
		ret = kipc_sem_bunch_look(bunch);
		if (!ret)
			kipc_sem_bunch_take(bunch);
		kipc_sem_bunch_unlock(bunch);
		kipc_delay(KIPC_DELAY_SEM_ALL_TAKEN);
		if (!ret || ret == -EBUSY)
			kipc_sem_bunch_settle(bunch);
	} while (ret == -EBUSY);
	return ret;
}

/**
 * kipc_sem_ioctl_all - KIPC_IOC_SEM_TAKE_ALL
 * @arg: struct kipc_sem_all
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0 or what struct kipc_sem_all says.
 */
long kipc_sem_ioctl_all(void __user *arg, size_t size)
{
	struct kipc_sem_bunch bunch = { .count = 0 };
	s32 fds[KIPC_SEM_SETS_MAX];
	struct kipc_sem_all all;
	unsigned int i;
	int ret;

	ret = kipc_arg_in(&all, sizeof(all), KIPC_LEAST(struct kipc_sem_all, flags),
			  arg, size);
	if (ret)
		return ret;
	if (all.flags || !all.count)
		return -EINVAL;
	if (all.count > KIPC_SEM_SETS_MAX)
		return -E2BIG;
	if (copy_from_user(fds, u64_to_user_ptr(all.fds), all.count * sizeof(*fds)))
		return -EFAULT;
	for (i = 0; !ret && i < all.count; i++)
		ret = kipc_sem_bunch_add(&bunch, fds[i]);
	if (!ret)
		ret = kipc_sem_bunch_run(&bunch);
	for (i = 0; i < bunch.count; i++)
		fput(bunch.file[i]);
	return ret;
}
