// SPDX-License-Identifier: GPL-2.0
/*
 * The index against a plain array of groups, which is looked through from its
 * beginning to its end, with random operations.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kconfig.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "index.h"
#include "selftest.h"

#define KIPC_TEST_GROUPS	300
#define KIPC_TEST_KEYS		80
/* A debug kernel takes thirty times as long for one, and other kernels do them all. */
#define KIPC_TEST_STEPS		(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN) ? \
				 4000 : 20000)

/**
 * struct kipc_test_index - the index under test, and its naive twin
 * @index: the index
 * @spans: keys are ranges
 * @group: all groups that can be in it
 * @there: which ones are
 * @last: the last number that was given
 * @random: source
 */
struct kipc_test_index {
	struct kipc_index index;
	bool spans;
	struct kipc_group group[KIPC_TEST_GROUPS];
	bool there[KIPC_TEST_GROUPS];
	u64 last;
	struct rnd_state random;
};

static u32 __init kipc_test_below(struct kipc_test_index *test, u32 n)
{
	return prandom_u32_state(&test->random) % n;
}

static struct kipc_group *__init kipc_test_find(struct kipc_test_index *test,
						u64 key, u64 high)
{
	unsigned int i;

	for (i = 0; i < KIPC_TEST_GROUPS; i++)
		if (test->there[i] && test->group[i].key == key &&
		    test->group[i].high == high)
			return &test->group[i];
	return NULL;
}

/* The one that came first of those with a key from @low to @high, but @not. */
static struct kipc_group *__init kipc_test_earliest(struct kipc_test_index *test,
						    u64 low, u64 high, u64 not)
{
	struct kipc_group *group, *best = NULL;
	unsigned int i;

	for (i = 0; i < KIPC_TEST_GROUPS; i++) {
		group = &test->group[i];
		if (test->there[i] && group->first && group->key >= low &&
		    group->key <= high && group->key != not &&
		    (!best || group->number < best->number))
			best = group;
	}
	return best;
}

static struct kipc_group *__init kipc_test_covering(struct kipc_test_index *test,
						    u64 point)
{
	struct kipc_group *group, *best = NULL;
	unsigned int i;

	for (i = 0; i < KIPC_TEST_GROUPS; i++) {
		group = &test->group[i];
		if (test->there[i] && group->first && group->key <= point &&
		    group->high >= point &&
		    (!best || group->number < best->number))
			best = group;
	}
	return best;
}

static struct kipc_group *__init kipc_test_lowest(struct kipc_test_index *test)
{
	struct kipc_group *group, *best = NULL;
	unsigned int i;

	for (i = 0; i < KIPC_TEST_GROUPS; i++) {
		group = &test->group[i];
		if (test->there[i] && group->first &&
		    (!best || group->key < best->key))
			best = group;
	}
	return best;
}

/* A group comes, goes, gets another first, or another structure. */
static void __init kipc_test_change(struct kipc_test_index *test)
{
	unsigned int i = kipc_test_below(test, KIPC_TEST_GROUPS);
	unsigned int other = kipc_test_below(test, KIPC_TEST_GROUPS);
	struct kipc_group *group = &test->group[i];

	if (!test->there[i]) {
		group->key = kipc_test_below(test, KIPC_TEST_KEYS);
		group->high = !test->spans ? 0 : group->key +
			      kipc_test_below(test, KIPC_TEST_KEYS / 4);
		if (kipc_test_find(test, group->key, group->high))
			return;
		INIT_LIST_HEAD(&group->members);
		kipc_index_insert(&test->index, group);
		test->there[i] = true;
	} else if (kipc_test_below(test, 3) == 0) {
		kipc_index_erase(&test->index, group);
		test->there[i] = false;
	} else if (kipc_test_below(test, 4) == 0 && !test->there[other]) {
		kipc_index_replace(&test->index, group, &test->group[other]);
		test->there[i] = false;
		test->there[other] = true;
	} else if (kipc_test_below(test, 4) == 0) {
		kipc_index_set_first(&test->index, group, NULL, KIPC_NOBODY);
	} else {
		kipc_index_set_first(&test->index, group, group, ++test->last);
	}
}

static bool __init kipc_test_agree(struct kipc_test_index *test)
{
	u64 low = kipc_test_below(test, KIPC_TEST_KEYS + 2);
	u64 high = low + kipc_test_below(test, KIPC_TEST_KEYS);
	const struct kipc_group like = { .key = low, .high = high };
	struct kipc_index *index = &test->index;
	bool pass;

	pass = kipc_expect(kipc_index_find_like(index, &like) ==
			   kipc_test_find(test, low, high));
	if (test->spans)
		return pass & kipc_expect(kipc_index_covering(index, low) ==
					  kipc_test_covering(test, low));
	pass &= kipc_expect(kipc_index_find(index, low) ==
			    kipc_test_find(test, low, 0));
	pass &= kipc_expect(kipc_index_lowest(index) == kipc_test_lowest(test));
	pass &= kipc_expect(kipc_index_earliest(index, low, high) ==
			    kipc_test_earliest(test, low, high, U64_MAX));
	pass &= kipc_expect(kipc_index_earliest_but(index, low) ==
			    kipc_test_earliest(test, 0, U64_MAX, low));
	return pass;
}

static bool __init kipc_test_index(bool spans)
{
	struct kipc_test_index *test;
	bool pass = true;
	unsigned int i;

	test = kvzalloc(sizeof(*test), GFP_KERNEL);
	if (!kipc_expect(test))
		return false;
	test->spans = spans;
	kipc_index_init(&test->index, spans);
	prandom_seed_state(&test->random, 2026);
	for (i = 0; i < KIPC_TEST_STEPS && pass; i++) {
		kipc_test_change(test);
		pass = kipc_test_agree(test);
	}
	kvfree(test);
	return pass;
}

/**
 * kipc_selftest_index - test the index
 *
 * Context: process context, may sleep.
 * Return: whether it did what its twin does.
 */
bool __init kipc_selftest_index(void)
{
	bool pass = kipc_test_index(false);

	return pass & kipc_test_index(true);
}
