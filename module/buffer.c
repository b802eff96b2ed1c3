// SPDX-License-Identifier: GPL-2.0
/*
 * Copies between kernel and user memory.  See buffer.h.
 */
#include <linux/minmax.h>
#include <linux/pagemap.h>

#include "buffer.h"

/**
 * kipc_buffer_iter_out - kipc_buffer_out() for an iterator
 * @to: has an iterator
 * @from: kernel memory
 * @bytes: how many
 *
 * Context: any; takes no page fault.
 * Return: whether all was copied.
 */
bool kipc_buffer_iter_out(const struct kipc_buffer *to, const void *from,
			  size_t bytes)
{
	struct iov_iter iter = *to->iter;
	bool done;

	pagefault_disable();
	done = copy_to_iter(from, bytes, &iter) == bytes;
	pagefault_enable();
	return done;
}

/**
 * kipc_buffer_iter_in - kipc_buffer_in() for an iterator
 * @to: kernel memory
 * @from: has an iterator
 * @bytes: how many
 *
 * Context: any; takes no page fault.
 * Return: whether all was copied.
 */
bool kipc_buffer_iter_in(void *to, const struct kipc_buffer *from, size_t bytes)
{
	struct iov_iter iter = *from->iter;
	bool done;

	pagefault_disable();
	done = copy_from_iter(to, bytes, &iter) == bytes;
	pagefault_enable();
	return done;
}

/* The next piece of a buffer, whose iterator is the caller's own copy. */
static void kipc_buffer_move_on(struct kipc_buffer *piece, size_t bytes)
{
	if (piece->iter)
		iov_iter_advance(piece->iter, bytes);
	else
		piece->base += bytes;
	cond_resched();
}

/**
 * kipc_buffer_large_out - copy any number of bytes out, without page faults
 * @to: user memory
 * @from: kernel memory
 * @bytes: how many
 *
 * Context: process context, no lock held; ends soon.
 * Return: false if it would fault.
 */
bool kipc_buffer_large_out(const struct kipc_buffer *to, const void *from,
			   size_t bytes)
{
	struct kipc_buffer piece = *to;
	struct iov_iter iter;
	size_t part;

	if (to->iter) {
		iter = *to->iter;
		piece.iter = &iter;
	}
	for (; bytes; bytes -= part, from += part) {
		part = min_t(size_t, bytes, KIPC_COPY_LOCKED);
		if (!kipc_buffer_out(&piece, from, part))
			return false;
		kipc_buffer_move_on(&piece, part);
	}
	return true;
}

/**
 * kipc_buffer_large_in - copy any number of bytes in, without page faults
 * @to: kernel memory
 * @from: user memory
 * @bytes: how many
 *
 * Context: process context, no lock held; ends soon.
 * Return: false if it would fault.
 */
bool kipc_buffer_large_in(void *to, const struct kipc_buffer *from, size_t bytes)
{
	struct kipc_buffer piece = *from;
	struct iov_iter iter;
	size_t part;

	if (from->iter) {
		iter = *from->iter;
		piece.iter = &iter;
	}
	for (; bytes; bytes -= part, to += part) {
		part = min_t(size_t, bytes, KIPC_COPY_LOCKED);
		if (!kipc_buffer_in(to, &piece, part))
			return false;
		kipc_buffer_move_on(&piece, part);
	}
	return true;
}

/**
 * kipc_buffer_read - copy any number of bytes in; may fault
 * @to: kernel memory
 * @from: user memory
 * @bytes: how many
 *
 * Context: process context, nothing is held that others wait for.
 * Return: whether all was copied.
 */
bool kipc_buffer_read(void *to, const struct kipc_buffer *from, size_t bytes)
{
	if (from->iter) {
		struct iov_iter iter = *from->iter;

		return copy_from_iter_full(to, bytes, &iter);
	}
	return !copy_from_user(to, from->base, bytes);
}

/**
 * kipc_buffer_fault_in_writeable - make it likely that a copy out succeeds
 * @buffer: user memory
 * @bytes: how many
 *
 * Context: process context, nothing is held that others wait for.
 * Return: false if the memory cannot be written (EFAULT).
 */
bool kipc_buffer_fault_in_writeable(const struct kipc_buffer *buffer,
				    size_t bytes)
{
	if (buffer->iter)
		return !fault_in_iov_iter_writeable(buffer->iter, bytes);
	return !fault_in_safe_writeable(buffer->base, bytes);
}

/**
 * kipc_buffer_fault_in_readable - make it likely that a copy in succeeds
 * @buffer: user memory
 * @bytes: how many
 *
 * Context: process context, nothing is held that others wait for.
 * Return: false if the memory cannot be read (EFAULT).
 */
bool kipc_buffer_fault_in_readable(const struct kipc_buffer *buffer,
				   size_t bytes)
{
	if (buffer->iter)
		return !fault_in_iov_iter_readable(buffer->iter, bytes);
	return !fault_in_readable(buffer->base, bytes);
}

/**
 * kipc_arg_in_slow - kipc_arg_in() of any size
 * @to: where to
 * @known: its size here
 * @least: its size when it was first published
 * @from: the caller's
 * @given: its size there
 *
 * Return: 0; -EINVAL: too short; -E2BIG: longer, and not zero there; -EFAULT.
 */
int kipc_arg_in_slow(void *to, size_t known, size_t least,
		     const void __user *from, size_t given)
{
	if (given == known)
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
