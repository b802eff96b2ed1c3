/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Delay points and counters of a debug build
 *
 * A debug build is one for a kernel that proves locking, or with KIPC_DEBUG=y.
 * In any other, nothing of this is there.
 *
 * A delay point is a place in the code, outside of all locks (but for the mmap_lock in
 * mmap, and the one of who sets the size of memory), where a test can
 * hold a thread.  /sys/kernel/debug/kipc/delay/NAME takes a thread's number (in
 * the first PID namespace): when that thread comes by, it is held until a 0 is
 * written, or for KIPC_DELAY_LIMIT; signals do not free it.  Reading tells "idle",
 * "armed TID" or "held TID".  One thread at a time for each point.
 *
 * /sys/kernel/debug/kipc/references tells what the module holds, by reason.  All
 * are 0 when nobody uses it.
 */
#ifndef KIPC_DEBUG_H
#define KIPC_DEBUG_H

/**
 * enum kipc_delay - where a thread can be held
 * @KIPC_DELAY_BEFORE_SLEEP: in line, the lock dropped, not asleep yet
 * @KIPC_DELAY_AFTER_SLEEP: awake again, for whatever reason, without the lock
 * @KIPC_DELAY_BEFORE_WAKE: somebody has a verdict, and is to be woken
 * @KIPC_DELAY_BETWEEN_BATCHES: a batch was woken, more wait for a verdict
 * @KIPC_DELAY_SEND_PREPARED: a large letter or a rendezvous's is ready to be sent
 * @KIPC_DELAY_SEND_GROWN: room is taken, a segment allocated, the lock to be taken
 * @KIPC_DELAY_SEND_TRADED: the ring was extended, a spare segment freed for that
 * @KIPC_DELAY_SEND_FAULT: the data's page was missing, the lock is dropped
 * @KIPC_DELAY_DROP_BATCH: a letter is there, a batch of old ones gone, not all
 * @KIPC_DELAY_MEET_LEAVING: a sender would leave, but its letter is being copied
 * @KIPC_DELAY_RECEIVE_COPYING: a large letter is out of the ring, not copied yet
 * @KIPC_DELAY_RECEIVE_COPIED: it was copied, or not; the lock is to be taken
 * @KIPC_DELAY_RECEIVE_FAULT: the buffer's page was missing, the lock is dropped
 * @KIPC_DELAY_PEEK_PINNED: a large letter is pinned, not copied yet
 * @KIPC_DELAY_CLEAR_BATCH: a batch of a removed mailbox's letters was dropped
 * @KIPC_DELAY_BATCH_BETWEEN: some letters of a call were sent or received, not all
 * @KIPC_DELAY_SHARE_ALLOCATED: a sender's user was not known, there is memory for it
 * @KIPC_DELAY_REMOVE_MARKED: nameless and marked as removed, nobody woken yet
 * @KIPC_DELAY_OBJECT_DYING: the last hold is gone, the name still there
 * @KIPC_DELAY_OPEN_FOUND: found by name, held, permission not checked yet
 * @KIPC_DELAY_PUBLISH_PREPARED: to be published, the table not looked at yet
 * @KIPC_DELAY_DIRECT_ALLOWED: by pid: the process lives, and may be asked
 * @KIPC_DELAY_DIRECT_FOUND: by pid: what it has published was found, and is held
 * @KIPC_DELAY_UNLINK_FOUND: to be unlinked: found by name, held, not checked yet
 * @KIPC_DELAY_CREATE_ABSENT: the name was not there, nothing made yet
 * @KIPC_DELAY_CREATE_UNNAMED: made, with a handle, not published yet
 * @KIPC_DELAY_NAMES_CREATED: an IPC namespace's table is made, not to be found yet
 * @KIPC_DELAY_POLL_ENROLLED: enrolled with the pollers, the mask not computed yet
 * @KIPC_DELAY_NOTIFY_WATCHED: a receiver of signals is counted, and is not told yet
 * @KIPC_DELAY_NOTIFY_TELLING: there is news, and receivers of signals are not told yet
 * @KIPC_DELAY_CALL_PREPARED: a request is ready to be sent, the lock to be taken
 * @KIPC_DELAY_REPLY_COPYING: a large reply is to be copied, the call is claimed for it
 * @KIPC_DELAY_REPLY_FAULT: the reply's page was missing, the lock is dropped
 * @KIPC_DELAY_COLLECT_CLAIMED: a reply is there, claimed, not copied yet
 * @KIPC_DELAY_QUEUE_SEND_PREPARED: a message is ready to be sent, the lock to be taken
 * @KIPC_DELAY_QUEUE_STOCKED: memory for a group is there, the lock to be taken
 * @KIPC_DELAY_QUEUE_INDEXING: some messages can be found in a new way, not all
 * @KIPC_DELAY_QUEUE_RECEIVE_COPYING: a large message is held, not copied yet
 * @KIPC_DELAY_QUEUE_RECEIVE_COPIED: it was copied, or not; the lock is to be taken
 * @KIPC_DELAY_QUEUE_RECEIVE_FAULT: the buffer's page was missing, the lock is dropped
 * @KIPC_DELAY_QUEUE_CLEAR_BATCH: a batch of a removed queue's messages was dropped
 * @KIPC_DELAY_PIPE_GROWN: room is taken, a segment allocated, the lock to be taken
 * @KIPC_DELAY_PIPE_WRITE_FILLING: room is taken for a large piece, it is not copied yet
 * @KIPC_DELAY_PIPE_WRITE_FILLED: it was copied, or not; the lock is to be taken
 * @KIPC_DELAY_PIPE_WRITE_BETWEEN: a piece was written
 * @KIPC_DELAY_PIPE_WRITE_FAULT: the data's page was missing, the lock is dropped
 * @KIPC_DELAY_PIPE_READ_COPYING: it is its turn, a large piece is not copied yet
 * @KIPC_DELAY_PIPE_READ_COPIED: it was copied, or not; the lock is to be taken
 * @KIPC_DELAY_PIPE_READ_BETWEEN: a piece was read, and the turn goes on, without the lock
 * @KIPC_DELAY_PIPE_READ_FAULT: the buffer's page was missing, the turn is over
 * @KIPC_DELAY_PIPE_CLEAR_BATCH: a part of what a removed pipe held was dropped
 * @KIPC_DELAY_CALL_BEGUN: a call of a service has begun, nobody has it yet
 * @KIPC_DELAY_CALL_ALONE: nobody is idle, it is not in the line yet
 * @KIPC_DELAY_CALL_QUEUED: it is in the line; it is to be looked who is idle
 * @KIPC_DELAY_CALL_POPPED: one was taken from there, for who is idle
 * @KIPC_DELAY_CALL_FOUND: a call that is to be cancelled was found
 * @KIPC_DELAY_CALL_LEAVING: its caller gives it up, and has looked for it in the line
 * @KIPC_DELAY_WORKER_JOINING: a worker has found the line empty, is not in a pool yet
 * @KIPC_DELAY_WORKER_IDLE: a worker has joined its pool, and is to look at the line
 * @KIPC_DELAY_WORKER_HAS: a worker has a call in its hand, not copied out yet
 * @KIPC_DELAY_WORKER_FAULT: what it writes the call to was missing, and is there now
 * @KIPC_DELAY_INTAKE_PREPARED: what is carried can be installed, and is not yet
 * @KIPC_DELAY_BINDING_GOING: a binding is out of its slot, its pages still mapped
 * @KIPC_DELAY_SERVICE_ENDED: a service has ended, nobody has been told yet
 * @KIPC_DELAY_MEMORY_MAPPING: a mapping is within the size, its seals not looked at
 * @KIPC_DELAY_MEMORY_MAPPED: a writable one counts, and is not the memfd's yet
 * @KIPC_DELAY_MEMORY_RESIZED: the memfd has its new size, it is not kept yet
 * @KIPC_DELAY_BELL_FAULT: the buffer's page was missing, the lock is dropped
 * @KIPC_DELAY_SEM_UNDO_CREATED: memory for what is to be undone is there, nobody knows it
 * @KIPC_DELAY_SOCKET_CLOSED: a netlink socket is just closed, its subscription still there
 * @KIPC_DELAY_SEM_ALL_TAKEN: one of each of several sets was taken, or not, none settled
 * @KIPC_DELAY_POINTS: how many there are
 */
