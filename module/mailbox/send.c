// SPDX-License-Identifier: GPL-2.0
/*
 * Sending a letter.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "debug.h"
#include "mailbox.h"
#include "trace.h"

/* Letters of one sender share a reference: most come in a row. */
static inline bool kipc_mailbox_share(struct kipc_mailbox *mailbox,
				      struct pid *process)
{
	if (unlikely(!mailbox->sharing))
		mailbox->process = get_pid(process);
	else if (unlikely(process != mailbox->process))
		return false;
	mailbox->sharing++;
	return true;
}

/* All but the data. */
static __always_inline void
kipc_envelope_fill(struct kipc_envelope *envelope, struct kipc_mailbox *mailbox,
		   size_t size, u64 tag)
{
	const struct cred *cred = current_cred();

	envelope->seq = ++mailbox->last_seq;
	envelope->time = ktime_get_coarse_real_ns();
	envelope->tag = tag;
	envelope->size = size;
	envelope->uid = cred->euid;
	envelope->gid = cred->egid;
	envelope->process = task_tgid(current);
	envelope->shares = kipc_mailbox_share(mailbox, envelope->process);
	if (unlikely(!envelope->shares))
		get_pid(envelope->process);
	envelope->thread = thread_group_leader(current) ? NULL :
			   get_pid(task_pid(current));
	envelope->flags = 0;
	envelope->rendezvous = NULL;
	kipc_count(KIPC_REF_LETTERS, 1);
}

/* The letter is in the ring, and the room for it has been taken. */
static __always_inline void kipc_mailbox_sent(struct kipc_mailbox *mailbox, size_t size)
{
	kipc_trace(send, mailbox->object.id, KIPC_KIND_MAILBOX, mailbox->last_seq, size);
	mailbox->ready++;
	mailbox->stat.sent++;
	mailbox->stat.sent_bytes += size;
	if (mailbox->letters > mailbox->stat.peak_letters)
		mailbox->stat.peak_letters = mailbox->letters;
	if (mailbox->bytes > mailbox->stat.peak_bytes)
		mailbox->stat.peak_bytes = mailbox->bytes;
}

/**
 * kipc_mailbox_link - put a letter that has its own segment into the ring
 * @mailbox: the mailbox
 * @segment: sealed, with the data in place; room has been taken for it
 * @size: of the data
 * @tag: the sender's
 *
 * Context: the lock is held.
 */
void kipc_mailbox_link(struct kipc_mailbox *mailbox,
		       struct kipc_segment *segment, size_t size, u64 tag)
{
	struct kipc_envelope *envelope = kipc_segment_record(segment);

	kipc_envelope_fill(envelope, mailbox, size, tag);
	if (unlikely(segment->carries))
		envelope->flags = KIPC_LETTER_HANDLES;
	kipc_ring_link(&mailbox->ring, segment);
	kipc_mailbox_sent(mailbox, size);
}

/**
 * kipc_mailbox_withdraw - take a letter out again that nobody has received
 * @mailbox: the mailbox
 * @segment: linked, with that letter alone
 *
 * If it was promised to a receiver, the next unlock revokes that.
 *
 * Context: the lock is held.
 */
void kipc_mailbox_withdraw(struct kipc_mailbox *mailbox,
			   struct kipc_segment *segment)
{
	struct kipc_envelope *envelope = kipc_segment_record(segment);

	mailbox->ready--;
	mailbox->stat.sent--;
	mailbox->stat.sent_bytes -= envelope->size;
	kipc_mailbox_return_room(mailbox, envelope->size);
	if (unlikely(mailbox->share))
		kipc_share_return(mailbox, envelope->uid, envelope->size);
	kipc_envelope_release(mailbox, envelope);
	kipc_ring_unlink(segment);
}

/**
 * kipc_envelope_sign - write the head of a letter, when there will be more of them
 * @envelope: to be written; for the others there is kipc_envelope_repeat()
 * @mailbox: where it goes
 * @size: of its data
 * @tag: the sender's
 *
 * Context: the lock is held.
 */
void kipc_envelope_sign(struct kipc_envelope *envelope,
			struct kipc_mailbox *mailbox, size_t size, u64 tag)
{
	kipc_envelope_fill(envelope, mailbox, size, tag);
}

/**
 * kipc_mailbox_grow - give the ring another segment
 * @mailbox: not a rendezvous
 * @space: that a letter takes in the ring
 * @nowait: do not wait for memory
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped meanwhile, and held again.
 * Return: 0, -EDQUOT, -ENOMEM, -EIDRM, -EPIPE.
 */
