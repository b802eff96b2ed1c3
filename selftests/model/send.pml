// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that sends.  See world.pml.
 */

inline kipc_mailbox_sent()
{
	//@ module/mailbox/send.c kipc_mailbox_sent
	//| mailbox->ready++;
	list_add_tail(letter, ring);
	accepted(letter);
	ready++
}

/* Does the send tell the truth? */
#define truth \
	(ret == 0 -> fate[letter] == (meets[letter] -> RECEIVED : ACCEPTED) : \
	 fate[letter] == NEVER || fate[letter] == WITHDRAWN || \
	 fate[letter] == DROPPED && ret == EIDRM)

/*
 * A large letter is prepared without the lock; before that, and for nothing else,
 * the mailbox is asked whether the letter will be refused.
 */
inline kipc_mailbox_refusal()
{
	//@ module/mailbox/sealed.c kipc_mailbox_refusal
	//| ret = kipc_mailbox_sender_verdict(mailbox, out->size);
	//| if (ret == KIPC_WAITING) {
	//| if (!kipc_mailbox_may_wait(mailbox, out->deadline) &&
	//| !(mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST) &&
	//| !(kipc_mailbox_is_rendezvous(mailbox) &&
	//| kipc_mailbox_has_receiver(mailbox)))
	//| ret = -EAGAIN;
	d_step {
		kipc_mailbox_sender_verdict(ret, size(me));
		if
		:: ret == WAITING ->
			ret = (no_wait && !DROP &&
			       !(rendezvous && has_receiver) -> EAGAIN : 0)
		:: else
		fi
	}
}

#if MAX_LETTERS == 0

inline kipc_mailbox_send()
{
	kipc_mailbox_refusal();
	if
	:: ret -> goto end
	:: else
	fi;
	//@ module/mailbox/sealed.c kipc_mailbox_send_rendezvous
	//| spin_lock(&mailbox->object.lock);
	//| ret = kipc_mailbox_sender_verdict(mailbox, out->size);
	//| if (ret < 0)
	//| goto unlock;
	//| ret = -EAGAIN;
	//| if (!wait && !kipc_mailbox_has_receiver(mailbox))
	//| goto unlock;
	//| kipc_mailbox_take_room(mailbox, out->size);
	//| kipc_mailbox_link(mailbox, segment, out->size, out->tag);
	//| if (wait) {
	//| envelope->rendezvous = &rendezvous;
	//| ret = kipc_mailbox_meet(mailbox, segment, &rendezvous,
	//@ module/mailbox/send.c kipc_mailbox_link
	//| kipc_ring_link(&mailbox->ring, segment);
	//| kipc_mailbox_sent(mailbox, size);
	atomic {
		kipc_mailbox_sender_verdict(ret, size(me));
		if
		:: ret != WAITING
		:: ret == WAITING && no_wait && !has_receiver -> ret = EAGAIN
		:: else ->
			kipc_mailbox_take_room(size(me));
			kipc_mailbox_sent();
			ret = 0;
			//@ module/mailbox/sealed.c kipc_mailbox_meet
			//| kipc_waiter_join(waiter, &mailbox->senders);
			//| kipc_mailbox_unlock(mailbox, wake, true);
			if
			:: no_wait
			:: !no_wait ->
				meets[letter] = true;
				outcome[me] = WAITING;
				kipc_waiter_join(senders);
				ret = WAITING
			fi
		fi;
		assert(ret == WAITING || truth);
		unlock()
	}
	flush();
	if
	:: ret != WAITING -> goto end
	:: else
	fi;
	//| reason = kipc_waiter_sleep(waiter, deadline);
	//| spin_lock(&mailbox->object.lock);
	//| reason = kipc_waiter_leave(waiter, reason);
	//| if (rendezvous->outcome == KIPC_WAITING && !segment->linked) {
	//| rendezvous->leaving = reason;
	//| kipc_waiter_start(waiter);
	//| kipc_mailbox_unlock(mailbox, wake, false);
	//| kipc_waiter_await(waiter);
	//| spin_lock(&mailbox->object.lock);
	kipc_waiter_sleep();
	atomic {
		kipc_waiter_leave(senders);
		if
#ifdef M_LEAVE_WHILE_COPIED
		:: outcome[me] == WAITING && copying && copied == letter ->
			ret = reason;
			goto left
#endif
		:: outcome[me] == WAITING && copying && copied == letter ->
			assert(reason);
			leaving[me] = reason;
			kipc_waiter_start();
			unlock()
		:: else -> goto decided
		fi
	}
	flush();
	kipc_waiter_await();
	//| if (rendezvous->outcome != KIPC_WAITING)
	//| return rendezvous->outcome;
	//| kipc_mailbox_withdraw(mailbox, segment);
	//| return reason;
	//@ module/mailbox/send.c kipc_mailbox_withdraw
	//| mailbox->ready--;
	//| kipc_mailbox_return_room(mailbox, envelope->size);
	//| kipc_ring_unlink(segment);
	atomic {
		skip;
decided:
		if
		:: outcome[me] != WAITING -> ret = outcome[me]
		:: else ->
			assert(reason);
			gone(letter, WITHDRAWN);
			ready--;
			kipc_mailbox_return_room(size(me));
			list_del(letter, ring);
			ret = reason
		fi;
		//@ module/mailbox/sealed.c kipc_mailbox_send_rendezvous
		//| kipc_mailbox_unlock(mailbox, &wake, !wait && !ret);
left:
		assert(truth);
		waited();
		outcome[me] = 0;
		leaving[me] = 0;
		unlock()
	}
	flush();
end:
	letter = 0;
	todo++
}

