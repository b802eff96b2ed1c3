// SPDX-License-Identifier: GPL-2.0
/*
 * Reading from a pipe.
 */
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "pipe.h"

/*
 * Read a piece; it is the caller's turn, and something is there.  The lock is held, and
 * dropped meanwhile if it is a large one: what is in the first segment stays there,
 * and the segment too, while @copying.  Returns how much was read, -EFAULT if a page is
 * missing, 0 if it was removed; garbage in @garbage.
 */
static ssize_t kipc_pipe_take_piece(struct kipc_pipe *pipe,
				    const struct kipc_transfer *to,
				    struct kipc_wake *wake,
				    struct kipc_segment **garbage)
{
	struct kipc_segment *front = kipc_ring_first(&pipe->ring);
	size_t bytes = min(to->size, front->tail - front->head);
	bool done;

	if (bytes <= KIPC_COPY_LOCKED) {
		done = kipc_buffer_out(&to->buffer, kipc_segment_record(front),
				       bytes);
	} else {
		pipe->copying = true;
		kipc_pipe_unlock(pipe, wake, false);
		kipc_delay(KIPC_DELAY_PIPE_READ_COPYING);
		done = kipc_buffer_large_out(&to->buffer,
					     kipc_segment_record(front), bytes);
		kipc_delay(KIPC_DELAY_PIPE_READ_COPIED);
		spin_lock(&pipe->object.lock);
		pipe->copying = false;
		if (unlikely(pipe->object.removed))
			return 0;
	}
	if (unlikely(!done))
		return -EFAULT;
	*garbage = kipc_pipe_take(pipe, front, bytes);
	return bytes;
}

/*
 * It is the caller's turn: read what is there, piece by piece, and let others go on
 * between.  The lock is held, and dropped; the turn is over.  Returns how much was read,
 * and in @fault how much is there still, if a page was missing, else 0; @mark tells
 * whether somebody else has read since.
 */
static ssize_t kipc_pipe_take_all(struct kipc_pipe *pipe, struct kipc_transfer *to,
				  struct kipc_wake *wake, size_t *fault, u64 *mark)
	__releases(&pipe->object.lock)
{
	struct kipc_segment *garbage;
	ssize_t bytes, done = 0;
	bool removed;

	*fault = 0;
	for (;;) {
		garbage = NULL;
		bytes = kipc_pipe_take_piece(pipe, to, wake, &garbage);
		if (unlikely(bytes <= 0)) {
			if (bytes < 0)
				*fault = min_t(size_t, to->size, pipe->ready);
			break;
		}
		kipc_transfer_advance(to, bytes);
		done += bytes;
		if (likely(!to->size || !pipe->ready))
			break;
		kipc_pipe_unlock(pipe, wake, false);
		kipc_segment_free(&pipe->object.account, garbage);
		cond_resched();
		kipc_delay(KIPC_DELAY_PIPE_READ_BETWEEN);
		spin_lock(&pipe->object.lock);
		/*
		 * Nobody else takes anything, but it may have been removed.  Whoever
		 * writes as fast as this reads must not keep signals away, nor other
		 * readers, in line or not.
		 */
		garbage = NULL;
		if (unlikely(!pipe->ready || signal_pending(current) ||
			     done >= pipe->capacity))
			break;
	}
	pipe->turn = false;
	*mark = pipe->stat.read_bytes;
	removed = pipe->object.removed;
	kipc_pipe_unlock(pipe, wake, false);
	if (unlikely(garbage))
		kipc_segment_free(&pipe->object.account, garbage);
	/* What was being copied could not be dropped then. */
	if (unlikely(removed))
		kipc_pipe_clear(pipe);
	return done;
}

/**
 * kipc_pipe_receive - read, as read(2) does
 * @pipe: the pipe
 * @to: where to
 *
 * Context: process context, may sleep.
 * Return: how much was read, 0 for the end of the file, or what struct kipc_pipe_io says,
 * -ERESTARTSYS for EINTR.
 */
ssize_t kipc_pipe_receive(struct kipc_pipe *pipe, struct kipc_transfer *to)
{
	struct kipc_wake wake;
	ssize_t done = 0;
	size_t fault;
	u64 mark;
	int ret;

	if (!to->size)
		return 0;
	kipc_wake_init(&wake);
again:
	spin_lock(&pipe->object.lock);
	/* After a fault in the middle, it goes on only where it was. */
	if (unlikely(done) && (pipe->stat.read_bytes != mark ||
			       !kipc_pipe_readable(pipe))) {
		spin_unlock(&pipe->object.lock);
		return done;
	}
	ret = kipc_pipe_await_turn(pipe, to->deadline, &wake);
	if (unlikely(ret)) {
		kipc_pipe_unlock(pipe, &wake, false);
		/* It may have been removed after a fault in the middle. */
		return ret == -EPIPE ? done : done ?: ret;
	}
	done += kipc_pipe_take_all(pipe, to, &wake, &fault, &mark);
	if (likely(!fault))
		return done ?: -EIDRM;

	if (!kipc_buffer_fault_in_writeable(&to->buffer, fault))
		return done ?: -EFAULT;
	kipc_delay(KIPC_DELAY_PIPE_READ_FAULT);
	if (!signal_pending(current))
		goto again;
	return done ?: -ERESTARTSYS;
}

