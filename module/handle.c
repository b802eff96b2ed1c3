// SPDX-License-Identifier: GPL-2.0
/*
 * A handle as a file: the operations that serve every kind.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "object.h"

/**
 * kipc_object_release - the last descriptor of a handle is closed
 * @inode: not used
 * @file: the handle
 *
 * Return: 0
 */
int kipc_object_release(struct inode *inode, struct file *file)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_object *object = handle->object;

	object->kind->closed(object, handle->rights);
	kfree(handle);
	kipc_handle_gone();
	kipc_object_put(object);
	return 0;
}

/**
 * kipc_object_poll - poll, select, epoll
 * @file: the handle
 * @wait: the poller
 *
 * Return: the kind's mask.
 */
__poll_t kipc_object_poll(struct file *file, poll_table *wait)
{
	struct kipc_handle *handle = file->private_data;

	kipc_notify_wait(&handle->object->notify, file, wait,
			 file->f_mode & FMODE_READ, file->f_mode & FMODE_WRITE);
	return handle->object->kind->poll(handle);
}

/**
 * kipc_object_fasync - O_ASYNC was changed
 * @fd: the descriptor
 * @file: the handle
 * @on: the new state
 *
 * Return: 0 or 1, or a negative errno.
 */
int kipc_object_fasync(int fd, struct file *file, int on)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_object *object = handle->object;
	int ret = fasync_helper(fd, file, on, &object->notify.fasync);

	/* What was true before is no news to a new receiver. */
	if (on && ret > 0)
		object->kind->poll(handle);
	return ret;
}

/**
 * kipc_object_show_fdinfo - lines for /proc/PID/fdinfo/FD
 * @seq: where to
 * @file: the handle
 */
void kipc_object_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_object *object = handle->object;

	seq_printf(seq, "kind:\t%s\n", object->kind->name);
	seq_printf(seq, "id:\t%llu\n", object->id);
	if (object->name.text) {
		seq_puts(seq, "name:\t");
		seq_escape(seq, object->name.text, "\n\\");
		seq_putc(seq, '\n');
	}
	seq_printf(seq, "rights:\t%#x\n", handle->rights);
	object->kind->show(seq, object);
}

/**
 * kipc_arg_in - take an ioctl's structure in
 * @to: where to
 * @known: its size here
 * @least: its size when it was first published
 * @from: the caller's
 * @given: its size there
 *
 * Return: 0; -EINVAL: too short; -E2BIG: longer, and not zero there; -EFAULT.
 */
int kipc_arg_in(void *to, size_t known, size_t least, const void __user *from,
		size_t given)
{
	if (likely(given == known))
		return copy_from_user(to, from, known) ? -EFAULT : 0;
	if (given < least)
		return -EINVAL;
	/* The rest must be zero, and is looked at in one go. */
	if (given > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(to, known, from, given);
}

/**
 * kipc_arg_out - hand an ioctl's structure out
 * @to: the caller's
 * @given: its size there; what is longer there is zeroed
 * @least: its size when it was first published
 * @from: what to hand out
 * @known: its size here
 *
 * Return: 0; -EINVAL: too short; -EFAULT.
 */
int kipc_arg_out(void __user *to, size_t given, size_t least, const void *from,
		 size_t known)
{
	if (given < least)
		return -EINVAL;
	if (copy_to_user(to, from, min(known, given)))
		return -EFAULT;
	if (given > known && clear_user(to + known, given - known))
		return -EFAULT;
	return 0;
}

static long kipc_object_info(struct kipc_handle *handle, void __user *arg,
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
		.handles = atomic_read(&object->handles),
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
	return kipc_arg_out(arg, size, sizeof(info), &info, sizeof(info));
}

static long kipc_object_narrow(struct kipc_handle *handle, void __user *arg,
			       size_t size)
{
	struct kipc_narrow narrow;
	int ret;

	ret = kipc_arg_in(&narrow, sizeof(narrow), sizeof(narrow), arg, size);
	if (ret)
		return ret;
	if (!narrow.rights || narrow.flags & ~(KIPC_NONBLOCK | KIPC_INHERIT) ||
	    narrow.rights & ~handle->object->kind->rights)
		return -EINVAL;
	if (narrow.rights & ~handle->rights)
		return -EPERM;
	if (READ_ONCE(handle->object->removed))
		return -EIDRM;
	return kipc_object_open(handle->object, narrow.rights, narrow.flags);
}

/**
 * kipc_object_ioctl - commands of every object, and of its kind
 * @file: the handle
 * @cmd: KIPC_IOC_...
 * @arg: the structure in user space
 *
 * Return: what the command says, or a negative errno.
 */
long kipc_object_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kipc_handle *handle = file->private_data;
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);

	switch (KIPC_CMD(cmd)) {
	case KIPC_CMD(KIPC_IOC_INFO):
		return kipc_object_info(handle, user, size);
	case KIPC_CMD(KIPC_IOC_NARROW):
		return kipc_object_narrow(handle, user, size);
	case KIPC_IOC_REMOVE:
		if (size)
			return -EINVAL;
		if (!(handle->rights & KIPC_RIGHT_MANAGE))
			return -EPERM;
		return kipc_object_remove(handle->object);
	default:
		return handle->object->kind->ioctl(file, KIPC_CMD(cmd), user,
						   size);
	}
}