enum kipc_delay {
	KIPC_DELAY_BEFORE_SLEEP,
	KIPC_DELAY_AFTER_SLEEP,
	KIPC_DELAY_BEFORE_WAKE,
	KIPC_DELAY_BETWEEN_BATCHES,
	KIPC_DELAY_SEND_PREPARED,
	KIPC_DELAY_SEND_GROWN,
	KIPC_DELAY_SEND_TRADED,
	KIPC_DELAY_SEND_FAULT,
	KIPC_DELAY_DROP_BATCH,
	KIPC_DELAY_MEET_LEAVING,
	KIPC_DELAY_RECEIVE_COPYING,
	KIPC_DELAY_RECEIVE_COPIED,
	KIPC_DELAY_RECEIVE_FAULT,
	KIPC_DELAY_PEEK_PINNED,
	KIPC_DELAY_CLEAR_BATCH,
	KIPC_DELAY_BATCH_BETWEEN,
	KIPC_DELAY_SHARE_ALLOCATED,
	KIPC_DELAY_REMOVE_MARKED,
	KIPC_DELAY_OBJECT_DYING,
	KIPC_DELAY_OPEN_FOUND,
	KIPC_DELAY_PUBLISH_PREPARED,
	KIPC_DELAY_DIRECT_ALLOWED,
	KIPC_DELAY_DIRECT_FOUND,
	KIPC_DELAY_UNLINK_FOUND,
	KIPC_DELAY_CREATE_ABSENT,
	KIPC_DELAY_CREATE_UNNAMED,
	KIPC_DELAY_NAMES_CREATED,
	KIPC_DELAY_POLL_ENROLLED,
	KIPC_DELAY_NOTIFY_WATCHED,
	KIPC_DELAY_NOTIFY_TELLING,
	KIPC_DELAY_CALL_PREPARED,
	KIPC_DELAY_REPLY_COPYING,
	KIPC_DELAY_REPLY_FAULT,
	KIPC_DELAY_COLLECT_CLAIMED,
	KIPC_DELAY_QUEUE_SEND_PREPARED,
	KIPC_DELAY_QUEUE_STOCKED,
	KIPC_DELAY_QUEUE_INDEXING,
	KIPC_DELAY_QUEUE_RECEIVE_COPYING,
	KIPC_DELAY_QUEUE_RECEIVE_COPIED,
	KIPC_DELAY_QUEUE_RECEIVE_FAULT,
	KIPC_DELAY_QUEUE_CLEAR_BATCH,
	KIPC_DELAY_PIPE_GROWN,
	KIPC_DELAY_PIPE_WRITE_FILLING,
	KIPC_DELAY_PIPE_WRITE_FILLED,
	KIPC_DELAY_PIPE_WRITE_BETWEEN,
	KIPC_DELAY_PIPE_WRITE_FAULT,
	KIPC_DELAY_PIPE_READ_COPYING,
	KIPC_DELAY_PIPE_READ_COPIED,
	KIPC_DELAY_PIPE_READ_BETWEEN,
	KIPC_DELAY_PIPE_READ_FAULT,
	KIPC_DELAY_PIPE_CLEAR_BATCH,
	KIPC_DELAY_CALL_BEGUN,
	KIPC_DELAY_CALL_ALONE,
	KIPC_DELAY_CALL_QUEUED,
	KIPC_DELAY_CALL_POPPED,
	KIPC_DELAY_CALL_FOUND,
	KIPC_DELAY_CALL_LEAVING,
	KIPC_DELAY_WORKER_JOINING,
	KIPC_DELAY_WORKER_IDLE,
	KIPC_DELAY_WORKER_HAS,
	KIPC_DELAY_WORKER_FAULT,
	KIPC_DELAY_INTAKE_PREPARED,
	KIPC_DELAY_BINDING_GOING,
	KIPC_DELAY_SERVICE_ENDED,
	KIPC_DELAY_MEMORY_MAPPING,
	KIPC_DELAY_MEMORY_MAPPED,
	KIPC_DELAY_MEMORY_RESIZED,
	KIPC_DELAY_BELL_FAULT,
	KIPC_DELAY_SEM_UNDO_CREATED,
	KIPC_DELAY_SOCKET_CLOSED,
	KIPC_DELAY_SEM_ALL_TAKEN,
	KIPC_DELAY_POINTS
};

