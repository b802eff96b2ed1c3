// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving a message.
 */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>

#include "debug.h"
#include "queue.h"
#include "trace.h"

#define KIPC_QUEUE_RECV_FLAGS	(KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE)

/* What a message carries, or NULL. */
static const struct kipc_parcel *kipc_item_carries(const struct kipc_item *item)
{
	return unlikely(item->flags) ? *kipc_item_parcel(item) : NULL;
}

/* May the receiver have what the message carries?  0 or an errno. */
static noinline int kipc_item_refusal(const struct kipc_item *item,
				      const struct kipc_incoming_message *in)
{
	u32 count = kipc_parcel_count(kipc_item_carries(item));

	if (!in->intake)
		return -EBADMSG;
	return count > in->intake->wanted.count ? -EMSGSIZE : 0;
}

/* How many bytes of a message the receiver gets, or why none. */
static ssize_t kipc_item_check(const struct kipc_item *item,
			       const struct kipc_incoming_message *in)
{
	int ret;

	if (unlikely(item->flags && !(in->flags & KIPC_RECV_PEEK))) {
		ret = kipc_item_refusal(item, in);
		if (ret)
			return ret;
	}
	if (unlikely(!item->size && in->refuse_empty))
		return -EBADMSG;
	if (likely(item->size <= in->size))
		return item->size;
	return in->flags & KIPC_RECV_TRUNCATE ? in->size : -EMSGSIZE;
}

/* As these stand in struct kipc_queue_recv_handles. */
struct kipc_received_message {
	struct kipc_message message;
	struct kipc_handles handles;
};

static_assert(offsetof(struct kipc_received_message, handles) ==
	      offsetof(struct kipc_queue_recv_handles, handles) -
	      offsetof(struct kipc_queue_recv, message));

#define KIPC_RECEIVED_MESSAGE_WRITTEN \
	offsetofend(struct kipc_received_message, handles.count)

/* Write the header, and how many handles there are, in one go. */
static noinline bool kipc_item_tell_count(const struct kipc_item *item,
					  const struct kipc_incoming_message *in,
					  const struct kipc_message *message)
{
	struct kipc_received_message received = {
		.message = *message,
		.handles = in->intake->wanted,
	};

	received.handles.count = kipc_parcel_count(kipc_item_carries(item));
	return kipc_copy_out(in->header, &received, KIPC_RECEIVED_MESSAGE_WRITTEN);
}

/*
 * Write the header, as the receiver's namespaces see it, behind the data, so that a
 * receive that fails has not written it; not inline, for read(2) does not want it.
 */
static noinline bool kipc_item_tell(const struct kipc_item *item,
				    const struct kipc_incoming_message *in)
{
	struct user_namespace *ns = current_user_ns();
	struct kipc_message message = {
		.seq = item->seq,
		.time_ns = item->time,
		.type = item->type,
		.priority = item->priority,
		.size = item->size,
		.flags = (item->size > in->size ? KIPC_MESSAGE_TRUNCATED : 0) |
			 item->flags,
		.pid = pid_vnr(item->process),
		.tid = pid_vnr(item->thread ?: item->process),
		.uid = from_kuid_munged(ns, item->uid),
		.gid = from_kgid_munged(ns, item->gid),
	};

	if (unlikely(in->intake))
		return kipc_item_tell_count(item, in, &message);
	return kipc_copy_out(in->header, &message, sizeof(message));
}

/* A message was received: it leaves. */
static void kipc_queue_received(struct kipc_queue *queue, struct kipc_item *item)
{
	struct kipc_queue_figures *stat = &queue->stat;
	struct pid *process = task_tgid(current);

	kipc_trace(receive, queue->object.id, KIPC_KIND_QUEUE, item->seq, item->size);
	stat->received++;
	stat->received_bytes += item->size;
	stat->recv_jiffies = get_jiffies_64();
	if (unlikely(stat->receiver != process)) {
		put_pid(stat->receiver);
		stat->receiver = get_pid(process);
	}
	kipc_item_unlink(queue, item);
}

/*
 * Copy a message that is small enough, with the lock held.  Returns -EFAULT if a page
 * is missing.
 */
static ssize_t kipc_item_copy(const struct kipc_item *item,
			      const struct kipc_incoming_message *in,
			      ssize_t bytes)
{
	return likely(kipc_buffer_out(&in->buffer, item->data, bytes) &&
		      (!in->header || kipc_item_tell(item, in))) ?
	       bytes : -EFAULT;
}

