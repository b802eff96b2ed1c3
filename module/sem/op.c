// SPDX-License-Identifier: GPL-2.0
/*
 * Operations.  See sem.h for the protocol.
 */
#include <linux/uaccess.h>

#include "sem.h"

/* Does the senior come first?  Then @wait is told where. */
static bool kipc_sem_is_held(struct kipc_sem_set *set, struct kipc_sem_wait *wait)
{
	struct kipc_sem *sem;
	unsigned int i;

	if (wait->adds || wait->turn <= set->senior->turn)
		return false;
	for (i = 0; i < wait->count; i++) {
		sem = kipc_sem_at(set, wait->ops[i].num);
		if (wait->ops[i].op >= 0 || !sem->wanted)
			continue;
		wait->place = KIPC_SEM_HELD;
		wait->at = sem;
		return true;
	}
	return false;
}

/* 0, KIPC_WAITING or -ERANGE. */
static int kipc_sem_step(struct kipc_sem_set *set, struct kipc_sem *sem,
			 const struct kipc_sem_op *op, struct kipc_sem_undo *undo)
{
	s64 value = (s64)sem->value + op->op;
	s64 by;

	if (value < 0 || (!op->op && value))
		return KIPC_WAITING;
	if (value > set->max)
		return -ERANGE;
	if (op->op && op->flags & KIPC_SEM_UNDO) {
		by = kipc_sem_undo_of(undo, set, sem) - op->op;
		if (abs(by) > KIPC_SEM_VALUE_MAX)
			return -ERANGE;
		kipc_sem_undo_put(undo, set, sem, by);
	}
	kipc_sem_put(set, sem, value);
	return 0;
}

/* The first @done steps were not. */
static void kipc_sem_roll_back(struct kipc_sem_set *set,
			       const struct kipc_sem_wait *wait, unsigned int done)
{
	const struct kipc_sem_op *op;
	struct kipc_sem *sem;

	while (done--) {
		op = &wait->ops[done];
		sem = kipc_sem_at(set, op->num);
		if (op->op && op->flags & KIPC_SEM_UNDO)
			kipc_sem_undo_put(wait->undo, set, sem,
					  kipc_sem_undo_of(wait->undo, set, sem) +
					  op->op);
		kipc_sem_put(set, sem, sem->value - op->op);
	}
}

/* All steps were done. */
static void kipc_sem_commit(struct kipc_sem_set *set, const struct kipc_sem_wait *wait)
{
	struct pid *process = task_tgid(wait->waiter.task);
	const struct kipc_sem_op *op;
	struct kipc_sem *sem;
	unsigned int i;

	for (i = 0; i < wait->count; i++) {
		op = &wait->ops[i];
		sem = kipc_sem_at(set, op->num);
		kipc_sem_name_last(sem, process);
		if (!op->op)
			continue;
		kipc_sem_touch(set, sem, op->op > 0);
		if (op->op < 0)
			kipc_sem_passed(set, sem, wait->turn);
	}
	kipc_sem_count(set, 1);
}

/**
 * kipc_sem_attempt - do an operation, if it can be done now
 * @set: the set
 * @wait: the operation, nowhere; if it has to wait, it is told where
 *
 * Context: the lock is held.
 * Return: 0, KIPC_WAITING or -ERANGE.
 */
int kipc_sem_attempt(struct kipc_sem_set *set, struct kipc_sem_wait *wait)
{
	struct kipc_sem *sem = NULL;
	unsigned int i;
	int ret = 0;
	u32 now;

	lockdep_assert_held(&set->object.lock);
	if (unlikely(set->senior) && kipc_sem_is_held(set, wait))
		return KIPC_WAITING;
	for (i = 0; i < wait->count; i++) {
		sem = kipc_sem_at(set, wait->ops[i].num);
		ret = kipc_sem_step(set, sem, &wait->ops[i], wait->undo);
		if (ret)
			break;
	}
	if (likely(!ret)) {
		kipc_sem_commit(set, wait);
		return 0;
	}
	now = sem->value;
	kipc_sem_roll_back(set, wait, i);
	/* Only who waits is somewhere. */
	if (ret != KIPC_WAITING)
		return ret;
	wait->at = sem;
	/* What earlier steps have done to it counts. */
	wait->need = (s64)sem->value - now - wait->ops[i].op;
	wait->place = wait->ops[i].op ? KIPC_SEM_IN_TAKERS : KIPC_SEM_IN_ZEROES;
	return ret;
}

