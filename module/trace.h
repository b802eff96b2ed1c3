/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Tracepoints
 *
 * kipc:*, for perf, trace-cmd and bpftrace; kipc_trace(7) says what their fields are.
 * They name an object by its number, and have nothing of what is sent.  As long as one is
 * off, it costs a branch that is never taken.  They stand where an operation takes effect,
 * with whatever lock that needs held, so their order for one object is the true one; but
 * kipc_wait may stand behind the lock, and so come after the wake that ends the wait.
 *
 * What they cost, as kipc_trace(7) says, was measured by kbench -o round-trip -s 8 -w same-cpu
 * of .build/bench, under scripts/vm run --icount, with 0 and with 1 in events/kipc/enable, and
 * with kipc_trace() made to do nothing.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kipc

#if !defined(KIPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KIPC_TRACE_H

#include <linux/ktime.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

#include <linux/kipc.h>
#include <linux/kipc_netlink.h>

#define kipc_trace_kind(kind)						\
	__print_symbolic(kind,						\
			 { KIPC_KIND_MAILBOX, "mailbox" },		\
			 { KIPC_KIND_QUEUE, "queue" },			\
			 { KIPC_KIND_PIPE, "pipe" },			\
			 { KIPC_KIND_SERVICE, "service" },		\
			 { KIPC_KIND_MEMORY, "memory" },		\
			 { KIPC_KIND_SEMAPHORES, "semaphores" })

#define kipc_trace_what(what)						\
	__print_symbolic(what,						\
			 { KIPC_WAIT_ROOM, "room" },			\
			 { KIPC_WAIT_DATA, "data" },			\
			 { KIPC_WAIT_REPLY, "reply" },			\
			 { KIPC_WAIT_CALL, "call" },			\
			 { KIPC_WAIT_PEER, "peer" },			\
			 { KIPC_WAIT_ZERO, "zero" })

#define kipc_trace_resource(resource)					\
	__print_symbolic(resource,					\
			 { KIPC_LIMIT_OBJECTS, "objects" },		\
			 { KIPC_LIMIT_BYTES, "bytes" },			\
			 { KIPC_LIMIT_WAITERS, "waiters" },		\
			 { KIPC_LIMIT_CARRIED, "carried" },		\
			 { KIPC_LIMIT_MEMORY, "memory" })

TRACE_EVENT(kipc_create,
	TP_PROTO(u64 id, u32 kind, u32 ipc_ns),
	TP_ARGS(id, kind, ipc_ns),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, kind)
		__field(u32, ipc_ns)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->kind = kind;
		__entry->ipc_ns = ipc_ns;
	),
	TP_printk("id=%llu kind=%s ipc_ns=%u", __entry->id,
		  kipc_trace_kind(__entry->kind), __entry->ipc_ns)
);

DECLARE_EVENT_CLASS(kipc_data,
	TP_PROTO(u64 id, u32 kind, u64 seq, u64 size),
	TP_ARGS(id, kind, seq, size),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, kind)
		__field(u64, seq)
		__field(u64, size)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->kind = kind;
		__entry->seq = seq;
		__entry->size = size;
	),
	TP_printk("id=%llu kind=%s seq=%llu size=%llu", __entry->id,
		  kipc_trace_kind(__entry->kind), __entry->seq, __entry->size)
);

DEFINE_EVENT(kipc_data, kipc_send,
	TP_PROTO(u64 id, u32 kind, u64 seq, u64 size),
	TP_ARGS(id, kind, seq, size)
);

DEFINE_EVENT(kipc_data, kipc_receive,
	TP_PROTO(u64 id, u32 kind, u64 seq, u64 size),
	TP_ARGS(id, kind, seq, size)
);

TRACE_EVENT(kipc_wait,
	TP_PROTO(u64 id, u32 kind, u32 what, ktime_t deadline),
	TP_ARGS(id, kind, what, deadline),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, kind)
		__field(u32, what)
		__field(s64, deadline)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->kind = kind;
		__entry->what = what;
		__entry->deadline = deadline;
	),
	TP_printk("id=%llu kind=%s what=%s deadline=%lld", __entry->id,
		  kipc_trace_kind(__entry->kind), kipc_trace_what(__entry->what),
		  __entry->deadline)
);

