/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be wrong in the fields of each structure, and what the header says
 * about it.  A row changes one field of a call that is good otherwise.
 */
#ifndef KIPC_SELFTEST_BADINPUT_TABLE_H
#define KIPC_SELFTEST_BADINPUT_TABLE_H

#include <assert.h>

/* The letter that is in the mailbox, and the longest that can be. */
#define LETTER		"the letter that must not get lost"
#define LETTER_SIZE	100

enum op { FEATURES, CREATE, OPEN, UNLINK, OPEN_PID, INFO, NARROW, REMOVE,
	  PUBLISH, UNPUBLISH, MSEND, MRECV, BSEND, BRECV, MSTAT, HSEND, HRECV };

#include "badinput_row.h"

/* Of the ABI, for ever. */
static_assert(sizeof(struct kipc_features) == 16, "layout");
static_assert(sizeof(struct kipc_create) == 40, "layout");
static_assert(sizeof(struct kipc_open) == 32, "layout");
static_assert(sizeof(struct kipc_unlink) == 16, "layout");
static_assert(sizeof(struct kipc_open_pid) == 16, "layout");
static_assert(sizeof(struct kipc_info) == 304, "layout");
static_assert(sizeof(struct kipc_narrow) == 8, "layout");
static_assert(sizeof(struct kipc_mailbox_attr) == 24, "layout");
static_assert(sizeof(struct kipc_mailbox_config) == 40, "layout");
static_assert(sizeof(struct kipc_letter) == 48, "layout");
static_assert(sizeof(struct kipc_mailbox_send) == 32, "layout");
static_assert(sizeof(struct kipc_mailbox_recv) == 96, "layout");
static_assert(sizeof(struct kipc_send_item) == 24, "layout");
static_assert(sizeof(struct kipc_mailbox_send_batch) == 24, "layout");
static_assert(sizeof(struct kipc_recv_item) == 64, "layout");
static_assert(sizeof(struct kipc_mailbox_recv_batch) == 24, "layout");
static_assert(sizeof(struct kipc_mailbox_stat) == 168, "layout");
static_assert(sizeof(struct kipc_descriptor) == 8, "layout");
static_assert(sizeof(struct kipc_handles) == 16, "layout");
static_assert(sizeof(struct kipc_mailbox_send_handles) == 48, "layout");
static_assert(sizeof(struct kipc_mailbox_recv_handles) == 112, "layout");

static const struct bad_call ops[] = {
	[FEATURES] = { KIPC_IOC_FEATURES, true },
	[CREATE] = { KIPC_IOC_CREATE, true },
	[OPEN] = { KIPC_IOC_OPEN, true, 24 },
	[UNLINK] = { KIPC_IOC_UNLINK, true },
	[OPEN_PID] = { KIPC_IOC_OPEN_PID, true },
	[INFO] = { KIPC_IOC_INFO, false },
	[NARROW] = { KIPC_IOC_NARROW, false },
	[REMOVE] = { KIPC_IOC_REMOVE, false },
	[PUBLISH] = { KIPC_IOC_PUBLISH, false },
	[UNPUBLISH] = { KIPC_IOC_UNPUBLISH, false },
	[MSEND] = { KIPC_IOC_MAILBOX_SEND, false },
	[MRECV] = { KIPC_IOC_MAILBOX_RECV, false, 72 },
	[BSEND] = { KIPC_IOC_MAILBOX_SEND_BATCH, false },
	[BRECV] = { KIPC_IOC_MAILBOX_RECV_BATCH, false },
	[MSTAT] = { KIPC_IOC_MAILBOX_STAT, false, 120 },
	[HSEND] = { KIPC_IOC_MAILBOX_SEND_HANDLES, false },
	[HRECV] = { KIPC_IOC_MAILBOX_RECV_HANDLES, false },
};

union arg {
	struct kipc_features features;
	struct kipc_create create;
	struct kipc_open open;
	struct kipc_unlink unlink;
	struct kipc_open_pid open_pid;
	struct kipc_info info;
	struct kipc_narrow narrow;
	struct kipc_mailbox_send send;
	struct kipc_mailbox_recv recv;
	struct kipc_mailbox_send_batch send_batch;
	struct kipc_mailbox_recv_batch recv_batch;
	struct kipc_mailbox_stat stat;
	struct kipc_mailbox_send_handles send_handles;
	struct kipc_mailbox_recv_handles recv_handles;
	char bytes[sizeof(struct kipc_info) + MAX_TAIL];
};

