/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc: inter-process communication whose objects are file descriptors.
 *
 * This header is the whole protocol between /dev/kipc and user space.  What is of
 * one kind of object alone it includes: kipc_mailbox.h, kipc_queue.h, kipc_pipe.h,
 * kipc_service.h, kipc_sem.h.
 *
 * DOC: The model
 *
 * open("/dev/kipc") gives a *control descriptor*, bound to the IPC namespace
 * of the opener for its whole life.  On it an *object* is created, or opened by
 * its name, or by the pid of a process that has published it; all return a new
 * descriptor, a *handle*, as the ioctl's value.
 * A handle carries *rights*; every operation on the object goes through a
 * handle.  Two kinds of ioctl follow: those of the control descriptor
 * (KIPC_IOC_FEATURES, _CREATE, _OPEN, _UNLINK, _OPEN_PID) and those of a handle
 * (_INFO, _NARROW, _REMOVE, _PUBLISH, _UNPUBLISH, _NOTIFY, and the ones of the
 * object's kind).  An ioctl on the wrong sort of descriptor, or on a handle of another kind, is
 * ENOTTY.
 *
 * DOC: Structures
 *
 * Every structure has the same layout for 32-bit and 64-bit callers.  A
 * structure may grow at its end: the size is a part of the ioctl's number, a
 * caller may pass a longer structure than the kernel knows if the rest is
 * zero (else E2BIG), and one shorter than the first published one is EINVAL.
 * struct kipc_letter, struct kipc_mailbox_attr, struct kipc_message,
 * struct kipc_selector, struct kipc_pipe_attr, struct kipc_service_attr,
 * struct kipc_service_reply, struct kipc_served and struct kipc_sem_attr stand inside others
 * and do not grow, nor do the items of a batch or of an array: what is added will be a
 * structure that begins with them.
 * Flags and rights that are not defined here, and reserved fields that are not
 * zero, are EINVAL.  The kernel zeroes what a caller's structure is longer when it
 * writes one.  A pointer that cannot be read or written is EFAULT, and then nothing
 * has happened: no object was made, no letter was sent or taken; but for
 * KIPC_IOC_MAILBOX_CALL, KIPC_RECV_REPLY and KIPC_IOC_SERVICE_SERVE, which say what
 * may have.
 *
 * DOC: Deadlines
 *
 * A deadline is an absolute time of CLOCK_MONOTONIC in nanoseconds, as the
 * caller's time namespace shows that clock.  KIPC_NO_WAIT (0) does not wait:
 * what would wait fails with EAGAIN.  KIPC_FOREVER has no limit.  With any other
 * deadline, what would have to wait beyond it fails with ETIMEDOUT, also if it
 * had passed before the call.  O_NONBLOCK on the handle is like KIPC_NO_WAIT.
 *
 * DOC: Signals
 *
 * A wait that a signal interrupts has had no effect, and is restarted by the
 * kernel if the handler was installed with SA_RESTART; else it is EINTR.  That
 * goes for bringing in a missing page of the caller's buffer, too, so that a call
 * which does not wait for anybody may be interrupted as well.  The exceptions are a call
 * that a server has taken (KIPC_IOC_MAILBOX_CALL, KIPC_IOC_SERVICE_CALL, and
 * KIPC_IOC_SERVICE_CONNECT, if it asks the server), and a batch of which a part is done.
 */
#ifndef _UAPI_LINUX_KIPC_H
#define _UAPI_LINUX_KIPC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KIPC_ABI_VERSION	1

#define KIPC_NAME_MAX		255	/* bytes in a name */
#define KIPC_LETTER_MAX		(16U << 20)	/* bytes in a letter */
#define KIPC_MESSAGE_MAX	(16U << 20)	/* bytes in a message of a queue */
#define KIPC_PIPE_MAX		(16U << 20)	/* bytes in a pipe */

#define KIPC_NO_WAIT		0ULL
#define KIPC_FOREVER		(~0ULL)
#define KIPC_UNBOUNDED		(~0ULL)

/* Kinds of object. */
#define KIPC_KIND_ANY		0	/* KIPC_IOC_OPEN, _OPEN_PID only */
#define KIPC_KIND_MAILBOX	1
#define KIPC_KIND_QUEUE		2
#define KIPC_KIND_PIPE		3
#define KIPC_KIND_SERVICE	4
#define KIPC_KIND_MEMORY	5
#define KIPC_KIND_SEMAPHORES	6

/*
 * Rights of a handle.  Opening by name asks for the permission that a file
 * would ask for: SEND and CALL for write, RECEIVE for read; SERVE and MANAGE are the
 * owner's (or CAP_IPC_OWNER's, in the user namespace that owns the IPC namespace).
 */
#define KIPC_RIGHT_SEND		(1U << 0)
#define KIPC_RIGHT_RECEIVE	(1U << 1)
#define KIPC_RIGHT_MANAGE	(1U << 2)
#define KIPC_RIGHT_CALL		(1U << 3)	/* a service */
#define KIPC_RIGHT_SERVE	(1U << 4)
#define KIPC_RIGHT_MAP		(1U << 5)	/* memory: may map it at all */

/* Flags for making a handle: create, open, narrow. */
#define KIPC_NONBLOCK		(1U << 0)	/* O_NONBLOCK from the start */
#define KIPC_INHERIT		(1U << 1)	/* not close-on-exec */
/* Flags for create alone. */
#define KIPC_EXCL		(1U << 2)	/* EEXIST if the name is there */
#define KIPC_PERSISTENT		(1U << 3)	/* stays until unlinked */

/**
 * struct kipc_features - what this kernel module can do
 * @abi_version: KIPC_ABI_VERSION of the module
 * @kinds: a bit (1 << KIPC_KIND_...) for every kind that can be created
 * @name_max: longest name in bytes
 * @letter_max: longest letter in bytes
 */
struct kipc_features {
	__u32 abi_version;
	__u32 kinds;
	__u32 name_max;
	__u32 letter_max;
};

/**
 * struct kipc_create - create an object, or open it if the name is there
 * @kind: KIPC_KIND_..., not ANY (EINVAL)
 * @flags: KIPC_NONBLOCK, _INHERIT, _EXCL, _PERSISTENT
 * @mode: permission bits as of chmod(2), less the caller's umask; more than
 *	0777 is EINVAL
 * @rights: of the new handle; none, or one that the kind has not, is EINVAL
 * @name: pointer to the name, need not end in NUL; NULL (and @name_len 0) for
 *	an object without a name
 * @name_len: 1 to 255; more is ENAMETOOLONG; a name with '/' or NUL is EINVAL
 * @attr_size: size of *@attr; more than a page is E2BIG
 * @attr: pointer to the kind's attributes (struct kipc_mailbox_attr or _config,
 *	struct kipc_queue_attr, struct kipc_pipe_attr, struct kipc_service_attr,
 *	struct kipc_memory_attr, struct kipc_sem_attr); NULL, with @attr_size 0, for its
 *	defaults, which memory has not (EINVAL); one without the other is EINVAL
 *
 * A name that is there already: with KIPC_EXCL EEXIST; EPROTOTYPE if it names
 * another kind; else it is opened with @rights as KIPC_IOC_OPEN does (but without
 * asking for the other end of a pipe), and @mode, @attr and KIPC_PERSISTENT have no
 * effect.  KIPC_PERSISTENT and KIPC_EXCL without a name are EINVAL, and so is
 * KIPC_PERSISTENT for a service, which lives with its server.  EDQUOT: the
 * caller's quota of objects or of bytes is used up.  EMFILE, ENFILE: no descriptor is
 * left.  ENOMEM: no memory.
 */
struct kipc_create {
	__u32 kind;
	__u32 flags;
	__u32 mode;
	__u32 rights;
	__aligned_u64 name;
	__u32 name_len;
	__u32 attr_size;
	__aligned_u64 attr;
};

/**
 * struct kipc_open - open an object by its name
 * @kind: the kind that is expected (else EPROTOTYPE), or KIPC_KIND_ANY; one that
 *	does not exist is EINVAL
 * @flags: KIPC_NONBLOCK, _INHERIT
 * @rights: of the new handle; none, or one that the kind has not, is EINVAL
 * @name_len: as in struct kipc_create, but 0 is EINVAL
 * @name: pointer to the name
 * @deadline: of a pipe, until when to wait for the other end, as fifo(7) has it: who may
 *	only read waits for a writer to come, who may only write for a reader.  Without
 *	waiting, for which KIPC_NONBLOCK stands too, a reader gets its handle at once, and
 *	a writer ENXIO if there is no reader.  Of KIPC_KIND_SERVICE, until when to wait for
 *	the name.  Other kinds have no other end, and do not look at it
 *
 * ENOENT: there is no such name.  EACCES: the object's owner, group and mode do
 * not grant the rights.  ENXIO.  ETIMEDOUT, EINTR, EDQUOT (waiters; for a service the
 * caller's), EIDRM: while it waited.  EMFILE, ENFILE, ENOMEM.
 */
struct kipc_open {
	__u32 kind;
	__u32 flags;
	__u32 rights;
	__u32 name_len;
	__aligned_u64 name;
	__aligned_u64 deadline;
};

/**
 * struct kipc_unlink - take a name away
 * @flags: 0
 * @name_len: as in struct kipc_open
 * @name: pointer to the name
 *
 * The object lives on until its last handle is closed.  ENOENT: there is no
 * such name.  EACCES: the caller neither owns the object nor has CAP_IPC_OWNER.
 * ENOMEM.
 */
struct kipc_unlink {
	__u32 flags;
	__u32 name_len;
	__aligned_u64 name;
};

/*
 * DOC: Direct communication
 *
 * A process can publish one object as its own (KIPC_IOC_PUBLISH), and whoever
 * may send it a signal, as kill(2) checks that, opens the object by its pid, with
 * no name and no permission of the object's.  What others get is the right to
 * send, so the handle must have it.  Another publication takes the place of the
 * first.  It ends by KIPC_IOC_UNPUBLISH, with the process, when that executes
 * another program, and with the last close of the handle by which it was made.  A
 * child of fork has not published what its parent has.
 */

/**
 * struct kipc_open_pid - open what a process has published
 * @pid: the process, in the caller's pid namespace; 0 and less is EINVAL
 * @kind: as in struct kipc_open
 * @rights: of the new handle: KIPC_RIGHT_SEND, else EINVAL
 * @flags: KIPC_NONBLOCK, _INHERIT
 *
 * ESRCH: there is no such process, or it has ended, or @pid is the number of a
 * thread.  EPERM: the caller may not send it a signal.  ENOENT: it has published
 * nothing.  EIDRM: what it has published was removed.  EPROTOTYPE: that is of
 * another kind.  EMFILE, ENFILE, ENOMEM.
 */
struct kipc_open_pid {
	__s32 pid;
	__u32 kind;
	__u32 rights;
	__u32 flags;
};

/* What struct kipc_info says in flags. */
#define KIPC_INFO_PERSISTENT	(1U << 0)
#define KIPC_INFO_REMOVED	(1U << 1)

/**
 * struct kipc_info - what every kind of object has
 * @id: never used again while the module is loaded
 * @kind: KIPC_KIND_...
 * @rights: of the handle that was asked
 * @flags: KIPC_INFO_...
 * @mode: permission bits
 * @uid: owner, as the caller's user namespace shows it
 * @gid: group, likewise
 * @handles: open handles of the object (dup and fork share one), and those who
 *	are just opening it
 * @name_len: 0 if it has no name, or no more
 * @created_ns: CLOCK_REALTIME
 * @name: ends in NUL
 */
struct kipc_info {
	__aligned_u64 id;
	__u32 kind;
	__u32 rights;
	__u32 flags;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 handles;
	__u32 name_len;
	__aligned_u64 created_ns;
	char name[256];
};

/**
 * struct kipc_narrow - make a second handle with fewer rights
 * @rights: of the new handle: a part of the old one's, else EPERM; none is
 *	EINVAL
 * @flags: KIPC_NONBLOCK, _INHERIT
 *
 * EIDRM: the object was removed.  EMFILE, ENFILE, ENOMEM.
 */
struct kipc_narrow {
	__u32 rights;
	__u32 flags;
};

/* Flags of a receive, of a mailbox and of a queue. */
#define KIPC_RECV_PEEK		(1U << 0)	/* leave it in place */
#define KIPC_RECV_TRUNCATE	(1U << 1)	/* drop what the buffer cannot hold */
/* Of a mailbox alone. */
#define KIPC_RECV_CALLS		(1U << 2)	/* take requests too, to reply to them */
#define KIPC_RECV_REPLY		(1U << 3)	/* first reply to one that was taken */

#define KIPC_BATCH_MAX		1024	/* letters or messages in a batch */

/*
 * DOC: Handles in messages
 *
 * A letter or a message can carry descriptors, as one of a Unix socket can: handles of
 * kipc's, each with fewer rights if that is wanted; and ordinary ones of regular files
 * (memfds are such), of pipes and FIFOs, and of eventfd(2).  All others are EPERM.  What
 * is carried stays open until it is received, whatever becomes of the sender, or until
 * the message goes in any other way.
 *
 * A mailbox or a queue carries handles only if it was made for that
 * (KIPC_MAILBOX_HANDLES, KIPC_QUEUE_HANDLES; else EOPNOTSUPP), for whoever receives from
 * it has to be prepared: what carries handles is received by KIPC_IOC_MAILBOX_RECV_HANDLES
 * or KIPC_IOC_QUEUE_RECV_HANDLES alone; for all other ways it is EBADMSG, and stays in
 * its place, but for a look (KIPC_RECV_PEEK).
 *
 * What is on its way is nobody's to close, so nothing may be on its way within itself.
 * Therefore an object whose handle is being carried cannot carry any itself, nor can the
 * handle of an object be sent that is just carrying some: ELOOP.  It passes when they
 * have been received.  And since who has a handle on its way keeps the object from
 * carrying, one of an object that was made for that is sent by the object's owner, or with
 * KIPC_RIGHT_MANAGE, and not by others: EPERM.
 *
 * What an object carries, its owner's quota pays for (max_carried): EDQUOT.
 */

#define KIPC_HANDLES_MAX	16	/* descriptors in a message */

/**
 * struct kipc_descriptor - one that is carried
 * @fd: it
 * @rights: of a handle: those that the receiver shall have, a part of what it has, else
 *	EPERM; one that its kind has not is EINVAL; 0: all that it has, and then both
 *	sides share one handle, as after dup(2).  0 of all others, else EINVAL.  Received:
 *	its rights; 0 if it is none of kipc's
 */
struct kipc_descriptor {
	__s32 fd;
	__u32 rights;
};

/**
 * struct kipc_handles - those that are carried, or where to put them
 * @items: pointer to an array of struct kipc_descriptor
 * @count: of @items; to send, 1 to KIPC_HANDLES_MAX, else EINVAL; to receive, how many
 *	there is room for, and how many came is written here
 * @flags: to send, 0; to receive, KIPC_INHERIT: not close-on-exec
 */
struct kipc_handles {
	__aligned_u64 items;
	__u32 count;
	__u32 flags;
};

/*
 * DOC: Notification
 *
 * A thread can have itself sent a signal when something happens to an object
 * (KIPC_IOC_NOTIFY).  Each handle has one registration for each thread; a second one
 * takes the place of the first, so who wants other signals for other events makes more
 * handles (KIPC_IOC_NARROW).  It ends with the handle's last close, with the thread,
 * and when its process executes another program.  The signal's siginfo has SI_MESGQ in
 * si_code, the process and the user who caused it in si_pid and si_uid (0, if the kernel
 * did, for who had died), and the value that was given here in si_value.
 *
 * Events are told from the moment of registration on; what is so already is not told.
 * So register first, then look: what was there before is seen then, and what comes
 * later is told.  An event goes on until the call that causes it returns; one that is
 * going on when a thread registers may be both seen and told.  What happens at once is
 * told by one signal, if it is several of the events that a registration is for.  If a
 * signal cannot be queued, since the limit of its receiver is reached
 * (RLIMIT_SIGPENDING), it is lost, and a registration for one signal remains; what there
 * is to see is still shown by poll.
 *
 * By fcntl O_ASYNC a process, a group or a thread is sent SIGIO, or what F_SETSIG says,
 * for the same news, as far as the handle's rights go: POLL_IN for READABLE, POLL_OUT
 * for WRITABLE, POLL_HUP for PEER_GONE to who may receive, and to everybody at the end
 * of the object or of the service, POLL_ERR for PEER_GONE to who may only send; and
 * POLL_PRI for each reply to one of this handle's calls that nobody waits for.
 */

/*
 * Registrations of an object.  Half of them are for its owner, and for handles with
 * KIPC_RIGHT_MANAGE, alone; and of the other half a user may have as many as it leaves
 * for others.
 */
#define KIPC_NOTIFY_MAX		64

/* struct kipc_notification events. */
#define KIPC_EVENT_NONEMPTY	(1U << 0)	/* something, where there was nothing */
#define KIPC_EVENT_READABLE	(1U << 1)	/* something has come */
#define KIPC_EVENT_WRITABLE	(1U << 2)	/* there is room again */
#define KIPC_EVENT_PEER_GONE	(1U << 3)	/* the other side, or the object */
#define KIPC_EVENT_CALL		(1U << 4)	/* a call waits */
#define KIPC_EVENT_LIMIT	(1U << 5)	/* there is no room any more */

/* struct kipc_notification flags. */
#define KIPC_NOTIFY_ONCE	(1U << 0)	/* the registration ends with the signal */

/**
 * struct kipc_notification - a signal for the calling thread
 * @events: KIPC_EVENT_...; 0 takes the registration away
 * @flags: KIPC_NOTIFY_...
 * @signo: the signal, 1 to 64; with @events 0 it is 0
 * @reserved: 0
 * @value: comes in si_value
 *
 * Of a mailbox, a queue, a pipe and memory (of which it is the doorbell):
 *
 * KIPC_EVENT_NONEMPTY: something can be received where nothing could.  It has come, and
 * nobody was waiting for it; or it has come back, from a receiver that failed or only
 * looked; or it stood behind what a receiver took time to copy.  As of mq_notify(3), once
 * until everything was received.  Needs KIPC_RIGHT_RECEIVE.
 *
 * KIPC_EVENT_READABLE: that, and each letter, message or piece of data that comes behind
 * others, and for which nobody was waiting; what one batch brings may be told as one.
 * Needs KIPC_RIGHT_RECEIVE.
 *
 * KIPC_EVENT_WRITABLE: there is room for the longest letter or message, or for an atomic
 * write to a pipe, or to ring a doorbell by 1, where there was not; of a rendezvous, a
 * receiver waits.  It is EPOLLOUT,
 * when that becomes true.  Needs KIPC_RIGHT_SEND.
 *
 * KIPC_EVENT_LIMIT: there is no such room any more.  Never of a rendezvous, or of what has
 * no limit, as memory.  Needs KIPC_RIGHT_MANAGE: who has it may raise the limit.
 *
 * KIPC_EVENT_PEER_GONE: the object was removed; or, with KIPC_RIGHT_RECEIVE, EPOLLHUP has
 * become true: the last sender is gone, and of a mailbox or a queue all that it left has
 * been received; or, with KIPC_RIGHT_SEND, EPOLLERR has: the last receiver is gone.
 * Mailboxes and queues are so only if they were made to hang up.  Needs one of those
 * rights.
 *
 * KIPC_EVENT_CALL, of a mailbox: a request has come, and no receiver was waiting for it.
 * Needs KIPC_RIGHT_RECEIVE.
 *
 * Of a set of semaphores:
 *
 * KIPC_EVENT_NONEMPTY: some semaphore is above 0 and can be taken from (it is not a
 * senior's), where none was.  KIPC_EVENT_READABLE: that, and each operation that adds to a
 * semaphore from which something can be taken then.  Need KIPC_RIGHT_RECEIVE.
 *
 * KIPC_EVENT_WRITABLE: some semaphore is below its maximum, where none was; needs
 * KIPC_RIGHT_SEND.  KIPC_EVENT_LIMIT: none is any more; needs KIPC_RIGHT_MANAGE.
 *
 * KIPC_EVENT_PEER_GONE: the set was removed.  Needs KIPC_RIGHT_SEND or KIPC_RIGHT_RECEIVE.
 *
 * Of a service:
 *
 * KIPC_EVENT_CALL: a call has to wait, for no worker was idle; each of them is told.
 * Needs KIPC_RIGHT_SERVE.
 *
 * KIPC_EVENT_LIMIT: a client has taken the last binding.  Needs KIPC_RIGHT_MANAGE.
 *
 * KIPC_EVENT_PEER_GONE: the service has ended, or was removed.  Needs KIPC_RIGHT_CALL or
 * KIPC_RIGHT_SERVE.
 *
 * Returns 0.  EINVAL: an unknown event or flag, no such signal, a field that must be 0
 * is not, or the kind has no such event.  EPERM: the handle has not the right.  ENOENT:
 * there is no registration to be taken away.  ENOSPC: the object has KIPC_NOTIFY_MAX
 * registrations, or the caller as many of them as it may have.  EDQUOT: the owner's quota
 * of bytes is used up.  ENOMEM.  EIDRM: removed.
 */
struct kipc_notification {
	__u32 events;
	__u32 flags;
	__s32 signo;
	__u32 reserved;
	__aligned_u64 value;
};

#define KIPC_IOC_MAGIC		0xC5

/* On a control descriptor. */
#define KIPC_IOC_FEATURES	_IOR(KIPC_IOC_MAGIC, 0x00, struct kipc_features)
#define KIPC_IOC_CREATE		_IOW(KIPC_IOC_MAGIC, 0x01, struct kipc_create)
#define KIPC_IOC_OPEN		_IOW(KIPC_IOC_MAGIC, 0x02, struct kipc_open)
#define KIPC_IOC_UNLINK		_IOW(KIPC_IOC_MAGIC, 0x03, struct kipc_unlink)
#define KIPC_IOC_OPEN_PID	_IOW(KIPC_IOC_MAGIC, 0x04, struct kipc_open_pid)

/* On any handle. */
#define KIPC_IOC_INFO		_IOR(KIPC_IOC_MAGIC, 0x10, struct kipc_info)
#define KIPC_IOC_NARROW		_IOW(KIPC_IOC_MAGIC, 0x11, struct kipc_narrow)
/*
 * Remove the object, whoever holds it: its name goes, what it held is
 * dropped, every wait and every later operation fails with EIDRM; what only looks
 * at it (KIPC_IOC_INFO, a kind's _STAT, fstat, poll) still works.  Needs MANAGE
 * (else EPERM).  EIDRM: it was removed already.
 */
#define KIPC_IOC_REMOVE		_IO(KIPC_IOC_MAGIC, 0x12)
/*
 * Publish the object as the calling process's own, in place of what it has
 * published before.  EPERM: the handle may not send.  EIDRM: the object was removed.
 * ENOMEM.
 */
#define KIPC_IOC_PUBLISH	_IO(KIPC_IOC_MAGIC, 0x13)
/*
 * Take that back.  ENOENT: the calling process has published nothing, or by another
 * handle.
 */
#define KIPC_IOC_UNPUBLISH	_IO(KIPC_IOC_MAGIC, 0x14)
#define KIPC_IOC_NOTIFY		_IOW(KIPC_IOC_MAGIC, 0x15, struct kipc_notification)

#include <linux/kipc_mailbox.h>
#include <linux/kipc_queue.h>
#include <linux/kipc_pipe.h>
#include <linux/kipc_service.h>
#include <linux/kipc_memory.h>
#include <linux/kipc_sem.h>

#endif /* _UAPI_LINUX_KIPC_H */
