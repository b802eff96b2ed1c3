/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The mailbox inside
 *
 * Letters stand in a ring in the order of their arrival; threads that cannot
 * go on stand in two lines, receivers and senders.  All of it is protected by
 * the object's lock.  Hand-off keeps these invariants whenever the lock is free
 * and no batch of wake-ups is under way:
 *
 *   P: a promise can be kept: granted <= ready, and 0 while copying
 *   R: if a receiver is in line, every letter in the ring is promised
 *      (ready == granted), or a large one is being copied (copying)
 *   S: if a sender is in line, the letter of the first one does not fit
 *
 * kipc_mailbox_unlock() restores them before it drops the lock, whatever was
 * done under it, by granting: a receiver's grant promises one letter (it takes
 * the oldest when it runs), a sender's grant reserves room.  A waiter redeems
 * its grant when it has the lock again; from there to the next unlock nobody
 * can come between.  A letter that was promised may go before that (withdrawn
 * from a rendezvous, dropped for a younger one, removed): the youngest grants
 * are revoked then, and their receivers stand in line again where they were.  A
 * waiter that must leave has redeemed its grant too, and the unlock passes on
 * what it did not take.
 *
 * A new arrival may go ahead only if its line is empty: nobody is overtaken but
 * who finds a page missing at the copy (nothing is taken or put, and it comes
 * again).
 *
 * A large letter is copied without the lock, out of the ring, and put back if
 * the copy would fault.  Meanwhile nobody receives: who got the next letter
 * could get this one after it.
 *
 * Rendezvous: the sender links its letter, sealed, into the ring, and waits in
 * the line of senders until a receiver's copy is committed; it never gets a
 * grant, but removal and hang-up reach it there.  If it leaves, it takes the
 * letter out; if a receiver is just copying, that one's result decides: soon,
 * since the copy cannot fault.
 *
 * If nobody is in line and nobody polls, there is nobody to whom a hand-off could
 * give anything: kipc_mailbox_send_quick() and kipc_mailbox_receive_quick() do the
 * common case under the lock at once, and leave all else to the rest.
 *
 * A call's request stands in a segment of its own, which is a part of the call's
 * record: it can be taken out wherever it is, and costs no memory of the ring's.
 * The ring never frees it.  Who copies a large one looks afterwards whether its caller
 * has gone meanwhile.
 *
 * A letter that carries handles has a segment of its own, whatever its size, with the
 * parcel behind it, and is received like a large one: while nobody else can have it, the
 * descriptors are installed, and if that fails it is put back.  kipc_mailbox_discard()
 * frees the parcel with the segment, in all cases.  That of a request is in the call's
 * record: until a server has it, or the call ends without; then there is room for that of
 * the reply, which stays until its caller has it, or the call is given up.
 *
 * Dropping the oldest: a letter is put into the ring before others give way, so
 * that a send that fails drops nothing.
 */
#ifndef KIPC_MAILBOX_MAILBOX_H
#define KIPC_MAILBOX_MAILBOX_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/pid.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "buffer.h"
#include "call.h"
#include "debug.h"
#include "object.h"
#include "parcel.h"
#include "ring.h"
#include "share.h"
#include "waiter.h"

/**
 * struct kipc_rendezvous - a sender that waits for its letter to be received
 * @waiter: in the line of senders, or in none while @leaving
 * @outcome: KIPC_WAITING as long as the letter is there, or being copied; then
 *	what the send returns
 * @leaving: 0, or the errno with which it would like to leave
 *
 * Protected by the lock.
 */
struct kipc_rendezvous {
	struct kipc_waiter waiter;
	int outcome;
	int leaving;
};