static const struct row table[] = {
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
	C(SET, attr_size, sizeof(struct kipc_mailbox_config) + 8, E2BIG),
	/* A part of a field is that field with zeros behind. */
	C(SET, attr_size, sizeof(struct kipc_mailbox_attr) + 8, EINVAL),
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
	A(ATTR_BITS, flags, 0x1f),
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
	/* KIPC_RECV_REPLY is nothing without an answer, nor the other way round. */
	R(BITS, flags, KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE | KIPC_RECV_CALLS, EINVAL),
	R(SET, answer, 8, EINVAL),
	R(SET, size, 0, EMSGSIZE),
	R(SET, size, sizeof(LETTER) - 1, EMSGSIZE),
	R(WRITES, data, 0, EFAULT),
	R(SET, data, 0, EFAULT),
#undef R
#define S(how, member, value, err) \
	FIELD(BSEND, how, kipc_mailbox_send_batch, member, value, err)
	S(BITS, flags, 0, EINVAL),
	S(SET, count, 0, EINVAL),
	S(SET, count, KIPC_BATCH_MAX + 1, EINVAL),
	S(SET, count, 1U << 31, EINVAL),
	S(SET, count, ~0U, EINVAL),
	S(READS, items, 0, EFAULT),
	S(SET, items, 0, EFAULT),
#undef S
#define S(how, member, value, err) \
	FIELD(BSEND, how, kipc_send_item, member, value, err)
	S(ITEM_BITS, flags, 0, EINVAL),
	S(ITEM, size, LETTER_SIZE + 1, EMSGSIZE),
	S(ITEM, size, 1U << 31, EMSGSIZE),
	S(ITEM, size, ~0U, EMSGSIZE),
	S(ITEM_READS, data, 0, EFAULT),
	S(ITEM, data, 0, EFAULT),
#undef S
#define R(how, member, value, err) \
	FIELD(BRECV, how, kipc_mailbox_recv_batch, member, value, err)
	R(BITS, flags, KIPC_RECV_TRUNCATE, EINVAL),
	R(SET, count, 0, EINVAL),
	R(SET, count, KIPC_BATCH_MAX + 1, EINVAL),
	R(SET, count, 1U << 31, EINVAL),
	R(SET, count, ~0U, EINVAL),
	R(READS, items, 0, EFAULT),
	R(SET, items, 0, EFAULT),
#undef R
#define R(how, member, value, err) \
	FIELD(BRECV, how, kipc_recv_item, member, value, err)
	R(ITEM_BITS, flags, 0, EINVAL),
	R(ITEM, size, 0, EMSGSIZE),
	R(ITEM, size, sizeof(LETTER) - 1, EMSGSIZE),
	R(ITEM_WRITES, data, 0, EFAULT),
	R(ITEM, data, 0, EFAULT),
#undef R
#define H(how, member, value, err) \
	FIELD(HSEND, how, kipc_mailbox_send_handles, member, value, err)
	H(BITS, send.flags, 0, EINVAL),
	H(SET, send.size, LETTER_SIZE + 1, EMSGSIZE),
	H(SET, send.size, ~0U, EMSGSIZE),
	H(READS, send.data, 0, EFAULT),
	H(READS, handles.items, 0, EFAULT),
	H(SET, handles.items, 0, EFAULT),
	H(SET, handles.count, 0, EINVAL),
	H(SET, handles.count, KIPC_HANDLES_MAX + 1, EINVAL),
	H(SET, handles.count, 1U << 31, EINVAL),
	H(SET, handles.count, ~0U, EINVAL),
	H(BITS, handles.flags, 0, EINVAL),
#undef H
#define H(how, member, value, err) \
	FIELD(HSEND, how, kipc_descriptor, member, value, err)
	H(ITEM, fd, -1, EBADF),
	H(ITEM, fd, 1000, EBADF),
	H(ITEM, fd, 1U << 31, EBADF),
	H(ITEM_BITS, rights, 0, EINVAL),
#undef H
#define G(how, member, value, err) \
	FIELD(HRECV, how, kipc_mailbox_recv_handles, member, value, err)
	G(BITS, recv.flags, KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE | KIPC_RECV_CALLS, EINVAL),
	G(SET, recv.answer, 8, EINVAL),
	G(SET, recv.size, sizeof(LETTER) - 1, EMSGSIZE),
	G(WRITES, recv.data, 0, EFAULT),
	G(SET, handles.items, 1ULL << 63, EFAULT),
	G(BITS, handles.flags, KIPC_INHERIT, EINVAL),
#undef G
};

#endif /* KIPC_SELFTEST_BADINPUT_TABLE_H */