/* It has to wait: 0, or why it will not. */
static int kipc_sem_begin(struct kipc_sem_set *set, struct kipc_sem_wait *wait,
			  ktime_t deadline)
{
	if (deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;
	if (kipc_charge(&set->object.account, KIPC_WAITERS, 1))
		return -EDQUOT;
	set->waits++;
	set->waiting++;
	kipc_waiter_start(&wait->waiter);
	wait->turn = set->turns++;
	kipc_sem_join(set, wait);
	return KIPC_WAITING;
}

/* Wait until it was done, or not.  The lock is not held. */
static int kipc_sem_sleep(struct kipc_sem_set *set, struct kipc_sem_wait *wait,
			  ktime_t deadline, struct kipc_wake *wake)
{
	enum kipc_wait what = wait->takes ? KIPC_WAIT_DATA : KIPC_WAIT_ZERO;
	u64 begun = kipc_object_waits(&set->object, what, deadline);
	int ret;

	ret = kipc_waiter_linger(&wait->waiter, deadline, &set->patience,
				 &set->yields);
	kipc_object_waited(&set->object, what, begun);
	/* Who has given the verdict has done all the rest, and no grant is ever revoked. */
	if (likely(!ret))
		return wait->waiter.verdict;
	spin_lock(&set->object.lock);
	if (wait->waiter.verdict == KIPC_WAITING)
		kipc_sem_end(set, wait);
	ret = kipc_waiter_leave(&wait->waiter, ret);
	kipc_sem_unlock(set, wake);
	return ret;
}

/* Do an operation, and wait if need be.  The lock is held, and dropped. */
static int kipc_sem_run(struct kipc_sem_set *set, struct kipc_sem_wait *wait,
			ktime_t deadline)
	__releases(&set->object.lock)
{
	struct kipc_wake wake;
	int ret = -EIDRM;

	wait->left = set->overtakes;
	wait->turn = KIPC_SEM_NO_TURN;
	wait->waiter.task = current;
	kipc_wake_init(&wake);
	kipc_sem_clean(set, &wake);
	if (likely(!set->object.removed))
		ret = kipc_sem_attempt(set, wait);
	if (ret == KIPC_WAITING)
		ret = kipc_sem_begin(set, wait, deadline);
	kipc_sem_unlock(set, &wake);
	if (ret == KIPC_WAITING)
		ret = kipc_sem_sleep(set, wait, deadline, &wake);
	return ret;
}

/* The same with one step.  The lock is held, and dropped. */
static noinline int kipc_sem_run_one(struct kipc_sem_set *set, u32 num, int op,
				     ktime_t deadline)
	__releases(&set->object.lock)
{
	const struct kipc_sem_op step = { .num = num, .op = op };
	struct kipc_sem *sem = kipc_sem_at(set, num);
	struct kipc_sem_wait wait = {
		.ops = &step,
		.count = 1,
		.adds = op > 0,
		.takes = op < 0,
		.at = sem,
		.need = -op,
		.place = KIPC_SEM_IN_TAKERS,
		.left = set->overtakes,
	};
	struct kipc_wake wake;
	int ret;

	/* Nothing has to be tried, nor settled afterwards: it is missing, and changes nothing. */
	if (op > 0 || sem->value || !kipc_sem_is_plain(set))
		return kipc_sem_run(set, &wait, deadline);
	ret = kipc_sem_begin(set, &wait, deadline);
	spin_unlock(&set->object.lock);
	kipc_wake_init(&wake);
	return ret == KIPC_WAITING ? kipc_sem_sleep(set, &wait, deadline, &wake) : ret;
}

/**
 * kipc_sem_ioctl_one - KIPC_IOC_SEM_POST and KIPC_IOC_SEM_TAKE
 * @file: the handle
 * @arg: the number of a semaphore, perhaps with KIPC_SEM_TRY
 * @op: 1 or -1
 *
 * Context: process context, may sleep.
 * Return: 0 or what these say, -ERESTARTSYS for EINTR.
 */
long kipc_sem_ioctl_one(struct file *file, unsigned long arg, int op)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_sem_set *set = kipc_sem_set_of(handle->object);
	unsigned long num = op < 0 ? arg & ~(unsigned long)KIPC_SEM_TRY : arg;
	struct task_struct *task;
	struct kipc_sem *sem;

	if (unlikely(!(handle->rights &
		       (op > 0 ? KIPC_RIGHT_SEND : KIPC_RIGHT_RECEIVE))))
		return -EBADF;
	if (unlikely(num >= set->count))
		return -EFBIG;
	sem = kipc_sem_at(set, num);
	spin_lock(&set->object.lock);
	if (likely(kipc_sem_is_calm(set, sem) &&
		   (op > 0 ? sem->value < set->max : kipc_sem_is_there(sem)))) {
		kipc_sem_put(set, sem, sem->value + op);
		kipc_sem_name_last(sem, task_tgid(current));
		kipc_sem_count(set, 1);
		spin_unlock(&set->object.lock);
		return 0;
	}
	task = op > 0 ? kipc_sem_hand_one(set, sem) : NULL;
	if (!task)
		return kipc_sem_run_one(set, num, op,
					kipc_handle_patience(file, num != arg));
	spin_unlock(&set->object.lock);
	kipc_delay(KIPC_DELAY_BEFORE_WAKE);
	kipc_wake_task(task);
	return 0;
}

