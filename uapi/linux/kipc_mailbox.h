/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc: mailboxes.  A part of <linux/kipc.h>, which includes this.
 *
 * DOC: Mailboxes
 *
 * A mailbox carries *letters*, each a header (struct kipc_letter) and 0 to
 * letter_size bytes, strictly first in first out, between any number of
 * senders and receivers.  A letter is sent whole or not at all, and received
 * by exactly one receiver; waiting senders and receivers are woken in the order
 * in which they came, and nobody who comes later goes ahead of one who waits (a
 * small letter does not pass a large one that waits for room), but for a user who is
 * above its share (struct kipc_mailbox_config).  Else only who finds a
 * page of its buffer missing at the copy can be overtaken: nothing was sent or
 * taken, and it comes again.  Receivers of letters above 4 KiB take turns.
 *
 * Capacity: max_letters and max_bytes (of data, headers do not count) are
 * both positive, either may be KIPC_UNBOUNDED: then the owner's quota (the
 * creator's, also after fchown) is the bound (EDQUOT).  Both 0 is a
 * *rendezvous*: a sender waits until a receiver has its letter; one that does not
 * wait needs a receiver that is waiting already (else EAGAIN), and if that one
 * leaves, or only peeks, the letter waits for the next.
 *
 * When full, a sender waits; with KIPC_MAILBOX_REFUSE it gets EAGAIN at once;
 * with KIPC_MAILBOX_DROP_OLDEST the oldest letters give way and are counted (but
 * not one that a receiver is just copying: it may exceed the capacity meanwhile).
 *
 * Plain read and write on the handle receive and send one letter per call, as
 * do readv and writev.  write of 0 bytes does nothing; read of a letter that
 * has 0 bytes is EBADMSG and leaves it in place (KIPC_IOC_MAILBOX_RECV takes
 * it); read of 0 bytes is EMSGSIZE (readv of 0 bytes is 0, and does not ask the
 * mailbox); read returns 0 for hang-up only.
 *
 * poll: POLLIN, a letter can be received now (rendezvous: a sender waits; not
 * while another receiver is just copying a large letter);
 * POLLOUT, a letter of letter_size bytes can be sent without waiting
 * (rendezvous: a receiver waits); each only on a handle with that right.
 * Hang-up: POLLIN and POLLHUP to receivers once it is empty, POLLERR to senders
 * beside what else is true.  A removed mailbox: POLLERR and POLLHUP.
 */
#ifndef _UAPI_LINUX_KIPC_MAILBOX_H
#define _UAPI_LINUX_KIPC_MAILBOX_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The rights that a mailbox knows. */
#define KIPC_MAILBOX_RIGHTS \
	(KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE | KIPC_RIGHT_MANAGE)

/* struct kipc_mailbox_attr flags. */
#define KIPC_MAILBOX_FIXED	(1U << 0)	/* every letter has letter_size bytes */
#define KIPC_MAILBOX_REFUSE	(1U << 1)
#define KIPC_MAILBOX_DROP_OLDEST (1U << 2)
#define KIPC_MAILBOX_HANGUP	(1U << 3)
#define KIPC_MAILBOX_HANDLES	(1U << 4)	/* letters and replies may carry handles */

/**
 * struct kipc_mailbox_attr - what a mailbox is created with
 * @max_letters: capacity in letters; 0 for a rendezvous, or KIPC_UNBOUNDED
 * @max_bytes: capacity in bytes; 0 for a rendezvous, or KIPC_UNBOUNDED
 * @letter_size: longest letter, 1 to KIPC_LETTER_MAX
 * @flags: KIPC_MAILBOX_...
 *
 * Defaults: 4096 letters, 256 KiB, 64 KiB, no flags.  EINVAL: one capacity is 0
 * and the other not; @letter_size is 0, above KIPC_LETTER_MAX or above
 * @max_bytes; REFUSE with DROP_OLDEST; DROP_OLDEST with a rendezvous.
 *
 * KIPC_MAILBOX_HANGUP: once there has been a handle with the right to send and
 * there is none, an empty mailbox gives its receivers end of file (read: 0;
 * receive: EPIPE) in place of a wait; once there has been one with the right to
 * receive and there is none, its senders get EPIPE (never SIGPIPE).
 */