TRACE_EVENT(kipc_wake,
	TP_PROTO(pid_t tid, int verdict),
	TP_ARGS(tid, verdict),
	TP_STRUCT__entry(
		__field(pid_t, tid)
		__field(int, verdict)
	),
	TP_fast_assign(
		__entry->tid = tid;
		__entry->verdict = verdict;
	),
	TP_printk("tid=%d verdict=%d", __entry->tid, __entry->verdict)
);

DECLARE_EVENT_CLASS(kipc_calls,
	TP_PROTO(u64 id, u64 token),
	TP_ARGS(id, token),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, token)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->token = token;
	),
	TP_printk("id=%llu token=%llu", __entry->id, __entry->token)
);

DEFINE_EVENT(kipc_calls, kipc_call,
	TP_PROTO(u64 id, u64 token),
	TP_ARGS(id, token)
);

DEFINE_EVENT(kipc_calls, kipc_serve,
	TP_PROTO(u64 id, u64 token),
	TP_ARGS(id, token)
);

DEFINE_EVENT(kipc_calls, kipc_abandon,
	TP_PROTO(u64 id, u64 token),
	TP_ARGS(id, token)
);

TRACE_EVENT(kipc_reply,
	TP_PROTO(u64 id, u64 token, int result),
	TP_ARGS(id, token, result),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, token)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->token = token;
		__entry->result = result;
	),
	TP_printk("id=%llu token=%llu result=%d", __entry->id, __entry->token,
		  __entry->result)
);

TRACE_EVENT(kipc_notify,
	TP_PROTO(u64 id, u32 kind, u32 events),
	TP_ARGS(id, kind, events),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, kind)
		__field(u32, events)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->kind = kind;
		__entry->events = events;
	),
	TP_printk("id=%llu kind=%s events=0x%x", __entry->id,
		  kipc_trace_kind(__entry->kind), __entry->events)
);

TRACE_EVENT(kipc_quota,
	TP_PROTO(uid_t uid, u32 resource, u64 wanted, u64 limit),
	TP_ARGS(uid, resource, wanted, limit),
	TP_STRUCT__entry(
		__field(uid_t, uid)
		__field(u32, resource)
		__field(u64, wanted)
		__field(u64, limit)
	),
	TP_fast_assign(
		__entry->uid = uid;
		__entry->resource = resource;
		__entry->wanted = wanted;
		__entry->limit = limit;
	),
	TP_printk("uid=%u resource=%s wanted=%llu limit=%llu", __entry->uid,
		  kipc_trace_resource(__entry->resource), __entry->wanted,
		  __entry->limit)
);

/*
 * What the kernel makes of a tracepoint is long; where it stands there is only the branch
 * and, behind it, a call.
 */
#define kipc_trace(event, ...)						\
do {									\
	if (trace_kipc_##event##_enabled())				\
		kipc_trace_##event(__VA_ARGS__);			\
} while (0)

void kipc_trace_create(u64 id, u32 kind, u32 ipc_ns);
void kipc_trace_send(u64 id, u32 kind, u64 seq, u64 size);
void kipc_trace_receive(u64 id, u32 kind, u64 seq, u64 size);
void kipc_trace_wait(u64 id, u32 kind, u32 what, ktime_t deadline);
void kipc_trace_wake(pid_t tid, int verdict);
void kipc_trace_call(u64 id, u64 token);
void kipc_trace_serve(u64 id, u64 token);
void kipc_trace_reply(u64 id, u64 token, int result);
void kipc_trace_abandon(u64 id, u64 token);
void kipc_trace_notify(u64 id, u32 kind, u32 events);
void kipc_trace_quota(uid_t uid, u32 resource, u64 wanted, u64 limit);

#endif /* KIPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
