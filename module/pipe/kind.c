// SPDX-License-Identifier: GPL-2.0
/*
 * The pipe as a kind of object: life, file operations, ioctls.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include <asm/ioctls.h>

#include "pipe.h"
#include "report.h"

#define KIPC_PIPE_CAPACITY	65536
#define KIPC_PIPE_ATOMIC	4096

/* Segments that are dropped in one go, with the lock held. */
#define KIPC_PIPE_BATCH		64

static int kipc_pipe_attr_in(struct kipc_pipe_attr *attr, const void __user *user,
			     size_t size)
{
	int ret = kipc_arg_in(attr, sizeof(*attr),
			      KIPC_LEAST(struct kipc_pipe_attr, reserved), user,
			      size);

	if (!ret && (attr->flags || attr->reserved))
		ret = -EINVAL;
	return ret;
}

static int kipc_pipe_init(struct kipc_object *object, const void __user *user,
			  size_t size)
{
	struct kipc_pipe *pipe = kipc_pipe_of(object);
	struct kipc_pipe_attr attr = { .capacity = 0 };
	int ret;

	if (size) {
		ret = kipc_pipe_attr_in(&attr, user, size);
		if (ret)
			return ret;
	}
	pipe->capacity = attr.capacity ?: KIPC_PIPE_CAPACITY;
	pipe->atomic = attr.atomic_size ?: min_t(u32, pipe->capacity,
						 KIPC_PIPE_ATOMIC);
	if (pipe->capacity > KIPC_PIPE_MAX || pipe->atomic > pipe->capacity)
		return -EINVAL;
	kipc_ring_init(&pipe->ring, &object->account);
	INIT_LIST_HEAD(&pipe->readers);
	INIT_LIST_HEAD(&pipe->writers);
	INIT_LIST_HEAD(&pipe->opening_readers);
	INIT_LIST_HEAD(&pipe->opening_writers);
	return 0;
}

static int kipc_pipe_opened(struct kipc_handle *handle, bool refuse)
{
	struct kipc_pipe *pipe = kipc_pipe_of(handle->object);
	bool writes = handle->rights & KIPC_RIGHT_SEND;
	bool reads = handle->rights & KIPC_RIGHT_RECEIVE;
	struct kipc_pipe_handle *own;
	struct kipc_wake wake;

	own = container_of(handle, struct kipc_pipe_handle, handle);
	kipc_wake_init(&wake);
	spin_lock(&pipe->object.lock);
	if (refuse && writes && !reads && !pipe->ends.receivers) {
		spin_unlock(&pipe->object.lock);
		return -ENXIO;
	}
	/* Who has not waited for a writer is not told that there is none. */
	own->quiet = refuse && !pipe->ends.senders;
	/* It may be gone again before kipc_pipe_meet(): then they have met all the same. */
	own->alone = reads ? !pipe->ends.senders : !pipe->ends.receivers;
	own->came = reads ? pipe->writers_came : pipe->readers_came;
	if (writes)
		pipe->writers_came++;
	if (reads)
		pipe->readers_came++;
	kipc_ends_open(&pipe->ends, handle->rights);
	kipc_pipe_unlock(pipe, &wake, false);
	return 0;
}

static void kipc_pipe_closed(struct kipc_handle *handle)
{
	struct kipc_pipe *pipe = kipc_pipe_of(handle->object);
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&pipe->object.lock);
	kipc_ends_close(&pipe->ends, handle->rights);
	kipc_pipe_unlock(pipe, &wake, false);
}

/**
 * kipc_pipe_clear - drop what is inside
 * @pipe: removed; while a reader is copying, nothing is dropped: that one comes back
 *
 * Context: process context, may sleep; the lock is not held.
 */
void kipc_pipe_clear(struct kipc_pipe *pipe)
{
	struct kipc_segment *garbage, *front;
	struct kipc_wake wake;
	unsigned int count;
	size_t bytes;
	bool more;

	kipc_wake_init(&wake);
	do {
		garbage = NULL;
		spin_lock(&pipe->object.lock);
		for (count = 0; pipe->ready && !pipe->copying &&
		     count < KIPC_PIPE_BATCH; count++) {
			front = kipc_ring_first(&pipe->ring);
			bytes = front->tail - front->head;
			pipe->ready -= bytes;
			pipe->bytes -= bytes;
			garbage = kipc_segment_chain(kipc_ring_pop(&pipe->ring,
								   front, bytes),
						     garbage);
		}
		more = pipe->ready && !pipe->copying;
		if (!pipe->ready)
			garbage = kipc_segment_chain(kipc_ring_shed(&pipe->ring),
						     garbage);
		kipc_pipe_unlock(pipe, &wake, false);
		kipc_segment_free(&pipe->object.account, garbage);
		cond_resched();
		kipc_delay(KIPC_DELAY_PIPE_CLEAR_BATCH);
	} while (more);
}

