// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc monitor: events, a line each. */
#include "tool.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

static bool json;
static uint64_t lost;

static void print_time(void)
{
	struct timespec now;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(text, sizeof(text), "%T", localtime(&now.tv_sec));
	printf("%s.%03ld", text, now.tv_nsec / 1000000);
}

/* A string of JSON's. */
static void print_quoted(const char *text)
{
	const unsigned char *c;

	putchar('"');
	for (c = (const unsigned char *)text; *c; c++)
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (iscntrl(*c))
			printf("\\u%04x", *c);
		else
			putchar(*c);
	putchar('"');
}

static void print_json(const struct event *event)
{
	char name[OBJECT_NAME_SIZE];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	printf("{\"time\": %lld.%03ld, \"event\": \"%s\"", (long long)now.tv_sec,
	       now.tv_nsec / 1000000, event_name(event->what));
	if (event->what == KIPC_HAPPENED_LIMIT)
		printf(", \"resource\": \"%s\"", resource_name(event->resource));
	else
		printf(", \"id\": %" PRIu64 ", \"kind\": \"%s\"", event->id,
		       kind_name(event->kind));
	if (*event->name) {
		printf(", \"name\": ");
		print_quoted(json_name(event->name, name));
	}
	printf(", \"uid\": %u, \"pid\": %u, \"by\": %u, \"lost\": %" PRIu64 "}\n",
	       event->uid, event->pid, event->cause, event->lost);
}

static void print_line(const struct event *event)
{
	struct object object = { .id = event->id };
	char name[OBJECT_NAME_SIZE];

	if (event->lost != lost)
		printf("%" PRIu64 " events were lost\n", event->lost - lost);
	lost = event->lost;
	print_time();
	strcpy(object.name, event->name);
	if (event->what == KIPC_HAPPENED_LIMIT)
		printf(" limit    of %s, user %s", resource_name(event->resource),
		       user_name(event->uid, name));
	else
		printf(" %-8s %s %s", event_name(event->what), kind_name(event->kind),
		       object_name(&object, name));
	if (event->pid)
		printf(" by %u (%s)", event->pid, process_name(event->pid, name));
	putchar('\n');
}

static void tell(const struct event *event)
{
	if (json)
		print_json(event);
	else
		print_line(event);
	fflush(stdout);
}

static void usage(void)
{
	printf("kipc monitor [OPTION]...\n\n"
	       "  -e, --event EVENT   these alone, and again for more: created, opened,\n"
	       "                      unlinked, removed, ended, limit, died (a server), busy\n"
	       "                      (all of a service's workers), dropped (a letter)\n"
	       "  -n, --number N      end after so many\n"
	       "  -a, --all           of all IPC namespaces; for administrators\n"
	       "      --json          an object of JSON in each line\n");
}

static uint64_t left;

static void tell_so_many(const struct event *event)
{
	if (left) {
		tell(event);
		left--;
	}
}

int cmd_monitor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "event", required_argument, NULL, 'e' },
		{ "number", required_argument, NULL, 'n' },
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint32_t events = 0;
	bool all = false;
	int c;

	left = UINT64_MAX;
	while ((c = getopt_long(argc, argv, "e:n:ah", options, NULL)) != -1) {
		switch (c) {
		case 'e':
			events |= event_of(optarg);
			break;
		case 'n':
			left = number_of(optarg, "number of events");
			break;
		case 'a':
			all = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			usage();
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		bad_usage("'%s': what is that?", argv[optind]);
	nl_open();
	nl_subscribe(events ?: KIPC_HAPPENED_ALL, all);
	while (left && !ferror(stdout))
		nl_events(tell_so_many);
	return EXIT_FINE;
}
