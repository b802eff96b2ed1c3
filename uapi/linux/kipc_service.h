/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc services: calls into another process (LRPC).
 *
 * DOC: Services
 *
 * A *service* is made by its server, and has a number of *bindings*, one for each
 * handle with the right to call that has connected (KIPC_IOC_SERVICE_CONNECT).  A
 * binding has *A-stacks*: memory that its client and the server share, for the
 * arguments and the results of one call each.
 *
 * The *server* is the process that has mapped the service: mmap(2) of a handle with
 * the right to serve, offset 0, the length that KIPC_IOC_SERVICE_STAT tells (map_size),
 * MAP_SHARED.  It sees all bindings, one behind the other, binding_size bytes each; where
 * there is none, an access is SIGBUS.  The client maps its own: mmap of its handle,
 * offset 0, binding_size bytes.  Both are not inherited by a child.  Frames are not in the
 * server's mapping: an access there is SIGBUS as well.
 *
 * EINVAL: it would be anything else, or only a part of it is to be unmapped or changed.
 * EPERM: to be executed.  EACCES: the handle may neither serve nor call.  ENOTCONN: it has
 * no binding.  EBUSY: the service has a server.  EPIPE, EIDRM: it has ended.  A mapping of
 * the server's that fails for want of memory may end the service.
 *
 *	binding:	| frames | A-stack 0 | A-stack 1 | ... |
 *	bytes:		  frames_size  stack_size  each
 *
 * A *frame* (struct kipc_frame) is where the registers of a call are: eight arguments
 * and their number, then eight results.  It is between the client and the kernel.
 *
 * DOC: Calls
 *
 * KIPC_IOC_SERVICE_CALL hands the call that stands in the frame of an A-stack to a thread
 * of the server that waits in KIPC_IOC_SERVICE_SERVE, a *worker*; if none does, the call
 * waits in line.  The worker gets the arguments as they were then, and who calls; it
 * replies with the next KIPC_IOC_SERVICE_SERVE, or with KIPC_IOC_SERVICE_REPLY.  An
 * A-stack carries one call at a time: until there is a reply, and until the client has
 * collected it, if it has not waited for it.
 *
 * A call is made at most once.  Whatever ends the caller's wait before a worker has it,
 * it is as if it had not been made.  After that, a signal lets it go on: EINTR, and its
 * token, which is in the frame, collects it (KIPC_IOC_SERVICE_COLLECT); a deadline gives it
 * up: its A-stack is EBUSY until the server is done with it.
 *
 * A thread that makes a call while it serves one continues its *chain*.  A chain of more
 * than KIPC_CHAIN_MAX calls is ELOOP.  One that comes back to a service all of whose
 * workers are busy, as many as there may be, would wait for itself: EDEADLK.
 *
 * DOC: The end
 *
 * A service ends when its server unmaps it, executes a program or dies; when
 * the last handle that may serve is closed; or by KIPC_IOC_REMOVE (EIDRM instead of what
 * follows).  Its name is gone at once, so that another may take its place; calls under
 * way and later ones fail with EPIPE.  KIPC_IOC_SERVICE_STOP is the orderly end: what workers
 * have, they can still reply to.  If a worker's thread ends, so does its call, with EPIPE,
 * within two seconds.
 */
#ifndef _UAPI_LINUX_KIPC_SERVICE_H
#define _UAPI_LINUX_KIPC_SERVICE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What a service has. */
#define KIPC_SERVICE_RIGHTS \
	(KIPC_RIGHT_CALL | KIPC_RIGHT_SERVE | KIPC_RIGHT_MANAGE)

#define KIPC_STACK_MAX		(16U << 20)	/* bytes of an A-stack */
#define KIPC_STACKS_MAX		64		/* A-stacks of a binding */
#define KIPC_BINDINGS_MAX	16384		/* bindings of a service */
#define KIPC_CHAIN_MAX		32		/* calls in a chain */

/* struct kipc_service_attr flags. */
#define KIPC_SERVICE_ACCEPT	(1U << 0)	/* the server decides who connects */
#define KIPC_SERVICE_PATIENT	(1U << 1)	/* workers sleep at once */
#define KIPC_SERVICE_PATIENT_CALLERS (1U << 2)	/* so do who calls */
#define KIPC_SERVICE_HANDLES	(1U << 3)	/* calls may carry handles */

