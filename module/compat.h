/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernel versions: 6.1 and 6.12 differ here.
 */
#ifndef KIPC_COMPAT_H
#define KIPC_COMPAT_H

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ipc_namespace.h>
#include <linux/mm.h>
#include <linux/proc_ns.h>
#include <linux/sched.h>
#include <linux/version.h>

#include <net/genetlink.h>

/* Since 6.7 the time stamps of an inode are behind accessors. */
static inline void kipc_inode_init_times(struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	simple_inode_init_ts(inode);
#else
	inode->i_atime = current_time(inode);
	inode->i_mtime = inode->i_atime;
	inode->i_ctime = inode->i_atime;
#endif
}

/* No fsnotify(7) events of reads and writes: nobody watches a handle by its path. */
static inline void kipc_file_no_notify(struct file *file)
{
#ifdef FMODE_FSNOTIFY_MASK
	file->f_mode &= ~FMODE_FSNOTIFY_MASK;
#endif
	file->f_mode |= FMODE_NONOTIFY;
}

/* Since 6.3 the flags of a mapping are behind accessors. */
static inline void kipc_vma_flags(struct vm_area_struct *vma, unsigned long set,
				  unsigned long clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/*
 * How a thread lets others run: so many turns of schedule() at most; and if that does
 * not help, how often yield() then.  Measured: before 6.6 the scheduler comes back from a
 * second turn at once, and yield() gains nothing there.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define KIPC_LINGER_TURNS	2
#define KIPC_LINGER_YIELDS	64
#else
#define KIPC_LINGER_TURNS	1
#define KIPC_LINGER_YIELDS	0
#endif

/* On what yield() is wrong for, it is not used: nothing depends on who runs then. */
static inline void kipc_yield(void)
{
	yield();
}

/* Since 6.8 it takes a pointer to where the number goes as well. */
static inline int kipc_receive_fd(struct file *file, unsigned int flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return receive_fd(file, NULL, flags);
#else
	return receive_fd(file, flags);
#endif
}

/* What a dump was asked for. */
static inline struct nlattr **kipc_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* Since 6.3 a mount has an idmap, and no user namespace. */
static inline int kipc_notify_change(struct file *file, struct iattr *attr)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return notify_change(file_mnt_idmap(file), file_dentry(file), attr, NULL);
#else
	return notify_change(file_mnt_user_ns(file), file_dentry(file), attr, NULL);
#endif
}

/* 6.1 does not export put_ipc_ns(); this is what it comes to. */
static inline void kipc_ipc_ns_put(struct ipc_namespace *ipc)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	put_ipc_ns(ipc);
#else
	ipc->ns.ops->put(&ipc->ns);
#endif
}

#endif /* KIPC_COMPAT_H */
