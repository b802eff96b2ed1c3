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

enum op { FEATURES, CREATE, OPEN, UNLINK, INFO, NARROW, REMOVE, MSEND, MRECV,
	  MSTAT };

enum how {
	SET,		/* the field has @value */
	BITS,		/* each bit that is not in @value, on top of the good */
	READS,		/* a pointer that the kernel reads through */
	WRITES,		/* a pointer that the kernel writes through */
	ATTR,		/* SET, but in the attributes of a mailbox */
	ATTR_BITS,
};

#define FIELD(op, how, type, member, value, err, ...)			\
	{ op, how, offsetof(struct type, member),			\
	  sizeof(((struct type *)0)->member), value, err, ##__VA_ARGS__,	\
	  #member }

static const struct row {
	enum op op;
	enum how how;
	size_t offset, width;
	uint64_t value;
	int err, or;			/* or: where the header allows either */
	const char *what;
} table[] = {
#define C(how, member, value, ...) \
	FIELD(CREATE, how, kipc_create, member, value, __VA_ARGS__)
	C(SET, kind, KIPC_KIND_ANY, EINVAL, 0),
	C(SET, kind, 77, EINVAL, 0),
	C(SET, kind, ~0U, EINVAL, 0),
	C(BITS, flags, 0xf, EINVAL, 0),
	C(SET, mode, 01000, EINVAL, 0),
	C(SET, mode, 04777, EINVAL, 0),
	C(SET, mode, 0100600, EINVAL, 0),
	C(SET, mode, ~0U, EINVAL, 0),
	C(SET, rights, 0, EINVAL, 0),
	C(BITS, rights, KIPC_MAILBOX_RIGHTS, EINVAL, 0),
	C(SET, rights, ~0U, EINVAL, 0),
	C(READS, name, 0, EFAULT, 0),
	C(SET, name, 0, EFAULT, EINVAL),
	C(SET, name_len, 0, EINVAL, 0),
	C(SET, name_len, 256, ENAMETOOLONG, 0),
	C(SET, name_len, 1U << 31, ENAMETOOLONG, 0),
	C(SET, name_len, ~0U, ENAMETOOLONG, 0),
	C(SET, attr_size, 1, EINVAL, 0),
	C(SET, attr_size, 8, EINVAL, 0),
	C(SET, attr_size, sizeof(struct kipc_mailbox_attr) - 1, EINVAL, 0),
	/* Behind the attributes there is a byte that is not zero. */
	C(SET, attr_size, sizeof(struct kipc_mailbox_attr) + 8, E2BIG, 0),
	C(SET, attr_size, 1U << 20, E2BIG, EFAULT),
	C(SET, attr_size, 1U << 31, E2BIG, EFAULT),
	C(SET, attr_size, ~0U, E2BIG, EFAULT),
	C(READS, attr, 0, EFAULT, 0),
	C(SET, attr, 0, EFAULT, EINVAL),
#undef C
#define A(how, member, value) \
	FIELD(CREATE, how, kipc_mailbox_attr, member, value, EINVAL, 0)
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
#define O(how, member, value, ...) \
	FIELD(OPEN, how, kipc_open, member, value, __VA_ARGS__)
	O(SET, kind, 77, EPROTOTYPE, EINVAL),
	O(SET, kind, ~0U, EPROTOTYPE, EINVAL),
	O(BITS, flags, KIPC_NONBLOCK | KIPC_INHERIT, EINVAL, 0),
	O(SET, rights, 0, EINVAL, 0),
	O(BITS, rights, KIPC_MAILBOX_RIGHTS, EINVAL, 0),
	O(SET, name_len, 0, EINVAL, 0),
	O(SET, name_len, 3, ENOENT, 0),
	O(SET, name_len, 256, ENAMETOOLONG, 0),
	O(SET, name_len, ~0U, ENAMETOOLONG, 0),
	O(READS, name, 0, EFAULT, 0),
	O(SET, name, 0, EFAULT, EINVAL),
#undef O
#define U(how, member, value, ...) \
	FIELD(UNLINK, how, kipc_unlink, member, value, __VA_ARGS__)
	U(BITS, flags, 0, EINVAL, 0),
	U(SET, name_len, 0, EINVAL, 0),
	U(SET, name_len, 3, ENOENT, 0),
	U(SET, name_len, 256, ENAMETOOLONG, 0),
	U(SET, name_len, ~0U, ENAMETOOLONG, 0),
	U(READS, name, 0, EFAULT, 0),
	U(SET, name, 0, EFAULT, EINVAL),
#undef U
#define N(how, member, value, ...) \
	FIELD(NARROW, how, kipc_narrow, member, value, __VA_ARGS__)
	N(SET, rights, 0, EINVAL, 0),
	N(BITS, rights, KIPC_MAILBOX_RIGHTS, EPERM, EINVAL),
	N(BITS, flags, KIPC_NONBLOCK | KIPC_INHERIT, EINVAL, 0),
#undef N
#define S(how, member, value, ...) \
	FIELD(MSEND, how, kipc_mailbox_send, member, value, __VA_ARGS__)
	S(BITS, flags, 0, EINVAL, 0),
	S(SET, size, LETTER_SIZE + 1, EMSGSIZE, 0),
	S(SET, size, 1U << 31, EMSGSIZE, 0),
	S(SET, size, ~0U, EMSGSIZE, 0),
	S(READS, data, 0, EFAULT, 0),
	S(SET, data, 0, EFAULT, 0),
#undef S
#define R(how, member, value, ...) \
	FIELD(MRECV, how, kipc_mailbox_recv, member, value, __VA_ARGS__)
	R(BITS, flags, KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE, EINVAL, 0),
	R(SET, size, 0, EMSGSIZE, 0),
	R(SET, size, sizeof(LETTER) - 1, EMSGSIZE, 0),
	R(WRITES, data, 0, EFAULT, 0),
	R(SET, data, 0, EFAULT, 0),
#undef R
};

#endif /* KIPC_SELFTEST_BADINPUT_TABLE_H */
