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

/* Whom a call waits for: the thread, and its process; and whether it waits for itself. */
struct link {
	uint32_t tid;
	uint32_t pid;
	bool circle;
};

/* Found once, for anybody can make thousands of calls. */
static struct link *links;		/* of each call */
static const struct row **callers;	/* calls by the thread that waits, and in order */
static size_t caller_count;

static const char *name_of(uint64_t id, char *buffer)
{
	const struct object *object = find_object(&objects, id);

	if (object)
		return object_name(object, buffer);
	sprintf(buffer, "#%" PRIu64, id);
	return buffer;
}

static const char *kind_of_id(uint64_t id)
{
	const struct object *object = find_object(&objects, id);

	return object ? kind_name(object->kind) : "object";
}

static int compare_caller(const void *one, const void *other)
{
	const struct row *a = *(const struct row *const *)one;
	const struct row *b = *(const struct row *const *)other;

	return a->tid < b->tid ? -1 : a->tid > b->tid ? 1 : a < b ? -1 : a > b;
}

/* Of calls that somebody waits for who can be seen. */
static void find_callers(void)
{
	size_t i;

	for (i = 0; i < calls.count; i++)
		if (calls.item[i].tid && calls.item[i].stage != KIPC_STAGE_DONE &&
		    calls.item[i].stage != KIPC_STAGE_ORPHAN)
			callers[caller_count++] = &calls.item[i];
	qsort(callers, caller_count, sizeof(*callers), compare_caller);
}

/* The call that a thread waits for, or NULL. */
static const struct row *call_of(uint32_t tid)
{
	size_t low = 0, high = caller_count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (callers[middle]->tid < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < caller_count && callers[low]->tid == tid ? callers[low] : NULL;
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
 * The thread that has a call.  Of a mailbox's server only the process is known: then the
 * one of its threads that waits, if it is one alone.
 */
static uint32_t server_of(const struct row *call)
{
	uint32_t found = 0;
	size_t i;

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

/* Whom a call waits for that nobody has taken. */
static struct link busy_server_of(const struct row *call)
{
	struct link first = { 0 };
	size_t i;

	if (has_idle(call->id))
		return first;
	for (i = 0; i < calls.count; i++) {
		const struct row *other = &calls.item[i];

		if (other->id != call->id || (other->stage != KIPC_STAGE_SERVED &&
					      other->stage != KIPC_STAGE_ORPHAN))
			continue;
		/* He does something, and may be done soon. */
		if (!call_of(other->server_tid))
			return (struct link){ 0 };
		if (!first.tid)
			first = (struct link){ .tid = other->server_tid,
					       .pid = other->server_pid };
	}
	return first;
}

/* Whom a call of callers[] waits for. */
static const struct link *link_of(const struct row *call)
{
	return &links[call - calls.item];
}

/* In a circle each thread is reached from itself. */
static bool comes_back(uint32_t tid)
{
	const struct row *call;
	uint32_t at = tid;
	size_t steps;

	for (steps = 0; steps <= caller_count; steps++) {
		call = call_of(at);
		if (!call)
			return false;
		at = link_of(call)->tid;
		if (at == tid)
			return true;
	}
	return false;
}

static void find_links(void)
{
	struct row *call;
	size_t i;

	for (i = 0; i < calls.count; i++)
		calls.item[i].server_tid = server_of(&calls.item[i]);
	for (i = 0; i < calls.count; i++) {
		call = &calls.item[i];
		if (call->stage != KIPC_STAGE_QUEUED)
			links[i] = (struct link){ .tid = call->server_tid,
						  .pid = call->server_pid };
		else if (i && call[-1].id == call->id &&
			 call[-1].stage == KIPC_STAGE_QUEUED)
			links[i] = links[i - 1];
		else
			links[i] = busy_server_of(call);
	}
	for (i = 0; i < caller_count; i++)
		links[callers[i] - calls.item].circle = comes_back(callers[i]->tid);
}

static bool in_circle(uint32_t tid)
{
	const struct row *call = call_of(tid);

	return call && link_of(call)->circle;
}

static bool is_served_by_somebody(uint32_t tid)
{
	size_t i;

	for (i = 0; i < calls.count; i++)
		if (calls.item[i].stage == KIPC_STAGE_SERVED && calls.item[i].tid &&
		    calls.item[i].server_tid == tid)
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
		pid = link_of(call)->pid;
		tid = link_of(call)->tid;
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
	uint32_t tid = start;

	printf("DEADLOCK: these wait for each other\n");
	do {
		call = call_of(tid);
		print_thread(call->pid, call->tid, 1);
		printf(" calls %s %s, for %s\n", kind_of_id(call->id),
		       name_of(call->id, name), for_people_time(call->since, age));
		tid = link_of(call)->tid;
	} while (tid != start);
	printf("    ... which is served by the first\n");
}

/* Each circle once: from its least thread. */
static bool is_first_of_circle(uint32_t start)
{
	uint32_t tid = start;

	do {
		tid = link_of(call_of(tid))->tid;
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
	links = calloc(calls.count + 1, sizeof(*links));
	callers = calloc(calls.count + 1, sizeof(*callers));
	if (!links || !callers)
		fail("no memory");
	find_callers();
	find_links();
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
	free(links);
	free(callers);
	return circles ? EXIT_FAILED : EXIT_FINE;
}
