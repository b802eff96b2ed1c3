// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to queues, as badinput gives it to all that it knows, by a table of its
 * own (queuebad_table.h): each call must fail as documented, and nothing may have
 * changed by it.  And what else can be wrong: other kinds' calls, rights, quotas.
 * Also built for 32 bit.
 */
#include "test.h"
#include "queuebad_table.h"
#include "kqueue.h"

#define PAGE	4096

FIXTURE(bad) {
	int ctl, fd;
	int sender, receiver, manager;
	int plain;		/* a descriptor to be carried */
	char *rw;		/* one page; the next one is not accessible */
	char *ro;		/* one page that can only be read */
	char *data;		/* what pointers point to when they are good */
	struct kipc_queue_attr *attr;
	char *item;		/* of a batch */
	struct kipc_queue_stat figures;
	uint64_t objects, handles, bytes;
};

FIXTURE_SETUP(bad)
{
	struct kipc_queue_attr attr = { 10, 1000, MESSAGE_SIZE, 0 };

	bad_pages(&self->rw, &self->ro, &self->data);
	self->item = malloc(PAGE);
	self->attr = malloc(sizeof(attr) + 64);
	memset(self->attr, 0, sizeof(attr) + 64);
	*self->attr = attr;
	((char *)(self->attr + 1))[3] = 1;

	self->ctl = control();
	self->plain = memfd_create("queuebad", 0);
	ASSERT_OK(self->plain);
	attr.flags = KIPC_QUEUE_HANDLES;
	self->fd = q_create(self->ctl, NULL, &attr, 0600, KIPC_QUEUE_RIGHTS, 0);
	ASSERT_OK(self->fd);
	self->sender = k_narrow(self->fd, SEND, 0);
	self->receiver = k_narrow(self->fd, RECEIVE, 0);
	self->manager = k_narrow(self->fd, MANAGE, 0);
	ASSERT_OK(q_send(self->fd, MESSAGE, sizeof(MESSAGE), MESSAGE_TYPE, 7, 0));
	ASSERT_OK(q_select(self->fd, BY_TYPE(MESSAGE_TYPE)));
	self->figures = q_stat_of(self->fd);
	self->objects = total("objects");
	self->handles = total("handles");
	self->bytes = total("bytes");
}

FIXTURE_TEARDOWN(bad)
{
}

/* Arguments with which the call works; returns the structure's size. */
static size_t good(FIXTURE_DATA(bad) *self, enum op op, union arg *a)
{
	struct kipc_queue_send_item *out = (void *)self->item;
	struct kipc_queue_recv_item *in = (void *)self->item;

	memset(a, 0, sizeof(*a));
	switch (op) {
	case CREATE:
		a->create = (struct kipc_create){
			.kind = KIPC_KIND_QUEUE,
			.mode = 0600,
			.rights = KIPC_QUEUE_RIGHTS,
			.attr_size = sizeof(*self->attr),
			.attr = ptr(self->attr),
		};
		break;
	case SEND_:
		a->send = (struct kipc_queue_send){
			.data = ptr(self->data),
			.size = 60,
		};
		break;
	case RECV:
		a->recv = (struct kipc_queue_recv){
			.data = ptr(self->data),
			.size = 60,
			.selector = BY_TYPE(MESSAGE_TYPE),
		};
		memset(&a->recv.message, POISON, sizeof(a->recv.message));
		break;
	case SET_:
		a->attr = self->figures.attr;
		break;
	case SELECT:
		a->selector = BY_TYPE(MESSAGE_TYPE);
		break;
	case SEND_BATCH:
		*out = (struct kipc_queue_send_item){
			.data = ptr(self->data),
			.size = 60,
		};
		a->send_batch = (struct kipc_queue_send_batch){
			.items = ptr(self->item),
			.count = 1,
		};
		break;
	case RECV_BATCH:
		memset(in, POISON, sizeof(*in));
		in->data = ptr(self->data);
		in->size = 60;
		in->flags = 0;
		a->recv_batch = (struct kipc_queue_recv_batch){
			.items = ptr(self->item),
			.count = 1,
			.selector = BY_TYPE(MESSAGE_TYPE),
		};
		break;
	case HSEND:
		*(struct kipc_descriptor *)self->item = (struct kipc_descriptor){
			.fd = self->plain,
		};
		a->send_handles = (struct kipc_queue_send_handles){
			.send = { .data = ptr(self->data), .size = 60 },
			.handles = { .items = ptr(self->item), .count = 1 },
		};
		break;
	case HRECV:
		a->recv_handles = (struct kipc_queue_recv_handles){
			.recv = {
				.data = ptr(self->data),
				.size = 60,
				.selector = BY_TYPE(MESSAGE_TYPE),
			},
			.handles = { .items = ptr(self->item), .count = 1 },
		};
		memset(&a->recv_handles.recv.message, POISON,
		       sizeof(a->recv_handles.recv.message));
		break;
	case NOTIFY:
		a->notification = (struct kipc_notification){
			.events = KIPC_EVENT_NONEMPTY,
			.signo = SIGRTMAX,
		};
		break;
	default:
		memset(a, POISON, _IOC_SIZE(ops[op].cmd));
		break;
	}
	return _IOC_SIZE(ops[op].cmd);
}

