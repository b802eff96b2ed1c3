// SPDX-License-Identifier: GPL-2.0
/*
 * Groups by key, with the earliest of any range of keys.  See index.h.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/rbtree_augmented.h>

#include "index.h"

/* Twice the logarithm of as many groups as there can ever be, and one. */
#define KIPC_INDEX_DEPTH	80

static struct kipc_group *kipc_group_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct kipc_group, node);
}

static u64 kipc_group_least(struct rb_node *node)
{
	return node ? rb_entry(node, struct kipc_group, node)->least : KIPC_NOBODY;
}

static u64 kipc_group_far(struct rb_node *node)
{
	return node ? rb_entry(node, struct kipc_group, node)->far : 0;
}

/* True if nothing has changed, so that those above need not be looked at. */
static bool kipc_group_compute(struct kipc_group *group, bool exit)
{
	u64 least = min3(group->number, kipc_group_least(group->node.rb_left),
			 kipc_group_least(group->node.rb_right));

	if (exit && group->least == least)
		return true;
	group->least = least;
	return false;
}

static bool kipc_span_compute(struct kipc_group *group, bool exit)
{
	u64 far = max3(group->high, kipc_group_far(group->node.rb_left),
		       kipc_group_far(group->node.rb_right));
	bool same = group->far == far;

	group->far = far;
	return kipc_group_compute(group, exit && same);
}

RB_DECLARE_CALLBACKS(static, kipc_group_callbacks, struct kipc_group, node,
		     least, kipc_group_compute);

/* The generated copy takes one field along, and here there are two. */
static void kipc_span_propagate(struct rb_node *node, struct rb_node *stop)
{
	while (node != stop) {
		if (kipc_span_compute(kipc_group_of(node), true))
			break;
		node = rb_parent(node);
	}
}

static void kipc_span_copy(struct rb_node *from, struct rb_node *to)
{
	kipc_group_of(to)->least = kipc_group_of(from)->least;
	kipc_group_of(to)->far = kipc_group_of(from)->far;
}

static void kipc_span_rotate(struct rb_node *from, struct rb_node *to)
{
	kipc_span_copy(from, to);
	kipc_span_compute(kipc_group_of(from), false);
}

static const struct rb_augment_callbacks kipc_span_callbacks = {
	.propagate	= kipc_span_propagate,
	.copy		= kipc_span_copy,
	.rotate		= kipc_span_rotate,
};

/**
 * kipc_index_init - an index without groups
 * @index: to be filled
 * @spans: keys are ranges
 */
void kipc_index_init(struct kipc_index *index, bool spans)
{
	index->root = RB_ROOT;
	index->spans = spans;
}

/**
 * kipc_index_find - the group of a key
 * @index: no spans
 * @key: its key
 *
 * Return: the group, or NULL.
 */
struct kipc_group *kipc_index_find(const struct kipc_index *index, u64 key)
{
	struct rb_node *node = index->root.rb_node;
	struct kipc_group *group;

	while (node) {
		group = rb_entry(node, struct kipc_group, node);
		if (key < group->key)
			node = node->rb_left;
		else if (key > group->key)
			node = node->rb_right;
		else
			return group;
	}
	return NULL;
}

static bool kipc_group_precedes(const struct kipc_group *a,
				const struct kipc_group *b)
{
	return a->key < b->key || (a->key == b->key && a->high < b->high);
}

/**
 * kipc_index_find_like - the group that has the keys of another
 * @index: where
 * @like: its @key and @high are set
 *
 * Return: the group, or NULL.
 */
struct kipc_group *kipc_index_find_like(const struct kipc_index *index,
					const struct kipc_group *like)
{
	struct rb_node *node = index->root.rb_node;
	struct kipc_group *group;

	while (node) {
		group = rb_entry(node, struct kipc_group, node);
		if (kipc_group_precedes(like, group))
			node = node->rb_left;
		else if (kipc_group_precedes(group, like))
			node = node->rb_right;
		else
			return group;
	}
	return NULL;
}

/**
 * kipc_index_insert - add a group
 * @index: has none with that key
 * @group: its @key and @high are set; it has no first yet
 */
void kipc_index_insert(struct kipc_index *index, struct kipc_group *group)
{
	struct rb_node **link = &index->root.rb_node, *parent = NULL;

	group->first = NULL;
	group->number = KIPC_NOBODY;
	group->least = KIPC_NOBODY;
	group->far = group->high;
	while (*link) {
		parent = *link;
		link = kipc_group_precedes(group, kipc_group_of(parent)) ?
		       &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&group->node, parent, link);
	if (index->spans) {
		kipc_span_propagate(parent, NULL);
		rb_insert_augmented(&group->node, &index->root,
				    &kipc_span_callbacks);
	} else {
		rb_insert_augmented(&group->node, &index->root,
				    &kipc_group_callbacks);
	}
}

/**
 * kipc_index_erase - take a group out
 * @index: where it is
 * @group: the group
 */
void kipc_index_erase(struct kipc_index *index, struct kipc_group *group)
{
	if (index->spans)
		rb_erase_augmented(&group->node, &index->root,
				   &kipc_span_callbacks);
	else
		rb_erase_augmented(&group->node, &index->root,
				   &kipc_group_callbacks);
}

/**
 * kipc_index_replace - let another structure stand for a group
 * @index: where it is
 * @old: stands for it now
 * @group: shall stand for it; gets all of it, the members too
 */
void kipc_index_replace(struct kipc_index *index, struct kipc_group *old,
			struct kipc_group *group)
{
	*group = *old;
	rb_replace_node(&old->node, &group->node, &index->root);
	list_replace_init(&old->members, &group->members);
}

