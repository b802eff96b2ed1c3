/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc: typed message queues.  A part of <linux/kipc.h>, which includes this.
 *
 * DOC: Queues
 *
 * A queue carries *messages*, each a header (struct kipc_message) with a type and a
 * priority, and 0 to message_size bytes, between any number of senders and
 * receivers.  A receiver says by a *selector* which message it wants: that one is
 * taken, wherever it stands, at a cost that does not depend on what lies before it (but
 * for the first who selects in a way, since the queue was empty, who has it indexed).
 * A message is sent whole or not at all, and received by exactly one receiver.
 *
 * Among the messages that a selector means, the one is received that was sent first,
 * but as KIPC_SELECT_PRIORITY and _LOWEST say.  A message that is sent goes at once
 * to the receiver that waits longest among those whose selector means it; who comes
 * later never gets it.  So a waiting receiver is passed over only by messages that
 * it does not want.  A receive that fails (its buffer is too short, or not there; its
 * process is killed) leaves the message in its place, and offers it to the others.
 * While a receiver is copying a message of more than 4 KiB, that message is nobody
 * else's: who wants it waits (EAGAIN without waiting) until it is gone or back.
 *
 * Capacity: max_messages and max_bytes (of data, headers do not count), both
 * positive; either may be KIPC_UNBOUNDED: then the owner's quota (the creator's, also
 * after fchown) is the bound (EDQUOT).  When full, a sender waits; senders are served
 * in the order in which they came.
 *
 * Plain write sends a message of type 1 and priority 0; plain read receives by the
 * handle's default selector.  One message per call, also for readv and writev.  write
 * of 0 bytes does nothing; read of a message that has 0 bytes is EBADMSG and leaves it
 * in place; read of 0 bytes is EMSGSIZE (readv of 0 bytes is 0, and does not ask the
 * queue); read returns 0 for hang-up only.
 *
 * poll: POLLIN, a message that the handle's default selector means can be received now;
 * POLLOUT, a message of message_size bytes can be sent without waiting; each only on a
 * handle with that right.  Hang-up: POLLIN and POLLHUP to receivers for whose default
 * selector there is no message, POLLERR to senders beside what else is true.  A removed
 * queue: POLLERR and POLLHUP.  POLLIN also if there is no memory to find it out: then a
 * receive fails with ENOMEM.
 */
#ifndef _UAPI_LINUX_KIPC_QUEUE_H
#define _UAPI_LINUX_KIPC_QUEUE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The rights that a queue knows. */
#define KIPC_QUEUE_RIGHTS \
	(KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE | KIPC_RIGHT_MANAGE)

/* struct kipc_queue_attr flags. */
#define KIPC_QUEUE_HANGUP	(1U << 0)
#define KIPC_QUEUE_HANDLES	(1U << 1)	/* messages may carry handles */

/**
 * struct kipc_queue_attr - what a queue is created with, and its limits
 * @max_messages: capacity in messages, at least 1, or KIPC_UNBOUNDED
 * @max_bytes: capacity in bytes, or KIPC_UNBOUNDED
 * @message_size: longest message, 1 to KIPC_MESSAGE_MAX
 * @flags: KIPC_QUEUE_...
 *
 * Defaults: 16384 messages, 1 MiB, 64 KiB, no flags.  EINVAL: @max_messages is 0;
 * @message_size is 0, above KIPC_MESSAGE_MAX or above @max_bytes.
 *
 * KIPC_QUEUE_HANGUP: once there has been a handle with the right to send and there is
 * none, a receiver for whom there is no message gets end of file (read: 0; receive:
 * EPIPE) in place of a wait; once there has been one with the right to receive and
 * there is none, senders get EPIPE (never SIGPIPE).
 */
struct kipc_queue_attr {
	__aligned_u64 max_messages;
	__aligned_u64 max_bytes;
	__u32 message_size;
	__u32 flags;
};

/* struct kipc_message flags. */
#define KIPC_MESSAGE_TRUNCATED	(1U << 0)
#define KIPC_MESSAGE_HANDLES	(1U << 1)

