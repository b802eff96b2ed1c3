// SPDX-License-Identifier: GPL-2.0
/*
 * The lines, the verdicts, the wake-ups: what the threads in mailbox.pml share.
 * See world.pml.
 */

/* mailbox.h */

#define rendezvous	(MAX_LETTERS == 0)

//@ module/mailbox/mailbox.h kipc_mailbox_ended
//| return mailbox->attr.flags & KIPC_MAILBOX_HANGUP &&
//| kipc_ends_no_sender(&mailbox->ends) && !mailbox->letters;
//@ module/object.h kipc_ends_no_sender
//| return ends->had_sender && !ends->senders;
#define ended		(HANGUP && had_sender && !open_senders && !letters)

//@ module/mailbox/mailbox.h kipc_mailbox_deserted
//| kipc_ends_no_receiver(&mailbox->ends);
//@ module/object.h kipc_ends_no_receiver
//| return ends->had_receiver && !ends->receivers;
#define deserted	(HANGUP && had_receiver && !open_receivers)

//@ module/mailbox/mailbox.h kipc_mailbox_fits
//| return mailbox->letters < mailbox->attr.max_letters &&
//| mailbox->bytes + size <= mailbox->attr.max_bytes;
#define fits(size)	(letters < MAX_LETTERS && bytes + (size) <= MAX_BYTES)

//@ module/mailbox/mailbox.h kipc_mailbox_overfull
//| return mailbox->ready > 1 &&
//| (mailbox->letters > mailbox->attr.max_letters ||
//| mailbox->bytes > mailbox->attr.max_bytes);
#define overfull	(ready > 1 && (letters > MAX_LETTERS || bytes > MAX_BYTES))

//@ module/mailbox/mailbox.h kipc_mailbox_has_letter
//| return mailbox->ready > mailbox->granted && likely(!mailbox->copying);
#ifdef M_TAKE_BESIDE_COPY
#define has_letter	(ready > granted)
#else
#define has_letter	(ready > granted && !copying)
#endif

//@ module/mailbox/mailbox.h kipc_mailbox_has_receiver
//| return mailbox->stat.waiting_receivers > mailbox->ready;
#define has_receiver	(waiting_receivers > ready)

//@ module/mailbox/mailbox.h kipc_mailbox_is_calm
//| return list_empty(&mailbox->receivers) &&
//| list_empty(&mailbox->senders) && !mailbox->object.removed &&
#ifdef M_QUICK_FOR_NOBODY
#define calm	(!receivers.n && !removed)
#else
#define calm	(!receivers.n && !senders.n && !removed)
#endif

inline kipc_mailbox_take_room(size)
{
	//@ module/mailbox/mailbox.h kipc_mailbox_take_room
	//| mailbox->letters++;
	//| mailbox->bytes += size;
	letters++;
	bytes = bytes + size;
	held++;
	held_bytes = held_bytes + size
}

inline kipc_mailbox_return_room(size)
{
	//@ module/mailbox/mailbox.h kipc_mailbox_return_room
	//| mailbox->letters--;
	//| mailbox->bytes -= size;
	letters--;
	bytes = bytes - size
}

/* The same, of a sender that has put nothing. */
inline give_room_up(size)
{
	kipc_mailbox_return_room(size);
	held--;
	held_bytes = held_bytes - size
}

inline kipc_mailbox_receiver_verdict(ret)
{
	//@ module/mailbox/mailbox.h kipc_mailbox_receiver_verdict
	//| if (unlikely(mailbox->object.removed))
	//| return -EIDRM;
	//| if (kipc_mailbox_has_letter(mailbox))
	//| return KIPC_GRANTED;
	//| return unlikely(kipc_mailbox_ended(mailbox)) ? -EPIPE : KIPC_WAITING;
	if
#ifdef M_REMOVAL_FORGETS_RECEIVERS
	:: false
#else
	:: removed -> ret = EIDRM
#endif
	:: else ->
		if
		:: has_letter -> ret = GRANTED
		:: else -> ret = (ended -> EPIPE : WAITING)
		fi
	fi
}

