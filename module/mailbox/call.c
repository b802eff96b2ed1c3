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

static void kipc_mailbox_server_died(struct kipc_calls *calls)
{
	struct kipc_mailbox *mailbox = calls->owner;

	kipc_object_event(&mailbox->object, KIPC_HAPPENED_DIED,
			  kipc_name_linked(&mailbox->object.name));
}

static const struct kipc_calls_ops kipc_mailbox_calls_ops = {
	.kind	= KIPC_KIND_MAILBOX,
	.hold	= kipc_mailbox_hold,
	.drop	= kipc_mailbox_let_go,
	.died	= kipc_mailbox_server_died,
	.unload	= kipc_parcel_free,
};

/**
 * struct kipc_asking - a call to be made
 * @out: the request; its parcel is the record's
 * @reply: where the reply goes, access_ok() was checked; not if it is collected later
 * @size: longest reply that is taken
 * @token: where the token goes
 * @with: what the request carries, and where what the reply carries goes, or, if it is
 *	collected later, how much that may be; or NULL
 * @intake: the same for who waits for the reply; or NULL
 * @count: with @intake, where the number of what came goes
 */
struct kipc_asking {
	struct kipc_outgoing out;
	void __user *reply;
	size_t size;
	u64 __user *token;
	struct kipc_mailbox_call_handles *with;
	struct kipc_intake *intake;
	u32 __user *count;
};

/* What calls need, made with the first one; NULL if there is no memory. */
static struct kipc_calls *kipc_mailbox_calls(struct kipc_mailbox *mailbox)
{
	struct kipc_calls *calls = READ_ONCE(mailbox->calls);

