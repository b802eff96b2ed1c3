// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kipc tree: who waits for whom.
 *
 * A thread waits for an object, or for the reply to a call, and then for the thread that
 * has the call, if that is known; of a mailbox only the process is.  A call that nobody has
 * taken waits for who serves the object, as long as all of those wait in their turn: for
 * the first of them.  So from each thread at most one way leads on, and who follows it
 * comes to an end, or into a circle.
 */
#include "tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct objects objects;
static struct rows waiters;
static struct rows calls;

static int compare_id(const void *key, const void *item)
{
	const uint64_t *id = key;
	const struct object *object = item;

	return *id < object->id ? -1 : *id > object->id;
}

static const char *name_of(uint64_t id, char *buffer)
{
	const struct object *object;

	object = bsearch(&id, objects.item, objects.count, sizeof(*objects.item),
			 compare_id);
	if (object)
		return object_name(object, buffer);
	sprintf(buffer, "#%" PRIu64, id);
	return buffer;
}

static const char *kind_of_id(uint64_t id)
{
	const struct object *object;

	object = bsearch(&id, objects.item, objects.count, sizeof(*objects.item),
			 compare_id);
	return object ? kind_name(object->kind) : "object";
}

/* The call that a thread waits for, or NULL; those that are not to be seen are all 0. */
static const struct row *call_of(uint32_t tid)
{
	size_t i;

	for (i = 0; tid && i < calls.count; i++)
		if (calls.item[i].tid == tid && calls.item[i].stage != KIPC_STAGE_DONE &&
		    calls.item[i].stage != KIPC_STAGE_ORPHAN)
			return &calls.item[i];
	return NULL;
}

/* What a thread waits for but that, or NULL. */
static const struct row *wait_of(uint32_t tid)
{
	size_t i;

	for (i = 0; i < waiters.count; i++)
		if (waiters.item[i].tid == tid && waiters.item[i].what != KIPC_WAIT_REPLY)
			return &waiters.item[i];
	return NULL;
}

/*
 * The thread that has a call, with its process in @pid.  Of a mailbox's server only the
 * process is known: then the one of its threads that waits, if it is one alone.
 */
static uint32_t server_of(const struct row *call, uint32_t *pid)
{
	uint32_t found = 0;
	size_t i;

	*pid = call->server_pid;
	if (call->server_tid || !call->server_pid)
		return call->server_tid;
	for (i = 0; i < waiters.count; i++)
		if (waiters.item[i].pid == call->server_pid) {
			if (found && found != waiters.item[i].tid)
				return call->server_pid;
			found = waiters.item[i].tid;
		}
	return found ?: call->server_pid;
}

/* Does anybody wait to serve it? */
static bool has_idle(uint64_t id)
{
	size_t i;

	for (i = 0; i < waiters.count; i++)
		if (waiters.item[i].id == id &&
		    (waiters.item[i].what == KIPC_WAIT_CALL ||
		     waiters.item[i].what == KIPC_WAIT_DATA))
			return true;
	return false;
}

/* Whom a call waits for that nobody has taken, or 0. */
static uint32_t busy_server_of(const struct row *call, uint32_t *pid)
{
	uint32_t first = 0, first_pid = 0, tid;
	size_t i;

	if (has_idle(call->id))
		return 0;
	for (i = 0; i < calls.count; i++) {
		const struct row *other = &calls.item[i];

		if (other->id != call->id || (other->stage != KIPC_STAGE_SERVED &&
					      other->stage != KIPC_STAGE_ORPHAN))
			continue;
		tid = server_of(other, pid);
		/* He does something, and may be done soon. */
		if (!call_of(tid))
			return 0;
		if (!first) {
			first = tid;
			first_pid = *pid;
		}
	}
	*pid = first_pid;
	return first;
}

/* Whom a call waits for, and in @pid its process; 0: nobody, or not to be seen. */
static uint32_t next_of(const struct row *call, uint32_t *pid)
{
	return call->stage == KIPC_STAGE_QUEUED ? busy_server_of(call, pid) :
						  server_of(call, pid);
}

static bool is_served_by_somebody(uint32_t tid)
{
	uint32_t pid;
	size_t i;

	for (i = 0; i < calls.count; i++)
		if (calls.item[i].stage == KIPC_STAGE_SERVED && calls.item[i].tid &&
		    server_of(&calls.item[i], &pid) == tid)
			return true;
	return false;
}

