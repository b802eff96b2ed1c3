/* SPDX-License-Identifier: GPL-2.0 */
/* As badinput_table.h, for the structures of services. */
#ifndef KIPC_SELFTEST_SERVICEBAD_TABLE_H
#define KIPC_SELFTEST_SERVICEBAD_TABLE_H

#include <assert.h>

/* The service of the test. */
#define STACKS		4
#define BINDINGS	8

enum op { CREATE, CONNECT, CALL_, COLLECT, CANCEL, SERVE_, REPLY, STOP, STAT_, ATTACH,
	  TAKE_ };

#include "badinput_row.h"

/* Of the ABI, for ever. */
static_assert(sizeof(struct kipc_service_attr) == 24, "layout");
static_assert(sizeof(struct kipc_frame) == 128, "layout");
static_assert(sizeof(struct kipc_service_connect) == 104, "layout");
static_assert(sizeof(struct kipc_service_collect) == 24, "layout");
static_assert(sizeof(struct kipc_service_cancel) == 16, "layout");
static_assert(sizeof(struct kipc_service_reply) == 88, "layout");
static_assert(sizeof(struct kipc_served) == 120, "layout");
static_assert(sizeof(struct kipc_service_serve) == 224, "layout");
static_assert(sizeof(struct kipc_service_stat) == 104, "layout");
static_assert(sizeof(struct kipc_service_handles) == 32, "layout");

static const struct bad_call ops[] = {
	[CREATE] = { KIPC_IOC_CREATE, true },
	[CONNECT] = { KIPC_IOC_SERVICE_CONNECT, false },
	[CALL_] = { KIPC_IOC_SERVICE_CALL, false },
	[COLLECT] = { KIPC_IOC_SERVICE_COLLECT, false },
	[CANCEL] = { KIPC_IOC_SERVICE_CANCEL, false },
	[SERVE_] = { KIPC_IOC_SERVICE_SERVE, false },
	[REPLY] = { KIPC_IOC_SERVICE_REPLY, false },
	[STOP] = { KIPC_IOC_SERVICE_STOP, false },
	[STAT_] = { KIPC_IOC_SERVICE_STAT, false },
	[ATTACH] = { KIPC_IOC_SERVICE_ATTACH, false },
	[TAKE_] = { KIPC_IOC_SERVICE_TAKE, false },
};

union arg {
	struct kipc_create create;
	struct kipc_service_connect connect;
	struct kipc_service_collect collect;
	struct kipc_service_cancel cancel;
	struct kipc_service_serve serve;
	struct kipc_service_reply reply;
	struct kipc_service_stat stat;
	struct kipc_service_handles handles;
	char bytes[sizeof(struct kipc_service_serve) + MAX_TAIL];
};