//@ module/mailbox/mailbox.h kipc_mailbox_closed_to_senders
//| if (unlikely(mailbox->object.removed))
//| return -EIDRM;
//| return unlikely(kipc_mailbox_deserted(mailbox)) ? -EPIPE : 0;
#define closed_to_senders	(removed -> EIDRM : (deserted -> EPIPE : 0))

inline kipc_mailbox_sender_verdict(ret, size)
{
	//@ module/mailbox/mailbox.h kipc_mailbox_sender_verdict
	//| int ret = kipc_mailbox_closed_to_senders(mailbox);
	//| if (unlikely(ret))
	//| return ret;
	//| return kipc_mailbox_fits(mailbox, size) ? KIPC_GRANTED : KIPC_WAITING;
	if
	:: removed || deserted -> ret = closed_to_senders
	:: else -> ret = (fits(size) -> GRANTED : WAITING)
	fi
}

/* waiter.c */

inline kipc_waiter_start()
{
	//@ module/waiter.c kipc_waiter_start
	//| waiter->verdict = KIPC_WAITING;
	verdict[me] = WAITING;
	waits[me] = true
}

inline kipc_waiter_join(line)
{
	//@ module/waiter.c kipc_waiter_join
	//| kipc_waiter_start(waiter);
	//| list_add_tail(&waiter->node, line);
	kipc_waiter_start();
	list_add_tail(me, line)
}

inline kipc_waiter_revoke(x)
{
	//@ module/waiter.c kipc_waiter_revoke
	//| list_move(&waiter->node, line);
	//| WRITE_ONCE(waiter->verdict, KIPC_WAITING);
	assert(waits[x] && verdict[x] == GRANTED);
	list_del(x, promised);
#ifdef M_REVOKE_TO_THE_END
	list_add_tail(x, receivers);
#else
	list_add(x, receivers);
#endif
	verdict[x] = WAITING
}

/* The caller takes it off its line: list_del(&waiter->node). */
inline kipc_waiter_wake(x, value)
{
	//@ module/waiter.c kipc_waiter_settle
	//| struct task_struct *task = get_task_struct(waiter->task);
	//| list_del(&waiter->node);
	//| smp_store_release(&waiter->verdict, verdict);
	//@ module/waiter.c kipc_waiter_wake
	//| wake->task[wake->count++] = kipc_waiter_settle(waiter, verdict);
	assert(waits[x] && verdict[x] == WAITING && count < BATCH);
	wake[count] = x;
	count++;
	verdict[x] = value
}

/* What may happen to a thread from outside, at the points where it matters. */
inline signal(which)
{
	events > 0 -> events--; sig = which
}

inline kipc_waiter_sleep()
{
	//@ module/waiter.c kipc_waiter_sleep
	//| set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	//| if (smp_load_acquire(&waiter->verdict) != KIPC_WAITING)
	//| break;
	//| if (signal_pending(current)) {
	//| ret = -ERESTARTSYS;
	//| schedule();
	//| ret = -ETIMEDOUT;
	//| __set_current_state(TASK_RUNNING);
	reason = 0;
	do
	::
#ifndef M_STATE_AFTER_LOOK
		sleepy[me] = true;
#endif
		if
		:: atomic { verdict[me] != WAITING -> sleepy[me] = false; break }
		:: else
		fi;
		if
		:: atomic { sig -> reason = ERESTARTSYS; sleepy[me] = false; break }
		:: else
		fi;
#ifdef M_STATE_AFTER_LOOK
		sleepy[me] = true;
#endif
		if
		:: !sleepy[me]
		:: atomic { signal(SIGNAL); sleepy[me] = false }
		:: atomic { signal(KILL); sleepy[me] = false }
		:: atomic {
			events > 0 -> events--; reason = ETIMEDOUT;
			sleepy[me] = false; break
		}
		fi
	od
}

inline kipc_waiter_await()
{
	//@ module/waiter.c kipc_waiter_await
	//| set_current_state(TASK_UNINTERRUPTIBLE);
	//| if (smp_load_acquire(&waiter->verdict) != KIPC_WAITING)
	//| break;
	//| schedule();
	do
	::	sleepy[me] = true;
		if
		:: atomic { verdict[me] != WAITING -> sleepy[me] = false; break }
		:: else
		fi;
		!sleepy[me]
	od
}

