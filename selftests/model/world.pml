// SPDX-License-Identifier: GPL-2.0
/*
 * The mailbox's hand-off, for spin: who stands in which line, and who gets what.
 * This file has the world in which it happens, and what is known of it from
 * outside; handoff.pml, receive.pml, send.pml and mailbox.pml are the module's files
 * of these names.  `run` explores all that can happen, in several small worlds
 * (configurations), each to its end.
 *
 * What is modelled.  What happens under the lock, from spin_lock() to
 * spin_unlock(), is one atomic step; each wake-up of a batch, each look of a
 * sleeper at its verdict and each change of its task state is a step of its own,
 * and so is a copy outside the lock.  At any point where it matters a deadline
 * may pass, a signal come, or the thread be killed, as often as EVENTS says; every
 * copy may fault, every letter turn out not to fit into the buffer; the mailbox
 * may be removed, handles may be opened and closed.
 *
 * Why that is enough.  Only the verdict is read without the lock, and a thread
 * that sees one takes the lock before it does anything else; so seeing it before
 * the end of the section that gives it is the same as seeing it after that (no
 * section gives a verdict and takes it back).  The barriers in
 * set_current_state() and wake_up_process() make the order of task state and
 * verdict the one that is written here; the release in kipc_waiter_wake() and
 * the acquire in kipc_waiter_sleep() order nothing beyond that, because what the
 * waiter reads next is read under the lock.
 *
 * What is left out.  Data, headers, memory and quota (a receive that is refused
 * for EDQUOT ends like one that is refused for EAGAIN; a send may fail to get a
 * segment), figures, pollers and signals to be sent, peeking at a large letter,
 * handles that are not open yet or closed (but with HANGUP), the release of a
 * mailbox that nobody has open.  A bunch of letters in one call is several steps in
 * one, as if nobody else had wanted the lock between them.  Lingering before a sleep:
 * who does that is awake, and looks before it sleeps.  Shares: who waits for
 * one is not there yet, as it were.  Deadlines pass and signals come only where
 * somebody looks for them.
 *
 * Bounds.  Two senders and two receivers, or one or two and three; one to three
 * letters or tries for each; up to two events (a deadline that passes, a signal, a
 * kill) in one life of a mailbox, and any number of faults.  Batches are smaller:
 * BATCH (KIPC_WAKE_BATCH) is 1 or 2, DROP_BATCH (KIPC_MAILBOX_BATCH) is 2.
 *
 * What is checked, in every state that can be reached:
 *   - P, R and S of mailbox.h at each unlock (R and S but while a batch is under
 *     way), and that the counters agree with the lists;
 *   - letters: a stupid twin of the ring knows which were accepted; each comes
 *     out once, in that order, unless dropped or withdrawn, and what the send
 *     returned is true; nothing else comes out;
 *   - lines: who stands in line has come before all behind it, whatever was
 *     granted and revoked; nobody who has not waited overtakes;
 *   - a waiter is touched only while its thread waits;
 *   - when nothing moves any more, those who still sleep do so rightly: without a
 *     verdict, in their line, R and S holding; then the mailbox is removed, and
 *     everybody comes back (else spin says "invalid end state").
 *
 * Lines that begin with //@ name a function of the module, and those with //|
 * quote it; `run` finds them there, and each function as it was when the model
 * was compared with it.
 *
 * A request is a letter here: that it can be taken back from a mailbox with
 * capacity, too, and what becomes of its call, is for races_call.c.
 *
 * M_... are mistakes: with any of them a check fails in some configuration.
 *
 * Functions that are left out, for the reasons above:
 *
 //- module/mailbox/handoff.c kipc_mailbox_state kipc_mailbox_news
 //- module/mailbox/mailbox.h kipc_envelope_release
 //- module/mailbox/send.c kipc_envelope_fill kipc_envelope_sign
 //- module/mailbox/send.c kipc_mailbox_share kipc_mailbox_send
 //- module/mailbox/send.c kipc_mailbox_write kipc_mailbox_write_from
 //- module/mailbox/send.c kipc_mailbox_write_iter kipc_mailbox_ioctl_send
 //- module/mailbox/send.c kipc_mailbox_check_size kipc_mailbox_send_in
 //- module/mailbox/send.c kipc_mailbox_ioctl_send_handles
 //- module/mailbox/receive.c kipc_envelope_check kipc_envelope_header
 //- module/mailbox/receive.c kipc_envelope_show kipc_envelope_refusal
 //- module/mailbox/receive.c kipc_mailbox_read kipc_mailbox_read_to
 //- module/mailbox/receive.c kipc_envelope_describe kipc_envelope_tell
 //- module/mailbox/receive.c kipc_mailbox_recv_in kipc_mailbox_read_iter
 //- module/mailbox/receive.c kipc_mailbox_ioctl_recv
 //- module/mailbox/receive.c kipc_mailbox_ioctl_recv_handles
 //- module/mailbox/sealed.c kipc_mailbox_prepare kipc_mailbox_discard
 //- module/mailbox/sealed.c kipc_mailbox_peek_large kipc_envelope_leaving
 //- module/mailbox/sealed.c kipc_envelope_deliver
 //- module/waiter.c kipc_timens_to_host kipc_deadline_import
 //- module/waiter.c kipc_waiter_has_verdict kipc_waiter_look kipc_waiter_yield
 //- module/waiter.c kipc_patience_lose kipc_patience_learn
 //- module/waiter.c kipc_waiter_give_way kipc_waiter_linger
 */