int kipc_mailbox_grow(struct kipc_mailbox *mailbox, size_t space, bool nowait,
		      struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
	__acquires(&mailbox->object.lock)
{
	struct kipc_account *account = &mailbox->object.account;
	size_t size = kipc_ring_segment_size(&mailbox->ring, space);
	struct kipc_segment *segment, *garbage;

	kipc_mailbox_unlock(mailbox, wake, false);
	segment = kipc_segment_alloc(account, size, nowait);
	/* What is left of the quota may still do for this letter. */
	if (IS_ERR(segment) && size > space)
		segment = kipc_segment_alloc(account, space, nowait);
	kipc_delay(KIPC_DELAY_SEND_GROWN);
	spin_lock(&mailbox->object.lock);
	if (IS_ERR(segment))
		return PTR_ERR(segment);
	/* Nobody shall pay for the memory of a mailbox that gets no more letters. */
	garbage = unlikely(kipc_mailbox_closed_to_senders(mailbox)) ? segment :
		  kipc_ring_extend(&mailbox->ring, segment);
	if (unlikely(garbage)) {
		kipc_mailbox_unlock(mailbox, wake, false);
		kipc_segment_free(account, garbage);
		kipc_delay(KIPC_DELAY_SEND_TRADED);
		spin_lock(&mailbox->object.lock);
	}
	return kipc_mailbox_closed_to_senders(mailbox);
}

/*
 * Put a small letter into the ring.  The lock is held, and dropped meanwhile if
 * the ring must grow; room is taken.  Returns -EFAULT if a page is missing,
 * -EDQUOT, -ENOMEM, -EIDRM, -EPIPE: then nothing has been put.
 */
static int kipc_mailbox_put(struct kipc_mailbox *mailbox,
			    const struct kipc_outgoing *out,
			    struct kipc_wake *wake)
{
	bool drops = mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST;
	size_t space = kipc_envelope_space(out->size);
	struct kipc_envelope *envelope;
	int ret;

	envelope = kipc_ring_reserve(&mailbox->ring, space);
	while (unlikely(!envelope)) {
		/* Nothing shall give way to a letter that may not come. */
		if (drops)
			kipc_mailbox_return_room(mailbox, out->size);
		ret = kipc_mailbox_grow(mailbox, space, out->nowait, wake);
		if (drops)
			kipc_mailbox_take_room(mailbox, out->size);
		if (ret)
			return ret;
		envelope = kipc_ring_reserve(&mailbox->ring, space);
	}
	if (unlikely(!kipc_buffer_in(envelope->data, &out->buffer, out->size)))
		return -EFAULT;
	kipc_envelope_fill(envelope, mailbox, out->size, out->tag);
	kipc_ring_commit(&mailbox->ring, space);
	return 0;
}

/**
 * kipc_mailbox_drop - a letter is there, so old ones may give way
 * @mailbox: the mailbox
 * @wake: for those who are woken on the way
 *
 * Not one that a receiver is just copying.
 *
 * Context: process context; the lock is held, dropped between batches, and held
 * again.
 * Return: whether it is still to be told that the letter has come.
 */
bool kipc_mailbox_drop(struct kipc_mailbox *mailbox, struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
	__acquires(&mailbox->object.lock)
{
	struct kipc_segment *garbage, *front;
	struct kipc_envelope *envelope;
	bool arrived = true;
	unsigned int count;

	while (kipc_mailbox_overfull(mailbox)) {
		garbage = NULL;
		for (count = 0; count < KIPC_MAILBOX_BATCH &&
		     kipc_mailbox_overfull(mailbox) &&
		     !kipc_wake_full(wake); count++) {
			mailbox->stat.dropped++;
			front = kipc_ring_first(&mailbox->ring);
			envelope = kipc_segment_record(front);
			if (unlikely(kipc_envelope_is_call(envelope)))
				kipc_call_end(envelope->call, -ECANCELED, wake);
			garbage = kipc_segment_chain(kipc_mailbox_pop(mailbox, front),
						     garbage);
		}
		kipc_mailbox_unlock(mailbox, wake, arrived);
		arrived = false;
		kipc_mailbox_discard(mailbox, garbage);
		kipc_object_event(&mailbox->object, KIPC_HAPPENED_DROPPED,
				  kipc_name_linked(&mailbox->object.name));
		cond_resched();
		kipc_delay(KIPC_DELAY_DROP_BATCH);
		spin_lock(&mailbox->object.lock);
	}
	return arrived;
}

static int kipc_mailbox_send_buffered(struct kipc_mailbox *mailbox,
				      const struct kipc_outgoing *out)
{
	struct kipc_segment *segment = NULL;
	struct kipc_wake wake;
	bool arrived = true;
	int ret;

	if (out->size > KIPC_COPY_LOCKED || out->parcel) {
		segment = kipc_mailbox_prepare(mailbox, out);
		if (IS_ERR(segment)) {
			kipc_parcel_free(out->parcel);
			return PTR_ERR(segment);
		}
	}

	kipc_wake_init(&wake);
again:
	spin_lock(&mailbox->object.lock);
	ret = kipc_mailbox_await_room(mailbox, out, &wake);
	if (unlikely(ret))
		goto unlock;
	if (segment) {
		kipc_mailbox_link(mailbox, segment, out->size, out->tag);
		segment = NULL;
	} else {
		ret = kipc_mailbox_put(mailbox, out, &wake);
		if (unlikely(ret)) {
			kipc_mailbox_return_room(mailbox, out->size);
			if (unlikely(mailbox->share))
				kipc_share_return(mailbox, current_euid(),
						  out->size);
			goto unlock;
		}
		kipc_mailbox_sent(mailbox, out->size);
	}
	if (mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST)
		arrived = kipc_mailbox_drop(mailbox, &wake);
unlock:
	kipc_mailbox_unlock(mailbox, &wake, !ret && arrived);
	if (unlikely(ret == -EFAULT) &&
	    kipc_buffer_fault_in_readable(&out->buffer, out->size)) {
		kipc_delay(KIPC_DELAY_SEND_FAULT);
		if (!signal_pending(current))
			goto again;
		ret = -ERESTARTSYS;
	}
	if (unlikely(segment))
		kipc_mailbox_discard(mailbox, segment);
	return ret;
}

/*
 * The common case at once: a small letter, room for it, and nobody to be told.
 * False: that is not so, and nothing has happened.
 */
static __always_inline bool
kipc_mailbox_send_quick(struct kipc_mailbox *mailbox, const void __user *data,
			size_t size, u64 tag)
{
	size_t space = kipc_envelope_space(size);
	struct kipc_envelope *envelope;
	struct kipc_segment *segment;
	bool done = false;

	if (unlikely(size > min_t(size_t, mailbox->attr.letter_size,
				  KIPC_COPY_LOCKED) ||
		     (mailbox->attr.flags & KIPC_MAILBOX_FIXED &&
		      size != mailbox->attr.letter_size)))
		return false;
	spin_lock(&mailbox->object.lock);
	if (unlikely(!kipc_mailbox_is_calm(mailbox) ||
		     kipc_mailbox_deserted(mailbox) ||
		     !kipc_mailbox_fits(mailbox, size)))
		goto unlock;
	segment = kipc_ring_room(&mailbox->ring, space);
	if (unlikely(!segment))
		goto unlock;
	envelope = kipc_segment_tail(segment);
	done = kipc_copy_in(envelope->data, data, size);
	if (likely(done)) {
		kipc_mailbox_take_room(mailbox, size);
		kipc_envelope_fill(envelope, mailbox, size, tag);
		segment->tail += space;
		kipc_mailbox_sent(mailbox, size);
	}
unlock:
	spin_unlock(&mailbox->object.lock);
	return done;
}

/**
 * kipc_mailbox_check_size - may a letter be that long?
 * @mailbox: the mailbox
 * @size: of the data
 *
 * Return: 0, -EMSGSIZE, or -EINVAL.
 */
int kipc_mailbox_check_size(const struct kipc_mailbox *mailbox, size_t size)
{
	if (unlikely(size > mailbox->attr.letter_size))
		return -EMSGSIZE;
	return mailbox->attr.flags & KIPC_MAILBOX_FIXED &&
	       size != mailbox->attr.letter_size ? -EINVAL : 0;
}

/**
 * kipc_mailbox_send - send a letter
 * @mailbox: the mailbox
 * @out: the letter; a parcel is taken over, or freed, if the size is as it may be
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_mailbox_send says, -ERESTARTSYS for EINTR.
 */
int kipc_mailbox_send(struct kipc_mailbox *mailbox,
		      const struct kipc_outgoing *out)
{
	int ret = kipc_mailbox_check_size(mailbox, out->size);

	if (ret)
		return ret;
	if (kipc_mailbox_is_rendezvous(mailbox))
		return kipc_mailbox_send_rendezvous(mailbox, out);
	return kipc_mailbox_send_buffered(mailbox, out);
}

static noinline ssize_t kipc_mailbox_write_from(struct file *file, bool nowait,
						struct kipc_buffer buffer,
						size_t size)
{
	struct kipc_outgoing out = {
		.buffer = buffer,
		.size = size,
		.deadline = kipc_handle_patience(file, nowait),
		.nowait = nowait,
	};
	int ret;

	if (!size)
		return 0;
	ret = kipc_mailbox_send(kipc_mailbox_of_file(file), &out);
	/* io_uring comes again: with its own work done, or ready to wait. */
	if (unlikely(nowait && (ret == -ENOMEM || ret == -ERESTARTSYS)))
		ret = -EAGAIN;
	return ret ? ret : size;
}

/**
 * kipc_mailbox_write - write(2): send a letter without a tag
 * @file: the handle, with the right to send
 * @buf: its data
 * @size: of the data; nothing is sent if it is 0
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: @size, or what struct kipc_mailbox_send says, -ERESTARTSYS for EINTR.
 */
ssize_t kipc_mailbox_write(struct file *file, const char __user *buf,
			   size_t size, loff_t *pos)
{
	struct kipc_buffer buffer = { .base = (void __user *)buf };

	if (likely(size && kipc_mailbox_send_quick(kipc_mailbox_of_file(file),
						   buf, size, 0)))
		return size;
	return kipc_mailbox_write_from(file, false, buffer, size);
}

/**
 * kipc_mailbox_write_iter - the same for writev(2) and io_uring
 * @iocb: IOCB_NOWAIT counts; the caller's pages may have to be brought in all the same
 * @from: the data
 *
 * Context: process context, may sleep.
 * Return: as kipc_mailbox_write().
 */
ssize_t kipc_mailbox_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return kipc_mailbox_write_from(iocb->ki_filp,
				       iocb->ki_flags & IOCB_NOWAIT,
				       (struct kipc_buffer){ .iter = from },
				       iov_iter_count(from));
}

/*
 * What an ioctl says about a letter: 0, or why it cannot be sent; its length is checked
 * by the caller.
 */
static __always_inline int kipc_mailbox_send_in(struct file *file,
						const struct kipc_mailbox_send *send,
						struct kipc_outgoing *out)
{
	if (send->flags)
		return -EINVAL;
	if (send->size > kipc_mailbox_of_file(file)->attr.letter_size)
		return -EMSGSIZE;
	out->buffer.base = u64_to_user_ptr(send->data);
	out->buffer.iter = NULL;
	out->size = send->size;
	out->tag = send->tag;
	out->deadline = kipc_handle_deadline(file, send->deadline);
	out->nowait = false;
	return access_ok(out->buffer.base, out->size) ? 0 : -EFAULT;
}

/**
 * kipc_mailbox_ioctl_send - KIPC_IOC_MAILBOX_SEND
 * @file: the handle
 * @arg: struct kipc_mailbox_send
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_mailbox_send says, -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_send(struct file *file, void __user *arg, size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_send send;
	struct kipc_outgoing out;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&send, sizeof(send),
			  KIPC_LEAST(struct kipc_mailbox_send, flags), arg, size);
	if (ret)
		return ret;
	ret = kipc_mailbox_send_in(file, &send, &out);
	if (ret)
		return ret;
	if (likely(kipc_mailbox_send_quick(mailbox, out.buffer.base, out.size,
					   out.tag)))
		return 0;
	out.parcel = NULL;
	return kipc_mailbox_send(mailbox, &out);
}

/**
 * kipc_mailbox_ioctl_send_handles - KIPC_IOC_MAILBOX_SEND_HANDLES
 * @file: the handle
 * @arg: struct kipc_mailbox_send_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_mailbox_send_handles says, -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_send_handles(struct file *file, void __user *arg,
				     size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_send_handles send;
	struct kipc_outgoing out;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&send, sizeof(send),
			  KIPC_LEAST(struct kipc_mailbox_send_handles, handles),
			  arg, size);
	if (!ret)
		ret = kipc_mailbox_send_in(file, &send.send, &out);
	if (!ret)
		ret = kipc_mailbox_check_size(mailbox, out.size);
	if (ret)
		return ret;
	if (!(mailbox->attr.flags & KIPC_MAILBOX_HANDLES))
		return -EOPNOTSUPP;
	out.parcel = kipc_parcel_create(&mailbox->object, &send.handles);
	if (IS_ERR(out.parcel))
		return PTR_ERR(out.parcel);
	return kipc_mailbox_send(mailbox, &out);
}
