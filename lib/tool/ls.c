// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc ls: objects as a table. */
#include "table.h"
#include "tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct column columns[] = {
	{ "id", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	/* Never cut: a line may be wider than the terminal, a name has to be whole. */
	{ "name", 1, 0, SCOLS_JSON_STRING },
	{ "kind", 1, 0, SCOLS_JSON_STRING },
	{ "owner", 1, 0, SCOLS_JSON_STRING },
	{ "group", 1, 0, SCOLS_JSON_STRING },
	{ "mode", 1, SCOLS_FL_RIGHT, SCOLS_JSON_STRING },
	{ "handles", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "waiting", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "holds", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "in", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "out", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "age", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	{ "flags", 1, 0, SCOLS_JSON_STRING },
	{ "ipc-ns", 1, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
};

/* For who may not see it. */
#define HIDDEN(json) ((json) ? "null" : "-")

enum sort { BY_ID, BY_NAME, BY_KIND, BY_WAITING, BY_HOLDS, BY_IN, BY_AGE };

static const char *const sorts[] = {
	"id", "name", "kind", "waiting", "holds", "in", "age",
};

static enum sort sort;

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare(const void *one, const void *other)
{
	const struct object *a = one, *b = other;
	int order = 0;

	switch (sort) {
	case BY_NAME:
		order = strcmp(a->name, b->name);
		break;
	case BY_KIND:
		order = compare_numbers(a->kind, b->kind);
		break;
	case BY_WAITING:
		order = compare_numbers(b->waiters, a->waiters);
		break;
	case BY_HOLDS:
		order = compare_numbers(figures_of(b).items, figures_of(a).items);
		break;
	case BY_IN:
		order = compare_numbers(figures_of(b).in, figures_of(a).in);
		break;
	case BY_AGE:
		order = compare_numbers(a->created, b->created);
		break;
	case BY_ID:
		break;
	}
	return order ?: compare_numbers(a->id, b->id);
}

static uint64_t age_of(const struct object *object)
{
	struct timespec now;
	uint64_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = now.tv_sec * 1000000000ULL + now.tv_nsec;
	return n > object->created ? n - object->created : 0;
}

static const char *flags_of(const struct object *object)
{
	static const char *const words[] = {
		"", "persistent", "removed", "persistent,removed",
	};

	return words[object->flags & 3];
}

static void add_line(struct libscols_table *table, const struct object *object,
		     bool json)
{
	struct libscols_line *line = table_line(table, NULL);
	struct figures figures = figures_of(object);
	char buffer[OBJECT_NAME_SIZE];

	table_set(line, 0, "%" PRIu64, object->id);
	table_set(line, 1, "%s", json ? json_name(object->name, buffer) :
					object_name(object, buffer));
	table_set(line, 2, "%s", kind_name(object->kind));
	table_set(line, 3, "%s", user_name(object->uid, buffer));
	table_set(line, 4, "%s", group_name(object->gid, buffer));
	table_set(line, 5, "%04o", object->mode);
	table_set(line, 6, "%u", object->handles);
	if (object->has_stat) {
		table_set(line, 7, "%u", object->waiters);
		table_set(line, 8, "%" PRIu64, figures.items);
		table_set(line, 9, "%" PRIu64, figures.in);
		table_set(line, 10, "%" PRIu64, figures.out);
	} else {
		table_set(line, 7, "%s", HIDDEN(json));
		table_set(line, 8, "%s", HIDDEN(json));
		table_set(line, 9, "%s", HIDDEN(json));
		table_set(line, 10, "%s", HIDDEN(json));
	}
	if (json)
		table_set(line, 11, "%.3f", age_of(object) / 1e9);
	else
		table_set(line, 11, "%s", for_people_time(age_of(object), buffer));
	table_set(line, 12, "%s", flags_of(object));
	table_set(line, 13, "%u", object->ipc_ns);
	table_mark(line, object);
}

static void list_once(const struct filter *filter, bool json)
{
	size_t i, count = COUNT(columns);
	struct objects list = nl_objects(filter);
	struct libscols_table *table;

	/* Where all are of one namespace, it needs no column. */
	table = table_new("objects", columns, count, json);
	if (!json && !filter->all)
		scols_column_set_flags(scols_table_get_column(table, count - 1),
				       SCOLS_FL_HIDDEN);
	qsort(list.item, list.count, sizeof(*list.item), compare);
	for (i = 0; i < list.count; i++)
		add_line(table, &list.item[i], json);
	table_end(table);
	free(list.item);
}

static enum sort sort_of(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(sorts); i++)
		if (!strcmp(sorts[i], name))
			return i;
	bad_usage("'%s': sort by id, name, kind, waiting, holds, in or age", name);
}

static void usage(void)
{
	printf("kipc ls [OPTION]...\n\n"
	       "  -k, --kind KIND     mailbox, queue, pipe, service, memory, semaphores\n"
	       "  -n, --name PATTERN  as of the shell: 'job-*'\n"
	       "  -u, --user USER     who owns it, by name or number\n"
	       "  -w, --waiting       for which somebody waits\n"
	       "  -a, --all           of all IPC namespaces; for administrators\n"
	       "  -s, --sort COLUMN   id, name, kind, waiting, holds, in, age\n"
	       "      --json          as JSON\n"
	       "      --watch SECONDS again and again\n\n"
	       "HOLDS are letters, messages, calls, or the bytes of a pipe; IN and OUT what\n"
	       "went through since it was made.  '-': you may not read the object.\n");
}

/* 0: once. */
static void list(const struct filter *filter, bool json, uint64_t pause)
{
	struct timespec wait = { pause / 1000000000, pause % 1000000000 };

	for (;;) {
		if (pause)
			table_clear();
		list_once(filter, json);
		if (fflush(stdout) || !pause)
			return;
		nanosleep(&wait, NULL);
	}
}

int cmd_ls(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kind", required_argument, NULL, 'k' },
		{ "name", required_argument, NULL, 'n' },
		{ "user", required_argument, NULL, 'u' },
		{ "waiting", no_argument, NULL, 'w' },
		{ "all", no_argument, NULL, 'a' },
		{ "sort", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "watch", required_argument, NULL, 'W' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct filter filter = { .uid = -1 };
	uint64_t pause = 0;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "k:n:u:was:h", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			filter.kind = kind_of(optarg);
			break;
		case 'n':
			if (strlen(optarg) > KIPC_NAME_MAX)
				bad_usage("the pattern is longer than any name");
			filter.pattern = optarg;
			break;
		case 'u':
			filter.uid = uid_of(optarg);
			break;
		case 'w':
			filter.waits = true;
			break;
		case 'a':
			filter.all = true;
			break;
		case 's':
			sort = sort_of(optarg);
			break;
		case 'j':
			json = true;
			break;
		case 'W':
			pause = seconds_of(optarg);
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
	list(&filter, json, pause);
	return EXIT_FINE;
}
