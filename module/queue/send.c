// SPDX-License-Identifier: GPL-2.0
/*
 * Sending a message.
 */
#include <linux/err.h>
#include <linux/sched/signal.h>

#include "debug.h"
#include "queue.h"

/* Who does not wait may fail at once: then no memory is spent on it.  0 or an errno. */
static int kipc_queue_refusal(struct kipc_queue *queue,
			      const struct kipc_outgoing_message *out)
{
	int ret;

	spin_lock(&queue->object.lock);
	ret = kipc_queue_sender_verdict(queue, out->size);
	if (ret == KIPC_WAITING)
		ret = -EAGAIN;
	spin_unlock(&queue->object.lock);
	return ret;
}

/* The item goes to who waits for it, or into the queue.  Returns whether it is free. */
static bool kipc_queue_put(struct kipc_queue *queue, struct kipc_item *item,
			   const struct kipc_outgoing_message *out,
			   struct kipc_wake *wake)
{
	kipc_item_sign(item, out->size, out->type, out->priority);
	kipc_item_append(queue, item);
	return kipc_item_offer(queue, item, wake);
}

/*
 * The common case at once: a small message, room and memory for it, and nobody to be
 * told.  False: that is not so, and nothing has happened.
 */
static bool kipc_queue_send_quick(struct kipc_queue *queue,
				  const struct kipc_outgoing_message *out)
{
	struct kipc_item *item = NULL;

	if (unlikely(out->size > KIPC_COPY_LOCKED))
		return false;
	spin_lock(&queue->object.lock);
	if (unlikely(!kipc_queue_is_calm(queue) || kipc_queue_deserted(queue) ||
		     !kipc_queue_fits(queue, out->size) ||
		     (queue->ways && queue->spares < KIPC_GROUPED) ||
		     kipc_taker_find(queue, out->type, task_tgid(current))))
		goto unlock;
	item = kipc_item_reuse(queue, out->size);
	if (unlikely(!item))
		goto unlock;
	if (unlikely(!kipc_buffer_in(item->data, &out->buffer, out->size))) {
		kipc_item_return(queue, item);
		item = NULL;
		goto unlock;
	}
	kipc_queue_take_room(queue, out->size);
	kipc_item_sign(item, out->size, out->type, out->priority);
	kipc_item_append(queue, item);
	kipc_item_release(queue, item);
unlock:
	spin_unlock(&queue->object.lock);
	return item;
}

/* An item with the message's data, and its parcel; which is freed if that fails. */
static struct kipc_item *kipc_queue_prepare(struct kipc_queue *queue,
					    const struct kipc_outgoing_message *out)
{
	struct kipc_item *item;
	int ret = 0;

	if (out->deadline == KIPC_DEADLINE_NO_WAIT)
		ret = kipc_queue_refusal(queue, out);
	item = ret ? ERR_PTR(ret) :
	       kipc_item_alloc(queue, &out->buffer, out->size, out->parcel,
			       out->nowait);
	if (IS_ERR(item))
		kipc_parcel_free(out->parcel);
	return item;
}

/* What is not so common; the length was checked, and a parcel is taken over. */
static int kipc_queue_send_slow(struct kipc_queue *queue,
				const struct kipc_outgoing_message *out)
{
	struct kipc_item *item, *garbage;
	struct kipc_wake wake;
	LIST_HEAD(groups);
	bool freed = false;
	int ret;

	item = kipc_queue_prepare(queue, out);
	if (IS_ERR(item))
		return PTR_ERR(item);
	garbage = item;
	kipc_delay(KIPC_DELAY_QUEUE_SEND_PREPARED);

	kipc_wake_init(&wake);
	spin_lock(&queue->object.lock);
	ret = kipc_queue_await_room(queue, out->size, out->deadline, &wake);
	if (unlikely(ret))
		goto unlock;
	if (unlikely(queue->ways)) {
		ret = kipc_queue_stock(queue, KIPC_GROUPED, out->nowait, &wake);
		if (!ret)
			ret = kipc_queue_closed_to_senders(queue);
		if (unlikely(ret)) {
			kipc_queue_return_room(queue, out->size);
			goto unlock;
		}
	}
	freed = kipc_queue_put(queue, item, out, &wake);
	garbage = NULL;
unlock:
	kipc_queue_tidy(queue, &groups);
	kipc_queue_unlock(queue, &wake, freed);
	if (unlikely(garbage))
		kipc_item_free(queue, garbage);
	kipc_queue_free_groups(&groups);
	return ret;
}

/**
 * kipc_queue_send - send a message that carries nothing
 * @queue: the queue
 * @out: the message
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_queue_send says, -ERESTARTSYS for EINTR.
 */