#else

inline kipc_mailbox_await_room()
{
	//@ module/mailbox/handoff.c kipc_mailbox_await_room
	//| ret = kipc_mailbox_sender_verdict(mailbox, out->size);
	//| if (ret == KIPC_GRANTED && unlikely(!list_empty(&mailbox->senders)))
	//| ret = KIPC_WAITING;
	//| if (ret == KIPC_WAITING &&
	//| mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST)
	//| ret = KIPC_GRANTED;
	//| if (likely(ret == KIPC_GRANTED))
	//| kipc_mailbox_take_room(mailbox, out->size);
	//| if (ret != KIPC_WAITING)
	//| return ret;
	//| if (!kipc_mailbox_may_wait(mailbox, out->deadline))
	//| return -EAGAIN;
	//| kipc_waiter_join(&waiter, &mailbox->senders);
	kipc_mailbox_sender_verdict(ret, size(me));
#ifndef M_OVERTAKE
	if
	:: ret == GRANTED && senders.n -> ret = WAITING
	:: else
	fi;
#endif
	if
	:: ret == WAITING && DROP -> ret = GRANTED
	:: else
	fi;
	assert((ret == EIDRM) == removed);
	if
	:: ret == GRANTED ->
		assert(senders.n == 0);
		kipc_mailbox_take_room(size(me))
	:: ret == WAITING && no_wait -> ret = EAGAIN
	:: ret == WAITING && !no_wait -> kipc_waiter_join(senders)
	:: else
	fi
}

/* The same, after kipc_mailbox_wait(). */
inline room_awaited()
{
	kipc_waiter_leave(senders);
	//| if (ret == KIPC_GRANTED) {
	//| if (fatal_signal_pending(current))
	//| ret = -ERESTARTSYS;
	//| else
	//| ret = kipc_mailbox_closed_to_senders(mailbox);
	//| if (ret)
	//| kipc_mailbox_return_room(mailbox, out->size);
	ret = reason;
	if
	:: verdict[me] == GRANTED ->
		if
		:: sig == KILL -> ret = ERESTARTSYS
		:: sig != KILL -> ret = closed_to_senders
		:: signal(KILL); ret = ERESTARTSYS
		fi;
		if
		:: ret -> give_room_up(size(me))
		:: else
		fi
	:: else
	fi;
	waited()
}

/* One round of it: `dropping` says whether there will be another. */
inline kipc_mailbox_drop()
{
	//@ module/mailbox/send.c kipc_mailbox_drop
	//| while (kipc_mailbox_overfull(mailbox)) {
	//| for (count = 0; count < KIPC_MAILBOX_BATCH &&
	//| kipc_mailbox_overfull(mailbox) &&
	//| garbage = kipc_segment_chain(kipc_mailbox_pop(mailbox, front),
	//| kipc_mailbox_unlock(mailbox, wake, arrived);
	//| spin_lock(&mailbox->object.lock);
	dropping = overfull;
	do
	:: k < DROP_BATCH && overfull ->
		/* Not for letters that are yet to come. */
		assert(letters - held > MAX_LETTERS ||
		       bytes - held_bytes > MAX_BYTES);
		gone(ring.at[0], DROPPED);
		pop();
		k++
	:: else -> break
	od;
	k = 0
}