/**
 * struct kipc_service_attr - how a service is made
 * @stack_size: bytes of an A-stack, rounded up to whole pages; 0: one page
 * @stacks: A-stacks of each binding, 1 to KIPC_STACKS_MAX; 0: four
 * @bindings: how many there may be at a time, 1 to KIPC_BINDINGS_MAX; 0: 256
 * @user_bindings: of these, how many of one user; 0: all
 * @workers: how many calls may be served at a time, as far as the server is asked for
 *	threads, and a deadlock is told by that; 0: no bound
 * @flags: KIPC_SERVICE_...
 *
 * EINVAL: out of these bounds, or all bindings together would have more than 2^40 bytes.
 * A-stacks are charged to the server's quota of bytes, when a binding is made.
 *
 * KIPC_SERVICE_PATIENT, KIPC_SERVICE_PATIENT_CALLERS: else a thread that waits for a call
 * or for a reply first gives others its turn, or looks for a short time on a
 * processor that has nothing else to do, as far as that has proved worth while.
 */
struct kipc_service_attr {
	__u32 stack_size;
	__u32 stacks;
	__u32 bindings;
	__u32 user_bindings;
	__u32 workers;
	__u32 flags;
};

/**
 * struct kipc_frame - the registers of a call, in shared memory
 * @args: the caller's arguments; after the call the server's results
 * @procedure: which of the server's procedures is called
 * @deadline: how long to wait for the end of the call
 * @token: written when the wait was interrupted, or the call submitted
 * @reserved: 0
 *
 * The kernel reads it once when the call begins, and writes @args when it ends, unless it
 * was given up.  EINTR without a @token says that nothing has happened; so it is to be 0
 * before.
 */
struct kipc_frame {
	__aligned_u64 args[8];
	__aligned_u64 procedure;
	__aligned_u64 deadline;
	__aligned_u64 token;
	__aligned_u64 reserved[5];
};

/**
 * struct kipc_service_connect - make a handle's binding
 * @deadline: how long to wait for the server's decision; with KIPC_SERVICE_ACCEPT only
 * @args: for the server, with KIPC_SERVICE_ACCEPT; then what it has answered, also
 *	if it has refused
 * @binding_size: written: bytes to be mapped
 * @frames_size: written: of these, before the first A-stack
 * @stack_size: written: bytes of an A-stack
 * @stacks: written: how many A-stacks there are
 * @flags: 0
 * @reserved: 0
 *
 * Returns 0.  EPERM: the handle may not call, or it may serve as well.  EISCONN: it has a
 * binding.  EALREADY: another thread is just connecting it.  EUSERS: there are as many
 * bindings as there may be, of this user or of all.  ECONNREFUSED: the server says no.
 * EAGAIN, ETIMEDOUT: it has not decided.  EINTR: likewise, and what it decides will find
 * nobody.  EDQUOT: the server's quota of bytes is used up.  ENOMEM.  EPIPE: the service
 * has ended.  EIDRM: removed.  ELOOP, EDEADLK: to ask the server is a call.
 */
struct kipc_service_connect {
	__aligned_u64 deadline;
	__aligned_u64 args[8];
	__aligned_u64 binding_size;
	__u32 frames_size;
	__u32 stack_size;
	__u32 stacks;
	__u32 flags;
	__aligned_u64 reserved;
};

/*
 * KIPC_IOC_SERVICE_CALL: the argument is the number of the A-stack, from 0 on, or with
 * KIPC_SERVICE_SUBMIT not to wait: the reply is to be collected.
 *
 * Returns the server's status, 0 or more; 0 with KIPC_SERVICE_SUBMIT.  EPERM: the
 * handle may not call.  ENOTCONN: it has no binding.  EINVAL: no such A-stack or flag, or
 * @reserved of the frame is not 0.  EBUSY: the A-stack has a call.  EAGAIN: it would
 * wait, and the deadline does not allow that.  ETIMEDOUT: the call is given up.  EINTR:
 * it goes on.  EPIPE: the service has ended, or the worker.  ELOOP, EDEADLK: see above.
 * EIDRM: removed.
 */
#define KIPC_SERVICE_SUBMIT	(1U << 16)

