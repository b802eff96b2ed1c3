// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input: one table (badinput_table.h) drives every field of every structure of
 * the ioctls of the device, of every object, and of mailboxes (those of calls are in
 * calls.c and async.c, those of queues in queuebad.c); what goes for all structures is
 * driven for each of them here.
 * Each call must fail as documented, and nothing may have changed by it: not
 * the mailbox and its letter, not the totals, not a byte of what was passed in.
 * At the end of each test the good call must still work, which also proves
 * that it was the fault that was refused.  Also built for 32 bit.
 */
#include "test.h"
#include "badinput_table.h"

#define PAGE		4096
#define VICTIM		"badinput-victim"
#define NEW		"badinput-new"

FIXTURE(bad) {
	int ctl, fd, victim;
	int sender, receiver, manager;
	int plain;		/* a descriptor to be carried */
	char *rw;		/* one page; the next one is not accessible */
	char *ro;		/* one page that can only be read */
	char *data;		/* what pointers point to when they are good */
	struct kipc_mailbox_attr *attr;
	char *item;		/* of a batch */
	char name[256];
	struct kipc_mailbox_stat figures;
	uint64_t objects, handles;
};

FIXTURE_SETUP(bad)
{
	struct kipc_mailbox_attr attr = { 10, 1000, LETTER_SIZE, 0 };

	bad_pages(&self->rw, &self->ro, &self->data);
	self->item = malloc(PAGE);
	self->attr = malloc(sizeof(attr) + 64);
	memset(self->attr, 0, sizeof(attr) + 64);
	*self->attr = attr;
	/* In the first field of the configuration, and behind it. */
	((char *)(self->attr + 1))[3] = 1;
	((char *)self->attr)[sizeof(struct kipc_mailbox_config) + 3] = 1;
	memset(self->name, 'n', sizeof(self->name));

	self->ctl = control();
	self->plain = memfd_create("badinput", 0);
	ASSERT_OK(self->plain);
	attr.flags = KIPC_MAILBOX_HANDLES;
	self->fd = k_create(self->ctl, NULL, &attr, 0600, ALL_RIGHTS, 0);
	self->victim = k_create(self->ctl, VICTIM, &attr, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(self->fd);
	ASSERT_OK(self->victim);
	self->sender = k_narrow(self->fd, SEND, 0);
	self->receiver = k_narrow(self->fd, RECEIVE, 0);
	self->manager = k_narrow(self->fd, MANAGE, 0);
	ASSERT_OK(k_send(self->fd, LETTER, sizeof(LETTER), 42, 0));
	self->figures = stat_of(self->fd);
	self->objects = total("objects");
	self->handles = total("handles");
}

FIXTURE_TEARDOWN(bad)
{
}

/* Arguments with which the call works; returns the structure's size. */
static size_t good(FIXTURE_DATA(bad) *self, enum op op, union arg *a)
{
	memset(a, 0, sizeof(*a));
	switch (op) {
	case CREATE:
		a->create = (struct kipc_create){
			.kind = KIPC_KIND_MAILBOX,
			.mode = 0600,
			.rights = ALL_RIGHTS,
			.name = ptr(strcpy(self->name, NEW)),
			.name_len = strlen(NEW),
			.attr_size = sizeof(*self->attr),
			.attr = ptr(self->attr),
		};
		break;
	case OPEN:
		a->open = (struct kipc_open){
			.kind = KIPC_KIND_MAILBOX,
			.rights = SEND,
			.name = ptr(strcpy(self->name, VICTIM)),
			.name_len = strlen(VICTIM),
		};
		break;
	case UNLINK:
		a->unlink = (struct kipc_unlink){
			.name = ptr(strcpy(self->name, VICTIM)),
			.name_len = strlen(VICTIM),
		};
		break;
	case OPEN_PID:
		a->open_pid = (struct kipc_open_pid){
			.pid = getpid(),
			.kind = KIPC_KIND_MAILBOX,
			.rights = SEND,
		};
		break;
	case NARROW:
		a->narrow = (struct kipc_narrow){ .rights = SEND };
		break;
	case MSEND:
		a->send = (struct kipc_mailbox_send){
			.data = ptr(self->data),
			.size = 60,
		};
		break;
	case MRECV:
		a->recv = (struct kipc_mailbox_recv){
			.data = ptr(self->data),
			.size = 60,
		};
		memset(&a->recv.letter, POISON, sizeof(a->recv.letter));
		break;
	case BSEND:
		*(struct kipc_send_item *)self->item = (struct kipc_send_item){
			.data = ptr(self->data),
			.size = 60,
		};
		a->send_batch = (struct kipc_mailbox_send_batch){
			.items = ptr(self->item),
			.count = 1,
		};
		break;
	case HSEND:
		*(struct kipc_descriptor *)self->item = (struct kipc_descriptor){
			.fd = self->plain,
		};
		a->send_handles = (struct kipc_mailbox_send_handles){
			.send = { .data = ptr(self->data), .size = 60 },
			.handles = { .items = ptr(self->item), .count = 1 },
		};
		break;
	case HRECV:
		a->recv_handles = (struct kipc_mailbox_recv_handles){
			.recv = { .data = ptr(self->data), .size = 60 },
			.handles = { .items = ptr(self->item), .count = 1 },
		};
		memset(&a->recv_handles.recv.letter, POISON,
		       sizeof(a->recv_handles.recv.letter));
		break;
	case BRECV:
		memset(self->item, POISON, sizeof(struct kipc_recv_item));
		((struct kipc_recv_item *)self->item)->data = ptr(self->data);
		((struct kipc_recv_item *)self->item)->size = 60;
		((struct kipc_recv_item *)self->item)->flags = 0;
		a->recv_batch = (struct kipc_mailbox_recv_batch){
			.items = ptr(self->item),
			.count = 1,
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
	struct kipc_mailbox_stat st = stat_of(self->fd);
	struct kipc_letter l;
	char data[LETTER_SIZE];

	if (memcmp(&st, &self->figures, sizeof(st)))
		return "the mailbox's figures have changed";
	if (total("carried"))
		return "something is on its way";
	if (k_recv(self->fd, data, sizeof(data), &l, KIPC_RECV_PEEK, 0) !=
	    sizeof(LETTER) || memcmp(data, LETTER, sizeof(LETTER)) ||
	    l.tag != 42 || l.seq != 1)
		return "the letter has changed";
	if (!poisoned(self->data, PAGE))
		return "the data buffer was written to";
	return come_or_gone(self->objects, self->handles);
}

#include "badinput_drive.h"

TEST_F(bad, features)
{
	union arg a;

	ALL(FEATURES);
	ASSERT_OK(call_good(self, FEATURES, &a));
	EXPECT_EQ(KIPC_ABI_VERSION, a.features.abi_version);
}

TEST_F(bad, create)
{
	union arg a;

	ALL(CREATE);
	good(self, CREATE, &a);
	a.create.name = 0;
	a.create.name_len = 0;
	a.create.flags = KIPC_PERSISTENT;
	MUST_FAIL(self->ctl, KIPC_IOC_CREATE, &a, sizeof(a.create), EINVAL,
		  "persistent without a name");
	a.create.flags = KIPC_EXCL;
	MUST_FAIL(self->ctl, KIPC_IOC_CREATE, &a, sizeof(a.create), EINVAL,
		  "exclusive without a name");
	good(self, CREATE, &a);
	a.create.name = ptr(VICTIM);
	a.create.name_len = strlen(VICTIM);
	a.create.flags = KIPC_EXCL;
	MUST_FAIL(self->ctl, KIPC_IOC_CREATE, &a, sizeof(a.create), EEXIST,
		  "exclusive");
	EXPECT_ERR(ENOENT, k_open(self->ctl, NEW, SEND, 0));
	ASSERT_OK(call_good(self, CREATE, &a));
	EXPECT_OK(k_open(self->ctl, NEW, SEND, 0));
	/* Attributes of a later version, of which nothing is used. */
	memset(self->attr + 1, 0, 64);
	good(self, CREATE, &a);
	a.create.name = 0;
	a.create.name_len = 0;
	a.create.attr_size += 32;
	EXPECT_OK(ioctl(self->ctl, KIPC_IOC_CREATE, &a));
}

TEST_F(bad, open)
{
	union arg a;

	ALL(OPEN);
	ASSERT_OK(call_good(self, OPEN, &a));
}

TEST_F(bad, unlink)
{
	union arg a;

	ALL(UNLINK);
	ASSERT_OK(call_good(self, UNLINK, &a));
	EXPECT_ERR(ENOENT, k_open(self->ctl, VICTIM, SEND, 0));
}

TEST_F(bad, open_pid)
{
	union arg a;

	ALL(OPEN_PID);
	good(self, OPEN_PID, &a);
	MUST_FAIL(self->ctl, KIPC_IOC_OPEN_PID, &a, sizeof(a.open_pid), ENOENT,
		  "nothing published");
	ASSERT_OK(k_publish(self->victim));
	ASSERT_OK(call_good(self, OPEN_PID, &a));
	good(self, OPEN_PID, &a);
	a.open_pid.kind = KIPC_KIND_ANY;
	EXPECT_OK(ioctl(self->ctl, KIPC_IOC_OPEN_PID, &a));
}

TEST_F(bad, publish)
{
	union arg a;

	ALL(PUBLISH);
	ALL(UNPUBLISH);
	MUST_FAIL(self->receiver, KIPC_IOC_PUBLISH, NULL, 0, EPERM, "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_PUBLISH, NULL, 0, EPERM, "manager");
	MUST_FAIL(self->fd, _IOC(_IOC_NONE, KIPC_IOC_MAGIC, 0x13, 8), NULL, 0,
		  EINVAL, "a size");
	EXPECT_ERR(ENOENT, k_open_pid(self->ctl, getpid(), SEND, 0));
	ASSERT_OK(call_good(self, PUBLISH, &a));
	MUST_FAIL(self->fd, _IOC(_IOC_NONE, KIPC_IOC_MAGIC, 0x14, 8), NULL, 0,
		  EINVAL, "a size");
	EXPECT_OK(k_open_pid(self->ctl, getpid(), SEND, 0));
	ASSERT_OK(call_good(self, UNPUBLISH, &a));
	EXPECT_ERR(ENOENT, k_open_pid(self->ctl, getpid(), SEND, 0));
}

TEST_F(bad, info)
{
	union arg a;

	ALL(INFO);
	ASSERT_OK(call_good(self, INFO, &a));
	EXPECT_EQ(KIPC_KIND_MAILBOX, a.info.kind);
}

TEST_F(bad, narrow)
{
	union arg a;
	size_t size;

	ALL(NARROW);
	size = good(self, NARROW, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_NARROW, &a, size, EPERM, "more");
	ASSERT_OK(call_good(self, NARROW, &a));
}

TEST_F(bad, remove)
{
	union arg a;

	ALL(REMOVE);
	MUST_FAIL(self->sender, KIPC_IOC_REMOVE, NULL, 0, EPERM, "sender");
	MUST_FAIL(self->receiver, KIPC_IOC_REMOVE, NULL, 0, EPERM,
		  "receiver");
	/* Without a direction the number alone makes the command. */
	MUST_FAIL(self->fd, _IOC(_IOC_NONE, KIPC_IOC_MAGIC, 0x12, 8), NULL, 0,
		  EINVAL, "a size");
	ASSERT_OK(call_good(self, REMOVE, &a));
}

TEST_F(bad, send)
{
	union arg a;
	size_t size;

	ALL(MSEND);
	size = good(self, MSEND, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_MAILBOX_SEND, &a, size, EBADF,
		  "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_SEND, &a, size, EBADF,
		  "manager");
	ASSERT_OK(call_good(self, MSEND, &a));
	EXPECT_EQ(2, stat_of(self->fd).letters);
}

TEST_F(bad, receive)
{
	union arg a;
	size_t size;

	ALL(MRECV);
	size = good(self, MRECV, &a);
	MUST_FAIL(self->sender, KIPC_IOC_MAILBOX_RECV, &a, size, EBADF,
		  "sender");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_RECV, &a, size, EBADF,
		  "manager");
	EXPECT_EQ(sizeof(LETTER), call_good(self, MRECV, &a));
	EXPECT_EQ(1, a.recv.letter.seq);
	EXPECT_EQ(0, memcmp(self->data, LETTER, sizeof(LETTER)));
	EXPECT_TRUE(poisoned(self->data + sizeof(LETTER), 100));
}

TEST_F(bad, send_handles)
{
	union arg a;
	size_t size;

	ALL(HSEND);
	size = good(self, HSEND, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_MAILBOX_SEND_HANDLES, &a, size, EBADF,
		  "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_SEND_HANDLES, &a, size, EBADF,
		  "manager");
	/* One that could carry it is no less the mailbox that it goes to. */
	((struct kipc_descriptor *)self->item)->fd = self->fd;
	MUST_FAIL(self->fd, KIPC_IOC_MAILBOX_SEND_HANDLES, &a, size, ELOOP, "itself");
	ASSERT_OK(call_good(self, HSEND, &a));
	EXPECT_EQ(2, stat_of(self->fd).letters);
	EXPECT_EQ(1, total("carried"));
}

TEST_F(bad, receive_handles)
{
	union arg a;
	size_t size;

	ALL(HRECV);
	size = good(self, HRECV, &a);
	MUST_FAIL(self->sender, KIPC_IOC_MAILBOX_RECV_HANDLES, &a, size, EBADF,
		  "sender");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_RECV_HANDLES, &a, size, EBADF,
		  "manager");
	EXPECT_EQ(sizeof(LETTER), call_good(self, HRECV, &a));
	EXPECT_EQ(1, a.recv_handles.recv.letter.seq);
	EXPECT_EQ(0, a.recv_handles.handles.count);
	EXPECT_EQ(0, memcmp(self->data, LETTER, sizeof(LETTER)));
}

TEST_F(bad, send_batch)
{
	union arg a;
	size_t size;

	ALL(BSEND);
	size = good(self, BSEND, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_MAILBOX_SEND_BATCH, &a, size, EBADF,
		  "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_SEND_BATCH, &a, size, EBADF,
		  "manager");
	ASSERT_EQ(1, call_good(self, BSEND, &a));
	EXPECT_EQ(2, stat_of(self->fd).letters);
}

TEST_F(bad, receive_batch)
{
	union arg a;
	size_t size;

	ALL(BRECV);
	size = good(self, BRECV, &a);
	MUST_FAIL(self->sender, KIPC_IOC_MAILBOX_RECV_BATCH, &a, size, EBADF,
		  "sender");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_RECV_BATCH, &a, size, EBADF,
		  "manager");
	ASSERT_EQ(1, call_good(self, BRECV, &a));
	EXPECT_EQ(1, ((struct kipc_recv_item *)self->item)->letter.seq);
	EXPECT_EQ(0, memcmp(self->data, LETTER, sizeof(LETTER)));
	EXPECT_TRUE(poisoned(self->data + sizeof(LETTER), 100));
}

TEST_F(bad, stat)
{
	union arg a;

	ALL(MSTAT);
	ASSERT_OK(call_good(self, MSTAT, &a));
	EXPECT_EQ(1, a.stat.letters);
}

/* A structure that is longer than the kernel knows: the rest is zeroed. */
TEST_F(bad, longer_output)
{
	static const enum op outputs[] = { FEATURES, INFO, MSTAT };
	static const char zero[MAX_TAIL];
	size_t i, tail;

	for (i = 0; i < ARRAY_SIZE(outputs); i++) {
		enum op op = outputs[i];

		for (tail = 1; tail < MAX_TAIL; tail += 9) {
			union arg a;
			size_t size = good(self, op, &a);

			memset(a.bytes + size, POISON, MAX_TAIL);
			ASSERT_OK(ioctl(good_fd(self, op),
					sized(op, size + tail), &a));
			EXPECT_FALSE(poisoned(a.bytes, size));
			EXPECT_EQ(0, memcmp(a.bytes + size, zero, tail));
			EXPECT_TRUE(poisoned(a.bytes + size + tail,
					     MAX_TAIL - tail));
		}
	}
	EXPECT_TRUE(!damage(self));
}

/* Attributes end with the page: what is behind it is not even looked at. */
TEST_F(bad, attributes_of_a_page)
{
	struct kipc_mailbox_attr *attr = (void *)self->rw;
	union arg a;

	*attr = *self->attr;
	good(self, CREATE, &a);
	a.create.attr = ptr(attr);
	a.create.attr_size = PAGE + 1;
	MUST_FAIL(self->ctl, KIPC_IOC_CREATE, &a, sizeof(a.create), E2BIG,
		  "a page and a byte");
	self->rw[PAGE - 1] = 1;
	a.create.attr_size = PAGE;
	MUST_FAIL(self->ctl, KIPC_IOC_CREATE, &a, sizeof(a.create), E2BIG,
		  "a page that does not end in zero");
	self->rw[PAGE - 1] = 0;
	EXPECT_OK(ioctl(self->ctl, KIPC_IOC_CREATE, &a));
}

TEST_F(bad, unknown_ioctls)
{
	unsigned int nr, dir, i;
	union arg a;

	memset(&a, 0, sizeof(a));
	for (nr = 0; nr < 256; nr++) {
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			if (_IOC_NR(ops[i].cmd) == nr)
				break;
		/* What calls.c, async.c, queuebad.c and callbad.c try. */
		if (i < ARRAY_SIZE(ops) || nr == _IOC_NR(KIPC_IOC_NOTIFY) ||
		    (nr >= _IOC_NR(KIPC_IOC_MAILBOX_CALL) &&
		     nr <= _IOC_NR(KIPC_IOC_MAILBOX_CANCEL)) ||
		    (nr >= _IOC_NR(KIPC_IOC_MAILBOX_CALL_HANDLES) &&
		     nr <= _IOC_NR(KIPC_IOC_MAILBOX_COLLECT_HANDLES)))
			continue;
		for (dir = 0; dir < 4; dir++) {
			unsigned int cmd = _IOC(dir, KIPC_IOC_MAGIC, nr, 64);

			EXPECT_ERR(ENOTTY, ioctl(self->ctl, cmd, &a));
			EXPECT_ERR(ENOTTY, ioctl(self->fd, cmd, &a));
		}
	}
	EXPECT_ERR(ENOTTY, ioctl(self->fd, _IO(KIPC_IOC_MAGIC + 1, 0x12), 0));
	EXPECT_ERR(ENOTTY, ioctl(self->ctl, _IOR('k', 0,
						 struct kipc_features), &a));
	EXPECT_TRUE(!damage(self));
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
	EXPECT_ERR(EMSGSIZE, write(self->fd, self->data, LETTER_SIZE + 1));
	EXPECT_ERR(EMSGSIZE, read(self->fd, self->data, sizeof(LETTER) - 1));
	EXPECT_TRUE(!damage(self));
	EXPECT_EQ(sizeof(LETTER), read(self->fd, self->data, PAGE));
}

TEST_HARNESS_MAIN
