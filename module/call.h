/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Calls
 *
 * A call is a request that wants a reply.  The engine knows nothing of how a kind
 * carries the request from the caller to its server; it keeps the *record* of the
 * call, from which a reply finds its way back, once.
 *
 *             begin            take             reply
 *     FREE ----------> QUEUED ------> TAKEN -----------> DONE -----> FREE
 *      ^                 |  |           | ^  \             ^  collected
 *      +-----------------+  |     copied| |   ANSWERING ---+
 *           withdrawn       |    or not +-+                |
 *                           +--- removed, server gone -----+
 *
 * A record is made before the call begins, with room for the request and for the
 * longest reply that the caller takes: a reply allocates nothing, and is
 * never short of quota.  The caller pays for it, and its handle keeps one for
 * the next call.
 *
 * The *caller* is a handle, not a process: who shares the handle (fork, dup,
 * SCM_RIGHTS) may collect what was called through it.  A call whose caller is gone
 * (the handle was closed, the deadline passed, the call was cancelled) is an *orphan*:
 * the record stays until the server has done with it, so that a late reply can be
 * told from a wrong one.
 *
 * The *server* is the process that took the request, and the handle that it took it
 * by.  If either goes before the reply (death, the last close, exec of a handle that
 * is closed then), the call has failed, with EPIPE.  Death is noticed by a wait entry
 * on the struct pid, for the handle may live on in a child; the callback runs under
 * locks of the kernel's, so it only queues the record's work.  The entry stays when the
 * call is over, and with it the struct pid of a server that has died, since the same
 * process will mostly take the next one.  There is an entry for
 * each call that is taken, as if the server had a pidfd of itself in epoll(7) for
 * each; their number is bounded by their callers' quotas.
 *
 * A *token* names a call: the record's place in the table, and a count, which goes on
 * from call to call, and from what the records had that were freed.  So none comes
 * back soon (after 2^44 calls), and one that is done with is not found.
 *
 * Everything here is protected by the object's lock.  Only who has a record to itself
 * looks at the data in it without: who prepares a call (FREE), copies a large reply
 * (ANSWERING), or collects (DONE, @claim).
 */
#ifndef KIPC_CALL_H
#define KIPC_CALL_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "buffer.h"
#include "notify.h"
#include "quota.h"
#include "ring.h"
#include "trace.h"
#include "waiter.h"

struct kipc_call;
struct kipc_calls;
struct kipc_parcel;

/* A token is a place in the table and, above it, the number of the call. */
#define KIPC_CALL_PLACES	BIT(20)
#define KIPC_CALL_PLACE(token)	((token) & (KIPC_CALL_PLACES - 1))

enum kipc_call_state {
	KIPC_CALL_FREE,
	KIPC_CALL_QUEUED,
	KIPC_CALL_TAKEN,
	KIPC_CALL_ANSWERING,	/* a large reply is being copied, without the lock */
	KIPC_CALL_DONE,
};

/**
 * struct kipc_calls_ops - what the engine asks of the object
 * @kind: KIPC_KIND_...
 * @hold: keep it alive, unless it is about to go; in any context
 * @drop: the opposite; may sleep
 * @died: a server is dead, or has let go of its handle, that had a call; may sleep
 * @rest: the records are the object's own, made by kipc_call_make(): this one is FREE now,
 *	on no list; with the lock held, the wake not full.  Or NULL
 * @unload: free a parcel; the lock may be held.  NULL if calls carry nothing that the engine
 *	knows of
 *
 * An object with @rest looks after its servers itself, and needs neither of the others.
 */
struct kipc_calls_ops {
	u32 kind;
	bool (*hold)(struct kipc_calls *calls);
	void (*drop)(struct kipc_calls *calls);
	void (*died)(struct kipc_calls *calls);
	void (*rest)(struct kipc_call *call, struct kipc_wake *wake);
	void (*unload)(struct kipc_parcel *parcel);
};

/**
 * struct kipc_calls - the calls of one object
 * @ops: of the object
 * @owner: the object
 * @lock: the object's, which protects all of this
 * @id: of the object
 * @table: records by their place in it
 * @retired: the highest count that a freed record had
 * @begun: calls, since the object was made
 * @answered: of them, replied to, whether or not the caller was still there
 * @serving: calls that are TAKEN or ANSWERING
 */
struct kipc_calls {
	const struct kipc_calls_ops *ops;
	void *owner;
	spinlock_t *lock;	/* the object's */
	u64 id;
	struct xarray table;
	u64 retired;
	u64 begun;
	u64 answered;
	u64 serving;
};

