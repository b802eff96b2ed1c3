/* SPDX-License-Identifier: GPL-2.0 */
/* As badinput_table.h, for the structures of queues and of notification. */
#ifndef KIPC_SELFTEST_QUEUEBAD_TABLE_H
#define KIPC_SELFTEST_QUEUEBAD_TABLE_H

#include <assert.h>

/* The message that is in the queue, its type, and the longest that can be. */
#define MESSAGE		"the message that must not get lost"
#define MESSAGE_TYPE	42
#define MESSAGE_SIZE	100

enum op { CREATE, SEND_, RECV, STAT, SET_, SELECT, SEND_BATCH, RECV_BATCH, NOTIFY,
	  HSEND, HRECV };

#include "badinput_row.h"

/* Of the ABI, for ever. */
static_assert(sizeof(struct kipc_queue_attr) == 24, "layout");
static_assert(sizeof(struct kipc_message) == 56, "layout");
static_assert(sizeof(struct kipc_selector) == 24, "layout");
static_assert(sizeof(struct kipc_queue_send) == 40, "layout");
static_assert(sizeof(struct kipc_queue_recv) == 104, "layout");
static_assert(sizeof(struct kipc_queue_send_item) == 32, "layout");
static_assert(sizeof(struct kipc_queue_send_batch) == 24, "layout");
static_assert(sizeof(struct kipc_queue_recv_item) == 72, "layout");
static_assert(sizeof(struct kipc_queue_recv_batch) == 48, "layout");
static_assert(sizeof(struct kipc_queue_stat) == 144, "layout");
static_assert(sizeof(struct kipc_notification) == 24, "layout");
static_assert(sizeof(struct kipc_queue_send_handles) == 56, "layout");
static_assert(sizeof(struct kipc_queue_recv_handles) == 120, "layout");

static const struct bad_call ops[] = {
	[CREATE] = { KIPC_IOC_CREATE, true },
	[SEND_] = { KIPC_IOC_QUEUE_SEND, false },
	[RECV] = { KIPC_IOC_QUEUE_RECV, false },
	[STAT] = { KIPC_IOC_QUEUE_STAT, false },
	[SET_] = { KIPC_IOC_QUEUE_SET, false },
	[SELECT] = { KIPC_IOC_QUEUE_SELECT, false },
	[SEND_BATCH] = { KIPC_IOC_QUEUE_SEND_BATCH, false },
	[RECV_BATCH] = { KIPC_IOC_QUEUE_RECV_BATCH, false },
	[NOTIFY] = { KIPC_IOC_NOTIFY, false },
	[HSEND] = { KIPC_IOC_QUEUE_SEND_HANDLES, false },
	[HRECV] = { KIPC_IOC_QUEUE_RECV_HANDLES, false },
};

union arg {
	struct kipc_create create;
	struct kipc_queue_send send;
	struct kipc_queue_recv recv;
	struct kipc_queue_stat stat;
	struct kipc_queue_attr attr;
	struct kipc_selector selector;
	struct kipc_queue_send_batch send_batch;
	struct kipc_queue_recv_batch recv_batch;
	struct kipc_notification notification;
	struct kipc_queue_send_handles send_handles;
	struct kipc_queue_recv_handles recv_handles;
	char bytes[sizeof(struct kipc_queue_stat) + MAX_TAIL];
};

