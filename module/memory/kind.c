// SPDX-License-Identifier: GPL-2.0
/*
 * Shared memory as a kind of object: life, size, file operations, ioctls.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/shmem_fs.h>
#include <linux/timekeeping.h>

#include "../compat.h"
#include "../report.h"
#include "memory.h"

static unsigned long kipc_memory_pages(u64 size)
{
	return size / PAGE_SIZE + !!(size % PAGE_SIZE);
}

/* Pages are charged as bytes, of which no limit is above LONG_MAX. */
static int kipc_memory_charge(struct kipc_memory *memory, unsigned long pages)
{
	if (!pages)
		return 0;
	if (pages > LONG_MAX >> PAGE_SHIFT)
		return -EDQUOT;
	return kipc_charge(&memory->object.account, KIPC_MEMORY,
			   pages << PAGE_SHIFT);
}

static void kipc_memory_uncharge(struct kipc_memory *memory, unsigned long pages)
{
	kipc_uncharge(&memory->object.account, KIPC_MEMORY, pages << PAGE_SHIFT);
}

/**
 * kipc_memory_hold - keep the memory, unless the object was removed
 * @memory: the object is there
 *
 * Context: any; takes the object's lock.
 * Return: false if it was removed; else kipc_memory_drop() gives it up.
 */
bool kipc_memory_hold(struct kipc_memory *memory)
{
	bool removed;

	spin_lock(&memory->object.lock);
	removed = memory->object.removed;
	if (!removed)
		refcount_inc(&memory->holds);
	spin_unlock(&memory->object.lock);
	return !removed;
}

/**
 * kipc_memory_drop - give up what kipc_memory_hold() took
 * @memory: its memory goes with the last hold
 *
 * Context: process context.
 */
void kipc_memory_drop(struct kipc_memory *memory)
{
	struct pid *creator = NULL, *last = NULL;

	if (!refcount_dec_and_test(&memory->holds))
		return;
	spin_lock(&memory->object.lock);
	swap(memory->creator, creator);
	swap(memory->last, last);
	spin_unlock(&memory->object.lock);
	put_pid(creator);
	put_pid(last);
	fput(memory->file);
	kipc_memory_uncharge(memory, memory->pages);
	kipc_count(KIPC_REF_MEMORIES, -1);
}

/*
 * Open a memfd once more, for kipc alone.  What lies on the kernel's own mount of tmpfs is
 * reached by nobody but through descriptors.
 */
static struct file *kipc_memfd_open(int fd)
{
	struct file *file = fget(fd);
	struct file *own;

	if (!file)
		return ERR_PTR(-EBADF);
	if (!shmem_file(file) || !(file_inode(file)->i_sb->s_flags & SB_NOUSER))
		own = ERR_PTR(-EINVAL);
	else if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) !=
		 (FMODE_READ | FMODE_WRITE))
		own = ERR_PTR(-EACCES);
	else
		own = dentry_open(&file->f_path, O_RDWR | O_LARGEFILE,
				  current_cred());
	fput(file);
	return own;
}

static int kipc_memory_init(struct kipc_object *object, const void __user *user,
			    size_t size)
{
	struct kipc_memory *memory = kipc_memory_of(object);
	struct kipc_memory_attr attr;
	int ret;

	if (!size)
		return -EINVAL;
	ret = kipc_arg_in(&attr, sizeof(attr),
			  KIPC_LEAST(struct kipc_memory_attr, flags), user, size);
	if (ret)
		return ret;
	if (attr.flags)
		return -EINVAL;
	memory->file = kipc_memfd_open(attr.fd);
	if (IS_ERR(memory->file))
		return PTR_ERR(memory->file);
	memory->size = i_size_read(file_inode(memory->file));
	memory->pages = kipc_memory_pages(memory->size);
	ret = kipc_memory_charge(memory, memory->pages);
	if (ret) {
		fput(memory->file);
		return ret;
	}
	refcount_set(&memory->holds, 1);
	mutex_init(&memory->resize);
	memory->creator = get_pid(task_tgid(current));
	memory->change_time = ktime_get_coarse_real_ns();
	kipc_bell_init(&memory->bell);
	kipc_count(KIPC_REF_MEMORIES, 1);
	return 0;
}

static void kipc_memory_remove(struct kipc_object *object)
{
	struct kipc_memory *memory = kipc_memory_of(object);

	kipc_bell_end(memory);
	kipc_memory_drop(memory);
}

static void kipc_memory_release(struct kipc_object *object)
{
	struct kipc_memory *memory = kipc_memory_of(object);

	if (!object->removed)
		kipc_memory_drop(memory);
}