#ifndef SENDERS
#define SENDERS		2
#endif
#ifndef RECEIVERS
#define RECEIVERS	2
#endif
#ifndef LETTERS
#define LETTERS		1	/* that each sender sends */
#endif
#ifndef RECEIVES
#define RECEIVES	1	/* that each receiver tries */
#endif
#ifndef MAX_LETTERS
#define MAX_LETTERS	1	/* 0: rendezvous */
#endif
#ifndef MAX_BYTES
#define MAX_BYTES	99
#endif
/* Sets: bit n stands for sender n, or for thread n. */
#ifndef WIDE
#define WIDE		0	/* whose letters have size 2, not 1 */
#endif
#ifndef LARGE
#define LARGE		0	/* whose letters are copied without the lock */
#endif
#ifndef NO_WAIT
#define NO_WAIT		0	/* threads that do not wait */
#endif
#ifndef EVENTS
#define EVENTS		0
#endif
#ifndef FAULTS
#define FAULTS		false	/* copies may fault */
#endif
#ifndef SHORT
#define SHORT		false	/* buffers may be too short */
#endif
#ifndef GROW
#define GROW		false	/* the ring may have to grow */
#endif
#ifndef DROP
#define DROP		false	/* KIPC_MAILBOX_DROP_OLDEST */
#endif
#ifndef HANGUP
#define HANGUP		false	/* KIPC_MAILBOX_HANGUP */
#endif
#ifndef REMOVAL
#define REMOVAL		false	/* at any time, not only at the end */
#endif
#ifndef BATCH
#define BATCH		1
#endif
#define DROP_BATCH	2

/* A sender's thread has its number; receivers come behind. */
#define THREADS		(SENDERS + RECEIVERS)
#define ALL_LETTERS	(SENDERS * LETTERS)
#define sender_of(letter)	((letter) / LETTERS)
#define size(sender)	(1 + ((WIDE >> (sender)) & 1))
#define size_of(letter)	size(sender_of(letter))
/* Or it carries handles, which is received in the same way. */
#define large(sender)	((LARGE >> (sender)) & 1)
#define large_letter(letter)	large(sender_of(letter))
#define LINE		(THREADS + ALL_LETTERS)

/* Verdicts, and what calls return. */
#define GRANTED		0
#define WAITING		1
#define EIDRM		2
#define EPIPE		3
#define ETIMEDOUT	4
#define ERESTARTSYS	5
#define EAGAIN		6
#define EFAULT		7
#define EMSGSIZE	8
#define ENOMEM		9
#define COPYING		10	/* not yet known */

/* Signals that are pending. */
#define SIGNAL		1
#define KILL		2

typedef list {
	byte n;
	byte at[LINE]
}

/* struct kipc_mailbox */
list ring;
list receivers;
list promised;
list senders;
byte ready;
byte granted;
byte letters;
byte bytes;
bool copying;
bool removed;
byte open_senders;
byte open_receivers;
bool had_sender;
bool had_receiver;
byte waiting_receivers;

/* struct kipc_waiter, one for each thread; sleepy: the state is not TASK_RUNNING */
byte verdict[THREADS];
bool waits[THREADS];
bool sleepy[THREADS];

/* struct kipc_rendezvous */
byte outcome[SENDERS];
byte leaving[SENDERS];
bool meets[ALL_LETTERS];

/* What the checks know: nothing above depends on it. */
#define NEVER		0
#define ACCEPTED	1
#define RECEIVED	2
#define DROPPED		3
#define WITHDRAWN	4
list twin;			/* letters in the mailbox */
list arrival;			/* receivers that wait, or were promised */
byte fate[ALL_LETTERS];
byte copied;			/* the letter that is outside the ring */
byte held;			/* letters for which a sender has taken room */
byte held_bytes;
byte batches;			/* of wake-ups, under way */
byte events;			/* that may still come */

/* <linux/list.h> */

inline list_add_tail(x, l)
{
	l.at[l.n] = x;
	l.n++
}

inline list_add(x, l)
{
	i = l.n;
	do
	:: i > 0 -> l.at[i] = l.at[i - 1]; i--
	:: else -> break
	od;
	l.at[0] = x;
	l.n++
}

inline list_find(x, l)
{
	i = 0;
	do
	:: i < l.n && l.at[i] != x -> i++
	:: else -> break
	od
}

inline list_cut(l)
{
	l.n--;
	do
	:: i < l.n -> l.at[i] = l.at[i + 1]; i++
	:: else -> break
	od;
	l.at[i] = 0;
	i = 0
}

inline list_del(x, l)
{
	list_find(x, l);
	assert(i < l.n);
	list_cut(l)
}

/* For whoever may be in none. */
inline list_del_init(x, l)
{
	list_find(x, l);
	if
	:: i < l.n -> list_cut(l)
	:: else -> i = 0
	fi
}

/* What the checks know about letters. */

inline accepted(letter)
{
	assert(fate[letter] == NEVER);
	fate[letter] = ACCEPTED;
	list_add_tail(letter, twin);
	held--;
	held_bytes = held_bytes - size_of(letter)
}

/* Received, or given up: the oldest, but for one that is just being copied. */
inline gone(letter, what)
{
	assert(fate[letter] == ACCEPTED);
	fate[letter] = what;
	list_find(letter, twin);
	assert(i < twin.n);
	assert(i == 0 || what == WITHDRAWN ||
	       (i == 1 && what == DROPPED && copying && twin.at[0] == copied));
	list_cut(twin)
}
