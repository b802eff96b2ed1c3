// SPDX-License-Identifier: GPL-2.0
/*
 * Calls through a mailbox: how a request gets into the ring, and out of it again.
 * What becomes of it then is the call engine's: see call.h.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "debug.h"
#include "mailbox.h"

static bool kipc_mailbox_hold(struct kipc_calls *calls)
{
	return kipc_object_get(calls->owner);
}

static void kipc_mailbox_let_go(struct kipc_calls *calls)
{
	kipc_object_put(calls->owner);
}

static const struct kipc_calls_ops kipc_mailbox_calls_ops = {
	.hold	= kipc_mailbox_hold,
	.drop	= kipc_mailbox_let_go,
};

/* What calls need, made with the first one; NULL if there is no memory. */
static struct kipc_calls *kipc_mailbox_calls(struct kipc_mailbox *mailbox)
{
	struct kipc_calls *calls = READ_ONCE(mailbox->calls);

	/* Once there, it stays. */
	if (likely(calls))
		return calls;
	calls = kipc_calls_create(&kipc_mailbox_calls_ops, &mailbox->object,
				  &mailbox->object.lock);
	if (!calls)
		return NULL;
	spin_lock(&mailbox->object.lock);
	if (!mailbox->calls) {
		/* Pairs with the address dependency of those who do not lock. */
		smp_store_release(&mailbox->calls, calls);
		calls = NULL;
	}
	spin_unlock(&mailbox->object.lock);
	kipc_calls_free(calls);
	return mailbox->calls;
}

/* The request in its record, prepared; or an ERR_PTR(). */
static struct kipc_call *kipc_mailbox_prepare_call(struct kipc_mailbox *mailbox,
						   struct kipc_party *party,
						   const struct kipc_outgoing *out,
						   size_t reply)
{
	struct kipc_calls *calls = kipc_mailbox_calls(mailbox);
	size_t space = kipc_envelope_space(out->size);
	struct kipc_envelope *envelope;
	struct kipc_call *call;

	if (!calls)
		return ERR_PTR(-ENOMEM);
	call = kipc_call_get(calls, party, space, reply);
	if (IS_ERR(call))
		return call;
	envelope = kipc_segment_record(&call->request);
	if (unlikely(!(out->size <= KIPC_COPY_LOCKED &&
		       kipc_copy_in(envelope->data, out->buffer.base, out->size)) &&
		     !kipc_buffer_read(envelope->data, &out->buffer, out->size))) {
		kipc_call_put(call);
		return ERR_PTR(-EFAULT);
	}
	call->request.tail = space;
	call->limit = reply;
	kipc_delay(KIPC_DELAY_CALL_PREPARED);
	return call;
}

/*
 * Put the request into the ring; @claim waits for the end, or until it was taken.
 * Returns 0, or why it was not put.
 */
static int kipc_mailbox_put_call(struct kipc_mailbox *mailbox,
				 struct kipc_party *party, struct kipc_call *call,
				 const struct kipc_outgoing *out,
				 struct kipc_collector *claim)
{
	struct kipc_envelope *envelope = kipc_segment_record(&call->request);
	struct kipc_wake wake;
	bool arrived = true;
	int ret;

	kipc_wake_init(&wake);
	spin_lock(&mailbox->object.lock);
	if (kipc_mailbox_is_rendezvous(mailbox)) {
		ret = kipc_mailbox_closed_to_senders(mailbox);
		if (!ret && !kipc_mailbox_has_receiver(mailbox) &&
		    (!claim || mailbox->attr.flags & KIPC_MAILBOX_REFUSE))
			ret = -EAGAIN;
		if (!ret)
			kipc_mailbox_take_room(mailbox, out->size);
	} else {
		ret = kipc_mailbox_await_room(mailbox, out, &wake);
	}
	if (!ret) {
		kipc_mailbox_link(mailbox, &call->request, out->size, out->tag);
		envelope->flags |= KIPC_LETTER_CALL;
		envelope->call = call;
		kipc_call_begin(call, party, claim);
		mailbox->asked = true;
		if (mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST)
			arrived = kipc_mailbox_drop(mailbox, &wake);
	}
	kipc_mailbox_unlock(mailbox, &wake, !ret && arrived);
	return ret;
}

/* Take a request out of the ring that nobody has, nor is just taking. */
static void kipc_mailbox_withdraw_call(struct kipc_mailbox *mailbox,
				       struct kipc_call *call,
				       struct kipc_wake *wake)
{
	kipc_mailbox_withdraw(mailbox, &call->request);
	kipc_call_withdraw(call, wake);
	kipc_call_recycle(call, wake);
}

static bool kipc_mailbox_has_request(const struct kipc_call *call)
{
	return call->state == KIPC_CALL_QUEUED && call->request.linked;
}

/*
 * Its caller gives a call up: a request that nobody has leaves the mailbox.  The lock
 * is held, and dropped.
 */
