/* SPDX-License-Identifier: GPL-2.0 */
/* As badinput_table.h, for the structures of pipes, and for opening one by its name. */
#ifndef KIPC_SELFTEST_PIPEBAD_TABLE_H
#define KIPC_SELFTEST_PIPEBAD_TABLE_H

#include <assert.h>

/* What is in the pipe, and the pipe's sizes. */
#define CONTENT		"the bytes that must not get lost"
#define ROOM		100
#define WHOLE		80

enum op { CREATE, OPEN, WRITE, READ, STAT, RESIZE };

#include "badinput_row.h"

/* Of the ABI, for ever. */
static_assert(sizeof(struct kipc_pipe_attr) == 16, "layout");
static_assert(sizeof(struct kipc_pipe_io) == 32, "layout");
static_assert(sizeof(struct kipc_pipe_stat) == 80, "layout");
static_assert(sizeof(struct kipc_open) == 32, "layout");

static const struct bad_call ops[] = {
	[CREATE] = { KIPC_IOC_CREATE, true },
	/* It had no deadline before there were pipes. */
	[OPEN] = { KIPC_IOC_OPEN, true, 24 },
	[WRITE] = { KIPC_IOC_PIPE_WRITE, false },
	[READ] = { KIPC_IOC_PIPE_READ, false },
	[STAT] = { KIPC_IOC_PIPE_STAT, false },
	[RESIZE] = { KIPC_IOC_PIPE_RESIZE, false },
};

union arg {
	struct kipc_create create;
	struct kipc_open open;
	struct kipc_pipe_io io;
	struct kipc_pipe_stat stat;
	struct kipc_pipe_attr attr;
	char bytes[sizeof(struct kipc_pipe_stat) + MAX_TAIL];
};

static const struct row table[] = {
#define A(op, how, member, value) \
	FIELD(op, how, kipc_pipe_attr, member, value, EINVAL)
	A(CREATE, ATTR, capacity, KIPC_PIPE_MAX + 1),
	A(CREATE, ATTR, capacity, 1U << 31),
	A(CREATE, ATTR, capacity, ~0U),
	/* Below the atomic size. */
	A(CREATE, ATTR, capacity, WHOLE - 1),
	A(CREATE, ATTR, capacity, 1),
	A(CREATE, ATTR, atomic_size, ROOM + 1),
	A(CREATE, ATTR, atomic_size, 1U << 31),
	A(CREATE, ATTR, atomic_size, ~0U),
	A(CREATE, ATTR_BITS, flags, 0),
	A(CREATE, ATTR_BITS, reserved, 0),
	A(RESIZE, SET, capacity, KIPC_PIPE_MAX + 1),
	A(RESIZE, SET, capacity, 1U << 31),
	A(RESIZE, SET, capacity, ~0U),
	A(RESIZE, SET, capacity, WHOLE - 1),
	A(RESIZE, SET, atomic_size, ROOM + 1),
	A(RESIZE, SET, atomic_size, 1U << 31),
	A(RESIZE, SET, atomic_size, ~0U),
	A(RESIZE, BITS, flags, 0),
	A(RESIZE, BITS, reserved, 0),
#undef A
#define C(how, member, value, err) \
	FIELD(CREATE, how, kipc_create, member, value, err)
	C(BITS, rights, KIPC_PIPE_RIGHTS, EINVAL),
	C(SET, rights, 0, EINVAL),
	C(SET, attr_size, 0, EINVAL),
	C(SET, attr_size, sizeof(struct kipc_pipe_attr) - 1, EINVAL),
	/* Behind the attributes there is a byte that is not zero. */
	C(SET, attr_size, sizeof(struct kipc_pipe_attr) + 8, E2BIG),
	C(SET, attr_size, ~0U, E2BIG),
	C(READS, attr, 0, EFAULT),
#undef C
#define O(how, member, value, err) \
	FIELD(OPEN, how, kipc_open, member, value, err)
	O(SET, kind, KIPC_KIND_MAILBOX, EPROTOTYPE),
	O(SET, kind, KIPC_KIND_QUEUE, EPROTOTYPE),
	O(SET, kind, KIPC_KIND_SERVICE, EPROTOTYPE),
	O(SET, kind, KIPC_KIND_SEMAPHORES + 1, EINVAL),
	O(SET, kind, ~0U, EINVAL),
	O(BITS, flags, KIPC_NONBLOCK | KIPC_INHERIT, EINVAL),
	O(BITS, rights, KIPC_PIPE_RIGHTS, EINVAL),
	O(SET, rights, 0, EINVAL),
	O(READS, name, 0, EFAULT),
	O(SET, name_len, 0, EINVAL),
	O(SET, name_len, 256, ENAMETOOLONG),
#undef O
#define W(how, member, value, err) \
	FIELD(WRITE, how, kipc_pipe_io, member, value, err)
	W(BITS, flags, KIPC_PIPE_NOSIGNAL, EINVAL),
	W(BITS, reserved, 0, EINVAL),
	/* What does not fit, does not fit, and half of it is not it. */
	W(SET, size, ROOM - sizeof(CONTENT) + 1, EAGAIN),
	W(READS, data, 0, EFAULT),
	W(SET, data, 0, EFAULT),
#undef W
#define R(how, member, value, err) \
	FIELD(READ, how, kipc_pipe_io, member, value, err)
	R(BITS, flags, 0, EINVAL),
	R(BITS, reserved, 0, EINVAL),
	R(WRITES, data, 0, EFAULT),
	R(SET, data, 0, EFAULT),
#undef R
};

#endif /* KIPC_SELFTEST_PIPEBAD_TABLE_H */