inline kipc_mailbox_send()
{
	if
	:: large(me) -> kipc_mailbox_refusal()
	:: else
	fi;
	if
	:: large(me) && ret -> goto end
	:: else
	fi;
	/* May go before the rest, and need not: what it leaves to an unlock is right. */
	//@ module/mailbox/send.c kipc_mailbox_send_quick
	//| if (unlikely(!kipc_mailbox_is_calm(mailbox) ||
	//| kipc_mailbox_deserted(mailbox) ||
	//| !kipc_mailbox_fits(mailbox, size)))
	//| goto unlock;
	//| kipc_mailbox_take_room(mailbox, size);
	//| kipc_mailbox_sent(mailbox, size);
	//| spin_unlock(&mailbox->object.lock);
	if
	:: atomic {
		calm && !deserted && !large(me) && fits(size(me)) ->
		ret = 0;
		kipc_mailbox_take_room(size(me));
		kipc_mailbox_sent();
		assert(truth);
		d_step { check(true) };
		goto end
	   }
	:: true
	fi;
again:
	//@ module/mailbox/send.c kipc_mailbox_send_buffered
	//| spin_lock(&mailbox->object.lock);
	//| ret = kipc_mailbox_await_room(mailbox, out, &wake);
	//| if (unlikely(ret))
	//| goto unlock;
	atomic {
		kipc_mailbox_await_room();
		if
		:: ret == WAITING -> unlock()
		:: else -> goto awaited
		fi
	}
	flush();
	do
	::	kipc_waiter_sleep();
		atomic {
			if
			:: !reason && verdict[me] == WAITING -> unlock()
			:: else -> room_awaited(); goto awaited
			fi
		}
		flush()
	od;
	//| kipc_mailbox_link(mailbox, segment, out->size, out->tag);
	//| ret = kipc_mailbox_put(mailbox, out, &wake);
	//| if (unlikely(ret)) {
	//| kipc_mailbox_return_room(mailbox, out->size);
	//| goto unlock;
	//| kipc_mailbox_sent(mailbox, out->size);
	//| if (mailbox->attr.flags & KIPC_MAILBOX_DROP_OLDEST)
	//| arrived = kipc_mailbox_drop(mailbox, &wake);
	//| kipc_mailbox_unlock(mailbox, &wake, !ret && arrived);
	atomic {
		skip;
awaited:
		if
		:: ret
		//@ module/mailbox/send.c kipc_mailbox_put
		//| while (unlikely(!envelope)) {
		//| if (drops)
		//| kipc_mailbox_return_room(mailbox, out->size);
		//| ret = kipc_mailbox_grow(mailbox, space, out->nowait, wake);
		//| if (drops)
		//| kipc_mailbox_take_room(mailbox, out->size);
		//| return -EFAULT;
		:: !ret -> kipc_mailbox_sent()
		:: !ret && FAULTS && !large(me) ->
			ret = EFAULT;
			give_room_up(size(me))
		//@ module/mailbox/send.c kipc_mailbox_grow
		//| kipc_mailbox_unlock(mailbox, wake, false);
		//| spin_lock(&mailbox->object.lock);
		//| if (IS_ERR(segment))
		//| return PTR_ERR(segment);
		//| return kipc_mailbox_closed_to_senders(mailbox);
		:: !ret && GROW && !large(me) ->
			ret = COPYING;
			if
			:: DROP -> give_room_up(size(me))
			:: else
			fi
		fi;
		assert(ret == COPYING || truth);
		if
		:: !ret && DROP -> kipc_mailbox_drop()
		:: else
		fi;
		unlock()
	}
	flush();
	if
	:: ret == COPYING ->
		atomic {
			if
			:: DROP -> kipc_mailbox_take_room(size(me))
			:: else
			fi;
			ret = closed_to_senders;
			if
			:: !ret -> goto awaited
			:: ret
			:: !ret -> ret = ENOMEM
			fi;
			give_room_up(size(me));
			assert(truth);
			unlock()
		}
		flush()
	:: else
	fi;
	if
	:: ret == EFAULT && !sig -> goto again
	:: !ret && DROP ->
		do
		:: !dropping -> break
		:: dropping -> atomic { kipc_mailbox_drop(); unlock() }; flush()
		od
	:: else
	fi;
end:
	letter = 0;
	todo++
}
#endif

proctype sender(byte me)
{
	LOCALS;

	opened(open_senders, had_sender);
next:
	letter = me * LETTERS + todo;
	no_wait = (NO_WAIT >> me) & 1;
	kipc_mailbox_send();
	if
	:: sig != KILL && todo < LETTERS -> sig = 0; goto next
	:: else
	fi;
	closed(open_senders)
}
