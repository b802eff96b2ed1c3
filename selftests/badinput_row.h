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

#endif /* KIPC_SELFTEST_BADINPUT_ROW_H */
