/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a table of bad input is made of.  Whoever includes this has an enum op before
 * it, of the calls.
 */
#ifndef KIPC_SELFTEST_BADINPUT_ROW_H
#define KIPC_SELFTEST_BADINPUT_ROW_H

#include "util.h"

#include <stddef.h>

#define MAX_TAIL	64

struct bad_call {
	unsigned int cmd;
	bool control;			/* on the control descriptor */
	size_t least;			/* if it has grown: its first size */
};

enum how {
	SET,		/* the field has @value */
	BITS,		/* each bit that is not in @value, on top of the good */
	READS,		/* a pointer that the kernel reads through */
	WRITES,		/* a pointer that the kernel writes through */
	ATTR,		/* SET, but in the attributes of a mailbox */
	ATTR_BITS,
	ITEM,		/* likewise, in the one item of a batch */
	ITEM_BITS,
	ITEM_READS,
	ITEM_WRITES,
};

static inline bool is_bits(enum how how)
{
	return how == BITS || how == ATTR_BITS || how == ITEM_BITS;
}

static inline bool is_pointer(enum how how)
{
	return how == READS || how == WRITES || how == ITEM_READS ||
	       how == ITEM_WRITES;
}

/* A row changes one field of a call that is good otherwise. */
struct row {
	enum op op;
	enum how how;
	size_t offset, width;
	uint64_t value;
	int err;
	const char *what;
};

#define FIELD(op, how, type, member, value, err)			\
	{ op, how, offsetof(struct type, member),			\
	  sizeof(((struct type *)0)->member), value, err, #member }

static inline void put(char *base, size_t offset, size_t width, uint64_t value)
{
	uint32_t narrow = value;

	if (width == 4)
		memcpy(base + offset, &narrow, 4);
	else
		memcpy(base + offset, &value, 8);
}

static inline uint64_t get(const char *base, size_t offset, size_t width)
{
	uint64_t value = 0;
	uint32_t narrow;

	if (width == 8) {
		memcpy(&value, base + offset, 8);
		return value;
	}
	memcpy(&narrow, base + offset, 4);
	return narrow;
}

/*
 * What pointers point to: a page and one behind it that is not accessible; one that can
 * only be read; and one for when they are good, which is poisoned.
 */
static inline void bad_pages(char **rw, char **ro, char **data)
{
	const size_t page = 4096;

	*rw = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*ro = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*data = malloc(page);
	CHECK(*rw != MAP_FAILED && *ro != MAP_FAILED && *data);
	CHECK(!mprotect(*rw + page, page, PROT_NONE));
	memset(*data, POISON, page);
}

/* After a call that had to fail: what has come or gone, or NULL. */
static inline const char *come_or_gone(uint64_t objects, uint64_t handles)
{
	if (total("objects") != objects)
		return "an object has come or gone";
	if (total("handles") != handles)
		return "a handle has come or gone";
	return NULL;
}

#endif /* KIPC_SELFTEST_BADINPUT_ROW_H */
