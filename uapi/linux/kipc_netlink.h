/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc over generic netlink: which objects there are, who waits for them, which calls are
 * under way, and being told as that changes.  Nothing that is sent through an object is
 * ever shown.
 *
 * DOC: The family
 *
 * It is called KIPC_GENL_NAME.  A command has the attributes that are named with it; one
 * that is unknown or of the wrong sort is EINVAL, with a message and the place of the
 * attribute in the extended acknowledgment.  So is a flag of the header that means nothing
 * here, or what is reserved there; a command that is not there, or not as a dump, or only
 * so, is EOPNOTSUPP.
 *
 * DOC: Who sees what
 *
 * A request is about the IPC namespace of the process that sends it.  With KIPC_A_ALL it
 * is about all namespaces over whose user namespace that process has CAP_SYS_ADMIN.  Of a
 * dump the rights of the process count that reads on.  Whatever somebody must be allowed,
 * must be allowed to who opened the socket, too.
 *
 * Objects with a name are shown to everybody, as files in a directory are.  Those without
 * one, and of every object its figures, who waits for it, and the calls of it, are shown
 * to who may read it (owner, group and mode, as for a file), and to CAP_IPC_OWNER in the
 * user namespace that owns the IPC namespace.  Processes outside of the reader's pid
 * namespace are 0, users outside of its user namespace the overflow user.
 *
 * DOC: Dumps
 *
 * Objects come in the order of their numbers, each at most once, and each one that was
 * there from the beginning to the end of the dump does come.  If any came or went
 * meanwhile, NLM_F_DUMP_INTR is set, but of LIMIT and LATENCY: who needs a picture of one
 * moment repeats it.  One that memory runs short for ends too early: NLMSG_DONE has -ENOMEM
 * then, in place of 0.
 *
 * DOC: Commands
 *
 * KIPC_CMD_OBJECT: of KIPC_A_ID or of KIPC_A_NAME, that object: ID, IPC_NS, KIND, MODE,
 * UID, GID, FLAGS, HANDLES, CREATED, NAME if it has one; and STAT, WAITERS if the reader may
 * see that.  ENOENT: there is none, or it is not shown.  A dump: all of them, or those of
 * KIND, of UID, whose name fits PATTERN (as in glob(7), an object without a name has the
 * empty one), for which somebody WAITS.
 *
 * KIPC_CMD_REMOVE: of KIPC_A_ID or KIPC_A_NAME: end it, as KIPC_IOC_REMOVE does.
 * EACCES: the sender neither owns it nor has CAP_IPC_OWNER as above.  EIDRM: it was
 * removed already.
 *
 * KIPC_CMD_WAITER, a dump: who waits, for KIPC_A_ID or for any object: ID, WHAT, PID, TID,
 * SINCE.  At most KIPC_SHOWN_MAX of each object, those who came first.
 *
 * KIPC_CMD_CALL, a dump: calls of KIPC_A_ID, or of any object, that are not over: ID, TOKEN,
 * STATE, PID and TID of the caller; if a server has it, SERVER_PID, and of a service
 * SERVER_TID; of a service PROCEDURE, DEPTH; SINCE.  At most KIPC_SHOWN_MAX of each
 * object.
 *
 * KIPC_CMD_LIMIT: of RESOURCE and LIMIT: from now on every user may hold so much of it, as
 * by the module's parameter.  EPERM: the sender does not have CAP_SYS_RESOURCE in the
 * initial user namespace.  ERANGE: there is no such resource.  A dump: how much the
 * sender's user holds, one answer for each resource: UID, USER_NS, RESOURCE, USED, LIMIT.
 * With ALL every user over whose user namespace the sender has CAP_SYS_ADMIN: what a user
 * holds in a user namespace counts for who made that as well.
 *
 * KIPC_CMD_LATENCY: of KIPC_A_ID or KIPC_A_NAME, and STATE: 1: count how long threads wait
 * for it, from now on, from nothing; 0: do not, as at the beginning.  What the counts
 * take is the owner's.  EACCES: as for REMOVE.  ERANGE: another STATE.  EDQUOT, ENOMEM.
 * A dump: of KIPC_A_ID, or of any object of which that is counted: ID, WHAT, COUNTS; those
 * that are all 0 are left out.
 *
 * KIPC_CMD_SUBSCRIBE: have this socket told of EVENTS from now on, in place of what it was
 * told before; of none: no more.  With ALL, in all namespaces.  EINVAL: an unknown event.
 * ENOMEM.  EDQUOT: the sender's user has subscribed too often; it counts as 64 threads that
 * wait.
 *
 * DOC: Events
 *
 * A subscribed socket is sent KIPC_CMD_EVENT, with sequence number 0: EVENT, and PID and
 * UID_CAUSE of who caused it, 0 and the overflow user if the kernel did; and of an object
 * ID, IPC_NS, KIND, UID, and NAME if it has, or had, one; of KIPC_HAPPENED_LIMIT UID, whose
 * limit it is, and RESOURCE.  LOST, how many events were lost since it subscribed, since
 * its buffer was full, or the kernel had no memory; if any were.
 *
 * It is told of objects that are shown to who has subscribed, with the rights that it had
 * then, and to who opened the socket; and of limits of its own user, or with CAP_SYS_ADMIN
 * over that one's user namespace.
 */