inline kipc_waiter_leave(line)
{
	//@ module/waiter.c kipc_waiter_leave
	//| if (waiter->verdict != KIPC_WAITING)
	//| return waiter->verdict;
	//| list_del(&waiter->node);
	//| return reason;
	if
	:: verdict[me] != WAITING -> reason = verdict[me]
	:: else -> list_del(me, line)
	fi
}

inline kipc_wake_flush()
{
	//@ module/waiter.c kipc_wake_flush
	//| kipc_wake_task(wake->task[i]);
	//| wake->count = 0;
	//@ module/waiter.c kipc_wake_task
	//| smp_mb();
	//| READ_ONCE(task->__state) != TASK_RUNNING)
	//| wake_up_process(task);
	do
	:: k < count ->
		d_step {
#ifdef M_LOST_WAKE_UP
			if
			:: k == BATCH - 1
			:: else -> sleepy[wake[k]] = false
			fi;
#else
			sleepy[wake[k]] = false;
#endif
			wake[k] = 0;
			k++;
			if
			:: k == count -> k = 0; count = 0
			:: else
			fi
		}
	:: else -> break
	od
}

/* handoff.c */

inline kipc_mailbox_revoke()
{
	//@ module/mailbox/handoff.c kipc_mailbox_revoke
	//| u64 keep = mailbox->copying ? 0 : mailbox->ready;
	//| while (unlikely(mailbox->granted > keep)) {
	//| kipc_waiter_revoke(list_last_entry(&mailbox->promised,
	//| struct kipc_waiter, node),
	//| &mailbox->receivers);
	//| mailbox->granted--;
	do
#ifdef M_TAKE_BESIDE_COPY
	:: granted > ready ->
#else
	:: granted > (copying -> 0 : ready) ->
#endif
		x = promised.at[promised.n - 1];
		kipc_waiter_revoke(x);
		granted--
	:: else -> break
	od
}

inline kipc_mailbox_settle()
{
	//@ module/mailbox/handoff.c kipc_mailbox_settle
	//| kipc_mailbox_revoke(mailbox);
	//| while (unlikely(!list_empty(&mailbox->receivers)) &&
	//| !kipc_wake_full(wake)) {
	//| verdict = kipc_mailbox_receiver_verdict(mailbox);
	//| if (verdict == KIPC_WAITING)
	//| break;
	//| kipc_waiter_wake(waiter, verdict, wake);
	//| if (verdict == KIPC_GRANTED) {
	//| mailbox->granted++;
	//| list_add_tail(&waiter->node, &mailbox->promised);
	//| } else {
	//| mailbox->stat.waiting_receivers--;
#ifdef M_NO_REVOKE
	if
	:: copying -> kipc_mailbox_revoke()
	:: else
	fi;
#else
	kipc_mailbox_revoke();
#endif
	do
	:: receivers.n > 0 && count < BATCH ->
		x = receivers.at[0];
		kipc_mailbox_receiver_verdict(v);
		if
		:: v == WAITING -> break
		:: else
		fi;
		list_del(x, receivers);
		kipc_waiter_wake(x, v);
		if
		:: v == GRANTED -> granted++; list_add_tail(x, promised)
		:: else -> waiting_receivers--; list_del(x, arrival)
		fi
	:: else -> break
	od;
	//| while (unlikely(!list_empty(&mailbox->senders)) &&
	//| !kipc_wake_full(wake)) {
	//| verdict = kipc_mailbox_sender_verdict(mailbox, waiter->need);
	//| if (verdict == KIPC_WAITING)
	//| break;
	//| if (verdict == KIPC_GRANTED)
	//| kipc_mailbox_take_room(mailbox, waiter->need);
	//| kipc_waiter_wake(waiter, verdict, wake);
	do
#ifdef M_ONLY_RECEIVERS
	:: removed && senders.n > 0 && count < BATCH ->
#else
	:: senders.n > 0 && count < BATCH ->
#endif
		x = senders.at[0];
		kipc_mailbox_sender_verdict(v, size(x));
		if
		:: v == WAITING -> break
		:: v == GRANTED -> kipc_mailbox_take_room(size(x))
		:: else
		fi;
		list_del(x, senders);
		kipc_waiter_wake(x, v)
	:: else -> break
	od;
	v = 0;
	x = 0
}

