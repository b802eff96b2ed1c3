/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The pipe inside
 *
 * Bytes stand in a ring; where one write ends there and another begins is forgotten.  A
 * write of up to KIPC_COPY_LOCKED bytes is put in under the object's lock; a larger one by
 * pieces, each in a segment that is filled first, without the lock, and then goes into the
 * ring.
 * Reading is by pieces, too, of which large ones are copied without the lock.
 *
 * Threads that cannot go on stand in lines: readers, writers, and those who open an end
 * and wait for the other.  All of it is protected by the object's lock.  These
 * invariants hold whenever the lock is free and no batch of wake-ups is under way:
 *
 *   T: at most one reader has the *turn*: it was granted that and has not run yet, or
 *      it copies a longer read piece by piece, up to about the capacity; nobody else
 *      takes bytes meanwhile
 *   R: if a reader is in line, somebody has the turn, or nothing is in the ring and
 *      there are writers
 *   W: if a writer is in line, then for the first one there is not enough room, and
 *      there are readers
 *   O: if somebody waits for the other end, that has not come since
 *
 * kipc_pipe_unlock() restores them before it drops the lock, by granting: a reader gets
 * the turn, a writer gets its room reserved (@bytes).  Who has been granted something and
 * must leave gives it back, and the unlock passes it on.  What a turn is for cannot go
 * away but by removal, so no grant is ever taken back.
 *
 * A new arrival may go ahead only if its line is empty.  Whoever finds a page missing at
 * a copy lets go of everything, and comes again as a new arrival: it never holds up
 * others, whatever lies behind its memory.
 *
 * A writer's room is enough if what it has to put in fits, and as much is free as makes
 * the pipe writable to poll, at most half of the capacity: it would be woken for every few
 * bytes.  When its time is up, it need only fit.
 */
#ifndef KIPC_PIPE_PIPE_H
#define KIPC_PIPE_PIPE_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "buffer.h"
#include "debug.h"
#include "object.h"
#include "ring.h"
#include "trace.h"
#include "waiter.h"

/**
 * struct kipc_pipe_figures - what struct kipc_pipe_stat says, as far as it is kept for that
 * @peak_bytes: see there
 * @written_bytes: see there
 * @read_bytes: see there
 * @write_waits: see there
 * @read_waits: see there
 * @waiting_writers: see there
 * @waiting_readers: see there
 */
struct kipc_pipe_figures {
	u64 peak_bytes;
	u64 written_bytes;
	u64 read_bytes;
	u64 write_waits;
	u64 read_waits;
	u32 waiting_writers;
	u32 waiting_readers;
};

/**
 * struct kipc_pipe - a pipe
 * @object: its head
 *
 * Protected by @object.lock:
 * @capacity: in bytes
 * @atomic: longest write that goes in whole; also read without the lock, as a snapshot
 * @ready: bytes in @ring
 * @bytes: room that is taken: @ready, and what granted writers will bring
 * @ring: what is inside
 * @readers: line of those that wait for something to read
 * @writers: line of those that wait for room
 * @opening_readers: those that have opened an end and wait for a writer
 * @opening_writers: for a reader
 * @turn: a reader has the turn
 * @copying: it is copying what is in the first segment, without the lock
 * @told: the poll mask that pollers know
 * @ends: who can still write, and read
 * @writers_came: how many handles that may write have come
 * @readers_came: that may read
 * @stat: figures
 */
struct kipc_pipe {
	struct kipc_object object;

	u32 capacity;
	u32 atomic;
	u32 ready;
	u32 bytes;
	struct kipc_ring ring;
	struct list_head readers;
	struct list_head writers;
	struct list_head opening_readers;
	struct list_head opening_writers;
	bool turn;
	bool copying;
	__poll_t told;
	struct kipc_ends ends;
	u64 writers_came;
	u64 readers_came;
	struct kipc_pipe_figures stat;
};

/**
 * struct kipc_pipe_handle - a handle of a pipe
 * @handle: its head
 * @quiet: opened without waiting, when there was no writer: it shows no hang-up before
 *	one has come
 * @alone: when it came the other end was not there
 * @came: of which so many had come before
 */
struct kipc_pipe_handle {
	struct kipc_handle handle;
	bool quiet;
	bool alone;
	u64 came;
};

/**
 * struct kipc_transfer - what is to be read or written
 * @buffer: where to, or from; moves on by what was done
 * @size: of it
 * @deadline: KIPC_DEADLINE_..., or a time
 * @nowait: nor wait for memory
 * @large: to write: it began as more than is copied under the lock, so its small pieces
 *	may have a segment of their own
 */
struct kipc_transfer {
	struct kipc_buffer buffer;
	size_t size;
	ktime_t deadline;
	bool nowait;
	bool large;
};

/*
 * A larger piece would fill no more than a segment that is kept, nor would it be worth
 * the while: copying dominates.
 */
#define KIPC_PIPE_PIECE	(KIPC_SEGMENT_MAX - sizeof(struct kipc_segment))

static inline struct kipc_pipe *kipc_pipe_of(struct kipc_object *object)
{
	return container_of(object, struct kipc_pipe, object);
}

static inline struct kipc_pipe *kipc_pipe_of_file(struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_pipe_of(handle->object);
}

/* The next piece begins behind this one. */
static inline void kipc_transfer_advance(struct kipc_transfer *transfer,
					 size_t bytes)
{
	if (transfer->buffer.iter)
		iov_iter_advance(transfer->buffer.iter, bytes);
	else
		transfer->buffer.base += bytes;
	transfer->size -= bytes;
}

/* The state, under the lock. */

static inline u32 kipc_pipe_room(const struct kipc_pipe *pipe)
{
	return pipe->capacity - pipe->bytes;
}