static const struct row table[] = {
#define A(how, member, value) \
	FIELD(CREATE, how, kipc_service_attr, member, value, EINVAL)
	A(ATTR, stack_size, KIPC_STACK_MAX + 1),
	A(ATTR, stack_size, 1U << 31),
	A(ATTR, stack_size, ~0U),
	A(ATTR, stacks, KIPC_STACKS_MAX + 1),
	A(ATTR, stacks, ~0U),
	A(ATTR, bindings, KIPC_BINDINGS_MAX + 1),
	A(ATTR, bindings, ~0U),
	/* More of one user than of all. */
	A(ATTR, bindings, BINDINGS - 1),
	A(ATTR, user_bindings, BINDINGS + 1),
	A(ATTR, user_bindings, ~0U),
	A(ATTR_BITS, flags, KIPC_SERVICE_ACCEPT | KIPC_SERVICE_PATIENT |
	  KIPC_SERVICE_PATIENT_CALLERS | KIPC_SERVICE_HANDLES),
#undef A
#define C(how, member, value, err) \
	FIELD(CREATE, how, kipc_create, member, value, err)
	C(SET, flags, KIPC_PERSISTENT, EINVAL),
	C(SET, flags, KIPC_EXCL, EINVAL),
	C(BITS, rights, KIPC_SERVICE_RIGHTS, EINVAL),
	C(SET, rights, 0, EINVAL),
	C(SET, mode, 01000, EINVAL),
	C(SET, attr_size, 0, EINVAL),
	C(SET, attr_size, sizeof(struct kipc_service_attr) - 1, EINVAL),
	/* Behind the attributes there is a byte that is not zero. */
	C(SET, attr_size, sizeof(struct kipc_service_attr) + 8, E2BIG),
	C(SET, attr_size, ~0U, E2BIG),
	C(READS, attr, 0, EFAULT),
#undef C
	FIELD(CONNECT, BITS, kipc_service_connect, flags, 0, EINVAL),
	FIELD(CONNECT, BITS, kipc_service_connect, reserved, 0, EINVAL),
	FIELD(COLLECT, BITS, kipc_service_collect, flags, 0, EINVAL),
	FIELD(COLLECT, SET, kipc_service_collect, token, 1, ENOENT),
	FIELD(COLLECT, SET, kipc_service_collect, token, ~0ULL, ENOENT),
	FIELD(CANCEL, BITS, kipc_service_cancel, flags, 0, EINVAL),
	FIELD(CANCEL, BITS, kipc_service_cancel, reserved, 0, EINVAL),
	FIELD(CANCEL, SET, kipc_service_cancel, token, 0, ENOENT),
	FIELD(CANCEL, SET, kipc_service_cancel, token, ~0ULL, ENOENT),
#define R(how, member, value, err) \
	FIELD(REPLY, how, kipc_service_reply, member, value, err)
	R(SET, token, 0, ENOENT),
	R(SET, token, 1, ENOENT),
	R(SET, token, ~0ULL, ENOENT),
	R(SET, status, ~0U, EINVAL),
	R(SET, status, 1U << 31, EINVAL),
	/* It is no connection. */
	R(SET, flags, KIPC_REPLY_REFUSE, EINVAL),
	R(BITS, flags, 0, EINVAL),
#undef R
#define S(how, member, value, err) \
	FIELD(SERVE_, how, kipc_service_serve, member, value, err)
	S(SET, reply.token, 1, ENOENT),
	S(SET, reply.token, ~0ULL, ENOENT),
	S(SET, reply.status, ~0U, EINVAL),
	S(SET, reply.status, 1U << 31, EINVAL),
	S(SET, reply.flags, KIPC_REPLY_REFUSE, EINVAL),
	S(BITS, reply.flags, 0, EINVAL),
	S(BITS, flags, 0, EINVAL),
	S(BITS, reserved, 0, EINVAL),
#undef S
/* By a worker, whose stack is 0. */
#define H(how, member, value, err) \
	FIELD(ATTACH, how, kipc_service_handles, member, value, err)
	H(SET, token, 1, ENOENT),
	H(SET, token, ~0ULL, ENOENT),
	H(SET, stack, 1, EINVAL),
	H(SET, stack, ~0U, EINVAL),
	H(BITS, flags, 0, EINVAL),
	H(READS, handles.items, 0, EFAULT),
	H(SET, handles.items, 0, EFAULT),
	H(SET, handles.count, 0, EINVAL),
	H(SET, handles.count, KIPC_HANDLES_MAX + 1, EINVAL),
	H(SET, handles.count, ~0U, EINVAL),
	H(BITS, handles.flags, 0, EINVAL),
#undef H
	FIELD(ATTACH, ITEM, kipc_descriptor, fd, -1, EBADF),
	FIELD(ATTACH, ITEM, kipc_descriptor, fd, 1000, EBADF),
	FIELD(ATTACH, ITEM_BITS, kipc_descriptor, rights, 0, EINVAL),
#define T(how, member, value, err) \
	FIELD(TAKE_, how, kipc_service_handles, member, value, err)
	T(SET, token, 1, ENOENT),
	T(SET, token, ~0ULL, ENOENT),
	T(SET, stack, 1, EINVAL),
	T(BITS, flags, 0, EINVAL),
	T(WRITES, handles.items, 0, EFAULT),
	T(SET, handles.items, 1ULL << 63, EFAULT),
	T(SET, handles.count, 0, EMSGSIZE),
	T(BITS, handles.flags, KIPC_INHERIT, EINVAL),
#undef T
};

#endif /* KIPC_SELFTEST_SERVICEBAD_TABLE_H */
