/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernel versions: 6.1 and 6.12 differ here.
 */
#ifndef KIPC_COMPAT_H
#define KIPC_COMPAT_H

#include <linux/fs.h>
#include <linux/version.h>

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

#endif /* KIPC_COMPAT_H */
