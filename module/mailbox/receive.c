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
#include "trace.h"

/* A request, or a letter that carries something, is not for everybody: 0 or an errno. */
static noinline int kipc_envelope_refusal(const struct kipc_envelope *envelope,
					  const struct kipc_incoming *in)
{
	u32 count = kipc_parcel_count(kipc_envelope_parcel(envelope));

	if (kipc_envelope_is_call(envelope) && !(in->flags & KIPC_RECV_CALLS))
		return -EBADMSG;
	if (!count)
		return 0;
	if (!in->intake)
		return -EBADMSG;
	return count > in->intake->wanted.count ? -EMSGSIZE : 0;
}

/* How many bytes of a letter the receiver gets, or why none. */
static ssize_t kipc_envelope_check(const struct kipc_envelope *envelope,
				   const struct kipc_incoming *in)
{
	int ret;

	if (unlikely(!envelope->size && in->refuse_empty))
		return -EBADMSG;
	if (unlikely(envelope->flags && !(in->flags & KIPC_RECV_PEEK))) {
		ret = kipc_envelope_refusal(envelope, in);
		if (ret)
			return ret;
	}
	if (likely(envelope->size <= in->size))
		return envelope->size;
	return in->flags & KIPC_RECV_TRUNCATE ? in->size : -EMSGSIZE;
}

static_assert(offsetof(struct kipc_received, token) ==
	      offsetof(struct kipc_mailbox_recv, token) -
	      offsetof(struct kipc_mailbox_recv, letter));
static_assert(offsetof(struct kipc_received, handles) ==
	      offsetof(struct kipc_mailbox_recv_handles, handles) -
	      offsetof(struct kipc_mailbox_recv, letter));

/**
 * kipc_envelope_header - the header as the receiver's namespaces see it
 * @envelope: the letter
 * @size: of the buffer
 * @letter: to be written
 *
 * Context: the lock is held, or the letter is out of the ring.
 */
void kipc_envelope_header(const struct kipc_envelope *envelope, size_t size,
			  struct kipc_letter *letter)
{
	struct user_namespace *ns = current_user_ns();

	*letter = (struct kipc_letter) {
		.seq = envelope->seq,
		.time_ns = envelope->time,
		.tag = envelope->tag,
		.size = envelope->size,
		.flags = (envelope->size > size ? KIPC_LETTER_TRUNCATED : 0) |
			 envelope->flags,
		.pid = pid_vnr(envelope->process),
		.tid = pid_vnr(envelope->thread ?: envelope->process),
		.uid = from_kuid_munged(ns, envelope->uid),
		.gid = from_kgid_munged(ns, envelope->gid),
	};
}

/**
 * kipc_envelope_describe - all that a receiver is told
 * @envelope: the letter
 * @in: the receiver
 * @received: to be written
 *
 * Context: the lock is held, or the letter is out of the ring.
 */
void kipc_envelope_describe(const struct kipc_envelope *envelope,
			    const struct kipc_incoming *in,
			    struct kipc_received *received)
{
	kipc_envelope_header(envelope, in->size, &received->letter);
	received->token = 0;
	received->reply_size = 0;
	received->reply_handles = 0;
	if (kipc_envelope_is_call(envelope) && !(in->flags & KIPC_RECV_PEEK)) {
		received->token = envelope->call->token;
		received->reply_size = envelope->call->limit;
		received->reply_handles = envelope->call->takes;
	}
	if (unlikely(in->intake)) {
		received->answer = in->answer;
		received->handles = in->intake->wanted;
		received->handles.count =
			kipc_parcel_count(kipc_envelope_parcel(envelope));
	}
}

/**
 * kipc_envelope_tell - write it, behind the data
 * @envelope: the letter
 * @in: the receiver, who wants a header
 *
 * So that a receive that fails has not written it; not inline, for most do not want it.
 *
 * Context: as kipc_envelope_describe().
 * Return: false if that would fault.
 */
noinline bool kipc_envelope_tell(const struct kipc_envelope *envelope,
				 const struct kipc_incoming *in)
{
	struct kipc_received received;

	kipc_envelope_describe(envelope, in, &received);
	return kipc_copy_out(in->header, &received, in->header_size);
}

/* The same of a plain letter. */
static noinline bool kipc_envelope_show(const struct kipc_envelope *envelope,
					size_t size,
					struct kipc_letter __user *header)
{
	struct kipc_letter letter;

	kipc_envelope_header(envelope, size, &letter);
	return kipc_copy_out(header, &letter, sizeof(letter));
}

