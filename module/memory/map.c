// SPDX-License-Identifier: GPL-2.0
/*
 * Attachments: mappings of memory.  See memory.h for what they hold.
 */
#include <linux/dcache.h>
#include <linux/fcntl.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/timekeeping.h>

#include "../compat.h"
#include "memory.h"

/* shmem's, which it does not export; and the same with ours in between. */
static const struct vm_operations_struct *kipc_shmem_ops;
static struct vm_operations_struct kipc_memory_vm_ops;
static DEFINE_SPINLOCK(kipc_memory_ops_lock);	/* until they are set, once */

static struct kipc_memory *kipc_memory_of_vma(const struct vm_area_struct *vma)
{
	const struct dentry *dentry = vma->vm_private_data;

	return kipc_memory_of(d_inode(dentry)->i_private);
}

/* Does it count among the writable mappings that keep F_SEAL_WRITE away? */
static bool kipc_vma_counts(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) ==
	       (VM_SHARED | VM_MAYWRITE);
}

/*
 * Count a mapping that may be written; if a seal forbids that, it may not: 0, or -EPERM if
 * it has to.
 */
static int kipc_vma_begin_write(struct vm_area_struct *vma, struct file *file)
{
	if (!kipc_vma_counts(vma))
		return 0;
	if (!mapping_map_writable(file->f_mapping)) {
		if (!(READ_ONCE(SHMEM_I(file_inode(file))->seals) &
		      F_SEAL_FUTURE_WRITE))
			return 0;
		mapping_unmap_writable(file->f_mapping);
	}
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	kipc_vma_flags(vma, 0, VM_MAYWRITE);
	return 0;
}

static void kipc_vma_end_write(const struct vm_area_struct *vma,
			       const struct file *file)
{
	if (kipc_vma_counts(vma))
		mapping_unmap_writable(file->f_mapping);
}

/* An attachment has come (1) or goes (-1). */
static void kipc_memory_note(struct kipc_memory *memory, int n)
{
	struct pid *last = get_pid(task_tgid(current));
	u64 now = ktime_get_coarse_real_ns();

	spin_lock(&memory->object.lock);
	memory->attached += n;
	*(n > 0 ? &memory->attach_time : &memory->detach_time) = now;
	swap(memory->last, last);
	spin_unlock(&memory->object.lock);
	put_pid(last);
	kipc_count(KIPC_REF_ATTACHMENTS, n);
}

/* One more of what is mapped: by fork, by being split, or moved. */
static void kipc_memory_vma_open(struct vm_area_struct *vma)
{
	struct kipc_memory *memory = kipc_memory_of_vma(vma);

	dget(vma->vm_private_data);
	refcount_inc(&memory->holds);
	if (kipc_vma_counts(vma))
		mapping_allow_writable(vma->vm_file->f_mapping);
	kipc_memory_note(memory, 1);
}

static void kipc_memory_vma_close(struct vm_area_struct *vma)
{
	struct kipc_memory *memory = kipc_memory_of_vma(vma);

	kipc_vma_end_write(vma, vma->vm_file);
	kipc_memory_note(memory, -1);
	kipc_memory_drop(memory);
	/* Frees the object, if it was the last; nothing of ours is needed after that. */
	dput(vma->vm_private_data);
}

/* What was added to the memfd behind kipc's back is not there. */
static vm_fault_t kipc_memory_fault(struct vm_fault *vmf)
{
	if (vmf->pgoff >= READ_ONCE(kipc_memory_of_vma(vmf->vma)->pages))
		return VM_FAULT_SIGBUS;
	return kipc_shmem_ops->fault(vmf);
}

static vm_fault_t kipc_memory_map_pages(struct vm_fault *vmf, pgoff_t start,
					pgoff_t end)
{
	pgoff_t pages = READ_ONCE(kipc_memory_of_vma(vmf->vma)->pages);

	if (start >= pages)
		return 0;
	return kipc_shmem_ops->map_pages(vmf, start, min(end, pages - 1));
}

static const struct vm_operations_struct *
kipc_memory_ops_of(const struct vm_operations_struct *shmem)
{
	spin_lock(&kipc_memory_ops_lock);
	if (!kipc_shmem_ops) {
		kipc_memory_vm_ops = *shmem;
		kipc_memory_vm_ops.open = kipc_memory_vma_open;
		kipc_memory_vm_ops.close = kipc_memory_vma_close;
		kipc_memory_vm_ops.fault = kipc_memory_fault;
		kipc_memory_vm_ops.map_pages = kipc_memory_map_pages;
		kipc_shmem_ops = shmem;
	}
	spin_unlock(&kipc_memory_ops_lock);
	return &kipc_memory_vm_ops;
}

/* Make a mapping one of the memfd.  The memory is held, and stays so if this succeeds. */
static int kipc_memory_attach(struct kipc_memory *memory, struct dentry *dentry,
			      struct vm_area_struct *vma)
{
	struct file *memfd = memory->file;
	int ret;

	if (vma->vm_pgoff + vma_pages(vma) > READ_ONCE(memory->pages))
		return -ENXIO;
	kipc_delay(KIPC_DELAY_MEMORY_MAPPING);
	ret = kipc_vma_begin_write(vma, memfd);
	if (ret)
		return ret;
	kipc_delay(KIPC_DELAY_MEMORY_MAPPED);
	vma_set_file(vma, memfd);
	ret = call_mmap(memfd, vma);
	if (ret) {
		kipc_vma_end_write(vma, memfd);
		return ret;
	}
	/*
	 * remap_file_pages(2) maps the memfd's file once more, past us.  6.1 would merge an
	 * attachment into that, without a close; but it never has this flag, which means
	 * nothing here.
	 */
	if (vma->vm_flags & VM_SHARED)
		kipc_vma_flags(vma, VM_NORESERVE, 0);
	vma->vm_ops = kipc_memory_ops_of(vma->vm_ops);
	vma->vm_private_data = dget(dentry);
	kipc_memory_note(memory, 1);
	return 0;
}

/**
 * kipc_memory_mmap - map a handle
 * @file: the handle
 * @vma: to be filled
 *
 * Context: process context, may sleep; the mmap_lock is held.
 * Return: 0, or what "Shared memory" in kipc_memory.h says.
 */
int kipc_memory_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kipc_memory *memory = kipc_memory_of_file(file);
	struct kipc_handle *handle = file->private_data;
	int ret;

	if (!(handle->rights & KIPC_RIGHT_MAP))
		return -EPERM;
	if (!kipc_memory_hold(memory))
		return -EIDRM;
	ret = kipc_memory_attach(memory, file->f_path.dentry, vma);
	if (ret)
		kipc_memory_drop(memory);
	return ret;
}
