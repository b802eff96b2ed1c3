/* SPDX-License-Identifier: GPL-2.0 */
/* As badinput_table.h, for the structures of semaphores. */
#ifndef KIPC_SELFTEST_SEMBAD_TABLE_H
#define KIPC_SELFTEST_SEMBAD_TABLE_H

#include <assert.h>

/* What the set is. */
#define SEMS		3
#define VALUE		5
#define MOST		7

enum op { CREATE, OPERATE, TAKE_ALL, GET, SET_VALUES, STAT };

#include "badinput_row.h"

/* Of the ABI, for ever. */
static_assert(sizeof(struct kipc_sem_attr) == 24, "layout");
static_assert(sizeof(struct kipc_sem_op) == 8, "layout");
static_assert(sizeof(struct kipc_sem_operation) == 24, "layout");
static_assert(sizeof(struct kipc_sem_all) == 16, "layout");
static_assert(sizeof(struct kipc_sem_value) == 16, "layout");
static_assert(sizeof(struct kipc_sem_values) == 16, "layout");
static_assert(sizeof(struct kipc_sem_stat) == 64, "layout");

static const struct bad_call ops[] = {
	[CREATE] = { KIPC_IOC_CREATE, true },
	[OPERATE] = { KIPC_IOC_SEM_OP, false },
	[TAKE_ALL] = { KIPC_IOC_SEM_TAKE_ALL, false },
	[GET] = { KIPC_IOC_SEM_GET, false },
	[SET_VALUES] = { KIPC_IOC_SEM_SET, false },
	[STAT] = { KIPC_IOC_SEM_STAT, false },
};

union arg {
	struct kipc_create create;
	struct kipc_sem_operation operation;
	struct kipc_sem_all all;
	struct kipc_sem_values values;
	struct kipc_sem_stat stat;
	char bytes[sizeof(struct kipc_sem_stat) + MAX_TAIL];
};

static const struct row table[] = {
#define A(how, member, value) \
	FIELD(CREATE, how, kipc_sem_attr, member, value, EINVAL)
	A(ATTR, count, KIPC_SEM_MAX + 1),
	A(ATTR, count, 1U << 31),
	A(ATTR, count, ~0U),
	A(ATTR, max, KIPC_SEM_VALUE_MAX + 1),
	A(ATTR, max, ~0U),
	A(ATTR, initial, MOST + 1),
	A(ATTR, initial, ~0U),
	A(ATTR, max, VALUE - 1),
	A(ATTR_BITS, flags, 0),
	A(ATTR_BITS, reserved, 0),
#undef A
#define C(how, member, value, err) \
	FIELD(CREATE, how, kipc_create, member, value, err)
	C(BITS, rights, KIPC_SEM_RIGHTS, EINVAL),
	C(SET, rights, 0, EINVAL),
	C(SET, attr_size, 0, EINVAL),
	C(SET, attr_size, sizeof(struct kipc_sem_attr) - 1, EINVAL),
	/* Behind the attributes there is a byte that is not zero. */
	C(SET, attr_size, sizeof(struct kipc_sem_attr) + 8, E2BIG),
	C(SET, attr_size, ~0U, E2BIG),
	C(READS, attr, 0, EFAULT),
#undef C
#define O(how, member, value, err) \
	FIELD(OPERATE, how, kipc_sem_operation, member, value, err)
	O(SET, count, 0, EINVAL),
	O(SET, count, KIPC_SEM_OPS_MAX + 1, E2BIG),
	O(SET, count, ~0U, E2BIG),
	O(BITS, flags, 0, EINVAL),
	O(READS, ops, 0, EFAULT),
	O(SET, ops, 0, EFAULT),
#undef O
#define T(how, member, value, err) \
	FIELD(TAKE_ALL, how, kipc_sem_all, member, value, err)
	T(SET, count, 0, EINVAL),
	T(SET, count, KIPC_SEM_SETS_MAX + 1, E2BIG),
	T(SET, count, ~0U, E2BIG),
	T(BITS, flags, 0, EINVAL),
	T(READS, fds, 0, EFAULT),
	T(SET, fds, 0, EFAULT),
#undef T
#define V(op, how, member, value, err) \
	FIELD(op, how, kipc_sem_values, member, value, err)
	V(GET, SET, count, 0, EINVAL),
	V(GET, SET, count, SEMS + 1, EFBIG),
	V(GET, SET, count, ~0U, EFBIG),
	V(GET, SET, first, SEMS, EFBIG),
	V(GET, SET, first, ~0U, EFBIG),
	V(GET, WRITES, values, 0, EFAULT),
	V(GET, SET, values, 0, EFAULT),
	V(SET_VALUES, SET, count, 0, EINVAL),
	V(SET_VALUES, SET, count, SEMS + 1, EFBIG),
	V(SET_VALUES, SET, count, ~0U, EFBIG),
	V(SET_VALUES, SET, first, SEMS, EFBIG),
	V(SET_VALUES, SET, first, ~0U - 1, EFBIG),
	V(SET_VALUES, READS, values, 0, EFAULT),
	V(SET_VALUES, SET, values, 0, EFAULT),
#undef V
#define S(how, member, value, err) \
	FIELD(OPERATE, how, kipc_sem_op, member, value, err)
	S(ITEM, op, -VALUE - 1, EAGAIN),
	S(ITEM, op, 1U << 31, EAGAIN),
	S(ITEM, op, MOST - VALUE + 1, ERANGE),
	S(ITEM, op, 0x7fffffff, ERANGE),
	S(ITEM, op, 0, EAGAIN),
#undef S
};

#endif /* KIPC_SELFTEST_SEMBAD_TABLE_H */
