// SPDX-License-Identifier: GPL-2.0
/*
 * Who goes on, and who is told.  See mailbox.h for the protocol.
 */
#include <linux/sched/signal.h>

#include "debug.h"
#include "mailbox.h"

/* Promises that cannot be kept: the last ones go back in front of the line. */
static void kipc_mailbox_revoke(struct kipc_mailbox *mailbox)
{
	u64 keep = mailbox->copying ? 0 : mailbox->ready;

	lockdep_assert_held(&mailbox->object.lock);
	while (unlikely(mailbox->granted > keep)) {
		kipc_waiter_revoke(list_last_entry(&mailbox->promised,
						   struct kipc_waiter, node),
				   &mailbox->receivers);
		mailbox->granted--;
	}
}

/* Give verdicts to those who can go on, until @wake is full. */
static void kipc_mailbox_settle(struct kipc_mailbox *mailbox,
				struct kipc_wake *wake)
{
	struct kipc_waiter *waiter;
	int verdict;

	kipc_mailbox_revoke(mailbox);
	while (unlikely(!list_empty(&mailbox->receivers)) &&
	       !kipc_wake_full(wake)) {
		waiter = list_first_entry(&mailbox->receivers,
					  struct kipc_waiter, node);
		verdict = kipc_mailbox_receiver_verdict(mailbox);
		if (verdict == KIPC_WAITING)
			break;
		kipc_waiter_wake(waiter, verdict, wake);
		if (verdict == KIPC_GRANTED) {
			mailbox->granted++;
			list_add_tail(&waiter->node, &mailbox->promised);
		} else {
			/* Now: no letter shall be sent for its sake. */
			mailbox->stat.waiting_receivers--;
		}
	}
	while (unlikely(!list_empty(&mailbox->senders)) &&
	       !kipc_wake_full(wake)) {
		waiter = list_first_entry(&mailbox->senders,
					  struct kipc_waiter, node);
		verdict = kipc_mailbox_sender_verdict(mailbox, waiter->need);
		if (verdict == KIPC_WAITING)
			break;
		if (verdict == KIPC_GRANTED)
			kipc_mailbox_take_room(mailbox, waiter->need);
		kipc_waiter_wake(waiter, verdict, wake);
	}
}

/**
 * kipc_mailbox_state - the poll mask of the mailbox itself, for any right
 * @mailbox: the mailbox
 *
 * Context: the lock is held.
 * Return: EPOLLIN: a letter; EPOLLOUT: room for the longest one; EPOLLHUP: its
 * senders are gone and it is empty; EPOLLERR: its receivers are gone; KIPC_NEWS_LIMIT: no
 * such room.
 */
__poll_t kipc_mailbox_state(struct kipc_mailbox *mailbox)
{
	__poll_t state = 0;

	lockdep_assert_held(&mailbox->object.lock);
	if (mailbox->object.removed)
		return KIPC_NEWS_END;
	if (kipc_mailbox_has_letter(mailbox))
		state |= EPOLLIN;
	if (kipc_mailbox_is_rendezvous(mailbox)) {
		if (kipc_mailbox_has_receiver(mailbox))
			state |= EPOLLOUT;
	} else {
		if (!kipc_mailbox_fits(mailbox, mailbox->attr.letter_size))
			state |= KIPC_NEWS_LIMIT;
		else if (list_empty(&mailbox->senders))
			state |= EPOLLOUT;
		if (mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST)
			state |= EPOLLOUT;
	}
	if (kipc_mailbox_ended(mailbox))
		state |= EPOLLHUP;
	if (kipc_mailbox_deserted(mailbox))
		state |= EPOLLERR;
	return state;
}