/**
 * struct kipc_service_collect - collect the reply to a call
 * @token: of the call; or 0 for the first of this handle's calls that is done
 * @deadline: how long to wait for it
 * @stack: written on success, and if the call has failed: its A-stack, where the results
 *	are; @token likewise
 * @flags: 0
 *
 * Returns the server's status.  EPIPE, EIDRM with @token written: the call
 * has failed, and is over.  With any other error it can be collected again.  EPERM, ENOTCONN.
 * ENOENT: this handle has no such call, or none.  EBUSY: another thread waits for
 * this call.  EAGAIN, ETIMEDOUT, EINTR.  EDQUOT: the quota of waiters, without a token.
 */
struct kipc_service_collect {
	__aligned_u64 token;
	__aligned_u64 deadline;
	__u32 stack;
	__u32 flags;
};

/**
 * struct kipc_service_cancel - give a call up
 * @token: of the call
 * @flags: 0
 * @reserved: 0
 *
 * If no worker has it, it will not be made; else its A-stack is EBUSY until the server
 * is done with it.  EPERM, ENOTCONN, ENOENT, EBUSY: as for struct kipc_service_collect.
 */
struct kipc_service_cancel {
	__aligned_u64 token;
	__u32 flags;
	__u32 reserved;
};

/* struct kipc_service_reply flags. */
#define KIPC_REPLY_REFUSE	(1U << 0)	/* of a connection: refuse it */

/**
 * struct kipc_service_reply - reply to a call
 * @token: of the call
 * @args: the results
 * @value: of a connection that is accepted: comes with every call of the binding
 * @status: what the call returns, 0 or more, else EINVAL
 * @flags: KIPC_REPLY_REFUSE, or 0
 *
 * Returns 0, or 1 if nobody waits for it any more.  EPERM: the handle may not serve.
 * EINVAL: unknown flags, or KIPC_REPLY_REFUSE and no connection.  ENOENT: no call
 * with this token waits for a reply.  EIDRM: removed.
 */
struct kipc_service_reply {
	__aligned_u64 token;
	__aligned_u64 args[8];
	__aligned_u64 value;
	__s32 status;
	__u32 flags;
};

/* struct kipc_served flags. */
#define KIPC_SERVED_CONNECT	(1U << 0)	/* somebody asks for a binding */
#define KIPC_SERVED_GROW	(1U << 1)	/* no other worker is left */

/**
 * struct kipc_served - a call that a worker has
 * @token: for the reply
 * @args: the arguments
 * @procedure: of the frame; 0 with KIPC_SERVED_CONNECT
 * @value: of the binding: see struct kipc_service_reply
 * @stack: where its A-stack is, from the beginning of the mapping
 * @pid: the calling process, as the server's pid namespace shows it; 0 if it does not
 * @tid: its thread, likewise
 * @uid: its effective user, as the server's user namespace shows it
 * @gid: its effective group, likewise
 * @flags: KIPC_SERVED_...
 * @reserved: 0
 */
