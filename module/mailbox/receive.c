// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving a letter.
 */
#include <linux/cred.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>

#include "debug.h"
#include "mailbox.h"

/* How many bytes of a letter the receiver gets, or why none. */
static ssize_t kipc_envelope_check(const struct kipc_envelope *envelope,
				   const struct kipc_incoming *in)
{
	if (unlikely(!envelope->size && in->refuse_empty))
		return -EBADMSG;
	if (likely(envelope->size <= in->size))
		return envelope->size;
	return in->flags & KIPC_RECV_TRUNCATE ? in->size : -EMSGSIZE;
}

/* The header as the receiver's namespaces see it. */
static void kipc_envelope_header(const struct kipc_envelope *envelope,
				 const struct kipc_incoming *in,
				 struct kipc_letter *letter)
{
	struct user_namespace *ns = current_user_ns();

	if (!in->header)
		return;
	*letter = (struct kipc_letter) {
		.seq = envelope->seq,
		.time_ns = envelope->time,
		.tag = envelope->tag,
		.size = envelope->size,
		.flags = envelope->size > in->size ? KIPC_LETTER_TRUNCATED : 0,
		.pid = pid_vnr(envelope->process),
		.tid = pid_vnr(envelope->thread),
		.uid = from_kuid_munged(ns, envelope->uid),
		.gid = from_kgid_munged(ns, envelope->gid),
	};
}

/* Last, so that a receive that fails has not written it. */
static bool kipc_envelope_header_out(const struct kipc_incoming *in,
				     const struct kipc_letter *letter)
{
	const struct kipc_buffer header = { .base = in->header };

	return !in->header || kipc_buffer_out(&header, letter, sizeof(*letter));
}

/* A letter was received. */
static void kipc_mailbox_received(struct kipc_mailbox *mailbox,
				  struct kipc_envelope *envelope,
				  struct kipc_wake *wake)
{
	mailbox->stat.received++;
	mailbox->stat.received_bytes += envelope->size;
	kipc_mailbox_decide(mailbox, envelope, 0, wake);
}

/*
 * Receive a letter that may be copied under the lock, which is held, and is
 * dropped.  Returns -EFAULT if a page is missing; then nothing has happened.
 */
