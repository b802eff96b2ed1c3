/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc: shared memory.  A part of <linux/kipc.h>, which includes this.
 *
 * DOC: Shared memory
 *
 * The memory is a memfd (memfd_create(2)), which its creator passes in.  kipc gives it a
 * name, owner and mode, handles with rights, a quota (max_memory), figures, and a
 * doorbell.
 *
 * mmap(2) of a handle maps the memory.  It needs KIPC_RIGHT_MAP (else EPERM) and
 * KIPC_RIGHT_RECEIVE; to write, KIPC_RIGHT_SEND as well (else EACCES, as of a file that is
 * not open for that).  What is mapped by a handle without KIPC_RIGHT_SEND can never become
 * writable, whatever is done to it.  ENXIO: the mapping would end beyond the memory, whose
 * size counts rounded up to whole pages.  EPERM: also if it would be shared and writable,
 * and F_SEAL_WRITE or F_SEAL_FUTURE_WRITE is there.  EIDRM: removed.
 *
 * Each mapping is an *attachment*, as of shmat(2): it outlives the handle, the name, and
 * the removal of the object; what of it fork(2) makes or munmap(2) splits off is one more.
 * The memory goes with the last attachment when the object is gone or removed.
 *
 * Seals are those of fcntl(2), and set by a descriptor that KIPC_IOC_MEMORY_FD gives, or
 * by the creator's own.  Whoever must not be hurt by somebody else's truncating the
 * memory (SIGBUS), asks for F_SEAL_SHRINK.  What somebody adds to the memfd behind kipc's
 * back is not there for a handle, unless a huge page (MADV_COLLAPSE of madvise(2)) brings
 * it in: it is not hidden from anybody who may map.
 *
 * DOC: The doorbell
 *
 * A counter, as of eventfd(2), by the same system calls.  To ring it is to write(2) a
 * number of 8 bytes, which is added (EINVAL: of another size, or all ones); it waits (or is
 * EAGAIN) as long as the counter would pass 2^64 - 2.  To wait for it is to read(2) 8 bytes
 * (EINVAL: fewer): it waits (or is EAGAIN) as long as the counter is 0, returns it, and
 * sets it to 0.  Who waits is served in the order of coming: one ring wakes one, who gets
 * all that was rung.  A wait that fails has taken nothing,
 * but for what would make the counter pass its maximum when it is given back.
 *
 * poll: POLLIN, the counter is not 0; POLLOUT, 1 can be added without waiting, and nobody
 * waits to ring; a removed object: POLLERR and POLLHUP.
 */
#ifndef _UAPI_LINUX_KIPC_MEMORY_H
#define _UAPI_LINUX_KIPC_MEMORY_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The rights that memory knows: SEND is to write and to ring, RECEIVE to read and to wait. */
#define KIPC_MEMORY_RIGHTS \
	(KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE | KIPC_RIGHT_MANAGE | KIPC_RIGHT_MAP)

#define KIPC_BELL_MAX	(~0ULL - 1)	/* what the counter of a doorbell can be */

/**
 * struct kipc_memory_attr - what memory is created with
 * @fd: a memfd, open for reading and writing; kipc opens it once more, so it may be closed
 * @flags: 0
 *
 * Must be given (else EINVAL).  What the memfd has is the size, which may be 0: a doorbell
 * alone.  EBADF: @fd is not open.  EINVAL: it is no memfd, or one of huge pages.  EACCES: it
 * is not open for reading and writing.  EDQUOT: also of memory (max_memory).  EFBIG.
 */
struct kipc_memory_attr {
	__s32 fd;
	__u32 flags;
};