/**
 * struct kipc_envelope - a letter in the ring
 * @seq: number
 * @time: CLOCK_REALTIME_COARSE, nanoseconds
 * @tag: the sender's
 * @size: of @data
 * @uid: the sender's effective user
 * @gid: the sender's effective group
 * @shares: of the mailbox's reference to @process
 * @flags: KIPC_LETTER_CALL: it is the request of @call, in whose record it stands;
 *	KIPC_LETTER_HANDLES: it has a parcel, see kipc_envelope_parcel()
 * @process: the sender, referenced
 * @thread: the sender, referenced; NULL: the process's first
 * @rendezvous: the sender waits for this letter, or NULL
 * @call: the call
 * @data: the letter
 *
 * Written when the letter comes into the ring, and then constant, but for
 * @rendezvous, which the lock protects.
 */
struct kipc_envelope {
	u64 seq;
	u64 time;
	u64 tag;
	u32 size;
	kuid_t uid;
	kgid_t gid;
	bool shares;
	u8 flags;
	struct pid *process;
	struct pid *thread;
	union {
		struct kipc_rendezvous *rendezvous;
		struct kipc_call *call;
	};
	u8 data[] __aligned(KIPC_RING_ALIGN);
};

/**
 * struct kipc_mailbox_figures - what struct kipc_mailbox_stat says, as far as it is
 *	kept for that alone
 * @peak_letters: see there
 * @peak_bytes: see there
 * @sent: see there
 * @sent_bytes: see there
 * @received: see there
 * @received_bytes: see there
 * @dropped: see there
 * @send_waits: see there
 * @recv_waits: see there
 * @waiting_senders: see there
 * @waiting_receivers: see there
 */
struct kipc_mailbox_figures {
	u64 peak_letters;
	u64 peak_bytes;
	u64 sent;
	u64 sent_bytes;
	u64 received;
	u64 received_bytes;
	u64 dropped;
	u64 send_waits;
	u64 recv_waits;
	u32 waiting_senders;
	u32 waiting_receivers;
};

/**
 * struct kipc_mailbox - a mailbox
 * @object: its head
 *
 * Set once:
 * @attr: as it was created; rendezvous if @max_letters is 0
 * @share: what one sending user may occupy, or NULL
 *
 * Protected by @object.lock:
 * @ring: letters
 * @receivers: line of those that wait for a letter
 * @promised: receivers that were granted a letter and have not run yet
 * @senders: line of those that wait for room
 * @ready: letters in @ring
 * @granted: of these, promised: the length of @promised
 * @copying: a receiver copies the letter that was at the front
 * @letters: room that is taken, in letters: @ready, those that a receiver is
 *	copying, those that a granted sender will bring
 * @bytes: the same in bytes
 * @asked: a request has come since pollers were told
 * @told: the poll mask that pollers know
 * @ends: who can still send, and receive
 * @last_seq: number of the youngest letter
 * @process: sent those letters that share the reference to it
 * @sharing: how many these are; if there are none, there is no reference
 * @calls: what calls need, or NULL as long as there was none; also read without the lock
 * @stat: figures
 */
struct kipc_mailbox {
	struct kipc_object object;
	struct kipc_mailbox_attr attr;
	struct kipc_share *share;

	struct kipc_ring ring;
	struct list_head receivers;
	struct list_head promised;
	struct list_head senders;
	u64 ready;
	u64 granted;
	u64 letters;
	u64 bytes;
	bool copying;
	bool asked;
	__poll_t told;
	struct kipc_ends ends;
	u64 last_seq;
	struct pid *process;
	u64 sharing;
	struct kipc_calls *calls;
	struct kipc_mailbox_figures stat;
};

/* Letters that leave in one go, with the lock held. */
#define KIPC_MAILBOX_BATCH 64

static inline struct kipc_mailbox *kipc_mailbox_of(struct kipc_object *object)
{
	return container_of(object, struct kipc_mailbox, object);
}

static inline struct kipc_party *kipc_party_of_file(struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return &handle->party;
}

static inline struct kipc_mailbox *kipc_mailbox_of_file(struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_mailbox_of(handle->object);
}