/**
 * enum kipc_reference - what is counted, from where it comes to be to where it goes
 * @KIPC_REF_OBJECTS: objects, until they are freed
 * @KIPC_REF_NAMES: names that are in a table
 * @KIPC_REF_TABLES: tables of names, one for each IPC namespace in use
 * @KIPC_REF_USERS: users that have an account
 * @KIPC_REF_LETTERS: letters, whose senders' processes and threads are held
 * @KIPC_REF_SEGMENTS: segments of rings
 * @KIPC_REF_WAKES: threads that are held to be woken
 * @KIPC_REF_DIRECTS: objects that are published by a process
 * @KIPC_REF_CALLS: records of calls
 * @KIPC_REF_MESSAGES: messages of queues, whose senders' processes and threads are held
 * @KIPC_REF_GROUPS: groups of messages, and spare ones
 * @KIPC_REF_LISTENERS: registrations for a signal
 * @KIPC_REF_BINDINGS: bindings of services
 * @KIPC_REF_PAGES: pages of bindings
 * @KIPC_REF_CHAINS: calls that threads are serving
 * @KIPC_REF_PARCELS: sets of handles that messages carry
 * @KIPC_REF_MEMORIES: memfds that are held
 * @KIPC_REF_ATTACHMENTS: mappings of them
 * @KIPC_REF_UNDOS: processes that semaphores have something to be undone for
 * @KIPC_REFERENCE_KINDS: how many there are
 */
