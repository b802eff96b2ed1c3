// SPDX-License-Identifier: GPL-2.0
/*
 * A handle as a file: the operations that serve every kind.
 */
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "buffer.h"
#include "debug.h"
#include "object.h"
#include "waiter.h"

/**
 * kipc_handle_deadline - how long a call may wait
 * @file: the handle: O_NONBLOCK counts more
 * @deadline: what the caller gave, KIPC_FOREVER for read and write
 *
 * Return: KIPC_DEADLINE_NO_WAIT, KIPC_DEADLINE_FOREVER, or the host's time.
 */
ktime_t kipc_handle_deadline(const struct file *file, u64 deadline)
{
	return file->f_flags & O_NONBLOCK ? KIPC_DEADLINE_NO_WAIT :
	       kipc_deadline_import(deadline);
}

/**
 * kipc_handle_mask - what a handle shows of its object's state
 * @handle: the handle
 * @state: EPOLLIN, EPOLLHUP: for who may receive; EPOLLOUT, EPOLLERR: for who may send
 *
 * Return: the poll mask.
 */
__poll_t kipc_handle_mask(const struct kipc_handle *handle, __poll_t state)
{
	__poll_t mask = 0;

	if (handle->rights & KIPC_RIGHT_RECEIVE) {
		/* Who reads learns of the end by reading. */
		if (state & (EPOLLIN | EPOLLHUP))
			mask |= EPOLLIN | EPOLLRDNORM;
		mask |= state & EPOLLHUP;
	}
	if (handle->rights & KIPC_RIGHT_SEND) {
		if (state & EPOLLOUT)
			mask |= EPOLLOUT | EPOLLWRNORM;
		mask |= state & EPOLLERR;
	}
	return mask;
}

/**
 * kipc_handle_governs - may the caller do by a handle what restricts others?
 * @handle: the handle
 *
 * Return: true for the object's owner, and if the handle has the right to manage.
 */
bool kipc_handle_governs(const struct kipc_handle *handle)
{
	return handle->rights & KIPC_RIGHT_MANAGE ||
	       uid_eq(handle->object->inode->i_uid, current_fsuid());
}

static int kipc_handle_is(const void *file, struct file *other, unsigned int fd)
{
	return other == file;
}

/**
 * kipc_handle_flush - a descriptor of a handle is closed
 * @file: the handle
 * @owner: not used
 *
 * Return: 0
 */
int kipc_handle_flush(struct file *file, fl_owner_t owner)
{
	struct kipc_handle *handle = file->private_data;

	/* The program that is executed may have it by another descriptor. */
	if (unlikely(current->in_execve) &&
	    !hlist_empty(&handle->party.serving) &&
	    !iterate_fd(current->files, 0, kipc_handle_is, file))
		handle->object->kind->exec(handle);
	return 0;
}

/**
 * kipc_handle_poll - poll, select, epoll
 * @file: the handle
 * @wait: the poller
 *
 * Return: the kind's mask.
 */
__poll_t kipc_handle_poll(struct file *file, poll_table *wait)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_pollers *pollers = &handle->party.pollers;

	kipc_notify_wait(&handle->object->notify, file, wait,
			 handle->rights & KIPC_RIGHTS_READ,
			 handle->rights & KIPC_RIGHTS_WRITE);
	if (pollers->told == &pollers->queue && handle->rights & KIPC_RIGHTS_WRITE)
		poll_wait(file, &pollers->queue, wait);
	kipc_delay(KIPC_DELAY_POLL_ENROLLED);
	return handle->object->kind->poll(handle);
}

/* Somebody comes who is to be told of news: what is true already is none. */
static void kipc_handle_watch(struct kipc_handle *handle)
{
	kipc_notify_watch(&handle->object->notify);
	/* For its side effect. */
	handle->object->kind->poll(handle);
	kipc_delay(KIPC_DELAY_NOTIFY_WATCHED);
}