/**
 * struct kipc_caller - the calls of one handle
 * @account: pays for the records: that of who called first by this handle
 * @calls: all but those in @done
 * @done: those that nobody claims, in the order in which they were done
 * @collectors: line of those that wait for any; granted, they have a claim
 * @spare: a record for the next call, or NULL
 * @refs: records, and the handle
 */
struct kipc_caller {
	struct kipc_account account;
	struct list_head calls;
	struct list_head done;
	struct list_head collectors;
	struct kipc_call *spare;
	refcount_t refs;
};

/**
 * struct kipc_party - a handle's part in calls; first in what is freed with it
 * @pollers: of replies
 * @serving: calls that were taken by it
 * @caller: those that were made by it, or NULL
 */
struct kipc_party {
	struct kipc_pollers pollers;
	struct hlist_head serving;
	struct kipc_caller *caller;
};

/**
 * struct kipc_collector - a thread that waits for a reply
 * @waiter: to be woken when there is one
 * @call: its own, or the one that it was given
 * @until_taken: it waits only until a server has the request
 */
struct kipc_collector {
	struct kipc_waiter waiter;
	struct kipc_call *call;
	bool until_taken;
};

/**
 * struct kipc_call - the record of a call
 * @node: in the caller's @calls or @done; or in a list of garbage
 * @served: in the list of @server_party while TAKEN or ANSWERING
 * @calls: of the object
 * @caller: who pays
 * @party: the caller's handle, NULL for an orphan
 * @claim: a thread that waits for the end, or collects the reply; or NULL
 * @token: of this call, or of the last one
 * @state: see above
 * @since: jiffies when it began
 * @used: it has carried a call
 * @deserted: ANSWERING: an errno: the server is gone, or the object removed; or 0
 * @dying: @death is queued, and holds the object
 * @result: DONE: bytes of the reply, or an errno
 * @limit: longest reply that is taken
 * @takes: how many handles the reply may carry
 * @server: the process that took it, or the last call of this record, referenced and
 *	watched; or NULL
 * @server_party: the handle that it was taken by, while it is in its list
 * @watch: on @server
 * @death: looks whether it is dead
 * @time: of the reply, CLOCK_REALTIME_COARSE
 * @tag: the replier's
 * @uid: its effective user
 * @gid: its effective group
 * @process: the replier, referenced if @result is that of a reply
 * @thread: likewise
 * @parcel: what the request carries, until a server has it; then what the reply does; or
 *	NULL
 * @request_space: bytes in @request
 * @reply_space: bytes behind them
 * @request: carries the request; pinned for ever, so that no ring frees it
 */
struct kipc_call {
	struct list_head node;
	struct hlist_node served;
	struct kipc_calls *calls;
	struct kipc_caller *caller;
	struct kipc_party *party;
	struct kipc_collector *claim;
	u64 token;
	unsigned long since;
	enum kipc_call_state state;
	bool used;
	bool dying;
	int deserted;
	int result;
	u32 limit;
	u32 takes;
	struct pid *server;
	struct kipc_party *server_party;
	wait_queue_entry_t watch;
	struct work_struct death;
	u64 time;
	u64 tag;
	kuid_t uid;
	kgid_t gid;
	struct pid *process;
	struct pid *thread;
	struct kipc_parcel *parcel;
	size_t request_space;
	size_t reply_space;
	struct kipc_segment request;
};

/* Where the reply is. */
static inline void *kipc_call_reply(struct kipc_call *call)
{
	return call->request.data + call->request_space;
}

/**
 * struct kipc_answer - a reply
 * @data: no iterator, access_ok() was checked
 * @size: of it
 * @tag: the replier's
 * @parcel: what it carries, taken over if kipc_call_answer() returns 0; or NULL
 * @count: how many handles these are
 */
struct kipc_answer {
	struct kipc_buffer data;
	size_t size;
	u64 tag;
	struct kipc_parcel *parcel;
	u32 count;
};

void kipc_party_leave(struct kipc_party *party, struct kipc_calls *calls);
void kipc_party_desert(struct kipc_party *party, struct kipc_calls *calls);
void kipc_party_desert_exec(struct kipc_party *party, struct kipc_calls *calls,
			    struct pid *process);
struct kipc_call *kipc_party_first(struct kipc_party *party);
bool kipc_party_has_reply(const struct kipc_party *party);