static inline bool kipc_mailbox_is_rendezvous(const struct kipc_mailbox *mailbox)
{
	return !mailbox->attr.max_letters;
}

static inline bool kipc_mailbox_may_wait(const struct kipc_mailbox *mailbox,
					 ktime_t deadline)
{
	return deadline != KIPC_DEADLINE_NO_WAIT &&
	       !(mailbox->attr.flags & KIPC_MAILBOX_REFUSE);
}

/* What a letter takes in the ring. */
static inline size_t kipc_envelope_space(size_t size)
{
	return kipc_ring_align(sizeof(struct kipc_envelope) + size);
}

static inline bool kipc_envelope_is_call(const struct kipc_envelope *envelope)
{
	return envelope->flags & KIPC_LETTER_CALL;
}

/* Behind a letter that carries handles, no request, is its parcel. */
#define KIPC_ENVELOPE_PARCEL sizeof(struct kipc_parcel *)

static inline struct kipc_parcel **kipc_segment_parcel(struct kipc_segment *segment)
{
	return (void *)(segment->data + segment->size - KIPC_ENVELOPE_PARCEL);
}

static inline struct kipc_parcel *
kipc_envelope_parcel(const struct kipc_envelope *envelope)
{
	if (likely(!(envelope->flags & KIPC_LETTER_HANDLES)))
		return NULL;
	if (kipc_envelope_is_call(envelope))
		return envelope->call->parcel;
	return *(struct kipc_parcel **)((u8 *)envelope +
					kipc_envelope_space(envelope->size));
}

/* The state, under the lock. */

/* Nobody can send any more, and what was sent has been received. */
static inline bool kipc_mailbox_ended(const struct kipc_mailbox *mailbox)
{
	return mailbox->attr.flags & KIPC_MAILBOX_HANGUP &&
	       kipc_ends_no_sender(&mailbox->ends) && !mailbox->letters;
}

/* Nobody can receive any more. */
static inline bool kipc_mailbox_deserted(const struct kipc_mailbox *mailbox)
{
	return mailbox->attr.flags & KIPC_MAILBOX_HANGUP &&
	       kipc_ends_no_receiver(&mailbox->ends);
}

static inline bool kipc_mailbox_fits(const struct kipc_mailbox *mailbox,
				     size_t size)
{
	return mailbox->letters < mailbox->attr.max_letters &&
	       mailbox->bytes + size <= mailbox->attr.max_bytes;
}

/* Must the oldest letters give way?  Never because of the youngest alone. */
static inline bool kipc_mailbox_overfull(const struct kipc_mailbox *mailbox)
{
	return mailbox->ready > 1 &&
	       (mailbox->letters > mailbox->attr.max_letters ||
		mailbox->bytes > mailbox->attr.max_bytes);
}

static inline void kipc_mailbox_take_room(struct kipc_mailbox *mailbox,
					  size_t size)
{
	mailbox->letters++;
	mailbox->bytes += size;
}

static inline void kipc_mailbox_return_room(struct kipc_mailbox *mailbox,
					    size_t size)
{
	mailbox->letters--;
	mailbox->bytes -= size;
}

/* The head of a letter like that of the one before, which is in the ring. */
static inline void kipc_envelope_repeat(struct kipc_envelope *envelope,
					const struct kipc_envelope *before,
					struct kipc_mailbox *mailbox,
					size_t size, u64 tag)
{
	*envelope = *before;
	envelope->seq = ++mailbox->last_seq;
	envelope->tag = tag;
	envelope->size = size;
	if (likely(envelope->shares))
		mailbox->sharing++;
	else
		get_pid(envelope->process);
	if (unlikely(envelope->thread))
		get_pid(envelope->thread);
	kipc_count(KIPC_REF_LETTERS, 1);
}

