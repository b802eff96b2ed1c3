/* SPDX-License-Identifier: GPL-2.0 */
/* What can be wrong in the fields of calls that carry handles: as badinput_table.h. */
#ifndef KIPC_SELFTEST_CALLBAD_TABLE_H
#define KIPC_SELFTEST_CALLBAD_TABLE_H

#include <assert.h>

/* The longest letter and the longest reply, and what the replies may carry. */
#define LONGEST		100
#define TAKES		2

enum op { ASK, REPLY, COLLECT };

#include "badinput_row.h"

/* Of the ABI, for ever. */
static_assert(sizeof(struct kipc_mailbox_call) == 56, "layout");
static_assert(sizeof(struct kipc_mailbox_reply) == 32, "layout");
static_assert(sizeof(struct kipc_mailbox_collect) == 80, "layout");
static_assert(sizeof(struct kipc_mailbox_call_handles) == 88, "layout");
static_assert(sizeof(struct kipc_mailbox_reply_handles) == 48, "layout");
static_assert(sizeof(struct kipc_mailbox_collect_handles) == 96, "layout");

static const struct bad_call ops[] = {
	[ASK] = { KIPC_IOC_MAILBOX_CALL_HANDLES, false },
	[REPLY] = { KIPC_IOC_MAILBOX_REPLY_HANDLES, false },
	[COLLECT] = { KIPC_IOC_MAILBOX_COLLECT_HANDLES, false },
};

union arg {
	struct kipc_mailbox_call_handles call;
	struct kipc_mailbox_reply_handles reply;
	struct kipc_mailbox_collect_handles collect;
	char bytes[sizeof(struct kipc_mailbox_collect_handles) + MAX_TAIL];
};

static const struct row table[] = {
#define A(how, member, value, err) \
	FIELD(ASK, how, kipc_mailbox_call_handles, member, value, err)
	A(READS, call.data, 0, EFAULT),
	A(SET, call.reply, 8, EINVAL),
	A(SET, call.size, LONGEST + 1, EMSGSIZE),
	A(SET, call.size, ~0U, EMSGSIZE),
	A(BITS, call.flags, KIPC_CALL_SUBMIT, EINVAL),
	A(BITS, call.reserved, 0, EINVAL),
	A(READS, request.items, 0, EFAULT),
	A(SET, request.items, 0, EFAULT),
	A(SET, request.count, KIPC_HANDLES_MAX + 1, EINVAL),
	A(SET, request.count, 1U << 31, EINVAL),
	A(SET, request.count, ~0U, EINVAL),
	A(BITS, request.flags, 0, EINVAL),
	A(SET, reply.items, 8, EINVAL),
	A(BITS, reply.flags, 0, EINVAL),
#undef A
#define R(how, member, value, err) \
	FIELD(REPLY, how, kipc_mailbox_reply_handles, member, value, err)
	R(SET, reply.token, 0, ENOENT),
	R(SET, reply.token, ~0ULL, ENOENT),
	R(READS, reply.data, 0, EFAULT),
	R(SET, reply.size, LONGEST + 1, EMSGSIZE),
	R(SET, reply.size, KIPC_LETTER_MAX + 1, EMSGSIZE),
	R(SET, reply.size, ~0U, EMSGSIZE),
	R(BITS, reply.flags, 0, EINVAL),
	R(READS, handles.items, 0, EFAULT),
	R(SET, handles.items, 0, EFAULT),
	R(SET, handles.count, 0, EINVAL),
	R(SET, handles.count, KIPC_HANDLES_MAX + 1, EINVAL),
	R(SET, handles.count, ~0U, EINVAL),
	R(BITS, handles.flags, 0, EINVAL),
#undef R
#define I(op, how, member, value, err) \
	FIELD(op, how, kipc_descriptor, member, value, err)
	I(ASK, ITEM, fd, -1, EBADF),
	I(ASK, ITEM, fd, 1000, EBADF),
	I(ASK, ITEM, fd, 1U << 31, EBADF),
	I(ASK, ITEM_BITS, rights, 0, EINVAL),
	I(REPLY, ITEM, fd, -1, EBADF),
	I(REPLY, ITEM, fd, 1000, EBADF),
	I(REPLY, ITEM, fd, 1U << 31, EBADF),
	I(REPLY, ITEM_BITS, rights, 0, EINVAL),
#undef I
/* Where it cannot write them is in callhandles.c: the data has come by then. */
#define C(how, member, value, err) \
	FIELD(COLLECT, how, kipc_mailbox_collect_handles, member, value, err)
	C(SET, collect.token, ~0ULL, ENOENT),
	C(WRITES, collect.data, 0, EFAULT),
	C(SET, collect.size, 0, EMSGSIZE),
	C(BITS, collect.flags, 0, EINVAL),
	C(SET, handles.items, 1ULL << 63, EFAULT),
	C(SET, handles.count, 0, EMSGSIZE),
	C(BITS, handles.flags, KIPC_INHERIT, EINVAL),
#undef C
};

#endif /* KIPC_SELFTEST_CALLBAD_TABLE_H */