/* Give the receiver all that there is of an item that is held, or else nothing. */
static ssize_t kipc_item_deliver(const struct kipc_item *item,
				 const struct kipc_incoming_message *in,
				 ssize_t bytes)
{
	const struct kipc_parcel *parcel = kipc_item_carries(item);
	int ret = 0;

	if (!kipc_buffer_large_out(&in->buffer, item->data, bytes))
		return -EFAULT;
	if (unlikely(parcel)) {
		ret = kipc_intake_prepare(in->intake, parcel, in->header,
					  KIPC_RECEIVED_MESSAGE_WRITTEN);
		if (!ret)
			ret = kipc_intake_install(in->intake, parcel);
	}
	if (!ret && in->header && !kipc_item_tell(item, in))
		ret = -EFAULT;
	return ret ? ret : bytes;
}

/* The same for others, held: the lock is dropped meanwhile. */
static ssize_t kipc_item_copy_large(struct kipc_queue *queue,
				    const struct kipc_item *item,
				    const struct kipc_incoming_message *in,
				    ssize_t bytes, struct kipc_wake *wake)
	__releases(&queue->object.lock)
	__acquires(&queue->object.lock)
{
	kipc_queue_unlock(queue, wake, false);
	kipc_delay(KIPC_DELAY_QUEUE_RECEIVE_COPYING);
	bytes = kipc_item_deliver(item, in, bytes);
	kipc_delay(KIPC_DELAY_QUEUE_RECEIVE_COPIED);
	spin_lock(&queue->object.lock);
	return bytes;
}

/*
 * Look at a large one without the lock.  It stays in its place, for others to take, and what is
 * behind it stays behind it.
 */
static ssize_t kipc_item_look(struct kipc_queue *queue, struct kipc_item *item,
			      const struct kipc_incoming_message *in,
			      ssize_t bytes, struct kipc_wake *wake)
	__releases(&queue->object.lock)
{
	bool freed = item->held && kipc_item_offer(queue, item, wake);
	struct kipc_item *gone;

	item->pins++;
	kipc_queue_unlock(queue, wake, freed);
	kipc_delay(KIPC_DELAY_QUEUE_RECEIVE_COPYING);
	if (!kipc_buffer_large_out(&in->buffer, item->data, bytes) ||
	    (in->header && !kipc_item_tell(item, in)))
		bytes = -EFAULT;
	kipc_delay(KIPC_DELAY_QUEUE_RECEIVE_COPIED);
	spin_lock(&queue->object.lock);
	gone = kipc_item_unpin(queue, item);
	spin_unlock(&queue->object.lock);
	kipc_item_free(queue, gone);
	return bytes;
}

/*
 * Take the item, or look at it; it is free, or held by the caller.  The lock is held,
 * and dropped.  Returns bytes of data, -EFAULT if a page is missing, or why the
 * message was not received; then it is where it was.
 */
static ssize_t kipc_queue_take(struct kipc_queue *queue, struct kipc_item *item,
			       const struct kipc_incoming_message *in,
			       ssize_t bytes, struct kipc_wake *wake)
	__releases(&queue->object.lock)
{
	struct kipc_item *gone = NULL;
	LIST_HEAD(garbage);
	bool freed = false;

	if (unlikely(queue->object.removed)) {
		bytes = -EIDRM;
	} else if (bytes >= 0 && likely(item->size <= KIPC_COPY_LOCKED &&
					!item->flags)) {
		bytes = kipc_item_copy(item, in, bytes);
	} else if (bytes >= 0 && in->flags & KIPC_RECV_PEEK) {
		return kipc_item_look(queue, item, in, bytes, wake);
	} else if (bytes >= 0) {
		if (!item->held)
			kipc_item_hold(queue, item);
		bytes = kipc_item_copy_large(queue, item, in, bytes, wake);
	}

	if (likely(bytes >= 0 && !(in->flags & KIPC_RECV_PEEK))) {
		kipc_queue_received(queue, item);
		gone = kipc_item_drop(queue, item);
		/* It may be the last one that a selector means: that end is news. */
		if (unlikely(queue->object.notify.choosy))
			queue->told &= ~KIPC_NEWS_LOOK;
	} else if (unlikely(queue->object.removed)) {
		/* It is held: nobody else will take it out. */
		kipc_item_unlink(queue, item);
		gone = kipc_item_drop(queue, item);
		bytes = -EIDRM;
	} else if (item->held) {
		freed = kipc_item_offer(queue, item, wake);
	}
	kipc_queue_tidy(queue, &garbage);
	kipc_queue_unlock(queue, wake, freed);
	if (unlikely(bytes < 0 && in->intake))
		kipc_intake_undo(in->intake);
	kipc_item_free(queue, gone);
	if (unlikely(!list_empty(&garbage)))
		kipc_queue_free_groups(&garbage);
	return bytes;
}

/*
 * The common case at once: a small message that nobody has to look for, and nobody to
 * be told.  Returns -EAGAIN if that is not so, and then nothing has happened.
 */
