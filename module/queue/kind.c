// SPDX-License-Identifier: GPL-2.0
/*
 * The typed message queue as a kind of object: life, file operations, ioctls.
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "debug.h"
#include "queue.h"
#include "report.h"

static const struct kipc_queue_attr kipc_queue_attr_default = {
	.max_messages = 16384,
	.max_bytes = 1 << 20,
	.message_size = 64 << 10,
};

static int kipc_queue_check(const struct kipc_queue_attr *attr)
{
	if (attr->flags & ~(KIPC_QUEUE_HANGUP | KIPC_QUEUE_HANDLES) ||
	    !attr->max_messages ||
	    !attr->message_size || attr->message_size > KIPC_MESSAGE_MAX ||
	    attr->message_size > attr->max_bytes)
		return -EINVAL;
	return 0;
}

static int kipc_queue_attr_in(struct kipc_queue_attr *attr,
			      const void __user *user, size_t size)
{
	int ret;

	ret = kipc_arg_in(attr, sizeof(*attr),
			  KIPC_LEAST(struct kipc_queue_attr, flags), user, size);
	return ret ? ret : kipc_queue_check(attr);
}

static int kipc_queue_init(struct kipc_object *object, const void __user *user,
			   size_t size)
{
	struct kipc_queue *queue = kipc_queue_of(object);
	unsigned int i;
	int ret;

	queue->attr = kipc_queue_attr_default;
	if (size) {
		ret = kipc_queue_attr_in(&queue->attr, user, size);
		if (ret)
			return ret;
	}
	object->carries = queue->attr.flags & KIPC_QUEUE_HANDLES;
	queue->pid_ns = get_pid_ns(task_active_pid_ns(current));
	INIT_LIST_HEAD(&queue->items);
	queue->order = RB_ROOT;
	for (i = 0; i < KIPC_GROUPED; i++)
		kipc_index_init(&queue->groups[i], false);
	for (i = 0; i < KIPC_WANTED_SORTS; i++)
		kipc_index_init(&queue->wanted[i], i == KIPC_WANTED_RANGE);
	INIT_LIST_HEAD(&queue->spare);
	INIT_LIST_HEAD(&queue->senders);
	INIT_LIST_HEAD(&queue->receivers);
	INIT_LIST_HEAD(&queue->anything);
	queue->stat.change_time = ktime_get_coarse_real_ns();
	return 0;
}

static int kipc_queue_opened(struct kipc_handle *handle, bool refuse)
{
	struct kipc_queue *queue = kipc_queue_of(handle->object);
	struct kipc_wake wake;

	kipc_queue_handle_of(handle)->select.how = KIPC_SELECT_FIRST;
	kipc_wake_init(&wake);
	spin_lock(&queue->object.lock);
	kipc_ends_open(&queue->ends, handle->rights);
	kipc_queue_unlock(queue, &wake, false);
	return 0;
}

static void kipc_queue_closed(struct kipc_handle *handle)
{
	struct kipc_queue *queue = kipc_queue_of(handle->object);
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&queue->object.lock);
	kipc_ends_close(&queue->ends, handle->rights);
	kipc_queue_unlock(queue, &wake, false);
}

/*
 * A removed queue drops the items that are free, and what it keeps for others; those
 * that are held their receivers take out.
 */
static void kipc_queue_clear(struct kipc_queue *queue)
{
	struct kipc_item *item, *garbage;
	struct kipc_wake wake;
	unsigned int count;
	LIST_HEAD(groups);
	bool more;

	kipc_wake_init(&wake);
	do {
		spin_lock(&queue->object.lock);
		garbage = kipc_queue_drain_pool(queue);
		for (count = 0; queue->first && count < KIPC_QUEUE_BATCH; count++) {
			item = queue->first;
			kipc_item_unlink(queue, item);
			item = kipc_item_drop(queue, item);
			if (unlikely(!item))
				continue;
			item->garbage = garbage;
			garbage = item;
		}
		more = queue->first;
		kipc_queue_tidy(queue, &groups);
		kipc_queue_unlock(queue, &wake, false);
		kipc_item_free(queue, garbage);
		kipc_queue_free_groups(&groups);
		INIT_LIST_HEAD(&groups);
		cond_resched();
		kipc_delay(KIPC_DELAY_QUEUE_CLEAR_BATCH);
	} while (more);
}

static void kipc_queue_remove(struct kipc_object *object)
{
	kipc_queue_clear(kipc_queue_of(object));
}