static void kipc_mailbox_give_up(struct kipc_mailbox *mailbox,
				 struct kipc_call *call, struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
{
	if (kipc_mailbox_has_request(call))
		kipc_mailbox_withdraw_call(mailbox, call, wake);
	else
		kipc_call_abandon(call, wake);
	kipc_mailbox_unlock(mailbox, wake, false);
}

/*
 * Wait for what @claim waits for.  Returns 0 if that has come; -EINTR if the call goes
 * on, without a claim; or why the call was given up.  If it has failed before anybody had
 * the request, that is the verdict, and the claim remains.
 */
static int kipc_mailbox_await_reply(struct kipc_mailbox *mailbox,
				    struct kipc_collector *claim,
				    ktime_t deadline)
{
	struct kipc_call *call = claim->call;
	struct kipc_wake wake;
	int ret;

	ret = kipc_waiter_sleep(&claim->waiter, deadline);
	/* Who claims a call that is done has it to itself. */
	if (likely(!ret))
		return claim->waiter.verdict;
	kipc_wake_init(&wake);
	spin_lock(&mailbox->object.lock);
	ret = kipc_waiter_leave(&claim->waiter, ret);
	if (claim->waiter.verdict != KIPC_WAITING) {
		spin_unlock(&mailbox->object.lock);
		return ret;
	}
	/* Who submits does not give up what somebody has, or is just taking. */
	if ((ret == -ERESTARTSYS || claim->until_taken) &&
	    !kipc_mailbox_has_request(call) && !fatal_signal_pending(current)) {
		call->claim = NULL;
		spin_unlock(&mailbox->object.lock);
		return -EINTR;
	}
	kipc_mailbox_give_up(mailbox, call, &wake);
	return ret;
}

/* Give up a call that can still be found, by its token. */
static int kipc_mailbox_cancel(struct kipc_mailbox *mailbox,
			       struct kipc_party *party, u64 token)
{
	struct kipc_call *call;
	struct kipc_wake wake;
	int ret = -ENOENT;

	kipc_wake_init(&wake);
	spin_lock(&mailbox->object.lock);
	call = kipc_call_find(mailbox->calls, token);
	if (call && call->party == party) {
		ret = -EBUSY;
		if (!call->claim) {
			kipc_mailbox_give_up(mailbox, call, &wake);
			return 0;
		}
	}
	spin_unlock(&mailbox->object.lock);
	return ret;
}

/* Send a request, and wait for the reply. */
static long kipc_mailbox_call(struct kipc_mailbox *mailbox,
			      struct kipc_party *party,
			      const struct kipc_outgoing *out,
			      void __user *reply, size_t size,
			      u64 __user *user_token)
{
	struct kipc_account *account;
	struct kipc_collector claim;
	struct kipc_call *call;
	u64 token;
	long ret;

	if (out->deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;
	/* Most bad pointers show before anything has happened. */
	if (fault_in_readable(reply, size))
		return -EFAULT;
	call = kipc_mailbox_prepare_call(mailbox, party, out, size);
	if (IS_ERR(call))
		return PTR_ERR(call);
	account = &call->caller->account;
	ret = kipc_charge(account, KIPC_WAITERS, 1);
	if (ret) {
		kipc_call_put(call);
		return ret;
	}

	claim.call = call;
	claim.until_taken = false;
	kipc_waiter_start(&claim.waiter);
	ret = kipc_mailbox_put_call(mailbox, party, call, out, &claim);
	token = call->token;
	if (ret)
		kipc_call_put(call);
	else
		ret = kipc_mailbox_await_reply(mailbox, &claim, out->deadline);
	/* The handle is open, so its account is there whatever became of the call. */
	kipc_uncharge(account, KIPC_WAITERS, 1);
	if (likely(!ret)) {
		ret = call->result;
		if (likely(ret <= 0 || kipc_mailbox_copy_reply(reply, call))) {
			kipc_call_collected(call);
			return ret;
		}
		/* Somebody may still collect it. */
		kipc_call_unclaim(call);
		ret = -EFAULT;
	} else if (ret != -EINTR) {
		return ret;
	}
	if (put_user(token, user_token)) {
		/* Nobody knows by what. */
		kipc_mailbox_cancel(mailbox, party, token);
		return -EFAULT;
	}
	return ret;
}

/* Send a request whose reply is to be collected later. */
static long kipc_mailbox_submit(struct kipc_mailbox *mailbox,
				struct kipc_party *party,
				const struct kipc_outgoing *out, size_t size,
				u64 __user *user_token)
{
	bool meet = kipc_mailbox_is_rendezvous(mailbox) &&
		    kipc_mailbox_may_wait(mailbox, out->deadline);
	struct kipc_collector claim = { .until_taken = true };
	struct kipc_account *account;
	struct kipc_call *call;
	long ret;

	call = kipc_mailbox_prepare_call(mailbox, party, out, size);
	if (IS_ERR(call))
		return PTR_ERR(call);
	account = &call->caller->account;
	ret = meet ? kipc_charge(account, KIPC_WAITERS, 1) : 0;
	if (ret) {
		kipc_call_put(call);
		return ret;
	}
	if (put_user(kipc_call_next_token(call), user_token)) {
		ret = -EFAULT;
		goto fail;
	}
	claim.call = call;
	kipc_waiter_start(&claim.waiter);
	ret = kipc_mailbox_put_call(mailbox, party, call, out,
				    meet ? &claim : NULL);
	if (ret)
		goto fail;
	if (meet)
		ret = kipc_mailbox_await_reply(mailbox, &claim, out->deadline);
	if (claim.waiter.verdict < 0)
		kipc_call_collected(call);
	if (meet)
		kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret == -EINTR ? 0 : ret;

fail:
	/* The token was shown, so no other call shall have it. */
	kipc_call_skip_token(call);
	kipc_call_put(call);
	if (meet)
		kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret;
}

/**
 * kipc_mailbox_ioctl_call - KIPC_IOC_MAILBOX_CALL
 * @file: the handle
 * @arg: struct kipc_mailbox_call
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: bytes in the reply, 0 with KIPC_CALL_SUBMIT, or what struct
 * kipc_mailbox_call says, -ERESTARTSYS for EINTR before anybody had the request.
 */
long kipc_mailbox_ioctl_call(struct file *file, void __user *arg, size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_party *party = kipc_party_of_file(file);
	struct kipc_mailbox_call __user *user = arg;
	struct kipc_mailbox_call call;
	struct kipc_outgoing out = {};
	void __user *reply;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&call, sizeof(call),
			  KIPC_LEAST(struct kipc_mailbox_call, reserved), arg, size);
	if (ret)
		return ret;
	if (call.flags & ~KIPC_CALL_SUBMIT || call.reserved ||
	    (call.flags & KIPC_CALL_SUBMIT && call.reply))
		return -EINVAL;
	ret = kipc_mailbox_check_size(mailbox, call.size);
	if (ret)
		return ret;
	out.buffer.base = u64_to_user_ptr(call.data);
	out.size = call.size;
	out.tag = call.tag;
	out.deadline = kipc_handle_deadline(file, call.deadline);
	reply = u64_to_user_ptr(call.reply);
	call.reply_size = min(call.reply_size, KIPC_LETTER_MAX);
	if (!access_ok(out.buffer.base, out.size) ||
	    !access_ok(reply, call.reply_size))
		return -EFAULT;
	if (call.flags & KIPC_CALL_SUBMIT) {
		ret = kipc_mailbox_submit(mailbox, party, &out,
					  call.reply_size, &user->token);
		/* A token that names nothing shall not stay there. */
		if (ret)
			put_user(call.token, &user->token);
		return ret;
	}
	return kipc_mailbox_call(mailbox, party, &out, reply, call.reply_size,
				 &user->token);
}

/**
 * kipc_mailbox_ioctl_cancel - KIPC_IOC_MAILBOX_CANCEL
 * @file: the handle
 * @arg: struct kipc_mailbox_cancel
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_mailbox_cancel says.
 */
long kipc_mailbox_ioctl_cancel(struct file *file, void __user *arg, size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_cancel cancel;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&cancel, sizeof(cancel),
			  KIPC_LEAST(struct kipc_mailbox_cancel, reserved), arg,
			  size);
	if (ret)
		return ret;
	if (cancel.flags || cancel.reserved)
		return -EINVAL;
	ret = kipc_mailbox_cancel(mailbox, kipc_party_of_file(file),
				  cancel.token);
	return kipc_mailbox_missing(mailbox, ret);
}