static ssize_t kipc_queue_receive_quick(struct kipc_queue *queue,
					const struct kipc_select *select,
					const struct kipc_incoming_message *in)
{
	struct kipc_item *item, *gone = NULL;
	ssize_t bytes = -EAGAIN;

	spin_lock(&queue->object.lock);
	if (unlikely(!kipc_queue_is_calm(queue) || in->flags ||
		     queue->spares > KIPC_SPARE_GROUPS))
		goto unlock;
	item = kipc_queue_glance(queue, select);
	if (unlikely(!item || !item->size || item->flags ||
		     item->size > min_t(size_t, in->size, KIPC_COPY_LOCKED)))
		goto unlock;
	bytes = kipc_item_copy(item, in, item->size);
	if (likely(bytes > 0)) {
		kipc_queue_received(queue, item);
		gone = kipc_item_drop(queue, item);
	} else {
		bytes = -EAGAIN;
	}
unlock:
	spin_unlock(&queue->object.lock);
	if (unlikely(gone))
		kipc_item_free(queue, gone);
	return bytes;
}

/**
 * kipc_queue_receive - receive a message
 * @queue: the queue
 * @in: which one, and where to
 *
 * Context: process context, may sleep.
 * Return: bytes of data, or what struct kipc_queue_recv_handles says, -ERESTARTSYS for
 * EINTR.
 */
ssize_t kipc_queue_receive(struct kipc_queue *queue,
			   const struct kipc_incoming_message *in)
{
	const struct kipc_buffer header = { .base = in->header };
	size_t header_size = in->intake ? sizeof(struct kipc_received_message) :
					  sizeof(struct kipc_message);
	struct kipc_item *item;
	struct kipc_wake wake;
	ssize_t bytes, ret;

	kipc_wake_init(&wake);
again:
	spin_lock(&queue->object.lock);
	ret = kipc_queue_await_item(queue, &in->select, in->deadline, in->nowait,
				    &item, &wake);
	if (unlikely(ret)) {
		kipc_queue_unlock(queue, &wake, false);
		return ret;
	}
	/* Who is killed leaves what it was granted to the next one. */
	if (unlikely(item->held && fatal_signal_pending(current)))
		bytes = -ERESTARTSYS;
	else
		bytes = kipc_item_check(item, in);
	ret = kipc_queue_take(queue, item, in, bytes, &wake);
	if (likely(ret != -EFAULT))
		return ret;

	/* The message is where it was; others may have it meanwhile. */
	if (!kipc_buffer_fault_in_writeable(&in->buffer, bytes) ||
	    (in->header &&
	     !kipc_buffer_fault_in_writeable(&header, header_size)) ||
	    (in->intake && !kipc_intake_fault_in(in->intake)))
		return -EFAULT;
	kipc_delay(KIPC_DELAY_QUEUE_RECEIVE_FAULT);
	if (!signal_pending(current))
		goto again;
	return -ERESTARTSYS;
}

/* The handle's own selector. */
static struct kipc_select kipc_queue_default(struct file *file)
{
	struct kipc_queue_handle *handle = kipc_queue_handle_of(file->private_data);
	struct kipc_queue *queue = kipc_queue_of_file(file);
	struct kipc_select select;

	spin_lock(&queue->object.lock);
	select = handle->select;
	spin_unlock(&queue->object.lock);
	return select;
}

static ssize_t kipc_queue_read_to(struct file *file, bool nowait,
				  struct kipc_buffer buffer, size_t size)
{
	struct kipc_queue_handle *handle = kipc_queue_handle_of(file->private_data);
	struct kipc_queue *queue = kipc_queue_of_file(file);
	struct kipc_incoming_message in = {
		.buffer = buffer,
		.size = size,
		.deadline = kipc_handle_patience(file, nowait),
		.nowait = nowait,
		.refuse_empty = true,
	};
	ssize_t ret;

	/* 0 means hang-up, so this cannot be 0; nor can a message ever fit. */
	if (unlikely(!size))
		return -EMSGSIZE;
	ret = kipc_queue_receive_quick(queue, &handle->select, &in);
	if (likely(ret > 0))
		return ret;
	in.select = kipc_queue_default(file);
	ret = kipc_queue_receive(queue, &in);
	/* Work for io_uring looks like a signal; it comes again when that is done. */
	if (unlikely(nowait && (ret == -ERESTARTSYS || ret == -ENOMEM)))
		ret = -EAGAIN;
	return ret == -EPIPE ? 0 : ret;
}

/**
 * kipc_queue_read - read(2): receive by the handle's default selector
 * @file: the handle, with the right to receive
 * @buf: where to
 * @size: of @buf
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: bytes of data, 0 for hang-up, -EBADMSG for a message without data, or what
 * struct kipc_queue_recv says, -ERESTARTSYS for EINTR.
 */