/* What is wrong after a call that had to fail, or NULL. */
static const char *damage(FIXTURE_DATA(bad) *self)
{
	struct kipc_queue_stat st = q_stat_of(self->fd);
	struct kipc_message m;
	char data[MESSAGE_SIZE];

	if (memcmp(&st, &self->figures, sizeof(st)))
		return "the queue's figures have changed";
	if (total("waiters"))
		return "somebody waits";
	if (total("carried"))
		return "something is on its way";
	if (total("bytes") != self->bytes)
		return "memory is used, or is not any more";
	/* Which also tells that the handle's selector is as it was. */
	if (q_recv(self->fd, data, sizeof(data), BY_DEFAULT, &m, KIPC_RECV_PEEK, 0) !=
	    sizeof(MESSAGE) || memcmp(data, MESSAGE, sizeof(MESSAGE)) ||
	    m.type != MESSAGE_TYPE || m.priority != 7 || m.seq != 1)
		return "the message, or the default selector, has changed";
	if (!poisoned(self->data, PAGE))
		return "the data buffer was written to";
	return come_or_gone(self->objects, self->handles);
}

#include "badinput_drive.h"

TEST_F(bad, create)
{
	union arg a;

	ALL(CREATE);
	ASSERT_OK(call_good(self, CREATE, &a));
}

