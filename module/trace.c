// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints themselves: kipc_trace() of trace.h calls these, if they are on.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * kipc_trace_create - an object was created
 * @id: of the object
 * @kind: KIPC_KIND_...
 * @ipc_ns: its IPC namespace
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_create(u64 id, u32 kind, u32 ipc_ns)
{
	trace_kipc_create(id, kind, ipc_ns);
}

/**
 * kipc_trace_send - something was put into an object
 * @id: of the object
 * @kind: KIPC_KIND_...
 * @seq: its number, or the bytes before it
 * @size: of it
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_send(u64 id, u32 kind, u64 seq, u64 size)
{
	trace_kipc_send(id, kind, seq, size);
}

/**
 * kipc_trace_receive - it was taken out
 * @id: of the object
 * @kind: KIPC_KIND_...
 * @seq: its number, or the bytes before it
 * @size: of it
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_receive(u64 id, u32 kind, u64 seq, u64 size)
{
	trace_kipc_receive(id, kind, seq, size);
}

/**
 * kipc_trace_wait - the calling thread begins to wait
 * @id: of the object
 * @kind: KIPC_KIND_...
 * @what: enum kipc_wait
 * @deadline: until then
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_wait(u64 id, u32 kind, u32 what, ktime_t deadline)
{
	trace_kipc_wait(id, kind, what, deadline);
}

/**
 * kipc_trace_wake - it ends another one's wait
 * @tid: of that
 * @verdict: as its call returns it
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_wake(pid_t tid, int verdict)
{
	trace_kipc_wake(tid, verdict);
}

/**
 * kipc_trace_call - a call begins
 * @id: of the object
 * @token: of the call
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_call(u64 id, u64 token)
{
	trace_kipc_call(id, token);
}

/**
 * kipc_trace_serve - a server has it
 * @id: of the object
 * @token: of the call
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_serve(u64 id, u64 token)
{
	trace_kipc_serve(id, token);
}

/**
 * kipc_trace_reply - it is over
 * @id: of the object
 * @token: of the call
 * @result: a reply, or an errno
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_reply(u64 id, u64 token, int result)
{
	trace_kipc_reply(id, token, result);
}

/**
 * kipc_trace_abandon - its caller has given it up
 * @id: of the object
 * @token: of the call
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_abandon(u64 id, u64 token)
{
	trace_kipc_abandon(id, token);
}

/**
 * kipc_trace_notify - others are told
 * @id: of the object
 * @kind: KIPC_KIND_...
 * @events: EPOLL..., KIPC_NEWS_...
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_notify(u64 id, u32 kind, u32 events)
{
	trace_kipc_notify(id, kind, events);
}

/**
 * kipc_trace_quota - a limit refuses something
 * @uid: whose limit
 * @resource: enum kipc_resource
 * @wanted: so much more
 * @limit: of so much
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_trace_quota(uid_t uid, u32 resource, u64 wanted, u64 limit)
{
	trace_kipc_quota(uid, resource, wanted, limit);
}