/**
 * struct kipc_message - the header of a message, as its receiver gets it
 * @seq: 1, 2, 3, ... in the order in which the queue accepted its messages
 * @time_ns: when it was sent, CLOCK_REALTIME_COARSE (a clock tick's precision)
 * @type: the sender's; what selectors look at
 * @priority: the sender's; higher is more urgent
 * @size: bytes of data in the message, also if fewer were asked for
 * @flags: KIPC_MESSAGE_TRUNCATED: the buffer was shorter than the message;
 *	KIPC_MESSAGE_HANDLES: it carries handles
 * @pid: the sender's process, in the receiver's pid namespace; 0 if not visible there
 * @tid: the sender's thread, likewise
 * @uid: the sender's effective user, in the receiver's user namespace
 * @gid: the sender's effective group, likewise
 * @reserved: 0
 */
struct kipc_message {
	__aligned_u64 seq;
	__aligned_u64 time_ns;
	__aligned_u64 type;
	__u32 priority;
	__u32 size;
	__u32 flags;
	__s32 pid;
	__s32 tid;
	__u32 uid;
	__u32 gid;
	__u32 reserved;
};

/* How a selector selects: see struct kipc_selector. */
#define KIPC_SELECT_DEFAULT	0	/* by the handle's own selector */
#define KIPC_SELECT_FIRST	1	/* any message: the earliest */
#define KIPC_SELECT_PRIORITY	2	/* the highest priority; of these the earliest */
#define KIPC_SELECT_TYPE	3	/* of type @low: the earliest */
#define KIPC_SELECT_LOWEST	4	/* the lowest type up to @high; of these the earliest */
#define KIPC_SELECT_RANGE	5	/* of a type from @low to @high: the earliest */
#define KIPC_SELECT_EXCEPT	6	/* of any type but @low: the earliest */
#define KIPC_SELECT_SENDER	7	/* sent by the process @low: the earliest */
#define KIPC_SELECT_AFTER	8	/* whose @seq is above @low: the earliest; to peek */

/**
 * struct kipc_selector - which message
 * @how: KIPC_SELECT_...
 * @reserved: 0
 * @low: see there; else 0
 * @high: likewise
 *
 * KIPC_SELECT_SENDER: @low is a pid in the caller's pid namespace.  Messages know their
 * senders by the numbers that they have in the pid namespace of the queue's creator, so
 * for a caller in there the sender may have ended meanwhile; for others it must live
 * (ESRCH); and who has no number in there cannot be selected (ESRCH).  That number may
 * be used again for another process, as everywhere.
 *
 * KIPC_SELECT_AFTER goes through the queue without taking anything: it needs
 * KIPC_RECV_PEEK, and never waits.
 *
 * EINVAL: an unknown @how; a field that must be 0 is not; @low above @high, or no pid.
 */
struct kipc_selector {
	__u32 how;
	__u32 reserved;
	__aligned_u64 low;
	__aligned_u64 high;
};

/**
 * struct kipc_queue_send - send a message
 * @data: pointer to the data
 * @type: comes with the message
 * @deadline: how long to wait while the queue is full
 * @size: bytes of data
 * @priority: comes with the message
 * @flags: 0
 * @reserved: 0
 *
 * Returns 0.  EBADF: the handle may not send.  EMSGSIZE: @size is above message_size,
 * or has come to be while the sender waited.  EAGAIN: full, and the caller does not
 * wait.  ETIMEDOUT.  EINTR.  EPIPE: hang-up.  EDQUOT: the owner's quota of bytes or of
 * waiters is used up.  ENOMEM.  EIDRM: removed.
 */
