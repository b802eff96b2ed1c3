// SPDX-License-Identifier: GPL-2.0
/*
 * Letters that have a segment of their own: large ones, those of a rendezvous, and those
 * that carry handles.
 */
#include <linux/err.h>

#include "debug.h"
#include "mailbox.h"

/* Would this send fail at once?  Then no memory is spent on it.  0 or an errno. */
static int kipc_mailbox_refusal(struct kipc_mailbox *mailbox,
				const struct kipc_outgoing *out)
{
	int ret;

	spin_lock(&mailbox->object.lock);
	ret = kipc_mailbox_sender_verdict(mailbox, out->size);
	if (ret == KIPC_WAITING) {
		ret = 0;
		if (!kipc_mailbox_may_wait(mailbox, out->deadline) &&
		    !(mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST) &&
		    !(kipc_mailbox_is_rendezvous(mailbox) &&
		      kipc_mailbox_has_receiver(mailbox)))
			ret = -EAGAIN;
	}
	if (!ret && mailbox->share &&
	    !kipc_mailbox_may_wait(mailbox, out->deadline) &&
	    !kipc_share_allows(mailbox, out->size))
		ret = -EAGAIN;
	spin_unlock(&mailbox->object.lock);
	return ret;
}

/**
 * kipc_mailbox_discard - free letters that have a segment of their own, and all garbage
 * @mailbox: where they were, or were to go
 * @garbage: a chain, or NULL
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_mailbox_discard(struct kipc_mailbox *mailbox,
			  struct kipc_segment *garbage)
{
	struct kipc_segment *segment;

	for (segment = garbage; segment; segment = segment->next)
		if (unlikely(segment->carries))
			kipc_parcel_free(*kipc_segment_parcel(segment));
	kipc_segment_free(&mailbox->object.account, garbage);
}

/**
 * kipc_mailbox_prepare - make a segment with a letter's data, and its parcel, in place
 * @mailbox: the mailbox
 * @out: the letter, of a size that may be
 *
 * Context: process context, may sleep; no lock is held.
 * Return: the segment, sealed; or an ERR_PTR(): why the letter cannot be sent, and then
 * the parcel is the caller's.
 */
struct kipc_segment *
kipc_mailbox_prepare(struct kipc_mailbox *mailbox,
		     const struct kipc_outgoing *out)
{
	size_t more = out->parcel ? KIPC_ENVELOPE_PARCEL : 0;
	struct kipc_account *account = &mailbox->object.account;
	size_t space = kipc_envelope_space(out->size);
	struct kipc_envelope *envelope;
	struct kipc_segment *segment;
	int ret;

	ret = kipc_mailbox_refusal(mailbox, out);
	if (ret)
		return ERR_PTR(ret);
	segment = kipc_segment_alloc(account, space + more, out->nowait);
	if (IS_ERR(segment))
		return segment;
	envelope = kipc_segment_record(segment);
	if (!kipc_buffer_read(envelope->data, &out->buffer, out->size)) {
		kipc_segment_free(account, segment);
		return ERR_PTR(-EFAULT);
	}
	kipc_segment_seal(segment, space);
	if (unlikely(more)) {
		*kipc_segment_parcel(segment) = out->parcel;
		segment->carries = true;
	}
	kipc_delay(KIPC_DELAY_SEND_PREPARED);
	return segment;
}

/*
 * Wait until the letter in @segment was received.  The lock is held on entry and
 * on return, and dropped meanwhile; returns garbage in @garbage.
 */
static int kipc_mailbox_meet(struct kipc_mailbox *mailbox,
			     struct kipc_segment *segment,
			     struct kipc_rendezvous *rendezvous,
			     ktime_t deadline, struct kipc_wake *wake,
			     struct kipc_segment **garbage)
{
	struct kipc_waiter *waiter = &rendezvous->waiter;
	u64 begun = kipc_object_waits(&mailbox->object, KIPC_WAIT_ROOM, deadline);
	int reason;