static void kipc_queue_release(struct kipc_object *object)
{
	struct kipc_queue *queue = kipc_queue_of(object);

	/* As if it were removed: nobody is there who could tell. */
	object->removed = true;
	kipc_queue_clear(queue);
	put_pid(queue->stat.sender);
	put_pid(queue->stat.receiver);
	put_pid_ns(queue->pid_ns);
}

static __poll_t kipc_queue_poll(struct kipc_handle *handle)
{
	struct kipc_queue *queue = kipc_queue_of(handle->object);
	struct kipc_select select;
	struct kipc_item *item;
	struct kipc_wake wake;
	bool removed, there, over;
	__poll_t state;

	kipc_wake_init(&wake);
	spin_lock(&queue->object.lock);
	select = kipc_queue_handle_of(handle)->select;
	/* Without memory to find it out, a receive would not wait either. */
	there = kipc_queue_find(queue, &select, false, &item, &wake) || item;
	removed = queue->object.removed;
	state = kipc_queue_state(queue);
	over = state & KIPC_NEWS_LOOK;
	/* The end is news until those who sleep have been told. */
	if (!removed)
		queue->told = state;
	spin_unlock(&queue->object.lock);

	if (removed)
		return EPOLLHUP | EPOLLERR;
	/* By the handle's selector, and not by what there is for others. */
	state &= ~(EPOLLIN | EPOLLHUP);
	if (there)
		state |= EPOLLIN;
	else if (over)
		state |= EPOLLHUP;
	return kipc_handle_mask(handle, state);
}

static void kipc_queue_stat(struct kipc_object *object, void *to)
{
	struct kipc_queue *queue = kipc_queue_of(object);
	struct kipc_queue_stat *stat = to;
	const struct kipc_queue_figures *figures = &queue->stat;

	spin_lock(&queue->object.lock);
	*stat = (struct kipc_queue_stat){
		.attr = queue->attr,
		.messages = queue->messages,
		.bytes = queue->bytes,
		.peak_messages = figures->peak_messages,
		.peak_bytes = figures->peak_bytes,
		.sent = figures->sent,
		.sent_bytes = figures->sent_bytes,
		.received = figures->received,
		.received_bytes = figures->received_bytes,
		.send_waits = figures->send_waits,
		.recv_waits = figures->recv_waits,
		.send_time_ns = figures->send_time,
		.change_time_ns = figures->change_time,
		.waiting_senders = figures->waiting_senders,
		.waiting_receivers = queue->waiting,
		.send_pid = pid_vnr(figures->sender),
		.recv_pid = pid_vnr(figures->receiver),
	};
	if (figures->received)
		stat->recv_time_ns = ktime_get_coarse_real_ns() -
			jiffies64_to_nsecs(get_jiffies_64() - figures->recv_jiffies);
	spin_unlock(&queue->object.lock);
}

static void kipc_queue_report_waiters(struct kipc_object *object,
				      struct kipc_report *report)
{
	struct kipc_queue *queue = kipc_queue_of(object);

	spin_lock(&object->lock);
	kipc_report_line(report, KIPC_WAIT_DATA, &queue->receivers);
	kipc_report_line(report, KIPC_WAIT_ROOM, &queue->senders);
	spin_unlock(&object->lock);
}

static void kipc_queue_show(struct seq_file *seq, struct kipc_object *object)
{
	struct kipc_queue_stat stat;

	kipc_queue_stat(object, &stat);
	seq_printf(seq, "messages:\t%llu\nbytes:\t%llu\n", stat.messages,
		   stat.bytes);
	seq_printf(seq, "sent:\t%llu\nreceived:\t%llu\n", stat.sent,
		   stat.received);
	seq_printf(seq, "waiting:\t%u senders, %u receivers\n",
		   stat.waiting_senders, stat.waiting_receivers);
}

/* ioctls */

static long kipc_queue_ioctl_set(struct file *file, void __user *arg,
				 size_t size)
{
	struct kipc_queue *queue = kipc_queue_of_file(file);
	struct kipc_handle *handle = file->private_data;
	struct kipc_queue_attr attr;
	struct kipc_wake wake;
	int ret;

	if (!(handle->rights & KIPC_RIGHT_MANAGE))
		return -EPERM;
	ret = kipc_queue_attr_in(&attr, arg, size);
	if (ret)
		return ret;
	kipc_wake_init(&wake);
	spin_lock(&queue->object.lock);
	if (queue->object.removed) {
		ret = -EIDRM;
	} else if (attr.flags != queue->attr.flags) {
		ret = -EINVAL;
	} else {
		queue->attr = attr;
		queue->stat.change_time = ktime_get_coarse_real_ns();
	}
	kipc_queue_unlock(queue, &wake, false);
	return ret;
}