static void print_thread(uint32_t pid, uint32_t tid, int depth)
{
	char name[32];

	printf("%*s%u", 4 * depth, "", pid);
	if (tid && tid != pid)
		printf(", thread %u", tid);
	printf(" (%s)", process_name(pid, name));
}

/* In a circle each thread is reached from itself. */
static bool in_circle(uint32_t tid)
{
	const struct row *call;
	uint32_t at = tid, pid;
	size_t steps;

	for (steps = 0; steps <= calls.count; steps++) {
		call = call_of(at);
		if (!call)
			return false;
		at = next_of(call, &pid);
		if (at == tid)
			return true;
	}
	return false;
}

/* From a thread on: what it waits for, and who has that. */
static void follow(uint32_t pid, uint32_t tid, int depth)
{
	char name[OBJECT_NAME_SIZE], age[32];
	const struct row *call, *wait;

	for (;; depth++) {
		print_thread(pid, tid, depth);
		if (in_circle(tid)) {
			printf(" waits in a circle: see above\n");
			return;
		}
		call = call_of(tid);
		if (!call)
			break;
		printf(" calls %s %s, for %s", kind_of_id(call->id),
		       name_of(call->id, name), for_people_time(call->since, age));
		tid = next_of(call, &pid);
		if (call->stage == KIPC_STAGE_QUEUED)
			printf(tid ? ": all who serve it wait" : ": nobody has taken it");
		printf("\n");
		if (!tid && call->stage != KIPC_STAGE_QUEUED)
			printf("%*s? (of another pid namespace)\n", 4 * (depth + 1), "");
		if (!tid)
			return;
	}
	wait = wait_of(tid);
	if (wait)
		printf(" waits for %s of %s %s, for %s", wait_name(wait->what),
		       kind_of_id(wait->id), name_of(wait->id, name),
		       for_people_time(wait->since, age));
	printf("\n");
}

static void print_circle(uint32_t start)
{
	char name[OBJECT_NAME_SIZE], age[32];
	const struct row *call;
	uint32_t tid = start, pid;

	printf("DEADLOCK: these wait for each other\n");
	do {
		call = call_of(tid);
		print_thread(call->pid, call->tid, 1);
		printf(" calls %s %s, for %s\n", kind_of_id(call->id),
		       name_of(call->id, name), for_people_time(call->since, age));
		tid = next_of(call, &pid);
	} while (tid != start);
	printf("    ... which is served by the first\n");
}

/* Each circle once: from its least thread. */
static bool is_first_of_circle(uint32_t start)
{
	uint32_t tid = start, pid;

	do {
		tid = next_of(call_of(tid), &pid);
		if (tid < start)
			return false;
	} while (tid != start);
	return true;
}

int cmd_tree(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct filter filter = { .uid = -1 };
	size_t i, circles = 0;
	int c;

	while ((c = getopt_long(argc, argv, "ah", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			filter.all = true;
			break;
		case 'h':
			printf("kipc tree [--all]\n\n"
			       "Who waits, for what, and who has that: below each thread stands the one\n"
			       "that serves its call.  Threads that wait for each other are pointed out,\n"
			       "and then the exit status is 1.\n");
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		bad_usage("'%s': what is that?", argv[optind]);
	nl_open();
	objects = nl_objects(&filter);
	waiters = nl_waiters(0, filter.all);
	calls = nl_calls(0, filter.all);
	for (i = 0; i < calls.count; i++) {
		const struct row *call = &calls.item[i];

		if (call->tid && call == call_of(call->tid) && in_circle(call->tid) &&
		    is_first_of_circle(call->tid)) {
			print_circle(call->tid);
			circles++;
		}
	}
	/* Those whom nobody waits for stand at the left. */
	for (i = 0; i < calls.count; i++)
		if (calls.item[i].tid && &calls.item[i] == call_of(calls.item[i].tid) &&
		    !is_served_by_somebody(calls.item[i].tid))
			follow(calls.item[i].pid, calls.item[i].tid, 0);
	for (i = 0; i < waiters.count; i++)
		if (waiters.item[i].tid && waiters.item[i].what != KIPC_WAIT_REPLY &&
		    !is_served_by_somebody(waiters.item[i].tid))
			follow(waiters.item[i].pid, waiters.item[i].tid, 0);
	free(objects.item);
	free(waiters.item);
	free(calls.item);
	return circles ? EXIT_FAILED : EXIT_FINE;
}