/* What must be told, now that it is going to be. */
static __poll_t kipc_mailbox_news(struct kipc_mailbox *mailbox, bool arrived)
{
	__poll_t state = kipc_mailbox_state(mailbox);
	__poll_t news = kipc_notify_news(state, &mailbox->told, arrived);

	/* What is there while a receiver copies is told when it is done. */
	if (unlikely(mailbox->asked) && !mailbox->copying) {
		if (state & EPOLLIN)
			news |= KIPC_NEWS_CALL;
		mailbox->asked = false;
	}
	/* That there is room may be no news, but not for all of them. */
	if (unlikely(mailbox->share) && mailbox->share->freed) {
		news |= state & EPOLLOUT;
		mailbox->share->freed = false;
	}
	return news;
}

/**
 * kipc_mailbox_unlock - drop the lock, and let go on who can
 * @mailbox: the mailbox
 * @wake: initialised; may have somebody in it; is empty afterwards
 * @arrived: a letter has come, or come back
 *
 * Context: the lock is held, and dropped; process context.
 */
void kipc_mailbox_unlock(struct kipc_mailbox *mailbox, struct kipc_wake *wake,
			 bool arrived)
	__releases(&mailbox->object.lock)
{
	struct kipc_object *object = &mailbox->object;
	__poll_t news = 0;
	bool more;

	for (;;) {
		more = unlikely(mailbox->share) && kipc_share_settle(mailbox);
		kipc_mailbox_settle(mailbox, wake);
		more |= kipc_wake_full(wake);
		/* In each round: who polls between two takes the news away. */
		if (unlikely(kipc_notify_wanted(&object->notify)))
			news |= kipc_mailbox_news(mailbox, arrived);
		spin_unlock(&object->lock);
		if (!kipc_wake_empty(wake))
			kipc_wake_flush(wake);
		if (likely(!more))
			break;
		cond_resched();
		kipc_delay(KIPC_DELAY_BETWEEN_BATCHES);
		spin_lock(&object->lock);
	}
	if (unlikely(news))
		kipc_object_notify(object, news);
}

/**
 * kipc_mailbox_decide - a letter has left: say so to its sender, if it waits or calls
 * @mailbox: the mailbox
 * @envelope: the letter
 * @outcome: 0 if it was received (no request), or an errno
 * @wake: not full
 *
 * Context: the lock is held.
 */
void kipc_mailbox_decide(struct kipc_mailbox *mailbox,
			 struct kipc_envelope *envelope, int outcome,
			 struct kipc_wake *wake)
{
	struct kipc_rendezvous *rendezvous = envelope->rendezvous;

	lockdep_assert_held(&mailbox->object.lock);
	if (likely(!rendezvous))
		return;
	if (outcome) {
		mailbox->stat.sent--;
		mailbox->stat.sent_bytes -= envelope->size;
	}
	if (kipc_envelope_is_call(envelope)) {
		mailbox->calls->begun--;
		kipc_call_end(envelope->call, outcome, wake);
		return;
	}
	rendezvous->outcome = outcome;
	/* It may be on its way out, with another verdict: this one counts. */
	if (rendezvous->waiter.verdict == KIPC_WAITING)
		kipc_waiter_wake(&rendezvous->waiter, outcome, wake);
}

/**
 * kipc_mailbox_wait - sleep in line until there is a verdict or a reason to leave
 * @mailbox: the mailbox
 * @waiter: has joined a line
 * @what: for this
 * @deadline: when to give up
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped meanwhile, and held again.
 * Return: as kipc_waiter_leave().
 */
int kipc_mailbox_wait(struct kipc_mailbox *mailbox, struct kipc_waiter *waiter,
		      enum kipc_wait what, ktime_t deadline,
		      struct kipc_wake *wake)
{
	u64 begun = kipc_object_waits(&mailbox->object, what, deadline);
	int reason;

	do {
		kipc_mailbox_unlock(mailbox, wake, false);
		reason = kipc_waiter_sleep(waiter, deadline);
		spin_lock(&mailbox->object.lock);
		/* A grant may have been seen, and revoked since. */
	} while (!reason && waiter->verdict == KIPC_WAITING);
	kipc_object_waited(&mailbox->object, what, begun);
	return kipc_waiter_leave(waiter, reason);
}