/* Is every step one of those that the handle may do?  Finds out what there are. */
static int kipc_sem_check(const struct kipc_handle *handle, struct kipc_sem_wait *wait,
			  bool *undo)
{
	u32 count = kipc_sem_set_of(handle->object)->count, needs = 0;
	const struct kipc_sem_op *op;
	unsigned int i;

	for (i = 0; i < wait->count; i++) {
		op = &wait->ops[i];
		if (op->flags & ~KIPC_SEM_UNDO)
			return -EINVAL;
		if (op->num >= count)
			return -EFBIG;
		needs |= op->op > 0 ? KIPC_RIGHT_SEND : KIPC_RIGHT_RECEIVE;
		if (op->op < 0)
			wait->takes = true;
		if (op->op && op->flags & KIPC_SEM_UNDO)
			*undo = true;
	}
	wait->adds = needs & KIPC_RIGHT_SEND;
	return needs & ~handle->rights ? -EBADF : 0;
}

/**
 * kipc_sem_ioctl_op - KIPC_IOC_SEM_OP
 * @file: the handle
 * @arg: struct kipc_sem_operation
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0 or what struct kipc_sem_operation says, -ERESTARTSYS for EINTR.
 */
long kipc_sem_ioctl_op(struct file *file, void __user *arg, size_t size)
{
	struct kipc_sem_set *set = kipc_sem_set_of_file(file);
	struct kipc_sem_op ops[KIPC_SEM_OPS_MAX];
	struct kipc_sem_wait wait = { .ops = ops };
	struct kipc_sem_operation operation;
	bool undo = false;
	int ret;

	ret = kipc_arg_in(&operation, sizeof(operation),
			  KIPC_LEAST(struct kipc_sem_operation, flags), arg, size);
	if (ret)
		return ret;
	if (operation.flags || !operation.count)
		return -EINVAL;
	if (operation.count > KIPC_SEM_OPS_MAX)
		return -E2BIG;
	if (copy_from_user(ops, u64_to_user_ptr(operation.ops),
			   operation.count * sizeof(*ops)))
		return -EFAULT;
	wait.count = operation.count;
	ret = kipc_sem_check(file->private_data, &wait, &undo);
	if (ret)
		return ret;
	if (undo) {
		wait.undo = kipc_sem_undo_get(set);
		if (IS_ERR(wait.undo))
			return PTR_ERR(wait.undo);
	}
	spin_lock(&set->object.lock);
	return kipc_sem_run(set, &wait,
			    kipc_handle_deadline(file, operation.deadline));
}