TEST_F(bad, send)
{
	union arg a;
	size_t size;

	ALL(SEND_);
	size = good(self, SEND_, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_QUEUE_SEND, &a, size, EBADF, "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_QUEUE_SEND, &a, size, EBADF, "manager");
	ASSERT_OK(call_good(self, SEND_, &a));
	EXPECT_EQ(2, q_stat_of(self->fd).messages);
}

TEST_F(bad, receive)
{
	union arg a;
	size_t size;

	ALL(RECV);
	size = good(self, RECV, &a);
	MUST_FAIL(self->sender, KIPC_IOC_QUEUE_RECV, &a, size, EBADF, "sender");
	MUST_FAIL(self->manager, KIPC_IOC_QUEUE_RECV, &a, size, EBADF, "manager");
	EXPECT_EQ(sizeof(MESSAGE), call_good(self, RECV, &a));
	EXPECT_EQ(1, a.recv.message.seq);
	EXPECT_EQ(0, memcmp(self->data, MESSAGE, sizeof(MESSAGE)));
	EXPECT_TRUE(poisoned(self->data + sizeof(MESSAGE), 100));
}

TEST_F(bad, send_handles)
{
	union arg a;
	size_t size;

	ALL(HSEND);
	size = good(self, HSEND, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_QUEUE_SEND_HANDLES, &a, size, EBADF,
		  "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_QUEUE_SEND_HANDLES, &a, size, EBADF,
		  "manager");
	((struct kipc_descriptor *)self->item)->fd = self->fd;
	MUST_FAIL(self->fd, KIPC_IOC_QUEUE_SEND_HANDLES, &a, size, ELOOP, "itself");
	ASSERT_OK(call_good(self, HSEND, &a));
	EXPECT_EQ(2, q_stat_of(self->fd).messages);
	EXPECT_EQ(1, total("carried"));
}

TEST_F(bad, receive_handles)
{
	union arg a;
	size_t size;

	ALL(HRECV);
	size = good(self, HRECV, &a);
	MUST_FAIL(self->sender, KIPC_IOC_QUEUE_RECV_HANDLES, &a, size, EBADF, "sender");
	MUST_FAIL(self->manager, KIPC_IOC_QUEUE_RECV_HANDLES, &a, size, EBADF,
		  "manager");
	EXPECT_EQ(sizeof(MESSAGE), call_good(self, HRECV, &a));
	EXPECT_EQ(1, a.recv_handles.recv.message.seq);
	EXPECT_EQ(0, a.recv_handles.handles.count);
	EXPECT_EQ(0, memcmp(self->data, MESSAGE, sizeof(MESSAGE)));
}

/* Selectors that are wrong each in a way of its own, wherever one is given. */
TEST_F(bad, selectors)
{
	static const struct {
		struct kipc_selector selector;
		int err;		/* that it is refused with; else EAGAIN */
	} wrong[] = {
		{ { KIPC_SELECT_FIRST, 0, 1, 0 }, EINVAL },
		{ { KIPC_SELECT_FIRST, 0, 0, 1 }, EINVAL },
		{ { KIPC_SELECT_PRIORITY, 0, 1, 0 }, EINVAL },
		{ { KIPC_SELECT_PRIORITY, 0, 0, ~0ULL }, EINVAL },
		{ { KIPC_SELECT_TYPE, 0, 5, 5 }, EINVAL },
		{ { KIPC_SELECT_LOWEST, 0, 5, 5 }, EINVAL },
		{ { KIPC_SELECT_RANGE, 0, 5, 4 }, EINVAL },
		{ { KIPC_SELECT_RANGE, 0, ~0ULL, 0 }, EINVAL },
		{ { KIPC_SELECT_EXCEPT, 0, MESSAGE_TYPE, 1 }, EINVAL },
		{ { KIPC_SELECT_SENDER, 0, 0, 0 }, EINVAL },
		{ { KIPC_SELECT_SENDER, 0, 1, 1 }, EINVAL },
		{ { KIPC_SELECT_SENDER, 0, 1ULL << 31, 0 }, EINVAL },
		{ { KIPC_SELECT_SENDER, 0, 1ULL << 32 | 1, 0 }, EINVAL },
		{ { KIPC_SELECT_SENDER, 0, ~0ULL, 0 }, EINVAL },
		{ { KIPC_SELECT_AFTER, 0, 5, 5 }, EINVAL },
	};
	size_t i, size;
	union arg a;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		unsigned int how = wrong[i].selector.how;

		size = good(self, RECV, &a);
		a.recv.selector = wrong[i].selector;
		MUST_FAIL(self->fd, KIPC_IOC_QUEUE_RECV, &a, size, wrong[i].err,
			  "selector %u, row %zu", how, i);
		a.recv.flags = KIPC_RECV_PEEK;
		MUST_FAIL(self->fd, KIPC_IOC_QUEUE_RECV, &a, size, wrong[i].err,
			  "to peek: selector %u, row %zu", how, i);
		size = good(self, RECV_BATCH, &a);
		a.recv_batch.selector = wrong[i].selector;
		MUST_FAIL(self->fd, KIPC_IOC_QUEUE_RECV_BATCH, &a, size, EINVAL,
			  "batch: selector %u, row %zu", how, i);
		size = good(self, SELECT, &a);
		a.selector = wrong[i].selector;
		MUST_FAIL(self->fd, KIPC_IOC_QUEUE_SELECT, &a, size, EINVAL,
			  "default: selector %u, row %zu", how, i);
	}
}

TEST_F(bad, select)
{
	union arg a;
	size_t size;

	ALL(SELECT);
	size = good(self, SELECT, &a);
	MUST_FAIL(self->sender, KIPC_IOC_QUEUE_SELECT, &a, size, EBADF, "sender");
	MUST_FAIL(self->manager, KIPC_IOC_QUEUE_SELECT, &a, size, EBADF, "manager");
	ASSERT_OK(call_good(self, SELECT, &a));
}