static __poll_t kipc_memory_poll(struct kipc_handle *handle)
{
	struct kipc_memory *memory = kipc_memory_of(handle->object);
	__poll_t state;
	bool removed;

	spin_lock(&memory->object.lock);
	removed = memory->object.removed;
	state = kipc_bell_state(memory);
	/* Removal stays news: the unlock of kipc_bell_end() has yet to tell it. */
	if (!removed)
		memory->bell.told = state;
	spin_unlock(&memory->object.lock);
	return removed ? EPOLLHUP | EPOLLERR : kipc_handle_mask(handle, state);
}

static void kipc_memory_stat(struct kipc_object *object, void *to)
{
	struct kipc_memory *memory = kipc_memory_of(object);
	struct kipc_memory_stat *stat = to;
	const struct kipc_bell *bell = &memory->bell;
	bool there = refcount_inc_not_zero(&memory->holds);

	spin_lock(&memory->object.lock);
	*stat = (struct kipc_memory_stat){
		.size = memory->size,
		.count = bell->count,
		.rings = bell->rings,
		.waits = bell->waits,
		.attach_time_ns = memory->attach_time,
		.detach_time_ns = memory->detach_time,
		.change_time_ns = memory->change_time,
		.attached = memory->attached,
		.waiting = bell->waiting,
		.waiting_ringers = bell->waiting_ringers,
		.creator_pid = pid_vnr(memory->creator),
		.last_pid = pid_vnr(memory->last),
	};
	spin_unlock(&memory->object.lock);
	if (!there)
		return;
	stat->seals = READ_ONCE(SHMEM_I(file_inode(memory->file))->seals);
	kipc_memory_drop(memory);
}

static void kipc_memory_report_waiters(struct kipc_object *object,
				       struct kipc_report *report)
{
	struct kipc_bell *bell = &kipc_memory_of(object)->bell;

	spin_lock(&object->lock);
	kipc_report_line(report, KIPC_WAIT_DATA, &bell->waiters);
	kipc_report_line(report, KIPC_WAIT_ROOM, &bell->ringers);
	spin_unlock(&object->lock);
}

static void kipc_memory_show(struct seq_file *seq, struct kipc_object *object)
{
	struct kipc_memory_stat stat;

	kipc_memory_stat(object, &stat);
	seq_printf(seq, "size:\t%llu\nattached:\t%u\nseals:\t%#x\n", stat.size,
		   stat.attached, stat.seals);
	seq_printf(seq, "doorbell:\t%llu\nrings:\t%llu\n", stat.count,
		   stat.rings);
	seq_printf(seq, "waiting:\t%u, %u ringers\n", stat.waiting,
		   stat.waiting_ringers);
}

/* ioctls */

/*
 * As vfs_truncate(), which nobody could be killed in: write(2) to the memfd, from memory that
 * does not come, keeps its inode locked, for ever.
 */
static int kipc_memfd_truncate(struct file *file, u64 size)
{
	struct iattr attr = { .ia_valid = ATTR_SIZE, .ia_size = size };
	struct inode *inode = file_inode(file);
	int ret;

	ret = file_permission(file, MAY_WRITE);
	if (ret)
		return ret;
	if (IS_APPEND(inode))
		return -EPERM;
	if (down_write_killable(&inode->i_rwsem))
		return -ERESTARTSYS;
	ret = kipc_notify_change(file, &attr);
	inode_unlock(inode);
	return ret;
}

/* Set the memfd's size and ours; it is held, and so is @resize. */
static int kipc_memory_resize(struct kipc_memory *memory, u64 size)
{
	unsigned long pages = kipc_memory_pages(size);
	unsigned long old = memory->pages;
	int ret;

	lockdep_assert_held(&memory->resize);
	if (pages > old) {
		ret = kipc_memory_charge(memory, pages - old);
		if (ret)
			return ret;
	}
	ret = kipc_memfd_truncate(memory->file, size);
	if (ret) {
		if (pages > old)
			kipc_memory_uncharge(memory, pages - old);
		return ret;
	}
	kipc_delay(KIPC_DELAY_MEMORY_RESIZED);
	spin_lock(&memory->object.lock);
	memory->size = size;
	WRITE_ONCE(memory->pages, pages);
	memory->change_time = ktime_get_coarse_real_ns();
	spin_unlock(&memory->object.lock);
	if (pages < old)
		kipc_memory_uncharge(memory, old - pages);
	return 0;
}

