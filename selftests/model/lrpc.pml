// SPDX-License-Identifier: GPL-2.0
/*
 * A call of a service, for spin: whose hand its linkage record (link) is in, and who
 * waits for whom.  See module/lrpc/lrpc.h; `run` explores several configurations.
 *
 * What is modelled.  What happens under a lock is one step, but for two things that
 * are under different locks: who takes a link out of the line has the object's, and
 * who withdraws it has the binding's, so they may meet in between.  At any point
 * where somebody sleeps a deadline may pass or a signal come, as often as EVENTS says,
 * and a worker's buffer may be missing.  Calls are waited for or submitted;
 * submitted ones are cancelled or collected by others.  The service may end at any time
 * (END), else when nothing moves any more.
 *
 * What is left out.  Data, quotas, chains, processors (there is one pool; a caller who
 * misses a worker in a pool that he has already looked at finds it by the count, after
 * he is in the line), memory of bindings, connections, who collects any call, the
 * patrol (a worker's thread does not end).  Sleeping and waking: world.pml has that.
 *
 * What is checked:
 *   - a link enters the line once, and the counts of references agree: 0 at the end;
 *   - no call is taken twice;
 *   - what a caller is told is true: withdrawn, nobody has taken it; replied to, a
 *     worker has replied;
 *   - when nothing moves any more, everybody has been served, unless the service
 *     ended; and then everybody comes back (else spin says "invalid end state").
 *
 * M_... are mistakes.  Functions of the call engine and of the files of module/lrpc that
 * are left out:
 *
 //- module/lrpc/call.c kipc_pid_set kipc_link_sign kipc_link_would_deadlock
 //- module/lrpc/call.c kipc_binding_of kipc_service_ioctl_call
 //- module/lrpc/call.c kipc_service_ioctl_collect
 //- module/lrpc/serve.c kipc_service_should_grow kipc_link_flags kipc_link_hand_out
 //- module/lrpc/serve.c kipc_show_uid kipc_show_gid kipc_worker_fault_in
 //- module/lrpc/serve.c kipc_service_ioctl_serve kipc_service_ioctl_reply
 //- module/lrpc/serve.c kipc_thread_is_dead kipc_binding_patrol kipc_service_patrol
 */

#ifndef LINKS
#define LINKS		1
#endif
#ifndef CALLERS
#define CALLERS		2	/* caller n uses link n % LINKS */
#endif
#ifndef CALLS
#define CALLS		1	/* of each caller */
#endif
#ifndef SUBMITS
#define SUBMITS		0	/* a set of callers: they do not wait */
#endif
#ifndef CANCELS
#define CANCELS		0	/* how many try to cancel, on the first link */
#endif
#ifndef COLLECTS
#define COLLECTS	0	/* and to collect */
#endif
#ifndef WORKERS
#define WORKERS		1
#endif
#ifndef EVENTS
#define EVENTS		0
#endif
#ifndef END
#define END		false
#endif

#define THREADS		(CALLERS + CANCELS + COLLECTS)
#define NOBODY		255

/* Of a call. */
#define FREE		0
#define QUEUED		1
#define TAKEN		2
#define DONE		3

/* Results and verdicts. */
#define GRANTED		0
#define WAITING		1
#define EPIPE		2
#define ECANCELED	3
#define EBUSY		4
#define ENOENT		5
#define ETIMEDOUT	6
#define EINTR		7
#define ENXIO		8

/* struct kipc_link, and its struct kipc_call */
byte state[LINKS];
byte token[LINKS];
bool party[LINKS];
byte claim[LINKS];
byte result[LINKS];
bool lined[LINKS];

/* struct kipc_service; the object's lock, where it is more than one step */
byte line[LINKS];
byte lines;
byte idle[WORKERS];
byte idles;
bool ended;
bool locked;

/* struct kipc_waiter of callers, struct kipc_worker */
byte verdict[THREADS];
byte given[WORKERS];
byte given_token[WORKERS];
byte worker_verdict[WORKERS];

/* What the checks know. */
byte refs;
byte events;
byte running;			/* callers and so on that are not done */
bool taken[LINKS * 16];		/* by token */
bool answered[LINKS * 16];
#define ghost(l, t)	((l) * 16 + (t))