struct kipc_served {
	__aligned_u64 token;
	__aligned_u64 args[8];
	__aligned_u64 procedure;
	__aligned_u64 value;
	__aligned_u64 stack;
	__s32 pid;
	__s32 tid;
	__u32 uid;
	__u32 gid;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_service_serve - reply to a call, and wait for the next
 * @reply: the reply; or @reply.token 0: only wait.  @reply.token is 0 when it was
 *	given, so that after EINTR or ETIMEDOUT it is not given again
 * @deadline: how long to wait for a call
 * @flags: 0
 * @reserved: 0
 * @call: written: the call
 *
 * Returns 0.  What is wrong with the reply is told before anything is waited for: the
 * errors of struct kipc_service_reply.  EPERM: the handle may not serve.  ENXIO: the
 * calling process has not mapped the service.  ESHUTDOWN: KIPC_IOC_SERVICE_STOP.
 * EAGAIN, ETIMEDOUT, EINTR.  EFAULT: the call is for another worker, but the reply was
 * given if its token is 0.  EIDRM:
 * removed.
 */
struct kipc_service_serve {
	struct kipc_service_reply reply;
	__aligned_u64 deadline;
	__u32 flags;
	__u32 reserved;
	struct kipc_served call;
};

/*
 * DOC: Handles in calls
 *
 * A call of a service with KIPC_SERVICE_HANDLES can carry handles and other descriptors, as
 * letters can ("Handles in messages" in linux/kipc.h), and so can the reply.  They are
 * attached to the A-stack beforehand (KIPC_IOC_SERVICE_ATTACH), by the client before the
 * call, by the worker before its reply; and taken by the other side (_TAKE), by the worker
 * before it attaches any, by the client after the call and before the next one.
 *
 * What a worker does not take ends with its call; what a client does not take, with the
 * next call on that A-stack.  A call that was withdrawn before a worker had it leaves what
 * was attached to it for the next one.
 */

/**
 * struct kipc_service_handles - what a call carries
 * @token: of the call that a worker has; 0: the caller is the client
 * @handles: to attach, what the call or the reply carries, in place of what has been
 *	attached to it before; to take, where to put it: the number is written on success
 * @stack: the client's A-stack, which has no call just now; a worker's is 0
 * @flags: 0
 */
struct kipc_service_handles {
	__aligned_u64 token;
	struct kipc_handles handles;
	__u32 stack;
	__u32 flags;
};

/**
 * struct kipc_service_stat - a service's configuration and figures
 * @attr: as it was made, with sizes rounded, and defaults
 * @map_size: bytes for the server to map
 * @binding_size: of these, of each binding
 * @calls: made since it is there, less those that were withdrawn; as those that follow
 * @replies: of them, replied to
 * @failed: of them, that got no reply
 * @abandoned: of them, given up by their callers when a worker had them
 * @queued: of them, that have found no worker waiting
 * @frames_size: of @binding_size, before the first A-stack
 * @bindings: now, those included whose client is gone, and the server not done
 * @waiting: calls in line now
 * @serving: calls that workers have now
 * @workers: threads that wait for a call now
 * @reserved: 0
 */
struct kipc_service_stat {
	struct kipc_service_attr attr;
	__aligned_u64 map_size;
	__aligned_u64 binding_size;
	__aligned_u64 calls;
	__aligned_u64 replies;
	__aligned_u64 failed;
	__aligned_u64 abandoned;
	__aligned_u64 queued;
	__u32 frames_size;
	__u32 bindings;
	__u32 waiting;
	__u32 serving;
	__u32 workers;
	__u32 reserved;
};

/* On a service. */
#define KIPC_IOC_SERVICE_CONNECT _IOWR(KIPC_IOC_MAGIC, 0x60, struct kipc_service_connect)
#define KIPC_IOC_SERVICE_CALL	_IO(KIPC_IOC_MAGIC, 0x61)
#define KIPC_IOC_SERVICE_COLLECT _IOWR(KIPC_IOC_MAGIC, 0x62, struct kipc_service_collect)
#define KIPC_IOC_SERVICE_CANCEL	_IOW(KIPC_IOC_MAGIC, 0x63, struct kipc_service_cancel)
#define KIPC_IOC_SERVICE_SERVE	_IOWR(KIPC_IOC_MAGIC, 0x64, struct kipc_service_serve)
#define KIPC_IOC_SERVICE_REPLY	_IOW(KIPC_IOC_MAGIC, 0x65, struct kipc_service_reply)
/* Take no calls any more: see "The end".  EPERM: the handle may not serve.  EIDRM. */
#define KIPC_IOC_SERVICE_STOP	_IO(KIPC_IOC_MAGIC, 0x66)
#define KIPC_IOC_SERVICE_STAT	_IOR(KIPC_IOC_MAGIC, 0x67, struct kipc_service_stat)
/*
 * Returns 0.  EOPNOTSUPP: the service has not KIPC_SERVICE_HANDLES.  EINVAL: no such
 * A-stack, or not 0; and as in struct kipc_handles and struct kipc_descriptor.  EPERM: the
 * handle may not call, or with @token not serve.  ENOTCONN: it has no binding.  EBUSY: the
 * A-stack has a call.  ENOENT: no worker has a call with this token.  EIDRM: removed.
 * EPIPE: ended.  EBADF, EPERM, ELOOP, EDQUOT, ENFILE, ENOMEM: as for
 * struct kipc_mailbox_send_handles.
 */
#define KIPC_IOC_SERVICE_ATTACH	_IOW(KIPC_IOC_MAGIC, 0x68, struct kipc_service_handles)
/*
 * Returns 0.  ENOENT: there is nothing to be taken, or no worker has a call with this
 * token.  EMSGSIZE: it is more than there is room for.  EMFILE, ENOMEM: no descriptor is
 * left; it stays.  EINVAL, EPERM, ENOTCONN, EBUSY, EIDRM: as above.  EINTR.
 */
#define KIPC_IOC_SERVICE_TAKE	_IOWR(KIPC_IOC_MAGIC, 0x69, struct kipc_service_handles)

#endif /* _UAPI_LINUX_KIPC_SERVICE_H */