static void kipc_pipe_remove(struct kipc_object *object)
{
	kipc_pipe_clear(kipc_pipe_of(object));
}

static void kipc_pipe_release(struct kipc_object *object)
{
	kipc_ring_destroy(&kipc_pipe_of(object)->ring);
}

static __poll_t kipc_pipe_poll(struct kipc_handle *handle)
{
	struct kipc_pipe *pipe = kipc_pipe_of(handle->object);
	struct kipc_pipe_handle *own;
	__poll_t state, mask = 0;
	bool removed, over;

	own = container_of(handle, struct kipc_pipe_handle, handle);
	spin_lock(&pipe->object.lock);
	removed = pipe->object.removed;
	state = kipc_pipe_state(pipe);
	over = state & EPOLLHUP &&
	       !(own->quiet && pipe->writers_came == own->came);
	/* Removal stays news: the unlock of kipc_pipe_remove() has yet to tell it. */
	if (!removed)
		pipe->told = state;
	spin_unlock(&pipe->object.lock);

	if (removed)
		return EPOLLHUP | EPOLLERR;
	if (handle->rights & KIPC_RIGHT_RECEIVE) {
		if (state & EPOLLIN)
			mask |= EPOLLIN | EPOLLRDNORM;
		if (over)
			mask |= EPOLLHUP;
	}
	if (handle->rights & KIPC_RIGHT_SEND) {
		if (state & EPOLLOUT)
			mask |= EPOLLOUT | EPOLLWRNORM;
		mask |= state & EPOLLERR;
	}
	return mask;
}

static void kipc_pipe_stat(struct kipc_object *object, void *to)
{
	struct kipc_pipe *pipe = kipc_pipe_of(object);
	struct kipc_pipe_stat *stat = to;

	spin_lock(&pipe->object.lock);
	*stat = (struct kipc_pipe_stat){
		.attr.capacity = pipe->capacity,
		.attr.atomic_size = pipe->atomic,
		.bytes = pipe->bytes,
		.peak_bytes = pipe->stat.peak_bytes,
		.written_bytes = pipe->stat.written_bytes,
		.read_bytes = pipe->stat.read_bytes,
		.write_waits = pipe->stat.write_waits,
		.read_waits = pipe->stat.read_waits,
		.waiting_writers = pipe->stat.waiting_writers,
		.waiting_readers = pipe->stat.waiting_readers,
		.writers = pipe->ends.senders,
		.readers = pipe->ends.receivers,
	};
	spin_unlock(&pipe->object.lock);
}

static void kipc_pipe_report_waiters(struct kipc_object *object,
				     struct kipc_report *report)
{
	struct kipc_pipe *pipe = kipc_pipe_of(object);

	spin_lock(&object->lock);
	kipc_report_line(report, KIPC_WAIT_DATA, &pipe->readers);
	kipc_report_line(report, KIPC_WAIT_ROOM, &pipe->writers);
	kipc_report_line(report, KIPC_WAIT_PEER, &pipe->opening_readers);
	kipc_report_line(report, KIPC_WAIT_PEER, &pipe->opening_writers);
	spin_unlock(&object->lock);
}

static void kipc_pipe_show(struct seq_file *seq, struct kipc_object *object)
{
	struct kipc_pipe_stat stat;

	kipc_pipe_stat(object, &stat);
	seq_printf(seq, "capacity:\t%u\natomic:\t%u\nbytes:\t%llu\n",
		   stat.attr.capacity, stat.attr.atomic_size, stat.bytes);
	seq_printf(seq, "written:\t%llu\nread:\t%llu\n", stat.written_bytes,
		   stat.read_bytes);
	seq_printf(seq, "writers:\t%u\nreaders:\t%u\n", stat.writers,
		   stat.readers);
}

/* ioctls */

