/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Services
 *
 * A service (service.c) has bindings (binding.c), each with A-stacks and a *link* for
 * each of them: the linkage record of its call, which is the call engine's (call.h) and
 * knows who has it.  All is made when the binding is: a call allocates nothing.
 *
 *	caller (call.c)                         worker (serve.c)
 *	  begin: FREE -> QUEUED                   idle, in the pool of a processor
 *	  give it to an idle worker ------------> has the link
 *	    or put it into the line ------------> takes it from there, before it idles
 *	  sleep                                   copy the call out
 *	                                          take: QUEUED -> TAKEN
 *	                                          ... user space ...
 *	  DONE, collect: -> FREE <--------------- answer: TAKEN -> DONE
 *
 * A QUEUED link is in one hand: of the caller that dispatches it, of the line, or of a
 * worker.  So is the reference to the binding that goes with it; TAKEN keeps it, and who
 * ends the call drops it.  A caller that gives up takes the link out of the line; if it is
 * not there but still QUEUED, it makes it FREE all the same, and who has it finds the
 * token changed, and forgets it.
 *
 * An idle worker and a waiting call do not miss each other: the worker looks at the
 * line after it has joined a pool, the caller counts the idle after it has joined the
 * line, with a full barrier between on both sides.
 *
 * DOC: Locks of a service
 *
 *	object->lock		the line, the server's mapping, the end
 *	  binding->lock		links: the call engine's lock
 *	    chain lock		who serves which call (chain.c)
 *	pool->lock		idle workers of one processor
 *	service->map_lock	which bindings there are, and their pages; inside the
 *				mmap_lock
 *
 * A call that finds an idle worker on its processor takes the binding's lock, that
 * pool's, and those of chains by their threads.  Links enter the line under both of the
 * first, and leave it under the outer one: who has the inner one and sees a link outside
 * of the line knows that it does not come in.
 *
 * DOC: Handles
 *
 * What a call carries is in its link: put there while that is FREE, or by the worker
 * while it is TAKEN, and taken away likewise.  It is the worker's, and ends with the
 * call, unless it was put there by him: then it is the client's, until the next call.
 * Who installs it takes it out of the link meanwhile, and puts it back if he cannot, and
 * the link is still that call's.  A call that carries nothing looks at one pointer when it
 * begins, and at the same when it ends.
 *
 * DOC: Waiting
 *
 * Waits for a call and for its reply are not charged to the quota of waiters: A-stacks
 * bound the callers, and workers are threads of the server, each of which waits once.
 * Collecting is charged.
 *
 * DOC: Death
 *
 * The server is who has the service mapped: the mapping is not inherited, and goes
 * with the process's memory, when that is killed or executes a program, whoever holds
 * descriptors.  A thread's death nobody tells: once a second, while calls are being
 * served, a patrol looks whether their workers are alive.
 */
#ifndef KIPC_LRPC_H
#define KIPC_LRPC_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "../object.h"
#include "../parcel.h"
#include "../trace.h"

/**
 * struct kipc_pool - idle workers
 * @lock: protects the next, and the verdicts
 * @idle: who came last is the first
 * @patience: of workers that wait here; a hint
 * @yields: so many of the next waits on this processor let all others run; a hint
 */
struct kipc_pool {
	spinlock_t lock;	/* protects the next, and the verdicts */
	struct list_head idle;
	struct kipc_patience patience;
	unsigned int yields;
};

/**
 * struct kipc_slot - a place for a binding
 * @binding: or NULL; under the map_lock or RCU
 * @retired: what its next binding's tokens begin with; under the map_lock, as the rest
 * @user: whose binding it is
 * @used: it is not free
 */
struct kipc_slot {
	struct kipc_binding __rcu *binding;
	u64 retired;
	kuid_t user;
	bool used;
};

/**
 * struct kipc_tally - what has happened
 * @calls: those that were made
 * @replies: of them, replied to
 * @failed: of them, that will not be
 * @abandoned: of them, given up when a worker had them
 * @queued: of them, that found no idle worker
 */
struct kipc_tally {
	u64 calls;
	u64 replies;
	u64 failed;
	u64 abandoned;
	u64 queued;
};

/**
 * struct kipc_service - a service
 * @object: the head
 * @attr: rounded, with defaults
 * @frame_pages: of a binding
 * @stack_pages: of an A-stack
 * @binding_pages: of a binding, all together
 * @pools: one for each processor
 * @slots: as many as there may be bindings
 * @idle: workers in the pools
 * @serving: calls that workers have
 * @patrol: looks for dead workers
 * @patrolling: it will run; whoever takes a call looks at it, under the binding's lock
 * @map_lock: protects the next, and the slots
 * @bindings: slots in use
 * @past: what the bindings that are gone have done
 * @line: links that wait for a worker; under the object's lock, as the rest
 * @waiting: how many
 * @servers: handles that may serve
 * @mm: of who has mapped it, or had; referenced
 * @maps: its mappings
 * @ended: 0, or what who calls is told; set once; also read without the lock
 * @stopped: KIPC_IOC_SERVICE_STOP; likewise
 */