enum kipc_reference {
	KIPC_REF_OBJECTS,
	KIPC_REF_NAMES,
	KIPC_REF_TABLES,
	KIPC_REF_USERS,
	KIPC_REF_DIRECTS,
	KIPC_REF_LETTERS,
	KIPC_REF_SEGMENTS,
	KIPC_REF_WAKES,
	KIPC_REF_CALLS,
	KIPC_REF_MESSAGES,
	KIPC_REF_GROUPS,
	KIPC_REF_LISTENERS,
	KIPC_REF_BINDINGS,
	KIPC_REF_PAGES,
	KIPC_REF_CHAINS,
	KIPC_REF_PARCELS,
	KIPC_REF_MEMORIES,
	KIPC_REF_ATTACHMENTS,
	KIPC_REF_UNDOS,
	KIPC_REFERENCE_KINDS
};

#ifdef KIPC_DEBUG
void kipc_debug_setup(void);
void kipc_debug_teardown(void);
void kipc_delay(enum kipc_delay point);
void kipc_count(enum kipc_reference what, int n);
#else
static inline void kipc_debug_setup(void)
{
}

static inline void kipc_debug_teardown(void)
{
}

static inline void kipc_delay(enum kipc_delay point)
{
}

static inline void kipc_count(enum kipc_reference what, int n)
{
}
#endif

#endif /* KIPC_DEBUG_H */