/**
 * kipc_mailbox_received - a letter was received
 * @mailbox: the mailbox
 * @in: the receiver, who has all of it
 * @envelope: the letter
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_mailbox_received(struct kipc_mailbox *mailbox,
			   const struct kipc_incoming *in,
			   struct kipc_envelope *envelope,
			   struct kipc_wake *wake)
{
	kipc_trace(receive, mailbox->object.id, KIPC_KIND_MAILBOX, envelope->seq,
		   envelope->size);
	mailbox->stat.received++;
	mailbox->stat.received_bytes += envelope->size;
	if (likely(!kipc_envelope_is_call(envelope)))
		kipc_mailbox_decide(mailbox, envelope, 0, wake);
	else if (likely(!mailbox->object.removed))
		kipc_call_take(envelope->call, in->party, wake);
	else
		/* Removed while it was copied: nobody will take a reply. */
		kipc_call_end(envelope->call, -EIDRM, wake);
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

	if (unlikely(!kipc_buffer_out(&in->buffer, envelope->data, bytes) ||
		     (in->header && !kipc_envelope_tell(envelope, in)))) {
		bytes = -EFAULT;
	} else if (likely(!(in->flags & KIPC_RECV_PEEK))) {
		kipc_mailbox_received(mailbox, in, envelope, wake);
		garbage = kipc_mailbox_pop(mailbox,
					   kipc_ring_first(&mailbox->ring));
	}
	kipc_mailbox_unlock(mailbox, wake, false);
	if (unlikely(garbage))
		kipc_segment_free(&mailbox->object.account, garbage);
	return bytes;
}

/**
 * kipc_mailbox_receive - receive the oldest letter
 * @mailbox: the mailbox
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

	if (likely(envelope->size <= KIPC_COPY_LOCKED &&
		   !(envelope->flags & KIPC_LETTER_HANDLES)))
		ret = kipc_mailbox_receive_small(mailbox, in, envelope, bytes,
						 &wake);
	else if (in->flags & KIPC_RECV_PEEK && !kipc_envelope_is_call(envelope))
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
	     !kipc_buffer_fault_in_writeable(&header, in->header_size)) ||
	    (in->intake && !kipc_intake_fault_in(in->intake)))
		return -EFAULT;
	kipc_delay(KIPC_DELAY_RECEIVE_FAULT);
	if (!signal_pending(current))
		goto again;
	return -ERESTARTSYS;

unlock:
	kipc_mailbox_unlock(mailbox, &wake, false);
	return ret;
}

/*
 * The common case at once: a small letter is there, and nobody to be told.  Returns
 * -EAGAIN if that is not so, and then nothing has happened.
 */
static __always_inline ssize_t
kipc_mailbox_receive_quick(struct kipc_mailbox *mailbox, void __user *data,
			   size_t size, struct kipc_letter __user *header)
{
	struct kipc_segment *segment, *garbage = NULL;
	struct kipc_envelope *envelope;
	ssize_t bytes = -EAGAIN;
	size_t length;

	spin_lock(&mailbox->object.lock);
	if (unlikely(!kipc_mailbox_is_calm(mailbox) ||
		     !kipc_mailbox_has_letter(mailbox)))
		goto unlock;
	segment = kipc_ring_first(&mailbox->ring);
	envelope = kipc_segment_record(segment);
	size = min_t(size_t, size, KIPC_COPY_LOCKED);
	length = envelope->size;
	/* Sealed: its sender waits, it is a request, or it carries handles. */
	if (unlikely(length > size || !length || segment->sealed))
		goto unlock;
	if (unlikely(!kipc_copy_out(data, envelope->data, length) ||
		     (header && !kipc_envelope_show(envelope, size, header))))
		goto unlock;
	bytes = length;
	kipc_trace(receive, mailbox->object.id, KIPC_KIND_MAILBOX, envelope->seq, length);
	mailbox->stat.received++;
	mailbox->stat.received_bytes += length;
	garbage = kipc_mailbox_take_out(mailbox, segment, envelope, length);
unlock:
	spin_unlock(&mailbox->object.lock);
	if (unlikely(garbage))
		kipc_segment_free(&mailbox->object.account, garbage);
	return bytes;
}

static noinline ssize_t kipc_mailbox_read_to(struct file *file, bool nowait,
					     struct kipc_buffer buffer,
					     size_t size)
{
	struct kipc_incoming in = {
		.buffer = buffer,
		.size = size,
		.deadline = kipc_handle_patience(file, nowait),
		.refuse_empty = true,
	};
	ssize_t ret;

	/* 0 means hang-up, so this cannot be 0; nor can a letter ever fit. */
	if (!size)
		return -EMSGSIZE;
	ret = kipc_mailbox_receive(kipc_mailbox_of_file(file), &in);
	/* Work for io_uring looks like a signal; it comes again when that is done. */
	if (unlikely(nowait && ret == -ERESTARTSYS))
		ret = -EAGAIN;
	return ret == -EPIPE ? 0 : ret;
}

/**
 * kipc_mailbox_read - read(2): receive the oldest letter
 * @file: the handle, with the right to receive
 * @buf: where to
 * @size: of @buf
 * @pos: not used
 *
 * Context: process context, may sleep.
 * Return: bytes of data, 0 for hang-up, -EBADMSG for a letter without data, or
 * what struct kipc_mailbox_recv says, -ERESTARTSYS for EINTR.
 */