struct kipc_queue_send {
	__aligned_u64 data;
	__aligned_u64 type;
	__aligned_u64 deadline;
	__u32 size;
	__u32 priority;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_queue_recv - receive a message
 * @data: pointer to a buffer
 * @deadline: how long to wait while there is no such message
 * @size: of the buffer
 * @flags: KIPC_RECV_PEEK, KIPC_RECV_TRUNCATE
 * @selector: which message
 * @message: written on success: the message's header
 *
 * Returns the number of bytes written to the buffer.  EBADF: the handle may not
 * receive.  EBADMSG: the message carries handles, and KIPC_RECV_PEEK was not given; it
 * stays in its place.  EMSGSIZE: it is longer than @size; likewise.
 * EAGAIN: there is no such message now, and the caller does not wait (nor does
 * KIPC_SELECT_AFTER).  ETIMEDOUT.  EINTR.  EPIPE: there is none, and hang-up.  ESRCH:
 * see struct kipc_selector.  EDQUOT: the owner's quota of waiters is used up.  ENOMEM:
 * no memory to find the message, where nobody has selected in this way since the queue
 * was empty.  EIDRM: removed.
 */
struct kipc_queue_recv {
	__aligned_u64 data;
	__aligned_u64 deadline;
	__u32 size;
	__u32 flags;
	struct kipc_selector selector;
	struct kipc_message message;
};

/**
 * struct kipc_queue_send_handles - send a message that carries handles
 * @send: the message
 * @handles: what it carries
 *
 * The errors are those of struct kipc_queue_send, and: EOPNOTSUPP: the queue has not
 * KIPC_QUEUE_HANDLES.  EINVAL, EBADF, EPERM, ELOOP, EDQUOT, ENFILE: as for
 * struct kipc_mailbox_send_handles.
 */
struct kipc_queue_send_handles {
	struct kipc_queue_send send;
	struct kipc_handles handles;
};

/**
 * struct kipc_queue_recv_handles - receive a message, and what it carries
 * @recv: which, and where to
 * @handles: where to put what it carries; the number is written on success, and 0 for a
 *	message that carries nothing.  With KIPC_RECV_PEEK only the number is
 *
 * The errors are those of struct kipc_queue_recv, and: EMSGSIZE, EMFILE, ENOMEM, and
 * those of a security module: as for struct kipc_mailbox_recv_handles.
 */
struct kipc_queue_recv_handles {
	struct kipc_queue_recv recv;
	struct kipc_handles handles;
};

/**
 * struct kipc_queue_send_item - a message of a batch that is sent
 * @data: pointer to the data
 * @type: comes with the message
 * @size: bytes of data
 * @priority: comes with the message
 * @flags: 0
 * @reserved: 0
 *
 * Does not grow, since it stands in an array.
 */
struct kipc_queue_send_item {
	__aligned_u64 data;
	__aligned_u64 type;
	__u32 size;
	__u32 priority;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_queue_send_batch - send several messages, as mailboxes do with letters
 * @items: pointer to an array of struct kipc_queue_send_item
 * @deadline: how long to wait, in all, for room for all of them
 * @count: of @items, 1 to KIPC_BATCH_MAX, else EINVAL
 * @flags: 0
 *
 * Returns how many were sent, from the first one on.  Fewer than @count: there was no
 * room until @deadline (or at all, if the caller does not wait), a signal came while
 * it waited, or the next message has an error.  The errors are those of
 * struct kipc_queue_send, of the first message; EINVAL also for its @flags.  EFAULT
 * also: the first one of @items cannot be read.
 */
struct kipc_queue_send_batch {
	__aligned_u64 items;
	__aligned_u64 deadline;
	__u32 count;
	__u32 flags;
};

/**
 * struct kipc_queue_recv_item - a message of a batch that is received
 * @data: pointer to a buffer
 * @size: of the buffer
 * @flags: 0
 * @message: written when the message was received: its header; the number of bytes in
 *	the buffer is @message.size, or @size if KIPC_MESSAGE_TRUNCATED is there
 *
 * Does not grow, since it stands in an array.
 */
struct kipc_queue_recv_item {
	__aligned_u64 data;
	__u32 size;
	__u32 flags;
	struct kipc_message message;
};

/**
 * struct kipc_queue_recv_batch - receive several messages
 * @items: pointer to an array of struct kipc_queue_recv_item
 * @deadline: how long to wait for the first message
 * @count: of @items, 1 to KIPC_BATCH_MAX, else EINVAL
 * @flags: KIPC_RECV_TRUNCATE for all of them, or 0
 * @selector: which messages: for each of them anew, in turn
 *
 * Waits for one message, and takes along what else there is then and may be taken
 * without a wait.  Returns how many were received, from the first one on.  Fewer than
 * @count: there were no more, or the next one has an error (it stays in its place).
 * The errors are those of struct kipc_queue_recv, of the first message; EINVAL also
 * for @flags of its item.
 */
struct kipc_queue_recv_batch {
	__aligned_u64 items;
	__aligned_u64 deadline;
	__u32 count;
	__u32 flags;
	struct kipc_selector selector;
};

/**
 * struct kipc_queue_stat - a queue's limits and figures
 * @attr: as created, or set since then
 * @messages: in the queue now, those included that a receiver was given and has not
 *	got yet, and those that a sender is just putting there
 * @bytes: of data in the queue now, likewise
 * @peak_messages: most @messages that there were
 * @peak_bytes: most @bytes
 * @sent: messages accepted since creation
 * @sent_bytes: their bytes
 * @received: messages received since creation
 * @received_bytes: their bytes
 * @send_waits: sends that had to wait
 * @recv_waits: receives that had to wait
 * @send_time_ns: when the last message was sent, CLOCK_REALTIME_COARSE; 0: none was
 * @recv_time_ns: when the last one was received
 * @change_time_ns: when the queue was created, or its limits were set
 * @waiting_senders: threads that wait in a send now
 * @waiting_receivers: threads that wait in a receive now
 * @send_pid: process of the last send, in the caller's pid namespace; 0: none, or not
 *	visible there
 * @recv_pid: of the last receive, likewise
 */
struct kipc_queue_stat {
	struct kipc_queue_attr attr;
	__aligned_u64 messages;
	__aligned_u64 bytes;
	__aligned_u64 peak_messages;
	__aligned_u64 peak_bytes;
	__aligned_u64 sent;
	__aligned_u64 sent_bytes;
	__aligned_u64 received;
	__aligned_u64 received_bytes;
	__aligned_u64 send_waits;
	__aligned_u64 recv_waits;
	__aligned_u64 send_time_ns;
	__aligned_u64 recv_time_ns;
	__aligned_u64 change_time_ns;
	__u32 waiting_senders;
	__u32 waiting_receivers;
	__s32 send_pid;
	__s32 recv_pid;
};

/* On a queue. */
#define KIPC_IOC_QUEUE_SEND	_IOW(KIPC_IOC_MAGIC, 0x30, struct kipc_queue_send)
#define KIPC_IOC_QUEUE_RECV	_IOWR(KIPC_IOC_MAGIC, 0x31, struct kipc_queue_recv)
#define KIPC_IOC_QUEUE_STAT	_IOR(KIPC_IOC_MAGIC, 0x32, struct kipc_queue_stat)
/*
 * Set the limits, as struct kipc_queue_attr says; @flags must be as they are.  What is
 * in the queue stays; senders that wait go on if there is room now, and fail if their
 * messages are too long now.  EINVAL: as there, or other @flags.  EPERM: the handle may
 * not manage.  EIDRM: removed.
 */
#define KIPC_IOC_QUEUE_SET	_IOW(KIPC_IOC_MAGIC, 0x33, struct kipc_queue_attr)
/*
 * Set the handle's default selector, which is KIPC_SELECT_FIRST at first, for all who
 * share the handle; who waits already goes on waiting for what it came for.  EBADF:
 * the handle may not receive.  EINVAL: also for KIPC_SELECT_DEFAULT and _AFTER.  ESRCH:
 * see struct kipc_selector.  EIDRM: removed.
 */
#define KIPC_IOC_QUEUE_SELECT	_IOW(KIPC_IOC_MAGIC, 0x34, struct kipc_selector)
#define KIPC_IOC_QUEUE_SEND_BATCH _IOW(KIPC_IOC_MAGIC, 0x35, struct kipc_queue_send_batch)
#define KIPC_IOC_QUEUE_RECV_BATCH _IOW(KIPC_IOC_MAGIC, 0x36, struct kipc_queue_recv_batch)
#define KIPC_IOC_QUEUE_SEND_HANDLES _IOW(KIPC_IOC_MAGIC, 0x37, struct kipc_queue_send_handles)
#define KIPC_IOC_QUEUE_RECV_HANDLES _IOWR(KIPC_IOC_MAGIC, 0x38, struct kipc_queue_recv_handles)

#endif /* _UAPI_LINUX_KIPC_QUEUE_H */