TEST_F(bad, set)
{
	union arg a;
	size_t size;

	ALL(SET_);
	size = good(self, SET_, &a);
	MUST_FAIL(self->sender, KIPC_IOC_QUEUE_SET, &a, size, EPERM, "sender");
	MUST_FAIL(self->receiver, KIPC_IOC_QUEUE_SET, &a, size, EPERM, "receiver");
	ASSERT_OK(call_good(self, SET_, &a));
}

TEST_F(bad, send_batch)
{
	union arg a;
	size_t size;

	ALL(SEND_BATCH);
	size = good(self, SEND_BATCH, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_QUEUE_SEND_BATCH, &a, size, EBADF,
		  "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_QUEUE_SEND_BATCH, &a, size, EBADF,
		  "manager");
	ASSERT_EQ(1, call_good(self, SEND_BATCH, &a));
	EXPECT_EQ(2, q_stat_of(self->fd).messages);
}

TEST_F(bad, receive_batch)
{
	union arg a;
	size_t size;

	ALL(RECV_BATCH);
	size = good(self, RECV_BATCH, &a);
	MUST_FAIL(self->sender, KIPC_IOC_QUEUE_RECV_BATCH, &a, size, EBADF,
		  "sender");
	MUST_FAIL(self->manager, KIPC_IOC_QUEUE_RECV_BATCH, &a, size, EBADF,
		  "manager");
	ASSERT_EQ(1, call_good(self, RECV_BATCH, &a));
	EXPECT_EQ(1, ((struct kipc_queue_recv_item *)self->item)->message.seq);
	EXPECT_EQ(0, memcmp(self->data, MESSAGE, sizeof(MESSAGE)));
	EXPECT_TRUE(poisoned(self->data + sizeof(MESSAGE), 100));
}

TEST_F(bad, notify)
{
	union arg a;
	size_t size;

	ALL(NOTIFY);
	size = good(self, NOTIFY, &a);
	MUST_FAIL(self->sender, KIPC_IOC_NOTIFY, &a, size, EPERM, "sender");
	MUST_FAIL(self->manager, KIPC_IOC_NOTIFY, &a, size, EPERM, "manager");
	memset(&a, 0, sizeof(a));
	MUST_FAIL(self->fd, KIPC_IOC_NOTIFY, &a, size, ENOENT, "none to take away");
	a.notification.flags = KIPC_NOTIFY_ONCE << 1;
	MUST_FAIL(self->fd, KIPC_IOC_NOTIFY, &a, size, EINVAL, "no event, a flag");
	a.notification.flags = 0;
	a.notification.reserved = 1;
	MUST_FAIL(self->fd, KIPC_IOC_NOTIFY, &a, size, EINVAL, "no event, reserved");
	ASSERT_OK(call_good(self, NOTIFY, &a));
	EXPECT_LT(self->bytes, total("bytes"));
	ASSERT_OK(q_notify(self->fd, 0, 0, 0, 0));
	EXPECT_EQ(self->bytes, total("bytes"));
}

/* A mailbox's calls are its own, as the queue's are. */
TEST_F(bad, other_kinds)
{
	static const unsigned int theirs[] = {
		KIPC_IOC_MAILBOX_SEND, KIPC_IOC_MAILBOX_RECV, KIPC_IOC_MAILBOX_STAT,
		KIPC_IOC_MAILBOX_CALL, KIPC_IOC_MAILBOX_REPLY,
		KIPC_IOC_MAILBOX_COLLECT, KIPC_IOC_MAILBOX_CANCEL,
		KIPC_IOC_MAILBOX_SEND_BATCH, KIPC_IOC_MAILBOX_RECV_BATCH,
	};
	int mailbox = default_box();
	size_t i, size;
	union arg a;

	self->objects++;
	self->handles++;
	self->bytes = total("bytes");
	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		good(self, SEND_, &a);
		MUST_FAIL(self->fd, theirs[i], &a, sizeof(a), ENOTTY,
			  "ioctl %#x on a queue", _IOC_NR(theirs[i]));
	}
	for (i = SEND_; i <= RECV_BATCH; i++) {
		size = good(self, i, &a);
		MUST_FAIL(mailbox, ops[i].cmd, &a, size, ENOTTY,
			  "ioctl %#x on a mailbox", _IOC_NR(ops[i].cmd));
	}
	size = good(self, NOTIFY, &a);
	a.notification.events = KIPC_EVENT_LIMIT << 1;
	MUST_FAIL(mailbox, KIPC_IOC_NOTIFY, &a, size, EINVAL, "a mailbox");
	a.notification.events = KIPC_EVENT_CALL;
	MUST_FAIL(self->fd, KIPC_IOC_NOTIFY, &a, size, EINVAL, "a call");
	memset(&a, 0, sizeof(a));
	MUST_FAIL(mailbox, KIPC_IOC_NOTIFY, &a, size, ENOENT, "a mailbox");
	EXPECT_EQ(0, stat_of(mailbox).sent);
}