/* What becomes of the object, and the replies that are for this handle: as fasync_helper(). */
static int kipc_handle_enlist(int fd, struct file *file, int on)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_notify *notify = &handle->object->notify;
	struct fasync_struct **list;
	int ret, own;

	ret = kipc_notify_make_async(notify, &handle->object->account);
	if (ret)
		return ret;
	list = notify->async->lists;
	if (handle->rights & KIPC_RIGHTS_READ)
		list += KIPC_ASYNC_READS;
	if (handle->rights & KIPC_RIGHTS_WRITE)
		list += KIPC_ASYNC_WRITES;
	ret = fasync_helper(fd, file, on, list);
	if (ret < 0)
		return ret;
	own = fasync_helper(fd, file, on, &handle->party.pollers.fasync);
	if (own < 0 && ret > 0)
		fasync_helper(-1, file, 0, list);
	return own < 0 ? own : ret;
}

/**
 * kipc_handle_fasync - O_ASYNC was changed, or the handle is about to go
 * @fd: the descriptor
 * @file: the handle
 * @on: the new state
 *
 * Context: process context, may sleep; takes the lock of the object's inode, so that
 * two who change it at once do so one after the other, in both lists.
 * Return: 0 or 1, or a negative errno.
 */
int kipc_handle_fasync(int fd, struct file *file, int on)
{
	struct kipc_handle *handle = file->private_data;
	struct inode *inode = handle->object->inode;
	int ret;

	inode_lock(inode);
	if (on)
		kipc_handle_watch(handle);
	ret = kipc_handle_enlist(fd, file, on);
	/* It has gone; or it was there before, or has not come. */
	if (on ? ret <= 0 : ret > 0)
		kipc_notify_unwatch(&handle->object->notify);
	inode_unlock(inode);
	return ret;
}

/**
 * kipc_handle_show_fdinfo - lines for /proc/PID/fdinfo/FD
 * @seq: where to
 * @file: the handle
 */
void kipc_handle_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_object *object = handle->object;

	seq_printf(seq, "kind:\t%s\n", object->kind->name);
	seq_printf(seq, "id:\t%llu\n", object->id);
	if (kipc_name_linked(&object->name)) {
		seq_puts(seq, "name:\t");
		seq_escape(seq, object->name.text, "\n\\");
		seq_putc(seq, '\n');
	}
	seq_printf(seq, "rights:\t%#x\n", handle->rights);
	object->kind->show(seq, object);
}

static long kipc_handle_info(struct kipc_handle *handle, void __user *arg,
			     size_t size)
{
	struct kipc_object *object = handle->object;
	struct inode *inode = object->inode;
	struct kipc_info info = {
		.id = object->id,
		.kind = object->kind->id,
		.rights = handle->rights,
		.mode = inode->i_mode & 0777,
		.uid = from_kuid_munged(current_user_ns(), inode->i_uid),
		.gid = from_kgid_munged(current_user_ns(), inode->i_gid),
		.handles = refcount_read(&object->handles),
		.created_ns = object->created,
	};

	if (kipc_name_linked(&object->name)) {
		info.name_len = object->name.len;
		memcpy(info.name, object->name.text, object->name.len);
		if (object->name.persistent) {
			info.flags |= KIPC_INFO_PERSISTENT;
			info.handles--;
		}
	}
	if (READ_ONCE(object->removed))
		info.flags |= KIPC_INFO_REMOVED;
	return kipc_arg_out(arg, size, KIPC_LEAST(struct kipc_info, name),
			    &info, sizeof(info));
}

static long kipc_handle_narrow(struct kipc_handle *handle, void __user *arg,
			       size_t size)
{
	struct kipc_narrow narrow;
	int ret;

	ret = kipc_arg_in(&narrow, sizeof(narrow),
			  KIPC_LEAST(struct kipc_narrow, flags), arg, size);
	if (ret)
		return ret;
	if (!narrow.rights || narrow.flags & ~(KIPC_NONBLOCK | KIPC_INHERIT) ||
	    narrow.rights & ~handle->object->kind->rights)
		return -EINVAL;
	if (narrow.rights & ~handle->rights)
		return -EPERM;
	if (READ_ONCE(handle->object->removed))
		return -EIDRM;
	return kipc_object_open(handle->object, narrow.rights, narrow.flags, NULL);
}

static long kipc_handle_stat(struct kipc_handle *handle, void __user *arg,
			     size_t size)
{
	const struct kipc_kind *kind = handle->object->kind;
	u8 stat[KIPC_STAT_MAX] __aligned(8);

	memset(stat, 0, kind->stat_size);
	kind->stat(handle->object, stat);
	return kipc_arg_out(arg, size, kind->stat_least, stat, kind->stat_size);
}

