/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc: pipes.  A part of <linux/kipc.h>, which includes this.
 *
 * DOC: Pipes
 *
 * A pipe carries bytes, first in first out, between any number of writers (handles
 * with KIPC_RIGHT_SEND) and readers (KIPC_RIGHT_RECEIVE).  It does what pipe(7) and
 * fifo(7) say, by the same system calls, so that any program can have it as its
 * standard input and output; what follows is where there was a choice.
 *
 * Capacity: any number of bytes, exactly as it was asked for; memory is used for what
 * is inside, and a pipe that was full keeps some for the next time.  A write of up to
 * atomic_size bytes goes in whole, in one piece, and never mixes with others; without
 * waiting it is EAGAIN if there is no room for all of it.  A longer one goes in by pieces,
 * between which others may come; without waiting it puts in what there is room for.  The
 * bytes of one read lie together, whoever else reads.
 *
 * A writer that waits goes on when there is room for what it wants to put in, and for
 * atomic_size bytes (at most half of the capacity), so that it is not woken for each
 * byte; writers go on in the order in which they came, and so do readers.  A read that
 * fails has taken nothing.  Packet mode (O_DIRECT) is refused: EINVAL.
 *
 * End of file: read returns 0 if the pipe is empty and has no writers, also before the
 * first one.  Without readers a write raises SIGPIPE and is EPIPE, also before the first
 * one.  A removed pipe: EIDRM, and what was inside is dropped.
 *
 * Reopening by /proc/self/fd or /dev/stdin works as on a pipe of pipe(2), for the access
 * that the inode's permissions allow and that the calling process's own handles have
 * (else EACCES).  It never waits, and the new handle cannot manage.
 *
 * poll: POLLIN, something can be read now; POLLOUT, atomic_size bytes can be written
 * without waiting, and nobody waits to write; POLLHUP on a reader if there were writers and
 * all are gone (on one that was opened by name, without waiting, when there was none:
 * writers that came since then); POLLERR on a writer if there are no readers; a removed
 * pipe: POLLERR and POLLHUP.
 *
 * ioctl(FIONREAD) gives the number of bytes that are inside.
 */
#ifndef _UAPI_LINUX_KIPC_PIPE_H
#define _UAPI_LINUX_KIPC_PIPE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The rights that a pipe knows. */
#define KIPC_PIPE_RIGHTS \
	(KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE | KIPC_RIGHT_MANAGE)

/**
 * struct kipc_pipe_attr - what a pipe is created with, and its sizes
 * @capacity: bytes, up to KIPC_PIPE_MAX; 0: 65536
 * @atomic_size: longest write that goes in whole, up to @capacity; 0: 4096, or @capacity
 *	if that is less
 * @flags: 0
 * @reserved: 0
 *
 * EINVAL: @capacity is above KIPC_PIPE_MAX, @atomic_size above @capacity.
 */
struct kipc_pipe_attr {
	__u32 capacity;
	__u32 atomic_size;
	__u32 flags;
	__u32 reserved;
};

/* struct kipc_pipe_io flags. */
#define KIPC_PIPE_NOSIGNAL	(1U << 0)	/* write: EPIPE without SIGPIPE */

/**
 * struct kipc_pipe_io - read or write with a deadline
 * @data: pointer to the buffer
 * @size: of it, in bytes; no more than INT_MAX rounded down to pages is read or written
 * @deadline: until when to wait
 * @flags: KIPC_PIPE_...
 * @reserved: 0
 *
 * As read(2) and write(2), but for the deadline.  They return the number of bytes: of a
 * write longer than atomic_size, what is in when it cannot go on, for whatever reason.
 * EAGAIN: @deadline is KIPC_NO_WAIT, or the handle O_NONBLOCK, and nothing could be done
 * at once.  ETIMEDOUT.  EINTR.  EFAULT.  EBADF: the handle may not read, or write.  EIDRM.
 * EDQUOT: the owner's quota (the creator's, also after fchown) of waiters is used up, or of
 * bytes.
 */
struct kipc_pipe_io {
	__aligned_u64 data;
	__aligned_u64 size;
	__aligned_u64 deadline;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_pipe_stat - a pipe's sizes and figures
 * @attr: as created, or resized since then
 * @bytes: in the pipe now, and what writers that were let go on are just putting there
 * @peak_bytes: most that there were in the pipe
 * @written_bytes: since creation
 * @read_bytes: since creation
 * @write_waits: writes that had to wait, each time counted
 * @read_waits: reads that had to wait
 * @waiting_writers: threads that wait in a write now
 * @waiting_readers: threads that wait in a read now
 * @writers: handles that may write
 * @readers: handles that may read
 */
struct kipc_pipe_stat {
	struct kipc_pipe_attr attr;
	__aligned_u64 bytes;
	__aligned_u64 peak_bytes;
	__aligned_u64 written_bytes;
	__aligned_u64 read_bytes;
	__aligned_u64 write_waits;
	__aligned_u64 read_waits;
	__u32 waiting_writers;
	__u32 waiting_readers;
	__u32 writers;
	__u32 readers;
};

/* On a pipe. */
/*
 * EINVAL: an unknown flag.  EPIPE: there are no readers.  ENOMEM.
 */
#define KIPC_IOC_PIPE_WRITE	_IOW(KIPC_IOC_MAGIC, 0x40, struct kipc_pipe_io)
#define KIPC_IOC_PIPE_READ	_IOW(KIPC_IOC_MAGIC, 0x41, struct kipc_pipe_io)
#define KIPC_IOC_PIPE_STAT	_IOR(KIPC_IOC_MAGIC, 0x42, struct kipc_pipe_stat)
/*
 * Set the sizes; a size of 0 stays as it is.  What is inside stays.  Returns the capacity.
 * EBUSY: more is inside than the new capacity.  EINVAL: as struct kipc_pipe_attr says.
 * EPERM: the handle may not manage.  EIDRM: removed.
 */
#define KIPC_IOC_PIPE_RESIZE	_IOW(KIPC_IOC_MAGIC, 0x43, struct kipc_pipe_attr)

#endif /* _UAPI_LINUX_KIPC_PIPE_H */