ssize_t kipc_mailbox_read(struct file *file, char __user *buf,
			  size_t size, loff_t *pos)
{
	struct kipc_buffer buffer = { .base = buf };
	ssize_t bytes;

	bytes = kipc_mailbox_receive_quick(kipc_mailbox_of_file(file), buf,
					   size, NULL);
	return likely(bytes > 0) ? bytes :
	       kipc_mailbox_read_to(file, false, buffer, size);
}

/**
 * kipc_mailbox_read_iter - the same for readv(2) and io_uring
 * @iocb: IOCB_NOWAIT counts; the caller's pages may have to be brought in all the same
 * @to: where to
 *
 * Context: process context, may sleep.
 * Return: as kipc_mailbox_read().
 */
ssize_t kipc_mailbox_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return kipc_mailbox_read_to(iocb->ki_filp,
				    iocb->ki_flags & IOCB_NOWAIT,
				    (struct kipc_buffer){ .iter = to },
				    iov_iter_count(to));
}

/*
 * What an ioctl says about where a letter shall go; and first reply to another, if that
 * is wanted.  0, or why nothing can be received.
 */
static __always_inline int kipc_mailbox_recv_in(struct file *file,
						const struct kipc_mailbox_recv *recv,
						size_t size,
						struct kipc_mailbox_recv __user *user,
						struct kipc_incoming *in)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);

	if (recv->flags & ~(KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE |
			    KIPC_RECV_CALLS | KIPC_RECV_REPLY) ||
	    !recv->answer != !(recv->flags & KIPC_RECV_REPLY))
		return -EINVAL;
	in->header_size = sizeof(struct kipc_letter);
	if (recv->flags & KIPC_RECV_CALLS) {
		if (size < offsetofend(struct kipc_mailbox_recv, reply_handles))
			return -EINVAL;
		in->header_size = offsetofend(struct kipc_received, reply_handles);
	}
	in->buffer.base = u64_to_user_ptr(recv->data);
	in->buffer.iter = NULL;
	in->size = min(recv->size, mailbox->attr.letter_size);
	in->header = &user->letter;
	in->party = kipc_party_of_file(file);
	in->flags = recv->flags & ~KIPC_RECV_REPLY;
	in->deadline = kipc_handle_deadline(file, recv->deadline);
	in->refuse_empty = false;
	if (!access_ok(in->buffer.base, in->size))
		return -EFAULT;
	if (recv->flags & KIPC_RECV_REPLY)
		return kipc_mailbox_reply_first(mailbox,
						u64_to_user_ptr(recv->answer));
	return 0;
}

/**
 * kipc_mailbox_ioctl_recv - KIPC_IOC_MAILBOX_RECV
 * @file: the handle
 * @arg: struct kipc_mailbox_recv
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: bytes of data, or what struct kipc_mailbox_recv says, -ERESTARTSYS for
 * EINTR.
 */
long kipc_mailbox_ioctl_recv(struct file *file, void __user *arg, size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_recv __user *user = arg;
	struct kipc_mailbox_recv recv;
	struct kipc_incoming in;
	ssize_t bytes;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&recv, sizeof(recv),
			  KIPC_LEAST(struct kipc_mailbox_recv, letter), arg, size);
	if (ret)
		return ret;
	ret = kipc_mailbox_recv_in(file, &recv, size, user, &in);
	if (ret)
		return ret;
	if (likely(!in.flags)) {
		bytes = kipc_mailbox_receive_quick(mailbox, in.buffer.base,
						   in.size, &user->letter);
		if (likely(bytes > 0))
			return bytes;
	}
	in.intake = NULL;
	return kipc_mailbox_receive(mailbox, &in);
}

/**
 * kipc_mailbox_ioctl_recv_handles - KIPC_IOC_MAILBOX_RECV_HANDLES
 * @file: the handle
 * @arg: struct kipc_mailbox_recv_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: bytes of data, or what struct kipc_mailbox_recv_handles says, -ERESTARTSYS
 * for EINTR.
 */
long kipc_mailbox_ioctl_recv_handles(struct file *file, void __user *arg,
				     size_t size)
{
	struct kipc_mailbox_recv_handles __user *user = arg;
	struct kipc_mailbox_recv_handles recv;
	struct kipc_intake intake;
	struct kipc_incoming in;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&recv, sizeof(recv),
			  KIPC_LEAST(struct kipc_mailbox_recv_handles, handles),
			  arg, size);
	if (!ret)
		ret = kipc_intake_init(&intake, &recv.handles);
	if (!ret)
		ret = kipc_mailbox_recv_in(file, &recv.recv, sizeof(recv.recv),
					   &user->recv, &in);
	if (ret)
		return ret;
	in.header_size = offsetofend(struct kipc_received, handles.count);
	in.intake = &intake;
	in.answer = recv.recv.answer;
	return kipc_mailbox_receive(kipc_mailbox_of_file(file), &in);
}