/**
 * kipc_mailbox_await_letter - come to where a letter can be taken
 * @mailbox: the mailbox
 * @deadline: when to give up
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped while it sleeps, and held
 * again.
 * Return: 0: the oldest letter is the caller's to take until it unlocks.
 * -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -EIDRM, -EPIPE.
 */
int kipc_mailbox_await_letter(struct kipc_mailbox *mailbox, ktime_t deadline,
			      struct kipc_wake *wake)
{
	struct kipc_account *account = &mailbox->object.account;
	struct kipc_waiter waiter;
	int ret;

	lockdep_assert_held(&mailbox->object.lock);
	ret = kipc_mailbox_receiver_verdict(mailbox);
	/* A letter is for those in line; the end is for everybody. */
	if (ret == KIPC_GRANTED && unlikely(!list_empty(&mailbox->receivers)))
		ret = KIPC_WAITING;
	if (ret != KIPC_WAITING)
		return ret;
	if (deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;
	if (kipc_charge(account, KIPC_WAITERS, 1))
		return -EDQUOT;

	mailbox->stat.recv_waits++;
	mailbox->stat.waiting_receivers++;
	kipc_waiter_join(&waiter, &mailbox->receivers);
	ret = kipc_mailbox_wait(mailbox, &waiter, KIPC_WAIT_DATA, deadline, wake);
	if (ret == KIPC_GRANTED) {
		list_del(&waiter.node);
		mailbox->granted--;
		/* Who is killed leaves the letter to the next one. */
		if (fatal_signal_pending(current))
			ret = -ERESTARTSYS;
	}
	/* Settling has done that with the bad news. */
	if (waiter.verdict >= 0)
		mailbox->stat.waiting_receivers--;
	kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret;
}

/**
 * kipc_mailbox_await_room - come to where a letter can be put
 * @mailbox: not a rendezvous
 * @out: the letter
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped while it sleeps, and held
 * again.
 * Return: 0: there is room, and it is taken: kipc_mailbox_return_room() undoes
 * that.  -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -EIDRM, -EPIPE; with a share
 * also -ENOMEM.
 */
int kipc_mailbox_await_room(struct kipc_mailbox *mailbox,
			    const struct kipc_outgoing *out,
			    struct kipc_wake *wake)
{
	struct kipc_account *account = &mailbox->object.account;
	struct kipc_waiter waiter = { .need = out->size };
	int ret;

	lockdep_assert_held(&mailbox->object.lock);
	if (unlikely(mailbox->share))
		return kipc_share_await_room(mailbox, out, wake);
	ret = kipc_mailbox_sender_verdict(mailbox, out->size);
	if (ret == KIPC_GRANTED && unlikely(!list_empty(&mailbox->senders)))
		ret = KIPC_WAITING;
	/* Others give way when the letter is there. */
	if (ret == KIPC_WAITING &&
	    mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST)
		ret = KIPC_GRANTED;
	if (likely(ret == KIPC_GRANTED))
		kipc_mailbox_take_room(mailbox, out->size);
	if (ret != KIPC_WAITING)
		return ret;
	if (!kipc_mailbox_may_wait(mailbox, out->deadline))
		return -EAGAIN;
	if (kipc_charge(account, KIPC_WAITERS, 1))
		return -EDQUOT;

	mailbox->stat.send_waits++;
	mailbox->stat.waiting_senders++;
	kipc_waiter_join(&waiter, &mailbox->senders);
	ret = kipc_mailbox_wait(mailbox, &waiter, KIPC_WAIT_ROOM, out->deadline,
				wake);
	if (ret == KIPC_GRANTED) {
		if (fatal_signal_pending(current))
			ret = -ERESTARTSYS;
		else
			ret = kipc_mailbox_closed_to_senders(mailbox);
		if (ret)
			kipc_mailbox_return_room(mailbox, out->size);
	}
	mailbox->stat.waiting_senders--;
	kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret;
}