#define LOCALS \
	byte x, t, hl, ht, own, own_t, ret, i; \
	bool front, mine, done

inline line_add(l, at_front)
{
	assert(!lined[l]);
	i = lines;
	do
	:: at_front && i > 0 -> line[i] = line[i - 1]; i--
	:: else -> break
	od;
	line[i] = l;
	lines++;
	lined[l] = true;
	i = 0
}

inline line_cut(l)
{
	i = 0;
	do
	:: line[i] != l -> i++
	:: else -> break
	od;
	lines--;
	do
	:: i < lines -> line[i] = line[i + 1]; i++
	:: else -> break
	od;
	line[i] = 0;
	lined[l] = false;
	i = 0
}

inline idle_cut(w)
{
	i = 0;
	do
	:: idle[i] != w -> i++
	:: else -> break
	od;
	idles--;
	do
	:: i < idles -> idle[i] = idle[i + 1]; i++
	:: else -> break
	od;
	idle[i] = 0;
	i = 0
}

inline put()
{
	assert(refs > 0);
	refs--
}

/* Nothing of what a thread has done last makes a difference. */
inline forget()
{
	hl = NOBODY;
	ht = 0;
	t = 0;
	own = 0;
	own_t = 0;
	ret = 0;
	front = false;
	mine = false;
	done = false
}

#include "lrpc-hand.pml"
#include "lrpc-client.pml"

proctype worker(byte w)
{
	LOCALS;

	do
	::	pop();
		if
		:: hl == NOBODY ->
			if
			:: ended -> break
			:: else
			fi;
			//@ module/lrpc/pool.c kipc_pool_join
			//| list_add(&worker->waiter.node, &pool->idle);
			//| atomic_inc(&service->idle);
			atomic {
				worker_verdict[w] = WAITING;
				i = idles;
				do
				:: i > 0 -> idle[i] = idle[i - 1]; i--
				:: else -> break
				od;
				idle[0] = w;
				idles++
			}
			//@ module/lrpc/pool.c kipc_pool_await
			//| worker->link = kipc_pool_pop(service, &worker->token);
			//| kipc_pool_join(service, worker);
			//| smp_mb__after_atomic();
			//| if (unlikely(!list_empty_careful(&service->line) ||
			//| READ_ONCE(service->ended)))
			//| ret = kipc_service_wait(service, KIPC_SERVICE_PATIENT,
			//| ret = kipc_pool_leave(service, worker, ret);
			if
#ifndef M_LRPC_NO_LOOK
			:: lines > 0 || ended
#endif
			:: else ->
				if
				:: worker_verdict[w] != WAITING
				:: atomic { events > 0 -> events-- }
				fi
			fi;
			//@ module/lrpc/pool.c kipc_pool_leave
			//| if (worker->waiter.verdict == KIPC_WAITING)
			//| atomic_dec(&service->idle);
			atomic {
				if
				:: worker_verdict[w] == WAITING -> idle_cut(w)
				:: worker_verdict[w] == GRANTED ->
					hl = given[w];
					ht = given_token[w];
					given[w] = 0;
					given_token[w] = 0
				:: else
				fi
			}
		:: else
		fi;
		if
		:: hl == NOBODY
		:: else ->
			//@ module/lrpc/serve.c kipc_service_next
			//| ret = kipc_pool_await(service, &worker, deadline);
			//| ret = kipc_worker_take(&worker, to);
			//| ret = kipc_worker_fault_in(to);
			//| kipc_link_pass_on(worker.link, worker.token);
			//| kipc_link_drop(worker.link, worker.token, ret);
			ret = 0;
			if
			:: atomic { events > 0 -> events-- };
				/* -EFAULT, or -ERESTARTSYS: it cannot. */
				front = true;
				dispatch();
				if
				:: ret != 0 -> link_drop(hl, ht, ret)
				:: else
				fi;
				goto next
			:: true ->
				//@ module/lrpc/serve.c kipc_worker_take
				//| ret = READ_ONCE(binding->service->ended);
				//| if (link->call.token != worker->token ||
				//| link->call.state != KIPC_CALL_QUEUED)
				//| ret = -ECANCELED;
				//| if (likely(!ret))
				//| kipc_link_take(link);
				//@ module/lrpc/serve.c kipc_link_take
				//| kipc_call_taken(&link->call);
				atomic {
					if
					:: token[hl] != ht || state[hl] != QUEUED ->
						ret = ECANCELED
					:: else ->
						if
						:: ended -> ret = EPIPE
						:: else ->
							assert(!taken[ghost(hl, ht)]);
							taken[ghost(hl, ht)] = true;
							state[hl] = TAKEN
						fi
					fi
				}
			fi;
			if
			:: ret != 0 -> link_drop(hl, ht, ret)
			:: else ->
				//@ module/lrpc/serve.c kipc_link_answer
				//| if (unlikely(link->call.token != reply->token ||
				//| link->call.state != KIPC_CALL_TAKEN))
				//| return *caller || kipc_link_end(link, result, wake) ? 0 : 1;
				//@ module/lrpc/serve.c kipc_service_answer
				//| refcount_dec(&binding->refs);
				//| kipc_binding_put(binding);
				atomic {
					if
					:: token[hl] == ht && state[hl] == TAKEN ->
						answered[ghost(hl, ht)] = true;
						link_end(hl, GRANTED);
						put()
					:: else -> assert(ended)
					fi
				}
			fi
		fi;
next:		atomic { worker_verdict[w] = 0; forget() }
	od
}