/* A letter leaves: give up its references to its sender. */
static inline void kipc_envelope_release(struct kipc_mailbox *mailbox,
					 struct kipc_envelope *envelope)
{
	kipc_count(KIPC_REF_LETTERS, -1);
	if (!envelope->shares || !--mailbox->sharing)
		put_pid(envelope->process);
	if (unlikely(envelope->thread))
		put_pid(envelope->thread);
}

/* Take the oldest letter, of this size, out of the front segment: garbage, or NULL. */
static inline struct kipc_segment *
kipc_mailbox_take_out(struct kipc_mailbox *mailbox, struct kipc_segment *front,
		      struct kipc_envelope *envelope, size_t size)
{
	lockdep_assert_held(&mailbox->object.lock);
	kipc_envelope_release(mailbox, envelope);
	mailbox->ready--;
	kipc_mailbox_return_room(mailbox, size);
	return kipc_ring_pop(&mailbox->ring, front, kipc_envelope_space(size));
}

static inline struct kipc_segment *kipc_mailbox_pop(struct kipc_mailbox *mailbox,
						    struct kipc_segment *front)
{
	struct kipc_envelope *envelope = kipc_segment_record(front);

	if (unlikely(mailbox->share))
		kipc_share_return(mailbox, envelope->uid, envelope->size);
	return kipc_mailbox_take_out(mailbox, front, envelope, envelope->size);
}

/* Is there a letter that is not promised? */
static inline bool kipc_mailbox_has_letter(const struct kipc_mailbox *mailbox)
{
	return mailbox->ready > mailbox->granted && likely(!mailbox->copying);
}

/* Rendezvous: does a receiver wait for whom there is no letter yet? */
static inline bool kipc_mailbox_has_receiver(const struct kipc_mailbox *mailbox)
{
	return mailbox->stat.waiting_receivers > mailbox->ready;
}

/*
 * What the first receiver in line gets: KIPC_GRANTED, KIPC_WAITING, -EIDRM, or
 * -EPIPE for hang-up.
 */
static inline int
kipc_mailbox_receiver_verdict(const struct kipc_mailbox *mailbox)
{
	if (unlikely(mailbox->object.removed))
		return -EIDRM;
	if (kipc_mailbox_has_letter(mailbox))
		return KIPC_GRANTED;
	return unlikely(kipc_mailbox_ended(mailbox)) ? -EPIPE : KIPC_WAITING;
}

/* 0, or why no letter can be sent any more. */
static inline int kipc_mailbox_closed_to_senders(const struct kipc_mailbox *mailbox)
{
	if (unlikely(mailbox->object.removed))
		return -EIDRM;
	return unlikely(kipc_mailbox_deserted(mailbox)) ? -EPIPE : 0;
}

/* What the first sender in line gets, whose letter has this size: likewise. */
static inline int
kipc_mailbox_sender_verdict(const struct kipc_mailbox *mailbox, size_t size)
{
	int ret = kipc_mailbox_closed_to_senders(mailbox);

	if (unlikely(ret))
		return ret;
	return kipc_mailbox_fits(mailbox, size) ? KIPC_GRANTED : KIPC_WAITING;
}

/*
 * Nobody stands in line, nobody must be told, and nobody's share counts: who takes a
 * letter that is not promised, or puts one that fits, can drop the lock without a
 * hand-off.
 */
static inline bool kipc_mailbox_is_calm(struct kipc_mailbox *mailbox)
{
	return list_empty(&mailbox->receivers) &&
	       list_empty(&mailbox->senders) && !mailbox->object.removed &&
	       !mailbox->share && !kipc_notify_wanted(&mailbox->object.notify);
}

/* What is not there was, perhaps, until the mailbox was removed. */
static inline int kipc_mailbox_missing(const struct kipc_mailbox *mailbox,
				       int ret)
{
	return ret == -ENOENT && READ_ONCE(mailbox->object.removed) ? -EIDRM : ret;
}