/**
 * kipc_index_set_first - another member is the first
 * @index: where the group is
 * @group: the group
 * @first: the member, or NULL
 * @number: of it, in the order of arrival, or KIPC_NOBODY
 */
void kipc_index_set_first(struct kipc_index *index, struct kipc_group *group,
			  void *first, u64 number)
{
	group->first = first;
	group->number = number;
	if (index->spans)
		kipc_span_propagate(&group->node, NULL);
	else
		kipc_group_callbacks_propagate(&group->node, NULL);
}

/**
 * kipc_index_lowest - the lowest key that somebody counts for
 * @index: where
 *
 * Return: its group, which has a first, or NULL.
 */
struct kipc_group *kipc_index_lowest(const struct kipc_index *index)
{
	struct rb_node *node = index->root.rb_node;

	if (kipc_group_least(node) == KIPC_NOBODY)
		return NULL;
	for (;;) {
		if (kipc_group_least(node->rb_left) != KIPC_NOBODY)
			node = node->rb_left;
		else if (!kipc_group_of(node)->first)
			node = node->rb_right;
		else
			return kipc_group_of(node);
	}
}

/* The group in this subtree whose first has this number. */
static struct kipc_group *kipc_index_descend(struct rb_node *node, u64 number)
{
	while (kipc_group_of(node)->number != number)
		node = kipc_group_least(node->rb_left) == number ?
		       node->rb_left : node->rb_right;
	return kipc_group_of(node);
}

/**
 * struct kipc_search - the best that was found so far
 * @number: of its first
 * @node: the group, or the subtree where it is
 */
struct kipc_search {
	u64 number;
	struct rb_node *node;
};

static void kipc_search_one(struct kipc_search *search, struct rb_node *node)
{
	if (kipc_group_of(node)->number < search->number) {
		search->number = kipc_group_of(node)->number;
		search->node = node;
	}
}

static void kipc_search_all(struct kipc_search *search, struct rb_node *node)
{
	if (kipc_group_least(node) < search->number) {
		search->number = kipc_group_least(node);
		search->node = node;
	}
}

static struct kipc_group *kipc_search_result(const struct kipc_search *search)
{
	return search->node ? kipc_index_descend(search->node, search->number) :
	       NULL;
}

/**
 * kipc_index_earliest - of a range of keys, the group whose first came first
 * @index: no spans
 * @low: the lowest key
 * @high: the highest key
 *
 * Those in the range are a node, and along one path on each side of it more nodes,
 * each with a whole subtree.
 *
 * Return: the group, or NULL if nobody counts.
 */
struct kipc_group *kipc_index_earliest(const struct kipc_index *index, u64 low,
				       u64 high)
{
	struct kipc_search search = { .number = KIPC_NOBODY };
	struct rb_node *node = index->root.rb_node, *side;

	while (node) {
		u64 key = rb_entry(node, struct kipc_group, node)->key;

		if (key > high)
			node = node->rb_left;
		else if (key < low)
			node = node->rb_right;
		else
			break;
	}
	if (!node)
		return NULL;
	kipc_search_one(&search, node);
	for (side = node->rb_left; side;) {
		if (kipc_group_of(side)->key < low) {
			side = side->rb_right;
			continue;
		}
		kipc_search_one(&search, side);
		kipc_search_all(&search, side->rb_right);
		side = side->rb_left;
	}
	for (side = node->rb_right; side;) {
		if (kipc_group_of(side)->key > high) {
			side = side->rb_left;
			continue;
		}
		kipc_search_one(&search, side);
		kipc_search_all(&search, side->rb_left);
		side = side->rb_right;
	}
	return kipc_search_result(&search);
}

/**
 * kipc_index_earliest_but - of all keys but one, the group whose first came first
 * @index: no spans
 * @key: that one
 *
 * On the way down to it, each node that is another, with the subtree on its other side;
 * and both subtrees of its own.
 *
 * Return: the group, or NULL if nobody counts.
 */
struct kipc_group *kipc_index_earliest_but(const struct kipc_index *index,
					   u64 key)
{
	struct kipc_search search = { .number = KIPC_NOBODY };
	struct rb_node *node = index->root.rb_node;
	struct kipc_group *group;

	while (node) {
		group = rb_entry(node, struct kipc_group, node);
		if (key <= group->key)
			kipc_search_all(&search, node->rb_right);
		if (key >= group->key)
			kipc_search_all(&search, node->rb_left);
		if (key == group->key)
			break;
		kipc_search_one(&search, node);
		node = key < group->key ? node->rb_left : node->rb_right;
	}
	return kipc_search_result(&search);
}

/**
 * kipc_index_covering - of the ranges around a point, the group whose first came first
 * @index: of spans
 * @point: the point
 *
 * Return: the group, or NULL if nobody counts.
 */
struct kipc_group *kipc_index_covering(const struct kipc_index *index, u64 point)
{
	struct kipc_search search = { .number = KIPC_NOBODY };
	/* Of each level one node at most waits here. */
	struct rb_node *todo[KIPC_INDEX_DEPTH], *node;
	struct kipc_group *group;
	unsigned int count = 0;

	node = index->root.rb_node;
	for (;;) {
		/* Down to the left, as far as there may be something. */
		while (node) {
			group = rb_entry(node, struct kipc_group, node);
			if (group->far < point || group->least >= search.number)
				break;
			if (group->key <= point)
				todo[count++] = node;
			node = node->rb_left;
		}
		if (!count)
			return kipc_group_of(search.node);
		node = todo[--count];
		if (kipc_group_of(node)->high >= point)
			kipc_search_one(&search, node);
		node = node->rb_right;
	}
}