struct kipc_service {
	struct kipc_object object;
	struct kipc_service_attr attr;
	u32 frame_pages;
	u32 stack_pages;
	u32 binding_pages;
	struct kipc_pool __percpu *pools;
	struct kipc_slot *slots;
	atomic_t idle ____cacheline_aligned_in_smp;
	atomic_t serving;
	struct delayed_work patrol;
	bool patrolling;

	struct mutex map_lock;	/* protects the next, and the slots */
	u32 bindings;
	struct kipc_tally past;

	struct list_head line;
	u32 waiting;
	u32 servers;
	struct mm_struct *mm;
	u32 maps;
	int ended;
	bool stopped;
};

/**
 * struct kipc_link - an A-stack's linkage record
 * @call: the engine's part
 * @binding: of this one
 * @frame: in shared memory
 * @offset: of the A-stack in the server's mapping
 * @line: in the service's; see "Locks of a service"
 * @chain: among those that are served; under a chain lock
 * @patience: of its callers
 * @depth: how many calls its caller was serving, one inside the other
 * @path: the services of these, the outermost first
 * @queued: it has been in the line
 * @connects: it asks for the binding
 * @back: @parcel is the worker's, for the client
 * @parcel: what the call or its reply carries, or NULL
 * @worker: the thread that has it or had it, referenced; or NULL
 * @process: the caller's, or the last one's, referenced; or NULL
 * @thread: likewise
 * @uid: the caller's effective user
 * @gid: its effective group
 * @procedure: from the frame
 * @args: likewise
 *
 * All is protected by the binding's lock, but for @line and @chain.
 */
struct kipc_link {
	struct kipc_call call;
	struct kipc_binding *binding;
	struct kipc_frame *frame;
	u64 offset;
	struct list_head line;
	struct hlist_node chain;
	struct kipc_patience patience;
	u32 depth;
	bool queued;
	bool connects;
	bool back;
	struct kipc_parcel *parcel;
	u64 path[KIPC_CHAIN_MAX - 1];
	struct pid *worker;
	struct pid *process;
	struct pid *thread;
	kuid_t uid;
	kgid_t gid;
	u64 procedure;
	u64 args[8];
};

/**
 * struct kipc_binding - a client's way into a service
 * @service: that one; its handle holds it, or a worker's
 * @rcu: whoever looks for it by a token
 * @refs: its handle, and each call that is QUEUED or TAKEN
 * @slot: number of it
 * @value: what the server calls it by; set before it can be called
 * @pages: frames, then A-stacks
 * @lock: protects the rest, and the links
 * @calls: the engine's
 * @tally: of this binding; its calls and replies are in @calls
 * @links: one for each A-stack, behind it
 */
struct kipc_binding {
	struct kipc_service *service;
	struct rcu_head rcu;
	refcount_t refs;
	u32 slot;
	u64 value;
	struct page **pages;

	spinlock_t lock;	/* protects the rest, and the links */
	struct kipc_calls calls;
	struct kipc_tally tally;
	struct kipc_link *links;
};

/**
 * struct kipc_service_handle - a handle of a service
 * @handle: the head
 * @binding: or NULL; set once, also read without the lock
 * @connecting: somebody makes it; under the object's lock
 */
struct kipc_service_handle {
	struct kipc_handle handle;
	struct kipc_binding *binding;
	bool connecting;
};

extern const struct kipc_kind kipc_service_kind;

static inline struct kipc_service *kipc_service_of(struct kipc_object *object)
{
	return container_of(object, struct kipc_service, object);
}

static inline struct kipc_service_handle *kipc_service_handle_of(struct file *file)
{
	return container_of((struct kipc_handle *)file->private_data,
			    struct kipc_service_handle, handle);
}

static inline struct kipc_link *kipc_link_of(struct kipc_call *call)
{
	return container_of(call, struct kipc_link, call);
}

/* Wait for a call, or for a reply, without patience unless the service has that flag. */
static inline int kipc_service_sleep(const struct kipc_service *service, u32 patient,
				     struct kipc_waiter *waiter, ktime_t deadline,
				     struct kipc_patience *patience)
{
	return service->attr.flags & patient ?
	       kipc_waiter_sleep(waiter, deadline) :
	       kipc_waiter_linger(waiter, deadline, patience,
				  &raw_cpu_ptr(service->pools)->yields);
}