#ifndef _UAPI_LINUX_KIPC_NETLINK_H
#define _UAPI_LINUX_KIPC_NETLINK_H

#define KIPC_GENL_NAME		"kipc"
#define KIPC_GENL_VERSION	1

#define KIPC_LATENCY_BUCKETS	40	/* of KIPC_A_COUNTS */
#define KIPC_SHOWN_MAX		1024	/* waiters, and calls, of one object */

enum {
	KIPC_CMD_UNSPEC,
	KIPC_CMD_OBJECT,
	KIPC_CMD_REMOVE,
	KIPC_CMD_WAITER,
	KIPC_CMD_CALL,
	KIPC_CMD_SUBSCRIBE,
	KIPC_CMD_EVENT,
	KIPC_CMD_LIMIT,
	KIPC_CMD_LATENCY,
	__KIPC_CMD_END
};

/**
 * enum kipc_attr - attributes
 * @KIPC_A_UNSPEC: none
 * @KIPC_A_PAD: none
 * @KIPC_A_ID: u64, an object's number
 * @KIPC_A_NAME: string
 * @KIPC_A_KIND: u32, KIPC_KIND_...
 * @KIPC_A_IPC_NS: u32, the namespace, as the inode of /proc/PID/ns/ipc
 * @KIPC_A_UID: u32, the owner
 * @KIPC_A_GID: u32
 * @KIPC_A_MODE: u32, permission bits
 * @KIPC_A_FLAGS: u32, KIPC_INFO_...
 * @KIPC_A_HANDLES: u32, as in struct kipc_info
 * @KIPC_A_CREATED: u64, nanoseconds of CLOCK_REALTIME
 * @KIPC_A_STAT: what the kind's KIPC_IOC_..._STAT writes
 * @KIPC_A_WAITERS: u32, how many threads wait for it
 * @KIPC_A_ALL: flag, all namespaces
 * @KIPC_A_PATTERN: string
 * @KIPC_A_WAITS: flag
 * @KIPC_A_WHAT: u32, enum kipc_wait
 * @KIPC_A_PID: u32, a process
 * @KIPC_A_TID: u32, a thread
 * @KIPC_A_SINCE: u64, nanoseconds that it has been so
 * @KIPC_A_TOKEN: u64, of the call
 * @KIPC_A_STATE: u32, enum kipc_call_stage; of KIPC_CMD_LATENCY 0 or 1
 * @KIPC_A_SERVER_PID: u32
 * @KIPC_A_SERVER_TID: u32
 * @KIPC_A_PROCEDURE: u64, what was called
 * @KIPC_A_DEPTH: u32, how many calls it is nested in
 * @KIPC_A_EVENTS: u32, KIPC_HAPPENED_...
 * @KIPC_A_EVENT: u32, one of them
 * @KIPC_A_UID_CAUSE: u32, a user
 * @KIPC_A_RESOURCE: u32, enum kipc_limit
 * @KIPC_A_LOST: u64
 * @KIPC_A_USER_NS: u32, the namespace, as the inode of /proc/PID/ns/user
 * @KIPC_A_USED: u64, how much a user holds
 * @KIPC_A_LIMIT: u64, how much it may
 * @KIPC_A_COUNTS: u64 each: waits of less than 1 nanosecond, than 2, 4, 8 and so on, but
 *	not less than the one before; the last has all that were longer
 */
