// SPDX-License-Identifier: GPL-2.0
/*
 * Writing into a pipe.
 */
#include <linux/sched/signal.h>

#include "pipe.h"

/* Allocate a segment of @size; or, if that cannot be had, of what is needed. */
static struct kipc_segment *kipc_pipe_segment(struct kipc_pipe *pipe, size_t size,
					      size_t needed, bool nowait)
{
	struct kipc_account *account = &pipe->object.account;
	struct kipc_segment *segment;

	segment = kipc_segment_alloc(account, size, nowait);
	/* What is left of the quota may still do for this piece. */
	if (IS_ERR(segment) && size > needed)
		segment = kipc_segment_alloc(account, needed, nowait);
	return segment;
}

/*
 * Give the ring another segment of at least @bytes.  The lock is held, dropped
 * meanwhile, and held again.  Returns 0, -EDQUOT, -ENOMEM, -EIDRM, -EPIPE.
 */
static int kipc_pipe_grow(struct kipc_pipe *pipe, size_t bytes, bool nowait,
			  struct kipc_wake *wake)
	__releases(&pipe->object.lock)
	__acquires(&pipe->object.lock)
{
	size_t size = kipc_ring_segment_size(&pipe->ring, bytes);
	struct kipc_segment *segment, *garbage;

	kipc_pipe_unlock(pipe, wake, false);
	segment = kipc_pipe_segment(pipe, size, bytes, nowait);
	kipc_delay(KIPC_DELAY_PIPE_GROWN);
	spin_lock(&pipe->object.lock);
	if (IS_ERR(segment))
		return PTR_ERR(segment);
	/* Nobody shall pay for the memory of a pipe that gets nothing more. */
	garbage = unlikely(kipc_pipe_closed_to_writers(pipe)) ? segment :
		  kipc_ring_extend(&pipe->ring, segment);
	if (unlikely(garbage)) {
		kipc_pipe_unlock(pipe, wake, false);
		kipc_segment_free(&pipe->object.account, garbage);
		spin_lock(&pipe->object.lock);
	}
	return kipc_pipe_closed_to_writers(pipe);
}

/* Copy a part of a piece in, which begins @skip bytes behind the start of the buffer. */
static bool kipc_pipe_fill(void *to, const struct kipc_buffer *from, size_t skip,
			   size_t bytes)
{
	struct kipc_buffer part = *from;
	struct iov_iter iter;

	if (part.iter) {
		iter = *part.iter;
		iov_iter_advance(&iter, skip);
		part.iter = &iter;
	} else {
		part.base += skip;
	}
	return kipc_buffer_in(to, &part, bytes);
}

/*
 * Put a piece into the ring, for which room is taken: what the last segment has room
 * for, and the rest into another.  The lock is held, and dropped meanwhile if the ring
 * must grow.  Returns -EFAULT if a page is missing, -EDQUOT, -ENOMEM, -EIDRM, -EPIPE:
 * then nothing has been put.
 */
static int kipc_pipe_put(struct kipc_pipe *pipe, const struct kipc_transfer *from,
			 size_t bytes, struct kipc_wake *wake)
{
	struct kipc_segment *back;
	void *more = NULL;
	size_t head, rest;
	int ret;

	for (;;) {
		back = kipc_ring_back(&pipe->ring);
		head = back ? min(bytes, kipc_segment_room(back)) : 0;
		rest = bytes - head;
		if (!rest)
			break;
		/* An empty one that is too small gives way to a larger one. */
		if (back && kipc_segment_empty(back)) {
			head = 0;
			rest = bytes;
		}
		more = kipc_ring_reserve_spare(&pipe->ring, rest);
		if (more)
			break;
		ret = kipc_pipe_grow(pipe, rest, from->nowait, wake);
		if (ret)
			return ret;
	}
	if (head && !kipc_pipe_fill(kipc_segment_tail(back), &from->buffer, 0, head))
		return -EFAULT;
	if (rest && !kipc_pipe_fill(more, &from->buffer, head, rest))
		return -EFAULT;
	if (head)
		back->tail += head;
	if (rest)
		kipc_ring_commit(&pipe->ring, rest);
	return 0;
}

/*
 * Fill a segment with a piece of a large write, for which room is taken, and put it into
 * the ring.  The lock is held, dropped meanwhile, and held again: the piece's place in the
 * stream is where the ring ends by then.  Returns as kipc_pipe_put(), and garbage.
 */