struct kipc_mailbox_attr {
	__aligned_u64 max_letters;
	__aligned_u64 max_bytes;
	__u32 letter_size;
	__u32 flags;
};

/**
 * struct kipc_mailbox_config - attributes, and what came later
 * @attr: as above
 * @share_letters: of the capacity, how many letters one sending user may occupy; 0
 *	(and @share_bytes 0) for no such bound
 * @share_bytes: how many bytes, likewise; either may be KIPC_UNBOUNDED
 *
 * May stand for struct kipc_mailbox_attr in KIPC_IOC_CREATE, and may grow; zeros are
 * the default of what is left out.
 *
 * With a share, what a user (the effective one of the sender; whatever process,
 * handle or user namespace) has in the mailbox, and what it waits to put there with
 * its share already taken, stays within it; a request counts until a server has taken
 * it.  Who would exceed it waits, or fails with EAGAIN or ETIMEDOUT, as if the mailbox
 * were full; but is in the way of nobody else: it stands in a line of its user's own,
 * and joins that of the mailbox when there is share for its letter.  So the senders of
 * one user are served in the order in which they came, and those of others may go ahead
 * of them.  POLLOUT is that of the caller's effective user.  EDQUOT or ENOMEM also if
 * the owner cannot pay for the record of one more user.
 *
 * EINVAL: one of the share's bounds is 0 and the other not; @share_bytes is below
 * letter_size; a share with a rendezvous or with DROP_OLDEST.
 */
struct kipc_mailbox_config {
	struct kipc_mailbox_attr attr;
	__aligned_u64 share_letters;
	__aligned_u64 share_bytes;
};

/* struct kipc_letter flags. */
#define KIPC_LETTER_TRUNCATED	(1U << 0)
#define KIPC_LETTER_CALL	(1U << 1)
#define KIPC_LETTER_HANDLES	(1U << 2)

/**
 * struct kipc_letter - the header of a letter, as its receiver gets it
 * @seq: 1, 2, 3, ... in the order in which the mailbox accepted its letters; a
 *	letter that left without being received (dropped for a younger one,
 *	withdrawn from a rendezvous or by its caller) leaves a gap
 * @time_ns: when it was sent, CLOCK_REALTIME_COARSE (a clock tick's precision)
 * @tag: the sender's, not interpreted
 * @size: bytes of data in the letter, also if fewer were asked for
 * @flags: KIPC_LETTER_TRUNCATED: the buffer was shorter than the letter;
 *	KIPC_LETTER_CALL: it is a request, whose sender waits for a reply;
 *	KIPC_LETTER_HANDLES: it carries handles
 * @pid: the sender's process, in the receiver's pid namespace; 0 if not
 *	visible there
 * @tid: the sender's thread, likewise
 * @uid: the sender's effective user, in the receiver's user namespace
 * @gid: the sender's effective group, likewise
 */
struct kipc_letter {
	__aligned_u64 seq;
	__aligned_u64 time_ns;
	__aligned_u64 tag;
	__u32 size;
	__u32 flags;
	__s32 pid;
	__s32 tid;
	__u32 uid;
	__u32 gid;
};

/**
 * struct kipc_mailbox_send - send a letter
 * @data: pointer to the data
 * @tag: comes with the letter
 * @deadline: how long to wait while the mailbox is full
 * @size: bytes of data
 * @flags: 0
 *
 * Returns 0.  EBADF: the handle may not send.  EINVAL: the mailbox is of fixed
 * length and @size is less.  EMSGSIZE: @size is above letter_size.  EAGAIN: full,
 * and the caller does not wait.  ETIMEDOUT.  EINTR.  EPIPE: hang-up.
 * EDQUOT: the owner's quota of bytes or of waiters is used up.  ENOMEM.  EIDRM:
 * removed.
 */