int kipc_calls_setup(void);
void kipc_calls_later(struct delayed_work *work, unsigned long delay);
bool kipc_process_is_dead(struct pid *process);
void kipc_calls_teardown(void);
struct kipc_calls *kipc_calls_create(const struct kipc_calls_ops *ops,
				     void *owner, spinlock_t *lock, u64 id);
void kipc_calls_free(struct kipc_calls *calls);
void kipc_calls_init(struct kipc_calls *calls, const struct kipc_calls_ops *ops,
		     void *owner, spinlock_t *lock, u64 id);
void kipc_calls_exit(struct kipc_calls *calls);
struct kipc_call *kipc_calls_next(struct kipc_calls *calls,
				  unsigned long *place);
void kipc_calls_fail(struct kipc_calls *calls, int error);

/* A record: made, used for a call, kept or freed. */
struct kipc_call *kipc_call_get(struct kipc_calls *calls,
				struct kipc_party *party, size_t request,
				size_t reply);
void kipc_call_put(struct kipc_call *call);
int kipc_call_make(struct kipc_call *call, struct kipc_calls *calls,
		   struct kipc_party *party, u32 place);
void kipc_call_unmake(struct kipc_call *call);
void kipc_call_skip_token(struct kipc_call *call);
void kipc_call_unload(struct kipc_call *call);

/* The life of a call, with the lock held. */
u64 kipc_call_next_token(const struct kipc_call *call);
struct kipc_call *kipc_call_find(struct kipc_calls *calls, u64 token);
void kipc_call_begin(struct kipc_call *call, struct kipc_party *party,
		     struct kipc_collector *claim);
void kipc_call_withdraw(struct kipc_call *call, struct kipc_wake *wake);
void kipc_call_take(struct kipc_call *call, struct kipc_party *server,
		    struct kipc_wake *wake);
void kipc_call_end(struct kipc_call *call, int result, struct kipc_wake *wake);
void kipc_call_desert(struct kipc_call *call, struct kipc_wake *wake);
void kipc_call_abandon(struct kipc_call *call, struct kipc_wake *wake);

/*
 * The calling thread has the request.  No more than that is kipc_call_take() for an object
 * that looks after its servers itself, and where nobody waits until a call is taken.
 */
static inline void kipc_call_taken(struct kipc_call *call)
{
	kipc_trace(serve, call->calls->id, call->token);
	call->state = KIPC_CALL_TAKEN;
	call->calls->serving++;
}

/*
 * kipc_call_end(), if somebody waits for it until it ends, and the object looks after
 * its servers itself.  Returns who waits, for kipc_wake_task(); or NULL: nothing has
 * happened.
 */
static inline struct task_struct *kipc_call_end_claimed(struct kipc_call *call,
							int result)
{
	if (unlikely(!call->claim))
		return NULL;
	kipc_trace(reply, call->calls->id, call->token, result);
	call->calls->serving--;
	call->state = KIPC_CALL_DONE;
	call->result = result;
	return kipc_waiter_settle(&call->claim->waiter, KIPC_GRANTED);
}

/*
 * Its caller has what it wants, of an object whose records are its own.  Returns false if
 * others wait for any of the calls: then nothing has happened.
 */
static inline bool kipc_call_rest(struct kipc_call *call)
{
	if (unlikely(!list_empty(&call->caller->collectors)))
		return false;
	list_del_init(&call->node);
	call->party = NULL;
	call->claim = NULL;
	call->state = KIPC_CALL_FREE;
	return true;
}

/* Between call.c and reply.c, with the lock held but for the first. */
void kipc_caller_put(struct kipc_caller *caller);
void kipc_caller_check(struct kipc_caller *caller, struct kipc_wake *wake);
void kipc_call_detach(struct kipc_call *call, struct kipc_wake *wake);
void kipc_call_offer(struct kipc_call *call, struct kipc_wake *wake);
void kipc_call_forget_reply(struct kipc_call *call);
void kipc_call_recycle(struct kipc_call *call, struct kipc_wake *wake);
void kipc_call_discard(struct kipc_call *call, struct kipc_wake *wake);

/* What does all of it, without the lock. */
int kipc_call_answer(struct kipc_calls *calls, u64 token,
		     const struct kipc_answer *answer);
struct kipc_call *kipc_call_claim(struct kipc_calls *calls,
				  struct kipc_party *party, u64 token,
				  struct kipc_collector *collector,
				  ktime_t deadline);
void kipc_call_unclaim(struct kipc_call *call);
void kipc_call_collected(struct kipc_call *call);

#endif /* KIPC_CALL_H */