static long kipc_pipe_ioctl_resize(struct file *file, void __user *arg, size_t size)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_pipe *pipe = kipc_pipe_of(handle->object);
	struct kipc_pipe_attr attr;
	struct kipc_wake wake;
	long ret;

	ret = kipc_pipe_attr_in(&attr, arg, size);
	if (ret)
		return ret;
	if (!(handle->rights & KIPC_RIGHT_MANAGE))
		return -EPERM;
	kipc_wake_init(&wake);
	spin_lock(&pipe->object.lock);
	attr.capacity = attr.capacity ?: pipe->capacity;
	attr.atomic_size = attr.atomic_size ?: pipe->atomic;
	if (pipe->object.removed) {
		ret = -EIDRM;
	} else if (attr.capacity > KIPC_PIPE_MAX ||
		   attr.atomic_size > attr.capacity) {
		ret = -EINVAL;
	} else if (pipe->bytes > attr.capacity) {
		ret = -EBUSY;
	} else {
		pipe->capacity = attr.capacity;
		/* Writers look at it before they take the lock. */
		WRITE_ONCE(pipe->atomic, attr.atomic_size);
		ret = attr.capacity;
	}
	kipc_pipe_unlock(pipe, &wake, false);
	return ret;
}

static long kipc_pipe_ioctl_inside(struct kipc_pipe *pipe, int __user *arg)
{
	return put_user((int)kipc_pipe_inside(pipe), arg);
}

static long kipc_pipe_ioctl(struct file *file, unsigned int cmd, void __user *arg,
			    size_t size)
{
	switch (cmd) {
	case KIPC_CMD(KIPC_IOC_PIPE_WRITE):
		return kipc_pipe_ioctl_write(file, arg, size);
	case KIPC_CMD(KIPC_IOC_PIPE_READ):
		return kipc_pipe_ioctl_read(file, arg, size);
	case KIPC_CMD(KIPC_IOC_PIPE_RESIZE):
		return kipc_pipe_ioctl_resize(file, arg, size);
	case FIONREAD:
		return kipc_pipe_ioctl_inside(kipc_pipe_of_file(file), arg);
	default:
		return -ENOTTY;
	}
}

/*
 * To the kernel O_DIRECT is for every FIFO, and asks for packets.  Whoever wants those
 * must not be left to think that this has them.
 */
static int kipc_pipe_check_flags(int flags)
{
	return flags & O_DIRECT ? -EINVAL : 0;
}

static const struct file_operations kipc_pipe_fops = {
	.owner		= THIS_MODULE,
	.open		= kipc_object_reopen,
	.read		= kipc_pipe_read,
	.write		= kipc_pipe_write,
	.read_iter	= kipc_pipe_read_iter,
	.write_iter	= kipc_pipe_write_iter,
	.splice_read	= kipc_pipe_splice_read,
	.splice_write	= kipc_pipe_splice_write,
	.poll		= kipc_handle_poll,
	.fasync		= kipc_handle_fasync,
	.check_flags	= kipc_pipe_check_flags,
	.unlocked_ioctl	= kipc_handle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= kipc_handle_show_fdinfo,
	.release	= kipc_object_release,
};

const struct kipc_kind kipc_pipe_kind = {
	.id		= KIPC_KIND_PIPE,
	.name		= "pipe",
	.rights		= KIPC_PIPE_RIGHTS,
	.type		= S_IFIFO,
	.events		= KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
			  KIPC_EVENT_WRITABLE | KIPC_EVENT_PEER_GONE |
			  KIPC_EVENT_LIMIT,
	.size		= sizeof(struct kipc_pipe),
	.handle_size	= sizeof(struct kipc_pipe_handle),
	.fops		= &kipc_pipe_fops,
	.init		= kipc_pipe_init,
	.opened		= kipc_pipe_opened,
	.meet		= kipc_pipe_meet,
	.closed		= kipc_pipe_closed,
	.remove		= kipc_pipe_remove,
	.release	= kipc_pipe_release,
	.ioctl		= kipc_pipe_ioctl,
	.poll		= kipc_pipe_poll,
	.show		= kipc_pipe_show,
	.stat_cmd	= KIPC_CMD(KIPC_IOC_PIPE_STAT),
	.stat_size	= sizeof(struct kipc_pipe_stat),
	.stat_least	= KIPC_LEAST(struct kipc_pipe_stat, readers),
	.stat		= kipc_pipe_stat,
	.waiters	= kipc_pipe_report_waiters,
};