struct kipc_mailbox_send {
	__aligned_u64 data;
	__aligned_u64 tag;
	__aligned_u64 deadline;
	__u32 size;
	__u32 flags;
};

/**
 * struct kipc_mailbox_recv - receive the oldest letter
 * @data: pointer to a buffer
 * @deadline: how long to wait while the mailbox is empty
 * @size: of the buffer
 * @flags: KIPC_RECV_...
 * @letter: written on success: the letter's header
 * @token: likewise, with KIPC_RECV_CALLS: of a request, to reply to it; 0 for any
 *	other letter, and with KIPC_RECV_PEEK
 * @reply_size: likewise: longest reply that the caller takes
 * @reply_handles: likewise: how many handles the reply may carry
 * @answer: with KIPC_RECV_REPLY: pointer to a struct kipc_mailbox_reply, of the length
 *	that it has here; else 0
 *
 * With KIPC_RECV_REPLY the reply comes first, which saves a call for each request.  When
 * it was given, or the caller found gone, 0 is written to the token in @answer; and with
 * 0 there, there is nothing to reply to.  If it fails, that is the error, as for
 * KIPC_IOC_MAILBOX_REPLY, the token stays, and nothing is received.
 *
 * Returns the number of bytes written to the buffer.  EBADF: the handle may not
 * receive.  EBADMSG: the letter is a request, and KIPC_RECV_CALLS or
 * KIPC_RECV_PEEK was not given; or it carries handles, and the latter was not; it stays in
 * its place.  EINVAL: unknown flags, a flag with a structure that lacks its field, or one
 * of KIPC_RECV_REPLY and @answer without the other.  EMSGSIZE: the letter is longer than
 * @size; it stays in its place.
 * EAGAIN: no letter can be taken now (the mailbox is empty, or another receiver is just
 * copying a large one), and the caller does not wait.  ETIMEDOUT.  EINTR.  EPIPE:
 * empty, and hang-up.  EDQUOT: the owner's quota of waiters is used up.  EIDRM: removed.
 */
struct kipc_mailbox_recv {
	__aligned_u64 data;
	__aligned_u64 deadline;
	__u32 size;
	__u32 flags;
	struct kipc_letter letter;
	__aligned_u64 token;
	__u32 reply_size;
	__u32 reply_handles;
	__aligned_u64 answer;
};

/**
 * struct kipc_mailbox_send_handles - send a letter that carries handles
 * @send: the letter
 * @handles: what it carries
 *
 * The errors are those of struct kipc_mailbox_send, and: EOPNOTSUPP: the mailbox has not
 * KIPC_MAILBOX_HANDLES.  EINVAL: see struct kipc_handles and struct kipc_descriptor.
 * EBADF: one of them is not open, or O_PATH.  EPERM: not of a sort that is carried, or a
 * handle has not the rights, or is of somebody else's object that can carry handles.
 * ELOOP: see "Handles in messages".  EDQUOT: also the owner's quota of carried handles.
 * ENFILE: no file is left for one with fewer rights.
 */
struct kipc_mailbox_send_handles {
	struct kipc_mailbox_send send;
	struct kipc_handles handles;
};

/**
 * struct kipc_mailbox_recv_handles - receive the oldest letter, and what it carries
 * @recv: where to
 * @handles: where to put what it carries; the number is written on success, and 0 for a
 *	letter that carries nothing.  With KIPC_RECV_PEEK only the number is
 *
 * The errors are those of struct kipc_mailbox_recv, and: EMSGSIZE: it carries more than
 * there is room for.  EMFILE, ENOMEM: no descriptor is left; or the error of a security
 * module that lets the caller not have one.  The letter stays in its place then, with all
 * that it carries.
 */
struct kipc_mailbox_recv_handles {
	struct kipc_mailbox_recv recv;
	struct kipc_handles handles;
};