int kipc_queue_send(struct kipc_queue *queue,
		    const struct kipc_outgoing_message *out)
{
	if (unlikely(out->size > READ_ONCE(queue->attr.message_size)))
		return -EMSGSIZE;
	return likely(kipc_queue_send_quick(queue, out)) ?
	       0 : kipc_queue_send_slow(queue, out);
}

static ssize_t kipc_queue_write_from(struct file *file, bool nowait,
				     struct kipc_buffer buffer, size_t size)
{
	struct kipc_outgoing_message out = {
		.buffer = buffer,
		.size = size,
		.type = 1,
		.deadline = kipc_handle_patience(file, nowait),
		.nowait = nowait,
	};
	int ret;

	if (!size)
		return 0;
	ret = kipc_queue_send(kipc_queue_of_file(file), &out);
	/* io_uring comes again: with its own work done, or ready to wait. */
	if (unlikely(nowait && (ret == -ENOMEM || ret == -ERESTARTSYS)))
		ret = -EAGAIN;
	return ret ? ret : size;
}

/**
 * kipc_queue_write - write(2): send a message of type 1 and priority 0
 * @file: the handle, with the right to send
 * @buf: its data
 * @size: of the data; nothing is sent if it is 0
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: @size, or what struct kipc_queue_send says, -ERESTARTSYS for EINTR.
 */
ssize_t kipc_queue_write(struct file *file, const char __user *buf, size_t size,
			 loff_t *pos)
{
	struct kipc_buffer buffer = { .base = (void __user *)buf };

	return kipc_queue_write_from(file, false, buffer, size);
}

/**
 * kipc_queue_write_iter - the same for writev(2) and io_uring
 * @iocb: IOCB_NOWAIT counts; the caller's pages may have to be brought in all the same
 * @from: the data
 *
 * Context: process context, may sleep.
 * Return: as kipc_queue_write().
 */
ssize_t kipc_queue_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return kipc_queue_write_from(iocb->ki_filp,
				     iocb->ki_flags & IOCB_NOWAIT,
				     (struct kipc_buffer){ .iter = from },
				     iov_iter_count(from));
}

/* What an ioctl says about a message: 0, or why it cannot be sent. */
static __always_inline int kipc_queue_send_in(struct file *file,
					      const struct kipc_queue_send *send,
					      struct kipc_outgoing_message *out)
{
	if (send->flags || send->reserved)
		return -EINVAL;
	out->buffer.base = u64_to_user_ptr(send->data);
	out->buffer.iter = NULL;
	out->parcel = NULL;
	out->size = send->size;
	out->type = send->type;
	out->priority = send->priority;
	out->deadline = kipc_handle_deadline(file, send->deadline);
	out->nowait = false;
	return access_ok(out->buffer.base, out->size) ? 0 : -EFAULT;
}

/**
 * kipc_queue_ioctl_send - KIPC_IOC_QUEUE_SEND
 * @file: the handle
 * @arg: struct kipc_queue_send
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_queue_send says, -ERESTARTSYS for EINTR.
 */
long kipc_queue_ioctl_send(struct file *file, void __user *arg, size_t size)
{
	struct kipc_outgoing_message out;
	struct kipc_queue_send send;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&send, sizeof(send),
			  KIPC_LEAST(struct kipc_queue_send, reserved), arg,
			  size);
	if (ret)
		return ret;
	ret = kipc_queue_send_in(file, &send, &out);
	return ret ? ret : kipc_queue_send(kipc_queue_of_file(file), &out);
}

/**
 * kipc_queue_ioctl_send_handles - KIPC_IOC_QUEUE_SEND_HANDLES
 * @file: the handle
 * @arg: struct kipc_queue_send_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_queue_send_handles says, -ERESTARTSYS for EINTR.
 */
long kipc_queue_ioctl_send_handles(struct file *file, void __user *arg,
				   size_t size)
{
	struct kipc_queue *queue = kipc_queue_of_file(file);
	struct kipc_queue_send_handles send;
	struct kipc_outgoing_message out;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&send, sizeof(send),
			  KIPC_LEAST(struct kipc_queue_send_handles, handles),
			  arg, size);
	if (!ret)
		ret = kipc_queue_send_in(file, &send.send, &out);
	if (ret)
		return ret;
	if (out.size > READ_ONCE(queue->attr.message_size))
		return -EMSGSIZE;
	/* Nobody can change these. */
	if (!(queue->attr.flags & KIPC_QUEUE_HANDLES))
		return -EOPNOTSUPP;
	out.parcel = kipc_parcel_create(&queue->object, &send.handles);
	return IS_ERR(out.parcel) ? PTR_ERR(out.parcel) :
				    kipc_queue_send_slow(queue, &out);
}
