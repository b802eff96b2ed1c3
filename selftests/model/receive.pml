// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that receives.  See world.pml.
 */

inline kipc_mailbox_await_letter()
{
	//@ module/mailbox/handoff.c kipc_mailbox_await_letter
	//| ret = kipc_mailbox_receiver_verdict(mailbox);
	//| if (ret == KIPC_GRANTED && unlikely(!list_empty(&mailbox->receivers)))
	//| ret = KIPC_WAITING;
	//| if (ret != KIPC_WAITING)
	//| return ret;
	//| if (deadline == KIPC_DEADLINE_NO_WAIT)
	//| return -EAGAIN;
	//| mailbox->stat.waiting_receivers++;
	//| kipc_waiter_join(&waiter, &mailbox->receivers);
	kipc_mailbox_receiver_verdict(ret);
	if
	:: ret == GRANTED && receivers.n -> ret = WAITING
	:: else
	fi;
	assert(ret != WAITING || !removed && !ended);
	if
	:: ret == WAITING && no_wait -> ret = EAGAIN
	:: ret == WAITING && !no_wait ->
		waiting_receivers++;
		kipc_waiter_join(receivers);
		list_add_tail(me, arrival)
	:: ret == GRANTED -> assert(arrival.n == promised.n)
	:: else
	fi
}

/* The same, after kipc_mailbox_wait(). */
inline letter_awaited()
{
	kipc_waiter_leave(receivers);
	//| if (ret == KIPC_GRANTED) {
	//| list_del(&waiter.node);
	//| mailbox->granted--;
	//| if (fatal_signal_pending(current))
	//| ret = -ERESTARTSYS;
	//| if (waiter.verdict >= 0)
	//| mailbox->stat.waiting_receivers--;
	ret = reason;
	if
	:: verdict[me] == WAITING ->
		waiting_receivers--;
		list_del(me, arrival)
	:: verdict[me] == GRANTED ->
		waiting_receivers--;
		list_del(me, promised);
		list_del(me, arrival);
		if
		:: sig != KILL
		:: sig == KILL -> ret = ERESTARTSYS
		:: signal(KILL); ret = ERESTARTSYS
		fi;
#ifdef M_KEEP_GRANT
		granted = granted - (sig != KILL)
#else
		granted--
#endif
	:: else
	fi;
	waited()
}

inline kipc_mailbox_received()
{
	//@ module/mailbox/receive.c kipc_mailbox_received
	//| kipc_mailbox_decide(mailbox, envelope, 0, wake);
	gone(letter, RECEIVED);
	kipc_mailbox_decide(letter, 0)
}