/* What the events come to for this handle; 0: it has not the rights. */
static __poll_t kipc_handle_news(const struct kipc_handle *handle, u32 events)
{
	u32 reads = handle->rights & KIPC_RIGHTS_READ;
	u32 writes = handle->rights & KIPC_RIGHTS_WRITE;
	__poll_t news = 0;

	if ((events & (KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
		       KIPC_EVENT_CALL) && !reads) ||
	    (events & KIPC_EVENT_WRITABLE && !writes) ||
	    (events & KIPC_EVENT_PEER_GONE && !reads && !writes) ||
	    (events & KIPC_EVENT_LIMIT && !(handle->rights & KIPC_RIGHT_MANAGE)))
		return 0;
	if (events & KIPC_EVENT_NONEMPTY)
		news |= KIPC_NEWS_NONEMPTY;
	if (events & KIPC_EVENT_READABLE)
		news |= EPOLLIN;
	if (events & KIPC_EVENT_WRITABLE)
		news |= EPOLLOUT;
	if (events & KIPC_EVENT_PEER_GONE && reads)
		news |= EPOLLHUP;
	if (events & KIPC_EVENT_PEER_GONE && writes)
		news |= EPOLLERR;
	if (events & KIPC_EVENT_CALL)
		news |= KIPC_NEWS_CALL;
	if (events & KIPC_EVENT_LIMIT)
		news |= KIPC_NEWS_LIMIT;
	return news;
}

static long kipc_handle_notify(struct kipc_handle *handle, void __user *arg,
			       size_t size)
{
	struct kipc_object *object = handle->object;
	struct kipc_notification wish;
	__poll_t news;
	int ret;

	ret = kipc_arg_in(&wish, sizeof(wish),
			  KIPC_LEAST(struct kipc_notification, value), arg, size);
	if (ret)
		return ret;
	if (wish.events & ~object->kind->events || wish.reserved ||
	    wish.flags & ~KIPC_NOTIFY_ONCE)
		return -EINVAL;
	if (wish.events ? wish.signo < 1 || !valid_signal(wish.signo) :
			  wish.signo || wish.flags || wish.value)
		return -EINVAL;
	news = kipc_handle_news(handle, wish.events);
	if (wish.events && !news)
		return -EPERM;
	if (READ_ONCE(object->removed))
		return -EIDRM;
	if (wish.events)
		kipc_handle_watch(handle);
	ret = kipc_listener_set(&object->notify, &object->account, handle,
				&wish, news, !kipc_handle_governs(handle));
	if (wish.events && ret)
		kipc_notify_unwatch(&object->notify);
	return ret;
}

/**
 * kipc_handle_ioctl - commands of every object, and of its kind
 * @file: the handle
 * @cmd: KIPC_IOC_...
 * @arg: the structure in user space
 *
 * Return: what the command says, or a negative errno.
 */
long kipc_handle_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kipc_handle *handle = file->private_data;
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);

	switch (KIPC_CMD(cmd)) {
	case KIPC_CMD(KIPC_IOC_INFO):
		return kipc_handle_info(handle, user, size);
	case KIPC_CMD(KIPC_IOC_NARROW):
		return kipc_handle_narrow(handle, user, size);
	case KIPC_IOC_REMOVE:
		if (size)
			return -EINVAL;
		if (!(handle->rights & KIPC_RIGHT_MANAGE))
			return -EPERM;
		return kipc_object_remove(handle->object);
	case KIPC_IOC_PUBLISH:
		return size ? -EINVAL : kipc_direct_publish(handle);
	case KIPC_IOC_UNPUBLISH:
		return size ? -EINVAL : kipc_direct_unpublish(handle);
	case KIPC_CMD(KIPC_IOC_NOTIFY):
		return kipc_handle_notify(handle, user, size);
	default:
		if (KIPC_CMD(cmd) == handle->object->kind->stat_cmd)
			return kipc_handle_stat(handle, user, size);
		return handle->object->kind->ioctl(file, KIPC_CMD(cmd), user,
						   size);
	}
}
