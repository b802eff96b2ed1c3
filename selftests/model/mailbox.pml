// SPDX-License-Identifier: GPL-2.0
/*
 * The mailbox as a whole: its threads, and its end.  See world.pml, which begins
 * with what all this is about.
 */
#include "world.pml"
#include "handoff.pml"

/* Of each thread: on its stack, but for what it tells the checks. */
#define LOCALS \
	byte ret, reason, letter, todo; \
	bool no_wait; \
	byte sig; \
	byte count, wake[BATCH];	/* struct kipc_wake */ \
	bool more, dropping; \
	byte x, v, i, k, s		/* 0 whenever another thread may run */

/* Its waiter is gone. */
inline waited()
{
	waits[me] = false;
	verdict[me] = 0;
	reason = 0
}

inline opened(handles, had)
{
	//@ module/mailbox/kind.c kipc_mailbox_opened
	//| kipc_ends_open(&mailbox->ends, handle->rights);
	//| kipc_mailbox_unlock(mailbox, &wake, false);
	//@ module/object.h kipc_ends_open
	//| ends->senders++;
	//| ends->had_sender = true;
	if
	:: HANGUP -> atomic { handles++; had = true; unlock() }; flush()
	:: else
	fi
}

inline closed(handles)
{
	//@ module/mailbox/kind.c kipc_mailbox_closed
	//| kipc_ends_close(&mailbox->ends, handle->rights);
	//| kipc_mailbox_unlock(mailbox, &wake, false);
	//@ module/object.h kipc_ends_close
	//| ends->senders--;
	if
	:: HANGUP ->
		atomic {
			handles--;
#ifdef M_QUIET_CLOSE
			check(!batches)
#else
			unlock()
#endif
		};
		flush()
	:: else
	fi;
	atomic { sig = 0; ret = 0; todo = 0 }
}

#include "receive.pml"
#include "send.pml"

/* object.c and kind.c: somebody removes the mailbox, and looks what is left. */
init
{
	LOCALS;

	atomic {
		select(events : 0 .. EVENTS);
		do
		:: x < SENDERS -> run sender(x); x++
		:: else -> break
		od;
		do
		:: x < THREADS -> run receiver(x); x++
		:: else -> x = 0; break
		od
	}
	if
	:: REMOVAL
	:: timeout ->
		/* Who sleeps now is not woken by anybody: is that right? */
		assert(promised.n == 0 && held == 0 && !copying);
		do
		:: x < THREADS ->
			assert(!sleepy[x] || (waits[x] && verdict[x] == WAITING));
			x++
		:: else -> x = 0; break
		od;
		check(true)
	fi;
	//@ module/object.c kipc_object_remove
	//| WRITE_ONCE(object->removed, true);
	//| spin_unlock(&object->lock);
	//| object->kind->remove(object);
	atomic {
		removed = true;
		check(!batches)
	}
	//@ module/mailbox/kind.c kipc_mailbox_clear
	//| do {
	//| for (count = 0; mailbox->ready && count < KIPC_MAILBOX_BATCH &&
	//| !kipc_wake_full(&wake); count++) {
	//| kipc_mailbox_decide(mailbox, kipc_segment_record(front),
	//| -EIDRM, &wake);
	//| garbage = kipc_segment_chain(kipc_mailbox_pop(mailbox, front),
	//| more = mailbox->ready;
	//| kipc_mailbox_unlock(mailbox, &wake, false);
	//| } while (more);
	do
	::	atomic {
			do
			:: ready && k < DROP_BATCH && count < BATCH ->
				letter = ring.at[0];
				gone(letter, DROPPED);
				kipc_mailbox_decide(letter, EIDRM);
				pop();
				k++
			:: else -> k = 0; letter = 0; break
			od;
			todo = ready;
			unlock()
		}
		flush();
		if
		:: !todo -> break
		:: else
		fi
	od;
	_nr_pr == 1;
	assert(ready + granted + letters + bytes + held + waiting_receivers == 0);
	assert(ring.n + receivers.n + promised.n + senders.n + twin.n == 0)
}