/**
 * kipc_mailbox_calls_leave - a handle goes: its calls are given up
 * @mailbox: the mailbox
 * @party: the handle; nobody uses it any more
 *
 * Context: process context, may sleep.
 */
void kipc_mailbox_calls_leave(struct kipc_mailbox *mailbox,
			      struct kipc_party *party)
{
	struct kipc_call *call;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	for (;;) {
		spin_lock(&mailbox->object.lock);
		call = kipc_party_first(party);
		if (!call)
			break;
		kipc_mailbox_give_up(mailbox, call, &wake);
		cond_resched();
	}
	spin_unlock(&mailbox->object.lock);
	kipc_party_leave(party, mailbox->calls);
}

/**
 * kipc_mailbox_calls_deserted - nobody will take the requests that are there
 * @mailbox: its last receiver is gone
 *
 * Context: process context, may sleep.
 */
void kipc_mailbox_calls_deserted(struct kipc_mailbox *mailbox)
{
	unsigned long place = 0;
	struct kipc_call *call;
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	do {
		spin_lock(&mailbox->object.lock);
		call = kipc_calls_next(mailbox->calls, &place);
		/* Somebody may have opened it again. */
		if (call && kipc_mailbox_has_request(call) &&
		    kipc_mailbox_deserted(mailbox)) {
			kipc_mailbox_withdraw(mailbox, &call->request);
			mailbox->calls->begun--;
			kipc_call_end(call, -EPIPE, &wake);
		}
		kipc_mailbox_unlock(mailbox, &wake, false);
		cond_resched();
	} while (call);
}