	kipc_waiter_join(waiter, &mailbox->senders);
	kipc_mailbox_unlock(mailbox, wake, true);
	reason = kipc_waiter_sleep(waiter, deadline);
	kipc_object_waited(&mailbox->object, KIPC_WAIT_ROOM, begun);
	spin_lock(&mailbox->object.lock);
	reason = kipc_waiter_leave(waiter, reason);
	if (rendezvous->outcome == KIPC_WAITING && !segment->linked) {
		/* A receiver is copying it. */
		rendezvous->leaving = reason;
		kipc_waiter_start(waiter);
		kipc_mailbox_unlock(mailbox, wake, false);
		kipc_delay(KIPC_DELAY_MEET_LEAVING);
		kipc_waiter_await(waiter);
		spin_lock(&mailbox->object.lock);
	}
	if (rendezvous->outcome != KIPC_WAITING)
		return rendezvous->outcome;

	kipc_mailbox_withdraw(mailbox, segment);
	*garbage = kipc_segment_drop(segment);
	return reason;
}

/**
 * kipc_mailbox_send_rendezvous - kipc_mailbox_send(), for a mailbox without room
 * @mailbox: a rendezvous
 * @out: the letter, of a size that may be; a parcel is taken over, or freed
 *
 * Context: process context, may sleep; no lock is held.
 * Return: as kipc_mailbox_send().
 */
int kipc_mailbox_send_rendezvous(struct kipc_mailbox *mailbox,
				 const struct kipc_outgoing *out)
{
	struct kipc_account *account = &mailbox->object.account;
	bool wait = kipc_mailbox_may_wait(mailbox, out->deadline);
	struct kipc_rendezvous rendezvous = { .outcome = KIPC_WAITING };
	struct kipc_segment *segment, *garbage;
	struct kipc_envelope *envelope;
	struct kipc_wake wake;
	int ret;

	segment = kipc_mailbox_prepare(mailbox, out);
	if (IS_ERR(segment)) {
		kipc_parcel_free(out->parcel);
		return PTR_ERR(segment);
	}
	garbage = segment;
	kipc_wake_init(&wake);
	spin_lock(&mailbox->object.lock);
	ret = kipc_mailbox_sender_verdict(mailbox, out->size);
	if (ret < 0)
		goto unlock;
	ret = -EAGAIN;
	if (!wait && !kipc_mailbox_has_receiver(mailbox))
		goto unlock;
	ret = -EDQUOT;
	if (wait && kipc_charge(account, KIPC_WAITERS, 1))
		goto unlock;

	kipc_mailbox_take_room(mailbox, out->size);
	kipc_mailbox_link(mailbox, segment, out->size, out->tag);
	garbage = NULL;
	ret = 0;
	if (wait) {
		envelope = kipc_segment_record(segment);
		envelope->rendezvous = &rendezvous;
		mailbox->stat.send_waits++;
		mailbox->stat.waiting_senders++;
		ret = kipc_mailbox_meet(mailbox, segment, &rendezvous,
					out->deadline, &wake, &garbage);
		mailbox->stat.waiting_senders--;
		kipc_uncharge(account, KIPC_WAITERS, 1);
	}
unlock:
	kipc_mailbox_unlock(mailbox, &wake, !wait && !ret);
	kipc_mailbox_discard(mailbox, garbage);
	return ret;
}

/**
 * kipc_mailbox_peek_large - look at a letter without the lock
 * @mailbox: the mailbox
 * @in: where to
 * @segment: the letter's, which is no request; it stays in its place, pinned
 * @bytes: of data that are wanted
 * @wake: initialised
 *
 * Context: process context, may sleep; the lock is held, and dropped.
 * Return: @bytes, or -EFAULT.
 */