proctype receiver(byte me)
{
	LOCALS;

	opened(open_receivers, had_receiver);
next:
	no_wait = (NO_WAIT >> me) & 1;
	//@ module/mailbox/receive.c kipc_mailbox_receive_quick
	//| if (unlikely(!kipc_mailbox_is_calm(mailbox) ||
	//| !kipc_mailbox_has_letter(mailbox)))
	//| goto unlock;
	//| segment = kipc_ring_first(&mailbox->ring);
	//| if (unlikely(length > size || !length || segment->sealed))
	//| goto unlock;
	//| garbage = kipc_mailbox_take_out(mailbox, segment, envelope, length);
	//| spin_unlock(&mailbox->object.lock);
	if
	:: atomic {
		calm && has_letter && !large_letter(ring.at[0]) &&
		!meets[ring.at[0]] ->
		ret = 0;
		letter = ring.at[0];
		kipc_mailbox_received();
		pop();
		d_step { check(true) };
		goto received
	   }
	:: true
	fi;
again:
	//@ module/mailbox/receive.c kipc_mailbox_receive
	//| spin_lock(&mailbox->object.lock);
	//| ret = kipc_mailbox_await_letter(mailbox, in->deadline, &wake);
	atomic {
		kipc_mailbox_await_letter();
		if
		:: ret == WAITING -> unlock()
		:: else -> goto awaited
		fi
	}
	flush();
	//@ module/mailbox/handoff.c kipc_mailbox_wait
	//| do {
	//| kipc_mailbox_unlock(mailbox, wake, false);
	//| reason = kipc_waiter_sleep(waiter, deadline);
	//| spin_lock(&mailbox->object.lock);
	//| } while (!reason && waiter->verdict == KIPC_WAITING);
	//| return kipc_waiter_leave(waiter, reason);
	do
	::	kipc_waiter_sleep();
		atomic {
			if
			:: !reason && verdict[me] == WAITING -> unlock()
			:: else -> letter_awaited(); goto awaited
			fi
		}
		flush()
	od;
	//@ module/mailbox/receive.c kipc_mailbox_receive
	//| if (unlikely(ret))
	//| goto unlock;
	//| segment = kipc_ring_front(&mailbox->ring);
	//| bytes = kipc_envelope_check(envelope, in);
	//| if (unlikely(ret < 0))
	//| goto unlock;
	//| if (likely(envelope->size <= KIPC_COPY_LOCKED &&
	atomic {
		skip;
awaited:
		if
		:: ret == GRANTED ->
			assert(ready > 0 && !copying);
			letter = ring.at[0];
			if
			:: SHORT -> ret = EMSGSIZE
			//@ module/mailbox/receive.c kipc_mailbox_receive_small
			//| bytes = -EFAULT;
			//| kipc_mailbox_received(mailbox, in, envelope, wake);
			//| garbage = kipc_mailbox_pop(mailbox,
			//| kipc_mailbox_unlock(mailbox, wake, false);
			:: FAULTS && !large_letter(letter) -> ret = EFAULT
			:: !large_letter(letter) ->
				kipc_mailbox_received();
				pop()
			//@ module/mailbox/sealed.c kipc_mailbox_receive_large
			//| kipc_ring_unlink(segment);
			//| mailbox->ready--;
			//| mailbox->copying = true;
			//| kipc_mailbox_unlock(mailbox, wake, false);
			:: large_letter(letter) ->
				list_del(letter, ring);
				ready--;
				copying = true;
				copied = letter;
				ret = COPYING
			fi
		:: else
		fi;
#ifdef M_NO_PASSING_ON
		if
		:: ret && ret != COPYING -> check(!batches)
		:: else -> unlock()
		fi
#else
		unlock()
#endif
	}
	flush();
	if
	:: ret == COPYING ->
		if
		:: ret = 0
		:: FAULTS -> ret = EFAULT
		fi;
		//| spin_lock(&mailbox->object.lock);
		//| mailbox->copying = false;
		//| if (bytes >= 0 && !look) {
		//| kipc_mailbox_received(mailbox, in, envelope, wake);
		//| } else if (mailbox->object.removed) {
		//| kipc_mailbox_decide(mailbox, envelope, -EIDRM, wake);
		//| } else if (kipc_envelope_leaving(envelope)) {
		//| kipc_mailbox_decide(mailbox, envelope,
		//| kipc_ring_link_front(&mailbox->ring, segment);
		//| mailbox->ready++;
		//| kipc_mailbox_return_room(mailbox, envelope->size);
		//| kipc_mailbox_unlock(mailbox, wake, back);
		atomic {
			if
			:: ret == 0 ->
				kipc_mailbox_received()
			:: ret && removed ->
				ret = EIDRM;
				gone(letter, DROPPED);
				kipc_mailbox_decide(letter, EIDRM)
			:: ret && !removed && meets[letter] &&
			   leaving[sender_of(letter)] ->
				gone(letter, WITHDRAWN);
				kipc_mailbox_decide(letter,
						    leaving[sender_of(letter)])
			:: else ->
				list_add(letter, ring);
				ready++;
				copied = COPYING
			fi;
			copying = false;
			if
			:: copied == COPYING
			:: else -> kipc_mailbox_return_room(size_of(letter))
			fi;
			copied = 0;
			unlock()
		}
		flush()
	:: else
	fi;
received:
	letter = 0;
	//@ module/mailbox/receive.c kipc_mailbox_receive
	//| if (likely(ret != -EFAULT))
	//| if (!signal_pending(current))
	//| goto again;
	if
	:: ret == EFAULT && !sig -> goto again
	:: sig == KILL || ret == EIDRM
	:: sig != KILL && ret != EIDRM ->
		sig = 0;
		todo++;
		if
		:: todo < RECEIVES -> goto next
		:: else
		fi
	fi;
	closed(open_receivers)
}
