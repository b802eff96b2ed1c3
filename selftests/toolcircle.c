// SPDX-License-Identifier: GPL-2.0
/*
 * For the test "tool": three services of one worker each, three clients, and when each
 * service has a call it calls the next: a deadlock.  No chain of calls comes back to where
 * it was, so none is refused.
 */
#include <err.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <kipc.h>

#define SERVICES 3

static int own;
static atomic_int *busy;	/* services that have a call */

static const char *name_of(int number)
{
	static char name[8];

	snprintf(name, sizeof(name), "ring%d", number % SERVICES);
	return name;
}

static void pass_on(void *a_stack, const uint64_t args[8])
{
	struct kipc_binding *next = kipc_connect(name_of(own + 1), NULL, KIPC_FOREVER);
	uint64_t more[8] = { 0 };

	(void)a_stack;
	(void)args;
	(*busy)++;
	while (*busy < SERVICES)
		usleep(1000);
	if (!next || kipc_call(next, 0, 0, more, KIPC_FOREVER) < 0)
		err(EXIT_FAILURE, "ring%d", own);
}

static int serve(void)
{
	static kipc_handler *const handlers[] = { pass_on };
	struct kipc_service_options options = {
		.handlers = handlers,
		.handler_count = 1,
		.mode = 0600,
		.attr.workers = 1,
	};
	struct kipc_service *service = kipc_service_register(name_of(own), &options);

	return !service || kipc_service_run(service);
}

static int call(void)
{
	struct kipc_binding *first = kipc_connect(name_of(own), NULL, KIPC_FOREVER);
	uint64_t args[8] = { 0 };

	return !first || kipc_call(first, 0, 0, args, KIPC_FOREVER) < 0;
}

int main(void)
{
	busy = mmap(NULL, sizeof(*busy), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (busy == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	for (own = 0; own < 2 * SERVICES; own++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return own < SERVICES ? serve() : call();
	}
	for (;;)
		pause();
}