/* What a call without a selector of its own gets by is MESSAGE's type. */
static const struct row table[] = {
#define A(op, how, member, value) \
	FIELD(op, how, kipc_queue_attr, member, value, EINVAL)
	A(CREATE, ATTR, max_messages, 0),
	A(CREATE, ATTR, max_bytes, 0),
	A(CREATE, ATTR, max_bytes, MESSAGE_SIZE - 1),
	A(CREATE, ATTR, message_size, 0),
	A(CREATE, ATTR, message_size, KIPC_MESSAGE_MAX + 1),
	A(CREATE, ATTR, message_size, 1U << 31),
	A(CREATE, ATTR, message_size, ~0U),
	A(CREATE, ATTR_BITS, flags, KIPC_QUEUE_HANGUP | KIPC_QUEUE_HANDLES),
	A(SET_, SET, max_messages, 0),
	A(SET_, SET, max_bytes, 0),
	A(SET_, SET, max_bytes, MESSAGE_SIZE - 1),
	A(SET_, SET, message_size, 0),
	A(SET_, SET, message_size, KIPC_MESSAGE_MAX + 1),
	A(SET_, SET, message_size, 1U << 31),
	A(SET_, SET, message_size, ~0U),
	A(SET_, BITS, flags, KIPC_QUEUE_HANDLES),
#undef A
#define C(how, member, value, err) \
	FIELD(CREATE, how, kipc_create, member, value, err)
	C(BITS, rights, KIPC_QUEUE_RIGHTS, EINVAL),
	C(SET, attr_size, 0, EINVAL),
	C(SET, attr_size, sizeof(struct kipc_queue_attr) - 1, EINVAL),
	/* Behind the attributes there is a byte that is not zero. */
	C(SET, attr_size, sizeof(struct kipc_queue_attr) + 8, E2BIG),
	C(SET, attr_size, ~0U, E2BIG),
	C(READS, attr, 0, EFAULT),
#undef C
#define S(how, member, value, err) \
	FIELD(SEND_, how, kipc_queue_send, member, value, err)
	S(BITS, flags, 0, EINVAL),
	S(BITS, reserved, 0, EINVAL),
	S(SET, size, MESSAGE_SIZE + 1, EMSGSIZE),
	S(SET, size, 1U << 31, EMSGSIZE),
	S(SET, size, ~0U, EMSGSIZE),
	S(READS, data, 0, EFAULT),
	S(SET, data, 0, EFAULT),
#undef S
#define R(how, member, value, err) \
	FIELD(RECV, how, kipc_queue_recv, member, value, err)
	R(BITS, flags, KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE, EINVAL),
	R(SET, size, 0, EMSGSIZE),
	R(SET, size, sizeof(MESSAGE) - 1, EMSGSIZE),
	R(WRITES, data, 0, EFAULT),
	R(SET, data, 0, EFAULT),
	R(SET, selector.how, KIPC_SELECT_AFTER + 1, EINVAL),
	R(SET, selector.how, ~0U, EINVAL),
	/* To go through the queue is to look. */
	R(SET, selector.how, KIPC_SELECT_AFTER, EINVAL),
	/* These have another meaning for the good one's @low. */
	R(SET, selector.how, KIPC_SELECT_DEFAULT, EINVAL),
	R(SET, selector.how, KIPC_SELECT_FIRST, EINVAL),
	R(SET, selector.how, KIPC_SELECT_PRIORITY, EINVAL),
	R(SET, selector.how, KIPC_SELECT_LOWEST, EINVAL),
	R(SET, selector.how, KIPC_SELECT_RANGE, EINVAL),
	R(SET, selector.how, KIPC_SELECT_EXCEPT, EAGAIN),
	R(SET, selector.low, MESSAGE_TYPE + 1, EAGAIN),
	R(BITS, selector.reserved, 0, EINVAL),
	R(BITS, selector.high, 0, EINVAL),
#undef R
#define S(how, member, value, err) \
	FIELD(SELECT, how, kipc_selector, member, value, err)
	S(SET, how, KIPC_SELECT_DEFAULT, EINVAL),
	S(SET, how, KIPC_SELECT_AFTER, EINVAL),
	S(SET, how, KIPC_SELECT_AFTER + 1, EINVAL),
	S(SET, how, ~0U, EINVAL),
	S(SET, how, KIPC_SELECT_FIRST, EINVAL),
	S(SET, how, KIPC_SELECT_PRIORITY, EINVAL),
	S(SET, how, KIPC_SELECT_LOWEST, EINVAL),
	S(SET, how, KIPC_SELECT_RANGE, EINVAL),
	S(BITS, reserved, 0, EINVAL),
	S(BITS, high, 0, EINVAL),
#undef S
#define S(how, member, value, err) \
	FIELD(SEND_BATCH, how, kipc_queue_send_batch, member, value, err)
	S(BITS, flags, 0, EINVAL),
	S(SET, count, 0, EINVAL),
	S(SET, count, KIPC_BATCH_MAX + 1, EINVAL),
	S(SET, count, 1U << 31, EINVAL),
	S(SET, count, ~0U, EINVAL),
	S(READS, items, 0, EFAULT),
	S(SET, items, 0, EFAULT),
#undef S
#define S(how, member, value, err) \
	FIELD(SEND_BATCH, how, kipc_queue_send_item, member, value, err)
	S(ITEM_BITS, flags, 0, EINVAL),
	S(ITEM_BITS, reserved, 0, EINVAL),
	S(ITEM, size, MESSAGE_SIZE + 1, EMSGSIZE),
	S(ITEM, size, 1U << 31, EMSGSIZE),
	S(ITEM, size, ~0U, EMSGSIZE),
	S(ITEM_READS, data, 0, EFAULT),
	S(ITEM, data, 0, EFAULT),
#undef S
#define R(how, member, value, err) \
	FIELD(RECV_BATCH, how, kipc_queue_recv_batch, member, value, err)
	R(BITS, flags, KIPC_RECV_TRUNCATE, EINVAL),
	R(SET, count, 0, EINVAL),
	R(SET, count, KIPC_BATCH_MAX + 1, EINVAL),
	R(SET, count, 1U << 31, EINVAL),
	R(SET, count, ~0U, EINVAL),
	R(READS, items, 0, EFAULT),
	R(SET, items, 0, EFAULT),
	R(SET, selector.how, KIPC_SELECT_AFTER, EINVAL),
	R(SET, selector.how, KIPC_SELECT_AFTER + 1, EINVAL),
	R(SET, selector.how, KIPC_SELECT_FIRST, EINVAL),
	R(SET, selector.low, MESSAGE_TYPE + 1, EAGAIN),
	R(BITS, selector.reserved, 0, EINVAL),
	R(BITS, selector.high, 0, EINVAL),
#undef R
#define R(how, member, value, err) \
	FIELD(RECV_BATCH, how, kipc_queue_recv_item, member, value, err)
	R(ITEM_BITS, flags, 0, EINVAL),
	R(ITEM, size, 0, EMSGSIZE),
	R(ITEM, size, sizeof(MESSAGE) - 1, EMSGSIZE),
	R(ITEM_WRITES, data, 0, EFAULT),
	R(ITEM, data, 0, EFAULT),
#undef R
#define N(how, member, value, err) \
	FIELD(NOTIFY, how, kipc_notification, member, value, err)
	/* With a signal, that is no way to take it away. */
	N(SET, events, 0, EINVAL),
	N(BITS, events, KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
	  KIPC_EVENT_WRITABLE | KIPC_EVENT_PEER_GONE | KIPC_EVENT_LIMIT, EINVAL),
	N(BITS, flags, KIPC_NOTIFY_ONCE, EINVAL),
	N(SET, signo, 0, EINVAL),
	N(SET, signo, -1, EINVAL),
	N(SET, signo, 65, EINVAL),
	N(SET, signo, 1U << 31, EINVAL),
	N(SET, signo, 0x7fffffff, EINVAL),
	N(BITS, reserved, 0, EINVAL),
#undef N
#define H(how, member, value, err) \
	FIELD(HSEND, how, kipc_queue_send_handles, member, value, err)
	H(BITS, send.flags, 0, EINVAL),
	H(BITS, send.reserved, 0, EINVAL),
	H(SET, send.size, MESSAGE_SIZE + 1, EMSGSIZE),
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
	FIELD(HRECV, how, kipc_queue_recv_handles, member, value, err)
	G(BITS, recv.flags, KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE, EINVAL),
	G(SET, recv.size, sizeof(MESSAGE) - 1, EMSGSIZE),
	G(WRITES, recv.data, 0, EFAULT),
	G(SET, recv.selector.how, ~0U, EINVAL),
	G(SET, recv.selector.low, MESSAGE_TYPE + 1, EAGAIN),
	G(SET, handles.items, 1ULL << 63, EFAULT),
	G(BITS, handles.flags, KIPC_INHERIT, EINVAL),
#undef G
};

#endif /* KIPC_SELFTEST_QUEUEBAD_TABLE_H */
