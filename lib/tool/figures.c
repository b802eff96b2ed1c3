// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is inside of objects. */
#include "tool.h"

#include <inttypes.h>

/**
 * figures_of - what can be said of any kind
 * @object: with a stat
 *
 * Returns the figures; those that its kind has not are 0.
 */
struct figures figures_of(const struct object *object)
{
	const struct kipc_mailbox_stat *mailbox = &object->stat.mailbox;
	const struct kipc_queue_stat *queue = &object->stat.queue;
	const struct kipc_pipe_stat *pipe = &object->stat.pipe;
	const struct kipc_service_stat *service = &object->stat.service;
	const struct kipc_memory_stat *memory = &object->stat.memory;
	const struct kipc_sem_stat *semaphores = &object->stat.semaphores;

	switch (object->kind) {
	case KIPC_KIND_MAILBOX:
		return (struct figures){
			.items = mailbox->letters,
			.limit = mailbox->attr.max_letters,
			.in = mailbox->sent,
			.out = mailbox->received,
			.waits = mailbox->send_waits + mailbox->recv_waits,
		};
	case KIPC_KIND_QUEUE:
		return (struct figures){
			.items = queue->messages,
			.limit = queue->attr.max_messages,
			.in = queue->sent,
			.out = queue->received,
			.waits = queue->send_waits + queue->recv_waits,
		};
	case KIPC_KIND_PIPE:
		return (struct figures){
			.items = pipe->bytes,
			.limit = pipe->attr.capacity,
			.in = pipe->written_bytes,
			.out = pipe->read_bytes,
			.waits = pipe->write_waits + pipe->read_waits,
		};
	case KIPC_KIND_SERVICE:
		return (struct figures){
			.items = (uint64_t)service->waiting + service->serving,
			.limit = ~0ULL,
			.in = service->calls,
			.out = service->replies,
			.waits = service->queued,
		};
	case KIPC_KIND_MEMORY:
		return (struct figures){
			.items = memory->count,
			.limit = ~0ULL,
			.in = memory->rings,
			.out = memory->rings,
			.waits = memory->waits,
		};
	case KIPC_KIND_SEMAPHORES:
		return (struct figures){
			.items = semaphores->attr.count,
			.limit = ~0ULL,
			.in = semaphores->operations,
			.out = semaphores->operations,
			.waits = semaphores->waits,
		};
	default:
		return (struct figures){ .limit = ~0ULL };
	}
}

static void say(const char *what, uint64_t n)
{
	if (n == UINT64_MAX)
		printf("%-20s no limit\n", what);
	else
		printf("%-20s %" PRIu64 "\n", what, n);
}

static void say_pid(const char *what, uint32_t pid)
{
	char buffer[32];

	if (pid)
		printf("%-20s %u (%s)\n", what, pid, process_name(pid, buffer));
}

static void show_mailbox(const struct kipc_mailbox_stat *stat)
{
	if (stat->attr.max_letters) {
		say("letters", stat->letters);
		say("at most", stat->attr.max_letters);
		say("bytes", stat->bytes);
		say("at most", stat->attr.max_bytes);
	} else {
		printf("%-20s none: a rendezvous\n", "room");
	}
	say("longest letter", stat->attr.letter_size);
	say("peak letters", stat->peak_letters);
	say("sent", stat->sent);
	say("received", stat->received);
	say("dropped", stat->dropped);
	say("sends that waited", stat->send_waits);
	say("receives that waited", stat->recv_waits);
	if (stat->calls) {
		say("calls", stat->calls);
		say("replies", stat->replies);
		say("being served", stat->serving);
	}
}

static void show_queue(const struct kipc_queue_stat *stat)
{
	say("messages", stat->messages);
	say("at most", stat->attr.max_messages);
	say("bytes", stat->bytes);
	say("at most", stat->attr.max_bytes);
	say("peak messages", stat->peak_messages);
	say("sent", stat->sent);
	say("received", stat->received);
	say("sends that waited", stat->send_waits);
	say("receives that waited", stat->recv_waits);
	say_pid("last sender", stat->send_pid);
	say_pid("last receiver", stat->recv_pid);
}

static void show_pipe(const struct kipc_pipe_stat *stat)
{
	say("bytes", stat->bytes);
	say("capacity", stat->attr.capacity);
	say("atomic write", stat->attr.atomic_size);
	say("peak bytes", stat->peak_bytes);
	say("written", stat->written_bytes);
	say("read", stat->read_bytes);
	say("writes that waited", stat->write_waits);
	say("reads that waited", stat->read_waits);
	say("writers", stat->writers);
	say("readers", stat->readers);
}

static void show_service(const struct kipc_service_stat *stat)
{
	say("A-stack", stat->attr.stack_size);
	say("A-stacks per binding", stat->attr.stacks);
	say("bindings", stat->bindings);
	say("at most", stat->attr.bindings);
	say("idle workers", stat->workers);
	say("calls being served", stat->serving);
	say("calls that wait", stat->waiting);
	say("calls", stat->calls);
	say("replies", stat->replies);
	say("had to wait", stat->queued);
	say("failed", stat->failed);
	say("given up", stat->abandoned);
}

static void show_memory(const struct kipc_memory_stat *stat)
{
	say("bytes", stat->size);
	say("mappings", stat->attached);
	say("seals", stat->seals);
	say_pid("made by", stat->creator_pid);
	say_pid("last mapped by", stat->last_pid);
	say("doorbell", stat->count);
	say("rings", stat->rings);
	say("waits", stat->waits);
}

static void show_semaphores(const struct kipc_sem_stat *stat)
{
	say("semaphores", stat->attr.count);
	say("at most", stat->attr.max);
	say("operations", stat->operations);
	say("that waited", stat->waits);
	say("to be undone for", stat->undos);
}

/**
 * show_figures - all that is inside, line by line
 * @object: with a stat
 */
void show_figures(const struct object *object)
{
	switch (object->kind) {
	case KIPC_KIND_MAILBOX:
		show_mailbox(&object->stat.mailbox);
		break;
	case KIPC_KIND_QUEUE:
		show_queue(&object->stat.queue);
		break;
	case KIPC_KIND_PIPE:
		show_pipe(&object->stat.pipe);
		break;
	case KIPC_KIND_SERVICE:
		show_service(&object->stat.service);
		break;
	case KIPC_KIND_MEMORY:
		show_memory(&object->stat.memory);
		break;
	case KIPC_KIND_SEMAPHORES:
		show_semaphores(&object->stat.semaphores);
		break;
	}
}
