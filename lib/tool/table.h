/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, which can be printed as JSON as well. */
#ifndef KIPC_TOOL_TABLE_H
#define KIPC_TOOL_TABLE_H

#include <stdbool.h>

#include <libsmartcols/libsmartcols.h>

/**
 * struct column - of a table
 * @name: its head, and the name in JSON
 * @width: as scols_table_new_column() has it
 * @flags: SCOLS_FL_...
 * @json: SCOLS_JSON_...
 */
struct column {
	const char *name;
	double width;
	int flags;
	int json;
};

struct object;

struct libscols_table *table_new(const char *name, const struct column *columns,
				 size_t count, bool json);
struct libscols_line *table_line(struct libscols_table *table,
				 struct libscols_line *parent);
void table_set(struct libscols_line *line, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void table_mark(struct libscols_line *line, const struct object *object);
void table_clear(void);
void table_end(struct libscols_table *table);

#endif /* KIPC_TOOL_TABLE_H */
