/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Shared memory inside
 *
 * The memory is the page cache of a memfd, and a mapping of a handle (an *attachment*) is
 * one of the memfd: map.c puts the memfd's file in place of the handle's, before anybody
 * knows the mapping, and takes shmem's operations with a few of its own in between.  The
 * file is one that only kipc has, opened anew from what the creator gave: so mappings that
 * somebody makes of the memfd itself are never merged with attachments.
 *
 * Who holds what:
 *
 *   attachment --vm_file--> struct file of the memfd <--holds-- struct kipc_memory
 *        +-----vm_private_data--> struct dentry --> inode --owns--> struct kipc_memory
 *
 * The dentry is the one of the handle that was mapped.  It keeps the object's memory and
 * the module, but neither the object's life nor its name: see object.h.  The file is kept,
 * and its bytes stay charged, as long as @holds: the object itself until it is removed or
 * its life ends, each attachment, and each operation under way.
 *
 * Rights: a handle without KIPC_RIGHT_SEND has no FMODE_WRITE, so the kernel itself takes
 * VM_SHARED and VM_MAYWRITE from what is mapped by it, before kipc is asked.
 *
 * Seals: the kernel counts the writable shared mappings of a memfd, and F_SEAL_WRITE is
 * refused while there are any, or else makes the count one that cannot be raised.  mmap(2)
 * raises that of the handle's own inode, which means nothing, and the memfd's only when it
 * has returned from us.  So each attachment that may be written counts itself once more,
 * before the memfd's file is in its place, until it goes.
 *
 * DOC: The doorbell inside
 *
 * Protected by the object's lock.  These hold whenever the lock is free and no batch of
 * wake-ups is under way:
 *
 *   W: if somebody waits for the doorbell, @count is 0
 *   R: if somebody waits to ring it, what the first one has to add does not fit
 *
 * kipc_bell_unlock() restores them, by granting: who waits is given the count, who rings
 * has its part added.  Who cannot make use of what it was given gives it back, as the
 * first thing it does: nothing that may fault is between.
 */
#ifndef KIPC_MEMORY_MEMORY_H
#define KIPC_MEMORY_MEMORY_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "buffer.h"
#include "debug.h"
#include "object.h"
#include "waiter.h"

/**
 * struct kipc_bell - a doorbell
 * @count: what was rung, and nobody got yet
 * @waiters: line of those who wait for it
 * @ringers: line of those whose part does not fit
 * @told: the poll mask that pollers know
 * @rings: see struct kipc_memory_stat
 * @waits: see there
 * @waiting: see there
 * @waiting_ringers: see there
 *
 * Protected by the object's lock.
 */
struct kipc_bell {
	u64 count;
	struct list_head waiters;
	struct list_head ringers;
	__poll_t told;
	u64 rings;
	u64 waits;
	u32 waiting;
	u32 waiting_ringers;
};

/**
 * struct kipc_memory - shared memory
 * @object: its head
 * @file: the memfd; referenced while @holds
 * @holds: see "Who holds what"
 * @resize: held while the size is being set
 * @pages: of @size; charged while @holds; set under @resize and the object's lock, read
 *	also without them, as a snapshot
 *
 * Protected by the object's lock:
 * @size: in bytes; as of the memfd, unless that was set behind kipc's back
 * @attached: attachments
 * @attach_time: see struct kipc_memory_stat
 * @detach_time: see there
 * @change_time: see there
 * @creator: its process, referenced; NULL when nothing @holds
 * @last: process that attached or detached last, referenced; or NULL, likewise
 * @bell: the doorbell
 */
struct kipc_memory {
	struct kipc_object object;

	struct file *file;
	refcount_t holds;
	struct mutex resize;	/* makes the memfd's size and @size change as one */
	unsigned long pages;

	u64 size;
	u32 attached;
	u64 attach_time;
	u64 detach_time;
	u64 change_time;
	struct pid *creator;
	struct pid *last;
	struct kipc_bell bell;
};

static inline struct kipc_memory *kipc_memory_of(struct kipc_object *object)
{
	return container_of(object, struct kipc_memory, object);
}

static inline struct kipc_memory *kipc_memory_of_file(const struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_memory_of(handle->object);
}

/* kind.c */
bool kipc_memory_hold(struct kipc_memory *memory);
void kipc_memory_drop(struct kipc_memory *memory);
extern const struct kipc_kind kipc_memory_kind;

/* map.c */
int kipc_memory_mmap(struct file *file, struct vm_area_struct *vma);

/* bell.c */
void kipc_bell_init(struct kipc_bell *bell);
__poll_t kipc_bell_state(const struct kipc_memory *memory);
void kipc_bell_end(struct kipc_memory *memory);
ssize_t kipc_bell_write(struct file *file, const char __user *buf, size_t size,
			loff_t *pos);
ssize_t kipc_bell_write_iter(struct kiocb *iocb, struct iov_iter *from);
ssize_t kipc_bell_read(struct file *file, char __user *buf, size_t size,
		       loff_t *pos);
ssize_t kipc_bell_read_iter(struct kiocb *iocb, struct iov_iter *to);
long kipc_bell_ioctl_ring(struct file *file, void __user *arg, size_t size);
long kipc_bell_ioctl_wait(struct file *file, void __user *arg, size_t size);

#endif /* KIPC_MEMORY_MEMORY_H */