init
{
	byte me;
	LOCALS;

	atomic {
		select(events : 0 .. EVENTS);
		do
		:: x < LINKS -> claim[x] = NOBODY; x++
		:: else -> x = 0; break
		od;
		running = THREADS;
		do
		:: x < CALLERS -> run caller(x); x++
		:: x >= CALLERS && x < CALLERS + CANCELS -> run canceller(x); x++
		:: x >= CALLERS + CANCELS && x < THREADS -> run collector(x); x++
		:: else -> x = 0; break
		od;
		do
		:: x < WORKERS -> run worker(x); x++
		:: else -> x = 0; break
		od
	}
	if
	:: END
	:: timeout ->
		/* Who still waits, waits for something to cancel or to collect. */
		assert(lines == 0 && idles == WORKERS);
		atomic {
			do
			:: x < LINKS ->
				assert(state[x] == FREE ||
				       (state[x] == DONE && claim[x] == NOBODY));
				x++
			:: else -> x = 0; break
			od
		}
	fi;
	//@ module/lrpc/service.c kipc_service_end
	//| WRITE_ONCE(service->ended, error);
	//| while ((link = kipc_pool_pop(service, &token))) {
	//| kipc_link_drop(link, token, error);
	//| kipc_pool_dismiss(service);
	//| while (gone && (binding = kipc_binding_next(service, &slot))) {
	//| kipc_binding_fail(binding, error);
	atomic { !locked; ended = true }
	do
	::	pop();
		if
		:: hl == NOBODY -> break
		:: else -> link_drop(hl, ht, EPIPE)
		fi
	od;
	//@ module/lrpc/pool.c kipc_pool_dismiss
	//| atomic_dec(&service->idle);
	//| kipc_waiter_wake(&worker->waiter, error, &wake);
	atomic {
		do
		:: idles > 0 -> worker_verdict[idle[0]] = ENXIO; idle_cut(idle[0])
		:: else -> break
		od
	}
	//@ module/lrpc/service.c kipc_binding_fail
	//| taken = link->call.state == KIPC_CALL_TAKEN;
	//| if (taken || (link->call.state == KIPC_CALL_QUEUED &&
	//| list_empty_careful(&link->line)))
	//| kipc_link_end(link, error, &wake);
	//| kipc_binding_put(binding);
	if
	:: true -> x = LINKS	/* KIPC_IOC_SERVICE_STOP: what workers have is theirs */
	:: true
	fi;
	do
	:: x < LINKS ->
		atomic {
			if
			:: state[x] == TAKEN -> link_end(x, EPIPE); put()
			:: state[x] == QUEUED && !lined[x] -> link_end(x, EPIPE)
			:: else
			fi;
			x++
		}
	:: else -> x = 0; break
	od;
	_nr_pr == 1;
	assert(running == 0 && refs == 0 && lines == 0 && idles == 0);
	do
	:: x < LINKS ->
		assert(state[x] == FREE || (state[x] == DONE && claim[x] == NOBODY));
		x++
	:: else -> break
	od
}