static int kipc_pipe_put_large(struct kipc_pipe *pipe,
			       const struct kipc_transfer *from, size_t bytes,
			       struct kipc_wake *wake, struct kipc_segment **garbage)
	__releases(&pipe->object.lock)
	__acquires(&pipe->object.lock)
{
	/* As much as is charged shall be inside; but small pieces share a page. */
	size_t size = max_t(size_t, bytes, PAGE_SIZE - sizeof(struct kipc_segment));
	struct kipc_segment *segment = kipc_ring_lend(&pipe->ring, bytes,
						      size + size / 4);
	bool filled;
	int ret;

	kipc_pipe_unlock(pipe, wake, false);
	if (!segment)
		segment = kipc_pipe_segment(pipe, size, bytes, from->nowait);
	if (IS_ERR(segment)) {
		spin_lock(&pipe->object.lock);
		return PTR_ERR(segment);
	}
	kipc_delay(KIPC_DELAY_PIPE_WRITE_FILLING);
	filled = kipc_buffer_large_in(segment->data, &from->buffer, bytes);
	kipc_delay(KIPC_DELAY_PIPE_WRITE_FILLED);
	spin_lock(&pipe->object.lock);
	ret = kipc_pipe_closed_to_writers(pipe);
	if (!ret && !filled)
		ret = -EFAULT;
	if (ret)
		*garbage = segment;
	else
		kipc_ring_attach(&pipe->ring, segment, bytes);
	return ret;
}

/*
 * Come to where the next piece can be put in, or with @whole all that there is.  The
 * lock is held, dropped while it sleeps, and held again.  Returns its size, or as
 * kipc_pipe_await_room().
 */
static ssize_t kipc_pipe_await_piece(struct kipc_pipe *pipe,
				     const struct kipc_transfer *from, bool whole,
				     struct kipc_wake *wake)
{
	size_t most = min_t(size_t, from->size, KIPC_PIPE_PIECE), bytes = from->size;
	u32 room = list_empty(&pipe->writers) ? kipc_pipe_room(pipe) : 0, more;
	int ret;

	/* What there is room for; who waits shall not be woken for little. */
	if (!whole)
		bytes = room ? min_t(size_t, most, room) :
			       min3(most, (size_t)KIPC_COPY_LOCKED,
				    (size_t)pipe->capacity);
	ret = kipc_pipe_await_room(pipe, bytes, from->deadline, wake);
	if (ret)
		return ret;
	if (!whole && list_empty(&pipe->writers)) {
		more = min_t(size_t, most - bytes, kipc_pipe_room(pipe));
		kipc_pipe_take_room(pipe, more);
		bytes += more;
	}
	return bytes;
}

/**
 * kipc_pipe_send_piece - write a piece, as large as there is room for
 * @pipe: the pipe
 * @from: the data; it is not advanced
 * @whole: all that there is, which is no more than the atomic size
 *
 * Context: process context, may sleep.
 * Return: how much was written, or an errno as kipc_pipe_await_room() has them, -EFAULT,
 * -ENOMEM.
 */
ssize_t kipc_pipe_send_piece(struct kipc_pipe *pipe,
			     const struct kipc_transfer *from, bool whole)
{
	struct kipc_segment *garbage;
	struct kipc_wake wake;
	ssize_t bytes;
	int ret;

	kipc_wake_init(&wake);
again:
	garbage = NULL;
	ret = 0;
	spin_lock(&pipe->object.lock);
	bytes = kipc_pipe_await_piece(pipe, from, whole, &wake);
	if (likely(bytes > 0)) {
		if (bytes > KIPC_COPY_LOCKED ||
		    (from->large && !kipc_ring_room(&pipe->ring, bytes)))
			ret = kipc_pipe_put_large(pipe, from, bytes, &wake,
						  &garbage);
		else
			ret = kipc_pipe_put(pipe, from, bytes, &wake);
		if (likely(!ret))
			kipc_pipe_wrote(pipe, bytes);
		else
			kipc_pipe_give_room(pipe, bytes);
	}
	kipc_pipe_unlock(pipe, &wake, bytes > 0 && !ret);
	if (unlikely(garbage))
		kipc_segment_free(&pipe->object.account, garbage);
	if (unlikely(ret == -EFAULT) &&
	    kipc_buffer_fault_in_readable(&from->buffer, bytes)) {
		kipc_delay(KIPC_DELAY_PIPE_WRITE_FAULT);
		if (!signal_pending(current))
			goto again;
		ret = -ERESTARTSYS;
	}
	return ret ?: bytes;
}

/*
 * Write, as write(2) does; @signal: raise SIGPIPE if there are no readers.  Returns how
 * much was written, or an errno.
 */
