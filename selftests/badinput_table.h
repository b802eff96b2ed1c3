/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be wrong in the fields of each structure, and what the header says
 * about it.  A row changes one field of a call that is good otherwise.
 */
#ifndef KIPC_SELFTEST_BADINPUT_TABLE_H
#define KIPC_SELFTEST_BADINPUT_TABLE_H

#include "util.h"

#include <stddef.h>

/* The letter that is in the mailbox, and the longest that can be. */
#define LETTER		"the letter that must not get lost"
#define LETTER_SIZE	100

enum op { FEATURES, CREATE, OPEN, UNLINK, OPEN_PID, INFO, NARROW, REMOVE,
	  PUBLISH, UNPUBLISH, MSEND, MRECV, MSTAT };

enum how {
	SET,		/* the field has @value */
	BITS,		/* each bit that is not in @value, on top of the good */
	READS,		/* a pointer that the kernel reads through */
	WRITES,		/* a pointer that the kernel writes through */
	ATTR,		/* SET, but in the attributes of a mailbox */
	ATTR_BITS,
};

#define FIELD(op, how, type, member, value, err)			\
	{ op, how, offsetof(struct type, member),			\
	  sizeof(((struct type *)0)->member), value, err, #member }

static const struct row {
	enum op op;
	enum how how;
	size_t offset, width;
	uint64_t value;
	int err;
	const char *what;
} table[] = {
#define C(how, member, value, err) \
	FIELD(CREATE, how, kipc_create, member, value, err)
	C(SET, kind, KIPC_KIND_ANY, EINVAL),
	C(SET, kind, 77, EINVAL),
	C(SET, kind, ~0U, EINVAL),
	C(BITS, flags, 0xf, EINVAL),
	C(SET, mode, 01000, EINVAL),
	C(SET, mode, 04777, EINVAL),
	C(SET, mode, 0100600, EINVAL),
	C(SET, mode, ~0U, EINVAL),
	C(SET, rights, 0, EINVAL),
	C(BITS, rights, KIPC_MAILBOX_RIGHTS, EINVAL),
	C(SET, rights, ~0U, EINVAL),
	C(READS, name, 0, EFAULT),
	C(SET, name, 0, EFAULT),
	C(SET, name_len, 0, EINVAL),
	C(SET, name_len, 256, ENAMETOOLONG),
	C(SET, name_len, 1U << 31, ENAMETOOLONG),
	C(SET, name_len, ~0U, ENAMETOOLONG),
	C(SET, attr_size, 0, EINVAL),
	C(SET, attr_size, 1, EINVAL),
	C(SET, attr_size, 8, EINVAL),
	C(SET, attr_size, sizeof(struct kipc_mailbox_attr) - 1, EINVAL),
	/* Behind the attributes there is a byte that is not zero. */
	C(SET, attr_size, sizeof(struct kipc_mailbox_attr) + 8, E2BIG),
	C(SET, attr_size, 1U << 20, E2BIG),
	C(SET, attr_size, 1U << 31, E2BIG),
	C(SET, attr_size, ~0U, E2BIG),
	C(READS, attr, 0, EFAULT),
	C(SET, attr, 0, EINVAL),
#undef C
#define A(how, member, value) \
	FIELD(CREATE, how, kipc_mailbox_attr, member, value, EINVAL)
	A(ATTR, max_letters, 0),
	A(ATTR, max_bytes, 0),
	A(ATTR, max_bytes, LETTER_SIZE - 1),
	A(ATTR, letter_size, 0),
	A(ATTR, letter_size, KIPC_LETTER_MAX + 1),
	A(ATTR, letter_size, 1U << 31),
	A(ATTR, letter_size, ~0U),
	A(ATTR_BITS, flags, 0xf),
	A(ATTR, flags, KIPC_MAILBOX_REFUSE | KIPC_MAILBOX_DROP_OLDEST),
#undef A
#define O(how, member, value, err) \
	FIELD(OPEN, how, kipc_open, member, value, err)
	O(SET, kind, 77, EINVAL),
	O(SET, kind, ~0U, EINVAL),
	O(BITS, flags, KIPC_NONBLOCK | KIPC_INHERIT, EINVAL),
	O(SET, rights, 0, EINVAL),
	O(BITS, rights, KIPC_MAILBOX_RIGHTS, EINVAL),
	O(SET, name_len, 0, EINVAL),
	O(SET, name_len, 3, ENOENT),
	O(SET, name_len, 256, ENAMETOOLONG),
	O(SET, name_len, ~0U, ENAMETOOLONG),
	O(READS, name, 0, EFAULT),
	O(SET, name, 0, EFAULT),
#undef O
#define U(how, member, value, err) \
	FIELD(UNLINK, how, kipc_unlink, member, value, err)
	U(BITS, flags, 0, EINVAL),
	U(SET, name_len, 0, EINVAL),
	U(SET, name_len, 3, ENOENT),
	U(SET, name_len, 256, ENAMETOOLONG),
	U(SET, name_len, ~0U, ENAMETOOLONG),
	U(READS, name, 0, EFAULT),
	U(SET, name, 0, EFAULT),
#undef U
#define P(how, member, value, err) \
	FIELD(OPEN_PID, how, kipc_open_pid, member, value, err)
	P(SET, pid, 0, EINVAL),
	P(SET, pid, -1, EINVAL),
	P(SET, pid, 1U << 31, EINVAL),
	P(SET, pid, 0x7fffffff, ESRCH),
	P(SET, kind, 77, EINVAL),
	P(SET, kind, ~0U, EINVAL),
	P(SET, rights, 0, EINVAL),
	P(SET, rights, KIPC_RIGHT_RECEIVE, EINVAL),
	P(SET, rights, KIPC_RIGHT_MANAGE, EINVAL),
	P(BITS, rights, KIPC_RIGHT_SEND, EINVAL),
	P(BITS, flags, KIPC_NONBLOCK | KIPC_INHERIT, EINVAL),
#undef P
#define N(how, member, value, err) \
	FIELD(NARROW, how, kipc_narrow, member, value, err)
	N(SET, rights, 0, EINVAL),
	N(BITS, rights, KIPC_MAILBOX_RIGHTS, EINVAL),
	N(BITS, flags, KIPC_NONBLOCK | KIPC_INHERIT, EINVAL),
#undef N
#define S(how, member, value, err) \
	FIELD(MSEND, how, kipc_mailbox_send, member, value, err)
	S(BITS, flags, 0, EINVAL),
	S(SET, size, LETTER_SIZE + 1, EMSGSIZE),
	S(SET, size, 1U << 31, EMSGSIZE),
	S(SET, size, ~0U, EMSGSIZE),
	S(READS, data, 0, EFAULT),
	S(SET, data, 0, EFAULT),
#undef S
#define R(how, member, value, err) \
	FIELD(MRECV, how, kipc_mailbox_recv, member, value, err)
	R(BITS, flags, KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE | KIPC_RECV_CALLS, EINVAL),
	R(SET, size, 0, EMSGSIZE),
	R(SET, size, sizeof(LETTER) - 1, EMSGSIZE),
	R(WRITES, data, 0, EFAULT),
	R(SET, data, 0, EFAULT),
#undef R
};

#endif /* KIPC_SELFTEST_BADINPUT_TABLE_H */
