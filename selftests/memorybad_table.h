/* SPDX-License-Identifier: GPL-2.0 */
/* As badinput_table.h, for the structures of memory. */
#ifndef KIPC_SELFTEST_MEMORYBAD_TABLE_H
#define KIPC_SELFTEST_MEMORYBAD_TABLE_H

#include <assert.h>

/* How large the memory is, and how often it was rung. */
#define SIZE		8192
#define RUNG		3

enum op { CREATE, OPEN, RESIZE, MEMFD, STAT, RING, WAIT };

#include "badinput_row.h"

/* Of the ABI, for ever. */
static_assert(sizeof(struct kipc_memory_attr) == 8, "layout");
static_assert(sizeof(struct kipc_memory_size) == 16, "layout");
static_assert(sizeof(struct kipc_memory_fd) == 8, "layout");
static_assert(sizeof(struct kipc_memory_bell) == 24, "layout");
static_assert(sizeof(struct kipc_memory_stat) == 80, "layout");

static const struct bad_call ops[] = {
	[CREATE] = { KIPC_IOC_CREATE, true },
	[OPEN] = { KIPC_IOC_OPEN, true, 24 },
	[RESIZE] = { KIPC_IOC_MEMORY_SIZE, false },
	[MEMFD] = { KIPC_IOC_MEMORY_FD, false },
	[STAT] = { KIPC_IOC_MEMORY_STAT, false },
	[RING] = { KIPC_IOC_MEMORY_RING, false },
	[WAIT] = { KIPC_IOC_MEMORY_WAIT, false },
};

union arg {
	struct kipc_create create;
	struct kipc_open open;
	struct kipc_memory_size size;
	struct kipc_memory_fd memfd;
	struct kipc_memory_stat stat;
	struct kipc_memory_bell bell;
	char bytes[sizeof(struct kipc_memory_stat) + MAX_TAIL];
};

static const struct row table[] = {
	FIELD(CREATE, ATTR, kipc_memory_attr, fd, -1U, EBADF),
	FIELD(CREATE, ATTR, kipc_memory_attr, fd, 1U << 31, EBADF),
	FIELD(CREATE, ATTR, kipc_memory_attr, fd, 1000, EBADF),
	FIELD(CREATE, ATTR_BITS, kipc_memory_attr, flags, 0, EINVAL),
#define C(how, member, value, err) \
	FIELD(CREATE, how, kipc_create, member, value, err)
	C(BITS, rights, KIPC_MEMORY_RIGHTS, EINVAL),
	C(SET, rights, 0, EINVAL),
	C(SET, attr_size, 0, EINVAL),
	C(SET, attr_size, sizeof(struct kipc_memory_attr) - 1, EINVAL),
	/* Behind the attributes there is a byte that is not zero. */
	C(SET, attr_size, sizeof(struct kipc_memory_attr) + 8, E2BIG),
	C(SET, attr_size, ~0U, E2BIG),
	C(READS, attr, 0, EFAULT),
	C(SET, kind, KIPC_KIND_SERVICE + 20, EINVAL),
#undef C
#define O(how, member, value, err) \
	FIELD(OPEN, how, kipc_open, member, value, err)
	O(SET, kind, KIPC_KIND_MAILBOX, EPROTOTYPE),
	O(SET, kind, KIPC_KIND_QUEUE, EPROTOTYPE),
	O(SET, kind, KIPC_KIND_PIPE, EPROTOTYPE),
	O(SET, kind, ~0U, EINVAL),
	O(BITS, rights, KIPC_MEMORY_RIGHTS, EINVAL),
	O(SET, rights, 0, EINVAL),
#undef O
	FIELD(RESIZE, SET, kipc_memory_size, size, 1ULL << 63, EFBIG),
	FIELD(RESIZE, SET, kipc_memory_size, size, ~0ULL, EFBIG),
	FIELD(RESIZE, BITS, kipc_memory_size, flags, 0, EINVAL),
	FIELD(RESIZE, BITS, kipc_memory_size, reserved, 0, EINVAL),
	FIELD(MEMFD, BITS, kipc_memory_fd, flags, KIPC_INHERIT, EINVAL),
	FIELD(MEMFD, BITS, kipc_memory_fd, reserved, 0, EINVAL),
	FIELD(RING, SET, kipc_memory_bell, count, ~0ULL, EINVAL),
	FIELD(RING, SET, kipc_memory_bell, count, KIPC_BELL_MAX, EAGAIN),
	FIELD(RING, BITS, kipc_memory_bell, flags, 0, EINVAL),
	FIELD(RING, BITS, kipc_memory_bell, reserved, 0, EINVAL),
	FIELD(WAIT, BITS, kipc_memory_bell, flags, 0, EINVAL),
	FIELD(WAIT, BITS, kipc_memory_bell, reserved, 0, EINVAL),
};

#endif /* KIPC_SELFTEST_MEMORYBAD_TABLE_H */
