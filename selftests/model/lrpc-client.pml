// SPDX-License-Identifier: GPL-2.0
/* The client's side: who calls, cancels, collects.  See lrpc.pml. */

inline collected(l)
{
	//@ module/call.c kipc_call_detach
	//| call->party = NULL;
	//| call->claim = NULL;
	assert(state[l] == DONE && claim[l] == me);
	assert(result[l] != GRANTED || answered[ghost(l, token[l])]);
	party[l] = false;
	claim[l] = NOBODY;
	state[l] = FREE
}

/* A caller whose wait is over before there is a reply. */
inline leave(l, reason)
{
	//@ module/lrpc/call.c kipc_link_leave
	//| mine = kipc_link_step_out(link, call->token);
	//| if (claim->waiter.verdict != KIPC_WAITING) {
	//| call->claim = NULL;
	//| ret = -EINTR;
	//| done = kipc_link_abandon(link, &wake);
	//| if (mine)
	//| kipc_binding_put(binding);
	//| } while (!done);
	do
	::	step_out(l, token[l]);
		atomic {
			done = true;
			ret = reason;
			if
			:: verdict[me] != WAITING -> ret = 0
			:: verdict[me] == WAITING && state[l] == TAKEN &&
			   reason == EINTR -> claim[l] = NOBODY
			:: else -> abandon(l)
			fi;
			if
			:: mine -> put()
			:: else
			fi;
			mine = false
		}
		if
		:: done -> break
		:: else
		fi
	od
}

proctype caller(byte me)
{
	byte n, l;
	bool submits;
	LOCALS;

	l = me % LINKS;
	submits = (SUBMITS >> me) & 1;
	do
	:: n < CALLS ->
		n++;
		//@ module/lrpc/call.c kipc_link_begin
		//| if (call->state != KIPC_CALL_FREE)
		//| return -EBUSY;
		//| ret = kipc_service_verdict(link->binding->service);
		//| kipc_call_begin(call, party, claim);
		//| refcount_inc(&link->binding->refs);
		//@ module/call.c kipc_call_begin
		//| call->token = kipc_call_next_token(call);
		//| call->state = KIPC_CALL_QUEUED;
		//@ module/lrpc/call.c kipc_link_call
		//| ret = kipc_link_begin(link, party, submit ? NULL : &claim);
		//| ret = kipc_pool_dispatch(link, token, false);
		//| ret = kipc_link_withdraw(link, token, submit, ret);
		//| ret = kipc_service_wait(binding->service, KIPC_SERVICE_PATIENT_CALLERS,
		//| ret = kipc_link_leave(link, &claim, ret);
		//| ret = kipc_link_collect(link);
		//@ module/lrpc/call.c kipc_link_collect
		//| int ret = call->result;
		//| done = kipc_call_rest(call);
		//@ module/call.h kipc_call_rest
		//| call->party = NULL;
		//| call->claim = NULL;
		//| call->state = KIPC_CALL_FREE;
		atomic {
			if
			:: state[l] != FREE || ended -> ret = EBUSY
			:: else ->
				ret = 0;
				token[l] = token[l] + 1;
				state[l] = QUEUED;
				party[l] = true;
				claim[l] = (submits -> NOBODY : me);
				verdict[me] = WAITING;
				refs++;
				hl = l;
				ht = token[l];
				t = ht;
				front = false
			fi
		}
		if
		:: ret != 0
		:: else ->
			dispatch();
			if
			:: ret != 0 ->
				//@ module/lrpc/call.c kipc_link_withdraw
				//| if (call->token != token || call->state != KIPC_CALL_QUEUED) {
				//| } else if (submit && call->claim) {
				//| kipc_link_end(link, error, &wake);
				//| kipc_link_abandon(link, &wake);
				//| kipc_binding_put(binding);
				atomic {
					if
					:: token[l] != t || state[l] != QUEUED -> ret = 0
#ifndef M_LRPC_FORGETS_COLLECTOR
					:: token[l] == t && state[l] == QUEUED &&
					   submits && claim[l] != NOBODY ->
						link_end(l, ret);
						ret = 0
#endif
					:: else -> done = true; abandon(l)
					fi;
					put()
				}
			:: else
			fi;
			if
			:: ret == 0 && !submits ->
				if
				:: verdict[me] != WAITING
				:: atomic { events > 0 -> events-- }; leave(l, ETIMEDOUT)
				:: atomic { events > 0 -> events-- }; leave(l, EINTR)
				fi;
				atomic {
					if
					:: ret == 0 -> collected(l)
					:: else
					fi
				}
			:: else
			fi
		fi;
		atomic { verdict[me] = 0; forget() }
	:: else -> break
	od;
	atomic { running--; n = 0; l = 0 }
}

proctype canceller(byte me)
{
	LOCALS;

	/* Something to cancel, or the end. */
	//@ module/lrpc/call.c kipc_service_ioctl_cancel
	//| ret = !call ? -ENOENT : call->claim ? -EBUSY : 0;
	//| return kipc_link_give_up(kipc_link_of(call), cancel.token);
	atomic {
		if
		:: party[0] && claim[0] == NOBODY -> t = token[0]
		:: ended -> t = 0
		fi
	}
	if
	:: t == 0
	:: else ->
		//@ module/lrpc/call.c kipc_link_give_up
		//| mine = kipc_link_step_out(link, token);
		//| if (link->call.token != token || !link->call.party)
		//| ret = -ENOENT;
		//| else if (link->call.claim)
		//| ret = -EBUSY;
		//| done = kipc_link_abandon(link, &wake);
		//| if (mine && ret)
		//| kipc_link_pass_on(link, token);
		//| kipc_binding_put(binding);
		//| } while (!done);
		//@ module/lrpc/call.c kipc_link_pass_on
		//| int ret = kipc_pool_dispatch(link, token, true);
		//| kipc_link_drop(link, token, ret);
		do
		::	step_out(0, t);
			atomic {
				done = true;
				ret = 0;
				if
				:: token[0] != t || !party[0] -> ret = ENOENT
				:: token[0] == t && party[0] && claim[0] != NOBODY ->
					ret = EBUSY
				:: else -> abandon(0)
				fi
			}
			if
#ifndef M_LRPC_CANCEL_DROPS
			:: mine && ret != 0 ->
				hl = 0;
				ht = t;
				front = true;
				dispatch();
				if
				:: ret != 0 -> link_drop(hl, ht, ret)
				:: else
				fi
			:: mine && ret == 0 -> put()
#else
			:: mine -> put()
#endif
			:: else
			fi;
			mine = false;
			if
			:: done -> break
			:: else
			fi
		od
	fi;
	atomic { running--; forget() }
}

proctype collector(byte me)
{
	byte claims;
	LOCALS;

	//@ module/reply.c kipc_call_claim
	//| call->claim = collector;
	atomic {
		if
		:: party[0] && claim[0] == NOBODY ->
			claims = true;
			claim[0] = me;
			verdict[me] = (state[0] == DONE -> GRANTED : WAITING)
		:: ended
		fi
	}
	if
	:: claims ->
		if
		:: verdict[me] != WAITING
		:: atomic { events > 0 -> events-- };
			atomic {
				if
				:: verdict[me] == WAITING ->
					claim[0] = NOBODY;
					claims = false
				:: else
				fi
			}
		fi;
		atomic {
			if
			:: claims -> collected(0)
			:: else
			fi;
			verdict[me] = 0
		}
	:: else
	fi;
	atomic { running--; claims = false }
}
