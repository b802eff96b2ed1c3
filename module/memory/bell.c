// SPDX-License-Identifier: GPL-2.0
/*
 * The doorbell.  See memory.h for who is granted what.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "memory.h"

/**
 * struct kipc_bell_waiter - who waits for a doorbell, or to ring it
 * @waiter: its place in line
 * @count: what it has to add; or what it was granted
 */
struct kipc_bell_waiter {
	struct kipc_waiter waiter;
	u64 count;
};

/**
 * kipc_bell_init - nobody has rung
 * @bell: to be filled, zeroed
 */
void kipc_bell_init(struct kipc_bell *bell)
{
	INIT_LIST_HEAD(&bell->waiters);
	INIT_LIST_HEAD(&bell->ringers);
}

/**
 * kipc_bell_state - the poll mask of the doorbell itself, for any right
 * @memory: whose it is
 *
 * Context: the object's lock is held.
 * Return: EPOLLIN: it has rung; EPOLLOUT: 1 can be added, and nobody is in line for that.
 */
__poll_t kipc_bell_state(const struct kipc_memory *memory)
{
	const struct kipc_bell *bell = &memory->bell;
	__poll_t state = 0;

	lockdep_assert_held(&memory->object.lock);
	if (memory->object.removed)
		return KIPC_NEWS_END;
	if (bell->count)
		state |= EPOLLIN;
	if (bell->count < KIPC_BELL_MAX && list_empty(&bell->ringers))
		state |= EPOLLOUT;
	return state;
}

static bool kipc_bell_fits(const struct kipc_bell *bell, u64 n)
{
	return n <= KIPC_BELL_MAX - bell->count;
}

static void kipc_bell_add(struct kipc_bell *bell, u64 n)
{
	bell->count += n;
	bell->rings += !!n;
}

static struct kipc_bell_waiter *kipc_bell_first(struct list_head *line)
{
	return list_first_entry_or_null(line, struct kipc_bell_waiter,
					waiter.node);
}

/* Give verdicts to those who can go on, until @wake is full. */
static void kipc_bell_settle(struct kipc_memory *memory, struct kipc_wake *wake)
{
	bool removed = memory->object.removed;
	struct kipc_bell *bell = &memory->bell;
	struct kipc_bell_waiter *first;

	lockdep_assert_held(&memory->object.lock);
	while (!kipc_wake_full(wake)) {
		first = kipc_bell_first(&bell->ringers);
		if (likely(!first) ||
		    (!removed && !kipc_bell_fits(bell, first->count)))
			break;
		if (!removed)
			kipc_bell_add(bell, first->count);
		bell->waiting_ringers--;
		kipc_waiter_wake(&first->waiter, removed ? -EIDRM : KIPC_GRANTED,
				 wake);
	}
	while ((bell->count || unlikely(removed)) && !kipc_wake_full(wake)) {
		first = kipc_bell_first(&bell->waiters);
		if (!first)
			break;
		first->count = bell->count;
		bell->count = 0;
		bell->waiting--;
		kipc_waiter_wake(&first->waiter, removed ? -EIDRM : KIPC_GRANTED,
				 wake);
	}
}

/*
 * Drop the lock, and let go on who can.  @arrived: it was rung.  A round that gives the
 * count away may let somebody ring, and the next one gives that away.
 */
static void kipc_bell_unlock(struct kipc_memory *memory, struct kipc_wake *wake,
			     bool arrived)
	__releases(&memory->object.lock)
{
	struct kipc_object *object = &memory->object;
	__poll_t news = 0;
	bool more;

	for (;;) {
		kipc_bell_settle(memory, wake);
		more = !kipc_wake_empty(wake) &&
		       (kipc_wake_full(wake) ||
			!list_empty(&memory->bell.ringers));
		/* In each round: who polls between two takes the news away. */
		if (unlikely(kipc_notify_wanted(&object->notify)))
			news |= kipc_notify_news(kipc_bell_state(memory),
						 &memory->bell.told, arrived);
		spin_unlock(&object->lock);
		if (!kipc_wake_empty(wake))
			kipc_wake_flush(wake);
		if (likely(!more))
			break;
		cond_resched();
		kipc_delay(KIPC_DELAY_BETWEEN_BATCHES);
		spin_lock(&object->lock);
	}
	if (unlikely(news))
		kipc_object_notify(object, news);
}

