/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The index
 *
 * An index keeps *groups* ordered by their keys.  A group stands for those who have
 * the same key: messages of one type, receivers with one selector.  The index knows
 * of them only the *first*: the member that comes first in the order of arrival among
 * those that count at present, and its number in that order; or that there is none.
 * Who is a member, and who counts, is the owner's affair, who says so with
 * kipc_index_set_first().
 *
 * A red-black tree, in which each node also knows the least number in its subtree.
 * So these take O(log g) for g groups, however many members they have:
 *
 *	find		the group of a key
 *	lowest		the lowest key that has a first
 *	earliest	of a range of keys, the group whose first came first
 *	insert, erase, set_first, replace
 *
 * The keys of an index of *spans* are ranges themselves, from @key to @high, ordered
 * by both; each node also knows the greatest @high of its subtree.
 *
 *	covering	of the ranges that a point is in, the group whose first came first:
 *			looks at a subtree only if that may have an earlier one, at
 *			worst at all the groups that the point is in, and O(log g) others
 *			for each
 *
 * Locking: the caller's, for every function.
 */
#ifndef KIPC_INDEX_H
#define KIPC_INDEX_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#define KIPC_NOBODY	U64_MAX		/* the number of a first that is not there */

/**
 * struct kipc_group - those who have one key
 * @node: in the index
 * @key: its key
 * @high: in an index of spans, the end of the range; else 0
 * @number: of @first, or KIPC_NOBODY
 * @least: the least @number of the subtree
 * @far: in an index of spans, the greatest @high of the subtree
 * @first: the member that came first of those that count, or NULL
 * @members: the owner's
 */
struct kipc_group {
	struct rb_node node;
	u64 key;
	u64 high;
	u64 number;
	u64 least;
	u64 far;
	void *first;
	struct list_head members;
};

/**
 * struct kipc_index - groups, by their keys
 * @root: of the tree
 * @spans: keys are ranges
 */
struct kipc_index {
	struct rb_root root;
	bool spans;
};

/* Is there no group? */
static inline bool kipc_index_empty(const struct kipc_index *index)
{
	return RB_EMPTY_ROOT(&index->root);
}

void kipc_index_init(struct kipc_index *index, bool spans);
struct kipc_group *kipc_index_find(const struct kipc_index *index, u64 key);
struct kipc_group *kipc_index_find_like(const struct kipc_index *index,
					const struct kipc_group *like);
void kipc_index_insert(struct kipc_index *index, struct kipc_group *group);
void kipc_index_erase(struct kipc_index *index, struct kipc_group *group);
void kipc_index_replace(struct kipc_index *index, struct kipc_group *old,
			struct kipc_group *group);
void kipc_index_set_first(struct kipc_index *index, struct kipc_group *group,
			  void *first, u64 number);

struct kipc_group *kipc_index_lowest(const struct kipc_index *index);
struct kipc_group *kipc_index_earliest(const struct kipc_index *index, u64 low,
				       u64 high);
struct kipc_group *kipc_index_earliest_but(const struct kipc_index *index,
					   u64 key);
struct kipc_group *kipc_index_covering(const struct kipc_index *index,
				       u64 point);

#endif /* KIPC_INDEX_H */
