// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc top: through which objects how much goes, the busiest first. */
#include "table.h"
#include "tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct column columns[] = {
	{ "id", 1, SCOLS_FL_RIGHT, 0 },
	{ "name", 1, SCOLS_FL_TRUNC, 0 },
	{ "kind", 1, 0, 0 },
	{ "owner", 1, 0, 0 },
	{ "waiting", 1, SCOLS_FL_RIGHT, 0 },
	{ "holds", 1, SCOLS_FL_RIGHT, 0 },
	{ "in/s", 1, SCOLS_FL_RIGHT, 0 },
	{ "out/s", 1, SCOLS_FL_RIGHT, 0 },
	{ "waits/s", 1, SCOLS_FL_RIGHT, 0 },
};

/* An object, and what has gone through it since the last look, in a second. */
struct busy {
	const struct object *object;
	double in, out, waits;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int by_rate(const void *one, const void *other)
{
	const struct busy *a = one, *b = other;
	double x = a->in + a->out, y = b->in + b->out;

	if (x != y)
		return x > y ? -1 : 1;
	return a->object->id < b->object->id ? -1 : a->object->id > b->object->id;
}

/* What of @object was there at @since, in @before; of what is new, nothing. */
static struct busy rate_of(const struct object *object, const struct objects *before,
			   double since, double time)
{
	const struct object *old = find_object(before, object->id);
	struct figures was = { 0 }, is = figures_of(object);
	double seconds = time - since;

	if (old)
		was = figures_of(old);
	else
		seconds = time - object->created / 1e9;
	/* What went through it in an instant did not go faster than that. */
	if (seconds < 0.001)
		seconds = 0.001;
	return (struct busy){
		.object = object,
		.in = (is.in - was.in) / seconds,
		.out = (is.out - was.out) / seconds,
		.waits = (is.waits - was.waits) / seconds,
	};
}

static void add_line(struct libscols_table *table, const struct busy *busy)
{
	const struct object *object = busy->object;
	struct libscols_line *line = table_line(table, NULL);
	struct figures figures = figures_of(object);
	char buffer[OBJECT_NAME_SIZE];

	table_set(line, 0, "%" PRIu64, object->id);
	table_set(line, 1, "%s", object_name(object, buffer));
	table_set(line, 2, "%s", kind_name(object->kind));
	table_set(line, 3, "%s", user_name(object->uid, buffer));
	table_set(line, 4, "%u", object->waiters);
	table_set(line, 5, "%" PRIu64, figures.items);
	table_set(line, 6, "%.0f", busy->in);
	table_set(line, 7, "%.0f", busy->out);
	table_set(line, 8, "%.0f", busy->waits);
	table_mark(line, object);
}

static void print(const struct objects *list, const struct objects *before, double since,
		  double time)
{
	struct busy *busy = calloc(list->count + 1, sizeof(*busy));
	struct libscols_table *table;
	size_t i, count = 0;

	if (!busy)
		fail("no memory");
	for (i = 0; i < list->count; i++)
		if (list->item[i].has_stat)
			busy[count++] = rate_of(&list->item[i], before, since, time);
	qsort(busy, count, sizeof(*busy), by_rate);
	table = table_new("objects", columns, COUNT(columns), false);
	for (i = 0; i < count; i++)
		add_line(table, &busy[i]);
	table_end(table);
	free(busy);
}

static void run(const struct filter *filter, uint64_t pause, uint64_t times)
{
	struct timespec wait = { pause / 1000000000, pause % 1000000000 };
	struct objects list, before = { 0 };
	double since = 0, time;

	for (;;) {
		/* They come by number. */
		list = nl_objects(filter);
		time = now();
		table_clear();
		print(&list, &before, since, time);
		free(before.item);
		before = list;
		since = time;
		if (fflush(stdout) || (times && !--times))
			break;
		nanosleep(&wait, NULL);
	}
	free(before.item);
}

int cmd_top(int argc, char **argv)
{
	static const struct option options[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "times", required_argument, NULL, 'n' },
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t pause = 2000000000, times = 0;
	struct filter filter = { .uid = -1 };
	int c;

	while ((c = getopt_long(argc, argv, "d:n:ah", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			pause = seconds_of(optarg);
			break;
		case 'n':
			times = number_of(optarg, "number of times");
			break;
		case 'a':
			filter.all = true;
			break;
		case 'h':
			printf("kipc top [--delay SECONDS] [--times N] [--all]\n\n"
			       "What goes into objects and out of them in a second, and how often somebody\n"
			       "has to wait; the busiest first, every two seconds.  At first since each was\n"
			       "made.  Of those that you may read.\n");
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		bad_usage("'%s': what is that?", argv[optind]);
	nl_open();
	run(&filter, pause ?: 1, times);
	return EXIT_FINE;
}