ssize_t kipc_mailbox_peek_large(struct kipc_mailbox *mailbox,
				const struct kipc_incoming *in,
				struct kipc_segment *segment, ssize_t bytes,
				struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
{
	struct kipc_envelope *envelope = kipc_segment_record(segment);
	struct kipc_segment *garbage;
	struct kipc_received received;

	/* Now: when somebody has received it, its sender is not known any more. */
	if (in->header)
		kipc_envelope_describe(envelope, in, &received);
	segment->pins++;
	kipc_mailbox_unlock(mailbox, wake, false);
	kipc_delay(KIPC_DELAY_PEEK_PINNED);
	if (!kipc_buffer_large_out(&in->buffer, envelope->data, bytes) ||
	    (in->header &&
	     !kipc_copy_out(in->header, &received, in->header_size)))
		bytes = -EFAULT;
	spin_lock(&mailbox->object.lock);
	garbage = kipc_segment_unpin(segment);
	spin_unlock(&mailbox->object.lock);
	kipc_mailbox_discard(mailbox, garbage);
	return bytes;
}

/* The sender would like to leave, for this reason; or 0. */
static int kipc_envelope_leaving(const struct kipc_envelope *envelope)
{
	if (kipc_envelope_is_call(envelope))
		return envelope->call->party ? 0 : -ECANCELED;
	return envelope->rendezvous ? envelope->rendezvous->leaving : 0;
}

/*
 * Give the receiver all that there is of a letter that nobody else can have, or else
 * nothing: -EFAULT if a page is missing, or why it cannot have what the letter carries.
 */
static ssize_t kipc_envelope_deliver(const struct kipc_envelope *envelope,
				     const struct kipc_incoming *in,
				     ssize_t bytes)
{
	const struct kipc_parcel *parcel = in->flags & KIPC_RECV_PEEK ?
					   NULL : kipc_envelope_parcel(envelope);
	int ret = 0;

	if (!kipc_buffer_large_out(&in->buffer, envelope->data, bytes))
		return -EFAULT;
	if (unlikely(parcel)) {
		ret = kipc_intake_prepare(in->intake, parcel, in->header,
					  in->header_size);
		if (!ret)
			ret = kipc_intake_install(in->intake, parcel);
	}
	if (!ret && in->header && !kipc_envelope_tell(envelope, in))
		ret = -EFAULT;
	return ret ? ret : bytes;
}

/**
 * kipc_mailbox_receive_large - receive a letter without the lock
 * @mailbox: the mailbox
 * @in: where to
 * @segment: the letter's, too large to be copied under the lock, or with handles
 * @bytes: of data that are wanted
 * @wake: initialised
 *
 * Takes it out, copies without page faults, and puts it back if that fails, or if this
 * is only a look at a request: its record must not be pinned.
 *
 * Context: process context, may sleep; the lock is held, and dropped.
 * Return: @bytes, or what struct kipc_mailbox_recv_handles says; -EFAULT: a page is
 * missing.
 */
ssize_t kipc_mailbox_receive_large(struct kipc_mailbox *mailbox,
				   const struct kipc_incoming *in,
				   struct kipc_segment *segment, ssize_t bytes,
				   struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
{
	struct kipc_envelope *envelope = kipc_segment_record(segment);
	bool look = in->flags & KIPC_RECV_PEEK;
	struct kipc_segment *garbage = NULL;
	bool back = false;

	kipc_ring_unlink(segment);
	mailbox->ready--;
	mailbox->copying = true;
	kipc_mailbox_unlock(mailbox, wake, false);
	kipc_delay(KIPC_DELAY_RECEIVE_COPYING);
	bytes = kipc_envelope_deliver(envelope, in, bytes);
	kipc_delay(KIPC_DELAY_RECEIVE_COPIED);
	spin_lock(&mailbox->object.lock);
	mailbox->copying = false;
	if (bytes >= 0 && !look) {
		kipc_mailbox_received(mailbox, in, envelope, wake);
		if (kipc_envelope_is_call(envelope))
			kipc_call_unload(envelope->call);
	} else if (mailbox->object.removed) {
		bytes = -EIDRM;
		kipc_mailbox_decide(mailbox, envelope, -EIDRM, wake);
	} else if (kipc_envelope_leaving(envelope)) {
		kipc_mailbox_decide(mailbox, envelope,
				    kipc_envelope_leaving(envelope), wake);
	} else {
		kipc_ring_link_front(&mailbox->ring, segment);
		mailbox->ready++;
		back = true;
	}
	if (!back) {
		kipc_mailbox_return_room(mailbox, envelope->size);
		if (unlikely(mailbox->share))
			kipc_share_return(mailbox, envelope->uid, envelope->size);
		kipc_envelope_release(mailbox, envelope);
		garbage = kipc_segment_drop(segment);
	}
	kipc_mailbox_unlock(mailbox, wake, back);
	if (unlikely(bytes < 0 && in->intake))
		kipc_intake_undo(in->intake);
	kipc_mailbox_discard(mailbox, garbage);
	return bytes;
}