static inline int kipc_service_wait(const struct kipc_service *service, u32 patient,
				    struct kipc_waiter *waiter, ktime_t deadline,
				    struct kipc_patience *patience)
{
	enum kipc_wait what = patient == KIPC_SERVICE_PATIENT ? KIPC_WAIT_CALL :
								KIPC_WAIT_REPLY;
	u64 begun;
	int ret;

	kipc_trace(wait, service->object.id, KIPC_KIND_SERVICE, what, deadline);
	if (likely(!kipc_latency_is_wanted()))
		return kipc_service_sleep(service, patient, waiter, deadline, patience);
	begun = ktime_get_ns();
	ret = kipc_service_sleep(service, patient, waiter, deadline, patience);
	kipc_latency_end(service->object.id, what, begun);
	return ret;
}

/* There are more threads that wait for calls or replies than two: see waiter.h. */
static inline void kipc_service_crowded(struct kipc_service *service)
{
	WRITE_ONCE(raw_cpu_ptr(service->pools)->yields, KIPC_LINGER_YIELDS);
}

/* service.c */
int kipc_service_verdict(struct kipc_service *service);
int kipc_service_farewell(struct kipc_service *service);
void kipc_service_end(struct kipc_service *service, int error, bool gone);

/* binding.c */
int kipc_service_mmap(struct file *file, struct vm_area_struct *vma);
struct kipc_binding *kipc_binding_create(struct kipc_service *service,
					 struct kipc_party *party);
void kipc_binding_release(struct kipc_binding *binding);

/**
 * kipc_binding_put - give a reference up
 * @binding: goes with the last: its handle is closed, and no worker has a call of it
 *
 * Context: process context, may sleep; no lock is held but the mmap_lock.
 */
static inline void kipc_binding_put(struct kipc_binding *binding)
{
	if (refcount_dec_and_test(&binding->refs))
		kipc_binding_release(binding);
}

struct kipc_binding *kipc_binding_next(struct kipc_service *service, u32 *slot);
void kipc_bindings_tally(struct kipc_service *service, struct kipc_tally *sum);

/* connect.c */
long kipc_service_ioctl_connect(struct file *file, void __user *arg, size_t size);
void kipc_service_disconnect(struct kipc_service_handle *own);

/* call.c */
int kipc_link_call(struct kipc_link *link, struct kipc_party *party,
		   ktime_t deadline, bool submit);
bool kipc_link_end(struct kipc_link *link, int result, struct kipc_wake *wake);
struct task_struct *kipc_link_finish(struct kipc_link *link, int result);
int kipc_link_give_up(struct kipc_link *link, u64 token);
void kipc_link_drop(struct kipc_link *link, u64 token, int error);
void kipc_link_pass_on(struct kipc_link *link, u64 token);
long kipc_service_ioctl_call(struct file *file, unsigned long arg);
long kipc_service_ioctl_collect(struct file *file, void __user *arg, size_t size);
long kipc_service_ioctl_cancel(struct file *file, void __user *arg, size_t size);

struct kipc_binding *kipc_binding_of(struct file *file);

/* pool.c */
int kipc_pool_dispatch(struct kipc_link *link, u64 token, bool front);
struct kipc_link *kipc_pool_pop(struct kipc_service *service, u64 *token);
void kipc_pool_dismiss(struct kipc_service *service);

/**
 * struct kipc_worker - a thread of the server that waits for a call
 * @waiter: in the pool
 * @pool: that one
 * @link: what it was given
 * @token: of that
 */
struct kipc_worker {
	struct kipc_waiter waiter;
	struct kipc_pool *pool;
	struct kipc_link *link;
	u64 token;
};

int kipc_pool_await(struct kipc_service *service, struct kipc_worker *worker,
		    ktime_t deadline);

/* serve.c */
long kipc_service_ioctl_serve(struct file *file, void __user *arg, size_t size);
long kipc_service_ioctl_reply(struct file *file, void __user *arg, size_t size);
void kipc_service_patrol(struct work_struct *work);

/* carry.c */
void kipc_link_begin_with(struct kipc_link *link);
void kipc_link_end_with(struct kipc_link *link, int result);
long kipc_service_ioctl_attach(struct file *file, void __user *arg, size_t size);
long kipc_service_ioctl_take(struct file *file, void __user *arg, size_t size);

/* chain.c */
void kipc_chain_add(struct kipc_link *link);
void kipc_chain_remove(struct kipc_link *link);
int kipc_chain_continue(struct kipc_link *link);
bool kipc_chain_visits(const struct kipc_link *link, u64 service);

#endif /* KIPC_LRPC_H */