static long kipc_queue_ioctl_select(struct file *file, void __user *arg,
				    size_t size)
{
	struct kipc_queue_handle *handle = kipc_queue_handle_of(file->private_data);
	struct kipc_queue *queue = kipc_queue_of_file(file);
	struct kipc_selector selector;
	struct kipc_select select;
	__poll_t news = 0;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&selector, sizeof(selector),
			  KIPC_LEAST(struct kipc_selector, high), arg, size);
	if (ret)
		return ret;
	if (selector.how == KIPC_SELECT_AFTER)
		return -EINVAL;
	ret = kipc_select_import(queue, &selector, &select);
	if (ret)
		return ret;
	spin_lock(&queue->object.lock);
	if (queue->object.removed) {
		ret = -EIDRM;
	} else {
		handle->select = select;
		queue->object.notify.choosy = true;
		news = kipc_queue_state(queue) & (EPOLLIN | KIPC_NEWS_LOOK);
	}
	spin_unlock(&queue->object.lock);
	/* Who polls the handle looks again: what it wants may be there now, or not. */
	if (news)
		kipc_notify_pollers(&queue->object.notify, news);
	return ret;
}

static long kipc_queue_ioctl(struct file *file, unsigned int cmd,
			     void __user *arg, size_t size)
{
	switch (cmd) {
	case KIPC_CMD(KIPC_IOC_QUEUE_SEND):
		return kipc_queue_ioctl_send(file, arg, size);
	case KIPC_CMD(KIPC_IOC_QUEUE_RECV):
		return kipc_queue_ioctl_recv(file, arg, size);
	case KIPC_CMD(KIPC_IOC_QUEUE_SET):
		return kipc_queue_ioctl_set(file, arg, size);
	case KIPC_CMD(KIPC_IOC_QUEUE_SELECT):
		return kipc_queue_ioctl_select(file, arg, size);
	case KIPC_CMD(KIPC_IOC_QUEUE_SEND_HANDLES):
		return kipc_queue_ioctl_send_handles(file, arg, size);
	case KIPC_CMD(KIPC_IOC_QUEUE_RECV_HANDLES):
		return kipc_queue_ioctl_recv_handles(file, arg, size);
	case KIPC_CMD(KIPC_IOC_QUEUE_SEND_BATCH):
		return kipc_queue_ioctl_send_batch(file, arg, size);
	case KIPC_CMD(KIPC_IOC_QUEUE_RECV_BATCH):
		return kipc_queue_ioctl_recv_batch(file, arg, size);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations kipc_queue_fops = {
	.owner		= THIS_MODULE,
	.read		= kipc_queue_read,
	.write		= kipc_queue_write,
	.read_iter	= kipc_queue_read_iter,
	.write_iter	= kipc_queue_write_iter,
	.flush		= kipc_handle_flush,
	.poll		= kipc_handle_poll,
	.fasync		= kipc_handle_fasync,
	.unlocked_ioctl	= kipc_handle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= kipc_handle_show_fdinfo,
	.release	= kipc_object_release,
};

const struct kipc_kind kipc_queue_kind = {
	.id		= KIPC_KIND_QUEUE,
	.name		= "queue",
	.rights		= KIPC_QUEUE_RIGHTS,
	.type		= S_IFIFO,
	.size		= sizeof(struct kipc_queue),
	.handle_size	= sizeof(struct kipc_queue_handle),
	.events		= KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
			  KIPC_EVENT_WRITABLE | KIPC_EVENT_PEER_GONE |
			  KIPC_EVENT_LIMIT,
	.fops		= &kipc_queue_fops,
	.init		= kipc_queue_init,
	.opened		= kipc_queue_opened,
	.closed		= kipc_queue_closed,
	.remove		= kipc_queue_remove,
	.release	= kipc_queue_release,
	.ioctl		= kipc_queue_ioctl,
	.poll		= kipc_queue_poll,
	.show		= kipc_queue_show,
	.stat_cmd	= KIPC_CMD(KIPC_IOC_QUEUE_STAT),
	.stat_size	= sizeof(struct kipc_queue_stat),
	.stat_least	= KIPC_LEAST(struct kipc_queue_stat, recv_pid),
	.stat		= kipc_queue_stat,
	.waiters	= kipc_queue_report_waiters,
};
