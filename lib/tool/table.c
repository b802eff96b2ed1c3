// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tables and JSON, over libsmartcols. */
#include "tool.h"
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/**
 * table_new - begin a table
 * @name: what JSON calls it
 * @columns: of it
 * @count: of them
 * @json: print it as JSON
 *
 * Ends the command if there is no memory.
 */
struct libscols_table *table_new(const char *name, const struct column *columns,
				 size_t count, bool json)
{
	struct libscols_table *table = scols_new_table();
	struct libscols_column *column;
	size_t i;

	if (!table)
		fail("no memory");
	scols_table_enable_json(table, json);
	scols_table_set_name(table, name);
	if (!json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR"))
		scols_table_enable_colors(table, 1);
	for (i = 0; i < count; i++) {
		column = scols_table_new_column(table, columns[i].name, columns[i].width,
						columns[i].flags);
		if (!column)
			fail("no memory");
		scols_column_set_json_type(column, columns[i].json);
	}
	return table;
}

/**
 * table_line - one line more
 * @table: of it
 * @parent: the line that it hangs from, in a tree; or NULL
 *
 * Ends the command if there is no memory.
 */
struct libscols_line *table_line(struct libscols_table *table,
				 struct libscols_line *parent)
{
	struct libscols_line *line = scols_table_new_line(table, parent);

	if (!line)
		fail("no memory");
	return line;
}

/**
 * table_set - what a line has in a column
 * @line: the line
 * @column: its number
 * @format: as of printf(3)
 */
void table_set(struct libscols_line *line, size_t column, const char *format, ...)
{
	va_list list;
	char *text;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0 ||
	    scols_line_refer_data(line, column, text))
		fail("no memory");
	va_end(list);
}

/**
 * table_mark - colour a line, if it is worth a look
 * @line: the line
 * @object: what it is about: full, or waited for
 */
void table_mark(struct libscols_line *line, const struct object *object)
{
	struct figures figures = figures_of(object);

	if (figures.items && figures.items >= figures.limit)
		scols_line_set_color(line, "red");
	else if (object->waiters)
		scols_line_set_color(line, "yellow");
}

/**
 * table_clear - on a terminal, the next table is to stand where the last one is
 */
void table_clear(void)
{
	if (isatty(STDOUT_FILENO))
		printf("\033[H\033[J");
}

/**
 * table_end - print it, and forget it
 * @table: the table
 */
void table_end(struct libscols_table *table)
{
	/* Without lines JSON would be nothing at all. */
	if (scols_table_is_json(table) && scols_table_is_empty(table))
		printf("{\n   \"%s\": []\n}\n", scols_table_get_name(table));
	else if (scols_print_table(table))
		fail_errno("cannot write");
	scols_unref_table(table);
}