ssize_t kipc_queue_read(struct file *file, char __user *buf, size_t size,
			loff_t *pos)
{
	struct kipc_buffer buffer = { .base = buf };

	return kipc_queue_read_to(file, false, buffer, size);
}

/**
 * kipc_queue_read_iter - the same for readv(2) and io_uring
 * @iocb: IOCB_NOWAIT counts; the caller's pages may have to be brought in all the same
 * @to: where to
 *
 * Context: process context, may sleep.
 * Return: as kipc_queue_read().
 */
ssize_t kipc_queue_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return kipc_queue_read_to(iocb->ki_filp, iocb->ki_flags & IOCB_NOWAIT,
				  (struct kipc_buffer){ .iter = to },
				  iov_iter_count(to));
}

/**
 * kipc_queue_select - the selector of one receive
 * @file: the handle
 * @selector: as user space gave it; perhaps, the handle's own
 * @select: to be written
 *
 * Context: process context; no lock is held.
 * Return: as kipc_select_import().
 */
int kipc_queue_select(struct file *file, const struct kipc_selector *selector,
		      struct kipc_select *select)
{
	if (selector->how != KIPC_SELECT_DEFAULT)
		return kipc_select_import(kipc_queue_of_file(file), selector,
					  select);
	if (selector->reserved || selector->low || selector->high)
		return -EINVAL;
	*select = kipc_queue_default(file);
	return 0;
}

/* What an ioctl says about where a message shall go: 0, or why none can be received. */
static __always_inline int kipc_queue_recv_in(struct file *file,
					      const struct kipc_queue_recv *recv,
					      struct kipc_queue_recv __user *user,
					      struct kipc_incoming_message *in)
{
	int ret;

	if (recv->flags & ~KIPC_QUEUE_RECV_FLAGS)
		return -EINVAL;
	ret = kipc_queue_select(file, &recv->selector, &in->select);
	if (ret)
		return ret;
	if (in->select.how == KIPC_SELECT_AFTER && !(recv->flags & KIPC_RECV_PEEK))
		return -EINVAL;
	in->buffer.base = u64_to_user_ptr(recv->data);
	in->buffer.iter = NULL;
	in->size = min(recv->size, KIPC_MESSAGE_MAX);
	in->header = &user->message;
	in->intake = NULL;
	in->flags = recv->flags;
	in->deadline = kipc_handle_deadline(file, recv->deadline);
	in->nowait = false;
	in->refuse_empty = false;
	return access_ok(in->buffer.base, in->size) ? 0 : -EFAULT;
}

/**
 * kipc_queue_ioctl_recv - KIPC_IOC_QUEUE_RECV
 * @file: the handle
 * @arg: struct kipc_queue_recv
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: bytes of data, or what struct kipc_queue_recv says, -ERESTARTSYS for EINTR.
 */
long kipc_queue_ioctl_recv(struct file *file, void __user *arg, size_t size)
{
	struct kipc_queue *queue = kipc_queue_of_file(file);
	struct kipc_queue_recv __user *user = arg;
	struct kipc_incoming_message in;
	struct kipc_queue_recv recv;
	ssize_t bytes;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&recv, sizeof(recv),
			  KIPC_LEAST(struct kipc_queue_recv, message), arg,
			  size);
	if (ret)
		return ret;
	ret = kipc_queue_recv_in(file, &recv, user, &in);
	if (ret)
		return ret;
	bytes = kipc_queue_receive_quick(queue, &in.select, &in);
	return likely(bytes > 0) ? bytes : kipc_queue_receive(queue, &in);
}

/**
 * kipc_queue_ioctl_recv_handles - KIPC_IOC_QUEUE_RECV_HANDLES
 * @file: the handle
 * @arg: struct kipc_queue_recv_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: bytes of data, or what struct kipc_queue_recv_handles says, -ERESTARTSYS for
 * EINTR.
 */
long kipc_queue_ioctl_recv_handles(struct file *file, void __user *arg,
				   size_t size)
{
	struct kipc_queue_recv_handles __user *user = arg;
	struct kipc_queue_recv_handles recv;
	struct kipc_incoming_message in;
	struct kipc_intake intake;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&recv, sizeof(recv),
			  KIPC_LEAST(struct kipc_queue_recv_handles, handles),
			  arg, size);
	if (!ret)
		ret = kipc_intake_init(&intake, &recv.handles);
	if (!ret)
		ret = kipc_queue_recv_in(file, &recv.recv, &user->recv, &in);
	if (ret)
		return ret;
	in.intake = &intake;
	return kipc_queue_receive(kipc_queue_of_file(file), &in);
}