static long kipc_memory_ioctl_size(struct file *file, void __user *arg,
				   size_t size)
{
	struct kipc_memory *memory = kipc_memory_of_file(file);
	struct kipc_handle *handle = file->private_data;
	struct kipc_memory_size want;
	int ret;

	ret = kipc_arg_in(&want, sizeof(want),
			  KIPC_LEAST(struct kipc_memory_size, reserved), arg,
			  size);
	if (ret)
		return ret;
	if (want.flags || want.reserved)
		return -EINVAL;
	if (!(handle->rights & KIPC_RIGHT_MANAGE))
		return -EPERM;
	if (want.size > MAX_LFS_FILESIZE)
		return -EFBIG;
	if (!kipc_memory_hold(memory))
		return -EIDRM;
	ret = mutex_lock_interruptible(&memory->resize);
	if (ret) {
		ret = -ERESTARTSYS;
	} else {
		ret = kipc_memory_resize(memory, want.size);
		mutex_unlock(&memory->resize);
	}
	kipc_memory_drop(memory);
	return ret;
}

static int kipc_memory_install(struct kipc_memory *memory, u32 flags)
{
	struct file *memfd;
	int fd;

	fd = get_unused_fd_flags(flags & KIPC_INHERIT ? 0 : O_CLOEXEC);
	if (fd < 0)
		return fd;
	memfd = dentry_open(&memory->file->f_path, O_RDWR | O_LARGEFILE,
			    current_cred());
	if (IS_ERR(memfd)) {
		put_unused_fd(fd);
		return PTR_ERR(memfd);
	}
	fd_install(fd, memfd);
	return fd;
}

static long kipc_memory_ioctl_fd(struct file *file, void __user *arg, size_t size)
{
	const u32 rights = KIPC_RIGHT_MAP | KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE;
	struct kipc_memory *memory = kipc_memory_of_file(file);
	struct kipc_handle *handle = file->private_data;
	struct kipc_memory_fd want;
	int ret;

	ret = kipc_arg_in(&want, sizeof(want),
			  KIPC_LEAST(struct kipc_memory_fd, reserved), arg, size);
	if (ret)
		return ret;
	if (want.flags & ~KIPC_INHERIT || want.reserved)
		return -EINVAL;
	if (~handle->rights & rights)
		return -EPERM;
	if (!kipc_memory_hold(memory))
		return -EIDRM;
	ret = kipc_memory_install(memory, want.flags);
	kipc_memory_drop(memory);
	return ret;
}

static long kipc_memory_ioctl(struct file *file, unsigned int cmd,
			      void __user *arg, size_t size)
{
	switch (cmd) {
	case KIPC_CMD(KIPC_IOC_MEMORY_SIZE):
		return kipc_memory_ioctl_size(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MEMORY_FD):
		return kipc_memory_ioctl_fd(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MEMORY_RING):
		return kipc_bell_ioctl_ring(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MEMORY_WAIT):
		return kipc_bell_ioctl_wait(file, arg, size);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations kipc_memory_fops = {
	.owner		= THIS_MODULE,
	.read		= kipc_bell_read,
	.write		= kipc_bell_write,
	.read_iter	= kipc_bell_read_iter,
	.write_iter	= kipc_bell_write_iter,
	.poll		= kipc_handle_poll,
	.mmap		= kipc_memory_mmap,
	.fasync		= kipc_handle_fasync,
	.unlocked_ioctl	= kipc_handle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= kipc_handle_show_fdinfo,
	.release	= kipc_object_release,
};

const struct kipc_kind kipc_memory_kind = {
	.id		= KIPC_KIND_MEMORY,
	.name		= "memory",
	.rights		= KIPC_MEMORY_RIGHTS,
	.type		= S_IFIFO,
	.events		= KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
			  KIPC_EVENT_WRITABLE | KIPC_EVENT_PEER_GONE,
	.size		= sizeof(struct kipc_memory),
	.handle_size	= sizeof(struct kipc_handle),
	.fops		= &kipc_memory_fops,
	.init		= kipc_memory_init,
	.remove		= kipc_memory_remove,
	.release	= kipc_memory_release,
	.ioctl		= kipc_memory_ioctl,
	.poll		= kipc_memory_poll,
	.show		= kipc_memory_show,
	.stat_cmd	= KIPC_CMD(KIPC_IOC_MEMORY_STAT),
	.stat_size	= sizeof(struct kipc_memory_stat),
	.stat_least	= KIPC_LEAST(struct kipc_memory_stat, last_pid),
	.stat		= kipc_memory_stat,
	.waiters	= kipc_memory_report_waiters,
};
