// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc limits: what users hold, and may hold. */
#include "tool.h"
#include "table.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
	{ "user", 0.2, 0, SCOLS_JSON_STRING },
	{ "limit", 0.2, 0, SCOLS_JSON_STRING },
	{ "holds", 0.2, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "may-hold", 0.2, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "of", 0.2, 0, SCOLS_JSON_STRING },
	{ "user-ns", 0.1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
};

enum { USER, LIMIT, HOLDS, MAY_HOLD, OF, USER_NS };

static const char *const what_of[] = {
	[KIPC_LIMIT_OBJECTS]	= "objects",
	[KIPC_LIMIT_BYTES]	= "bytes of the kernel's memory",
	[KIPC_LIMIT_WAITERS]	= "threads that wait",
	[KIPC_LIMIT_CARRIED]	= "handles in messages",
	[KIPC_LIMIT_MEMORY]	= "bytes of shared memory",
};

#define LIMITS COUNT(what_of)

static void list(bool all, bool json)
{
	struct usages usages = nl_limits(all);
	struct libscols_table *table = table_new("limits", columns,
						 COUNT(columns),
						 json);
	struct libscols_line *line;
	char name[32];
	size_t i;

	/* Where all are of one namespace, it needs no column. */
	if (!json && !all)
		scols_column_set_flags(scols_table_get_column(table, USER_NS),
				       SCOLS_FL_HIDDEN);
	for (i = 0; i < usages.count; i++) {
		const struct usage *usage = &usages.item[i];

		line = table_line(table, NULL);
		table_set(line, USER, "%s", user_name(usage->uid, name));
		table_set(line, LIMIT, "%s", resource_name(usage->resource));
		table_set(line, HOLDS, "%" PRIu64, usage->used);
		table_set(line, MAY_HOLD, "%" PRIu64, usage->limit);
		table_set(line, OF, "%s", usage->resource < LIMITS ?
			  what_of[usage->resource] : "?");
		table_set(line, USER_NS, "%u", usage->user_ns);
		if (usage->used >= usage->limit)
			scols_line_set_color(line, "red");
	}
	table_end(table);
	free(usages.item);
}

static void set(char *assignment)
{
	char *value = strchr(assignment, '=');
	uint32_t resource;

	if (!value)
		bad_usage("'%s': NAME=NUMBER", assignment);
	*value++ = 0;
	for (resource = 0; resource < LIMITS; resource++)
		if (!strcmp(resource_name(resource), assignment))
			break;
	if (resource == LIMITS)
		bad_usage("'%s' is no limit: objects, bytes, waiters, carried, memory",
			  assignment);
	if (nl_set_limit(resource, number_of(value, "limit"))) {
		if (errno == EPERM)
			fail("%s: it is for root to change, and not in a container",
			     assignment);
		fail_errno("%s", assignment);
	}
}

int cmd_limits(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool all = false, json = false;
	int c;

	while ((c = getopt_long(argc, argv, "ah", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			all = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			printf("kipc limits [--all] [--json]\n"
			       "kipc limits NAME=NUMBER...\n\n"
			       "What you hold, and what each user may hold; with --all what all users do,\n"
			       "for administrators.  To set a limit: root; it lasts until the module is\n"
			       "unloaded.  Numbers may end in K, M, G.\n");
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	nl_open();
	if (optind == argc) {
		list(all, json);
		return EXIT_FINE;
	}
	for (; optind < argc; optind++)
		set(argv[optind]);
	return EXIT_FINE;
}