/* When the lock is dropped; `quiet`: R and S hold. */
inline check(quiet)
{
	assert(ready == ring.n && granted == promised.n);
	assert(letters == ready + copying + held);
	assert(DROP || rendezvous || (letters <= MAX_LETTERS && bytes <= MAX_BYTES));

	/* The twin has the letter that is being copied, and then those of the ring. */
	assert(twin.n == ring.n + copying && (!copying || twin.at[0] == copied));
	v = held_bytes + (copying -> size_of(copied) : 0);
	i = 0;
	do
	:: i < ring.n ->
		assert(ring.at[i] == twin.at[i + copying]);
		v = v + size_of(ring.at[i]);
		i++
	:: else -> break
	od;
	assert(bytes == v);

	/* Those with a promise have come before the others; nobody else waits. */
	assert(arrival.n == promised.n + receivers.n);
	assert(arrival.n == waiting_receivers);
	i = 0;
	do
	:: i < arrival.n ->
		assert(arrival.at[i] == (i < promised.n -> promised.at[i] :
					 receivers.at[i - promised.n]));
		i++
	:: else -> break
	od;
	i = 0;
	v = 0;

	assert(granted <= ready && (!copying || granted == 0));		/* P */
	assert(!(quiet) || !receivers.n || ready == granted || copying); /* R */
	assert(!(quiet) || !senders.n || !fits(size(senders.at[0])));   /* S */
	/* Nor does anybody wait for those who have hung up. */
	assert(!(quiet) || removed || !(receivers.n && ended || senders.n && deserted))
}

/*
 * kipc_mailbox_unlock() in two parts, since an atomic step ends where the lock is
 * dropped: unlock() stands at the end of the step, and flush() behind it.
 */
inline unlock()
{
	//@ module/mailbox/handoff.c kipc_mailbox_unlock
	//| for (;;) {
	//| kipc_mailbox_settle(mailbox, wake);
	//| more |= kipc_wake_full(wake);
	//| spin_unlock(&object->lock);
	d_step {
		kipc_mailbox_settle();
		check(count < BATCH);
		batches = batches + (count == BATCH)
	}
}

inline flush()
{
	//| if (!kipc_wake_empty(wake))
	//| kipc_wake_flush(wake);
	//| if (likely(!more))
	//| break;
	//| spin_lock(&object->lock);
	do
	:: count == 0 -> break
	:: else ->
		more = (count == BATCH);
		kipc_wake_flush();
		if
		:: more -> atomic { more = false; batches--; unlock() }
		:: else -> break
		fi
	od
}

inline pop()
{
	//@ module/mailbox/mailbox.h kipc_mailbox_take_out
	//| mailbox->ready--;
	//| kipc_mailbox_return_room(mailbox, size);
	ready--;
	kipc_mailbox_return_room(size_of(ring.at[0]));
	i = 0;
	list_cut(ring)
}

inline kipc_mailbox_decide(letter, value)
{
	//@ module/mailbox/handoff.c kipc_mailbox_decide
	//| if (likely(!rendezvous))
	//| return;
	//| rendezvous->outcome = outcome;
	//| if (rendezvous->waiter.verdict == KIPC_WAITING)
	//| kipc_waiter_wake(&rendezvous->waiter, outcome, wake);
	s = sender_of(letter);
	if
	:: rendezvous && meets[letter] ->
		assert(waits[s] && outcome[s] == WAITING);
		outcome[s] = value;
		if
		:: verdict[s] == WAITING ->
			list_del_init(s, senders);
			kipc_waiter_wake(s, value)
		:: else
		fi
	:: else
	fi;
	s = 0
}
