// SPDX-License-Identifier: GPL-2.0
/*
 * Several messages in one call: one after the other.
 */
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "debug.h"
#include "queue.h"

static int kipc_queue_send_item(struct kipc_queue *queue,
				const struct kipc_queue_send_item __user *user,
				ktime_t deadline)
{
	struct kipc_outgoing_message out = { .deadline = deadline };
	struct kipc_queue_send_item item;

	if (copy_from_user(&item, user, sizeof(item)))
		return -EFAULT;
	if (item.flags || item.reserved)
		return -EINVAL;
	out.buffer.base = u64_to_user_ptr(item.data);
	out.size = item.size;
	out.type = item.type;
	out.priority = item.priority;
	if (!access_ok(out.buffer.base, out.size))
		return -EFAULT;
	return kipc_queue_send(queue, &out);
}

/**
 * kipc_queue_ioctl_send_batch - KIPC_IOC_QUEUE_SEND_BATCH
 * @file: the handle
 * @arg: struct kipc_queue_send_batch
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: how many were sent, or what struct kipc_queue_send_batch says,
 * -ERESTARTSYS for EINTR.
 */
long kipc_queue_ioctl_send_batch(struct file *file, void __user *arg,
				 size_t size)
{
	struct kipc_queue *queue = kipc_queue_of_file(file);
	const struct kipc_queue_send_item __user *items;
	struct kipc_queue_send_batch batch;
	unsigned int done = 0;
	ktime_t deadline;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&batch, sizeof(batch),
			  KIPC_LEAST(struct kipc_queue_send_batch, flags), arg,
			  size);
	if (ret)
		return ret;
	if (batch.flags || !batch.count || batch.count > KIPC_BATCH_MAX)
		return -EINVAL;
	items = u64_to_user_ptr(batch.items);
	deadline = kipc_handle_deadline(file, batch.deadline);
	do {
		ret = kipc_queue_send_item(queue, items + done, deadline);
		if (ret)
			break;
		done++;
		kipc_delay(KIPC_DELAY_BATCH_BETWEEN);
		cond_resched();
	} while (done < batch.count && !fatal_signal_pending(current));
	return done ? done : ret;
}

/* What can be received without the rest of the item, which is written then. */
#define KIPC_QUEUE_RECV_ITEM_READ offsetof(struct kipc_queue_recv_item, message)

static ssize_t kipc_queue_receive_item(struct kipc_queue *queue,
				       struct kipc_queue_recv_item __user *user,
				       struct kipc_incoming_message *in)
{
	struct kipc_queue_recv_item item;

	if (copy_from_user(&item, user, KIPC_QUEUE_RECV_ITEM_READ))
		return -EFAULT;
	if (item.flags)
		return -EINVAL;
	in->buffer.base = u64_to_user_ptr(item.data);
	in->size = min(item.size, KIPC_MESSAGE_MAX);
	in->header = &user->message;
	if (!access_ok(in->buffer.base, in->size) ||
	    !access_ok(in->header, sizeof(*in->header)))
		return -EFAULT;
	return kipc_queue_receive(queue, in);
}

/**
 * kipc_queue_ioctl_recv_batch - KIPC_IOC_QUEUE_RECV_BATCH
 * @file: the handle
 * @arg: struct kipc_queue_recv_batch
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: how many were received, or what struct kipc_queue_recv_batch says,
 * -ERESTARTSYS for EINTR.
 */
long kipc_queue_ioctl_recv_batch(struct file *file, void __user *arg,
				 size_t size)
{
	struct kipc_queue *queue = kipc_queue_of_file(file);
	struct kipc_queue_recv_item __user *items;
	struct kipc_incoming_message in = { };
	struct kipc_queue_recv_batch batch;
	unsigned int done = 0;
	ssize_t ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&batch, sizeof(batch),
			  KIPC_LEAST(struct kipc_queue_recv_batch, selector),
			  arg, size);
	if (ret)
		return ret;
	if (batch.flags & ~KIPC_RECV_TRUNCATE || !batch.count ||
	    batch.count > KIPC_BATCH_MAX ||
	    batch.selector.how == KIPC_SELECT_AFTER)
		return -EINVAL;
	ret = kipc_queue_select(file, &batch.selector, &in.select);
	if (ret)
		return ret;
	items = u64_to_user_ptr(batch.items);
	in.flags = batch.flags;
	in.deadline = kipc_handle_deadline(file, batch.deadline);
	do {
		ret = kipc_queue_receive_item(queue, items + done, &in);
		if (ret < 0)
			break;
		done++;
		/* Only the first one is worth waiting for. */
		in.deadline = KIPC_DEADLINE_NO_WAIT;
		kipc_delay(KIPC_DELAY_BATCH_BETWEEN);
		cond_resched();
	} while (done < batch.count && !fatal_signal_pending(current));
	return done ? done : ret;
}
