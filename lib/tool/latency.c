// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc latency: how long threads wait for an object. */
#include "tool.h"
#include "table.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BAR 40		/* columns of the longest bar */

static const struct column columns[] = {
	{ "what", 0.1, 0, SCOLS_JSON_STRING },
	{ "less-than-ns", 0.2, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "waits", 0.2, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
};

static void print_json(const struct latencies *list)
{
	struct libscols_table *table = table_new("latency", columns,
						 COUNT(columns),
						 true);
	struct libscols_line *line;
	unsigned int n;
	size_t i;

	for (i = 0; i < list->count; i++) {
		for (n = 0; n < KIPC_LATENCY_BUCKETS; n++) {
			if (!list->item[i].counts[n])
				continue;
			line = table_line(table, NULL);
			table_set(line, 0, "%s", wait_name(list->item[i].what));
			table_set(line, 1, "%" PRIu64, UINT64_C(1) << n);
			table_set(line, 2, "%" PRIu64, list->item[i].counts[n]);
		}
	}
	table_end(table);
}

/* 2^n nanoseconds. */
static const char *power(unsigned int n, char buffer[32])
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double time = UINT64_C(1) << n;
	unsigned int unit = 0;

	for (; time >= 1000 && unit < 3; unit++)
		time /= 1000;
	snprintf(buffer, 32, "%.3g%s", time, units[unit]);
	return buffer;
}

static void print_histogram(const struct latency *latency)
{
	unsigned int first = KIPC_LATENCY_BUCKETS, last = 0, n;
	uint64_t all = 0, most = 1;
	char time[32];
	int bar;

	for (n = 0; n < KIPC_LATENCY_BUCKETS; n++) {
		uint64_t count = latency->counts[n];

		if (!count)
			continue;
		if (first > n)
			first = n;
		last = n;
		all += count;
		if (most < count)
			most = count;
	}
	printf("%" PRIu64 " waits for %s\n", all, wait_name(latency->what));
	for (n = first; n <= last; n++) {
		bar = (latency->counts[n] * BAR + most - 1) / most;
		printf("  < %9s %12" PRIu64 " %.*s\n",
		       power(n, time), latency->counts[n], bar,
		       "########################################");
	}
}

static void print(const struct latencies *list)
{
	size_t i;

	if (!list->count)
		printf("It is not counted ('kipc latency --start'), or nobody has waited.\n");
	for (i = 0; i < list->count; i++)
		print_histogram(&list->item[i]);
}

int cmd_latency(int argc, char **argv)
{
	static const struct option options[] = {
		{ "start", no_argument, NULL, 's' },
		{ "stop", no_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct object object;
	struct latencies list;
	bool json = false;
	int c, change = 0;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 's':
		case 'e':
			if (change && change != c)
				bad_usage("--start or --stop?");
			change = c;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			printf("kipc latency [--json] OBJECT\n"
			       "kipc latency --start|--stop OBJECT\n\n"
			       "How long threads have waited for it since --start, and for what.  With\n"
			       "--stop the counts are gone.  Both are for its owner.\n");
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc)
		bad_usage("of which object?");
	nl_open();
	if (!nl_object(argv[optind], &object))
		fail("%s: there is no such object here: see 'kipc ls'", argv[optind]);
	if (change) {
		if (nl_set_latency(object.id, change == 's'))
			fail_errno("%s", argv[optind]);
		return EXIT_FINE;
	}
	list = nl_latencies(object.id);
	if (json)
		print_json(&list);
	else
		print(&list);
	free(list.item);
	return EXIT_FINE;
}