TEST_F(bad, stat)
{
	union arg a;

	ALL(STAT);
	ASSERT_OK(call_good(self, STAT, &a));
	EXPECT_EQ(1, a.stat.messages);
}

/* The same through read and write, whose pointers are no less bad. */
TEST_F(bad, read_and_write)
{
	uint64_t bad[MAX_BAD];
	unsigned int i, n = bad_pointers(self, ptr(self->data), 40, bad);

	for (i = 0; i < n; i++) {
		void *p = (void *)(uintptr_t)bad[i];

		if (ptr(p) != bad[i])
			continue;
		EXPECT_ERR(EFAULT, read(self->fd, p, 60));
		if (p != self->ro)
			EXPECT_ERR(EFAULT, write(self->fd, p, 60));
		ASSERT_TRUE(!damage(self)) { TH_LOG("%s", damage(self)); }
	}
	EXPECT_ERR(EMSGSIZE, write(self->fd, self->data, MESSAGE_SIZE + 1));
	EXPECT_ERR(EMSGSIZE, read(self->fd, self->data, sizeof(MESSAGE) - 1));
	EXPECT_TRUE(!damage(self));
	EXPECT_EQ(sizeof(MESSAGE), read(self->fd, self->data, PAGE));
}

/* The owner's quotas: of waiters, of bytes, of objects. */
TEST_F(bad, quota)
{
	uint64_t waiters = get_limit("max_waiters"), bytes = get_limit("max_bytes");
	uint64_t objects = get_limit("max_objects");
	char data[8] = "";
	union arg a;
	int full;

	full = queue(1, 100, 8, 0);
	ASSERT_OK(q_send(full, data, 8, 1, 0, 0));
	self->objects++;
	self->handles++;
	self->bytes = total("bytes");
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, q_recv(self->fd, data, 8, BY_TYPE(1), NULL, 0,
				  KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, q_send(full, data, 8, 1, 0, KIPC_FOREVER));
	EXPECT_TRUE(!damage(self)) { TH_LOG("%s", damage(self)); }
	set_limit("max_waiters", waiters);
	full = queue(KIPC_UNBOUNDED, KIPC_UNBOUNDED, MESSAGE_SIZE, 0);
	self->objects++;
	self->handles++;
	self->bytes = total("bytes");
	set_limit("max_bytes", 0);
	EXPECT_ERR(EDQUOT, q_notify(self->fd, KIPC_EVENT_NONEMPTY, 0, SIGUSR1, 0));
	EXPECT_TRUE(!damage(self)) { TH_LOG("%s", damage(self)); }
	EXPECT_ERR(EDQUOT, q_send(full, data, 8, 1, 0, 0));
	EXPECT_ERR(EDQUOT, q_send(full, NULL, 0, 1, 0, KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, write(full, data, 8));
	EXPECT_EQ(0, q_stat_of(full).sent);
	set_limit("max_bytes", bytes);
	set_limit("max_objects", 0);
	good(self, CREATE, &a);
	EXPECT_ERR(EDQUOT, ioctl(self->ctl, KIPC_IOC_CREATE, &a));
	set_limit("max_objects", objects);
}

TEST_HARNESS_MAIN