/*
 * Wait in a line, with one more in @waiting.  The lock is held, and dropped.  Returns
 * KIPC_GRANTED, -EAGAIN, -EDQUOT, -EIDRM, -ETIMEDOUT, -ERESTARTSYS.
 */
static int kipc_bell_await(struct kipc_memory *memory, struct list_head *line,
			   u32 *waiting, struct kipc_bell_waiter *own,
			   ktime_t deadline)
	__releases(&memory->object.lock)
{
	enum kipc_wait what = line == &memory->bell.waiters ? KIPC_WAIT_DATA :
							      KIPC_WAIT_ROOM;
	struct kipc_account *account = &memory->object.account;
	struct kipc_wake wake;
	int ret = -EAGAIN;
	u64 begun;

	if (deadline != KIPC_DEADLINE_NO_WAIT)
		ret = kipc_charge(account, KIPC_WAITERS, 1);
	if (unlikely(ret)) {
		spin_unlock(&memory->object.lock);
		return ret;
	}
	(*waiting)++;
	kipc_waiter_join(&own->waiter, line);
	spin_unlock(&memory->object.lock);
	begun = kipc_object_waits(&memory->object, what, deadline);
	ret = kipc_waiter_sleep(&own->waiter, deadline);
	kipc_object_waited(&memory->object, what, begun);
	if (likely(!ret)) {
		/* No verdict of a doorbell is ever revoked. */
		ret = own->waiter.verdict;
	} else {
		kipc_wake_init(&wake);
		spin_lock(&memory->object.lock);
		if (own->waiter.verdict == KIPC_WAITING)
			(*waiting)--;
		ret = kipc_waiter_leave(&own->waiter, ret);
		/* It may have stood before others, who have less to add. */
		kipc_bell_unlock(memory, &wake, false);
	}
	kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret;
}

/* What was granted cannot be used.  With more than it can be, the counter stays there. */
static void kipc_bell_give_back(struct kipc_memory *memory, u64 count)
{
	struct kipc_bell *bell = &memory->bell;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&memory->object.lock);
	bell->count = kipc_bell_fits(bell, count) ? bell->count + count :
						    KIPC_BELL_MAX;
	kipc_bell_unlock(memory, &wake, true);
}

static __always_inline int kipc_bell_ring(struct kipc_memory *memory, u64 n,
					  ktime_t deadline)
{
	struct kipc_bell_waiter own = { .count = n };
	struct kipc_bell *bell = &memory->bell;
	struct kipc_bell_waiter *first;
	struct task_struct *task;
	struct kipc_wake wake;

	if (unlikely(n > KIPC_BELL_MAX))
		return -EINVAL;
	spin_lock(&memory->object.lock);
	if (unlikely(memory->object.removed)) {
		spin_unlock(&memory->object.lock);
		return -EIDRM;
	}
	if (unlikely(!list_empty(&bell->ringers) || !kipc_bell_fits(bell, n)))
		return kipc_bell_await(memory, &bell->ringers,
				       &bell->waiting_ringers, &own, deadline);
	/* The common case at once: who waits is given it, and nobody else is to be told. */
	first = kipc_bell_first(&bell->waiters);
	if (first && likely(n && !kipc_notify_wanted(&memory->object.notify))) {
		first->count = n;
		bell->rings++;
		bell->waiting--;
		task = kipc_waiter_settle(&first->waiter, KIPC_GRANTED);
		spin_unlock(&memory->object.lock);
		kipc_delay(KIPC_DELAY_BEFORE_WAKE);
		kipc_wake_task(task);
		return 0;
	}
	kipc_wake_init(&wake);
	kipc_bell_add(bell, n);
	kipc_bell_unlock(memory, &wake, n);
	return 0;
}