/*
 * DOC: Calls
 *
 * A call is a letter that wants a reply.  The *request* goes through the mailbox
 * like any letter, in line, within its capacity.  Who takes it gets a *token*, and
 * replies with that: once, by any handle of the mailbox with the right to receive, from
 * any process.  The reply goes straight to the caller, whatever is in the mailbox;
 * room for it was set aside (at the caller's cost) when the call was made.
 *
 * Plain read does not take a request: who reads could not reply (EBADMSG, and it stays
 * in its place, as with KIPC_IOC_MAILBOX_RECV without KIPC_RECV_CALLS).
 *
 * A call belongs to the handle that it was made by.  Whoever shares the handle may
 * collect the reply; when its last descriptor is closed, its calls are given up: a
 * request that nobody has taken leaves the mailbox.  poll shows POLLPRI on a handle with
 * the right to send while a reply (or the failure of a call) can be collected by it.
 *
 * At most once: a request is taken by one server, or by none.  If that process dies, or
 * executes another program and the handle that it took the request by is closed by that,
 * or the last descriptor of that handle is closed, before the reply, the call fails with
 * EPIPE at once, even if another process knows the token.
 */

/* struct kipc_mailbox_call flags. */
#define KIPC_CALL_SUBMIT	(1U << 0)	/* do not wait for the reply */

/**
 * struct kipc_mailbox_call - send a request; wait for its reply, or collect it later
 * @data: pointer to the request
 * @tag: comes with the request
 * @deadline: how long to wait for room and for the reply; with KIPC_CALL_SUBMIT for room
 *	alone, or in a rendezvous for a receiver
 * @reply: pointer to a buffer for the reply; with KIPC_CALL_SUBMIT it must be 0
 * @token: written if the call can be collected: on success with KIPC_CALL_SUBMIT, on
 *	EINTR when a server has the request already, and on EFAULT when there is a
 *	reply that could not be written; not written else, so put 0 there before
 * @size: bytes in the request
 * @reply_size: longest reply that is taken; above KIPC_LETTER_MAX is as that
 * @flags: KIPC_CALL_...
 * @reserved: 0
 *
 * Returns the number of bytes in the reply, or 0 with KIPC_CALL_SUBMIT.  A call that
 * fails for other than EPIPE, ETIMEDOUT, EIDRM, and has not written @token, has not been
 * taken by any server.  EBADF: the handle may not send.  EINVAL, EMSGSIZE: as for
 * KIPC_IOC_MAILBOX_SEND.  EAGAIN: the mailbox is full, or a rendezvous where nobody
 * waits, and the caller does not wait; or it does not wait for the reply either,
 * and KIPC_CALL_SUBMIT is not given: then nothing was sent.  ETIMEDOUT: the call is
 * given up: if a server has the request, its reply will find nobody.  EINTR, EFAULT: if
 * @token was written, collect the reply with that (KIPC_IOC_MAILBOX_COLLECT).  EPIPE:
 * hang-up, or the server has gone before it replied.  ECANCELED: the request was dropped
 * for a younger letter.  EDQUOT: the caller's quota of bytes or of waiters is used up, or the
 * owner's of waiters.  ENOMEM.  EIDRM: removed.
 */