/**
 * struct kipc_outgoing - a letter to be sent
 * @buffer: its data
 * @parcel: what it carries beside that, or NULL; see kipc_mailbox_send()
 * @size: of the data
 * @tag: the sender's
 * @deadline: KIPC_DEADLINE_..., or a time
 * @nowait: nor wait for memory
 */
struct kipc_outgoing {
	struct kipc_buffer buffer;
	struct kipc_parcel *parcel;
	size_t size;
	u64 tag;
	ktime_t deadline;
	bool nowait;
};

/* handoff.c: the lines */
void kipc_mailbox_unlock(struct kipc_mailbox *mailbox, struct kipc_wake *wake,
			 bool arrived) __releases(&mailbox->object.lock);
__poll_t kipc_mailbox_state(struct kipc_mailbox *mailbox);
void kipc_mailbox_decide(struct kipc_mailbox *mailbox,
			 struct kipc_envelope *envelope, int outcome,
			 struct kipc_wake *wake);
int kipc_mailbox_wait(struct kipc_mailbox *mailbox, struct kipc_waiter *waiter,
		      enum kipc_wait what, ktime_t deadline,
		      struct kipc_wake *wake);
int kipc_mailbox_await_letter(struct kipc_mailbox *mailbox, ktime_t deadline,
			      struct kipc_wake *wake);
int kipc_mailbox_await_room(struct kipc_mailbox *mailbox,
			    const struct kipc_outgoing *out,
			    struct kipc_wake *wake);

/* send.c */
void kipc_mailbox_link(struct kipc_mailbox *mailbox,
		       struct kipc_segment *segment, size_t size, u64 tag);
void kipc_mailbox_withdraw(struct kipc_mailbox *mailbox,
			   struct kipc_segment *segment);
bool kipc_mailbox_drop(struct kipc_mailbox *mailbox, struct kipc_wake *wake);
int kipc_mailbox_check_size(const struct kipc_mailbox *mailbox, size_t size);
int kipc_mailbox_send(struct kipc_mailbox *mailbox,
		      const struct kipc_outgoing *out);
int kipc_mailbox_grow(struct kipc_mailbox *mailbox, size_t space, bool nowait,
		      struct kipc_wake *wake);
void kipc_envelope_sign(struct kipc_envelope *envelope,
			struct kipc_mailbox *mailbox, size_t size, u64 tag);
ssize_t kipc_mailbox_write(struct file *file, const char __user *buf,
			   size_t size, loff_t *pos);
ssize_t kipc_mailbox_write_iter(struct kiocb *iocb, struct iov_iter *from);
long kipc_mailbox_ioctl_send(struct file *file, void __user *arg, size_t size);
long kipc_mailbox_ioctl_send_handles(struct file *file, void __user *arg,
				     size_t size);

/**
 * struct kipc_received - what a receiver is told of a letter
 * @letter: its header
 * @token: of a call, or 0
 * @reply_size: longest reply that the caller takes
 * @reply_handles: how many handles it may carry
 * @answer: as it was
 * @handles: likewise, but for @count: how many came
 *
 * As they stand in struct kipc_mailbox_recv_handles; the last two are for that alone.
 */
struct kipc_received {
	struct kipc_letter letter;
	u64 token;
	u32 reply_size;
	u32 reply_handles;
	u64 answer;
	struct kipc_handles handles;
};

/**
 * struct kipc_incoming - where a letter shall go
 * @buffer: for the data
 * @size: of the buffer
 * @header: for the header, access_ok() was checked; or NULL
 * @header_size: of it: how much of a struct kipc_received
 * @intake: for what the letter carries; or NULL: such a letter is EBADMSG
 * @answer: with @intake: what stands in front of that
 * @party: the receiver's handle
 * @flags: KIPC_RECV_...
 * @deadline: KIPC_DEADLINE_..., or a time
 * @refuse_empty: a letter without data is EBADMSG
 */