	/* Once there, it stays. */
	if (likely(calls))
		return calls;
	calls = kipc_calls_create(&kipc_mailbox_calls_ops, &mailbox->object,
				  &mailbox->object.lock, mailbox->object.id);
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

/* What it carries, and what the reply may carry: 0 or an errno. */
static int kipc_mailbox_load_call(struct kipc_mailbox *mailbox,
				  struct kipc_call *call,
				  const struct kipc_mailbox_call_handles *with)
{
	struct kipc_parcel *parcel;

	call->takes = with->reply.count;
	if (!with->request.count)
		return 0;
	parcel = kipc_parcel_create(&mailbox->object, &with->request);
	if (IS_ERR(parcel))
		return PTR_ERR(parcel);
	call->parcel = parcel;
	return 0;
}

/* The request in its record, prepared; or an ERR_PTR(). */
static struct kipc_call *kipc_mailbox_prepare_call(struct kipc_mailbox *mailbox,
						   struct kipc_party *party,
						   const struct kipc_asking *ask)
{
	struct kipc_calls *calls = kipc_mailbox_calls(mailbox);
	const struct kipc_outgoing *out = &ask->out;
	size_t space = kipc_envelope_space(out->size);
	struct kipc_envelope *envelope;
	struct kipc_call *call;
	int ret = 0;

	if (!calls)
		return ERR_PTR(-ENOMEM);
	call = kipc_call_get(calls, party, space, ask->size);
	if (IS_ERR(call))
		return call;
	envelope = kipc_segment_record(&call->request);
	if (unlikely(!(out->size <= KIPC_COPY_LOCKED &&
		       kipc_copy_in(envelope->data, out->buffer.base, out->size)) &&
		     !kipc_buffer_read(envelope->data, &out->buffer, out->size)))
		ret = -EFAULT;
	else if (unlikely(ask->with))
		ret = kipc_mailbox_load_call(mailbox, call, ask->with);
	if (unlikely(ret)) {
		kipc_call_put(call);
		return ERR_PTR(ret);
	}
	call->request.tail = space;
	call->limit = ask->size;
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
		envelope->flags = KIPC_LETTER_CALL;
		if (unlikely(call->parcel))
			envelope->flags |= KIPC_LETTER_HANDLES;
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
	u64 begun;
	int ret;

	begun = kipc_object_waits(&mailbox->object, KIPC_WAIT_REPLY, deadline);
	ret = kipc_waiter_sleep(&claim->waiter, deadline);
	kipc_object_waited(&mailbox->object, KIPC_WAIT_REPLY, begun);
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

/* Hand out a reply that is there: 0, or why it could not. */
static int kipc_mailbox_take_reply(struct kipc_call *call,
				   const struct kipc_asking *ask)
{
	if (unlikely(!kipc_mailbox_copy_reply(ask->reply, call)))
		return -EFAULT;
	return unlikely(ask->intake) ?
	       kipc_mailbox_take_handles(call, ask->intake, ask->count) : 0;
}

/* Send a request, and wait for the reply; inline, for most carry nothing. */
static __always_inline long kipc_mailbox_call(struct kipc_mailbox *mailbox,
					      struct kipc_party *party,
					      const struct kipc_asking *ask)
{
	const struct kipc_outgoing *out = &ask->out;
	struct kipc_account *account;
	struct kipc_collector claim;
	struct kipc_call *call;
	long ret, result;
	u64 token;

	if (out->deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;
	/* Most bad pointers show before anything has happened. */
	if (fault_in_readable(ask->reply, ask->size) ||
	    (unlikely(ask->intake) && !kipc_intake_fault_in(ask->intake)))
		return -EFAULT;
	call = kipc_mailbox_prepare_call(mailbox, party, ask);
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
		result = call->result;
		if (likely(result >= 0))
			ret = kipc_mailbox_take_reply(call, ask);
		if (likely(!ret)) {
			kipc_call_collected(call);
			return result;
		}
		/* Somebody may still collect it. */
		kipc_call_unclaim(call);
	} else if (ret != -EINTR) {
		return ret;
	}
	if (put_user(token, ask->token)) {
		/* Nobody knows by what. */
		kipc_mailbox_cancel(mailbox, party, token);
		return -EFAULT;
	}
	return ret;
}

/* Send a request whose reply is to be collected later. */
static long kipc_mailbox_submit(struct kipc_mailbox *mailbox,
				struct kipc_party *party,
				const struct kipc_asking *ask)
{
	const struct kipc_outgoing *out = &ask->out;
	bool meet = kipc_mailbox_is_rendezvous(mailbox) &&
		    kipc_mailbox_may_wait(mailbox, out->deadline);
	struct kipc_collector claim = { .until_taken = true };
	struct kipc_account *account;
	struct kipc_call *call;
	long ret;

	call = kipc_mailbox_prepare_call(mailbox, party, ask);
	if (IS_ERR(call))
		return PTR_ERR(call);
	account = &call->caller->account;
	ret = meet ? kipc_charge(account, KIPC_WAITERS, 1) : 0;
	if (ret) {
		kipc_call_put(call);
		return ret;
	}
	if (put_user(kipc_call_next_token(call), ask->token)) {
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

/* What an ioctl asks for, but for handles: make the call. */
static __always_inline long kipc_mailbox_ask(struct file *file,
					     const struct kipc_mailbox_call *call,
					     struct kipc_asking *ask)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_party *party = kipc_party_of_file(file);
	int ret;

	if (call->flags & ~KIPC_CALL_SUBMIT || call->reserved ||
	    (call->flags & KIPC_CALL_SUBMIT && call->reply))
		return -EINVAL;
	ret = kipc_mailbox_check_size(mailbox, call->size);
	if (ret)
		return ret;
	ask->out.buffer.base = u64_to_user_ptr(call->data);
	ask->out.buffer.iter = NULL;
	ask->out.nowait = false;
	ask->out.size = call->size;
	ask->out.tag = call->tag;
	ask->out.deadline = kipc_handle_deadline(file, call->deadline);
	ask->reply = u64_to_user_ptr(call->reply);
	ask->size = min(call->reply_size, KIPC_LETTER_MAX);
	if (!access_ok(ask->out.buffer.base, ask->out.size) ||
	    !access_ok(ask->reply, ask->size))
		return -EFAULT;
	if (call->flags & KIPC_CALL_SUBMIT) {
		ret = kipc_mailbox_submit(mailbox, party, ask);
		/* A token that names nothing shall not stay there. */
		if (ret)
			put_user(call->token, ask->token);
		return ret;
	}
	return kipc_mailbox_call(mailbox, party, ask);
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
	struct kipc_mailbox_call __user *user = arg;
	struct kipc_mailbox_call call;
	struct kipc_asking ask;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&call, sizeof(call),
			  KIPC_LEAST(struct kipc_mailbox_call, reserved), arg, size);
	if (ret)
		return ret;
	ask.token = &user->token;
	ask.with = NULL;
	ask.intake = NULL;
	return kipc_mailbox_ask(file, &call, &ask);
}

/**
 * kipc_mailbox_ioctl_call_handles - KIPC_IOC_MAILBOX_CALL_HANDLES
 * @file: the handle
 * @arg: struct kipc_mailbox_call_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: as kipc_mailbox_ioctl_call(), or what struct kipc_mailbox_call_handles says.
 */
long kipc_mailbox_ioctl_call_handles(struct file *file, void __user *arg,
				     size_t size)
{
	struct kipc_mailbox_call_handles __user *user = arg;
	struct kipc_mailbox_call_handles call;
	struct kipc_intake intake;
	struct kipc_asking ask = {
		.token = &user->call.token,
		.with = &call,
	};
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&call, sizeof(call),
			  KIPC_LEAST(struct kipc_mailbox_call_handles, reply),
			  arg, size);
	if (ret)
		return ret;
	if (!call.request.count && call.request.flags)
		return -EINVAL;
	if (call.call.flags & KIPC_CALL_SUBMIT) {
		if (call.reply.items || call.reply.flags)
			return -EINVAL;
	} else {
		ret = kipc_intake_init(&intake, &call.reply);
		if (ret)
			return ret;
		ask.intake = &intake;
		ask.count = &user->reply.count;
	}
	call.reply.count = min(call.reply.count, KIPC_HANDLES_MAX);
	if (!(kipc_mailbox_of_file(file)->attr.flags & KIPC_MAILBOX_HANDLES))
		return -EOPNOTSUPP;
	return kipc_mailbox_ask(file, &call.call, &ask);
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
