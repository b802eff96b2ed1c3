/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Names
 *
 * Each IPC namespace in use has one table of names.  A control descriptor is
 * bound to a table for its life.  The table holds one reference on its
 * namespace; when that is the only one left and no control descriptor is bound
 * to the table, nobody can come back: a timer notices it and takes all names
 * away, and with them the persistent objects that nobody holds.
 *
 * A table stays as long as there are objects that were made by way of it, named or not:
 * they belong to its namespace.
 *
 * What is named is the owner's affair: struct kipc_name stands inside of it,
 * with two functions that say how it is held.
 */
#ifndef KIPC_REGISTRY_H
#define KIPC_REGISTRY_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

struct kipc_name;
struct kipc_names;
struct user_namespace;

/**
 * struct kipc_name_ops - how what is named is held
 * @get: hold it; false if it is about to go; called under the registry's lock
 * @put: undo @get; also the end of what a persistent name held; called without
 *	locks, in process context
 */
struct kipc_name_ops {
	bool (*get)(struct kipc_name *name);
	void (*put)(struct kipc_name *name);
};

/**
 * struct kipc_name - a name
 * @text: ends in NUL; or NULL
 * @ops: of what is named
 * @len: of @text
 * @persistent: the name holds what is named, once
 *
 * Set before it is added, and then constant.  The rest is the registry's:
 *
 * @names: where it is; NULL if it is in no table (any more); also read without the
 *	lock, as a snapshot
 * @list: all names of the table
 * @node: in the table
 */
struct kipc_name {
	const char *text;
	const struct kipc_name_ops *ops;
	u32 len;
	bool persistent;

	struct kipc_names *names;
	struct list_head list;
	struct rhash_head node;
};

struct kipc_names *kipc_names_get(void);
void kipc_names_put(struct kipc_names *names);
void kipc_names_join(struct kipc_names *names);
void kipc_names_leave(struct kipc_names *names);
struct user_namespace *kipc_names_user_ns(const struct kipc_names *names);
u32 kipc_names_number(const struct kipc_names *names);
bool kipc_names_own(const struct kipc_names *names);

int kipc_name_add(struct kipc_names *names, struct kipc_name *name);
struct kipc_name *kipc_name_find(struct kipc_names *names, const char *text,
				 size_t len);
int kipc_name_await(struct kipc_names *names, const char *text, size_t len,
		    ktime_t deadline);
bool kipc_name_forget(struct kipc_name *name);
bool kipc_name_linked(const struct kipc_name *name);

void kipc_registry_teardown(void);

#endif /* KIPC_REGISTRY_H */