struct kipc_incoming {
	struct kipc_buffer buffer;
	size_t size;
	void __user *header;
	size_t header_size;
	struct kipc_intake *intake;
	u64 answer;
	struct kipc_party *party;
	u32 flags;
	ktime_t deadline;
	bool refuse_empty;
};

/* sealed.c */
void kipc_mailbox_discard(struct kipc_mailbox *mailbox,
			  struct kipc_segment *garbage);
struct kipc_segment *
kipc_mailbox_prepare(struct kipc_mailbox *mailbox,
		     const struct kipc_outgoing *out);
int kipc_mailbox_send_rendezvous(struct kipc_mailbox *mailbox,
				 const struct kipc_outgoing *out);
ssize_t kipc_mailbox_peek_large(struct kipc_mailbox *mailbox,
				const struct kipc_incoming *in,
				struct kipc_segment *segment, ssize_t bytes,
				struct kipc_wake *wake)
	__releases(&mailbox->object.lock);
ssize_t kipc_mailbox_receive_large(struct kipc_mailbox *mailbox,
				   const struct kipc_incoming *in,
				   struct kipc_segment *segment, ssize_t bytes,
				   struct kipc_wake *wake)
	__releases(&mailbox->object.lock);

/* receive.c */
void kipc_envelope_describe(const struct kipc_envelope *envelope,
			    const struct kipc_incoming *in,
			    struct kipc_received *received);
bool kipc_envelope_tell(const struct kipc_envelope *envelope,
			const struct kipc_incoming *in);
void kipc_mailbox_received(struct kipc_mailbox *mailbox,
			   const struct kipc_incoming *in,
			   struct kipc_envelope *envelope,
			   struct kipc_wake *wake);
ssize_t kipc_mailbox_receive(struct kipc_mailbox *mailbox,
			     const struct kipc_incoming *in);
void kipc_envelope_header(const struct kipc_envelope *envelope, size_t size,
			  struct kipc_letter *letter);
ssize_t kipc_mailbox_read(struct file *file, char __user *buf, size_t size,
			  loff_t *pos);
ssize_t kipc_mailbox_read_iter(struct kiocb *iocb, struct iov_iter *to);
long kipc_mailbox_ioctl_recv(struct file *file, void __user *arg, size_t size);
long kipc_mailbox_ioctl_recv_handles(struct file *file, void __user *arg,
				     size_t size);

/* call.c */
void kipc_mailbox_calls_leave(struct kipc_mailbox *mailbox,
			      struct kipc_party *party);
void kipc_mailbox_calls_deserted(struct kipc_mailbox *mailbox);
long kipc_mailbox_ioctl_call(struct file *file, void __user *arg, size_t size);
long kipc_mailbox_ioctl_call_handles(struct file *file, void __user *arg,
				     size_t size);
long kipc_mailbox_ioctl_cancel(struct file *file, void __user *arg, size_t size);

/* reply.c */
bool kipc_mailbox_copy_reply(void __user *to, struct kipc_call *call);
int kipc_mailbox_take_handles(struct kipc_call *call, struct kipc_intake *intake,
			      u32 __user *count);
int kipc_mailbox_reply_first(struct kipc_mailbox *mailbox,
			     struct kipc_mailbox_reply __user *user);
long kipc_mailbox_ioctl_reply(struct file *file, void __user *arg, size_t size);
long kipc_mailbox_ioctl_reply_handles(struct file *file, void __user *arg,
				      size_t size);
long kipc_mailbox_ioctl_collect(struct file *file, void __user *arg,
				size_t size);
long kipc_mailbox_ioctl_collect_handles(struct file *file, void __user *arg,
					size_t size);

/* batch.c */
long kipc_mailbox_ioctl_send_batch(struct file *file, void __user *arg,
				   size_t size);
long kipc_mailbox_ioctl_recv_batch(struct file *file, void __user *arg,
				   size_t size);

extern const struct kipc_kind kipc_mailbox_kind;

#endif /* KIPC_MAILBOX_MAILBOX_H */