/*
 * The common case at once: a short read, something is there, and nobody to be told.
 * Returns how much was read; or 0: that is not so, and nothing has happened.
 */
static __always_inline size_t kipc_pipe_read_quick(struct kipc_pipe *pipe,
						   void __user *data, size_t size)
{
	struct kipc_segment *front, *garbage = NULL;
	size_t bytes = 0, part;

	spin_lock(&pipe->object.lock);
	if (unlikely(!kipc_pipe_is_calm(pipe) || !kipc_pipe_readable(pipe)))
		goto unlock;
	part = min_t(size_t, size, pipe->ready);
	front = kipc_ring_first(&pipe->ring);
	if (unlikely(part > min_t(size_t, front->tail - front->head,
				  KIPC_COPY_LOCKED)))
		goto unlock;
	if (likely(kipc_copy_out(data, kipc_segment_record(front), part))) {
		garbage = kipc_pipe_take(pipe, front, part);
		bytes = part;
	}
unlock:
	spin_unlock(&pipe->object.lock);
	if (unlikely(garbage))
		kipc_segment_free(&pipe->object.account, garbage);
	return bytes;
}

static noinline ssize_t kipc_pipe_read_to(struct file *file, bool nowait,
					  struct kipc_buffer buffer, size_t size)
{
	struct kipc_transfer to = {
		.buffer = buffer,
		.size = size,
		.deadline = kipc_handle_patience(file, nowait),
	};
	ssize_t ret = kipc_pipe_receive(kipc_pipe_of_file(file), &to);

	/* io_uring comes again, ready to wait. */
	if (unlikely(nowait && ret == -ERESTARTSYS))
		ret = -EAGAIN;
	return ret;
}

/**
 * kipc_pipe_read - read(2)
 * @file: the handle, with the right to receive
 * @buf: where to
 * @size: of @buf
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: as kipc_pipe_receive().
 */
ssize_t kipc_pipe_read(struct file *file, char __user *buf, size_t size,
		       loff_t *pos)
{
	struct kipc_buffer buffer = { .base = buf };
	size_t bytes = 0;

	if (likely(size))
		bytes = kipc_pipe_read_quick(kipc_pipe_of_file(file), buf, size);
	return likely(bytes) ? bytes :
			       kipc_pipe_read_to(file, false, buffer, size);
}

/**
 * kipc_pipe_read_iter - the same for readv(2) and io_uring
 * @iocb: IOCB_NOWAIT counts; the caller's pages may have to be brought in all the same
 * @to: where to
 *
 * Context: process context, may sleep.
 * Return: as kipc_pipe_receive().
 */
ssize_t kipc_pipe_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return kipc_pipe_read_to(iocb->ki_filp, iocb->ki_flags & IOCB_NOWAIT,
				 (struct kipc_buffer){ .iter = to },
				 iov_iter_count(to));
}

/**
 * kipc_pipe_io_in - take struct kipc_pipe_io in
 * @file: the handle
 * @arg: the structure in user space
 * @size: of it
 * @transfer: to be filled
 * @flags: likewise
 *
 * Return: 0, -EINVAL, -E2BIG, -EFAULT.
 */
int kipc_pipe_io_in(struct file *file, void __user *arg, size_t size,
		    struct kipc_transfer *transfer, u32 *flags)
{
	struct kipc_pipe_io io;
	int ret;

	ret = kipc_arg_in(&io, sizeof(io),
			  KIPC_LEAST(struct kipc_pipe_io, reserved), arg, size);
	if (ret)
		return ret;
	if (io.reserved)
		return -EINVAL;
	transfer->buffer.base = u64_to_user_ptr(io.data);
	transfer->buffer.iter = NULL;
	transfer->size = min_t(u64, io.size, MAX_RW_COUNT);
	transfer->deadline = kipc_handle_deadline(file, io.deadline);
	transfer->nowait = false;
	*flags = io.flags;
	return access_ok(transfer->buffer.base, transfer->size) ? 0 : -EFAULT;
}

/**
 * kipc_pipe_ioctl_read - KIPC_IOC_PIPE_READ
 * @file: the handle
 * @arg: struct kipc_pipe_io
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: as kipc_pipe_receive().
 */
long kipc_pipe_ioctl_read(struct file *file, void __user *arg, size_t size)
{
	struct kipc_transfer to;
	size_t bytes = 0;
	u32 flags;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_pipe_io_in(file, arg, size, &to, &flags);
	if (ret)
		return ret;
	if (flags)
		return -EINVAL;
	if (likely(to.size))
		bytes = kipc_pipe_read_quick(kipc_pipe_of_file(file),
					     to.buffer.base, to.size);
	return likely(bytes) ? bytes :
			       kipc_pipe_receive(kipc_pipe_of_file(file), &to);
}