/* Take what was rung, if anything was.  0, -EAGAIN, -EFAULT, -EIDRM: nothing was taken. */
static int kipc_bell_take(struct kipc_memory *memory, const struct kipc_buffer *to)
	__releases(&memory->object.lock)
{
	struct kipc_bell *bell = &memory->bell;
	struct kipc_wake wake;
	int ret = 0;

	if (unlikely(!kipc_buffer_out(to, &bell->count, sizeof(bell->count))))
		ret = -EFAULT;
	else
		bell->count = 0;
	kipc_wake_init(&wake);
	kipc_bell_unlock(memory, &wake, false);
	return ret;
}

/* Wait until it is rung; what was cannot be lost: see memory.h. */
static __always_inline int kipc_bell_wait_rung(struct kipc_memory *memory,
					       const struct kipc_buffer *to,
					       ktime_t deadline)
	__releases(&memory->object.lock)
{
	struct kipc_bell *bell = &memory->bell;
	struct kipc_bell_waiter own;
	int ret;

	if (deadline != KIPC_DEADLINE_NO_WAIT)
		bell->waits++;
	ret = kipc_bell_await(memory, &bell->waiters, &bell->waiting, &own,
			      deadline);
	if (unlikely(ret))
		return ret;
	/* Who is killed leaves it to the next one. */
	if (unlikely(fatal_signal_pending(current)))
		ret = -ERESTARTSYS;
	else if (unlikely(!kipc_buffer_out(to, &own.count, sizeof(own.count))))
		ret = -EFAULT;
	if (unlikely(ret))
		kipc_bell_give_back(memory, own.count);
	return ret;
}

static __always_inline int kipc_bell_wait(struct kipc_memory *memory,
					  const struct kipc_buffer *to,
					  ktime_t deadline)
{
	int ret;

	for (;;) {
		spin_lock(&memory->object.lock);
		if (unlikely(memory->object.removed)) {
			spin_unlock(&memory->object.lock);
			return -EIDRM;
		}
		if (memory->bell.count)
			ret = kipc_bell_take(memory, to);
		else
			ret = kipc_bell_wait_rung(memory, to, deadline);
		if (likely(ret != -EFAULT))
			return ret;
		if (!kipc_buffer_fault_in_writeable(to, sizeof(u64)))
			return -EFAULT;
		kipc_delay(KIPC_DELAY_BELL_FAULT);
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
}

static __always_inline ssize_t kipc_bell_read_to(struct file *file, bool nowait,
						 struct kipc_buffer buffer,
						 size_t size)
{
	int ret;

	if (size < sizeof(u64))
		return -EINVAL;
	ret = kipc_bell_wait(kipc_memory_of_file(file), &buffer,
			     kipc_handle_patience(file, nowait));
	if (likely(!ret)) {
		if (buffer.iter)
			iov_iter_advance(buffer.iter, sizeof(u64));
		return sizeof(u64);
	}
	/* io_uring comes again, ready to wait. */
	return nowait && ret == -ERESTARTSYS ? -EAGAIN : ret;
}

/**
 * kipc_bell_read - read(2): wait for the doorbell
 * @file: the handle, with the right to receive
 * @buf: where to
 * @size: of @buf
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: 8, or what "The doorbell" in kipc_memory.h says, -ERESTARTSYS for EINTR.
 */
ssize_t kipc_bell_read(struct file *file, char __user *buf, size_t size,
		       loff_t *pos)
{
	return kipc_bell_read_to(file, false,
				 (struct kipc_buffer){ .base = buf }, size);
}

/**
 * kipc_bell_read_iter - the same for readv(2) and io_uring
 * @iocb: IOCB_NOWAIT counts; the caller's pages may have to be brought in all the same
 * @to: where to
 *
 * Context: process context, may sleep.
 * Return: as kipc_bell_read().
 */
ssize_t kipc_bell_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return kipc_bell_read_to(iocb->ki_filp, iocb->ki_flags & IOCB_NOWAIT,
				 (struct kipc_buffer){ .iter = to },
				 iov_iter_count(to));
}