enum kipc_attr {
	KIPC_A_UNSPEC,
	KIPC_A_PAD,
	KIPC_A_ID,
	KIPC_A_NAME,
	KIPC_A_KIND,
	KIPC_A_IPC_NS,
	KIPC_A_UID,
	KIPC_A_GID,
	KIPC_A_MODE,
	KIPC_A_FLAGS,
	KIPC_A_HANDLES,
	KIPC_A_CREATED,
	KIPC_A_STAT,
	KIPC_A_WAITERS,
	KIPC_A_ALL,
	KIPC_A_PATTERN,
	KIPC_A_WAITS,
	KIPC_A_WHAT,
	KIPC_A_PID,
	KIPC_A_TID,
	KIPC_A_SINCE,
	KIPC_A_TOKEN,
	KIPC_A_STATE,
	KIPC_A_SERVER_PID,
	KIPC_A_SERVER_TID,
	KIPC_A_PROCEDURE,
	KIPC_A_DEPTH,
	KIPC_A_EVENTS,
	KIPC_A_EVENT,
	KIPC_A_UID_CAUSE,
	KIPC_A_RESOURCE,
	KIPC_A_LOST,
	KIPC_A_USER_NS,
	KIPC_A_USED,
	KIPC_A_LIMIT,
	KIPC_A_COUNTS
};

#define KIPC_A_MAX	KIPC_A_COUNTS

/**
 * enum kipc_wait - what a thread waits for
 * @KIPC_WAIT_ROOM: to send, or to write
 * @KIPC_WAIT_DATA: to receive, to read, for a doorbell, or to take from a semaphore
 * @KIPC_WAIT_REPLY: for the reply to a call
 * @KIPC_WAIT_CALL: to serve one
 * @KIPC_WAIT_PEER: for the other end of a pipe, to be opened
 * @KIPC_WAIT_ZERO: for a semaphore, to be 0
 */
enum kipc_wait {
	KIPC_WAIT_ROOM = 1,
	KIPC_WAIT_DATA,
	KIPC_WAIT_REPLY,
	KIPC_WAIT_CALL,
	KIPC_WAIT_PEER,
	KIPC_WAIT_ZERO,
};

/**
 * enum kipc_call_stage - what has become of a call
 * @KIPC_STAGE_QUEUED: nobody has taken it
 * @KIPC_STAGE_SERVED: a server has it
 * @KIPC_STAGE_ORPHAN: likewise, but its caller has given it up
 * @KIPC_STAGE_DONE: there is a reply, that nobody has collected
 */
enum kipc_call_stage {
	KIPC_STAGE_QUEUED = 1,
	KIPC_STAGE_SERVED,
	KIPC_STAGE_ORPHAN,
	KIPC_STAGE_DONE,
};

/**
 * enum kipc_limit - what a user may hold so much of
 * @KIPC_LIMIT_OBJECTS: max_objects
 * @KIPC_LIMIT_BYTES: max_bytes
 * @KIPC_LIMIT_WAITERS: max_waiters
 * @KIPC_LIMIT_CARRIED: max_carried
 * @KIPC_LIMIT_MEMORY: max_memory
 */
enum kipc_limit {
	KIPC_LIMIT_OBJECTS,
	KIPC_LIMIT_BYTES,
	KIPC_LIMIT_WAITERS,
	KIPC_LIMIT_CARRIED,
	KIPC_LIMIT_MEMORY,
};

/* KIPC_A_EVENTS */
#define KIPC_HAPPENED_CREATED	(1U << 0)
#define KIPC_HAPPENED_OPENED	(1U << 1)	/* by name, or by pid */
#define KIPC_HAPPENED_UNLINKED	(1U << 2)	/* by KIPC_IOC_UNLINK */
#define KIPC_HAPPENED_REMOVED	(1U << 3)	/* its users get EIDRM */
#define KIPC_HAPPENED_END	(1U << 4)	/* nobody has it any more */
#define KIPC_HAPPENED_LIMIT	(1U << 5)	/* a user's quota has refused something */
#define KIPC_HAPPENED_DIED	(1U << 6)	/* a server, or its handle, with calls */
#define KIPC_HAPPENED_BUSY	(1U << 7)	/* a call waits, all workers being busy */
#define KIPC_HAPPENED_DROPPED	(1U << 8)	/* a letter gave way */
#define KIPC_HAPPENED_ALL	((1U << 9) - 1)

#endif /* _UAPI_LINUX_KIPC_NETLINK_H */
