// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc show: all that is known of one object. */
#include "tool.h"

#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Who holds the object, as /proc tells whoever may look there. */

/* In the order of their bits. */
static const char *const rights[] = {
	"send", "receive", "manage", "call", "serve", "map",
};

static const char *rights_names(unsigned long mask, char buffer[64])
{
	size_t i;

	*buffer = 0;
	for (i = 0; i < COUNT(rights); i++)
		if (mask & (1UL << i)) {
			if (*buffer)
				strcat(buffer, ",");
			strcat(buffer, rights[i]);
		}
	return buffer;
}

/*
 * Does that descriptor belong to the object?  Then its rights are in @mask.  Any may have
 * a line "id:", but only kipc's have "rights:" too.
 */
static bool is_handle(const char *path, uint64_t id, unsigned long *mask)
{
	FILE *file = fopen(path, "re");
	unsigned long long number = 0;
	char line[OBJECT_NAME_SIZE];	/* whole: the rest of a name is none */

	*mask = 0;
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "id:\t%llu", &number) != 1)
			sscanf(line, "rights:\t%lx", mask);
	fclose(file);
	return number == id && *mask;
}

static void holders_of_process(const char *pid, uint64_t id,
			       void (*tell)(uint32_t pid, int fd, unsigned long mask))
{
	char path[300];
	struct dirent *entry;
	unsigned long mask;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid,
			 entry->d_name);
		if (is_handle(path, id, &mask))
			tell(atoi(pid), atoi(entry->d_name), mask);
	}
	closedir(dir);
}

static void each_holder(uint64_t id,
			void (*tell)(uint32_t pid, int fd, unsigned long mask))
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[strspn(entry->d_name, "0123456789")] == 0)
			holders_of_process(entry->d_name, id, tell);
	closedir(dir);
}

static int holders;

static void print_holder(uint32_t pid, int fd, unsigned long mask)
{
	char name[32], list[64];

	if (!holders++)
		printf("\nheld by\n");
	printf("  %u (%s) by descriptor %d: %s\n", pid, process_name(pid, name), fd,
	       rights_names(mask, list));
}

static void print_waiters(const struct rows *rows)
{
	char name[32], age[32];
	size_t i;

	for (i = 0; i < rows->count; i++) {
		const struct row *row = &rows->item[i];

		if (!i)
			printf("\nwaiting for it\n");
		printf("  %u", row->pid);
		if (row->tid != row->pid)
			printf(", thread %u", row->tid);
		printf(" (%s) for %s, for %s\n", process_name(row->pid, name),
		       wait_name(row->what), for_people_time(row->since, age));
	}
}

static void print_calls(const struct rows *rows, bool service)
{
	char name[32], age[32];
	size_t i;

	for (i = 0; i < rows->count; i++) {
		const struct row *row = &rows->item[i];

		if (!i)
			printf("\ncalls\n");
		printf("  %s", stage_name(row->stage));
		if (service)
			printf(" procedure %" PRIu64, row->procedure);
		if (row->pid)
			printf(" of %u (%s)", row->pid, process_name(row->pid, name));
		if (row->server_pid)
			printf(" by %u (%s)", row->server_pid,
			       process_name(row->server_pid, name));
		if (row->server_tid && row->server_tid != row->server_pid)
			printf(", thread %u", row->server_tid);
		if (row->depth)
			printf(", %u deep", row->depth);
		printf(", for %s\n", for_people_time(row->since, age));
	}
}

static void print_head(const struct object *object)
{
	time_t created = object->created / 1000000000;
	char buffer[OBJECT_NAME_SIZE], date[64];

	strftime(date, sizeof(date), "%F %T", localtime(&created));
	printf("%-20s %s\n", kind_name(object->kind), object_name(object, buffer));
	printf("%-20s %" PRIu64 "\n", "number", object->id);
	printf("%-20s %s:%s, mode %04o\n", "owner", user_name(object->uid, buffer),
	       group_name(object->gid, buffer + 32), object->mode);
	printf("%-20s %u\n", "IPC namespace", object->ipc_ns);
	printf("%-20s %s\n", "created", date);
	printf("%-20s %u%s%s\n", "open handles", object->handles,
	       object->flags & KIPC_INFO_PERSISTENT ? ", persistent" : "",
	       object->flags & KIPC_INFO_REMOVED ? ", removed" : "");
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct object object;
	struct rows rows;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c != 'h')
			return EXIT_USAGE;
		printf("kipc show OBJECT\n\n"
		       "OBJECT is a name, or '#' and a number.  Holders are found in /proc, as\n"
		       "far as you may look there.\n");
		return EXIT_FINE;
	}
	if (optind + 1 != argc)
		bad_usage("which object?");
	nl_open();
	if (!nl_object(argv[optind], &object))
		fail("%s: there is no such object here: see 'kipc ls'", argv[optind]);
	print_head(&object);
	if (object.has_stat) {
		printf("\n");
		show_figures(&object);
	} else {
		printf("\nYou may not read it, so what is inside is not shown.\n");
	}
	each_holder(object.id, print_holder);
	rows = nl_waiters(object.id, false);
	print_waiters(&rows);
	free(rows.item);
	rows = nl_calls(object.id, false);
	print_calls(&rows, object.kind == KIPC_KIND_SERVICE);
	free(rows.item);
	return EXIT_FINE;
}