static __always_inline ssize_t kipc_bell_write_from(struct file *file, bool nowait,
						    struct kipc_buffer buffer,
						    size_t size)
{
	int ret;
	u64 n;

	if (size != sizeof(n))
		return -EINVAL;
	/* Nothing is held: it may fault. */
	if (unlikely(!kipc_buffer_in(&n, &buffer, sizeof(n))) &&
	    !kipc_buffer_read(&n, &buffer, sizeof(n)))
		return -EFAULT;
	ret = kipc_bell_ring(kipc_memory_of_file(file), n,
			     kipc_handle_patience(file, nowait));
	if (unlikely(ret))
		return nowait && ret == -ERESTARTSYS ? -EAGAIN : ret;
	if (buffer.iter)
		iov_iter_advance(buffer.iter, sizeof(n));
	return sizeof(n);
}

/**
 * kipc_bell_write - write(2): ring the doorbell
 * @file: the handle, with the right to send
 * @buf: what to add
 * @size: of it
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: 8, or what "The doorbell" in kipc_memory.h says, -ERESTARTSYS for EINTR.
 */
ssize_t kipc_bell_write(struct file *file, const char __user *buf, size_t size,
			loff_t *pos)
{
	return kipc_bell_write_from(file, false,
				    (struct kipc_buffer){ .base = (void __user *)buf },
				    size);
}

/**
 * kipc_bell_write_iter - the same for writev(2) and io_uring
 * @iocb: IOCB_NOWAIT counts
 * @from: what to add
 *
 * Context: process context, may sleep.
 * Return: as kipc_bell_write().
 */
ssize_t kipc_bell_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return kipc_bell_write_from(iocb->ki_filp, iocb->ki_flags & IOCB_NOWAIT,
				    (struct kipc_buffer){ .iter = from },
				    iov_iter_count(from));
}

/* Take struct kipc_memory_bell in; 0, -EINVAL, -E2BIG, -EFAULT. */
static int kipc_bell_arg_in(struct kipc_memory_bell *bell, void __user *arg,
			    size_t size)
{
	int ret = kipc_arg_in(bell, sizeof(*bell),
			      KIPC_LEAST(struct kipc_memory_bell, reserved), arg,
			      size);

	if (!ret && (bell->flags || bell->reserved))
		ret = -EINVAL;
	return ret;
}

/**
 * kipc_bell_ioctl_ring - KIPC_IOC_MEMORY_RING
 * @file: the handle
 * @arg: struct kipc_memory_bell
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what the structure says.
 */
long kipc_bell_ioctl_ring(struct file *file, void __user *arg, size_t size)
{
	struct kipc_memory_bell bell;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_bell_arg_in(&bell, arg, size);
	if (ret)
		return ret;
	return kipc_bell_ring(kipc_memory_of_file(file), bell.count,
			      kipc_handle_deadline(file, bell.deadline));
}

/**
 * kipc_bell_ioctl_wait - KIPC_IOC_MEMORY_WAIT
 * @file: the handle
 * @arg: struct kipc_memory_bell, whose @count is written
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what the structure says.
 */
long kipc_bell_ioctl_wait(struct file *file, void __user *arg, size_t size)
{
	struct kipc_memory_bell __user *user = arg;
	const struct kipc_buffer to = { .base = &user->count };
	struct kipc_memory_bell bell;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_bell_arg_in(&bell, arg, size);
	if (ret)
		return ret;
	return kipc_bell_wait(kipc_memory_of_file(file), &to,
			      kipc_handle_deadline(file, bell.deadline));
}

/**
 * kipc_bell_end - the object was removed: everybody is told
 * @memory: whose it is
 *
 * Context: process context, may sleep; the object's lock is not held.
 */
void kipc_bell_end(struct kipc_memory *memory)
{
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&memory->object.lock);
	kipc_bell_unlock(memory, &wake, false);
}
