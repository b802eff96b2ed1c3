// SPDX-License-Identifier: GPL-2.0
/*
 * Several letters in one call.
 *
 * Small letters for which nobody has to wait go in bunches: under one lock, and
 * with one hand-off for all of them.  What a bunch cannot do (wait, bring in a
 * page, a large letter, a rendezvous, a share, or say what is wrong) is left to the
 * code for one letter; after that there may be a bunch again.
 *
 * An item is read where it is used, under the lock, with page faults disabled; who
 * changes it meanwhile, or has its page missing, only gets another one sent, or this
 * one by itself.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "debug.h"
#include "mailbox.h"
#include "trace.h"

/* What can be received without the rest of the item, which is written then. */
#define KIPC_RECV_ITEM_READ offsetof(struct kipc_recv_item, letter)

/* Read an item; false if its page is missing.  Page faults are disabled. */
static __always_inline bool
kipc_batch_item_in(struct kipc_send_item *item,
		   const struct kipc_send_item __user *user)
{
	if (!user_read_access_begin(user, sizeof(*user)))
		return false;
	unsafe_get_user(item->data, &user->data, fault);
	unsafe_get_user(item->tag, &user->tag, fault);
	unsafe_get_user(item->size, &user->size, fault);
	unsafe_get_user(item->flags, &user->flags, fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

/* As kipc_mailbox_sent(): the room was taken before, and is most now. */
static void kipc_batch_sent(struct kipc_mailbox *mailbox, unsigned int n,
			    size_t bytes)
{
	struct kipc_mailbox_figures *stat = &mailbox->stat;

	mailbox->ready += n;
	stat->sent += n;
	stat->sent_bytes += bytes;
	stat->peak_letters = max(stat->peak_letters, mailbox->letters);
	stat->peak_bytes = max(stat->peak_bytes, mailbox->bytes);
}

/*
 * Send what can be sent at once, at most KIPC_COPY_LOCKED bytes with the items: how
 * many.
 */
static unsigned int kipc_batch_put(struct kipc_mailbox *mailbox,
				   const struct kipc_send_item __user *items,
				   unsigned int count)
{
	const struct kipc_mailbox_attr *attr = &mailbox->attr;
	size_t least = attr->flags & KIPC_MAILBOX_FIXED ? attr->letter_size : 0;
	struct kipc_envelope *envelope, *before = NULL;
	size_t left, bytes = 0;
	struct kipc_send_item item;
	struct kipc_wake wake;
	bool grown = false;
	void __user *data;
	unsigned int n = 0;
	size_t space;

	kipc_wake_init(&wake);
	spin_lock(&mailbox->object.lock);
again:
	if (unlikely(!list_empty(&mailbox->senders) || mailbox->share ||
		     kipc_mailbox_closed_to_senders(mailbox)))
		goto unlock;
	left = KIPC_COPY_LOCKED;
	envelope = ERR_PTR(-EAGAIN);
	pagefault_disable();
	for (; n < count && left >= sizeof(item); n++) {
		if (unlikely(!kipc_batch_item_in(&item, items + n)))
			break;
		left -= sizeof(item);
		data = u64_to_user_ptr(item.data);
		if (unlikely(item.flags || item.size < least ||
			     item.size > min_t(size_t, left, attr->letter_size) ||
			     !kipc_mailbox_fits(mailbox, item.size) ||
			     !access_ok(data, item.size)))
			break;
		space = kipc_envelope_space(item.size);
		envelope = kipc_ring_reserve(&mailbox->ring, space);
		if (unlikely(!envelope))
			break;
		if (unlikely(!kipc_copy_in_now(envelope->data, data, item.size)))
			break;
		if (likely(before))
			kipc_envelope_repeat(envelope, before, mailbox,
					     item.size, item.tag);
		else
			kipc_envelope_sign(envelope, mailbox, item.size,
					   item.tag);
		kipc_ring_commit(&mailbox->ring, space);
		kipc_mailbox_take_room(mailbox, item.size);
		kipc_trace(send, mailbox->object.id, KIPC_KIND_MAILBOX, envelope->seq,
			   item.size);
		before = envelope;
		left -= item.size;
		bytes += item.size;
	}
	pagefault_enable();
	if (likely(n)) {
		kipc_batch_sent(mailbox, n, bytes);
	} else if (!envelope && !grown) {
		/* Now, while nobody has been told of a part of it. */
		grown = true;
		if (!kipc_mailbox_grow(mailbox, space, false, &wake))
			goto again;
	}
unlock:
	kipc_mailbox_unlock(mailbox, &wake, n);
	return n;
}

static int kipc_batch_send_one(struct kipc_mailbox *mailbox,
			       const struct kipc_send_item __user *user,
			       ktime_t deadline)
{
	struct kipc_outgoing out = { .deadline = deadline };
	struct kipc_send_item item;

	if (copy_from_user(&item, user, sizeof(item)))
		return -EFAULT;
	if (item.flags)
		return -EINVAL;
	if (item.size > mailbox->attr.letter_size)
		return -EMSGSIZE;
	out.buffer.base = u64_to_user_ptr(item.data);
	out.size = item.size;
	out.tag = item.tag;
	if (!access_ok(out.buffer.base, out.size))
		return -EFAULT;
	return kipc_mailbox_send(mailbox, &out);
}

/**
 * kipc_mailbox_ioctl_send_batch - KIPC_IOC_MAILBOX_SEND_BATCH
 * @file: the handle
 * @arg: struct kipc_mailbox_send_batch
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: how many were sent, or what struct kipc_mailbox_send_batch says,
 * -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_send_batch(struct file *file, void __user *arg,
				   size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	const struct kipc_send_item __user *items;
	struct kipc_mailbox_send_batch batch;
	unsigned int n, done = 0;
	ktime_t deadline;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&batch, sizeof(batch),
			  KIPC_LEAST(struct kipc_mailbox_send_batch, flags),
			  arg, size);
	if (ret)
		return ret;
	if (batch.flags || !batch.count || batch.count > KIPC_BATCH_MAX)
		return -EINVAL;
	items = u64_to_user_ptr(batch.items);
	deadline = kipc_handle_deadline(file, batch.deadline);
	for (;;) {
		n = kipc_batch_put(mailbox, items + done, batch.count - done);
		if (!n) {
			ret = kipc_batch_send_one(mailbox, items + done,
						  deadline);
			if (ret)
				break;
			n = 1;
		}
		done += n;
		if (done == batch.count)
			break;
		kipc_delay(KIPC_DELAY_BATCH_BETWEEN);
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return done ? done : ret;
}

/**
 * struct kipc_batch_sender - the sender of the letter before
 * @letter: its header
 * @process: of its sender; NULL: there was none
 * @thread: likewise
 * @uid: likewise
 * @gid: likewise
 *
 * To find out who somebody is in the receiver's namespaces costs more than all the
 * rest, and most letters that come in a row have one sender.  A pointer tells a
 * process only as long as the lock is held: all letters in the ring were there
 * together, each with references of its own.
 */
struct kipc_batch_sender {
	struct kipc_letter letter;
	const struct pid *process;
	const struct pid *thread;
	kuid_t uid;
	kgid_t gid;
};

static __always_inline void
kipc_batch_know(struct kipc_batch_sender *sender,
		const struct kipc_envelope *envelope)
{
	if (likely(envelope->process == sender->process &&
		   envelope->thread == sender->thread &&
		   uid_eq(envelope->uid, sender->uid) &&
		   gid_eq(envelope->gid, sender->gid)))
		return;
	kipc_envelope_header(envelope, 0, &sender->letter);
	sender->process = envelope->process;
	sender->thread = envelope->thread;
	sender->uid = envelope->uid;
	sender->gid = envelope->gid;
}

/* Write a header; false if its page is missing.  Page faults are disabled. */
static __always_inline bool
kipc_batch_header_out(struct kipc_letter __user *user,
		      const struct kipc_envelope *envelope, u32 flags,
		      const struct kipc_letter *known)
{
	if (!user_write_access_begin(user, sizeof(*user)))
		return false;
	unsafe_put_user(envelope->seq, &user->seq, fault);
	unsafe_put_user(envelope->time, &user->time_ns, fault);
	unsafe_put_user(envelope->tag, &user->tag, fault);
	unsafe_put_user(envelope->size, &user->size, fault);
	unsafe_put_user(flags, &user->flags, fault);
	unsafe_put_user(known->pid, &user->pid, fault);
	unsafe_put_user(known->tid, &user->tid, fault);
	unsafe_put_user(known->uid, &user->uid, fault);
	unsafe_put_user(known->gid, &user->gid, fault);
	user_write_access_end();
	return true;

fault:
	user_write_access_end();
	return false;
}

/* Where a letter shall go; false if that page is missing.  Likewise. */
static __always_inline bool
kipc_batch_buffer_in(struct kipc_recv_item *item,
		     const struct kipc_recv_item __user *user)
{
	if (!user_read_access_begin(user, KIPC_RECV_ITEM_READ))
		return false;
	unsafe_get_user(item->data, &user->data, fault);
	unsafe_get_user(item->size, &user->size, fault);
	unsafe_get_user(item->flags, &user->flags, fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

/*
 * Receive what is there, at most KIPC_COPY_LOCKED bytes with the items: how many.
 */
static unsigned int kipc_batch_take(struct kipc_mailbox *mailbox,
				    struct kipc_recv_item __user *items,
				    unsigned int count, u32 flags)
{
	struct kipc_segment *segment, *drained, *garbage = NULL;
	struct kipc_batch_sender sender;
	size_t left = KIPC_COPY_LOCKED, size;
	struct kipc_envelope *envelope;
	struct kipc_recv_item item;
	struct kipc_wake wake;
	void __user *data;
	unsigned int n = 0;
	u32 cut;

	kipc_wake_init(&wake);
	sender.process = NULL;
	spin_lock(&mailbox->object.lock);
	if (unlikely(!list_empty(&mailbox->receivers) ||
		     mailbox->object.removed))
		goto unlock;
	pagefault_disable();
	for (; n < count && left >= sizeof(item) &&
	     kipc_mailbox_has_letter(mailbox); n++) {
		if (unlikely(!kipc_batch_buffer_in(&item, items + n)))
			break;
		left -= sizeof(item);
		segment = kipc_ring_first(&mailbox->ring);
		envelope = kipc_segment_record(segment);
		size = envelope->size;
		if (unlikely(size > item.size)) {
			if (!(flags & KIPC_RECV_TRUNCATE))
				break;
			size = item.size;
		}
		data = u64_to_user_ptr(item.data);
		/* Sealed: it is large, or its sender waits.  No request ever, no handles. */
		if (unlikely(item.flags || size > left || segment->sealed ||
			     envelope->flags || !access_ok(data, size)))
			break;
		kipc_batch_know(&sender, envelope);
		cut = envelope->size > size ? KIPC_LETTER_TRUNCATED : 0;
		if (unlikely(!kipc_copy_out_now(data, envelope->data, size) ||
			     !kipc_batch_header_out(&items[n].letter, envelope,
						    cut, &sender.letter)))
			break;
		left -= size;
		kipc_trace(receive, mailbox->object.id, KIPC_KIND_MAILBOX, envelope->seq,
			   envelope->size);
		mailbox->stat.received++;
		mailbox->stat.received_bytes += envelope->size;
		drained = kipc_mailbox_pop(mailbox, segment);
		if (unlikely(drained))
			garbage = kipc_segment_chain(drained, garbage);
	}
	pagefault_enable();
unlock:
	kipc_mailbox_unlock(mailbox, &wake, false);
	if (unlikely(garbage))
		kipc_segment_free(&mailbox->object.account, garbage);
	return n;
}

static ssize_t kipc_batch_receive_one(struct kipc_mailbox *mailbox,
				      struct kipc_party *party,
				      struct kipc_recv_item __user *user,
				      u32 flags, ktime_t deadline)
{
	struct kipc_incoming in = {
		.header = &user->letter,
		.header_size = sizeof(user->letter),
		.party = party,
		.flags = flags,
		.deadline = deadline,
	};
	struct kipc_recv_item item;

	if (copy_from_user(&item, user, KIPC_RECV_ITEM_READ) ||
	    !access_ok(in.header, in.header_size))
		return -EFAULT;
	if (item.flags)
		return -EINVAL;
	in.buffer.base = u64_to_user_ptr(item.data);
	in.size = min(item.size, mailbox->attr.letter_size);
	if (!access_ok(in.buffer.base, in.size))
		return -EFAULT;
	return kipc_mailbox_receive(mailbox, &in);
}

/**
 * kipc_mailbox_ioctl_recv_batch - KIPC_IOC_MAILBOX_RECV_BATCH
 * @file: the handle
 * @arg: struct kipc_mailbox_recv_batch
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: how many were received, or what struct kipc_mailbox_recv_batch says,
 * -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_recv_batch(struct file *file, void __user *arg,
				   size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_recv_batch batch;
	struct kipc_recv_item __user *items;
	unsigned int n, done = 0;
	ktime_t deadline;
	ssize_t ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&batch, sizeof(batch),
			  KIPC_LEAST(struct kipc_mailbox_recv_batch, flags),
			  arg, size);
	if (ret)
		return ret;
	if (batch.flags & ~KIPC_RECV_TRUNCATE || !batch.count ||
	    batch.count > KIPC_BATCH_MAX)
		return -EINVAL;
	items = u64_to_user_ptr(batch.items);
	deadline = kipc_handle_deadline(file, batch.deadline);
	for (;;) {
		n = kipc_batch_take(mailbox, items + done, batch.count - done,
				    batch.flags);
		if (!n) {
			ret = kipc_batch_receive_one(mailbox,
						     kipc_party_of_file(file),
						     items + done,
						     batch.flags, deadline);
			if (ret < 0)
				break;
			n = 1;
		}
		done += n;
		/* Only the first one is worth waiting for. */
		deadline = KIPC_DEADLINE_NO_WAIT;
		if (done == batch.count)
			break;
		kipc_delay(KIPC_DELAY_BATCH_BETWEEN);
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return done ? done : ret;
}
