/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc: semaphores.  A part of <linux/kipc.h>, which includes this.
 *
 * DOC: Semaphores
 *
 * An object is a *set* of semaphores, numbers from 0 to a maximum.  An *operation* adds
 * to them, takes from them, or waits until they are 0; on up to KIPC_SEM_OPS_MAX of them
 * (or on one several times) at once, all of it or nothing, as semop(2) does.  To add needs
 * KIPC_RIGHT_SEND, which is all that who only posts must have; to take, to wait for 0 and
 * to look, KIPC_RIGHT_RECEIVE; to set, KIPC_RIGHT_MANAGE.
 *
 * Who cannot go on waits.  What is added is handed over: whoever adds also does what those
 * have waited for who can go on now, in the order of their arrival, and wakes exactly them;
 * nobody else comes between.  An operation waits for the first thing that is missing, and
 * when that has come it is done, or waits for the next one; so who operates on one
 * semaphore has nothing to do with those who wait for others.
 *
 * DOC: Overtaking
 *
 * An operation that wants little goes ahead of one that wants more than there is, or that
 * waits for several semaphores.  An operation is *overtaken* when one that came later takes
 * from the semaphore that it waits for to grow, or when it was that semaphore's turn and
 * another one was missing.  One that was overtaken as often as the set's attribute
 * @overtakes says becomes an *elder*, and the oldest elder is the set's *senior*: as
 * long as that waits, no operation that came later and only takes (or waits for 0) may
 * take from a semaphore that the senior takes from; it waits behind it, even if there
 * is something to take.  So who has been overtaken so often, and is the oldest of those,
 * is not overtaken again, but by an operation that also adds: what adds is never held back.
 * To wait for 0 is not protected: it can be overtaken for ever, and an operation that takes
 * nothing does not become an elder.
 *
 * The price: who holds something and wants more may wait behind a senior that waits for
 * what it holds.  Take together what is needed together, and have sets of their own for what
 * is separate: an operation that never can go on may stay the senior for ever.
 *
 * DOC: Undo
 *
 * What an operation with KIPC_SEM_UNDO has done is undone when the process ends, however it
 * does so: for each process and semaphore the sum is kept, and added then, no further
 * than to 0 and to the maximum.  It outlives execve(2) and the last close of the process's
 * handles, is not inherited by fork(2), and ends with the object: if nobody else has a handle
 * and no persistent name keeps it.  To set a semaphore forgets what is to be undone on it.
 * It is undone shortly after the process's end, which is not before its last thread's.
 */
#ifndef _UAPI_LINUX_KIPC_SEM_H
#define _UAPI_LINUX_KIPC_SEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The rights that a set of semaphores knows. */
#define KIPC_SEM_RIGHTS \
	(KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE | KIPC_RIGHT_MANAGE)

#define KIPC_SEM_MAX		1024		/* semaphores in a set */
#define KIPC_SEM_VALUE_MAX	0x7fffffffU	/* of one */
#define KIPC_SEM_OPS_MAX	64		/* in an operation */
#define KIPC_SEM_SETS_MAX	64		/* in KIPC_IOC_SEM_TAKE_ALL */
#define KIPC_SEM_NEVER		(~0U)		/* nobody becomes an elder */

/**
 * struct kipc_sem_attr - what a set is created with
 * @count: semaphores in it, up to KIPC_SEM_MAX; 0: 1
 * @initial: their value, up to @max
 * @max: most that one can be, up to KIPC_SEM_VALUE_MAX, which is what 0 stands for
 * @overtakes: how often a waiting operation can be overtaken before it becomes an elder;
 *	0: 16; KIPC_SEM_NEVER: it never does
 * @flags: 0
 * @reserved: 0
 *
 * EINVAL: @count, @max or @initial is too large.
 */
struct kipc_sem_attr {
	__u32 count;
	__u32 initial;
	__u32 max;
	__u32 overtakes;
	__u32 flags;
	__u32 reserved;
};

/* struct kipc_sem_op flags. */
#define KIPC_SEM_UNDO		(1U << 0)	/* when the process ends */

/**
 * struct kipc_sem_op - on one semaphore, a part of an operation
 * @num: which semaphore, from 0 on
 * @flags: KIPC_SEM_...
 * @op: more than 0: add that; less: wait until as much is there, and take it; 0: wait
 *	until the semaphore is 0
 */
struct kipc_sem_op {
	__u16 num;
	__u16 flags;
	__s32 op;
};

/**
 * struct kipc_sem_operation - all of several, or nothing
 * @ops: pointer to an array of struct kipc_sem_op, which are looked at in this order
 * @deadline: until when to wait
 * @count: of @ops, 1 to KIPC_SEM_OPS_MAX; more is E2BIG, 0 is EINVAL
 * @flags: 0
 *
 * EAGAIN: @deadline is KIPC_NO_WAIT, or the handle O_NONBLOCK, and it would have to wait.
 * ETIMEDOUT.  EINTR.  EFBIG: there is no such semaphore.  ERANGE: a semaphore would be more
 * than its maximum; or what is to be undone, more than KIPC_SEM_VALUE_MAX.  EBADF: the
 * handle may not add, or not take.  EIDRM.  EDQUOT: the owner's quota (the creator's, also
 * after fchown) of waiters is used up, or, for KIPC_SEM_UNDO, of bytes.  ENOMEM.
 */
