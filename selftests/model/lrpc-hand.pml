// SPDX-License-Identifier: GPL-2.0
/* From hand to hand: pool.c, and how a call ends.  See lrpc.pml. */

/* With the binding's lock. */
inline link_end(l, res)
{
	//@ module/lrpc/call.c kipc_link_end
	//| if (link->call.state == KIPC_CALL_TAKEN) {
	//| kipc_call_end(&link->call, result, wake);
	//@ module/call.c kipc_call_end
	//| call->state = KIPC_CALL_DONE;
	//| call->result = result;
	//| if (!call->party) {
	//| kipc_call_discard(call, wake);
	//| } else if (claim) {
	//| kipc_waiter_wake(&claim->waiter,
	result[l] = res;
	state[l] = (party[l] -> DONE : FREE);
	if
	:: party[l] && claim[l] != NOBODY -> verdict[claim[l]] = GRANTED
	:: else
	fi
}

/* @l, @tok: what is in this hand. */
inline link_drop(l, tok, res)
{
	//@ module/lrpc/call.c kipc_link_drop
	//| if (link->call.token == token && link->call.state == KIPC_CALL_QUEUED)
	//| kipc_link_end(link, error, &wake);
	//| kipc_binding_put(binding);
	atomic {
		if
		:: token[l] == tok && state[l] == QUEUED -> link_end(l, res)
		:: else
		fi;
		put()
	}
}

/* Gives hl and ht, or hl is NOBODY. */
inline pop()
{
	//@ module/lrpc/pool.c kipc_pool_pop
	//| spin_lock(&service->object.lock);
	//| *token = link->call.token;
	//| list_del_init_careful(&link->line);
	//| spin_unlock(&service->object.lock);
	atomic {
		!locked;
		if
		:: lines == 0 -> hl = NOBODY
		:: else ->
			hl = line[0];
			locked = true;
#ifdef M_LRPC_TOKEN_OF_THE_NEXT
			line_cut(hl)
#else
			ht = token[hl]
#endif
		fi
	}
	if
	:: hl == NOBODY
	:: else ->
		atomic {
#ifdef M_LRPC_TOKEN_OF_THE_NEXT
			ht = token[hl];
#else
			line_cut(hl);
#endif
			locked = false
		}
	fi
}

/* hl and ht go to a worker, or into the line: ret is 0, or they are still in this hand. */
inline dispatch()
{
	//@ module/lrpc/pool.c kipc_pool_give
	//| worker = list_first_entry_or_null(&pool->idle, struct kipc_worker,
	//| task = kipc_waiter_settle(&worker->waiter, KIPC_GRANTED);
	//| atomic_dec(&service->idle);
	//@ module/lrpc/pool.c kipc_pool_give_any
	//| if (!atomic_read(&service->idle))
	//@ module/lrpc/pool.c kipc_pool_enqueue
	//| ret = kipc_service_verdict(service);
	//| if (link->call.token != token || link->call.state != KIPC_CALL_QUEUED) {
	//| ret = -ECANCELED;
	//| list_move(&link->line, front ? &service->line :
	//@ module/lrpc/pool.c kipc_pool_dispatch
	//| if (likely(kipc_pool_give_any(service, link, token)))
	//| ret = kipc_pool_enqueue(link, token, front);
	//| smp_mb();
	//| if (!atomic_read(&service->idle))
	//| link = kipc_pool_pop(service, &token);
	//| front = true;
	//| if (link == own && token == own_token)
	//| return ret;
	//| kipc_link_drop(link, token, ret);
	own = hl;
	own_t = ht;
	do
	::	atomic {
			if
			:: idles > 0 ->
				x = idle[0];
				idle_cut(x);
				given[x] = hl;
				given_token[x] = ht;
				worker_verdict[x] = GRANTED;
				x = 0;
				ret = 0;
				break
			:: else
			fi
		}
		atomic {
			!locked;
			if
			:: token[hl] != ht || state[hl] != QUEUED ->
				ret = ECANCELED; goto still
			:: else ->
				if
				:: ended -> ret = EPIPE; goto still
				:: else -> line_add(hl, front)
				fi
			fi
		}
		ret = 0;
#ifdef M_LRPC_NO_COUNT
		break;
#endif
		if
		:: idles == 0 -> break
		:: else
		fi;
		pop();
		if
		:: hl == NOBODY -> break
		:: else -> front = true
		fi
	od;
	goto out;
still:
#ifdef M_LRPC_OWN_LINK
	if
	:: hl == own -> goto out
#else
	if
	:: hl == own && ht == own_t -> goto out
#endif
	:: else
	fi;
	link_drop(hl, ht, ret);
	ret = 0;
out:	skip
}

/* With the binding's lock: done is false if it is in the line. */
inline abandon(l)
{
	//@ module/lrpc/call.c kipc_link_abandon
	//| if (call->state != KIPC_CALL_QUEUED) {
	//| kipc_call_abandon(call, wake);
	//| if (!list_empty_careful(&link->line))
	//| return false;
	//| kipc_call_withdraw(call, wake);
	//| call->token = kipc_call_next_token(call);
	if
	:: state[l] != QUEUED ->
		party[l] = false;
		claim[l] = NOBODY;
		if
		:: state[l] == DONE -> state[l] = FREE
		:: else
		fi
	:: else ->
		if
		:: lined[l] -> done = false
		:: else ->
			assert(!taken[ghost(l, token[l])]);
			party[l] = false;
			claim[l] = NOBODY;
			state[l] = FREE;
			token[l] = token[l] + 1
		fi
	fi
}

inline step_out(l, tok)
{
	//@ module/lrpc/call.c kipc_link_step_out
	//| there = !list_empty(&link->line) && link->call.token == token;
	atomic {
		!locked;
#ifdef M_LRPC_OUT_ANY
		mine = lined[l];
#else
		mine = lined[l] && token[l] == tok;
#endif
		if
		:: mine -> line_cut(l)
		:: else
		fi
	}
}