static ssize_t kipc_mailbox_receive_small(struct kipc_mailbox *mailbox,
					  const struct kipc_incoming *in,
					  struct kipc_envelope *envelope,
					  ssize_t bytes, struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
{
	struct kipc_segment *garbage = NULL;
	struct kipc_letter letter;

	kipc_envelope_header(envelope, in, &letter);
	if (unlikely(!kipc_buffer_out(&in->buffer, envelope->data, bytes) ||
		     !kipc_envelope_header_out(in, &letter))) {
		bytes = -EFAULT;
	} else if (likely(!(in->flags & KIPC_RECV_PEEK))) {
		kipc_mailbox_received(mailbox, envelope, wake);
		garbage = kipc_mailbox_pop(mailbox);
	}
	kipc_mailbox_unlock(mailbox, wake, false);
	if (unlikely(garbage))
		kipc_segment_free(&mailbox->object.account, garbage);
	return bytes;
}

/* Look at a large letter: it stays in its place, pinned. */
static ssize_t kipc_mailbox_peek_large(struct kipc_mailbox *mailbox,
				       const struct kipc_incoming *in,
				       struct kipc_segment *segment,
				       ssize_t bytes, struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
{
	struct kipc_envelope *envelope = kipc_segment_record(segment);
	struct kipc_segment *garbage;
	struct kipc_letter letter;

	/* Now: when somebody has received it, its sender is not known any more. */
	kipc_envelope_header(envelope, in, &letter);
	segment->pins++;
	kipc_mailbox_unlock(mailbox, wake, false);
	kipc_delay(KIPC_DELAY_PEEK_PINNED);
	if (!kipc_buffer_large_out(&in->buffer, envelope->data, bytes) ||
	    !kipc_envelope_header_out(in, &letter))
		bytes = -EFAULT;
	spin_lock(&mailbox->object.lock);
	garbage = kipc_segment_unpin(segment);
	spin_unlock(&mailbox->object.lock);
	kipc_segment_free(&mailbox->object.account, garbage);
	return bytes;
}

/*
 * Receive a letter that is too large to be copied under the lock, which is held
 * and is dropped: take it out, copy without page faults, and put it back if that
 * fails.  Returns -EFAULT if a page is missing.
 */
static ssize_t kipc_mailbox_receive_large(struct kipc_mailbox *mailbox,
					  const struct kipc_incoming *in,
					  struct kipc_segment *segment,
					  ssize_t bytes, struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
{
	struct kipc_envelope *envelope = kipc_segment_record(segment);
	struct kipc_rendezvous *rendezvous = envelope->rendezvous;
	struct kipc_segment *garbage = NULL;
	struct kipc_letter letter;
	bool back = false;

	kipc_ring_unlink(segment);
	mailbox->ready--;
	mailbox->copying = true;
	kipc_mailbox_unlock(mailbox, wake, false);
	kipc_delay(KIPC_DELAY_RECEIVE_COPYING);
	kipc_envelope_header(envelope, in, &letter);
	if (!kipc_buffer_large_out(&in->buffer, envelope->data, bytes) ||
	    !kipc_envelope_header_out(in, &letter))
		bytes = -EFAULT;

	kipc_delay(KIPC_DELAY_RECEIVE_COPIED);
	spin_lock(&mailbox->object.lock);
	mailbox->copying = false;
	if (bytes >= 0) {
		kipc_mailbox_received(mailbox, envelope, wake);
	} else if (mailbox->object.removed) {
		bytes = -EIDRM;
		kipc_mailbox_decide(mailbox, envelope, -EIDRM, wake);
	} else if (rendezvous && rendezvous->leaving) {
		kipc_mailbox_decide(mailbox, envelope, rendezvous->leaving,
				    wake);
	} else {
		kipc_ring_link_front(&mailbox->ring, segment);
		mailbox->ready++;
		back = true;
	}
	if (!back) {
		kipc_mailbox_return_room(mailbox, envelope->size);
		kipc_envelope_release(envelope);
		garbage = kipc_segment_drop(segment);
	}
	kipc_mailbox_unlock(mailbox, wake, back);
	kipc_segment_free(&mailbox->object.account, garbage);
	return bytes;
}

/**
 * kipc_mailbox_receive - receive the oldest letter
 * @mailbox: through a handle with the right to receive
 * @in: where to
 *
 * Context: process context, may sleep.
 * Return: bytes of data, or what struct kipc_mailbox_recv says, -ERESTARTSYS for
 * EINTR.
 */
ssize_t kipc_mailbox_receive(struct kipc_mailbox *mailbox,
			     const struct kipc_incoming *in)
{
	const struct kipc_buffer header = { .base = in->header };
	struct kipc_envelope *envelope;
	struct kipc_segment *segment;
	struct kipc_wake wake;
	ssize_t bytes, ret;

	kipc_wake_init(&wake);
again:
	spin_lock(&mailbox->object.lock);
	ret = kipc_mailbox_await_letter(mailbox, in->deadline, &wake);
	if (unlikely(ret))
		goto unlock;
	segment = kipc_ring_front(&mailbox->ring);
	envelope = kipc_segment_record(segment);
	bytes = kipc_envelope_check(envelope, in);
	ret = bytes;
	if (unlikely(ret < 0))
		goto unlock;

	if (likely(envelope->size <= KIPC_COPY_LOCKED))
		ret = kipc_mailbox_receive_small(mailbox, in, envelope, bytes,
						 &wake);
	else if (in->flags & KIPC_RECV_PEEK)
		ret = kipc_mailbox_peek_large(mailbox, in, segment, bytes,
					      &wake);
	else
		ret = kipc_mailbox_receive_large(mailbox, in, segment, bytes,
						 &wake);
	if (likely(ret != -EFAULT))
		return ret;

	/* The letter is where it was; others may have it meanwhile. */
	if (!kipc_buffer_fault_in_writeable(&in->buffer, bytes) ||
	    (in->header &&
	     !kipc_buffer_fault_in_writeable(&header, sizeof(*in->header))))
		return -EFAULT;
	kipc_delay(KIPC_DELAY_RECEIVE_FAULT);
	if (!signal_pending(current))
		goto again;
	return -ERESTARTSYS;

unlock:
	kipc_mailbox_unlock(mailbox, &wake, false);
	return ret;
}