static ssize_t kipc_pipe_send(struct kipc_pipe *pipe, struct kipc_transfer *from,
			      bool signal)
{
	ssize_t ret, done = 0;
	bool whole;

	from->large = from->size > KIPC_COPY_LOCKED;
	while (from->size) {
		/* Whoever resizes it may change that. */
		whole = !done && from->size <= READ_ONCE(pipe->atomic);
		ret = kipc_pipe_send_piece(pipe, from, whole);
		if (unlikely(ret == -EPIPE) && signal)
			send_sig(SIGPIPE, current, 0);
		if (unlikely(ret == -EAGAIN) &&
		    from->deadline != KIPC_DEADLINE_NO_WAIT)
			continue;
		if (unlikely(ret < 0))
			return done ?: ret;
		kipc_transfer_advance(from, ret);
		done += ret;
		kipc_delay(KIPC_DELAY_PIPE_WRITE_BETWEEN);
		cond_resched();
		/* As long as somebody reads as fast, it never waits. */
		if (unlikely(fatal_signal_pending(current)))
			break;
	}
	return done;
}

/*
 * The common case at once: a short write, room for it, and nobody to be told.  False:
 * that is not so, and nothing has happened.
 */
static __always_inline bool kipc_pipe_write_quick(struct kipc_pipe *pipe,
						  const void __user *data,
						  size_t size)
{
	struct kipc_segment *segment;
	bool done = false;

	if (unlikely(size > KIPC_COPY_LOCKED))
		return false;
	spin_lock(&pipe->object.lock);
	if (unlikely(!kipc_pipe_is_calm(pipe) || !pipe->ends.receivers ||
		     kipc_pipe_room(pipe) < size))
		goto unlock;
	segment = kipc_ring_room(&pipe->ring, size);
	if (unlikely(!segment))
		goto unlock;
	done = kipc_copy_in(kipc_segment_tail(segment), data, size);
	if (likely(done)) {
		segment->tail += size;
		kipc_pipe_take_room(pipe, size);
		kipc_pipe_wrote(pipe, size);
	}
unlock:
	spin_unlock(&pipe->object.lock);
	return done;
}

static noinline ssize_t kipc_pipe_write_from(struct file *file, bool nowait,
					     struct kipc_buffer buffer,
					     size_t size)
{
	struct kipc_transfer from = {
		.buffer = buffer,
		.size = size,
		.deadline = kipc_handle_patience(file, nowait),
		.nowait = nowait,
	};
	ssize_t ret = kipc_pipe_send(kipc_pipe_of_file(file), &from, true);

	/* io_uring comes again: with its own work done, or ready to wait. */
	if (unlikely(nowait && (ret == -ENOMEM || ret == -ERESTARTSYS)))
		ret = -EAGAIN;
	return ret;
}

/**
 * kipc_pipe_write - write(2)
 * @file: the handle, with the right to send
 * @buf: the data
 * @size: of it
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: how much was written, or what struct kipc_pipe_io says, -ERESTARTSYS for EINTR.
 */
ssize_t kipc_pipe_write(struct file *file, const char __user *buf, size_t size,
			loff_t *pos)
{
	struct kipc_buffer buffer = { .base = (void __user *)buf };

	if (likely(size && kipc_pipe_write_quick(kipc_pipe_of_file(file), buf,
						 size)))
		return size;
	return kipc_pipe_write_from(file, false, buffer, size);
}

/**
 * kipc_pipe_write_iter - the same for writev(2) and io_uring
 * @iocb: IOCB_NOWAIT counts; the caller's pages may have to be brought in all the same
 * @from: the data
 *
 * Context: process context, may sleep.
 * Return: as kipc_pipe_write().
 */
ssize_t kipc_pipe_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return kipc_pipe_write_from(iocb->ki_filp, iocb->ki_flags & IOCB_NOWAIT,
				    (struct kipc_buffer){ .iter = from },
				    iov_iter_count(from));
}

/**
 * kipc_pipe_ioctl_write - KIPC_IOC_PIPE_WRITE
 * @file: the handle
 * @arg: struct kipc_pipe_io
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: how much was written, or what struct kipc_pipe_io says, -ERESTARTSYS for EINTR.
 */
long kipc_pipe_ioctl_write(struct file *file, void __user *arg, size_t size)
{
	struct kipc_transfer from;
	u32 flags;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_pipe_io_in(file, arg, size, &from, &flags);
	if (ret)
		return ret;
	if (flags & ~KIPC_PIPE_NOSIGNAL)
		return -EINVAL;
	if (likely(from.size && kipc_pipe_write_quick(kipc_pipe_of_file(file),
						      from.buffer.base,
						      from.size)))
		return from.size;
	return kipc_pipe_send(kipc_pipe_of_file(file), &from,
			      !(flags & KIPC_PIPE_NOSIGNAL));
}