struct kipc_sem_operation {
	__aligned_u64 ops;
	__aligned_u64 deadline;
	__u32 count;
	__u32 flags;
};

/* Flag of KIPC_IOC_SEM_TAKE. */
#define KIPC_SEM_TRY		(1U << 16)	/* do not wait */

/**
 * struct kipc_sem_all - one of each of several sets
 * @fds: pointer to an array of __s32, handles of sets that have one semaphore, each
 *	set once, else EINVAL
 * @count: of @fds, 1 to KIPC_SEM_SETS_MAX; more is E2BIG, 0 is EINVAL
 * @flags: 0
 *
 * Takes 1 from all of them, or nothing; it does not wait.  EAGAIN: one is 0, or its
 * senior comes first.  EBADF: one is not open, or may not take.  ENOTTY: one is not of
 * a set.  EIDRM: one was removed.
 */
struct kipc_sem_all {
	__aligned_u64 fds;
	__u32 count;
	__u32 flags;
};

/**
 * struct kipc_sem_value - what there is to see of a semaphore
 * @value: it
 * @waiting: operations that wait for it to grow, or behind a senior that takes from it
 * @waiting_zero: that wait until it is 0
 * @pid: of the process that operated on it last, or set it, or ended and had something to
 *	be undone, in the caller's pid namespace; 0: there is none, or it is not to be
 *	seen there
 */
struct kipc_sem_value {
	__u32 value;
	__u32 waiting;
	__u32 waiting_zero;
	__s32 pid;
};

/**
 * struct kipc_sem_values - look at some semaphores, or set them
 * @values: pointer to an array: to look, of struct kipc_sem_value; to set, of __u32
 * @first: the number of the first of them
 * @count: of them, from 1 on; 0 is EINVAL
 *
 * All of them at once.  EFBIG: there are not as many semaphores.  EBADF: the handle may
 * not receive, of KIPC_IOC_SEM_GET.  EPERM: it may not manage, of KIPC_IOC_SEM_SET.  ERANGE:
 * more than the maximum.  EIDRM.  ENOMEM.
 */
struct kipc_sem_values {
	__aligned_u64 values;
	__u32 first;
	__u32 count;
};

/**
 * struct kipc_sem_stat - a set's attributes and figures
 * @attr: as created
 * @operations: that were done, since creation
 * @waits: that had to wait
 * @otime: when the last operation was done, in seconds of CLOCK_REALTIME; 0: never
 * @ctime: when it was created, or semaphores were set last
 * @waiting: threads that wait now
 * @undos: processes for which something may be undone
 */
struct kipc_sem_stat {
	struct kipc_sem_attr attr;
	__aligned_u64 operations;
	__aligned_u64 waits;
	__aligned_u64 otime;
	__aligned_u64 ctime;
	__u32 waiting;
	__u32 undos;
};

/* On a set of semaphores. */
/*
 * Add 1 to the semaphore whose number is the argument itself.  As KIPC_IOC_SEM_OP, which
 * copies its argument and so is slower.  EFBIG, ERANGE, EBADF, EIDRM.
 */
#define KIPC_IOC_SEM_POST	_IO(KIPC_IOC_MAGIC, 0x70)
/*
 * Take 1 from it, and wait for it if need be; with KIPC_SEM_TRY added to the number, do not
 * wait.  EAGAIN, EINTR, EFBIG, EBADF, EIDRM, EDQUOT.
 */
#define KIPC_IOC_SEM_TAKE	_IO(KIPC_IOC_MAGIC, 0x71)
#define KIPC_IOC_SEM_OP		_IOW(KIPC_IOC_MAGIC, 0x72, struct kipc_sem_operation)
/* On a handle of whatever set. */
#define KIPC_IOC_SEM_TAKE_ALL	_IOW(KIPC_IOC_MAGIC, 0x73, struct kipc_sem_all)
/*
 * EFBIG.  EBADF: the handle may not receive.  ENOMEM.
 */
#define KIPC_IOC_SEM_GET	_IOW(KIPC_IOC_MAGIC, 0x74, struct kipc_sem_values)
/*
 * What is to be undone on these semaphores is forgotten.  EFBIG, ERANGE, EIDRM, ENOMEM.
 * EPERM: the handle may not manage.
 */
#define KIPC_IOC_SEM_SET	_IOW(KIPC_IOC_MAGIC, 0x75, struct kipc_sem_values)
#define KIPC_IOC_SEM_STAT	_IOR(KIPC_IOC_MAGIC, 0x76, struct kipc_sem_stat)

#endif /* _UAPI_LINUX_KIPC_SEM_H */