/* How much must be free for who waits to put in @size bytes. */
static inline u32 kipc_pipe_enough(const struct kipc_pipe *pipe, size_t size)
{
	return max_t(u32, size, min(pipe->atomic, pipe->capacity / 2));
}

/* Can something be read that is not somebody's turn? */
static inline bool kipc_pipe_readable(const struct kipc_pipe *pipe)
{
	return pipe->ready && !pipe->turn;
}

/* What a reader gets: KIPC_GRANTED, KIPC_WAITING, -EIDRM, or -EPIPE: end of file. */
static inline int kipc_pipe_reader_verdict(const struct kipc_pipe *pipe)
{
	if (unlikely(pipe->object.removed))
		return -EIDRM;
	if (pipe->turn)
		return KIPC_WAITING;
	if (pipe->ready)
		return KIPC_GRANTED;
	return unlikely(!pipe->ends.senders) ? -EPIPE : KIPC_WAITING;
}

/* 0, or why nothing can be written. */
static inline int kipc_pipe_closed_to_writers(const struct kipc_pipe *pipe)
{
	if (unlikely(pipe->object.removed))
		return -EIDRM;
	return unlikely(!pipe->ends.receivers) ? -EPIPE : 0;
}

static inline void kipc_pipe_take_room(struct kipc_pipe *pipe, u32 bytes)
{
	pipe->bytes += bytes;
}

static inline void kipc_pipe_give_room(struct kipc_pipe *pipe, u32 bytes)
{
	pipe->bytes -= bytes;
}

/* What was put into the ring, for which room was taken, can be read now. */
static inline void kipc_pipe_wrote(struct kipc_pipe *pipe, u32 bytes)
{
	kipc_trace(send, pipe->object.id, KIPC_KIND_PIPE, pipe->stat.written_bytes, bytes);
	pipe->ready += bytes;
	pipe->stat.peak_bytes = max_t(u64, pipe->stat.peak_bytes, pipe->ready);
	pipe->stat.written_bytes += bytes;
}

/* Take bytes from the front, which has as many: returns garbage, or NULL. */
static inline struct kipc_segment *kipc_pipe_take(struct kipc_pipe *pipe,
						  struct kipc_segment *front,
						  u32 bytes)
{
	lockdep_assert_held(&pipe->object.lock);
	kipc_trace(receive, pipe->object.id, KIPC_KIND_PIPE, pipe->stat.read_bytes, bytes);
	pipe->ready -= bytes;
	pipe->bytes -= bytes;
	pipe->stat.read_bytes += bytes;
	return kipc_ring_pop(&pipe->ring, front, bytes);
}

/* Nobody stands in line, and nobody must be told: no hand-off is needed. */
static inline bool kipc_pipe_is_calm(struct kipc_pipe *pipe)
{
	return list_empty(&pipe->readers) && list_empty(&pipe->writers) &&
	       !pipe->object.removed && !kipc_notify_wanted(&pipe->object.notify);
}

/* What FIONREAD tells. */
static inline u32 kipc_pipe_inside(struct kipc_pipe *pipe)
{
	u32 bytes;

	spin_lock(&pipe->object.lock);
	bytes = pipe->ready;
	spin_unlock(&pipe->object.lock);
	return bytes;
}

/* line.c: who waits for whom */
void kipc_pipe_unlock(struct kipc_pipe *pipe, struct kipc_wake *wake, bool arrived)
	__releases(&pipe->object.lock);
__poll_t kipc_pipe_state(const struct kipc_pipe *pipe);
int kipc_pipe_await_turn(struct kipc_pipe *pipe, ktime_t deadline,
			 struct kipc_wake *wake);
int kipc_pipe_await_data(struct kipc_pipe *pipe, ktime_t deadline);
int kipc_pipe_await_room(struct kipc_pipe *pipe, size_t size, ktime_t deadline,
			 struct kipc_wake *wake);
int kipc_pipe_await_space(struct kipc_pipe *pipe, ktime_t deadline);
int kipc_pipe_meet(struct kipc_handle *handle, ktime_t deadline);

/* write.c */
ssize_t kipc_pipe_send_piece(struct kipc_pipe *pipe,
			     const struct kipc_transfer *from, bool whole);
ssize_t kipc_pipe_write(struct file *file, const char __user *buf, size_t size,
			loff_t *pos);
ssize_t kipc_pipe_write_iter(struct kiocb *iocb, struct iov_iter *from);
long kipc_pipe_ioctl_write(struct file *file, void __user *arg, size_t size);

/* read.c */
int kipc_pipe_io_in(struct file *file, void __user *arg, size_t size,
		    struct kipc_transfer *transfer, u32 *flags);
ssize_t kipc_pipe_receive(struct kipc_pipe *pipe, struct kipc_transfer *to);
ssize_t kipc_pipe_read(struct file *file, char __user *buf, size_t size,
		       loff_t *pos);
ssize_t kipc_pipe_read_iter(struct kiocb *iocb, struct iov_iter *to);
long kipc_pipe_ioctl_read(struct file *file, void __user *arg, size_t size);

/* splice.c */
ssize_t kipc_pipe_splice_read(struct file *in, loff_t *pos,
			      struct pipe_inode_info *out, size_t size,
			      unsigned int flags);
ssize_t kipc_pipe_splice_write(struct pipe_inode_info *in, struct file *out,
			       loff_t *pos, size_t size, unsigned int flags);

/* kind.c */
void kipc_pipe_clear(struct kipc_pipe *pipe);
extern const struct kipc_kind kipc_pipe_kind;

#endif /* KIPC_PIPE_PIPE_H */