struct kipc_mailbox_call {
	__aligned_u64 data;
	__aligned_u64 tag;
	__aligned_u64 deadline;
	__aligned_u64 reply;
	__aligned_u64 token;
	__u32 size;
	__u32 reply_size;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct kipc_mailbox_reply - reply to a request
 * @token: of the request
 * @data: pointer to the reply
 * @tag: comes with the reply
 * @size: bytes in the reply
 * @flags: 0
 *
 * Returns 0, or 1 if the caller has gone: then the reply was dropped.  EBADF: the
 * handle may not receive.  ENOENT: no request with this token waits for a reply in this
 * mailbox: it was replied to, has failed, or never was.  EMSGSIZE: longer than the
 * caller takes.  EPIPE: the server has gone while the reply was copied, and the call
 * has failed.  EINTR.  EIDRM: removed.  The request still waits for a reply after
 * EBADF, EMSGSIZE, EFAULT and EINTR.
 */
struct kipc_mailbox_reply {
	__aligned_u64 token;
	__aligned_u64 data;
	__aligned_u64 tag;
	__u32 size;
	__u32 flags;
};

/**
 * struct kipc_mailbox_collect - collect the reply to a call
 * @token: of the call; or 0 for the first of this handle's calls that is done: then it
 *	is written on success, when the call has failed, and if its reply cannot be had
 * @data: pointer to a buffer
 * @deadline: how long to wait for the reply
 * @size: of the buffer
 * @flags: 0
 * @letter: written on success: the reply's header; @seq and @flags in it are 0
 *
 * Returns the number of bytes in the reply.  EPIPE, EIDRM, ECANCELED with @token
 * written (or given): the call has failed, see struct kipc_mailbox_call, and is over.
 * With any other error it can be collected again.  EBADF: the handle may not send.
 * ENOENT: this handle has no such call, or none at all.  EBUSY: another thread waits for this
 * call.  EBADMSG: the reply carries handles (KIPC_IOC_MAILBOX_COLLECT_HANDLES).  EMSGSIZE:
 * the reply is longer than @size.  EAGAIN: it is not there yet, and the caller does not
 * wait.  ETIMEDOUT.  EINTR.  EDQUOT: the quota of waiters.
 */
struct kipc_mailbox_collect {
	__aligned_u64 token;
	__aligned_u64 data;
	__aligned_u64 deadline;
	__u32 size;
	__u32 flags;
	struct kipc_letter letter;
};

/**
 * struct kipc_mailbox_cancel - give a call up
 * @token: of the call
 * @flags: 0
 * @reserved: 0
 *
 * If no server has the request, it leaves the mailbox; else the reply will find nobody.
 * EBADF, ENOENT, EBUSY: as for struct kipc_mailbox_collect.
 */
struct kipc_mailbox_cancel {
	__aligned_u64 token;
	__u32 flags;
	__u32 reserved;
};

/*
 * DOC: Handles in calls
 *
 * A request carries handles like any letter, and is received with them as that is
 * (KIPC_IOC_MAILBOX_RECV_HANDLES, with KIPC_RECV_CALLS).  So may a reply, if its caller
 * has said so beforehand: how many it takes, which its server is told with the request.
 * What a request carries ends with it when it is taken back, dropped, or fails; what a
 * reply carries, when the call is given up.
 */

/**
 * struct kipc_mailbox_call_handles - send a request that carries handles, or takes some
 * @call: the request
 * @request: what it carries; @request.count may be 0
 * @reply: where to put what the reply carries: the number is written with the reply; with
 *	KIPC_CALL_SUBMIT only @reply.count says something: how many it may be
 *
 * The errors are those of struct kipc_mailbox_call, of struct kipc_mailbox_send_handles
 * about @request, and: EOPNOTSUPP: the mailbox has not KIPC_MAILBOX_HANDLES.  EINVAL: also
 * @reply.items or @reply.flags with KIPC_CALL_SUBMIT.  EMFILE, ENOMEM with @call.token
 * written: no descriptor is left for what the reply carries: collect it with that.
 */
struct kipc_mailbox_call_handles {
	struct kipc_mailbox_call call;
	struct kipc_handles request;
	struct kipc_handles reply;
};

/**
 * struct kipc_mailbox_reply_handles - reply to a request, with handles
 * @reply: the reply
 * @handles: what it carries
 *
 * Returns 1 if the caller has gone: then they were dropped with the reply.  The errors are
 * those of struct kipc_mailbox_reply, of struct kipc_mailbox_send_handles about @handles,
 * and: EMSGSIZE: also more than the caller takes; the request still waits for a reply then.
 */
struct kipc_mailbox_reply_handles {
	struct kipc_mailbox_reply reply;
	struct kipc_handles handles;
};

/**
 * struct kipc_mailbox_collect_handles - collect a reply, and what it carries
 * @collect: the reply
 * @handles: where to put what it carries; the number is written on success, and 0 for a
 *	reply that carries nothing
 *
 * The errors are those of struct kipc_mailbox_collect, and: EMSGSIZE: also it carries more
 * than there is room for.  EMFILE, ENOMEM: no descriptor is left; or the error of a security
 * module.  It can be collected again then, with all that it carries.
 */
struct kipc_mailbox_collect_handles {
	struct kipc_mailbox_collect collect;
	struct kipc_handles handles;
};

/*
 * DOC: Batches
 *
 * Several letters in one call, of any sender and receiver beside others that send
 * and receive them one by one.  The letters are sent or received in the order of
 * the array, each as KIPC_IOC_MAILBOX_SEND or _RECV does it (others' letters may
 * come between them), until all are done or one fails; what a waiting receiver is
 * told of them, it is told once.  If at least one was done the call returns how
 * many, whatever stopped it; the next call begins with the one that failed, and
 * finds the error if it is still there.  An error is returned only if nothing was
 * done at all.
 */

/**
 * struct kipc_send_item - a letter of a batch that is sent
 * @data: pointer to the data
 * @tag: comes with the letter
 * @size: bytes of data
 * @flags: 0
 *
 * Does not grow, since it stands in an array.
 */
struct kipc_send_item {
	__aligned_u64 data;
	__aligned_u64 tag;
	__u32 size;
	__u32 flags;
};

/**
 * struct kipc_mailbox_send_batch - send several letters
 * @items: pointer to an array of struct kipc_send_item
 * @deadline: how long to wait, in all, for room for all of them
 * @count: of @items, 1 to KIPC_BATCH_MAX, else EINVAL
 * @flags: 0
 *
 * Returns how many were sent, from the first one on.  Fewer than @count: there was
 * no room, or no receiver in a rendezvous, until @deadline (or at all, if the caller
 * does not wait), a signal came while it waited, or the next letter has an error.  The
 * errors are those of struct kipc_mailbox_send, of the first letter; EINVAL also
 * for its @flags.  EFAULT also: the first one of @items cannot be read.
 */
struct kipc_mailbox_send_batch {
	__aligned_u64 items;
	__aligned_u64 deadline;
	__u32 count;
	__u32 flags;
};

/**
 * struct kipc_recv_item - a letter of a batch that is received
 * @data: pointer to a buffer
 * @size: of the buffer
 * @flags: 0
 * @letter: written when the letter was received: its header; the number of bytes
 *	in the buffer is @letter.size, or @size if KIPC_LETTER_TRUNCATED is there
 *
 * Does not grow, since it stands in an array.
 */
struct kipc_recv_item {
	__aligned_u64 data;
	__u32 size;
	__u32 flags;
	struct kipc_letter letter;
};

/**
 * struct kipc_mailbox_recv_batch - receive the oldest letters
 * @items: pointer to an array of struct kipc_recv_item
 * @deadline: how long to wait for the first letter
 * @count: of @items, 1 to KIPC_BATCH_MAX, else EINVAL
 * @flags: KIPC_RECV_TRUNCATE for all of them, or 0
 *
 * Waits for one letter, and takes along what else is there then and may be taken
 * without a wait.  Returns how many were received, from the first one on; the items
 * behind them are as they were, but for data of a letter that could not be taken.
 * Fewer than @count: there were no more, or the next one has an error (it stays in
 * its place).  A request is never received by this: it ends the batch before it, and
 * is EBADMSG for the first letter; so who serves calls takes it by
 * KIPC_IOC_MAILBOX_RECV.  The errors are those of struct kipc_mailbox_recv, of the
 * first letter; EINVAL also for @flags of its item.
 */
struct kipc_mailbox_recv_batch {
	__aligned_u64 items;
	__aligned_u64 deadline;
	__u32 count;
	__u32 flags;
};

/**
 * struct kipc_mailbox_stat - a mailbox's configuration and figures
 * @attr: as it was created
 * @letters: in the mailbox now, those included that a sender is just putting
 *	there; in a rendezvous, those whose senders wait
 * @bytes: of data in the mailbox now, likewise
 * @peak_letters: most @letters that there were when one had been put there; can
 *	exceed @attr.max_letters with KIPC_MAILBOX_DROP_OLDEST (see above)
 * @peak_bytes: most @bytes, likewise
 * @sent: letters accepted since creation, less those withdrawn: from a rendezvous, or
 *	requests by their callers
 * @sent_bytes: their bytes
 * @received: letters received since creation
 * @received_bytes: their bytes
 * @dropped: letters that gave way to younger ones
 * @send_waits: sends that had to wait
 * @recv_waits: receives that had to wait
 * @waiting_senders: threads that wait in a send now
 * @waiting_receivers: threads that wait in a receive now
 * @calls: requests accepted since creation, less those withdrawn
 * @replies: of these, replied to, also if the caller had gone
 * @serving: requests that were taken, and wait for a reply now
 * @share_letters: as in struct kipc_mailbox_config, or 0
 * @share_bytes: likewise
 * @share_waits: of @send_waits, those that had to wait for their user's share
 */
struct kipc_mailbox_stat {
	struct kipc_mailbox_attr attr;
	__aligned_u64 letters;
	__aligned_u64 bytes;
	__aligned_u64 peak_letters;
	__aligned_u64 peak_bytes;
	__aligned_u64 sent;
	__aligned_u64 sent_bytes;
	__aligned_u64 received;
	__aligned_u64 received_bytes;
	__aligned_u64 dropped;
	__aligned_u64 send_waits;
	__aligned_u64 recv_waits;
	__u32 waiting_senders;
	__u32 waiting_receivers;
	__aligned_u64 calls;
	__aligned_u64 replies;
	__aligned_u64 serving;
	__aligned_u64 share_letters;
	__aligned_u64 share_bytes;
	__aligned_u64 share_waits;
};

/* On a mailbox. */
#define KIPC_IOC_MAILBOX_SEND	_IOW(KIPC_IOC_MAGIC, 0x20, struct kipc_mailbox_send)
#define KIPC_IOC_MAILBOX_RECV	_IOWR(KIPC_IOC_MAGIC, 0x21, struct kipc_mailbox_recv)
#define KIPC_IOC_MAILBOX_STAT	_IOR(KIPC_IOC_MAGIC, 0x22, struct kipc_mailbox_stat)

#define KIPC_IOC_MAILBOX_CALL	_IOWR(KIPC_IOC_MAGIC, 0x23, struct kipc_mailbox_call)
#define KIPC_IOC_MAILBOX_REPLY	_IOW(KIPC_IOC_MAGIC, 0x24, struct kipc_mailbox_reply)
#define KIPC_IOC_MAILBOX_COLLECT _IOWR(KIPC_IOC_MAGIC, 0x25, struct kipc_mailbox_collect)
#define KIPC_IOC_MAILBOX_CANCEL	_IOW(KIPC_IOC_MAGIC, 0x26, struct kipc_mailbox_cancel)
#define KIPC_IOC_MAILBOX_SEND_BATCH	_IOW(KIPC_IOC_MAGIC, 0x27, struct kipc_mailbox_send_batch)
#define KIPC_IOC_MAILBOX_RECV_BATCH	_IOW(KIPC_IOC_MAGIC, 0x28, struct kipc_mailbox_recv_batch)
#define KIPC_IOC_MAILBOX_SEND_HANDLES _IOW(KIPC_IOC_MAGIC, 0x29, struct kipc_mailbox_send_handles)
#define KIPC_IOC_MAILBOX_RECV_HANDLES _IOWR(KIPC_IOC_MAGIC, 0x2a, struct kipc_mailbox_recv_handles)

#define KIPC_IOC_MAILBOX_CALL_HANDLES _IOWR(KIPC_IOC_MAGIC, 0x2b, struct kipc_mailbox_call_handles)
#define KIPC_IOC_MAILBOX_REPLY_HANDLES _IOW(KIPC_IOC_MAGIC, 0x2c, struct kipc_mailbox_reply_handles)
#define KIPC_IOC_MAILBOX_COLLECT_HANDLES \
	_IOWR(KIPC_IOC_MAGIC, 0x2d, struct kipc_mailbox_collect_handles)

#endif /* _UAPI_LINUX_KIPC_MAILBOX_H */