/**
 * struct kipc_memory_size - set the size
 * @size: in bytes
 * @flags: 0
 * @reserved: 0
 *
 * What is cut off is gone, and touching it by an attachment raises SIGBUS; what is new is
 * zero, but for what was written by a mapping behind the end of the last page.  Returns 0.
 * EPERM: the handle may not manage, or a seal forbids it.  EDQUOT: the
 * owner's quota of memory.  EFBIG: @size is above the process's limit of file sizes
 * (RLIMIT_FSIZE, which raises SIGXFSZ too) or what a memfd can have.  EACCES: the memfd
 * itself has permission bits that do not let the caller write.  EINTR: while another one
 * was setting it.  EIDRM: removed.
 */
struct kipc_memory_size {
	__aligned_u64 size;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_memory_fd - get the memfd, as a new descriptor
 * @flags: KIPC_INHERIT: not close-on-exec
 * @reserved: 0
 *
 * It is open for reading and writing, at a position of its own; what is mapped by it is
 * no attachment.  Returns the descriptor.  EPERM: the handle has not all of
 * KIPC_RIGHT_MAP, _SEND and _RECEIVE: with a memfd one can do everything.  EMFILE, ENFILE,
 * ENOMEM.  EIDRM: removed.
 */
struct kipc_memory_fd {
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_memory_bell - ring the doorbell, or wait for it
 * @count: to ring, what is added; to wait, written: what it was
 * @deadline: until when to wait
 * @flags: 0
 * @reserved: 0
 *
 * As write(2) and read(2), but for the deadline.  Return 0.  EAGAIN: @deadline is
 * KIPC_NO_WAIT, or the handle O_NONBLOCK, and it would have to wait.  ETIMEDOUT.  EINTR.
 * EBADF: the handle may not send, or receive.  EDQUOT: the owner's quota of waiters is used
 * up.  EIDRM: removed.
 */
struct kipc_memory_bell {
	__aligned_u64 count;
	__aligned_u64 deadline;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_memory_stat - figures of memory and its doorbell
 * @size: in bytes, as created or set by KIPC_IOC_MEMORY_SIZE
 * @count: of the doorbell now
 * @rings: how often it was rung with more than 0
 * @waits: waits that had to wait
 * @attach_time_ns: when it was last mapped, CLOCK_REALTIME_COARSE; 0: never
 * @detach_time_ns: when it was last unmapped; 0: never
 * @change_time_ns: when it was created, or its size was set
 * @attached: mappings now
 * @seals: F_SEAL_... of the memfd; 0 when the memory is gone
 * @waiting: threads that wait for the doorbell now
 * @waiting_ringers: threads that wait to ring it
 * @creator_pid: in the caller's pid namespace; 0: not visible there, or the
 *	memory is gone
 * @last_pid: that mapped or unmapped it last, likewise; 0: also if nobody has
 */
struct kipc_memory_stat {
	__aligned_u64 size;
	__aligned_u64 count;
	__aligned_u64 rings;
	__aligned_u64 waits;
	__aligned_u64 attach_time_ns;
	__aligned_u64 detach_time_ns;
	__aligned_u64 change_time_ns;
	__u32 attached;
	__u32 seals;
	__u32 waiting;
	__u32 waiting_ringers;
	__s32 creator_pid;
	__s32 last_pid;
};

/* On memory. */
#define KIPC_IOC_MEMORY_SIZE	_IOW(KIPC_IOC_MAGIC, 0x80, struct kipc_memory_size)
#define KIPC_IOC_MEMORY_FD	_IOW(KIPC_IOC_MAGIC, 0x81, struct kipc_memory_fd)
#define KIPC_IOC_MEMORY_STAT	_IOR(KIPC_IOC_MAGIC, 0x82, struct kipc_memory_stat)
/*
 * EINVAL: @count is more than KIPC_BELL_MAX.
 */
#define KIPC_IOC_MEMORY_RING	_IOW(KIPC_IOC_MAGIC, 0x83, struct kipc_memory_bell)
#define KIPC_IOC_MEMORY_WAIT	_IOWR(KIPC_IOC_MAGIC, 0x84, struct kipc_memory_bell)

#endif /* _UAPI_LINUX_KIPC_MEMORY_H */
